"""What hardly happens: bugs of ours, jobs and accounts that are gone, and lists that grew too long."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from mock_akool import MockAkool, MockAkoolError, Request, Response
from mock_akool.akool import api
from mock_akool.akool.families import CREATES, SERVICES, Create, FakeSettings, Service
from mock_akool.akool.families.family import NO_FILES, Context, options_of
from mock_akool.akool.families.image import ImageOptions
from mock_akool.akool.overrides import MISSING, ResultOverride
from mock_akool.akool.scenarios import runtime as runtime_module
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.keyed_random import KeyedRandom
from tests.akool import fakes
from tests.akool.test_without_scenarios import KEY, answer, ask, data, engine_of

IMAGE = "/api/open/v3/content/image"
INFO = f"{IMAGE}/infobymodelid"
HEADERS = {"x-api-key": KEY, "content-type": "application/json"}


def create(prompt: str = "a fox", transport: str = "server") -> Request:
    body = json.dumps({"prompt": prompt}).encode()
    return Request.build("POST", f"{IMAGE}/createbyprompt", headers=HEADERS, body=body)._replace(transport=transport)


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("by us")


def is_bug(response: Response) -> bool:
    return response.status == 500 and json.loads(response.body)["detail"] == "ZeroDivisionError: by us"


def test_a_bug_of_the_api_is_never_an_answer_of_akool(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of()
    monkeypatch.setattr(type(engine), "create", broken)
    assert is_bug(answer(engine, create()))


def test_nor_is_a_bug_of_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    mock = MockAkool(scenario="flaky-gateway")
    monkeypatch.setattr(ScenarioRuntime, "firing", broken)
    assert is_bug(mock.application.answer(create()))


def test_a_job_that_is_gone_cannot_be_decided() -> None:
    engine = engine_of()
    with pytest.raises(MockAkoolError, match="there is no job"):
        engine.complete("0" * 24)


@pytest.mark.parametrize(
    "query", ["&".join(f"a{number}=1" for number in range(2000)), "image_model_id=1&image_model_id=2"]
)
def test_a_query_that_is_too_long_or_repeats_is_refused(query: str) -> None:
    response = ask(engine_of(), "GET", INFO, query)
    assert response.code == 1003
    assert response.reason


def test_a_token_of_an_account_that_a_reset_forgot_is_refused() -> None:
    engine = engine_of()
    made = ask(engine, "POST", "/api/open/v3/getToken", clientId="an id", clientSecret=KEY)
    bearer = {"authorization": f"Bearer {json.loads(made.body)['token']}"}
    quota = Request.build("GET", "/api/open/v3/faceswap/quota/info", headers=bearer)
    assert answer(engine, quota).code == 1000
    engine.reset()
    refused = answer(engine, quota)
    assert (refused.code, refused.reason) == (
        1101,
        "the token's account does not exist; it was made before a reset or by another fake",
    )


def test_a_button_is_pressed_without_scenarios() -> None:
    engine = engine_of(queueing=0, processing=0)
    parent = data(ask(engine, "POST", f"{IMAGE}/createbyprompt", prompt="a fox"))["_id"]
    assert (
        data(ask(engine, "POST", f"{IMAGE}/createbybutton", _id=parent, button="U1"))["image_content_model_id"]
        == parent
    )


def test_a_delivery_shows_its_envelope_where_it_has_one() -> None:
    engine = engine_of(queueing=0, processing=0)
    data(ask(engine, "POST", f"{IMAGE}/createbyprompt", prompt="a fox", webhookUrl="https://my-app.test/hook"))
    (attempt, *_) = engine.outbox.take(engine.clock.now_ns())
    assert attempt.delivery.envelope["status"] == 2
    assert attempt.delivery._replace(body_start=b"no JSON").envelope is None


def test_a_name_means_nothing_where_no_scenario_has_one() -> None:
    assert fakes.answer(fakes.engine_of(), create("a fox [mock:flaky-gateway]")).code == 1000


def test_calls_that_repeat_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "_MOST_REPEATED", 3)
    mock = MockAkool(
        scenario={"rules": [{"on": "infobymodelid", "nth": 100, "optional": True, "fault": {"http": 502}}]}
    )
    job_id = mock.application.answer(create()).job_id
    polls = [
        Request.build("GET", INFO, f"image_model_id={job_id}&a={number}", HEADERS)._replace(transport="server")
        for number in range(8)
    ]
    assert [mock.application.answer(poll).status for poll in polls] == [200] * 8


def test_attempts_at_prompts_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "_MOST_ATTEMPTS", 3)
    mock = MockAkool()
    codes = [mock.application.answer(create(f"fox {number} [mock:rate-limited]")).status for number in range(8)]
    assert set(codes) <= {200, 429}
    assert api.route("POST", f"{IMAGE}/createbyprompt")


def test_a_read_of_what_is_no_id_is_about_no_job() -> None:
    mock = MockAkool(scenario={"rules": [{"on": "infobymodelid", "optional": True, "nth": 9, "fault": {"http": 502}}]})
    assert mock.application.answer(Request.build("GET", INFO, "image_model_id=", HEADERS)).code == 1003


def test_settings_without_those_of_the_families_are_a_mistake() -> None:
    with pytest.raises(TypeError, match="ServiceSettings has no ImageOptions; use FakeSettings"):
        options_of(ServiceSettings(), ImageOptions)


def test_an_override_does_not_add_a_key_that_the_family_does_not_have() -> None:
    record: dict[str, Any] = {"video": "https://host/a.mp4"}
    others = (("upscaled_urls", ("x",)), ("buttons", MISSING))
    ResultOverride("https://host/b.mp4", others).apply(record, "video")
    assert record == {"video": "https://host/b.mp4"}


@pytest.mark.parametrize(("method", "path"), [each for each in api.API_ROUTES if "{" in each[1]])
def test_a_template_that_a_client_did_not_fill_in_is_no_bug(method: str, path: str) -> None:
    mock = MockAkool()
    response = mock.answer(Request.build(method, path, headers={"x-api-key": "my-key"}))
    assert (response.status, response.code) == (200, 1008)


def _without_a_host(value: Any) -> Any:
    """Return a request whose addresses have a host that cannot be."""
    if isinstance(value, str):
        return re.sub("^https?://[^/]+", "https://[x", value)
    if isinstance(value, Mapping):
        return {key: _without_a_host(each) for key, each in value.items()}
    return [_without_a_host(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("asked", [*CREATES.values(), *SERVICES.values()], ids=lambda asked: asked.endpoint)
def test_an_address_that_nobody_can_take_apart_is_no_bug(asked: Create[Any] | Service) -> None:
    mock = MockAkool()
    body = json.dumps(_without_a_host(asked.example)).encode()
    assert mock.answer(Request.build(asked.method, asked.path, "", HEADERS, body)).status == 200
    mock.clock.advance(60)


def test_a_family_without_files_has_none_to_show() -> None:
    job: Any = SimpleNamespace(id="abc")
    with pytest.raises(LookupError, match=r"job abc has no file a\.mp4"):
        NO_FILES.shows(job, None, "a.mp4", Context(FakeSettings(), KeyedRandom(0)))
