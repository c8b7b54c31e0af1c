"""Certificates among the inputs of a resource."""

from collections.abc import Mapping, Sequence
from typing import Optional

from ...proxies import certificates
from ...resources.front_end import KeyPair
from .handler import Warn


def files_of(given: Sequence[KeyPair]) -> dict[str, str]:
    """Return the files of certificates with their keys, by name."""
    loaded = [certificates.load(*pair) for pair in _pairs(given)]
    return {each.served.file: each.text for each in loaded}


def wrong(given: Sequence[KeyPair], hosts: Mapping[str, Sequence[str]], warn: Warn) -> Optional[str]:
    """Return the mistakes in certificates for the hosts of backends, or None; warn of those that end soon."""
    pairs, now = _pairs(given), certificates.now()
    if not pairs:
        return None
    if said := certificates.mistakes(pairs, hosts, now):
        return "; ".join(said)
    for line in certificates.warnings(pairs, now):
        warn(line)
    return None


def _pairs(given: Sequence[KeyPair]) -> list[tuple[str, str]]:
    return [(pair["certificate"], pair["privateKey"]) for pair in given]
