"""The site of the docs is built without a warning, and fetches nothing from elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from mock_akool import __version__
from tests.docs.pages import DOCS, PAGES, ROOT
from tools.docs_reference import PUBLIC, home, members, public
from tools.docs_site import PAGES as ADDED

pytestmark = pytest.mark.slow

_FETCHED: Final = re.compile(
    r'(?:src|srcset)="(https?:)?//|<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="(?:https?:)?//'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARNING" not in built.stdout + built.stderr
    return folder


def _html(site: Path, page: str) -> str:
    name = "index.html" if page == "README.md" else page.replace("README.md", "index.html").replace(".md", ".html")
    return (site / name).read_text()


def test_it_has_every_page_and_what_pages_link_to(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert "<h1" in _html(site, page.relative_to(DOCS).as_posix())
    for name in ADDED:
        assert "<h1" in _html(site, name)
    for name in ("LICENSE", "examples/answering_fetch.mjs", "images/grid.jpg"):
        assert (site / name).is_file()
    assert {page.relative_to(ROOT).as_posix() for page in PAGES} - set(ADDED) <= {
        "AGENTS.md",
        *(page.relative_to(ROOT).as_posix() for page in DOCS.rglob("*.md")),
    }


def test_it_fetches_nothing_from_other_hosts(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert not _FETCHED.search(file.read_text()), file
    for file in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:|@import", file.read_text()), file


def test_it_can_be_searched_in_light_and_dark(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    text = "\n".join(entry["text"] for entry in index["docs"])
    for word in ("createBySourcePrompt", "credits insufficient", "FastAPI", "of_account"):
        assert word in text
    home_page = _html(site, "README.md")
    assert 'data-md-color-scheme="slate"' in home_page
    assert 'data-md-color-scheme="default"' in home_page


def test_what_commands_print_is_of_the_site_s_version(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    text = "\n".join(entry["text"] for entry in index["docs"] if not entry["location"].startswith("CHANGELOG"))
    assert f"mock-akool {__version__} listens on" in text
    assert set(re.findall(r"mock-akool (\d\S+) listens", text)) == {__version__}


def test_every_public_class_is_described_with_its_members(site: Path) -> None:
    page = _html(site, "reference/python-api.md")
    for name in PUBLIC:
        assert f'id="{name.lower()}"' in page
    for name in ("MockAkool", "RemoteAkool", "AccountView", "Calls", "Call", "RuleBuilder", "Webhooks"):
        listed = re.findall(r"(?m)^\| `(\w+)", members(public(name)))
        assert listed
        for member in listed:
            assert f'id="{home(name)}.{member}"' in page, f"{name}.{member}"
