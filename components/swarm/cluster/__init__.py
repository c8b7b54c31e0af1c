"""SwarmCluster: hosts that form one swarm, and its networks."""
