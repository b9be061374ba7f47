"""Findings that were accepted before, so that a team can start today and get stricter."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mock_akool.core.errors import Mistakes, SettingsError
from mock_akool.core.schema import did_you_mean
from mock_akool.gauntlet.judging import Judgement
from mock_akool.gauntlet.rules import RULES

Known = frozenset[tuple[str, str]]
"""Accepted findings, each a scenario and the name of a finding."""


def read_known(text: str, source: str = "known findings") -> Known:
    """Return the findings of a text with a line `scenario: finding` for each; what follows a `#` is a remark.

    Raises SettingsError with all lines that are none.
    """
    mistakes, found = Mistakes(), set[tuple[str, str]]()
    names = [rule.name for rule in RULES]
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        scenario, colon, name = (each.strip() for each in said.partition(":"))
        if said and (not colon or not scenario):
            mistakes.add(f"{said!r} is not an accepted finding", "write `scenario: finding`", (source, number))
        elif said and name not in names:
            mistakes.add(f"there is no finding {name!r}", did_you_mean(name, names), (source, number))
        elif said:
            found.add((scenario, name))
    mistakes.raise_any()
    return frozenset(found)


def read_known_file(path: Path) -> Known:
    """Return the findings of a file; raises SettingsError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read it: {error}", "give a text file", (str(path),)) from None
    return read_known(text, str(path))


def accepting(judgements: Iterable[Judgement], known: Known) -> tuple[Judgement, ...]:
    """Return the judgements, those marked of which each finding was accepted before."""
    return tuple(
        each._replace(
            is_known=bool(each.findings) and all((each.scenario, finding.name) in known for finding in each.findings)
        )
        for each in judgements
    )
