"""On real engines, without Pulumi."""
