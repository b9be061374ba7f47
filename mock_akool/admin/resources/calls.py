"""Calls: what was asked and answered, waiting for it, and answers as data."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

from mock_akool.admin import long_poll, serializers
from mock_akool.admin.parameters import LIMIT, SECONDS, account, account_of_query, body, query
from mock_akool.admin.responses import AdminError
from mock_akool.admin.routing import PREFIX, AdminRequest, Route, Routes
from mock_akool.admin.serializers import BODY, HEADERS, WHOLE, page
from mock_akool.akool.codes import CDN_URL
from mock_akool.akool.endpoints import ENDPOINTS
from mock_akool.akool.engine import Engine
from mock_akool.core.call_log import Line
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Request
from mock_akool.core.options import BASE_URL
from mock_akool.core.schema import TEXT, Field, Plain, whole

Matches = Callable[[Line], bool]


def list_calls(request: AdminRequest) -> Any:
    """List calls, oldest first."""
    given, call_log = request.given, request.engine.call_log
    matches = matching(request)
    found = [line for line in call_log.lines_after(given["after"]) if matches(line)]
    shown = found[: given["limit"]]
    return {
        "calls": [serializers.CALL.of(request.engine, call_log.call(line), request.now_ns) for line in shown],
        "matched": len(found),
        "next": shown[-1][0] if len(shown) < len(found) else None,
        "dropped": call_log.dropped,
    }


def matching(request: AdminRequest) -> Matches:
    """Return what decides whether a call is meant."""
    given, start_ns = request.given, request.engine.call_log.start_ns
    tests: list[Matches] = []
    if given["endpoint"] is not None:
        endpoints = frozenset(given["endpoint"])
        tests.append(lambda line: line[2] in endpoints)
    if request.account is not None:
        tests.append(request.engine.asked_by(request.account))
    job, code, http, rule = given["job"], given["code"], given["http"], given["rule"]
    if job is not None:
        tests.append(lambda line: line[4].job_id == job)
    if code is not None:
        tests.append(lambda line: line[4].code == code)
    if http is not None:
        tests.append(lambda line: line[4].status == http)
    if rule is not None:
        tests.append(lambda line: line[4].rule is not None and rule in line[4].rule)
    if given["since"] is not None:
        since_ns = start_ns + round(given["since"] * NS_PER_S)
        tests.append(lambda line: line[1] >= since_ns)
    if given["until"] is not None:
        until_ns = start_ns + round(given["until"] * NS_PER_S)
        tests.append(lambda line: line[1] < until_ns)
    if len(tests) == 1:
        return tests[0]
    return lambda line: all(test(line) for test in tests)


class CallCounter:
    """How many calls came that a caller waits for. A call that was counted once is not looked at again."""

    what = "calls"

    def __init__(self, request: AdminRequest) -> None:
        self._engine: Engine = request.engine
        self._request = request
        self._matches = matching(request)
        self._call_log = request.engine.call_log
        self._seen: int = request.given["after"]
        self._found = 0

    @property
    def hint(self) -> str:
        """Where to look when they did not come."""
        look = "GET /_mock/calls without at_least lists those that came"
        dropped = self._engine.call_log.dropped
        return f"{look}; {dropped} are not kept any more, see --journal-size" if dropped else look

    def has_news(self) -> bool:
        """Return whether a call came, or all were forgotten."""
        return self._engine.call_log is not self._call_log or self._call_log.count > self._seen

    def count(self) -> int:
        """Return how many came until now, since the last reset."""
        call_log = self._engine.call_log
        if call_log is not self._call_log:
            self._call_log, self._seen, self._found = call_log, 0, 0
            self._matches = matching(self._request)
        self._found += sum(map(self._matches, call_log.lines_after(self._seen)))
        self._seen = call_log.count
        return self._found


def answer(request: AdminRequest) -> Any:
    """Answer a request to the emulated API: tell the delay and how the connection ends, instead of doing so."""
    given = request.given
    path: str = given["path"]
    if path.startswith(PREFIX):
        raise AdminError(400, f"{path[:200]} is an admin route", "Call it directly")
    headers = {name.lower(): value for name, value in given["headers"].items()}
    if request.account is not None and not headers.keys() & {"x-api-key", "authorization"}:
        headers["x-api-key"] = request.account
    http = Request(
        given["method"], path, given["query"], headers, given["body"], given["file_base"], given["transport"]
    )
    response, drawn = request.fake.complete(request.fake.answer(http))
    return serializers.ANSWER.of(request.engine, response._replace(body=drawn), request.now_ns)


_TOKEN: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"


def _read_method(value: Any) -> str:
    if not isinstance(value, str) or not re.match(_TOKEN, value):
        raise ValueError(value)
    return value


def _read_path(value: Any) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "?" in value:
        raise ValueError(value)
    return value


def _read_query(value: Any) -> str:
    # JavaScript's URL.search begins with what is no part of it.
    return str(TEXT.read(value, ())).removeprefix("?")


def _read_headers(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError(value)
    return value


def _read_bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict) or list(value) != ["base64"]:
        raise ValueError(value)
    return base64.b64decode(value["base64"], validate=True)


_METHOD: Final = Plain("a method such as GET", _read_method, {"type": "string", "pattern": _TOKEN})
_PATH: Final = Plain("a path, without a query", _read_path, {"type": "string", "pattern": r"^/[^?]*$"})
_QUERY: Final = Plain("a text", _read_query, {"type": "string"})
_FILE_BASE: Final = Plain(BASE_URL.wants, BASE_URL.read, {"type": "string"})
_HEADERS: Final = Plain("an object of texts", _read_headers, HEADERS)
_BYTES: Final = Plain('a text, or {"base64": …}', _read_bytes, BODY)
_AS_WHOM: Final = "an API key, sent as x-api-key when the headers have neither x-api-key nor authorization"

ROUTES: Final[Routes] = {
    ("GET", "/_mock/calls"): Route(
        "List calls, oldest first, or wait for them",
        list_calls,
        page(
            "calls",
            "the calls",
            serializers.CALL.schema,
            by="after",
            dropped=("how many calls of all accounts the call log does not keep any more, see --journal-size", WHOLE),
        ),
        query(
            account=account_of_query("the API key of the account, also of calls that were refused before it was known"),
            endpoint=Field(
                ENDPOINTS,
                "an endpoint's name, or create, api, any; write several with commas, or one by one as "
                "endpoint=…&endpoint=…",
            ),
            job=Field(TEXT, "the `_id` of the job that they were about"),
            code=Field(whole(0, 10**6), "the business code of the response"),
            http=Field(whole(0, 999), "the HTTP status of the response; 0 when there was none"),
            rule=Field(TEXT, "the rule, or a part of its name, that made the response what it is"),
            since=Field(SECONDS, "seconds since the fake's start or reset; calls from then on"),
            until=Field(SECONDS, "seconds since the fake's start or reset; calls before then"),
            after=Field(whole(0, 2**53), "the number of a call; only later ones are listed", 0),
            limit=LIMIT,
            at_least=long_poll.AT_LEAST,
            timeout=long_poll.TIMEOUT,
            check=long_poll.check_wait,
        ),
        counter=CallCounter,
    ),
    ("POST", "/_mock/answer"): Route(
        "Answer a request to the emulated API as data: a delay, and how the connection ends, are told and not done",
        answer,
        serializers.ANSWER.schema,
        query(account=account_of_query(_AS_WHOM)),
        body(
            account=account(_AS_WHOM),
            method=Field(_METHOD, "the request's method"),
            path=Field(_PATH, "its path, such as /api/open/v3/faceswap/quota/info"),
            query=Field(_QUERY, "its query, undecoded, with a ? before it or without", ""),
            headers=Field(_HEADERS, "its headers", {}),
            body=Field(_BYTES, "its body", b""),
            file_base=Field(_FILE_BASE, "what the URLs of files begin with", CDN_URL),
            transport=Field(TEXT, "what the call log calls the transport that carried it in", "control"),
            needed=("method", "path"),
        ),
        needs_lock=False,
    ),
}
