"""The wheel: built, installed into an empty environment, and used from there, away from the repository."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from mock_akool import __version__
from tests.children import run
from tests.installation import PATIENCE_S, Installed
from tests.packaging.dockerfile import ROOT

pytestmark = pytest.mark.slow  # it takes seconds to build, and rarely lacks something


class TestWheel:
    def test_it_holds_every_module_with_its_data_and_the_examples(self, wheel: Path) -> None:
        root = wheel.parent / "sources"
        suffixes = {".py", ".typed", ".yaml", ".txt", ".mp3", ".mp4", ".cjs", ".html", ".css", ".js"}
        files = (root / "mock_akool").rglob("*")
        sources = {file.relative_to(root).as_posix() for file in files if file.suffix in suffixes}
        assert {
            "mock_akool/py.typed",
            "mock_akool/cli/shims/node.cjs",
            "mock_akool/admin/dashboard/index.html",
        } <= sources
        sources |= {f"mock_akool/examples/{file.name}" for file in (root / "examples").iterdir()}
        with zipfile.ZipFile(wheel) as archive:
            held = {name for name in archive.namelist() if name.startswith("mock_akool/")}
        assert held == sources

    def test_it_holds_nothing_else(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            tops = {name.partition("/")[0] for name in archive.namelist()}
        assert tops == {"mock_akool", f"mock_akool-{__version__}.dist-info"}

    def test_it_says_what_it_is(self, wheel: Path) -> None:
        information = f"mock_akool-{__version__}.dist-info"
        with zipfile.ZipFile(wheel) as archive:
            said = HeaderParser().parsestr(archive.read(f"{information}/METADATA").decode())
            licence = archive.read(f"{information}/licenses/LICENSE").decode()
            commands = archive.read(f"{information}/entry_points.txt").decode()
        assert (said["Name"], said["Version"], said["License-Expression"]) == ("mock-akool", __version__, "MIT")
        assert said["Requires-Python"] == ">=3.11"
        assert licence == (ROOT / "LICENSE").read_text()
        assert "mock-akool = mock_akool.cli:main" in commands
        assert said.get_payload()

    def test_its_page_has_no_links_to_files_that_are_not_there(self, wheel: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            said = HeaderParser().parsestr(archive.read(f"mock_akool-{__version__}.dist-info/METADATA").decode())
        page = said.get_payload()
        assert said["Description-Content-Type"] == "text/markdown"
        assert isinstance(page, str)
        assert page.startswith("# mock-akool\n")
        assert "(`docs/getting-started/pytest.md`)" in page
        assert [to for to in re.findall(r"\]\(([^)]+)\)", page) if not to.startswith(("#", "https://"))] == []

    def test_the_source_distribution_has_the_pages_that_the_readme_names(self, wheel: Path) -> None:
        readme = (ROOT / "README.md").read_text()
        pages = set(re.findall(r"\]\(([\w./-]+\.md)", readme))
        assert len(pages) > 8
        (source,) = wheel.parent.glob("*.tar.gz")
        with tarfile.open(source) as archive:
            held = {name.partition("/")[2] for name in archive.getnames()}
        assert pages - held == set()


class TestInstalled:
    def test_it_is_the_installed_package_that_runs(self, installed: Installed) -> None:
        told = installed.run("python", "-c", "import mock_akool; print(mock_akool.__file__)")
        assert Path(told.stdout.strip()).is_relative_to(installed.bin.parent)

    def test_it_tells_its_version(self, installed: Installed) -> None:
        told = installed.run("mock-akool", "--version")
        assert (told.returncode, told.stdout) == (0, f"mock-akool {__version__}\n")

    def test_each_part_of_it_can_be_used(self, installed: Installed) -> None:
        told = installed.run("python", "-W", "error", ROOT / "tests" / "packaging" / "smoke.py")
        assert (told.stdout, told.stderr) == ("a server, Flask, webhooks, requests: all of it works\n", "")

    def test_its_examples_can_be_had(self, installed: Installed) -> None:
        told = installed.run("mock-akool", "examples", "copy", "copied", "answering_fetch.mjs")
        assert (told.returncode, told.stderr) == (0, "")
        kept = ROOT / "examples" / "answering_fetch.mjs"
        assert (installed.folder / "copied" / "answering_fetch.mjs").read_bytes() == kept.read_bytes()

    def test_a_token_needs_no_faker(self, installed: Installed) -> None:
        code = "from mock_akool.server.people import people; print(len(people())); import faker"
        told = installed.run("python", "-c", code)
        assert int(told.stdout) > 1000
        assert "No module named 'faker'" in told.stderr

    def test_the_demo_plays(self, installed: Installed) -> None:
        told = installed.run("mock-akool", "demo", "--folder", "images")
        assert (told.returncode, told.stderr) == (0, "")
        assert "11 images in images" in told.stdout
        assert len(list((installed.folder / "images").glob("*.jpg"))) == 11

    # That the marker of types is in the wheel is seen above, and what users see of them in tests/typing.
    def test_its_types_are_seen_by_those_who_use_it(self, installed: Installed) -> None:
        (installed.folder / "user.py").write_text(
            "from mock_akool import Mockakool, MockAkool\n"
            "from mock_akool.webhooks import unseal\n"
            "with MockAkool(seed=7).server() as server:\n"
            "    port: str = server.port\n"
        )
        told = run(
            *("--strict", "--no-incremental", "--cache-dir", installed.folder / "cache"),
            *("--python-executable", installed.bin / "python", "user.py"),
            command=[sys.executable, "-m", "mypy"],
            folder=installed.folder,
            patience_s=PATIENCE_S,
        )
        assert told.stdout.splitlines() == [
            'user.py:1: error: Module "mock_akool" has no attribute "Mockakool"; maybe "MockAkool"?  [attr-defined]',
            'user.py:2: error: Module "mock_akool.webhooks" has no attribute "unseal"; maybe "seal"?  [attr-defined]',
            'user.py:4: error: Incompatible types in assignment (expression has type "int", variable has type "str")'
            "  [assignment]",
            "Found 3 errors in 1 file (checked 1 source file)",
        ]
