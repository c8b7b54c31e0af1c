"""Style of the prose in docs and docstrings: rules as data, and their checker."""
