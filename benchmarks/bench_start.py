"""From the start of the process to its first answer, what it then occupies, and what `exec` adds to a command."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from statistics import median

from benchmarks.load import interleaved, median_ratio
from benchmarks.poll import FLASK, HEADERS, HEALTH, PATH, ours, program
from benchmarks.processes import BenchmarkError, plain_environment, running
from benchmarks.table import Row, at_most, skipped

# The memory is read a moment later: a server may still be settling when it answers first.
_SETTLING = 0.3
_MOST_ADDED_S = 0.4


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
        yield Row(f"{name} / Flask on waitress", ratio, "x", at_most(1.2), note)


def memory(quick: bool) -> Iterator[Row]:
    occupied = {
        "ours": lambda: _mebibytes(ours(), PATH),
        "flask": lambda: _mebibytes(FLASK, PATH),
    }
    measured = interleaved(1 if quick else 3, occupied)
    ratio = median_ratio(measured["ours"], measured["flask"])
    note = f"{median(measured['ours']):.1f} / {median(measured['flask']):.1f} MiB"
    yield Row("idle memory / Flask on waitress", ratio, "x", at_most(1.3), note)


def run_program(quick: bool) -> Iterator[Row]:
    rounds = 3 if quick else 11
    with tempfile.TemporaryDirectory() as folder:
        ours = (*program(), "exec", "--quiet", "--ca-dir", folder)
        subjects = {"alone": ("true",), "exec": (*ours, "--", "true"), "isolated": (*ours, "--isolate", "--", "true")}
        if subprocess.run(subjects["isolated"], capture_output=True, check=False).returncode:
            del subjects["isolated"]
            yield skipped("what exec --isolate adds to a command", "namespaces cannot be made here")
        measure = {name: partial(_seconds_to_end, command) for name, command in subjects.items()}
        interleaved(1, measure)  # makes the CA, and writes the bytecode caches
        seconds = interleaved(rounds, measure)
    for name, shown in (("exec", "exec"), ("isolated", "exec --isolate")):
        if name in seconds:
            added = median(a - b for a, b in zip(seconds[name], seconds["alone"], strict=True))
            yield Row(f"what {shown} adds to a command", added, "s", at_most(_MOST_ADDED_S))


def _seconds_to_end(command: tuple[str, ...]) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, env=plain_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{command[0]} ended with exit {done.returncode}")
    return time.perf_counter() - began


def _seconds(command: tuple[str, ...], path: str) -> float:
    with running(command, path=path, headers=HEADERS) as server:
        return server.seconds_to_first_answer


def _mebibytes(command: tuple[str, ...], path: str) -> float:
    with running(command, path=path, headers=HEADERS) as server:
        time.sleep(_SETTLING)
        return server.rss_kib() / 1024
