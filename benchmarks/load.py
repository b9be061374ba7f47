"""Load from wrk, a real tool: what it measured, or why that does not count."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from benchmarks.processes import BenchmarkError

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_K = TypeVar("_K")


@dataclass(frozen=True)
class Load:
    requests: int
    per_second: float
    p99_ms: float


def find_wrk() -> str:
    path = shutil.which("wrk")
    if path is None:
        raise BenchmarkError("the load generator wrk is missing: apt-get install wrk")
    return path


def press(url: str, *, connections: int, seconds: float, headers: Mapping[str, str] | None = None) -> Load:
    """Keep `connections` connections busy with GETs of `url`; an error or a status other than 2xx is a failure."""
    command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "5s"]
    for name, value in (headers or {}).items():
        command += ["-H", f"{name}: {value}"]
    try:
        done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 20, check=False)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"wrk did not end in time against {url}") from None
    if done.returncode != 0:
        raise BenchmarkError(f"wrk failed: {(done.stderr or done.stdout).strip()}")
    return _parse(done.stdout)


def _parse(output: str) -> Load:
    trouble = re.search(r"^ *(Socket errors:.*|Non-2xx.*)$", output, re.MULTILINE)
    if trouble:
        raise BenchmarkError(f"the server did not answer every request: {trouble[1]}")
    requests = re.search(r"(\d+) requests in", output)
    rate = re.search(r"Requests/sec: +([\d.]+)", output)
    p99 = re.search(r"99% +([\d.]+)(us|ms|s|m)\b", output)
    if requests is None or rate is None or p99 is None:
        raise BenchmarkError(f"wrk printed something unknown: {output!r}")
    return Load(int(requests[1]), float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def interleaved(rounds: int, subjects: Mapping[_K, Callable[[], float]]) -> dict[_K, list[float]]:
    """Measure all subjects in turn, `rounds` times; every second round goes backwards, against drift."""
    measured: dict[_K, list[float]] = {key: [] for key in subjects}
    for turn in range(rounds):
        for key in subjects if turn % 2 == 0 else reversed(list(subjects)):
            measured[key].append(subjects[key]())
    return measured


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios within each round: what slows a whole round down cancels out."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))
