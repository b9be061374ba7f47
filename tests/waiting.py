"""Waiting in real time for what another thread or task does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

PATIENCE_S: Final = 20.0
"""How long a test waits before it fails instead of hanging."""


def until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so; fails after `patience_s` seconds."""
    for pause_s in _pauses_s(condition, patience_s):
        time.sleep(pause_s)


async def soon(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Wait as `until` does, in a task of asyncio."""
    for pause_s in _pauses_s(condition, patience_s):
        await asyncio.sleep(pause_s)


def _pauses_s(condition: Callable[[], Any], patience_s: float) -> Iterator[float]:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        yield 0.002
