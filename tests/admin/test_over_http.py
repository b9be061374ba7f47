"""The admin API of a live server: waiting, many accounts at once, and a clock that runs."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mock_akool import (
    MockAkool,
    MockAkoolError,
    RemoteAkool,
    Request,
    ScenarioError,
    Server,
    ServerError,
    Status,
    SteeredClock,
    UnusedRuleError,
    failed,
)
from mock_akool.admin.long_poll import LongPoll
from mock_akool.server.application import Application
from tests.admin.conftest import IMAGE, KEY, OTHER
from tests.extent import choose
from tests.waiting import PATIENCE_S, until
from tests.webhooks.receivers import http_receiver


class Client:
    """A client of the emulated API, as one account."""

    def __init__(self, url: str, key: str = KEY) -> None:
        self._place = url.removeprefix("http://")
        self.key = key

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(self._place, timeout=20)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"x-api-key": self.key, "content-type": "application/json"})
            answer = connection.getresponse()
            raw = answer.read()
            return json.loads(raw) if answer.status == 200 else {"http": answer.status}
        finally:
            connection.close()

    def create(self, prompt: str = "a red fox", **fields: Any) -> Any:
        return self.ask("POST", f"{IMAGE}/createbyprompt", {"prompt": prompt, **fields})

    def poll(self, job_id: str) -> Any:
        return self.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={job_id}")


@pytest.fixture
def server() -> Iterator[Server]:
    with MockAkool(clock=SteeredClock()).server() as running:
        yield running


def service_of(server: Server) -> Application:
    assert isinstance(server.application, Application)
    return server.application


@pytest.fixture
def fake(server: Server) -> RemoteAkool:
    return MockAkool.connect(server.url)


def test_the_clock_of_a_server_is_frozen_moved_and_sped_up(server: Server, fake: RemoteAkool) -> None:
    fake.clock.freeze()
    client = Client(server.url)
    fake.next_job(queueing=10, processing=60)
    job_id = client.create()["data"]["_id"]
    at_ns = fake.clock.now_ns()
    assert (fake.clock.now_ns(), fake.clock.frozen) == (at_ns, True)
    fake.clock.advance(10)
    assert fake.job(job_id).status is Status.PROCESSING
    assert client.poll(job_id)["data"]["image_status"] == 2
    fake.run_until_idle()
    assert fake.clock.now_ns() == at_ns + 70 * 10**9
    assert client.poll(job_id)["data"]["image_status"] == 3
    fake.clock.run_at(1000)
    until(lambda: fake.clock.now_ns() > at_ns + 100 * 10**9)
    fake.clock.resume()
    assert fake.clock.speed == 1


def test_what_is_collected_has_been_when_the_clock_was_moved(server: Server, fake: RemoteAkool) -> None:
    fake.webhooks.send_over_http()
    key = "0123456789abcdef0123456789abcdef"
    mine = fake.of_account(key)
    body = b'{"prompt": "a fox", "webhookUrl": "http://127.0.0.1:9/"}'
    headers = {"x-api-key": key, "content-type": "application/json"}
    for _ in range(30):
        mine.reset()
        mine.webhooks.collect()
        response = service_of(server).answer(Request.build("POST", f"{IMAGE}/createbyprompt", "", headers, body))
        assert response.code == 1000
        mine.clock.advance(60)
        assert [each.state for each in mine.webhooks] == ["delivered", "delivered"]


def test_webhooks_follow_the_clock_of_the_server(server: Server, fake: RemoteAkool) -> None:
    fake.webhooks.send_over_http()
    client = Client(server.url)
    with http_receiver(lambda got: 200) as receiver:
        fake.clock.freeze()
        fake.next_job(queueing="1h", processing="1h")
        client.create(webhookUrl=f"{receiver.url}/later")
        fake.next_job(queueing=0, processing=0)
        client.create(webhookUrl=f"{receiver.url}/now")
        until(lambda: len(receiver.got) == 2)
        assert {each.path for each in receiver.got} == {"/hook/now"}
        fake.run_until_idle()
        until(lambda: len(receiver.got) == 4)
        assert [each.path for each in receiver.got[2:]] == ["/hook/later"] * 2


Looks = list[LongPoll]
"""Of each time that a transport looked whether there is news for a request that waits, what that request waits for."""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Gets what the transports look for. A request waits when it has been looked at once."""
    seen: Looks = []
    has_news = LongPoll.has_news

    def look(waiting: LongPoll) -> bool:
        seen.append(waiting)
        return has_news(waiting)

    monkeypatch.setattr(LongPoll, "has_news", look)
    return seen


def assert_waits(looks: Looks) -> None:
    """Wait until the fake has looked a few times more, as it does for nobody who was answered."""
    before = len(looks)
    until(lambda: len(looks) > before + 4)


