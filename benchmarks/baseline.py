"""`baseline.json`: what was measured when, and on what. It names no host and no path."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import wiremock
from benchmarks.table import Row

FILE = Path(__file__).with_name("baseline.json")
_LIBRARIES = ("flask", "waitress", "httptools", "uvloop", "pillow", "uvicorn", "granian", "gunicorn", "cheroot")


def report(rows: Sequence[Row], load_before: float) -> dict[str, Any]:
    """Return the rows, each with the day and the load of its measurement, and the circumstances of this run.

    `load_before` is how many processes wanted to run before it: on a busy machine no number is worth much.
    """
    when = {"date": datetime.now(UTC).date().isoformat(), "load_before": round(load_before, 1)}
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "versions": _versions(),
        "rows": [{**row.as_json(), **when} for row in rows],
    }


def saved_values() -> dict[str, float]:
    """Return the saved value of each row that has one."""
    return {row["name"]: row["value"] for row in _saved_rows() if row["value"] is not None}


def save(rows: Sequence[Row], load_before: float) -> None:
    """Write the report over the saved one; rows that this run did not measure stay, with their own day and load."""
    new = report(rows, load_before)
    names = {row["name"] for row in new["rows"]}
    new["rows"] += [row for row in _saved_rows() if row["name"] not in names]
    FILE.write_text(json.dumps(new, indent=2) + "\n")


def _saved_rows() -> list[dict[str, Any]]:
    if not FILE.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(FILE.read_text())["rows"]
    return rows


def _versions() -> dict[str, str]:
    versions = {"wiremock": wiremock.VERSION}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
