"""What it costs to import the package, as every test run does, and its command line, as every health check does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from statistics import median
from time import perf_counter_ns

from benchmarks.load import interleaved, median_ratio
from benchmarks.processes import REPO, plain_environment
from benchmarks.table import Row, at_most

_BARE = "import argparse, dataclasses, http.client, json, logging, threading"
"""What a command line that asks a server needs of the standard library."""


def run(quick: bool) -> Iterator[Row]:
    starts = {
        "nothing": partial(_milliseconds, "pass"),
        "bare": partial(_milliseconds, _BARE),
        "package": partial(_milliseconds, "import mock_akool"),
        "command line": partial(_milliseconds, "import mock_akool.cli"),
    }
    interleaved(1, starts)  # writes the bytecode caches
    took_ms = interleaved(7 if quick else 31, starts)
    for name, of, against, what, target in (
        ("import mock_akool", "package", "nothing", "python -c pass", 1.2),
        ("import mock_akool.cli", "command line", "bare", "its standard library", 2.0),
    ):
        note = f"{median(took_ms[of]):.0f} / {median(took_ms[against]):.0f} ms"
        yield Row(f"{name} / {what}", median_ratio(took_ms[of], took_ms[against]), "x", at_most(target), note)


def _milliseconds(code: str) -> float:
    started_ns = perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], cwd=REPO, env=plain_environment(), check=True, timeout=60)
    return (perf_counter_ns() - started_ns) / 1e6
