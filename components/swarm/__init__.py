"""Swarm: clusters of Docker hosts, what runs in them, and the address they are reached at."""
