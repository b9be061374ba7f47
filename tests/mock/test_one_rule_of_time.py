"""The rule of virtual time for each kind of wait, of thread and of clock."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import itertools
import queue
import sched
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter as bound_by_name
from types import FrameType
from typing import Any, Final

import anyio
import pytest
import trio

from mock_akool import MockAkool, VirtualTimeLimitError
from mock_akool.core.clock import NS_PER_S
from mock_akool.mock.virtual_time import genuine
from tests.extent import choose
from tests.mock.clients import Requests
from tests.mock.test_virtual_time import LONG, slept_s, until_done, with_httpx

MOST_REAL_S: Final = 10


@pytest.fixture(autouse=True)
def quickly() -> Iterator[None]:
    began_ns = genuine.perf_counter_ns()
    yield
    assert genuine.perf_counter_ns() - began_ns < MOST_REAL_S * NS_PER_S


@pytest.fixture
def mock() -> Iterator[MockAkool]:
    """A fake that was asked for a job of a minute."""
    with MockAkool(**LONG) as mock:
        Requests().job()
        yield mock


@pytest.fixture
def stop_at_line() -> Iterator[Callable[[int], None]]:
    """Gives what lets this thread stop for 3 ms of the machine's time at one of the next lines of virtual time."""
    pause, traced, interval_s = genuine.allocate_lock(), sys.gettrace(), sys.getswitchinterval()
    pause.acquire()

    def begin(number: int) -> None:
        lines = itertools.count()

        def line(_: FrameType, event: str, __: object) -> Any:
            if event == "line" and next(lines) == number:
                pause.acquire(True, 0.003)
            return line

        sys.settrace(lambda frame, *_: line if "virtual_time" in frame.f_code.co_filename else None)

    sys.setswitchinterval(1e-5)
    try:
        yield begin
    finally:
        sys.settrace(traced)
        sys.setswitchinterval(interval_s)


def client(_: object = None) -> int:
    job_id, count = Requests().job(), 1
    while Requests().poll(job_id) < 3:
        time.sleep(3)
        count += 1
    return count


def never() -> threading.Condition:
    condition = threading.Condition()
    condition.acquire()
    return condition


def no_result() -> concurrent.futures.Future[None]:
    return concurrent.futures.Future()


def timer(seconds: float) -> None:
    rang = threading.Event()
    threading.Timer(seconds, rang.set).start()
    rang.wait()


def barrier(seconds: float) -> None:
    with pytest.raises(threading.BrokenBarrierError):
        threading.Barrier(2).wait(seconds)


def full_queue(seconds: float) -> None:
    full: queue.Queue[int] = queue.Queue(1)
    full.put(1)
    with pytest.raises(queue.Full):
        full.put(2, timeout=seconds)


def empty_queue(seconds: float) -> None:
    with pytest.raises(queue.Empty):
        queue.Queue[int]().get(timeout=seconds)


def future(seconds: float) -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        no_result().result(seconds)


def scheduler(seconds: float) -> None:
    plan = sched.scheduler(time.monotonic, time.sleep)
    plan.enter(seconds, 1, lambda: None)
    plan.run()


def scheduler_by_default(seconds: float) -> None:
    plan = sched.scheduler()
    plan.enter(seconds, 1, lambda: None)
    plan.run()


def join(seconds: float) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    thread.join(seconds)
    assert thread.is_alive()
    stop.set()
    thread.join()


WAITS: Final[dict[str, Callable[[float], Any]]] = {
    "time.sleep": time.sleep,
    "Event.wait": lambda seconds: threading.Event().wait(seconds),
    "Condition.wait": lambda seconds: never().wait(seconds),
    "Condition.wait_for": lambda seconds: never().wait_for(lambda: False, seconds),
    "Semaphore.acquire": lambda seconds: threading.Semaphore(0).acquire(timeout=seconds),
    "Barrier.wait": barrier,
    "Timer": timer,
    "Thread.join": join,
    "Queue.get": empty_queue,
    "Queue.put": full_queue,
    "Future.result": future,
    "futures.wait": lambda seconds: concurrent.futures.wait([no_result()], seconds),
    "sched": scheduler,
    "sched by default": scheduler_by_default,
    "asyncio.sleep": lambda seconds: asyncio.run(asyncio.sleep(seconds)),
    "trio.sleep": lambda seconds: trio.run(trio.sleep, seconds),
    "anyio.sleep": lambda seconds: anyio.run(anyio.sleep, seconds),
    "anyio.sleep on trio": lambda seconds: anyio.run(anyio.sleep, seconds, backend="trio"),
}


