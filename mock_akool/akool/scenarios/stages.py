"""How a scenario writes the stages of a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

from mock_akool.core.durations import Span
from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import (
    FLAG,
    TEXT,
    Field,
    Listed,
    Place,
    Plain,
    Record,
    Schema,
    Shape,
    shown,
    unknown_key,
)
from mock_akool.core.timeline import COMPLETED, Ending, Stage, Status, Timeline, failed

_SPAN_SCHEMA: Final[Schema] = {"type": ["string", "number"], "examples": ["2s", "500ms", "3 polls", "forever", 10]}


_SPAN: Final = Plain("a length of time such as '2s', '3 polls', 'forever' or seconds", Span.of, _SPAN_SCHEMA, str)


_STATUS: Final = {status.name.lower(): status for status in Status}


_ENDING_SCHEMA: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "failed": {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "reasons": {"type": "array", "items": {"type": "string"}},
                        "refund": {"type": "boolean"},
                    },
                },
            ]
        }
    },
    "minProperties": 1,
}


class _Failure(NamedTuple):
    reasons: tuple[str, ...] = ()
    refund: bool = False


_FAILURE: Final = Record(
    "failure",
    _Failure,
    {
        "reasons": Field(Listed(TEXT), "the record's error_reasons; a general one when there is none", ()),
        "refund": Field(FLAG, "whether the credits are given back", False),
    },
)


class _Stages:
    """A timeline: stages such as `{queueing: 2s}`, and at the end, if it has one, `completed` or `{failed: [why]}`."""

    wants = (
        "a list of stages such as [{queueing: 2s}, {processing: 2 polls}, completed]; "
        "the last one may be `completed`, `failed` or {failed: [reason]}"
    )
    schema: ClassVar[Schema] = {
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "items": {
            "anyOf": [
                {"enum": ["completed", "failed"]},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": dict.fromkeys(_STATUS, _SPAN_SCHEMA),
                    "minProperties": 1,
                    "maxProperties": 1,
                },
                _ENDING_SCHEMA,
            ]
        },
    }
    _MOST: Final = 100

    def read(self, value: Any, place: Place) -> Timeline:
        """Return the timeline; without an ending it ends completed."""
        if isinstance(value, Timeline):
            return value
        if not isinstance(value, (list, tuple)) or not 0 < len(value) <= self._MOST:
            raise ScenarioError(f"{shown(value)} is not usable", f"It takes {self.wants}", place)
        stages: list[Stage] = []
        for position, each in enumerate(value):
            ending = self._ending(each, (*place, position))
            if ending is None:
                stages.append(self._stage(each, (*place, position)))
            elif position + 1 < len(value):
                raise ScenarioError(
                    f"{shown(each)} is an ending, and stages follow it",
                    "Give it a length, such as {completed: 2s}, or take away what follows",
                    (*place, position),
                )
            else:
                return Timeline(tuple(stages), ending)
        return Timeline(tuple(stages))

    def _ending(self, value: Any, place: Place) -> Ending | None:
        if value == "completed":
            return COMPLETED
        if value == "failed":
            return failed()
        if isinstance(value, Mapping) and set(value) == {"failed"}:
            said = value["failed"]
            if isinstance(said, str) and not said[:1].isdigit() and said[:1] != "." and said != "forever":
                raise ScenarioError(
                    f"{shown(said)} is no length of time",
                    f"A reason is written as {{failed: [{shown(said)}]}}",
                    (*place, "failed"),
                )
            if isinstance(said, (list, tuple)):
                said = {"reasons": said}
            if isinstance(said, Mapping):
                failure = _FAILURE.read(said, (*place, "failed"))
                return failed(*failure.reasons, refund=failure.refund)
        return None

    def _stage(self, value: Any, place: Place) -> Stage:
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ScenarioError(
                f"{shown(value)} is no stage", "Write one status and its length, such as {queueing: 2s}", place
            )
        ((word, span),) = value.items()
        if word not in _STATUS:
            raise unknown_key(word, _STATUS, place)
        return Stage(_STATUS[word], _SPAN.read(span, (*place, word)))

    def write(self, timeline: Timeline) -> Any:
        """Return the plain list."""
        written: list[Any] = [{stage.status.name.lower(): str(stage.span)} for stage in timeline.stages]
        status, reasons, refund = timeline.ending
        if status is Status.COMPLETED:
            return [*written, "completed"]
        failure: dict[str, Any] = {"reasons": list(reasons)}
        return [*written, {"failed": failure | {"refund": True} if refund else list(reasons)}]


STAGES: Final[Shape] = _Stages()
