"""Certificates of a front end on their way into its resources: the keys are secrets, the names are not."""

from collections.abc import Sequence
from typing import Optional

import pulumi

from ..proxies import certificates
from ..proxies.served import Served
from ..proxies.site import Site
from ..resources.front_end import KeyPair

Pairs = pulumi.Output[list[KeyPair]]


def pairs(site: Site) -> Optional[Pairs]:
    """Return certificates and keys as one secret; None without TLS."""
    tls = site.front_end.tls
    if tls is None:
        return None
    texts = [pulumi.Output.all(each.certificate, each.private_key) for each in tls.certificates]
    return pulumi.Output.secret(pulumi.Output.all(*texts).apply(_named))


def served(given: Optional[Pairs]) -> pulumi.Output[list[Served]]:
    """Return the certificates without a secret, as a configuration needs them."""
    if given is None:
        return pulumi.Output.from_input([])
    texts = given.apply(lambda found: [(each["certificate"], each["privateKey"]) for each in found])
    return pulumi.Output.unsecret(texts.apply(certificates.served))


def file_of(given: Pairs, number: int) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """Return the name of the file of a certificate and its key, and its text, which is a secret."""

    def loaded(found: Sequence[KeyPair]) -> tuple[str, str]:
        each, text = certificates.usable(found[number]["certificate"], found[number]["privateKey"])
        return each.file, text

    file = given.apply(loaded)
    return pulumi.Output.unsecret(file.apply(lambda each: each[0])), file.apply(lambda each: each[1])


def ends(found: Sequence[Served]) -> dict[str, str]:
    """Return the end of the validity of each certificate, by its first name."""
    return {next(iter(each.names), each.file): each.until for each in found}


def _named(texts: Sequence[Sequence[str]]) -> list[KeyPair]:
    return [{"certificate": certificate, "privateKey": private_key} for certificate, private_key in texts]
