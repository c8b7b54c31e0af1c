"""What a program declares, without engine, state or `pulumi`: `python -m components.plan`."""


class CannotPlan(Exception):
    """Why there is no plan; the message says what to do."""
