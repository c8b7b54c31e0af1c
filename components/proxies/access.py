"""Model of who reaches a backend."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Network, ip_network
from math import ceil
from typing import Annotated, Optional

from pydantic import model_validator

from ..arguments.addresses import Cidr
from ..arguments.parsing import Frozen, differ
from ..arguments.types import Whole
from .families import Network, by_family, covers

ANSWERS = {"allow_from": 403, "deny_from": 403, "rate_limit": 429, "maintenance": 503}
"""Arguments about who gets in, and what others get."""
MINUTE, DAY = 60, 86_400
_MAPPED = IPv6Network("::ffff:0:0/96")
"""IPv4 addresses as a socket for both families has them; here each family has a socket of its own."""


class RateLimit(Frozen):
    """A token bucket for each address."""

    average: Annotated[int, Whole(1, 100_000)]
    period: Annotated[int, Whole(1, MINUTE)] = 1
    burst: Optional[Annotated[int, Whole(0, 100_000)]] = None
    exempt: list[Cidr] = []

    @model_validator(mode="after")
    def _countable(self) -> "RateLimit":
        separate("exempt", self.exempt)
        if MINUTE % self.period:
            raise ValueError(
                f"period must be a divisor of {MINUTE} such as 1, 10 or {MINUTE}, got {self.period}: nginx "
                "counts by the second or the minute"
            )
        if self.filled > DAY:
            raise ValueError(
                f"burst must come back within a day, got {self.further}, which takes {self.filled:,} s with "
                f"average {self.average} and period {self.period}: lower burst"
            )
        return self

    @property
    def further(self) -> int:
        """Requests after the first that may come at the same time."""
        return self.average if self.burst is None else self.burst

    @property
    def filled(self) -> int:
        """Seconds until an empty bucket is full."""
        return ceil((self.further + 1) * self.period / self.average)

    @property
    def retry_after(self) -> int:
        """Seconds until the next request passes, at most."""
        return ceil(self.period / self.average)

    @property
    def exempted(self) -> dict[str, list[str]]:
        """Networks of `exempt` by their family."""
        return by_family(self.exempt)


class Maintenance(Frozen):
    """Answers while a backend is closed, but for the clients that it allows."""

    retry_after: Annotated[int, Whole(1, 7 * DAY)] = 600
    allow_from: list[Cidr] = []

    @model_validator(mode="after")
    def _each_network_acts(self) -> "Maintenance":
        separate("allow_from", self.allow_from)
        return self

    @property
    def allowed(self) -> dict[str, list[str]]:
        """Networks of `allow_from` by their family."""
        return by_family(self.allow_from)


class Access(Frozen):
    """Clients that get in, and how often."""

    allow_from: list[Cidr] = []
    deny_from: list[Cidr] = []
    rate_limit: Optional[RateLimit] = None
    maintenance: Optional[Maintenance] = None

    @model_validator(mode="after")
    def _each_network_acts(self) -> "Access":
        denied = separate("deny_from", self.deny_from)
        for network in separate("allow_from", self.allow_from):
            if outer := _around(network, denied):
                raise ValueError(
                    f"allow_from has {network}, which is in {outer} of deny_from: deny_from comes first, so "
                    "none of its clients gets in; drop one of the two"
                )
        return self

    @property
    def guarded(self) -> bool:
        """True if the addresses of clients count."""
        return bool(self.allow_from or self.deny_from)

    @property
    def addressed(self) -> list[str]:
        """Arguments for which the addresses of clients count."""
        given = {
            "allow_from": self.allow_from,
            "deny_from": self.deny_from,
            "rate_limit": self.rate_limit,
            "maintenance.allow_from": self.maintenance and self.maintenance.allow_from,
        }
        return [key for key, value in given.items() if value]

    @property
    def denied(self) -> dict[str, list[str]]:
        """Networks of `deny_from` by their family."""
        return by_family(self.deny_from)

    @property
    def allowed(self) -> dict[str, list[str]]:
        """Networks of `allow_from` by their family."""
        return by_family(self.allow_from)


def separate(key: str, networks: list[str]) -> list[Network]:
    """Return the networks of an argument. Raise ValueError when one of them can have no effect."""
    differ(key, networks)
    parsed = [ip_network(each) for each in networks]
    for network in parsed:
        if covers(_MAPPED, network):
            raise ValueError(
                f"{key} has {network}, IPv4 addresses written as IPv6: no client has one; write the IPv4 "
                "network"
            )
        if outer := _around(network, [each for each in parsed if each != network]):
            raise ValueError(
                f"{key} has {network}, which is in {outer} of the same list: drop one of the two"
            )
    return parsed


def _around(network: Network, others: Sequence[Network]) -> Network | None:
    """Return the one of `others` that holds all addresses of a network."""
    return next((each for each in others if covers(each, network)), None)


def check_clients(backends: Mapping[str, Access], mode: str, knows_clients: bool) -> None:
    """Raise ValueError when a backend asks for addresses or answers that its proxy does not have."""
    for name, backend in sorted(backends.items()):
        for key, status in ANSWERS.items():
            if mode == "tcp" and getattr(backend, key):
                raise ValueError(
                    f"backends.{name}.{key} is for front_end.mode http: a TCP connection has no requests to "
                    f"answer with {status}; drop it, and have a firewall refuse these clients"
                )
        if backend.addressed and not knows_clients:
            raise ValueError(
                f"backends.{name}.{backend.addressed[0]} is for publish host: with ingress a client has the "
                "address of a node; drop it, or set publish host"
            )
