"""A service and a volume beside it. One line labels all of it: containers, networks and volumes."""

import signal

import pulumi
import pulumi_docker as docker
from labels import labels
from longshore import LoadBalancedService

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
if team := config.get("team"):
    pulumi.runtime.register_resource_transform(labels(team=team))

engine = config.get("engine")
LoadBalancedService(
    "web",
    {
        "host": {"address": engine},
        "image": config.get("image") or "httpd:2.4",
        "front_end": {"image": config.get("proxy"), "port": config.get_int("port") or 8080},
    },
)
docker.Volume("data", opts=pulumi.ResourceOptions(provider=docker.Provider("engine", host=engine)))
