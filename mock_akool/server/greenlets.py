"""Whether gevent or eventlet has replaced threads and time of this process by its own."""

from __future__ import annotations

import sys
from typing import Any


def patched_by() -> str | None:
    """Return `gevent` or `eventlet` when it has patched threads or `time` of this process, else None."""
    gevent: Any = sys.modules.get("gevent.monkey")
    if gevent is not None and any(gevent.is_module_patched(name) for name in ("threading", "time")):
        return "gevent"
    eventlet: Any = sys.modules.get("eventlet.patcher")
    if eventlet is not None and any(eventlet.is_monkey_patched(name) for name in ("thread", "time")):
        return "eventlet"
    return None
