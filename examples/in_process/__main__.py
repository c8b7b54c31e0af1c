"""A team's own program: a shop and its admin office beside a database of theirs, and a swarm for the rest."""

import signal

import pulumi
import pulumi_docker as docker
from longshore import LoadBalancedService, SwarmCluster

# When a resource fails, Pulumi interrupts the program: end without Python's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

config = pulumi.Config()
image = config.get("image") or "httpd:2.4"
proxy = config.get("proxy") or "haproxy:3.2"
port = config.get_int("port") or 8080
engine = docker.Provider("engine", host=config.get("engine"))

# The team's own: a network, and a database that only those on it can reach.
network = docker.Network("shop", driver="bridge", opts=pulumi.ResourceOptions(provider=engine))
database = docker.Container(
    "database",
    image=image,
    network_mode="bridge",
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=["database"])],
    opts=pulumi.ResourceOptions(provider=engine),
)

# Two services on that network: one for everybody, and one that only this machine reaches.
environment: dict[str, pulumi.Input[str]] = {"DATABASE": "database", "TOKEN": config.require_secret("token")}
shop = LoadBalancedService(
    "shop",
    {
        "host": {"address": config.get("engine")},
        "network": {"name": network.name},
        "front_end": {"image": proxy, "port": port, "default_backend": "office"},
        "backends": {
            "office": {"image": image, "replicas": 2},
            "api": {"image": image, "host_names": ["api.shop.example"], "environment": environment},
        },
    },
    pulumi.ResourceOptions(depends_on=[database]),
)
admin = LoadBalancedService(
    "admin",
    {
        "host": {"address": config.get("engine")},
        "network": {"name": network.name},
        "image": image,
        "replicas": 1,
        "environment": environment,
        "front_end": {"image": proxy, "port": port + 1, "address": "127.0.0.1"},
    },
    pulumi.ResourceOptions(depends_on=[database]),
)

# A swarm of the hosts in the settings, by name; its one service needs none of the above.
cluster = SwarmCluster(
    "jobs",
    {
        "nodes": config.require_object("nodes"),
        "networks": {"jobs": {}},
        "services": {"worker": {"image": image, "networks": ["jobs"], "replicas": 2}},
    },
)

pulumi.export("url", shop.url)
pulumi.export("admin", admin.url)
pulumi.export("services", cluster.service_ids)
