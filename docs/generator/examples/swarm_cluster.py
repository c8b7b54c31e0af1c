import pulumi
from longshore import SwarmCluster

cluster = SwarmCluster(
    "main",
    {
        "nodes": {
            "a": {"host": {"address": "ssh://deploy@a.example"}, "role": "manager"},
            "b": {"host": {"address": "ssh://deploy@b.example"}},
        },
        "networks": {"apps": {"subnet": "10.120.0.0/24"}},
    },
)
pulumi.export("swarm_id", cluster.swarm_id)
