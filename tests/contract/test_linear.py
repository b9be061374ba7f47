"""What a client sends costs time in proportion to its length, whatever it is: nothing is compared with all before."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Request
from tests.linear import FEW, assert_linear, own_s

KEY: Final = "k" * 32
IMAGE: Final = "/api/open/v3/content/image"
V4: Final = "/api/open/v4/content/image/createBySourcePrompt"
JSON: Final = {"x-api-key": KEY, "content-type": "application/json"}

Make = Callable[[int], Request]


def create(raw: str | bytes, path: str = f"{IMAGE}/createbyprompt", **headers: str) -> Request:
    body = raw if isinstance(raw, bytes) else raw.encode()
    return Request.build("POST", path, headers={**JSON, **headers}, body=body)


def of(**fields: Any) -> Request:
    return create(json.dumps(fields))


def poll(query: str = "", **headers: str) -> Request:
    return Request.build("GET", f"{IMAGE}/infobymodelid", query, {"x-api-key": KEY, **headers})


def admin(method: str, path: str, raw: str = "", query: str = "") -> Request:
    return Request.build(method, f"/_mock/{path}", query, body=raw.encode())


def rules(count: int, **rule: Any) -> str:
    each = json.dumps({"on": "createbyprompt", "fault": {"http": 502}, **rule})
    return f'{{"scenario": {{"rules": [{", ".join([each] * count)}]}}}}'


SENT: Final[dict[str, Make]] = {
    "a URL with a space at its end": lambda n: of(prompt="x", webhookUrl="http://" + "a" * n + " "),
    "a URL of slashes": lambda n: of(prompt="x", webhookUrl="http://a" + "/" * n + " "),
    "URLs of source images": lambda n: create(
        json.dumps({"prompt": "x", "model_name": "Nano Banana", "source_images": ["http://a "] * n}), V4
    ),
    "a prompt that begins many names": lambda n: of(prompt="[mock:" * n),
    "a prompt of many names": lambda n: of(prompt="[mock:slow" + ",slow" * n + "]"),
    "a prompt with many lists of names": lambda n: of(prompt="[mock:slow]" * n),
    "a prompt of brackets": lambda n: of(prompt="[" * n + "]" * n),
    "a prompt of spaces": lambda n: of(prompt=" " * n),
    "a scale": lambda n: of(prompt="x", scale="1:" * n),
    "a field's name": lambda n: create(json.dumps({"promp" + "t" * n: "x"})),
    "many names of fields": lambda n: create(json.dumps({f"prompt{number}": "x" for number in range(n)})),
    "one field many times": lambda n: create("{" + '"prompt": "x", ' * n + '"prompt": "y"}'),
    "many lists in each other": lambda n: create("[" * n),
    "many objects in each other": lambda n: create('{"a":' * n),
    "a number of many digits": lambda n: create('{"prompt": ' + "1" * n + "}"),
    "a body of spaces": lambda n: create(" " * n),
    "a body of escapes": lambda n: create('{"prompt": "' + r"\ud800" * n + '"}'),
    "a content type of plusses": lambda n: create("{}", **{"content-type": "application/" + "+" * n}),
    "a content type of words": lambda n: create("{}", **{"content-type": "application/" + "json+" * n}),
    "a content type of semicolons": lambda n: create("{}", **{"content-type": "application/json" + " ;" * n + "\n"}),
    "a bearer of spaces": lambda n: poll(authorization="Bearer" + " " * n),
    "a bearer of words": lambda n: poll(authorization="Bearer x" + " x" * n),
    "a token of dots": lambda n: poll(authorization="Bearer " + "." * n),
    "a key of names": lambda n: poll(**{"x-api-key": "+a" * n + "+"}),
    "a key of plusses": lambda n: poll(**{"x-api-key": "+" * n}),
    "many headers": lambda n: poll(**{f"x-header-{number}": "x" for number in range(n)}),
    "one query field many times": lambda n: poll("image_model_id=x&" * n),
    "many query fields": lambda n: poll("&".join(f"image_model_{number}=x" for number in range(n))),
    "a query of percent signs": lambda n: poll("image_model_id=" + "%" * n),
    "a query of separators": lambda n: poll("&=" * n),
    "a file's name of hyphens": lambda n: Request.build("GET", "/" + "-" * n),
    "a path of slashes": lambda n: Request.build("GET", "/api/open/" + "/" * n),
    "a path that is nearly known": lambda n: Request.build("GET", f"{IMAGE}/createbyprompt" + "t" * n),
    "a name of a scenario": lambda n: admin("PUT", "scenario", json.dumps({"scenario": "slow" + "w" * n})),
    "names of scenarios": lambda n: admin("PUT", "scenario", json.dumps({"scenario": ["slow"] * (n // 50)})),
    "many rules": lambda n: admin("PUT", "scenario", rules(n // 8, nth=5)),
    "many wrong rules": lambda n: admin("PUT", "scenario", rules(n // 8, nht=5)),
    "a duration": lambda n: admin("POST", "jobs", json.dumps({"account": KEY, "stages": ["1" * n + " s"]})),
    "many stages": lambda n: admin("POST", "jobs", json.dumps({"account": KEY, "stages": ["completed"] * n})),
    "one field of an admin body many times": lambda n: admin("POST", "reset", "{" + '"account": "x", ' * n + '"a": 1}'),
    "many fields of an admin body": lambda n: admin("POST", "reset", json.dumps({f"acc{i}": "x" for i in range(n)})),
    "one field of an admin query many times": lambda n: admin("GET", "calls", query="account=x&" * n),
    "many fields of an admin query": lambda n: admin(
        "GET", "calls", query="&".join(f"accoun{number}=x" for number in range(n))
    ),
}


def answered_s(request: Request, scenario: dict[str, Any] | None = None, *, then: Request | None = None) -> float:
    """Return the seconds of work that a request, and one that follows it, take a new fake."""
    mock = MockAkool(max_body_bytes=64 << 20, scenario=scenario or {})

    def work() -> None:
        mock.answer(request)
        if then is not None:
            assert mock.answer(then).status == 200

    return own_s(work)


@pytest.mark.parametrize("make", SENT.values(), ids=SENT)
def test_an_answer(make: Make) -> None:
    assert_linear(lambda count: answered_s(make(count)))


@pytest.mark.parametrize("what", [name for name in SENT if not name.startswith(("many rules", "names of"))])
def test_the_report_of_it(what: str) -> None:
    report = admin("GET", "report")
    assert_linear(lambda count: answered_s(SENT[what](count), then=report))


@pytest.mark.parametrize("pattern", ["*a*a*a*b", "*" * 50 + "b", "[!b]*" * 20 + "b", "a*" * 50 + "b"])
def test_a_pattern_of_a_rule(pattern: str) -> None:
    scenario = {"rules": [{"on": "create", "prompt": pattern, "optional": True, "fault": {"http": 502}}]}
    assert_linear(lambda count: answered_s(of(prompt="a" * count), scenario))


def test_knowledge_is_made_among_much_other() -> None:
    def make(count: int) -> float:
        mock = MockAkool()
        made = [
            create(json.dumps({"name": f"k{each}"}), "/api/open/v4/knowledge/create") for each in range(count // 10)
        ]
        return own_s(lambda: [mock.answer(request) for request in made])

    assert_linear(make)


def test_what_is_quadratic_would_be_seen() -> None:
    def cost_s(count: int) -> float:
        numbers = list(range(count // 3))  # enough to be worth a comparison on a quick machine too
        return own_s(lambda: [sum(numbers[:end]) for end in numbers])

    with pytest.raises(AssertionError, match=f"{FEW} parts took"):
        assert_linear(cost_s)
