"""Mistakes of a test that could pass silently: each is refused where it is made, with what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mock_akool import MockAkool, MockAkoolError, SettingsError, failed

MISTAKES: dict[str, tuple[Callable[[MockAkool], Any], str]] = {
    "a fault of webhooks that does nothing": (
        lambda mock: mock.webhooks.fault(status="completed"),
        "fault: this fault does nothing; use keys such as {copies: 2}",
    ),
    "the same in a scenario": (
        lambda mock: mock.put_scenario({"webhooks": [{"status": 3, "fault": {"copies": 1}}]}),
        "webhooks[0].fault: this fault does nothing; use keys such as {copies: 2}",
    ),
    "a fault for an account without a key": (
        lambda mock: mock.webhooks.fault(copies=2, api_key=""),
        "api_key: '' is not an API key; use a text that is not empty",
    ),
    "a job script for such an account": (lambda mock: mock.next_job(api_key=""), "api_key: '' is not an API key"),
    "a view of such an account": (lambda mock: mock.of_account(""), "api_key: '' is not an API key"),
    "what goes wrong, without its name": (
        lambda mock: mock.on("infobymodelid").respond(502),  # type: ignore[arg-type]
        "respond(502): what goes wrong is given by name; say what it is, such as respond(http=502) or respond(code=",
    ),
    "a reason that is no text": (
        lambda mock: failed(3),  # type: ignore[arg-type]
        "failed(3): a reason is a text; write it in quotes",
    ),
    "a decorated value": (
        lambda mock: mock(3),  # type: ignore[type-var]
        "MockAkool cannot decorate 3. It decorates functions and test classes",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_refused_and_changes_nothing(name: str) -> None:
    make, said = MISTAKES[name]
    mock = MockAkool(unused_rules="ignore")
    with pytest.raises(MockAkoolError) as caught:
        make(mock)
    assert said in str(caught.value)
    scripts: Any = mock.engine.scripts
    assert (mock.scenarios, list(scripts.webhook_rules_of(None)), scripts.job_scripts_of(None)) == ((), [], ())


def test_a_fake_whose_settings_are_not_usable_can_be_shown_by_a_traceback() -> None:
    made = MockAkool.__new__(MockAkool)
    with pytest.raises(SettingsError):
        made.__init__(sead=3)  # type: ignore[misc]
    assert repr(made) == "<MockAkool that could not be made>"
