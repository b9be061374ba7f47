"""`mock-akool families`: which endpoints create and read the jobs of each family, and in which words."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final

_HEAD: Final = ("FAMILY", "CREATE", "READ", "STATUS IN", "RESULT IN", "UNTIL IT IS DONE", "WEBHOOK TYPE")

_NONE: Final = "-"


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "families",
        help=help,
        description="For each endpoint that creates jobs: its family, the endpoint that reads them, and the words of "
        "both. They are the names that rules, `mock.calls.to(…)` and the log use.",
    )
    parser.set_defaults(run=list_families)


def list_families(options: argparse.Namespace) -> int:
    """Print the table of words."""
    rows = [_HEAD, *_rows()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _rows() -> Iterator[tuple[str, ...]]:
    # Not at the top: `--help` needs none of this.
    from mock_akool.akool.families import FAMILIES

    for family in FAMILIES:
        for create in family.creates:
            for reading in family.readings:
                results = reading.results
                yield (
                    family.name,
                    create.endpoint,
                    results.endpoint,
                    results.status_word,
                    results.result_word or _NONE,
                    (reading.pending or results.pending).in_words if results.result_word else _NONE,
                    family.webhook.type or _NONE,
                )
