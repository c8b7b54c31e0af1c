"""Export a program for engines without Pulumi: `python -m components.export`."""
