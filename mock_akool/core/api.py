"""Akool's endpoints as a table, and `answer`, which turns a Call into a Reply by it.

The table is the only place that knows which paths exist; every door, the log and the docs read it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from mock_akool.core import requests
from mock_akool.core.auth import authenticate, sign_in
from mock_akool.core.behaviour import Behaviour
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.codes import Code, Endpoint, Status
from mock_akool.core.engine import Engine
from mock_akool.core.errors import AkoolError, ParameterError, ScenarioError
from mock_akool.core.faults import afflict
from mock_akool.core.files import stamp_of
from mock_akool.core.models import Account, Call, Headers, Job, Reply
from mock_akool.core.wire import balance_body, encode, error_body, storage_error, token_body, unknown_route

_log = logging.getLogger("mock_akool")

_CORS: Final = (("access-control-allow-origin", "*"),)
_JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"), *_CORS)
_XML: Final[Headers] = (("content-type", "application/xml"), *_CORS)
_PICTURE: Final[dict[str, Headers]] = {
    "JPEG": (("content-type", "image/jpeg"), *_CORS),
    "PNG": (("content-type", "image/png"), *_CORS),
}

Signed = Callable[[Engine, Call, Account, int], Reply]
Open = Callable[[Engine, Call, int], Reply]


class Route(NamedTuple):
    """An endpoint: its name, what handles it, and which code a request with bad parameters gets."""

    endpoint: Endpoint
    handle: Open
    bad_parameter_code: Callable[[Behaviour], int] = lambda _: Code.PARAMETER_ERROR


def _signed(handle: Signed) -> Open:
    """Wrap a handler that wants to know the account."""

    def authenticated(engine: Engine, call: Call, now_ns: int) -> Reply:
        account = authenticate(call.headers, engine.accounts, engine.tokens, engine.behaviour, now_ns)
        try:
            if engine.behaviour.requests_per_second is not None or engine.director.limiting:
                engine.admit(account, now_ns)
            return handle(engine, call, account, now_ns)
        except AkoolError as error:
            error.account = account.api_key
            raise

    return authenticated


def _get_token(engine: Engine, call: Call, now_ns: int) -> Reply:
    pair = requests.token_pair(call, engine.behaviour)
    account = sign_in(*pair, engine.accounts, engine.behaviour)
    # A token is never as old as those that were revoked in the same second.
    issued_s = max(now_ns // NS_PER_S, account.valid_from_s)
    token = engine.tokens.issue(account, issued_s, issued_s + account.token_ttl_ns // NS_PER_S)
    if engine.behaviour.new_token_revokes_older:
        engine.revoke_tokens_before(account, issued_s)
    return Reply(200, _JSON, token_body(token), code=Code.OK, account=account.api_key)


def _created(engine: Engine, account: Account, jobs: list[Job]) -> Reply:
    body = engine.wire.created(jobs)
    first = jobs[0]
    return Reply(
        200,
        _JSON,
        body,
        code=Code.OK,
        account=account.api_key,
        job_id=first.id,
        job_status=Status.QUEUEING,
        entry=first.entry,
    )


def _create_v3(engine: Engine, call: Call, account: Account, now_ns: int) -> Reply:
    request = requests.create_v3(call, engine.behaviour)
    return _created(engine, account, engine.create(account, request, call.file_base, now_ns))


def _create_v4(engine: Engine, call: Call, account: Account, now_ns: int) -> Reply:
    request = requests.create_v4(call, engine.behaviour)
    return _created(engine, account, engine.create(account, request, call.file_base, now_ns))


def _press_button(engine: Engine, call: Call, account: Account, now_ns: int) -> Reply:
    request = requests.press_button(call, engine.behaviour)
    return _created(engine, account, engine.press(account, request, call.file_base, now_ns))


def _info(engine: Engine, call: Call, account: Account, now_ns: int) -> Reply:
    known = engine.recall(call.query, account, call.file_base, now_ns)
    if known is not None:
        return known
    sight = engine.poll(account, requests.image_model_id(call), now_ns)
    job, status, _ = sight
    body = engine.wire.info(job, status, call.file_base)
    reply = Reply(200, _JSON, body, None, engine.latency_ns, Code.OK, account.api_key, job.id, status, entry=job.entry)
    engine.remember(call.query, sight, call.file_base, reply)
    return reply


def _quota(engine: Engine, call: Call, account: Account, now_ns: int) -> Reply:
    body = balance_body(engine.credits_of(account, now_ns))
    return Reply(200, _JSON, body, code=Code.OK, account=account.api_key)


def _file(engine: Engine, call: Call, now_ns: int) -> Reply:
    found = engine.picture_at(call.path, now_ns)
    if found is None:
        # The habit of S3 behind CloudFront, for what expired and what never was (contract section 1).
        return Reply(engine.behaviour.gone_file_status, _XML, storage_error("AccessDenied", "Access Denied"))
    job, picture = found
    reply = Reply(
        200,
        _PICTURE[picture.format],
        b"",
        picture,
        engine.latency_ns,
        account=job.account.api_key,
        job_id=job.id,
        job_status=Status.COMPLETED,
        entry=job.entry,
    )
    if job.result is not None and job.result.files is not None:
        reply = afflict(job.result.files, reply, engine.behaviour, engine.chance, "files", call.path)
        return reply._replace(rule=f"{job.entry}: result.files")
    return reply


def _file_method(engine: Engine, call: Call, now_ns: int) -> Reply:
    body = storage_error("MethodNotAllowed", "The specified method is not allowed against this resource.")
    return Reply(405, (*_XML, ("allow", "GET, HEAD")), body)


def _preflight(engine: Engine, call: Call, now_ns: int) -> Reply:
    allowed = "authorization, content-type" + (", x-api-key" if engine.behaviour.cors_allow_api_key else "")
    headers = (
        *_CORS,
        ("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
        ("access-control-allow-headers", allowed),
        ("access-control-max-age", "600"),
    )
    return Reply(204, headers, b"")


def _unknown(engine: Engine, call: Call, now_ns: int) -> Reply:
    content_type, body = unknown_route(engine.behaviour)
    return Reply(404, (("content-type", content_type), *_CORS), body)


def _bad_query(behaviour: Behaviour) -> int:
    return behaviour.bad_parameter_code


ENDPOINTS: Final[dict[tuple[str, str], Route]] = {
    ("POST", "/api/open/v3/getToken"): Route(
        Endpoint.GET_TOKEN, _get_token, lambda behaviour: behaviour.get_token_missing_field_code
    ),
    ("POST", "/api/open/v3/content/image/createbyprompt"): Route(Endpoint.CREATE_BY_PROMPT, _signed(_create_v3)),
    ("POST", "/api/open/v4/content/image/createBySourcePrompt"): Route(
        Endpoint.CREATE_BY_SOURCE_PROMPT, _signed(_create_v4)
    ),
    ("POST", "/api/open/v3/content/image/createbybutton"): Route(
        Endpoint.CREATE_BY_BUTTON, _signed(_press_button), _bad_query
    ),
    ("GET", "/api/open/v3/content/image/infobymodelid"): Route(Endpoint.INFO_BY_MODEL_ID, _signed(_info), _bad_query),
    ("GET", "/api/open/v3/faceswap/quota/info"): Route(Endpoint.QUOTA_INFO, _signed(_quota)),
}
"""The emulated API: method and path, and what answers (contract sections 2 to 7)."""

_READING: Final = {"GET": _file, "HEAD": _file}
_PREFLIGHT: Final = Route(Endpoint.PREFLIGHT, _preflight)
_UNKNOWN: Final = Route(Endpoint.UNKNOWN, _unknown)


def route(method: str, path: str) -> Route:
    """Return what answers a request; what is no endpoint and no file is answered with HTTP 404."""
    found = ENDPOINTS.get(("GET" if method == "HEAD" else method, path))
    if found is not None:
        return found
    if method == "OPTIONS":
        return _PREFLIGHT
    if stamp_of(path) is not None:
        return Route(Endpoint.FILE, _READING.get(method, _file_method))
    return _UNKNOWN


def answer(engine: Engine, call: Call) -> Reply:
    """Turn a Call into a Reply, and write both into the journal.

    A business error is HTTP 200 with its code (contract section 1). Whatever else is raised is a bug of ours:
    it is logged and answered with HTTP 500 and a body that no client can take for Akool's.
    """
    found = route(call.method, call.path)
    with engine.lock:
        now_ns = engine.clock.now_ns()
        director = engine.director
        if (director.watching or director.notices(call)) and not director.passes(call):
            reply = _directed(engine, found, call, now_ns)
        else:
            reply = _work(engine, found, call, now_ns)
        if reply.code != Code.OK or reply.rule is not None or engine.troubled:
            _note_trouble(engine, found.endpoint, reply)
        engine.journal.append(now_ns, found.endpoint, call, reply)
    return reply


def _work(engine: Engine, found: Route, call: Call, now_ns: int) -> Reply:
    """Answer as Akool does, when nothing goes wrong."""
    try:
        reply = found.handle(engine, call, now_ns)
    except ParameterError as error:
        refusal = engine.behaviour.refusal(found.bad_parameter_code(engine.behaviour))
        refusal.account = error.account
        reply = _error(engine, refusal)
    except AkoolError as error:
        reply = _error(engine, error)
    except Exception as bug:
        _log.exception("mock-akool bug while answering %s %s", call.method, call.path)
        reply = bug_reply(bug)
    return reply if reply.delay_ns >= engine.latency_ns else reply._replace(delay_ns=engine.latency_ns)


def _directed(engine: Engine, found: Route, call: Call, now_ns: int) -> Reply:
    """Answer with what the scenarios in force make of it."""
    try:
        firing = engine.director.firing(found.endpoint, call, now_ns)
    except ScenarioError as error:
        _log.warning("%s %s names a scenario that cannot be: %s", call.method, call.path, error)
        return scenario_refusal(error)
    except Exception as bug:
        _log.exception("mock-akool bug while looking for a rule for %s %s", call.method, call.path)
        return bug_reply(bug)
    if firing is None:
        return _work(engine, found, call, now_ns)
    fault = firing.live.rule.fault
    if fault.before:
        reply = Reply(200, (), b"", delay_ns=engine.latency_ns, account=firing.account, job_id=firing.job_id)
    else:
        reply = _work(engine, found, call, now_ns)
    reply = afflict(fault, reply, engine.behaviour, engine.chance, *firing.place)
    return reply._replace(rule=firing.live.label)


def _note_trouble(engine: Engine, endpoint: Endpoint, reply: Reply) -> None:
    """Take note that the newest request to an endpoint was refused or went wrong, or that it did not any more."""
    refused = reply.code not in (Code.OK, None) or reply.status >= _BAD_REQUEST
    if refused or reply.rule is not None:
        engine.troubled.add(endpoint)
    else:
        engine.troubled.discard(endpoint)


_BAD_REQUEST: Final = 400


def _error(engine: Engine, error: AkoolError) -> Reply:
    body = error_body(error, engine.behaviour)
    return Reply(200, _JSON, body, code=error.code, account=error.account, job_id=error.job_id)


def scenario_refusal(error: ScenarioError) -> Reply:
    """Return HTTP 400 for a call that names a scenario which there is not: no answer of Akool's."""
    body = {"error": f"mock-akool: {error.message}", "hint": error.hint}
    return Reply(400, _JSON, encode(body))


def bug_reply(bug: Exception) -> Reply:
    """Return HTTP 500 for an unexpected exception of ours."""
    body = {
        "error": "mock-akool bug",
        "detail": f"{type(bug).__name__}: {bug}",
        "hint": "This is a fault of the fake, not an answer of Akool. Please report it with the server's log.",
    }
    return Reply(500, _JSON, encode(body))
