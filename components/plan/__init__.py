"""Declared resources of a program, without engine, state or `pulumi`: `python -m components.plan`."""


class CannotPlan(Exception):
    """Reason why there is no plan, with the remedy."""
