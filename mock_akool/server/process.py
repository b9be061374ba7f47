"""What a process of our command line does to itself. A process of the user's is never touched so."""

from __future__ import annotations

import gc
import sys
from typing import Final

_SWITCH_INTERVAL_S: Final = 0.001
"""How long a thread may compute before the one that answers polls gets its turn. With the interpreter's own 5 ms, polls
beside a large request to the admin API wait several times as long; twice as many switches cost nothing measurable."""

_START: Final = 50_000
"""How many objects there may be before the collector looks for garbage; a start makes about as many."""


def tune_for_starting() -> None:
    """Keep the garbage collector from walking through modules while they are imported: they stay."""
    gc.set_threshold(_START)


def tune_for_serving() -> None:
    """Keep the garbage collector from walking through what stays, and threads from holding up each other."""
    # What little garbage the start has left may stay as well: to look for it would take a tenth of the start.
    gc.freeze()
    # Each request leaves a few records in the call log; none of them are in cycles. A large scenario is hundreds of
    # thousands of objects: to walk through 100,000 at once takes 9 ms, in which nobody is answered.
    gc.set_threshold(20_000, 5, 200)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
