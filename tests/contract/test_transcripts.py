"""The conversations in `fixtures/transcripts/`: the fake answers now what stands there, word for word, and says why."""

from __future__ import annotations

import pytest

from tests.contract.transcripts import FOLDER, played_section, sections

FILES = sorted(FOLDER.glob("*.txt"))
PARTS = {f"{file.stem}: {title}": part for file in FILES for title, part in sections(file.read_text("utf-8")).items()}


@pytest.mark.parametrize("name", PARTS)
def test_the_fake_answers_so(name: str) -> None:
    assert played_section(PARTS[name]) == PARTS[name], "if the change is meant: python -m tools.regenerate_golden"


def test_each_part_has_a_title_of_its_own_and_something_is_answered() -> None:
    titles = [line for file in FILES for line in file.read_text("utf-8").splitlines() if line.startswith("## ")]
    assert len(titles) == len(PARTS) > 0
    assert all("\n    " in part for part in PARTS.values())
