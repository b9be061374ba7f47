"""What a scenario expects of a client, as data: `expect` in scenario files. The gauntlet judges clients by it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from mock_akool.akool.accounts import Credits
from mock_akool.akool.endpoints import ENDPOINTS, GROUPS
from mock_akool.akool.settings import CREDITS
from mock_akool.core.durations import DURATION, Duration
from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import FLAG, Field, Record, choice, whole


class Outcome(StrEnum):
    """How a robust client ends."""

    FILE = "file"
    """It gets its file: there is a way."""
    END = "end"
    """It ends with a clear error: there is no file to have."""
    EITHER = "either"
    """It gets its file, or ends with a clear error: both are right."""


_COUNT: Final = whole(0, 1_000_000)
_ANY: Final = GROUPS["any"]
_PAUSE: Final = Duration.of("100ms")
_WITHIN: Final = Duration.of("10m")


class Expectation(NamedTuple):
    """What a scenario expects of a client; EXPECTATION says what each field means. None sets no limit."""

    about: tuple[str, ...] = _ANY
    outcome: Outcome = Outcome.FILE
    creates: int = 1
    credits: Credits | None = None
    pause: Duration = _PAUSE
    polls_after_end: int = 1
    after_refusal: int | None = None
    within: Duration = _WITHIN
    whole_files: bool = True
    refuses_forged: bool = True
    handles_once: bool = True

    def is_about(self, endpoints: frozenset[str]) -> bool:
        """Return whether the scenario makes sense for a client that asks for these endpoints."""
        return self.about == _ANY or not endpoints.isdisjoint(self.about)


EXPECTATION: Final = Record(
    "expectation",
    Expectation,
    {
        "about": Field(ENDPOINTS, "the requests of which a client makes some if the scenario makes sense for it", _ANY),
        "outcome": Field(
            choice({each.value: each for each in Outcome}),
            "how it ends: with its `file`, with a clear error (`end`), or `either`",
            Outcome.FILE,
        ),
        "creates": Field(_COUNT, "how many jobs it makes and pays at most of one and the same request", 1),
        "credits": Field(CREDITS, "how many credits it spends at most; without it, any number"),
        "pause": Field(DURATION, "how long it waits at least between two polls of a job", _PAUSE),
        "polls_after_end": Field(
            _COUNT, "how often it polls a job at most after it saw it fail or has the whole file", 1
        ),
        "after_refusal": Field(
            _COUNT, "how many requests it makes at most after a refusal that stays; without it, any number"
        ),
        "within": Field(DURATION, "how long it takes at most, from its first request to its end", _WITHIN),
        "whole_files": Field(FLAG, "a file that it keeps is whole, as the server sent it", True),
        "refuses_forged": Field(FLAG, "it refuses webhooks that it cannot verify or read", True),
        "handles_once": Field(FLAG, "it handles what webhooks report once, however often they come", True),
    },
    error=ScenarioError,
)
"""What a scenario expects of a client, as a person writes it."""
