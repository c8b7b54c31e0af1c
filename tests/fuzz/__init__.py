"""Arguments of all components and settings of a stack, changed at random: `python -m tests.fuzz --help`."""
