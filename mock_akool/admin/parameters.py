"""What admin routes take in their query and their body, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from mock_akool.core.errors import ScenarioError, SettingsError
from mock_akool.core.http import Request
from mock_akool.core.nesting import is_shallow
from mock_akool.core.schema import Field, Plain, Record, Shape, number, shown, whole

_MOST_FIELDS: Final = 50
_MOST_LEVELS: Final = 100
"""How deep a body may be nested: scenarios are flat, and reading one takes some frames of the stack for each level."""
_MOST_LISTED: Final = 10_000
_MOST_S: Final = 10 * 366 * 86_400

LIMIT: Final = Field(whole(1, _MOST_LISTED), "how many to list at most", 500)
OFFSET: Final = Field(whole(0, 10**9), "how many to leave out at the beginning", 0)
SECONDS: Final = number(0, _MOST_S, f"a number of seconds from 0 to {_MOST_S:,}")


def query(*, needed: tuple[str, ...] = (), check: Any = None, **fields: Field) -> Record:
    """Return what a route takes in its query."""
    return parameters("query", fields, needed=needed, check=check)


def body(*, needed: tuple[str, ...] = (), **fields: Field) -> Record:
    """Return what a route takes in its body, a JSON object."""
    return parameters("body", fields, needed=needed)


def parameters(name: str, fields: Mapping[str, Field], *, needed: tuple[str, ...] = (), check: Any = None) -> Record:
    """Return a record that is read as a dict, with the defaults of what is not given."""
    defaults = {field.attribute or key: field.default for key, field in fields.items()}
    return Record(name, lambda **given: defaults | given, fields, needed=needed, check=check)


# Which account is meant


def _read_key(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if not value:
        # Such as a variable that is not set: what was meant for one test would hit all of them.
        raise SettingsError("it is empty", "leave `account` out to mean everybody")
    return value


def _read_key_of_query(value: Any) -> str:
    if " " in _read_key(value):
        # A query turns an API key that names scenarios, such as my-key+slow, into another key.
        raise SettingsError(f"{shown(value)} has a space, which is a + in a query", "write %2B for a +")
    return str(value)


_KEY: Final = Plain("an API key", _read_key, {"type": "string", "minLength": 1})
_KEY_OF_QUERY: Final = _KEY._replace(
    reading=_read_key_of_query,
    schema={"type": "string", "minLength": 1, "pattern": "^[^ ]*$"},
)
_EVERYBODY: Final = "the API key of the account that is meant; without it, everybody's"
_SHARED: Final = "an API key, which changes nothing: this is the same for all accounts"
"""Tests add their account to each request; a route that minds it would be one more thing to know."""


def account(help: str = _EVERYBODY) -> Field:
    """Return the field of a body that names an account."""
    return Field(_KEY, help)


def account_of_query(help: str = _EVERYBODY, attribute: str = "") -> Field:
    """Return the field of a query that names an account, where a `+` would be a space."""
    return Field(_KEY_OF_QUERY, help, attribute=attribute)


ACCOUNT: Final = account()
OWN_ACCOUNT: Final = account("the API key of the account")
ACCOUNT_QUERY: Final = query(account=account_of_query())
"""The query of a route that takes an account and nothing else."""
ACCOUNT_BODY: Final = body(account=ACCOUNT)
SHARED_QUERY: Final = query(account=account_of_query(_SHARED))
"""The query of a route for what all accounts share."""
SHARED_BODY: Final = body(account=account(_SHARED))
SHARED_ACCOUNT: Final = account(_SHARED)

_NOTHING: Final = body()


# Reading


def read_query(takes: Record | None, text: str) -> dict[str, Any]:
    """Read a query; raises ScenarioError, with the nearest name for an unknown one.

    A field that takes a list may be given several times, or with commas.
    """
    count = text.count("&") + 1
    if count > _MOST_FIELDS:
        raise ScenarioError(f"the query has {count:,} fields", f"Give {_MOST_FIELDS} at most")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        raise ScenarioError("the query is not usable", "Write it as name=value&name=value") from None
    takes = takes or _NOTHING
    given: dict[str, Any] = {}
    for name, value in pairs:
        field = takes.fields.get(name)
        if field is not None and _takes_list(field.shape):
            given.setdefault(name, []).extend(value.split(","))
        elif name in given:
            raise ScenarioError(f"{name} stands twice in the query", "Give it once", (name,))
        else:
            given[name] = value if field is None else field.shape.from_text(value)
    # One value is refused as such, not as a part of a list that nobody wrote.
    given = {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()}
    read: dict[str, Any] = takes.read(given, ())
    return read


def read_body(takes: Record | None, request: Request, in_query: Record | None = None) -> dict[str, Any]:
    """Read a JSON body; an empty one counts as {}. Raises ScenarioError.

    `in_query` is what the route takes in its query: the error for a body where none is taken names that.
    """
    try:
        given = json.loads(request.body, object_pairs_hook=_once) if request.body.strip() else {}
    except ScenarioError:
        raise
    except (ValueError, RecursionError) as error:
        why = f"{error}" if isinstance(error, ValueError) else "it is nested too deeply"
        raise ScenarioError(f"the body is not JSON: {why}", "Send a JSON object") from None
    if not is_shallow(request.body, given, _MOST_LEVELS):
        raise ScenarioError(f"the body is nested over {_MOST_LEVELS} levels deep", "Send a JSON object")
    if takes is None and given != {}:
        names = "&".join(f"{name}=…" for name in (in_query or _NOTHING).fields)
        raise ScenarioError(f"{request.method} takes no body here", f"Put it into the query, as {names}")
    read: dict[str, Any] = (takes or _NOTHING).read(given, ())
    return read


def merged(in_query: dict[str, Any], in_body: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of both; raises ScenarioError when they give one different values."""
    for name in in_query.keys() & in_body.keys():
        if None not in (in_query[name], in_body[name]) and in_query[name] != in_body[name]:
            # The values are not shown: one that stands in both is an API key.
            raise ScenarioError(f"{name} is one value in the body, and another in the query", "Give it once")
    said = {name: value for name, value in in_body.items() if value is not None}
    return {**in_body, **in_query, **said}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of the body; of a key that stands twice JSON would keep the last one silently."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ScenarioError(f"the key {shown(name)} stands twice in an object of the body", "Remove one")
        found[name] = value
    return found


def _takes_list(shape: Shape) -> bool:
    schema = shape.schema
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))
