"""The second of three stacks: a gateway on every node. It does not wait for its services, nor they for it."""

import signal

import pulumi
from longshore import SwarmGateway

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
# The stack of the same name in the project `cluster`.
cluster = pulumi.StackReference(f"{pulumi.get_organization()}/cluster/{pulumi.get_stack()}")
SwarmGateway(
    "gate",
    {
        "managers": cluster.require_output("managers"),
        "swarm_id": cluster.require_output("swarm_id"),
        "networks": [cluster.require_output("network")],
        "front_end": {
            "image": config.get("proxy") or "haproxy:3.2",
            "port": config.get_int("port") or 8080,
        },
        # By the names of the services: the only thing that both stacks say.
        "backends": {"shop": {"host_names": ["shop.example"]}},
    },
)
