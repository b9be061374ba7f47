"""A recording server: what it passes on, what it hands back, and what it writes."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from mock_akool.cli.record import notes_of
from mock_akool.core.errors import SettingsError
from mock_akool.core.http import Termination
from mock_akool.recording.folder import INDEX, RecordingError, RecordingWriter, read_recording
from mock_akool.server.upstream import Upstream, upstreams_of
from tests.recording.conftest import IMAGE, KEY, Record, Recorded, json_of


def create(recorded: Recorded, prompt: str = "a fox") -> str:
    body = recorded.ask("POST", f"{IMAGE}/createbyprompt", json={"prompt": prompt}).json()
    return str(body["data"]["_id"])


class TestPassingOn:
    def test_answers_are_those_of_the_service(self, recorded: Recorded) -> None:
        job_id = create(recorded)
        poll = recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={job_id}").json()
        direct = requests.get(
            f"{recorded.upstream}{IMAGE}/infobymodelid?image_model_id={job_id}", headers={"x-api-key": KEY}, timeout=10
        ).json()
        assert poll["data"]["image_status"] == 3
        assert {**poll["data"], "image": "", "upscaled_urls": []} == {
            **direct["data"],
            "image": "",
            "upscaled_urls": [],
        }

    def test_refusals_and_unknown_routes_are_recorded_as_they_came(self, recorded: Recorded) -> None:
        refused = recorded.ask("POST", f"{IMAGE}/createbyprompt", json={"prompt": 3})
        unknown = recorded.ask("GET", "/api/open/v3/nothing")
        assert (refused.json()["code"], unknown.status_code) == (1003, 404)
        calls = recorded.read().calls
        assert [(each.endpoint, each.response.status) for each in calls] == [("createbyprompt", 200), ("unknown", 404)]

    def test_each_request_reaches_the_service_once(self, recorded: Recorded) -> None:
        for number in range(5):
            create(recorded, f"fox {number}")
        assert recorded.real.calls.count == 5
        assert len(recorded.read().calls) == 5

    def test_downloads_are_recorded_and_come_from_the_recording_server(self, recorded: Recorded) -> None:
        job_id = create(recorded)
        image = recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={job_id}").json()["data"]["image"]
        assert image.startswith(f"{recorded.url}/recorded/file-")
        assert image.endswith((".jpg", ".jpeg"))
        downloaded = requests.get(image, timeout=10)
        head = requests.head(image, timeout=10)
        part = requests.get(image, headers={"range": "bytes=0-9"}, timeout=10)
        assert downloaded.content[:2] == b"\xff\xd8"
        assert int(head.headers["content-length"]) == len(downloaded.content)
        assert (part.status_code, part.content) == (206, downloaded.content[:10])
        recording = recorded.read()
        assert recording.calls[2].endpoint == "file"
        assert recording.body(recording.calls[2].response.body) == downloaded.content
        assert json_of(recording, 2)["data"]["image"].startswith("https://files.invalid/file-")

    def test_the_service_gets_its_own_url_of_a_file_back(self, recorded: Recorded) -> None:
        job_id = create(recorded)
        image = recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={job_id}").json()["data"]["image"]
        recorded.ask("POST", f"{IMAGE}/createbyprompt", json={"prompt": "again", "source_image": image})
        sent = json.loads(recorded.real.calls[-1].body)["source_image"]
        assert sent.startswith(f"{recorded.upstream}/")
        assert "recorded" not in sent
        request = recorded.read().calls[2].request
        assert request.body is not None
        assert request.body["json"]["source_image"].startswith("https://files.invalid/file-")

    def test_the_times_are_kept(self, record: Record) -> None:
        recorded = record(latency="30ms")
        create(recorded)
        (call,) = recorded.read().calls
        assert call.took_s >= 0.03
        assert 0 <= call.at_s < 10

    def test_the_admin_api_shows_what_was_asked(self, recorded: Recorded) -> None:
        create(recorded)
        calls = requests.get(f"{recorded.url}/_mock/calls", timeout=10).json()["calls"]
        assert [(each["endpoint"], each["code"]) for each in calls] == [("createbyprompt", 1000)]

    def test_a_body_over_the_limit_is_refused_and_not_passed_on(self, recorded: Recorded) -> None:
        answer = recorded.ask("POST", f"{IMAGE}/createbyprompt", data=b"x" * ((1 << 20) + 1))
        assert answer.status_code == 413
        assert "mock-akool record" in answer.json()["error"]
        assert not recorded.real.calls
        assert recorded.read().calls == []

    def test_a_request_of_akools_hosts_comes_by_the_proxy(self, recorded: Recorded) -> None:
        answer = requests.get(
            "http://openapi.akool.com/api/open/v3/faceswap/quota/info",
            headers={"x-api-key": KEY},
            proxies={"http": recorded.url},
            timeout=10,
        )
        assert answer.json()["data"] == {"credit": 1000}
        assert recorded.real.calls.count == 1


class TestWhatMayBeCalled:
    def test_a_host_of_files_that_is_no_upstream_is_left_alone_and_noted(self, serve: Serve, record: Record) -> None:
        url = "https://files.test/1710757981609-1234.jpeg"
        service = serve(whole(200, json.dumps({"code": 1000, "data": {"image": url}}).encode()))
        recorded = record(upstream=service.url)
        assert recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id=1").json()["data"]["image"] == url
        assert recorded.recorder.left_alone == {"files.test": 1}
        assert "https://files.test" in notes_of(recorded.recorder)[0]

    def test_a_second_upstream_answers_for_its_files(self, serve: Serve, record: Record) -> None:
        files = serve(whole(200, b"a file", ("content-type", "image/jpeg")))
        url = f"{files.url}/deep/1710757981609-1234.jpeg?Signature=abc"
        service = serve(whole(200, json.dumps({"code": 1000, "data": {"image": url}}).encode()))
        recorded = record(files.url, upstream=service.url)
        image = recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id=1").json()["data"]["image"]
        assert image == f"{recorded.url}/recorded/file-1.jpeg"
        assert requests.get(image, timeout=10).content == b"a file"
        assert files.requests[0][0] == "/deep/1710757981609-1234.jpeg?Signature=abc"
        assert files.requests[0][1]["host"] == files.url.removeprefix("http://")

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("ftp://a.test", "no address"),
            ("https://", "no address"),
            ("https://a.test:0", "no address"),
            ("https://a.test:x", "no address"),
            ("https://a.test/api", "path"),
            ("https://a.test?x=1", "query"),
            ("https://me:pass@a.test", "password"),
        ],
    )
    def test_an_upstream_is_the_address_of_a_server(self, url: str, said: str) -> None:
        with pytest.raises(SettingsError, match=said) as found:
            upstreams_of([url])
        assert "pass@" not in str(found.value)

    def test_without_an_upstream_nothing_starts(self) -> None:
        with pytest.raises(SettingsError, match="--upstream"):
            upstreams_of([])

    def test_the_same_upstream_twice_is_one(self) -> None:
        assert upstreams_of(["https://A.test/", "https://a.test:443"]) == (Upstream("https", "a.test", 443),)


class Scripted(BaseHTTPRequestHandler):
    """A service that answers what a test says."""

    protocol_version = "HTTP/1.1"
    answer: Callable[[BaseHTTPRequestHandler], None]
    requests: list[tuple[str, dict[str, str], bytes]]

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        type(self).answer(self)

    do_POST = do_HEAD = do_GET  # noqa: N815 - as the library calls them

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class Service(NamedTuple):
    url: str
    requests: list[tuple[str, dict[str, str], bytes]]
    """Path, headers and body of each request."""


Serve = Callable[[Callable[[Any], None]], Service]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[Any], None]) -> Service:
        asked: list[tuple[str, dict[str, str], bytes]] = []
        handler = type("Handler", (Scripted,), {"answer": staticmethod(answer), "requests": asked})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return Service(f"http://127.0.0.1:{server.server_port}", asked)

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def whole(status: int, body: bytes, *headers: tuple[str, str]) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(status)
        for name, value in (("Content-Type", "application/json"), *headers):
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class TestBrokenAnswers:
    def test_a_connection_that_the_service_closes_is_closed_for_the_client(self, serve: Serve, record: Record) -> None:
        def drop(handler: Any) -> None:
            handler.close_connection = True

        service = serve(drop)
        recorded = record(upstream=service.url)
        with pytest.raises(requests.ConnectionError):
            recorded.ask("POST", f"{IMAGE}/createbyprompt", json={"prompt": "a fox"})
        assert len(service.requests) == 1
        assert recorded.read().calls[0].response.ended is Termination.DROP

    def test_a_body_that_is_cut_off_is_cut_off_for_the_client(self, serve: Serve, record: Record) -> None:
        def cut(handler: Any) -> None:
            handler.wfile.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{12345"
            )
            handler.close_connection = True

        service = serve(cut)
        recorded = record(upstream=service.url)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            recorded.ask("GET", "/api/open/v3/faceswap/quota/info").json()
        recording = recorded.read()
        assert recording.calls[0].response.ended is Termination.CUT
        assert recording.body(recording.calls[0].response.body) == b"{12345"

    def test_no_service_at_the_address_is_no_answer_of_akools(self, record: Record) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        recorded = record(upstream=f"http://127.0.0.1:{port}")
        answer = recorded.ask("GET", "/api/open/v3/faceswap/quota/info")
        assert answer.status_code == 502
        assert answer.json()["error"].startswith("mock-akool record: ")
        assert recorded.recorder.failures.total() == 1
        assert recorded.read().calls == []

    def test_a_compressed_answer_is_recorded_as_its_text(self, serve: Serve, record: Record) -> None:
        body = gzip.compress(b'{"code":1000,"msg":"OK","data":{"credit":7}}')
        service = serve(whole(200, body, ("Content-Encoding", "gzip")))
        recorded = record(upstream=service.url)
        assert recorded.ask("GET", "/api/open/v3/faceswap/quota/info").json()["data"] == {"credit": 7}
        assert service.requests[0][1]["accept-encoding"] == "identity"
        assert json_of(recorded.read(), 1)["data"] == {"credit": 7}

    def test_a_service_of_http_1_0_is_answered_once(self, serve: Serve, record: Record) -> None:
        def old(handler: Any) -> None:
            handler.wfile.write(b"HTTP/1.0 503 No\r\ncontent-type: text/html\r\n\r\n<h1>busy</h1>")
            handler.close_connection = True

        recorded = record(upstream=serve(old).url)
        answer = recorded.ask("GET", "/api/open/v3/faceswap/quota/info")
        assert (answer.status_code, answer.text) == (503, "<h1>busy</h1>")
        (call,) = recorded.read().calls
        assert call.response.body == {"text": "<h1>busy</h1>"}


class TestFolder:
    def test_a_folder_with_files_is_not_written_into(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(RecordingError, match="is not empty"):
            RecordingWriter(tmp_path, [])
        assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]

    def test_a_file_in_place_of_the_folder_is_one_clear_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(RecordingError, match="cannot write"):
            RecordingWriter(tmp_path / "file", [])

    def test_no_recording_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(RecordingError, match="there is no recording"):
            read_recording(tmp_path)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda call: call.update(version=9), "version"),
            (lambda call: call.pop("request"), "a recorded call needs the key 'request'"),
            (lambda call: call["request"].update(method=1), r"request\.method"),
            (lambda call: call["response"].update(ended="boom"), r"response\.ended"),
            (lambda call: call["response"].update(headers=["x"]), r"response\.headers"),
            (lambda call: call["response"].update(headers=[["x", 1]]), r"response\.headers\[0\]"),
            (lambda call: call["response"].update(body={"other": 1}), r"response\.body"),
            (lambda call: call["response"].update(body=""), r"response\.body"),
            (
                lambda call: call.update(nubmer=call.pop("number"), endpoint=3, at=-1, request={}),
                r"(?s)7 mistakes:.*nubmer: there is no such key; did you mean 'number'\?.*at: -1 is not a number of "
                r"seconds.*endpoint: 3 is not a text.*request: a request needs the key 'method'",
            ),
        ],
    )
    def test_a_broken_file_is_named(self, recorded: Recorded, change: Callable[[Any], Any], said: str) -> None:
        create(recorded)
        recorded.stop()
        (file,) = recorded.folder.glob("0*.json")
        call = json.loads(file.read_text())
        change(call)
        file.write_text(json.dumps(call))
        with pytest.raises(RecordingError, match=said) as found:
            read_recording(recorded.folder)
        assert file.name in str(found.value)

    @pytest.mark.parametrize("text", ["", "{", "[]", "\xff"])
    def test_a_file_that_is_no_call_is_named(self, recorded: Recorded, text: str) -> None:
        recorded.stop()
        (recorded.folder / "00001-GET-x.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(RecordingError, match="00001-GET-x"):
            read_recording(recorded.folder)

    def test_an_index_of_another_version_is_named(self, recorded: Recorded) -> None:
        recorded.stop()
        (recorded.folder / INDEX).write_text('{"version": 2}')
        with pytest.raises(RecordingError, match=INDEX):
            read_recording(recorded.folder)

    def test_a_body_that_was_changed_is_not_served(self, recorded: Recorded) -> None:
        job_id = create(recorded)
        image = recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={job_id}").json()["data"]["image"]
        requests.get(image, timeout=10)
        recording = recorded.read()
        (file,) = (recorded.folder / "bodies").iterdir()
        body = recording.calls[2].response.body
        file.write_bytes(b"other")
        with pytest.raises(RecordingError, match="was changed"):
            recording.body(body)
        file.unlink()
        with pytest.raises(RecordingError, match="cannot read"):
            recording.body(body)
        with pytest.raises(RecordingError, match="is no file of"):
            recording.body({"file": "../secret"})
