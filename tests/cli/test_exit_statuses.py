"""Each command ends with the exit statuses that the docs and its help list: every one of them is run here."""

from __future__ import annotations

import argparse
import io
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import pytest

from mock_akool import MockAkool, SystemClock
from mock_akool.akool.families.family import Family
from mock_akool.cli import build_parser, demo_families, main
from mock_akool.cli.console import Screen
from mock_akool.cli.demo_client import Pace
from mock_akool.cli.exit_statuses import EXIT_STATUSES
from mock_akool.cli.isolation import IsolationError
from mock_akool.webhooks import seal
from tests.children import Child, Serving, run_here, run_with_children
from tests.webhooks.receivers import ID, SECRET, http_receiver

ACCOUNT: Final = ("--client-id", ID, "--api-key", SECRET)
PYTHON: Final = (sys.executable, "-c")
CLIENT: Final = """
import time, requests
API, KEY = 'https://openapi.akool.com/api/open/v3/content/image', {'x-api-key': 'k'}
job = requests.post(f'{API}/createbyprompt', json={'prompt': 'x'}, headers=KEY, timeout=30).json()['data']
while job['image_status'] < 3:
    time.sleep(0.2)
    query = {'image_model_id': job['_id']}
    job = requests.get(f'{API}/infobymodelid', params=query, headers=KEY, timeout=30).json()['data']
requests.get(job['image'], timeout=30).raise_for_status()
"""


