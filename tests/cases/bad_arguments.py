"""Malformed arguments of LoadBalancedService, and what the error must say (regular expressions).

Each is one mistake.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tests.cases.later import LATER

Make = Callable[[Any], Any]
IMAGE = "httpd:2.4"
NAN, INFINITE = float("nan"), float("inf")
HUGE = 10**5000
PEM = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n"


class Case(NamedTuple):
    title: str
    args: Any
    error: str
    name: Any = "site"


def short(**keys: Any) -> dict[str, Any]:
    return {"image": IMAGE, **keys}


def front(**keys: Any) -> dict[str, Any]:
    return short(front_end=keys)


def health(**keys: Any) -> dict[str, Any]:
    return short(health=keys)


def nginx(**keys: Any) -> dict[str, Any]:
    return short(front_end={"kind": "nginx"}, **keys)


def tcp(**keys: Any) -> dict[str, Any]:
    return short(front_end={"mode": "tcp"}, **keys)


def host(address: Any, **keys: Any) -> dict[str, Any]:
    return short(host={"address": address, **keys})


def timeout(key: str, value: Any) -> dict[str, Any]:
    return front(timeouts={key: value})


def registry(keys: Any = None) -> dict[str, Any]:
    good = {"address": "registry.example:5000", "username": "me", "password": "hunter2"}
    return short(host={"registries": good if keys is None else [{**good, **keys}]})


def many(front_end: Any = None, **backends: Any) -> dict[str, Any]:
    long = {"backends": {name: {"image": IMAGE, **keys} for name, keys in backends.items()}}
    return long if front_end is None else {**long, "front_end": front_end}


def _whole() -> list[Case]:
    """Whole numbers: wrong kinds and just out of range, for every key that takes one."""
    places: dict[str, tuple[int, int, Make]] = {
        "replicas": (1, 1000, lambda v: short(replicas=v)),
        "port": (1, 65535, lambda v: short(port=v)),
        "max_connections": (1, 100_000, lambda v: short(max_connections=v)),
        "max_uploads": (1, 100_000, lambda v: short(max_uploads=v)),
        "max_fails": (1, 1000, lambda v: short(max_fails=v)),
        "fail_timeout": (1, 86400, lambda v: nginx(fail_timeout=v)),
        "retries": (0, 10, lambda v: short(retries=v)),
        "backup_replicas": (0, 999, lambda v: short(backup_replicas=v)),
        "memory": (6, 1_048_576, lambda v: short(memory=v)),
        "health.fall": (1, 100, lambda v: health(fall=v)),
        "health.rise": (1, 100, lambda v: health(rise=v)),
        "restart.max_retries": (0, 1000, lambda v: short(restart={"max_retries": v})),
        "weights.0": (1, 256, lambda v: short(replicas=1, weights=[v])),
        "front_end.port": (1, 65535, lambda v: front(port=v)),
        "front_end.max_connections": (1, 1_000_000, lambda v: front(max_connections=v)),
        "front_end.max_connections_per_client": (
            1,
            1_000_000,
            lambda v: front(max_connections_per_client=v),
        ),
        "front_end.memory": (6, 1_048_576, lambda v: front(memory=v)),
    }
    found = []
    for key, (low, high, args) in places.items():
        between = f"{key} must be between {low} and {high}, got "
        found += [
            Case(f"{key} too small", args(low - 1), f"{between}{low - 1}$"),
            Case(f"{key} too large", args(high + 1), f"{between}{high + 1}$"),
            Case(f"{key} a fraction", args(3.5), f"{key} must be a whole number, got 3.5$"),
            Case(f"{key} true", args(True), f"{key} must be a whole number, got True$"),
            Case(f"{key} text", args("3"), f"{key} must be a whole number, got '3'$"),
        ]
    kinds = {
        "not a number": (NAN, "got nan"),
        "without end": (INFINITE, "got inf"),
        "a list": ([3], "got a list"),
        "a mapping": ({"count": 3}, "got a mapping of count"),
        "only known later": (LATER, r"got an Output \(only known later; give a plain value\)"),
    }
    for title, (value, got) in kinds.items():
        error = f"replicas must be a whole number, {got}$"
        found.append(Case(f"replicas {title}", short(replicas=value), error))
    found.append(Case("replicas huge", short(replicas=HUGE), "between 1 and 1000, got a huge number"))
    return found


def _numbers() -> list[Case]:
    """Durations and other numbers: wrong kinds and out of range."""
    places: dict[str, tuple[float, float, Make]] = {
        "response_deadline": (0.05, 86400, lambda v: short(response_deadline=v)),
        "drain": (0, 3600, lambda v: short(drain=v)),
        "start_timeout": (1, 3600, lambda v: short(start_timeout=v)),
        "cpus": (0.01, 512, lambda v: short(cpus=v)),
        "health.interval": (0.05, 86400, lambda v: health(interval=v)),
        "health.timeout": (0.05, 86400, lambda v: health(timeout=v)),
    }
    for key in ("connect", "client", "server", "request", "keep_alive", "tunnel"):
        places[f"front_end.timeouts.{key}"] = (0.05, 86400, partial(timeout, key))
    found = []
    for key, (low, high, args) in places.items():
        between = f"{key} must be between {low} and {high}, got "
        found += [
            Case(f"{key} negative", args(-1), f"{between}-1$"),
            Case(f"{key} not a number", args(NAN), f"{between}nan$"),
            Case(f"{key} without end", args(INFINITE), f"{between}inf$"),
            Case(f"{key} with a unit", args("5s"), f"{key} must be a number, got '5s'$"),
            Case(f"{key} false", args(False), f"{key} must be a number, got False$"),
        ]
    return found


def _hostile() -> list[Case]:
    """Texts that reach a configuration, a name or a command line, with what could break out."""
    hostile = {
        "a line feed": "\n",
        "a line feed and a directive": "\n    use_backend evil",
        "a carriage return": "\r",
        "NUL": "\x00",
        "a double quote": '"',
        "a single quote": "'",
        "a brace": "{",
        "a closing brace": "}",
        "a semicolon": ";",
        "a comment": " # x",
        "a variable": "$host",
        "a space": " x",
        "a tab": "\tx",
        "a backslash": "\\",
        "a command": "`id`",
        "a template": "{{ 7 * 7 }}",
        "a template's statement": "{% include 'x' %}",
        "a HAProxy expression": "%[src]",
        "a letter of another alphabet": "\u0430",
        "a wide digit": "\uff11",
        "a line separator": "\u2028",
        "a turned direction": "\u202e",
        "thousands of letters": "a" * 5000,
    }
    places: dict[str, tuple[str, Make | None]] = {
        "name": ("site", None),
        "name of a backend": ("web", lambda v: short(name=v)),
        "key of a backend": ("web", lambda v: {"backends": {v: {"image": IMAGE}}}),
        "image": (IMAGE, lambda v: short(image=f"a/{v}")),
        "host_names": ("a.example", lambda v: short(host_names=[v])),
        "cookie": ("SERVER", lambda v: short(cookie=v)),
        "user": ("app", lambda v: short(user=v)),
        "capabilities": ("KILL", lambda v: short(capabilities=[v])),
        "environment": ("NAME", lambda v: short(environment={v: "x"})),
        "health.path": ("/x", lambda v: health(path=v)),
        "network.name": ("net", lambda v: short(network={"name": v})),
        "network.subnet": ("10.0.0.0/16", lambda v: short(network={"subnet": v})),
        "front_end.name": ("lb", lambda v: front(name=v)),
        "front_end.image": ("haproxy:3.2", lambda v: front(image=f"a/{v}")),
        "front_end.address": ("fe80::1", lambda v: front(address=v)),
        "front_end.networks": ("net", lambda v: front(networks=[v])),
        "front_end.default_backend": ("web", lambda v: front(default_backend=v)),
        "front_end.trusted_proxies": ("10.0.0.0/8", lambda v: front(trusted_proxies=[v])),
        "front_end.upgrades": ("websocket", lambda v: front(upgrades=[v])),
        "front_end.log.address": ("127.0.0.1:51", lambda v: front(log={"address": v})),
        "host.address": ("ssh://root@server", host),
        "host.registries": ("registry", lambda v: registry({"address": v})),
    }
    found = []
    for place, (good, args) in places.items():
        for title, text in hostile.items():
            if (place, title) == ("environment", "thousands of letters"):
                continue  # a name of any length is one
            value = good + text
            key = place.split()[0]
            error = rf"{key}(\..*)? (must be|is not) .*got .*" if key != "key" else "backends.* must be"
            if args is None:
                found.append(Case(f"{place} with {title}", short(), error, value))
            else:
                found.append(Case(f"{place} with {title}", args(value), error))
    return found


_BY_HAND = [
    # What is given at all
    Case("nothing", {}, "give image .* or backends .*, got neither$"),
    Case("no mapping: None", None, "args must be a mapping of keys, got None$"),
    Case("no mapping: text", IMAGE, "args must be a mapping of keys, got text$"),
    Case("no mapping: a list", [IMAGE], "args must be a mapping of keys, got a list$"),
    Case("no mapping: an Output", LATER, "args must be a mapping of keys, got an Output"),
    Case("only a host", {"host": {}}, "give image .* or backends .*, got neither$"),
    Case("only a name", {"name": "web"}, "give image .* or backends .*, got neither$"),
    Case("no image", {"replicas": 3}, "image is required$"),
    Case("image None", {"image": None, "replicas": 3}, "image is required$"),
    Case(
        "both forms",
        {**short(replicas=2), "backends": {"web": {"image": IMAGE}}},
        "backends stands instead of the short form, got both: move image, replicas into backends",
    ),
    Case(
        "backends with a name",
        {"name": "web", "backends": {"web": {"image": IMAGE}}},
        "backends stands instead of the short form, got both: move name into backends",
    ),
    Case("no backend", {"backends": {}}, "backends must not be empty$"),
    Case("backends a list", {"backends": [IMAGE]}, "backends must be a mapping of keys, got "),
    Case("backends an Output", {"backends": LATER}, "backends must be a mapping of keys, got an Out"),
    Case("backend None", {"backends": {"web": None}}, "backends.web must be a mapping of keys, got No"),
    Case("backend text", {"backends": {"web": IMAGE}}, "backends.web must be a mapping of keys, got "),
    Case("backend without image", {"backends": {"web": {}}}, "backends.web.image is required$"),
    # Keys nobody knows, at every level
    Case("unknown key", short(replica=3), "replica is not a known key; did you mean replicas[?] known here: "),
    Case("unknown key None", short(frontend=None), "frontend is not a known key; did you mean front_end[?]"),
    Case("unknown key beside backends", {**many(web={}), "frontend": {}}, "frontend is not a known key"),
    Case("key no text", {**short(), 1: 2}, "1 is not a known key; known here: "),
    Case("key with a line feed", short(**{"a\nb": 1}), r"'a\\nb' is not a known key"),
    Case("key very long", short(**{"k" * 500: 1}), r"'k{70,80}\.\.\. is not a known key"),
    Case("unknown in backend", many(web={"replica": 3}), "backends.web.replica is not a known key; .*re"),
    Case("unknown in host", short(host={"adress": "x"}), "host.adress is not a known key; .*address"),
    Case("unknown in network", short(network={"mtu": 1}), "network.mtu is not .*: isolated, name, subnet$"),
    Case("unknown in front_end", front(mod="tcp"), "front_end.mod is not a known key; .*mode"),
    Case("unknown in front_end, None", front(mod=None), "front_end.mod is not a known key; .*mode"),
    Case("unknown in timeouts", front(timeouts={"conect": 5}), "timeouts.conect is not .*connect"),
    Case("unknown in log", front(log={"adress": "a:1", "address": "a:1"}), "log.adress is not .*: address"),
    Case("unknown in health", health(uri="/"), "health.uri is not a known key; .*path"),
    Case("unknown in restart", short(restart={"retries": 1}), "restart.retries is not .*max_retries"),
    Case(
        "unknown in a backend's health",
        many(web={"health": {"uri": "/"}}),
        "backends.web.health.uri is not a known key; known here: active, command, ",
    ),
    Case("key of health no text", short(health={1: 2}), "health.1 is not a known key"),
    # Containers of the wrong kind
    Case("front_end text", short(front_end="nginx"), "front_end must be a mapping of keys, got 'nginx'$"),
    Case("front_end a list", short(front_end=[]), "front_end must be a mapping of keys, got a list$"),
    Case("front_end an Output", short(front_end=LATER), "front_end must be a mapping of keys, got an Out"),
    Case("host text", short(host="unix:///x"), "host must be a mapping of keys, got text$"),
    Case("network text", short(network="net"), "network must be a mapping of keys, got 'net'$"),
    Case("health text", short(health="/"), "health must be a mapping of keys, got text$"),
    Case("restart text", short(restart="always"), "restart must be a mapping of keys, got 'always'$"),
    Case("timeouts a number", front(timeouts=5), "front_end.timeouts must be a mapping of keys, got 5$"),
    Case("log text", front(log="a:1"), "front_end.log must be a mapping of keys, got 'a:1'$"),
    Case("host_names text", short(host_names="a.example"), "host_names must be a list, got 'a.example'$"),
    Case("host_names a tuple", short(host_names=("a",)), "host_names must be a list, got a value of type tuple$"),
    Case("host_names a set", short(host_names={"a"}), "host_names must be a list, got a value of type set$"),
    Case("host_names an Output", short(host_names=LATER), "host_names must be a list, got an Output"),
    Case("a host name an Output", short(host_names=[LATER]), "host_names.0 must be a lower.* an Output"),
    Case("weights a number", short(weights=1), "weights must be a list, got 1$"),
    Case("weights a mapping", short(weights={"a": 1}), "weights must be a list, got a mapping of a$"),
    Case("capabilities text", short(capabilities="KILL"), "capabilities must be a list, got 'KILL'$"),
    Case("command text", short(command="sh -c x"), "command must be a list, got text$"),
    Case("command empty", short(command=[]), "command must not be empty$"),
    Case("command of numbers", short(command=[1]), "command.0 must be non-empty text without NUL, got a number$"),
    Case("command with an empty text", short(command=["a", ""]), "command.1 must be non-empty text.* got text$"),
    Case("command with NUL", short(command=["a\0b"]), "command.0 must be .*got text$"),
    Case("command with half a letter", short(command=["\ud800"]), "command.0 must be .*got text$"),
    Case("health.command text", health(command="true"), "health.command must be a list, got text$"),
    Case("health.command empty", health(command=[]), "health.command must not be empty$"),
    Case("environment a list", short(environment=["A=b"]), "environment must be a mapping of keys, got "),
    Case("environment an Output", short(environment=LATER), "environment must be a mapping .*an Output"),
    Case("environment of a number", short(environment={"PORT": 80}), "environment.PORT must be text .*got a number$"),
    Case("environment of None", short(environment={"PORT": None}), "environment.PORT must be text .*None$"),
    Case("environment value with NUL", short(environment={"A": "x\0"}), r"environment.A must be text without NUL"),
    Case("environment name with =", short(environment={"A=b": "x"}), "environment.'A...' must be letters.*, got text$"),
    Case("environment name of a digit", short(environment={"1A": "x"}), "environment.1A must be .*not beg"),
    Case("environment name empty", short(environment={"": "x"}), "environment.'...' must be letters"),
    Case("environment name a number", short(environment={1: "x"}), "environment.1 must be letters.*got a number$"),
    Case("networks text", front(networks="routable"), "front_end.networks must be a list, got 'routable'$"),
    Case("trusted_proxies text", front(trusted_proxies="10.0.0.0/8"), "trusted_proxies must be a list, got"),
    # Yes or no
    Case("publish a number", front(publish=1), "front_end.publish must be true or false, got 1$"),
    Case("publish text", front(publish="false"), "front_end.publish must be true or false, got 'false'$"),
    Case("resolve an Output", front(resolve=LATER), "front_end.resolve must be true or false, got an Out"),
    Case("read_only text", short(read_only="yes"), "read_only must be true or false, got 'yes'$"),
    Case("active a number", health(active=0), "health.active must be true or false, got 0$"),
    Case("insecure text", short(host={"insecure": "true"}), "host.insecure must be true or false, got 'tr"),
    # One of a few
    Case("kind unknown", front(kind="traefik"), "front_end.kind must be 'haproxy' or 'nginx', got 'traefik'"),
    Case("kind in capitals", front(kind="HAProxy"), "front_end.kind must be 'haproxy' or 'nginx', got 'HAP"),
    Case("kind a list", front(kind=["nginx"]), "front_end.kind must be 'haproxy' or 'nginx', got a list$"),
    Case("kind an Output", front(kind=LATER), "front_end.kind must be 'haproxy' or 'nginx', got an Output"),
    Case("mode unknown", front(mode="udp"), "front_end.mode must be 'http' or 'tcp', got 'udp'$"),
    Case("unknown_host unknown", front(unknown_host="404"), "unknown_host must be '503', .*'close', got '404'"),
    Case("unknown_host a number", front(unknown_host=500), "unknown_host must be '503', .*'close', got"),
    Case("unknown_host true", front(unknown_host=True), "unknown_host must be '503', .*'close', got True$"),
    Case("facility unknown", front(log={"address": "a:1", "facility": "x"}), "log.facility must be 'kern', "),
    Case("algorithm unknown", short(algorithm="random"), "algorithm must be 'roundrobin', .* got 'random'$"),
    Case("policy unknown", short(restart={"policy": "never"}), "restart.policy must be 'no', .*got 'never'$"),
    Case("policy false", short(restart={"policy": False}), "restart.policy must be 'no', .*got False$"),
    # Images
    Case("image a number", short(image=1), "image must be an image reference such as .*, got 1$"),
    Case("image empty", short(image=""), "image must be an image reference .*, got ''$"),
    Case("image in capitals", short(image="Httpd"), "image must be an image reference .*, got 'Httpd'$"),
    Case("image with //", short(image="a//b"), "image must be an image reference .*, got 'a//b'$"),
    Case("image with ..", short(image="a..b"), "image must be an image reference .*, got 'a..b'$"),
    Case("image with an empty tag", short(image="a:"), "image must be an image reference .*, got 'a:'$"),
    Case("image with a tag of another alphabet", short(image="a:\u0431"), r"image must be .*got 'a:\\u0431'$"),
    Case("image with half a digest", short(image="a@sha256:12"), "image must be .*got 'a@sha256:12'$"),
    Case("image like an option", short(image="-a"), "image must be an image reference .*, got '-a'$"),
    Case("front_end.image an Output", front(image=LATER), "front_end.image must be .*an Output"),
    # Names
    Case("component's name empty", short(), "name must be 1 to 32 of a-z, 0-9 and -.*got ''$", ""),
    Case("component's name a number", short(), "name must be 1 to 32 .*got 5$", 5),
    Case("component's name None", short(), "name (must be 1 to 32|is required)", None),
    Case("component's name too long", short(), "name must be 1 to 32 ", "a" * 33),
    Case("component's name in capitals", short(), "name must be 1 to 32 .*got 'Site'$", "Site"),
    Case("component's name with _", short(), "name must be 1 to 32 .*got 'a_b'$", "a_b"),
    Case("component's name begins with a digit", short(), "name must be .*got '1a'$", "1a"),
    Case("component's name ends with -", short(), "name must be .*got 'a-'$", "a-"),
    Case("backend's name empty", short(name=""), "name must be 1 to 32 .*got ''$"),
    Case("backend's name a number", short(name=1), "name must be 1 to 32 .*got 1$"),
    Case("backend's name an Output", short(name=LATER), "name must be 1 to 32 .*got an Output"),
    Case("backend's key a number", {"backends": {1: short()}}, "backends.1 must be 1 to 32 .*got 1$"),
    Case("backend's key with a dot", {"backends": {"a.b": short()}}, "backends.'a.b' must be 1 to 32 "),
    Case(
        "names too long together",
        short(name="b" * 26),
        "backends.b{26}: its name and the component's, .* at most 50 characters together, got 26 . 25$",
        "s" * 25,
    ),
    Case("front end named as a backend", front(name="web"), "front_end.name 'web' is the name of a backend"),
    Case(
        "front end named as a replica",
        short(replicas=3, front_end={"name": "web-2"}),
        "front_end.name 'web-2' is the name of a replica of backend 'web', too: choose another$",
    ),
    # Hosts and routes
    Case("host name in capitals", short(host_names=["A.example"]), "host_names.0 must be a lower-case"),
    Case("host name with two dots", short(host_names=["a..example"]), "host_names.0 must be .*'a..example'$"),
    Case("host name ends with a dot", short(host_names=["a.example."]), "host_names.0 must be "),
    Case("host name begins with a dot", short(host_names=[".a.example"]), "host_names.0 must be "),
    Case("host name begins with -", short(host_names=["-a.example"]), "host_names.0 must be "),
    Case("host name with a port", short(host_names=["a.example:80"]), "host_names.0 must be "),
    Case("host name a URL", short(host_names=["http://a.example"]), "host_names.0 must be "),
    Case("host name a star", short(host_names=["*"]), r"host_names.0 must be .*got '\*'$"),
    Case("host name with a star inside", short(host_names=["a.*.example"]), "host_names.0 must be "),
    Case("host name with a label too long", short(host_names=["a" * 64 + ".example"]), "host_names.0 must"),
    Case("host name too long", short(host_names=["a.example", "a." * 130 + "b"]), "host_names.1 must be "),
    Case("host name empty", short(host_names=[""]), "host_names.0 must be .*got ''$"),
    Case("host name None", short(host_names=[None]), "host_names.0 must be .*got None$"),
    Case("host name twice", short(host_names=["a", "b", "a"]), "host_names must differ, got a more than once$"),
    Case(
        "host name twice in a backend",
        many(web={"host_names": ["a", "a"]}),
        "backends.web.host_names must differ, got a more than once$",
    ),
    Case(
        "host name of two backends",
        many(one={"host_names": ["a.example"]}, two={"host_names": ["a.example"]}),
        "backends.two.host_names: 'a.example' belongs to backend 'one'; a host name chooses one backend$",
    ),
    Case(
        "two backends without host names",
        many(one={}, two={"host_names": ["a"]}),
        "backends.one has no host_names and is not front_end.default_backend: no request could reach",
    ),
    Case(
        "a backend beside the default without host names",
        many({"default_backend": "one"}, one={}, two={}),
        "backends.two has no host_names and is not front_end.default_backend",
    ),
    Case(
        "default backend unknown",
        many({"default_backend": "tow"}, one={}, two={"host_names": ["a"]}),
        "front_end.default_backend must be one of one, two, got 'tow'$",
    ),
    Case("default backend an Output", front(default_backend=LATER), "default_backend must be .*an Output"),
    Case("default backend unknown in short form", front(default_backend="x"), "must be one of web, got 'x'$"),
    # Weights, backups, totals
    Case("weights too few", short(weights=[1, 2]), r"weights must hold one weight per replica \(3\), got 2$"),
    Case("weights too many", short(weights=[1] * 4), r"weights must hold one weight per replica \(3\), got 4$"),
    Case("weights none", short(weights=[]), r"weights must hold one weight per replica \(3\), got 0$"),
    Case("weights in a backend", many(web={"weights": [1]}), r"backends.web.weights must hold .*\(3\), got 1$"),
    Case("a weight an Output", short(replicas=1, weights=[LATER]), "weights.0 must be a whole number, got an"),
    Case("only backups", short(backup_replicas=3), "backup_replicas must leave .*: at most 2, got 3$"),
    Case("one replica, a backup", short(replicas=1, backup_replicas=1), "backup_replicas .*at most 0, got 1$"),
    Case(
        "too many replicas together",
        many(one={"host_names": ["a"], "replicas": 600}, two={"host_names": ["b"], "replicas": 401}),
        "replicas of all backends together must be at most 1000, got 1001$",
    ),
    Case("retries without on-failure", short(restart={"max_retries": 3}), "restart.max_retries is for policy on-f"),
    Case(
        "retries with always",
        short(restart={"max_retries": 3, "policy": "always"}),
        "restart.max_retries is for policy on-failure, got policy 'always'$",
    ),
    # Least privilege
    Case("capability ALL", short(capabilities=["ALL"]), "capabilities.0 must be a Linux capability .*got 'ALL'"),
    Case("capability unknown", short(capabilities=["NET_BIND"]), "capabilities.0 must be .*got 'NET_BIND'"),
    Case("capability in small letters", short(capabilities=["chown"]), "capabilities.0 must be .*got 'chown'"),
    Case("capability a number", short(capabilities=[1]), "capabilities.0 must be .*got 1"),
    Case("capability of a newer engine", short(capabilities=["CAP_BPF"]), "capabilities.0 must be .*, got 'CAP_BPF', "),
    Case("user with an id too large", short(user="2147483648"), "user must have ids between 0 and 2147483647, got "),
    Case("group with an id too large", short(user="app:99999999999"), "user must have ids between 0 and 2147"),
    Case("capability twice", short(capabilities=["CHOWN", "CAP_CHOWN"]), "capabilities must differ, got CHOWN"),
    Case("user a number", short(user=1000), "user must be a user, or user:group, got 1000$"),
    Case("user of three parts", short(user="a:b:c"), "user must be a user, or user:group, got 'a:b:c'$"),
    Case("user without group", short(user="a:"), "user must be a user, or user:group, got 'a:'$"),
    # Health
    Case("host of health a wildcard", health(host="*.a.example"), r"health.host must be a lower-case host name .*, got '\*.a.example'$"),
    Case("host of health with a line break", health(host="a.example\nX: y"), "health.host must be a lower-case host name"),
    Case("method of health", health(method="POST"), "health.method must be 'GET', 'HEAD' or 'OPTIONS', got 'POST'$"),
    Case("status of health a class", health(status=["2xx"]), "health.status.0 must be a status such as 200, or a range of them such as 200-399, got '2xx'$"),
    Case("status of health interim", health(status=[100]), "health.status.0 must be a status such as 200"),
    Case("status of health backwards", health(status=["399-200"]), "health.status.0 must be a range from a lower to a higher status, got '399-200'$"),
    Case("no status of health", health(status=[]), "health.status must not be empty$"),
    Case("host of health in mode tcp", short(health={"host": "a.example"}, front_end={"mode": "tcp"}), "backends.web.health.host is for front_end.mode http: in mode tcp the port only has to accept"),
    Case("path without /", health(path="healthz"), "health.path must be a URL path beginning with /"),
    Case("path a URL", health(path="http://a/"), "health.path must be a URL path beginning with /"),
    Case("path empty", health(path=""), "health.path must be a URL path .*got ''$"),
    Case("path with a fragment", health(path="/#a"), "health.path must be a URL path .*got '/#a'$"),
    Case("path an Output", health(path=LATER), "health.path must be a URL path .*got an Output"),
    # Networks and addresses
    Case("network's name an empty text", short(network={"name": ""}), "network.name must be a Docker network n"),
    Case("network's name a number", short(network={"name": 1}), "network.name must be a Docker network name .*1$"),
    Case("network host", short(network={"name": "host"}), "network.name must be .*got 'host', which is a mode"),
    Case("network none", short(network={"name": "none"}), "network.name must be .*got 'none', which is a mode"),
    Case("network bridge", short(network={"name": "bridge"}), "network.name must be .*got 'bridge', the engine's"),
    Case(
        "network given with a subnet",
        short(network={"name": "net", "subnet": "10.1.0.0/24"}),
        "network.subnet is for a network of its own, .*got name 'net' and subnet 10.1.0.0/24$",
    ),
    Case(
        "an Output's network with a subnet",
        short(network={"name": LATER, "subnet": "10.1.0.0/24"}),
        "network.subnet is for a network of its own, .*got name an Output",
    ),
    *(
        Case(
            f"subnet {subnet}",
            short(network={"subnet": subnet}),
            "network.subnet must be a network whose addresses containers can have, .* overlaps",
        )
        for subnet in ("0.0.0.0/0", "127.0.0.0/8", "224.1.0.0/16", "240.0.0.0/24")
    ),
    Case("subnet with host bits", short(network={"subnet": "10.1.0.1/24"}), "network.subnet must be .*no host bits"),
    Case("subnet too long a prefix", short(network={"subnet": "10.1.0.0/33"}), "network.subnet must be a network"),
    Case("subnet no network", short(network={"subnet": "ten"}), "network.subnet must be a network .*got 'ten'$"),
    Case("subnet a number", short(network={"subnet": 10}), "network.subnet must be a network .*got 10$"),
    Case("subnet of IPv6", short(network={"subnet": "fd00::/64"}), "network.subnet must be an IPv4 network, got"),
    Case(
        "subnet too small",
        short(replicas=3, network={"subnet": "10.1.0.0/29"}),
        "network.subnet 10.1.0.0/29 has room for 5 containers, but 3 replicas, .* are 7: choose a larger",
    ),
    Case("subnet an Output", short(network={"subnet": LATER}), "network.subnet must be a network .*an Output"),
    Case("address a name", front(address="localhost"), "front_end.address must be an IP address .*'localhost'$"),
    Case("address with a port", front(address="10.0.0.1:80"), "front_end.address must be an IP address"),
    Case("address too large", front(address="10.0.0.256"), "front_end.address must be an IP address"),
    Case("address with leading zeros", front(address="010.0.0.1"), "front_end.address must be an IP address"),
    Case("address with a scope", front(address="fe80::1%eth0"), "front_end.address must be an IP address"),
    Case("address a number", front(address=1), "front_end.address must be an IP address .*got 1$"),
    Case("proxy with host bits", front(trusted_proxies=["10.0.0.1/8"]), "trusted_proxies.0 must be a network"),
    Case("proxy a name", front(trusted_proxies=["proxy"]), "front_end.trusted_proxies.0 must be a network"),
    Case(
        "proxy with a scope that breaks out",
        front(trusted_proxies=["fe80::1%x\n    http-request deny\n/128"]),
        r"front_end.trusted_proxies.0 must be a network .*got 'fe80::1%x\\n ",
    ),
    Case("upgrade to HTTP/2", front(upgrades=["H2C"]), "front_end.upgrades.0 must be .*got 'H2C', which HTTP/2"),
    Case("upgrade no protocol", front(upgrades=["a b"]), "front_end.upgrades.0 must be a protocol such as"),
    Case("upgrades twice", front(upgrades=["a", "A"]), "front_end.upgrades must differ, got a more than once$"),
    Case("upgrades text", front(upgrades="websocket"), "front_end.upgrades must be a list, got 'websocket'$"),
    Case("ipv6 a number", front(ipv6=6), "front_end.ipv6 must be true or false, got 6$"),
    Case("networks twice", front(networks=["a", "a"]), "front_end.networks must differ, got a more than once$"),
    Case("networks host", front(networks=["host"]), "front_end.networks.0 must be .*got 'host', which is a mode"),
    Case("networks an Output", front(networks=[LATER]), "front_end.networks.0 must be .*an Output"),
    Case(
        "networks with the replicas' own",
        short(network={"name": "net"}, front_end={"networks": ["net"]}),
        "front_end.networks: 'net' is network.name, which the front end joins anyway; drop it$",
    ),
    Case("unreachable", front(publish=False), "front_end.publish false without networks leaves no way to reach"),
    Case("log without port", front(log={"address": "127.0.0.1"}), "log.address must be host:port such as"),
    Case("log port too large", front(log={"address": "a:65536"}), "log.address must have a port between 1 and 65535"),
    Case("log with two dots", front(log={"address": "a..b:99999"}), "log.address must be host:port such as"),
    Case("log port 0", front(log={"address": "a:0"}), "front_end.log.address must be host:port such as"),
    Case("log address missing", front(log={"facility": "local0"}), "front_end.log.address is required$"),
    Case("log a URL", front(log={"address": "udp://a:514"}), "front_end.log.address must be host:port such as"),
    Case("log an Output", front(log={"address": LATER}), "front_end.log.address must be .*an Output"),
    # Hosts
    Case("plain tcp", host("tcp://server:2375"), "host.address tcp://server:2375 is a plain tcp engine, open to"),
    Case("tcp without port", host("tcp://server", insecure=True), "host.address must be unix:///path, ssh://"),
    Case("tcp port too large", host("tcp://server:65536", insecure=True), "host.address must be .*:65536'$"),
    Case("http", host("http://server:2375"), "host.address must be unix:///path, ssh://.*got 'http://server:2375'$"),
    Case("no scheme", host("/var/run/docker.sock"), "host.address must be unix:///path, ssh://"),
    Case("a scheme alone", host("ssh://"), "host.address must be unix:///path, ssh://.*got 'ssh://'$"),
    Case("a relative socket", host("unix://docker.sock"), "host.address must be unix:///path, ssh://"),
    Case("ssh with an option for a name", host("ssh://-oProxyCommand=id"), "host.address must be unix:///path"),
    Case("ssh with an option for a user", host("ssh://-l@server"), "host.address must be unix:///path"),
    Case("ssh with a password", host("ssh://root:pw@server"), "host.address must be unix:///path"),
    Case("ssh with a command", host("ssh://server;id"), "host.address must be unix:///path"),
    Case("ssh port 0", host("ssh://server:0"), "host.address must be unix:///path"),
    Case("address an Output", host(LATER), "host.address must be .*got an Output"),
    Case("address empty", host(""), "host.address must be unix:///path, ssh://.*got ''$"),
    Case("address zero", host(0), "host.address must be text, got 0$"),
    Case(
        "certificates on a socket",
        host("unix:///x.sock", ca_certificate=PEM, client_certificate=PEM, client_key=PEM),
        "host.address must be tcp://name:port when there are certificates, got 'unix:///x.sock'",
    ),
    Case(
        "certificates, only known later, on ssh",
        host("ssh://server", ca_certificate=LATER),
        "host.address must be tcp://name:port when there are certificates, got 'ssh://server'",
    ),
    Case(
        "one certificate of three",
        host("tcp://server:2376", ca_certificate=PEM),
        "host.ca_certificate, client_certificate and client_key belong together: give all three, got 1$",
    ),
    Case(
        "insecure, with two of three",
        host("tcp://server:2376", ca_certificate=PEM, client_key=PEM, insecure=True),
        "host.ca_certificate, client_certificate and client_key belong together: give all three, got 2$",
    ),
    Case(
        "a path for a certificate",
        host("tcp://server:2376", ca_certificate="/etc/ca.pem"),
        "host.ca_certificate must be the text of a PEM file .not its path., .*got text without",
    ),
    # Registries
    Case("registries a mapping", registry(), "host.registries must be a list, got a mapping$"),
    Case("registry unknown key", registry({"user": "x"}), "registries.0.user is not .*: address, password, us"),
    Case("registry without address", registry({"address": None}), "host.registries.0.address is required$"),
    Case("registry without password", registry({"password": None}), "registries.0.password is required$"),
    Case("registry a URL", registry({"address": "https://a"}), "registries.0.address must be a registry's name"),
    Case("password a number", registry({"password": 12345}), "password must be non-empty text, .*, got a number$"),
    Case("password empty", registry({"password": ""}), "registries.0.password must be non-empty text, "),
    # What a kind of front end cannot do
    Case(
        "nginx: tcp with a cookie",
        short(front_end={"kind": "nginx", "mode": "tcp"}, cookie="S"),
        "cookie: a TCP connection has no cookie; set algorithm: source",
    ),
    Case("nginx: active checks", nginx(health={"active": True}), "health.active: nginx open source has no active"),
    Case(
        "memory for haproxy",
        front(memory=41, max_connections=256),
        "front_end.memory must be at least 42 MiB for front_end.max_connections 256 with haproxy, got 41: raise",
    ),
    Case(
        "memory for haproxy without connections",
        front(memory=32),
        "front_end.memory must be at least 33 MiB for front_end.max_connections 1 with haproxy, got 32: raise",
    ),
    Case(
        "memory for nginx",
        front(kind="nginx", max_connections=20000, memory=900),
        "front_end.memory must be at least 995 MiB for front_end.max_connections 20000 with nginx, got 900",
    ),
    Case("uploads of tcp", tcp(max_uploads=9), "backends.web.max_uploads is for front_end.mode http: a TCP conn"),
    Case("nginx: limit", nginx(max_connections=9), "max_connections: nginx open source has no queue.*kind haproxy"),
    Case(
        "nginx: source and backups",
        nginx(algorithm="source", backup_replicas=1),
        "backup_replicas: nginx has no backup servers with algorithm source; drop it, or set",
    ),
    Case("haproxy: fail_timeout", short(fail_timeout=10), "fail_timeout: haproxy uses a replica again after .*nginx"),
    Case(
        "haproxy: passive health alone",
        short(max_fails=3, health={"active": False}),
        "max_fails: haproxy needs its active check",
    ),
    Case("tcp with host names", tcp(host_names=["a"]), "front_end.mode tcp has one backend without host_names"),
    Case(
        "tcp with two backends",
        many({"mode": "tcp", "default_backend": "one"}, one={}, two={}),
        "front_end.mode tcp has one backend without host_names",
    ),
    Case("tcp with a cookie", tcp(cookie="S"), "cookie: a TCP connection has no cookie; set algorithm: source"),
    Case("tcp with a deadline", tcp(response_deadline=1), "backends.web.response_deadline is for front_end.mode http"),
    Case(
        "tcp with trusted proxies",
        front(mode="tcp", trusted_proxies=["10.0.0.0/8"]),
        "front_end.trusted_proxies is for mode http: a TCP connection has no headers; drop it$",
    ),
    Case(
        "tcp with upgrades",
        front(mode="tcp", upgrades=["websocket"]),
        "front_end.upgrades is for mode http: a TCP connection has no headers; drop it$",
    ),
]  # fmt: skip

CASES = [*_BY_HAND, *_whole(), *_numbers(), *_hostile()]
