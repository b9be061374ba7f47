"""Jobs: list them, create them with a history, and decide what becomes of them."""

from __future__ import annotations

import json
from typing import Any, Final

from mock_akool.admin.parameters import (
    ACCOUNT,
    ACCOUNT_BODY,
    ACCOUNT_QUERY,
    LIMIT,
    OFFSET,
    OWN_ACCOUNT,
    OWN_ACCOUNT_QUERY,
    account_of_query,
    body,
    query,
)
from mock_akool.admin.resources.accounts import unknown_account
from mock_akool.admin.responses import AdminError, page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import TEXT as PLAIN_TEXT
from mock_akool.admin.schemas import WHOLE, listed, page, record
from mock_akool.admin.serializers import JOB
from mock_akool.akool.api import media_type
from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import ENDPOINTS
from mock_akool.akool.errors import AkoolError, ParameterError
from mock_akool.akool.families import CREATES
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.schema import RESULT
from mock_akool.akool.scripts import JobPlan
from mock_akool.core.durations import DURATION
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response
from mock_akool.core.schema import FLAG, TEXT, Field, Listed, Plain, whole
from mock_akool.core.stages import STAGES
from mock_akool.core.timeline import STATUS, failed

_NEWEST_NAMED: Final = 5

_WAYS_OUT: Final[dict[int, str]] = {
    Code.TOO_FREQUENT: "A limit is reached, see GET /_mock/scenario; POST /_mock/jobs/{job}/complete ends a job",
    Code.NOT_FOUND: "GET /_mock/jobs lists the jobs with their `_id`",
    Code.NO_PERMISSION: "Give as `account` the one whose job it is, see GET /_mock/jobs/{job}",
    Code.CANNOT_OPERATE: "The job must be completed, as by POST /_mock/jobs/{job}/complete, and must have the button",
    Code.ALREADY_OPERATED: "Take another button; GET /_mock/jobs/{job} lists those that were pressed as `used_buttons`",
    Code.CREDITS_INSUFFICIENT: "Give the account more by POST /_mock/accounts/credits",
    Code.QUOTA_NOT_ENOUGH: "Give the account more by POST /_mock/accounts/credits",
    Code.ACCOUNT_BANNED: "POST /_mock/accounts/ban with `banned` false lifts the ban",
}
"""What to do when the API would refuse, by its code."""


def list_jobs(request: AdminRequest) -> Any:
    """List jobs, oldest or newest first."""
    engine, status = request.engine, request.given["status"]
    found = engine.jobs(request.account)
    if status is not None:
        found = tuple(job for job in found if engine.change_of(job, request.now_ns).status is status)
    if request.given["newest"]:
        found = found[::-1]
    first = request.given["offset"]
    shown = page_of(found[first:], request.given["limit"], lambda job: _written(request, job))
    following = first + len(shown.items)
    return {"jobs": shown, "matched": len(found), "next": following if following < len(found) else None}


def show_job(request: AdminRequest) -> Any:
    """Show one job."""
    return _written(request, _job(request))


def list_files(request: AdminRequest) -> Any:
    """List the files of a job that are there now."""
    files = request.engine.files_of(_job(request), request.now_ns)
    return {
        "files": [
            {"number": number, "url": each.url, "type": media_type(each.shows)} for number, each in enumerate(files, 1)
        ]
    }


def send_file(request: AdminRequest) -> Response:
    """Send a file of a job as it is, whatever goes wrong for clients; that is no call and no download."""
    job, number = _job(request), request.given["file"]
    files = request.engine.files_of(job, request.now_ns)
    if not number.isascii() or not number.isdigit() or not 1 <= int(number[:9]) <= len(files):
        raise AdminError(404, f"job {job.id} has no file {number[:60]!r} now", "GET /_mock/jobs/{job}/files lists them")
    shows = files[int(number) - 1].shows
    headers = (
        ("content-type", media_type(shows)),
        ("cache-control", "private, max-age=3600"),
        ("x-content-type-options", "nosniff"),
    )
    return Response(200, headers, b"", shows)


def create_job(request: AdminRequest) -> Any:
    """Create a job as if it had been created some time ago and polled so many times since."""
    engine, given = request.engine, request.given
    (endpoint,) = given["endpoint"]
    sent = json.dumps(given["request"]).encode()
    http = Request.build("POST", "", headers={"content-type": "application/json"}, body=sent)
    create = CREATES[endpoint]
    try:
        input = create.input.read(http, engine.settings)
    except ParameterError as refused:
        error = engine.settings.refusal(create.bad_parameter_code(engine.settings))
        example = json.dumps(create.example, ensure_ascii=False)
        raise AdminError(
            400,
            f"request: the API would answer {error}: {refused.reason}",
            f"For {endpoint} give one such as {example}",
        ) from None
    created_ns = request.now_ns - given["elapsed"].ns
    if created_ns < 0:
        raise AdminError(400, f"elapsed: {given['elapsed']} ago is before 1970", "Give a shorter time")
    plan = None
    if given["stages"] is not None or given["result"] is not None:
        plan = JobPlan(given["stages"], given["result"], "admin")
    try:
        made = engine.create_with_history(
            request.own_account,
            create,
            input,
            request.http.file_base,
            created_ns,
            request.now_ns,
            plan=plan,
            polls=given["polls"],
        )
    except AkoolError as error:
        if error.code == Code.ACCOUNT_NOT_FOUND:
            raise unknown_account() from None
        hint = _WAYS_OUT.get(error.code, "See GET /_mock/state and GET /_mock/accounts")
        raise AdminError(409, f"the API would answer {error}", hint) from None
    return {"jobs": [_written(request, job) for job in made]}


