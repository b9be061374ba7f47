"""Snapshots: all that the fake knows, as JSON, to move it to another fake or to keep it."""

from __future__ import annotations

from typing import Any, Final

from mock_akool.admin.parameters import SHARED_ACCOUNT, SHARED_BODY, SHARED_QUERY, body
from mock_akool.admin.responses import AdminError, Whole
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import NUMBER, TEXT, WHOLE, record
from mock_akool.akool.saved_state import FORMAT
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.schema import TEXT as A_TEXT
from mock_akool.core.schema import Field, Plain, whole


def _read_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


_OBJECT: Final = Plain("an object", _read_object, {"type": "object"}, use="what GET /_mock/snapshot answers")

SNAPSHOT: Final = record(
    {
        "format": ("the version of the format", WHOLE),
        "version": ("the version of mock-akool that wrote it", TEXT),
        "state": ("what the fake knows; what is in it is no promise, and changes with the format", {"type": "object"}),
        "tables": ("what stands in it many times", {"type": "object"}),
    }
)
"""A snapshot."""


def show(request: AdminRequest) -> Any:
    """Show all that the fake knows."""
    return Whole(b"".join(request.fake.freeze().json()))


def put(request: AdminRequest) -> Any:
    """Go on from a snapshot."""
    given = request.given
    document = {name: given[name] for name in ("format", "version", "state", "tables") if given[name] is not None}
    request.fake.go_on_from(document, "Take what GET /_mock/snapshot of the same version answers")
    engine = request.engine
    return {"jobs": engine.job_count, "accounts": len(engine.accounts), "calls": engine.call_log.count}


def save(request: AdminRequest) -> Any:
    """Save the state file now."""
    try:
        saved = request.fake.save()
    except MockAkoolError as error:
        raise AdminError(409, error.message, error.hint) from None
    if saved is None:
        raise AdminError(409, "this fake has no state file", "Start it with --state FILE, or take GET /_mock/snapshot")
    return saved._asdict()


ROUTES: Final[Routes] = {
    ("GET", "/_mock/snapshot"): Route(
        "Take a snapshot of all that the fake knows, with the keys and tokens of its accounts: jobs, accounts, "
        "credits, active scenarios with their counts, webhooks to come, kept calls, the clock",
        show,
        SNAPSHOT,
        SHARED_QUERY,
    ),
    ("PUT", "/_mock/snapshot"): Route(
        "Forget all, and go on from a snapshot of a fake with the same seed; settings stay this fake's own. A clock "
        "that ran has run on since; one that stood still stands at its instant",
        put,
        record(
            {
                "jobs": ("how many jobs there are now", WHOLE),
                "accounts": ("how many accounts there are now", WHOLE),
                "calls": ("how many calls there were", WHOLE),
            }
        ),
        SHARED_QUERY,
        body(
            account=SHARED_ACCOUNT,
            format=Field(whole(0, 1_000_000), f"the version of the format, {FORMAT}"),
            version=Field(A_TEXT, "the version of mock-akool that wrote it"),
            state=Field(_OBJECT, "what the fake knew"),
            tables=Field(_OBJECT, "what stands in it many times"),
            needed=("format", "state"),
        ),
    ),
    ("POST", "/_mock/snapshot/save"): Route(
        "Save the file of --state now",
        save,
        record(
            {
                "file": ("the file", TEXT),
                "bytes": ("how large it is", WHOLE),
                "jobs": ("how many jobs are in it", WHOLE),
                "seconds": ("how long that took", NUMBER),
            }
        ),
        SHARED_QUERY,
        SHARED_BODY,
    ),
}
