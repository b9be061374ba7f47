"""From the start of the process to its first answer, and what it then occupies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks.load import interleaved, median_ratio
from benchmarks.poll import FLASK, HEADERS, HEALTH, PATH, ours
from benchmarks.processes import running
from benchmarks.table import Row, at_most

# The memory is read a moment later: a server may still be settling when it answers first.
_SETTLING = 0.3


def start(quick: bool) -> Iterator[Row]:
    rounds = 5 if quick else 11
    ready = {
        "health": lambda: _seconds(ours(), HEALTH),
        "poll": lambda: _seconds(ours(), PATH),
        "flask": lambda: _seconds(FLASK, PATH),
    }
    interleaved(1, ready)  # writes the bytecode caches
    seconds = interleaved(rounds, ready)
    for what, name in (("health", "start to first answer"), ("poll", "start to first poll")):
        ratio = median_ratio(seconds[what], seconds["flask"])
        note = f"{1000 * median(seconds[what]):.0f} / {1000 * median(seconds['flask']):.0f} ms"
        yield Row(f"{name} / Flask on waitress", ratio, "x", at_most(1.35), note)


def memory(quick: bool) -> Iterator[Row]:
    occupied = {
        "ours": lambda: _mebibytes(ours(), PATH),
        "flask": lambda: _mebibytes(FLASK, PATH),
    }
    measured = interleaved(1 if quick else 3, occupied)
    ratio = median_ratio(measured["ours"], measured["flask"])
    note = f"{median(measured['ours']):.1f} / {median(measured['flask']):.1f} MiB"
    yield Row("idle memory / Flask on waitress", ratio, "x", at_most(1.3), note)


def _seconds(command: tuple[str, ...], path: str) -> float:
    with running(command, path=path, headers=HEADERS) as server:
        return server.seconds_to_first_answer


def _mebibytes(command: tuple[str, ...], path: str) -> float:
    with running(command, path=path, headers=HEADERS) as server:
        time.sleep(_SETTLING)
        return server.rss_kib() / 1024
