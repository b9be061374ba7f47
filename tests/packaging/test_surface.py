"""What users rely on stays: the saved listings of Python names, admin routes and fields, keys, settings and commands.

`python -m tools.public_surface` adds what is new; `make release-check` wants all of it listed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.dockerfile import ROOT
from tools import public_surface

EXAMPLES: Final = {
    "admin": [
        "GET /_mock/report > 200 .hints",
        "POST /_mock/clock/advance < .seconds",
        "GET /_mock/calls ?endpoint",
        "Job .status",
    ],
    "commands": ["mock-akool serve --port", "mock-akool scenarios check", "mock-akool scenarios check FILE"],
    "gauntlet": [".judgements[].findings[].name", "finding polled on", "verdict survived"],
    "python": [
        "mock_akool.MockAkool.next_job(processing)",
        "mock_akool.webhooks.seal(nonce)",
        "mock_akool.Status.COMPLETED = 3",
        "mock_akool.Call.response",
        "fixture akool_mock",
    ],
    "scenario": [".jobs[].when.endpoint", ".jobs[].ending.failed.reasons"],
    "settings": ["queueing --queueing MOCK_AKOOL_QUEUEING"],
}
"""Some lines of each listing."""


def gone(name: str) -> list[str]:
    """Return the saved lines of a listing that are no longer true."""
    return sorted(set(public_surface.saved(name)) - set(public_surface.surface()[name]))


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_that_users_rely_on_is_gone(name: str) -> None:
    assert gone(name) == [], (
        "these break users: keep them, deprecated, until the next major version; "
        "what never was in a release goes with `python -m tools.public_surface --remove`"
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_name_that_goes_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, today = EXAMPLES[name], public_surface.surface()
    left = [line for line in today[name] if line not in expected]
    monkeypatch.setattr(public_surface, "surface", lambda: {**today, name: left})
    assert gone(name) == sorted(expected)


def test_the_tool_adds_what_is_new_and_takes_nothing_away_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_surface, "FOLDER", tmp_path)
    (tmp_path / "commands.txt").write_text("mock-akool of-old\n")
    commands = public_surface.surface()["commands"]

    def ran(*flags: str) -> int:
        monkeypatch.setattr(sys, "argv", ["public_surface", *flags])
        return public_surface.main()

    assert ran("--check") == 1
    assert public_surface.saved("commands") == ["mock-akool of-old"]
    assert ran() == 0
    assert public_surface.saved("commands") == sorted(["mock-akool of-old", *commands])
    assert ran("--check") == 0
    assert ran("--remove") == 0
    assert public_surface.saved("commands") == commands


def test_it_is_run_as_the_docs_say() -> None:
    command = [sys.executable, "-m", "tools.public_surface", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0, told.stderr
