"""Which rule fires at which call: the runtime against a model that counts by hand."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import MockAkool, Request, ScenarioError, SettingsError
from mock_akool.akool.scenarios.schema import read_scenario
from tests.extent import choose

CREATE = "/api/open/v3/content/image/createbyprompt"
INFO = "/api/open/v3/content/image/infobymodelid"
KEYS = ("one", "other")

CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "nth": st.one_of(st.integers(1, 12), st.lists(st.integers(1, 12), min_size=1, max_size=3)),
        "first": st.integers(1, 12),
        "every": st.integers(1, 4),
        "after": st.integers(0, 6),
        "per": st.sampled_from(["account", "job", "all"]),
        "job": st.integers(1, 2),
        "during": st.sampled_from([["2s", "6s"], ["0s", "forever"]]),
    },
)
POLLS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from([0, 0, 0, 1])), max_size=40)
"""Which account polls which of its jobs, and how many seconds pass before."""


def create(mock: MockAkool, key: str) -> str:
    headers = {"x-api-key": key, "content-type": "application/json"}
    return mock.answer(Request.build("POST", CREATE, headers=headers, body=b'{"prompt": "a"}')).job_id or ""


@settings(max_examples=choose(75, 1000))
@given(st.lists(CHOICES, min_size=1, max_size=4), POLLS)
def test_rules_fire_as_counted_by_hand(choices: list[dict[str, Any]], polls: list[tuple[int, int, int]]) -> None:
    plain = {
        "jobs": [{"stages": [{"processing": "forever"}]}],
        "rules": [{"on": "infobymodelid", "fault": {"http": 500 + n}, **choice} for n, choice in enumerate(choices)],
    }
    rules = read_scenario(plain).rules
    mock = MockAkool(scenario=plain)
    jobs = [[create(mock, key) for _ in range(2)] for key in KEYS]
    # Each record is used again, as the server does: then a call may pass without being looked at.
    calls = [
        [Request.build("GET", INFO, f"image_model_id={job}", {"x-api-key": key}) for job in own]
        for key, own in zip(KEYS, jobs, strict=True)
    ]
    counts: Counter[tuple[Any, ...]] = Counter()
    at = 0
    for account, job, seconds in polls:
        mock.clock.advance(seconds)
        at += seconds
        fired = []
        for number, rule in enumerate(rules):
            if rule.job not in (None, job + 1) or (rule.during and rule.during[0].ns and not 2 <= at < 6):
                continue
            whose = {"account": (account,), "job": (account, job), "all": ()}[rule.per]
            counts[number, *whose] += 1
            if rule.chosen(counts[number, *whose]):
                fired.append(500 + number)
        response = mock.answer(calls[account][job])
        assert response.status == (fired[0] if fired else 200)


def test_a_rule_that_is_added_counts_from_then_on() -> None:
    mock = MockAkool()
    mock.next_job(queueing=0, processing="forever")
    job = create(mock, "one")
    poll = Request.build("GET", INFO, f"image_model_id={job}", {"x-api-key": "one"})
    mock.on("infobymodelid").nth(4).respond(http=502)
    seen = [mock.answer(poll).status for _ in range(2)]
    rule = mock.on("infobymodelid").nth(1).respond(http=503)
    seen += [mock.answer(poll).status for _ in range(3)]
    rule.remove()
    seen += [mock.answer(poll).status for _ in range(2)]
    assert seen == [200, 200, 503, 502, 200, 200, 200]


def test_a_repeated_press_of_a_button_is_counted_as_the_job_that_it_would_make() -> None:
    mock = MockAkool()
    mock.next_job(queueing=0, processing=0)
    body = json.dumps({"_id": create(mock, "one"), "button": "U1"}).encode()
    headers = {"x-api-key": "one", "content-type": "application/json"}
    press = Request.build("POST", "/api/open/v3/content/image/createbybutton", headers=headers, body=body)
    mock.on("createbybutton").per("job").nth(2).respond(http=502)
    seen = [mock.answer(press).code for _ in range(2)]
    create(mock, "one")
    seen += [mock.answer(press).status for _ in range(2)]
    assert seen == [1000, 1011, 200, 502]


class TestEntries:
    """Which entry of `jobs` a new job takes."""

    def entries(self, jobs: list[dict[str, Any]], prompts: str, keys: str = "") -> list[str | None]:
        mock = MockAkool(scenario={"jobs": jobs})
        for number, prompt in enumerate(prompts):
            headers = {"x-api-key": (keys or "a" * len(prompts))[number], "content-type": "application/json"}
            body = json.dumps({"prompt": prompt}).encode()
            mock.answer(Request.build("POST", CREATE, headers=headers, body=body))
        return [entry and entry.removeprefix("scenario: ") for entry in (job.job_script for job in mock.jobs)]

    def test_in_order_and_the_last_one_repeats(self) -> None:
        assert self.entries([{}, {"result": {}}], "aaa") == ["jobs[0]", "jobs[1]", "jobs[1]"]

    def test_each_account_by_itself(self) -> None:
        assert self.entries([{}, {"result": {}}], "aaa", "xyx") == ["jobs[0]", "jobs[0]", "jobs[1]"]

    def test_those_with_a_condition_first(self) -> None:
        jobs: list[dict[str, Any]] = [{}, {"when": {"prompt": "d"}}, {"result": {}}]
        assert self.entries(jobs, "adada") == ["jobs[0]", "jobs[1]", "jobs[2]", "jobs[1]", "jobs[2]"]

    def test_as_often_as_they_say(self) -> None:
        jobs: list[dict[str, Any]] = [{"times": 2}, {"times": 1}]
        assert self.entries(jobs, "aaaa") == ["jobs[0]", "jobs[0]", "jobs[1]", None]
        jobs = [{"when": {"prompt": "d"}, "times": 1}, {}]
        assert self.entries(jobs, "dd") == ["jobs[0]", "jobs[1]"]

    @pytest.mark.parametrize(
        ("when", "meant"),
        [
            ({"endpoint": "createbyprompt"}, {0, 1}),
            ({"endpoint": ["createBySourcePrompt", "createbybutton"]}, {2}),
            ({"prompt": "*fox"}, {0, 2}),
            ({"prompt": "fox"}, set()),
            ({"scale": "16:9"}, {1}),
            ({"model_name": "*krea*"}, {2}),
            ({"account": "one"}, {0, 2}),
            ({"endpoint": "create", "prompt": "*fox", "scale": "1:1", "account": "o*"}, {0}),
            ({"endpoint": "createbyprompt", "account": "other", "prompt": "*fox"}, set()),
        ],
    )
    def test_a_condition_holds_as_a_whole(self, when: dict[str, Any], meant: set[int]) -> None:
        mock = MockAkool(scenario={"jobs": [{"when": when}]})
        v4 = CREATE.replace("v3", "v4").replace("createbyprompt", "createBySourcePrompt")
        creates: list[tuple[str, str, dict[str, str]]] = [
            (CREATE, "one", {"prompt": "a fox", "scale": "1:1"}),
            (CREATE, "other", {"prompt": "an owl", "scale": "16:9"}),
            (v4, "one", {"prompt": "a red fox", "model_name": "wavespeed-ai/flux-krea-dev-lora", "scale": "4:3"}),
        ]
        for path, key, fields in creates:
            headers = {"x-api-key": key, "content-type": "application/json"}
            mock.answer(Request.build("POST", path, headers=headers, body=json.dumps(fields).encode()))
        assert mock.jobs.count == len(creates)
        assert {number for number, job in enumerate(mock.jobs) if job.job_script} == meant

    def test_what_python_said_goes_before(self) -> None:
        mock = MockAkool(scenario={"jobs": [{}]})
        mock.next_job(queueing=0, processing=0)
        create(mock, "one")
        create(mock, "one")
        assert [job.job_script for job in mock.jobs] == ["next_job", "scenario: jobs[0]"]


class TestComposing:
    def test_rules_add_up_and_of_jobs_the_last_one_wins(self) -> None:
        one = {
            "jobs": [{"stages": [{"queueing": 1}]}],
            "rules": [{"on": "quota/info", "nth": 1, "fault": {"http": 502}}],
        }
        two = {"rules": [{"on": "quota/info", "nth": 2, "fault": {"http": 503}}], "seed": 5}
        three = {"jobs": [{"stages": [{"processing": 1}]}, {"when": {"prompt": "d"}}], "seed": 6}
        mock = MockAkool(scenario=[one, two, three])
        quota = Request.build("GET", "/api/open/v3/faceswap/quota/info", headers={"x-api-key": "one"})
        assert [mock.answer(quota).status for _ in range(3)] == [502, 503, 200]
        create(mock, "one")
        assert mock.jobs[0].timeline.stages[0].status == 2
        assert mock.engine.settings.seed == 6

    @pytest.mark.parametrize(
        ("scenario", "option", "value"),
        [
            ({"seed": 5}, "seed", 5),
            ({"profile": "documented"}, "profile", "documented"),
            ({"account": {"credits": 3}}, "credits", 3),
            ({"account": {"status": "banned"}}, "account_status", "banned"),
            ({"account": {"token_lifetime": "30s"}}, "token_lifetime", (30_000_000_000,)),
            ({"limits": {"concurrent_jobs": 3}}, "concurrent_jobs", 3),
            ({"limits": {"requests_per_second": 5}}, "requests_per_second", 5),
            ({"accounts": [{"api_key": "0123456789abcdef"}]}, "strict", True),
        ],
    )
    def test_it_sets_what_is_a_setting_unless_that_is_said(self, scenario: Any, option: str, value: Any) -> None:
        assert getattr(MockAkool(scenario=scenario).options, option) == value
        default = getattr(MockAkool().options, option)
        assert getattr(MockAkool(scenario=scenario, **{option: default}).options, option) == default


class TestPython:
    def test_mistakes_fail_at_the_word_that_makes_them(self) -> None:
        mock = MockAkool()
        for mistake, message in (
            (lambda: mock.on("infobymodel"), "on: 'infobymodel' is not an endpoint; did you mean 'infobymodelid'?"),
            (lambda: mock.on("any").nth(0), "nth: 0 is not a whole number"),
            (lambda: mock.on("any").during(5, 1), "during: [5, 1] ends before it begins"),
            (lambda: mock.on("any").nth(1).nth(2), "nth: it was given before, as [1]"),
            (lambda: mock.on("any").respond(), "fault: this fault does nothing"),
            (lambda: mock.on("any").respond(http=502, drop=True), "fault: a fault is either http or drop, not both"),
            (lambda: mock.on("any").respond(file="expired"), "a fault `file` is for `on: file` only"),
            (
                lambda: mock.next_job(stages=[{"queing": 1}]),
                "stages[0].queing: 'queing' is not a status; did you mean 'queueing'?",
            ),
            (lambda: mock.next_job(stages=["completed"], queueing=1), "stages: they are the whole life of the job"),
            (lambda: mock.on("any").respond(status=502), "fault.status: there is no such key; did you mean 'http'?"),  # type: ignore[arg-type]
            (
                lambda: mock.next_job(procesing=3),  # type: ignore[arg-type]
                "procesing: there is no such argument; did you mean 'processing'?",
            ),
            (lambda: mock.next_job(result={"imge": ""}), "result.imge: there is no such key; did you mean 'image'?"),
        ):
            with pytest.raises(ScenarioError) as caught:
                mistake()
            assert str(caught.value).startswith(message)
        assert mock.application.scenarios.rules == ()

    def test_a_word_after_the_end_is_refused_and_belongs_before(self) -> None:
        rule = MockAkool().on("any").respond(http=502)
        with pytest.raises(AttributeError, match=r"respond\(\) ends a rule: write \.optional\(…\) before it"):
            rule.optional()
        with pytest.raises(AttributeError, match="object has no attribute 'nonsense'"):
            rule.nonsense()

    def test_a_draft_may_be_the_beginning_of_several_rules(self) -> None:
        mock = MockAkool()
        polls = mock.on("quota/info").per("all")
        polls.nth(1).respond(http=502)
        polls.nth([2, 3]).respond(http=503)
        quota = Request.build("GET", "/api/open/v3/faceswap/quota/info", headers={"x-api-key": "one"})
        assert [mock.answer(quota).status for _ in range(4)] == [502, 503, 503, 200]
        mock.verify()

    @pytest.mark.parametrize("sources", ["none", "setting,key,prompt"])
    def test_it_can_be_switched_off(self, sources: str) -> None:
        mock = MockAkool(scenario_sources=sources)
        with pytest.raises(ScenarioError, match="does not name `python`"):
            mock.on("any")
        with pytest.raises(ScenarioError, match="does not name `python`"):
            mock.next_job(queueing=0, processing=0)

    def test_a_setting_that_is_switched_off_is_reported(self) -> None:
        with pytest.raises(SettingsError, match="scenario: scenario_sources does not name `setting`"):
            MockAkool(scenario="happy", scenario_sources="python")

    def test_a_rule_shows_itself(self) -> None:
        mock = MockAkool()
        rule = mock.on("quota/info").every(2).optional().respond(code=1108, msg="no GPU")
        assert rule.name == "on('quota/info').every(2).optional().respond(code=1108, msg='no GPU')"
        assert repr(rule) == f"<rule {rule.name}, fired 0 times>"
        assert repr(mock.on("any").nth(2)).startswith("<a rule that is not ended: on('any').nth(2)")


def test_a_request_is_not_taken_for_one_that_was_forgotten() -> None:
    """What counts a repeated request is remembered by its identity, which another may have once it is forgotten."""
    plain = {"rules": [{"on": "infobymodelid", "nth": [20, 40], "per": "job", "fault": {"http": 502}}]}
    mock = MockAkool(scenario=plain, call_log_size=1, queueing="forever")
    jobs = [create(mock, key) for key in KEYS]
    polls = [0, 0]
    for number in range(100):
        # Neither in turns nor in a row: the one may have the place of the other in memory, or its own.
        which = number * number % 5 % 2
        polls[which] += 1
        # The call log remembers small requests for longer than it keeps them.
        headers = {"x-api-key": KEYS[which], "cookie": "x" * 10_000}
        asked = Request.build("GET", INFO, f"image_model_id={jobs[which]}", headers=headers)
        assert mock.answer(asked).status == (502 if polls[which] in (20, 40) else 200), polls
        del asked
    assert min(polls) >= 40
