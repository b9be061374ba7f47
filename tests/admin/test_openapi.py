"""The OpenAPI document: valid, complete, and true of what the routes answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from mock_akool import MockAkool
from mock_akool.admin.routes import ROUTES
from mock_akool.akool.api import API_ROUTES
from mock_akool.akool.families import CREATES
from mock_akool.akool.scenarios.schema import RULE
from mock_akool.server.state_file import StateFile
from tests.admin.conftest import IMAGE, KEY, Fake


@pytest.fixture(scope="module")
def document() -> Any:
    return Fake(MockAkool()).ask("GET", "openapi.json")


def test_it_is_valid(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_has_all_routes_and_no_other(document: Any) -> None:
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {*API_ROUTES, *ROUTES}
    names = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\w+", name) for name in names)
    assert document["servers"] == [{"url": "/"}]


def test_examples_of_a_rule_are_read() -> None:
    found = 0
    for field in RULE.fields.values():
        for example in field.shape.schema.get("examples", ()):
            field.shape.read(example, ())
            found += 1
    assert found
    assert "examples" not in RULE.fields["during"].shape.schema["items"], "not each of a length's is one of an instant"


def test_it_tells_what_is_taken_where_nothing_is_given(document: Any) -> None:
    for path, limit in (("jobs", 500), ("calls", 500), ("webhooks", 500)):
        given = {each["name"]: each["schema"] for each in document["paths"][f"/_mock/{path}"]["get"]["parameters"]}
        assert given["limit"]["default"] == limit
        assert "default" not in given["account"]
    body = document["paths"]["/_mock/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    told = {name: each["default"] for name, each in body["properties"].items() if "default" in each}
    assert told == {"request": {"prompt": "an image"}, "polls": 0}


def test_it_tells_what_must_be_given(document: Any) -> None:
    def body_of(path: str) -> Any:
        return document["paths"][f"/_mock/{path}"]["post"]["requestBody"]

    advance = body_of("clock/advance")
    assert advance["required"]
    schema = advance["content"]["application/json"]["schema"]
    for body, is_valid in (
        ({"seconds": 1}, True),
        ({"to_ns": 1, "account": KEY}, True),
        ({}, False),
        ({"seconds": 1, "until": "idle"}, False),
    ):
        assert Draft202012Validator(schema).is_valid(body) is is_valid, body
        assert (Fake(MockAkool()).raw("POST", "/_mock/clock/advance", "", json.dumps(body).encode())[0] == 200) is (
            is_valid
        ), body
    assert body_of("accounts/credits")["content"]["application/json"]["schema"]["oneOf"] == [
        {"required": ["credits"]},
        {"required": ["add"]},
    ]
    script = body_of("scenario/jobs")["content"]["application/json"]["schema"]["properties"]["jobs"]["items"]
    assert script == {"allOf": [{"$ref": "#/components/schemas/JobScript"}, {"not": {"required": ["when"]}}]}
    assert not body_of("accounts")["required"], "its account may stand in the query"


def test_it_tells_of_what_is_needed_where_else_it_may_stand(document: Any) -> None:
    found = 0
    for (method, path), route in ROUTES.items():
        described = document["paths"][path][method.lower()]
        for name in route.needed:
            keys = route.keys_of(name)
            assert set(keys) == {"body", "query"}, "what stands in one of them only is needed there, as its record says"
            schema = described["requestBody"]["content"]["application/json"]["schema"]
            told = schema["properties"][keys["body"]]["description"]
            assert told.endswith(f"; needed here, or `{keys['query']}` in the query")
            (told,) = [each["description"] for each in described["parameters"] if each["name"] == keys["query"]]
            assert told.endswith(f"; needed here, or `{keys['body']}` in the body")
            found += 1
    assert found == 5


def test_it_is_not_longer_than_it_must_be(document: Any) -> None:
    families = {path: document["paths"][path] for _, path in API_ROUTES}
    # The rest has the names of endpoints in some places, such as where a rule says what it is on.
    rest = len(json.dumps(document)) - len(json.dumps(families))
    assert len(json.dumps(families)) < 1_350 * len(API_ROUTES)
    assert rest < 119_000 + 120 * len(API_ROUTES)


def checked(document: Any, method: str, path: str, status: str, told: Any) -> None:
    response = document["paths"][path][method.lower()]["responses"][status]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole).validate(told)


def _in_order(routes: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return routes so that what one wants was made by another before."""
    late = {
        ("PUT", "/_mock/scenario"): -1,
        ("DELETE", "/_mock/scenario/rules"): 1,
        ("DELETE", "/_mock/scenario"): 2,
        ("POST", "/_mock/reset"): 3,
        ("PUT", "/_mock/snapshot"): 4,
    }
    return sorted(routes, key=lambda key: (late.get(key, 0), key[0] == "DELETE", key[0], key[1]))


