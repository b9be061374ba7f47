"""Folds a report of `mock-akool calibrate` into the docs: `python -m tools.fold_report FILE`.

What it found out is kept in `tools/observations.json`, by the name of the probe, with the date of the report; of two
reports the later one counts. `python -m tools.generate_docs` then writes it into the page of differences.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from mock_akool.calibration import PROBES, redacted

OBSERVATIONS: Final = Path(__file__).with_name("observations.json")
_FORMAT: Final = 1
_WIDEST: Final = 80


class ReportError(ValueError):
    """A file is no report of a calibration; the text says why."""


def read_observations(file: Path = OBSERVATIONS) -> dict[str, dict[str, Any]]:
    """Return what was observed, by the name of the probe."""
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def folded(observations: Mapping[str, Any], report: Any) -> dict[str, Any]:
    """Return the observations with those of a report; raises ReportError for what is no report.

    A report is what a stranger wrote: only known probes are taken, and what looks private is taken out once more.
    """
    if not isinstance(report, dict) or report.get("format") != _FORMAT:
        raise ReportError(f"it is no report of the form {_FORMAT}")
    when = str(report.get("date"))
    try:
        date.fromisoformat(when)
    except ValueError:
        raise ReportError(f"its date is {when!r}") from None
    known = {each.name for each in PROBES}
    found = dict(observations)
    for row in report.get("findings") or ():
        name = row.get("probe") if isinstance(row, dict) else None
        if name not in known:
            raise ReportError(f"it has an unknown probe {name!r}; it may be of another version")
        if row.get("verdict") not in ("confirmed", "differs") or "seen" not in row:
            continue
        if when >= found.get(name, {}).get("date", ""):
            seen = redacted(row["seen"], ())
            found[name] = {"date": when, "seen": seen, "differs": row["verdict"] == "differs"}
            if row.get("why"):
                found[name]["why"] = redacted(str(row["why"]), ())
    return dict(sorted(found.items()))


def shown_observation(observation: Mapping[str, Any]) -> str:
    """Return an observation as a cell of a table."""
    if not observation["differs"]:
        return "confirmed"
    text = observation.get("why") or json.dumps(observation["seen"], ensure_ascii=False)
    text = text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
    return f"differs, {text}".replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def main(arguments: Sequence[str], observations: Path = OBSERVATIONS) -> int:
    """Fold the files; returns the exit code."""
    if not arguments:
        print("usage: python -m tools.fold_report FILE ...", file=sys.stderr)
        return 2
    found = read_observations(observations)
    for name in arguments:
        try:
            found = folded(found, json.loads(Path(name).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    observations.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{observations.name} has {len(found)} observations; now run python -m tools.generate_docs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
