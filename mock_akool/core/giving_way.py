"""Letting other threads have a lock between the pieces of a long work."""

from __future__ import annotations

import threading
from typing import Final

_PAUSE_S: Final = 0.000_05


def give_way() -> None:
    """Let other threads have a lock that was just released. Without a pause the same thread may take it again first."""
    pause = threading.Lock()
    with pause:
        pause.acquire(timeout=_PAUSE_S)
