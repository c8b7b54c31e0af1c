"""Arguments of all components and settings, changed at random: `python -m tests.support.fuzz --help`."""
