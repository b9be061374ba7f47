"""Hints about API keys and tokens (contract section 2)."""

from __future__ import annotations

import json
import re
from typing import Final

from mock_akool.akool.auth import bearer_token
from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import GET_TOKEN
from mock_akool.core.call_log import Call
from mock_akool.diagnostics.hints.finding import NO_VALUE, Hint, fields_of
from mock_akool.diagnostics.observations import Observations

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9+/]{22}==")


def _refused_token(call: Call) -> str | None:
    """Return the token of a call that was refused because of it."""
    refused = call.code == Code.INVALID_AUTHORIZATION
    return bearer_token(call.headers.get("authorization", "")) if refused else None


def _both_headers(seen: Observations) -> str | None:
    for call in seen.calls:
        if call.code == Code.INVALID_AUTHORIZATION and call.headers.get("x-api-key", "").strip():
            return (
                f"#{call.number} has both headers; then only Authorization counts, "
                f"and a good x-api-key does not rescue a bad token"
            )
    return None


def _client_id_as_key(seen: Observations) -> str | None:
    sent = (fields_of(call).get("clientId") for call in seen.to(GET_TOKEN))
    known = {each for each in sent if isinstance(each, str)}
    known |= {job.account.client_id for job in seen.jobs}
    for call in seen.calls:
        key = call.headers.get("x-api-key", "").strip()
        if call.code == Code.ACCOUNT_NOT_FOUND and key and (_CLIENT_ID.fullmatch(key) or key in known):
            return f"#{call.number} sends a clientId as x-api-key; the API key is the clientSecret"
    return None


def _key_as_token(seen: Observations) -> str | None:
    for call in seen.calls:
        token = _refused_token(call)
        if token is not None and token.count(".") != 2 and ":" not in token and token.lower() not in NO_VALUE:
            return (
                f"#{call.number} sends a Bearer value that is not a token; put an API key into x-api-key, "
                f"or get a token from getToken"
            )
    return None


def _pair_as_token(seen: Observations) -> str | None:
    for call in seen.calls:
        token = _refused_token(call)
        if token is not None and ":" in token:
            return (
                f"#{call.number} sends `clientId:clientSecret` as Bearer token; "
                f"getToken makes a token of the pair, or the clientSecret alone goes into x-api-key"
            )
    return None


def _token_not_found(seen: Observations) -> str | None:
    for call in seen.calls:
        token = _refused_token(call)
        if token is not None and token.lower() in NO_VALUE:
            return (
                f"#{call.number} sends {token!r} as the token; "
                f"getToken returns it in `token` at the top level, not in `data`"
            )
    return None


def _bearer_misspelled(seen: Observations) -> str | None:
    for call in seen.calls:
        value = call.headers.get("authorization", "")
        if call.code == Code.INVALID_AUTHORIZATION and bearer_token(value) is None:
            return f"#{call.number} has an Authorization header that is not of the form `Bearer <token>`"
    return None


def _token_expired(seen: Observations) -> str | None:
    issued = set()
    for call in seen.calls:
        if call.endpoint == GET_TOKEN and call.code == Code.OK:
            issued.add(json.loads(call.response.body)["token"])
        elif _refused_token(call) in issued:
            renewed = any(each.number > call.number for each in seen.to(GET_TOKEN))
            if not renewed:
                return f"#{call.number} sends a token that is no longer valid, and the client did not get a new one"
    return None


def _no_credentials(seen: Observations) -> str | None:
    for call in seen.calls:
        if call.code == Code.AUTHORIZATION_EMPTY:
            return f"#{call.number} has no credentials: x-api-key and Authorization are missing or empty"
    return None


HINTS: Final = (
    Hint("no credentials", "sends neither header, or empty ones", _no_credentials),
    Hint("both headers", "sends a bad token together with a good `x-api-key`", _both_headers),
    Hint("clientId as key", "sends the clientId as `x-api-key`", _client_id_as_key),
    Hint("key as token", "sends the API key as Bearer token", _key_as_token),
    Hint("pair as token", "sends `clientId:clientSecret` as Bearer token", _pair_as_token),
    Hint("token not found", "looks for the token in `data`, and sends `undefined` or `None`", _token_not_found),
    Hint("Bearer misspelled", "sends an Authorization header that is not `Bearer <token>`", _bearer_misspelled),
    Hint("token expired", "goes on with a token that is no longer valid", _token_expired),
)
