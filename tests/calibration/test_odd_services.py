"""A service that answers nonsense breaks no probe: each says what it saw, or why it was not asked."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from mock_akool.calibration import Verdict, as_json, as_text, as_toml, calibrate, fake_of, plan
from mock_akool.calibration.free import QUOTA
from mock_akool.calibration.service import Reply
from tests.calibration.services import RICH, USUAL

JSON: Final = {"content-type": "application/json"}
NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)


def said(body: Any, status: int = 200) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(status, JSON, json.dumps(body).encode())


def with_data(change: Callable[[Any], Any]) -> Callable[[Reply], Reply]:
    """Change the data of what would be answered."""

    def changed(reply: Reply) -> Reply:
        if not isinstance(reply.json, dict) or "data" not in reply.json:
            return reply
        return Reply(reply.status, reply.headers, json.dumps({**reply.json, "data": change(reply.data)}).encode())

    return changed


def without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_numbers(each) for each in value]
    return str(value)


ODD: Final[Mapping[str, Callable[[Reply], Reply]]] = {
    "a page of an error": lambda reply: Reply(500, {"content-type": "text/html"}, b"<h1>oops</h1>"),
    "no such page": lambda reply: Reply(404, {}, b"nothing here"),
    "nothing": lambda reply: Reply(204, {}, b""),
    "an empty object": said({}),
    "a list": said([]),
    "always the same refusal": said({"code": 1003, "msg": "parameter validate error"}),
    "a refusal with data": said({"code": 1101, "msg": "x", "data": {"a": 1}}),
    "a code that is a text": said({"code": "1000", "msg": "OK", "data": {}}),
    "nothing but successes": said({"code": 1000, "msg": "OK", "data": None}),
    "a list of nothing": said({"code": 1000, "msg": "OK", "data": [None, 1, "x"]}),
    "a forbidden success": said({"code": 1000, "msg": "OK", "data": {}}, 403),
    "a token that is none": said({"code": 1000, "token": "a.b.c", "data": {"token": 7, "_id": 7}}),
    "no headers": lambda reply: Reply(reply.status, {}, reply.body),
    "half of each body": lambda reply: Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2]),
    "data in a list": with_data(lambda data: [data]),
    "data in an object": with_data(lambda data: {"inner": data}),
    "data without keys": with_data(lambda data: {}),
    "data without numbers": with_data(without_numbers),
    "success where it is refused": lambda reply: Reply(200, JSON, b'{"code":1000}') if not reply.is_ok else reply,
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_each_probe_ends_with_a_finding(answer: Callable[[Reply], Reply]) -> None:
    service, credentials = fake_of(USUAL)
    genuine = service.send
    key = credentials.api_key

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = genuine(method, url, headers, body)
        # Without a balance it would end at once.
        is_balance = url.endswith(QUOTA) and headers.get("x-api-key") == key and reply.is_ok
        return reply if is_balance else answer(reply)

    service.send = send  # type: ignore[method-assign]
    chosen = plan(credentials, USUAL, RICH, webhook=True)
    calibration = calibrate(service, credentials, USUAL, chosen, limits=RICH)
    assert [each.probe.name for each in calibration.findings] == [each.probe.name for each in chosen]
    for each in calibration.findings:
        assert each.verdict is Verdict.CONFIRMED or each.why or each.seen != each.here
    assert as_text(calibration)
    assert json.loads(as_json(calibration, NOW))
    assert tomllib.loads(as_toml(calibration, NOW)) is not None
