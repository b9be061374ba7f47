"""Scenarios at work: what they are called, whom they are for, what was not used, and what they notice of a request."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool import MockAkool
from mock_akool.akool.endpoints import CREATES
from mock_akool.akool.scenarios.model import JobScript, LabelledScript
from mock_akool.akool.scenarios.schema import as_python, json_schema, label_of, read_scenario
from mock_akool.core.http import Response
from mock_akool.core.timeline import failed
from tests.contract.asking import KEY, OTHER, send
from tests.contract.client import CREATE_V3, GET_TOKEN, INFO, QUOTA

HOOK: Final = "http://127.0.0.1:9/hook"


def create(mock: MockAkool, key: str = KEY, prompt: str = "a fox", **fields: Any) -> Response:
    return send(mock, "POST", CREATE_V3, key=key, body={"prompt": prompt, **fields})


def quota(mock: MockAkool, key: str = KEY) -> int:
    return send(mock, "GET", QUOTA, key=key).status


PLAIN: Final[dict[str, Any]] = {
    "rules": [
        {"on": "quota/info", "nth": 2, "fault": {"http": 502}},
        {"on": "quota/info", "nth": 3, "fault": {"http": 503}, "name": "third"},
    ],
    "jobs": [{"when": {"prompt": "*fox*"}, "times": 1, "queueing": 0}, {"ending": "failed"}],
    "webhooks": [{"status": "failed", "fault": {"copies": 2}}, {"status": "completed", "fault": {"copies": 3}}],
}


def labels_of(*scenarios: Any) -> tuple[list[str | None], list[str | None], list[tuple[str, list[str]]]]:
    """Return what the rules, the job scripts and the webhook faults of scenarios are called where they apply."""
    mock = MockAkool(queueing=0, processing=0)
    mock.put_scenario(*scenarios)
    for _ in range(3):
        quota(mock)
    for prompt in ("a fox", "a bear", "a fox", "a fox"):
        create(mock, prompt=prompt, webhookUrl=HOOK)
    mock.clock.advance(1)
    runtime = mock.application.scenarios
    return (
        [call.response.rule for call in mock.calls.to("quota/info")],
        [job.job_script for job in mock.jobs],
        [(each.label, list(each.applied)) for each in runtime.webhook_rules_of(None)],
    )


def test_what_has_no_name_is_called_by_its_place() -> None:
    assert labels_of(PLAIN) == (
        [None, "scenario: rules[0]", "scenario: third"],
        ["scenario: jobs[0]", "scenario: jobs[1]", "scenario: jobs[1]", "scenario: jobs[1]"],
        [("scenario: webhooks[0]", [KEY]), ("scenario: webhooks[1]", [KEY])],
    )


def test_what_is_said_in_several_scenarios() -> None:
    """Rules and conditions of all count, of plain job scripts only those of the last one that has any."""
    first = read_scenario(PLAIN, "first")
    second = read_scenario({"jobs": [{"result": {"image": ""}}], "rules": PLAIN["rules"][:1]}, "second")
    third = read_scenario({"jobs": [{"when": {"prompt": "*fox*"}, "times": 1}]}, "third")
    assert labels_of(first, second, third) == (
        [None, "first: rules[0]", "first: third"],
        ["first: jobs[0]", "second: jobs[0]", "third: jobs[0]", "second: jobs[0]"],
        [("first: webhooks[0]", []), ("first: webhooks[1]", [KEY])],
    )


def test_the_later_scenario_decides_of_accounts_and_limits() -> None:
    mock = MockAkool(credits=5)
    mock.put_scenario(
        {"account": {"credits": 7, "status": "banned"}, "limits": {"concurrent_jobs": 3}},
        {"account": {"credits": 9, "token_lifetime": 60}, "limits": {"requests_per_second": 2}},
    )
    account = mock.add_account(KEY)
    assert (mock.of_account(KEY).credits, account.banned, account.token_lifetime_ns) == (9, True, 60 * 10**9)
    assert mock.application.scenarios.limits(KEY) == (2, 3)


class TestUnused:
    @pytest.fixture
    def mock(self) -> MockAkool:
        mock = MockAkool()
        for view in (mock, mock.of_account(KEY), mock.of_account(OTHER)):
            view.put_scenario(PLAIN)
            view.on("quota/info").nth(9).respond(http=509)
            view.on("quota/info").nth(8).optional().respond(http=508)
            view.webhooks.fault(copies=2)
            view.next_job(ending="failed")
        create(mock, webhookUrl=HOOK)
        mock.clock.advance(9)
        for _ in range(4):
            quota(mock)
        return mock

    def test_rules(self, mock: MockAkool) -> None:
        unused = list(mock.application.scenarios.unused_rules())
        assert [[each.label for each in some.rules] for some in unused] == [
            ["on('quota/info').nth(9).respond(http=509)", "scenario: rules[0]", "scenario: third"],
            ["on('quota/info').nth(9).respond(http=509)"],
            ["on('quota/info').nth(9).respond(http=509)", "scenario: rules[0]", "scenario: third"],
        ]
        assert [[each.owner for each in some.webhook_rules] for some in unused] == [[], [], [OTHER]]
        assert [some.seen.call_count for some in unused] == [5, 5, 0]

    def test_rules_of_one(self, mock: MockAkool) -> None:
        (unused,) = mock.application.scenarios.unused_rules(OTHER)
        assert [each.rule.fault.http for each in unused.rules] == [509, 502, 503]
        assert [each.owner for each in unused.webhook_rules] == [OTHER]
        assert [job.account.api_key for job in unused.seen.jobs] == []
        assert [call.number for call in unused.seen.others] == [3, 4, 5]

    def test_job_scripts(self, mock: MockAkool) -> None:
        unused = list(mock.application.scenarios.unused_job_scripts())
        script = JobScript(ending=failed())
        assert [(each.api_key, each.scripts, each.seen.call_count) for each in unused] == [
            (None, (script,), 5),
            (OTHER, (script,), 0),
        ]
        assert [each.api_key for each in mock.application.scenarios.unused_job_scripts(OTHER)] == [OTHER]
        assert list(mock.application.scenarios.unused_job_scripts(KEY)) == []


def test_a_script_for_several_of_the_next_jobs() -> None:
    mock = MockAkool()
    runtime = mock.application.scenarios
    scripts = [LabelledScript(JobScript(times=times), str(times)) for times in (3, None, 2)]
    runtime.add_job_scripts(scripts)
    left = []
    for _ in range(7):
        create(mock)
        left.append((runtime.scripted_jobs(None), [each.script.times for each in runtime.job_scripts_of(None)]))
    assert [job.job_script for job in mock.jobs] == ["3", "3", "3", "None", "2", "2", None]
    assert left == [
        (5, [2, None, 2]),
        (4, [None, None, 2]),
        (3, [None, 2]),
        (2, [2]),
        (1, [None]),
        (0, []),
        (0, []),
    ]


class TestWhoIsMeant:
    def test_whoever_signs_in_or_has_a_token(self) -> None:
        mock = MockAkool()
        mock.on("getToken").account(KEY).nth(2).respond(http=502)
        mock.on("quota/info").account(KEY).nth(2).respond(http=503)
        pair = {"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": KEY}
        answers = [send(mock, "POST", GET_TOKEN, key="", body=pair) for _ in range(2)]
        token = json.loads(answers[0].body)["token"]
        asked = [send(mock, "GET", QUOTA, key="", authorization=f"{word} {token}") for word in ("bearer", "Bearer")]
        assert [each.status for each in (*answers, *asked)] == [200, 502, 200, 503]
        assert asked[1].account == KEY
        unknown = send(mock, "GET", QUOTA, key="", authorization="Bearer x")
        assert (unknown.status, unknown.code, unknown.rule) == (200, 1101, None)

    def test_whose_job_it_is(self) -> None:
        mock = MockAkool(queueing=0, processing=0)
        owners = (KEY, OTHER, KEY)
        ids = [create(mock, key).job_id or "" for key in owners]
        mock.on("infobymodelid").job(2).respond(http=502)
        mock.on("file").job(ids[1]).respond(http=503)
        mock.on("createbybutton").job(3).respond(http=504)
        polls = [send(mock, "GET", INFO, f"image_model_id={each}", key) for each, key in zip(ids, owners, strict=True)]
        assert [(each.status, each.job_id) for each in polls] == [(200, ids[0]), (200, ids[1]), (502, ids[2])]
        files = [json.loads(each.body)["data"]["image"] for each in polls[:2]]
        got = [send(mock, "GET", "/" + url.split("/", 3)[3], key="") for url in files]
        assert [(each.status, each.account, each.job_id) for each in got] == [(200, KEY, ids[0]), (503, OTHER, ids[1])]
        press = send(mock, "POST", CREATE_V3.replace("prompt", "button"), body={"_id": ids[0], "button": "U1"})
        assert (press.status, press.account, press.job_id) == (504, KEY, ids[0])

    def test_prompts_and_statuses(self) -> None:
        mock = MockAkool()
        job_id = create(mock, prompt="a red fox").job_id
        mock.on("infobymodelid").prompt("*fox").status("processing").respond(http=502)
        mock.on("createbyprompt").prompt("*bear").respond(http=503)
        seen = []
        for _ in range(3):
            seen.append(send(mock, "GET", INFO, f"image_model_id={job_id}").status)
            mock.clock.advance(2.5)
        assert seen == [200, 502, 200]
        assert [create(mock, prompt=prompt).status for prompt in ("a fox", "a bear")] == [200, 503]

    def test_the_narrowest_rule_fires_and_the_others_have_counted(self) -> None:
        mock = MockAkool()
        rules = {"rules": [{"on": "quota/info", "nth": [1, 3], "fault": {"http": 502}}]}
        mock.put_scenario(rules)
        mock.of_account(KEY).put_scenario({"rules": [{"on": "quota/info", "nth": 1, "fault": {"http": 503}}]})
        assert [quota(mock) for _ in range(4)] == [503, 200, 502, 200]
        runtime = mock.application.scenarios
        assert [each.fired for each in (*runtime.rules_of(KEY), *runtime.rules)] == [1, 1]


class TestNames:
    def test_in_a_key_whose_owner_knows_the_key_without_them(self) -> None:
        mock = MockAkool()
        named = f"{KEY}+flaky-gateway+rate-limited"
        quota(mock, named)
        quota(mock, KEY)
        assert [each.api_key for each in mock.accounts] == [named, KEY]
        assert len({each.client_id for each in mock.accounts}) == 1
        keys = (named, KEY, "a+B", "AAEC+wQFBgcICQoLDA0ODw==")
        assert [mock.application.scenarios.secret_of(key) for key in keys] == [KEY, *keys[1:]]

    def test_where_they_may_not(self) -> None:
        mock = MockAkool(scenario_sources=["python"])
        named = f"{KEY}+flaky-gateway"
        assert {quota(mock, named) for _ in range(9)} == {200}
        assert mock.application.scenarios.secret_of(named) == named
        assert create(mock, prompt="[mock:nosuch]").status == 200

    @pytest.mark.parametrize(
        ("sources", "by_key", "by_prompt"), [(["key"], 400, 200), (["prompt"], 200, 400), (["key", "prompt"], 400, 400)]
    )
    def test_each_where_it_may(self, sources: list[str], by_key: int, by_prompt: int) -> None:
        mock = MockAkool(scenario_sources=sources)
        pair = {"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": f"{KEY}+nosuch"}
        assert quota(mock, f"{KEY}+nosuch") == by_key
        assert send(mock, "POST", GET_TOKEN, key="", body=pair).status == by_key
        assert create(mock, prompt="a fox [mock:nosuch]").status == by_prompt
        assert create(mock, prompt="a fox [mock:]nosuch + more").status == 200
        assert send(mock, "POST", INFO, body={"prompt": "[mock:nosuch]"}).status == 404

    def test_in_a_prompt_that_is_tried_until_it_comes_through(self) -> None:
        mock = MockAkool()
        for before in ("a fox ", "ein Füchslein " * 100, "\ud83e" * 1001):
            prompt = f"{before}[mock:rate-limited]"
            assert [create(mock, prompt=prompt).code for _ in range(4)] == [1005, 1000, 1005, 1000]
            assert create(mock, prompt=f"{prompt} at dusk").code == 1005

    def test_in_a_prompt_for_what_becomes_of_the_job(self) -> None:
        mock = MockAkool()
        ids = [create(mock, prompt=prompt).job_id for prompt in ("a fox [mock:flaky-gateway]", "a fox")]
        polls = [[send(mock, "GET", INFO, f"image_model_id={each}").status for each in ids] for _ in range(2)]
        assert polls == [[502, 200], [200, 200]]

    def test_which_does_not_exist(self, caplog: pytest.LogCaptureFixture) -> None:
        mock = MockAkool()
        refused = create(mock, prompt="a fox [mock:nosuch]")
        assert refused == Response(
            400,
            (("content-type", "application/json; charset=utf-8"),),
            b'{"error":"mock-akool: there is no scenario \'nosuch\'","hint":"`mock-akool scenarios list` lists them"}',
            reason="there is no scenario 'nosuch'; `mock-akool scenarios list` lists them",
        )
        assert caplog.messages == [
            f"POST {CREATE_V3} names a scenario that is not valid: {refused.reason}",
        ]

    def test_which_cannot_be_looked_for(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A bug of the fake is no answer of Akool's, and is logged with what was asked."""
        mock = MockAkool()

        def broken(*_: object) -> None:
            raise ValueError("no luck")

        monkeypatch.setattr(mock.application.scenarios, "firing", broken)
        found = create(mock, prompt="[mock:fails]")
        assert (found.status, json.loads(found.body)["detail"]) == (500, "ValueError: no luck")
        assert caplog.messages == [f"mock-akool bug while looking for a rule for POST {CREATE_V3}"]


