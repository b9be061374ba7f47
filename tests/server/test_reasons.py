"""It says why: in the call log, the admin API, the report and the log, and a browser is shown what this is."""

from __future__ import annotations

import gc
import gzip
import io
import json
import logging
import re
import sys
import threading
import zlib
from typing import Any
from urllib.parse import urljoin

import pytest

from mock_akool import MockAkool, Request
from mock_akool.server.access_log import STYLES, BatchedLog
from tests.server.conftest import Start
from tests.server.wires import CREATE, INFO, PRESS, QUOTA, Running, get, request

V4 = "/api/open/v4/content/image/createBySourcePrompt"
JSON = {"x-api-key": "key", "content-type": "application/json"}

REFUSALS: list[tuple[str, dict[str, str], bytes, str]] = [
    (CREATE, JSON, b'{"prompt":"x","scale":"16/9"}', "scale"),
    (CREATE, JSON, b'{"promt":"x"}', "prompt"),
    (CREATE, JSON, b'{"prompt":3}', "prompt"),
    (CREATE, JSON, b'{"prompt":"x","source_image":"data:image/png;base64,AAAA"}', "source_image"),
    (CREATE, JSON, b'{"prompt":"x",}', "JSON"),
    (CREATE, JSON, b'\xef\xbb\xbf{"prompt":"x"}', "BOM"),
    (CREATE, JSON, b"\xff\xfe", "UTF-8"),
    (CREATE, {**JSON, "content-encoding": "gzip"}, gzip.compress(b'{"prompt":"x"}'), "Content-Encoding: 'gzip'"),
    (CREATE, {**JSON, "content-encoding": "deflate"}, zlib.compress(b'{"prompt":"x"}'), "send it as it is"),
    (CREATE, JSON, b"[1]", "a list"),
    (CREATE, JSON, b"", "JSON"),
    (CREATE, JSON, b'{"prompt":"' + b"x" * (1 << 20) + b'"}', "max_body_bytes"),
    (CREATE, {**JSON, "content-type": "text/plain"}, b'{"prompt":"x"}', "Content-Type"),
    (V4, JSON, b'{"prompt":"x","batch_quantity":9}', "batch_quantity"),
    (V4, JSON, b'{"prompt":"x","model_name":"wavespeed-ai/flux-krea"}', "flux-krea-dev-lora"),
    (V4, JSON, b'{"prompt":"x","scale":"Original"}', "scale"),
    (CREATE, {}, b"{}", "x-api-key"),
    (CREATE, {"authorization": "Basic x"}, b"{}", "Bearer"),
    (CREATE, {"authorization": "Bearer x"}, b"{}", "getToken"),
    ("/api/open/v3/faceswap/highquality/specifyimages", JSON, b"{}", "does not imitate"),
    ("/api/v1/anything", JSON, b"{}", "/api/open/"),
    (CREATE.lower() + "/", JSON, b"{}", "createbyprompt"),
    (V4.lower(), JSON, b"{}", "createBySourcePrompt"),
    (QUOTA, JSON, b"{}", "takes GET"),
]


@pytest.mark.parametrize(("path", "headers", "body", "word"), REFUSALS, ids=[word for *_, word in REFUSALS])
def test_a_refusal_says_why_wherever_people_look(path: str, headers: dict[str, str], body: bytes, word: str) -> None:
    mock = MockAkool()
    asked = Request.build("POST", path, headers=headers, body=body)
    response = mock.answer(asked)
    assert response.code not in (1000,)
    assert response.reason is not None
    assert word in response.reason
    assert mock.calls[-1].response.reason == response.reason
    told = json.loads(mock.answer(Request.build("GET", "/_mock/calls")).body)
    assert told["calls"][-1]["reason"] == response.reason
    assert word in mock.report()
    for style in STYLES.values():
        stream = io.StringIO()
        log = BatchedLog(stream, style())
        log.note(1, asked, response, 1)
        log.close()
        assert word in stream.getvalue()
        assert stream.getvalue().count("\n") == 1


