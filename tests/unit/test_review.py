"""Reviews of previews: cases/previews/<case>.json are recorded from real runs (inputs only), and beside
each is the review of it, <case>.md.

`python -m tests.unit.test_review --record <case> <preview.json` makes a case of what `pulumi preview --json
--show-sames` has printed. `--update` writes all reviews anew; the difference is then reviewed like any other
change.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.plan import runner
from components.preview import reading
from components.preview.reading import NotAPreview
from components.review import review
from components.review.command import REFUSED, main
from components.review.consequences import ENDLESS
from components.review.markdown import LIMIT, MARK, code, escaped, fenced, markdown
from components.review.report import Change
from components.review.topology import picture
from tests.support.certificates import Authority
from tests.support.previews import reduced
from tests.support.program import ROOT

FOLDER = ROOT / "tests/cases/previews"
FILES = sorted(FOLDER.glob("*.json"))
CASES = [pytest.param(file, id=file.stem) for file in FILES]
CONTAINER = "docker:index/container:Container"
SITE = "urn:pulumi:dev::longshore::longshore:index:LoadBalancedService::site"
HOSTILE = (
    "``` </details> <script>alert(1)</script> @everyone #1 "
    "[x](https://evil.example) | **b** \n# head\n<!-- -->"
)


def test_words_in_place_of_values_are_those_of_pulumi() -> None:
    """A review does not import them."""
    assert (reading._UNKNOWN, reading.SHOWN_SECRET) == (UNKNOWN, runner.SHOWN_SECRET)


@pytest.mark.parametrize("file", CASES)
def test_a_preview_makes_this_review(file: Path) -> None:
    """The review is the recorded one, byte for byte."""
    assert markdown(review(file.read_text())) == file.with_suffix(".md").read_text()


def case(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def reviewed(preview: dict[str, Any]) -> str:
    return markdown(review(json.dumps(preview)))


@pytest.mark.parametrize(
    ("name", "gap", "replaced", "removed"),
    [
        ("create", False, False, False),
        ("scale-out", False, False, False),
        ("scale-in", False, False, True),
        ("new-image", False, True, False),
        ("timeout", False, False, False),
        ("route", False, False, False),
        ("front-end-image", True, True, False),
        ("rounds-begin", False, False, True),
        ("rounds-image", False, False, False),
        ("rounds-stop-first", False, False, False),
        ("rounds-end", False, False, True),
        ("swarm-label", False, False, False),
        ("swarm-image", False, False, False),
        ("swarm-route", True, True, False),
        ("swarm-address", True, False, False),
        ("swarm-service-removed", True, False, True),
        ("swarm-manager-removed", True, False, True),
    ],
)
def test_a_gate_stops_the_change_that_it_names(
    name: str, gap: bool, replaced: bool, removed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--fail-on` ends with a status of its own when the change does what it names, and only then."""
    file = str(FOLDER / f"{name}.json")
    expected = {"gap": gap, "replace": replaced, "delete": removed}

    found = {what: main([file, "--fail-on", what]) == REFUSED for what in expected}

    assert found == expected
    assert main([file]) == 0


def test_a_preview_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its errors are told, and it is no success."""
    assert main([str(FOLDER / "refused.json")]) == 1
    assert "services or swarms is required" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "{}", '{"steps": 1}', '{"steps": ["x"]}', "[" * 100_000]
)
def test_a_file_that_is_no_preview_is_one_error(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that says what to give, also for those who see only the comment."""
    file = tmp_path / "preview"
    file.write_text(text)

    assert main([str(file)]) == 2
    said = capsys.readouterr()
    assert "give what `pulumi preview --json` prints" in said.err
    assert "**There are errors**" in said.out
    with pytest.raises(NotAPreview):
        review(text)


