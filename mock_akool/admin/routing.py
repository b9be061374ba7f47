"""What a control route is: its place in the table, what it takes by shapes, what it answers by schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qsl, unquote

from mock_akool.admin.access import Access
from mock_akool.akool.engine import Engine
from mock_akool.akool.envelope import encode
from mock_akool.core.errors import MockAkoolError, ScenarioError
from mock_akool.core.http import Headers, Request, Response
from mock_akool.core.schema import Field, Plain, Record, Schema, Shape, shown

JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"), ("cache-control", "no-store"))

PREFIX: Final = "/_mock/"
"""What the paths of control routes begin with, and none of the real API's."""

_MOST_FIELDS: Final = 50


class Fake(Protocol):
    """The fake that is controlled."""

    engine: Engine
    access: Access

    def run_until_idle(self, account: str | None = None) -> None:
        """Move the clock to where nothing changes any more by time alone; with an API key, for that account."""
        ...

    def reset(self) -> None:
        """Forget all that happened, and let a clock that was moved ahead show the machine's time again."""
        ...

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response."""
        ...

    def complete(self, response: Response) -> tuple[Response, bytes]:
        """Return the reply and its body, a picture's drawn."""
        ...

    def carry_due(self, *, wait: bool = True) -> None:
        """Let callbacks that are due be carried; without `wait` those that others carry are not waited for."""
        ...

    def carry_in_passing(self) -> None:
        """Let callbacks be carried where that costs next to nothing, on whatever thread this is."""
        ...

    def sending(self, account: str | None = None) -> str:
        """Return how callbacks are carried: `http`, `collect`, or `call` for a receiver in the fake's process."""
        ...

    def carry_by(self, way: str, account: str | None = None) -> None:
        """Send callbacks over `http` from now on, or `collect` them: all, or those of an account (by API key)."""
        ...


class AdminError(Exception):
    """A control call is not answered as it wants: the HTTP status, what is wrong, and what to do next."""

    def __init__(self, status: int, error: str, hint: str = "") -> None:
        self.status = status
        self.error = error
        self.hint = hint
        super().__init__(f"{error}. {hint}")


class Asked(NamedTuple):
    """A control call as its handler sees it: what was given, read and with defaults, and the instant in ns."""

    fake: Fake
    given: Mapping[str, Any]
    now_ns: int
    request: Request

    @property
    def engine(self) -> Engine:
        """The engine of the fake."""
        return self.fake.engine

    @property
    def account(self) -> str | None:
        """The API key of the account that is meant; None for all."""
        key: str | None = self.given.get("account")
        return key


Handler = Callable[[Asked], Any]


class Counting(Protocol):
    """Counts what somebody waits for with `at_least`."""

    what: str
    """What is counted, in the plural."""

    @property
    def hint(self) -> str:
        """Where to look when they did not come."""
        ...

    def has_news(self) -> bool:
        """Return whether the count may have changed since it was asked for. Without a lock, and cheap."""
        ...

    def count(self) -> int:
        """Return how many there are; under the engine's lock."""
        ...


class Route(NamedTuple):
    """A control route: what it does in words, what answers, what it takes and what it tells.

    `needs_lock`: the engine is locked around the handler. Who moves a clock must not have it locked, since others may
    have something to do on the way. `carries`: callbacks that are due are carried before. `counting`: what is waited
    for when `at_least` is given.
    """

    summary: str
    handle: Handler
    answer: Schema
    query: Record | None = None
    body: Record | None = None
    status: int = 200
    needs_lock: bool = True
    carries: bool = False
    counting: Callable[[Asked], Counting] | None = None


def takes(name: str, *, needed: tuple[str, ...] = (), check: Any = None, **fields: Field) -> Record:
    """Return the shape of what a route takes, which is read as a dict with the defaults of what is not given."""
    defaults = {field.attribute or key: field.default for key, field in fields.items()}
    return Record(name, lambda **given: defaults | given, fields, needed=needed, check=check)


