"""Receivers inside the process: functions, WSGI and ASGI apps, and clients that sleep until they are called back."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any, Final, NoReturn

import pytest
import requests
from fastapi import FastAPI
from flask import Flask, request

from mock_akool import MockAkool, MockAkoolError, VirtualTimeLimitError
from mock_akool.akool.codes import API_URL
from mock_akool.mock.virtual_time import genuine
from mock_akool.webhooks import open_envelope
from tests.mock.clients import CREATE, INFO
from tests.waiting import PATIENCE_S, until
from tests.webhooks.receivers import (
    ACCOUNT,
    HOOK,
    SECRET,
    careful,
    create,
    fake,
    http_receiver,
    poll,
    seconds,
)

KEY = {"x-api-key": SECRET}


def test_a_key_that_names_a_scenario_encrypts_as_the_key_without_it() -> None:
    mock = fake()
    job_id = create(mock, key=f"{SECRET}+webhook-twice")
    mock.clock.advance(5)
    first, again, *_ = mock.webhooks.for_job(job_id)
    assert (again.copy_of, again.body) == (first.number, first.body)
    assert open_envelope(first.body, ACCOUNT["client_id"], SECRET)["_id"] == job_id


class TestFunctions:
    def test_it_gets_the_request(self) -> None:
        mock = fake(webhook_processing=False)
        got: list[Any] = []
        mock.webhooks.deliver_to(got.append)
        job_id = create(mock, "http://example.test:81/a%20b?c=d")
        mock.clock.advance(5)
        (each,) = got
        assert each.url == "http://example.test:81/a%20b?c=d"
        assert each.headers["content-type"] == "application/json"
        assert each.headers["host"] == "example.test:81"
        assert int(each.headers["content-length"]) == len(each.body)
        assert each.json == json.loads(each.body) == mock.webhooks.assert_delivered(job_id).envelope

    @pytest.mark.parametrize(("returned", "answer"), [(None, 200), (200, 200), (404, 404)])
    def test_what_it_returns_is_the_status(self, returned: Any, answer: int) -> None:
        mock = fake()
        mock.webhooks.deliver_to(lambda request: returned)
        create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.last.answer == answer

    @pytest.mark.parametrize("returned", [True, "200", 99, 1000, {"status": 200}])
    def test_what_is_no_status_is_reported(self, returned: Any) -> None:
        mock = fake()
        mock.webhooks.deliver_to(lambda request: returned)
        create(mock)
        mock.clock.advance(5)
        assert "a receiver returns an HTTP status or nothing, not" in mock.webhooks.last.error

    def test_what_it_raises_is_500_and_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        mock = fake(webhook_retries=0)

        def receive(request: Any) -> None:
            raise KeyError("job")

        mock.webhooks.deliver_to(receive)
        create(mock)
        mock.clock.advance(5)
        assert (mock.webhooks.last.answer, mock.webhooks.last.state) == (500, "given up")
        assert mock.webhooks.last.error == "the receiver raised KeyError: 'job'"
        assert "the receiver of a webhook raised KeyError: 'job'" in caplog.text
        assert "Traceback" in caplog.text

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (AssertionError("no status\nassert 2 == 3"), "AssertionError: no status"),
            (AssertionError(), "AssertionError"),
        ],
    )
    def test_a_failed_assertion_is_one_line_at_each_attempt(
        self, error: AssertionError, said: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        mock = fake(webhook_retries=1)

        def receive(request: Any) -> None:
            raise error

        mock.webhooks.deliver_to(receive)
        create(mock)
        mock.run_until_idle()
        assert mock.webhooks.last.error == f"the receiver raised {said}"
        attempts = [each.getMessage() for each in caplog.records if each.module == "receivers"]
        assert attempts == 4 * [f"the receiver of a webhook raised {said}"]
        assert "Traceback" not in caplog.text

    @pytest.mark.parametrize("is_testing", [True, False])
    @pytest.mark.parametrize("framework", ["flask", "fastapi"])
    def test_an_assertion_that_fails_in_an_app_is_found_whether_the_app_is_in_testing_mode_or_not(
        self, framework: str, is_testing: bool
    ) -> None:
        def fail() -> NoReturn:
            raise AssertionError("no status")

        app: Any
        if framework == "flask":
            app = Flask("receiver")
            app.testing = is_testing
            app.add_url_rule("/hook", view_func=fail, methods=["POST"])
        else:
            app = FastAPI(debug=is_testing)
            app.add_api_route("/hook", fail, methods=["POST"], response_model=None)
        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(app)
        create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.last.error == "the receiver raised AssertionError: no status"
        with pytest.raises(AssertionError, match="no status"):
            mock.verify()

    def test_what_an_app_of_flask_handles_itself_is_no_failure(self) -> None:
        app = Flask("receiver")
        app.add_url_rule("/hook", view_func=lambda: str(1 / 0), methods=["POST"])
        app.register_error_handler(ZeroDivisionError, lambda _: ("", 202))
        mock = fake()
        mock.webhooks.deliver_to(app)
        create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.last.answer == 202
        mock.verify()

    def test_it_may_be_a_coroutine_function(self) -> None:
        mock = fake()
        got: list[Any] = []

        async def receive(request: Any) -> int:
            await asyncio.sleep(0)
            got.append(request)
            return 202

        mock.webhooks.deliver_to(receive)
        create(mock)
        mock.clock.advance(2)
        assert len(got) == 1
        assert mock.webhooks.last.answer == 202

    def test_it_may_be_a_method(self) -> None:
        class Receiver:
            def __init__(self) -> None:
                self.got: list[Any] = []

            def receive(self, request: Any) -> None:
                self.got.append(request)

            def __call__(self, request: Any) -> None:
                self.receive(request)

        mock = fake(queueing=0, processing=0)
        one, other = Receiver(), Receiver()
        mock.webhooks.deliver_to(one.receive)
        create(mock)
        mock.clock.advance(0)
        mock.webhooks.deliver_to(other)
        create(mock)
        mock.clock.advance(0)
        assert (len(one.got), len(other.got)) == (2, 2)

    def test_it_may_create_jobs(self) -> None:
        """A webhook of a completed job that starts the next one, as pipelines do."""
        mock = fake(webhook_processing=False)
        made: list[str] = []

        def receive(request: Any) -> None:
            if len(made) < 3:
                made.append(create(mock))

        mock.webhooks.deliver_to(receive)
        made.append(create(mock))
        mock.run_until_idle()
        assert [seconds(mock, each.due_ns) for each in mock.webhooks] == [5, 10, 15]

    def test_a_thousand_receivers_that_take_their_time_do_not_nest(self) -> None:
        mock = MockAkool(webhook_processing=False, webhook_timeout="1h", credits=2000)
        mock.webhooks.deliver_to(lambda request: mock.clock.advance(0.01))
        for _ in range(1000):
            create(mock, key=SECRET)
        mock.clock.advance(60)
        assert len(mock.webhooks.in_state("delivered")) == 1000

    @pytest.mark.parametrize("target", [None, 3, lambda: None, lambda a, b, c, d: None])
    def test_what_is_no_receiver_is_refused(self, target: Any) -> None:
        with pytest.raises(MockAkoolError, match=r"neither a function of one argument nor a WSGI or ASGI app"):
            fake().webhooks.deliver_to(target)

    def test_the_usual_is_to_collect(self) -> None:
        mock = fake()
        mock.webhooks.deliver_to(lambda request: 500)
        mock.webhooks.collect()
        create(mock)
        mock.clock.advance(5)
        assert [each.state for each in mock.webhooks] == ["delivered"] * 2


class TestWsgi:
    def test_a_flask_app(self) -> None:
        app = Flask("receiver")
        got: list[Any] = []

        @app.post("/hooks/<name>")
        def hook(name: str) -> tuple[str, int]:
            got.append((name, request.args["a"], request.host, request.remote_addr, careful(request.get_data())))
            return "", 200

        mock = fake(webhook_processing=False)
        mock.webhooks.deliver_to(app)
        job_id = create(mock, "http://app.test/hooks/jör%C3%A4n?a=b%26c")
        mock.clock.advance(5)
        ((name, query, host, address, verdict),) = got
        assert (name, query, host, address) == ("jörän", "b&c", "app.test", "127.0.0.1")
        assert verdict.payload == mock.webhooks.assert_delivered(job_id).json

    def test_an_app_that_raises_answers_500(self) -> None:
        app = Flask("receiver")

        @app.post("/hook")
        def hook() -> str:
            raise KeyError

        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(app)
        create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.last.answer == 500

    def test_a_wrong_path_is_404(self) -> None:
        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(Flask("receiver"))
        create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.last.answer == 404

    def test_a_generator_app_is_read_to_its_end_and_closed(self) -> None:
        events: list[str] = []

        class Body:
            def __iter__(self) -> Any:
                events.append("read")
                yield b""

            def close(self) -> None:
                events.append("closed")

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            start_response("200 OK", [])
            return Body()

        mock = fake(webhook_processing=False)
        mock.webhooks.deliver_to(app)
        create(mock)
        mock.clock.advance(5)
        assert events == ["read", "closed"]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    status = careful(message["body"]).status if scope["path"] == "/hook" else 404
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class TestAsgi:
    def test_an_app(self) -> None:
        mock = fake()
        mock.webhooks.deliver_to(asgi_app)
        job_id = create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.assert_delivered(job_id).answer == 200

    def test_within_a_running_loop(self) -> None:
        mock = fake()
        mock.webhooks.deliver_to(asgi_app)

        async def test() -> None:
            job_id = create(mock)
            mock.clock.advance(5)
            mock.webhooks.assert_delivered(job_id)

        asyncio.run(test())

    def test_an_app_without_an_answer(self) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()

        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(app)
        create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.last.error == "the receiver raised RuntimeError: the app ended without an answer"

    def test_an_app_of_a_class(self) -> None:
        class App:
            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                await asgi_app(scope, receive, send)

        mock = fake()
        mock.webhooks.deliver_to(App())
        job_id = create(mock)
        mock.clock.advance(5)
        mock.webhooks.assert_delivered(job_id)


PAUSE_S: Final = 30
"""How long clients and receivers sleep: longer than any machine takes for a test."""


@pytest.fixture
def quickly() -> Any:
    """Fail a test that really sleeps, if only once."""
    began_s = time.perf_counter()
    yield
    assert time.perf_counter() - began_s < PAUSE_S


def submit(url: str = HOOK, prompt: str = "a fox") -> str:
    response = requests.post(API_URL + CREATE, json={"prompt": prompt, "webhookUrl": url}, headers=KEY)
    job_id: str = response.json()["data"]["_id"]
    return job_id


def wait_forever() -> None:
    while True:
        time.sleep(PAUSE_S)


@pytest.mark.usefixtures("quickly")
class TestVirtualSleep:
    """A client that sleeps until it was called back moves the clock."""

    def test_a_client_that_waits_for_its_receiver(self) -> None:
        done: dict[str, str] = {}

        def receive(request: Any) -> None:
            payload = careful(request.body).payload
            assert payload is not None
            if payload["status"] == 3:
                done[payload["_id"]] = payload["url"]

        with MockAkool(accounts=[ACCOUNT], queueing=200, processing=300) as mock:
            mock.webhooks.deliver_to(receive)
            job_id = submit()
            waited = 0
            while job_id not in done:
                time.sleep(PAUSE_S)
                waited += PAUSE_S
            assert waited == 510
            assert requests.get(done[job_id]).content.startswith(b"\xff\xd8")

    def test_a_receiver_that_sleeps_and_polls(self) -> None:
        seen: list[tuple[float, int]] = []

        def receive(request: Any) -> None:
            payload = careful(request.body).payload
            assert payload is not None
            time.sleep(PAUSE_S)
            response = requests.get(f"{API_URL}{INFO}?image_model_id={payload['_id']}", headers=KEY)
            seen.append((seconds(mock, mock.clock.now_ns()), response.json()["data"]["image_status"]))

        with MockAkool(accounts=[ACCOUNT], queueing=20, processing=60, webhook_timeout="1m") as mock:
            mock.webhooks.deliver_to(receive)
            began_s, really_began_ns = time.monotonic(), genuine.perf_counter_ns()
            submit()
            time.sleep(200)
            assert seen == [(50, 2), (110, 3)]
            assert seconds(mock, mock.clock.now_ns()) == 200
            really_s = (genuine.perf_counter_ns() - really_began_ns) / 1e9
            assert time.monotonic() - began_s - really_s == pytest.approx(200, abs=1)

    def test_an_async_app_that_sleeps_while_an_async_client_sleeps(self) -> None:
        done = threading.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            message = await receive()
            await asyncio.sleep(PAUSE_S)
            payload = careful(message["body"]).payload
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            if payload is not None and payload["status"] == 3:
                done.set()

        async def client(mock: MockAkool) -> float:
            submit()
            while not done.is_set():
                await asyncio.sleep(PAUSE_S)
            return seconds(mock, mock.clock.now_ns())

        with MockAkool(accounts=[ACCOUNT], queueing=30, processing=60, webhook_timeout="1m") as mock:
            mock.webhooks.deliver_to(app)
            assert asyncio.run(client(mock)) == 120

    def test_a_client_that_waits_for_a_webhook_that_never_comes_is_stopped(self) -> None:
        with MockAkool(accounts=[ACCOUNT], sleep_limit="10m") as mock:
            mock.webhooks.fault(status=3, copies=0)
            submit()
            with pytest.raises(VirtualTimeLimitError, match="A real client would hang"):
                wait_forever()

    def test_a_client_that_waits_for_a_webhook_that_it_refuses_is_stopped(self) -> None:
        with MockAkool(accounts=[ACCOUNT], sleep_limit="10m") as mock:
            mock.webhooks.deliver_to(lambda request: 401)
            submit()
            with pytest.raises(VirtualTimeLimitError):
                wait_forever()

    def test_a_receiver_that_sleeps_forever_is_stopped(self) -> None:
        def receive(request: Any) -> None:
            while True:
                time.sleep(PAUSE_S)

        with MockAkool(accounts=[ACCOUNT], sleep_limit="10m") as mock:
            mock.webhooks.deliver_to(receive)
            submit()
            with pytest.raises(VirtualTimeLimitError):
                time.sleep(PAUSE_S)

    def test_two_threads_that_wait(self) -> None:
        done: list[str] = []
        with MockAkool(accounts=[ACCOUNT]) as mock:
            mock.webhooks.deliver_to(lambda request: done.append(careful(request.body).payload["_id"]))  # type: ignore[index]

            def client() -> None:
                job_id = submit()
                while done.count(job_id) < 2:
                    time.sleep(PAUSE_S)

            threads = [threading.Thread(target=client) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert len(done) == 4


class TestBesideAServer:
    def test_a_virtual_fake_with_a_server_delivers_what_its_calls_bring_about(self) -> None:
        mock = fake(queueing=0, processing=0)
        got: list[Any] = []
        mock.webhooks.deliver_to(got.append)
        with mock.server() as server:
            body = {"prompt": "a fox", "webhookUrl": HOOK}
            requests.post(server.url + CREATE, json=body, headers=KEY).raise_for_status()
            until(lambda: len(got) == 2)

    def test_a_receiver_may_ask_the_server_it_was_called_by(self) -> None:
        mock = fake(queueing=0, processing=0)
        seen: list[int] = []
        with mock.server() as server:

            def receive(request: Any) -> None:
                payload = careful(request.body).payload
                assert payload is not None
                url = f"{server.url}{INFO}?image_model_id={payload['_id']}"
                seen.append(requests.get(url, headers=KEY, timeout=5).json()["data"]["image_status"])

            mock.webhooks.deliver_to(receive)
            body = {"prompt": "a fox", "webhookUrl": HOOK}
            requests.post(server.url + CREATE, json=body, headers=KEY).raise_for_status()
            until(lambda: len(seen) == 2)
        assert seen == [3, 3]

    def test_moving_the_clock_returns_when_all_was_delivered_also_by_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mock = fake(webhook_processing=False)
        got: list[Any] = []
        mover, others_deliver, mover_waits = threading.current_thread(), threading.Event(), threading.Event()
        wait_for_news = mock.application.dispatcher.wait_for_news

        def waiting(seen: int, timeout_s: float) -> bool:
            mover_waits.set()
            return wait_for_news(seen, timeout_s)

        def receive(request: Any) -> None:
            if threading.current_thread() is not mover:
                others_deliver.set()
                mover_waits.wait(PATIENCE_S)
            elif got:  # the others are told when the first one is done
                others_deliver.wait(PATIENCE_S)
            got.append(request)

        monkeypatch.setattr(mock.application.dispatcher, "wait_for_news", waiting)
        mock.webhooks.deliver_to(receive)
        with mock.server() as server:
            for _ in range(5):
                body = {"prompt": "a fox", "webhookUrl": HOOK}
                requests.post(server.url + CREATE, json=body, headers=KEY).raise_for_status()
            mock.clock.advance(5)
            mover_waits.set()
            assert len(got) == 5

    def test_after_the_server_the_fake_goes_on(self) -> None:
        mock = fake()
        with mock.server():
            job_id = create(mock)
        mock.clock.advance(5)
        mock.webhooks.assert_delivered(job_id)
        assert poll(mock, job_id)["image_status"] == 3


class TestWithinAReceiver:
    def test_it_cannot_wait_for_other_webhooks(self) -> None:
        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(lambda request: mock.webhooks.wait_for_delivery() and None)
        create(mock)
        mock.clock.advance(5)
        assert "MockAkoolError: a receiver cannot wait for webhooks" in mock.webhooks.last.error

    def test_it_may_look_at_the_webhooks_and_move_the_clock(self) -> None:
        seen: list[int] = []
        mock = fake(webhook_processing=False)

        def receive(request: Any) -> None:
            mock.clock.advance(1)
            seen.append(mock.webhooks.in_state("delivered").count)

        mock.webhooks.deliver_to(receive)
        for _ in range(3):
            create(mock)
        mock.clock.advance(5)
        assert seen == [0, 1, 2]

    def test_slow_senders_do_not_nest_and_have_their_time(self) -> None:
        mock = fake(webhook_processing=False, webhook_timeout="1s", credits=10**4)
        mock.webhooks.deliver_to(lambda request: None)
        mock.webhooks.fault(times=None, slow="2s")
        for _ in range(400):
            create(mock)
        mock.clock.advance(5)
        assert mock.webhooks.in_state("delivered").count == 400

    def test_a_receiver_over_http_may_poll_through_a_door_in_process(self) -> None:
        """Its thread is not the one that moves the clock, and must not wait for it."""
        with http_receiver() as receiver, MockAkool(accounts=[ACCOUNT], webhook_processing=False) as mock:

            def answer(got: Any) -> int:
                assert got.verdict.payload is not None
                url = f"{API_URL}{INFO}?image_model_id={got.verdict.payload['_id']}"
                seen.append(requests.get(url, headers=KEY).json()["data"]["image_status"])
                return 200

            seen: list[int] = []
            receiver.answer = answer
            mock.webhooks.send_over_http()
            for _ in range(3):
                submit(receiver.url)
            mock.clock.advance(5)
            assert seen == [3, 3, 3]
            assert mock.webhooks.in_state("delivered").count == 3


def test_a_bug_of_ours_while_sealing_is_reported_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("broken")

    mock = fake()
    monkeypatch.setattr("mock_akool.webhooks.broken_envelopes.encrypt", broken)
    create(mock)
    mock.clock.advance(2)
    monkeypatch.undo()
    mock.clock.advance(3)
    assert [each.state for each in mock.webhooks] == ["not encrypted", "delivered"]
    assert mock.webhooks[0].error == "mock-akool bug: TypeError: broken"