class Place(NamedTuple):
    """Where a case is run."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def read(self, body: bytes, *arguments: str) -> int:
        """Run the command line with this on its standard input."""
        self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(body)))
        return main(arguments)


def ended_by_a_signal(place: Place) -> int:
    with Serving() as server:
        return server.end(signal.SIGINT)[0]


def ended(*command: str | Path) -> int:
    with Child(*command, "--port", "0") as server:
        server.said(r"http://127")
        return server.end(signal.SIGINT)[0]


def recorded(place: Place) -> int:
    with MockAkool().server() as service:
        return ended("record", "--upstream", service.url, "--into", place.folder / "recording")


def recording(place: Place) -> Path:
    folder = place.folder / "recording"
    with (
        MockAkool().server() as service,
        Child("record", "--upstream", service.url, "--into", folder, "--port", "0") as child,
    ):
        child.said(r"http://127")
        child.end(signal.SIGINT)
    return folder


def replayed(place: Place) -> int:
    return ended("replay", recording(place))


def played(place: Place) -> int:
    play = demo_families.play
    with MockAkool(clock=SystemClock(), queueing="1 poll", processing="1 poll").server() as server:

        def play_quickly(family: Family[Any], _: str, folder: Path, screen: Screen) -> int:
            return play(family, server.url, folder, screen, Pace(pause_s=0.02))

        place.monkeypatch.setattr(demo_families, "play", play_quickly)
        return run_here("demo", "avatar", "--folder", place.folder).returncode


def on_a_port_that_is_taken(place: Place) -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return run_here("serve", "--port", str(taken.getsockname()[1])).returncode


def while_a_server_runs(place: Place) -> int:
    with MockAkool().server() as server:
        return main(["health", "--url", server.url])


def where_nobody_may_have_namespaces(place: Place) -> int:
    def refuse(*_: object) -> NoReturn:
        raise IsolationError("namespaces cannot be made here")

    place.monkeypatch.setattr("mock_akool.cli.isolation.isolated", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["exec", "--isolate", "--", "true"])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def executed(*command: str) -> Callable[[Place], int]:
    return lambda place: run_with_children("exec", "--quiet", "--", *command).returncode


def judged(*command: str) -> Callable[[Place], int]:
    return lambda place: run_with_children("gauntlet", "--only", "happy", "--", *command).returncode


def cannot_be_run(command: str) -> Callable[[Place], int]:
    return lambda place: run_here(command, "--", place.file("no-program", "x")).returncode


def ca(command: str, *, file: bool = False) -> dict[str, Callable[[Place], int]]:
    def good(place: Place) -> int:
        return main(["ca", command, *([str(place.folder / "out.pem")] if file else []), "--ca-dir", str(place.folder)])

    def bad(place: Place) -> int:
        folder = place.file("no-folder", "x")
        return main(["ca", command, *([str(place.folder / "out.pem")] if file else []), "--ca-dir", str(folder)])

    return {"0": good, "1": bad}


def sent(answer: int) -> Callable[[Place], int]:
    def send(place: Place) -> int:
        with http_receiver(lambda got: answer) as receiver:
            return main(["webhook", "send", "--to", receiver.url, *ACCOUNT])

    return send


def opened(place: Place) -> int:
    return place.read(json.dumps(seal({"_id": "1", "status": 3}, ID, SECRET)).encode(), "webhook", "open", *ACCOUNT)


def calibrated(place: Place) -> int:
    place.monkeypatch.setattr("mock_akool.cli.calibrate.PACE_S", 0.0)
    with MockAkool().server() as service:
        return main(["calibrate", service.url, "--api-key", SECRET, "--yes", "--only", "error_data"])


def line(*arguments: str) -> Callable[[Place], int]:
    return lambda place: main(arguments)


CASES: Final[dict[str, dict[str, Callable[[Place], int]]]] = {
    "serve": {"0": ended_by_a_signal, "1": on_a_port_that_is_taken},
    "demo": {
        "0": played,
        "1": lambda place: main(["demo", "--folder", str(place.file("file", "x"))]),
    },
    "health": {"0": while_a_server_runs, "1": line("health", "--url", "http://127.0.0.1:9")},
    "exec": {
        "that of COMMAND": executed(*PYTHON, "raise SystemExit(7)"),
        "1": lambda place: run_here("exec", "--scenario", "none", "--", "true").returncode,
        "2": where_nobody_may_have_namespaces,
        "126": cannot_be_run("exec"),
        "127": executed("no-such-command"),
    },
    "gauntlet": {
        "0": judged(*PYTHON, CLIENT),
        "1": judged(*PYTHON, "pass"),
        "126": cannot_be_run("gauntlet"),
        "127": judged("no-such-command"),
    },
    "ca show": ca("show"),
    "ca export": ca("export", file=True),
    "ca bundle": ca("bundle", file=True),
    "ca new": ca("new"),
    "settings": {"0": line("settings", "queueing"), "1": line("settings", "queuing")},
    "scenarios list": {"0": line("scenarios", "list")},
    "scenarios show": {"0": line("scenarios", "show", "flaky-gateway"), "1": line("scenarios", "show", "none")},
    "scenarios check": {
        "0": line("scenarios", "check", "flaky-gateway"),
        "1": lambda place: main(["scenarios", "check", str(place.file("bad.yaml", "rulez: []"))]),
    },
    "scenarios from": {
        "0": lambda place: main(["scenarios", "from", str(recording(place))]),
        "1": lambda place: main(["scenarios", "from", str(place.folder / "none")]),
    },
    "scenarios schema": {"0": line("scenarios", "schema")},
    "record": {
        "0": recorded,
        "1": lambda place: main(["record", "--upstream", "http://127.0.0.1:9", "--into", str(place.file("x", ""))]),
    },
    "replay": {"0": replayed, "1": lambda place: main(["replay", str(place.folder / "none")])},
    "calibrate": {
        "0": calibrated,
        "1": line("calibrate", "http://127.0.0.1:9", "--api-key", SECRET, "--yes", "--only", "error_data"),
    },
    "webhook send": {"0": sent(200), "1": sent(500)},
    "webhook open": {"0": opened, "1": lambda place: place.read(b"{}", "webhook", "open", *ACCOUNT)},
    "families": {"0": line("families")},
    "examples list": {"0": line("examples", "list")},
    "examples copy": {
        "0": lambda place: main(["examples", "copy", str(place.folder)]),
        "1": lambda place: main(["examples", "copy", str(place.folder), "none"]),
    },
    "completion": {"0": line("completion", "bash")},
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Place(tmp_path, monkeypatch)


def commands_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    own = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for action in own:
        for command in action.choices.values():
            yield from commands_of(command)
    if not own:
        yield parser.prog.removeprefix("mock-akool ")


def test_each_status_has_a_case() -> None:
    assert {name: set(cases) for name, cases in CASES.items()} == {
        name: set(statuses) for name, statuses in EXIT_STATUSES.items()
    }
    assert set(EXIT_STATUSES) == set(commands_of(build_parser()))


@pytest.mark.parametrize(
    ("command", "status"), [(command, status) for command, cases in CASES.items() for status in cases]
)
def test_a_command_ends_with_its_status(
    command: str, status: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = 7 if status == "that of COMMAND" else int(status)
    assert CASES[command][status](place) == expected


def test_a_signal_that_ends_the_command_of_exec_is_128_and_its_number() -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_with_children("exec", "--quiet", "--", *PYTHON, program).returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("command", EXIT_STATUSES)
def test_wrong_usage_is_2(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--no-such-flag"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_ctrl_c_is_130(tmp_path: Path) -> None:
    with Child("demo", "--folder", tmp_path) as child:
        child.said("1 queueing")
        assert child.end(signal.SIGINT)[0] == 130


@pytest.mark.parametrize("command", [name for name, statuses in EXIT_STATUSES.items() if len(statuses) > 1])
def test_the_help_lists_them(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    said = ", ".join(f"{status} ({meaning})" for status, meaning in EXIT_STATUSES[command].items())
    assert shown.endswith(f"Exit status: {said}.")
