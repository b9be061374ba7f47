"""The clients of `examples` come through the gauntlet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from mock_akool.akool.codes import API_URL
from mock_akool.akool.endpoints import GROUPS
from mock_akool.cli import main
from mock_akool.gauntlet import Verdict
from mock_akool.scenario_library.library import named, names
from tests.docs.example_commands import command_of, each_way

pytestmark = pytest.mark.slow

PAUSE_S: Final = "0.8"
"""The scenario `slow` wants half a second."""

ABOUT_OTHERS: Final = {name for name in names() if named(name).webhooks or named(name).expect.about != GROUPS["any"]}
"""Scenarios about other jobs, tokens and webhooks: the clients send an API key, poll, and want images."""
ALL: Final = [name for name in names() if name not in ABOUT_OTHERS]
USUAL: Final = ["banned", "broken-files", "expired-files", "fails", "flaky-gateway", "garbage-bodies", "rate-limited"]
OVERCOME: Final = ["broken-files", "flaky-gateway"]
"""Those of which a client must come out with its file."""

KINDS: Final = {
    "*_faceswap.*": (
        "faceswap_v3",
        "swap-url-too-early",
        ["https://example.com/face.jpg", "https://example.com/b.jpg"],
    ),
    "*_videos.*": ("image2video", "partial-batch", ["https://example.com/fox.png", "it turns its head", "3"]),
}
"""The examples of other families: the family, a scenario of its own, and what they are called with."""


@pytest.mark.parametrize("client", each_way("*_client.*"))
def test_an_example_comes_through_the_gauntlet(
    client: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # One client of each language meets all of them.
    scenarios = USUAL if client.name in {"httpx_client.py", "aiohttp_client.py"} else ALL
    options = ["--only", ",".join(scenarios)]
    monkeypatch.chdir(tmp_path)
    verdicts = judge(options, [*command_of(client, tmp_path_factory), "a red fox"], monkeypatch, capsys)
    assert list(verdicts) == scenarios


@pytest.mark.parametrize(
    ("client", "family", "own", "words"),
    [
        pytest.param(*each.values, *about, id=each.id, marks=each.marks)
        for pattern, about in KINDS.items()
        for each in each_way(pattern)
    ],
)
def test_an_example_comes_through_what_is_about_its_family(
    client: Path,
    family: str,
    own: str,
    words: list[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    # All scenarios take half a minute, most of which is the patience of the clients: one of them has it.
    options = [] if client.name.startswith("requests_") else ["--only", ",".join([*USUAL, own])]
    command = [*command_of(client, tmp_path_factory), *words]
    verdicts = judge([*options, "--family", family], command, monkeypatch, capsys)
    assert set(verdicts) >= {*USUAL, own}


def judge(
    options: list[str], command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, str]:
    """Run an example in a folder of its own through the gauntlet; returns the verdicts, of which none is bad."""
    variables = {"BASE_URL": API_URL, "API_KEY": "my-key", "PAUSE_S": PAUSE_S, "PATIENCE_S": "15"}
    for name, value in variables.items():
        monkeypatch.setenv(f"AKOOL_{name}", value)
    found = Path("found.json")
    status = main(["gauntlet", *options, "--json", str(found), "--", *command])
    assert status == 0, capsys.readouterr().out
    verdicts = {each["scenario"]: each["verdict"] for each in json.loads(found.read_text())["judgements"]}
    assert set(verdicts.values()) <= {Verdict.SURVIVED, Verdict.GAVE_UP}
    assert {name for name in OVERCOME if verdicts[name] != "survived"} == set()
    return verdicts
