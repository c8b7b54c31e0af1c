"""Style of the prose: rules as data, readers of the files, and the checker."""
