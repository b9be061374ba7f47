"""The page that shows how a family is added tells the truth: a copy of the package follows its steps."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.children import environment

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "adding-a-family.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```(?:python|text)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
MOST_LINES: Final = 120


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package in which the page's steps were followed."""
    folder = tmp_path_factory.mktemp("with-stickers")
    package = folder / "mock_akool"
    shutil.copytree(ROOT / "mock_akool", package, ignore=shutil.ignore_patterns("__pycache__"))
    module, lines, _ = BLOCKS
    families = package / "akool" / "families"
    (families / "sticker.py").write_text(module, encoding="utf-8")
    known = families / "__init__.py"
    text = known.read_text(encoding="utf-8")
    imported, family = filter(None, lines.splitlines())
    for line, before in ((imported, "from mock_akool.akool.families.family import ("), (family, ")\n\nCREATES")):
        assert text.count(before) == 1
        text = text.replace(before, f"{line}\n{before}")
    known.write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(PYTHONPATH=str(folder)),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def test_the_module_is_short() -> None:
    assert len(BLOCKS[0].splitlines()) < MOST_LINES


def test_the_client_of_the_page_works(copy: Path) -> None:
    finished = run(copy, "-W", "error", "-c", BLOCKS[2])
    assert finished.returncode == 0, finished.stderr


@pytest.mark.slow
def test_the_contract_of_all_families_holds_for_it(copy: Path) -> None:
    for name in ("tests", "fixtures"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-k", "sticker")
    finished = run(copy, "-m", "pytest", *options, "tests/contract/test_families.py")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert re.search(r"\b[1-9]\d* passed", finished.stdout)


def test_the_openapi_document_has_it(copy: Path) -> None:
    ask = (
        "import json; from mock_akool import MockAkool, Request\n"
        "answer = MockAkool().answer(Request.build('GET', '/_mock/openapi.json'))\n"
        "paths = json.loads(answer.body)['paths']\n"
        "assert paths['/api/open/v4/sticker/create']['post']['requestBody']\n"
        "assert paths['/api/open/v4/sticker/detail/{_id}']['get']\n"
    )
    finished = run(copy, "-c", ask)
    assert finished.returncode == 0, finished.stderr
