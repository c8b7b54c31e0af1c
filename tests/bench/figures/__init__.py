"""Figures of Longshore beside those of its alternatives, measured in one run: `make bench`."""
