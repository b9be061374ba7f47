"""`mock-akool calibrate`: a live fake is calibrated, with a plan before and files after."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mock_akool import MockAkool
from mock_akool.cli import calibrate, main

KEY: Final = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk1"
CLIENT_ID: Final = "AAECAwQFBgcICQoLDA0ODw=="
ACCOUNTS: Final = [{"api_key": KEY, "client_id": CLIENT_ID, "credits": 100}]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "PACE_S", 0.0)


@pytest.fixture
def url() -> Iterator[str]:
    from mock_akool.core.clock import SystemClock

    fake = MockAkool(
        clock=SystemClock(),
        strict=True,
        accounts=ACCOUNTS,
        error_data="null",
        queueing=0,
        processing=0,
        webhook_processing=False,
    )
    with fake.server() as server:
        fake.application.carry_by("http")
        yield server.url


def ran(*arguments: str) -> int:
    return main(["calibrate", *arguments])


class TestBeforeTheFirstRequest:
    def test_without_yes_and_without_a_terminal_nothing_is_asked(
        self, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
        assert ran(url, "--api-key", KEY) == 1
        said = capsys.readouterr()
        assert "probes" in said.out
        assert said.err == "mock-akool: nobody is there to agree to the plan. Give --yes when this is no terminal\n"

    @pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0)])
    def test_a_person_is_asked(
        self, url: str, answer: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: answer)
        assert ran(url, "--api-key", KEY, "--only", "unknown_job_code") == code
        assert ("nothing was asked" in capsys.readouterr().out) is (code == 1)

    def test_the_end_of_the_input_is_a_no(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def ended(prompt: str) -> str:
            raise EOFError

        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", ended)
        assert ran(url, "--api-key", KEY, "--only", "unknown_job_code") == 1

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((), "--api-key: it is missing"),
            (("--api-key", KEY, "--only", "eror_data"), "there is no probe 'eror_data'; did you mean 'error_data'?"),
            (("--api-key", KEY, "--families", "lipsynk"), "there is no family 'lipsynk'; did you mean 'lipsync'?"),
            (
                ("--api-key", KEY, "--media", "film=x"),
                "--media film: there is no such key; the keys here are image, video, audio",
            ),
            (("--api-key", KEY, "--report", "/no/such/folder/x"), "cannot write /no/such/folder/x"),
            (("--api-key", KEY, "--yes", "--webhook-url", "http://h.test", "--listen", "x"), "'x' is no address"),
        ],
    )
    def test_mistakes_are_said(
        self, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AKOOL_API_KEY", raising=False)
        assert ran("http://127.0.0.1:1", *arguments) == 1
        assert said in capsys.readouterr().err


def test_a_service_that_does_not_answer_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("http://127.0.0.1:1", "--api-key", KEY, "--yes") == 1
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.lengthy
def test_files_are_written_and_the_next_run_finds_no_difference(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKOOL_API_KEY", KEY)
    monkeypatch.setenv("AKOOL_CLIENT_ID", CLIENT_ID)
    report, settings = tmp_path / "report.json", tmp_path / "found.toml"
    assert ran(url, "--yes", "--report", str(report), "--write-settings", str(settings)) == 1
    assert "null, and the fake omit" in capsys.readouterr().out
    assert tomllib.loads(settings.read_text()) == {"error_data": "null"}
    found = json.loads(report.read_text())
    assert found["counts"]["differs"] == 1
    assert found["credits"] == 0
    assert KEY not in report.read_text()
    assert ran(url, "--yes", "--config", str(settings)) == 0
    assert "0 differs" in capsys.readouterr().out


def test_jobs_files_and_webhooks_of_a_live_service(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = [each for name in ("webhook_processing", "file:image", "fields:image") for each in ("--only", name)]
    who = ("--api-key", KEY, "--client-id", CLIENT_ID, "--yes", "--spend", "20")
    assert ran(url, *who, *only, "--webhook-url", "http://127.0.0.1:{port}/hook") == 1
    said = capsys.readouterr().out
    assert "webhook_processing  false, and the fake true" in said
    assert said.endswith("2 credits: 2 confirmed, 1 differs, 0 not asked\n")


def test_a_port_that_is_taken_is_said(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    taken = url.rpartition(":")[2]
    who = ("--api-key", KEY, "--yes", "--webhook-url", "http://127.0.0.1:1")
    assert ran(url, *who, "--listen", f"127.0.0.1:{taken}") == 1
    assert "cannot listen for webhooks" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_said(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(url, "--api-key", KEY, "--yes", "--only", "unknown_job_code", "--report", str(tmp_path)) == 1
    assert "cannot write" in capsys.readouterr().err