class TestReasons:
    """Those that need a job first."""

    def made(self, **options: Any) -> tuple[MockAkool, str]:
        mock = MockAkool(**options)
        body = b'{"prompt": "x"}'
        job_id = mock.answer(Request.build("POST", CREATE, headers=JSON, body=body)).job_id
        assert job_id is not None
        return mock, job_id

    def log_of(self, mock: MockAkool, method: str, path: str, query: str = "", body: Any = None, **more: str) -> str:
        sent = b"" if body is None else json.dumps(body).encode()
        asked = Request.build(method, path, query, headers={**JSON, **more}, body=sent)
        stream = io.StringIO()
        log = BatchedLog(stream, STYLES["text"]())
        log.note(1, asked, mock.answer(asked), 1)
        log.close()
        return stream.getvalue()

    def test_a_button_of_a_job_that_is_not_completed(self) -> None:
        mock, job_id = self.made()
        said = self.log_of(mock, "POST", PRESS, body={"_id": job_id, "button": "U1"})
        assert f"(job {job_id} is queueing; its buttons can be pressed once it is completed)" in said

    def test_a_button_that_a_job_does_not_offer(self) -> None:
        mock, job_id = self.made()
        mock.run_until_idle()
        self.log_of(mock, "POST", PRESS, body={"_id": job_id, "button": "U1"})
        mock.run_until_idle()
        said = self.log_of(mock, "POST", PRESS, body={"_id": mock.jobs[-1].id, "button": "U2"})
        assert f"(job {mock.jobs[-1].id} offers no U2; it offers no buttons)" in said

    def test_another_account_s_job(self) -> None:
        mock, job_id = self.made()
        headers = {"x-api-key": "another"}
        said = self.log_of(mock, "GET", INFO.partition("?")[0], f"image_model_id={job_id}", **headers)
        assert f"(job {job_id} is another account's)" in said

    def test_a_job_that_is_not_there_is_named_once(self) -> None:
        said = self.log_of(MockAkool(), "GET", INFO.partition("?")[0], "image_model_id=nothing")
        assert said.count("nothing") == 1

    def test_credits_and_limits(self) -> None:
        mock, _ = self.made(credits=3)
        assert "(it costs 2 credits, and the account has 1)" in self.log_of(mock, "POST", CREATE, body={"prompt": "x"})
        mock, _ = self.made(concurrent_jobs=1)
        said = self.log_of(mock, "POST", CREATE, body={"prompt": "x"})
        assert "(concurrent_jobs allows 1, and the account has 1 unfinished)" in said
        mock, _ = self.made(requests_per_second=1)
        assert "(requests_per_second allows 1, and 1 came before)" in self.log_of(mock, "GET", QUOTA)

    def test_files(self) -> None:
        mock, job_id = self.made(file_lifetime="1m")
        mock.run_until_idle()
        query = f"image_model_id={job_id}"
        record = json.loads(mock.answer(Request.build("GET", INFO.partition("?")[0], query, headers=JSON)).body)["data"]
        path = "/" + record["image"].rpartition("/")[2]
        assert "(" not in self.log_of(mock, "GET", path)
        assert "(files take GET and HEAD, not POST)" in self.log_of(mock, "POST", path)
        assert "(no job has a file of this name)" in self.log_of(mock, "GET", "/other.jpg")
        mock.clock.advance(60)
        assert "(the file has expired; files live for 1m (setting file_lifetime))" in self.log_of(mock, "GET", path)

    def test_a_scenario_that_does_not_exist(self) -> None:
        mock = MockAkool()
        said = self.log_of(mock, "POST", CREATE, body={"prompt": "[mock:slo]"})
        assert "-> 400  (there is no scenario 'slo'; did you mean 'slow'?)" in said
        assert mock.report().count("there is no scenario 'slo'") == 1


def test_the_wire_says_nothing_of_it() -> None:
    mock = MockAkool()
    for path, headers, body, _ in REFUSALS:
        response = mock.answer(Request.build("POST", path, headers=headers, body=body))
        answer = json.loads(response.body)
        assert answer.keys() == {"code", "msg"}
        assert response.reason is not None
        assert response.reason not in response.body.decode()


def test_no_secret_is_in_a_reason() -> None:
    mock = MockAkool(strict=True)
    secret = "0123456789abcdef0123456789abcdef"
    pair = json.dumps({"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": secret}).encode()
    for asked in (
        Request.build("GET", QUOTA, headers={"x-api-key": secret}),
        Request.build("GET", QUOTA, headers={"authorization": f"Bearer {secret}"}),
        Request.build("POST", "/api/open/v3/getToken", headers={"content-type": "application/json"}, body=pair),
    ):
        response = mock.answer(asked)
        assert response.reason is not None
        assert secret not in response.reason


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        (CREATE, "webhookUrl", "http://user:secret@127.0.0.1:9/\n"),
        (CREATE, "source_image", "ftp://user:secret@host/"),
        (V4, "source_images", ["ftp://user:secret@host/", "http://host/"]),
        (V4, "source_images", "ftp://user:secret@host/"),
        (V4, "scale", "http://user:secret@host/"),
    ],
)
def test_no_password_of_a_url_is_in_a_reason(path: str, field: str, value: object) -> None:
    body = json.dumps({"prompt": "x", field: value}).encode()
    reason = MockAkool().answer(Request.build("POST", path, headers=JSON, body=body)).reason
    assert reason is not None
    assert f"{field} is " in reason
    assert "user:***@" in reason
    assert "secret" not in reason