class TestWaiting:
    def test_for_calls_that_come(self, server: Server, fake: RemoteAkool, looks: Looks) -> None:
        client = Client(server.url)
        client.create()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(fake.wait_for_calls, 3, "create", timeout=PATIENCE_S)
            assert_waits(looks)
            client.create()
            client.poll("0" * 24)
            assert_waits(looks)
            client.create()
            assert waiting.result(20).count == 3

    def test_in_vain(self, fake: RemoteAkool) -> None:
        with pytest.raises(TimeoutError, match=r"0 of 1 calls to any came within 0\.1 s"):
            fake.wait_for_calls(1, timeout=0.1)

    @pytest.mark.parametrize("transport", ["server", "flask"])
    def test_in_vain_tells_how_many_came_meanwhile(self, transport: str, server: Server, looks: Looks) -> None:
        app = MockAkool().app()
        path = "/_mock/calls?at_least=3&timeout=0.5"

        def waited() -> Any:
            if transport == "flask":
                return app.test_client().get(path).json
            connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
            connection.request("GET", path)
            told = json.loads(connection.getresponse().read())
            connection.close()
            return told

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(waited)
            until(lambda: looks)
            for _ in range(2):
                if transport == "flask":
                    app.test_client().get("/nowhere")
                else:
                    Client(server.url).ask("GET", "/nowhere")
            assert waiting.result(20)["error"] == "2 of 3 such calls came within 0.5 s"

    def test_many_wait_and_hold_nobody(self, server: Server, fake: RemoteAkool, looks: Looks) -> None:
        views = [fake.of_account(f"account-{number}") for number in range(30)]
        with ThreadPoolExecutor(30) as pool:
            waiting = [pool.submit(view.wait_for_calls, 1, timeout=PATIENCE_S) for view in views]
            until(lambda: len(set(looks)) == 30)
            # The server's threads: its loop, and a few that answer, which come as they are needed.
            held = [each for each in threading.enumerate() if each.name.startswith("mock-akool")]
            assert len(held) < 10
            for number in range(30):
                assert Client(server.url, f"account-{number}").create()["code"] == 1000
            assert {each.result(20).count for each in waiting} == {1}

    def test_a_reset_on_the_way(self, server: Server, fake: RemoteAkool, looks: Looks) -> None:
        client = Client(server.url)
        client.create()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(fake.wait_for_calls, 2, timeout=PATIENCE_S)
            assert_waits(looks)
            fake.reset()
            client.create()
            assert_waits(looks)
            client.create()
            assert waiting.result(20).count == 2

    def test_for_what_becomes_of_webhooks(self, server: Server, fake: RemoteAkool, looks: Looks) -> None:
        fake.clock.freeze()
        client = Client(server.url)
        query = "/_mock/webhooks?state=delivered&status=completed&at_least=2&timeout=20"
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.ask, "GET", query)
            for _ in range(2):
                client.create(webhookUrl="http://127.0.0.1:9/hook")
                assert_waits(looks)
                fake.clock.advance(5)
            assert [each["number"] for each in waiting.result(20)["webhooks"]] == [2, 4]

    def test_for_a_webhook_through_flask(self, looks: Looks) -> None:
        mock = MockAkool(queueing=0, processing=0)
        app = mock.app()
        with ThreadPoolExecutor(1) as pool:
            query = "/_mock/webhooks?state=delivered&at_least=2&timeout=20"
            waiting: Any = pool.submit(app.test_client().get, query)
            assert_waits(looks)
            body = {"prompt": "a fox", "webhookUrl": "http://127.0.0.1:9/hook"}
            app.test_client().post(f"{IMAGE}/createbyprompt", json=body, headers={"x-api-key": KEY})
            assert waiting.result(20).json["matched"] == 2

    def test_through_flask(self, looks: Looks) -> None:
        mock = MockAkool()
        app = mock.app()
        with ThreadPoolExecutor(1) as pool:
            waiting: Any = pool.submit(app.test_client().get, "/_mock/calls?at_least=1&timeout=20")
            assert_waits(looks)
            assert (
                app.test_client().get("/api/open/v3/faceswap/quota/info", headers={"x-api-key": KEY}).status_code == 200
            )
            assert waiting.result(20).json["matched"] == 1

    def test_without_a_time_limit(self, server: Server, looks: Looks) -> None:
        client = Client(server.url)
        with ThreadPoolExecutor(1) as pool:
            waiting: Any = pool.submit(client.ask, "GET", "/_mock/calls?at_least=1")
            assert_waits(looks)
            client.create()
            assert waiting.result(20)["matched"] == 1