class TestForgotten:
    """Who is reset begins anew, also with what is for everybody. All others go on."""

    @pytest.fixture
    def mock(self) -> MockAkool:
        return MockAkool(queueing=0, processing=0)

    def both(self, mock: MockAkool) -> list[int]:
        return [quota(mock, key) for key in (KEY, OTHER)]

    def test_rules_for_everybody(self, mock: MockAkool) -> None:
        mock.put_scenario({"rules": [{"on": "quota/info", "nth": 2, "fault": {"http": 502}}]})
        mock.on("quota/info").nth(3).respond(http=503)
        assert [self.both(mock) for _ in range(2)] == [[200, 200], [502, 502]]
        mock.of_account(KEY).reset()
        assert [self.both(mock) for _ in range(3)] == [[200, 503], [502, 200], [503, 200]]

    def test_what_is_its_own(self, mock: MockAkool) -> None:
        for key, status in ((KEY, 502), (OTHER, 503)):
            mock.of_account(key).put_scenario({"rules": [{"on": "quota/info", "nth": 2, "fault": {"http": status}}]})
            mock.of_account(key).on("quota/info").nth(3).respond(http=status + 2)
            mock.of_account(key).next_job(ending="failed")
            mock.of_account(key).webhooks.fault(copies=2)
        self.both(mock)
        mock.of_account(KEY).reset()
        runtime = mock.application.scenarios
        assert (runtime.scripted_accounts(), runtime.scenarios_of(KEY), runtime.rules_of(KEY)) == ((OTHER,), (), ())
        assert [runtime.scripted_jobs(key) for key in (KEY, OTHER)] == [0, 1]
        assert [len(runtime.webhook_rules_of(key)) for key in (KEY, OTHER)] == [0, 1]
        assert [self.both(mock) for _ in range(3)] == [[200, 503], [200, 505], [200, 200]]

    def test_scripts_and_faults_that_were_used(self, mock: MockAkool) -> None:
        mock.put_scenario({"jobs": [{}, {}], "webhooks": [{"times": 1, "fault": {"copies": 2}}]})
        mock.webhooks.fault(copies=3, times=1, status="completed")
        for _ in range(2):
            for key in (KEY, OTHER):
                create(mock, key, webhookUrl=HOOK)
        mock.clock.advance(1)
        mock.of_account(KEY).reset()
        faults = mock.application.scenarios.webhook_rules_of(None)
        assert [dict(each.applied) for each in faults] == [{OTHER: 1}, {OTHER: 1}]
        scripts = []
        for key in (KEY, OTHER):
            create(mock, key, webhookUrl=HOOK)
            scripts.append(mock.jobs[-1].job_script)
        assert scripts == ["scenario: jobs[0]", "scenario: jobs[1]"]
        mock.clock.advance(1)
        assert [dict(each.applied) for each in faults] == [{OTHER: 1, KEY: 1}] * 2

    def test_what_its_key_and_prompts_name(self, mock: MockAkool) -> None:
        prompt = "a fox [mock:rate-limited]"
        named = f"{KEY}+rate-limited"
        assert [create(mock, key, prompt).code for key in (KEY, OTHER)] == [1005, 1005]
        assert [create(mock, named).code for _ in range(2)] == [1005, 1000]
        mock.of_account(KEY).reset()
        mock.of_account(named).reset()
        assert [create(mock, key, prompt).code for key in (KEY, OTHER)] == [1005, 1000]
        assert [create(mock, named).code for _ in range(2)] == [1005, 1000]


