"""Move of replicas in the state: from a resource for each to one for all, and back. Containers stay."""
