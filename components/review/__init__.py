"""What a change will do, told from what `pulumi preview --json` prints: `python -m components.review`."""

from .report import Report, review

__all__ = ["Report", "review"]
