"""SwarmGateway: a proxy in a swarm that chooses among its services by the host that a request names."""