def test_a_limit_of_requests_for_one_account() -> None:
    mock = MockAkool()
    mock.of_account(KEY).put_scenario({"limits": {"requests_per_second": 2}})

    def codes(key: str) -> list[int | None]:
        return [send(mock, "GET", QUOTA, key=key).code for _ in range(3)]

    assert (codes(KEY), codes(OTHER)) == ([1000, 1000, 1005], [1000, 1000, 1000])
    mock.clock.advance(0.999)
    assert codes(KEY) == [1005] * 3
    mock.clock.advance(0.001)
    assert codes(KEY) == [1000, 1000, 1005]


def test_a_client_is_awaited_while_its_newest_request_went_wrong() -> None:
    mock = MockAkool()
    mock.on("quota/info").nth(2).delay(1)
    mock.on("quota/info").nth(3).respond(http=502)
    seen = []
    for key in (KEY, KEY, KEY, KEY, "", KEY):
        quota(mock, key)
        seen.append(mock.engine.is_awaited())
    assert seen == [False, True, True, False, True, False]


def test_an_account_s_own_limit_of_jobs_goes_before_that_of_the_settings() -> None:
    mock = MockAkool(concurrent_jobs=1, queueing=1, processing=1)
    mock.of_account(KEY).put_scenario({"limits": {"concurrent_jobs": 2}})
    assert [create(mock, key).code for key in (KEY, KEY, KEY, OTHER, OTHER)] == [1000, 1000, 1005, 1000, 1005]
    mock.clock.advance(2)
    assert [create(mock, key).code for key in (KEY, KEY, KEY, OTHER, OTHER)] == [1000, 1000, 1005, 1000, 1005]


