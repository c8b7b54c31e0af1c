"""Our custom resources as a program declares them."""
