"""What follows from the seed stays what it is from version to version: tests of users may have these values in them.

Whoever changes how something is drawn changes these, and says so in the changelog.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool import MockAkool, VirtualClock
from mock_akool.akool.accounts import Account
from mock_akool.akool.deliveries import Draft
from mock_akool.akool.engine import Engine
from mock_akool.akool.families import FakeSettings
from mock_akool.akool.scenarios.middleware import ScenarioMiddleware
from mock_akool.akool.scenarios.model import ScenarioSetup
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Response
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK
from mock_akool.server.tokens import JwtTokens
from tests.contract.asking import KEY, json_request, send
from tests.contract.client import CREATE_V3, INFO

V4: Final = "/api/open/v4/content/image/createBySourcePrompt"


def data_of(response: Response) -> Any:
    return json.loads(response.body)["data"]


def test_accounts() -> None:
    days_3600_ns = 3600 * 24 * 3600 * NS_PER_S
    assert MockAkool(seed=7, strict=True).accounts == (
        Account(
            api_key="x2yvARD2xZUqCfBpUfSOJW1sU18368N2",
            client_id="gxe/MctFmn4/n7xVwDoZNg==",
            id="6955b90093e729b0ad76f421",
            uid=4049896,
            team_id="6955b900c117e24896f88b77",
            credential_id="6955b9006201c39083fd962f",
            banned=False,
            token_lifetime_ns=days_3600_ns,
        ),
    )
    assert MockAkool(seed=7).add_account("short") == Account(
        api_key="short",
        client_id="+0FXWRWvmVDQQV+eYszxtw==",
        id="6955b90034d144117c9deaf7",
        uid=8623495,
        team_id="6955b900692932df39eb7a5c",
        credential_id="6955b90003488dc3de1dfeb7",
        banned=False,
        token_lifetime_ns=days_3600_ns,
    )


def test_realistic_jobs() -> None:
    mock = MockAkool(seed=7, realistic=True, ending="failed")
    for path, body in ((CREATE_V3, {"prompt": "a"}), (V4, {"prompt": "x", "batch_quantity": 3})):
        send(mock, "POST", path, body=body)
    jobs = mock.engine.jobs()
    assert [(job.id, job.place, job.number) for job in jobs] == [
        ("6955b9004b6a9ed6314986ae", 0, 1),
        ("6955b9004b6a9ed6314986af", 0, 2),
        ("6955b9004b6a9ed6314986b0", 1, 3),
        ("6955b9004b6a9ed6314986b1", 2, 4),
    ]
    lengths = [[(stage.span.ns or 0) // 10**6 for stage in job.timeline.stages] for job in jobs]
    assert lengths == [[3877, 26123], [3587, 26910], [8952, 28593], [4507, 26304]]
    assert [[stage.status for stage in job.timeline.stages] for job in jobs] == [
        [Status.QUEUEING, Status.PROCESSING]
    ] * 4
    assert {job.timeline.ending.status for job in jobs} == {Status.FAILED}
    assert [job.stamp_ms for job in jobs] == [1767225600000 + sum(each) for each in lengths]


@pytest.mark.parametrize(("centuries", "stamp_ms"), [(0, 10**12), (4, 10**13 - 10**9)])
def test_names_of_files_begin_with_13_digits_in_whatever_year(centuries: int, stamp_ms: int) -> None:
    mock = MockAkool(clock=VirtualClock(0))
    for _ in range(2):
        mock.next_job(stages=[{"queueing": "36500d"}] * centuries or ["completed"])
        send(mock, "POST", CREATE_V3, body={"prompt": "a"})
    assert [job.stamp_ms for job in mock.engine.jobs()] == [stamp_ms, stamp_ms + 1]


def test_what_webhooks_are_sealed_with() -> None:
    drafts: list[Draft] = []

    def compose(draft: Draft) -> bytes:
        drafts.append(draft)
        return b"{}"

    clock = VirtualClock()
    engine = Engine(FakeSettings.of(seed=7), clock, JwtTokens(7), compose)
    front = ScenarioMiddleware(engine, ScenarioSetup())
    rule = WEBHOOK.read({"status": "completed", "job": 1, "fault": {"age": 30, "claim_id": "unknown"}})
    front.runtime.add_webhook_rule(rule, "old")
    for _ in range(2):
        front.answer(json_request("POST", CREATE_V3, body={"prompt": "a fox", "webhookUrl": "http://127.0.0.1:9/hook"}))
    while engine.outbox.collect(clock.now_ns() + 9 * NS_PER_S):
        pass
    begun_ms = clock.now_ns() // 10**6
    assert [
        (each.nonce, each.timestamp_ms - begun_ms, each.fault, json.loads(each.payload)["_id"]) for each in drafts
    ] == [
        ("5987", 2000, None, "6955b9004b6a9ed6314986ae"),
        ("5187", 2000, None, "6955b9004b6a9ed6314986af"),
        ("5787", -25_000, rule.fault, "6955b900415101c46fef9e43"),
        ("1997", 5000, None, "6955b9004b6a9ed6314986af"),
    ]
    assert {(each.client_id, each.client_secret) for each in drafts} == {("e3yrnQkHr9Dhe+ub/O9STg==", KEY)}


def test_faults_of_files() -> None:
    mock = MockAkool(seed=7)
    mock.next_job(queueing=0, processing=0, result={"files": {"delay": [1, 9]}})
    created = data_of(send(mock, "POST", CREATE_V3, body={"prompt": "a fox"}))
    shown = data_of(send(mock, "GET", INFO, f"image_model_id={created['_id']}"))
    files = [send(mock, "GET", "/" + url.split("/", 3)[3]) for url in shown["upscaled_urls"]]
    assert [(each.delay_ns, each.rule, each.job_id) for each in files] == [
        (delay_ns, "next_job: result.files", created["_id"])
        for delay_ns in (8030440339, 7149035101, 2136226594, 5218963880)
    ]
