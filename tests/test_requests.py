"""Requests as both kinds take them: what the table of traffic cannot say."""

import re

import pytest

from components.load_balanced.frontends import KINDS, requests
from tests.program import ROOT
from tests.test_golden import configuration

PAGE = (ROOT / "docs" / "front-ends.md").read_text()


@pytest.mark.parametrize("name", [*requests.MEMBERS, *requests.OTHERS, *requests.HOP_BY_HOP])
def test_the_page_names_each_header_that_is_removed(name: str) -> None:
    """In docs/front-ends.md."""
    assert f"`{name}`" in PAGE


def test_each_member_is_of_a_family() -> None:
    """Else HAProxy would let it pass."""
    pattern = re.compile(requests.PROXIES)

    assert [name for name in requests.MEMBERS if not pattern.match(name.lower())] == []


@pytest.mark.parametrize("kind", list(KINDS))
def test_ipv6_has_a_socket_of_its_own(kind: str) -> None:
    """IPv4 addresses are plain then; none where the kernel has no IPv6."""
    with_it = configuration(kind, {"image": "app:1"})
    without = configuration(kind, {"image": "app:1", "front_end": {"ipv6": False}})

    line = {"haproxy": "    bind :::80 v6only\n", "nginx": "        listen [::]:80 default_server;\n"}[kind]
    assert with_it.count(line) == 1
    assert with_it.replace(line, "") == without
