"""keepalived's configuration on each node. https://www.keepalived.org/manpage.html"""

from dataclasses import dataclass
from typing import Optional

from ...arguments.messages import decimal
from ...proxies.keepalived import BASH, SCRIPT
from ...proxies.program import FOLDER
from ...proxies.rendering import render
from .model import Floating, Node, Track


@dataclass(frozen=True)
class _View:
    component: str
    node: str
    version: int
    router_id: int
    interface: str
    priority: int
    advert_interval: str
    preempt: bool
    preempt_delay: str
    source: str
    peers: list[str]
    """Own addresses of the other nodes; none with multicast, which needs to know nobody."""
    password: Optional[str]
    advertised: str
    others: list[str]
    """Floating addresses that do not stand in adverts."""
    question: Optional[str]
    """Command that asks the gateway."""
    weight: int


def configuration(component: str, group: Floating, name: str, password: Optional[str]) -> str:
    """Render keepalived.conf of the node `name`."""
    node = group.nodes[name]
    peers = sorted(other.address for key, other in group.nodes.items() if key != name)
    view = _View(
        component=component,
        node=name,
        version=group.version,
        router_id=group.group,
        interface=node.interface,
        priority=group.priorities[name],
        advert_interval=decimal(group.advert_interval, 2),
        preempt=group.preempt,
        preempt_delay=decimal(group.preempt_delay, 6),
        source=node.address,
        peers=[] if group.multicast else peers,
        password=password,
        advertised=group.advertised,
        others=[address for address in group.addresses if address != group.advertised],
        question=_question(node, group.track) if group.track else None,
        weight=group.weight,
    )
    return render("keepalived/keepalived.conf.j2", view)


def _question(node: Node, track: Track) -> str:
    words = [BASH, f"{FOLDER}/{SCRIPT}", node.address, str(track.port)]
    if track.path:
        address = f"[{node.address}]" if ":" in node.address else node.address
        words += [track.path, track.host_name or address]
    return " ".join(words)
