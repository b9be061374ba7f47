"""Fakes that are started and stopped leave nothing behind, however many they are."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests

from mock_akool import MockAkool
from mock_akool.mock.account_view import AccountView
from mock_akool.pytest_plugin.servers import LiveServer
from tests.extent import choose
from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"

URL = "https://openapi.akool.com/api/open/v3/content/image/createbyprompt"
BODY = {"prompt": "a red fox"}
KEY = {"x-api-key": "key-of-the-account"}
ROUNDS = choose(200, 500)
WARM_UP = 50


def by_requests() -> None:
    requests.post(URL, json=BODY, headers=KEY)


def by_httpx() -> None:
    client.post(URL, json=BODY, headers=KEY)


client = httpx.Client()


def by_aiohttp() -> None:
    async def post() -> None:
        async with aiohttp.ClientSession() as session, session.post(URL, json=BODY, headers=KEY) as response:
            await response.read()

    asyncio.run(post())


def patched() -> tuple[Any, ...]:
    """What the interceptors and virtual sleep replace."""
    return (
        requests.Session.get_adapter,
        httpx.Client._transport_for_url,
        httpx.AsyncClient._transport_for_url,
        aiohttp.ClientSession._request,
        aiohttp.TCPConnector.connect,
        time.sleep,
        time.time,
        time.monotonic,
        asyncio.sleep,
        tuple(sys.meta_path),
    )


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208 - cheaper


def kept_objects() -> int:
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.parametrize("transport", [by_requests, by_httpx, by_aiohttp])
def test_many_fakes_leave_nothing_behind(transport: Callable[[], None]) -> None:
    rounds = ROUNDS if transport is not by_aiohttp else ROUNDS // 4  # each starts a loop and a server of its own

    def use(times: int) -> None:
        for _ in range(times):
            with MockAkool() as mock:
                transport()
                assert len(mock.jobs) == 1

    before = patched()
    use(WARM_UP)
    threads, files, kept = set(threading.enumerate()), open_files(), kept_objects()
    use(rounds)
    grown = kept_objects() - kept
    assert patched() == before
    assert set(threading.enumerate()) <= threads
    assert open_files() <= files
    assert grown < rounds / 10


def test_many_tests_on_one_server_leave_nothing_behind() -> None:
    with LiveServer({}) as live:

        def use(times: int) -> None:
            for _ in range(times):
                live.mock.reset()
                view = AccountView(live.server.url, live.mock)
                live.mock.answer(call_of(view))
                assert len(view.jobs) == 1
                live.mock.reset()

        use(WARM_UP)
        kept = kept_objects()
        use(ROUNDS)
        grown = kept_objects() - kept
    assert grown < ROUNDS / 10


def test_passed_and_failed_tests_let_go_of_their_fakes(run: Run) -> None:
    """Items live as long as the run; what hangs on them does, too."""
    result = run(
        """
import gc
import weakref

fakes = weakref.WeakSet()


@pytest.mark.parametrize("number", range(20))
def test_it(akool_mock, number):
    fakes.add(akool_mock.engine)
    create()
    if number == 5:
        pytest.xfail()


def test_they_are_gone():
    gc.collect()
    assert len(fakes) <= 1
"""
    )
    result.assert_outcomes(passed=20, xfailed=1)


def call_of(view: AccountView) -> Any:
    from mock_akool import Request

    headers = {"x-api-key": view.api_key, "content-type": "application/json"}
    return Request.build("POST", "/api/open/v3/content/image/createbyprompt", "", headers, b'{"prompt": "x"}')


def test_servers_that_start_and_stop_leave_nothing_behind() -> None:
    def use(times: int) -> None:
        for _ in range(times):
            with LiveServer({}) as live, requests.Session() as session:
                session.get(f"{live.server.url}/_mock/health")

    use(3)
    gc.collect()
    threads, files = set(threading.enumerate()), open_files()
    use(50)
    gc.collect()
    assert set(threading.enumerate()) <= threads
    assert open_files() <= files
