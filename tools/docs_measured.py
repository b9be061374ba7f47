"""What the architecture page says was measured: the figures of `benchmarks/baseline.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from tools.docs_reference import markdown

BASELINE: Final = Path(__file__).resolve().parents[1] / "benchmarks" / "baseline.json"


class _Row(NamedTuple):
    """What a text says of a row: its value and its note, which begins with the figure of ours."""

    value: float
    note: str

    def __str__(self) -> str:
        return f"{self.value:.3g}"

    @property
    def ours(self) -> str:
        return self.note.partition(" ")[0]


class Figure(NamedTuple):
    """A line of the table, of one benchmark: its text names rows by short names, such as `{on}` and `{on.ours}`."""

    what: str
    text: str
    benchmark: str
    rows: dict[str, str]


FIGURES: Final = (
    Figure(
        "a poll over HTTP, 16 and 128 connections",
        "{few.ours} and {many.ours} a second: {few} and {many} of the bare parser and loop, "
        "{slow} and {slower} times Flask on waitress",
        "servers",
        {
            "few": "ours / bare library, 16 connections",
            "many": "ours / bare library, 128 connections",
            "slow": "ours / Flask on waitress 8, 16 connections",
            "slower": "ours / Flask on waitress 8, 128 connections",
        },
    ),
    Figure(
        "a poll over HTTPS, 16 connections; a new connection with its handshake",
        "{plain} of plain HTTP, {nginx} times nginx in front of Flask on waitress; {new} ms",
        "tls",
        {
            "plain": "polls over TLS / plain, 16 connections",
            "nginx": "TLS: ours / nginx with TLS before Flask on waitress 8, 16 connections",
            "new": "a new connection with its handshake",
        },
    ),
    Figure(
        "start to first answer, against Flask on waitress",
        "{flask}",
        "start",
        {"flask": "start to first answer / Flask on waitress"},
    ),
    Figure(
        "idle memory, against Flask on waitress",
        "{flask}: {flask.note}",
        "memory",
        {"flask": "idle memory / Flask on waitress"},
    ),
    Figure(
        "in process: a poll by requests, httpx, aiohttp",
        "{requests.ours}, {httpx.ours}, {aiohttp.ours} µs, which is {requests}, {httpx} and {aiohttp} of mocks by hand",
        "interceptors",
        {
            "requests": "a poll: requests / static responses",
            "httpx": "a poll: httpx / static respx",
            "aiohttp": "a poll: aiohttp / bare loopback server",
        },
    ),
    Figure(
        "a whole test of a client that polls a job of 60 s every 3 s",
        "{test} ms",
        "life",
        {"test": "a test of a client that polls a 60 s job every 3 s"},
    ),
    Figure(
        "what `mock-akool exec` adds to a command, with `--isolate`",
        "{plain} s, {isolated} s",
        "exec",
        {"plain": "what exec adds to a command", "isolated": "what exec --isolate adds to a command"},
    ),
    Figure(
        "a create among 100,000 jobs of the same seconds, against the first ones",
        "{last}",
        "create",
        {"last": "a create among 100,000 jobs of the same seconds / the first"},
    ),
    Figure(
        "a poll among 1,000,000 jobs, against one among 1,000; what a job occupies",
        "{poll}; {memory.note}",
        "scale",
        {
            "poll": "a poll of any of them among 1,000,000 jobs / among 1,000",
            "memory": "memory of 1,000,000 jobs",
        },
    ),
    Figure(
        "a poll of 50 jobs against one of a single job, in process: repeated, with one job changed, for the first time",
        "{again}, {changed}, {first}",
        "lists",
        {
            "again": "resultsByIds of 50 / of one",
            "changed": "resultsByIds of 50 / of one, one job left out each time",
            "first": "resultsByIds of 50 / of one, polled for the first time",
        },
    ),
    Figure(
        "the same for the first time, as a client of the server waits for it",
        "{first}",
        "lists",
        {"first": "resultsByIds of 50 / of one, the first time, over HTTP"},
    ),
    Figure(
        "saving and loading 100,000 jobs with webhooks",
        "{save} s and {load} s, {save.note}; 99 of 100 polls beside the save within {beside} ms",
        "state",
        {
            "save": "saving 100,000 jobs with webhooks",
            "load": "loading 100,000 jobs with webhooks",
            "beside": "p99 of polls beside a save",
        },
    ),
)


def measured() -> str:
    """Return the table below a sentence about when and where. A row that was not measured is a KeyError."""
    saved = json.loads(BASELINE.read_text("utf-8"))
    rows = {row["name"]: row for row in saved["rows"]}
    used = [rows[name] for figure in FIGURES for name in figure.rows.values()]
    days = sorted({row["date"] for row in used})
    load = max(row["load_before"] for row in used)
    cells = []
    for what, text, benchmark, names in FIGURES:
        said = {short: _Row(rows[name]["value"], rows[name]["note"]) for short, name in names.items()}
        cells.append((what, text.format(**said), benchmark))
    when = f"Measured on {' and '.join(days)}, on {saved['cpus']} cores; the load before it was {load}."
    return f"{when}\n\n{markdown(('What', 'Figure', 'Benchmark'), cells)}"
