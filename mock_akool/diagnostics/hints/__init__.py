"""The mistakes that real clients make (contract section 11), each a row of HINTS.

"Why did this hint appear?" is answered in the module of its topic. Hints know names of fields, as they are about what
clients write in a wrong way: in another place, by another name, or to a path that nobody has. Which values and paths
are right they take from the families, so that a change there cannot leave a hint lying.
"""

from __future__ import annotations

from typing import Final

from mock_akool.core.text import cleaned
from mock_akool.diagnostics.describe import describe_bug
from mock_akool.diagnostics.hints import (
    batches,
    connections,
    credentials,
    faces,
    files,
    polling,
    requests,
    sessions,
    videos,
    webhooks,
)
from mock_akool.diagnostics.hints.finding import Hint
from mock_akool.diagnostics.observations import Observations

HINTS: Final[tuple[Hint, ...]] = (
    *connections.HINTS,
    *credentials.HINTS,
    *requests.HINTS,
    *videos.HINTS,
    *faces.HINTS,
    *batches.HINTS,
    *polling.HINTS,
    *sessions.HINTS,
    *webhooks.HINTS,
    *files.HINTS,
)
"""All hints, in the order in which they are shown: what goes wrong first in a client's run comes first."""


def find_hints(seen: Observations) -> list[str]:
    """Return the texts of all hints whose mistake the observations show.

    A hint that breaks is a bug of the fake: it becomes a line that says so, and the others are still found.
    """
    found = []
    for hint in HINTS:
        try:
            text = hint.detect(seen)
        except Exception as bug:
            text = describe_bug(f"the hint {hint.name!r}", bug)
        if text is not None:
            found.append(cleaned(text))
    return found
