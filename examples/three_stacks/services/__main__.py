"""The third of three stacks: a service, on its way from image to image without the other two."""

import signal

import pulumi
from longshore import SwarmService

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
cluster = pulumi.StackReference(f"{pulumi.get_organization()}/cluster/{pulumi.get_stack()}")
SwarmService(
    "shop",
    {
        "managers": cluster.require_output("managers"),
        "swarm_id": cluster.require_output("swarm_id"),
        "networks": [cluster.require_output("network")],
        "image": config.get("image") or "httpd:2.4",
        "replicas": 2,
        "health": {"path": "/"},
    },
)