def test_for_tools() -> None:
    """`--format json` has the same, with gaps in seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "components.review", "--format", "json"],
        input=(FOLDER / "front-end-image.json").read_text(),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    (change,) = json.loads(done.stdout)["changes"]
    assert (change["kind"], change["name"], change["fate"]) == ("LoadBalancedService", "site", "updated")
    assert change["resources"] == {"replace": 2, "update": 2}
    assert [each["gap_seconds"] for each in change["consequences"]] == [11.0]


def test_an_update_that_is_a_replacement() -> None:
    """pulumi-docker calls it an update while the new value is unknown, and then replaces the container."""

    def preview(changed: str) -> dict[str, Any]:
        state = {"type": CONTAINER, "inputs": {"image": "a"}, "parent": SITE}
        step = {
            "op": "update",
            "urn": f"urn:pulumi:dev::longshore::{CONTAINER}::site-web-0",
            "oldState": state,
            "newState": state,
        }
        return {"steps": [{**step, "diffReasons": [changed]}]}

    hidden, honest = (review(json.dumps(preview(key))) for key in ("image", "memory"))

    assert hidden.has("replace")
    assert "the preview says update, but image cannot change" in hidden.changes[0].warnings[0]
    assert not honest.has("replace")


def test_resources_of_others_are_named() -> None:
    """Also those in no component of ours."""
    urn = "urn:pulumi:dev::longshore::random:index/randomId:RandomId::id"
    step = {"op": "replace", "urn": urn, "newState": {"type": "random:index/randomId:RandomId"}}

    found = review(json.dumps({"steps": [step]}))

    assert found.has("replace")
    assert "replace `id` (`random:index/randomId:RandomId`)" in markdown(found)


Edit = Callable[[dict[str, Any]], object]


def changed_spec(edit: Edit, before: Edit = lambda spec: None) -> Change:
    """Return the change of a service of a swarm, whose recorded definition is edited, before and after."""
    preview = case("swarm-replicas")
    (step,) = [each for each in preview["steps"] if each["op"] == "update"]
    step["newState"]["inputs"]["spec"] = json.loads(json.dumps(step["oldState"]["inputs"]["spec"]))
    for state in ("oldState", "newState"):
        before(step[state]["inputs"]["spec"])
    edit(step["newState"]["inputs"]["spec"])
    (found,) = review(json.dumps(preview)).changes
    return found


def port(number: int, mode: str = "ingress") -> dict[str, Any]:
    return {"PublishedPort": number, "TargetPort": 80, "PublishMode": mode, "Protocol": "tcp"}


def image(spec: dict[str, Any]) -> None:
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "another"


def stopped(spec: dict[str, Any]) -> None:
    spec["Mode"]["Replicated"]["Replicas"] = 0


def ordered(order: str, parallelism: int, *ports: dict[str, Any], check: bool = True) -> Edit:
    def edit(spec: dict[str, Any]) -> None:
        spec["UpdateConfig"] |= {"Order": order, "Parallelism": parallelism}
        spec["EndpointSpec"]["Ports"] = list(ports)
        if not check:
            spec["TaskTemplate"]["ContainerSpec"].pop("Healthcheck")

    return edit


@pytest.mark.parametrize(
    ("before", "edit", "gap", "said"),
    [
        (ordered("start-first", 1), image, 0, "without a gap: each new task is healthy"),
        (ordered("start-first", 1, port(80), check=False), image, 1, "may refuse them for about 1 s"),
        (ordered("stop-first", 1), image, 0, "so fewer serve"),
        (ordered("stop-first", 0), image, ENDLESS, "nobody is served until those are healthy"),
        (ordered("stop-first", 9), image, ENDLESS, "nobody is served until those are healthy"),
        (ordered("stop-first", 1, port(80, "host")), image, 1, "Each node in turn refuses"),
        (ordered("stop-first", 0, port(80, "host")), image, 1, "all at once: their ports are closed"),
        (ordered("start-first", 1, port(80)), ordered("start-first", 1, port(81)), ENDLESS, "no port 80"),
        (ordered("start-first", 1), stopped, ENDLESS, "from 4 to 0 tasks"),
        (ordered("start-first", 1), lambda spec: None, 0, "replaced (a value that is secret)"),
    ],
)  # fmt: skip
def test_a_review_shows_how_tasks_are_replaced(before: Edit, edit: Edit, gap: float, said: str) -> None:
    """By the order, the number at once, the ports and the health check of the service."""
    change = changed_spec(edit, before)

    assert said in change.consequences[-1].text
    assert change.gap == gap


def test_a_service_under_another_name() -> None:
    """Without a port the new one is made first; with one, or in another mode, the old one goes first."""
    preview = case("swarm-replicas")
    (step,) = [each for each in preview["steps"] if each["op"] == "update"]
    step |= {"op": "replace", "diffReasons": ["name"]}
    step["newState"]["inputs"]["name"] = "other"
    renamed = review(json.dumps(preview)).changes[0].consequences[0]
    step["newState"]["inputs"]["spec"]["EndpointSpec"]["Ports"] = [port(80)]
    removed = review(json.dumps(preview)).changes[0].consequences[0]

    assert "made under another name (shop → other), and then the old one is removed" in renamed.text
    assert "is removed and then made anew" in removed.text
    assert renamed.gap == removed.gap == ENDLESS


def test_a_node_under_another_name() -> None:
    """Its host stays: it is neither drained nor does it join; the review shows its other changes."""
    preview = case("swarm-label")
    (step,) = [each for each in preview["steps"] if each["urn"].endswith("::main-node-c")]
    before, after = step.pop("oldState"), step.pop("newState")
    gone = {**step, "op": "delete", "oldState": before}
    come = {**step, "op": "create", "urn": f"{step['urn']}3", "newState": after}
    preview["steps"] = [each for each in preview["steps"] if each is not step] + [come, gone]

    said = reviewed(preview)

    assert "Node c is called c3 from now on: its host stays in the swarm." in said
    assert "Labels of node c3 change" in said
    assert "joins as" not in said
    assert "Node c is drained" not in said


def test_a_service_that_is_removed() -> None:
    """The picture shows its replicas as removed; a count of 0 would be a service that waits for replicas."""
    preview = case("scale-in")
    service = [each for each in preview["steps"] if "LoadBalancedService" in each["urn"]]
    for step in service:
        step |= {"op": "delete", "oldState": step.pop("newState", None) or step["oldState"]}

    assert 'b0["web: removed"]:::removed' in picture(review(json.dumps(preview)).instances)


def test_a_service_that_moves_away() -> None:
    """Another port or host of a front end: clients of the old one find nothing there, for good."""
    preview = case("front-end-image")
    ready = next(step for step in preview["steps"] if step["urn"].endswith("lb-ready"))
    ready["newState"]["inputs"]["container"]["port"] = "0.0.0.0:9090"
    moved = review(json.dumps(preview)).changes[0]
    config = next(step for step in preview["steps"] if step["urn"].endswith("lb-config"))
    config["newState"]["inputs"]["host"] = {"address": "ssh://deploy@web-2.example"}
    away = review(json.dumps(preview)).changes[0]

    *_, replaced, closed = moved.consequences
    assert "the new one serves before the old one ends" in replaced.text
    assert replaced.gap == 0
    assert "Afterwards 0.0.0.0:8090 is closed, and 0.0.0.0:9090 serves." in closed.text
    assert "to ssh://deploy@web-2.example: everything is made there" in away.consequences[0].text
    assert moved.gap == away.gap == ENDLESS


@pytest.mark.parametrize(
    ("key", "before", "after", "constraint", "said", "gap"),
    [
        ("labels", {"zone": "dmz"}, {"zone": "inner"}, "node.labels.zone==dmz", "leave node b", ENDLESS),
        ("labels", {"zone": "dmz"}, {"zone": "dmz", "disk": "ssd"}, "node.labels.zone==dmz", "No task", 0),
        ("role", "manager", "worker", "node.role==manager", "leave node b", ENDLESS),
    ],
)
def test_tasks_that_leave_a_node(
    key: str, before: Any, after: Any, constraint: str, said: str, gap: float
) -> None:
    """Known by the constraints of the services in the same swarm; a port of the node's own is closed then."""
    text = json.dumps(case("swarm-label")).replace("node.labels.zone==dmz", constraint)
    preview = json.loads(text)
    (node,) = [step for step in preview["steps"] if step["urn"].endswith("::main-node-b")]
    preview["steps"] = [step for step in preview["steps"] if step["op"] == "same"] + [node]
    node["newState"]["inputs"] = {**node["oldState"]["inputs"], key: after}
    node["oldState"]["inputs"][key] = before
    node["diffReasons"] = [key]
    shown = review(json.dumps(preview)).changes[0].consequences
    preview["steps"] = [step for step in preview["steps"] if "::main-gateway" not in step["urn"]]
    portless = review(json.dumps(preview)).changes[0]
    preview["steps"] = [node]
    alone = review(json.dumps(preview)).changes[0]

    assert said in next(each.text for each in shown if each.gap == gap and said in each.text)
    assert portless.gap == alone.gap == 0
    assert key == "role" or "Tasks whose constraints node b" in alone.consequences[-1].text


