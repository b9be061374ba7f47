"""That the situations name the reports that they are from."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
REPORT = re.compile(r"[\w.-]+/[\w.-]+#[1-9]\d*")


def named() -> list[str]:
    """Return what the marker `reported` is given, in all modules of the folder."""
    sources = [
        path.read_text(encoding="utf-8") for path in FOLDER.glob("test_*.py") if path.name != Path(__file__).name
    ]
    return [
        name
        for source in sources
        for given in re.findall(r"reported\(([^()]*)\)", source)
        for name in re.findall(r'"([^"]*)"', given)
    ]


def test_each_is_a_repository_and_a_number() -> None:
    assert [name for name in named() if REPORT.fullmatch(name) is None] == []


def test_they_are_many() -> None:
    assert len(set(named())) >= 60
