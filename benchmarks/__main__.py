"""``python -m benchmarks``: measure, compare with the baseline file, print a table.

The exit code is 0 when everything could be measured, also where a target was missed: a shared machine has bad
minutes, and a person reads the table. It is 1 when something could not be measured that should have been.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import (
    baseline,
    bench_admin,
    bench_beside,
    bench_candidates,
    bench_create,
    bench_dashboard,
    bench_delay,
    bench_floods,
    bench_growth,
    bench_images,
    bench_imports,
    bench_interceptors,
    bench_lists,
    bench_recording,
    bench_rules,
    bench_scale,
    bench_servers,
    bench_start,
    bench_state,
    bench_tls,
    bench_videos,
    bench_webhooks,
)
from benchmarks.load import find_wrk
from benchmarks.processes import BenchmarkError
from benchmarks.table import Benchmark, Row, at_most, render


def images(quick: bool) -> Iterator[Row]:
    measured = bench_images.measure()
    for name, value in measured.items():
        if name.endswith(" ms") and name not in bench_images.TARGETS:
            continue
        target = bench_images.TARGETS.get(name)
        unit = "ms" if name.endswith(" ms") else "x"
        yield Row(f"image: {name}", value, unit, None if target is None else at_most(target))


_BUSY = 0.5

BENCHMARKS = (
    Benchmark("start", "start to first answer, against the yardstick", bench_start.start),
    Benchmark("imports", "importing the package and its command line", bench_imports.run),
    Benchmark("exec", "what mock-akool exec adds to a command", bench_start.run_program),
    Benchmark("memory", "idle memory, against the yardstick", bench_start.memory),
    Benchmark("servers", "the poll under load, against four other servers", bench_servers.run),
    Benchmark("tls", "polls over TLS, handshakes, and plain HTTP on the same port", bench_tls.run),
    Benchmark("delay", "128 connections with answers delayed by 100 ms", bench_delay.run),
    Benchmark("jobs", "memory per job", bench_growth.jobs),
    Benchmark("calls", "memory that polls add when the call log is full", bench_growth.call_log),
    Benchmark("floods", "memory under floods of large requests", bench_floods.run),
    Benchmark("create", "the cost of a create among many jobs of the same seconds", bench_create.run),
    Benchmark("scale", "the cost of a poll among many jobs, and their memory", bench_scale.run),
    Benchmark("admin", "admin routes of a fake with 100,000 jobs and a full call log", bench_admin.run),
    Benchmark("state", "saving and loading the state, and polls beside a save", bench_state.run),
    Benchmark("beside", "what heavy admin requests cost those who poll meanwhile", bench_beside.run),
    Benchmark("dashboard", "what the dashboard costs polls, and how fast it opens and goes on", bench_dashboard.run),
    Benchmark("lists", "a poll of 50 jobs at once, against a poll of one", bench_lists.run),
    Benchmark("recording", "what recording adds to a request", bench_recording.run),
    Benchmark("rules", "what rules that wait for their turn cost a poll", bench_rules.run),
    Benchmark("images", "drawing images, against drawing them plainly", images),
    Benchmark("videos", "drawing videos, and polls beside that", bench_videos.run),
    Benchmark("interceptors", "a poll through an interceptor, against mocks by hand", bench_interceptors.polls),
    Benchmark("life", "set-up, tear-down, and a whole test", bench_interceptors.life),
    Benchmark("net", "what the net below the interceptors costs a connection", bench_interceptors.net),
    Benchmark("plugin", "what the plugin costs a run that does not use it", bench_interceptors.plugin),
    Benchmark("webhooks", "ten thousand webhooks, and some beside a receiver that hangs", bench_webhooks.run),
    Benchmark("candidates", "the server libraries that were compared", bench_candidates.run, by_default=False),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # Without this, a terminated run would leave its children behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        find_wrk()
    except BenchmarkError as error:
        print(f"{error}; rows that want it are errors", file=sys.stderr)
    load_before = os.getloadavg()[0]
    if load_before > _BUSY:
        print(f"others use this machine (load {load_before:.1f}): measure again when it is quiet", file=sys.stderr)
    rows = [row for benchmark in _chosen(options.only) for row in _measured(benchmark, options.quick)]
    print(render(rows, baseline.saved_values()))
    if options.json:
        options.json.write_text(json.dumps(baseline.report(rows, load_before), indent=2) + "\n")
    if options.save_baseline:
        baseline.save(rows, load_before)
    return 1 if any(row.failed for row in rows) else 0


def _parser() -> argparse.ArgumentParser:
    names = [benchmark.name for benchmark in BENCHMARKS]
    about = "\n".join(
        f"  {benchmark.name:<12}{benchmark.about}{'' if benchmark.by_default else ' (only by name)'}"
        for benchmark in BENCHMARKS
    )
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure mock-akool in ratios to baselines of the same run.",
        epilog=f"benchmarks:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help="only this; repeatable")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON too")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="fewer and shorter rounds: rough numbers")
    length.add_argument("--save-baseline", action="store_true", help=f"write {baseline.FILE.name}")
    return parser


def _chosen(only: Sequence[str] | None) -> list[Benchmark]:
    return [it for it in BENCHMARKS if (it.name in only if only else it.by_default)]


def _measured(benchmark: Benchmark, quick: bool) -> Iterator[Row]:
    started = time.monotonic()
    print(f"{benchmark.name}: {benchmark.about} ...", file=sys.stderr, end="", flush=True)
    try:
        yield from benchmark.run(quick)
    except BenchmarkError as error:
        yield Row(benchmark.name, None, note=str(error), failed=True)
    print(f" {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
