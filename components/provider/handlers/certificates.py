"""Certificates among the inputs of a resource."""

from typing import Optional

from ...proxies import authorities, certificates
from ...resources.front_end import Certified, Checked
from .handler import Warn


def files_of(new: Certified) -> dict[str, str]:
    """Return the files of certificates with their keys, and that of the authorities of clients, by name."""
    loaded = [certificates.load(*pair) for pair in _pairs(new)]
    files = {each.served.file: each.text for each in loaded}
    return files | (dict([authorities.delivered(new["clientCa"])]) if "clientCa" in new else {})


def wrong(new: Checked, warn: Warn) -> Optional[str]:
    """Return the mistakes in certificates for the hosts of backends, or None; warn of those that end soon."""
    pairs, now = _pairs(new), certificates.now()
    if not pairs:
        return None
    said = authorities.mistakes(new["clientCa"], now) if "clientCa" in new else []
    if said := [*said, *certificates.mistakes(pairs, new.get("hostNames", {}), now)]:
        return "; ".join(said)
    soon = authorities.warnings(new["clientCa"], now) if "clientCa" in new else []
    for line in [*soon, *certificates.warnings(pairs, now)]:
        warn(line)
    return None


def _pairs(new: Certified) -> list[tuple[str, str]]:
    return [(pair["certificate"], pair["privateKey"]) for pair in new.get("certificates", [])]
