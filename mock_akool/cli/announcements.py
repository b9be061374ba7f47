"""What `mock-akool serve` prints besides the log: for people, or as JSON for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from mock_akool.diagnostics.describe import counted


class Announcer:
    """Prints lines for people."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out

    def say(self, event: str, text: str, **fields: Any) -> None:
        """Print what happened: as `text` for people, or as an `event` with `fields` for machines."""
        self.write(text)

    def write(self, line: str) -> None:
        """Write one line; who no longer reads it stops nothing."""
        try:
            print(line, file=self._out or sys.stdout, flush=True)
        except (OSError, ValueError):
            self.write = _ignore  # type: ignore[method-assign]


class JsonAnnouncer(Announcer):
    """Prints each line as a JSON object with the time in epoch milliseconds and the name of the event."""

    def say(self, event: str, text: str, **fields: Any) -> None:
        """Print an event with its fields, or with its text when it has none."""
        self.write(as_json(event, **(fields or {"message": text})))


def _ignore(line: str) -> None:
    """Write nothing."""


def as_json(event: str, **fields: Any) -> str:
    """Return a line of JSON about an event."""
    return json.dumps({"time": time.time_ns() // 1_000_000, "event": event, **fields}, ensure_ascii=False)


def end_of_run(calls: int, jobs: int, hints: Sequence[str]) -> str:
    """Return the last lines for people: how much was asked, and the hints at mistakes of the clients."""
    first = f"mock-akool stopped after {counted(calls, 'call')} and {counted(jobs, 'job')}"
    if not calls:
        first = "mock-akool stopped: no request reached it"
    return "\n".join([first, *(f"hint: {text}" for text in hints)])
