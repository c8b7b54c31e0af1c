"""Replicas of an image behind a front end, on a Docker host. What differs between stacks is in settings."""

import signal
from typing import Any

# When a resource fails, Pulumi interrupts the program, as Ctrl-C does: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import pulumi  # noqa: E402 — after that
from longshore import LoadBalancedService  # noqa: E402

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
