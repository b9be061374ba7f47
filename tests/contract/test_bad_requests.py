"""Bad input: each request gets the contract's exact answer, none is a 500, and none changes anything.

That nothing changed is seen twice: after each the fake's jobs and accounts are the same as before, and after all
of them whatever one asks next gets the same bytes as from a fake that never saw a bad request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import jwt
import pytest

from mock_akool import MockAkool, failed
from tests.contract.client import (
    CLIENT_ID,
    CREATE_V3,
    CREATE_V4,
    GET_TOKEN,
    INFO,
    JSON_TYPE,
    KEY,
    OTHER_KEY,
    PRESS,
    QUOTA,
    SOURCE,
    Client,
)
from tests.contract.transports import Answer, OpenTransport, Transport

Expected = tuple[int, Any]
"""The HTTP status, and the whole body: parsed if it is JSON, else a piece that is in it."""

BAD: Final = (200, {"code": 1003, "msg": "parameter validate error"})
NO_SOURCE: Final = (200, {"code": 1003, "msg": "source_images is required for image-to-image model"})
UNKNOWN_JOB: Final = (200, {"code": 1008, "msg": "content does not exist"})
FOREIGN: Final = (200, {"code": 1009, "msg": "no permission"})
NOT_NOW: Final = (200, {"code": 1010, "msg": "cannot operate this content"})
USED: Final = (200, {"code": 1011, "msg": "already operated"})
BAD_BEARER: Final = (200, {"code": 1101, "msg": "invalid authorization"})
NOBODY: Final = (200, {"code": 1102, "msg": "Authorization cannot be empty"})
TOO_POOR: Final = (200, {"code": 1104, "msg": "credits insufficient"})
NO_ACCOUNT: Final = (200, {"code": 1109, "msg": "account does not exist"})
BANNED: Final = (200, {"code": 1200, "msg": "The account has been banned"})
NOWHERE: Final = (404, {"code": 404, "msg": "Not Found"})
NO_FILE: Final = (403, b"<Code>AccessDenied</Code>")
BAD_METHOD: Final = (405, b"<Code>MethodNotAllowed</Code>")

POOR_KEY: Final = "P" * 32
BANNED_KEY: Final = "B" * 32
BRIEF_KEY: Final = "S" * 32
OPTIONS: Final[Mapping[str, Any]] = {
    "accounts": [
        {"api_key": KEY, "client_id": CLIENT_ID},
        {"api_key": OTHER_KEY, "client_id": "/+9AECAwQFBgcICQoLDA0A=="},
        {"api_key": POOR_KEY, "credits": 3},
        {"api_key": BANNED_KEY, "status": "banned"},
        {"api_key": BRIEF_KEY, "token_lifetime": "30s"},
    ]
}


class World(NamedTuple):
    """What is there before the bad request."""

    transport: Transport
    done: str
    """A completed job of KEY; its button V4 is used."""
    waiting: str
    failed: str
    upscaled: str
    """A completed job of a button."""
    foreign: str
    """A completed job of OTHER_KEY."""
    file: str
    """The path of a file of `done`."""
    token: str
    expired: str


def world(transport: Transport) -> World:
    client = Client(transport)
    expired = client.token("brief", BRIEF_KEY)
    done, waiting = client.completed(), client.made("v3", {"queueing": "forever"})
    lost = client.made("v4", {"ending": failed("no")})
    transport.mock.next_job(queueing=0, processing=0)
    upscaled = client.press(done, "V4").data["_id"]
    foreign = Client(transport, OTHER_KEY).completed("v4")
    file = urlsplit(client.record(done)["image"]).path
    transport.advance(30)
    return World(transport, done, waiting, lost, upscaled, foreign, file, client.token(), expired)


class Bad(NamedTuple):
    """A request; `headers` None: those of a good client. Texts are filled with the fields of the World."""

    method: str
    path: str
    expected: Expected
    query: str = ""
    headers: Mapping[str, str] | None = None
    body: bytes | Callable[[World], bytes] = b""
    more: Mapping[str, str] = MappingProxyType({})
    """Headers on top of the good client's."""


def body_of(fields: object) -> Callable[[World], bytes]:
    """Return the JSON of the fields, where `{done}` and the like stand for the World's."""

    def made(there: World) -> bytes:
        text = json.dumps(fields)
        for name in ("done", "waiting", "failed", "upscaled", "foreign"):
            text = text.replace(f"<{name}>", getattr(there, name))
        return text.encode()

    return made


