"""Misspelt markers: which of ours is meant by one that pytest does not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mock_akool.core.schema import nearest

_UNKNOWN: Final = re.compile(r"Unknown pytest\.mark\.(\w+) - is|'(\w+)' not found in `markers`")
"""What pytest warns of a marker that nobody registered, and with --strict-markers fails with."""
_OURS: Final = ("akool", "akool_gauntlet")
_LIKENESS: Final = 0.8
"""How like one of ours a name has to be; a marker of somebody else, such as `cool`, is less."""


def hints_in(texts: Iterable[str]) -> Iterator[str]:
    """Return a line for each marker that pytest says it does not know and that sounds like ours, once."""
    unknown = {match[1] or match[2]: None for text in texts for match in _UNKNOWN.finditer(text)}
    for name in unknown:
        meant = _meant(name)
        if meant is not None:
            yield f"mock-akool: there is no marker {name}, did you mean {meant}?"


def _meant(name: str) -> str | None:
    """Return how the marker is written that is meant; None when the name is nobody's of ours."""
    lower = name.lower()
    near = nearest(lower, _OURS, likeness=_LIKENESS)
    if near is not None:
        return f"@pytest.mark.{near}"
    before, ours, after = lower.partition("akool")
    if not ours:
        return None
    # Not at the top: only who misspells a setting in the marker's name pays for the import.
    from mock_akool.mock.settings import MockOptions

    setting = nearest((before + after).strip("_"), MockOptions.fields())
    return "@pytest.mark.akool" if setting is None else f"@pytest.mark.akool({setting}=…)"