class TestWaits:
    @pytest.mark.parametrize("way", WAITS)
    @pytest.mark.parametrize("seconds", [3, 0.25, 1000])
    def test_lasts_as_long_as_it_says(self, way: str, seconds: float, mock: MockAkool) -> None:
        wait = time.sleep if way == "time.sleep" else WAITS[way]
        wait(seconds)
        assert slept_s(mock) == seconds

    @pytest.mark.parametrize("way", WAITS)
    def test_is_real_before_the_first_request(self, way: str) -> None:
        with MockAkool() as mock:
            began_ns = genuine.monotonic_ns()
            WAITS[way](0.03) if way != "time.sleep" else time.sleep(0.03)
            assert genuine.monotonic_ns() - began_ns >= 0.0299 * NS_PER_S
            assert slept_s(mock) == 0

    @pytest.mark.parametrize("way", WAITS)
    def test_in_a_thread_of_its_own(self, way: str, mock: MockAkool) -> None:
        wait = (lambda seconds: time.sleep(seconds)) if way == "time.sleep" else WAITS[way]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(wait, (5, 5)))
        assert slept_s(mock) == 5

    @pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300, -1])
    def test_an_impossible_time_is_refused_as_ever(self, seconds: float, mock: MockAkool) -> None:
        with pytest.raises((OverflowError, ValueError)):
            time.sleep(seconds)
        assert slept_s(mock) == 0

    @pytest.mark.parametrize("way", ["Event.wait", "Thread.join"])
    def test_a_limit_that_is_too_long_is_refused_as_ever(self, way: str, mock: MockAkool) -> None:
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        wait: Callable[[float], Any] = thread.join if way == "Thread.join" else threading.Event().wait
        with pytest.raises(OverflowError):
            wait(float("inf"))
        thread.join()

    def test_an_integer_of_another_kind(self, mock: MockAkool) -> None:
        class Integer:
            def __index__(self) -> int:
                return 7

        time.sleep(Integer())
        assert slept_s(mock) == 7

    def test_what_comes_before_the_limit_ends_the_wait(self, mock: MockAkool) -> None:
        came = threading.Event()

        def bring() -> None:
            time.sleep(2)
            came.set()

        threading.Thread(target=bring).start()
        assert came.wait(120)
        assert slept_s(mock) == 2

    def test_a_loop_that_looks_now_and_then(self, mock: MockAkool) -> None:
        done = threading.Event()

        def work() -> None:
            client()
            done.set()

        threading.Thread(target=work).start()
        looks = 0
        while not done.wait(0.5):
            looks += 1
        assert slept_s(mock) == 60
        assert 118 <= looks <= 121

    def test_nothing_is_virtual_after_the_fake(self) -> None:
        with MockAkool(**LONG):
            Requests().job()
        began_ns = genuine.monotonic_ns()
        threading.Event().wait(0.03)
        assert genuine.monotonic_ns() - began_ns >= 0.0299 * NS_PER_S


def poll_without_a_pause(job_id: str) -> None:
    while Requests().poll(job_id) < 3:
        pass


class Limit:
    """A time limit; each wait is for what is left of it, until it is over."""

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def _is_over(self) -> bool:
        return time.monotonic() > self._end_s

    def _left_s(self) -> float:
        return max(0.0, self._end_s - time.monotonic())

    def wait_for_an_event(self) -> None:
        while not self._is_over():
            threading.Event().wait(self._left_s())

    def wait_at_a_queue(self) -> None:
        while not self._is_over():
            with contextlib.suppress(queue.Empty):
                queue.Queue[int]().get(timeout=self._left_s())

    async def wait_in_a_loop(self) -> None:
        while not self._is_over():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), self._left_s())

    async def wait_in_trio(self) -> None:
        while not self._is_over():
            await trio.sleep(self._left_s())


