"""Knowledge of live avatars: create, list, show, change and delete it (contract section 19)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mock_akool.akool.codes import Code
from mock_akool.akool.families.family import Answer, Asked, Record, Service, one_in_query, options_of, success_of
from mock_akool.akool.families.inputs import several, unusable
from mock_akool.akool.families.lists import Page, Query, paging
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, OBJECT, TEXT, Body, Field, Values, text_up_to
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.options import Options, option
from mock_akool.core.schema import Schema, one_of, shown

_KIND: Final = "knowledge"
_PAGE: Final = 100
_LONGEST: Final = {"name": 100, "prologue": 2000, "prompt": 10_000}


class KnowledgeOptions(Options):
    """The setting of knowledge."""

    knowledge_list_shape: str = option(
        "array",
        one_of(("array", "object")),
        "whether `data` of knowledge/list is an array, or an object with `knowledge_list`",
        section="19",
        mark="C",
    )


def _one_object(value: Any, where: str, settings: ServiceSettings) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise unusable(where, value, "an object")
    return value


def _one_text(value: Any, where: str, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or not value.strip():
        raise unusable(where, value, "a URL")
    return value


def _fields(*, required: bool) -> dict[str, Field]:
    """Return what a create or an update reads; a field that an update does not have is None."""
    return {
        "name": Field(text_up_to(_LONGEST["name"], TEXT), required=required),
        **{name: Field(text_up_to(_LONGEST[name], ANY_TEXT)) for name in ("prologue", "prompt")},
        "docs": Field(several("a list of objects", _one_object, OBJECT.schema)),
        "urls": Field(several("a list of URLs", _one_text, {"type": "string"})),
    }


def _said(values: Values) -> Record:
    """Return the fields that were said, by name."""
    found = {name: value for name, value in values.items() if value is not None}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _id(values: Values) -> str:
    asked_id: str = values["id"]
    return asked_id


# Answers


def _found(asked: Asked, asked_id: str) -> Record:
    row = asked.world.documents.get(asked.own.api_key, _KIND, asked_id)
    if row is None:
        reason = f"no knowledge of the account has the id {shown(asked_id)}"
        raise asked.world.context.settings.refusal(Code.KNOWLEDGE_UNKNOWN, reason=reason)
    return dict(row)


def _check_name(asked: Asked, name: str, own_id: str = "") -> None:
    if asked.world.documents.named(asked.own.api_key, _KIND, name) not in (None, own_id):
        reason = f"the account has other knowledge with the name {shown(name)}"
        raise asked.world.context.settings.refusal(Code.KNOWLEDGE_NAME_TAKEN, reason=reason)


def _kept(asked: Asked, row: Record) -> Answer:
    asked.world.documents.put(asked.own.api_key, _KIND, row["_id"], row)
    return success_of(row)


def _create(asked: Asked) -> Answer:
    account, now_ms = asked.own, asked.now_ns // NS_PER_MS
    _check_name(asked, asked.input["name"])
    number = asked.world.documents.next_number(account.api_key)
    draw = asked.world.context.keyed_random
    row = {
        "_id": draw.object_id(asked.now_ns // NS_PER_S, number, _KIND, account.api_key),
        "team_id": account.team_id,
        "uid": account.uid,
        "user_type": 2,
        "from": 2,
        "prologue": "",
        "prompt": "",
        "docs": [],
        "urls": [],
        **asked.input,
        "create_time": now_ms,
        "update_time": now_ms,
    }
    return _kept(asked, row)


def _update(asked: Asked) -> Answer:
    changes = dict(asked.input)
    row = _found(asked, changes.pop("id"))
    if "name" in changes:
        _check_name(asked, changes["name"], row["_id"])
    return _kept(asked, {**row, **changes, "update_time": asked.now_ns // NS_PER_MS})


def _delete(asked: Asked) -> Answer:
    row = _found(asked, asked.input)
    asked.world.documents.remove(asked.own.api_key, _KIND, row["_id"])
    return success_of()


def _show(asked: Asked) -> Answer:
    (asked_id,) = one_in_query("id")(asked.request, ())
    return success_of(_found(asked, asked_id))


def _list(asked: Asked) -> Answer:
    rows = list(asked.world.documents.of(asked.own.api_key, _KIND).values())[::-1]
    shown_rows = [dict(row) for row in Page.of(rows, Query.of(asked.request), _PAGE).items]
    is_array = options_of(asked.world.context.settings, KnowledgeOptions).knowledge_list_shape == "array"
    return success_of(shown_rows if is_array else {"knowledge_list": shown_rows})


_DATA: Final[Schema] = {"type": "object", "required": ["code"], "properties": {"code": {"type": "integer"}}}
_IDENTIFIED: Final = {"id": Field(TEXT, required=True)}


def _service(
    name: str,
    answer: Callable[[Asked], Answer],
    method: str = "GET",
    input: Body[Any] | None = None,
    example: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
) -> Service:
    return Service(
        endpoint=f"{_KIND}/{name}",
        path=f"/api/open/v4/{_KIND}/{name}",
        answer=answer,
        method=method,
        lists=name == "list",
        input=input,
        example=example or {},
        query=query or {},
        options=KnowledgeOptions,
        schema=_DATA,
    )


SERVICES: Final = (
    _service("list", _list, query=paging(_PAGE)),
    _service("create", _create, "POST", Body(_fields(required=True), _said), {"name": "Opening hours"}),
    _service("detail", _show, query={"id": "the `_id` of the knowledge"}),
    _service("update", _update, "POST", Body({**_IDENTIFIED, **_fields(required=False)}, _said), {"id": "…"}),
    _service("delete", _delete, "DELETE", Body(_IDENTIFIED, _id), {"id": "…"}),
)
"""What lists, makes, shows, changes and deletes knowledge. A delete is HTTP DELETE with a body."""
