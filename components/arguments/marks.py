"""Marks that a type may have as metadata."""

SECRET = "secret"  # noqa: S105 — a mark
"""Marks a place for a secret: no error shows a value at or below an argument with it, and the state keeps a
property with it encrypted."""
