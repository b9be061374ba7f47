"""The log of requests: a line each, for people or for machines, written in batches.

What is the same from poll to poll is remembered, so that a line costs about a microsecond. Probes that find the fake
well are left out.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol, TextIO

from mock_akool.admin import OPEN
from mock_akool.akool.api import route
from mock_akool.akool.codes import MESSAGES
from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.endpoints import FILE, PREFLIGHT, UNKNOWN
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.http import Request, Response

_OK: Final = 200
_LOOKING: Final = frozenset({"GET", "HEAD"})
_FLUSH_S: Final = 0.1
_MAX_WAITING: Final = 5_000
_MOST_SAID: Final = 512
_TENTH_MS: Final = NS_PER_MS // 10
_SHORT_TIMES: Final = tuple(f"0.{tenths} ms" for tenths in range(10))


class WriteLine(Protocol):
    """Writes one line of the log, without its end."""

    def __call__(self, time_ns: int, request: Request, response: Response, took_ns: int) -> str:
        """Return the line; `time_ns` (epoch) is when the reply was made, `took_ns` how long that took."""
        ...


class TextLine:
    """Writes the line for people: when, what was asked and answered, about which job, and in how many ms."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[Request, Response, str]] = {}
        """By the call's identity, since doors hand out the same record from poll to poll; it stays alive here."""
        self._millis = 0
        self._when = ""

    def __call__(self, time_ns: int, request: Request, response: Response, took_ns: int) -> str:
        """Return the line, without its end."""
        known = self._said.get(id(request))
        if known is None or known[1] is not response:
            if len(self._said) >= _MOST_SAID:
                self._said.clear()
            known = self._said[id(request)] = request, response, f" {_asked(request)} -> {_answered(response)}  "
        millis = time_ns // NS_PER_MS
        if millis != self._millis:
            self._millis = millis
            self._when = f"{_clock(millis // 1000)}.{millis % 1000:03}"
        tenths = took_ns // _TENTH_MS
        return f"{self._when}{known[2]}{_SHORT_TIMES[tenths] if tenths < 10 else f'{tenths / 10} ms'}"


@lru_cache(maxsize=8)
def _clock(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


def _asked(request: Request) -> str:
    endpoint = route(request.method, request.path)[0].endpoint
    what = _printable(request.path) if endpoint in _SHOWN_BY_PATH else endpoint
    return f"{request.method[:10]:<5}{what}"


def _answered(response: Response) -> str:
    said = "" if response.code is None else f" {response.code:d} {MESSAGES.get(response.code, '')}"
    job = f"  job {_printable(response.job_id)}" if response.job_id else ""
    status = f" {response.job_status.name.lower()}" if response.job_status else ""
    rule = f"  by {_printable(response.rule)}" if response.rule else ""
    return f"{response.outcome}{said}{job}{status}{rule}"


def as_json(time_ns: int, request: Request, response: Response, took_ns: int) -> str:
    """Return the line for machines: one JSON object, times in ms."""
    return json.dumps(
        {
            "time": time_ns // NS_PER_MS,
            "method": request.method,
            "path": request.path,
            "endpoint": route(request.method, request.path)[0].endpoint,
            "http": response.status,
            "code": response.code,
            "job": response.job_id,
            "job_status": response.job_status,
            "ends": None if response.transfer is None else response.transfer.termination,
            "rule": response.rule,
            "ms": took_ns / NS_PER_MS,
        }
    )


def callback_as_text(time_ns: int, delivery: Delivery) -> str:
    """Return the line for people about the last try of a callback."""
    last, millis = delivery.attempts[-1], time_ns // NS_PER_MS
    answer = last.status if last.status is not None else f"({_printable(last.error)})"
    return (
        f"{_clock(millis // 1000)}.{millis % 1000:03} POST callback {_printable(delivery.url)} -> {answer}"
        f"  job {delivery.job_id} {delivery.status.name.lower()}  {last.seconds * 1000:.1f} ms"
    )


def callback_as_json(time_ns: int, delivery: Delivery) -> str:
    """Return the line for machines about the last try of a callback; times in ms."""
    last = delivery.attempts[-1]
    return json.dumps(
        {
            "time": time_ns // NS_PER_MS,
            "callback": delivery.number,
            "attempt": len(delivery.attempts),
            "url": delivery.url,
            "http": last.status,
            "error": last.error,
            "job": delivery.job_id,
            "job_status": delivery.status,
            "ms": last.seconds * 1000,
        }
    )


_SHOWN_BY_PATH: Final = frozenset({UNKNOWN, FILE, PREFLIGHT})


def _printable(text: str) -> str:
    """Return text that cannot forge a second line or move a terminal's cursor."""
    return text[:200] if text.isprintable() else repr(text[:200])


class BatchedLog:
    """Writes lines to a stream a few times a second, and at `close`, from a thread of its own.

    So a request does not wait for a terminal or a pipe, and a system call serves many lines.
    """

    def __init__(self, stream: TextIO, write_line: WriteLine) -> None:
        self._stream = stream
        self._write_line = write_line
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self._unheard = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_often, name="mock-akool-log", daemon=True)
        self._thread.start()

    def note(self, time_ns: int, request: Request, response: Response, took_ns: int) -> None:
        """Take a line; when the stream cannot keep up, the noting thread writes and so slows down.

        None for a probe that is answered well.
        """
        if request.path in OPEN and request.method in _LOOKING and response.status == _OK:
            return
        # Made here and not in the thread: the two would keep taking the interpreter from each other.
        self._lines.append(self._write_line(time_ns, request, response, took_ns))
        if len(self._lines) >= _MAX_WAITING:
            self.flush()

    def note_callback(self, delivery: Delivery) -> None:
        """Take a line about the last try of a callback."""
        write_line = callback_as_json if self._write_line is as_json else callback_as_text
        self._lines.append(write_line(time.time_ns(), delivery))

    def flush(self) -> None:
        """Write what is waiting."""
        with self._writing:
            # One by one: a list that is exchanged could be the one that a line is just being added to.
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines and not self._unheard:
                try:
                    self._stream.write("\n".join([*lines, ""]))
                    self._stream.flush()
                except (OSError, ValueError):  # whoever read it went away, as in `serve 2>&1 | head`; we go on
                    self._unheard = True

    def close(self) -> None:
        """Write what is waiting, and end."""
        self._closing.set()
        self._thread.join()
        self.flush()

    def _write_often(self) -> None:
        while not self._closing.wait(_FLUSH_S):
            self.flush()


STYLES: Final[dict[str, Callable[[], WriteLine]]] = {"text": TextLine, "json": lambda: as_json}
