"""What admin routes take in their query and their body, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from mock_akool.admin.routing import Route
from mock_akool.core.errors import Mistakes, ScenarioError, SettingsError
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


def query(*, needed: tuple[str, ...] = (), beside: Mapping[str, str] | None = None, **fields: Field) -> Record:
    """Return what a route takes in its query."""
    return parameters("query", fields, needed=needed, beside=beside)


def body(*, needed: tuple[str, ...] = (), one_of: tuple[str, ...] = (), **fields: Field) -> Record:
    """Return what a route takes in its body, a JSON object."""
    return parameters("body", fields, needed=needed, one_of=one_of)


def parameters(name: str, fields: Mapping[str, Field], **more: Any) -> Record:
    """Return a record that is read as a dict, with the defaults of what is not given; `more` is as of any record."""
    defaults = {field.attribute or key: field.default for key, field in fields.items()}
    return Record(name, lambda **given: defaults | given, fields, **more)


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
OWN_ACCOUNT_QUERY: Final = query(account=account_of_query(OWN_ACCOUNT.help))
"""The query of a route that is about one account."""
SHARED_QUERY: Final = query(account=account_of_query(_SHARED))
"""The query of a route for what all accounts share."""
SHARED_BODY: Final = body(account=account(_SHARED))
SHARED_ACCOUNT: Final = account(_SHARED)

_NOTHING: Final = body()


# Reading


def read_parameters(route: Route, request: Request) -> dict[str, Any]:
    """Read the query and the body of a request, with the defaults of what neither has.

    An empty body counts as {}. Raises ScenarioError with all mistakes of both.
    """
    mistakes = Mistakes()
    query, body = route.query or _NOTHING, route.body or _NOTHING
    in_query: Any = None
    in_body: Any = None
    read_query: dict[str, Any] = {}
    read_body: dict[str, Any] = {}
    with mistakes.noted():
        in_query = _plain_query(query, request.query, mistakes)
        read_query = query.read(in_query)
    with mistakes.noted():
        in_body = _plain_body(route, request, mistakes)
        read_body = body.read(in_body)
    if isinstance(in_query, dict) and isinstance(in_body, dict):
        there = {"query": query.meant_in(in_query), "body": body.meant_in(in_body)} if route.needed else {}
        for name in route.needed:
            keys = route.keys_of(name)
            if not any(key in there[where] for where, key in keys.items()):
                places = " or ".join(f"`{key}` in the {where}" for where, key in keys.items())
                mistakes.add(f"no {name} is given", f"give {places}")
    mistakes.raise_any(ScenarioError)
    return _merged(read_query, read_body)


def _plain_query(takes: Record, text: str, mistakes: Mistakes) -> dict[str, Any]:
    """Return what a query says, by name; raises ScenarioError when it is not usable as a whole.

    A field that takes a list may be given several times, or with commas.
    """
    count = text.count("&") + 1
    if count > _MOST_FIELDS:
        raise ScenarioError(f"the query has {count:,} fields", f"Give {_MOST_FIELDS} at most")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        raise ScenarioError("the query is not usable", "Write it as name=value&name=value") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        field = takes.fields.get(name)
        if field is not None and _takes_list(field.shape):
            given.setdefault(name, []).extend(value.split(","))
        elif name in given:
            mistakes.add(f"{name} stands twice in the query", "give it once", (name,))
        else:
            given[name] = value if field is None else field.shape.from_text(value)
    # One value is refused as such, not as a part of a list that nobody wrote.
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()}


def _plain_body(route: Route, request: Request, mistakes: Mistakes) -> Any:
    """Return what a JSON body says; raises ScenarioError when it is not usable as a whole."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            _note_repeated((name for name, _ in pairs), mistakes)
        return found

    try:
        given = json.loads(request.body, object_pairs_hook=once) if request.body.strip() else {}
    except (ValueError, RecursionError) as error:
        why = f"{error}" if isinstance(error, ValueError) else "it is nested too deeply"
        raise ScenarioError(f"the body is not JSON: {why}", "Send a JSON object") from None
    if not is_shallow(request.body, given, _MOST_LEVELS):
        raise ScenarioError(f"the body is nested over {_MOST_LEVELS} levels deep", "Send a JSON object")
    if route.body is None and given != {}:
        names = "&".join(f"{name}=…" for name in (route.query or _NOTHING).fields)
        raise ScenarioError(f"{request.method} takes no body here", f"Put it into the query, as {names}")
    return given


def _note_repeated(names: Iterable[str], mistakes: Mistakes) -> None:
    """Note a mistake for each key that stands twice in an object: JSON would keep the last one silently."""
    seen: set[str] = set()
    for name in names:
        if mistakes.enough:
            break
        if name in seen:
            mistakes.add(f"the key {shown(name)} stands twice in an object of the body", "remove one")
        seen.add(name)


def _merged(in_query: dict[str, Any], in_body: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of both; raises ScenarioError when they give one different values."""
    for name in in_query.keys() & in_body.keys():
        if None not in (in_query[name], in_body[name]) and in_query[name] != in_body[name]:
            # The values are not shown: one that stands in both is an API key.
            raise ScenarioError(f"{name} is one value in the body, and another in the query", "Give it once")
    said = {name: value for name, value in in_body.items() if value is not None}
    return {**in_body, **in_query, **said}


def _takes_list(shape: Shape) -> bool:
    schema = shape.schema
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))
