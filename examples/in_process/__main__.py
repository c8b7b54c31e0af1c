"""A shop: a front office and an API behind one front end, and a database that only they can reach."""

import signal

import pulumi
import pulumi_docker as docker
from longshore import LoadBalancedService

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
image = config.get("image") or "httpd:2.4"
host = docker.Provider("engine", host=config.get("engine"))

network = docker.Network("shop", driver="bridge", opts=pulumi.ResourceOptions(provider=host))
database = docker.Container(
    "database",
    image=image,
    network_mode="bridge",
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["database"])],
    opts=pulumi.ResourceOptions(provider=host),
)
shop = LoadBalancedService(
    "shop",
    {
        "host": {"address": config.get("engine")},
        "network": {"name": network.name},
        "front_end": {
            "image": config.get("proxy") or "haproxy:3.2",
            "port": config.get_int("port") or 8080,
            "default_backend": "office",
        },
        "backends": {
            "office": {"image": image, "replicas": 2},
            "api": {
                "image": image,
                "host_names": ["api.shop.example"],
                "environment": {"DATABASE": "database", "TOKEN": config.require_secret("token")},
            },
        },
    },
    pulumi.ResourceOptions(depends_on=[database]),
)
pulumi.export("url", shop.url)
