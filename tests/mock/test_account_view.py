"""A fake as one account sees it, in this process and over the admin API: both say and do the same."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from mock_akool import MockAkool, MockAkoolError, RemoteAkool, Request, ScenarioError, Status, UnusedRuleError, failed
from mock_akool.mock.base import BaseMock

KEY = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
OTHER = "ZADm0gkLonmwUjMAK0PJpl0MOiXLOOOw"
IMAGE = "/api/open/v3/content/image"

Fake = BaseMock


@pytest.fixture(params=["in process", "over HTTP"])
def fake(request: pytest.FixtureRequest) -> Iterator[MockAkool | RemoteAkool]:
    mock = MockAkool()
    if request.param == "in process":
        yield mock
        return
    with mock.server() as server:
        yield MockAkool.connect(server.url)


def ask(fake: MockAkool | RemoteAkool, key: str, path: str, query: str = "", **fields: object) -> tuple[int, int, str]:
    """Send a request as an account; returns HTTP status, code, and the job's id."""
    headers = {"x-api-key": key, "content-type": "application/json"}
    body = json.dumps(fields).encode() if fields else b""
    method = "POST" if fields else "GET"
    if isinstance(fake, RemoteAkool):
        sent = requests.request(method, f"{fake.url}{IMAGE}/{path}?{query}", headers=headers, data=body, timeout=30)
        status, answered = sent.status_code, sent.content
    else:
        response = fake.answer(Request.build(method, f"{IMAGE}/{path}", query, headers, body))
        status, answered = response.status, response.body
    said = json.loads(answered) if answered.startswith(b"{") else {}
    data = said.get("data")
    return status, said.get("code", 0), data["_id"] if isinstance(data, dict) else ""


def create(fake: MockAkool | RemoteAkool, key: str = KEY) -> str:
    return ask(fake, key, "createbyprompt", prompt="a red fox")[2]


def test_it_sees_what_is_its_own(fake: MockAkool | RemoteAkool) -> None:
    mine, other = fake.of_account(KEY), fake.of_account(OTHER)
    job_ids = [create(fake), create(fake), create(fake, OTHER)]
    assert [job.id for job in mine.jobs] == job_ids[:2]
    assert (mine.calls.count, other.calls.count, fake.calls.count) == (2, 1, 3)
    assert (mine.credits, other.credits_spent, fake.credits_spent) == (996, 2, 6)
    assert fake.credits == sum(each.credits for each in (mine, other))
    assert [account.api_key for account in other.accounts] == [OTHER]
    assert mine.job(job_ids[0]).status is Status.QUEUEING
    with pytest.raises(
        MockAkoolError, match=f"no job '{job_ids[2]}' of this account. The newest ones are: {job_ids[0]}"
    ):
        mine.job(job_ids[2])
    assert job_ids[2] not in mine.report()
    assert job_ids[2] in fake.report()


def test_it_scripts_what_is_its_own(fake: MockAkool | RemoteAkool) -> None:
    mine = fake.of_account(KEY)
    mine.next_job(queueing=0, processing=0, ending=failed("no faces"))
    fake.next_job(queueing=0, processing="1 poll", api_key=OTHER)
    with pytest.raises(ScenarioError, match="this is a view of another account"):
        mine.next_job(queueing=0, processing=0, api_key=OTHER)
    rule = mine.on("infobymodelid").first(1).respond(code=1005)
    others, own = create(fake, OTHER), create(fake)
    assert ask(fake, OTHER, "infobymodelid", f"image_model_id={others}")[1] == 1000
    assert [ask(fake, KEY, "infobymodelid", f"image_model_id={own}")[1] for _ in range(2)] == [1005, 1000]
    assert rule.fired == 1
    assert mine.job(own).record.timeline.ending == failed("no faces")
    assert fake.job(others).record.timeline.counts_polls
    mine.verify()


