"""Progress of a call that takes time: a function reports it in words, its caller decides where to show it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]


def _nobody(text: str) -> None:
    """Show nothing: outside of the plugin nobody waits for progress."""


_listener: ContextVar[Listener] = ContextVar("listener", default=_nobody)


def report(text: str) -> None:
    """Show how far the present call is, for example `2 of 5 replicas are healthy`."""
    _listener.get()(text)


@contextmanager
def reported_to(listener: Listener) -> Iterator[None]:
    """Show progress of this thread by `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
