"""Certificates of a service with the real `pulumi`: a change of them, a refused one, and their keys."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from components.naming import LABEL
from components.proxies.program import FOLDER
from components.review import review
from tests.bench.hosts import Host
from tests.support.certificates import Authority, Made, made, of_client, soon
from tests.support.program import PORT, Inline, PulumiError, service
from tests.support.secure import Secure, asked, served, there

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]

TLS_PORT = PORT + 400
FIRST, SECOND, OTHER = made("a.example"), made("a.example", ends=soon(15)), made("b.example")


class Secured:
    """A service with a certificate whose text and key are secrets of the stack."""

    def __init__(self, folder: Path, host: Host, kind: str) -> None:
        self.host = host
        pair = {"certificate": {"secret": "certificate"}, "private_key": {"secret": "key"}}
        self.tls: dict[str, Any] = {"port": TLS_PORT, "certificates": [pair]}
        front_end = {"kind": kind, "resolve": kind == "haproxy", "tls": self.tls}
        self.args = service(replicas=1, drain=1, host_names=["a.example"], front_end=front_end)
        self.program = Inline(folder, host, {"services": {"site": self.args}})
        self.give(FIRST.certificate, FIRST.private_key)

    def ask_clients(self, authority: str) -> None:
        """Set the authorities of clients; none with an empty text."""
        self.tls.pop("client_ca", None)
        if authority:
            self.tls["client_ca"] = authority
        self.program.configure({"services": {"site": self.args}})

    def give(self, certificate: str, private_key: str) -> None:
        """Set the secrets; the line break in front keeps the command from reading an option."""
        self.program.set_secret("certificate", f"\n{certificate}")
        self.program.set_secret("key", f"\n{private_key}")

    @property
    def place(self) -> tuple[str, int]:
        return self.host.address, TLS_PORT

    @property
    def front_end(self) -> Container:
        labels = [*self.program.labels, f"{LABEL}.role=front-end"]
        (found,) = self.host.engine().containers.list(filters={"label": labels})
        return found

    def everywhere(self) -> str:
        """Return all that is in the clear: the state, the container and its log, its files but keys."""
        container = self.front_end
        chunks, _ = container.get_archive(FOLDER)
        texts = [self.program.state_file.read_text(), json.dumps(container.attrs), container.logs().decode()]
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            for each in tar.getmembers():
                if each.isfile() and not each.name.endswith(".pem"):
                    file: Any = tar.extractfile(each)
                    texts.append(file.read().decode())
        return "\n".join(texts)


@pytest.fixture(params=["haproxy", "nginx"])
def secured(request: pytest.FixtureRequest, host: Host, tmp_path: Path) -> Iterator[Secured]:
    found = Secured(tmp_path, host, request.param)
    yield found
    found.program.destroy()


def is_shown(pair: Made, text: str) -> bool:
    """Return whether a line of the key is in a text."""
    return any(line in text for line in pair.private_key.splitlines() if "-----" not in line)


def test_a_certificate_is_replaced_under_load_and_no_key_is_shown(secured: Secured) -> None:
    """The container stays and no request fails. A wrong pair is refused before anything changes."""
    secured.program.up()
    first = secured.front_end.id
    assert served(*secured.place).split() == FIRST.certificate.split()
    assert secured.program.preview().changes == []

    secured.give(SECOND.certificate, OTHER.private_key)
    with pytest.raises(PulumiError) as refused:
        secured.program.preview()
    with asked(*secured.place) as answers:
        secured.give(*SECOND)
        preview = secured.program.preview()
        secured.program.up()

    assert "front_end.tls.certificates.0: private_key is the key of another certificate" in str(refused.value)
    assert {*answers} == {200}
    assert preview.changes == [("update", "site-lb-config"), ("update", "site-lb-ready")]
    assert "the certificate of a.example ends in 14 days" in "\n".join(preview.diagnostics)
    assert secured.front_end.id == first
    assert served(*secured.place).split() == SECOND.certificate.split()
    assert len(there(secured.front_end)) == 1
    assert secured.program.preview().changes == []
    said = f"{secured.everywhere()}{refused.value}{preview}"
    assert "valid" in said
    assert [pair for pair in (FIRST, SECOND, OTHER) if is_shown(pair, said)] == []


def test_clients_are_asked_for_a_certificate_and_no_longer(secured: Secured) -> None:
    """Each is a reload, in which no client with a certificate fails; a review names the way back."""
    ours = Authority("ours")
    client, other = of_client(ours, "CN=app"), of_client(Authority("theirs"), "CN=app")
    secured.program.up()
    first = secured.front_end.id

    with asked(*secured.place, client) as answers:
        secured.ask_clients(ours.text)
        preview = secured.program.preview()
        secured.program.up()
        assert Secure(*secured.place).refused()
        assert Secure(*secured.place, other).refused()
        assert secured.program.preview().changes == []
        secured.ask_clients("")
        back = secured.program.pulumi("preview", "--json", "--show-sames").stdout
        secured.program.up()

    assert {*answers} == {200}
    assert Secure(*secured.place).get() == 200
    assert preview.changes == [("update", "site-lb-config"), ("update", "site-lb-ready")]
    assert secured.front_end.id == first
    (change,) = review(back).changes
    assert [each.text for each in change.consequences if each.protection] == [
        "front_end.tls.client_ca is dropped, which drops a protection: clients need no certificate."
    ]
