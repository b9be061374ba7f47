"""Hints about what a request asks for: its route, its body, its fields, and whether it is sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mock_akool.akool.api import API_ROUTES
from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import UNKNOWN
from mock_akool.akool.families import CREATES as CREATES_BY_NAME
from mock_akool.akool.families import RESULTS, SERVICES
from mock_akool.akool.validation import Body
from mock_akool.core.call_log import Call
from mock_akool.core.schema import nearest
from mock_akool.core.text import printable
from mock_akool.core.timeline import Status
from mock_akool.diagnostics.hints.finding import CREATES, Hint, fields_of
from mock_akool.diagnostics.observations import Observations, status_at

_FINAL_CODES: Final = frozenset(Code) - {
    Code.TOO_FREQUENT,
    Code.GENERATE_ERROR,
    Code.SERVER_ERROR,
    Code.NOT_FOUND,
    Code.SESSION_BUSY,
}
"""The codes after which it does not help to ask again."""
_FINAL_STATUSES: Final = frozenset({400, 401, 403, 404, 410})
_PATH_SHOWN: Final = 100
_NAME_SHOWN: Final = 40
_MOST_NAMES: Final = 5
_BODIES: Final[Mapping[str, Body[Any]]] = {
    endpoint: each.input
    for known in (CREATES_BY_NAME, RESULTS, SERVICES)
    for endpoint, each in known.items()
    if each.input is not None
}
"""What the endpoints read of a body, by name."""


def _wrong_route(seen: Observations) -> str | None:
    for call in seen.to(UNKNOWN):
        methods = [method for method, path in API_ROUTES if path == call.path]
        if methods:
            return f"#{call.number} is a {call.method}; {call.path} takes {methods[0]}"
        near = nearest(call.path[:_PATH_SHOWN], (path for _, path in API_ROUTES), likeness=0.75)
        if near:
            return f"#{call.number} asks for {printable(call.path, _PATH_SHOWN)}, which does not exist; {near} does"
        # Browsers ask for all sorts of things beside an API.
        if call.response.reason and call.path.startswith("/api/"):
            return f"#{call.number} got HTTP 404: {call.response.reason}"
    return None


def _not_labelled_as_json(seen: Observations) -> str | None:
    for call in seen.calls:
        label = call.headers.get("content-type", "")
        if call.method == "POST" and call.code == Code.PARAMETER_ERROR and call.body and "json" not in label.lower():
            return (
                f"#{call.number} has a body with the content type {label or 'none'!r}; "
                f"Akool wants JSON (in Python `json=`, not `data=`)"
            )
    return None


def _refused_bodies(seen: Observations) -> Iterator[tuple[Call, Body[Any], dict[str, Any]]]:
    """Yield the calls whose body was refused, what their endpoint reads, and the fields that they sent."""
    for call in seen.calls:
        body, fields = _BODIES.get(call.endpoint), fields_of(call)
        if call.code == Code.PARAMETER_ERROR and body is not None and fields:
            yield call, body, fields


def _other_name(seen: Observations) -> str | None:
    for call, body, fields in _refused_bodies(seen):
        missing = [name for name, field in body.fields.items() if field.required and name not in fields]
        unknown = [name for name in fields if name not in body.fields]
        if missing and unknown:
            ignored = ", ".join(f"`{printable(name, _NAME_SHOWN)}`" for name in unknown[:_MOST_NAMES])
            wanted = ", ".join(f"`{name}`" for name in missing)
            return f"#{call.number} has {ignored}, which {call.endpoint} ignores, but no {wanted}"
    return None


def _list_or_text(seen: Observations) -> str | None:
    for call, body, fields in _refused_bodies(seen):
        for name, value in fields.items():
            wanted = body.fields[name].kind.schema.get("type") if name in body.fields else None
            if wanted == "array" and isinstance(value, str):
                return f"#{call.number} sends `{name}` as a text; {call.endpoint} takes a list"
            if wanted == "string" and isinstance(value, list):
                return f"#{call.number} sends `{name}` as a list; {call.endpoint} takes a text"
    return None


def _size_for_scale(seen: Observations) -> str | None:
    for call in seen.to(*CREATES):
        fields = fields_of(call)
        for wrong in ("size", "aspect_ratio", "ratio"):
            if wrong in fields and "scale" not in fields:
                return f'#{call.number} has `{wrong}`, which is ignored; set the shape with `scale`, such as "16:9"'
    return None


def _source_image_spelling(seen: Observations) -> str | None:
    for call in seen.to(*CREATES):
        fields = fields_of(call)
        takes_many = "source_images" in CREATES_BY_NAME[call.endpoint].input.fields
        right, wrong = ("source_images", "source_image") if takes_many else ("source_image", "source_images")
        if fields.get(wrong) and not fields.get(right):
            takes = "`source_images`, a list of URLs" if takes_many else "`source_image`, one URL"
            return f"#{call.number} has `{wrong}`, which is ignored here; {call.endpoint} takes {takes}"
    return None


def _paid_twice(seen: Observations) -> str | None:
    paid: dict[tuple[str, str | None, str], Call] = {}
    for call in seen.to(*CREATES):
        if call.job_id is None:  # where the response was lost there is one: the job was made, and paid
            continue
        key = call.endpoint, call.account, json.dumps(fields_of(call), sort_keys=True)
        first = paid.get(key)
        if first is not None and not _had_failed(seen, first, call):
            return (
                f"#{first.number} and #{call.number} create the same image, and both were paid; "
                f"sending a create again, for example after a timeout, makes another job"
            )
        paid[key] = call
    return None


def _had_failed(seen: Observations, create: Call, later: Call) -> bool:
    """Return whether the job of a create had failed by a later call: then it is right to create it again."""
    job = seen.job(create.job_id)
    return job is not None and status_at(job, later.time_ns) is Status.FAILED


def _no_second_try(seen: Observations) -> str | None:
    last = seen.calls[-1] if seen.calls else None
    if last is None or last.rule is None or last.response.job_status is not None:
        return None
    again = last.method == "GET" and last.code not in _FINAL_CODES and last.response.status not in _FINAL_STATUSES
    if not again:
        return None
    met = last.response.outcome if last.code is None else f"{last.response.outcome} {int(last.code)}"
    return (
        f"#{last.number} met {met} by {last.rule}, and the client did not ask again; "
        f"a request that only reads may be repeated after a pause"
    )


HINTS: Final = (
    Hint("wrong route", "uses a wrong method or path", _wrong_route),
    Hint("not labelled as JSON", "sends a body without the content type of JSON", _not_labelled_as_json),
    Hint("field by another name", "sends a required field under a name that is ignored", _other_name),
    Hint("list or text", "sends a text where a list is wanted, or the other way round", _list_or_text),
    Hint("size for scale", "sends `size` or `aspect_ratio`, which is ignored, instead of `scale`", _size_for_scale),
    Hint("source_image spelling", "sends `source_image` to v4, or `source_images` to v3", _source_image_spelling),
    Hint(
        "paid twice", "creates the same image twice although the first job did not fail, and pays for both", _paid_twice
    ),
    Hint(
        "no second try",
        "gives up at a poll or a download that met a gateway error, a broken connection or a late response",
        _no_second_try,
    ),
)
