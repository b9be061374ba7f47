"""Starts and stops leave no thread, file handle, port or child behind, whatever was under way at the stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

import aiohttp
import pytest

from mock_akool import MockAkool, Server, SystemClock
from mock_akool.media.cache import MediaCache
from mock_akool.server import http_server as server_module
from tests.children import Serving
from tests.extent import choose
from tests.waiting import until
from tests.webhooks.receivers import SECRET, create, fake, poll

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="what a process holds is read from /proc")

PATIENCE_S: Final = 20.0
SETTLED_S: Final = 1.0
"""How long what was left may take to go: threads of pools end, and loops close handles, a little after the stop."""
KEY: Final = {"x-api-key": SECRET, "content-type": "application/json"}
INFO: Final = "/api/open/v3/content/image/infobymodelid?image_model_id="
CREATE: Final = "/api/open/v3/content/image/createbyprompt"
QUOTA: Final = "/api/open/v3/faceswap/quota/info"
WAIT: Final = "/_mock/calls?at_least=1000000&timeout=60"
LISTENING: Final = "0A"


class Held(NamedTuple):
    """What this process holds: threads, file handles with what they are, ports that it listens on, and children."""

    threads: frozenset[threading.Thread]
    handles: dict[int, str]
    ports: frozenset[int]
    children: frozenset[int]

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        handles = own_handles()
        return cls(frozenset(threading.enumerate()), handles, own_ports(handles), frozenset(children_of(os.getpid())))

    def more_than(self, before: Held) -> list[object]:
        """Return what is held now and was not before."""
        return [
            *(self.threads - before.threads),
            *(self.handles.items() - before.handles.items()),
            *(self.ports - before.ports),
            *(self.children - before.children),
        ]


def own_handles() -> dict[int, str]:
    handles = {}
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the handle by which they are listed
            handles[int(each.name)] = str(each.readlink())
    return handles


def own_ports(handles: Mapping[int, str]) -> frozenset[int]:
    own = frozenset(handles.values())
    return frozenset(port for socket_, port in listeners() if socket_ in own)


def listeners() -> Iterator[tuple[str, int]]:
    """Who listens on IPv4: sockets, named as in a process's list of handles, and their ports."""
    for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, _, _, _, _, _, inode, *_ = line.split()
        if state == LISTENING:
            yield f"socket:[{inode}]", int(local.rpartition(":")[2], 16)