def v3(expected: Expected = BAD, /, **fields: Any) -> Bad:
    return Bad("POST", CREATE_V3, expected, body=body_of({"prompt": "a cat", **fields}))


def v4(expected: Expected = BAD, /, **fields: Any) -> Bad:
    return Bad("POST", CREATE_V4, expected, body=body_of({"prompt": "a cat", **fields}))


def press(expected: Expected, /, job_id: object = "<done>", button: object = "U1", **fields: Any) -> Bad:
    return Bad("POST", PRESS, expected, body=body_of({"_id": job_id, "button": button, **fields}))


def token(expected: Expected, client_id: object, client_secret: object) -> Bad:
    fields = {"clientId": client_id, "clientSecret": client_secret}
    return Bad("POST", GET_TOKEN, expected, headers=JSON_TYPE, body=body_of(fields))


def info(expected: Expected, query: str, **headers: str) -> Bad:
    return Bad("GET", INFO, expected, query, more=headers)


def raw(path: str, body: bytes, **headers: str) -> Bad:
    return Bad("POST", path, BAD, body=body, more={name.replace("_", "-"): value for name, value in headers.items()})


def forged(header: bytes, claims: bytes = b"{}") -> str:
    parts = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (header, claims, b"signature")]
    return ".".join(parts)


POSTS: Final = {"v3": CREATE_V3, "v4": CREATE_V4, "button": PRESS, "token": GET_TOKEN}
GOOD_FIELDS: Final = '"prompt":"a cat","button":"U1","_id":"x","clientId":"a","clientSecret":"b"'

NOT_JSON: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "blank": b" \r\n\t",
    "text": b"hello",
    "form": b"prompt=a+cat&button=U1",
    "html": b"<html></html>",
    "truncated": f"{{{GOOD_FIELDS}".encode(),
    "trailing-comma": f"{{{GOOD_FIELDS},}}".encode(),
    "trailing-garbage": f"{{{GOOD_FIELDS}}} x".encode(),
    "two-objects": f"{{{GOOD_FIELDS}}}{{{GOOD_FIELDS}}}".encode(),
    "single-quotes": b"{'prompt':'a cat'}",
    "comment": f"{{{GOOD_FIELDS}}} // yes".encode(),
    "nan": f'{{{GOOD_FIELDS},"x":NaN}}'.encode(),
    "infinity": f'{{{GOOD_FIELDS},"x":-Infinity}}'.encode(),
    "hexadecimal": f'{{{GOOD_FIELDS},"x":0x10}}'.encode(),
    "newline-in-text": b'{"prompt":"a\ncat"}',
    "bad-escape": b'{"prompt":"\\x41"}',
    "utf-8-bom": b"\xef\xbb\xbf" + f"{{{GOOD_FIELDS}}}".encode(),
    "utf-16": f"{{{GOOD_FIELDS}}}".encode("utf-16"),
    "utf-32": f"{{{GOOD_FIELDS}}}".encode("utf-32"),
    "invalid-utf-8": f'{{{GOOD_FIELDS},"x":"'.encode() + b'\xff\xfe"}',
    "latin-1": f'{{{GOOD_FIELDS},"x":"'.encode() + b'\xe9"}',
    "surrogate-in-utf-8": f'{{{GOOD_FIELDS},"x":"'.encode() + b'\xed\xa0\x80"}',
    "overlong-utf-8": f'{{{GOOD_FIELDS},"x":"'.encode() + b'\xc0\xaf"}',
    "nul": b"\0",
    "deep-arrays": f'{{{GOOD_FIELDS},"x":'.encode() + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-objects": f'{{{GOOD_FIELDS},"x":'.encode() + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "deep-and-open": b"[" * 500_000,
    "2-MB": f'{{{GOOD_FIELDS},"x":"'.encode() + b"x" * 2_000_000 + b'"}',
}
NO_OBJECT: Final[Mapping[str, bytes]] = {
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "string": b'"prompt"',
    "array": b'[{"prompt":"a cat"}]',
    "empty-array": b"[]",
    "empty-object": b"{}",
    "nested": f'{{"data":{{{GOOD_FIELDS}}}}}'.encode(),
    "over 150 levels": f'{{{GOOD_FIELDS},"x":{"[" * 200}{"]" * 200}}}'.encode(),
}
NO_JSON_TYPE: Final[Mapping[str, str]] = {
    "none": "",
    "text": "text/plain",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data; boundary=x",
    "javascript": "application/javascript",
    "json-in-a-parameter": "text/plain; application/json",
    "garbage": "\xe9json",
}

