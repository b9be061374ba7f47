"""How deep JSON may be nested that somebody sent: Python's own limit depends on its release, and on who asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

MOST_LEVELS: Final = 150
"""How deep JSON may be nested. Whatever reads or writes it later may need some frames of the stack for each level."""


def is_shallow(raw: bytes, tree: Any, most_levels: int = MOST_LEVELS) -> bool:
    """Return whether JSON is nested no deeper than what comes after can take; `tree` is what `raw` says."""
    if raw.count(b"[") + raw.count(b"{") <= most_levels:
        return True
    level = [tree]
    for _ in range(most_levels):
        level = [inner for each in level for inner in _items(each)]
        if not level:
            return True
    return False


def _items(value: Any) -> Iterable[Any]:
    """Return what stands in an object or an array."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
