"""Documentation and workflows: true, and as their readers find them."""