HUGE: Final = int("9" * 4000)

FIELDS: Final[Mapping[str, Bad]] = {
    "v3-prompt-number": v3(prompt=1),
    "v3-prompt-null": v3(prompt=None),
    "v3-prompt-empty": v3(prompt=""),
    "v3-prompt-list": v3(prompt=["a cat"]),
    "v3-prompt-object": v3(prompt={"text": "a cat"}),
    "v3-prompt-false": v3(prompt=False),
    "v3-scale-unknown": v3(scale="5:4"),
    "v3-scale-original": v3(scale="Original"),
    "v3-scale-number": v3(scale=1.5),
    "v3-scale-list": v3(scale=["1:1"]),
    "v3-scale-object": v3(scale={}),
    "v3-scale-lone-surrogate": v3(scale="\ud800"),
    "v3-scale-huge": v3(scale="1" * 500_000),
    "v3-source-number": v3(source_image=5),
    "v3-source-list": v3(source_image=[SOURCE]),
    "v3-source-no-url": v3(source_image="cat.png"),
    "v3-source-javascript": v3(source_image="javascript:alert(1)"),
    "v3-source-file": v3(source_image="file:///etc/passwd"),
    "v3-source-no-host": v3(source_image="https://"),
    "v3-source-blanks": v3(source_image="https://example.com/a b"),
    "v3-webhook-number": v3(webhookUrl=5),
    "v3-webhook-no-url": v3(webhookUrl="nowhere"),
    "v3-webhook-long-host-and-blank": v3(webhookUrl=f"http://{'a' * 1_000_000} "),
    "v3-source-long-path-and-blank": v3(source_image=f"http://a/{'a' * 1_000_000} "),
    "v4-prompt-missing": Bad("POST", CREATE_V4, BAD, body=b'{"scale":"1:1"}'),
    "v4-prompt-number": v4(prompt=1),
    "v4-prompt-null": v4(prompt=None),
    "v4-prompt-empty": v4(prompt=""),
    "v4-model-unknown": v4(model_name="dall-e"),
    "v4-model-number": v4(model_name=1),
    "v4-model-list": v4(model_name=["wavespeed-ai/flux-krea-dev-lora"]),
    "v4-model-lone-surrogate": v4(model_name="\udfff"),
    "v4-kontext-without-source": v4(NO_SOURCE, model_name="wavespeed-ai/flux-kontext-dev"),
    "v4-kontext-empty-source": v4(NO_SOURCE, model_name="wavespeed-ai/flux-kontext-dev", source_images=[]),
    "v4-meitu-without-parameter": v4(model_name="meitu/yunxiu-pro/image-to-image", source_images=[SOURCE]),
    "v4-meitu-parameter-list": v4(model_name="meitu/yunxiu-pro/image-to-image", source_images=[SOURCE], parameter=[]),
    "v4-source-text": v4(source_images=SOURCE),
    "v4-source-object": v4(source_images={"0": SOURCE}),
    "v4-source-of-null": v4(source_images=[None]),
    "v4-source-of-lists": v4(source_images=[[SOURCE]]),
    "v4-source-second-is-bad": v4(source_images=[SOURCE, 5]),
    "v4-scale-unknown": v4(scale="7:5"),
    "v4-scale-original-of-text": v4(scale="Original"),
    "v4-scale-true": v4(scale=True),
    "v4-resolution-unknown": v4(resolution="8k"),
    "v4-resolution-number": v4(resolution=4),
    "v4-batch-0": v4(batch_quantity=0),
    "v4-batch-5": v4(batch_quantity=5),
    "v4-batch-negative": v4(batch_quantity=-1),
    "v4-batch-fraction": v4(batch_quantity=2.5),
    "v4-batch-text": v4(batch_quantity="2"),
    "v4-batch-true": v4(batch_quantity=True),
    "v4-batch-list": v4(batch_quantity=[1]),
    "v4-batch-4000-digits": v4(batch_quantity=HUGE),
    "v4-batch-5000-digits": raw(CREATE_V4, b'{"prompt":"x","batch_quantity":' + b"9" * 5000 + b"}"),
    "v4-batch-1e999": raw(CREATE_V4, b'{"prompt":"x","batch_quantity":1e999}'),
    "v4-batch-nan": raw(CREATE_V4, b'{"prompt":"x","batch_quantity":NaN}'),
    "v4-similar-above-1": v4(similar=1.5),
    "v4-similar-negative": v4(similar=-1e-9),
    "v4-similar-text": v4(similar="0.5"),
    "v4-similar-5000-digits": raw(CREATE_V4, b'{"prompt":"x","similar":-' + b"9" * 5000 + b"}"),
    "v4-similar-minus-1e999": raw(CREATE_V4, b'{"prompt":"x","similar":-1e999}'),
    "v4-negative-prompt-number": v4(negative_prompt=5),
    "v4-webhook-number": v4(webhookurl=5),
    "v4-webhook-no-url": v4(webhookurl="nowhere"),
    "button-missing": Bad("POST", PRESS, BAD, body=body_of({"_id": "<done>"})),
    "button-null": press(BAD, button=None),
    "button-number": press(BAD, button=1),
    "button-list": press(BAD, button=["U1"]),
    "button-object": press(BAD, button={"U1": True}),
    "button-unknown": press(BAD, button="U5"),
    "button-lower-case": press(BAD, button="u1"),
    "button-lone-surrogate": press(BAD, button="\ud800"),
    "button-fullwidth-digit": press(BAD, button="U１"),
    "button-webhook-number": press(BAD, webhookUrl=5),
    "button-id-missing": Bad("POST", PRESS, BAD, body=b'{"button":"U1"}'),
    "button-id-null": press(BAD, None),
    "button-id-number": press(BAD, 5),
    "button-id-list": press(BAD, ["<done>"]),
    "button-id-operator": press(BAD, {"$gt": ""}),
    "button-id-unknown": press(UNKNOWN_JOB, "0" * 24),
    "button-id-malformed": press(UNKNOWN_JOB, "../../etc/passwd"),
    "button-id-padded": press(UNKNOWN_JOB, " <done> "),
    "button-id-unicode": press(UNKNOWN_JOB, "日本\U0001f3ee"),
    "button-id-lone-surrogate": press(UNKNOWN_JOB, "\ud800"),
    "button-id-nul": press(UNKNOWN_JOB, "<done>\0"),
    "button-id-500-kB": press(UNKNOWN_JOB, "a" * 500_000),
    "button-of-another-account": press(FOREIGN, "<foreign>"),
    "button-of-a-waiting-job": press(NOT_NOW, "<waiting>"),
    "button-of-a-failed-job": press(NOT_NOW, "<failed>"),
    "button-of-a-button-job": press(NOT_NOW, "<upscaled>"),
    "button-used-before": press(USED, button="V4"),
    "token-id-missing": Bad("POST", GET_TOKEN, BAD, headers=JSON_TYPE, body=b'{"clientSecret":"x"}'),
    "token-secret-missing": Bad("POST", GET_TOKEN, BAD, headers=JSON_TYPE, body=b'{"clientId":"x"}'),
    "token-id-null": token(BAD, None, KEY),
    "token-id-number": token(BAD, 5, KEY),
    "token-secret-empty": token(BAD, CLIENT_ID, ""),
    "token-secret-list": token(BAD, CLIENT_ID, [KEY]),
    "token-secret-is-a-client-id": token(NO_ACCOUNT, KEY, CLIENT_ID),
    "token-of-a-banned-account": token(BANNED, "banned", BANNED_KEY),
}

