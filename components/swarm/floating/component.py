"""FloatingAddress: addresses that one of several hosts has, and another one takes over when it fails."""

from typing import Optional

import pulumi

from ... import naming
from ...arguments.later import later
from ...proxies.keepalived import CAPABILITIES, ROLE, SCRIPT_CAPABILITIES
from ...resources.floating import FloatingAddressGroup, FloatingAddressNode
from ...resources.labels import labels_of
from .args import FloatingAddressArgs
from .claims import claim
from .model import DOWN_AFTER, Floating
from .validation import floating, known_password
from .view import configuration

GRACE_SECONDS = 10


class FloatingAddress(pulumi.ComponentResource):
    """keepalived on several hosts, exactly one of which has the floating addresses."""

    address: pulumi.Output[str]
    """The first floating address."""
    addresses: pulumi.Output[list[str]]
    """All floating addresses."""
    config: pulumi.Output[dict[str, str]]
    """Text of keepalived's configuration by node; a secret when there is a password."""

    def __init__(
        self, name: str, args: FloatingAddressArgs, opts: Optional[pulumi.ResourceOptions] = None
    ) -> None:
        """Declare the addresses `name`: 1 to 32 of a-z, 0-9 and -, the prefix of all names in it.

        Raises ArgumentError, with the key and what is allowed, before anything is registered.
        """
        what = floating(name, args)
        claim(name, what)
        super().__init__(naming.type_token("FloatingAddress"), name, {}, opts)

        nodes = _nodes(name, what, self)
        _group(name, what, nodes, self)

        self.address = pulumi.Output.from_input(what.plain_addresses[0])
        self.addresses = pulumi.Output.from_input(what.plain_addresses)
        self.config = pulumi.Output.all(**{key: node.config for key, node in nodes.items()})
        self.register_outputs({"address": self.address, "addresses": self.addresses, "config": self.config})


def _nodes(name: str, what: Floating, parent: pulumi.Resource) -> dict[str, FloatingAddressNode]:
    """Declare one node after the other, the owner of the addresses last: so they move once, if at all."""
    made: dict[str, FloatingAddressNode] = {}
    for key in reversed(what.ranking):
        node = what.nodes[key]
        made[key] = FloatingAddressNode(
            f"{name}-node-{key}",
            {
                "host": node.host.properties(),
                "registries": node.host.credentials(),
                "name": f"{name}-{key}",
                "image": what.image,
                "memory": what.memory,
                "capabilities": [*CAPABILITIES, *(SCRIPT_CAPABILITIES if what.track else ())],
                "labels": labels_of(name, f"{ROLE}{key}"),
                "config": _config(name, what, key),
            },
            pulumi.ResourceOptions(parent=parent, depends_on=list(made.values())[-1:]),
        )
    return made


def _config(name: str, what: Floating, node: str) -> str:
    if what.password is None:
        return configuration(name, what, node, None)
    password = pulumi.Output.secret(what.password)
    return later(password.apply(lambda known: configuration(name, what, node, known_password(name, known))))


def _group(
    name: str, what: Floating, nodes: dict[str, FloatingAddressNode], parent: pulumi.Resource
) -> FloatingAddressGroup:
    # Where a node without gateway takes no part, there may be no owner, and that is as it should be.
    nobody = what.track and not what.weight
    return FloatingAddressGroup(
        f"{name}-group",
        {
            "hosts": [what.nodes[key].host.properties() for key in what.ranking],
            "containers": [later(nodes[key].containerId) for key in what.ranking],
            "agreed": what.agreed,
            "timeout": 0 if nobody else what.advert_interval * DOWN_AFTER + GRACE_SECONDS,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=list(nodes.values())),
    )
