"""Probes that cost nothing: refusals, tokens, CORS, lists, detection."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from typing import Any, Final

from mock_akool.akool.families import CREATES, FAMILIES, FAMILY_OF, RESULTS, SERVICES
from mock_akool.calibration.errors import NotAskedError, NoValueError
from mock_akool.calibration.probe import BANNED, CLIENT_ID, Probe, need, setting
from mock_akool.calibration.service import Reply
from mock_akool.calibration.session import Session, poll_of, record_with

QUOTA: Final = "/api/open/v3/faceswap/quota/info"
GET_TOKEN: Final = "/api/open/v3/getToken"
NO_ID: Final = "000000000000000000000000"
"""An `_id` as no job has it."""
_INFO: Final = RESULTS["infobymodelid"].path
_NO_FILE: Final = "https://d2qf6ukcym4kn9.cloudfront.net/1500000000000-00000000-0000-4000-8000-000000000000-0000.jpeg"
_KEPT_NAME: Final = "mock-akool calibration"


def _anonymous(session: Session) -> Reply:
    return session.once("anonymous", lambda: session.ask("GET", QUOTA, key=""))


def _code(reply: Reply) -> int:
    """Return the code of a refusal."""
    if reply.code is None:
        raise NoValueError(f"HTTP {reply.status} without a code")
    if reply.code == 1000:
        raise NoValueError("it was not refused")
    return reply.code


def _error_data(session: Session) -> str:
    body = _anonymous(session).json
    need(isinstance(body, dict) and body.get("code") != 1000, "a request without credentials was not refused")
    if "data" not in body:
        return "omit"
    if body["data"] is None:
        return "null"
    raise NoValueError("a refusal has data that is not null")


def _unknown_route(session: Session) -> Reply:
    return session.once("unknown route", lambda: session.ask("GET", "/api/open/v3/content/image/no-such-endpoint"))


def _unknown_route_body(session: Session) -> str:
    reply = _unknown_route(session)
    if reply.status != 404:
        raise NoValueError(f"an unknown route is HTTP {reply.status}")
    return "text" if reply.json is None else "json"


def _path_case_strict(session: Session) -> bool:
    reply = session.ask("GET", QUOTA.replace("faceswap", "FaceSwap"))
    if reply.status != 404 and not reply.is_ok:
        raise NoValueError(f"HTTP {reply.status} with code {reply.code}")
    return reply.status == 404


def _token(session: Session) -> str:
    """Return a token of the main account."""

    def get() -> str:
        reply = _get_token(session)
        token = reply.field("token")
        need(isinstance(token, str) and token, f"getToken gave no token: code {reply.code}")
        session.hide(token)
        for value in _claims(str(token)).values():
            if isinstance(value, str) and len(value) > 4:  # not `user` and `toO`
                session.hide(value)
        session.hide(_claims(str(token)).get("uid"))
        return str(token)

    return session.once("token", get)


def _pair(session: Session) -> dict[str, str]:
    return {"clientId": session.credentials.client_id, "clientSecret": session.credentials.api_key}


def _get_token(session: Session) -> Reply:
    return session.ask("POST", GET_TOKEN, _pair(session), key="")


def _claims(token: str) -> dict[str, Any]:
    part = [*token.split("."), "", ""][1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _bearer(session: Session, said: str) -> Reply:
    return session.ask("GET", QUOTA, key="", headers={"authorization": said})


def _with_token(session: Session) -> Reply:
    """Return the answer to a token that was just made."""
    return session.once("bearer", lambda: _bearer(session, f"Bearer {_token(session)}"))


def _token_lifetime(session: Session) -> str:
    claims = _claims(_token(session))
    issued, expires = claims.get("iat"), claims.get("exp")
    need(isinstance(issued, int) and isinstance(expires, int), "the token does not say how long it lives")
    seconds = int(expires or 0) - int(issued or 0)
    return f"{seconds // 86400}d" if seconds % 86400 == 0 else f"{seconds}s"


def _new_token_revokes_older(session: Session) -> bool:
    older = _token(session)
    session.pause(1.5)  # a service may tell tokens apart by the second of their issue
    newer = _get_token(session).field("token")
    need(isinstance(newer, str), "getToken gave no second token")
    session.hide(newer)
    need(_bearer(session, f"Bearer {newer}").is_ok, "the newer token is not accepted")
    return not _bearer(session, f"Bearer {older}").is_ok


def _bearer_any_case(session: Session) -> bool:
    token = _token(session)
    need(_with_token(session).is_ok, "the token is not accepted")
    return _bearer(session, f"bearer {token}").is_ok


def _wrong_pair(session: Session) -> int:
    pair = {"clientId": "AAAAAAAAAAAAAAAAAAAAAA==", "clientSecret": "0" * 32}
    return _code(session.ask("POST", GET_TOKEN, pair, key=""))


def _missing_field(session: Session) -> int:
    return _code(session.once("getToken without fields", lambda: session.ask("POST", GET_TOKEN, {}, key="")))


def _message_when_empty(session: Session) -> str:
    reply = _anonymous(session)
    need(reply.code == 1102 and reply.msg, f"a request without credentials has code {reply.code}")
    return reply.msg


def _message_when_banned(session: Session) -> str:
    reply = session.ask("GET", QUOTA, key=session.credentials.banned_key)
    need(reply.code == 1200 and reply.msg, f"the key of --banned-api-key has code {reply.code}, not 1200")
    return reply.msg


def _allowed(session: Session, asked: str) -> set[str]:
    headers = {
        "origin": "https://example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": asked,
    }
    reply = session.ask("OPTIONS", QUOTA, key="", headers=headers)
    return {each.strip().lower() for each in reply.headers.get("access-control-allow-headers", "").split(",")}


def _any_header(session: Session) -> bool:
    allowed = _allowed(session, "x-mock-akool-probe")
    return "x-mock-akool-probe" in allowed or "*" in allowed


def _key_header(session: Session) -> bool:
    allowed = _allowed(session, "x-api-key")
    return "x-api-key" in allowed or "*" in allowed


def _no_json_type(session: Session) -> bool:
    body = json.dumps(_pair(session)).encode()
    headers = {"content-type": "text/plain"}
    need(_token(session), "there is no token")
    reply = session.send("POST", GET_TOKEN, headers, body)
    session.hide(reply.field("token"))
    return reply.code != 1000


_SIZES: Final = tuple(1 << power for power in range(14, 23))
"""What the longest body may be: 16 KiB to 4 MiB. Nobody is sent more."""


def _longest_body(session: Session) -> int:
    _token(session)
    now = session.settings.max_body_bytes

    def takes(size: int) -> bool:
        start = json.dumps(_pair(session))[:-1] + ', "filler": "'
        body = start + "x" * (size - len(start) - 2) + '"}'
        reply = session.send("POST", GET_TOKEN, {"content-type": "application/json"}, body.encode())
        session.hide(reply.field("token"))
        return reply.code == 1000

    low, high = -1, len(_SIZES)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(_SIZES[middle]) else (low, middle)
    least = _SIZES[low] if low >= 0 else 0
    most = _SIZES[high] if high < len(_SIZES) else math.inf
    if least <= now < most:
        return now
    if not least:
        raise NoValueError("not even 16 KiB are taken")
    return least


def _gone_file(session: Session) -> int:
    status = session.send("GET", _NO_FILE).status
    if not 400 <= status <= 599:
        raise NoValueError(f"a file that never was is HTTP {status}")
    return status


def _bad_parameter(session: Session) -> int:
    return _code(session.ask("GET", _INFO))


def _unknown_job(session: Session) -> int:
    return _code(session.ask("GET", _INFO, query={"image_model_id": NO_ID}))


def _keep(session: Session, **more: object) -> Reply:
    """Make a piece of knowledge, and delete it again."""
    reply = session.ask("POST", SERVICES["knowledge/create"].path, {"name": _KEPT_NAME, **more})
    row = record_with(reply.data, "_id")
    if row is not None:
        session.hide(row["_id"])
        session.ask("DELETE", SERVICES["knowledge/delete"].path, {"id": row["_id"]})
    return reply


def _null_is_absent(session: Session) -> bool:
    need(_keep(session).is_ok, "knowledge cannot be made")
    return _keep(session, prologue=None).is_ok


def _knowledge_list_shape(session: Session) -> str:
    reply = session.ask("GET", SERVICES["knowledge/list"].path)
    if isinstance(reply.data, list):
        return "array"
    if isinstance(reply.data, dict) and "knowledge_list" in reply.data:
        return "object"
    raise NoValueError(f"code {reply.code}, and data is neither a list nor has a knowledge_list")


def _needs_credentials(endpoint: str) -> Any:
    service = SERVICES[endpoint]
    url = f"https://{service.host}{service.path}" if service.host else service.path

    def read(session: Session) -> bool:
        body = json.dumps(session.body_of_service(service.example)).encode()
        reply = session.send(service.method, url, {"content-type": "application/json"}, body)
        need(reply.status < 500, f"the service had no time: HTTP {reply.status}")
        refused = reply.code if reply.code is not None else reply.field("error_code")
        need(reply.json is not None, f"HTTP {reply.status} without JSON")
        return refused in (1101, 1102) or reply.status in (401, 403)

    return read


def _unknown_session(session: Session) -> int:
    return _code(session.ask("POST", SERVICES["liveAvatar/session/close"].path, {"id": NO_ID}))


def _bad_ids(session: Session) -> int:
    return _code(session.ask("POST", RESULTS["resultsByIds"].path, {"_ids": [NO_ID]}))


def _audio_surcharge(session: Session) -> float:
    reply = session.ask("GET", SERVICES["aigModel/list"].path, query={"types[]": "1501"})
    rows = reply.data if isinstance(reply.data, list) else []
    for row in rows:
        priced = record_with(row, "extra_credit_multiplier")
        if priced is not None and "o3" not in str(record_with(row, "value")).lower():
            found = priced["extra_credit_multiplier"]
            if isinstance(found, (int, float)) and found >= 1:
                return round(found - 1, 4)
    raise NotAskedError("no model of aigModel/list says what sound costs")


SETTINGS: Final = (
    setting("error_data", "1", "what an error response has for `data`", _error_data),
    setting("unknown_route_body", "1", "what the body of an unknown route is", _unknown_route_body),
    setting("path_case_strict", "1", "whether the case of a path matters", _path_case_strict),
    setting("gone_file_status", "1", "the HTTP status of a file that never was", _gone_file),
    setting("bad_parameter_code", "5, 6", "the code for a missing parameter", _bad_parameter),
    setting("unknown_job_code", "5, 6", "the code for an unknown `_id`", _unknown_job),
    setting("msg_authorization_empty", "2", "the msg without credentials", _message_when_empty),
    setting("msg_account_banned", "2", "the msg for a banned account", _message_when_banned, BANNED),
    setting("get_token_wrong_pair_code", "2", "the code of getToken for a wrong pair", _wrong_pair),
    setting("get_token_missing_field_code", "2", "the code of getToken for a missing field", _missing_field),
    setting("token_lifetime", "2", "how long a token lives", _token_lifetime, CLIENT_ID),
    setting("bearer_any_case", "2", "whether `bearer` passes", _bearer_any_case, CLIENT_ID),
    setting("json_content_type_required", "1", "whether JSON must be labelled", _no_json_type, CLIENT_ID),
    setting("max_body_bytes", "1", "the longest request body", _longest_body, CLIENT_ID),
    setting("new_token_revokes_older", "2", "whether older tokens stay", _new_token_revokes_older, CLIENT_ID),
    setting("cors_allow_any_header", "2", "whether a preflight allows any header", _any_header),
    setting("cors_allow_api_key", "2", "whether a preflight allows x-api-key", _key_header),
    setting("null_is_absent", "1", "whether null counts as not sent", _null_is_absent),
    setting("knowledge_list_shape", "19", "the shape of knowledge/list", _knowledge_list_shape),
    setting("detect_auth", "13", "whether detect_faces wants credentials", _needs_credentials("detect_faces")),
    setting("sg3_auth", "13", "whether the old detector wants credentials", _needs_credentials("sg3/detect")),
    setting("unknown_session_code", "19", "the code of a close of no session", _unknown_session),
    setting("i2v_bad_ids_code", "15", "the code for `_ids` that are no text", _bad_ids),
    setting("i2v_audio_surcharge", "15", "what generate_audio costs on top", _audio_surcharge),
)
"""The settings that cost nothing to find out."""


# Facts without a setting


def _seen(reply: Reply) -> list[object]:
    return [reply.status, reply.code]


def _keys(value: object) -> list[str]:
    return sorted(value) if isinstance(value, dict) else []


def _success(session: Session) -> object:
    reply = session.once("quota", lambda: session.ask("GET", QUOTA))
    credit = reply.data.get("credit") if isinstance(reply.data, dict) else None
    is_number = isinstance(credit, (int, float)) and not isinstance(credit, bool)
    return {"keys": _keys(reply.json), "code": reply.code, "msg": reply.msg, "credit is a number": is_number}


def _claims_seen(session: Session) -> object:
    claims = _claims(_token(session))
    return {"keys": _keys(claims), "type": claims.get("type"), "from": claims.get("from")}


def _both_headers(session: Session) -> object:
    return _seen(session.ask("GET", QUOTA, headers={"authorization": "Bearer no.such.token"}))


def _unsigned(session: Session) -> object:
    return {**{"code": _anonymous(session).code}, "status": _anonymous(session).status}


def _methods(session: Session) -> object:
    return _seen(session.ask("GET", next(iter(CREATES.values())).path))


FACTS: Final = (
    Probe(
        "token_accepted",
        "a token of getToken is accepted",
        "2",
        lambda session: _seen(_with_token(session)),
        needs=(CLIENT_ID,),
    ),
    Probe("envelope", "a success is code 1000, `OK` and data", "1", _success),
    Probe("no_credentials", "no credentials are 1102", "2", _unsigned),
    Probe("bad_token", "a bad token is 1101", "2", lambda session: _seen(_bearer(session, "Bearer no.such.token"))),
    Probe(
        "token_without_bearer",
        "a token without the word Bearer is 1101",
        "2",
        lambda session: _seen(_bearer(session, _token(session))),
        needs=(CLIENT_ID,),
    ),
    Probe(
        "token_after_two_bearers",
        "`Bearer Bearer` is 1101",
        "2",
        lambda session: _seen(_bearer(session, f"Bearer Bearer {_token(session)}")),
        needs=(CLIENT_ID,),
    ),
    Probe(
        "key_as_token",
        "the API key sent as Bearer is 1101",
        "2",
        lambda session: _seen(_bearer(session, f"Bearer {session.credentials.api_key}")),
    ),
    Probe("both_headers", "Authorization counts where both headers have values", "2", _both_headers),
    Probe(
        "empty_authorization",
        "an empty Authorization counts as absent",
        "2",
        lambda session: _seen(session.ask("GET", QUOTA, headers={"authorization": ""})),
    ),
    Probe("unknown_key", "an unknown key is 1109", "2", lambda session: _seen(session.ask("GET", QUOTA, key="0" * 32))),
    Probe(
        "client_id_as_key",
        "a clientId sent as the key is 1109",
        "2",
        lambda session: _seen(session.ask("GET", QUOTA, key=session.credentials.client_id)),
        needs=(CLIENT_ID,),
    ),
    Probe(
        "get_token",
        "getToken has the token at the top level",
        "2",
        lambda session: _keys(_get_token(session).json),
        needs=(CLIENT_ID,),
    ),
    Probe("token_claims", "what a token says", "2", _claims_seen, needs=(CLIENT_ID,)),
    Probe("wrong_method", "a wrong method is HTTP 404", "1", _methods),
    Probe("unknown_route", "an unknown route is HTTP 404", "1", lambda session: _unknown_route(session).status),
    Probe(
        "no_list_of_images",
        "there is no list of images",
        "6",
        lambda session: session.ask("GET", "/api/open/v3/content/image/list").status,
    ),
    Probe(
        "no_such_file_type",
        "a file that never was is XML",
        "1",
        lambda session: session.send("GET", _NO_FILE).headers.get("content-type", "").partition(";")[0],
    ),
)
"""What costs nothing, has no setting, and is about all families."""


def _empty_body(endpoint: str) -> Any:
    create = CREATES[endpoint]

    def read(session: Session) -> object:
        session.spending.check_open()
        reply = session.ask(create.method, create.path, {})
        if reply.is_ok:
            session.spending.stop(f"{endpoint} took a request without fields, which may have cost credits")
        return _seen(reply)

    return read


def _no_id(endpoint: str) -> Any:
    def read(session: Session) -> object:
        method, path, query, body = poll_of(RESULTS[endpoint], NO_ID)
        reply = session.ask(method, path, body, query=query)
        return [*_seen(reply), "a row" if record_with(reply.data, "_id") else "no row"]

    return read


def of_families() -> Iterator[Probe]:
    """Give the free probes that each create and each reader has."""
    for endpoint in CREATES:
        name = FAMILY_OF[endpoint].name
        yield Probe(
            f"empty_request:{endpoint}", "a request without fields is refused", "", _empty_body(endpoint), family=name
        )
    owners: dict[str, str] = {}
    for family in FAMILIES:
        for reading in family.readings:
            owners.setdefault(reading.results.endpoint, family.name)
    for endpoint, name in owners.items():
        yield Probe(f"unknown_id:{endpoint}", "what an unknown id is answered with", "", _no_id(endpoint), family=name)
