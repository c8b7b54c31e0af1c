"""The program `pulumi-resource-longshore`."""

import signal
from contextlib import suppress


def main() -> None:
    """Serve until the engine ends us, or Ctrl-C: at once while nothing is served yet."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .provider.server import serve

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        serve()