IDS: Final[Mapping[str, Bad]] = {
    "info-nothing": info(BAD, ""),
    "info-empty": info(BAD, "image_model_id="),
    "info-no-value": info(BAD, "image_model_id"),
    "info-wrong-name": info(BAD, "_id=<done>"),
    "info-wrong-case": info(BAD, "IMAGE_MODEL_ID=<done>"),
    "info-array": info(BAD, "image_model_id[]=<done>"),
    "info-operator": info(BAD, "image_model_id[$ne]=1"),
    "info-repeated": info(BAD, "image_model_id=<done>&image_model_id=<done>"),
    "info-repeated-and-different": info(BAD, "image_model_id=<done>&image_model_id=<waiting>"),
    "info-only-separators": info(BAD, "&&&=&=&"),
    "info-unknown": info(UNKNOWN_JOB, "image_model_id=ffffffffffffffffffffffff"),
    "info-too-short": info(UNKNOWN_JOB, "image_model_id=abc"),
    "info-one-more": info(UNKNOWN_JOB, "image_model_id=<done>0"),
    "info-20-kB": info(UNKNOWN_JOB, f"image_model_id={'a' * 20_000}"),
    "info-20-kB-encoded": info(UNKNOWN_JOB, f"image_model_id={'%61' * 7_000}"),
    "info-encoded-unicode": info(UNKNOWN_JOB, "image_model_id=%E6%97%A5%E6%9C%AC"),
    "info-encoded-invalid-utf-8": info(UNKNOWN_JOB, "image_model_id=%FF%FE"),
    "info-bad-encoding": info(UNKNOWN_JOB, "image_model_id=%zz%"),
    "info-nul": info(UNKNOWN_JOB, "image_model_id=<done>%00"),
    "info-newline": info(UNKNOWN_JOB, "image_model_id=<done>%0D%0A"),
    "info-blank": info(UNKNOWN_JOB, "image_model_id=%20"),
    "info-plus": info(UNKNOWN_JOB, "image_model_id=+<done>"),
    "info-path": info(UNKNOWN_JOB, "image_model_id=../../etc/passwd"),
    "info-two-in-one": info(UNKNOWN_JOB, "image_model_id=<done>,<waiting>"),
    "info-semicolon": info(UNKNOWN_JOB, "image_model_id=<done>;x=1"),
    "info-json": info(UNKNOWN_JOB, 'image_model_id={"$ne":null}'),
    "info-null": info(UNKNOWN_JOB, "image_model_id=null"),
    "info-number": info(UNKNOWN_JOB, "image_model_id=1"),
    "info-of-another-account": info(FOREIGN, "image_model_id=<foreign>"),
}

