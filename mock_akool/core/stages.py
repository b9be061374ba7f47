"""How a person writes the life of a job: its stages and its ending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from mock_akool.core.durations import SPAN, SPAN_SCHEMA
from mock_akool.core.errors import Mistakes, Place, ScenarioError, SettingsError
from mock_akool.core.schema import FLAG, TEXT, Field, Listed, Record, Schema, did_you_mean, shown
from mock_akool.core.timeline import COMPLETED, STATUS, STATUS_WORDS, Ending, Stage, Status, Timeline, failed


class _Failure(NamedTuple):
    reasons: tuple[str, ...] = ()
    refund: bool = False


_FAILURE: Final = Record(
    "failure",
    _Failure,
    {
        "reasons": Field(Listed(TEXT), "why it failed; without any, the API gives its usual reason", ()),
        "refund": Field(FLAG, "whether the job gives back what it cost", False),
    },
)
_REASONS_SCHEMA: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_FAILED_SCHEMA: Final[Schema] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"failed": {"anyOf": [_REASONS_SCHEMA, _FAILURE.schema]}},
    "required": ["failed"],
}


class _EndingShape:
    """An ending: `completed`, `failed`, the text `failed: why; why else`, or `{failed: [why, why else]}`."""

    wants = "an ending, such as 'completed', 'failed' or 'failed: reason; another reason'"
    schema: Final[Schema] = {
        "anyOf": [{"type": "string", "pattern": "^(completed|failed(:.*)?)$"}, _FAILED_SCHEMA],
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
        match word.strip().lower():
            case "completed" if not reasons.strip():
                return COMPLETED
            case "failed":
                return failed(*(reason.strip() for reason in reasons.split(";") if reason.strip()))
        hint = did_you_mean(word, ("completed", "failed"), "use 'completed', 'failed' or 'failed: reason'")
        raise SettingsError(f"{shown(value)} is not an ending", hint, place)

    def write(self, ending: Ending) -> Any:
        """Return the plain ending."""
        if ending.status is Status.COMPLETED:
            return ending.status.word
        if ending.refund:
            return {"failed": {"reasons": list(ending.reasons), "refund": True}}
        return {"failed": list(ending.reasons)} if ending.reasons else ending.status.word

    def from_text(self, text: str) -> Any:
        """Return the text: it is read as it is."""
        return text


ENDING: Final = _EndingShape()
_MOST_STAGES: Final = 100


class _StagesShape:
    """A timeline: stages such as `{queueing: 2s}`, and at the end, if it has one, an ending."""

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
                if not _is_ending(each):
                    stages.append(_read_stage(each, there))
                elif position + 1 == len(value):
                    ending = ENDING.read(each, there)
                else:
                    hint = "give it a length, such as {completed: 2s}, or remove what follows"
                    mistakes.add(f"{shown(each)} is an ending, and stages follow it", hint, there)
        mistakes.raise_any(ScenarioError)
        return Timeline(tuple(stages), ending)

    def write(self, timeline: Timeline) -> Any:
        """Return the plain list."""
        stages: list[Any] = [{stage.status.word: str(stage.span)} for stage in timeline.stages]
        return [*stages, ENDING.write(timeline.ending)]

    def from_text(self, text: str) -> Any:
        """Return the text, which is no list of stages: they are written as data."""
        return text


def _is_ending(value: Any) -> bool:
    if isinstance(value, Mapping):
        # `failed` with a length is a stage, with reasons an ending.
        return set(value) == {"failed"} and isinstance(value["failed"], (list, tuple, Mapping))
    if isinstance(value, str):
        return value.partition(":")[0].strip().lower() in ("completed", "failed")
    return isinstance(value, Ending)


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


STAGES: Final = _StagesShape()
