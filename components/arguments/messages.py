"""Values in text: in an error message one short line of ASCII, without anything that may be secret."""

import re
import sys
from collections.abc import Collection, Mapping

_MOST = 10
_LONGEST = 80
_USER_INFO = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@(?!sha256:)", re.DOTALL | re.IGNORECASE)
_QUERY = re.compile(r"\?.*", re.DOTALL)
_ASSIGNMENT = re.compile(r"^([a-z_][\w.-]*=)(?!=).*", re.DOTALL | re.IGNORECASE)
_KINDS: Mapping[type, str] = {
    bool: "a boolean",
    dict: "a mapping",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "text",
    type(None): "None",
}


class Wrong(ValueError):
    """A value that is refused. Only the caller knows the key, so only the caller shows the value."""

    def __init__(self, rule: str, received: object, remedy: str = "") -> None:
        """Keep the requirement `rule` for the value, and the `remedy`, which follows the received value."""
        super().__init__(rule)
        self.rule, self.received, self.remedy = rule, received, remedy


def kind(value: object) -> str:
    """Return the kind of a value, for an error that must not show the value itself."""
    if _is_output(value):
        return "an Output"
    if isinstance(value, Mapping):
        return _KINDS[dict]
    return _KINDS.get(type(value), f"a value of type {type(value).__name__[:40]}")


def shown(value: object) -> str:
    """Return a received value as an error shows it, in at most 80 characters.

    Letters of other alphabets that look like ours are escaped, or nobody would see the mistake. Of a list
    only its kind is shown, of a mapping only its keys: the values may be secret.
    """
    if _is_output(value):
        return f"{kind(value)} (only known later; give a plain value)"
    if isinstance(value, Mapping):
        return _short(f"{kind(value)} of {', '.join(sorted(map(named, value)))}" if value else "{}")
    if isinstance(value, str):
        return _short(ascii(_without_credentials(value)))
    if value is None or isinstance(value, int | float):
        try:
            return _short(ascii(value))
        except ValueError:  # an int of more than 4300 digits has no text
            return "a huge number"
    return kind(value)


def named(key: object) -> str:
    """Return a key as an error names it: as it is, or quoted when it is not a plain word."""
    if not isinstance(key, str):
        return shown(key)
    return key if re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", key) else shown(_ASSIGNMENT.sub(r"\1...", key))


def begun(key: object) -> str:
    """Return the beginning of a key beside secrets: a misplaced `NAME=value` is a key with a secret."""
    word = re.match(r"[a-zA-Z0-9_-]{0,64}", str(key))[0]  # type: ignore[index]
    return word if word and word == str(key) else ascii(f"{word}...")


def listed(names: Collection[str]) -> str:
    """Return names in one short line: the first ones, and how many more there are."""
    first = list(names)[:_MOST]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more else "")


def _is_output(value: object) -> bool:
    """Return whether a value is Pulumi's Output.

    There is none before `pulumi` is imported, which takes its time, and must not begin in two threads.
    """
    return isinstance(value, getattr(sys.modules.get("pulumi"), "Output", ()))


def _without_credentials(text: str) -> str:
    """Return `text` without what is before the @ of an address, and after the ? of a URL."""
    return _QUERY.sub("?...", _USER_INFO.sub(r"\1...@", text))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def decimal(value: float, places: int = 9) -> str:
    """Return a number as configurations take it: plain digits, and never an exponent as in 1e-05."""
    return f"{value:.{places}f}".rstrip("0").rstrip(".")
