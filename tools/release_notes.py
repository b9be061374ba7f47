"""Prints what the changelog says of a version: `python -m tools.release_notes 0.1.0`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

CHANGELOG: Final = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def notes(changelog: str, version: str) -> str:
    """Return the section of a version without its heading; raises ValueError when there is none or it is empty."""
    sections = re.split(r"(?m)^## ", changelog)[1:]
    found = [section.partition("\n")[2].strip() for section in sections if section.startswith(f"[{version}]")]
    if not found or not found[0]:
        heading = f"## [{version}] - YYYY-MM-DD"
        raise ValueError(f"CHANGELOG.md says nothing of {version}; write it below a heading `{heading}`")
    return found[0]


def main() -> int:
    """Print the notes of the version that is given; returns the exit code."""
    try:
        (version,) = sys.argv[1:]
        print(notes(CHANGELOG.read_text(encoding="utf-8"), version))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
