"""What the demo shows: requests and answers as a person wants to read them, and jobs as they move.

On a terminal, jobs under way are redrawn in place; elsewhere (a file, a pipe, a CI log) each change is a plain line.
Colours stay away when NO_COLOR is set, and letters that the output cannot spell are replaced by ASCII.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TextIO

from mock_akool.akool.codes import Code
from mock_akool.akool.families import FAMILY_OF, RESULTS
from mock_akool.core.timeline import Status

_MAX_COLUMNS: Final = 100
_MARGIN: Final = 7
_MAX_TEXT: Final = 80
_FRAME_S: Final = 0.08
_SECRETS: Final = frozenset({"clientId", "clientSecret", "token"})
_IMAGES: Final = RESULTS["infobymodelid"]
_OF_A_JOB: Final = (
    *("_id", _IMAGES.status_word, "origin_prompt", "image_content_model_id", "op_button", "deduction_credit"),
    *(_IMAGES.result_word, *FAMILY_OF["createbyprompt"].overridable, "error_reasons"),
)
"""What is shown of a job's record, in this order; the rest is only counted."""

_BOLD, _RED, _GREEN, _YELLOW, _BLUE, _CYAN = "1", "31", "32", "33", "34", "36"
_COLOUR: Final = {
    Status.QUEUEING: _YELLOW,
    Status.PROCESSING: _BLUE,
    Status.COMPLETED: _GREEN,
    Status.FAILED: _RED,
}


class _Glyphs(NamedTuple):
    spinner: str
    polls: str
    """A mark for a poll that saw status 1, 2, 3 and 4."""
    done: str
    arrow: str
    more: str
    times: str


_FINE: Final = _Glyphs("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "░▒█×", "✓", "→", "…", "×")
_PLAIN: Final = _Glyphs("|/-\\", ".=#x", "*", "->", "...", "x")


class RoundTrip(NamedTuple):
    """A request and its answer, bodies as the values that their JSON says."""

    method: str
    path: str
    sent: Mapping[str, Any] | None
    status: int
    answer: Any


class Screen:
    """Writes to a terminal or a file. Any thread may show a call."""

    def __init__(self, out: TextIO, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.live = out.isatty() and environ.get("TERM") != "dumb"
        self.columns = min(_MAX_COLUMNS, shutil.get_terminal_size((_MAX_COLUMNS, 24)).columns)
        self._out = out
        self._encoding = out.encoding or "ascii"
        self._coloured = self.live and not environ.get("NO_COLOR")
        self._lock = threading.Lock()
        self.glyphs = _FINE if self._can_spell("".join(_FINE)) else _PLAIN

    def line(self, text: str = "") -> None:
        """Write one line."""
        spelled = text.encode(self._encoding, "replace").decode(self._encoding)
        self._out.write(f"{spelled}\n")
        self._out.flush()

    def heading(self, text: str) -> None:
        """Begin a part of the demo."""
        self.line()
        self.line(self.styled(text, _BOLD))

    def round_trip(self, trip: RoundTrip) -> None:
        """Show a request and its answer, secrets and long texts shortened; the two stay together."""
        with self._lock:
            self.line(f"  {self.styled(f'{trip.method:<4}', _CYAN)} {trip.path}")
            if trip.sent is not None:
                self._json(trip.sent, " " * _MARGIN)
            well = trip.status == 200 and isinstance(trip.answer, dict) and trip.answer.get("code") == Code.OK
            self._json(trip.answer, f"  {self.styled(f'{trip.status:<4}', _GREEN if well else _RED)} ")

    def saved(self, name: str, width: int, height: int, size_bytes: int) -> None:
        """Show an image that was downloaded."""
        self.line(f"  {name:<16} {width:>5} {self.glyphs.times} {height:<5} {size_bytes / 1000:>6.0f} kB")

    def success(self, text: str) -> None:
        """Say that something went well."""
        self.line(f"{self.styled(self.glyphs.done, _GREEN)} {text}")

    def progress(self, created: Mapping[str, Status]) -> Progress:
        """Show jobs, which have names, as they move, within a `with` block."""
        return Progress(self, created)

    def redraw(self, lines: list[str], above: int) -> None:
        """Write lines over the `above` last ones of a terminal."""
        up = f"\x1b[{above}A" if above else ""
        self._out.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines))
        self._out.flush()

    def styled(self, text: str, style: str) -> str:
        """Return the text in a colour or weight, where the terminal takes it."""
        return f"\x1b[{style}m{text}\x1b[0m" if self._coloured else text

    def _json(self, value: object, margin: str) -> None:
        first, *others = _pretty(_shortened(value, self.glyphs.more), self.columns - _MARGIN)
        self.line(margin + first)
        for each in others:
            self.line(" " * _MARGIN + each)

    def _can_spell(self, text: str) -> bool:
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            return False
        return True