PATHS: Final[Mapping[str, Bad]] = {
    "root": Bad("GET", "/", NOWHERE),
    "robots": Bad("GET", "/robots.txt", NOWHERE),
    "api": Bad("GET", "/api/open/v3", NOWHERE),
    "list": Bad("GET", "/api/open/v3/content/image/list", NOWHERE),
    "version-9": Bad("POST", CREATE_V3.replace("v3", "v9"), NOWHERE),
    "trailing-slash": Bad("GET", f"{QUOTA}/", NOWHERE),
    "double-slash": Bad("GET", QUOTA.replace("/faceswap", "//faceswap"), NOWHERE),
    "dots": Bad("GET", "/api/open/v3/content/../faceswap/quota/info", NOWHERE),
    "encoded-slash": Bad("GET", QUOTA.replace("quota/", "quota%2F"), NOWHERE),
    "encoded-dots": Bad("GET", "/%2e%2e/%2e%2e/etc/passwd", NOWHERE),
    "encoded-unicode": Bad("GET", "/%E6%97%A5%E6%9C%AC", NOWHERE),
    "encoded-invalid-utf-8": Bad("GET", "/%ff%fe", NOWHERE),
    "bad-encoding": Bad("GET", "/%", NOWHERE),
    "20-kB": Bad("GET", f"/{'a' * 20_000}", NOWHERE),
    "semicolon": Bad("GET", f"{QUOTA};x=1", NOWHERE),
    "script": Bad("GET", "/<script>alert(1)</script>", NOWHERE),
    "post-with-2-MB": Bad("POST", "/nowhere", NOWHERE, body=b"x" * 2_000_000),
    **{
        f"{method.lower()}-{name}": Bad(method, path, NOWHERE, body=body_of({"prompt": "a cat"}))
        for name, path, methods in (
            ("token", GET_TOKEN, ("GET", "PUT", "DELETE")),
            ("v3", CREATE_V3, ("GET", "PUT", "PATCH", "DELETE")),
            ("v4", CREATE_V4, ("GET", "PUT", "PATCH", "DELETE")),
            ("button", PRESS, ("GET", "PUT", "DELETE")),
            ("info", INFO, ("POST", "PUT", "DELETE")),
            ("quota", QUOTA, ("POST", "PUT", "PATCH", "DELETE")),
        )
        for method in methods
    },
    "trace": Bad("TRACE", QUOTA, NOWHERE),
    "propfind": Bad("PROPFIND", QUOTA, NOWHERE),
    "file-unknown": Bad("GET", "/1234567890123-0000.jpg", NO_FILE),
    "file-unknown-v4": Bad("GET", "/1234567890123-00000000-0000-4000-8000-000000000000-0000.jpeg", NO_FILE),
    "file-epoch": Bad("GET", "/0000000000000-0000.jpg", NO_FILE),
    "file-too-many-digits": Bad("GET", "/12345678901234-0000.jpg", NO_FILE),
    "file-gif": Bad("GET", "/1234567890123-0000.gif", NOWHERE),
    "file-post": Bad("POST", "<file>", BAD_METHOD),
    "file-put": Bad("PUT", "<file>", BAD_METHOD, body=b"x" * 1000),
    "file-delete": Bad("DELETE", "<file>", BAD_METHOD),
}


