"""Situations in which tools that stop or mock time hung, raced, or showed clocks that disagreed."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import queue
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import freezegun
import pytest
import time_machine
import trio

from mock_akool import MockAkool
from mock_akool.core.clock import NS_PER_S
from mock_akool.mock.virtual_time import genuine
from tests import children
from tests.mock.clients import Requests
from tests.mock.test_one_rule_of_time import client
from tests.mock.test_virtual_time import LONG, slept_s

pytest_plugins = "pytester"

reported = pytest.mark.reported
START: Final = "2020-01-01"


@pytest.fixture
def mock() -> Iterator[MockAkool]:
    """A fake that was asked for a job of a minute."""
    with MockAkool(**LONG) as mock:
        Requests().job()
        yield mock


async def sleep_and_wait() -> None:
    await asyncio.sleep(5)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 3)


class TestStoppedTime:
    @reported("spulec/freezegun#437", "spulec/freezegun#563", "spulec/freezegun#290")
    def test_a_loop_inside_freezegun_does_not_hang(self, mock: MockAkool) -> None:
        with freezegun.freeze_time(START):
            asyncio.run(sleep_and_wait())
        assert slept_s(mock) == 8

    @reported("spulec/freezegun#383")
    def test_a_loop_that_freezegun_leaves_alone(self, mock: MockAkool) -> None:
        with freezegun.freeze_time(START, real_asyncio=True):
            asyncio.run(sleep_and_wait())
        assert slept_s(mock) == 8

    @reported("spulec/freezegun#529")
    def test_uvloop_inside_freezegun(self, mock: MockAkool) -> None:
        uvloop = pytest.importorskip("uvloop")
        with freezegun.freeze_time(START):
            uvloop.run(asyncio.sleep(5))
        assert slept_s(mock) == 5

    @reported("adamchainz/time-machine#387")
    def test_a_loop_inside_time_machine_does_not_hang(self, mock: MockAkool) -> None:
        with time_machine.travel(START, tick=False):
            asyncio.run(sleep_and_wait())
        assert slept_s(mock) == 8

    @reported("spulec/freezegun#47", "spulec/freezegun#332")
    @pytest.mark.parametrize("stop", [freezegun.freeze_time, time_machine.travel])
    def test_sleep_moves_the_time_that_was_stopped(self, stop: Callable[..., Any], mock: MockAkool) -> None:
        with stop(START, tick=False):
            began = datetime.datetime.now()
            time.sleep(30)
            assert datetime.datetime.now() - began == datetime.timedelta(seconds=30)

    @reported("spulec/freezegun#129")
    def test_a_queue_with_a_limit_ends_inside_freezegun(self) -> None:
        with freezegun.freeze_time(START), MockAkool(**LONG) as mock:
            Requests().job()
            with pytest.raises(queue.Empty):
                queue.Queue[int]().get(timeout=4)
            assert slept_s(mock) == 4

    @reported("spulec/freezegun#307")
    def test_threads_see_the_time_that_was_stopped(self, mock: MockAkool) -> None:
        with freezegun.freeze_time(START), concurrent.futures.ThreadPoolExecutor(2) as pool:
            years = list(pool.map(lambda _: datetime.datetime.now().year, range(2)))
        assert years == [2020, 2020]

    @reported("spulec/freezegun#194")
    def test_timers_and_futures_inside_freezegun(self, mock: MockAkool) -> None:
        with freezegun.freeze_time(START):
            rang = threading.Event()
            threading.Timer(50, rang.set).start()
            assert rang.wait(100)
            with pytest.raises(concurrent.futures.TimeoutError):
                concurrent.futures.Future[int]().result(10)
        assert slept_s(mock) == 60

    @reported("spulec/freezegun#99")
    def test_nothing_of_a_stopped_time_stays_behind(self) -> None:
        for _ in range(2):
            with freezegun.freeze_time(START), MockAkool():
                Requests().job()
                time.sleep(3)
        assert type(time.time).__name__ == type(time.sleep).__name__ == "builtin_function_or_method"
        assert datetime.datetime.now().year > 2020

    @reported("spulec/freezegun#384", "aio-libs/aiohttp#5834")
    def test_the_clock_of_a_loop_and_the_wall_clock_agree(self, mock: MockAkool) -> None:
        async def measure() -> tuple[float, float, float]:
            loop = asyncio.get_running_loop()
            before = loop.time(), time.time(), time.monotonic()
            await asyncio.sleep(40)
            after = loop.time(), time.time(), time.monotonic()
            return tuple(round(late - early, 3) for early, late in zip(before, after, strict=True))  # type: ignore[return-value]

        assert asyncio.run(measure()) == (40, 40, 40)

    @reported("adamchainz/time-machine#143")
    def test_time_machine_after_freezegun_does_not_crash(self) -> None:
        done = _run(
            """
            import datetime, time, freezegun, requests
            from mock_akool import MockAkool
            with MockAkool():
                requests.get("https://openapi.akool.com/")
                with freezegun.freeze_time("2020-01-01"):
                    time.sleep(3)
                import time_machine
                with time_machine.travel("2021-01-01", tick=False):
                    time.sleep(3)
                    print(datetime.datetime.now())
            print(datetime.datetime.now().year > 2021)
            """
        )
        assert done.stdout == "2021-01-01 00:00:03\nTrue\n", done.stderr

    @reported("adamchainz/time-machine#431")
    def test_a_journey_by_a_span_as_the_first_one(self) -> None:
        done = _run(
            """
            import datetime, time, requests, time_machine
            from mock_akool import MockAkool
            with MockAkool():
                requests.get("https://openapi.akool.com/")
                with time_machine.travel(datetime.timedelta(days=3)):
                    began = time.time()
                    time.sleep(30)
                    print(round(time.time() - began))
            """
        )
        assert done.stdout == "30\n", done.stderr


def _run(source: str) -> Any:
    return children.run("-c", textwrap.dedent(source), command=(sys.executable, "-W", "ignore"))


class TestRetries:
    @reported("jd/tenacity#25", "jd/tenacity#228")
    def test_tenacity_decorated_before_the_fake(self) -> None:
        tenacity = pytest.importorskip("tenacity")

        @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(30))  # type: ignore[untyped-decorator]
        def fail() -> None:
            raise ValueError

        with MockAkool(**LONG) as mock:
            Requests().job()
            with pytest.raises(tenacity.RetryError):
                fail()
            assert slept_s(mock) == 60

    @reported("jd/tenacity#106", "jd/tenacity#156")
    def test_tenacity_with_growing_pauses(self, mock: MockAkool) -> None:
        tenacity = pytest.importorskip("tenacity")
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(7), wait=tenacity.wait_exponential(multiplier=1, max=60)
        )
        with pytest.raises(tenacity.RetryError):
            retrying(lambda: 1 / 0)
        assert slept_s(mock) == 1 + 2 + 4 + 8 + 16 + 32

    @pytest.mark.parametrize("library", ["asyncio", "trio"])
    def test_tenacity_in_tasks(self, library: str, mock: MockAkool) -> None:
        tenacity = pytest.importorskip("tenacity")

        @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(30))  # type: ignore[untyped-decorator]
        async def fail() -> None:
            raise ValueError

        run: Callable[..., Any] = trio.run if library == "trio" else lambda function: asyncio.run(function())
        with pytest.raises(tenacity.RetryError):
            run(fail)
        assert slept_s(mock) == 60

    @reported("litl/backoff#54")
    # Of Python 3.14 and newer, about backoff's own code.
    @pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning")
    @pytest.mark.parametrize("in_task", [True, False])
    def test_backoff_with_a_time_limit(self, in_task: bool, mock: MockAkool) -> None:
        backoff = pytest.importorskip("backoff")
        again = backoff.on_exception(backoff.constant, ValueError, interval=7, jitter=None, max_time=30)

        @again  # type: ignore[untyped-decorator]
        def fail() -> None:
            raise ValueError

        @again  # type: ignore[untyped-decorator]
        async def fail_in_task() -> None:
            raise ValueError

        with pytest.raises(ValueError, match=r"^$"):
            asyncio.run(fail_in_task()) if in_task else fail()
        assert slept_s(mock) == pytest.approx(30, abs=1e-3)

    @reported("Llucs/backon#75")
    def test_a_function_that_was_kept_before_the_fake_is_the_real_one(self) -> None:
        """It cannot be replaced where it is kept; the report does not blame the client for that."""
        kept = [time.sleep]
        with MockAkool(**LONG) as mock:
            Requests().job()
            began_ns = genuine.monotonic_ns()
            kept[0](0.02)
            assert genuine.monotonic_ns() - began_ns >= 20_000_000
            assert slept_s(mock) == 0

    @reported("agronholm/apscheduler#293")
    def test_a_scheduler_runs_its_jobs_at_their_instants(self, mock: MockAkool) -> None:
        background = pytest.importorskip("apscheduler.schedulers.background")
        scheduler, rang = background.BackgroundScheduler(), threading.Semaphore(0)
        scheduler.add_job(rang.release, "interval", seconds=30)
        scheduler.start()
        for _ in range(3):
            assert rang.acquire(timeout=100)
        scheduler.shutdown()
        assert slept_s(mock) == pytest.approx(90, abs=0.1)


class TestThreadsAndLoops:
    @reported("skypilot-org/skypilot#9822", "Significant-Gravitas/AutoGPT#14371")
    def test_a_thread_in_the_background_sleeps_at_its_own_pace(self, mock: MockAkool) -> None:
        stop, naps = threading.Event(), []

        def run() -> None:
            while not stop.is_set():
                time.sleep(5)
                naps.append(slept_s(mock))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        began_s = slept_s(mock)
        assert client() == 21
        stop.set()
        thread.join()
        assert slept_s(mock) - began_s in {60, 65}
        assert naps[:11] == [5 * (number + 1) for number in range(11)]

    @reported("kirodotdev/KiroCrew#2460")
    def test_a_thread_that_was_there_before_does_not_move_the_clock(self) -> None:
        stop, naps = threading.Event(), []

        def run() -> None:
            while not stop.is_set():
                time.sleep(0.001)
                naps.append(1)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            with MockAkool(**LONG) as mock:
                assert client() == 21
                assert slept_s(mock) == 60
        finally:
            stop.set()
            thread.join()

    @reported("python-trio/trio#456")
    def test_work_in_a_thread_of_trio_does_not_run_into_a_limit(self, mock: MockAkool) -> None:
        def compute() -> int:
            return sum(range(1_000_000))

        async def main() -> None:
            with trio.fail_after(300):
                assert await trio.to_thread.run_sync(compute) > 0

        trio.run(main)
        assert slept_s(mock) == 0

    @reported("python-trio/trio#3369")
    def test_a_clock_of_trio_that_jumps_by_itself(self, mock: MockAkool) -> None:
        from trio.testing import MockClock

        trio.run(trio.sleep, 5, clock=MockClock(autojump_threshold=0))
        assert slept_s(mock) == 0

    @reported("achimnol/aiotools#69")
    def test_a_loop_does_not_spin_at_a_late_instant(self) -> None:
        async def main() -> float:
            began_s = asyncio.get_running_loop().time()
            await asyncio.sleep(1)
            return asyncio.get_running_loop().time() - began_s

        with MockAkool() as mock:
            Requests().job()
            mock.clock.advance(1_000_000_000)
            assert asyncio.run(main()) == pytest.approx(1)
            assert mock.clock.now_ns() - mock.started_ns == 1_000_000_001 * NS_PER_S

    @reported("nolar/kopf#881")
    def test_code_between_sleeps_takes_no_time(self, mock: MockAkool) -> None:
        async def main() -> list[float]:
            instants = []
            for _ in range(5):
                await asyncio.sleep(0.1)
                sum(range(20_000))
                instants.append(round(slept_s(mock), 6))
            return instants

        assert asyncio.run(main()) == [0.1, 0.2, 0.3, 0.4, 0.5]

    @pytest.mark.slow
    @reported("gevent/gevent#1227")
    def test_sleep_under_gevent_lasts_as_long_as_it_says(self) -> None:
        pytest.importorskip("gevent")
        done = _run(
            """
            from gevent import monkey; monkey.patch_all()
            import time, requests
            from mock_akool import MockAkool
            with MockAkool():
                requests.get("https://openapi.akool.com/")
                began = time.perf_counter()
                time.sleep(0.1)
                print(0.099 <= time.perf_counter() - began < 5)
            """
        )
        assert done.stdout == "True\n", done.stderr


@pytest.mark.slow
class TestRuns:
    """Whole runs of pytest, whose own clocks must stay real."""

    @pytest.fixture
    def run(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

        def run_tests(source: str, *arguments: str) -> str:
            pytester.makepyfile(textwrap.dedent(source))
            plugins = ("-p", "mock_akool.pytest_plugin", "-p", "no:cacheprovider")
            result = pytester.runpytest_subprocess(*plugins, *arguments)
            return result.stdout.str()

        return run_tests

    SLEEPS: Final = """
        import time, requests
        def test_it(akool_mock):
            requests.get("https://openapi.akool.com/")
            time.sleep(600)
        """

    @reported("spulec/freezegun#286", "pytest-dev/pytest#7764", "spulec/freezegun#463")
    def test_durations_are_real(self, run: Callable[..., str]) -> None:
        out = run(self.SLEEPS, "--durations=3", "--durations-min=0")
        assert "1 passed" in out
        assert "s call" in out
        assert "600" not in out

    @reported("spulec/freezegun#433")
    def test_durations_in_a_junit_file_are_real(self, run: Callable[..., str], pytester: pytest.Pytester) -> None:
        run(self.SLEEPS, "--junit-xml=junit.xml")
        assert 'time="6' not in (pytester.path / "junit.xml").read_text(encoding="utf-8")

    @pytest.mark.parametrize("method", ["signal", "thread"])
    def test_a_limit_of_pytest_timeout_is_real(self, method: str, run: Callable[..., str]) -> None:
        pytest.importorskip("pytest_timeout")
        out = run(self.SLEEPS, "-p", "pytest_timeout", "--timeout=30", f"--timeout-method={method}")
        assert "1 passed" in out

    @reported("pytest-dev/pytest-github-actions-annotate-failures#57", "pytest-dev/pytest#1984")
    def test_odd_values_in_a_failing_test_do_not_end_the_run(self, run: Callable[..., str]) -> None:
        out = run(
            """
            import pytest, requests
            ODD = [[], ["a"], {"b": [1]}, None, 7, True, 1e400, "\\ud800", [[[]]]]
            @pytest.mark.parametrize("odd", range(len(ODD)))
            def test_it(akool_mock, odd):
                url = "https://openapi.akool.com/api/open/v3/"
                fields = ("clientId", "clientSecret", "prompt", "scale", "webhookUrl", "_id", "button")
                requests.post(url + "getToken", json=dict.fromkeys(fields, ODD[odd]) if odd != 6 else {})
                requests.post(url + "content/image/createbyprompt", json=ODD[odd] if odd != 6 else None)
                assert not akool_mock
            """
        )
        assert "INTERNALERROR" not in out
        assert "9 failed" in out
        assert "mock-akool bug" not in out
