"""The gauntlet: runs a client through every failure scenario, and judges it by what the fake saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_akool._lazy import lazy_names

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
    __getattr__, __dir__ = lazy_names(globals(), _HOMES)