def test_scenarios_are_put_for_it_alone(fake: MockAkool | RemoteAkool, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("rules:\n  - {on: createbyprompt, fault: {http: 503}, name: closed}\n", encoding="utf-8")
    mine = fake.of_account(KEY)
    mine.put_scenario("flaky-gateway", file)
    assert [each.name for each in mine.scenarios] == ["flaky-gateway", "mine"]
    assert fake.scenarios == ()
    assert ask(fake, KEY, "createbyprompt", prompt="a")[0] == 503
    assert ask(fake, OTHER, "createbyprompt", prompt="a")[0] == 200
    assert mine.calls.last.rule == "mine: closed"
    mine.put_scenario({"jobs": [{"stages": ["failed"]}]})
    assert mine.job(create(fake)).status is Status.FAILED
    mine.clear_scenario()
    assert mine.scenarios == ()
    assert mine.job(create(fake)).status is Status.QUEUEING


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("flaky-gatewy", "did you mean 'flaky-gateway'"),
        ({"rules": [{"on": "create", "fualt": {}}]}, r"rules\[0\].fualt: there is no such key"),
        ({"profile": "documented", "seed": 4}, "seed, profile of a scenario cannot be changed while the fake runs"),
    ],
)
def test_a_scenario_that_cannot_be_changes_nothing(
    fake: MockAkool | RemoteAkool, scenario: str | dict[str, object], told: str
) -> None:
    fake.put_scenario("slow")
    with pytest.raises(MockAkoolError, match=told):
        fake.put_scenario("fails", scenario)
    assert [each.name for each in fake.scenarios] == ["slow"]


def test_it_tells_of_its_rules_that_never_fired(fake: MockAkool | RemoteAkool) -> None:
    mine = fake.of_account(KEY)
    mine.on("infobymodelid").named("mine").drop()
    fake.of_account(OTHER).on("infobymodelid").named("other").drop()
    create(fake, OTHER)
    with pytest.raises(UnusedRuleError) as caught:
        mine.verify()
    assert str(caught.value).startswith(
        "the rule mine never fired: no request with the key of its account reached the fake\n"
    )
    assert "other" not in str(caught.value)
    with pytest.raises(
        UnusedRuleError, match=r"rule mine never fired: .*\nthe rule other never fired\n    #1 POST create"
    ):
        fake.verify()
    mine.on("create")
    mine.reset()
    mine.verify()
    mine.on("create").nth(2)
    for whose in (mine, fake):
        with pytest.raises(UnusedRuleError, match=r"the rule on\('create'\).nth\(2\) has no fault"):
            whose.verify()


def test_it_tells_of_faults_that_applied_to_no_webhook(fake: MockAkool | RemoteAkool) -> None:
    key = "0123456789abcdef0123456789abcdef"
    mine = fake.of_account(key)
    mine.webhooks.fault(status=3, copies=2)
    fake.of_account(OTHER).webhooks.fault(copies=3)
    with pytest.raises(UnusedRuleError) as caught:
        mine.verify()
    assert str(caught.value).startswith(
        "the webhook fault copies=2 for status='completed', times=1 applied to no webhook: there was none"
    )
    job_id = ask(fake, key, "createbyprompt", prompt="a fox", webhookUrl="http://127.0.0.1:9/")[2]
    fake.clock.advance(2)
    with pytest.raises(
        UnusedRuleError, match=rf"applied to no webhook:\n    delivery #1 of job {job_id}, status 2 processing\nTake"
    ):
        mine.verify()
    fake.run_until_idle()
    mine.verify()
    with pytest.raises(UnusedRuleError, match="the webhook fault copies=3 for times=1 applied to no webhook"):
        fake.verify()


def test_a_rule_counts_the_calls_since_it_was_made_and_says_so(fake: MockAkool | RemoteAkool) -> None:
    for whose in (fake, fake.of_account(KEY)):
        create(fake)
        whose.on("createbyprompt").nth(2).named("second").respond(code=1005)
        with pytest.raises(
            UnusedRuleError, match="the rule second never fired: no request reached the fake after the rule was"
        ):
            whose.verify()
        create(fake)
        with pytest.raises(UnusedRuleError) as caught:
            whose.verify()
        (line,) = [line for line in str(caught.value).split("\n") if line.startswith("    #")]
        assert line.endswith("it was the 1st of these calls, and the rule says nth: 2")
        fake.reset()


