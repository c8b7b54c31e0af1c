"""Progress of a call that takes time: a function reports it in words, its caller decides where to show it.

A warning is shown in the same way, and stays.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]


def _nobody(text: str) -> None:
    """Show nothing: outside of the plugin nobody waits for progress."""


_listener: ContextVar[Listener] = ContextVar("listener", default=_nobody)
_warned: ContextVar[Listener] = ContextVar("warned", default=_nobody)


def report(text: str) -> None:
    """Show how far the present call is, for example `2 of 5 replicas are healthy`."""
    _listener.get()(text)


def warn(text: str) -> None:
    """Show what a user has to know after the present call, too."""
    _warned.get()(text)


@contextmanager
def reported_to(listener: Listener, warned: Listener = _nobody) -> Iterator[None]:
    """Show progress of this thread by `listener`, and its warnings by `warned`."""
    tokens = _listener.set(listener), _warned.set(warned)
    try:
        yield
    finally:
        _listener.reset(tokens[0])
        _warned.reset(tokens[1])
