"""Akool's endpoints as a table, and `handle`, which turns a Request into a Response by it.

The table is the only place that knows which paths exist; every transport, the access log and the docs read it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from mock_akool.akool import endpoints
from mock_akool.akool.accounts import Account
from mock_akool.akool.auth import TOKEN_PAIR, authenticate, sign_in
from mock_akool.akool.codes import Code
from mock_akool.akool.engine import Engine
from mock_akool.akool.envelope import (
    balance_body,
    encode,
    error_body,
    storage_error,
    success,
    token_body,
    unknown_route,
)
from mock_akool.akool.errors import AkoolError, ParameterError
from mock_akool.akool.families import (
    CREATES,
    FAMILIES,
    FILE_EXTENSIONS,
    RESULTS,
    SERVICES,
    Asked,
    Create,
    Record,
    Results,
    Service,
    Unknown,
    created_body,
    names_in,
    shown_record,
)
from mock_akool.akool.jobs import Job
from mock_akool.akool.poll_cache import PollResult, Question
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Download, Headers, Request, Response
from mock_akool.core.media import MediaSpec
from mock_akool.core.schema import shown
from mock_akool.core.timeline import Status

_log = logging.getLogger("mock_akool")

_CORS: Final = (("access-control-allow-origin", "*"),)
_JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"), *_CORS)
_XML: Final[Headers] = (("content-type", "application/xml"), *_CORS)
_FILE_TYPES: Final[dict[str, Headers]] = {
    "JPEG": (("content-type", "image/jpeg"), *_CORS),
    "PNG": (("content-type", "image/png"), *_CORS),
    "MP4": (("content-type", "video/mp4"), *_CORS),
    "MP3": (("content-type", "audio/mpeg"), *_CORS),
    "WAV": (("content-type", "audio/wav"), *_CORS),
    "SRT": (("content-type", "application/x-subrip"), *_CORS),
}

Names = Sequence[str]
"""The parts of a path that its route names with `{name}`."""

Signed = Callable[[Engine, Request, Account, int, Names], Response]
Open = Callable[[Engine, Request, int, Names], Response]


class Route(NamedTuple):
    """An endpoint: its name, what handles it, and which code a request with bad parameters gets."""

    endpoint: str
    handle: Open
    bad_parameter_code: Callable[[ServiceSettings], int] = lambda _: Code.PARAMETER_ERROR


def _signed(handle: Signed) -> Open:
    """Wrap a handler that wants to know the account."""

    def authenticated(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
        account = authenticate(request.headers, engine.accounts, engine.tokens, engine.settings, now_ns)
        try:
            engine.admit(account, now_ns)
            return handle(engine, request, account, now_ns, names)
        except AkoolError as error:
            error.account = account.api_key
            raise

    return authenticated


def _get_token(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
    pair = TOKEN_PAIR.read(request, engine.settings)
    account = sign_in(*pair, engine.accounts, engine.settings)
    # A token is never as old as those that were revoked in the same second.
    issued_s = max(now_ns // NS_PER_S, account.valid_from_s)
    token = engine.tokens.issue(account, issued_s, issued_s + account.token_lifetime_ns // NS_PER_S)
    if engine.settings.new_token_revokes_older:
        engine.revoke_tokens_before(account.api_key, issued_s)
    return Response(200, _JSON, token_body(token), code=Code.OK, account=account.api_key)


def _create(create: Create[Any]) -> Signed:
    """Return what answers an endpoint that creates jobs."""

    def handle(engine: Engine, request: Request, account: Account, now_ns: int, names: Names) -> Response:
        input = create.input.read(request, engine.settings)
        create.allow(input, engine.settings)
        jobs = engine.create(account, create, input, request.file_base, now_ns)
        first = jobs[0]
        return Response(
            200,
            _JSON,
            encode(created_body(jobs, engine.context)),
            code=Code.OK,
            account=account.api_key,
            job_id=first.id,
            job_status=Status.QUEUEING,
            job_script=first.job_script,
        )

    return handle


def _read(results: Results) -> Signed:
    """Return what answers an endpoint that shows jobs."""
    endpoint = results.endpoint
    leaves_out = results.unknown is not Unknown.REFUSED
    look = _looking(results)

    def handle(engine: Engine, request: Request, account: Account, now_ns: int, names: Names) -> Response:
        question = "" if names else _question(request)
        if question:
            same = engine.recall(endpoint, question, account, request, now_ns)
            if same is not None:
                return same
        asked = results.asked_ids(request, names, engine.settings)
        keeps_rows = leaves_out and len(asked) > 1
        shown: list[PollResult] = []
        records: list[Record] = []
        new: list[tuple[PollResult, Record]] = []
        first_id = ""
        for job_id in asked:
            kept = engine.recall_row(endpoint, job_id, account, request.file_base, now_ns) if keeps_rows else None
            row = kept or look(engine, request, account, job_id, now_ns)
            if row is None:
                continue
            seen, record = row
            records.append(record)
            if seen is None:
                continue
            # The call log keeps the id as it was asked for: among a million jobs, the record's own is slow to reach.
            first_id = first_id or job_id
            shown.append(seen)
            if keeps_rows and kept is None and seen.until_ns > now_ns:
                new.append((seen, record))
        response = _polled(
            engine, account, success(results.data_of(records, engine.context), results.msg), first_id, shown
        )
        if new:
            engine.remember_rows(endpoint, request.file_base, new, len(response.body))
        # What was left out may be shown a moment later.
        if question and shown and len(shown) == len(asked):
            engine.remember(endpoint, question, request.file_base, shown, response)
        return response

    return handle


Looking = Callable[[Engine, Request, Account, str, int], tuple[PollResult | None, Record] | None]
"""Returns what a reader shows for an id: what a poll sees of the job, if it is one, and its record."""


def _looking(results: Results) -> Looking:
    """Return what looks at one id; it returns None where the reader leaves the id out."""
    is_strict = results.unknown is Unknown.REFUSED
    known_as = {
        create.endpoint: (reading, family)
        for family in FAMILIES
        for create in family.creates
        if (reading := family.reading(results)) is not None
    }

    def look(
        engine: Engine, request: Request, account: Account, job_id: str, now_ns: int
    ) -> tuple[PollResult | None, Record] | None:
        job = engine.job(job_id)
        known = None if job is None else known_as.get(job.endpoint)
        if job is None and results.also is not None:
            other = results.also(job_id, Asked(engine, request, account, None, now_ns))
            if other is not None:
                return None, other
        if not is_strict and (known is None or results.leaves_out(job, account, now_ns, engine.settings)):
            return None
        if known is None:
            raise engine.unknown_job(job_id)
        # A reader that leaves out has looked at whose job it is.
        seen = engine.poll(account, job_id, now_ns) if is_strict or job is None else engine.see(job_id, now_ns)
        return seen, shown_record(*known, seen.job, seen.status, request.file_base, engine.context)

    return look


def _polled(engine: Engine, account: Account, body: bytes, first_id: str, shown: Sequence[PollResult]) -> Response:
    """Return the response of a reader; `first_id` is the id by which it was asked for the first job that it shows."""
    if not shown:
        return Response(200, _JSON, body, None, engine.latency_ns, Code.OK, account.api_key)
    job, status, _ = shown[0]
    response = Response(
        200,
        _JSON,
        body,
        None,
        engine.latency_ns,
        Code.OK,
        account.api_key,
        first_id,
        status,
        job_script=job.job_script,
    )
    if len(shown) == 1:
        return response
    return response._replace(also_shown=tuple((each.job.id, each.status) for each in shown[1:]))


def _question(request: Request) -> Question:
    """Return what tells a poll from others to the same endpoint: its query, or its body and content type."""
    if request.method in ("GET", "HEAD"):
        return request.query
    return request.headers.get("content-type", "").encode() + b"\n" + request.body


_LONG_BYTES: Final = 32 << 10
_LONG_QUERY: Final = 8 << 10
_LISTS: Final = frozenset(service.path for service in SERVICES.values() if service.lists)


def is_slow(request: Request) -> bool:
    """Return whether a request may take milliseconds: it names or sends very much, or lists all that an account has."""
    return len(request.body) > _LONG_BYTES or len(request.query) > _LONG_QUERY or request.path in _LISTS


def _serve(service: Service) -> Open:
    """Return what answers a service."""

    def answer(engine: Engine, request: Request, account: Account | None, now_ns: int, names: Names) -> Response:
        try:
            input = None if service.input is None else service.input.read(request, engine.settings)
            said = service.answer(Asked(engine, request, account, input, now_ns))
        except ParameterError as error:
            if service.refuse is None:
                raise
            said = service.refuse(error.reason or "", engine.settings)
        key = None if account is None else account.api_key
        response = Response(said.status, _JSON, encode(said.body), code=said.code, account=key, reason=said.reason)
        if not said.shown:
            return response
        (job_id, status), *others = said.shown
        return response._replace(job_id=job_id, job_status=status, also_shown=tuple(others))

    signed = _signed(answer)

    def handle(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
        if service.is_signed(engine.settings):
            return signed(engine, request, now_ns, names)
        return answer(engine, request, None, now_ns, names)

    return handle


def _quota(engine: Engine, request: Request, account: Account, now_ns: int, names: Names) -> Response:
    body = balance_body(engine.credits_of(account, now_ns), engine.settings)
    return Response(200, _JSON, body, code=Code.OK, account=account.api_key)


def _file(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
    loose = engine.loose_file_at(request.path, now_ns)
    if loose is not None:
        return Response(
            200,
            _FILE_TYPES[loose.media.format],
            b"",
            loose.media,
            engine.latency_ns,
            account=loose.api_key,
            download=Download.of(request.method, request.headers, loose.since_ns // NS_PER_S),
        )
    job, media, since_ns = engine.file_at(request.path, now_ns)
    if job is None or media is None:
        gone = gone_file(engine.settings)
        return gone._replace(job_id=None if job is None else job.id, reason=_why_no_file(engine, job, now_ns))
    return Response(
        200,
        _FILE_TYPES[media.format],
        b"",
        media,
        engine.latency_ns,
        account=job.account.api_key,
        job_id=job.id,
        job_status=Status.COMPLETED,
        job_script=job.job_script,
        download=Download.of(request.method, request.headers, since_ns // NS_PER_S),
    )


def media_type(media: MediaSpec) -> str:
    """Return the media type of a file, such as `image/jpeg`."""
    return dict(_FILE_TYPES[media.format])["content-type"]


def _why_no_file(engine: Engine, job: Job | None, now_ns: int) -> str:
    """Return why there is no file, for people; `job` is the one that its name belongs to, if any."""
    if job is None:
        return "no job has a file of this name"
    status = engine.change_of(job, now_ns).status
    if status is not Status.COMPLETED:
        return f"job {job.id} is {status.word}, and has files when it is completed"
    return f"the file has expired; files live for {engine.settings.file_lifetime} (setting file_lifetime)"


def storage_refusal(status: int, headers: Headers = ()) -> Response:
    """Return what S3 sends for a precondition that failed (412), or a range that the file does not have (416)."""
    code, message = _STORAGE_REFUSALS[status]
    return Response(status, (*_XML, *headers), storage_error(code, message))


_STORAGE_REFUSALS: Final = {
    412: ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold"),
    416: ("InvalidRange", "The requested range is not satisfiable"),
}


def _file_method(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
    body = storage_error("MethodNotAllowed", "The specified method is not allowed against this resource.")
    reason = f"files take GET and HEAD, not {request.method[:_MOST_SHOWN]}"
    return Response(405, (*_XML, ("allow", "GET, HEAD")), body, reason=reason)


def _preflight(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
    allowed = "authorization, content-type" + (", x-api-key" if engine.settings.cors_allow_api_key else "")
    asked = request.headers.get("access-control-request-headers", "")
    if engine.settings.cors_allow_any_header and _HEADER_NAMES.fullmatch(asked):
        allowed = asked
    headers = (
        *_CORS,
        ("access-control-allow-methods", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("access-control-allow-headers", allowed),
        ("access-control-max-age", "600"),
    )
    return Response(204, headers, b"")


_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")
"""Names of headers, separated by commas."""


def _unknown(engine: Engine, request: Request, now_ns: int, names: Names) -> Response:
    content_type, body = unknown_route(engine.settings)
    reason = _why_unknown(request.method[:_MOST_SHOWN], request.path[:_MOST_SHOWN])
    return Response(404, (("content-type", content_type), *_CORS), body, reason=reason)


def _why_unknown(method: str, path: str) -> str:
    """Return why there is nothing at a path, for people; on the wire it is just HTTP 404."""
    methods = [known for known, template in API_ROUTES if template == path]
    if methods:
        return f"{shown(path)} takes {' and '.join(methods)}, not {method}"
    wanted = path.rstrip("/").lower()
    for known, template in API_ROUTES:
        if template.lower() == wanted:
            return f"there is no {shown(path)}; {known} {template} is written so"
    if path.startswith(_OPEN_API):
        return f"this fake does not imitate {shown(path)}; docs/reference/families.md lists what it imitates"
    return f"Akool's API has no {shown(path)}; its paths begin with {_OPEN_API}"


_MOST_SHOWN: Final = 200
_OPEN_API: Final = "/api/open/"


def _bad_query(settings: ServiceSettings) -> int:
    return settings.bad_parameter_code


def _routes() -> Iterator[tuple[tuple[str, str], Route]]:
    yield (
        ("POST", "/api/open/v3/getToken"),
        Route(endpoints.GET_TOKEN, _get_token, lambda settings: settings.get_token_missing_field_code),
    )
    for create in CREATES.values():
        yield (
            (create.method, create.path),
            Route(create.endpoint, _signed(_create(create)), create.bad_parameter_code),
        )
    for results in RESULTS.values():
        yield (results.method, results.path), Route(results.endpoint, _signed(_read(results)), _bad_query)
    for service in SERVICES.values():
        yield (service.method, service.path), Route(service.endpoint, _serve(service), _bad_query)
    yield ("GET", "/api/open/v3/faceswap/quota/info"), Route(endpoints.QUOTA_INFO, _signed(_quota))


API_ROUTES: Final[dict[tuple[str, str], Route]] = dict(_routes())
"""The emulated API: method and path, which may have `{names}`, and what answers (contract sections 2 to 7)."""

_TEMPLATES: Final = [(method, path, found) for (method, path), found in API_ROUTES.items() if "{" in path]
_IN_LOWER_CASE: Final = {(method, path.lower()): found for (method, path), found in API_ROUTES.items()}
_READING: Final = {"GET": _file, "HEAD": _file}
_PREFLIGHT: Final = Route(endpoints.PREFLIGHT, _preflight)
_UNKNOWN: Final = Route(endpoints.UNKNOWN, _unknown)


def route(method: str, path: str, *, any_case: bool = False) -> tuple[Route, Names]:
    """Return what answers a request, and the parts of its path that the route names.

    What is no endpoint and no file is answered with HTTP 404. With `any_case` a path is known in any case.
    """
    asked = "GET" if method == "HEAD" else method
    found = API_ROUTES.get((asked, path))
    if found is not None:
        return found, names_in(path, path)  # a client may ask for a template as it stands in the docs
    for known, template, route in _TEMPLATES:
        if known == asked and (names := names_in(template, path)):
            return route, names
    if any_case and (found := _IN_LOWER_CASE.get((asked, path.lower()))) is not None:
        return found, names_in(path, path)
    if method == "OPTIONS":
        return _PREFLIGHT, ()
    if path.rpartition(".")[2] in FILE_EXTENSIONS and not path.startswith(_API):
        return Route(endpoints.FILE, _READING.get(method, _file_method)), ()
    return _UNKNOWN, ()


_API: Final = "/api/"


def handle(engine: Engine, found: Route, names: Names, request: Request, now_ns: int) -> Response:
    """Answer a request as the API does when nothing goes wrong on the way; see `route` for what was found.

    A business error is HTTP 200 with its code (contract section 1). Whatever else is raised is a bug of ours:
    it is logged and answered with HTTP 500 and a body that no client can take for Akool's.
    """
    try:
        response = found.handle(engine, request, now_ns, names)
    except ParameterError as error:
        refusal = engine.settings.refusal(found.bad_parameter_code(engine.settings), reason=error.reason)
        refusal.account = error.account
        response = error_response(refusal, engine.settings)
    except AkoolError as error:
        response = error_response(error, engine.settings)
    except Exception as bug:
        _log.exception("mock-akool bug while answering %s %s", request.method, request.path)
        response = bug_reply(bug)
    if engine.latency_is_drawn:
        return response._replace(delay_ns=engine.drawn_latency_ns())
    return response if response.delay_ns >= engine.latency_ns else response._replace(delay_ns=engine.latency_ns)


def error_response(error: AkoolError, settings: ServiceSettings) -> Response:
    """Return the response that says a business error (contract section 1)."""
    body = error_body(error, settings)
    return Response(200, _JSON, body, code=error.code, account=error.account, job_id=error.job_id, reason=error.reason)


def gone_file(settings: ServiceSettings) -> Response:
    """Return the response for a file that expired or never was: the habit of S3 (contract section 1)."""
    return Response(settings.gone_file_status, _XML, storage_error("AccessDenied", "Access Denied"))


def bug_reply(bug: Exception) -> Response:
    """Return HTTP 500 for an unexpected exception of ours."""
    body = {
        "error": "mock-akool bug",
        "detail": f"{type(bug).__name__}: {bug}",
        "hint": "This is a fault of the fake, not an answer of Akool. Please report it with the server's log.",
    }
    return Response(500, _JSON, encode(body))
