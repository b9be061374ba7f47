"""Programs that tests run and that are not Python's: where one is missing, its tests are skipped, but not in CI."""

from __future__ import annotations

import re
import shutil
from typing import Final

import pytest

from tests.surroundings import needs_all_programs

FOREIGN: Final = ("curl", "node", "npm")
"""The programs that commands in the docs use."""


def need(*programs: str) -> None:
    """Skip the test where one of the programs is not installed; in CI, which must try them all, fail it."""
    for program in programs:
        if shutil.which(program) is None:
            assert not needs_all_programs(), f"there is no {program}, and CI must try what needs it"
            pytest.skip(f"there is no {program}")


def named_in(code: str) -> list[str]:
    """Return the programs that commands of a shell use, and that may not be installed."""
    return [each for each in FOREIGN if re.search(rf"(?m)(?:^|[\s(`])(?:{each})\s", code)]