class TestWhatIsLeftOfALimit:
    """A machine's wait lasts a little longer than it says: who waits for all that is left finds the limit over."""

    def test_a_client_that_polls_until_the_limit_is_over(self, mock: MockAkool) -> None:
        job_id, deadline_s = mock.jobs[0].id, time.monotonic() + 30
        while not time.monotonic() > deadline_s:
            time.sleep(max(0.0, min(4.0, deadline_s - time.monotonic())))
            assert Requests().poll(job_id) == 2
        assert mock.calls.to("infobymodelid").count <= 11
        assert "without a pause" not in str(mock.report())

    def test_one_in_a_task(self, mock: MockAkool) -> None:
        async def poll() -> None:
            job_id, deadline_s = mock.jobs[0].id, time.monotonic() + 30
            while not time.monotonic() > deadline_s:
                await asyncio.sleep(max(0.0, min(4.0, deadline_s - time.monotonic())))
                assert await asyncio.to_thread(Requests().poll, job_id) == 2

        asyncio.run(poll())
        assert mock.calls.to("infobymodelid").count <= 13

    @pytest.mark.parametrize("way", ["an event", "a queue", "a loop", "trio"])
    def test_waits_until_it_is_over(self, way: str, mock: MockAkool) -> None:
        began_ns, limit = genuine.monotonic_ns(), Limit(30)
        ways: dict[str, Callable[[], Any]] = {
            "an event": limit.wait_for_an_event,
            "a queue": limit.wait_at_a_queue,
            "a loop": lambda: asyncio.run(limit.wait_in_a_loop()),
            "trio": lambda: trio.run(limit.wait_in_trio),
        }
        ways[way]()
        assert genuine.monotonic_ns() - began_ns < 3 * NS_PER_S
        assert slept_s(mock) <= 30

    def test_of_as_completed(self, mock: MockAkool) -> None:
        began_ns = genuine.monotonic_ns()
        with ThreadPoolExecutor(1) as pool, pytest.raises(TimeoutError):
            list(concurrent.futures.as_completed([pool.submit(time.sleep, 31)], timeout=30))
        assert genuine.monotonic_ns() - began_ns < 3 * NS_PER_S

    def test_a_client_without_a_pause_does_not_get_to_the_end_by_it(self, mock: MockAkool) -> None:
        time.sleep(3)
        with pytest.raises(VirtualTimeLimitError, match="polls without a pause"):
            poll_without_a_pause(mock.jobs[0].id)

    def test_many_polls_of_different_jobs_at_one_instant_take_no_time(self, mock: MockAkool) -> None:
        job_ids = [Requests().job() for _ in range(30)]
        time.sleep(3)
        for _ in range(2):
            for job_id in job_ids:
                Requests().poll(job_id)
        assert mock.calls.last.at == 3


