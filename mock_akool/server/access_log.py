"""The log of a server: a line for each request, webhook and refusal, for people or for machines, written in batches.

What is the same from poll to poll is remembered, so that a line costs about a microsecond. Health probes with a good
answer are left out. Nothing that a client sent reaches the stream raw, and no secret does.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from mock_akool.admin import OPEN, PREFIX
from mock_akool.admin.access import PAGE, PAGE_FILES
from mock_akool.akool.api import route
from mock_akool.akool.codes import MESSAGES, Code
from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.endpoints import FILE, PREFLIGHT, UNKNOWN
from mock_akool.core.call_log import Refusal
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.http import Request, Response, shortened
from mock_akool.core.text import cleaned, printable, without_secrets

_log = logging.getLogger("mock_akool")

_OK: Final = 200
_ANSWERED: Final = frozenset({200, 304})
_LOOKING: Final = frozenset({"GET", "HEAD"})
_FLUSH_S: Final = 0.1
_MAX_WAITING: Final = 5_000
_MOST_SAID: Final = 512
_MOST_SAID_BYTES: Final = 8 << 10
"""How large a request and its response may be together to be worth remembering: a poll's are smaller."""
_MOST_REASON: Final = 500
_TENTH_MS: Final = NS_PER_MS // 10
_SHORT_TIMES: Final = tuple(f"0.{tenths} ms" for tenths in range(10))
_ADMIN: Final = "admin"
_NOTHING_SAID: Final = (None, None, "")
_SHOWN_BY_PATH: Final = frozenset({UNKNOWN, FILE, PREFLIGHT, _ADMIN})


