"""What an admin route is: a row of a table. And which row a request is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import unquote

from mock_akool.admin.access import Access
from mock_akool.admin.responses import error_response
from mock_akool.akool.engine import Engine
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.core.http import Request, Response
from mock_akool.core.schema import Record, Schema, nearest

if TYPE_CHECKING:
    from mock_akool.akool.saved_state import FrozenState

PREFIX: Final = "/_mock/"
"""What the paths of admin routes begin with, and none of the real API's."""


class Saved(Protocol):
    """What was saved of a state."""

    def _asdict(self) -> dict[str, Any]:
        """Return the file, how many bytes and jobs are in it, and how many seconds it took, by name."""
        ...


class Fake(Protocol):
    """What the admin API needs of the fake that it shows and steers."""

    engine: Engine
    scenarios: ScenarioRuntime
    access: Access

    def run_until_idle(self, account: str | None = None) -> None:
        """Move the clock to where nothing changes any more by time alone; with an API key, for that account."""
        ...

    def reset(self, account: str | None = None) -> None:
        """Forget everything; a clock that was moved ahead shows the machine's time again.

        With an API key, forget what happened to that account.
        """
        ...

    def freeze(self) -> FrozenState:
        """Return all that the fake knows now, to be made JSON."""
        ...

    def go_on_from(self, document: object, hint: str = "") -> None:
        """Forget all, and go on from a state that was made JSON; raises MockAkoolError, and has changed nothing then.

        `hint` is what to do about a state that cannot be read.
        """
        ...

    def save(self) -> Saved | None:
        """Save the state file now; returns what was saved, or None when there is none to save it in."""
        ...

    def carry_due(self, *, wait: bool = True) -> None:
        """Send webhooks that are due; without `wait` those that other threads send are not waited for."""
        ...

    def carry_in_passing(self) -> None:
        """Send webhooks that are due where that costs next to nothing, on whatever thread this is."""
        ...

    def sending(self, account: str | None = None) -> str:
        """Return how webhooks are sent: `http`, `collect`, or `call` for a receiver in the fake's process."""
        ...

    def carry_by(self, way: str, account: str | None = None) -> None:
        """Send webhooks over `http` from now on, or `collect` them: all, or those of an account (by API key)."""
        ...


class AdminRequest(NamedTuple):
    """A request as a handler sees it: its parameters, read and with defaults, and the fake's present instant."""

    fake: Fake
    given: Mapping[str, Any]
    """The parameters of path, query and body, by name."""
    now_ns: int
    http: Request

    @property
    def engine(self) -> Engine:
        """The engine of the fake."""
        return self.fake.engine

    @property
    def scenarios(self) -> ScenarioRuntime:
        """The scenarios of the fake."""
        return self.fake.scenarios

    @property
    def account(self) -> str | None:
        """The API key of the account that is meant; None for all."""
        key: str | None = self.given.get("account")
        return key

    @property
    def own_account(self) -> str:
        """The API key of the account that is meant, on a route that needs one."""
        key: str = self.given["account"]
        return key


Handler = Callable[[AdminRequest], Any]
"""Returns plain data, or of a route that sends a file its Response; or raises before it changes anything."""


class Counter(Protocol):
    """Counts what a caller waits for with `at_least`."""

    what: str
    """What is counted, in the plural."""

    @property
    def hint(self) -> str:
        """Where to look when they did not come."""
        ...

    def has_news(self) -> bool:
        """Return whether the count may have changed since it was asked for. Cheap, and takes no lock."""
        ...

    def count(self) -> int:
        """Return how many there are."""
        ...


class Route(NamedTuple):
    """A row of the table: what the route does, in words and in code, what it takes, and what it answers.

    `needed`: the parameters that must stand in the query or in the body. `carries`: webhooks that are due are sent
    first. `counter`: what `at_least` waits for. `as_text`: how the answer is written for who wants plain text.
    `stream`: what answers who wants server-sent events. `sends_file`: whether the answer is a result file, and no JSON.
    """

    summary: str
    handle: Handler
    answer: Schema
    query: Record | None = None
    body: Record | None = None
    needed: tuple[str, ...] = ()
    status: int = 200
    carries: bool = False
    counter: Callable[[AdminRequest], Counter] | None = None
    as_text: Callable[[Any], str] | None = None
    stream: Callable[[AdminRequest], Response] | None = None
    sends_file: bool = False

    def keys_of(self, parameter: str) -> dict[str, str]:
        """Return by which key a parameter stands in the `body`, in the `query`, or in both."""
        return {
            where: key
            for where, record in (("body", self.body), ("query", self.query))
            for key, field in ({} if record is None else record.fields).items()
            if (field.attribute or key) == parameter
        }


Routes = Mapping[tuple[str, str], Route]
"""By method and path; a path may have `{names}`."""


class Found(NamedTuple):
    """The route that a request is for, and the values of the names in its path."""

    route: Route
    in_path: dict[str, str]


def find(routes: Routes, request: Request) -> Found | Response:
    """Return the route that a request is for, or the response that says what is wrong: HTTP 404 or 405."""
    method = "GET" if request.method == "HEAD" else request.method
    route = routes.get((method, request.path))
    if route is not None:
        return Found(route, {})
    allowed = []
    for (known, pattern), each in routes.items():
        in_path = matched(pattern, request.path)
        if in_path is not None:
            if known == method:
                return Found(each, in_path)
            allowed.append(known)
    if allowed:
        listed = ", ".join(sorted(allowed))
        return error_response(
            405, f"{request.path[:200]} does not take {request.method}", f"It takes {listed}.", (("allow", listed),)
        )
    near = _nearest(f"{method} {request.path[:200]}", [f"{method} {path}" for method, path in routes])
    meant = f"Did you mean {near}? " if near else ""
    return error_response(
        404, f"there is no admin route {request.path[:200]}", f"{meant}GET {PREFIX}openapi.json lists the routes"
    )


def matched(pattern: str, path: str) -> dict[str, str] | None:
    """Return the values of the `{names}` in a route's path, or None when the path is not one of this pattern."""
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


def _nearest(wanted: str, known: list[str]) -> str | None:
    """Return the route that is most like the wanted one; where a route takes a name, any will do."""
    parts = wanted.split("/")
    filled = {}
    for route in known:
        places = zip_longest(route.split("/"), parts[: route.count("/") + 1], fillvalue="")
        filled["/".join(part if place.startswith("{") else place for place, part in places)] = route
    # What all routes begin with is no likeness.
    by_rest = {each.replace(PREFIX, ""): route for each, route in filled.items()}
    near = nearest(wanted.replace(PREFIX, ""), by_rest)
    return None if near is None else by_rest[near]
