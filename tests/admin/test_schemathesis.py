"""Calls made up from the OpenAPI document: none is a bug, and every answer is one that the document tells of."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mock_akool import MockAkool
from tests.admin.conftest import Fake

_MOCK = MockAkool(max_body_bytes=4096)
_DOCUMENT = Fake(_MOCK).ask("GET", "openapi.json")
schema = schemathesis.openapi.from_dict(_DOCUMENT)
schema.app = _MOCK.app()
_WAITS = ("get_calls", "get_webhooks")


@pytest.fixture(autouse=True)
def _begun_anew() -> None:
    _MOCK.reset()
    _MOCK.webhooks.collect()  # or those would be sent that are for a URL that was made up


@schema.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_made_up_calls(case: Any) -> None:
    if case.operation.definition.raw.get("operationId") in _WAITS:
        case.query.pop("timeout", None)
        if "at_least" in case.query:
            case.query["timeout"] = 0  # it would be waited for
    response = case.call(headers={"x-api-key": "some-key"})
    assert response.status_code < 500 or response.status_code == 504, response.content
    case.validate_response(
        response,
        checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
    )
