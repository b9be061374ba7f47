"""The gauntlet: runs a client through every failure scenario, and judges it by what the fake saw."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_akool.gauntlet.judging import Judgement, Verdict
    from mock_akool.gauntlet.known import read_known
    from mock_akool.gauntlet.page import as_html
    from mock_akool.gauntlet.races import Race, find_race
    from mock_akool.gauntlet.report import GauntletReport
    from mock_akool.gauntlet.rules import Finding
    from mock_akool.gauntlet.runner import run

_HOMES = {
    "Finding": "gauntlet.rules",
    "GauntletReport": "gauntlet.report",
    "Judgement": "gauntlet.judging",
    "Race": "gauntlet.races",
    "Verdict": "gauntlet.judging",
    "as_html": "gauntlet.page",
    "find_race": "gauntlet.races",
    "read_known": "gauntlet.known",
    "run": "gauntlet.runner",
}

__all__ = [
    "Finding",
    "GauntletReport",
    "Judgement",
    "Race",
    "Verdict",
    "as_html",
    "find_race",
    "read_known",
    "run",
]


if not TYPE_CHECKING:  # which would take it to mean that there are all names

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"mock_akool.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
