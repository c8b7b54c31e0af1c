"""The same program for engines without Pulumi: `python -m components.export`."""
