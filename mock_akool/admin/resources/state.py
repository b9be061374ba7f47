"""The fake as a whole: its totals, the report, and the reset."""

from __future__ import annotations

from typing import Any, Final

from mock_akool._version import __version__
from mock_akool.admin.parameters import ACCOUNT_BODY, ACCOUNT_QUERY, account_of_query, query
from mock_akool.admin.resources.clock import CLOCK, show_clock
from mock_akool.admin.resources.probes import SET_UP, set_up
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import FLAG, NUMBER, TEXT, WHOLE, listed, record
from mock_akool.akool.accounts import credits_as_number
from mock_akool.core.schema import FLAG as YES_OR_NO
from mock_akool.core.schema import Field
from mock_akool.core.timeline import STATUS_WORDS, Status


def state(request: AdminRequest) -> Any:
    """Show the totals."""
    engine, now_ns, key = request.engine, request.now_ns, request.account
    counts = engine.count_by_status(now_ns, key)
    totals = engine.totals(now_ns, key)
    return {
        "version": __version__,
        **set_up(engine.settings),
        "started_ns": engine.call_log.start_ns,
        "clock": show_clock(request),
        "accounts": totals.accounts,
        "jobs": {status.word: counts[status] for status in Status},
        "calls": engine.call_log.count if key is None else len(engine.calls(key)),
        "awaited": engine.is_awaited(now_ns, key),
        "sending": request.fake.sending(key),
        "credits": credits_as_number(totals.credits),
        "credits_spent": credits_as_number(totals.spent),
    }


def report(request: AdminRequest) -> Any:
    """Explain what the client did."""
    # A fake that nobody asks for a report does without what makes one.
    from mock_akool.diagnostics.hints import find_hints
    from mock_akool.diagnostics.observations import Observations
    from mock_akool.diagnostics.report import explain

    is_held = request.given["holds_clock"]
    seen = Observations.of(request.engine, request.account, clock_is_held=is_held)
    return {"calls": len(seen.calls), "report": explain(seen), "hints": find_hints(seen)}


def reset(request: AdminRequest) -> Any:
    """Forget what happened, to all accounts or to one."""
    request.fake.reset(request.account)
    return {"reset": request.account or "everybody"}


ROUTES: Final[Routes] = {
    ("GET", "/_mock/state"): Route(
        "Show totals: accounts, jobs by status, calls, credits spent, the clock",
        state,
        record(
            {
                "version": ("the version", TEXT),
                **SET_UP,
                "started_ns": ("when the fake was started or last reset, in epoch nanoseconds", WHOLE),
                "clock": ("the clock", CLOCK),
                "accounts": ("how many accounts there are", WHOLE),
                "jobs": ("how many jobs there are, by status", record({word: (word, WHOLE) for word in STATUS_WORDS})),
                "calls": ("how many calls there were; of an account, how many are kept", WHOLE),
                "sending": ("how webhooks are sent", {"enum": ["http", "collect", "call"]}),
                "awaited": ("whether a client has something to wait for: a job, a webhook, another attempt", FLAG),
                "credits": ("what is left", NUMBER),
                "credits_spent": ("what was paid, less refunds", NUMBER),
            }
        ),
        ACCOUNT_QUERY,
    ),
    ("GET", "/_mock/report"): Route(
        "Explain what the client did, for a test that failed: jobs, last calls, hints at mistakes",
        report,
        record(
            {
                "calls": ("how many calls it is about", WHOLE),
                "report": ("the explanation, in lines", TEXT),
                "hints": ("the hints by themselves", listed(TEXT)),
            }
        ),
        query(
            account=account_of_query(),
            holds_clock=Field(
                YES_OR_NO, "whether the caller stopped the clock: then the report does not say it", False
            ),
        ),
        as_text=lambda plain: str(plain["report"]),
    ),
    ("POST", "/_mock/reset"): Route(
        "Forget jobs, calls, scenarios, job scripts and spent credits: of one account, which is then as it was made, "
        "or of all, with the accounts that were added; then a server's clock shows the machine's time again",
        reset,
        record({"reset": ("the API key, or everybody", TEXT)}),
        ACCOUNT_QUERY,
        ACCOUNT_BODY,
    ),
}
