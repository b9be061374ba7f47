"""Fixtures and `MockAkool.connect` on a server in another process: what works in process works there."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator

import aiohttp
import httpx
import pytest
import requests
import responses
import trio
from pytest_httpx import HTTPXMock
from requests.exceptions import ChunkedEncodingError

from mock_akool import (
    MockAkool,
    MockAkoolError,
    RemoteAkool,
    ServerError,
    SettingsError,
    SteeredClock,
    UnusedRuleError,
    VirtualTimeLimitError,
)
from mock_akool.mock.remote.admin_client import AdminClient
from mock_akool.mock.virtual_time import genuine
from mock_akool.server.application import Application
from mock_akool.server.http_server import Server
from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"

API = "https://openapi.akool.com/api/open/v3/content/image"
QUOTA = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"
KEY = {"x-api-key": "key-of-a-client"}

CLIENT = """
import asyncio

import aiohttp
import httpx

IMAGE = f"{HOST}{CONTENT}"
KEY = {"x-api-key": "key-of-a-client"}


def see(model_id, patience=100, pause=3):
    for _ in range(patience):
        reply = requests.get(f"{IMAGE}/infobymodelid", params={"image_model_id": model_id}, headers=KEY)
        if reply.status_code == 200 and reply.json()["data"]["image_status"] >= 3:
            return reply.json()["data"]
        time.sleep(pause)


async def see_async(client):
    reply = await client.post(f"{IMAGE}/createbyprompt", json={"prompt": "a red fox"}, headers=KEY)
    model_id = reply.json()["data"]["_id"]
    while True:
        reply = await client.get(f"{IMAGE}/infobymodelid", params={"image_model_id": model_id}, headers=KEY)
        if reply.json()["data"]["image_status"] >= 3:
            return reply.json()["data"]
        await asyncio.sleep(3)


async def see_by_aiohttp():
    async with aiohttp.ClientSession(headers=KEY) as session:
        async with session.post(f"{IMAGE}/createbyprompt", json={"prompt": "a red fox"}) as reply:
            model_id = (await reply.json())["data"]["_id"]
        while True:
            async with session.get(f"{IMAGE}/infobymodelid", params={"image_model_id": model_id}) as reply:
                record = (await reply.json())["data"]
            if record["image_status"] >= 3:
                return record
            await asyncio.sleep(3)
"""

TESTS = f"""{CLIENT}

def test_a_job_of_a_minute(akool_mock):
    akool_mock.next_job(queueing=10, processing=50)
    record = see(create()["_id"])
    assert requests.get(record["image"]).content[:3] == b"\\xff\\xd8\\xff"
    polls = akool_mock.calls.to("infobymodelid")
    assert [poll.at for poll in polls] == [3.0 * number for number in range(21)]
    assert akool_mock.job(record["_id"]).record.cost == 2
    assert (akool_mock.credits, akool_mock.credits_spent) == (998, 2)


def test_by_httpx(akool_mock):
    async def play():
        async with httpx.AsyncClient() as client:
            return await see_async(client)

    assert asyncio.run(play())["image_status"] == 3
    assert akool_mock.calls.last.at == 6.0


def test_by_aiohttp(akool_mock):
    assert asyncio.run(see_by_aiohttp())["image_status"] == 3
    assert akool_mock.calls.last.at == 6.0


def test_faults(akool_mock):
    akool_mock.on("createbyprompt").first(1).delay(0.5)
    akool_mock.on("infobymodelid").nth(2).drop()
    akool_mock.on("infobymodelid").nth(3).respond(http=502)
    with pytest.raises(requests.Timeout):
        requests.post(f"{{IMAGE}}/createbyprompt", json={{"prompt": "an owl"}}, headers=KEY, timeout=0.1)
    job = create()
    poll = f"{{IMAGE}}/infobymodelid?image_model_id={{job['_id']}}"
    assert requests.get(poll, headers=KEY).status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(poll, headers=KEY)
    assert requests.get(poll, headers=KEY).status_code == 502


@pytest.mark.akool(scenario="fails")
def test_a_scenario(akool_mock):
    assert see(create()["_id"])["image_status"] == 4
    assert [each.name for each in akool_mock.scenarios] == ["fails"]


def test_nothing_is_left_of_it(akool_mock):
    assert (akool_mock.scenarios, akool_mock.jobs, akool_mock.calls.count) == ((), (), 0)
    akool_mock.put_scenario({{"jobs": [{{"stages": ["failed"]}}]}})
    assert see(create()["_id"])["image_status"] == 4
    akool_mock.clear_scenario()
    assert see(create()["_id"])["image_status"] == 3


