"""What floods of large requests make of the server's memory at its most, and what is left of that after a reset."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from benchmarks.poll import API_KEY, CREATE, poll_path, running_ours
from benchmarks.processes import HOST, BenchmarkError, Server
from benchmarks.table import Row, at_most

_QUOTA = "/api/open/v3/faceswap/quota/info"
_MOST_MIB = 256
_LARGE = 1_000_000


class Flood(NamedTuple):
    """What is sent; `share` is the part of it that a quick run sends."""

    name: str
    send: Callable[[Server, float], None]
    options: tuple[str, ...] = ()


def run(quick: bool) -> Iterator[Row]:
    share = 0.1 if quick else 1.0
    for flood in _FLOODS:
        with running_ours("--set", "credits=1000000000", "--queueing", "1h", *flood.options) as server:
            _ask(server, "GET", _QUOTA)
            before_kib = server.rss_kib()
            flood.send(server, share)
            peak_mib = server.peak_kib() / 1024
            _ask(server, "POST", "/_mock/reset")
            time.sleep(0.2)  # for what the connections still hold
            left_mib, before_mib = server.rss_kib() / 1024, before_kib / 1024
        note = f"{before_mib:.0f} MiB before, {left_mib:.0f} MiB after a reset"
        yield Row(f"memory under {flood.name}", peak_mib, "MiB", at_most(_MOST_MIB), note)


class _Client:
    """A client with one connection."""

    def __init__(self, server: Server, host: str = HOST) -> None:
        self._connection = http.client.HTTPConnection(HOST, server.port, timeout=120)
        self._headers = {"x-api-key": API_KEY, "content-type": "application/json", "host": f"{host}:{server.port}"}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """Return the body of the response."""
        self._connection.request(method, path, body, {**self._headers, **headers})
        return self._connection.getresponse().read()

    def create(self, prompt: str, **fields: str) -> str:
        """Create a job; returns its id."""
        answer = json.loads(self.ask("POST", CREATE, json.dumps({"prompt": prompt, **fields}).encode()))
        if answer.get("code") != 1000:
            raise BenchmarkError(f"a create was answered {str(answer)[:200]}")
        job_id: str = answer["data"]["_id"]
        return job_id


def _ask(server: Server, method: str, path: str) -> None:
    _Client(server).ask(method, path)


def _polls(hosts: int, polls: int) -> Callable[[Server, float], None]:
    """Poll a job with a long prompt, under several names of the host in turn: their answers differ."""

    def send(server: Server, share: float) -> None:
        clients = [_Client(server, host) for host in (HOST, "localhost")[:hosts]]
        path = poll_path(clients[0].create("x" * _LARGE))
        for number in range(int(polls * share)):
            clients[number % hosts].ask("GET", path)

    return send


def _cookies(server: Server, share: float) -> None:
    client = _Client(server)
    for number in range(int(10_500 * share)):
        client.ask("GET", _QUOTA, cookie=f"{number:030000}")


def _refused(server: Server, share: float) -> None:
    """Creates that are refused: nothing but the call log keeps them."""
    client = _Client(server)
    for number in range(int(500 * share)):
        client.ask("POST", CREATE, json.dumps({"promt": f"{number:0{_LARGE}}"}).encode())


def _naming(server: Server, share: float) -> None:
    """Creates whose prompts name scenarios, of which the first attempt is refused."""
    client = _Client(server)
    for number in range(int(500 * share)):
        client.ask("POST", CREATE, json.dumps({"prompt": f"[mock:rate-limited] {number:0{_LARGE}}"}).encode())


def _listed(server: Server, share: float) -> None:
    """Few jobs with long prompts, listed again and again."""
    client = _Client(server)
    for _ in range(50):
        client.create("x" * 900_000)
    for path in ("/_mock/jobs?limit=10000", "/_mock/calls?limit=10000", "/_mock/report", "/_mock/state"):
        for _ in range(int(20 * share)):
            client.ask("GET", path)


def _scripts(server: Server, share: float) -> None:
    scripts = [{"times": 1_000_000, "stages": ["failed"]}] * 2_000
    for _ in range(int(10 * share)):
        _Client(server).ask("POST", "/_mock/scenario/jobs", json.dumps({"account": API_KEY, "jobs": scripts}).encode())


def _webhooks(server: Server, share: float) -> None:
    """Webhooks with 64 MiB of spaces each, to a receiver that takes none of them."""
    client = _Client(server)
    fault = {"extra_bytes": 64 << 20}
    client.ask("POST", "/_mock/webhooks/faults", json.dumps({"faults": [{"fault": fault}]}).encode())
    with socket.create_server((HOST, 0)) as listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}/"
        for _ in range(20):
            client.create("x", webhookUrl=url)
        client.ask("POST", "/_mock/clock/advance", b'{"until": "idle"}')
        time.sleep(5 * share)


def _pipelined(server: Server, share: float) -> None:
    """One connection that sends as fast as it can, and takes no answers."""
    request = f"GET {_QUOTA} HTTP/1.1\r\nhost: {HOST}\r\nx-api-key: {API_KEY}\r\n\r\n".encode() * 1_000
    with socket.create_connection((HOST, server.port)) as connection:
        connection.setblocking(False)
        ends = time.perf_counter() + 10 * share
        while time.perf_counter() < ends:
            if select.select([], [connection], [], 0.1)[1]:
                with contextlib.suppress(BlockingIOError):
                    connection.send(request)


_FLOODS = (
    Flood("600 polls of a job with a prompt of 1 MB", _polls(1, 600)),
    Flood("4,000 polls of it under two names of the host", _polls(2, 4_000)),
    Flood("10,500 calls with a cookie of 30 kB", _cookies),
    Flood("500 refused creates of 1 MB, logged as text", _refused, ("--log", "text")),
    Flood("500 creates of 1 MB that name a scenario", _naming),
    Flood("lists of 50 jobs with prompts of 900 kB", _listed),
    Flood("20,000 job scripts for a million jobs each", _scripts),
    Flood("20 webhooks of 64 MiB that are not taken", _webhooks),
    Flood("pipelined requests whose answers are not taken", _pipelined),
)
