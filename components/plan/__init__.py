"""What a program declares, without engine, state or `pulumi`: `python -m components.plan`."""
