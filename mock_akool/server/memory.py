"""Memory that a reset freed, given back to the machine."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any, Final

_ARENA_MAX: Final = -8
"""The number by which glibc knows how many heaps a process has at most: M_ARENA_MAX."""


def keep_in_one_heap() -> None:
    """Let all threads that start from now on take memory from one heap, where the C library has several (glibc).

    Each thread has a heap of its own otherwise, and of those `give_back` cannot give back the end: megabytes for each
    thread that answered large requests. Threads hardly ever wait for the one heap, as the interpreter runs one of them
    at a time.
    """
    limit = _in_c("mallopt")
    if limit is not None:
        limit(_ARENA_MAX, 1)


def give_back() -> None:
    """Give memory that is free back to the system, where the C library keeps it for later (glibc); takes milliseconds.

    Without it a server that had a flood stays as large as it was, whatever has been forgotten since.
    """
    trim = _in_c("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _in_c(name: str) -> Any:
    """Return a function of the C library; None where it has none of this name."""
    with contextlib.suppress(ImportError, OSError, TypeError):
        import ctypes

        return getattr(ctypes.CDLL(None), name, None)
    return None
