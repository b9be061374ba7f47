"""No command takes a flag that does nothing: it is refused, and the message says why."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import mock_akool
from mock_akool.cli import build_parser, main
from mock_akool.server.settings import table
from tests.children import Child, Serving, run_with_children

LISTENING: Final = {
    "host", "port", "port_file", "uds", "public_url", "no_tls", "tls_only", "tls_name", "ca_dir", "proxy",
    "proxy_others", "forwarded_allow_ips", "admin_token", "admin_hosts", "log", "call_log_size", "call_log_bytes",
}  # fmt: skip
ALL: Final = {row.name for row in table()}
OF_API: Final = {row.name for row in table() if row.flag.startswith("--set ")}
USED: Final = {
    "serve": ALL,
    "exec": ALL,
    "gauntlet": ALL - {"scenario", "state", "watch", "port", "port_file", "uds", "log"},
    "calibrate": OF_API | {"profile", "queueing", "processing", "ending", "realistic"},
    "record": LISTENING | {"max_body_bytes"},
    "replay": LISTENING,
}
"""Which settings a command uses. Who adds one decides this for each of them."""
BEFORE: Final = {
    "record": ("--upstream", "http://127.0.0.1:9"),
    "replay": ("no-such-folder",),
    "calibrate": ("http://127.0.0.1:9", "--api-key", "k"),
}
REFUSED: Final = [(command, name) for command in USED for name in sorted(ALL - USED[command])]


def parsers(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give the parsers of all commands, by their names."""
    inner = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for action in inner:
        for word, each in action.choices.items():
            yield from parsers(each, f"{name} {word}".strip())
    if not inner:
        yield name, parser


PARSERS: Final = dict(parsers(build_parser()))


def test_the_commands_with_settings_are_those_that_are_listed() -> None:
    assert {name for name, each in PARSERS.items() if each.get_default("unused") is not None} == set(USED)


@pytest.mark.parametrize("command", USED)
def test_a_command_has_the_flags_of_the_settings_that_it_uses(command: str) -> None:
    dests = {each.dest for each in PARSERS[command]._actions}
    assert dests & ALL == USED[command] - OF_API
    assert set(PARSERS[command].get_default("unused")) == ALL - USED[command]


