"""Requests of all shapes, alone and in a row: the report explains them, and never breaks."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import MockAkool, Request
from mock_akool.akool.api import API_ROUTES
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import explain
from tests.diagnostics.client import INFO, KEY, V3, V4, Client
from tests.extent import choose

EXAMPLES: Final = choose(30, 100)
TEXTS = st.text(max_size=12)
WORDS = st.sampled_from(
    [
        "",
        "null",
        "undefined",
        "None",
        KEY,
        "a" * 32,
        "0" * 24,
        "AAECAwQFBgcICQoLDA0ODw==",
        "\x00",
        "ü",
        "%ff",
        "1" * 400,
    ]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | TEXTS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        "_id", "aspect_ratio", "batch_quantity", "button", "clientId", "clientSecret", "image_model_id", "model_name",
        "parameter", "prompt", "resolution", "scale", "similar", "size", "source_image", "source_images", "webhookUrl",
        "webhookurl",
    ]
)  # fmt: skip
BODIES = (
    st.dictionaries(FIELDS, ANY_JSON, max_size=6).map(json.dumps).map(str.encode)
    | ANY_JSON.map(json.dumps).map(str.encode)
    | st.binary(max_size=30)
    | st.just(b'{"prompt": "a red fox"}')
)
PATHS = (
    st.sampled_from([path for _, path in API_ROUTES])
    | st.sampled_from(
        ["/", "", "*", "/1767225605000-0001.jpg", "/1767225600000-1234.png", INFO.upper(), f"{V3}/", "//"]
    )
    | TEXTS.map("/{}".format)
)
QUERIES = st.sampled_from(["", "&&", "=", "image_model_id", "image_model_id=%00&image_model_id=a", "_id=1"]) | TEXTS
HEADERS = st.dictionaries(
    st.sampled_from(["x-api-key", "authorization", "content-type"]) | TEXTS,
    st.sampled_from([KEY, "", " ", f"Bearer {KEY}", "Bearer ", "bearer a.b.c", "Bearer null", "Basic x", "text/plain"])
    | WORDS
    | TEXTS,
    max_size=4,
)
REQUESTS = st.builds(
    Request.build,
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", ""]),
    PATHS,
    QUERIES,
    HEADERS,
    BODIES,
)


def report(mock: MockAkool, api_key: str | None = None) -> str:
    text = explain(Observations.of(mock.engine, api_key))
    assert "mock-akool bug" not in text
    return text


@settings(max_examples=EXAMPLES)
@given(st.lists(REQUESTS, max_size=8), st.floats(0, 8 * 86_400))
def test_any_requests_leave_the_report_whole(requests: list[Request], seconds: float) -> None:
    mock = MockAkool()
    for request in requests:
        mock.answer(request)
    assert report(mock)
    mock.clock.advance(seconds)
    assert report(mock)
    assert report(mock, KEY)


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_any_requests_about_a_job_leave_the_report_whole(data: st.DataObject) -> None:
    client = Client(ending=data.draw(st.sampled_from(["completed", "failed", "failed: nudity; \x00"])))
    job_id = client.create(data.draw(st.sampled_from([V3, V4])))
    for _ in range(data.draw(st.integers(0, 4))):
        client.wait(data.draw(st.sampled_from([0, 3, 5, 8 * 86_400])))
        query = data.draw(
            st.sampled_from([f"image_model_id={job_id}", f"_id={job_id}", f"image_model_id={job_id}&x=[]"])
        )
        client.mock.answer(Request.build("GET", INFO, query, {"x-api-key": data.draw(st.sampled_from([KEY, "b"]))}))
    client.mock.answer(data.draw(REQUESTS))
    assert report(client.mock)
    assert report(client.mock, KEY)


ODD: tuple[Any, ...] = ({"a": 1}, ["a"], [[]], None, 5, 1.5, True, "", "\ud800")


@pytest.mark.parametrize("path", [path for method, path in API_ROUTES if method == "POST"])
def test_values_of_any_kind_leave_the_report_whole(path: str) -> None:
    names = ("clientId", "clientSecret", "_id", "button", "prompt", "size", "scale", "source_images", "webhookUrl")
    for odd in ODD:
        client = Client()
        client.ask("POST", path, body=dict.fromkeys(names, odd))
        client.ask("POST", path, body=odd)
        client.ask("GET", "/api/open/v3/faceswap/quota/info", x_api_key="unknown" + "=" * 20)
        client.ask("GET", "/api/open/v3/faceswap/quota/info", authorization="Bearer x")
        assert "#1" in report(client.mock), ascii(odd)
