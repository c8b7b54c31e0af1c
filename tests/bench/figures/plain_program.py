"""A service without Longshore: what a careful user of pulumi-docker would write.

`lifecycle` runs it as a project of its own. Its replicas have the arguments that ours have.
"""

import pulumi
import pulumi_docker as docker

config = pulumi.Config()
port = config.require_int("port")
wait = config.require_bool("wait")
own = pulumi.ResourceOptions(
    provider=docker.Provider("host", host=config.require("address")),
)
labels = [
    docker.ContainerLabelArgs(label=f"io.longshore.{name}", value=value)
    for name, value in (
        ("project", pulumi.get_project()),
        ("stack", pulumi.get_stack()),
        ("component", "web"),
        ("role", "replica-web"),
    )
]
dropped = docker.ContainerCapabilitiesArgs(drops=["ALL"])
network = docker.Network("web-net", driver="bridge", opts=own)
replicas = [
    docker.Container(
        f"web-{index}",
        image=config.require("image"),
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=["CMD-SHELL", config.require("test")],
            interval="1s" if wait else "15s",
            timeout="5s",
            retries=3,
            start_period="0s",
        ),
        wait=wait,
        labels=labels,
        network_mode="bridge",
        networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name, aliases=[f"web-{index}"])],
        restart="unless-stopped",
        memory=512,
        memory_swap=512,
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
        capabilities=docker.ContainerCapabilitiesArgs(
            adds=["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"], drops=["ALL"]
        ),
        security_opts=["no-new-privileges"],
        destroy_grace_seconds=10,
        opts=pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(ignore_changes=["memorySwap"])),
    )
    for index in range(config.require_int("replicas"))
]
front_end = docker.Container(
    "web-lb",
    image=config.require("frontEndImage"),
    entrypoints=["haproxy"],
    command=["-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
    uploads=[
        docker.ContainerUploadArgs(file="/etc/haproxy/haproxy.cfg", content=config.require("configuration"))
    ],
    user="65534:65534",
    sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
    capabilities=dropped,
    security_opts=["no-new-privileges"],
    memory=256,
    memory_swap=256,
    restart="unless-stopped",
    stop_signal="SIGUSR1",
    destroy_grace_seconds=10,
    labels=labels,
    ports=[docker.ContainerPortArgs(internal=port, external=port, ip="0.0.0.0", protocol="tcp")],
    network_mode="bridge",
    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.name)],
    opts=pulumi.ResourceOptions.merge(
        own, pulumi.ResourceOptions(depends_on=replicas, ignore_changes=["memorySwap"])
    ),
)
pulumi.export("url", f"http://localhost:{port}")
pulumi.export("replicas", [replica.name for replica in replicas])