class _Watched:
    """What was seen of one job."""

    def __init__(self, status: Status) -> None:
        self.polls = [status]
        self.took_s: float | None = None
        """Until it was done; None before."""


class Progress:
    """Jobs under way, each with a mark for every poll that says which status it saw."""

    def __init__(self, screen: Screen, created: Mapping[str, Status]) -> None:
        self._screen = screen
        self._jobs = {name: _Watched(status) for name, status in created.items()}
        self._began_s = time.monotonic()
        self._frame = 0
        for name, status in created.items():
            self._say(name, status)

    def __enter__(self) -> Self:
        self._draw(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw()

    def polled(self, name: str, status: Status) -> None:
        """Take note of what a poll saw."""
        job = self._jobs[name]
        if status is not job.polls[-1]:
            self._say(name, status)
        job.polls.append(status)
        if status >= Status.COMPLETED:
            job.took_s = self._passed_s()

    def wait(self, seconds: float) -> None:
        """Wait, while the display moves."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _FRAME_S) if self._screen.live else left_s)
            self._draw()

    def _passed_s(self) -> float:
        return time.monotonic() - self._began_s

    def _say(self, name: str, status: Status) -> None:
        if not self._screen.live:
            self._screen.line(f"{'':{_MARGIN}}{self._passed_s():4.1f} s  {name}  {words(status)}")

    def _draw(self, above: int | None = None) -> None:
        if self._screen.live:
            self._frame += 1
            lines = [self._line(name, job) for name, job in self._jobs.items()]
            self._screen.redraw(lines, len(lines) if above is None else above)

    def _line(self, name: str, job: _Watched) -> str:
        """What moves, a mark for each poll, the way so far, and the time, in one line of the terminal."""
        screen, glyphs = self._screen, self._screen.glyphs
        newest = job.polls[-1]
        if job.took_s is None:
            sign, passed_s = glyphs.spinner[self._frame % len(glyphs.spinner)], self._passed_s()
        else:
            sign, passed_s = glyphs.done if newest is Status.COMPLETED else glyphs.times, job.took_s
        way = [words(status) for status in dict.fromkeys(job.polls)]
        start, end = f"  {sign} {name:<4} ", f"  {f' {glyphs.arrow} '.join(way)}  {passed_s:.1f} s"
        room = screen.columns - len(start) - len(end) - 1
        if room < 0:  # a terminal this narrow gets the least
            return f"{sign} {name} {int(newest)}"[: screen.columns - 1]
        marks = job.polls[-room:] if room else []
        return start + "".join(screen.styled(glyphs.polls[each - 1], _COLOUR[each]) for each in marks) + end


def words(status: Status) -> str:
    """Return a status as a number and a word."""
    return f"{int(status)} {status.word}"


def _shortened(value: Any, more: str) -> Any:
    """Return JSON without what a reader does not need: secrets, the ends of long texts, a job's minor fields."""
    match value:
        case str():
            return value if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]}{more}"
        case list():
            return [_shortened(each, more) for each in value]
        case {"_id": _} if _IMAGES.status_word in value:
            shown = {key: _shortened(value[key], more) for key in _OF_A_JOB if key in value}
            return shown | {more: f"{len(value) - len(shown)} more"}
        case dict():
            return {
                key: f"{each[:6]}{more}" if key in _SECRETS and isinstance(each, str) else _shortened(each, more)
                for key, each in value.items()
            }
        case _:
            return value


def _pretty(value: Any, columns: int) -> list[str]:
    """Return JSON as lines; what fits into one line stays in one."""
    flat = _flat(value)
    if len(flat) <= columns or not value:
        return [flat]
    match value:
        case {"code": _, "data": dict() as data}:
            # The envelope costs no lines of its own.
            envelope = _flat({key: each for key, each in value.items() if key != "data"})
            start, *inside, end = _block("{}", _labelled(data), columns)
            return [f'{envelope[:-1]}, "data": {start}', *inside, f"{end}}}"]
        case dict():
            return _block("{}", _labelled(value), columns)
        case list():
            return _block("[]", [("", each) for each in value], columns)
        case _:
            return [flat]


def _labelled(record: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(f"{_flat(key)}: ", each) for key, each in record.items()]


def _block(brackets: str, items: list[tuple[str, object]], columns: int) -> list[str]:
    lines = []
    for label, each in items:
        first, *others = _pretty(each, columns - len(label) - 3)
        lines += [f"  {label}{first}", *(f"  {line}" for line in others)]
        lines[-1] += ","
    lines[-1] = lines[-1][:-1]
    return [brackets[0], *lines, brackets[1]]


def _flat(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
