"""Swarms: members, nodes, networks and services."""
