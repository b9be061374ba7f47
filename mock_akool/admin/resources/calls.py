"""Calls: what was asked and answered, and waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mock_akool.admin import long_poll
from mock_akool.admin.parameters import LIMIT, SECONDS, SHARED_QUERY, account_of_query, query
from mock_akool.admin.responses import page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import WHOLE, listed, page, record
from mock_akool.admin.serializers import CALL, REFUSAL
from mock_akool.akool.endpoints import ENDPOINTS
from mock_akool.akool.engine import Engine
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.schema import TEXT, Field, whole

Matches = Callable[[Call], bool]


def list_calls(request: AdminRequest) -> Any:
    """List calls, oldest first."""
    given, engine = request.given, request.engine
    matches = matching(request)
    found = [call for call in engine.calls(after=given["after"]) if matches(call)]
    shown = page_of(found, given["limit"], lambda call: CALL.write(call, request.now_ns))
    return {
        "calls": shown,
        "matched": len(found),
        "next": found[len(shown.items) - 1].number if len(shown.items) < len(found) else None,
        "dropped": engine.call_log.dropped,
    }


def list_unreadable(request: AdminRequest) -> Any:
    """List what never became a request, oldest first."""
    newest, count = request.engine.refusals()
    return {"unreadable": [REFUSAL.write(each, request.now_ns) for each in newest], "count": count}


def matching(request: AdminRequest) -> Matches:
    """Return what decides whether a call is meant."""
    given, start_ns = request.given, request.engine.call_log.start_ns
    tests: list[Matches] = []
    if given["endpoint"] is not None:
        endpoints = frozenset(given["endpoint"])
        tests.append(lambda call: call.endpoint in endpoints)
    if request.account is not None:
        tests.append(request.engine.asked_by(request.account))
    job, code, http, rule = given["job"], given["code"], given["http"], given["rule"]
    if job is not None:
        tests.append(lambda call: call.response.job_id == job)
    if code is not None:
        tests.append(lambda call: call.response.code == code)
    if http is not None:
        tests.append(lambda call: call.response.status == http)
    if rule is not None:
        tests.append(lambda call: call.response.rule is not None and rule in call.response.rule)
    if given["since"] is not None:
        since_ns = start_ns + round(given["since"] * NS_PER_S)
        tests.append(lambda call: call.time_ns >= since_ns)
    if given["until"] is not None:
        until_ns = start_ns + round(given["until"] * NS_PER_S)
        tests.append(lambda call: call.time_ns < until_ns)
    if len(tests) == 1:
        return tests[0]
    return lambda call: all(test(call) for test in tests)


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
        return f"{look}; {dropped} are not kept any more, see --call-log-size" if dropped else look

    def has_news(self) -> bool:
        """Return whether a call came, or all were forgotten."""
        return self._engine.call_log is not self._call_log or self._call_log.count > self._seen

    def count(self) -> int:
        """Return how many came until now, since the last reset."""
        call_log = self._engine.call_log
        if call_log is not self._call_log:
            self._call_log, self._seen, self._found = call_log, 0, 0
            self._matches = matching(self._request)
        new = self._engine.calls(after=self._seen)
        self._found += sum(map(self._matches, new))
        if new:
            self._seen = new[-1].number
        return self._found


ROUTES: Final[Routes] = {
    ("GET", "/_mock/calls"): Route(
        "List calls, oldest first, or wait for them",
        list_calls,
        page(
            "calls",
            "the calls",
            CALL.schema,
            by="after",
            dropped=("how many calls of all accounts the call log does not keep any more, see --call-log-size", WHOLE),
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
            beside=long_poll.BESIDE,
        ),
        counter=CallCounter,
    ),
    ("GET", "/_mock/calls/unreadable"): Route(
        "List what clients sent that never became a request, such as TLS to this port: the newest, oldest first",
        list_unreadable,
        record(
            {
                "unreadable": ("what was sent, and what was wrong with it", listed(REFUSAL.schema)),
                "count": ("how often that happened, listed or not", WHOLE),
            }
        ),
        SHARED_QUERY,
    ),
}
