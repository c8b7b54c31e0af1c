"""The site that `make docs` builds."""

import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.documents import DOCS, documents
from tests.support.program import ROOT

pytestmark = pytest.mark.slow

LOADS = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""Elements that make a browser fetch something, each with its attribute."""


@dataclass
class Page(HTMLParser):
    """Links, loads and anchors of a page."""

    text: str
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        if "id" in found:
            self.anchors.add(found["id"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if LOADS.get(tag, "") in found:
            self.loads.append(found[LOADS[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """Provide the pages of the site by their files, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run([*build, DOCS, folder], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return {path: Page(path.read_text()) for path in folder.rglob("*.html")}


def test_every_document_is_a_page(site: dict[Path, Page]) -> None:
    """But for README, which is where the repository begins."""
    names = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in documents() if DOCS in path.parents
    }

    (folder,) = {path.parent for path in site if path.name == "index.html"}

    assert names == {
        path.relative_to(folder).with_suffix("").as_posix()
        for path in site
        if path.stem not in ("genindex", "search")
    }


def test_every_link_within_leads_somewhere(site: dict[Path, Page]) -> None:
    """To a file of the site, and to a place in it where one is named."""
    broken = []
    for path, page in site.items():
        for link in page.links:
            to = urlsplit(link)
            if to.scheme:
                continue
            target = (path.parent / unquote(to.path)).resolve() if to.path else path
            there = site[target].anchors if target in site else set()
            if not target.exists() or (to.fragment and to.fragment not in there):
                broken.append((path.name, link))

    assert broken == []


def test_no_page_fetches_anything_from_elsewhere(site: dict[Path, Page]) -> None:
    """Scripts, styles, fonts and pictures are the site's own."""
    (folder,) = {path.parent for path in site if path.name == "index.html"}
    loads = {load for page in site.values() for load in page.loads}
    styles = "".join(path.read_text() for path in folder.rglob("*.css"))

    assert {load for load in loads if urlsplit(load).netloc} == set()
    assert "url(http" not in styles
    assert "@import" not in styles