def _unlike(**headers: str) -> Mapping[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _as(expected: Expected, **headers: str) -> Bad:
    return Bad("GET", QUOTA, expected, headers=_unlike(**headers))


TOKEN_HEADERS: Final[Mapping[str, bytes]] = {
    "no-json": b"nonsense",
    "no-object": b"[]",
    "deep": b"[" * 20_000,
    "deep-object": b'{"alg":"HS256","x":' + b"[" * 20_000,
    "5000-digits": b'{"alg":"HS256","x":' + b"9" * 5000 + b"}",
    "alg-missing": b"{}",
    "alg-list": b'{"alg":["HS256"]}',
    "kid-list": b'{"alg":"HS256","kid":[]}',
    "crit": b'{"alg":"HS256","crit":["b64"],"b64":false}',
    "invalid-utf-8": b"\xff\xfe",
}

AUTHORIZATIONS: Final[Mapping[str, str]] = {
    "word": "Bearer",
    "colon": "Bearer: <token>",
    "garbage": "Bearer x",
    "dots": "Bearer ..",
    "three-parts": "Bearer a.b.c",
    "no-scheme": "<token>",
    "basic": "Basic YTpi",
    "token-scheme": "Token <token>",
    "double-scheme": "Bearer Bearer <token>",
    "two-tokens": "Bearer <token> <token>",
    "with-comma": "Bearer <token>, Bearer <token>",
    "quoted": 'Bearer "<token>"',
    "truncated": "Bearer <token>~",
    "api-key": f"Bearer {KEY}",
    "client-id": f"Bearer {CLIENT_ID}",
    "expired": "Bearer <expired>",
    "null": "null",
    "undefined": "Bearer undefined",
    "latin-1": "Bearer \xe9\xff",
    "20-kB": f"Bearer {'A' * 20_000}",
    "unsigned": f"Bearer {jwt.encode({'id': 'x', 'iat': 0, 'exp': 1 << 40}, '', algorithm='none')}",
    "other-signature": f"Bearer {jwt.encode({'id': 'x', 'iat': 0, 'exp': 1 << 40}, 'k' * 32)}",
    **{f"header-{name}": f"Bearer {forged(header)}" for name, header in TOKEN_HEADERS.items()},
    "claims-no-json": "Bearer " + forged(b'{"alg":"HS256"}', b"nonsense"),
}

CREDENTIALS: Final[Mapping[str, Bad]] = {
    **{f"{name}": _as(BAD_BEARER, authorization=value) for name, value in AUTHORIZATIONS.items()},
    **{
        f"{name}-beside-a-good-key": _as(BAD_BEARER, authorization=value, x_api_key=KEY)
        for name, value in AUTHORIZATIONS.items()
    },
    "bad-bearer-beside-a-banned-key": _as(BAD_BEARER, authorization="Bearer x", x_api_key=BANNED_KEY),
    "none": _as(NOBODY),
    "empty-key": _as(NOBODY, x_api_key=""),
    "blank-key": _as(NOBODY, x_api_key="  "),
    "empty-bearer": _as(NOBODY, authorization=""),
    "both-empty": _as(NOBODY, authorization="", x_api_key=""),
    "both-blank": _as(NOBODY, authorization=" ", x_api_key="\t"),
    "key-under-another-name": _as(NOBODY, api_key=KEY),
    "key-in-a-cookie": _as(NOBODY, cookie=f"x-api-key={KEY}"),
    "key-in-the-query": Bad("GET", QUOTA, NOBODY, f"x-api-key={KEY}", {}),
    "client-id-as-key": _as(NO_ACCOUNT, x_api_key=CLIENT_ID),
    "client-id-as-key-and-no-bearer": _as(NO_ACCOUNT, authorization="", x_api_key=CLIENT_ID),
    "unknown-client-id-as-key": _as(NO_ACCOUNT, x_api_key="AAAAAAAAAAAAAAAAAAAAAA=="),
    "banned-key": _as(BANNED, x_api_key=BANNED_KEY),
    "nobody-creates-v3": Bad("POST", CREATE_V3, NOBODY, headers=JSON_TYPE, body=body_of({"prompt": "a cat"})),
    "nobody-creates-v4": Bad("POST", CREATE_V4, NOBODY, headers=JSON_TYPE, body=body_of({"prompt": "a cat"})),
    "nobody-presses": Bad("POST", PRESS, NOBODY, headers=JSON_TYPE, body=body_of({"_id": "<done>", "button": "U1"})),
    "nobody-asks": Bad("GET", INFO, NOBODY, "image_model_id=<done>", {}),
    "nobody-sends-garbage": Bad("POST", CREATE_V3, NOBODY, headers={}, body=b"\xff"),
    "bad-bearer-creates": Bad(
        "POST", CREATE_V3, BAD_BEARER, body=body_of({"prompt": "x"}), more={"authorization": "Bearer x"}
    ),
    "banned-creates": Bad("POST", CREATE_V3, BANNED, body=body_of({"prompt": "x"}), more={"x-api-key": BANNED_KEY}),
    "poor-creates": Bad("POST", CREATE_V4, TOO_POOR, body=body_of({"prompt": "x"}), more={"x-api-key": POOR_KEY}),
    "poor-creates-a-batch": Bad(
        "POST",
        CREATE_V4,
        TOO_POOR,
        body=body_of({"prompt": "x", "batch_quantity": 4, "resolution": "1080p"}),
        more={"x-api-key": POOR_KEY},
    ),
    "poor-sends-garbage": Bad("POST", CREATE_V4, BAD, body=b"x", more={"x-api-key": POOR_KEY}),
}

TABLE: Final[Mapping[str, Bad]] = {
    **{f"{on}-body-{name}": raw(path, body) for on, path in POSTS.items() for name, body in NOT_JSON.items()},
    **{f"{on}-body-{name}": raw(path, body) for on, path in POSTS.items() for name, body in NO_OBJECT.items()},
    **{
        f"{on}-type-{name}": raw(path, f"{{{GOOD_FIELDS}}}".encode(), content_type=value)
        for on, path in POSTS.items()
        for name, value in NO_JSON_TYPE.items()
    },
    **{f"field-{name}": bad for name, bad in FIELDS.items()},
    **{f"id-{name}": bad for name, bad in IDS.items()},
    **{f"path-{name}": bad for name, bad in PATHS.items()},
    **{f"credentials-{name}": bad for name, bad in CREDENTIALS.items()},
}


def send(there: World, bad: Bad) -> Answer:
    def filled(text: str) -> str:
        for name in World._fields[1:]:
            text = text.replace(f"<{name}>", getattr(there, name))
        return text

    usual = {**JSON_TYPE, "x-api-key": KEY} if bad.headers is None else bad.headers
    headers = {name: filled(value) for name, value in {**usual, **bad.more}.items()}
    body = bad.body if isinstance(bad.body, bytes) else bad.body(there)
    return there.transport.call(bad.method, filled(bad.path), filled(bad.query), headers=headers, body=body)


def state(mock: MockAkool) -> Any:
    """Return everything that the fake knows of jobs and accounts, as text that can be compared."""
    accounts = mock.engine.accounts
    return repr(mock.jobs), [(repr(account), accounts.credits(account)) for account in accounts]


def sequel(there: World) -> list[bytes]:
    """Use the fake in every way, and return the bodies: ids, files, balances and all."""
    client, other = Client(there.transport), Client(there.transport, OTHER_KEY)
    answers = [client.quota(), other.quota(), client.info(there.done), client.info(there.waiting)]
    answers += [client.create_v3(), other.create_v4(batch_quantity=2), client.press(there.done, "U1")]
    there.transport.advance(5)
    answers += [client.info(job.id) for job in there.transport.mock.jobs] + [client.quota(), other.quota()]
    answers.append(Client(there.transport, POOR_KEY).quota())
    return [answer.body.replace(there.transport.file_base.encode(), b"") for answer in answers]


@pytest.fixture(scope="module")
def there(transport_class: type[Transport]) -> Iterator[World]:
    """A world for all of the table, which may be one because none of the requests changes it."""
    with closing(transport_class(MockAkool(**OPTIONS))) as transport:
        yield world(transport)


def is_expected(answer: Answer, bad: Bad) -> bool:
    status, body = bad.expected
    if isinstance(body, bytes):
        return answer.status == status and body in answer.body
    is_json = answer.headers.get("content-type") == "application/json; charset=utf-8"
    return answer.status == status and is_json and bool(answer.json() == body)


class TestBadRequests:
    @pytest.mark.parametrize("name", TABLE)
    def test_gets_its_answer_and_changes_nothing(self, there: World, name: str) -> None:
        before = state(there.transport.mock)

        answer = send(there, TABLE[name])

        assert is_expected(answer, TABLE[name]), answer
        assert state(there.transport.mock) == before

    @pytest.mark.every_transport
    def test_all_get_their_answers_and_the_fake_is_as_if_they_had_never_come(
        self, open_transport: OpenTransport
    ) -> None:
        undisturbed, disturbed = world(open_transport(**OPTIONS)), world(open_transport(**OPTIONS))

        answers = {name: send(disturbed, bad) for name, bad in TABLE.items()}

        assert {name: answer for name, answer in answers.items() if not is_expected(answer, TABLE[name])} == {}
        assert sequel(disturbed) == sequel(undisturbed)

    def test_the_table_is_as_long_as_promised(self) -> None:
        assert len(TABLE) >= 150

    @pytest.mark.every_transport
    @pytest.mark.parametrize("path", [*POSTS.values(), INFO, QUOTA])
    def test_a_head_of_what_is_bad_is_as_bad(self, client: Client, path: str) -> None:
        answer = client.transport.call("HEAD", path, headers=client.headers)

        assert (answer.status, answer.body) == (404 if path in POSTS.values() else 200, b"")
        assert client.transport.mock.jobs == ()


@pytest.mark.every_transport
class TestOddButGood:
    """Requests that look bad, and are none by the contract."""

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b'{"prompt":"lone \\ud800"}', id="lone-surrogate"),
            pytest.param(b'{"prompt":"a\\u0000b"}', id="nul"),
            pytest.param(b' \n{"prompt" : "a cat"}\r\n ', id="blanks-around"),
            pytest.param(b'{"prompt":5,"prompt":"a cat"}', id="the-last-of-two-keys-counts"),
            pytest.param(b'{"prompt":"a cat","x":' + b"9" * 5000 + b"}", id="unknown-field-of-5000-digits"),
            pytest.param(b'{"prompt":"a cat","x":1e999}', id="unknown-field-1e999"),
            pytest.param(b'{"prompt":"a cat","x":' + b"[" * 100 + b"]" * 100 + b"}", id="unknown-field-nested"),
            pytest.param(b'{"prompt":"a cat","":{}}', id="unknown-field-without-a-name"),
            pytest.param(b'{"prompt":"' + b"x" * 1_000_000 + b'"}', id="prompt-of-1-MB"),
            pytest.param('{"prompt":"日本 🏮"}'.encode(), id="unicode"),
        ],
    )
    @pytest.mark.parametrize("path", [CREATE_V3, CREATE_V4])
    def test_bodies(self, client: Client, path: str, body: bytes) -> None:
        answer = client.transport.call("POST", path, headers={**JSON_TYPE, **client.headers}, body=body)

        assert answer.data["origin_prompt"] == json.loads(body.replace(b"9" * 5000, b"9"))["prompt"]
        assert len(client.transport.mock.jobs) == 1

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "Application/JSON", "application/json;charset=utf-8", "application/json; charset=latin-1"],
    )
    def test_content_types(self, client: Client, content_type: str) -> None:
        assert client.post(CREATE_V3, {"prompt": "x"}, {**client.headers, "content-type": content_type}).code == 1000

    def test_a_whole_number_with_a_point(self, client: Client) -> None:
        assert len(client.create_v4(batch_quantity=2.0).data) == 2

    def test_whatever_host_a_client_says(self, client: Client) -> None:
        for host in ("", "akool.test", "[::1]:80", "a b", "<script>", "x" * 500, "\xe9", "127.0.0.1:99999"):
            answer = client.get(QUOTA, headers={**client.headers, "host": host})
            assert (answer.status, answer.data) == (200, {"credit": 1000}), host