class Style(Protocol):
    """Writes lines of the log, without their ends. Instants are in nanoseconds since the epoch."""

    def forget(self) -> None:
        """Forget what is remembered only to be faster."""
        ...

    def request(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> str:
        """Return the line of a request: when its response was made, how long that took, and the client's address."""
        ...

    def refusal(self, time_ns: int, refusal: Refusal) -> str:
        """Return the line of what never became a request."""
        ...

    def webhook(self, time_ns: int, delivery: Delivery) -> str:
        """Return the line of the last attempt to deliver a webhook."""
        ...

    def message(self, time_ns: int, level: str, text: str) -> str:
        """Return the line of anything else that the fake has to say."""
        ...


class TextStyle:
    """Lines for people: when, what was asked and answered, about which job, and in how many ms."""

    def __init__(self) -> None:
        self._said: dict[int, tuple[Request, Response, str]] = {}
        """By the request's identity, since servers hand out the same record from poll to poll; it stays alive here."""
        self._millis = 0
        self._when = ""

    def forget(self) -> None:
        """Forget what is remembered only to be faster."""
        self._said.clear()

    def request(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> str:
        """Return the line of a request."""
        _, answered, said = self._said.get(id(request), _NOTHING_SAID)
        if answered is not response:
            said = f" {_asked(request)} -> {_answered(response)}  "
            if _size(request, response) <= _MOST_SAID_BYTES:
                if len(self._said) >= _MOST_SAID:
                    self._said.clear()
                self._said[id(request)] = request, response, said
        millis = time_ns // NS_PER_MS
        if millis != self._millis:
            self._millis = millis
            self._when = _clock(millis)
        tenths = took_ns // _TENTH_MS
        return f"{self._when}{said}{_SHORT_TIMES[tenths] if tenths < 10 else f'{tenths / 10} ms'}"

    def refusal(self, time_ns: int, refusal: Refusal) -> str:
        """Return the line of what never became a request."""
        whose = f" from {refusal.peer}" if refusal.peer else ""
        return f"{_clock(time_ns // NS_PER_MS)} no request{whose} -> {refusal.status}  {printable(refusal.why)}"

    def webhook(self, time_ns: int, delivery: Delivery) -> str:
        """Return the line of the last attempt to deliver a webhook."""
        last = delivery.attempts[-1]
        answer = last.status if last.status is not None else f"({printable(last.error)})"
        if last.collected:
            answer = "(nothing sent, only collected)"
        return (
            f"{_clock(time_ns // NS_PER_MS)} POST webhook {printable(_shown_url(delivery))} -> {answer}"
            f"  job {delivery.job_id} {delivery.status.word}  {last.seconds * 1000:.1f} ms"
        )

    def message(self, time_ns: int, level: str, text: str) -> str:
        """Return the line of anything else; further lines of the text are indented."""
        lines = [cleaned(line) for line in text.splitlines()]
        return "\n    ".join([f"{_clock(time_ns // NS_PER_MS)} {level}: {lines[0] if lines else ''}", *lines[1:]])


class JsonStyle:
    """Lines for machines: one JSON object each, times in ms since the epoch, durations in ms."""

    def forget(self) -> None:
        """Forget nothing: nothing is remembered."""

    def request(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str) -> str:
        """Return the line of a request."""
        transfer = response.transfer
        return json.dumps(
            {
                "time": time_ns // NS_PER_MS,
                "client": peer or None,
                "method": request.method,
                "path": request.path,
                "endpoint": _endpoint_of(request),
                "http": response.status,
                "code": response.code,
                "account": None if response.account is None else shortened(response.account),
                "job": response.job_id,
                "job_status": None if response.job_status is None else response.job_status.word,
                "termination": None if transfer is None else transfer.termination,
                "rule": response.rule,
                "reason": response.reason,
                "ms": took_ns / NS_PER_MS,
            }
        )

    def refusal(self, time_ns: int, refusal: Refusal) -> str:
        """Return the line of what never became a request."""
        return json.dumps(
            {
                "time": time_ns // NS_PER_MS,
                "client": refusal.peer or None,
                "refused": refusal.why,
                "http": refusal.status,
                "start": refusal.start.decode("latin-1"),
            }
        )

    def webhook(self, time_ns: int, delivery: Delivery) -> str:
        """Return the line of the last attempt to deliver a webhook."""
        last = delivery.attempts[-1]
        return json.dumps(
            {
                "time": time_ns // NS_PER_MS,
                "delivery": delivery.number,
                "attempt": len(delivery.attempts),
                "url": _shown_url(delivery),
                "account": shortened(delivery.account),
                "http": last.status,
                "error": last.error,
                "collected": last.collected,
                "job": delivery.job_id,
                "job_status": delivery.status.word,
                "ms": last.seconds * 1000,
            }
        )

    def message(self, time_ns: int, level: str, text: str) -> str:
        """Return the line of anything else."""
        return json.dumps({"time": time_ns // NS_PER_MS, "level": level, "message": text})


STYLES: Final[dict[str, type[TextStyle] | type[JsonStyle]]] = {"text": TextStyle, "json": JsonStyle}


def _size(request: Request, response: Response) -> int:
    heads = sum(map(len, request.headers.values()))
    return len(request.path) + len(request.query) + heads + len(request.body) + len(response.body)


def _clock(millis: int) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(millis // 1000))}.{millis % 1000:03}"


def _is_by_page(request: Request) -> bool:
    """Return whether an admin request is for the dashboard or a part of it, or comes from it.

    No other page has the fake's own origin, and programs send no such header.
    """
    if request.path == PAGE or request.path.startswith(PAGE_FILES):
        return True
    return request.headers.get("sec-fetch-site") == "same-origin"


def _is_left_out(request: Request, response: Response) -> bool:
    """Return whether an admin request has no line: a health probe with a good answer, or what the dashboard reads."""
    if request.method not in _LOOKING:
        return False
    if request.path in OPEN and response.status == _OK:
        return True
    return _is_by_page(request) and response.status in _ANSWERED


def _endpoint_of(request: Request) -> str:
    if request.path.startswith(PREFIX):
        return _ADMIN
    return route(request.method, request.path)[0].endpoint


def _asked(request: Request) -> str:
    endpoint = _endpoint_of(request)
    what = printable(request.path) if endpoint in _SHOWN_BY_PATH else endpoint
    return f"{request.method[:10]:<4} {what}"


def _answered(response: Response) -> str:
    said = "" if response.code is None else f" {response.code:d} {MESSAGES.get(response.code, '')}"
    job = f"  job {printable(response.job_id)}" if response.job_id else ""
    status = f" {response.job_status.word}" if response.job_status else ""
    rule = f"  by {printable(response.rule)}" if response.rule else ""
    # A job that is not there is named already.
    is_said = response.reason is None or (response.job_id is not None and response.code == Code.NOT_FOUND)
    reason = "" if is_said else f"  ({_in_a_line(response.reason or '')})"
    return f"{response.outcome}{said}{job}{status}{rule}{reason}"


def _in_a_line(reason: str) -> str:
    """Return a reason, which may have a line for each of several mistakes, as one line."""
    return cleaned(" ".join(reason[:_MOST_REASON].split()))


class BatchedLog:
    """Writes lines to a stream a few times a second, and at `close`, from a thread of its own.

    So a request does not wait for a terminal or a pipe, and a system call serves many lines.
    """

    def __init__(self, stream: TextIO, style: Style) -> None:
        self._stream = stream
        self._style = style
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self._unheard = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_often, name="mock-akool-log", daemon=True)
        self._thread.start()

    def note(self, time_ns: int, request: Request, response: Response, took_ns: int, peer: str = "") -> None:
        """Take the line of a request; when the stream cannot keep up, the noting thread writes and so slows down.

        None for a health probe with a good answer, nor for what the dashboard reads.
        """
        if request.path.startswith(PREFIX) and _is_left_out(request, response):
            return
        # Made here and not in the thread: the two would keep taking the interpreter from each other.
        self._take(self._style.request(time_ns, request, response, took_ns, peer))

    def note_refusal(self, refusal: Refusal) -> None:
        """Take the line of what never became a request."""
        self._take(self._style.refusal(time.time_ns(), refusal))

    def note_webhook(self, delivery: Delivery) -> None:
        """Take the line of the last attempt to deliver a webhook."""
        self._take(self._style.webhook(time.time_ns(), delivery))

    def note_message(self, level: str, text: str) -> None:
        """Take the line of anything else that the fake has to say; `level` is `info`, `warning` or `error`."""
        self._take(self._style.message(time.time_ns(), level, text))

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Take, within the block, whatever else the process says, so that it has the style of this log.

        That is what anybody says by `logging`, such as the event loop, and exceptions that nobody handles.
        """
        root, handler = logging.getLogger(), _Handler(self)
        in_thread, unraisable = threading.excepthook, sys.unraisablehook
        root.addHandler(handler)
        threading.excepthook = _report_unhandled
        sys.unraisablehook = _report_unhandled
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook = in_thread, unraisable
            root.removeHandler(handler)

    def forget(self) -> None:
        """Forget what is remembered only to be faster."""
        self._style.forget()

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

    def _take(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= _MAX_WAITING:
            self.flush()

    def _write_often(self) -> None:
        while not self._closing.wait(_FLUSH_S):
            self.flush()


def _report_unhandled(unhandled: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
    """Log an exception that ended a thread, or that had nobody to be raised to."""
    error = unhandled.exc_value
    if not isinstance(error, SystemExit):
        _log.error("mock-akool bug: nobody handled an exception", exc_info=error)


class _Handler(logging.Handler):
    def __init__(self, log: BatchedLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.note_message(record.levelname.lower(), self.format(record))


def _shown_url(delivery: Delivery) -> str:
    """Return the URL of a webhook without the tokens that receivers let their callers write into it."""
    return without_secrets(delivery.url.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
