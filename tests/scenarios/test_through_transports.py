"""Whose calls a scenario counts, from when, and what it says of an account that a key or a prompt names it for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.contract.client import KEY, OTHER_KEY, Client
from tests.contract.transports import OpenTransport

FIRST_TRY: Final[Mapping[str, Any]] = {
    "rules": [{"on": "create", "per": "job", "first": 1, "fault": {"code": 1108}}],
}


# Counting the tries at a job that is not made yet


@pytest.mark.parametrize("create", ["create_v3", "create_v4"])
def test_all_tries_at_one_job_are_counted_together(create: str, open_transport: OpenTransport) -> None:
    client = Client(open_transport(scenario=FIRST_TRY))
    codes = [getattr(client, create)().code for _ in range(6)]
    assert codes == [1108, 1000] * 3


def test_tries_of_accounts_are_counted_apart(open_transport: OpenTransport) -> None:
    transport = open_transport(scenario=FIRST_TRY)
    mine, others = Client(transport), Client(transport, OTHER_KEY)
    assert [client.create_v3().code for client in (mine, others, mine, others)] == [1108, 1108, 1000, 1000]


def test_presses_are_counted_by_the_job_that_they_make_and_not_by_the_parent(open_transport: OpenTransport) -> None:
    transport = open_transport(scenario=FIRST_TRY)
    client = Client(transport)
    client.create_v3()
    parent = client.completed("v3")
    assert [client.press(parent, button).code for button in ("U1", "U1", "U2", "U2")] == [1108, 1000] * 2


def test_a_try_that_did_its_work_begins_the_count_anew(open_transport: OpenTransport) -> None:
    rules = [{"on": "create", "per": "job", "first": 1, "fault": {"http": 504, "at": "after"}}]
    transport = open_transport(scenario={"rules": rules})
    client = Client(transport)
    assert [client.create_v3().status for _ in range(3)] == [504] * 3
    assert len(transport.mock.jobs) == 3


# Time, counted from when somebody named the scenario


def test_a_window_of_a_key_begins_when_the_key_is_first_seen(open_transport: OpenTransport) -> None:
    transport = open_transport()
    client = Client(transport, f"{KEY}+maintenance")
    transport.advance(1000)
    seen = []
    for step_s in (0, 2.9, 0.1, 29.9, 0.1):
        transport.advance(step_s)
        seen.append(client.quota().status)
    assert seen == [200, 200, 503, 503, 200]


def test_a_window_of_a_prompt_begins_with_its_job(open_transport: OpenTransport) -> None:
    transport = open_transport()
    client = Client(transport)
    for _ in range(2):
        transport.advance(1000)
        job_id = client.create_v3("a cat [mock:maintenance]").data["_id"]
        seen = []
        for step_s in (2.9, 0.1, 29.9, 0.1):
            transport.advance(step_s)
            seen.append(client.info(job_id).status)
        assert seen == [200, 503, 503, 200]


# What it says of the account


def test_the_rate_of_a_key_is_limited_where_that_of_others_is_not(open_transport: OpenTransport) -> None:
    transport = open_transport()
    limited, free = Client(transport, f"{KEY}+rate-limited"), Client(transport)
    assert [limited.quota().code for _ in range(3)] == [1000, 1000, 1005]
    assert [free.quota().code for _ in range(9)] == [1000] * 9


def test_a_prompt_may_be_out_of_credits(open_transport: OpenTransport) -> None:
    transport = open_transport(out_of_credits_code=1006)
    client = Client(transport)
    assert client.create_v3("a cat [mock:out-of-credits]").code == 1006
    assert (client.credit(), len(transport.mock.jobs)) == (1000, 0)
    assert client.create_v3("a cat").code == 1000


def test_a_prompt_may_be_banned(open_transport: OpenTransport) -> None:
    transport = open_transport(msg_account_banned="gone")
    client = Client(transport)
    answer = client.create_v4("a cat [mock:banned]")
    assert (answer.code, answer.msg) == (1200, "gone")
    assert client.create_v4("a cat").code == 1000