def children_of(parent: int) -> Iterator[int]:
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # Its name stands in brackets and may hold anything.
            if int(each.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(each.parent.name)


def marked(mark: str) -> set[int]:
    """The processes with this text in their environment, which a child hands on to its own."""
    found = set()
    for each in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in each.read_bytes():
                found.add(int(each.parent.name))
    return found


def assert_free(port: int) -> None:
    """Listen there, which is refused as long as anybody else does."""
    socket.create_server(("127.0.0.1", port)).close()


def settled(is_enough: Callable[[Held], bool]) -> Held:
    """Look at what is held until it is enough, but not for long; returns what was seen last."""
    deadline_s = time.monotonic() + SETTLED_S
    while not is_enough(held := Held.now()) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return held


def soak(live: Callable[[], None], lives: int) -> None:
    """Live so often, and look for what is left. One life before is for what stays for good, such as imports."""
    threads = Held.now().threads
    live()
    before = settled(lambda held: held.threads <= threads)
    assert before.threads <= threads
    for _ in range(lives):
        live()
    # What an earlier test had left behind may go meanwhile.
    after = settled(lambda held: not held.more_than(before))
    assert after.more_than(before) == []


class Hanging:
    """A receiver of webhooks that takes a connection, reads, and never answers."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"

    def called(self) -> socket.socket:
        """Wait until a webhook is under way; returns its connection."""
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        assert connection.recv(1 << 16)
        return connection


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        yield Hanging(listener)


class Life:
    """A server that was started, and what its clients leave open until it has stopped."""

    def __init__(self, mock: MockAkool, server: Server, left_open: ExitStack, hanging: Hanging) -> None:
        self.mock = mock
        self.server = server
        self.left_open = left_open
        self.hanging = hanging

    def connect(self) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)
        self.left_open.callback(connection.close)
        return connection


def idle(life: Life) -> None:
    """Nothing happens."""


def polled(life: Life) -> None:
    """A client polls and keeps its connection open."""
    job_id = create(life.mock, "")
    connection = life.connect()
    for _ in range(2):
        connection.request("GET", INFO + job_id, headers=KEY)
        assert connection.getresponse().read()


def drawing(life: Life) -> None:
    """An image is being drawn."""
    begun, drawn = threading.Event(), threading.Event()

    def draw(_: object) -> bytes:
        begun.set()
        drawn.wait(PATIENCE_S)
        return b"\xff\xd8 a picture"

    life.mock.application.media_cache = MediaCache(draw=draw)
    life.mock.next_job(queueing=0, processing=0)
    image = poll(life.mock, create(life.mock, ""))["image"]
    life.connect().request("GET", "/" + image.rpartition("/")[2])
    assert begun.wait(PATIENCE_S)
    life.left_open.callback(drawn.set)


def waiting(life: Life) -> None:
    """An admin request waits for other calls."""
    life.connect().request("GET", WAIT)
    until(lambda: life.server.tasks)


def calling_back(life: Life) -> None:
    """A webhook is under way to a receiver that hangs."""
    life.mock.webhooks.send_over_http()
    create(life.mock, life.hanging.url)
    life.left_open.enter_context(life.hanging.called())


def all_at_once(life: Life) -> None:
    """All of these."""
    for each in (polled, drawing, waiting, calling_back):
        each(life)


Meanwhile = Callable[[Life], None]
SITUATIONS: Final[dict[Meanwhile, int]] = {
    idle: choose(4, 50),
    polled: choose(4, 50),
    drawing: choose(3, 25),
    waiting: choose(3, 25),
    calling_back: choose(3, 25),
    all_at_once: choose(3, 25),
}
"""What happens between start and stop, and how many lives are lived so: at length 200 with a new server each."""


@pytest.mark.parametrize("restarted", [False, True], ids=["new", "restarted"])
@pytest.mark.parametrize("meanwhile", SITUATIONS, ids=lambda each: each.__name__)
def test_servers_leave_nothing(
    meanwhile: Meanwhile, restarted: bool, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is still under way when these are over is cut off. How long they are is no matter here, but they add up.
    monkeypatch.setattr(server_module, "_GRACE_S", 0.02)
    monkeypatch.setattr(server_module, "_WEBHOOK_GRACE_S", 0.02)
    again: list[tuple[MockAkool, Server]] = []

    def live() -> None:
        mock = fake(clock=SystemClock(), queueing=0, credits=10**6)
        mock, server = again[0] if again else (mock, mock.server())
        if restarted:
            again[:] = [(mock, server)]
        with ExitStack() as left_open:
            with server:
                meanwhile(Life(mock, server, left_open, hanging))
            assert_free(server.port)

    soak(live, SITUATIONS[meanwhile])


def test_connections_of_aiohttp_s_interceptor_leave_nothing() -> None:
    async def fetch() -> None:
        before = own_ports(own_handles())
        async with aiohttp.ClientSession("https://openapi.akool.com", headers=KEY) as session:
            with MockAkool() as mock:
                async with session.post(CREATE, json={"prompt": "a fox"}) as response:
                    job = (await response.json())["data"]
                assert own_ports(own_handles()) == before, "they are in memory"
                unread = await session.get(INFO + job["_id"])
                assert len(mock.calls) == 2
            unread.close()

    soak(lambda: asyncio.run(fetch()), choose(10, 50))


class Serve:
    """`mock-akool serve` as a child, and what its clients leave open until it has ended."""

    def __init__(self, port: int, left_open: ExitStack, hanging: Hanging) -> None:
        self._port = port
        self._left_open = left_open
        self._hanging = hanging

    def idle(self) -> None:
        pass

    def polled(self) -> None:
        connection, job_id = self._created({"prompt": "a fox"})
        connection.request("GET", INFO + job_id, headers=KEY)
        assert connection.getresponse().read()

    def busy(self) -> None:
        connection, job_id = self._created({"prompt": "a fox", "webhookUrl": self._hanging.url})
        connection.request("GET", INFO + job_id, headers=KEY)
        image = json.loads(connection.getresponse().read())["data"]["image"]
        self._left_open.enter_context(self._hanging.called())
        self._connect().request("GET", WAIT)
        connection.request("GET", "/" + image.rpartition("/")[2])

    def _created(self, body: Mapping[str, str]) -> tuple[HTTPConnection, str]:
        connection = self._connect()
        connection.request("POST", CREATE, json.dumps(body), KEY)
        return connection, json.loads(connection.getresponse().read())["data"]["_id"]

    def _connect(self) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        self._left_open.callback(connection.close)
        return connection


# Each start of the command takes longer than twenty servers in this process, and what ends a process frees all that it
# held but its children. So these are a few: enough for each signal to meet each situation.
@pytest.mark.parametrize(
    ("meanwhile", "number"),
    [
        pytest.param(
            meanwhile, number, marks=pytest.mark.slow if is_long else (), id=f"{meanwhile.__name__}-{number.name}"
        )
        for meanwhile, number, is_long in (
            (Serve.idle, signal.SIGTERM, True),
            (Serve.idle, signal.SIGINT, False),
            (Serve.polled, signal.SIGTERM, True),
            (Serve.polled, signal.SIGINT, True),
            (Serve.busy, signal.SIGTERM, False),
            (Serve.busy, signal.SIGINT, True),
        )
    ],
)
def test_the_command_leaves_nothing(
    meanwhile: Callable[[Serve], None], number: signal.Signals, hanging: Hanging
) -> None:
    def live() -> None:
        mark = uuid4().hex
        with ExitStack() as left_open:
            flags = ("--queueing", "0", "--processing", "0")
            serving = left_open.enter_context(Serving(*flags, variables={"MARK_OF_A_TEST": mark}))
            meanwhile(Serve(serving.port, left_open, hanging))
            assert marked(mark) == {serving.process.pid}
            code, _ = serving.end(number)
            assert code == 0
            assert marked(mark) == set()
            assert_free(serving.port)

    before = Held.now()
    live()
    assert settled(lambda held: not held.more_than(before)).more_than(before) == []


ROUNDS: Final = 10


def send(connection: HTTPConnection, method: str, path: str, body: object = None, **headers: str) -> bytes:
    connection.request(method, path, None if body is None else json.dumps(body), {**KEY, **headers})
    response = connection.getresponse()
    assert response.status in (200, 201)
    return response.read()


def flood(connection: HTTPConnection) -> None:
    """Fill what a server keeps: jobs, calls with long bodies, cookies and answers, accounts, scripts and webhooks."""
    for number in range(60):
        prompt = f"{number} " + "x" * 500_000
        job = json.loads(send(connection, "POST", CREATE, {"prompt": prompt, "webhookUrl": "http://127.0.0.1:9/"}))
        send(connection, "GET", INFO + job["data"]["_id"])
    for number in range(1_000):
        send(connection, "POST", CREATE, {"prompt": f"{number}"}, **{"x-api-key": f"{number:032}"})
        send(connection, "GET", QUOTA, cookie="c" * 20_000)
    send(connection, "POST", "/_mock/scenario/jobs", {"jobs": [{"times": 9, "stages": ["failed"]}] * 5_000})
    for path in ("/_mock/jobs?limit=10000", "/_mock/calls?limit=10000", "/_mock/report", "/_mock/state"):
        send(connection, "GET", path)


def resident_kib(pid: int) -> int:
    """Return how much memory a process occupies."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


@pytest.mark.slow
def test_a_reset_gives_memory_back() -> None:
    """After ten floods and resets, the server occupies at most a tenth more than after the first."""
    flags = ("--queueing", "0", "--processing", "1h", "--set", "credits=100000000")
    with Serving(*flags) as serving, closing(HTTPConnection("127.0.0.1", serving.port, timeout=60)) as connection:
        kept_kib = []
        for _ in range(ROUNDS + 1):
            flood(connection)
            send(connection, "POST", "/_mock/reset")
            kept_kib.append(resident_kib(serving.process.pid))
    first_kib, last_kib = kept_kib[1], kept_kib[-1]  # the first round is for what stays for good
    assert last_kib <= 1.1 * first_kib, kept_kib


def test_what_clients_sent_that_left_is_not_kept() -> None:
    """Of requests that never came whole nothing stays, though the garbage collector seldom comes."""
    sent = b"POST /api/open/v3/getToken HTTP/1.1\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 1_000_000
    with Serving() as serving, closing(HTTPConnection("127.0.0.1", serving.port, timeout=60)) as connection:
        send(connection, "GET", QUOTA)
        before_kib = resident_kib(serving.process.pid)
        with ExitStack() as opened:
            for _ in range(100):
                left = opened.enter_context(socket.create_connection(("127.0.0.1", serving.port), 10))
                left.sendall(sent)
            until(lambda: resident_kib(serving.process.pid) > before_kib + 80_000)

        def is_given_back() -> bool:
            send(connection, "POST", "/_mock/reset")
            return resident_kib(serving.process.pid) < before_kib + 30_000

        until(is_given_back)
