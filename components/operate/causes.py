"""Causes that stop a run: one line with the remedy in place of the words of plugins and engines."""

import re
from collections.abc import Callable
from typing import Optional

from ..engine.images import NO_WAY, NOT_GIVEN, REFUSED, UNREACHABLE
from ..naming import PACKAGE

_IMAGE = r"pull(?:ing)? image (?P<image>\S+?):? .*?"
_AGAIN = "run the same command again: it repairs what was left"
_CAUSES: tuple[tuple[str, str], ...] = (
    (
        r"no space left on device|disk quota exceeded",
        f"a disk is full ({{said}}): free some space there, and {_AGAIN}",
    ),
    (_IMAGE + UNREACHABLE, NO_WAY),
    (_IMAGE + REFUSED, NOT_GIVEN),
    (
        r"exited prematurely|error reading from server: EOF|code = Unavailable|transport is closing",
        f"a plugin of Pulumi ended in the middle of its work (killed, or out of memory): {_AGAIN}",
    ),
    (
        (
            r"(?P<file>\S*Pulumi\.\S+\.yaml)['\"]?: "
            r"(?:permission denied|read-only file system|operation not permitted)"
        ),
        (
            "{file} cannot be written, and Pulumi keeps there what secrets of the stack are encrypted with: "
            "make it writable once; after that it is only read"
        ),
    ),
    (
        r"waiting for state to become 'removed'|has active endpoints",
        (
            "a network cannot be removed: `docker network inspect` shows the containers of something else on "
            "it; disconnect them. Where it shows none, the engine has lost count of many that ended at the "
            "same time, and counts anew when it is restarted. Then run the same command again"
        ),
    ),
    (
        r"port is already allocated|address already in use",
        "a port of the host is taken ({said}): stop what has it, or choose another one",
    ),
    (
        (
            r"Cannot connect to the Docker daemon|error during connect|failed to connect to the docker API|"
            r"failed to connect to any docker daemon"
        ),
        f"a Docker engine stopped answering: see whether it runs, and {_AGAIN}",
    ),
)
"""Patterns in the output of `pulumi`, and the causes to print instead; `said` is the matching line."""
_WRAPPED = (
    (r"\s*sdk-v2/provider\S+\.go:\d+: sdk\.helper_schema: ", " "),
    (r": provider=[\w-]+@[\w.+-]+", ""),
    (r"(?:\w+ urn:\S+: )?\d+ errors? occurred:\s+\* ", ""),
)
"""Text that the bridge to Terraform's providers puts around a message."""
_NAMED = 3
"""Resources that failed and are named in the last line."""
_OURS = f" {PACKAGE}:index:"
"""In lines about our own resources, whose errors are plain and may quote any program's log."""


def way_in(address: str, said: str) -> Optional[str]:
    """Return the step that opens the way to a running engine, or None when `said` names no such problem."""
    host = address.removeprefix("ssh://")
    ways = {
        r"no program ssh on this machine": "install OpenSSH's client here",
        r"Host key verification failed": (
            f"run `ssh {host}` once, compare the fingerprint and accept the key (where it has changed, "
            "`ssh-keygen -R` comes first)"
        ),
        r"Permission denied \(": f"let ssh in with a key of yours, so that `ssh {host}` asks for no password",
        r"docker\S*: (?:command )?not found": "install Docker there",
        r"[Pp]ermission denied": (
            "this user may not use the engine: add the user to the group docker on that host (`sudo usermod "
            "-aG docker <user>`, then log in again)"
        ),
    }
    return next((way for pattern, way in ways.items() if re.search(pattern, said)), None)


def unwrapped(text: str) -> str:
    """Return what a provider said, without what its bridge puts around it."""
    for pattern, instead in _WRAPPED:
        text = re.sub(pattern, instead, text)
    return text.strip()


