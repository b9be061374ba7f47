"""What must work with every supported release of the libraries; run by itself, with no more than those libraries.

Prints the releases it ran with. `test_versions.py` runs it with the oldest ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Any

import aiohttp
import httpx
import requests

from mock_akool import MockAkool

URL = "https://openapi.akool.com"
CREATE = URL + "/api/open/v3/content/image/createbyprompt"
INFO = URL + "/api/open/v3/content/image/infobymodelid"
HEADERS = {"x-api-key": "key"}
LATE = {"latency": "10s"}


def poll_in_thread(http: Any) -> int:
    """Create a job, poll it to its end, download its image; returns the number of polls."""
    job_id = http.post(CREATE, json={"prompt": "a fox"}, headers=HEADERS).json()["data"]["_id"]
    for count in range(1, 100):
        data = http.get(INFO, params={"image_model_id": job_id}, headers=HEADERS).json()["data"]
        if data["image_status"] == 3:
            assert len(http.get(data["image"]).content) > 1000
            return count
        time.sleep(3)
    raise AssertionError


async def poll_by_httpx(client: httpx.AsyncClient) -> int:
    """As above."""
    job_id = (await client.post(CREATE, json={"prompt": "a fox"}, headers=HEADERS)).json()["data"]["_id"]
    for count in range(1, 100):
        data = (await client.get(INFO, params={"image_model_id": job_id}, headers=HEADERS)).json()["data"]
        if data["image_status"] == 3:
            async with client.stream("GET", data["image"]) as response:
                assert sum([len(piece) async for piece in response.aiter_bytes(1000)]) > 1000
            return count
        await asyncio.sleep(3)
    raise AssertionError


async def poll_by_aiohttp(session: aiohttp.ClientSession) -> int:
    """As above."""
    async with session.post(CREATE, json={"prompt": "a fox"}, headers=HEADERS) as response:
        job_id = (await response.json())["data"]["_id"]
    for count in range(1, 100):
        response = await session.get(INFO, params={"image_model_id": job_id}, headers=HEADERS)
        data = (await response.json())["data"]
        if data["image_status"] == 3:
            async with session.get(data["image"]) as file:
                assert sum([len(piece) async for piece in file.content.iter_chunked(1000)]) > 1000
                assert str(file.url) == data["image"]
            return count
        await asyncio.sleep(3)
    raise AssertionError


async def why(request: Awaitable[Any], error: type[Exception]) -> str:
    """Return what the error says that the request ends with."""
    try:
        await request
    except error as raised:
        return str(raised)
    raise AssertionError(error)


async def in_tasks() -> None:
    """Try all that is asynchronous."""
    async with httpx.AsyncClient() as client, aiohttp.ClientSession() as session:
        with MockAkool(other_hosts="refuse") as mock:
            began_ns = mock.clock.now_ns()
            work = [*(poll_by_httpx(client) for _ in range(5)), *(poll_by_aiohttp(session) for _ in range(5))]
            assert await asyncio.gather(*work) == [3] * 10
            assert mock.clock.now_ns() - began_ns == 6 * 10**9
            for get, error in ((client.get, httpx.ConnectError), (session.get, aiohttp.ClientConnectionError)):
                assert "refused a request" in await why(get("https://elsewhere.invalid/"), error)
            async with session.head(URL) as head:
                assert (head.status, await head.read()) == (404, b"")
        with MockAkool(**LATE) as mock:  # type: ignore[arg-type]
            began_ns = mock.clock.now_ns()
            for limits, timeout_error in (
                (aiohttp.ClientTimeout(total=4), asyncio.TimeoutError),
                (aiohttp.ClientTimeout(sock_read=4), aiohttp.ServerTimeoutError),
            ):
                await why(session.get(URL, timeout=limits), timeout_error)
            assert mock.clock.now_ns() - began_ns == 8 * 10**9
    async with aiohttp.ClientSession(URL) as session:
        with MockAkool():
            async with session.get(INFO.removeprefix(URL)) as response:
                assert (await response.json())["code"] == 1102


def in_threads() -> None:
    """Try all that is synchronous."""
    with httpx.Client() as client, requests.Session() as session:
        for http, errors in ((session, requests.exceptions), (client, httpx)):
            with MockAkool() as mock:
                began_ns = mock.clock.now_ns()
                assert poll_in_thread(http) == 3
                assert mock.clock.now_ns() - began_ns == 6 * 10**9
            with MockAkool(**LATE) as mock:  # type: ignore[arg-type]
                began_ns = mock.clock.now_ns()
                try:
                    http.get(URL, timeout=4)
                except errors.ReadTimeout:
                    assert mock.clock.now_ns() - began_ns == 4 * 10**9
                else:
                    raise AssertionError(http)


if __name__ == "__main__":
    import responses  # noqa: F401 - to be imported is what it does

    in_threads()
    asyncio.run(in_tasks())
    print(*(f"{name}=={version(name)}" for name in ("requests", "responses", "httpx", "aiohttp")))