def test_a_rule_that_another_one_comes_before_has_not_fired(fake: MockAkool | RemoteAkool) -> None:
    loser = fake.on("createbyprompt").named("everybody's").respond(code=1005)
    winner = fake.of_account(KEY).on("createbyprompt").respond(code=2001)
    assert ask(fake, KEY, "createbyprompt", prompt="a fox")[1] == 2001
    assert (loser.fired, winner.fired) == (0, 1)
    with pytest.raises(
        UnusedRuleError, match=r"rule everybody's never fired\n.*the rule on\('createbyprompt'\).* came first"
    ):
        fake.verify()


def test_a_rule_of_an_account_is_during_a_time_since_the_accounts_first_rule(fake: MockAkool | RemoteAkool) -> None:
    fake.clock.advance(100)
    mine = fake.of_account(KEY)
    rule = mine.on("createbyprompt").during(5, 10).respond(code=1005)
    codes = []
    for _ in range(3):
        codes.append(ask(fake, KEY, "createbyprompt", prompt="a fox")[1])
        fake.clock.advance(5)
    assert codes == [1000, 1005, 1000]
    assert rule.fired == 1
    mine.on("createbyprompt").during(1, 2).drop()
    create(fake)
    with pytest.raises(UnusedRuleError, match="it came at 15 s, not during 1s to 2s"):
        mine.verify()


def test_rules_that_never_fired_may_be_allowed() -> None:
    mock = MockAkool(unused_rules="warn")
    mock.of_account(KEY).on("create").named("idle").drop()
    with pytest.warns(UserWarning, match="the rule idle never fired"):
        mock.of_account(KEY).verify()
    with mock.server() as server:
        MockAkool.connect(server.url, api_key=KEY, unused_rules="ignore").verify()


def test_a_reset_leaves_the_others_alone(fake: MockAkool | RemoteAkool) -> None:
    create(fake)
    other = create(fake, OTHER)
    mine = fake.of_account(KEY)
    mine.put_scenario("fails")
    mine.reset()
    assert (mine.jobs.count, mine.calls.count, mine.scenarios, mine.credits) == (0, 0, (), 1000)
    assert [job.id for job in fake.jobs] == [other]
    fake.reset()
    assert (fake.jobs.count, fake.calls.count, fake.accounts) == (0, 0, ())


def test_accounts_are_added_as_a_scenario_describes_them(fake: MockAkool | RemoteAkool) -> None:
    account = fake.add_account(KEY, client_id="AKX2…", credits=7, status="banned", token_lifetime="1h")
    assert (account.client_id, account.banned, account.token_lifetime_ns) == ("AKX2…", True, 3600 * 10**9)
    assert fake.of_account(KEY).credits == 7
    for wrong, told in (
        ({"api_key": KEY}, "there is an account with this api_key"),
        ({"api_key": OTHER, "client_id": "AKX2…"}, "there is an account with this client_id"),
        ({"api_key": OTHER, "credit": 3}, "credit: there is no such key; did you mean 'credits'"),
        ({"api_key": ""}, "api_key: it is empty"),
    ):
        with pytest.raises(MockAkoolError, match=told):
            fake.add_account(**wrong)
    assert [each.api_key for each in fake.accounts] == [KEY]


def test_calls_are_waited_for(fake: MockAkool | RemoteAkool) -> None:
    def play() -> None:
        for _ in range(3):
            create(fake)
            create(fake, OTHER)

    mine = fake.of_account(KEY)
    thread = threading.Thread(target=play)
    thread.start()
    found = mine.wait_for_calls(3, "create", timeout=20)
    thread.join()
    assert (found.count, {call.account for call in found}) == (3, {KEY})
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
        mine.wait_for_calls(4, "createbyprompt", timeout=0.01)


def test_a_fake_that_python_may_not_script() -> None:
    mock = MockAkool(scenario_sources="admin")
    with pytest.raises(ScenarioError, match="does not name `python`"):
        mock.of_account(KEY).put_scenario("fails")
    with mock.server() as server:
        fake = MockAkool.connect(server.url, api_key=KEY)
        fake.put_scenario({"jobs": [{"stages": ["failed"]}]})
        assert fake.job(create(fake)).status is Status.FAILED
