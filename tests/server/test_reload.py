"""Scenario files that are read again while a server runs, and the file with its port."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from mock_akool import MockAkool, Request
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.server import reload as reload_module
from mock_akool.server.port_file import PortFile
from mock_akool.server.reload import Reloader
from mock_akool.server.settings import ScenarioSettings
from tests.children import Serving
from tests.waiting import soon

QUOTA = "/api/open/v3/faceswap/quota/info"
RULE = "rules:\n  - on: quota/info\n    first: 100\n    fault: {{http: {code}}}\n"


def status(mock: MockAkool) -> int:
    return mock.answer(Request.build("GET", QUOTA, headers={"x-api-key": "key"})).status


class Watched:
    """A fake with a scenario from a file, and what its reloader said."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.write(text)
        self.said: list[tuple[str, str]] = []
        self.mock = MockAkool(scenario=str(path))
        self.reloader = Reloader(
            self.mock.application.scenarios,
            self.read(),
            self.read,
            lambda level, text: self.said.append((level, text)),
        )

    def read(self) -> tuple[Scenario, ...]:
        return ScenarioSettings.of(scenario=str(self.path)).scenario

    def write(self, text: str) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self.path)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "mine.yaml", RULE.format(code=502))


def test_the_new_rules_are_active_and_stay_so_after_a_reset(watched: Watched) -> None:
    assert status(watched.mock) == 502
    watched.write(RULE.format(code=503))
    assert status(watched.mock) == 502
    assert watched.reloader.reload()
    assert status(watched.mock) == 503
    watched.mock.reset()
    assert status(watched.mock) == 503
    assert watched.said == [("info", "the scenarios were read again: mine")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules:\n  - on: quota/inf\n    fault: {http: 502}\n", "yaml:2"),
        ("rules: [", "mine.yaml"),
        ("seed: 7\n", "seed of a scenario cannot change while the server runs; start the server again"),
        ("profile: documented\n", "profile of a scenario cannot change"),
        ("accounts: [{api_key: " + "k" * 32 + "}]\n", "accounts, strict of a scenario cannot change"),
        (None, "cannot read it: No such file or directory"),
    ],
)
def test_wrong_ones_leave_what_was(text: str | None, why: str, watched: Watched) -> None:
    if text is None:
        watched.path.unlink()
    else:
        watched.write(text)
    assert not watched.reloader.reload()
    assert status(watched.mock) == 502
    ((level, said),) = watched.said
    assert level == "warning"
    assert said.startswith("the scenarios stay as they are: ")
    assert why.lower() in said.lower()
    watched.write(RULE.format(code=504))
    assert watched.reloader.reload()
    assert status(watched.mock) == 504


def test_what_a_scenario_no_longer_says_of_settings_is_reported(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "mine.yaml", "limits: {requests_per_second: 5}\n")
    watched.write(RULE.format(code=502))
    assert watched.reloader.reload()
    assert watched.said[0][1].endswith("; requests_per_second stays as it was until the server is started again")


@pytest.mark.parametrize("links", [False, True])
def test_what_is_no_file_is_not_opened(watched: Watched, links: bool) -> None:
    """To open a pipe waits for who writes into it: the thread would never end, and so would the server."""
    watched.path.unlink()
    if links:
        watched.path.symlink_to("/dev/zero")
    else:
        os.mkfifo(watched.path)
    assert not watched.reloader.reload()
    assert watched.said == [
        (
            "warning",
            f"the scenarios stay as they are: {watched.path}: it is a device, a pipe or a socket; give a file",
        )
    ]
    assert status(watched.mock) == 502


