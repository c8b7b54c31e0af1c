"""Record the state that a release leaves: `python -m tests.support.record 0.2.0`, right before it is tagged.

On a bench of three hosts it brings up each of STACKS with the real `pulumi` and the present code. It keeps
the output of `pulumi stack export` (<stack>.json) and the settings (<stack>.yaml) in
cases/releases/<version>/. Users of the release have the same state; secrets are encrypted with the passphrase
of `Program`. Times and source lines of resources are left out. Names of this machine or run are replaced by
placeholders, which `put_back` turns into those of another one.

test_upgrade.py compares the present code with it.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench import images
from tests.bench.hosts import Bench, Host
from tests.pulumi.test_swarm_cluster import everything
from tests.support.program import APP, PORT, PROXY, Program, service

RELEASES = Path(__file__).parents[1] / "cases" / "releases"
STACK = "recorded-stack"
"""Name of the stack in the files."""
WHEN_AND_WHERE = ("created", "modified", "sourcePosition", "stackTrace")
Settings = dict[str, Any]


def balanced(hosts: Sequence[Host]) -> Settings:
    """Return a HAProxy with much of what it can have, and an nginx with little, on one host."""
    shop = {
        "network": {"subnet": "10.79.0.0/24"},
        "front_end": {
            "image": PROXY,
            "port": PORT,
            "unknown_host": "421",
            "timeouts": {"client": 30, "server": 7},
            "trusted_proxies": ["10.77.0.0/24"],
        },
        "backends": {
            "web": {
                "image": APP,
                "replicas": 3,
                "weights": [3, 2, 1],
                "backup_replicas": 1,
                "host_names": ["shop.example", "*.shop.example"],
                "cookie": "replica",
                "environment": {"TOKEN": {"secret": "token"}, "COLOUR": "blue"},
                "memory": 64,
                "drain": 1,
                "restart": {"policy": "on-failure", "max_retries": 3},
            },
            "api": {
                "image": APP,
                "replicas": 2,
                "host_names": ["api.example"],
                "algorithm": "leastconn",
                "health": {"path": "/healthz"},
                "read_only": True,
                "user": "65534",
                "capabilities": [],
                "cpus": 0.5,
                "drain": 1,
            },
        },
    }
    nginx = {"kind": "nginx", "port": PORT + 1, "resolve": False}  # the bench's is too old to resolve again
    docs = service(replicas=2, drain=1, front_end=nginx)
    return {"services": {"shop": shop, "docs": docs}}


def swarm(hosts: Sequence[Host]) -> Settings:
    """Return a manager and two workers; an overlay, a service with files, a gateway, a floating address."""
    settings = everything(list(hosts))
    settings["services"]["shop"] |= {
        "environment": {"TOKEN": {"secret": "token"}, "COLOUR": "blue"},
        "configs": {"site.conf": {"content": "colour = blue\n", "path": "/etc/site.conf"}},
        "secrets": {"token": {"content": {"secret": "token"}, "mode": "0400"}},
    }
    return {"swarms": {"main": settings}}


STACKS: dict[str, Callable[[Sequence[Host]], Settings]] = {"balanced": balanced, "swarm": swarm}
"""Settings of each by its name. They stay as they are: what a later release can do is another stack."""


def bring_up(folder: Path, name: str, hosts: Sequence[Host]) -> Program:
    """Bring up one of the stacks."""
    program = Program(folder, hosts[0], STACKS[name](hosts))
    program.set_secret("token", "s3cret-of-a-release")
    program.up()
    return program


def record(folder: Path, name: str, program: Program, hosts: Sequence[Host]) -> None:
    """Keep the state and the settings of a stack in `folder`."""
    state = json.loads(program.pulumi("stack", "export").stdout)
    for resource in state["deployment"]["resources"]:
        for key in WHEN_AND_WHERE:
            resource.pop(key, None)
    texts = {"json": f"{json.dumps(state, indent=1)}\n", "yaml": program.settings_file.read_text()}
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, text in texts.items():
        kept = text
        for here, there in _names(program, hosts):
            kept = kept.replace(here, there)
        (folder / f"{name}.{suffix}").write_text(kept)


def put_back(text: str, program: Program, hosts: Sequence[Host]) -> str:
    """Return a record with the names of this program and these hosts."""
    for here, there in _names(program, hosts):
        text = text.replace(there, here)
    return text


def _names(program: Program, hosts: Sequence[Host]) -> list[tuple[str, str]]:
    """Return the names of this machine or run, each with its placeholder in the files."""
    engines = [(host.url, f"unix:///recorded/{host.name}.sock") for host in hosts]
    return [(program.stack, STACK), *engines]


def main(version: str) -> None:
    """Record all stacks as those of a release."""
    with tempfile.TemporaryDirectory(prefix="longshore-") as folder, Bench(count=3) as bench:
        for host in bench.hosts:
            images.ensure(host)
        for name in STACKS:
            program = bring_up(Path(folder), name, bench.hosts)
            try:
                record(RELEASES / version, name, program, bench.hosts)
            finally:
                program.destroy()


if __name__ == "__main__":
    main(sys.argv[1])
