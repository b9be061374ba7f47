"""What is given as the real value is taken as it is, and what cannot be one is refused by its value."""

from __future__ import annotations

from typing import Any

import pytest

from mock_akool import MockAkool, ScenarioError, SettingsError, Timeline
from mock_akool.core.delays import Delay
from mock_akool.core.durations import Duration, Span
from mock_akool.core.faults import FAULT
from mock_akool.core.http import Share
from mock_akool.core.stages import STAGES
from mock_akool.core.timeline import Stage, Status, failed


def test_a_share_and_a_delay_in_a_fault() -> None:
    share, delay = Share(fraction=0.5), Delay(Duration.of("1s"), Duration.of("2s"))
    fault = FAULT.read({"truncate": share, "delay": delay}, ())
    assert fault == FAULT.read({"truncate": "50%", "delay": ["1s", "2s"]}, ())


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({f"x-{number}": "1" for number in range(200)}, "200 headers are too many"),
        ({"Content-Length": "3"}, "content-length follows from the body"),
    ],
)
def test_headers_that_cannot_be(headers: Any, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        FAULT.read({"http": 502, "headers": headers}, ())


def test_stages_and_a_whole_life() -> None:
    stage = Stage(Status.QUEUEING, Span.of("2s"))
    life = STAGES.read([stage, failed("no")])
    assert life == Timeline((stage,), failed("no"))
    assert STAGES.read(life) is life
    assert STAGES.from_text("completed") == "completed"


@pytest.mark.parametrize("value", ["a b", "ftp://x", "http://"])
def test_an_address_that_is_none(value: str) -> None:
    with pytest.raises(SettingsError, match="base_url"):
        MockAkool(base_url=value)


@pytest.mark.parametrize("value", ["a b", "/", "http://x"])
def test_a_host_that_is_none(value: str) -> None:
    from mock_akool.server.settings import Settings

    with pytest.raises(SettingsError, match="admin_hosts"):
        Settings.of(admin_hosts=[value])


@pytest.mark.parametrize("value", [5, {"from": 1}, ["forever", 3]])
def test_a_time_during_which_that_is_none(value: Any) -> None:
    with pytest.raises(SettingsError, match="during"):
        MockAkool(scenario={"rules": [{"on": "api", "during": value, "fault": {"http": 502}}]})


def test_what_counted_calls_are_chosen_in_words() -> None:
    mock = MockAkool(scenario={"rules": [{"on": "api", "after": 2, "first": 1, "fault": {"http": 502}}]})
    (live,) = mock.application.scenarios.rules
    assert live.rule.choosing() == "first: 1, after: 2"
