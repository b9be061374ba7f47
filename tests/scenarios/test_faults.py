"""Faults: what the client meets, what the work was, and where the clock stands."""

from __future__ import annotations

import json
from http.client import IncompleteRead
from io import BytesIO
from typing import Any, Final

import aiohttp
import httpx
import pytest
import requests
from PIL import Image

from mock_akool import Code, MockAkool, Request
from tests.contract.client import CREATE_V3, KEY, OTHER_KEY, PROMPT, Client
from tests.contract.transports import OpenTransport, Transport

DROPPED: Final = (
    ConnectionAbortedError,
    requests.ConnectionError,
    httpx.RemoteProtocolError,
    aiohttp.ServerDisconnectedError,
    ConnectionResetError,  # http.client's RemoteDisconnected
)
RESET: Final = (ConnectionResetError, requests.ConnectionError, httpx.ReadError, aiohttp.ClientOSError)
CUT_OFF: Final = (
    ConnectionAbortedError,
    requests.exceptions.ChunkedEncodingError,
    httpx.RemoteProtocolError,
    aiohttp.ClientPayloadError,
    IncompleteRead,
)
WAITS_FOR_REAL: Final = "socket"
"""The transport whose client waits in real time, so that the virtual clock stands still."""


@pytest.mark.every_transport
class TestWhatTheClientMeets:
    """A fault at the second poll, and a good answer to the third."""

    @pytest.fixture
    def job_id(self, client: Client) -> str:
        return client.made("v3", {"processing": "forever"})

    def second(self, client: Client, job_id: str, **fault: Any) -> Any:
        rule = client.transport.mock.on("infobymodelid").nth(2).respond(**fault)
        assert client.status(job_id) == 2
        answer = client.info(job_id)
        assert client.status(job_id) == 2
        assert rule.fired == 1
        return answer

    def broken(self, client: Client, job_id: str, errors: tuple[type[BaseException], ...], **fault: Any) -> None:
        client.transport.mock.on("infobymodelid").nth(2).respond(**fault)
        assert client.status(job_id) == 2
        with pytest.raises(errors):
            client.info(job_id)
        assert client.status(job_id) == 2

    @pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
    def test_a_business_code(self, client: Client, job_id: str, code: Code) -> None:
        answer = self.second(client, job_id, code=int(code))
        assert (answer.status, answer.code) == (200, code)
        assert answer.json() == {"code": int(code), "msg": client.transport.mock.engine.settings.refusal(code).msg}

    def test_a_message_of_ones_own(self, client: Client, job_id: str) -> None:
        assert self.second(client, job_id, code=1108, msg="no GPU").json() == {"code": 1108, "msg": "no GPU"}

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520])
    def test_an_http_status_with_the_page_of_a_gateway(self, client: Client, job_id: str, status: int) -> None:
        answer = self.second(client, job_id, http=status)
        assert answer.status == status
        assert answer.headers["content-type"] == "text/html"
        assert f"<h1>{status}".encode() in answer.body

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [('{"message": "down"}', "application/json; charset=utf-8"), ("down", "text/html"), ("", "text/html")],
    )
    def test_a_body_of_ones_own(self, client: Client, job_id: str, body: str, content_type: str) -> None:
        answer = self.second(client, job_id, http=503, body=body)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (503, body.encode(), content_type)

    def test_headers(self, client: Client, job_id: str) -> None:
        answer = self.second(client, job_id, http=429, headers={"Retry-After": 3})
        assert (answer.status, answer.headers["retry-after"]) == (429, "3")

    def test_a_wrong_content_type(self, client: Client, job_id: str) -> None:
        answer = self.second(client, job_id, content_type="text/plain")
        assert answer.headers["content-type"] == "text/plain"
        assert answer.data["image_status"] == 2

    def test_an_empty_body(self, client: Client, job_id: str) -> None:
        answer = self.second(client, job_id, empty=True)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"].startswith("application/json")

    def test_garbage(self, client: Client, job_id: str) -> None:
        answer = self.second(client, job_id, garbage=True)
        assert (answer.status, len(answer.body) > 100) == (200, True)
        assert answer.headers["content-type"].startswith("application/json")
        with pytest.raises(UnicodeDecodeError):
            answer.json()

    def test_a_page_with_status_200(self, client: Client, job_id: str) -> None:
        answer = self.second(client, job_id, html=True)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
        assert answer.body.startswith(b"<html>")

    def test_a_dropped_connection(self, client: Client, job_id: str) -> None:
        self.broken(client, job_id, DROPPED, drop=True)

    def test_a_reset_connection(self, client: Client, job_id: str) -> None:
        self.broken(client, job_id, RESET, reset=True)

    @pytest.mark.parametrize("sent", ["0%", "50%", 10])
    def test_a_body_that_is_cut_off(self, client: Client, job_id: str, sent: Any) -> None:
        self.broken(client, job_id, CUT_OFF, truncate=sent)

    def test_a_body_that_drips(self, client: Client, job_id: str) -> None:
        began_ns = client.transport.mock.clock.now_ns()
        answer = self.second(client, job_id, drip={"bytes": 100, "every": "5ms"})
        assert answer.data["image_status"] == 2
        passed_ms = (client.transport.mock.clock.now_ns() - began_ns) / 1e6
        assert passed_ms == (0 if client.transport.name == WAITS_FOR_REAL else 5 * -(-len(answer.body) // 100))

    def test_a_late_answer(self, client: Client, job_id: str) -> None:
        began_ns = client.transport.mock.clock.now_ns()
        assert self.second(client, job_id, delay="50ms").data["image_status"] == 2
        passed_ms = (client.transport.mock.clock.now_ns() - began_ns) / 1e6
        assert passed_ms == (0 if client.transport.name == WAITS_FOR_REAL else 50)

    def test_a_late_break(self, client: Client, job_id: str) -> None:
        began_ns = client.transport.mock.clock.now_ns()
        self.broken(client, job_id, DROPPED, drop=True, delay="50ms")
        passed_ms = (client.transport.mock.clock.now_ns() - began_ns) / 1e6
        assert passed_ms == (0 if client.transport.name == WAITS_FOR_REAL else 50)

    def test_the_call_log_says_which_rule_it_was_and_that_nothing_was_shown(self, client: Client, job_id: str) -> None:
        client.transport.mock.on("infobymodelid").nth(1).named("gateway").respond(http=502)
        client.info(job_id)
        client.info(job_id)
        broken, well = client.transport.mock.calls.to("infobymodelid")
        assert (broken.rule, broken.job_id, broken.account) == ("gateway", job_id, KEY)
        assert (broken.code, broken.job_status, broken.response.status) == (None, None, 502)
        assert (well.rule, well.job_status) == (None, 2)
        assert client.transport.mock.calls.by_rule("gateway").count == 1
        assert (broken.job_script, well.job_script) == (None, "next_job")


@pytest.mark.every_transport
class TestBeforeAndAfterTheWork:
    """A fault on a create decides whether the job was made and paid."""

    @pytest.mark.parametrize("fault", [{"code": 1108}, {"http": 502}, {"empty": True}, {"html": True}])
    @pytest.mark.parametrize("at", ["before", "after"])
    def test_a_replaced_answer(self, client: Client, fault: dict[str, Any], at: str) -> None:
        client.transport.mock.on("createbyprompt").first(1).respond(**fault, at=at)
        client.create_v3()
        made = 1 if at == "after" else 0
        assert (len(client.transport.mock.jobs), client.transport.mock.credits_spent) == (made, 2 * made)
        client.create_v3()
        assert (len(client.transport.mock.jobs), client.transport.mock.credits_spent) == (made + 1, 2 * made + 2)

    @pytest.mark.parametrize("at", ["before", "after"])
    def test_a_broken_connection(self, client: Client, at: str) -> None:
        client.transport.mock.on("create").first(1).drop(at=at)
        with pytest.raises(DROPPED):
            client.create_v4(batch_quantity=2)
        assert len(client.transport.mock.jobs) == (2 if at == "after" else 0)

    def test_before_is_usual_and_a_spoilt_answer_is_after(self, client: Client) -> None:
        client.transport.mock.on("createbyprompt").first(1).respond(http=503)
        client.create_v3()
        assert len(client.transport.mock.jobs) == 0
        client.transport.mock.on("createbyprompt").first(1).respond(truncate=5)
        with pytest.raises(CUT_OFF):
            client.create_v3()
        assert len(client.transport.mock.jobs) == 1

    def test_a_button_is_used_up_only_by_work_that_was_done(self, client: Client) -> None:
        parent = client.completed()
        client.transport.mock.on("createbybutton").nth(1).respond(http=502)
        client.transport.mock.on("createbybutton").nth(2).respond(http=502, at="after")
        assert client.press(parent, "U1").status == 502
        assert client.record(parent)["used_buttons"] == []
        assert client.press(parent, "U1").status == 502
        assert client.record(parent)["used_buttons"] == ["U1"]
        assert client.press(parent, "U1").code == 1011

    def test_a_poll_that_met_a_gateway_does_not_count_for_the_job(self, client: Client) -> None:
        job_id = client.made("v3", {"processing": "2 polls"})
        client.transport.mock.on("infobymodelid").first(3).respond(http=502)
        for _ in range(3):
            client.info(job_id)
        assert [client.status(job_id) for _ in range(3)] == [2, 2, 3]

    def test_a_token_that_never_arrived_does_no_harm(self, client: Client) -> None:
        client.transport.mock.on("getToken").first(1).respond(garbage=True)
        client.get_token()
        assert Client(client.transport, token=client.token()).quota().data == {"credit": 1000}

    def test_credentials_are_not_looked_at_by_a_gateway(self, transport: Transport) -> None:
        transport.mock.on("api").respond(http=503)
        assert Client(transport, key=None).quota().status == 503


@pytest.mark.every_transport
class TestFiles:
    def fetched(self, client: Client, **fault: Any) -> Any:
        url = client.record(client.completed("v4"))["image"]
        if fault:
            client.transport.mock.on("file").respond(**fault)
        return client.download(url)

    def test_expired(self, client: Client) -> None:
        answer = self.fetched(client, file="expired")
        assert (answer.status, b"AccessDenied" in answer.body) == (403, True)

    def test_half_of_the_bytes(self, client: Client) -> None:
        answer = self.fetched(client, file="truncated")
        assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
        assert answer.body.startswith(b"\xff\xd8")
        assert not answer.body.endswith(b"\xff\xd9")
        assert int(answer.headers["content-length"]) == len(answer.body)

    def test_another_format_under_the_name_of_a_jpeg(self, client: Client) -> None:
        answer = self.fetched(client, file="png")
        assert answer.headers["content-type"] == "image/jpeg"
        with Image.open(BytesIO(answer.body)) as image:
            assert image.format == "PNG"

    @pytest.mark.parametrize("fault", [{"html": True}, {"empty": True}, {"http": 404}, {"garbage": True}])
    def test_something_else_instead(self, client: Client, fault: dict[str, Any]) -> None:
        answer = self.fetched(client, **fault)
        assert answer.status == fault.get("http", 200)
        assert not answer.body.startswith(b"\xff\xd8")

    def test_a_download_that_is_cut_off(self, client: Client) -> None:
        with pytest.raises(CUT_OFF):
            self.fetched(client, truncate="50%")

    def test_the_files_of_one_job_only(self, client: Client) -> None:
        client.transport.mock.next_job(queueing=0, processing=0, result={"files": {"html": True}})
        broken, well = client.create_v4().data["_id"], client.completed("v4")
        assert client.download(client.record(broken)["image"]).body.startswith(b"<html>")
        assert client.download(client.record(well)["image"]).body.startswith(b"\xff\xd8")


class TestResults:
    @pytest.mark.parametrize(
        ("result", "missing", "said"),
        [
            ({"upscaled_urls": []}, [], {"upscaled_urls": []}),
            ({"image": "missing"}, ["image"], {}),
            ({"image": "missing", "upscaled_urls": "missing"}, ["image", "upscaled_urls"], {}),
            ({"image": "https://x.cloudfront.net/dead.jpg"}, [], {"image": "https://x.cloudfront.net/dead.jpg"}),
            ({"image": ""}, [], {"image": ""}),
            ({"buttons": ["U1"]}, [], {"buttons": ["U1"]}),
            ({"buttons": "missing"}, ["buttons"], {}),
        ],
    )
    @pytest.mark.parametrize("family", ["v3", "v4", "button-U"])
    def test_what_a_completed_record_says(
        self, client: Client, family: str, result: dict[str, Any], missing: list[str], said: dict[str, Any]
    ) -> None:
        record = client.record(client.made(family, {"result": result}))
        assert record["image_status"] == 3
        assert [key for key in missing if key in record] == []
        assert {key: record[key] for key in said} == said

    def test_a_job_that_is_not_completed_says_nothing_unusual(self, client: Client) -> None:
        record = client.record(client.made("v3", {"processing": "1h", "result": {"image": "x"}}))
        assert "image" not in record


class TestStages:
    def test_statuses_may_run_backwards(self, client: Client, transport: Transport) -> None:
        stages = [
            {"queueing": "1s"},
            {"processing": "3s"},
            {"queueing": "2s"},
            {"completed": "1s"},
            {"processing": "1s"},
        ]
        job_id = client.made("v3", {"stages": [*stages, {"failed": ["no"]}]})
        seen = []
        for _ in range(9):
            seen.append(client.status(job_id))
            transport.advance(1)
        assert seen == [1, 2, 2, 2, 1, 1, 3, 2, 4]
        assert client.record(job_id)["error_reasons"] == ["no"]

    def test_a_stage_of_polls_ends_whatever_its_status(self, client: Client) -> None:
        stages = [{"completed": "1 poll"}, {"processing": "2 polls"}, {"failed": "1 poll"}, {"queueing": "1 poll"}]
        job_id = client.made("v3", {"stages": [*stages, "completed"]})
        assert [client.status(job_id) for _ in range(8)] == [3, 2, 2, 4, 1, 3, 3, 3]
        assert len(client.transport.mock.jobs[0].polls) == 5

    def test_a_file_is_there_while_the_job_is_completed(self, client: Client, transport: Transport) -> None:
        job_id = client.made("v4", {"stages": [{"completed": "2s"}, {"processing": "2s"}, "completed"]})
        url = client.record(job_id)["image"]
        seen = []
        for _ in range(3):
            seen.append(client.download(url).status)
            transport.advance(2)
        assert seen == [200, 403, 200]


@pytest.mark.every_transport
class TestPatience:
    """A delay beyond the client's own time limit is the client's own time-out."""

    def test_the_clock_stands_where_the_client_gave_up(self, open_transport: OpenTransport) -> None:
        transport = open_transport()
        if transport.name in ("flask", WAITS_FOR_REAL):
            return  # a client without a time limit, and one in real time
        client = Client(transport)
        job_id = client.made("v3", {"processing": "forever"})
        began_ns = transport.mock.clock.now_ns()
        transport.mock.on("infobymodelid").respond(delay="1h")
        with pytest.raises((requests.ReadTimeout, httpx.ReadTimeout, TimeoutError)):
            client.info(job_id)
        assert (transport.mock.clock.now_ns() - began_ns) / 1e9 == 20.0

    def test_a_pause_between_pieces_that_is_too_long(self, open_transport: OpenTransport) -> None:
        transport = open_transport()
        if transport.name in ("flask", WAITS_FOR_REAL):
            return
        client = Client(transport)
        job_id = client.made("v3", {"processing": "forever"})
        transport.mock.on("infobymodelid").respond(drip={"every": "30s"})
        with pytest.raises((requests.ConnectionError, httpx.ReadTimeout, TimeoutError)):
            client.info(job_id)


class TestChoosing:
    def test_each_account_counts_by_itself(self, transport: Transport) -> None:
        transport.mock.on("quota/info").nth(2).respond(http=502)
        one, other = Client(transport), Client(transport, OTHER_KEY)
        assert [c.quota().status for c in (one, one, other, one, other, other)] == [200, 502, 200, 200, 502, 200]

    def test_all_may_be_counted_together(self, transport: Transport) -> None:
        transport.mock.on("quota/info").nth(2).per("all").respond(http=502)
        one, other = Client(transport), Client(transport, OTHER_KEY)
        assert [c.quota().status for c in (one, other, one, other)] == [200, 502, 200, 200]

    def test_each_job_may_be_counted_by_itself(self, client: Client) -> None:
        first, second = (client.made("v3", {"processing": "forever"}) for _ in range(2))
        client.transport.mock.on("infobymodelid").nth(2).per("job").respond(http=502)
        assert [client.info(j).status for j in (first, second, first, second, first)] == [200, 200, 502, 502, 200]

    def test_one_job_by_its_number_and_by_its_id(self, client: Client) -> None:
        first, second = (client.made("v3", {"processing": "forever"}) for _ in range(2))
        client.transport.mock.on("infobymodelid").job(2).first(1).respond(http=502)
        client.transport.mock.on("infobymodelid").job(first).first(1).respond(http=503)
        assert [client.info(j).status for j in (first, second, first, second)] == [503, 502, 200, 200]

    def test_a_create_is_about_the_job_that_it_would_make(self, client: Client) -> None:
        client.transport.mock.on("createbyprompt").job(2).first(1).respond(http=502)
        assert [client.create_v3().status for _ in range(4)] == [200, 502, 200, 200]

    def test_by_prompt_of_the_create_the_polls_and_the_files(self, client: Client) -> None:
        client.transport.mock.on("any").prompt("*dragon*").after(1).respond(http=502)
        dragon, fox = client.completed("v4", prompt="a dragon"), client.completed("v4", prompt="a fox")
        assert (client.info(dragon).status, client.info(fox).status) == (502, 200)
        assert client.press(dragon, "U1").status == 502
        assert client.create_v4("another dragon").status == 502

    def test_by_status(self, client: Client, transport: Transport) -> None:
        job_id = client.made("v3", {"queueing": 1, "processing": 1})
        transport.mock.on("infobymodelid").status("processing").respond(http=502)
        seen = []
        for _ in range(3):
            seen.append(client.info(job_id).status)
            transport.advance(1)
        assert seen == [200, 502, 200]

    def test_by_time_since_the_start(self, client: Client, transport: Transport) -> None:
        transport.mock.on("quota/info").during("10s", "40s").respond(http=503)
        seen = []
        for seconds in (9.999, 0.001, 29.999, 0.001):
            transport.advance(seconds)
            seen.append(client.quota().status)
        assert seen == [200, 503, 503, 200]

    def test_the_first_rule_that_fires_wins_and_the_others_count_on(self, client: Client) -> None:
        client.transport.mock.on("quota/info").first(2).respond(http=502)
        client.transport.mock.on("quota/info").first(3).respond(http=503)
        assert [client.quota().status for _ in range(4)] == [502, 502, 503, 200]

    @pytest.mark.parametrize(("probability", "status"), [(0, 200), (1, 502)])
    def test_never_and_always(self, client: Client, probability: float, status: int) -> None:
        client.transport.mock.on("quota/info").probability(probability).respond(http=502)
        assert {client.quota().status for _ in range(50)} == {status}

    def test_a_lot_is_drawn_from_the_seed(self, open_transport: OpenTransport) -> None:
        def statuses(seed: int) -> list[int]:
            client = Client(open_transport(seed=seed))
            client.transport.mock.on("quota/info").probability(0.3).respond(http=502)
            return [client.quota().status for _ in range(60)]

        assert statuses(1) == statuses(1) != statuses(2)
        assert 5 < statuses(1).count(502) < 35

    def test_a_rule_that_is_taken_away_fires_no_more(self, client: Client) -> None:
        rule = client.transport.mock.on("quota/info").respond(http=502)
        assert client.quota().status == 502
        rule.remove()
        assert client.quota().status == 200

    def test_a_reset_takes_rules_of_python_away(self, client: Client) -> None:
        client.transport.mock.on("quota/info").respond(http=502)
        client.transport.mock.reset()
        assert client.quota().status == 200

    def test_an_unknown_route_can_go_wrong_too(self, client: Client) -> None:
        client.transport.mock.on("unknown").respond(http=502)
        assert client.get("/nowhere").status == 502


class TestMagic:
    """Scenarios that a request names by itself, without access to the fake."""

    def test_a_word_in_the_prompt_gives_the_job_the_scenario(self, client: Client) -> None:
        named = client.create_v3("a fox [mock:flaky-gateway]").data["_id"]
        other = client.create_v3("a fox").data["_id"]
        assert [client.info(named).status for _ in range(3)] == [502, 200, 502]
        assert [client.info(other).status for _ in range(3)] == [200, 200, 200]
        assert client.transport.mock.calls.with_code(1000).last.rule is None
        assert client.transport.mock.calls.by_rule("flaky-gateway").count == 2

    def test_a_key_gives_the_account_the_scenario(self, transport: Transport) -> None:
        named, other = Client(transport, f"{KEY}+flaky-gateway"), Client(transport)
        job, another = named.create_v3().data["_id"], other.create_v3().data["_id"]
        assert [named.info(job).status for _ in range(3)] == [502, 200, 502]
        assert [other.info(another).status for _ in range(3)] == [200, 200, 200]

    def test_so_does_a_token_of_such_an_account(self, transport: Transport) -> None:
        token = Client(transport).token(client_secret=f"{KEY}+flaky-gateway")
        client = Client(transport, token=token)
        job = client.create_v3().data["_id"]
        assert [client.info(job).status for _ in range(3)] == [502, 200, 502]

    @pytest.mark.parametrize("way", ["prompt", "key"])
    def test_a_name_that_is_none_is_no_answer_of_akool(self, transport: Transport, way: str) -> None:
        client = Client(transport, f"{KEY}+nope" if way == "key" else KEY)
        answer = client.create_v3("a [mock:nope]" if way == "prompt" else "a")
        assert answer.status == 400
        assert answer.json() == {
            "error": "mock-akool: there is no scenario 'nope'",
            "hint": "`mock-akool scenarios list` lists them",
        }
        assert len(transport.mock.jobs) == 0

    @pytest.mark.parametrize("sources", ["none", "setting,python", "prompt"])
    def test_what_is_switched_off_is_a_key_like_any_other(self, open_transport: OpenTransport, sources: str) -> None:
        client = Client(open_transport(scenario_sources=sources), f"{KEY}+nope")
        assert client.create_v3("a fox").data["image_status"] == 1

    def test_a_prompt_is_a_prompt_when_that_is_switched_off(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(scenario_sources="key"))
        assert client.create_v3("a [mock:nope]").data["prompt"] == "a [mock:nope]"

    @pytest.mark.parametrize("prompt", ["a [mock:]", "a [mock: fox", "mock:nope", "a [mock:[nope]]"])
    def test_what_only_looks_like_a_word_is_a_prompt(self, client: Client, prompt: str) -> None:
        assert client.create_v3(prompt).data["prompt"] == prompt

    def test_a_word_outside_of_the_prompt_names_nothing(self, client: Client) -> None:
        url = "http://127.0.0.1:9/[mock:nope]"
        assert client.create_v3("a fox", webhookUrl=url).data["image_status"] == 1

    def test_a_client_id_with_a_plus_is_no_name(self, client: Client) -> None:
        assert Client(client.transport, "AA+CAwQFBgcICQoLDA0ODw==").quota().code == 1109


@pytest.mark.every_transport
def test_a_fault_is_the_same_bytes_through_every_transport(open_transport: OpenTransport) -> None:
    transport = open_transport(seed=3)
    client = Client(transport)
    transport.mock.on("createbyprompt").respond(garbage=True)
    body = client.create_v3().body

    mock = MockAkool(seed=3)
    mock.on("createbyprompt").respond(garbage=True)
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    sent = json.dumps({"prompt": PROMPT}).encode()
    assert mock.answer(Request.build("POST", CREATE_V3, headers=headers, body=sent)).body == body
