"""How a person writes the life of a job: its stages and its ending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mock_akool.core.durations import FOREVER, SPAN, SPAN_SCHEMA
from mock_akool.core.errors import Mistakes, Place, ScenarioError, SettingsError
from mock_akool.core.schema import FLAG, TEXT, Field, Listed, Record, Schema, did_you_mean, shown
from mock_akool.core.timeline import COMPLETED, STATUS, STATUS_WORDS, Ending, Stage, Status, Timeline, failed


class _Failure(NamedTuple):
    reasons: tuple[str, ...] = ()
    refund: bool | None = None


_FAILURE: Final = Record(
    "failure",
    _Failure,
    {
        "reasons": Field(Listed(TEXT), "why it failed; without any, the API gives its usual reason", ()),
        "refund": Field(FLAG, "whether the job gives back what it cost; without it, as usual for the job"),
    },
)
_REASONS_SCHEMA: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_FAILED_SCHEMA: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"failed": {"anyOf": [_REASONS_SCHEMA, _FAILURE.schema]}},
    "required": ["failed"],
}


_ENDING_USE: Final = "'completed', 'failed' or 'failed: reason'"


class _EndingShape:
    """An ending: `completed`, `failed`, the text `failed: why; why else`, or `{failed: [why, why else]}`.

    As everywhere, a status may be its number: 3 or 4.
    """

    wants = "an ending, such as 'completed', 'failed' or 'failed: reason; another reason'"
    schema: Final[Schema] = {
        "anyOf": [
            {"type": "string", "pattern": "^(completed|failed(:.*)?)$"},
            {"enum": [int(Status.COMPLETED), int(Status.FAILED)]},
            _FAILED_SCHEMA,
        ],
    }

    def read(self, value: Any, place: Place = ()) -> Ending:
        """Return the ending."""
        if isinstance(value, Ending):
            return value
        if isinstance(value, Mapping) and set(value) == {"failed"}:
            said = value["failed"]
            failure = _FAILURE.read({"reasons": said} if isinstance(said, (list, tuple)) else said, (*place, "failed"))
            return failed(*failure.reasons, refund=failure.refund)
        word, _, reasons = value.partition(":") if isinstance(value, str) else ("", "", "")
        match _ending_status(value):
            case Status.COMPLETED if not reasons.strip():
                return COMPLETED
            case Status.FAILED:
                return failed(*(reason.strip() for reason in reasons.split(";") if reason.strip()))
        meant = did_you_mean(word, ("completed", "failed"))
        hint = f"{meant} Use {_ENDING_USE}" if meant else f"use {_ENDING_USE}"
        raise SettingsError(f"{shown(value)} is not an ending", hint, place)

    def write(self, ending: Ending) -> Any:
        """Return the plain ending."""
        if ending.status is Status.COMPLETED:
            return ending.status.word
        if ending.refund is not None:
            return {"failed": {"reasons": list(ending.reasons), "refund": ending.refund}}
        return {"failed": list(ending.reasons)} if ending.reasons else ending.status.word

    def from_text(self, text: str) -> Any:
        """Return the text: it is read as it is."""
        return text


def _ending_status(value: Any) -> Status | None:
    """Return the status of an ending that is a text or a status, such as `failed: too dark` or 4."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return _ENDINGS.get(value if isinstance(value, int) else value.partition(":")[0].strip().lower())


_ENDINGS: Final[dict[object, Status]] = {
    key: status for status in (Status.COMPLETED, Status.FAILED) for key in (int(status), str(int(status)), status.word)
}
ENDING: Final = _EndingShape()
_MOST_STAGES: Final = 100


class _StagesShape:
    """A timeline: stages such as `{queueing: 2s}`, and at the end, if it has one, an ending.

    Who scripts a job may not say what never comes, because a stage before it lasts forever. A job that is shown has all
    of it: the settings say how long it would be processed if it were not queued forever.
    """

    def __init__(self, *, is_script: bool) -> None:
        self._is_script = is_script

    wants = (
        "a list of stages, such as [{queueing: 2s}, {processing: 2 polls}, completed]; "
        "the last one may be completed, failed or {failed: [reason]}"
    )
    schema: Final[Schema] = {
        "type": "array",
        "minItems": 1,
        "maxItems": _MOST_STAGES,
        "items": {
            "anyOf": [
                *ENDING.schema["anyOf"],
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": dict.fromkeys((*STATUS_WORDS, *(str(int(each)) for each in Status)), SPAN_SCHEMA),
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        },
    }

    def read(self, value: Any, place: Place = ()) -> Timeline:
        """Return the timeline; without an ending it ends completed."""
        if isinstance(value, Timeline):
            return value
        if not isinstance(value, (list, tuple)) or not 0 < len(value) <= _MOST_STAGES:
            what = f"{shown(value)} is not a list of 1 to {_MOST_STAGES} stages"
            raise ScenarioError(what, "use stages such as [{queueing: 2s}, {processing: 2 polls}, completed]", place)
        mistakes, stages, ending = Mistakes(), list[Stage](), COMPLETED
        for position, each in enumerate(value):
            there = (*place, position)
            with mistakes.noted():
                is_last = position + 1 == len(value)
                if not _is_ending(each):
                    stages.append(_read_stage(each, there))
                    if self._is_script and stages[-1].span == FOREVER and not is_last:
                        word = stages[-1].status.word
                        hint = f"remove what follows, or give {word} a length"
                        mistakes.add("it lasts forever, so what follows never comes", hint, (*there, word))
                elif is_last:
                    ending = ENDING.read(each, there)
                else:
                    hint = "give it a length, such as {completed: 2s}, or remove what follows"
                    mistakes.add(f"{shown(each)} is an ending, and stages follow it", hint, there)
        mistakes.raise_any(ScenarioError)
        return Timeline(tuple(stages), ending)

    def write(self, timeline: Timeline) -> Any:
        """Return the plain list; that of a script is without what never comes."""
        lived = timeline.reachable if self._is_script else timeline.stages
        stages: list[Any] = [{stage.status.word: str(stage.span)} for stage in lived]
        is_endless = self._is_script and timeline.endless is not None
        return stages if is_endless else [*stages, ENDING.write(timeline.ending)]

    def from_text(self, text: str) -> Any:
        """Return the text, which is no list of stages: they are written as data."""
        return text


def _is_ending(value: Any) -> bool:
    if isinstance(value, Mapping):
        # `failed` with a length is a stage, with reasons an ending.
        return set(value) == {"failed"} and isinstance(value["failed"], (list, tuple, Mapping))
    return isinstance(value, Ending) or _ending_status(value) is not None


def _read_stage(value: Any, place: Place) -> Stage:
    if isinstance(value, Stage):
        return value
    if not isinstance(value, Mapping) or len(value) != 1:
        hint = "write one status and its length, such as {queueing: 2s}"
        raise ScenarioError(f"{shown(value)} is not a stage", hint, place)
    ((word, span),) = value.items()
    status = STATUS.read(word, (*place, str(word)))
    if status is Status.FAILED and _is_reason(span):
        hint = f"a reason is written as {{failed: [{shown(span)}]}}"
        raise ScenarioError(f"{shown(span)} is not a duration", hint, (*place, word))
    return Stage(status, SPAN.read(span, (*place, word)))


def _is_reason(span: Any) -> bool:
    return isinstance(span, str) and not span[:1].isdigit() and span[:1] != "." and span != "forever"


STAGES: Final = _StagesShape(is_script=True)
"""The whole life of a job, as a person scripts it."""
LIFE: Final = _StagesShape(is_script=False)
"""The whole life of a job, as it is shown."""