class TestThreads:
    @pytest.mark.parametrize("round_", range(choose(3, 60)))
    def test_ten_of_them_take_a_minute_together(self, round_: int) -> None:
        with MockAkool(**LONG) as mock:
            with ThreadPoolExecutor(10) as pool:
                assert list(pool.map(client, range(10))) == [21] * 10
            assert slept_s(mock) == 60
            assert sorted({call.at for call in mock.calls}) == list(range(0, 63, 3))

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file is opened to look at a thread")
    def test_one_that_computes_is_waited_for_also_when_no_file_can_be_opened(self, mock: MockAkool) -> None:
        import resource

        computed_at_s: list[float] = []

        def compute() -> None:
            until_ns = genuine.monotonic_ns() + NS_PER_S // 5
            while genuine.monotonic_ns() < until_ns:
                pass
            computed_at_s.append(slept_s(mock))

        limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
        thread = threading.Thread(target=compute)
        thread.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, highest))
        try:
            time.sleep(5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, highest))
            thread.join()
        assert (computed_at_s, slept_s(mock)) == ([0], 5)

    @pytest.mark.parametrize("number", range(*choose((70, 100, 5), (0, 160, 1))))
    def test_who_comes_to_rest_while_another_looks_whether_all_rest_goes_on_first(
        self, mock: MockAkool, number: int, stop_at_line: Callable[[int], None]
    ) -> None:
        """As on a machine with too few processors, which interrupts the one that looks at any line."""
        done, began_s, went_on_s = threading.Event(), time.monotonic(), []

        def compute_and_sleep() -> None:
            until_ns = genuine.monotonic_ns() + NS_PER_S // 500
            while genuine.monotonic_ns() < until_ns:
                pass
            time.sleep(5)
            went_on_s.append(time.monotonic() - began_s)
            done.set()

        thread = threading.Thread(target=compute_and_sleep)
        thread.start()
        stop_at_line(number)
        assert done.wait(30)
        thread.join()
        assert went_on_s == [5]

    def test_of_a_pool_that_was_there_before(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(time.sleep, [0.01] * 3))
            with MockAkool(**LONG) as mock:
                assert list(pool.map(client, range(3))) == [21] * 3
                assert slept_s(mock) == 60
                pool.submit(time.sleep, 5).result()
                assert slept_s(mock) == 65

    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    @pytest.mark.parametrize("round_", range(choose(1, 8)))
    def test_workers_that_a_library_has_kept_hold_up_the_clock_while_they_compute(
        self, backend: str, round_: int
    ) -> None:
        """anyio and trio give work to threads that they started for work before."""
        mock = MockAkool()

        def compute() -> float:
            until_ns = genuine.monotonic_ns() + NS_PER_S // 10
            while genuine.monotonic_ns() < until_ns:
                pass
            return slept_s(mock)

        def sleep() -> float:
            time.sleep(5)
            return slept_s(mock)

        async def main() -> list[float]:
            with anyio.fail_after(30):
                return [await anyio.to_thread.run_sync(each) for each in (compute, sleep, compute)]

        async def one_after_the_other() -> list[float]:
            nonlocal mock
            await anyio.to_thread.run_sync(int)
            with MockAkool(**LONG) as mock:
                Requests().job()
                return await main()

        assert anyio.run(one_after_the_other, backend=backend) == [0, 5, 5]

    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    def test_a_kept_worker_that_is_left_alone_ends_its_work(self, backend: str) -> None:
        """What is abandoned still takes part, until it ends."""
        mock, woken = MockAkool(), []

        def sleep() -> None:
            time.sleep(20)
            woken.append(slept_s(mock))

        async def main() -> None:
            nonlocal mock
            await anyio.to_thread.run_sync(int)
            with MockAkool(**LONG) as mock:
                Requests().job()
                with anyio.move_on_after(5) as scope:
                    await anyio.to_thread.run_sync(sleep, abandon_on_cancel=True)
                assert scope.cancelled_caught
                assert slept_s(mock) == 5
                await anyio.sleep(30)
                assert woken == [20]
                assert await anyio.to_thread.run_sync(lambda: slept_s(mock)) == 35

        anyio.run(main, backend=backend)

    def test_one_that_ends_does_not_let_the_clock_jump_to_who_waits_for_longer(self, mock: MockAkool) -> None:
        stop = threading.Event()
        waiting = threading.Thread(target=stop.wait, args=(1000,))
        waiting.start()
        for _ in range(40):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(int)
        assert slept_s(mock) == 0
        stop.set()
        waiting.join()

    def test_that_start_others(self, mock: MockAkool) -> None:
        def parent() -> None:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(client, range(2)))

        threads = [threading.Thread(target=parent) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert slept_s(mock) == 60

    def test_one_that_computes_holds_up_the_clock(self, mock: MockAkool) -> None:
        """A thread that sleeps does not run ahead of one that has not come to its next step."""
        seen = []

        def compute() -> None:
            until_ns = genuine.monotonic_ns() + NS_PER_S // 4
            while genuine.monotonic_ns() < until_ns:
                pass
            seen.append(slept_s(mock))

        thread = threading.Thread(target=compute)
        thread.start()
        time.sleep(3)
        thread.join()
        assert seen == [0]
        assert slept_s(mock) == 3

    def test_one_that_waits_for_a_lock_of_c_code(self, mock: MockAkool) -> None:
        """The operating system tells that it is at rest."""
        lock, simple = threading.Lock(), queue.SimpleQueue[int]()
        lock.acquire()
        threads = [threading.Thread(target=lock.acquire), threading.Thread(target=simple.get)]
        for thread in threads:
            thread.start()
        time.sleep(30)
        lock.release()
        simple.put(1)
        for thread in threads:
            thread.join()
        assert slept_s(mock) == 30

    def test_one_that_waits_at_a_socket_in_the_process(self, mock: MockAkool) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:

            def answer() -> None:
                time.sleep(30)
                theirs.send(b"x")

            threading.Thread(target=answer).start()
            assert ours.recv(1) == b"x"
        assert slept_s(mock) == 30

    @pytest.mark.parametrize("limit_s", [None, 0.05])
    def test_one_that_waits_since_an_earlier_fake_goes_on(self, limit_s: float | None) -> None:
        """As idle workers of a test client do."""
        come, ended = threading.Event(), []

        def wait() -> None:
            come.wait(limit_s)
            ended.append(1)

        thread = threading.Thread(target=wait)
        with MockAkool(**LONG):
            Requests().job()
            thread.start()
            while thread.native_id is None or not come._cond._waiters:  # type: ignore[attr-defined]
                genuine.sleep(0.001)
        with MockAkool(**LONG):
            Requests().job()
            if limit_s is None:
                come.set()
            while not ended:
                genuine.sleep(0.001)
        thread.join()

    def test_a_timer_of_the_test_runner_stays_real(self, mock: MockAkool) -> None:
        rang: list[int] = []
        ring = lambda: rang.append(1)  # noqa: E731 - one that has no name
        ring.__module__ = "pytest_timeout"
        timer = threading.Timer(600, ring)
        timer.start()
        try:
            time.sleep(1000)
            assert (rang, slept_s(mock)) == ([], 1000)
        finally:
            timer.cancel()
            timer.join()

    def test_a_child_process_is_waited_for_in_real_time(self, mock: MockAkool) -> None:
        done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, timeout=30, check=True)
        assert done.stdout == b"1\n"
        assert slept_s(mock) == 0


