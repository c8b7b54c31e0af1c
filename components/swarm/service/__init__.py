"""SwarmService: tasks of one image in a swarm."""
