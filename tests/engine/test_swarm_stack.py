"""Services and gateways on a swarm of three real engines, with the real `pulumi`."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.images import APP_2, APP_BROKEN, BROKEN_LINE
from tests.support.program import Inline
from tests.support.swarm import Swarm, answers
from tests.support.swarm_services import ASKED, await_answers, gateway_arguments, get, kept, web_arguments

pytestmark = [pytest.mark.engine, pytest.mark.pulumi_cli, pytest.mark.slow]

MAIN = """
import pulumi
from components import SwarmGateway, SwarmService

config = pulumi.Config()
token = config.require_secret("token")
for name, args in config.require_object("services").items():
    args["environment"] = {"TOKEN": token}
    args["secrets"] = {"token": {"content": token}}
    args["managers"][0]["registries"] = [{"address": "registry.example", "username": "me", "password": token}]
    SwarmService(name, args)
for name, args in config.require_object("gateways").items():
    pulumi.export(name, SwarmGateway(name, args).config)
"""
TOKEN = "a-token-of-nobody"


class Stack(Inline):
    """A program of services and gateways, each with its settings as arguments."""

    main = MAIN


def test_with_the_real_pulumi(swarm: Swarm, tmp_path: Path) -> None:
    """Nothing changes twice, a drift is shown and repaired, a failed update is an exit code and an error, and
    no secret is in clear.
    """

    def settings(**keys: Any) -> dict[str, Any]:
        service = {**web_arguments(swarm), **ASKED, **keys}
        return {"services": {"web": service}, "gateways": {"gate": gateway_arguments(swarm, "nginx")}}

    stack = Stack(tmp_path, swarm.first, settings())
    stack._init()
    stack.pulumi("config", "set", "--secret", "token", TOKEN)
    try:
        said = stack.up().output
        await_answers(swarm, "nginx")
        assert get(swarm, "nginx", path="/env/TOKEN")[1].strip() == TOKEN
        assert stack.preview().changes == []
        said += stack.refresh().output
        assert stack.preview().changes == []

        (service,) = swarm.first.engine().services.list(filters={"name": "web"})
        service.scale(5)
        said += stack.refresh().output
        assert stack.preview().changes == [("update", "web-service")]
        stack.up()
        stack.refresh()
        assert stack.preview().changes == []

        stack.configure(settings(image=APP_BROKEN))
        for _ in range(2):
            failed = stack.up(check=False)
            said += failed.output
            assert failed.code != 0
            assert "the update of service web was rolled back: the former definition serves" in failed.output
            assert BROKEN_LINE in failed.output
            assert get(swarm, "nginx")[0] == 200
        stack.configure(settings(image=APP_2))
        said += stack.up().output
        answers(lambda: get(swarm, "nginx")[1].split()[1] == "v2", "the gateway follows")
        stack.refresh()
        assert stack.preview().changes == []

        # A new gateway's configuration beside the old one, and the old one goes last.
        changed = settings(image=APP_2)
        changed["gateways"]["gate"]["front_end"]["max_connections"] = 998
        stack.configure(changed)
        assert stack.preview().changes == [("replace", "gate-config"), ("update", "gate-service")]
        preview = stack.pulumi("preview", "--diff").output
        assert "the gateway's tasks are replaced (data), one node after the other" in preview
        said += preview
        stack.up()
        assert stack.preview().changes == []
        assert TOKEN not in said
        assert TOKEN not in "".join(
            file.read_text(errors="replace") for file in stack.state.rglob("*") if file.is_file()
        )
    finally:
        stack.destroy()
    assert kept(swarm) == []
