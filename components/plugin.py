"""The program `pulumi-resource-longshore`."""

import os
import signal


def main() -> None:
    """Serve until the engine ends us, or Ctrl-C: at once while nothing is served yet."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .provider.server import serve

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        serve()
    except KeyboardInterrupt:
        os._exit(0)  # what gRPC would tidy up at Python's end needs the loop that is closed
