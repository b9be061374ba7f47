"""Endpoints that make several videos at once: what a model takes, and which rows are refused (contract section 15)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from mock_akool.akool.accounts import Account
from mock_akool.akool.families.family import Context, Create, Record, World, success_of
from mock_akool.akool.families.generated_videos import models
from mock_akool.akool.families.generated_videos.records import batch_row
from mock_akool.akool.families.generated_videos.requests import (
    LONGEST_S,
    NO_AUDIO,
    SECONDS,
    V,
    Video,
    check_length,
    video_of,
)
from mock_akool.akool.families.generated_videos.schemas import BATCH_SCHEMA, CREATED_SCHEMA
from mock_akool.akool.families.generated_videos.settings import video_options
from mock_akool.akool.families.inputs import YES_OR_NO, lenient, number_for, several, unusable
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, TEXT, URL, Body, Field, Kind, Values, text_up_to
from mock_akool.core.schema import nearest

_MOST_NEGATIVE: Final = 1000
_MOST_SHOTS: Final = 5
_MOST_COUNT: Final = 10


def model_kind(kind: int) -> Kind:
    """Return the kind that takes the value of a model of a type."""
    words = tuple(model.value for model in models.MODELS[kind])

    def read(value: Any, settings: ServiceSettings) -> str:
        if isinstance(value, str) and (value in words or (value and video_options(settings).i2v_any_model)):
            return value
        near = nearest(value, words) if isinstance(value, str) else None
        raise unusable("", value, f"a `value` of aigModel/list?types[]={kind}{f', such as {near}' if near else ''}")

    return Kind(f"a `value` of `aigModel/list?types[]={kind}`", {"type": "string"}, read)


def _read_shot(value: Any, where: str, settings: ServiceSettings) -> int:
    if not isinstance(value, dict):
        raise unusable(where, value, "an object with duration and prompt")
    if not isinstance(value.get("prompt"), str) or not value["prompt"].strip():
        raise unusable(f"{where}.prompt", value.get("prompt"), "a text that is not blank")
    seconds = value.get("duration")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= LONGEST_S:
        raise unusable(f"{where}.duration", seconds, f"a whole number from 1 to {LONGEST_S}")
    return seconds


SHOTS: Final = several(
    f"a list of up to {_MOST_SHOTS} objects with duration and prompt",
    _read_shot,
    {
        "type": "object",
        "required": ["duration", "prompt"],
        "properties": {"duration": {"type": "integer"}, "prompt": {"type": "string"}},
    },
)


def _check_batch(kind: int, *, needs_resolution: bool) -> Callable[[Values], Iterable[str]]:
    """Return what finds mistakes between the fields of a batch, by what its model takes."""

    def check(values: Values) -> Iterable[str]:
        if "model_name" not in values:
            return
        model = _model(kind, values)
        if model is None:
            # Nobody knows what it takes.
            return
        resolution, seconds, count = values.get("resolution"), values.get("video_length"), values.get("count", 1)
        if needs_resolution and "resolution" in values and resolution is None and model.resolutions:
            yield f"resolution is missing; {model.value} takes {', '.join(model.resolutions)}"
        if resolution is not None and model.resolutions and resolution not in model.resolutions:
            yield f"resolution is {resolution!r}; {model.value} takes {', '.join(model.resolutions)}"
        if seconds is not None and seconds not in model.durations:
            yield f"video_length is {seconds}; {model.value} takes {', '.join(map(str, model.durations))}"
        if count > model.max_count:
            yield f"count is {count}; {model.value} takes up to {model.max_count}"
        yield from _check_shots(model, values.get("multi_prompt", ()), seconds)

    return check


def _check_shots(model: models.Model, shots: Sequence[int], seconds: int | None) -> Iterable[str]:
    if shots and not model.takes_shots:
        yield f"multi_prompt is given, and {model.value} takes none"
    elif len(shots) > _MOST_SHOTS:
        yield f"multi_prompt has {len(shots)} parts; it takes up to {_MOST_SHOTS}"
    elif shots and seconds is not None and sum(shots) != seconds:
        yield f"the durations of multi_prompt add up to {sum(shots)}, and video_length is {seconds}"


def _model(kind: int, values: Values) -> models.Model | None:
    """Return the model that a batch asks for, or the first; None for one that no list has."""
    name = values["model_name"]
    return models.MODELS[kind][0] if name is None else models.known(kind, name)


def _batch(kind: int, made: type[V]) -> Callable[[Values], V]:
    """Return what makes the request of a batch from its fields."""

    def make(values: Values) -> V:
        model = _model(kind, values)
        sounds = values["generate_audio"] and (model is None or model.has_audio)
        resolutions, durations = (("720p",), (5,)) if model is None else (model.resolutions, model.durations)
        usual = "720p" if "720p" in resolutions or not resolutions else resolutions[0]
        return video_of(
            made,
            values,
            model_name=values["model_name"] if model is None else model.value,
            resolution=values["resolution"] or (usual if resolutions else ""),
            seconds=values["video_length"] or (5 if 5 in durations else durations[0]),
            audio_type=1 if sounds else NO_AUDIO,
        )

    return make


def _less_refused(input: V, world: World, account: Account, now_ns: int) -> V:
    """Return a batch with the number of rows that the settings refuse; raises AkoolError when these are all."""
    settings = world.context.settings
    options = video_options(settings)
    refused = int(number_for(input.prompt, options.i2v_batch_errors, 0))
    if refused >= input.rows:
        code = options.i2v_batch_error_code
        raise settings.refusal(code, reason=f"i2v_batch_errors refuses all {input.rows} rows of this batch")
    return input._replace(refused=(options.i2v_batch_error_code,) * refused)


def _refuse_rows(input: V, refused: Mapping[int, int]) -> V:
    """Return a batch of which scripts refuse these rows, too."""
    return input._replace(refused=(*input.refused, *refused.values()))


def _jobs(input: Video) -> int:
    return input.rows - len(input.refused)


def _rows_and_errors(records: Sequence[Record], input: Video, context: Context) -> Mapping[str, Any]:
    """Return the body of the answer to a batch: the rows that were made, and those that were refused."""
    refusals = map(context.settings.refusal, input.refused)
    errors = [{"code": int(each.code), "msg": each.msg} for each in refusals]
    return success_of({"successList": list(records), "errorList": errors}).body


def batch_fields(kind: int, *, needs_length: bool) -> dict[str, Field]:
    """Return the fields that the batches of images and of texts share."""
    return {
        "model_name": Field(model_kind(kind)),
        "negative_prompt": Field(text_up_to(_MOST_NEGATIVE, ANY_TEXT) if kind == models.FROM_TEXT else ANY_TEXT),
        "extend_prompt": Field(YES_OR_NO, False),
        "resolution": Field(TEXT),
        "video_length": Field(SECONDS, required=needs_length),
        "count": Field(lenient(1, _MOST_COUNT), 1),
        "generate_audio": Field(YES_OR_NO, False),
        "webhookurl": Field(URL, ""),
    }


def batch(
    endpoint: str,
    path: str,
    kind: int,
    made: type[V],
    fields: dict[str, Field],
    example: dict[str, Any],
    *,
    needs_resolution: bool,
) -> Create[V]:
    """Return an endpoint that makes several videos at once; `kind` is the type of its models."""
    return Create(
        endpoint=endpoint,
        path=path,
        input=Body(
            {**fields, **batch_fields(kind, needs_length=needs_resolution)},
            _batch(kind, made),
            _check_batch(kind, needs_resolution=needs_resolution),
            needed=("resolution",) if needs_resolution else (),
        ),
        input_type=made,
        record=batch_row,
        example=example,
        webhook_field="webhookurl",
        body=_rows_and_errors,
        body_schema=BATCH_SCHEMA,
        record_schema=CREATED_SCHEMA,
        jobs=_jobs,
        refuse_rows=_refuse_rows,
        batch_ids="`successList` of the create has an `_id` for each video",
        allow=check_length,
        find=_less_refused,
    )