def test_answers_are_as_it_says(document: Any, tmp_path: Path) -> None:
    mock = MockAkool()
    mock.application.keep_in(StateFile(tmp_path / "state.json", mock.application))
    fake = Fake(mock)
    rule = {"on": "createbyprompt", "nth": 2, "fault": {"http": 502, "delay": "1s"}}
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("POST", "/_mock/jobs"): {"account": KEY, "result": {"upscaled_urls": []}},
        ("POST", "/_mock/accounts"): {"api_key": "another-key"},
        ("POST", "/_mock/accounts/credits"): {"account": KEY, "add": 1},
        ("POST", "/_mock/accounts/ban"): {"account": KEY, "banned": False},
        ("POST", "/_mock/accounts/expire-tokens"): {"account": KEY},
        ("PUT", "/_mock/scenario"): {"scenario": ["flaky-gateway", {"rules": [rule]}]},
        ("POST", "/_mock/scenario/rules"): {"rules": [rule]},
        ("POST", "/_mock/scenario/jobs"): {"jobs": [{"stages": [{"queueing": "1 poll"}, "failed"]}]},
        ("POST", "/_mock/scenario/check"): {"text": "rules: [{on: any, fault: {http: 500}}]"},
        ("POST", "/_mock/clock/advance"): {"until": "idle"},
        ("POST", "/_mock/webhooks/resend"): {"number": 1},
        ("POST", "/_mock/webhooks/faults"): {"account": KEY, "faults": [{"status": "failed", "fault": {"copies": 2}}]},
        ("POST", "/_mock/webhooks/sending"): {"by": "collect"},
        ("PUT", "/_mock/snapshot"): mock.snapshot(),
    }
    unmovable = {("POST", "/_mock/clock/resume"), ("POST", "/_mock/clock/speed")}
    fake.ask("POST", "webhooks/faults", faults=[{"times": 1, "fault": {"age": "5m", "envelope": "wrong key"}}])
    job = fake.create(webhookUrl="http://127.0.0.1:9/hook")
    fake.ask("POST", "clock/advance", until="idle")
    fake.raw("GET", "/nowhere", "", b"", {"x-raw": "é"})
    knowledge = b'{"name": "cats", "prompt": "Be kind."}'
    signed = {"x-api-key": KEY, "content-type": "application/json"}
    kept = fake.raw("POST", "/api/open/v4/knowledge/create", "", knowledge, signed)[1]["data"]["_id"]
    for method, path in _in_order(ROUTES):
        if (method, path) in unmovable:
            continue
        if path.endswith("stall"):
            job = fake.create()
        query = "rule=1" if (method, path) == ("DELETE", "/_mock/scenario/rules") else ""
        body = bodies.get((method, path))
        raw = b"" if body is None else json.dumps(body).encode()
        asked = (
            path.replace("{job}", job).replace("{file}", "1").replace("{name}", "banned").replace("{document}", kept)
        )
        status, told = fake.raw(method, asked, query, raw)
        assert status == ROUTES[method, path].status, (method, path, told)
        if ROUTES[method, path].sends_file:
            assert told is None
        else:
            checked(document, method, path, str(status), told)
    checked(document, "POST", "/_mock/reset", "400", fake.raw("POST", "/_mock/reset", "", b"{")[1])


def test_the_emulated_api_takes_what_it_says(document: Any) -> None:
    for endpoint, schema in ((name, create.input.schema) for name, create in CREATES.items()):
        Draft202012Validator.check_schema({"type": "object", **schema})
        assert set(schema["required"]) <= set(schema["properties"]), endpoint
    fake = Fake(MockAkool())
    body = json.dumps({"prompt": "a", "batch_quantity": 4, "resolution": "1080p"}).encode()
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    path = "/api/open/v4/content/image/createBySourcePrompt"
    checked(document, "POST", path, "200", fake.raw("POST", path, "", body, headers)[1])
    made = fake.create()
    checked(
        document,
        "GET",
        f"{IMAGE}/infobymodelid",
        "200",
        fake.raw("GET", f"{IMAGE}/infobymodelid", f"image_model_id={made}", b"", headers)[1],
    )
