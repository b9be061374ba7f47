"""Scenarios as a person writes them: what is read, what is refused and how, and that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from mock_akool import ScenarioError
from mock_akool.akool.endpoints import API, CREATES, ENDPOINT_NAMES, GROUPS, READS
from mock_akool.akool.families import FAMILIES
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import RESULT, json_schema, read_scenario, write_scenario
from mock_akool.core.delays import Delay
from mock_akool.core.durations import FOREVER, Duration, Span
from mock_akool.core.faults import FAULT, Fault
from mock_akool.core.rules import Rule
from mock_akool.core.timeline import COMPLETED, Stage, Status, Timeline, failed
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
        assert back.result.others == (("upscaled_urls", ()),)
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
        ("on", "count"),
        [
            ("create", len(CREATES)),
            ("api", len(API)),
            ("any", len(API) + 2),
            (["create", "createbyprompt"], len(CREATES)),
            ("poll", len(READS)),
            ("faceswap_v3", 2),
            (["REAGE", "vidreage"], 2),
        ],
    )
    def test_words_for_several_endpoints(self, on: Any, count: int) -> None:
        (rule,) = read_scenario({"rules": [{"on": on, "fault": {"drop": True}}]}).rules
        assert len(set(rule.on)) == len(rule.on) == count

    @pytest.mark.parametrize(
        ("delay", "low", "high"), [("10s", 10, 10), (3, 3, 3), (["1s", "3s"], 1, 3), ([0, "2m"], 0, 120)]
    )
    def test_delays(self, delay: Any, low: int, high: int) -> None:
        assert FAULT.read({"delay": delay}).delay == Delay(Duration.of(low), Duration.of(high))

    def test_what_replaces_the_answer_comes_before_the_work_and_what_spoils_it_after(self) -> None:
        before: list[Plain] = [{"code": 1108}, {"http": 502}, {"drop": True}, {"reset": True}, {"empty": True}]
        before += [{"garbage": True}, {"html": True}, {"file": "expired"}]
        after: list[Plain] = [{"delay": 1}, {"truncate": 3}, {"drip": {}}, {"content_type": "text/plain"}]
        after += [{"file": "truncated"}, {"file": "png"}, {"headers": {"a": "b"}}]
        assert [plain for plain in before if not FAULT.read(plain).before] == []
        assert [plain for plain in after if FAULT.read(plain).before] == []
        assert not FAULT.read({"drop": True, "at": "after"}).before


MISTAKES: list[tuple[Any, str]] = [
    (
        [],
        "[] is not a scenario; use an object with the keys description, advice, expect, seed, profile, account, "
        "accounts, jobs, rules, limits, webhooks",
    ),
    ({"rulse": []}, "rulse: there is no such key; did you mean 'rules'?"),
    (
        {"zzz": 1},
        "zzz: there is no such key; the keys here are description, advice, expect, seed, profile, account, "
        "accounts, jobs, rules, limits, webhooks",
    ),
    ({"seed": "7"}, "seed: '7' is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"),
    ({"seed": True}, "seed: True is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"),
    ({"profile": "real"}, "profile: 'real' is not observed or documented"),
    ({"account": {"status": "gone"}}, "account.status: 'gone' is not active or banned"),
    (
        {"accounts": [{"credits": 1}]},
        "accounts[0]: a listed account needs the key 'api_key'; it is the API key, which is the "
        "clientSecret of getToken, too",
    ),
    (
        {"accounts": [{"api_key": "a"}, {"api_key": "a"}]},
        "accounts[1].api_key: account 0 has the same api_key; give each its own",
    ),
    (
        {"jobs": {}},
        "jobs: {} is not a list; each item is an object, with the keys when, times, queueing, processing, ending, "
        "stages, result, refused",
    ),
    (
        {"rules": [{"on": "create", "delay": "1s"}]},
        "rules[0].delay: there is no such key; it belongs in 'fault'",
    ),
    (
        {"rules": [{"on": "create", "drop": True, "fault": {"http": 502}}]},
        "rules[0].drop: there is no such key; it belongs in 'fault'",
    ),
    (
        {"rules": [{"on": "create", "fault": {"nth": 2, "http": 502}}]},
        "rules[0].fault.nth: there is no such key; it belongs beside 'fault'",
    ),
    (
        {"jobs": [{"when": {"processing": "3s"}}]},
        "jobs[0].when.processing: there is no such key; it belongs beside 'when'",
    ),
    (
        {"jobs": [{"seed": 3}]},
        "jobs[0].seed: there is no such key; it belongs beside 'jobs'",
    ),
    (
        {"jobs": [{"files": {"http": 403}}]},
        "jobs[0].files: there is no such key; it belongs in 'result'",
    ),
    (
        {"stages": ["completed"]},
        "stages: there is no such key; it belongs in an item of 'jobs'",
    ),
    (
        {"fault": {"http": 502}},
        "fault: there is no such key; it belongs in an item of 'rules' or an item of 'webhooks'",
    ),
    (
        {"jobs": [{"stages": []}]},
        "jobs[0].stages: [] is not a list of 1 to 100 stages; use stages such as [{queueing: 2s}, "
        "{processing: 2 polls}, completed]",
    ),
    (
        {"jobs": [{"stages": ["queueing"]}]},
        "jobs[0].stages[0]: 'queueing' is not a stage; write one status and its length, such as {queueing: 2s}",
    ),
    (
        {"jobs": [{"stages": [{"procesing": 1}]}]},
        "jobs[0].stages[0].procesing: 'procesing' is not a status; did you mean 'processing'?",
    ),
    (
        {"jobs": [{"stages": [{"queueing": "soon"}]}]},
        "jobs[0].stages[0].queueing: 'soon' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'",
    ),
    (
        {"jobs": [{"stages": ["completed", {"queueing": 1}]}]},
        "jobs[0].stages[0]: 'completed' is an ending, and stages follow it; give it a length, such as "
        "{completed: 2s}, or remove what follows",
    ),
    (
        {"jobs": [{"stages": [{"failed": "content policy"}]}]},
        "jobs[0].stages[0].failed: 'content policy' is not a duration; a reason is written as {failed: "
        "['content policy']}",
    ),
    (
        {"rules": [{"on": "any", "nth": "2, 3", "fault": {"drop": True}}]},
        "rules[0].nth: '2, 3' is not a whole number from 1 to 1,000,000,000; use 2 or [2, 5]",
    ),
    (
        {"rules": [{"on": "any", "during": "10s-40s", "fault": {"drop": True}}]},
        "rules[0].during: '10s-40s' is not two times since the start; use [10s, 40s] or [10s, forever]",
    ),
    (
        {"rules": [{"on": "any", "fault": {"status": 502}}]},
        "rules[0].fault.status: there is no such key; did you mean 'http'?",
    ),
    ({"jobs": [{"times": 0}]}, "jobs[0].times: 0 is not a whole number from 1 to 1,000,000"),
    (
        {"jobs": [{"when": {"endpoint": "file"}}]},
        "jobs[0].when.endpoint: 'file' is not an endpoint that creates jobs, or a list of such; "
        "use createbyprompt or [createbyprompt, lipsync]",
    ),
    ({"jobs": [{"result": {"image": 3}}]}, "jobs[0].result.image: 3 is not a URL or other text, or 'missing'"),
    (
        {"rules": [{"fault": {"http": 502}}]},
        "rules[0]: a rule needs the key 'on'; it is which requests; `create` are those that create jobs, "
        "`any` is all, files included",
    ),
    ({"rules": [{"on": "file"}]}, "rules[0]: a rule needs the key 'fault'; it is what goes wrong"),
    (
        {"rules": [{"on": "infobymodel", "fault": {"drop": True}}]},
        "rules[0].on: 'infobymodel' is not an endpoint; did you mean 'infobymodelid'?",
    ),
    (
        {"rules": [{"on": [], "fault": {"drop": True}}]},
        f"rules[0].on: the list is empty; use {', '.join((*ENDPOINT_NAMES, *GROUPS))}",
    ),
    (
        {"rules": [{"on": "any", "nht": 2, "fault": {"drop": True}}]},
        "rules[0].nht: there is no such key; did you mean 'nth'?",
    ),
    (
        {"rules": [{"on": "any", "nth": 0, "fault": {"drop": True}}]},
        "rules[0].nth: 0 is not a whole number from 1 to 1,000,000,000; use 2 or [2, 5]",
    ),
    (
        {"rules": [{"on": "any", "probability": 1.5, "fault": {"drop": True}}]},
        "rules[0].probability: 1.5 is not a number from 0 (never) to 1 (always)",
    ),
    (
        {"rules": [{"on": "any", "during": ["5s", "1s"], "fault": {"drop": True}}]},
        "rules[0].during: ['5s', '1s'] ends before it begins; write the earlier time first",
    ),
    (
        {"rules": [{"on": "any", "per": "jobs", "fault": {"drop": True}}]},
        "rules[0].per: 'jobs' is not account, job or all; did you mean 'job'?",
    ),
    ({"rules": [{"on": "any", "fault": {}}]}, "rules[0].fault: this fault does nothing; use keys such as {http: 502}"),
    (
        {"rules": [{"on": "any", "fault": {"htp": 502}}]},
        "rules[0].fault.htp: there is no such key; did you mean 'http'?",
    ),
    (
        {"rules": [{"on": "any", "fault": {"http": 199}}]},
        "rules[0].fault.http: 199 is not a whole number from 200 to 599",
    ),
    (
        {"rules": [{"on": "any", "fault": {"http": 502, "drop": True}}]},
        "rules[0].fault: a fault is either http or drop, not both; write two rules, one for each",
    ),
    (
        {"rules": [{"on": "any", "fault": {"drop": True, "truncate": "50%"}}]},
        "rules[0].fault: drop sends nothing, so it does not go with truncate; remove one of them",
    ),
    ({"rules": [{"on": "any", "fault": {"drop": False}}]}, "rules[0].fault.drop: False is not true"),
    (
        {"rules": [{"on": "any", "fault": {"http": 502, "msg": "x"}}]},
        "rules[0].fault: msg belongs to code, which is not there; add code",
    ),
    (
        {"rules": [{"on": "any", "fault": {"delay": "1s", "at": "before"}}]},
        "rules[0].fault: at: before is for a fault that replaces the response; this one spoils the "
        "response to work that was done; remove `at`",
    ),
    (
        {"rules": [{"on": "any", "fault": {"truncate": "150%"}}]},
        "rules[0].fault.truncate: '150%' is not a percentage or a number of bytes; use 50% or 2048",
    ),
    (
        {"rules": [{"on": "any", "fault": {"delay": ["3s", "1s"]}}]},
        "rules[0].fault.delay: ['3s', '1s'] has the longer delay first; write the shorter one first",
    ),
    (
        {"rules": [{"on": "any", "fault": {"headers": {"a b": "c"}}}]},
        "rules[0].fault.headers: 'a b' is not the name of a header; use letters, digits and -",
    ),
    (
        {"rules": [{"on": "any", "fault": {"headers": {"a": "b\r\nc: d"}}}]},
        "rules[0].fault.headers: 'b\\r\\nc: d' is not the value of a header; use printable ASCII",
    ),
    (
        {"rules": [{"on": "any", "fault": {"file": "expired"}}]},
        "rules[0]: a fault `file` is for `on: file` only; write `on: file`, or take another fault",
    ),
    ({"limits": {"requests_per_second": 0}}, "limits.requests_per_second: 0 is not a number above 0"),
]


BEYOND_SCHEMA = (
    *("not both", "does not go", "belongs to", "ends before", "longer delay", "the same api_key", "at: before"),
    *("is an ending", "is for `on: file`", "does nothing", "is not a duration", ".headers"),
)
"""What JSON Schema has no simple word for: fields that do not go together, and the inside of texts."""


class TestMistakes:
    @pytest.mark.parametrize(("plain", "text"), MISTAKES, ids=[text.replace("\\", "") for _, text in MISTAKES])
    def test_it_is_refused_with_its_place_and_what_to_write(self, plain: Any, text: str) -> None:
        error = refused(plain)
        assert str(error) == text
        assert len(error.mistakes) == 1

    @pytest.mark.parametrize(("plain", "text"), MISTAKES, ids=[text.replace("\\", "") for _, text in MISTAKES])
    def test_editors_see_it_too(self, plain: Any, text: str) -> None:
        if not any(word in text for word in BEYOND_SCHEMA):
            assert list(jsonschema.Draft202012Validator(json_schema()).iter_errors(plain))

    def test_all_of_a_scenario_are_reported_at_once(self) -> None:
        error = refused(
            {
                "sead": 1,
                "jobs": [{"stages": [{"queueing": "soon"}, {"procesing": 1}, "completed", "failed"]}],
                "rules": [{"on": ["infobymodel", "files"], "nth": [1, 0, -1], "fault": {"msg": "x", "body": "y"}}, {}],
                "webhooks": [{"status": "queueing", "fault": {"copies": "two"}}],
            }
        )
        assert str(error).splitlines() == [
            "14 mistakes:",
            "  sead: there is no such key; did you mean 'seed'?",
            "  jobs[0].stages[0].queueing: 'soon' is not a duration; "
            "use 10, '10s', '2m', '500ms', '3 polls' or 'forever'",
            "  jobs[0].stages[1].procesing: 'procesing' is not a status; did you mean 'processing'?",
            "  jobs[0].stages[2]: 'completed' is an ending, and stages follow it; give it a length, such as "
            "{completed: 2s}, or remove what follows",
            "  rules[0].on: 'infobymodel' is not an endpoint; did you mean 'infobymodelid'?",
            "  rules[0].on: 'files' is not an endpoint; did you mean 'file'?",
            "  rules[0].nth[1]: 0 is not a whole number from 1 to 1,000,000,000; use 2 or [2, 5]",
            "  rules[0].nth[2]: -1 is not a whole number from 1 to 1,000,000,000; use 2 or [2, 5]",
            "  rules[0].fault: msg belongs to code, which is not there; add code",
            "  rules[0].fault: body belongs to http, which is not there; add http",
            "  rules[1]: a rule needs the key 'on'; it is which requests; `create` are those that create "
            "jobs, `any` is all, files included",
            "  rules[1]: a rule needs the key 'fault'; it is what goes wrong",
            "  webhooks[0].status: webhooks do not report queueing; use processing, completed or failed (or 2 to 4)",
            "  webhooks[0].fault.copies: 'two' is not a whole number from 0 to 100",
        ]

    @pytest.mark.parametrize("status", ["processing", 2, "2"])
    def test_a_status_may_be_a_word_or_a_number_everywhere(self, status: Any) -> None:
        scenario = read_scenario(
            {
                "jobs": [{"stages": [{status: 5}]}],
                "rules": [{"on": "infobymodelid", "status": status, "fault": {"drop": True}}],
                "webhooks": [{"status": status, "fault": {"claim_status": status}}],
            }
        )
        assert scenario.jobs[0].timeline == Timeline((Stage(Status.PROCESSING, Span.of(5)),))
        assert scenario.rules[0].status is Status.PROCESSING
        assert scenario.webhooks[0].status is Status.PROCESSING
        assert scenario.webhooks[0].fault.claim_status == 2
        plain = write_scenario(scenario)
        assert plain["jobs"][0]["stages"] == [{"processing": "5s"}, "completed"]
        assert (plain["rules"][0]["status"], plain["webhooks"][0]["status"]) == ("processing", "processing")
        assert plain["webhooks"][0]["fault"] == {"claim_status": "processing"}


class TestNothingIsLost:
    @settings(max_examples=choose(50, 750))
    @given(SCENARIOS)
    def test_a_scenario_dumps_and_parses_to_itself(self, plain: Plain) -> None:
        scenario = read_scenario(plain)
        assert read_scenario(write_scenario(scenario)) == scenario
        assert read_text(dump(scenario)) == scenario
        assert read_text(json.dumps(write_scenario(scenario)), "my.json") == scenario
        assert read_text(json.dumps(write_scenario(scenario), indent="\t", ensure_ascii=False), "my.json") == scenario

    @settings(max_examples=choose(50, 750))
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

    @settings(max_examples=choose(50, 500))
    @given(SCENARIOS)
    def test_a_rule_never_sleeps_through_a_call_that_it_chooses(self, plain: Plain) -> None:
        for rule in read_scenario(plain).rules:
            for count in range(60):
                following = next((n for n in range(count + 1, 60) if rule.chosen(n)), None)
                assert following is None or rule.quiet_until(count) <= following


def rule_with(**said: Any) -> Plain:
    return {"rules": [{"on": "quota/info", "fault": {"http": 502}, **said}]}


def fault_with(**said: Any) -> Plain:
    return {"rules": [{"on": "quota/info", "fault": said}]}


def webhook_with(**said: Any) -> Plain:
    return {"webhooks": [{"fault": said}]}


BILLION = 1_000_000_000
BOUNDS: dict[str, tuple[int, int, Callable[[int], Plain]]] = {
    "rules.nth": (1, BILLION, lambda n: rule_with(nth=n)),
    "rules.nth, a list": (1, BILLION, lambda n: rule_with(nth=[n])),
    "rules.first": (1, BILLION, lambda n: rule_with(first=n)),
    "rules.every": (1, BILLION, lambda n: rule_with(every=n)),
    "rules.after": (0, BILLION, lambda n: rule_with(after=n)),
    "rules.fault.code": (1001, 9999, lambda n: fault_with(code=n)),
    "rules.fault.http": (200, 599, lambda n: fault_with(http=n)),
    "rules.fault.drip.bytes": (1, 1 << 20, lambda n: fault_with(drip={"bytes": n})),
    "webhooks.fault.copies": (0, 100, lambda n: webhook_with(copies=n, delay="1s")),
    "webhooks.fault.extra_bytes": (0, 64 << 20, lambda n: webhook_with(extra_bytes=n, delay="1s")),
    "webhooks.times": (1, BILLION, lambda n: {"webhooks": [{"times": n, "fault": {"copies": 2}}]}),
    "jobs.times": (1, 1_000_000, lambda n: {"jobs": [{"times": n, "ending": "failed"}]}),
    "account.credits": (0, 10**12, lambda n: {"account": {"credits": n}}),
    "limits.concurrent_jobs": (0, 10**9, lambda n: {"limits": {"concurrent_jobs": n}}),
    "seed": (-(2**63), 2**63 - 1, lambda n: {"seed": n}),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_is_taken_up_to_its_bounds_and_no_further(name: str) -> None:
    least, most, plain = BOUNDS[name]
    validator = jsonschema.Draft202012Validator(json_schema())
    for value in (least, most):
        assert read_scenario(write_scenario(read_scenario(plain(value)))) == read_scenario(plain(value))
        assert validator.is_valid(plain(value))
    for value in (least - 1, most + 1):
        with pytest.raises(ScenarioError, match=f"{value} is not "):
            read_scenario(plain(value))
        assert not validator.is_valid(plain(value))


def test_families_declare_what_a_scenario_may_say_of_results() -> None:
    declared = [(key, shape) for family in FAMILIES for key, shape in family.overridable.items()]
    assert list(RESULT.fields) == ["image", *dict(declared), "files"]
    assert all(RESULT.fields[key].shape == shape for key, shape in declared), "one shape for each key"


def test_what_is_unusual_about_a_result_is_read_where_it_is_real_already() -> None:
    result = RESULT.read({"image": "missing", "buttons": ["U1"]})
    assert RESULT.read(result) is result
    assert RESULT.write(result) == {"image": "missing", "buttons": ["U1"]}
