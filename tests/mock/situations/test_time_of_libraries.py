"""Libraries that wait or read clocks in ways of their own, beside a fake whose time is virtual."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
from typing import Any, Final

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mock_akool import MockAkool
from mock_akool.akool.codes import API_URL
from tests import children
from tests.mock.clients import HEADERS, QUOTA, Requests
from tests.mock.test_virtual_time import LONG, slept_s

URL: Final = API_URL + QUOTA
PYTHON: Final = (sys.executable, "-W", "ignore")


def run(source: str) -> tuple[int, str, str]:
    done = children.run("-c", textwrap.dedent(source), command=PYTHON)
    return done.returncode, done.stdout, done.stderr


def test_time_machine_that_is_imported_first_while_a_fake_is_active() -> None:
    """It writes into what it finds as `time.time` as if that were a function of C."""
    code, out, err = run(
        f"""
        import datetime, time, requests
        from mock_akool import MockAkool
        with MockAkool() as mock:
            requests.get({URL!r}, headers={HEADERS!r})
            import time_machine
            with time_machine.travel("2020-01-01", tick=False):
                before = time.time(), datetime.datetime.now()
                time.sleep(30)
                print(time.time() - before[0], datetime.datetime.now() - before[1], before[1].year)
        with time_machine.travel("2020-01-01", tick=False):
            print(datetime.datetime.now())
        """
    )
    assert (code, out) == (0, "30.0 0:00:30 2020\n2020-01-01 00:00:00\n"), err


def test_freezegun_that_is_imported_first_while_a_fake_is_active() -> None:
    code, out, err = run(
        f"""
        import time, requests
        from mock_akool import MockAkool
        with MockAkool() as mock:
            requests.get({URL!r}, headers={HEADERS!r})
            import freezegun.api
        print("mock_akool" in repr(freezegun.api.real_time), type(time.time).__name__)
        """
    )
    assert (code, out) == (0, "False builtin_function_or_method\n"), err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "patch"),
    [
        ("gevent", "from gevent import monkey; monkey.patch_all()"),
        ("eventlet", "import eventlet; eventlet.monkey_patch()"),
    ],
)
def test_where_greenlets_have_replaced_threads(library: str, patch: str) -> None:
    """The fake says that time is real there, and neither fails nor hangs."""
    pytest.importorskip(library)
    code, out, err = run(
        f"""
        {patch}
        import threading, time, requests
        from mock_akool import MockAkool
        URL = {API_URL!r} + "/api/open/v3/content/image"
        def client():
            job = requests.post(URL + "/createbyprompt", json={{"prompt": "a"}}, headers={HEADERS!r}).json()["data"]
            while job["image_status"] < 3:
                time.sleep(0.05)
                poll = URL + "/infobymodelid?image_model_id=" + job["_id"]
                job = requests.get(poll, headers={HEADERS!r}).json()["data"]
        with MockAkool(queueing=0.1, processing=0.1) as mock:
            threads = [threading.Thread(target=client) for _ in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print(len(mock.jobs))
            try: mock.server().start()
            except Exception as error: print(error)
        """
    )
    assert code == 0, err
    assert out.startswith("3\na live server cannot run in a thread of this process")
    assert f"{library} has replaced the threads" in err


def test_a_retry_of_urllib3_sleeps_before_it_tries_again() -> None:
    """A client that survives a 503 of a real server by waiting survives one here."""
    with MockAkool(**LONG) as mock, requests.Session() as session:
        mock.on("quota/info").first(2).respond(http=503)
        retry = Retry(5, status_forcelist=[503], backoff_factor=1, allowed_methods=None)
        session.mount("https://", HTTPAdapter(max_retries=retry))
        got = session.get(URL, headers=HEADERS, timeout=5)
        assert got.json()["code"] == 1000
        assert [call.at for call in mock.calls] == [0, 0, 2]
        assert got.raw.retries is not None
        assert len(got.raw.retries.history) == 2


def test_an_exhausted_retry_names_the_host() -> None:
    with MockAkool() as mock, requests.Session() as session:
        mock.on("quota/info").respond(http=503)
        session.mount("https://", HTTPAdapter(max_retries=Retry(1, status_forcelist=[503])))
        with pytest.raises(requests.exceptions.RetryError, match=r"host='openapi.akool.com', port=443"):
            session.get(URL, headers=HEADERS, timeout=5)


@pytest.mark.parametrize("timeout", ["5", 0, (1, 2, 3), -1])
def test_impossible_limits_are_refused(timeout: Any) -> None:
    with MockAkool() as mock:
        with pytest.raises((ValueError, TypeError)):
            requests.get(URL, headers=HEADERS, timeout=timeout)
        assert mock.calls.count == 0


def test_a_limit_that_is_over_names_the_host() -> None:
    with MockAkool(latency="10s"), pytest.raises(requests.ReadTimeout, match=r"openapi.akool.com.*read timeout=4"):
        requests.get(URL, headers=HEADERS, timeout=4)


def test_answers_have_what_those_of_a_server_have() -> None:
    with MockAkool():
        got = requests.get(URL, headers=HEADERS, timeout=5)
        assert got.headers["server"] == "mock-akool"
        assert got.headers["date"].endswith("GMT")
        assert got.raw.version == 11
        assert got.elapsed.total_seconds() >= 0


@pytest.mark.reported("agronholm/apscheduler#293")
def test_apscheduler_in_an_event_loop() -> None:
    schedulers = pytest.importorskip("apscheduler.schedulers.asyncio")

    async def main() -> None:
        scheduler, rang = schedulers.AsyncIOScheduler(), asyncio.Event()
        scheduler.add_job(rang.set, "interval", seconds=20)
        scheduler.start()
        await asyncio.wait_for(rang.wait(), 100)
        scheduler.shutdown()

    with MockAkool(**LONG) as mock:
        Requests().job()
        asyncio.run(main())
        assert slept_s(mock) == pytest.approx(20, abs=0.1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_in_a_child_of_a_fork_time_is_real() -> None:
    code, out, err = run(
        f"""
        import os, time, requests
        from mock_akool import MockAkool
        with MockAkool() as mock:
            requests.get({URL!r}, headers={HEADERS!r})
            child = os.fork()
            if not child:
                time.sleep(0.01)
                os._exit(0 if mock.clock.now_ns() == mock.started_ns else 1)
            print(os.waitpid(child, 0)[1])
        """
    )
    assert (code, out) == (0, "0\n"), err
