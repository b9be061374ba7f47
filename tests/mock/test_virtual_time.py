"""Virtual time: from the first request to Akool until the fake ends, every wait of the code under test is virtual."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
import threading
import time
import unittest.mock
from asyncio import sleep as async_nap
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep as nap
from typing import Any, Final

import aiohttp
import anyio
import freezegun
import httpx
import pytest
import requests
import time_machine
import trio

from mock_akool import MockAkool, SystemClock, VirtualTimeLimitError
from mock_akool.akool.codes import API_URL
from mock_akool.core.clock import NS_PER_S
from mock_akool.mock.activation import tidy
from mock_akool.mock.virtual_time import genuine
from tests.mock.clients import CREATE, HEADERS, INFO, Library, Requests

PAUSE_S: Final = 3
MOST_REAL_S: Final = 0.95 * PAUSE_S
"""How much time a test may really take: less than a pause, or else one was really slept."""
LONG: Final[dict[str, Any]] = {"queueing": 2, "processing": 58}
"""A job of a minute."""


def slept_s(mock: MockAkool) -> float:
    """How much virtual time has passed since the fake was made."""
    return (mock.clock.now_ns() - mock.started_ns) / NS_PER_S


def poll_until(library: Library, status: int, pause_s: float) -> None:
    job_id = library.job()
    while library.poll(job_id) != status:
        time.sleep(pause_s)


def polls(mock: MockAkool) -> int:
    return mock.calls.to("infobymodelid").count


@pytest.fixture(autouse=True)
def quickly() -> Any:
    """Fail a test in which a client really sleeps for its pause; `perf_counter` is never virtual."""
    began_s = time.perf_counter()
    yield
    assert time.perf_counter() - began_s < MOST_REAL_S


class TestThreadsOwnSleep:
    """Clients that call `time.sleep`, with each way to give up after 30 s."""

    @pytest.mark.parametrize("tell", [time.monotonic, time.time, None])
    def test_gives_up_at_the_right_poll(self, library: Library, tell: Callable[[], float] | None) -> None:
        clock = None if tell is None else tell.__name__

        def client() -> str:
            job_id = library.job()
            now: Callable[[], float] = getattr(time, clock) if clock else lambda: counted[0]
            counted = [0.0]
            deadline_s = now() + 30
            while now() < deadline_s:
                if library.poll(job_id) >= 3:
                    return "done"
                time.sleep(PAUSE_S)
                counted[0] += PAUSE_S
            return "gave up"

        with MockAkool(**LONG) as mock:
            assert client() == "gave up"
            assert polls(mock) == 10
            assert slept_s(mock) == 30

    def test_sees_the_end_at_the_right_poll(self, library: Library) -> None:
        with MockAkool(**LONG) as mock:
            job_id = library.job()
            while library.poll(job_id) < 3:
                nap(PAUSE_S)
            assert (polls(mock), slept_s(mock)) == (21, 60)

    def test_fifty_times_a_tenth_of_a_second_is_five_seconds(self) -> None:
        with MockAkool(**LONG) as mock:
            Requests().job()
            for _ in range(50):
                time.sleep(0.1)
            assert slept_s(mock) == 5

    def test_other_clocks_of_the_process_run_ahead(self) -> None:
        with MockAkool(**LONG):
            Requests().job()
            before = time.monotonic(), time.time()
            time.sleep(20)
            assert 20 <= time.monotonic() - before[0] < 21
            assert 20 <= time.time() - before[1] < 21


class TestRealSleep:
    """Where nothing is virtual."""

    @staticmethod
    def really_sleeps(seconds: float = 0.02) -> bool:
        began_ns = genuine.perf_counter_ns()
        time.sleep(seconds)
        asyncio.run(asyncio.sleep(seconds))
        return bool(genuine.perf_counter_ns() - began_ns >= 2 * seconds * NS_PER_S)

    def test_without_a_fake(self) -> None:
        assert self.really_sleeps()

    def test_before_the_first_request(self) -> None:
        with MockAkool() as mock:
            assert self.really_sleeps()
            assert slept_s(mock) == 0
            mock.next_job(queueing=0, processing=0)
            assert Requests().poll(Requests().job()) == 3
            assert not self.really_sleeps()
            assert slept_s(mock) == 0.04

    def test_in_a_block_of_real_time(self) -> None:
        with MockAkool(**LONG) as mock:
            Requests().job()
            with mock.real_time():
                began_s = time.monotonic()
                assert self.really_sleeps()
                assert time.monotonic() - began_s >= 0.04
            passed_s = slept_s(mock)
            assert passed_s >= 0.04
            time.sleep(20)
            assert slept_s(mock) == passed_s + 20

    def test_after_leaving(self) -> None:
        with MockAkool(**LONG):
            Requests().job()
        assert self.really_sleeps()

    def test_when_switched_off(self) -> None:
        with MockAkool(sleep="real", **LONG) as mock:
            Requests().job()
            assert self.really_sleeps()
            assert slept_s(mock) == 0

    def test_on_a_real_clock(self) -> None:
        with MockAkool(clock=SystemClock(), **LONG):
            Requests().job()
            assert self.really_sleeps()

    def test_of_no_time_is_real_and_lets_others_run(self) -> None:
        async def two() -> list[int]:
            order: list[int] = []

            async def one(number: int) -> None:
                for _ in range(2):
                    order.append(number)
                    await asyncio.sleep(0)

            await asyncio.gather(one(1), one(2))
            return order

        with MockAkool(**LONG) as mock:
            Requests().job()
            time.sleep(0)
            assert asyncio.run(two()) == [1, 2, 1, 2]
            assert slept_s(mock) == 0

    def test_names_in_modules_are_put_back(self) -> None:
        before = nap, async_nap
        with MockAkool(**LONG):
            assert nap is not before[0]
            assert async_nap is not before[1]
        assert (nap, async_nap) == before

    def test_result_of_asyncios_sleep(self) -> None:
        with MockAkool(**LONG):
            Requests().job()
            assert asyncio.run(asyncio.sleep(5, "result")) == "result"


Poll = Callable[[str], Awaitable[int]]
Create = Callable[[], Awaitable[str]]


async def with_httpx(use: Callable[[Create, Poll], Awaitable[Any]]) -> Any:
    async with httpx.AsyncClient(verify=False) as client:

        async def create() -> str:
            got = await client.post(API_URL + CREATE, headers=HEADERS, json={"prompt": "a fox"})
            job_id: str = got.json()["data"]["_id"]
            return job_id

        async def poll(job_id: str) -> int:
            got = await client.get(API_URL + INFO, params={"image_model_id": job_id}, headers=HEADERS)
            status: int = got.json()["data"]["image_status"]
            return status

        return await use(create, poll)


async def with_aiohttp(use: Callable[[Create, Poll], Awaitable[Any]]) -> Any:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def create() -> str:
            async with session.post(API_URL + CREATE, json={"prompt": "a fox"}) as got:
                job_id: str = (await got.json())["data"]["_id"]
                return job_id

        async def poll(job_id: str) -> int:
            got = await session.get(API_URL + INFO, params={"image_model_id": job_id})
            status: int = (await got.json())["data"]["image_status"]
            return status

        return await use(create, poll)


async def until_done(create: Create, poll: Poll) -> int:
    """Create a job and poll it to its end; returns the number of polls."""
    job_id = await create()
    for count in itertools.count(1):
        if await poll(job_id) >= 3:
            return count
        await async_nap(PAUSE_S)
    raise AssertionError


@pytest.mark.parametrize("with_client", [with_httpx, with_aiohttp])
class TestTasks:
    def test_sees_the_end(self, with_client: Any) -> None:
        with MockAkool(**LONG) as mock:
            assert asyncio.run(with_client(until_done)) == 21
            assert slept_s(mock) == 60

    @pytest.mark.parametrize(("limit_s", "count"), [(30, 10), (31, 11), (1, 1), (29.5, 10)])
    @pytest.mark.parametrize("way", ["timeout", "wait_for"])
    def test_a_time_limit_of_asyncio(self, with_client: Any, limit_s: float, count: int, way: str) -> None:
        async def limited(create: Create, poll: Poll) -> None:
            if way == "wait_for":
                await asyncio.wait_for(until_done(create, poll), limit_s)
            async with asyncio.timeout(limit_s):
                await until_done(create, poll)

        with MockAkool(**LONG) as mock:
            with pytest.raises(TimeoutError):
                asyncio.run(with_client(limited))
            assert polls(mock) == count
            assert slept_s(mock) == limit_s

    def test_a_deadline_by_monotonic(self, with_client: Any) -> None:
        async def limited(create: Create, poll: Poll) -> None:
            job_id, deadline_s = await create(), time.monotonic() + 30
            while time.monotonic() < deadline_s and await poll(job_id) < 3:
                await asyncio.sleep(PAUSE_S)

        with MockAkool(**LONG) as mock:
            asyncio.run(with_client(limited))
            assert (polls(mock), slept_s(mock)) == (10, 30)

    @pytest.mark.parametrize("round_", range(3))
    def test_twenty_at_once(self, with_client: Any, round_: int) -> None:
        async def gather(create: Create, poll: Poll) -> list[int]:
            return await asyncio.gather(*(until_done(create, poll) for _ in range(20)))

        with MockAkool(queueing=2, processing=3) as mock:
            assert asyncio.run(with_client(gather)) == [3] * 20
            assert slept_s(mock) == 6

    def test_sleepers_wake_in_order(self, with_client: Any) -> None:
        async def sleepers(create: Create, poll: Poll) -> list[float]:
            await create()
            woken: list[float] = []

            async def sleeper(seconds: float) -> None:
                await asyncio.sleep(seconds)
                woken.append(slept_s(mock))

            await asyncio.gather(*(sleeper(seconds) for seconds in (5, 1, 3, 1, 4)))
            return woken

        with MockAkool(**LONG) as mock:
            assert asyncio.run(with_client(sleepers)) == [1, 1, 3, 4, 5]

    def test_a_sleeper_that_is_cancelled_is_forgotten(self, with_client: Any) -> None:
        async def cancel(create: Create, poll: Poll) -> None:
            await create()
            task = asyncio.create_task(asyncio.sleep(1))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(7)

        with MockAkool(**LONG) as mock:
            asyncio.run(with_client(cancel))
            assert slept_s(mock) == 7

    def test_a_loop_in_each_of_several_threads(self, with_client: Any) -> None:
        with MockAkool(queueing=2, processing=3) as mock, ThreadPoolExecutor(3) as pool:
            assert list(pool.map(lambda _: asyncio.run(with_client(until_done)), range(3))) == [3, 3, 3]
            assert slept_s(mock) == 6

    def test_polling_without_a_pause_is_stopped(self, with_client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mock_akool.mock.interceptors.target.POLL_LIMIT", 50)

        async def hammer(create: Create, poll: Poll) -> None:
            job_id = await create()
            while await poll(job_id) < 3:
                pass

        with MockAkool(**LONG) as mock:
            with pytest.raises(VirtualTimeLimitError, match="polls without a pause"):
                asyncio.run(with_client(hammer))
            assert polls(mock) == 51


class TestTrioAndAnyio:
    @pytest.mark.parametrize("library", [trio, anyio])
    def test_in_trio(self, library: Any) -> None:
        async def client(create: Create, poll: Poll) -> int:
            job_id = await create()
            for count in itertools.count(1):
                if await poll(job_id) >= 3:
                    return count
                await library.sleep(PAUSE_S)
            raise AssertionError

        with MockAkool(**LONG) as mock:
            assert trio.run(with_httpx, client) == 21
            assert slept_s(mock) == 60

    def test_anyio_in_asyncio_with_its_time_limit(self) -> None:
        async def client(create: Create, poll: Poll) -> None:
            job_id = await create()
            with anyio.fail_after(30):
                while await poll(job_id) < 3:
                    await anyio.sleep(PAUSE_S)

        with MockAkool(**LONG) as mock:
            with pytest.raises(TimeoutError):
                anyio.run(with_httpx, client)
            assert (polls(mock), slept_s(mock)) == (10, 30)

    def test_a_nursery_of_twenty(self) -> None:
        counts: list[int] = []

        async def all_at_once(create: Create, poll: Poll) -> None:
            async def one() -> None:
                job_id = await create()
                for count in itertools.count(1):
                    if await poll(job_id) >= 3:
                        counts.append(count)
                        return
                    await trio.sleep(PAUSE_S)

            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(one)

        with MockAkool(queueing=2, processing=3) as mock:
            trio.run(with_httpx, all_at_once)
            assert (counts, slept_s(mock)) == ([3] * 20, 6)


class TestThreads:
    def test_a_pool(self, library: Library) -> None:
        def client(_: int) -> int:
            job_id = library.job()
            for count in itertools.count(1):
                if library.poll(job_id) >= 3:
                    return count
                time.sleep(PAUSE_S)
            raise AssertionError

        with MockAkool(queueing=2, processing=3) as mock, ThreadPoolExecutor(3) as pool:
            assert list(pool.map(client, range(5))) == [3] * 5
            assert slept_s(mock) == 12  # three at once, and then two

    def test_sleepers_wake_in_order(self) -> None:
        woken: list[float] = []

        def sleeper(seconds: float) -> None:
            ready.wait()
            time.sleep(seconds)
            woken.append(slept_s(mock))

        ready = threading.Barrier(4)
        with MockAkool(**LONG) as mock:
            Requests().job()
            threads = [threading.Thread(target=sleeper, args=(seconds,)) for seconds in (5, 1, 3, 4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert woken == [1, 3, 4, 5]

    def test_a_client_whose_job_ends_before_it_gets_to_sleep(self) -> None:
        """Another thread has moved the clock after its poll; it must not wait for real."""
        with MockAkool(**LONG) as mock:
            job_id = Requests().job()
            assert Requests().poll(job_id) == 1
            mock.clock.advance(60)
            time.sleep(5)
            assert slept_s(mock) == 65
            assert Requests().poll(job_id) == 3

    def test_a_heartbeat_in_the_background_does_not_drive_the_clock(self) -> None:
        beats: list[float] = []

        def beat() -> None:
            while not stopping.is_set():
                time.sleep(0.01)
                beats.append(0.0)

        stopping, heartbeat = threading.Event(), threading.Thread(target=beat, daemon=True)
        heartbeat.start()
        try:
            with MockAkool(**LONG) as mock:
                Requests().job()
                began = len(beats)
                while len(beats) < began + 5:
                    pass
                assert slept_s(mock) == 0
        finally:
            stopping.set()
            heartbeat.join()

    def test_a_daemon_that_was_there_before_but_uses_the_fake_sleeps_virtually(self) -> None:
        polls_made: list[int] = []

        def client() -> None:
            started.wait()
            job_id = Requests().job()
            while Requests().poll(job_id) < 3:
                polls_made.append(1)
                time.sleep(PAUSE_S)

        started, thread = threading.Event(), threading.Thread(target=client, daemon=True)
        thread.start()
        with MockAkool(**LONG) as mock:
            started.set()
            thread.join()
            assert (len(polls_made), slept_s(mock)) == (20, 60)


class TestBesideOtherPatches:
    """Whoever else replaces a clock or sleep, and takes that back before or after the fake is left."""

    NAMES: Final = ("time.sleep", "time.monotonic", "time.time", "asyncio.sleep", f"{__name__}.nap")

    @staticmethod
    def now() -> list[object]:
        return [time.sleep, time.monotonic, time.time, asyncio.sleep, nap, async_nap]

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("fake_first", [True, False])
    def test_overlapping(self, name: str, fake_first: bool) -> None:
        before = self.now()
        fake, patch = MockAkool(**LONG), unittest.mock.patch(name, return_value=0.0)
        first, second = (fake, patch) if fake_first else (patch, fake)
        first.start()
        second.start()
        first.stop()
        second.stop()
        with MockAkool(**LONG) as mock:
            time.sleep(0)
            assert time.monotonic() > 0
            Requests().job()
            nap(PAUSE_S)
            asyncio.run(asyncio.sleep(PAUSE_S))
            assert slept_s(mock) == 2 * PAUSE_S
        assert self.now() == before

    def test_a_library_that_was_patched_and_put_back_late(self) -> None:
        before = requests.Session.get_adapter
        fake, patch = MockAkool(), unittest.mock.patch.object(requests.Session, "get_adapter")
        fake.start()
        patch.start()
        fake.stop()
        patch.stop()
        tidy()
        assert requests.Session.get_adapter is before


class TestLimit:
    def test_a_loop_that_polls_forever_is_stopped(self, library: Library) -> None:
        with MockAkool(processing="forever", sleep_limit="2m") as mock:
            with pytest.raises(VirtualTimeLimitError, match=r"slept for 120 s .* 30 s more \(job \w+ is processing"):
                poll_until(library, 3, pause_s=30)
            assert polls(mock) == 5

    @pytest.mark.parametrize("pause_s", [7200, 7200.5])
    def test_a_single_sleep_beyond_the_limit_is_reported_with_its_length(self, pause_s: float) -> None:
        async def sleeper() -> None:
            await asyncio.sleep(pause_s)

        told = (
            rf"has slept for 0 s of virtual time and wants to sleep for {pause_s:,} s more "
            r"\(job \w+ is queueing\), beyond the limit of 3,600 s\."
        )
        with MockAkool(**LONG) as mock:
            Requests().job()
            with pytest.raises(VirtualTimeLimitError, match=told):
                time.sleep(pause_s)
            with pytest.raises(VirtualTimeLimitError, match=told):
                asyncio.run(sleeper())
            assert slept_s(mock) == 0

    def test_an_answer_beyond_the_limit_when_there_is_no_job(self) -> None:
        with MockAkool(latency="2h"), pytest.raises(VirtualTimeLimitError, match=r"7,200 s more \(there is no job\)"):
            requests.get(API_URL, timeout=None)

    def test_also_when_the_client_swallows_every_exception(self) -> None:
        def client() -> None:
            job_id = Requests().job()
            while True:
                try:
                    if Requests().poll(job_id) >= 3:
                        return
                    time.sleep(30)
                except Exception:
                    pass

        with MockAkool(processing="forever", sleep_limit="2m"), pytest.raises(VirtualTimeLimitError):
            client()

    def test_also_when_it_does_not_see_the_end(self) -> None:
        with MockAkool(sleep_limit="20s"), pytest.raises(VirtualTimeLimitError, match="is completed"):
            poll_until(Requests(), 4, pause_s=0.5)

    def test_a_new_job_starts_a_new_count(self) -> None:
        with MockAkool(processing="forever", sleep_limit="1m") as mock:
            for _ in range(3):
                Requests().job()
                time.sleep(50)
            assert slept_s(mock) == 150

    def test_a_new_job_of_an_inner_fake_starts_a_new_count_for_the_outer_one(self) -> None:
        """As with a fake for a whole session, beside those of its tests."""
        with MockAkool(sleep_limit="1m"):
            Requests().job()
            for _ in range(3):
                with MockAkool(sleep_limit="1m"):
                    Requests().job()
                    time.sleep(50)

    def test_in_tasks(self) -> None:
        async def client(create: Create, poll: Poll) -> None:
            await asyncio.gather(until_done(create, poll), until_done(create, poll))

        with MockAkool(processing="forever", sleep_limit="1m"), pytest.raises(VirtualTimeLimitError):
            asyncio.run(with_httpx(client))

    def test_polling_without_a_pause(self, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mock_akool.mock.interceptors.target.POLL_LIMIT", 50)

        def client() -> None:
            job_id = library.job()
            while True:
                with contextlib.suppress(Exception):
                    library.poll(job_id)

        with MockAkool(**LONG) as mock:
            with pytest.raises(VirtualTimeLimitError, match="polls without a pause: 50 polls"):
                client()
            assert polls(mock) == 51

    def test_polling_without_a_pause_where_polls_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mock_akool.mock.interceptors.target.POLL_LIMIT", 10)
        with MockAkool(processing="30 polls") as mock:
            job_id = Requests().job()
            mock.clock.advance(10)
            while Requests().poll(job_id) < 3:
                pass

    def test_many_jobs_at_one_instant_are_no_hammering(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mock_akool.mock.interceptors.target.POLL_LIMIT", 5)
        with MockAkool(**LONG):
            jobs = [Requests().job() for _ in range(8)]
            assert [Requests().poll(job) for job in jobs] == [1] * 8


class TestMockAkoolsOwnTime:
    def test_run_until_idle(self) -> None:
        with MockAkool(**LONG) as mock:
            job_id = Requests().job()
            mock.run_until_idle()
            assert slept_s(mock) == 60
            assert Requests().poll(job_id) == 3

    def test_run_until_idle_leaves_a_stuck_job(self) -> None:
        with MockAkool(processing="forever") as mock:
            job_id = Requests().job()
            mock.run_until_idle()
            assert slept_s(mock) == 2
            assert Requests().poll(job_id) == 2


class TestFrozenTime:
    """freezegun stops time, time-machine stops or moves it; what is slept moves their time, too."""

    START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)

    @staticmethod
    def client() -> str:
        job_id, deadline_s = Requests().job(), time.time() + 30
        while time.time() < deadline_s:
            if Requests().poll(job_id) >= 3:
                return "done"
            time.sleep(PAUSE_S)
        return "gave up"

    @staticmethod
    def monotonic_client() -> str:
        job_id, deadline_s = Requests().job(), time.monotonic() + 30
        while time.monotonic() < deadline_s:
            if Requests().poll(job_id) >= 3:
                return "done"
            time.sleep(PAUSE_S)
        return "gave up"

    @pytest.mark.parametrize("tick", [False, True])
    @pytest.mark.parametrize("client", [client, monotonic_client])
    def test_the_fake_inside_freezegun(self, client: Any, tick: bool) -> None:
        with freezegun.freeze_time(self.START, tick=tick), MockAkool(**LONG) as mock:
            assert client() == "gave up"
            assert polls(mock) == 10
            passed = datetime.datetime.now(datetime.UTC) - self.START
            assert 30 <= passed.total_seconds() < 30 + (MOST_REAL_S if tick else 0.001)

    @pytest.mark.parametrize("client", [client, monotonic_client])
    def test_freezegun_inside_the_fake(self, client: Any) -> None:
        with MockAkool(**LONG) as mock, freezegun.freeze_time(self.START):
            assert client() == "gave up"
            assert polls(mock) == 10
            assert datetime.datetime.now(datetime.UTC) == self.START + datetime.timedelta(seconds=30)
        assert nap is time.sleep

    @pytest.mark.parametrize("tick", [False, True])
    @pytest.mark.parametrize("fake_first", [False, True])
    @pytest.mark.parametrize("client", [client, monotonic_client])
    def test_time_machine(self, client: Any, fake_first: bool, tick: bool) -> None:
        mock = MockAkool(**LONG)
        travel = time_machine.travel(self.START, tick=tick)
        first, second = (mock, travel) if fake_first else (travel, mock)
        with first, second:
            assert client() == "gave up"
            assert polls(mock) == 10
            passed = datetime.datetime.now(datetime.UTC) - self.START
            assert 30 <= passed.total_seconds() < 30 + (MOST_REAL_S if tick else 0.001)

    def test_asyncio_inside_time_machine(self) -> None:
        with time_machine.travel(self.START, tick=False), MockAkool(queueing=2, processing=3) as mock:
            assert asyncio.run(with_httpx(until_done)) == 3
            assert slept_s(mock) == 6

    def test_asyncio_inside_freezegun(self) -> None:
        with freezegun.freeze_time(self.START), MockAkool(queueing=2, processing=3) as mock:
            assert asyncio.run(with_httpx(until_done)) == 3
            assert slept_s(mock) == 6

    def test_clocks_are_restored_in_both_orders(self) -> None:
        before = time.time, time.monotonic, time.sleep
        with MockAkool(), freezegun.freeze_time(self.START):
            pass
        with freezegun.freeze_time(self.START), MockAkool():
            pass
        assert (time.time, time.monotonic, time.sleep) == before


def test_requests_retries_sleep_virtually() -> None:
    """The pause before a retry is part of what the client waits."""
    with MockAkool(**LONG) as mock, requests.Session() as session:
        job_id = Requests().job()
        session.mount("https://", requests.adapters.HTTPAdapter(max_retries=2))
        assert session.get(f"{API_URL}{INFO}?image_model_id={job_id}", headers=HEADERS, timeout=5).status_code == 200
        assert slept_s(mock) == 0


class TestPausesThatAreNotSeen:
    """The report does not say that a client polls without a pause when its pauses do not move the clock."""

    def polls(self, pause: Callable[[], Any], count: int = 5) -> None:
        job_id = Requests().job()
        for _ in range(count):
            Requests().poll(job_id)
            pause()

    def test_a_client_without_a_pause_is_told_so(self) -> None:
        with MockAkool() as mock:
            self.polls(lambda: None)
            assert "is polled without a pause" in mock.report()

    @pytest.mark.parametrize("name", ["time.sleep", "asyncio.sleep"])
    def test_sleep_that_was_replaced(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with MockAkool() as mock:
            with monkeypatch.context() as patch:
                patch.setattr(name, lambda _: None)
                self.polls(lambda: time.sleep(0) if name == "asyncio.sleep" else time.sleep(3))
            report = mock.report()
        assert "without a pause" not in report
        assert f"if the client pauses, that moved no clock: {name} was replaced" in report
        assert f"{name} was replaced" in mock.report()

    def test_a_wait_that_nobody_can_replace(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        with MockAkool() as mock:
            self.polls(lambda: lock.acquire(timeout=0.03))
            report = mock.report()
        assert "without a pause" not in report
        assert "moved no clock: it waited in real time" in report

    def test_sleep_that_is_real(self) -> None:
        with MockAkool(sleep="real") as mock:
            self.polls(lambda: time.sleep(0.001))
            assert 'moved no clock: sleep="real" is set' in mock.report()

    def test_the_error_of_a_client_that_never_ends_says_so_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with MockAkool(), monkeypatch.context() as patch:
            patch.setattr("time.sleep", lambda _: None)
            patch.setattr("mock_akool.mock.interceptors.target.POLL_LIMIT", 50)
            with pytest.raises(
                VirtualTimeLimitError, match=r"If it pauses, that moved no clock: time.sleep was replaced"
            ):
                self.polls(lambda: time.sleep(3), 100)

    def test_a_reset_forgets_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with MockAkool() as mock:
            with monkeypatch.context() as patch:
                patch.setattr("time.sleep", lambda _: None)
                self.polls(lambda: time.sleep(3))
            mock.reset()
            self.polls(lambda: None)
            assert "is polled without a pause" in mock.report()