def test_fails(akool_mock):
    see(create()["_id"], patience=2, pause=0.5)
    requests.post(f"{{IMAGE}}/createbyprompt", json={{"prompt": "a red fox", "size": "1:1"}}, headers=KEY)
    assert False


def test_never_fires(akool_mock):
    akool_mock.on("infobymodelid").nth(2).respond(http=502)
    akool_mock.on("createbybutton")
    create()


def test_hangs(akool_mock):
    akool_mock.next_job(queueing="forever")
    see(create()["_id"], pause=1500)


def test_hammers(akool_mock):
    akool_mock.next_job(queueing="forever")
    see(create()["_id"], patience=2000, pause=0)


def test_a_wrong_call(akool_mock):
    with pytest.raises(MockAkoolError, match="there is no job 'nowhere'"):
        akool_mock.job("nowhere")
    with pytest.raises(MockAkoolError, match="did you mean 'queueing'"):
        akool_mock.next_job(queing=3)
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with MockAkool(clock=SteeredClock()).server() as running:
        yield running


@pytest.mark.slow
def test_tests_of_akool_mock_run_against_a_server(run: Run, server: Server) -> None:
    result = run(TESTS, "-p", "no:randomly", f"--akool-url={server.url}")
    result.assert_outcomes(passed=8, failed=3, errors=1)
    out = result.stdout.str()
    assert re.search(r"- mock-akool -+\njob \w{24}, 'a red fox': queueing from \+0.0 s, would be processing", out)
    assert "hint: #4 has `size`, which is ignored" in out
    assert "the rule on('infobymodelid').nth(2).respond(http=502) never fired" in out
    assert "has slept for 3,000 s of virtual time and wants to sleep for 1,500 s more (job " in out
    assert "asks again without a pause: 1,000 times GET /api/open/v3/content/image/infobymodelid?" in out
    clock = MockAkool.connect(server.url).clock
    assert abs(clock.now_ns() - time.time_ns()) < 60 * 10**9, "it was moved by an hour, and shows the machine's time"
    assert clock.speed == 1


def test_settings_that_a_server_cannot_be_given_are_refused(run: Run, server: Server) -> None:
    source = """
@pytest.mark.akool(seed=7, realistic=True)
def test_seed(akool_mock):
    pass


@pytest.mark.akool(other_hosts="refuse", scenario="garbage-bodies", unused_rules="ignore")
def test_of_this_process(akool_mock):
    with pytest.raises(requests.ConnectionError, match="mock-akool refused a request"):
        requests.get("http://192.0.2.1/")


@pytest.mark.akool(scenario={"seed": 3})
def test_of_a_start(akool_mock):
    pass
"""
    result = run(source, f"--akool-url={server.url}", "--akool=queueing=9s", "--akool=sleep_limit=2h")
    result.assert_outcomes(passed=1, errors=2)
    out = result.stdout.str()
    assert f"the server at {server.url}, with settings of its own (ignored there: queueing)" in out
    for name in ("seed", "realistic"):
        assert f": @pytest.mark.akool: the server at {server.url} cannot be given {name}. Run this test without" in out
    assert "seed of a scenario cannot be changed while the fake runs" in out
    assert MockAkool.connect(server.url).clock.speed == 1


def test_settings_of_the_fixture_are_not_left_out_in_silence(
    run: Run, server: Server, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        "import pytest\n@pytest.fixture(scope='session')\n"
        "def akool_settings(): return {'strict': True, 'unused_rules': 'ignore', 'queueing': 3}"
    )
    source = "def test_it(akool_mock): akool_mock.on('create').drop()\ndef test_other(akool_server): pass"
    result = run(source, f"--akool-url={server.url}", "--akool=queueing=3", "-q", "-W", "default")
    result.assert_outcomes(passed=2)
    shown = re.sub(r"\s+", " ", result.stdout.str())
    assert "has settings of its own, and ignores those of the fixture akool_settings: strict" in shown


