"""The first of three stacks: hosts as one swarm, and the network on which the other two meet."""

import signal

import pulumi
from longshore import SwarmCluster

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
cluster = SwarmCluster(
    "main",
    # Hosts by name, as Pulumi.<stack>.yaml has them.
    {"nodes": config.require_object("nodes"), "networks": {"apps": {"subnet": "10.120.0.0/24"}}},
)

# All that the other stacks need to know of this one.
pulumi.export("managers", cluster.managers)
pulumi.export("swarm_id", cluster.swarm_id)
pulumi.export("network", "apps")