@pytest.mark.parametrize(("command", "name"), REFUSED)
def test_a_setting_that_would_do_nothing_is_refused(
    command: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flag = f"--{name.replace('_', '-')}"
    with pytest.raises(SystemExit) as ended:
        main([command, *BEFORE.get(command, ()), flag, "x"])
    assert ended.value.code == 2
    assert f"{flag} would do nothing here: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["calibrate", "record", "replay"])
def test_a_setting_that_is_given_by_set_and_would_do_nothing_is_refused(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([command, *BEFORE[command], "--set", "state=x"]) == 1
    assert "--set state: it would do nothing here; " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


SOURCES: Final = "\n".join(file.read_text() for file in Path(mock_akool.__file__).parent.glob("cli/*.py"))


@pytest.mark.parametrize("command", PARSERS)
def test_each_flag_of_its_own_is_read(command: str) -> None:
    for action in PARSERS[command]._actions:
        if action.dest in ("help", "version") or action.dest in ALL:
            continue
        assert re.search(rf"\boptions\.{action.dest}\b", SOURCES) or action.dest in (
            "client_id",
            "other_api_key",
            "empty_api_key",
            "banned_api_key",
            "api_key",
        ), action.dest


class TestExec:
    def test_attached_it_takes_no_settings_of_a_server(self, capsys: pytest.CaptureFixture[str]) -> None:
        for given, needless in (
            (("--processing", "3s"), "--processing"),
            (("--set", "processing=3s"), "--processing"),
            (("--scenario", "stuck-in-queue"), "--scenario"),
        ):
            with pytest.raises(SystemExit) as ended:
                main(["exec", "--attach", "http://127.0.0.1:9", *given, "--", "true"])
            assert ended.value.code == 2
            assert f"--attach uses a server that runs already; leave out {needless}." in capsys.readouterr().err

    def test_variables_are_printed_without_a_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["exec", "--report", "x", "--quiet", "--print-env", "shell", "--", "true"])
        assert "--print-env runs no command; leave out --quiet, --report, COMMAND." in capsys.readouterr().err
        with pytest.raises(SystemExit):
            main(["exec", "--print-env", "--processing", "3s"])
        assert "--print-env starts no server; leave out --processing." in capsys.readouterr().err

    def test_jobs_are_still_there_at_the_next_time(self, tmp_path: Path) -> None:
        state = str(tmp_path / "state.json")
        create = (
            "import json, urllib.request as u\n"
            "r = u.Request('https://openapi.akool.com/api/open/v3/content/image/createbyprompt',\n"
            "    b'{\"prompt\": \"x\"}', {'x-api-key': 'k', 'content-type': 'application/json'})\n"
            "print(json.load(u.urlopen(r, timeout=30))['data']['_id'])\n"
        )
        made = run_with_children("exec", "--quiet", "--state", state, "--", sys.executable, "-c", create)
        assert made.returncode == 0, made.stderr
        poll = (
            "import json, urllib.request as u\n"
            "r = u.Request('https://openapi.akool.com/api/open/v3/content/image/infobymodelid?image_model_id="
            f"{made.stdout.strip()}', headers={{'x-api-key': 'k'}})\n"
            "print(json.load(u.urlopen(r, timeout=30))['code'])\n"
        )
        found = run_with_children("exec", "--quiet", "--state", state, "--", sys.executable, "-c", poll)
        assert (found.stdout.strip(), found.returncode) == ("1000", 0), found.stderr

    def test_a_state_file_that_cannot_be_used_runs_nothing(self, tmp_path: Path) -> None:
        state = tmp_path / "state.json"
        state.write_text("nonsense")
        ended = run_with_children("exec", "--state", str(state), "--", sys.executable, "-c", "print('ran')")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "cannot be used: it is no JSON" in ended.stderr

    def test_the_port_file_is_there_while_the_command_runs(self, tmp_path: Path) -> None:
        port = tmp_path / "port"
        program = f"import pathlib; print(pathlib.Path({str(port)!r}).read_text().strip().isdecimal())"
        ended = run_with_children("exec", "--quiet", "--port-file", str(port), "--", sys.executable, "-c", program)
        assert ended.stdout.strip() == "True"
        assert not port.exists()

    def test_files_of_scenarios_are_read_again(self, tmp_path: Path) -> None:
        scenario = tmp_path / "mine.yaml"
        scenario.write_text("description: mine\n")
        program = (
            "import pathlib, sys, time\n"
            f"pathlib.Path({str(scenario)!r}).write_text('description: other\\n')\n"
            f"time.sleep(2)\n"
        )
        ended = run_with_children("exec", "--scenario", str(scenario), "--watch", "--", sys.executable, "-c", program)
        assert "the scenarios were read again: mine" in ended.stderr
        assert ended.stdout == ""


def test_what_a_command_does_not_use_may_stand_in_variables_and_files(tmp_path: Path) -> None:
    state, config = tmp_path / "state.json", tmp_path / "akool.toml"
    config.write_text('watch = true\nerror_data = "null"\n')
    variables = {"MOCK_AKOOL_STATE": str(state), "MOCK_AKOOL_CONFIG": str(config), "MOCK_AKOOL_QUEUEING": "9s"}
    with Serving() as upstream:
        folder = str(tmp_path / "recording")
        arguments = ("record", "--upstream", upstream.url, "--into", folder, "--port", "0")
        with Child(*arguments, variables=variables) as recorder:
            recorder.said("listens on")
    assert (tmp_path / "recording" / "recording.json").exists()
    assert not state.exists()
