"""Each exception from a lint rule says its reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.packaging.dockerfile import ROOT

FOLDERS: Final = ("benchmarks", "examples", "mock_akool", "tests", "tools")
UNEXPLAINED: Final = re.compile(r"# noqa(?!: [A-Z0-9, ]+ - \w)")


def unexplained(text: str) -> list[str]:
    """Return the lines that switch a rule off and do not say why."""
    return [line.strip() for line in text.splitlines() if UNEXPLAINED.search(line)]


def test_each_line_that_switches_a_rule_off_says_why() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "node_modules" not in file.parts]
    assert len(files) > 300
    found = {str(file): unexplained(file.read_text()) for file in files if file.name != Path(__file__).name}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_one_without_a_reason_is_found() -> None:
    assert unexplained("x = 1  # noqa") == ["x = 1  # noqa"]
    assert unexplained("x = 1  # noqa: E741") == ["x = 1  # noqa: E741"]
    assert unexplained("x = 1  # noqa: E741 -") == ["x = 1  # noqa: E741 -"]
    assert unexplained("x = 1  # noqa: E741, C901 - the name of an axis") == []


def test_each_rule_that_is_off_everywhere_says_why() -> None:
    lint = (ROOT / "pyproject.toml").read_text().partition("[tool.ruff.lint]")[2].partition("[tool.importlinter]")[0]
    off = re.findall(r'(?m)^(?:    |"\S+" = \[)"[A-Z]+\d+".*$', lint)
    assert len(off) >= 7
    assert [line for line in off if not re.search(r"  # .*[a-z]", line)] == []
