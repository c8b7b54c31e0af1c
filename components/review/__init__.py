"""Review of a change, from the output of `pulumi preview --json`: `python -m components.review`."""

from .report import Report, review

__all__ = ["Report", "review"]