@pytest.mark.parametrize("url", ["http://user:s3cret@127.0.0.1:9/", r"http:\/\/user:s3cret@127.0.0.1:9\/"])
def test_no_password_of_a_url_is_shown_by_the_admin_api(url: str) -> None:
    mock = MockAkool(queueing="0", processing="0")
    for path, body in (
        (CREATE, f'{{"prompt":"x","webhookUrl":"{url}"}}'),
        (V4, f'{{"prompt":"x","model_name":"wavespeed-ai/flux-kontext-dev","source_images":["{url}"]}}'),
    ):
        assert mock.answer(Request.build("POST", path, headers=JSON, body=body.encode())).code == 1000
    mock.run_until_idle()
    job = mock.jobs[0].id
    for route in ("calls", "jobs", f"jobs/{job}", "webhooks", "report", "state", "accounts", "events", "scenario"):
        shown = mock.answer(Request.build("GET", f"/_mock/{route}")).body.decode()
        assert "s3cret" not in shown, route
        if route in ("calls", "jobs", "webhooks"):
            assert "user:***@" in shown
    assert mock.calls[0].json["webhookUrl"] == "http://user:s3cret@127.0.0.1:9/"  # to a test it is what was sent


V3_INFO = "/api/open/v3/content/image/infobymodelid"
CLOSE = "/api/open/v4/liveAvatar/session/close"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "said"),
    [
        ("GET", V3_INFO, "image_model=x", None, "did you mean it by 'image_model'?"),
        ("GET", "/api/open/v4/voice/list", "typ=1", None, "did you mean it by 'typ'?"),
        ("GET", "/api/open/v4/aigModel/list", "types=1501", None, "did you mean it by 'types'?"),
        ("POST", V4, "", {"promt": "x"}, "did you mean prompt by 'promt'?"),
        ("POST", CLOSE, "", {"sessionid": "x"}, "did you mean session_id by 'sessionid'?"),
        ("POST", "/interface/detect-api/detect_faces", "", {"urls": "x"}, "did you mean url by 'urls'?"),
        ("POST", CREATE, "", {"scale": "1:3", "webhook_url": ""}, "did you mean webhookUrl by 'webhook_url'?"),
    ],
)
def test_the_nearest_name_is_said(method: str, path: str, query: str, body: dict[str, str] | None, said: str) -> None:
    raw = b"" if body is None else json.dumps(body).encode()
    reason = MockAkool().answer(Request.build(method, path, query, JSON, body=raw)).reason
    assert reason is not None
    assert said in reason


@pytest.mark.parametrize("body", ['{"error":"mock-akool', '{"error":"mock-akool: x"}', '{"error":"mock-akool bug"}'])
def test_a_fault_may_have_a_body_like_an_error_of_ours(body: str) -> None:
    mock = MockAkool()
    mock.on("any").named("mine").respond(http=500, body=body)
    assert mock.answer(Request.build("GET", QUOTA, headers=JSON)).body == body.encode()
    assert "mock-akool" not in mock.report()