def cause(text: str) -> Optional[str]:
    """Return what stopped a run, with the remedy, when `text` is known to mean it."""
    for pattern, sentence in _CAUSES:
        if match := re.search(pattern, text, re.IGNORECASE):
            line = next(line for line in text[match.start() :].splitlines() or [""])
            start = text.rfind("\n", 0, match.start()) + 1
            said = unwrapped(text[start : match.start()] + line)[-200:]
            return sentence.format(said=said, **match.groupdict())
    return None


class Output:
    """Print the output of `pulumi`, each error once; known causes are kept for the end.

    With `debug` everything is passed on as it is.
    """

    def __init__(self, out: Callable[[str], None], error: Callable[[str], None], *, debug: bool) -> None:
        self._out, self._error, self._debug = out, error, debug
        self._causes: list[str] = []
        self._failed: list[str] = []
        self._last = ""
        self._block: Optional[list[str]] = None

    @property
    def reason(self) -> str:
        """The known causes among the errors so far, and the resources whose other errors are printed."""
        known = list(self._causes)
        if self._failed:
            first, more = self._failed[:_NAMED], len(self._failed) - _NAMED
            known.append(f"as said above of {', '.join(first)}{f' and {more} more' if more > 0 else ''}")
        return "; ".join(known) or "as said above"

    def line(self, text: str) -> None:
        """Take a line of standard output."""
        if self._debug:
            self._out(text)
        if self._block is not None and not re.match(r"[A-Z]", text):
            self._block.append(text)
        else:
            self._end_block()
            if text.startswith("Diagnostics:"):
                self._block = []
            else:
                self._progress(text)

    def complaint(self, text: str) -> None:
        """Take a line of standard error."""
        known = self._note(text)
        if self._debug or not known:
            self._error(text)

    def end(self) -> None:
        """Print what is still held back."""
        self._end_block()

    def _progress(self, text: str) -> None:
        """Print a line about one resource; its error is printed once, at the end."""
        shown, _, said = text.partition(" error: ")
        if said and _OURS not in shown:
            self._note(said)
        shown = shown.rstrip(" ;")
        if shown != self._last or not shown:
            self._print(shown)
        self._last = shown

    def _note(self, text: str) -> bool:
        """Keep the cause that a text names; whether it names one."""
        found = cause(text)
        if found and found not in self._causes:
            self._causes.append(found)
        return found is not None

    def _end_block(self) -> None:
        block, self._block = self._block, None
        shown: list[str] = []
        for part in _parts(block or []):
            head, *said = part
            ours = _OURS in head
            kept = list(
                dict.fromkeys(each for each in map(unwrapped, said) if self._is_news(each, ours=ours))
            )
            if any(each.startswith("error: ") for each in kept):
                self._failed.append(re.sub(r".*\((.*)\):", r"\1", head.strip()))
            if kept:
                shown += [head, *(f"    {each}" for each in kept), ""]
        for text in ["Diagnostics:", *shown] if shown else []:
            for line in text.split("\n"):
                self._print(line)

    def _print(self, text: str) -> None:
        if not self._debug:
            self._out(text)

    def _is_news(self, said: str, *, ours: bool) -> bool:
        """Return whether a message is news: neither that the run failed, nor a known cause."""
        if re.fullmatch(r"error: (\w+ failed|Resource monitor has terminated, shutting down)", said):
            return False
        return ours or not (said.startswith("error: ") and self._note(said))


def _parts(block: list[str]) -> list[list[str]]:
    """Return the sections of a block of diagnostics: the resource, then each message with all its lines."""
    parts: list[list[str]] = []
    for line in block:
        if re.match(r"  \S.*:$", line):
            parts.append([line])
        elif re.match(r"    (error|warning|info|debug): ", line) and parts:
            parts[-1].append(line.strip())
        elif parts and line.strip():
            if len(parts[-1]) == 1:
                parts[-1].append(line.strip())
            else:
                parts[-1][-1] += f"\n{line}"
    return parts