def test_many_accounts_at_once_do_not_disturb_each_other(server: Server, fake: RemoteAkool) -> None:
    def one(number: int) -> None:
        key = f"account-{number:03}-{'x' * 20}"
        mine, client = fake.of_account(key), Client(server.url, key)
        for life in range(2):
            polls = 1 + number % 4
            mine.put_scenario(
                {
                    "rules": [{"on": "createbyprompt", "nth": 1 + number % 2, "fault": {"code": 1005}}],
                    "jobs": [{"stages": [{"processing": f"{polls} polls"}, {"failed": [f"of {number}"]}]}],
                }
            )
            codes = [client.create()["code"] for _ in range(2)]
            assert codes == ([1005, 1000] if number % 2 == 0 else [1000, 1005])
            (job,) = mine.jobs
            shown = [client.poll(job.id)["data"] for _ in range(polls + 1)]
            assert [each["image_status"] for each in shown] == [2] * polls + [4]
            assert shown[-1]["error_reasons"] == [f"of {number}"]
            assert job.number == 1
            assert mine.calls.count == 2 + polls + 1
            assert (mine.credits, mine.credits_spent) == (998, 2)
            mine.verify()
            mine.reset()
            assert mine.jobs == ()
            assert mine.calls.count == 0, life

    accounts = choose(16, 50)
    with ThreadPoolExecutor(accounts) as pool:
        list(pool.map(one, range(accounts)))


class TestConnect:
    def test_records_are_the_same_as_in_process(self, server: Server, fake: RemoteAkool) -> None:
        mock = service_of(server)
        client = Client(server.url)
        fake.next_job(
            stages=[{"queueing": "1 poll"}, {"completed": "1d"}, {"failed": {"reasons": ["a", "b"], "refund": True}}],
            result={"upscaled_urls": [], "files": {"http": 403}},
            api_key=KEY,
        )
        fake.on("infobymodelid").nth(2).drop()
        job_id = client.create("ein Füchslein")["data"]["_id"]
        client.poll(job_id)
        with pytest.raises(http.client.RemoteDisconnected):
            client.poll(job_id)
        (job,) = fake.jobs
        kept = mock.engine.job(job_id)
        assert kept is not None
        for name in type(kept).__slots__:
            assert getattr(job, name) == getattr(kept, name), name
        assert fake.job(job_id).record.id == job_id
        told, known = fake.calls, mock.engine.call_log.calls()
        for one, other in zip(told, known, strict=True):
            assert one.request._replace(file_base="") == other.request._replace(file_base="")
            assert one.response._replace(headers=()) == other.response._replace(headers=())
            assert one.response.headers == other.response.headers
            assert one[:3] == other[:3]
            assert one.at == pytest.approx(other.at)
        assert fake.accounts == tuple(mock.engine.accounts)

    def test_as_one_account_sees_it(self, server: Server, fake: RemoteAkool) -> None:
        for key in (KEY, OTHER):
            Client(server.url, key).create()
        mine = MockAkool.connect(server.url, api_key=KEY)
        assert ([len(mine.jobs), len(mine.calls)], [len(fake.jobs), len(fake.calls)]) == ([1, 1], [2, 2])
        other = next(job for job in fake.jobs if job.account.api_key == OTHER)
        with pytest.raises(MockAkoolError, match=f"there is no job '{other.id}' of this account"):
            mine.job(other.id)
        mine.on("createbyprompt").respond(code=2001)
        assert [Client(server.url, key).create()["code"] for key in (KEY, OTHER)] == [2001, 1000]
        mine.reset()
        assert Client(server.url).create()["code"] == 1000

    def test_scenarios(self, fake: RemoteAkool) -> None:
        fake.put_scenario("flaky-gateway", {"rules": [{"on": "file", "name": "gone", "fault": {"http": 403}}]})
        assert len(fake.scenarios) == 2
        with pytest.raises(UnusedRuleError, match="the rule scenario: gone never fired"):
            fake.verify()
        fake.clear_scenario()
        fake.verify()
        with pytest.raises(ScenarioError, match="did you mean 'flaky-gateway'"):
            fake.put_scenario("flaky-gatewa")

    def test_rules_have_handles(self, server: Server, fake: RemoteAkool) -> None:
        rule = fake.on("createbyprompt").named("late").respond(code=1005)
        assert (rule.name, rule.fired) == ("late", 0)
        assert Client(server.url).create()["code"] == 1005
        assert rule.fired == 1
        rule.remove()
        assert Client(server.url).create()["code"] == 1000

    def test_jobs_have_handles(self, server: Server, fake: RemoteAkool) -> None:
        job = fake.job(Client(server.url).create()["data"]["_id"])
        job.stall()
        assert job.record.timeline.stages[-1].span.ns is None
        job.fail("lost", refund=True)
        assert job.record.timeline.ending == failed("lost", refund=True)
        assert job.status == 4
        assert fake.credits_spent == 0
        job.complete()
        assert job.status is Status.COMPLETED

    def test_where_no_server_runs(self) -> None:
        with MockAkool().server() as server:
            url = server.url
        with pytest.raises(ServerError, match=f"no server answers at {url}: .*Start one with"):
            MockAkool.connect(url)

    def test_a_mistake_changes_nothing(self, fake: RemoteAkool) -> None:
        with pytest.raises(ScenarioError):
            fake.next_job(stages=["completed"], queueing=3)
        with pytest.raises(MockAkoolError):
            fake.on("infobymodelid").respond(http=9)
        with pytest.raises(MockAkoolError):
            fake.clock.advance(-1)
        assert fake.jobs == ()