class Around(selectors.BaseSelector):
    """A selector that asks another one."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return self._inner.select(timeout)

    def get_map(self) -> Any:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class TestLoops:
    def test_a_client_in_a_thread_that_a_limit_ends(self) -> None:
        async def limited() -> None:
            await asyncio.wait_for(asyncio.to_thread(client), 30)

        with MockAkool(**LONG) as mock:
            with pytest.raises(TimeoutError):
                asyncio.run(limited())
            assert slept_s(mock) >= 30

    @pytest.mark.parametrize("limit_s", [7.25, 31, 0.5])
    def test_a_limit_that_was_set_before_the_first_request(self, limit_s: float) -> None:
        async def limited() -> float:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await with_httpx(until_done)
            return loop.time() - began_s

        with MockAkool(**LONG) as mock:
            assert asyncio.run(limited()) == pytest.approx(limit_s, abs=1e-6)
            assert slept_s(mock) == limit_s

    def test_call_later_wait_and_queue(self, mock: MockAkool) -> None:
        async def main() -> list[float]:
            loop, rang = asyncio.get_running_loop(), []
            loop.call_later(5, lambda: rang.append(slept_s(mock)))
            done, pending = await asyncio.wait([asyncio.create_task(asyncio.sleep(9))], timeout=7)
            rang.append(slept_s(mock))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Queue[int]().get(), 3)
            rang.append(slept_s(mock))
            assert (len(done), len(pending)) == (0, 1)
            return rang

        assert asyncio.run(main()) == [5, 7, 10]

    def test_that_wait_by_a_selector_around_another(self, mock: MockAkool) -> None:
        """As those of interactive programs, which look at the keyboard first."""
        began_ns = genuine.monotonic_ns()
        runner = asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Around()))
        with runner, pytest.raises(TimeoutError):
            runner.run(asyncio.wait_for(asyncio.Event().wait(), 5))
        assert slept_s(mock) == 5
        assert genuine.monotonic_ns() - began_ns < 3 * NS_PER_S

    def test_a_webhook_that_is_awaited_by_a_server_of_the_same_loop(self) -> None:
        async def main(mock: MockAkool) -> float:
            from aiohttp import web

            came = asyncio.Event()

            async def receive(_: web.Request) -> web.Response:
                came.set()
                return web.Response()

            app = web.Application()
            app.router.add_post("/hook", receive)
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]

            await asyncio.to_thread(
                Requests().fetch,
                "POST",
                "https://openapi.akool.com/api/open/v3/content/image/createbyprompt",
                headers={"x-api-key": "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"},
                json={"prompt": "a", "webhookUrl": f"http://127.0.0.1:{port}/hook"},
            )
            await asyncio.wait_for(came.wait(), 120)
            at = slept_s(mock)
            await runner.cleanup()
            return at

        with MockAkool(queueing=2, processing=58, webhook_processing=False) as mock:
            mock.webhooks.send_over_http()
            assert asyncio.run(main(mock)) == 60

    def test_trio_waits_forever_without_an_overflow(self, mock: MockAkool) -> None:
        async def main() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                with trio.move_on_after(50):
                    await trio.sleep_forever()
                nursery.cancel_scope.cancel()

        trio.run(main)
        assert slept_s(mock) == 50

    def test_limits_of_trio(self) -> None:
        async def limited(create: Any, poll: Any) -> None:
            with trio.fail_after(30):
                job_id = await create()
                while await poll(job_id) < 3:
                    await trio.sleep(3)

        with MockAkool(**LONG) as mock:
            with pytest.raises(trio.TooSlowError):
                trio.run(with_httpx, limited)
            assert slept_s(mock) == 30

    def test_on_uvloop_sleep_is_virtual(self) -> None:
        uvloop = pytest.importorskip("uvloop")

        async def use(create: Any, poll: Any) -> list[int]:
            return list(await asyncio.gather(until_done(create, poll), until_done(create, poll)))

        with MockAkool(**LONG) as mock:
            assert uvloop.run(with_httpx(use)) == [21, 21]
            assert slept_s(mock) == 60


CLOCKS: Final[dict[str, Callable[[], float]]] = {
    "time": lambda: time.time(),
    "time_ns": lambda: time.time_ns() / NS_PER_S,
    "monotonic": lambda: time.monotonic(),
    "monotonic_ns": lambda: time.monotonic_ns() / NS_PER_S,
    "perf_counter": lambda: time.perf_counter(),
    "perf_counter_ns": lambda: time.perf_counter_ns() / NS_PER_S,
    "by name": lambda: bound_by_name(),
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
    "clock_gettime_ns": lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) / NS_PER_S,
    "datetime.now": lambda: datetime.datetime.now().timestamp(),
    "datetime.now(tz)": lambda: datetime.datetime.now(datetime.UTC).timestamp(),
    "datetime.today": lambda: datetime.datetime.today().timestamp(),
    "gmtime": lambda: time.mktime(time.gmtime()),
    "localtime": lambda: time.mktime(time.localtime()),
    "ctime": lambda: time.mktime(time.strptime(time.ctime())),
    "strftime": lambda: time.mktime(time.strptime(time.strftime("%Y-%m-%d %H:%M:%S"), "%Y-%m-%d %H:%M:%S")),
    "a loop": lambda: asyncio.run(_loop_time()),
}


async def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class TestClocks:
    @pytest.mark.parametrize("name", CLOCKS)
    @pytest.mark.parametrize("how", ["sleep", "advance"])
    def test_all_agree(self, name: str, how: str, mock: MockAkool) -> None:
        tell = CLOCKS[name]
        before = tell()
        if how == "sleep":
            time.sleep(600)
        else:
            mock.clock.advance(600)
        assert tell() - before == pytest.approx(600, abs=1e-5)
        assert slept_s(mock) == 600

    def test_show_real_time_again_after_the_fake(self) -> None:
        before = {name: tell() for name, tell in CLOCKS.items()}
        with MockAkool(**LONG):
            Requests().job()
            time.sleep(3000)
        for name, tell in CLOCKS.items():
            assert 0 <= tell() - before[name] < 30, name

    def test_a_subclass_of_datetime(self, mock: MockAkool) -> None:
        class Own(datetime.datetime): ...

        before = Own.now()
        time.sleep(5)
        assert type(Own.now()) is Own
        assert Own.now() - before == datetime.timedelta(seconds=5)

    def test_of_a_thread_that_takes_no_part_are_real(self) -> None:
        told: list[float] = []
        ask, asked = threading.Event(), threading.Event()

        def tell() -> None:
            ask.wait()
            told.append(time.monotonic())
            asked.set()

        thread = threading.Thread(target=tell)
        thread.start()
        with MockAkool(**LONG):
            Requests().job()
            time.sleep(3000)
            ask.set()
            asked.wait()
        thread.join()
        assert told[0] < time.monotonic() + 1

    def test_who_waits_by_looking_at_a_clock_before_the_first_request(self) -> None:
        with MockAkool() as mock:
            until_s = time.monotonic() + 0.05
            while time.monotonic() < until_s:
                pass
            assert slept_s(mock) == 0


class TestLimitTexts:
    def test_names_what_was_waited_for(self) -> None:
        def wait_for_what_never_comes() -> None:
            while not threading.Event().wait(60):
                pass

        with MockAkool(processing="forever", sleep_limit="5m") as mock:
            Requests().job()
            with pytest.raises(
                VirtualTimeLimitError, match=r"waits in a wait of threading at .*test_one_rule.* in wait_for"
            ):
                wait_for_what_never_comes()
            assert slept_s(mock) == 300
