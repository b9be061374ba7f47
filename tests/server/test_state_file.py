"""`serve --state FILE`: what a server knows is still there after a restart."""

from __future__ import annotations

import asyncio
import gc
import http.server
import json
import os
import re
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from mock_akool import MockAkool, Request, create_app
from mock_akool.admin import MOST_SNAPSHOT_BYTES
from mock_akool.core.clock import SteeredClock
from mock_akool.core.errors import MockAkoolError
from mock_akool.server.state_file import Keeper, StateFile
from tests.children import PATIENCE_S, Serving, run_here

CREATE = "/api/open/v3/content/image/createbyprompt"
INFO = "/api/open/v3/content/image/infobymodelid?image_model_id="
QUOTA = "/api/open/v3/faceswap/quota/info"
KEY = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"


def ask(port: int, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """Send a request to a server, and return the status and the JSON of the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    sent = body if body is None or isinstance(body, bytes) else json.dumps(body)
    connection.request(method, path, sent, {"x-api-key": KEY, "content-type": "application/json", **headers})
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    return answer.status, json.loads(raw)


def create(port: int, **fields: Any) -> str:
    job_id: str = ask(port, "POST", CREATE, {"prompt": "a lighthouse", **fields})[1]["data"]["_id"]
    return job_id


class Asked:
    """A keeper of state that counts how often it is asked whether anything has happened."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._count = 0
        self.freeze, self.go_on_from = keeper.freeze, keeper.go_on_from

    @property
    def edition(self) -> object:
        self._count += 1
        return self._keeper.edition

    async def asked_more(self) -> None:
        """Wait until it was asked some more times."""
        enough = self._count + 10
        while self._count < enough:
            await asyncio.sleep(0.001)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "akool.json"


class TestOverARestart:
    def test_jobs_accounts_and_tokens_are_there_again(self, file: Path) -> None:
        pair = {"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": KEY}
        with Serving("--state", file) as first:
            job_id = create(first.port)
            token = ask(first.port, "POST", "/api/open/v3/getToken", pair)[1]["token"]
            credits = ask(first.port, "GET", QUOTA)[1]
            assert first.said(f"the state is kept in {re.escape(str(file))}")
            assert first.end()[0] == 0
        with Serving("--state", file, "--processing", "0") as second:
            assert second.said(f"went on from {re.escape(str(file))}: 1 job")
            assert ask(second.port, "GET", INFO + job_id)[1]["data"]["_id"] == job_id
            assert ask(second.port, "GET", QUOTA, **{"x-api-key": "", "authorization": f"Bearer {token}"})[1] == credits
            assert [each["endpoint"] for each in ask(second.port, "GET", "/_mock/calls")[1]["calls"]][:2] == [
                "createbyprompt",
                "getToken",
            ]

    def test_a_frozen_clock_stands_where_it_stood(self, file: Path) -> None:
        with Serving("--state", file) as first:
            ask(first.port, "POST", "/_mock/clock/freeze")
            job_id = create(first.port)
            ask(first.port, "POST", "/_mock/clock/advance", {"seconds": 3})
            clock = ask(first.port, "GET", "/_mock/clock")[1]
            first.end()
        with Serving("--state", file) as second:
            assert ask(second.port, "GET", "/_mock/clock")[1] == clock
            assert ask(second.port, "GET", INFO + job_id)[1]["data"]["image_status"] == 2

    def test_scenarios_go_on_counting(self, file: Path) -> None:
        rules = {"rules": [{"on": "quota/info", "nth": 3, "fault": {"http": 502}}]}
        with Serving("--state", file) as first:
            ask(first.port, "POST", "/_mock/scenario/rules", rules)
            assert [ask(first.port, "GET", QUOTA)[0] for _ in range(2)] == [200, 200]
            first.end()
        with Serving("--state", file) as second:
            connection = HTTPConnection("127.0.0.1", second.port, timeout=PATIENCE_S)
            connection.request("GET", QUOTA, headers={"x-api-key": KEY})
            assert connection.getresponse().status == 502
            connection.close()

    def test_the_next_server_waits_for_the_last_save_of_the_one_before(self, file: Path) -> None:
        with Serving("--state", file) as first:
            job_id = create(first.port)
            first.process.send_signal(signal.SIGTERM)
            with Serving("--state", file) as second:
                assert [each["_id"] for each in ask(second.port, "GET", "/_mock/jobs")[1]["jobs"]] == [job_id]
                assert first.process.wait(PATIENCE_S) == 0
                second.end()
        assert list(file.parent.iterdir()) == [file]

    def test_no_second_server_has_the_same_file_until_the_first_is_dead(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mock_akool.server.state_file._PATIENCE_S", 0)
        with Serving("--state", file) as first:
            job_id = create(first.port)
            ask(first.port, "POST", "/_mock/snapshot/save")
            ended = run_here("serve", "--port", "0", "--state", file)
            assert ended.returncode == 1
            (line,) = ended.stderr.splitlines()
            assert line.startswith(f"mock-akool: the state file {file} is in use by another server. Give each")
            first.end(signal.SIGKILL)
        with Serving("--state", file) as second:
            assert [each["_id"] for each in ask(second.port, "GET", "/_mock/jobs")[1]["jobs"]] == [job_id]
            second.end()
        assert list(file.parent.iterdir()) == [file]

    @pytest.mark.parametrize(
        "number",
        [signal.SIGINT, *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGTERM, signal.SIGHUP))],
    )
    def test_more_signals_do_not_break_off_the_last_save(self, file: Path, number: signal.Signals) -> None:
        with Serving("--state", file, "--log", "off") as first:
            job_id = create(first.port)
            first.process.send_signal(signal.SIGTERM)
            while first.process.poll() is None:
                first.process.send_signal(number)
                time.sleep(0.001)
            first.end(number)
            assert (first.process.returncode, "Traceback" in first.err) == (0, False)
            assert "mock-akool stopped after 1 call" in first.out
        assert list(file.parent.iterdir()) == [file]
        with Serving("--state", file) as second:
            assert [each["_id"] for each in ask(second.port, "GET", "/_mock/jobs")[1]["jobs"]] == [job_id]

    def test_what_was_saved_by_request_survives_a_kill(self, file: Path) -> None:
        with Serving("--state", file) as first:
            job_id = create(first.port)
            status, saved = ask(first.port, "POST", "/_mock/snapshot/save")
            assert (status, saved["jobs"], saved["file"]) == (200, 1, str(file))
            assert saved["bytes"] == file.stat().st_size
            create(first.port)
            first.end(signal.SIGKILL)
        with Serving("--state", file) as second:
            assert [each["_id"] for each in ask(second.port, "GET", "/_mock/jobs")[1]["jobs"]] == [job_id]

    def test_only_its_owner_may_read_the_file(self, file: Path) -> None:
        with Serving("--state", file) as serving:
            create(serving.port)
            serving.end()
        assert KEY in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert sorted(each.name for each in file.parent.iterdir()) == [file.name]

    def test_a_broken_file_starts_nothing_and_stays(self, file: Path) -> None:
        file.write_text('{"format":1,"state":{"seed":')
        port_file = file.with_name("port")
        ended = run_here("serve", "--port", "0", "--state", str(file), "--port-file", str(port_file))
        assert ended.returncode == 1
        assert ended.stdout == ""
        (line,) = ended.stderr.splitlines()
        assert line.startswith(f"mock-akool: the state file {file} cannot be used: it is no JSON: ")
        assert line.endswith(f"Move {file} away to begin anew")
        assert file.read_text() == '{"format":1,"state":{"seed":'
        assert not port_file.exists()

    def test_one_of_another_version_is_one_line(self, file: Path) -> None:
        file.write_text('{"format":7,"version":"7.0.0"}')
        ended = run_here("serve", "--port", "0", "--state", str(file))
        assert ended.returncode == 1
        (line,) = ended.stderr.splitlines()
        assert "it has format 7 and was written by mock-akool 7.0.0" in line

    def test_webhooks_that_were_still_to_come_are_sent_once(self, file: Path, receiver: Receiver) -> None:
        flags = ("--state", file, "--set", "webhook_processing=no")
        with Serving(*flags) as first:
            ask(first.port, "POST", "/_mock/clock/freeze")
            create(first.port, webhookUrl=receiver.url)
            first.end()
        with Serving(*flags) as second:
            ask(second.port, "POST", "/_mock/clock/advance", {"until": "idle"})
            assert receiver.came.wait(PATIENCE_S)
            while (delivery := ask(second.port, "GET", "/_mock/webhooks")[1]["webhooks"][0])["state"] == "waiting":
                time.sleep(0.01)  # its answer has been sent, and is noted in a moment
            assert delivery["state"] == "delivered"
            second.end()
        with Serving(*flags) as third:
            ask(third.port, "POST", "/_mock/clock/advance", {"until": "idle"})
            assert len(ask(third.port, "GET", "/_mock/webhooks")[1]["webhooks"]) == 1
        assert receiver.count == 1

    def test_one_whose_receiver_hangs_is_not_dropped(self, file: Path, receiver: Receiver) -> None:
        receiver.hangs.set()
        with Serving("--state", file, "--queueing", "0", "--processing", "0") as first:
            create(first.port, webhookUrl=receiver.url)
            assert receiver.came.wait(PATIENCE_S)
            first.end()
            assert "mock-akool stopped before" not in first.err
        receiver.hangs.clear()
        receiver.came.clear()
        with Serving("--state", file):
            assert receiver.came.wait(PATIENCE_S)


