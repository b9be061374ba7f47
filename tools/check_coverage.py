"""Fails when the tests leave more of a package untried than it may: `python -m tools.check_coverage`.

It reads what `coverage combine` has put together. A package's share is that of its lines and branches together, as
coverage.py counts them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from coverage import Coverage

LEAST: Final[Mapping[str, float]] = {"core": 100.0, "akool": 100.0}
"""The least share of a package in percent."""

LEAST_OF_OTHERS: Final = 95.0


class Share(NamedTuple):
    """How much of something was tried: lines and branches, counted together."""

    tried: int
    all: int

    @property
    def percent(self) -> float:
        """The share in percent; nothing at all is tried as a whole."""
        return 100.0 * self.tried / self.all if self.all else 100.0


class Package(NamedTuple):
    """A package of the first level, or `(top)` for the modules beside them."""

    name: str
    share: Share
    missing: tuple[str, ...]
    """What was not tried, a line for each file: its path, and lines and branches as coverage.py writes them."""

    @property
    def least(self) -> float:
        """The least share that it may have, in percent."""
        return LEAST.get(self.name, LEAST_OF_OTHERS)

    @property
    def is_enough(self) -> bool:
        """Whether it has that share."""
        return self.share.percent >= self.least


def packages(report: Mapping[str, Any]) -> Iterator[Package]:
    """Yield the packages of a JSON report of coverage.py, by name; raises ValueError when it has none."""
    files: dict[str, list[tuple[str, Mapping[str, Any]]]] = defaultdict(list)
    for path, file in sorted(report["files"].items()):
        parts = Path(path).parts
        within = parts[parts.index("mock_akool") + 1 :]
        files[within[0] if len(within) > 1 else "(top)"].append((path, file))
    if not files:
        raise ValueError("the report has no files; run the tests by `coverage run` first, then `coverage combine`")
    for name, held in sorted(files.items()):
        summaries = [file["summary"] for _, file in held]
        tried = sum(each["covered_lines"] + each["covered_branches"] for each in summaries)
        there = sum(each["num_statements"] + each["num_branches"] for each in summaries)
        missing = (f"{path}: {_untried(file)}" for path, file in held)
        yield Package(name, Share(tried, there), tuple(each for each in missing if not each.endswith(": ")))


def _untried(file: Mapping[str, Any]) -> str:
    """Return the lines that were not run, and the branches that were not taken although both of their ends were run."""
    lines = file["missing_lines"]
    branches = [
        f"{start}->{'exit' if end < 0 else end}"
        for start, end in file["missing_branches"]
        if start not in lines and end not in lines
    ]
    return ", ".join([*_runs(lines), *branches])


def _runs(lines: list[int]) -> Iterator[str]:
    first = last = 0
    for line in [*lines, 0]:
        if first and line != last + 1:
            yield str(first) if first == last else f"{first}-{last}"
            first = 0
        first, last = first or line, line


def reported(found: list[Package]) -> str:
    """Return what is written: a line for each package, and what is missing from those that have too little."""
    width = max(len(package.name) for package in found)
    lines = [
        f"{package.name:<{width}}  {package.share.percent:6.2f} %  of at least {package.least:g} %"
        f"{'' if package.is_enough else '  TOO LITTLE'}"
        for package in found
    ]
    for package in found:
        if not package.is_enough:
            lines += ["", f"Not tried in {package.name}:", *(f"  {each}" for each in package.missing)]
    return "\n".join(lines)


def main() -> int:
    """Check it; returns the exit code."""
    measured = Coverage()
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "coverage.json")
        measured.json_report(outfile=str(file))
        found = list(packages(json.loads(file.read_text(encoding="utf-8"))))
    print(reported(found))
    return 0 if all(package.is_enough for package in found) else 1


if __name__ == "__main__":
    sys.exit(main())