class Looks:
    """Counts how often the watched files are looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._count = 0
        state_of = reload_module._state_of

        def counted(files: Iterable[str]) -> list[tuple[int, int, int] | None]:
            self._count += 1
            return state_of(files)

        monkeypatch.setattr(reload_module, "_LOOK_S", 0.001)
        monkeypatch.setattr(reload_module, "_state_of", counted)

    async def more(self) -> None:
        """Wait until they were looked at some more times."""
        before = self._count
        await soon(lambda: self._count > before + 10)


def test_a_file_that_stays_away_is_told_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch)

    async def be_away_and_back(code: int) -> None:
        watched.path.unlink()
        before = len(watched.said)
        await soon(lambda: len(watched.said) > before)
        await looks.more()
        assert watched.said[before:] == [("warning", f"the scenarios stay as they are: {watched.path} is not there")]
        watched.write(RULE.format(code=code))
        await soon(lambda: status(watched.mock) == code)

    async def play() -> None:
        watching = asyncio.create_task(watched.reloader.watch())
        for code in (503, 504):
            await be_away_and_back(code)
        watching.cancel()

    asyncio.run(play())


def test_a_bug_beside_the_server_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()

    async def broken() -> None:
        over.set()
        raise RuntimeError("boo")

    with MockAkool().server() as server:
        server.loop.call_soon_threadsafe(lambda: server.run_beside(broken()))
        assert over.wait(20)
    (record,) = caplog.records
    assert record.getMessage() == "mock-akool bug beside the server"
    assert record.exc_info is not None
    assert "boo" in str(record.exc_info[1])


def test_without_a_scenario_there_is_nothing_to_read() -> None:
    said: list[str] = []
    mock = MockAkool()
    reloader = Reloader(mock.application.scenarios, (), tuple, lambda level, text: said.append(text))
    assert not reloader.reload()
    assert said == ["there is no scenario to read again: the server was started without --scenario"]


def test_a_watched_file_is_read_when_it_changes_and_only_then(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(monkeypatch)
    monkeypatch.setattr(reload_module, "_LOOKS_AWAY", 10_000)

    async def play() -> None:
        watching = asyncio.create_task(watched.reloader.watch())
        await looks.more()
        assert watched.said == []
        watched.write(RULE.format(code=503))
        await soon(lambda: status(watched.mock) == 503)
        watched.path.unlink()
        await looks.more()
        assert len(watched.said) == 1
        watched.write("nonsense: [")
        await soon(lambda: len(watched.said) == 2)
        await looks.more()
        assert len(watched.said) == 2
        assert status(watched.mock) == 503
        watched.write(RULE.format(code=504))
        await soon(lambda: status(watched.mock) == 504)
        watching.cancel()

    asyncio.run(play())


class TestServe:
    """The same by the command: signals, the flag, and the file of the port."""

    def ask(self, serving: Serving) -> int:
        import http.client

        connection = http.client.HTTPConnection(serving.url.removeprefix("http://"), timeout=20)
        connection.request("GET", QUOTA, headers={"x-api-key": "key"})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.status

    def test_sighup_reads_the_scenario_again_and_keeps_the_port_file(self, tmp_path: Path) -> None:
        scenario, port_file = tmp_path / "mine.yaml", tmp_path / "port"
        scenario.write_text(RULE.format(code=502))
        with Serving("--scenario", str(scenario), "--port-file", str(port_file)) as serving:
            assert self.ask(serving) == 502
            scenario.write_text(RULE.format(code=503))
            serving.process.send_signal(signal.SIGHUP)
            serving.complained("info: the scenarios were read again: mine")
            assert self.ask(serving) == 503
            scenario.write_text("rulez: []")
            serving.process.send_signal(signal.SIGHUP)
            serving.complained(
                f"warning: the scenarios stay as they are: {re.escape(str(scenario))}:1: rulez: there is"
            )
            assert self.ask(serving) == 503
            assert port_file.exists()
            serving.process.send_signal(signal.SIGTERM)
            assert serving.process.wait(20) == 0
        assert not port_file.exists()

    def test_watch_reads_it_when_it_changes(self, tmp_path: Path) -> None:
        scenario = tmp_path / "mine.yaml"
        scenario.write_text(RULE.format(code=502))
        with Serving("--scenario", str(scenario), "--watch", "--log", "json") as serving:
            assert self.ask(serving) == 502
            scenario.write_text(RULE.format(code=503))
            serving.complained('"level": "info", "message": "the scenarios were read again: mine"')
            assert self.ask(serving) == 503
            serving.process.send_signal(signal.SIGTERM)
            assert serving.process.wait(20) == 0
        assert list(map(json.loads, serving.err.splitlines()))

    def test_of_two_with_one_port_file_each_removes_its_own_only(self, tmp_path: Path) -> None:
        port_file = tmp_path / "port"
        with Serving("--port-file", str(port_file)) as first:
            assert port_file.read_text() == f"{first.port}\n"
            with Serving("--port-file", str(port_file)) as second:
                first.process.send_signal(signal.SIGTERM)
                assert first.process.wait(20) == 0
                assert port_file.read_text() == f"{second.port}\n"
                second.process.send_signal(signal.SIGTERM)
                assert second.process.wait(20) == 0
        assert not port_file.exists()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_leaves_no_port_file_and_no_socket(self, number: int, tmp_path: Path) -> None:
        port_file, path = tmp_path / "port", tmp_path / "akool.sock"
        with Serving("--port-file", str(port_file), "--uds", str(path)) as serving:
            assert path.is_socket()
            assert str(path) in serving.out
            serving.process.send_signal(number)
            assert serving.process.wait(20) == 0
        assert not port_file.exists()
        assert not path.exists()


def test_a_port_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = PortFile(tmp_path / "port")
    file.remove()
    file.write(1234)
    assert (tmp_path / "port").read_text() == "1234\n"
    file.write(5678)
    assert (tmp_path / "port").read_text() == "5678\n"
    assert os.listdir(tmp_path) == ["port"]  # noqa: PTH208 - names alone
    file.remove()
    file.remove()
    assert not list(tmp_path.iterdir())
