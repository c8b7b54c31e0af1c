"""A shop and a blog behind one front end, without this SDK in the program's environment.

examples/typescript and examples/yaml declare the same stack.
"""

import signal

import pulumi
import pulumi_docker as docker
import pulumi_longshore as longshore

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
engine = config.get("engine") or "unix:///var/run/docker.sock"

# The image that the name stands for on the host: another image replaces the replicas.
host = docker.Provider("engine", host=engine)
image = docker.RemoteImage(
    "image",
    name=config.get("image") or "httpd:2.4",
    keep_locally=True,
    opts=pulumi.ResourceOptions(provider=host),
)

site = longshore.LoadBalancedService(
    "site",
    host={"address": engine},
    front_end={
        "image": config.get("proxy") or "haproxy:3.2",
        "port": config.get_int("port") or 8080,
        "unknown_host": "421",
        "timeouts": {"keep_alive": 7.5},
    },
    backends={
        "shop": {
            "image": image.image_id,
            "replicas": 3,
            "host_names": ["shop.example", "*.shop.example"],
            "algorithm": "leastconn",
            "weights": [2, 1, 1],
            "backup_replicas": 1,
            "environment": {"TOKEN": config.require_secret("token"), "IMAGE": image.image_id},
            "health": {"path": "/healthz", "interval": 0.5, "fall": 3},
            "restart": {"policy": "on-failure", "max_retries": 5},
            "drain": 2.5,
            "read_only": True,
        },
        "blog": {"image": image.image_id, "replicas": 2, "host_names": ["blog.example"]},
    },
)
pulumi.export("url", site.url)
pulumi.export("replicas", site.replica_names)
