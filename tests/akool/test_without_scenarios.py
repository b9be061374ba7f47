"""The engine and its API by themselves: no scenario stands in front of them, and nobody scripts a job."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from mock_akool import Request, Response, VirtualClock
from mock_akool.akool import api
from mock_akool.akool.engine import Engine
from mock_akool.akool.envelope import encode
from mock_akool.akool.families import FakeSettings
from mock_akool.server.tokens import JwtTokens

KEY = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
IMAGE = "/api/open/v3/content/image"


def engine_of(**options: Any) -> Engine:
    return Engine(FakeSettings.of(**options), VirtualClock(), JwtTokens(0))


def answer(engine: Engine, request: Request) -> Response:
    found, names = api.route(request.method, request.path)
    return api.handle(engine, found, names, request, engine.clock.now_ns())


def ask(engine: Engine, method: str, path: str, query: str = "", **fields: Any) -> Response:
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    request = Request.build(method, path, query, headers, json.dumps(fields).encode() if fields else b"")
    return answer(engine, request)


def data(response: Response) -> Any:
    envelope = json.loads(response.body)
    assert envelope["code"] == 1000, envelope
    return envelope["data"]


def test_a_job_lives_and_is_paid() -> None:
    engine = engine_of(queueing=2, processing=3)
    job = data(ask(engine, "POST", f"{IMAGE}/createbyprompt", prompt="a fox"))
    statuses = []
    for _ in range(3):
        statuses.append(data(ask(engine, "GET", f"{IMAGE}/infobymodelid", f"image_model_id={job['_id']}")))
        engine.clock.advance(2.5)  # type: ignore[attr-defined]
    assert [each["image_status"] for each in statuses] == [1, 2, 3]
    assert data(ask(engine, "GET", "/api/open/v3/faceswap/quota/info")) == {"credit": 998}
    file = answer(engine, Request.build("GET", "/" + statuses[-1]["image"].rpartition("/")[2]))
    assert file.status == 200
    assert file.media is not None


def test_a_webhook_is_made_for_it() -> None:
    engine = engine_of(queueing=0, processing=0)
    ask(engine, "POST", f"{IMAGE}/createbyprompt", prompt="a fox", webhookUrl="https://my-app.test/hook")
    attempts = engine.outbox.take(engine.clock.now_ns())
    assert [json.loads(each.delivery.payload)["status"] for each in attempts] == [2]
    assert attempts[0].delivery.size > len(attempts[0].delivery.payload)


def test_what_is_reset_and_forgotten_is_gone() -> None:
    engine = engine_of(queueing=0, processing=0)
    ask(engine, "POST", f"{IMAGE}/createbyprompt", prompt="a fox")
    engine.reset_account(KEY)
    assert engine.jobs() == ()
    ask(engine, "POST", f"{IMAGE}/createbyprompt", prompt="a fox")
    engine.reset()
    assert engine.jobs() == ()


@pytest.mark.parametrize("path", ["/" + "a-" * 40, "/-", "/", "/1-2-3", "/api/open/v3/nowhere"])
def test_a_path_of_no_file_is_no_jobs(path: str) -> None:
    assert engine_of().job_of_file(path) is None
    assert ask(engine_of(), "GET", path).status in (403, 404)


def test_credits_that_are_a_fraction_are_numbers_of_json() -> None:
    assert encode({"cost": Decimal("1.50"), "credit": Decimal(3)}) == b'{"cost":1.5,"credit":3}'
    with pytest.raises(TypeError, match="set is no JSON"):
        encode({"cost": {1}})