class TestLog:
    def lines(self, style: str, *sent: bytes, start: Start) -> list[str]:
        stream = io.StringIO()
        log = BatchedLog(stream, STYLES[style]())
        running = start()
        running.server._log = log
        for each in sent:
            wire = running.connect()
            wire.send(each)
            wire.answer()
        log.close()
        return stream.getvalue().splitlines()

    def test_what_is_no_request_is_a_line_with_the_client_s_address(self, start: Start) -> None:
        (line,) = self.lines("text", b"\x16\x03\x01\x02\x00", start=start)
        assert "no request from 127.0.0.1:" in line
        assert "-> 400  this is not HTTP/1.1: the client speaks TLS; write http:// and not https://" in line

    def test_lines_for_machines_have_client_account_and_reason(self, start: Start) -> None:
        bad = request("POST", CREATE, b'{"scale":"x"}', x_api_key="k" * 32)
        refused, no_request, polled = map(
            json.loads, self.lines("json", bad, b"nonsense\r\n\r\n", get(QUOTA, x_api_key="k" * 32), start=start)
        )
        assert refused["client"].startswith("127.0.0.1:")
        assert refused["account"] == polled["account"] == "kkkk…"
        assert "scale" in refused["reason"]
        assert polled["reason"] is None
        assert no_request["client"].startswith("127.0.0.1:")
        assert no_request["refused"].startswith("this is not HTTP/1.1: ")
        assert no_request["start"] == "nonsense\r\n\r\n"

    def test_messages_are_of_the_style_of_the_log(self) -> None:
        for style in STYLES.values():
            stream = io.StringIO()
            log = BatchedLog(stream, style())
            with log.captured():
                logging.getLogger("mock_akool").warning("one\n\x1b[2Jtwo")
                try:
                    divmod(1, 0)
                except ZeroDivisionError:
                    logging.getLogger("mock_akool").exception("a bug")
            log.close()
            text = stream.getvalue()
            assert "\x1b" not in text
            assert "ZeroDivisionError" in text
            if style is STYLES["json"]:
                first, second = map(json.loads, text.splitlines())
                assert (first["level"], first["message"]) == ("warning", "one\n\x1b[2Jtwo")
                assert second["level"] == "error"

    def test_what_nobody_handles_is_of_the_style_of_the_log(self) -> None:
        class Leaking:
            def __del__(self) -> None:
                divmod(1, 0)

        def fail() -> None:
            divmod(2, 0)

        stream = io.StringIO()
        log = BatchedLog(stream, STYLES["json"]())
        hooks = threading.excepthook, sys.unraisablehook
        with log.captured():
            logging.getLogger("asyncio").warning("socket.send() raised exception")
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
            Leaking()
            gc.collect()
        log.close()
        assert (threading.excepthook, sys.unraisablehook) == hooks
        asyncio_s, of_thread, of_del = map(json.loads, stream.getvalue().splitlines())
        assert (asyncio_s["level"], asyncio_s["message"]) == ("warning", "socket.send() raised exception")
        assert "divmod(2, 0)" in of_thread["message"]
        assert "divmod(1, 0)" in of_del["message"]
        assert of_thread["level"] == of_del["level"] == "error"

    @pytest.mark.parametrize("style", ["text", "json"])
    @pytest.mark.parametrize("name", ["token", "access_token", "api_key", "apikey", "X-Secret", "password"])
    def test_no_token_of_a_callback_url_is_in_it(self, style: str, name: str) -> None:
        stream = io.StringIO()
        log = BatchedLog(stream, STYLES[style]())
        mock = MockAkool()
        mock.application.dispatcher.note = log.note_webhook
        url = f"http://127.0.0.1:9/hook?{name}=hidden&order=7"
        body = json.dumps({"prompt": "x", "webhookUrl": url}).encode()
        mock.answer(Request.build("POST", CREATE, headers={**JSON, "x-api-key": "0123456789abcdef"}, body=body))
        mock.run_until_idle()
        log.close()
        assert stream.getvalue().count(f"http://127.0.0.1:9/hook?{name}=***&order=7") == len(mock.webhooks) > 0
        assert "hidden" not in stream.getvalue()

    @pytest.mark.parametrize("raw", ["\x1b[2J", "a\nb", "\x9b2J", "\u202e", "\x00"])
    def test_nothing_of_a_client_gets_to_a_terminal_raw(self, raw: str, start: Start) -> None:
        stream = io.StringIO()
        log = BatchedLog(stream, STYLES["text"]())
        mock = MockAkool()
        for asked in (
            Request.build("GET", f"/api/{raw}"),
            Request.build("GET", f"/{raw}.jpg"),
            Request.build("OPTIONS", f"/{raw}"),
            Request.build("GET", QUOTA, headers={"x-api-key": raw}),
            Request.build("POST", CREATE, headers=JSON, body=json.dumps({"prompt": "x", "scale": raw}).encode()),
            Request.build("POST", CREATE, headers={**JSON, "content-type": raw}, body=b"{}"),
        ):
            log.note(1, asked, mock.answer(asked), 1)
        log.close()
        assert raw not in stream.getvalue().replace("\n", "", 6)
        assert stream.getvalue().count("\n") == 6
        report = mock.report()
        assert raw not in report
        assert all(line.isprintable() for line in report.split("\n"))