def test_a_rule_is_written_as_python() -> None:
    (rule,) = read_scenario({"rules": [{"on": "api", "nth": [2, 5], "optional": True, "fault": {"http": 502}}]}).rules
    assert label_of(rule) == "on('api').nth(2, 5).optional().respond(http=502)"
    assert label_of(rule._replace(name="mine")) == "mine"
    assert as_python({"on": ["file"], "first": 3, "job": "5f"}) == "on(['file']).first(3).job('5f')"


def test_what_editors_read_of_scenario_files() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "mock-akool scenario"
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    job = schema["properties"]["jobs"]["items"]["properties"]
    result, when = job["result"]["properties"], job["when"]["properties"]
    texts = [{"type": "array", "items": {"type": "string"}}, {"const": "missing"}]
    assert result["buttons"]["anyOf"] == result["upscaled_urls"]["anyOf"] == texts
    assert when["endpoint"]["anyOf"][0] == {"enum": [*CREATES, "create"]}
    assert when["endpoint"]["anyOf"][1] == {"type": "array", "items": {"enum": [*CREATES]}}


@pytest.mark.parametrize(
    ("about", "asked", "is_about"),
    [
        (None, [], True),
        ("any", ["file"], True),
        ("quota/info", ["file"], False),
        (["file", "quota/info"], ["file"], True),
    ],
)
def test_for_which_clients_a_scenario_makes_sense(about: Any, asked: list[str], is_about: bool) -> None:
    expect = read_scenario({"expect": {} if about is None else {"about": about}}).expect
    assert expect.is_about(frozenset(asked)) is is_about