def test_an_unknown_change_is_no_promise(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A change that has no words here may be a gap: gates stop it."""
    preview = case("swarm-label")
    for step in preview["steps"]:
        if step["op"] == "update":
            step["newState"]["inputs"] = {**step["oldState"]["inputs"], "listenAddress": "0.0.0.0:1"}
            step["diffReasons"] = ["listenAddress"]
    file = tmp_path / "dev.json"
    file.write_text(json.dumps(preview))

    assert main([str(file), "--fail-on", "gap"]) == REFUSED
    said = capsys.readouterr().out
    assert "This changes: listenAddress. The effect is not known here." in said
    assert "| not known |" in said


def test_no_warning_is_lost() -> None:
    """Of a component, of what does not change, of nothing."""
    preview = case("timeout")
    network = next(step["urn"] for step in preview["steps"] if step["urn"].endswith("site-net"))
    preview["diagnostics"] = [
        {"severity": "warning", "urn": SITE, "message": "one"},
        {"severity": "warning", "urn": network, "message": "two"},
        {"severity": "warning", "urn": None, "message": "three"},
    ]

    said = reviewed(preview)

    assert all(f"- ⚠️ {each}" in said for each in ("one", "two", "three"))


def test_where_plugins_are_is_no_matter_of_the_change() -> None:
    """Pulumi warns of it wherever an environment is active."""
    preview = case("timeout")
    said = "using pulumi-resource-docker from $PATH at /opt/pulumi/pulumi-resource-docker"
    preview["diagnostics"] = [{"severity": "warning", "urn": None, "message": said}]

    assert reviewed(preview) == reviewed({**preview, "diagnostics": []})


@pytest.mark.parametrize("junk", ["[secret]", None, [], 5, ["x"]])
def test_inputs_of_another_shape(junk: Any) -> None:
    """No review fails for an input that is secret, unknown or odd, in any kind of step."""
    seen = set()
    for file in sorted(FILES, key=lambda each: each.stat().st_size):  # small ones are quick
        preview = json.loads(file.read_text())
        for step in preview["steps"]:
            for state in ("oldState", "newState"):
                for key in list(step.get(state, {}).get("inputs", {})):
                    kind = (step["op"], step[state]["type"], state, key)
                    if kind in seen:
                        continue
                    seen.add(kind)
                    kept = step[state]["inputs"][key]
                    step[state]["inputs"][key] = junk
                    assert reviewed(preview).startswith(MARK)
                    step[state]["inputs"][key] = kept


def test_no_secret_is_shown() -> None:
    """Not even that of a configuration: Pulumi put a word in its place, and nothing else is known."""
    said = (FOLDER / "secret.md").read_text()

    assert "TOKEN" in said
    assert "hunter2" not in said + (FOLDER / "secret.json").read_text()
    masked = case("timeout")
    for step in masked["steps"]:
        if step["urn"].endswith("-lb-config"):
            step["newState"]["inputs"]["config"] = "[secret]"
    assert "+[secret]" in reviewed(masked)


@pytest.mark.parametrize("where", ["name", "image", "config", "warning"])
def test_nobody_breaks_out_of_the_comment(where: str) -> None:
    """Hostile names, values and outputs are text: no tag, link, mention, heading or end of a block."""
    preview = case("new-image")
    text = json.dumps(preview)
    match where:
        case "name":
            text = text.replace('::site"', f'::{json.dumps(HOSTILE)[1:-1]}"')
        case "image":
            text = text.replace("longshore-app:2", json.dumps(HOSTILE)[1:-1])
        case "config":
            text = text.replace("server web-0 site-web-0-g2", json.dumps(HOSTILE)[1:-1])
        case "warning":
            urn = next(step["urn"] for step in preview["steps"] if step["urn"].endswith("lb-ready"))
            text = json.dumps(
                {**preview, "diagnostics": [{"severity": "warning", "urn": urn, "message": HOSTILE}]}
            )

    said = markdown(review(text))

    assert said != markdown(review(json.dumps(preview)))
    outside = without_code(said)
    for evil in ("<script", "@everyone", "](https", " #1", "**b**", "\n# head"):
        assert evil not in outside
    assert outside.count("</details>") == outside.count("<details>") == 1


def without_code(text: str) -> str:
    """Return markdown without its literal parts: blocks between fences, and spans of code."""
    blocks = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", blocks)


def test_the_parts_of_a_comment() -> None:
    """The test above relies on it."""
    assert escaped("a_b <c>") == "a&#95;b &#60;c&#62;"
    assert escaped("@d #1 https://e www.f") == ("&#64;\u200bd &#35;\u200b1 https://\u200be www.\u200bf")
    assert code("") == "` `"
    assert len(code("x" * 500)) < 200
    assert code("a `b`") == "`` a `b` ``"
    assert fenced("```\nx", "diff") == "````diff\n```\nx\n````\n"
    assert without_code("a `` `b` `` c\n```x\nd\n```\ne") == "a  c\n\ne"


SERVICES = 50


def large() -> dict[str, Any]:
    """Return a preview of 300 resources that change, with long configurations."""
    steps: list[Any] = []
    for number in range(SERVICES):
        text = json.dumps(case("new-image")["steps"])
        text = text.replace("site", f"site{number}").replace(
            "    server web-2", "    server web-2" + "x" * 2000
        )
        steps += json.loads(text)
    return {"steps": steps}


def test_a_long_review_fits() -> None:
    """A change of 300 resources and long configurations: what matters is there, and what is not is named."""
    preview = large()

    said = reviewed(preview)

    assert sum(step["op"] != "same" for step in preview["steps"]) == 300
    assert len(said) <= LIMIT == 65_536
    assert all(f"| `site{each}` LoadBalancedService | **updated** |" in said for each in range(SERVICES))
    assert "_Left out, for a comment has an end: `the configuration site" in said
    assert said.count("<details>") == said.count("</details>") > 0


def test_several_stacks_are_one_comment(capsys: pytest.CaptureFixture[str]) -> None:
    """Each under its name, the mark once; the worst of them decides the status."""
    files = [str(FOLDER / f"{name}.json") for name in ("timeout", "front-end-image")]

    status = main([*files, "--fail-on", "gap"])

    said = capsys.readouterr().out
    assert status == REFUSED
    assert said.count(MARK) == 1
    assert said.index("## Effects of this change on `timeout`") < said.index("on `front-end-image`")
    assert main([*files, "--format", "json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"timeout", "front-end-image"}


@pytest.mark.parametrize("file", CASES)
def test_a_case_keeps_what_a_review_reads(file: Path) -> None:
    """A case is as small as `--record` makes it, and names no engine of the machine that recorded it."""
    kept, path = file.read_text(), file.relative_to(ROOT)

    assert reduced(kept) == kept, (
        f"write {path} in its form: .venv/bin/python -m tests.unit.test_review --record {file.stem} <{path}"
    )


def test_a_recorded_preview_has_the_review_of_the_whole_one() -> None:
    """Outputs, times and versions are left out; engines have other names, in texts too."""
    preview = case("swarm-label")
    whole = json.dumps(preview | {"duration": 5, "changeSummary": {"same": 9}, "config": {"a": "b"}})
    for step in preview["steps"]:
        for state in (step[key] for key in ("newState", "oldState") if key in step):
            state |= {"outputs": {"token": "hunter2"}, "created": "2026-01-01T00:00:00Z"}
    elsewhere = json.dumps(preview).replace("unix:///run/host", "ssh://me@office-")

    assert reduced(elsewhere) == reduced(whole)
    assert "hunter2" not in reduced(elsewhere)
    assert reviewed(json.loads(reduced(whole))) == reviewed(case("swarm-label"))


@pytest.mark.parametrize(
    ("before", "after", "said", "gap"),
    [
        (
            {"a.example": "1"},
            {"a.example": "2"},
            "Another certificate of a.example: valid until 1 → until 2. No connection is dropped.",
            0.0,
        ),
        (
            {"a.example": "2026-12-01"},
            None,
            "TLS is removed, which drops a protection: HTTPS is refused, and plain HTTP is served.",
            ENDLESS,
        ),
        (
            {"a.example": "2026-12-01", "b.example": "2026-12-01"},
            {"a.example": "2026-12-01"},
            "The certificate of b.example is removed: clients that ask for its names are refused.",
            ENDLESS,
        ),
    ],
    ids=["another", "TLS removed", "one removed"],
)
def test_changes_of_certificates_are_lines(
    before: dict[str, str], after: dict[str, str] | None, said: str, gap: float
) -> None:
    found = case("timeout")
    (step,) = (each for each in found["steps"] if each["urn"].endswith("FrontEndConfig::site-lb-config"))
    step["oldState"]["inputs"]["validUntil"] = before
    if after is not None:
        step["newState"]["inputs"]["validUntil"] = after

    (change,) = review(json.dumps(found)).changes

    assert (said, gap) in [(each.text, each.gap) for each in change.consequences]


def declared(more: dict[str, Any] | None = None, **front_end: Any) -> dict[str, Any]:
    """Return the arguments of a service with one backend."""
    return {"image": "app:1", **(more or {}), "front_end": {"port": 80, **front_end}}


RATE = {"average": 10, "burst": 20}
TLS: dict[str, Any] = {"min_version": 1.3, "hsts": {"max_age": 600}}
OURS, THEIRS = Authority("ours").text, Authority("theirs").text
CLIENTS = {**TLS, "client_ca": OURS}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            declared(trusted_proxies=["10.1.0.0/16"]),
            declared(trusted_proxies=["10.1.0.0/16", "10.2.0.0/16"]),
            "front_end.trusted_proxies has 10.2.0.0/16 more",
        ),
        (declared(proxy_protocol=["10.1.0.0/16"]), declared(), "front_end.proxy_protocol is dropped"),
        (
            declared(proxy_protocol=["10.1.0.0/16"]),
            declared(proxy_protocol=["10.0.0.0/8"]),
            "front_end.proxy_protocol has 10.0.0.0/8 more",
        ),
        (declared(tls=TLS), declared(tls={**TLS, "redirect_http": False}), "tls.redirect_http is off"),
        (declared(tls=TLS), declared(tls={**TLS, "min_version": "1.2"}), "tls.min_version is 1.2"),
        (declared(tls=TLS), declared(tls={"min_version": 1.3}), "tls.hsts is dropped"),
        (declared(tls=TLS), declared(tls={**TLS, "hsts": {"max_age": 60}}), "tls.hsts.max_age is shorter"),
        (declared(tls=CLIENTS), declared(tls=TLS), "tls.client_ca is dropped"),
        (
            declared(tls=CLIENTS),
            declared(tls={**CLIENTS, "client_ca": OURS + THEIRS}),
            "tls.client_ca has 1 more",
        ),
        (
            declared(tls=CLIENTS),
            declared(tls={**CLIENTS, "client_ca": f"\n{OURS}", "client_verify": "optional"}),
            "tls.client_verify is optional",
        ),
        (declared({"allow_from": ["10.1.0.0/16"]}), declared(), "backends.web.allow_from is dropped"),
        (
            declared({"allow_from": ["10.1.0.0/16"]}),
            declared({"allow_from": ["10.0.0.0/8"]}),
            "backends.web.allow_from has 10.0.0.0/8 more",
        ),
        (declared({"deny_from": ["::/0"]}), declared(), "backends.web.deny_from has ::/0 no more"),
        (declared({"rate_limit": RATE}), declared(), "backends.web.rate_limit is dropped"),
        (
            declared({"rate_limit": RATE}),
            {"backends": {"web": {"rate_limit": {**RATE, "exempt": ["::/0"]}}}},
            "backends.web.rate_limit is wider",
        ),
        (declared({"max_request_body": 5}), declared(), "backends.web.max_request_body is dropped"),
        (
            declared({"max_request_body": 5}),
            declared({"max_request_body": 6}),
            "backends.web.max_request_body is larger",
        ),
    ],
)
def test_a_protection_that_is_dropped_is_a_line_and_a_gate(
    before: dict[str, Any], after: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """The way back drops none, nor does a change whose arguments are not known."""
    stays = [(after, before), (before, before), ({}, after), (before, "[secret]")]

    for old, new, dropped in [(before, after, True), *((old, new, False) for old, new in stays)]:
        found = case("timeout")
        (step,) = (each for each in found["steps"] if each["urn"].endswith("FrontEndConfig::site-lb-config"))
        step["oldState"]["inputs"]["settings"], step["newState"]["inputs"]["settings"] = old, new
        file = tmp_path / "dev.json"
        file.write_text(json.dumps(found))
        (change,) = review(file.read_text()).changes
        lines = [each.text for each in change.consequences if each.protection]

        assert bool(lines) == dropped
        assert not dropped or said in lines[0]
        assert (main([str(file), "--fail-on", "protection"]) == REFUSED) == dropped


def test_a_protection_that_a_gateway_drops_is_a_line() -> None:
    found = case("swarm-route")
    before, after = declared({"allow_from": ["10.1.0.0/16"]}), declared()
    for step in found["steps"]:
        if "GatewayConfig::" in step["urn"]:
            for state, settings in (("oldState", before), ("newState", after)):
                if state in step:
                    step[state]["inputs"]["settings"] = settings

    changes = review(json.dumps(found)).changes

    said = [each.text for change in changes for each in change.consequences if each.protection]
    assert said == [
        "backends.web.allow_from is dropped, which drops a protection: clients of all networks get in."
    ]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (
            {"a.example": "2"},
            "Another certificate of a.example: valid until 1 → until 2. The tasks are replaced.",
        ),
        (None, "TLS is removed, which drops a protection: HTTPS is refused, and plain HTTP is served."),
    ],
    ids=["another", "TLS removed"],
)
def test_changes_of_certificates_of_a_gateway_are_lines(after: dict[str, str] | None, said: str) -> None:
    found = case("swarm-route")
    for step in found["steps"]:
        if "GatewayConfig::" in step["urn"]:
            for state, ends in (("oldState", {"a.example": "1"}), ("newState", after)):
                if state in step and ends is not None:
                    step[state]["inputs"]["validUntil"] = ends

    changes = review(json.dumps(found)).changes

    assert said in [each.text for change in changes for each in change.consequences]


def update(files: Iterable[Path]) -> None:
    for file in files:
        file.with_suffix(".md").write_text(markdown(review(file.read_text())))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--update"]:
            update(FILES)
        case ["--record", name]:
            (FOLDER / f"{name}.json").write_text(reduced(sys.stdin.read()))
            update([FOLDER / f"{name}.json"])
        case _:
            sys.exit("usage: python -m tests.unit.test_review --update | --record <case> <preview.json")
