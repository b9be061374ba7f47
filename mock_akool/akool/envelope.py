"""The bodies of the API: the envelope of every reply, and the XML of the file storage (contract section 1)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mock_akool.akool.accounts import Credits, credits_as_number
from mock_akool.akool.codes import MESSAGES, Code
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.settings import ServiceSettings


def _number(value: object) -> int | float:
    """Return a number of credits as JSON has it."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return credits_as_number(value)


_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_number, allow_nan=False).encode
_to_ascii_json = json.JSONEncoder(separators=(",", ":"), default=_number, allow_nan=False).encode


def encode(value: object) -> bytes:
    """Return compact JSON in UTF-8."""
    try:
        return _to_json(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate, which a client may send as \\ud800, has no UTF-8: like JavaScript, escape it.
        return _to_ascii_json(value).encode()
    except ValueError:
        # A number such as 1e999, which a client may send and some answers repeat, is infinite, and JSON has no word
        # for that: like JavaScript, write null.
        return encode(_without_infinite(value))


def _without_infinite(value: object) -> object:
    """Return a value with None in the place of numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: _without_infinite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_infinite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def success(data: object, msg: str = MESSAGES[Code.OK]) -> bytes:
    """Return the envelope of a success."""
    return encode({"code": int(Code.OK), "msg": msg, "data": data})


def error_body(error: AkoolError, settings: ServiceSettings) -> bytes:
    """Return the envelope of a business error (contract section 1)."""
    body: dict[str, Any] = {"code": int(error.code), "msg": error.msg}
    if settings.error_data == "null":
        body["data"] = None
    return encode(body)


def token_body(token: str) -> bytes:
    """Return the reply of getToken: the token at the top level, no `data` (contract section 2)."""
    return encode({"code": int(Code.OK), "token": token})


def balance_body(credits: Credits, settings: ServiceSettings) -> bytes:
    """Return the reply of quota/info (contract section 7); a fraction is shown as `quota_rounding` says."""
    return success({"credit": credits if settings.quota_rounding == "exact" else int(credits // 1)})


def unknown_route(settings: ServiceSettings) -> tuple[str, bytes]:
    """Return the content type and the body of HTTP 404."""
    if settings.unknown_route_body == "text":
        return "text/plain; charset=utf-8", b"Not Found"
    return "application/json; charset=utf-8", encode({"code": 404, "msg": "Not Found"})


def storage_error(code: str, message: str) -> bytes:
    """Return the XML that S3 sends instead of a file."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    ).encode()
