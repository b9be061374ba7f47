"""What a fault puts into the head of a response must be able to stand there."""

from __future__ import annotations

from typing import Any

import pytest

from mock_akool.core.errors import ScenarioError
from mock_akool.core.faults import FAULT

BAD_VALUES = ["text/€", "text/é", "a\r\nset-cookie: b", "a\nb", "a\rb", "a\0b", "\x1b[31m", "\x7f", "a\u2028b"]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_what_cannot_be_sent_is_refused(value: str) -> None:
    fields: list[dict[str, Any]] = [{"content_type": value}, {"headers": {"x-a": value}}]
    for each in fields:
        with pytest.raises(ScenarioError, match="is not the value of a header"):
            FAULT.read(each)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", "a\r\nb", "content-length", "Transfer-Encoding"])
def test_names_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(ScenarioError):
        FAULT.read({"headers": {name: "1"}})


@pytest.mark.parametrize("value", [3, True, None, ["text/plain"], {}])
def test_a_content_type_is_a_text(value: Any) -> None:
    with pytest.raises(ScenarioError):
        FAULT.read({"content_type": value, "http": 500})


@pytest.mark.parametrize("value", ["text/plain", "text/plain; charset=utf-8", "", "nonsense"])
def test_any_other_is_sent(value: str) -> None:
    assert FAULT.read({"content_type": value, "http": 500}).content_type == value
