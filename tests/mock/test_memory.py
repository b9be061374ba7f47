"""The connection in memory behaves as asyncio's connections do: order, pauses, the end, and breaking."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from mock_akool.mock.interceptors.memory import connect

T = TypeVar("T")


class End(asyncio.Protocol):
    """Notes what happens to one end of a connection."""

    transport: Any

    def __init__(self) -> None:
        self.data = b""
        self.seen: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data

    def eof_received(self) -> None:
        self.seen.append("end")

    def connection_lost(self, error: Exception | None) -> None:
        self.seen.append("lost" if error is None else type(error).__name__)

    def pause_writing(self) -> None:
        self.seen.append("pause")

    def resume_writing(self) -> None:
        self.seen.append("resume")


def run(play: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(play)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def pair() -> tuple[End, End]:
    ends: list[End] = []

    def make() -> End:
        ends.append(End())
        return ends[-1]

    client = connect(asyncio.get_running_loop(), make, make)
    (server,) = (each for each in ends if each is not client)
    return client, server


def test_bytes_arrive_in_order_and_those_before_the_end_too() -> None:
    async def play() -> None:
        client, server = pair()
        for piece in (b"a", bytearray(b"b"), memoryview(b"c"), b""):
            client.transport.write(piece)
        assert server.data == b"", "not within the call"
        client.transport.close()
        client.transport.close()
        client.transport.write(b"too late")
        await turns()
        assert (server.data, server.seen, client.seen) == (b"abc", ["end", "lost"], ["lost"])
        assert client.transport.is_closing()
        assert server.transport.is_closing()
        server.transport.abort()
        await turns()
        assert (server.seen, client.seen) == (["end", "lost"], ["lost"])

    run(play())


def test_one_that_breaks_loses_what_was_not_read() -> None:
    async def play() -> None:
        client, server = pair()
        client.transport.write(b"lost")
        client.transport.abort()
        await turns()
        assert (server.data, server.seen, client.seen) == (b"", ["ConnectionResetError"], ["lost"])

    run(play())


def test_what_arrives_after_the_own_end_is_dropped() -> None:
    async def play() -> None:
        client, server = pair()
        server.transport.write(b"late")
        client.transport.close()
        await turns()
        assert client.data == b""
        assert client.seen == ["lost"]

    run(play())


def test_a_reader_that_pauses_pauses_the_writer() -> None:
    async def play() -> None:
        client, server = pair()
        assert server.transport.is_reading()
        server.transport.pause_reading()
        assert not server.transport.is_reading()
        client.transport.set_write_buffer_limits(1)
        low, high = client.transport.get_write_buffer_limits()
        client.transport.write(b"x" * high)
        await turns()
        assert (client.seen, client.transport.get_write_buffer_size()) == ([], high)
        client.transport.write(b"y")
        await turns()
        assert client.seen == ["pause"]
        server.transport.resume_reading()
        await turns()
        assert client.seen == ["pause", "resume"]
        assert (len(server.data), client.transport.get_write_buffer_size(), low) == (high + 1, 0, 0)

    run(play())


def test_another_protocol_can_take_over() -> None:
    async def play() -> None:
        client, server = pair()
        other = End()
        server.transport.set_protocol(other)
        assert server.transport.get_protocol() is other
        client.transport.write(b"a")
        await turns()
        assert (other.data, server.data) == (b"a", b"")

    run(play())


def test_it_says_what_it_is() -> None:
    async def play() -> None:
        client, _ = pair()
        assert not client.transport.can_write_eof()
        with pytest.raises(NotImplementedError):
            client.transport.write_eof()
        socket = client.transport.get_extra_info("socket")
        assert client.transport.get_extra_info("peername") == socket.getpeername() == socket.getsockname()
        assert socket.fileno() == -1
        socket.setsockopt(6, 1, 1)

    run(play())
