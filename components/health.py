"""Questions that a container asks itself to find out whether it is well, with whatever its image has."""

# {path} holds no quote: see UrlPath.
_ASK = r"""
export path='{path}'
if command -v curl >/dev/null; then exec curl -fsS -m 3 -o /dev/null "http://127.0.0.1:{port}$path"; fi
if command -v wget >/dev/null; then exec wget -q -T 3 -O /dev/null "http://127.0.0.1:{port}$path"; fi
if command -v bash >/dev/null; then exec bash -c '
    exec 3<>/dev/tcp/127.0.0.1/{port} &&
    printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$path" >&3 &&
    read -r _ status _ <&3 && [[ $status == [23]* ]]'; fi
echo 'no curl, wget or bash in this image: give health.command' >&2; exit 1
"""
_CONNECT = """
if command -v bash >/dev/null; then exec bash -c ': </dev/tcp/127.0.0.1/{port}'; fi
if command -v nc >/dev/null; then exec nc -z -w 3 127.0.0.1 {port}; fi
echo 'no bash or nc in this image: give health.command' >&2; exit 1
"""


def ask(port: int, path: str) -> list[str]:
    """A health check, as Docker takes it: GET `path` answers 2xx or 3xx."""
    return ["CMD-SHELL", _ASK.strip().format(port=port, path=path)]


def listens(port: int) -> list[str]:
    """Return a health check, as Docker takes it: some process listens on the port.

    It does not connect, so a proxy under load is not taken for dead.
    """
    return ["CMD", "grep", "-q", f" 00000000:{port:04X} 00000000:0000 0A ", "/proc/net/tcp"]


def connect(port: int) -> list[str]:
    """A health check, as Docker takes it: the port accepts a connection."""
    return ["CMD-SHELL", _CONNECT.strip().format(port=port)]