def test_what_an_interrupted_session_left_is_put_right(run: Run, server: Server) -> None:
    fake = MockAkool.connect(server.url)
    fake.on("any").respond(http=503)
    fake.clock.freeze()
    fake.clock.advance(10_000)
    fake.webhooks.collect()
    run("def test_it(akool_mock): assert generate()['image_status'] == 3", f"--akool-url={server.url}").assert_outcomes(
        passed=1
    )
    assert (fake.clock.speed, abs(fake.clock.now_ns() - time.time_ns()) < 60 * 10**9) == (1, True)
    assert AdminClient(server.url).ask("GET", "state")["sending"] == "collect", "as when this server was started"
    fake.webhooks.send_over_http()
    with fake:
        assert AdminClient(server.url).ask("GET", "state")["sending"] == "collect"
    assert AdminClient(server.url).ask("GET", "state")["sending"] == "collect"


def test_workers_cannot_share_a_whole_server(run: Run, server: Server, pytester: pytest.Pytester) -> None:
    # As pytest-xdist does in its workers, which are no processes here.
    pytester.makeconftest("def pytest_configure(config): config.workerinput = {'workercount': 4}")
    result = run("def test_it(akool_mock): pass\ndef test_other(akool_server): pass", f"--akool-url={server.url}")
    result.assert_outcomes(passed=1, errors=1)
    assert f"akool_mock is the whole server at {server.url}, which 4 workers cannot share" in result.stdout.str()


def test_a_failing_test_of_akool_server_shows_what_its_account_did(run: Run, server: Server) -> None:
    source = """
def test_fails(akool_server):
    create("somebody's", host=akool_server.url, key="of-somebody")
    akool_server.on("infobymodelid").named("idle").drop()
    job = create(host=akool_server.url, key=akool_server.api_key)
    assert akool_server.wait_for_calls(1, "create").count == 1
    akool_server.verify()
"""
    result = run(source, f"--akool-url={server.url}")
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert "the rule idle never fired" in out
    assert re.search(r"#\d+ POST createbyprompt -> 200 1000 OK, job \w+ queueing: the rule is for infobymodelid", out)
    assert re.search(r"- mock-akool -+\njob \w{24}, 'a red fox': queueing", out)
    assert "somebody's" not in out.partition("- mock-akool -")[2]
    assert "was created and paid, but never polled" in out


class TestForwarding:
    """What a client gets of the server's answers, through each library, is what the server sent."""

    @pytest.fixture
    def fake(self, server: Server) -> Iterator[RemoteAkool]:
        with MockAkool.connect(server.url) as fake:
            yield fake

    def test_files_come_as_in_process(self, fake: RemoteAkool) -> None:
        fake.next_job(queueing=0, processing=0)
        requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)
        poll = f"{API}/infobymodelid?image_model_id={fake.jobs[0].id}"
        image = requests.get(poll, headers=KEY).json()["data"]["image"]
        head, body = requests.head(image), httpx.get(image)
        assert body.content[:3] == b"\xff\xd8\xff"
        assert int(head.headers["content-length"]) == len(body.content)
        assert (requests.get(image).url, body.url) == (image, image)

    def test_broken_connections(self, fake: RemoteAkool) -> None:
        fake.on("quota/info").nth(1, 4, 7).drop()
        fake.on("quota/info").nth(2, 5, 8).reset()
        fake.on("quota/info").nth(3, 6, 9).respond(truncate=10)

        async def by_httpx() -> None:
            async with httpx.AsyncClient() as client:
                await client.get(QUOTA, headers=KEY)

        async def by_aiohttp() -> None:
            async with aiohttp.ClientSession() as session:
                session._retry_connection = False
                async with session.get(QUOTA, headers=KEY) as response:
                    await response.read()

        for of_requests in (requests.ConnectionError, requests.ConnectionError, ChunkedEncodingError):
            with pytest.raises(of_requests):
                requests.get(QUOTA, headers=KEY)
        for of_httpx in (httpx.RemoteProtocolError, httpx.ReadError, httpx.RemoteProtocolError):
            with pytest.raises(of_httpx):
                asyncio.run(by_httpx())
        for of_aiohttp in (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError):
            with pytest.raises(of_aiohttp):
                asyncio.run(by_aiohttp())
        assert [call.response.outcome for call in fake.calls] == ["no answer", "connection reset", "200 cut off"] * 3

    def test_delays_are_real_and_hold_no_other_task(self, fake: RemoteAkool) -> None:
        fake.on("quota/info").delay(0.3)

        async def play() -> float:
            began_s = genuine.perf_counter_ns() / 1e9
            async with httpx.AsyncClient() as client:
                await asyncio.gather(*(client.get(QUOTA, headers=KEY) for _ in range(64)))
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(QUOTA, headers=KEY, timeout=0.05)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.get(QUOTA, headers=KEY), 0.05)
            return float(genuine.perf_counter_ns() / 1e9 - began_s)

        assert 0.3 <= asyncio.run(play()) < 64 * 0.3

    def test_other_mocks_and_proxies_do_not_see_it(
        self, fake: RemoteAkool, monkeypatch: pytest.MonkeyPatch, httpx_mock: HTTPXMock
    ) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with responses.RequestsMock():
            assert requests.get(QUOTA, headers=KEY).json()["data"] == {"credit": 1000}
        assert httpx.get(QUOTA, headers=KEY).json()["data"] == {"credit": 1000}

    def test_by_trio(self, fake: RemoteAkool) -> None:
        async def play() -> int:
            async with httpx.AsyncClient() as client:
                await client.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)
                await trio.sleep(60)
                return (await client.get(QUOTA, headers=KEY)).status_code

        assert trio.run(play) == 200
        assert [round(call.at) for call in fake.calls] == [0, 60]

    def test_nobody_else_sleeps_while_a_request_is_under_way(self, fake: RemoteAkool) -> None:
        fake.on("quota/info").delay(0.2)

        async def play() -> None:
            async with httpx.AsyncClient() as client:
                await client.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)
                await asyncio.gather(client.get(QUOTA, headers=KEY), asyncio.sleep(60))

        before_ns = fake.clock.now_ns()
        asyncio.run(play())
        assert fake.clock.now_ns() - before_ns == 60 * 10**9


