"""Hints about what clients sent to a server that never became a request."""

from __future__ import annotations

from typing import Final

from mock_akool.diagnostics.hints.finding import Hint
from mock_akool.diagnostics.observations import Observations

_KINDS_SHOWN: Final = 3


def _no_request(seen: Observations) -> str | None:
    if not seen.refusals:
        return None
    newest = seen.refusals[-1]
    times = "once" if seen.refusal_count == 1 else f"{seen.refusal_count:,} times"
    whose = f" by {newest.peer}" if newest.peer else ""
    kinds = dict.fromkeys(each.why for each in reversed(seen.refusals))
    others = [why for why in kinds if why != newest.why][:_KINDS_SHOWN]
    before = f"; before that: {'; '.join(others)}" if others else ""
    return (
        f"{times} something was sent to the server that is no request, last at {seen.at(newest.time_ns)}{whose}: "
        f"{newest.why}{before}"
    )


HINTS: Final = (Hint("not a request", "sends something to the server that is no HTTP/1.1 request", _no_request),)