def complete(request: AdminRequest) -> Any:
    """Make a job completed from now on."""
    return _written(request, request.engine.complete(_job(request).id, request.now_ns))


def fail(request: AdminRequest) -> Any:
    """Make a job failed from now on."""
    ending = failed(*request.given["reasons"], refund=request.given.get("refund"))
    return _written(request, request.engine.fail(_job(request).id, ending, request.now_ns))


def stall(request: AdminRequest) -> Any:
    """Make a job stay at its present status forever."""
    job = _job(request)
    try:
        return _written(request, request.engine.stall(job.id, request.now_ns))
    except MockAkoolError as error:
        raise AdminError(409, error.message, "Call it before the job's end") from None


def delete_job(request: AdminRequest) -> Any:
    """Delete a job."""
    job = _job(request)
    written = _written(request, job)
    request.engine.delete(job.id)
    return written


def _written(request: AdminRequest, job: Job) -> dict[str, Any]:
    return JOB.write(job, request.now_ns)


def _job(request: AdminRequest) -> Job:
    job = request.engine.job(request.given["job"])
    if job is None or request.account not in (None, job.account.api_key):
        newest = ", ".join(each.id for each in request.engine.newest_jobs(_NEWEST_NAMED, request.account)) or "none"
        whose = "" if request.account is None else " of this account"
        raise AdminError(404, f"there is no job {request.given['job'][:60]!r}{whose}", f"The newest ones are: {newest}")
    return job


def _read_create(value: Any) -> Any:
    found = ENDPOINTS.read(value, ())
    if len(found) != 1 or found[0] not in CREATES:
        raise ValueError(value)
    return found


_ENDPOINT: Final = Plain(f"one of {', '.join(CREATES)}", _read_create, {"enum": list(CREATES)})
_REQUEST: Final = Plain("an object", dict, {"type": "object"})

ROUTES: Final[Routes] = {
    ("GET", "/_mock/jobs"): Route(
        "List jobs, oldest first, or newest first",
        list_jobs,
        page("jobs", "the jobs", JOB.schema, by="offset"),
        query(
            account=account_of_query(),
            status=Field(STATUS, "the status that they have now"),
            newest=Field(FLAG, "newest first", False),
            offset=OFFSET,
            limit=LIMIT,
        ),
    ),
    ("POST", "/_mock/jobs"): Route(
        "Create a job with a history; it is charged like any other",
        create_job,
        record({"jobs": ("the jobs", listed(JOB.schema))}),
        OWN_ACCOUNT_QUERY,
        body(
            account=OWN_ACCOUNT,
            endpoint=Field(_ENDPOINT, "the endpoint that would create it", (next(iter(CREATES)),)),
            request=Field(_REQUEST, "the body of that request", {"prompt": "an image"}),
            stages=Field(STAGES, "its whole life; without it, what the settings and scenarios say"),
            result=Field(RESULT, "what is unusual about its result"),
            elapsed=Field(DURATION, "how long ago it was created", DURATION.read(0, ())),
            polls=Field(whole(0, 10_000), "how often it was polled since, where stages count polls", 0),
        ),
        needed=("account",),
        status=201,
    ),
    ("GET", "/_mock/jobs/{job}"): Route("Show one job", show_job, JOB.schema, ACCOUNT_QUERY),
    ("GET", "/_mock/jobs/{job}/files"): Route(
        "List the result files of a job; there are none before it is completed",
        list_files,
        record(
            {
                "files": (
                    "the files",
                    listed(
                        record(
                            {
                                "number": ("counts them from 1", WHOLE),
                                "url": ("where the client finds it", PLAIN_TEXT),
                                "type": ("its media type, such as image/jpeg", PLAIN_TEXT),
                            }
                        )
                    ),
                )
            }
        ),
        ACCOUNT_QUERY,
    ),
    ("GET", "/_mock/jobs/{job}/files/{file}"): Route(
        "Send a result file of a job, by its number, as it is; nothing goes wrong with it, and it is no call",
        send_file,
        {},
        ACCOUNT_QUERY,
        sends_file=True,
    ),
    ("POST", "/_mock/jobs/{job}/complete"): Route(
        "Make a job completed from now on", complete, JOB.schema, ACCOUNT_QUERY, ACCOUNT_BODY
    ),
    ("POST", "/_mock/jobs/{job}/fail"): Route(
        "Make a job failed from now on",
        fail,
        JOB.schema,
        ACCOUNT_QUERY,
        body(
            account=ACCOUNT,
            reasons=Field(Listed(TEXT), "the record's error_reasons; a general one when there is none", ()),
            refund=Field(FLAG, "whether the credits are given back; without it, as usual for the job"),
        ),
    ),
    ("POST", "/_mock/jobs/{job}/stall"): Route(
        "Make a job stay at its present status forever", stall, JOB.schema, ACCOUNT_QUERY, ACCOUNT_BODY
    ),
    ("DELETE", "/_mock/jobs/{job}"): Route(
        "Delete a job; its credits stay spent", delete_job, JOB.schema, ACCOUNT_QUERY
    ),
}
