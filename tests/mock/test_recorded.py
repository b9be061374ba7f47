"""Fakes of this process that record a service, or replay a recording, through each library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests

from mock_akool import MockAkool, Server, SystemClock
from mock_akool.mock.recorded import RecordingAkool, ReplayingAkool
from mock_akool.server.tls import Tls

URL = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"
KEY = {"x-api-key": "my-key-of-the-service"}


def by_requests() -> bytes:
    return requests.get(URL, headers=KEY, timeout=10).content


def by_httpx() -> bytes:
    return httpx.get(URL, headers=KEY).content


def by_httpx_in_task() -> bytes:
    async def ask() -> bytes:
        async with httpx.AsyncClient() as client:
            return (await client.get(URL, headers=KEY)).content

    return asyncio.run(ask())


def by_aiohttp() -> bytes:
    async def ask() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(URL, headers=KEY) as response:
            return await response.read()

    return asyncio.run(ask())


@pytest.fixture
def real() -> Iterator[tuple[MockAkool, str]]:
    mock = MockAkool(clock=SystemClock())
    with Server(mock.application, tls=Tls(off=True)) as server:
        yield mock, server.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("ask", [by_requests, by_httpx, by_httpx_in_task, by_aiohttp])
def test_each_library_is_recorded_and_replayed(
    ask: Callable[[], bytes], real: tuple[MockAkool, str], tmp_path: Path
) -> None:
    mock, url = real
    # The upstream is one of the intercepted hosts, as Akool's own are: what records may call it all the same.
    with RecordingAkool(tmp_path / "tape", [url], hosts=["openapi.akool.com", "localhost"]) as recording:
        first = ask()
        assert recording.calls.count == 1
    recording.close()
    assert first == b'{"code":1000,"msg":"OK","data":{"credit":1000}}'
    with ReplayingAkool(tmp_path / "tape") as replaying:
        assert ask() == first
        assert replaying.missing == []
    assert mock.calls.count == 1
