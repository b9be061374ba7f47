"""Tokens that are not as `getToken` writes them are invalid, and no bug of the fake."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest

from mock_akool import MockAkool, Request
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.server.tokens import JwtTokens

QUOTA = "/api/open/v3/faceswap/quota/info"
SEED = 7
GOOD: dict[str, Any] = {"id": "64dd90f9f0b6684651e90d60", "iat": 1, "exp": 2**40}


def signed(claims: Any) -> str:
    """A token with the signature of a fake with this seed."""
    return jwt.encode(claims, KeyedRandom(SEED).hex(64, "token key"), algorithm="HS256")


def in_parts(header: str, payload: str) -> str:
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (header, payload, "x"))


def test_a_good_one_is_read() -> None:
    claims = JwtTokens(SEED).read(signed(GOOD))
    assert claims is not None
    assert tuple(claims) == tuple(GOOD.values())


@pytest.mark.parametrize(
    "token",
    [
        signed({name: value for name, value in GOOD.items() if name != "id"}),
        signed({name: value for name, value in GOOD.items() if name != "iat"}),
        signed({name: value for name, value in GOOD.items() if name != "exp"}),
        signed({}),
        signed({**GOOD, "id": 3}),
        signed({**GOOD, "id": ["64dd90f9f0b6684651e90d60"]}),
        signed({**GOOD, "exp": "tomorrow"}),
        signed({**GOOD, "iat": None}),
        signed({**GOOD, "exp": 1e300}),
        in_parts("[" * 20_000, "{}"),
        in_parts('{"alg":"HS256"}', "[" * 20_000),
        in_parts("[]", "[]"),
        in_parts("3", "4"),
        in_parts('{"alg":["HS256"]}', "{}"),
        in_parts('{"alg":"none"}', json.dumps(GOOD)),
        "",
        "a.b.c",
        "é.ü.ß",
        "." * 60_000,
        "a" * 60_000,
    ],
)
def test_another_one_is_invalid(token: str) -> None:
    assert JwtTokens(SEED).read(token) is None
    mock = MockAkool(seed=SEED)
    response = mock.answer(Request.build("GET", QUOTA, headers={"authorization": f"Bearer {token}"}))
    assert (response.status, response.code) == (200, 1101)
    assert response.reason is not None
    assert "oken" in response.reason


def test_what_is_remembered_of_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def decode(token: str, *_: Any, **__: Any) -> None:
        read.append(token)

    monkeypatch.setattr(jwt, "decode", decode)
    tokens = JwtTokens(SEED)
    short, long = [f"{number}." for number in range(1025)], "x" * 2001
    for token in (*short, short[-1], long, long, short[0]):
        tokens.read(token)
    assert read[1025:] == [long, long, short[0]]
