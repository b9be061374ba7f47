"""What code of users sees of the types: mypy and pyright check it, nobody runs it.

A line that must not pass has `type: ignore[…]` with mypy's code and `pyright: ignore[…]` with pyright's: both tools
complain about one that is not needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_type

from flask import Flask

from mock_akool import (
    Account,
    AccountView,
    Call,
    Calls,
    Deliveries,
    Ending,
    Job,
    JobHandle,
    Jobs,
    MockAkool,
    RemoteAkool,
    Request,
    Response,
    RuleBuilder,
    RuleHandle,
    Scenario,
    Server,
    Settings,
    Status,
    Webhooks,
    create_app,
    failed,
)
from mock_akool.webhooks import open_envelope, seal


def a_mock() -> None:
    with MockAkool(seed=7, queueing="10s", processing="2 polls", credits=100) as akool:
        assert_type(akool, MockAkool)
        assert_type(akool.jobs, Jobs)
        assert_type(akool.calls, Calls)
        assert_type(akool.webhooks, Webhooks)
        assert_type(akool.accounts, tuple[Account, ...])
        assert_type(akool.scenarios, tuple[Scenario, ...])
        assert_type(akool.report(), str)
        assert_type(akool.of_account("key").jobs, Jobs)


def a_decorator() -> None:
    @MockAkool(seed=7)
    def test_it(number: int) -> str:
        return str(number)

    @MockAkool()
    async def test_later(number: int) -> str:
        await asyncio.sleep(0)
        return str(number)

    assert_type(test_it(1), str)
    test_it("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(asyncio.run(test_later(1)), str)


def records(akool: MockAkool) -> None:
    assert_type(akool.jobs[0], Job)
    assert_type(akool.jobs[1:], Jobs)
    assert_type([job.id for job in akool.jobs], list[str])
    assert_type(akool.jobs.with_status(Status.COMPLETED).created_by("createbyprompt"), Jobs)
    assert_type(akool.calls.to("infobymodelid").with_code(1000), Calls)
    call = akool.calls[0]
    assert_type(call, Call)
    assert_type(call.request, Request)
    assert_type(call.response, Response)
    assert_type(call.request.method, str)
    assert_type(akool.job("id"), JobHandle)
    assert_type(akool.job("id").status, Status)
    call.verb()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def scripts(akool: MockAkool | RemoteAkool | AccountView) -> None:
    akool.next_job(queueing=3, processing="500ms", ending=failed("no reason", refund=True))
    assert_type(failed("no reason"), Ending)
    assert_type(akool.on("createbyprompt").nth(1, 2), RuleBuilder)
    assert_type(akool.on("any").first(2).respond(http=503), RuleHandle)
    akool.next_job(queuing=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    akool.put_scenario("flaky-gateway", Path("scenario.yaml"), {"rules": []})


def fixtures(akool_mock: MockAkool, akool_server: AccountView, akool_settings: Mapping[str, Any]) -> None:
    assert_type(akool_server.url, str)
    assert_type(akool_server.api_key, str)
    assert_type(akool_mock.clock.now_ns(), int)
    assert_type(akool_settings["seed"], Any)


def a_server() -> None:
    with MockAkool(seed=7).server() as server:
        assert_type(server, Server)
        assert_type(server.url, str)
        assert_type(server.port, int)
        remote = MockAkool.connect(server.url)
        assert_type(remote, RemoteAkool)
    assert_type(create_app(), Flask)
    assert_type(Settings().port, int)


def webhooks(akool: MockAkool) -> None:
    assert_type(akool.webhooks.deliveries, Deliveries)
    envelope = seal({"status": 3}, "my-id", "0123456789abcdef", nonce="1234")
    assert_type(envelope, dict[str, Any])
    assert_type(open_envelope(envelope, "my-id", "0123456789abcdef"), dict[str, Any])
