"""Every resource option of a component, given by a Python program; index.ts is the same in TypeScript."""

from typing import Any, Optional

import pulumi
import pulumi_docker as docker
from longshore import LoadBalancedService
from longshore.version import VERSION

config = pulumi.Config()
engine, image, proxy = map(config.require, ["engine", "image", "proxy"])
moved = bool(config.get_bool("moved"))
kept = config.get_bool("kept") is not False

host = docker.Provider("engine", host=engine)
there = pulumi.ResourceOptions(provider=host)
pulled = docker.RemoteImage("image", name=image, keep_locally=True, opts=there)
network = docker.Network("given", driver="bridge", opts=there)
team = pulumi.ComponentResource("team:index:Team", "team")


def small(name: str, port: int, more: Optional[dict[str, Any]] = None, **options: Any) -> LoadBalancedService:
    args: Any = {
        "host": {"address": engine},
        "image": image,
        "replicas": 1,
        "drain": 1,
        "front_end": {"image": proxy, "port": port},
    }
    return LoadBalancedService(name, {**args, **(more or {})}, pulumi.ResourceOptions(**options))


def labelled(args: pulumi.ResourceTransformArgs) -> Optional[pulumi.ResourceTransformResult]:
    if args.type_ != "docker:index/container:Container":
        return None
    label = {"label": "team", "value": "web"}
    # Without options they stay: the SDK cannot give those back that hold a `replacement_trigger`.
    options: Any = None
    return pulumi.ResourceTransformResult({**args.props, "labels": [*args.props["labels"], label]}, options)


small(
    "values",
    8101,
    {
        "image": pulled.image_id,
        "network": {"name": network.name},
        "environment": {"TOKEN": config.require_secret("token"), "NETWORK": network.id, "COLOUR": "blue"},
    },
)
small("kept", 8102, protect=kept, retain_on_delete=kept)
alias = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
small("moved", 8103, **({"parent": team, "aliases": [alias]} if moved else {}))
small("labelled", 8104, transforms=[labelled])
small("ignoring", 8105, ignore_changes=["replicas", "drain"])
ours = pulumi.ProviderResource("longshore", "ours", {}, pulumi.ResourceOptions(version=VERSION))
small("provided", 8106, providers=[ours, host])
after = small("after", 8107, depends_on=[network])
docker.Container(
    "follower",
    image=pulled.image_id,
    network_mode="bridge",
    opts=pulumi.ResourceOptions(provider=host, depends_on=[after]),
)