def _read_key(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    if not value:
        # As of a variable that is not set: what was meant for one test would befall all.
        raise MockAkoolError("it is empty")
    return value


def _read_key_of_query(value: Any) -> str:
    if " " in _read_key(value):
        # Of an API key that names scenarios, such as my-key+slow, a query makes another key.
        raise MockAkoolError("a + in a query is a space; write %2B for it")
    return str(value)


_KEY: Final = Plain("an API key; leave `account` out to mean everybody", _read_key, {"type": "string", "minLength": 1})
_KEY_OF_QUERY: Final = _KEY._replace(
    wants=f"{_KEY.wants}. In a query write a + as %2B",
    reading=_read_key_of_query,
    schema={"type": "string", "minLength": 1, "pattern": "^[^ ]*$"},
)
_EVERYBODY: Final = "the API key of the account that is meant; without it everybody's"


def account(help: str = _EVERYBODY) -> Field:
    """Return the field of a body that names an account."""
    return Field(_KEY, help)


def account_of_query(help: str = _EVERYBODY, attribute: str = "") -> Field:
    """Return the field of a query that names an account: the same, but for what a + is there."""
    return Field(_KEY_OF_QUERY, help, attribute=attribute)


ACCOUNT: Final = account()
SCOPE: Final = takes("query", account=account_of_query())
"""The query of a route that takes an account and nothing else."""


def query_of(shape: Record | None, text: str) -> dict[str, Any]:
    """Read a query by a shape; raises ScenarioError, with the nearest name for an unknown one.

    A field that takes a list may be given several times, or with commas.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ScenarioError("the query is not usable", "Write it as name=value&name=value") from None
    shape = shape or _NOTHING
    given: dict[str, Any] = {}
    for name, value in pairs:
        field = shape.fields.get(name)
        if field is not None and _takes_list(field.shape):
            given.setdefault(name, []).extend(value.split(","))
        elif name in given:
            raise ScenarioError(f"{name} stands twice in the query", "Give it once", (name,))
        else:
            given[name] = value if field is None else _plain(field.shape, value)
    # One value is refused as such, not as a part of a list that nobody wrote.
    given = {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()}
    read: dict[str, Any] = shape.read(given, ())
    return read


def body_of(route: Route, request: Request) -> dict[str, Any]:
    """Read a JSON body by the shape of the route's; an empty one counts as {}. Raises ScenarioError."""
    try:
        given = json.loads(request.body, object_pairs_hook=_once) if request.body.strip() else {}
    except ScenarioError:
        raise
    except (ValueError, RecursionError) as error:
        why = f"{error}" if isinstance(error, ValueError) else "it is nested too deeply"
        raise ScenarioError(f"the body is no JSON: {why}", "Send a JSON object") from None
    if route.body is None and given != {}:
        names = "&".join(f"{name}=…" for name in (route.query or _NOTHING).fields)
        raise ScenarioError(f"{request.method} takes no body here", f"Say it in the query, as {names}")
    read: dict[str, Any] = (route.body or _NOTHING).read(given, ())
    return read


_NOTHING: Final = takes("call")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of the body; of a key that stands twice JSON would keep the last one silently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for name in names if names.count(name) > 1)
        raise ScenarioError(f"the key {shown(name)} stands twice in an object of the body", "Take one away")
    return found


def _takes_list(shape: Shape) -> bool:
    schema = shape.schema
    return any(each.get("type") == "array" for each in (schema, *schema.get("anyOf", ())))


def _plain(shape: Shape, text: str) -> Any:
    """Return a value of a query as JSON would have it; what cannot be one stays text, and its shape refuses it."""
    kind = shape.schema.get("type")
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("integer", "number") and len(text) < 40:
        for read in (int, float):
            try:
                return read(text)
            except ValueError:
                continue
    return text


def fitting(pattern: str, path: str) -> dict[str, str] | None:
    """Return the values of the `{names}` in a route's path when the path fits it, else None."""
    wanted, parts = pattern.split("/"), path.split("/")
    if len(wanted) != len(parts):
        return None
    values: dict[str, str] = {}
    for want, part in zip(wanted, parts, strict=True):
        if want.startswith("{") and part:
            values[want[1:-1]] = unquote(part)
        elif want != part:
            return None
    return values


def refused(status: int, error: str, hint: str, headers: Headers = ()) -> Response:
    """Return the reply that tells an error."""
    return Response(status, (*JSON, *headers), encode({"error": error, "hint": hint}))
