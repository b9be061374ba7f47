"""The clients of `examples` come through the gauntlet."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import pytest

from mock_akool.akool.endpoints import GROUPS
from mock_akool.cli import main
from mock_akool.gauntlet import Verdict
from mock_akool.scenario_library.library import named, names
from tests.extent import choose
from tests.programs import need

FOLDER: Final = Path(__file__).parents[2] / "examples"
CLIENTS: Final = sorted(FOLDER.glob("*_client.*"))
PROGRAMS: Final = {".py": sys.executable, ".mjs": "node", ".sh": "sh"}
NEEDED: Final = {".py": sys.executable, ".mjs": "node", ".sh": "curl"}

ABOUT_OTHERS: Final = {name for name in names() if named(name).webhooks or named(name).expect.about != GROUPS["any"]}
"""Scenarios about other jobs, tokens and webhooks: the clients send an API key, poll, and want images."""
ALL: Final = [name for name in names() if name not in ABOUT_OTHERS]
USUAL: Final = ["banned", "broken-files", "expired-files", "fails", "flaky-gateway", "garbage-bodies", "rate-limited"]


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(file, id=file.name, marks=[] if file.name == "requests_client.py" else pytest.mark.slow)
        for file in CLIENTS
    ],
)
def test_an_example_comes_through_the_gauntlet(
    client: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need(NEEDED[client.suffix])
    pause_s = choose("0.3", "0.8")  # `slow` wants half a second
    variables = {"BASE_URL": "https://openapi.akool.com", "API_KEY": "my-key", "PAUSE_S": pause_s, "PATIENCE_S": "15"}
    for name, value in variables.items():
        monkeypatch.setenv(f"AKOOL_{name}", value)
    monkeypatch.chdir(tmp_path)
    scenarios, found = choose(USUAL, ALL), tmp_path / "found.json"
    options = ["--only", ",".join(scenarios), "--json", str(found)]
    status = main(["gauntlet", *options, "--", PROGRAMS[client.suffix], str(client), "a red fox"])
    assert status == 0, capsys.readouterr().out
    verdicts = {each["scenario"]: each["verdict"] for each in json.loads(found.read_text())["judgements"]}
    assert list(verdicts) == scenarios
    assert set(verdicts.values()) <= {Verdict.SURVIVED, Verdict.GAVE_UP}
    assert {name for name in ("broken-files", "flaky-gateway", "rate-limited") if verdicts[name] != "survived"} == set()
