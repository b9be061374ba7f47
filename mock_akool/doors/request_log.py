"""The log of requests: a line each, for people or for machines, written in batches.

Lines are formatted and written a few times a second rather than within each request, so that logging
costs a poll next to nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TextIO

from mock_akool.core.api import route
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.codes import MESSAGES, Endpoint
from mock_akool.core.models import Call, Reply

_FLUSH_S: Final = 0.05
_MAX_WAITING: Final = 5_000


class _Note(NamedTuple):
    time_ns: int
    call: Call
    reply: Reply
    took_ns: int


def as_text(note: _Note) -> str:
    """Return the line for people: when, what was asked, what was answered, about which job, in how many ms."""
    time_ns, call, reply, took_ns = note
    clock = time.strftime("%H:%M:%S", time.localtime(time_ns // NS_PER_S))
    endpoint = route(call.method, call.path).endpoint
    what = _printable(call.path) if endpoint in _SHOWN_BY_PATH else endpoint.value
    code = "" if reply.code is None else f" {int(reply.code)} {MESSAGES.get(reply.code, '')}"
    job = f"  job {_printable(reply.job_id)}" if reply.job_id else ""
    status = f" {reply.job_status.name.lower()}" if reply.job_status else ""
    millis = time_ns // NS_PER_MS % 1000
    took = f"{took_ns / NS_PER_MS:.1f} ms"
    return f"{clock}.{millis:03} {call.method[:10]:<5}{what} -> {reply.status}{code}{job}{status}  {took}"


def as_json(note: _Note) -> str:
    """Return the line for machines: one JSON object, times in ms."""
    time_ns, call, reply, took_ns = note
    return json.dumps(
        {
            "time": time_ns // NS_PER_MS,
            "method": call.method,
            "path": call.path,
            "endpoint": route(call.method, call.path).endpoint,
            "http": reply.status,
            "code": None if reply.code is None else int(reply.code),
            "job": reply.job_id,
            "job_status": None if reply.job_status is None else int(reply.job_status),
            "ms": took_ns / NS_PER_MS,
        }
    )


_SHOWN_BY_PATH: Final = frozenset({Endpoint.UNKNOWN, Endpoint.FILE, Endpoint.PREFLIGHT})


def _printable(text: str) -> str:
    """Return text that cannot forge a second line or move a terminal's cursor."""
    return text[:200] if text.isprintable() else repr(text[:200])


class BatchedLog:
    """Writes notes to a stream in lines of `write_line`, a few times a second and at `close`."""

    def __init__(self, stream: TextIO, write_line: Callable[[_Note], str]) -> None:
        self._stream = stream
        self._write_line = write_line
        self._notes: list[_Note] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_often, name="mock-akool-log", daemon=True)
        self._thread.start()

    def note(self, call: Call, reply: Reply, took_ns: int) -> None:
        """Take a note; a writer that cannot keep up makes the noting thread write."""
        self._notes.append(_Note(time.time_ns(), call, reply, took_ns))
        if len(self._notes) >= _MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        notes, self._notes = self._notes, []
        if notes:
            self._stream.write("".join(f"{self._write_line(note)}\n" for note in notes))
            self._stream.flush()

    def close(self) -> None:
        """Write what is waiting, and end."""
        self._closing.set()
        self._thread.join()
        self.flush()

    def _write_often(self) -> None:
        while not self._closing.wait(_FLUSH_S):
            self.flush()


STYLES: Final[dict[str, Callable[[_Note], str]]] = {"text": as_text, "json": as_json}