class TestConnect:
    """What `MockAkool.connect` returns, in a process without pytest's fixtures."""

    @pytest.fixture
    def fake(self, server: Server) -> RemoteAkool:
        return MockAkool.connect(server.url, sleep_limit="10m")

    def test_as_a_context_manager(self, fake: RemoteAkool) -> None:
        with fake:
            assert fake.clock.speed == 0
            job = requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY).json()["data"]
            began_ns = genuine.perf_counter_ns()
            time.sleep(300)
            assert genuine.perf_counter_ns() - began_ns < 30e9
            assert httpx.get(f"{API}/infobymodelid?image_model_id={job['_id']}", headers=KEY).json()["data"]["image"]
            fake.on("quota/info").respond(http=502)
            requests.get("https://openapi.akool.com/api/open/v3/faceswap/quota/info", headers=KEY)
            with pytest.raises(VirtualTimeLimitError):
                time.sleep(301)
        assert (fake.clock.speed, fake.active) == (1, False)

    def test_as_a_decorator(self, fake: RemoteAkool) -> None:
        @fake
        async def create() -> int:
            async with httpx.AsyncClient() as client:
                await client.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)
            await asyncio.sleep(10)
            return len(fake.jobs)

        assert [asyncio.run(create()), asyncio.run(create())] == [1, 1]
        assert fake.calls.count == 1

    def test_it_verifies_at_the_end(self, fake: RemoteAkool) -> None:
        with pytest.raises(UnusedRuleError, match="the rule idle never fired: no request reached the fake"), fake:
            fake.on("create").named("idle").respond(http=500)

    def test_one_account_leaves_the_clock_alone(self, server: Server) -> None:
        with MockAkool.connect(server.url, api_key="key-of-a-client") as fake:
            assert not fake.clock.frozen
            requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)
            requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers={"x-api-key": "of-another"})
            began_s = time.perf_counter()
            time.sleep(0.05)
            assert time.perf_counter() - began_s >= 0.05
            assert [job.account.api_key for job in fake.jobs] == ["key-of-a-client"]

    def test_its_methods_are_those_of_a_fake_of_this_process(self, server: Server) -> None:
        of_this_process = {
            "answer": "a request is sent to its URL",
            "app": "a Flask app is one of this process",
            "server": "it is one",
            "connect": "makes one",
            "engine": "what is inside",
            "application": "what is inside",
        }
        here = {name for name in dir(MockAkool()) if not name.startswith("_")}
        there = {name for name in dir(MockAkool.connect(server.url)) if not name.startswith("_")}
        assert here - there == set(of_this_process)
        assert there - here == {"url"}

    def test_threads_may_use_it(self, fake: RemoteAkool) -> None:
        def create() -> None:
            requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)

        with fake:
            threads = [threading.Thread(target=create) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(fake.wait_for_calls(20, "create")) == 20
            with pytest.raises(TimeoutError):
                fake.wait_for_calls(21, timeout=0.01)

    def test_a_server_that_went_away_is_reported(self, server: Server, fake: RemoteAkool) -> None:
        with fake:
            server.stop()
            with pytest.raises(ServerError, match=f"no server answers at {server.url}: .*mock-akool serve"):
                requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY)
            assert "the fake cannot tell what it saw: no server answers" in fake.capture_report().text(None)
            with pytest.raises(ServerError):
                fake.verify()
            server.start()

    def test_its_token_may_be_in_the_environment(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(server.application, Application)
        server.application.access.admin_token = "s3cret"
        with pytest.raises(MockAkoolError, match=r"wants its token. Give it as admin_token=…, or .*ADMIN_TOKEN"):
            MockAkool.connect(server.url)
        with pytest.raises(MockAkoolError, match="this is not the admin API's token"):
            MockAkool.connect(server.url, "wrong")
        monkeypatch.setenv("MOCK_AKOOL_ADMIN_TOKEN", "s3cret")
        assert MockAkool.connect(server.url).jobs == ()

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("{}/at/api/open/v3", r"has the path of an endpoint; write it as http://127.0.0.1:\d+/at$"),
            ("http://localhost:99999", "is no address of a server: Port out of range 0-65535"),
            ("http://local host", "'http://local host' is no address of a server; write it as http://127"),
            ("http://localhost/a\tb", "is no address of a server; write it as http://127"),
        ],
    )
    def test_what_is_no_address_is_refused(self, server: Server, url: str, shown: str) -> None:
        with pytest.raises(MockAkoolError, match=shown):
            MockAkool.connect(url.format(server.url))

    def test_a_wrong_argument_is_reported_with_the_nearest_one(self, server: Server) -> None:
        with pytest.raises(SettingsError, match=r"api_kye: there is no such setting; did you mean 'api_key'"):
            MockAkool.connect(server.url, api_kye="key")

    def test_all_wrong_arguments_are_reported_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MOCK_AKOOL_ADMIN_TOKEN", "two words")
        with pytest.raises(SettingsError) as refused:
            MockAkool.connect("http://a b", sleep="x", unused_rule="y", hosts="a/b")
        told = [line.replace("; use 32 random letters", "") for line in str(refused.value).splitlines()]
        assert told == [
            "5 mistakes:",
            "  unused_rule: there is no such setting; did you mean 'unused_rules'?",
            "  'http://a b' is no address of a server; write it as http://127.0.0.1:25665",
            "  MOCK_AKOOL_ADMIN_TOKEN: the value is not a text of 1 to 500 characters without spaces",
            "  sleep: 'x' is not virtual or real",
            "  hosts[0]: 'a/b' is not a host; use openapi.akool.com",
        ]

    def test_mistakes_are_reported_as_in_process(self, fake: RemoteAkool) -> None:
        mock = MockAkool()

        def shown(mistake: Callable[[MockAkool | RemoteAkool], object]) -> list[str]:
            errors = []
            for each in (mock, fake):
                with pytest.raises(MockAkoolError) as caught:
                    mistake(each)
                errors.append(f"{type(caught.value).__name__}: {caught.value}")
            return errors

        mistakes: list[Callable[[MockAkool | RemoteAkool], object]] = [
            lambda fake: fake.clock.advance(-3),
            lambda fake: fake.wait_for_calls(1, "infobymodel"),
            lambda fake: fake.webhooks.fault(statsu=3),
            lambda fake: fake.on("createbypromt"),
            lambda fake: fake.put_scenario("flaky-gatewy"),
            lambda fake: fake.next_job(queueing=0, processing=0, ending="fail"),
        ]
        for mistake in mistakes:
            here, there = shown(mistake)
            assert there == here
        assert "did you mean 'status'" in shown(lambda fake: fake.webhooks.fault(statsu=3))[0]

    def test_what_only_a_fake_of_this_process_has_says_so(self, fake: RemoteAkool) -> None:
        with pytest.raises(AttributeError, match="server belongs to a fake of this process, and this one runs at http"):
            fake.server()  # type: ignore[attr-defined]
        with pytest.raises(AttributeError, match="'RemoteAkool' object has no attribute 'sever'"):
            fake.sever()  # type: ignore[attr-defined]

    def test_there_must_be_a_server(self, server: Server) -> None:
        server.stop()
        with pytest.raises(ServerError, match="no server answers"):
            MockAkool.connect(server.url)
