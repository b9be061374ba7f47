"""The notes of a release, which are its section of the changelog."""

from __future__ import annotations

import pytest

from tools.release_notes import notes

CHANGELOG = """# Changes

## [Unreleased]

## [0.2.0] - 2026-12-24

### Added

- You can see [the clock](docs/clock.md).

## [0.1.0] - 2026-12-01

First.
"""


def test_they_are_the_section_of_the_version() -> None:
    assert notes(CHANGELOG, "0.2.0") == "### Added\n\n- You can see [the clock](docs/clock.md)."
    assert notes(CHANGELOG, "0.1.0") == "First."


@pytest.mark.parametrize("version", ["0.3.0", "0.2", "Unreleased"])
def test_a_version_of_which_nothing_is_said(version: str) -> None:
    with pytest.raises(ValueError, match=r"CHANGELOG\.md says nothing of"):
        notes(CHANGELOG, version)
