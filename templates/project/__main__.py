"""Replicas of an image behind a front end, on a Docker host. What differs between stacks is in settings."""

import signal
from typing import Any

import pulumi
from longshore import LoadBalancedService

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
kind: Any = config.require("frontEnd")

web = LoadBalancedService(
    "web",
    {
        "host": {"address": config.require("host")},
        "image": config.require("image"),
        "replicas": config.require_int("replicas"),
        "front_end": {"kind": kind, "port": config.require_int("port")},
    },
)

pulumi.export("url", web.url)
