"""Health checks that a container runs by itself, with whatever its image has."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# No value holds a quote, `$` or `\`: see the types. A proxy that the environment names is not asked.
# busybox's wget follows redirects and cannot be told not to: its first status counts, and it is ended then.
_ASK = r"""
unset http_proxy all_proxy ALL_PROXY
export path='{path}' host='{host}'
export judge='{{ {good}; }} 2>/dev/null ||
    {{ echo "{method} $path of $host: ${{s:-no answer}}" >&2; exit 1; }}'
export ask='printf "{method} %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "$path" "$host"
    read -r _ s _; '"$judge"
has() {{ command -v "$1" >/dev/null; }}
url="http://127.0.0.1:{port}$path"
if has curl; then
    s=$(curl -sS -m 3 -o /dev/null -w '%{{http_code}}' {curl}-H "Host: $host" "$url"); eval "$judge"; exit
elif has bash; then exec bash -c "exec 0<>/dev/tcp/127.0.0.1/{port} 1>&0 && $ask"
fi
for nc in nc 'busybox nc'; do
    case $($nc --help 2>&1) in *BusyBox*'-e PROG'*) exec $nc 127.0.0.1 {port} -e /bin/sh -c "$ask" ;; esac
done
has wget || {{ echo 'no curl, bash, wget or busybox nc in this image: give health.command' >&2; exit 1; }}
case $(wget --help 2>&1) in
    *--max-redirect*) more='-T 3 -t 1 --max-redirect=0' ;;
    *'-T SEC'*) more='-T 3' ;;
esac
s=$(/bin/sh -c 'echo "pid $$"; exec wget -S -O /dev/null "$@" 2>&1' \
    sh $more {wget}--header "Host: $host" "$url" |
    while read -r a b _; do
        case $a in pid) pid=$b ;; HTTP/*) answered=$b ;; esac
        if [ "$pid" ] && [ "$answered" ]; then kill "$pid" 2>/dev/null; echo "$answered"; break; fi
    done)
eval "$judge"
"""
_CONNECT = """
if command -v bash >/dev/null; then exec bash -c ': </dev/tcp/127.0.0.1/{port}'; fi
if command -v nc >/dev/null; then exec nc -z -w 3 127.0.0.1 {port}; fi
echo 'no bash or nc in this image: give health.command' >&2; exit 1
"""
_EARLIER = re.compile(
    r"""^export path='(?P<path>[^']*)'
if .*; then exec curl -fsS .* "http://127.0.0.1:(?P<port>\d+)\$path"; fi
"""
)
"""First words of the health check of 0.1.0."""
_CURL = {"GET": "", "HEAD": "-I "}
_WGET = {"GET": ""}
GOOD = ("200-399",)
"""Statuses of a healthy server, where none are given."""
LOCAL = "localhost"
"""Host header of a question where no name is known."""


@dataclass(frozen=True)
class Question:
    """One request that a healthy server answers with one of the statuses."""

    path: str
    port: int
    host: str = LOCAL
    method: str = "GET"
    statuses: Sequence[str] = GOOD
    """Statuses and ranges of them."""


def ask(question: Question) -> list[str]:
    """Return a health check, as Docker takes it: the container asks itself, and follows no redirect."""
    method = question.method
    text = _ASK.strip().format(
        path=question.path,
        port=question.port,
        host=question.host,
        method=method,
        good=" || ".join(map(_within, question.statuses)),
        curl=_CURL.get(method, f"-X {method} "),
        wget=_WGET.get(method, f"--method={method} "),
    )
    return ["CMD-SHELL", text]


def known(test: list[str]) -> list[str]:
    """Return the health check of now that asks what one of an earlier release does; else the same."""
    found = _EARLIER.search(test[-1]) if test else None
    return ask(Question(found["path"], int(found["port"]))) if found else test


def of_any_host(test: Sequence[str]) -> list[str]:
    """Return a health check with the Host header of no route in place of its own, to compare two of them."""
    return [re.sub(r"host='[^']*'", f"host='{LOCAL}'", part) for part in test]


def _within(statuses: str) -> str:
    """Return shell text that is true when the status `$s` is one of these."""
    low, _, high = statuses.partition("-")
    return f'[ "$s" -ge {low} ] && [ "$s" -le {high or low} ]'


def listens(port: int) -> list[str]:
    """Return a health check, as Docker takes it: some process listens on the port.

    It does not connect, so a proxy under load is not taken for dead.
    """
    return ["CMD", "grep", "-q", f" 00000000:{port:04X} 00000000:0000 0A ", "/proc/net/tcp"]


def connect(port: int) -> list[str]:
    """Return a health check, as Docker takes it: the port accepts a connection."""
    return ["CMD-SHELL", _CONNECT.strip().format(port=port)]
