"""All that talks to a Docker Engine. No Pulumi."""
