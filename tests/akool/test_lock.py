"""The engine owns its lock: whoever asks it, what is asked is one transaction."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import mock_akool
from mock_akool import MockAkool, Request
from mock_akool.core.call_log import CallLog

PACKAGE: Final = Path(mock_akool.__file__).parent
OUTSIDE: Final = [file for file in sorted(PACKAGE.rglob("*.py")) if file.relative_to(PACKAGE).parts[0] != "akool"]


def locks_of(file: Path) -> Iterator[int]:
    """The lines of a module that speak of a lock that is not their own."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "lock":
            yield node.lineno


def test_the_lock_is_called_so() -> None:
    assert MockAkool().engine.lock.acquire(blocking=False)


def test_no_module_outside_of_akool_takes_it() -> None:
    assert len(OUTSIDE) > 80
    assert {str(file.relative_to(PACKAGE)): lines for file in OUTSIDE if (lines := list(locks_of(file)))} == {}


@pytest.mark.parametrize(
    "ask",
    [
        Request.build("GET", "/_mock/calls"),
        Request.build("GET", "/_mock/calls", "endpoint=any&after=1"),
        Request.build("GET", "/_mock/calls", "at_least=1&timeout=0"),
        Request.build("GET", "/_mock/state"),
        Request.build("GET", "/_mock/report"),
        Request.build("GET", "/_mock/openapi.json"),
    ],
    ids=lambda request: f"{request.path}?{request.query}",
)
def test_whoever_walks_through_the_calls_holds_it(ask: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may add a call meanwhile."""
    mock = MockAkool()
    mock.application.answer(Request.build("GET", "/api/open/v3/faceswap/quota/info", headers={"x-api-key": "key"}))
    for name in ("calls", "calls_after"):
        usual = getattr(CallLog, name)

        def walk(self: CallLog, *args: Any, usual: Any = usual) -> Any:
            assert mock.engine.lock._is_owned()  # type: ignore[attr-defined]
            return usual(self, *args)

        monkeypatch.setattr(CallLog, name, walk)
    assert mock.application.answer(ask).status == 200
