"""Repair of interrupted runs. No Pulumi except its state."""
