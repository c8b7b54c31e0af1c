"""Consequences of other certificates of a front end or a gateway, by the names in them."""

from collections.abc import Iterable

from ...preview.reading import Step
from .consequence import ENDLESS, Consequence, pair


def certificates(config: Step | None, cost: str) -> Iterable[Consequence]:
    """Yield the changes of certificates of a configuration; `cost` is the sentence about a new one."""
    before, after = pair(config, "validUntil") if config and config.old else ({}, {})
    if before and config and not config.new.get("validUntil"):
        yield Consequence(
            "TLS is removed, which drops a protection: HTTPS is refused, and plain HTTP is served.",
            ENDLESS,
            protection=True,
        )
        return
    for name in sorted(after):
        if name in before and before[name] != after[name]:
            yield Consequence(
                f"Another certificate of {name}: valid until {before[name]} → until {after[name]}. {cost}"
            )
    for name in sorted({*before} - {*after} if after else ()):
        yield Consequence(
            f"The certificate of {name} is removed: clients that ask for its names are refused.", ENDLESS
        )
