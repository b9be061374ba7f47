"""Anything at all, sent to every endpoint: never HTTP 500, always a valid envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mock_akool import Code, MockAkool
from tests.contract.client import CREATE_V3, CREATE_V4, GET_TOKEN, INFO, KEY, PRESS, QUOTA, SOURCE, Client
from tests.contract.transports import USUAL, Answer, Transport
from tests.extent import choose

AT_RANDOM: Final = settings(max_examples=choose(8, 150), database=None)
"""So many examples for each transport."""

POSTS = (GET_TOKEN, CREATE_V3, CREATE_V4, PRESS)
ENDPOINTS = [*(("POST", path) for path in POSTS), ("GET", INFO), ("GET", QUOTA)]

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**50)
    | st.floats()
    | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLAUSIBLE = {
    "prompt": st.just("a cat") | st.text(st.characters(), max_size=20),
    "scale": st.sampled_from(["1:1", "3:4", "Original"]),
    "source_image": st.just(SOURCE),
    "source_images": st.lists(st.just(SOURCE), max_size=2),
    "webhookUrl": st.sampled_from(["", SOURCE]),
    "webhookurl": st.sampled_from(["", SOURCE]),
    "model_name": st.sampled_from(
        ["wavespeed-ai/flux-krea-dev-lora", "wavespeed-ai/flux-kontext-dev", "meitu/yunxiu-pro/image-to-image"]
    ),
    "parameter": st.just({}),
    "resolution": st.sampled_from(["1080p", "4k"]),
    "batch_quantity": st.integers(0, 5),
    "similar": st.floats(-0.1, 1.1),
    "negative_prompt": st.text(max_size=5),
    "_id": st.text("0123456789abcdef", min_size=24, max_size=24),
    "button": st.sampled_from(["U1", "V4", "U5"]),
    "clientId": st.text(st.characters(), max_size=24),
    "clientSecret": st.text(st.characters(), max_size=32),
}
GOOD: Mapping[str, dict[str, Any]] = {
    GET_TOKEN: {"clientId": "id", "clientSecret": "secret"},
    CREATE_V3: {"prompt": "a cat"},
    CREATE_V4: {"prompt": "a cat"},
    PRESS: {"_id": "0" * 24, "button": "U1"},
}


@st.composite
def posts(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a path and a body for it, which is mostly a good one with a few fields changed, else anything."""
    path = draw(st.sampled_from(POSTS))
    if draw(st.integers(0, 3)) == 0:
        return path, draw(st.binary(max_size=40) | ANYTHING.map(json.dumps).map(str.encode))
    fields = dict(GOOD[path])
    for name in draw(st.lists(st.sampled_from(sorted(PLAUSIBLE)), max_size=4)):
        fields[name] = draw(PLAUSIBLE[name] if draw(st.booleans()) else ANYTHING)
    return path, json.dumps(fields, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


VISIBLE = st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"])
"""What a header's value may have at all; a server refuses the rest as no HTTP."""
TEXTS = st.text(VISIBLE, max_size=40)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "x-api-key": st.just(KEY) | TEXTS,
        "authorization": TEXTS | TEXTS.map("Bearer {}".format) | st.just(""),
        "content-type": st.just("application/json") | TEXTS,
        "host": TEXTS,
        "accept-encoding": TEXTS,
        "cookie": TEXTS,
    },
)
# Bytes that may stand in a request's target.
QUERIES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=60)
# Two slashes at the start are a host to the clients' own parsers. Hypothesis also draws strings that it finds in our
# modules, such as paths that something answers.
PATHS = QUERIES.map("/{}".format).filter(lambda path: not path.startswith(("//", "/api/", "/_mock")))


def check(answer: Answer) -> None:
    """Fail unless the answer is what every answer of an endpoint must be."""
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    envelope = answer.json()
    assert isinstance(envelope, dict)
    assert type(envelope["code"]) is int
    if "token" in envelope:
        assert envelope.keys() == {"code", "token"}
        assert envelope["code"] == 1000
    elif envelope["code"] == 1000:
        assert envelope.keys() == {"code", "msg", "data"}
        assert envelope["msg"] == "OK"
    else:
        assert envelope.keys() == {"code", "msg"}
        assert envelope["code"] in set(Code)
        assert isinstance(envelope["msg"], str)


NAMELESS: Any = {"scenario_sources": "none"}
"""No key and no prompt names a scenario: a name that there is not is answered with a mistake of the test, HTTP 400."""


@pytest.mark.every_transport
@AT_RANDOM
@given(bodies=st.lists(posts(), min_size=1, max_size=8))
@example(bodies=[(CREATE_V3, b'{"prompt":"\\ud800"}'), (GET_TOKEN, b'{"clientId":"\\ud800","clientSecret":"\\udfff"}')])
def test_any_body(transport_class: type[Transport], bodies: list[tuple[str, bytes]]) -> None:
    with closing(transport_class(MockAkool(**NAMELESS))) as transport:
        headers = {"x-api-key": KEY, "content-type": "application/json"}
        for path, body in bodies:
            check(transport.call("POST", path, headers=headers, body=body))
        credit = Client(transport).credit()
        assert credit == 1000 - sum(job.cost for job in transport.mock.jobs)
        transport.advance(5)
        for job in transport.mock.jobs:
            check(Client(transport).info(job.id))


@pytest.mark.every_transport
@AT_RANDOM
@given(calls=st.lists(st.tuples(st.sampled_from(ENDPOINTS), HEADERS), min_size=1, max_size=8))
def test_any_headers(transport_class: type[Transport], calls: list[tuple[tuple[str, str], Mapping[str, str]]]) -> None:
    with closing(transport_class(MockAkool(**NAMELESS))) as transport:
        for (method, path), headers in calls:
            check(
                transport.call(method, path, headers=headers, body=b'{"prompt":"a cat"}' if method == "POST" else b"")
            )


@pytest.mark.every_transport
@AT_RANDOM
@given(queries=st.lists(QUERIES | QUERIES.map("image_model_id={}".format), min_size=1, max_size=8))
def test_any_query(transport_class: type[Transport], queries: list[str]) -> None:
    with closing(transport_class(MockAkool(**NAMELESS))) as transport:
        client = Client(transport)
        client.made("v3")
        for query in queries:
            check(client.get(INFO, query))
            check(client.get(QUOTA, query))


@pytest.mark.every_transport
@AT_RANDOM
@given(paths=st.lists(PATHS, min_size=1, max_size=8))
def test_any_path(transport_class: type[Transport], paths: list[str]) -> None:
    with closing(transport_class(MockAkool(**NAMELESS))) as transport:
        for path in paths:
            answer = transport.call("GET", path)
            assert answer.status in (403, 404)
            if answer.status == 404:
                assert "Not Found" in answer.body.decode()


def test_the_strategies_reach_every_outcome() -> None:
    """The fuzz above would prove little if all it sent were refused."""
    seen: set[tuple[str, Any]] = set()

    @settings(AT_RANDOM, max_examples=150)
    @given(post=posts())
    def collect(post: tuple[str, bytes]) -> None:
        path, body = post
        answer = transport.call("POST", path, headers={"x-api-key": KEY, "content-type": "application/json"}, body=body)
        seen.add((path, answer.code))

    with closing(USUAL(MockAkool(credits=10**9, **NAMELESS))) as transport:
        collect()

    assert seen >= {(path, 1003) for path in POSTS}
    assert seen >= {(GET_TOKEN, 1000), (CREATE_V3, 1000), (CREATE_V4, 1000), (PRESS, 1008)}
