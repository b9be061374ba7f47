"""Memory that a reset freed, given back to the machine."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any


def give_back() -> None:
    """Give memory that is free back to the system, where the C library keeps it for later (glibc); takes milliseconds.

    Without it a server that had a flood stays as large as it was, whatever has been forgotten since.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    with contextlib.suppress(ImportError, OSError, TypeError):
        import ctypes

        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None
