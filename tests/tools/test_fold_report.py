"""A report is folded into what the docs show, and only what a report may say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mock_akool.calibration import as_json
from mock_akool.server.settings import Settings
from tests.calibration.services import USUAL, found_out
from tools.fold_report import ReportError, folded, main, shown_observation

ONLY = frozenset({"error_data", "unknown_job_code", "foreign_job_code"})


def report(day: int = 29, **settings: Any) -> Any:
    found = found_out(Settings.of(**settings), USUAL, ONLY)
    return json.loads(as_json(found, datetime(2026, 11, day, tzinfo=UTC)))


def test_what_was_seen_is_kept_with_its_date() -> None:
    found = folded({}, report(error_data="null"))
    assert found["error_data"] == {"date": "2026-11-29", "seen": "null", "differs": True}
    assert found["unknown_job_code"] == {"date": "2026-11-29", "seen": 1008, "differs": False}
    assert [shown_observation(found[name]) for name in ("error_data", "unknown_job_code")] == [
        'differs, "null"',
        "confirmed",
    ]


def test_the_later_report_counts() -> None:
    newer = folded({}, report(29, error_data="null"))
    assert folded(newer, report(28))["error_data"]["differs"] is True
    assert folded(newer, report(30))["error_data"]["differs"] is False


def test_what_is_private_is_taken_out_and_the_table_stays_whole() -> None:
    row = {"probe": "envelope", "verdict": "differs", "seen": "a|b <x> person@mail.test", "here": 1}
    found = folded({}, {"format": 1, "date": "2026-11-29", "findings": [row]})
    assert shown_observation(found["envelope"]) == 'differs, "a\\|b &lt;x> …"'


def test_what_no_value_gives_is_shown_in_words_of_one_line() -> None:
    row = {"probe": "envelope", "verdict": "differs", "seen": None, "why": "x\n" * 90}
    found = folded({}, {"format": 1, "date": "2026-11-29", "findings": [row]})
    assert shown_observation(found["envelope"]).startswith("differs, x x x")
    assert len(shown_observation(found["envelope"])) < 100


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ([], "it is no report"),
        ({"format": 2}, "it is no report"),
        ({"format": 1, "date": "today"}, "its date is 'today'"),
        ({"format": 1, "date": "2026-11-29", "findings": [{"probe": "x"}]}, "unknown probe 'x'"),
        ({"format": 1, "date": "2026-11-29", "findings": [3]}, "unknown probe None"),
    ],
)
def test_what_is_no_report_is_refused(wrong: object, why: str) -> None:
    with pytest.raises(ReportError, match=why):
        folded({}, wrong)


def test_files_are_folded_or_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, file = tmp_path / "observations.json", tmp_path / "report.json"
    kept.write_text("{}")
    file.write_text(json.dumps(report(error_data="null")))
    assert main([str(file)], kept) == 0
    assert json.loads(kept.read_text())["error_data"]["seen"] == "null"
    file.write_text("no JSON")
    assert main([str(file)], kept) == 1
    assert str(file) in capsys.readouterr().err
    assert main([], kept) == 2