class TestBrowsers:
    BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    def test_one_that_opens_the_address_is_shown_what_this_is(self, start: Start) -> None:
        running = start()
        wire = running.connect()
        wire.send(get("/", accept=self.BROWSER))
        answer = wire.answer()
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"This is a fake of Akool's API" in answer.body
        assert b"/_mock/report" in answer.body
        assert running.mock.calls == ()

    def test_every_link_of_the_page_leads_somewhere(self, start: Start) -> None:
        wire = start().connect()
        wire.send(get("/", accept=self.BROWSER))
        links = re.findall(r'<a href="([^"]+)"', wire.answer().body.decode())
        assert len(links) == 5
        for link in links:
            wire.send(get(urljoin("/", link), host="localhost"))
            assert wire.answer().status == 200

    def test_others_get_what_the_api_answers(self, start: Start) -> None:
        wire = start().connect()
        unasked = (get("/"), get("/", accept="application/json"), request("POST", "/", accept=self.BROWSER))
        for asked in (*unasked, get("/_mock")):
            wire.send(asked)
            assert wire.answer().json() == {"code": 404, "msg": "Not Found"}
        wire.send(get("/index.html", accept=self.BROWSER))
        assert wire.answer().status == 404

    def test_in_process_it_is_the_api_that_answers(self) -> None:
        mock = MockAkool()
        assert mock.answer(Request.build("GET", "/", headers={"accept": self.BROWSER})).status == 404

    def test_a_flask_app_says_it_too(self) -> None:
        client: Any = MockAkool().app().test_client()
        assert b"fake of Akool" in client.get("/", headers={"accept": self.BROWSER}).data


class TestUnreadable:
    SENT = (b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"EHLO there\r\n")

    def running(self, start: Start) -> Running:
        running = start()
        for sent in self.SENT:
            wire = running.connect()
            wire.send(sent)
            assert wire.answer().status == 400
        return running

    def test_it_is_listed_with_what_came_and_from_whom(self, start: Start) -> None:
        wire = self.running(start).connect()
        wire.send(get("/_mock/calls/unreadable", host="localhost"))
        said = wire.answer().json()
        assert said["count"] == 3
        tls, http_2, words = said["unreadable"]
        assert tls["http"] == http_2["http"] == words["http"] == 400
        assert tls["client"].startswith("127.0.0.1:")
        assert tls["start"] == self.SENT[0].decode()
        assert "the client speaks TLS" in tls["reason"]
        assert "the client speaks HTTP/2" in http_2["reason"]
        assert words["start"] == "EHLO there\r\n"
        assert tls["time_ns"] <= http_2["time_ns"] <= words["time_ns"]

    def test_the_report_names_each_kind(self, start: Start) -> None:
        report = self.running(start).mock.report()
        assert "3 times something was sent to the server that is no request" in report
        assert all(word in report for word in ("TLS", "HTTP/2", "Invalid method"))

    def test_a_reset_forgets_it(self, start: Start) -> None:
        running = self.running(start)
        running.mock.reset()
        wire = running.connect()
        wire.send(get("/_mock/calls/unreadable", host="localhost"))
        assert wire.answer().json() == {"unreadable": [], "count": 0}


class TestAdmin:
    def line(self, style: str, asked: Request) -> str:
        stream = io.StringIO()
        log = BatchedLog(stream, STYLES[style]())
        log.note(1, asked, MockAkool().answer(asked), 1)
        log.close()
        return stream.getvalue()

    @pytest.mark.parametrize(
        ("asked", "word"),
        [
            (Request.build("GET", "/_mock/job"), "/_mock/jobs"),
            (Request.build("POST", "/_mock/state"), "GET"),
            (Request.build("GET", "/_mock/calls", "code=x"), "code: 'x' is not a whole number"),
            (Request.build("POST", "/_mock/scenario/rules", body=b'{"rules": [{"on": "quota/inf"}]}'), "quota/info"),
        ],
    )
    def test_a_refused_admin_request_says_why_in_the_log(self, asked: Request, word: str) -> None:
        assert word in self.line("text", asked)
        said = json.loads(self.line("json", asked))
        assert said["endpoint"] == "admin"
        assert word in said["reason"]

    @pytest.mark.parametrize(
        ("path", "query", "body"),
        [
            ("/_mock/accounts", "", {"api_key": "secret-of-this-account"}),
            ("/_mock/accounts", "account=secret-of-this-account", {"api_key": "another"}),
            ("/_mock/accounts/credits", "account=secret-of-this-account", {"credits": "x"}),
            ("/_mock/reset", "account=secret-of-this-account", {"account": "another"}),
        ],
    )
    def test_no_key_is_in_it(self, path: str, query: str, body: dict[str, Any]) -> None:
        mock = MockAkool()
        asked = Request.build("POST", path, query, body=json.dumps(body).encode())
        mock.answer(Request.build("GET", QUOTA, headers={"x-api-key": "secret-of-this-account"}))
        reason = mock.answer(asked).reason
        assert reason is not None
        assert "secret" not in reason
