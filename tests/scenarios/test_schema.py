"""Scenarios as a person writes them: what is read, what is refused and how it is told, and that nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from mock_akool import ScenarioError
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import json_schema, read_scenario, write_scenario
from mock_akool.core.durations import FOREVER, Duration, Span
from mock_akool.core.faults import Delay, Fault
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import COMPLETED, Stage, Status, failed
from mock_akool.scenario_library.loader import dump, read_text
from tests.extent import choose
from tests.scenarios.scenarios import SCENARIOS, Plain

ISSUE: Plain = {
    "description": "The second poll breaks, the job fails in the end",
    "seed": 7,
    "profile": "observed",
    "account": {"credits": 10},
    "jobs": [
        {"stages": [{"queueing": "2s"}, {"processing": "2 polls"}, {"failed": ["content policy"]}]},
        {"when": {"prompt": "*dragon*"}, "stages": [{"queueing": "forever"}]},
        {
            "stages": [{"queueing": "1s"}, {"processing": "3s"}, {"queueing": "2s"}, "completed"],
            "result": {"upscaled_urls": []},
        },
    ],
    "rules": [
        {"on": "infobymodelid", "nth": 2, "fault": {"http": 502}},
        {"on": "createbyprompt", "first": 1, "fault": {"code": 1108}},
        {"on": "file", "fault": {"truncate": "50%"}},
    ],
    "limits": {"concurrent_jobs": 3, "requests_per_second": 5},
}


def refused(plain: Any) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(plain)
    return caught.value


class TestReading:
    def test_a_whole_scenario(self) -> None:
        scenario = read_scenario(ISSUE, "issue")
        assert (scenario.name, scenario.seed, scenario.account.credits) == ("issue", 7, 10)
        first, when, back = scenario.jobs
        assert first.timeline is not None
        assert first.timeline.stages == (Stage(Status.QUEUEING, Span.of(2)), Stage(Status.PROCESSING, Span(polls=2)))
        assert first.timeline.ending == failed("content policy")
        assert when.when is not None
        assert when.when.prompt == "*dragon*"
        assert when.timeline is not None
        assert when.timeline.stages == (Stage(Status.QUEUEING, FOREVER),)
        assert back.timeline is not None
        assert [stage.status for stage in back.timeline.stages] == [1, 2, 1]
        assert back.timeline.ending == COMPLETED
        assert back.result is not None
        assert back.result.upscaled_urls == ()
        poll, create, file = scenario.rules
        assert (poll.on, poll.nth, poll.fault.http) == (("infobymodelid",), (2,), 502)
        assert (create.first, create.fault.code) == (1, 1108)
        assert file.fault.truncate is not None
        assert file.fault.truncate.of(1000) == 500
        assert scenario.limits == (5, 3)

    def test_an_empty_scenario_is_one(self) -> None:
        assert read_scenario({}) == Scenario()

    @pytest.mark.parametrize("on", ["infobymodelid", "INFOBYMODELID", ["infobymodelid"]])
    def test_endpoints_are_known_in_any_case(self, on: Any) -> None:
        (rule,) = read_scenario({"rules": [{"on": on, "fault": {"drop": True}}]}).rules
        assert rule.on == ("infobymodelid",)

    @pytest.mark.parametrize(
        ("on", "count"), [("create", 3), ("api", 6), ("any", 8), (["create", "createbyprompt"], 3)]
    )
    def test_words_for_several_endpoints(self, on: Any, count: int) -> None:
        (rule,) = read_scenario({"rules": [{"on": on, "fault": {"drop": True}}]}).rules
        assert len(set(rule.on)) == len(rule.on) == count

    @pytest.mark.parametrize(
        ("delay", "low", "high"), [("10s", 10, 10), (3, 3, 3), (["1s", "3s"], 1, 3), ([0, "2m"], 0, 120)]
    )
    def test_delays(self, delay: Any, low: int, high: int) -> None:
        assert Fault.of({"delay": delay}).delay == Delay(Duration.of(low), Duration.of(high))

    def test_what_replaces_the_answer_comes_before_the_work_and_what_spoils_it_after(self) -> None:
        before: list[Plain] = [{"code": 1108}, {"http": 502}, {"drop": True}, {"reset": True}, {"empty": True}]
        before += [{"garbage": True}, {"html": True}, {"file": "expired"}]
        after: list[Plain] = [{"delay": 1}, {"truncate": 3}, {"drip": {}}, {"content_type": "text/plain"}]
        after += [{"file": "truncated"}, {"file": "png"}, {"headers": {"a": "b"}}]
        assert [plain for plain in before if not Fault.of(plain).before] == []
        assert [plain for plain in after if Fault.of(plain).before] == []
        assert not Fault.of({"drop": True, "at": "after"}).before


MISTAKES: list[tuple[Any, str, str]] = [
    ([], "[] is not usable", "It takes an object with some of the keys description, advice"),
    ({"rulse": []}, "rulse: there is no key 'rulse' here", "Did you mean 'rules'?"),
    ({"zzz": 1}, "zzz: there is no key 'zzz' here", "The keys here are: description, advice, seed"),
    ({"seed": "7"}, "seed: '7' is not usable", "It takes a whole number"),
    ({"seed": True}, "seed: True is not usable", "It takes a whole number"),
    ({"profile": "real"}, "profile: 'real' is not usable", "It takes observed or documented"),
    ({"account": {"status": "gone"}}, "account.status: 'gone' is not usable", "It takes active or banned"),
    (
        {"accounts": [{"credits": 1}]},
        "accounts[0]: a listed account needs the key 'api_key'",
        "It is the API key",
    ),
    (
        {"accounts": [{"api_key": "a"}, {"api_key": "a"}]},
        "accounts: two accounts have the same api_key",
        "Give each its own",
    ),
    ({"jobs": {}}, "jobs: {} is not usable", "It takes a list; each item takes an object"),
    ({"jobs": [{"stages": []}]}, "jobs[0].stages: [] is not usable", "It takes a list of stages"),
    ({"jobs": [{"stages": ["queueing"]}]}, "jobs[0].stages[0]: 'queueing' is no stage", "{queueing: 2s}"),
    (
        {"jobs": [{"stages": [{"procesing": 1}]}]},
        "jobs[0].stages[0].procesing: there is no key 'procesing' here",
        "Did you mean 'processing'?",
    ),
    (
        {"jobs": [{"stages": [{"queueing": "soon"}]}]},
        "jobs[0].stages[0].queueing: 'soon' is not usable",
        "It takes a length of time",
    ),
    (
        {"jobs": [{"stages": ["completed", {"queueing": 1}]}]},
        "jobs[0].stages[0]: 'completed' is an ending, and stages follow it",
        "Give it a length, such as {completed: 2s}",
    ),
    (
        {"jobs": [{"stages": [{"failed": "content policy"}]}]},
        "jobs[0].stages[0].failed: 'content policy' is no length of time",
        "A reason is written as {failed: ['content policy']}",
    ),
    (
        {"rules": [{"on": "any", "nth": "2, 3", "fault": {"drop": True}}]},
        "rules[0].nth: '2, 3' is not usable",
        "or a list such as [2, 5]",
    ),
    (
        {"rules": [{"on": "any", "during": "10s-40s", "fault": {"drop": True}}]},
        "rules[0].during: '10s-40s' is not usable",
        "It takes two times since the start such as [10s, 40s]",
    ),
    (
        {"rules": [{"on": "any", "fault": {"status": 502}}]},
        "rules[0].fault.status: there is no key 'status' here",
        "Did you mean 'http'?",
    ),
    ({"jobs": [{"times": 0}]}, "jobs[0].times: 0 is not usable", "It takes a whole number from 1"),
    ({"jobs": [{"when": {"endpoint": "file"}}]}, "jobs[0].when.endpoint: 'file' is not usable", "createbyprompt"),
    ({"jobs": [{"result": {"image": 3}}]}, "jobs[0].result.image: 3 is not usable", "It takes a URL or other text"),
    ({"rules": [{"fault": {"http": 502}}]}, "rules[0]: a rule needs the key 'on'", "It is which requests"),
    ({"rules": [{"on": "file"}]}, "rules[0]: a rule needs the key 'fault'", "It is what goes wrong"),
    (
        {"rules": [{"on": "infobymodel", "fault": {"drop": True}}]},
        "rules[0].on: 'infobymodel' is not usable (did you mean infobymodelid?)",
        "It takes an endpoint",
    ),
    ({"rules": [{"on": [], "fault": {"drop": True}}]}, "rules[0].on: [] is not usable", "It takes an endpoint"),
    (
        {"rules": [{"on": "any", "nht": 2, "fault": {"drop": True}}]},
        "rules[0].nht: there is no key 'nht' here",
        "Did you mean 'nth'?",
    ),
    ({"rules": [{"on": "any", "nth": 0, "fault": {"drop": True}}]}, "rules[0].nth: 0 is not usable", "from 1 to"),
    (
        {"rules": [{"on": "any", "probability": 1.5, "fault": {"drop": True}}]},
        "rules[0].probability: 1.5 is not usable",
        "It takes a number from 0 (never) to 1 (always)",
    ),
    (
        {"rules": [{"on": "any", "during": ["5s", "1s"], "fault": {"drop": True}}]},
        "rules[0].during: ['5s', '1s'] is not usable (it ends before it begins)",
        "It takes two times",
    ),
    (
        {"rules": [{"on": "any", "per": "jobs", "fault": {"drop": True}}]},
        "rules[0].per: 'jobs' is not usable (did you mean 'job'?)",
        "It takes one of account, job, all",
    ),
    (
        {"rules": [{"on": "any", "fault": {}}]},
        "rules[0].fault: this fault does nothing",
        "It takes an object such as {http: 502}",
    ),
    (
        {"rules": [{"on": "any", "fault": {"htp": 502}}]},
        "rules[0].fault.htp: there is no key 'htp' here",
        "Did you mean 'http'?",
    ),
    ({"rules": [{"on": "any", "fault": {"http": 200}}]}, "rules[0].fault.http: 200 is not usable", "from 300 to 599"),
    (
        {"rules": [{"on": "any", "fault": {"http": 502, "drop": True}}]},
        "rules[0].fault: a fault is either http or drop, not both",
        "Write two rules",
    ),
    (
        {"rules": [{"on": "any", "fault": {"drop": True, "truncate": "50%"}}]},
        "rules[0].fault: drop sends nothing, so it does not go with truncate",
        "Take one of them away",
    ),
    ({"rules": [{"on": "any", "fault": {"drop": False}}]}, "rules[0].fault.drop: False is not usable", "It takes true"),
    (
        {"rules": [{"on": "any", "fault": {"http": 502, "msg": "x"}}]},
        "rules[0].fault: msg belongs to code, which is not there",
        "Add code",
    ),
    (
        {"rules": [{"on": "any", "fault": {"delay": "1s", "at": "before"}}]},
        "rules[0].fault: at: before is for a fault that replaces the answer",
        "Take `at` away",
    ),
    (
        {"rules": [{"on": "any", "fault": {"truncate": "150%"}}]},
        "rules[0].fault.truncate: '150%' is not usable",
        "It takes a percentage such as 50% or a number of bytes",
    ),
    (
        {"rules": [{"on": "any", "fault": {"delay": ["3s", "1s"]}}]},
        "rules[0].fault.delay: ['3s', '1s'] is not usable (the longer one comes second)",
        "It takes a duration",
    ),
    (
        {"rules": [{"on": "any", "fault": {"headers": {"a b": "c"}}}]},
        "rules[0].fault.headers: {'a b': 'c'} is not usable ('a b' is not the name of a header)",
        "It takes an object of names and values",
    ),
    (
        {"rules": [{"on": "any", "fault": {"headers": {"a": "b\r\nc: d"}}}]},
        "rules[0].fault.headers: {'a': 'b\\r\\nc: d'} is not usable",
        "It takes an object of names and values",
    ),
    (
        {"rules": [{"on": "any", "fault": {"file": "expired"}}]},
        "rules[0]: a fault `file` is for `on: file` only",
        "Write `on: file`",
    ),
    (
        {"limits": {"requests_per_second": 0}},
        "limits.requests_per_second: 0 is not usable",
        "It takes a number above 0",
    ),
]


BEYOND_SCHEMA = (
    *("not both", "does not go", "belongs to", "ends before", "longer one", "two accounts", "at: before"),
    *("is an ending", "is for `on: file`", "does nothing", "'soon'", ".headers", "no length of time"),
)
"""What JSON Schema has no simple word for: fields that do not go together, and the inside of texts."""


class TestMistakes:
    @pytest.mark.parametrize(("plain", "message", "hint"), MISTAKES, ids=[message for _, message, _ in MISTAKES])
    def test_it_is_told_with_its_place_and_what_to_do(self, plain: Any, message: str, hint: str) -> None:
        error = refused(plain)
        assert error.message.startswith(message)
        assert hint in error.hint

    @pytest.mark.parametrize(("plain", "message", "hint"), MISTAKES, ids=[message for _, message, _ in MISTAKES])
    def test_editors_see_it_too(self, plain: Any, message: str, hint: str) -> None:
        if not any(word in message for word in BEYOND_SCHEMA):
            assert list(jsonschema.Draft202012Validator(json_schema()).iter_errors(plain))


class TestNothingIsLost:
    @settings(deadline=None, max_examples=choose(75, 1500))
    @given(SCENARIOS)
    def test_a_scenario_dumps_and_parses_to_itself(self, plain: Plain) -> None:
        scenario = read_scenario(plain)
        assert read_scenario(write_scenario(scenario)) == scenario
        assert read_text(dump(scenario)) == scenario
        assert read_text(json.dumps(write_scenario(scenario))) == scenario
        assert read_text(json.dumps(write_scenario(scenario), indent="\t", ensure_ascii=False)) == scenario

    @settings(deadline=None, max_examples=choose(75, 1500))
    @given(SCENARIOS)
    def test_the_json_schema_takes_what_the_reader_takes(self, plain: Plain) -> None:
        read_scenario(plain)
        jsonschema.Draft202012Validator(json_schema()).validate(plain)

    def test_the_json_schema_is_one(self) -> None:
        jsonschema.Draft202012Validator.check_schema(json_schema())
        jsonschema.Draft202012Validator(json_schema()).validate(ISSUE)


class TestChoosing:
    @pytest.mark.parametrize(
        ("said", "chosen"),
        [
            ({}, range(1, 21)),
            ({"nth": (2,)}, [2]),
            ({"nth": (5, 2)}, [2, 5]),
            ({"first": 3}, [1, 2, 3]),
            ({"every": 4}, [4, 8, 12, 16, 20]),
            ({"after": 17}, [18, 19, 20]),
            ({"after": 2, "first": 3}, [3, 4, 5]),
            ({"after": 10, "every": 4}, [14, 18]),
            ({"after": 3, "nth": (1, 9)}, [4, 12]),
            ({"every": 2, "first": 5}, [2, 4]),
            ({"every": 2, "nth": (3, 4)}, [4]),
            ({"nth": (4,), "first": 3}, []),
        ],
    )
    def test_which_calls_a_rule_chooses(self, said: Any, chosen: Any) -> None:
        rule = Rule(on=("file",), fault=Fault(drop=True), **said)
        assert [count for count in range(1, 21) if rule.chosen(count)] == list(chosen)

    @settings(deadline=None, max_examples=choose(50, 1000))
    @given(SCENARIOS)
    def test_a_rule_never_sleeps_through_a_call_that_it_chooses(self, plain: Plain) -> None:
        for rule in read_scenario(plain).rules:
            for count in range(60):
                following = next((n for n in range(count + 1, 60) if rule.chosen(n)), None)
                assert following is None or rule.quiet_until(count) <= following
