"""A load-balanced service on one Docker host."""