class Receiver:
    """Takes webhooks, and counts them; while it hangs it does not answer."""

    def __init__(self) -> None:
        self.came, self.hangs, self.ends = threading.Event(), threading.Event(), threading.Event()
        self.count = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                outer.count += 1
                outer.came.set()
                if outer.hangs.is_set():
                    outer.ends.wait(PATIENCE_S)
                    return
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.ends.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


class TestTheFile:
    @pytest.fixture
    def mock(self) -> MockAkool:
        mock = MockAkool(clock=SteeredClock())
        self.create(mock)
        return mock

    def create(self, mock: MockAkool) -> None:
        headers = {"x-api-key": KEY, "content-type": "application/json"}
        mock.answer(Request.build("POST", CREATE, headers=headers, body=b'{"prompt":"a fox"}'))

    def test_a_place_that_cannot_be_written_is_known_at_the_start(self, mock: MockAkool, tmp_path: Path) -> None:
        with pytest.raises(MockAkoolError, match="there is no folder"):
            StateFile(tmp_path / "away" / "state.json", mock.application).load()

    def test_what_is_no_file_is_not_read(self, mock: MockAkool, tmp_path: Path) -> None:
        folder, pipe, link = tmp_path / "folder", tmp_path / "pipe", tmp_path / "link"
        folder.mkdir()
        os.mkfifo(pipe)
        link.symlink_to(pipe)
        for path, why in (
            (folder, "it is a folder. Name a file in it, such as"),
            (pipe, "it is a device, a pipe or a socket. Name a file"),
            (link, "it is a device, a pipe or a socket"),
            (Path("/dev/zero"), "it is a device, a pipe or a socket"),  # without an end
            (Path("/dev/null"), "it is a device, a pipe or a socket"),
        ):
            with pytest.raises(MockAkoolError, match=f"cannot read the state file {re.escape(str(path))}: {why}"):
                StateFile(path, mock.application).load()

    def test_a_link_stays_one(self, mock: MockAkool, tmp_path: Path) -> None:
        place, link, again = tmp_path / "volume" / "akool.json", tmp_path / "link.json", tmp_path / "again.json"
        place.parent.mkdir()
        link.symlink_to(place)
        again.symlink_to("link.json")
        for path in (link, again, place):
            state_file = StateFile(path, mock.application)
            state_file.load()
            assert state_file.save().file == str(path)
            state_file.release()
            assert link.is_symlink()
            assert again.is_symlink()
            assert [each.name for each in place.parent.iterdir()] == [place.name]
            assert not place.is_symlink()
            place.unlink()

    def test_it_is_one_server_s(self, mock: MockAkool, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mock_akool.server.state_file._PATIENCE_S", 0)
        link = file.with_name("link.json")
        link.symlink_to(file)
        first = StateFile(file, mock.application)
        first.load()
        first.save()
        before = file.read_bytes()
        for path in (file, link):
            with pytest.raises(MockAkoolError, match=f"the state file {path} is in use by another server. Give each"):
                StateFile(path, MockAkool(clock=SteeredClock()).application).load()
        assert file.read_bytes() == before
        StateFile(file.with_name("other.json"), mock.application).load()
        first.release()
        second = StateFile(file, MockAkool(clock=SteeredClock()).application)
        assert second.load()
        first.release()  # which it had done
        with pytest.raises(MockAkoolError, match="in use by another server"):
            StateFile(file, mock.application).load()
        second.release()

    def test_where_nothing_can_be_locked_it_is_used_all_the_same(
        self, mock: MockAkool, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(handle: int, operation: int) -> None:
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr("fcntl.flock", refuse)
        for _ in range(2):
            state_file = StateFile(file, mock.application)
            state_file.load()
            state_file.save()
            state_file.release()
        assert list(file.parent.iterdir()) == [file]

    def test_a_folder_without_rights(self, mock: MockAkool, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(MockAkoolError, match="no file can be made there"):
            StateFile(file, mock.application).load()

    def test_what_a_killed_server_was_writing_is_removed_at_the_start(self, mock: MockAkool, file: Path) -> None:
        left = file.with_name(f".{file.name}.{2**22 + 1}")  # no process has such a number
        huge = file.with_name(f".{file.name}.{'9' * 30}")
        kept = [file.with_name(f".{file.name}.{end}") for end in (os.getpid(), 1, "old")]
        for each in (left, huge, *kept):
            each.write_text("keys")
        StateFile(file, mock.application).load()
        assert not left.exists()
        assert not huge.exists()
        assert all(each.exists() for each in kept)

    def test_without_room_the_old_file_stays_and_no_draft(
        self, mock: MockAkool, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state_file = StateFile(file, mock.application)
        state_file.save()
        before = file.read_bytes()
        self.create(mock)

        def no_room(handle: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", no_room)
            with pytest.raises(MockAkoolError, match="No space left on device"):
                state_file.save()
        assert file.read_bytes() == before
        assert list(file.parent.iterdir()) == [file]
        assert state_file.save().jobs == 2

    def test_it_is_saved_now_and_then_while_something_happens(self, mock: MockAkool, file: Path) -> None:
        keeper = Asked(mock.application)
        state_file = StateFile(file, keeper, every_s=0.001)

        async def main() -> None:
            saving = asyncio.create_task(state_file.keep_saving())
            while not file.exists():
                await asyncio.sleep(0.01)
            first = file.stat().st_ino
            await keeper.asked_more()
            assert file.stat().st_ino == first  # nothing happened
            mock.answer(Request.build("POST", "/_mock/clock/freeze"))
            while file.stat().st_ino == first:
                await asyncio.sleep(0.01)
            saving.cancel()

        asyncio.run(asyncio.wait_for(main(), PATIENCE_S))

    def test_trouble_is_said_once_and_it_is_tried_again(
        self, mock: MockAkool, file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file.mkdir()
        keeper = Asked(mock.application)
        state_file = StateFile(file, keeper, every_s=0.001)

        async def main() -> None:
            saving = asyncio.create_task(state_file.keep_saving())
            while not caplog.records:
                await asyncio.sleep(0.01)
            await keeper.asked_more()
            file.rmdir()
            while not file.is_file():
                await asyncio.sleep(0.01)
            saving.cancel()

        asyncio.run(asyncio.wait_for(main(), PATIENCE_S))
        assert [each.levelname for each in caplog.records] == ["WARNING"]
        assert "cannot write the state file" in caplog.text

    @pytest.mark.parametrize("ways", ["save", "load", "broken"])
    def test_nothing_of_what_was_saved_or_loaded_outlives_a_reset(self, mock: MockAkool, file: Path, ways: str) -> None:
        """The garbage collector comes seldom in a server, and a state may be hundreds of megabytes."""
        state_file = StateFile(file, mock.application)
        state_file.save()
        if ways == "broken":
            file.write_text(file.read_text().replace('"seed":0', '"seed":"x"'))
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                if ways == "save":
                    state_file.save()
                else:
                    with pytest.raises(MockAkoolError) if ways == "broken" else nullcontext():
                        state_file.load()
                    state_file.release()
            mock.reset()
            left = [each for each in gc.get_objects() if isinstance(each, Request) and b"a fox" in each.body]
        finally:
            gc.enable()
        assert left == []

    def test_a_fake_without_one_says_so(self, mock: MockAkool) -> None:
        response = mock.answer(Request.build("POST", "/_mock/snapshot/save"))
        assert response.status == 409
        assert "--state" in json.loads(response.body)["hint"]

    def test_sending_that_was_chosen_is_kept(self, mock: MockAkool) -> None:
        mock.application.server_started()
        try:
            mock.answer(Request.build("POST", "/_mock/webhooks/sending", body=b'{"by":"http"}'))
            body = json.dumps({"by": "http", "account": KEY}).encode()
            mock.answer(Request.build("POST", "/_mock/webhooks/sending", body=body))
        finally:
            mock.application.server_stopped(0)
        other = MockAkool(clock=SteeredClock())
        other.load_snapshot(mock.snapshot())
        assert other.application.sending() == "http"
        assert other.application.sending(KEY) == "http"
        other.application.carry_by("start")
        assert other.application.sending() == "collect"


class TestOverTheAdminApi:
    def test_a_snapshot_moves_from_server_to_server(self) -> None:
        first, second = MockAkool(clock=SteeredClock()), MockAkool(clock=SteeredClock())
        with first.server() as one, second.server() as other:
            job_id = create(int(one.url.rpartition(":")[2]))
            remote, elsewhere = MockAkool.connect(one.url), MockAkool.connect(other.url)
            elsewhere.load_snapshot(remote.snapshot())
            assert [job.id for job in elsewhere.jobs] == [job_id]
            assert elsewhere.credits_spent == remote.credits_spent
            with pytest.raises(MockAkoolError, match=r"it has format 7"):
                elsewhere.load_snapshot({**remote.snapshot(), "format": 7})
            assert [job.id for job in elsewhere.jobs] == [job_id]

    def test_who_looks_on_is_told(self) -> None:
        first, second = MockAkool(), MockAkool()
        create_request = Request.build(
            "POST", CREATE, headers={"x-api-key": KEY, "content-type": "application/json"}, body=b'{"prompt":"a fox"}'
        )
        first.answer(create_request)
        position = json.loads(second.answer(Request.build("GET", "/_mock/events")).body)["next"]
        body = json.dumps(first.snapshot()).encode()
        assert second.answer(Request.build("PUT", "/_mock/snapshot", body=body)).status == 200
        events = json.loads(second.answer(Request.build("GET", "/_mock/events", f"after={position}")).body)["events"]
        assert [each["event"] for each in events] == ["reset", "job", "call"]

    @pytest.mark.parametrize("transport", ["server", "flask", "in process"])
    def test_a_snapshot_may_be_much_longer_than_other_bodies(self, transport: str) -> None:
        first, second = MockAkool(), MockAkool(max_body_bytes=1024)
        body = b'{"prompt":"%b"}' % (b"x" * 100_000)
        headers = {"x-api-key": KEY, "content-type": "application/json"}
        assert first.answer(Request.build("POST", CREATE, headers=headers, body=body)).code == 1000
        snapshot = json.dumps(first.snapshot()).encode()
        assert len(snapshot) > 100_000
        if transport == "server":
            with second.server() as server:
                answer = put(server.url, snapshot)
        elif transport == "flask":
            client = create_app(second.application).test_client()
            answer = client.put("/_mock/snapshot", data=snapshot).status_code
        else:
            answer = second.answer(Request.build("PUT", "/_mock/snapshot", body=snapshot)).status
        assert answer == 200
        assert [job.id for job in second.jobs] == [job.id for job in first.jobs]

    def test_nobody_without_the_token_makes_the_server_keep_a_long_body(self) -> None:
        mock = MockAkool(max_body_bytes=1024)
        mock.application.access.admin_token = "s3cret"
        with mock.server() as server:
            assert put(server.url, b" " * 300_000) == 401
        request = Request.build("PUT", "/_mock/snapshot")
        with mock.server() as server:
            assert server.most_bytes_of(request._replace(transport="server")) == 0
            assert server.most_bytes_of(request) == MOST_SNAPSHOT_BYTES
            assert server.most_bytes_of(request._replace(method="POST")) == 0

    def test_one_that_is_longer_still_is_refused_with_the_way_by_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mock_akool.admin.MOST_SNAPSHOT_BYTES", 70_000)
        mock = MockAkool()
        response = mock.answer(Request.build("PUT", "/_mock/snapshot", body=b" " * 70_001))
        assert response.status == 413
        assert "start the server with --state FILE" in json.loads(response.body)["hint"]

    def test_other_bodies_are_as_short_as_before(self) -> None:
        mock = MockAkool(max_body_bytes=1024)
        with mock.server() as server:
            assert put(server.url, b" " * 70_000, "/_mock/scenario") == 413
        assert mock.answer(Request.build("POST", "/_mock/snapshot/save", body=b" " * 70_000)).status == 413


def put(url: str, body: bytes, path: str = "/_mock/snapshot") -> int:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        connection.request("PUT", path, body)
        return connection.getresponse().status
    finally:
        connection.close()
