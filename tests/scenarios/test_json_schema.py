"""The JSON Schemas say what is read: in keywords that there are, and no value is refused that they take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mock_akool.akool.scenarios.schema import SCENARIO
from mock_akool.core.errors import SettingsError

KEYWORDS = frozenset(
    (
        *("$defs", "$ref", "additionalItems", "additionalProperties", "anyOf", "const", "default", "description"),
        *("enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength"),
        *("maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "pattern", "properties"),
        *("propertyNames", "required", "title", "type", "uniqueItems"),
    )
)
TYPES = frozenset(("array", "boolean", "integer", "null", "number", "object", "string"))


def parts_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all within it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("items", "additionalProperties", "propertyNames"):
        yield from parts_of(schema.get(key))
    for each in schema.get("anyOf", ()):
        yield from parts_of(each)
    for each in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
        yield from parts_of(each)


def test_a_scenario_is_described_in_keywords_that_there_are() -> None:
    parts = list(parts_of(SCENARIO.schema))
    assert len(parts) > 100
    for part in parts:
        assert KEYWORDS.issuperset(part), part
        types = part.get("type", [])
        assert TYPES.issuperset([types] if isinstance(types, str) else types), part
        properties = part.get("properties", {})
        assert set(part.get("required", ())) <= set(properties), part
        assert part.get("additionalProperties", False) is False or isinstance(part["additionalProperties"], dict)


@pytest.mark.parametrize(("key", "item"), [("upscaled_urls", "https://a.test/1"), ("buttons", "U1")])
def test_what_a_result_says_may_be_a_list_of_texts_or_missing(key: str, item: str) -> None:
    jobs = SCENARIO.schema["properties"]["jobs"]["items"]["properties"]
    assert jobs["result"]["properties"][key]["anyOf"] == [
        {"type": "array", "items": {"type": "string"}},
        {"const": "missing"},
    ]
    for value in ([], [item], "missing"):
        script = {"result": {key: value}}
        assert SCENARIO.write(SCENARIO.read({"jobs": [script]}))["jobs"] == [script]
    what = {"upscaled_urls": "URLs", "buttons": "buttons"}[key]
    for wrong in ("gone", [1], {"a": 1}, None):
        with pytest.raises(SettingsError) as refused:
            SCENARIO.read({"jobs": [{"result": {key: wrong}}]})
        assert f"jobs[0].result.{key}: {wrong!r} is not a list of {what}, or 'missing'" in str(refused.value)
