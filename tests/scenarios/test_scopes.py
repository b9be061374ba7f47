"""What is active for whom: scenarios, rules and job scripts of everybody and of single accounts."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import MockAkool, Request, ScenarioError, SettingsError
from mock_akool.akool.engine import Engine
from mock_akool.akool.families import CREATES
from mock_akool.akool.families.image_v3 import ImageV3
from mock_akool.akool.jobs import NewJob
from mock_akool.akool.scenarios.model import MOST_SCENARIOS, JobScript, LabelledScript, Scenario
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.scenarios.schema import read_scenario
from mock_akool.core.rule_engine import ActiveRule
from mock_akool.core.rules import Rule
from tests.akool.fakes import engine_of, runtime_of
from tests.extent import choose

ONE: Final = "one"
OTHER: Final = "other"
SCOPES: Final = (None, ONE, OTHER)
REQUEST: Final = ImageV3("a fox", "1:1", None, "")
NEW: Final = NewJob("createbyprompt", REQUEST.prompt, REQUEST.topic, None)


def engine() -> Engine:
    return engine_of()


def rule(name: str, **conditions: Any) -> Rule:
    plain = {"on": "quota/info", "name": name, "fault": {"http": 502}, **conditions}
    return read_scenario({"rules": [plain]}).rules[0]


def fired(runtime: ScenarioRuntime, key: str) -> str | None:
    """Let the account ask once, and return what the rule that fires is called."""
    firing = runtime.firing("quota/info", Request.build("GET", "/", headers={"x-api-key": key}), 0)
    return None if firing is None else firing.active.label


def entries(engine: Engine, key: str, jobs: int) -> list[str | None]:
    """The entries that the account's next jobs follow."""
    account = engine.accounts.by_key(key)
    assert account is not None
    taken = [runtime_of(engine).script_of(account, NEW) for _ in range(jobs)]
    return [each and each.label for each in taken]


def add_script(runtime: ScenarioRuntime, scope: str | None, entry: LabelledScript) -> None:
    runtime.add_job_scripts([entry], scope)


STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(SCOPES), st.integers(0, 2)),
        st.tuples(st.just("add"), st.sampled_from(SCOPES), st.just(0)),
        st.tuples(st.just("script"), st.sampled_from(SCOPES), st.just(0)),
        st.tuples(st.just("remove"), st.sampled_from(SCOPES), st.integers(0, 3)),
        st.tuples(st.just("forget"), st.sampled_from([ONE, OTHER]), st.just(0)),
    ),
    max_size=15,
)


@settings(max_examples=choose(50, 500))
@given(STEPS)
def test_each_scope_has_what_was_said_of_it_and_the_nearest_rule_fires(steps: list[tuple[str, Any, int]]) -> None:
    runtime = runtime_of(engine())
    scenarios: dict[str | None, tuple[Scenario, ...]] = dict.fromkeys(SCOPES, ())
    added: dict[str | None, list[ActiveRule]] = {scope: [] for scope in SCOPES}
    scripts: dict[str | None, list[LabelledScript]] = {scope: [] for scope in SCOPES}
    highest = 0
    for place, (step, scope, number) in enumerate(steps):
        match step:
            case "put":
                some = [
                    read_scenario({"rules": [{"on": "quota/info", "fault": {"http": 503}}]}, f"put {place}.{each}")
                    for each in range(number)
                ]
                runtime.activate(some, scope)
                scenarios[scope], added[scope], scripts[scope] = tuple(some), [], []
            case "add":
                live = runtime.add(rule(f"rule {place}"), f"rule {place}", scope)
                assert live.number > highest
                highest = live.number
                added[scope].append(live)
            case "script":
                entry = LabelledScript(JobScript(), f"script {place}")
                add_script(runtime, scope, entry)
                scripts[scope].append(entry)
            case "remove" if number < len(added[scope]):
                runtime.remove(added[scope].pop(number))
            case "forget":
                runtime.forget(scope)
                scenarios[scope], added[scope], scripts[scope] = (), [], []
    for scope in SCOPES:
        assert runtime.scenarios_of(scope) == scenarios[scope]
        assert runtime.job_scripts_of(scope) == tuple(scripts[scope])
        own = len(added[scope])
        assert list(runtime.rules_of(scope)[:own]) == added[scope]
        assert [(live.rule, live.number) for live in runtime.rules_of(scope)[own:]] == [
            (each, 0) for some in scenarios[scope] for each in some.rules
        ]
    for key in (ONE, OTHER):
        nearest = [
            *(live.label for live in (*added[key], *added[None])),
            *(f"{some.name}: rules[0]" for some in (*scenarios[key], *scenarios[None])),
            None,
        ]
        assert fired(runtime, key) == nearest[0]


class TestCounts:
    def test_a_rule_of_an_account_counts_its_calls_only(self) -> None:
        runtime = runtime_of(engine())
        live = runtime.add(rule("second", nth=2), "second", ONE)
        assert [fired(runtime, key) for key in (OTHER, ONE, OTHER, ONE, ONE)] == [None, None, None, "second", None]
        assert live.fired == 1

    def test_when_one_is_removed_the_others_go_on_counting(self) -> None:
        runtime = runtime_of(engine())
        runtime.add(rule("third", nth=3), "third", ONE)
        first = runtime.add(rule("first", nth=1), "first", ONE)
        seen = [fired(runtime, ONE)]
        runtime.remove(first)
        seen += [fired(runtime, ONE) for _ in range(3)]
        assert seen == ["first", None, "third", None]

    def test_removing_what_is_not_there_does_nothing(self) -> None:
        runtime = runtime_of(engine())
        live, kept = runtime.add(rule("gone"), "gone"), runtime.add(rule("kept"), "kept")
        for _ in range(2):
            runtime.remove(live)
        assert runtime.rules_of(None) == (kept,)

    @pytest.mark.parametrize("is_put", [False, True])
    @pytest.mark.parametrize(("per", "after"), [("account", [None, "second"]), ("all", [None, None])])
    def test_who_is_forgotten_is_counted_anew_by_what_is_for_everybody(
        self, is_put: bool, per: str, after: list[str | None]
    ) -> None:
        runtime = runtime_of(engine())
        second = rule("second", nth=2, per=per)
        if is_put:
            runtime.activate([Scenario(rules=(second,), name="all")])
        else:
            runtime.add(second, "all: second")
        said = [fired(runtime, key) for key in (ONE, OTHER, ONE)]
        assert said == [None, None, "all: second"] if per == "account" else [None, "all: second", None]
        runtime.forget(ONE)
        assert [each and each.removeprefix("all: ") for each in (fired(runtime, ONE), fired(runtime, ONE))] == after
        # The other one was counted once, and goes on.
        assert fired(runtime, OTHER) == ("all: second" if per == "account" else None)

    def test_jobs_that_are_forgotten_are_counted_anew(self) -> None:
        made = engine()
        runtime = runtime_of(made)
        jobs = []
        for key in (ONE, OTHER):
            account = made.accounts.by_key(key)
            assert account is not None
            jobs += made.create(account, CREATES[NEW.endpoint], REQUEST, "", made.clock.now_ns())
        runtime.add(rule("second", on="infobymodelid", nth=2, per="job"), "second")

        def polled(job_id: str) -> bool:
            # Whoever asks: the job is counted as that of its account.
            call = Request.build("GET", "/", f"image_model_id={job_id}", {"x-api-key": OTHER})
            return runtime.firing("infobymodelid", call, 0) is not None

        assert [polled(job.id) for job in jobs] == [False, False]
        runtime.forget(ONE)
        assert [polled(job.id) for job in jobs] == [False, True]


class TestEntries:
    PUT: Final = read_scenario({"jobs": [{"times": 1}, {"times": 1}]}, "put")
    ALL: Final = read_scenario({"jobs": [{"times": 1}, {"times": 1}]}, "all")

    def test_plans_go_first_and_an_account_s_own_before_those_for_everybody(self) -> None:
        made = engine()
        runtime = runtime_of(made)
        runtime.activate([self.ALL])
        runtime.activate([self.PUT], ONE)
        add_script(runtime, None, LabelledScript(JobScript(), "anybody"))
        add_script(runtime, ONE, LabelledScript(JobScript(), "mine"))
        mine = ["mine", "anybody", "put: jobs[0]", "put: jobs[1]", "all: jobs[0]", "all: jobs[1]", None]
        assert entries(made, ONE, 7) == mine
        assert entries(made, OTHER, 3) == ["all: jobs[0]", "all: jobs[1]", None]

    def test_who_is_forgotten_begins_anew_with_what_is_for_everybody(self) -> None:
        made = engine()
        runtime_of(made).activate([self.ALL])
        runtime_of(made).activate([self.PUT], ONE)
        assert entries(made, ONE, 3) == ["put: jobs[0]", "put: jobs[1]", "all: jobs[0]"]
        assert entries(made, OTHER, 1) == ["all: jobs[0]"]
        runtime_of(made).forget(ONE)
        assert entries(made, ONE, 3) == ["all: jobs[0]", "all: jobs[1]", None]
        assert entries(made, OTHER, 2) == ["all: jobs[1]", None]


def test_what_scenarios_say_of_accounts_and_limits_is_so_for_their_scope() -> None:
    runtime = runtime_of(engine())
    runtime.activate([read_scenario({"account": {"credits": 3}, "limits": {"concurrent_jobs": 4}})])
    runtime.activate([read_scenario({"account": {"status": "banned"}, "limits": {"concurrent_jobs": 5}})], ONE)
    assert [runtime.account_script(key)[:2] for key in (ONE, OTHER)] == [(3, True), (3, None)]
    assert [runtime.limits(key).concurrent_jobs for key in (ONE, OTHER)] == [5, 4]
    runtime.forget(ONE)
    assert runtime.account_script(ONE) == runtime.account_script(OTHER)
    assert runtime.limits(ONE) == runtime.limits(OTHER)
    runtime.activate([])
    assert runtime.account_script(OTHER).credits is None
    assert runtime.limits(OTHER).concurrent_jobs is None


CREATE: Final = "/api/open/v3/content/image/createbyprompt"
JSON: Final = {"x-api-key": "key", "content-type": "application/json"}


class TestHowManyAreNamed:
    """Clients may name scenarios, and each costs time and memory."""

    def create(self, mock: MockAkool, prompt: str, key: str = "key") -> tuple[int, str]:
        body = json.dumps({"prompt": prompt}).encode()
        asked = Request.build("POST", CREATE, headers={**JSON, "x-api-key": key}, body=body)
        response = mock.answer(asked)
        return response.status, response.body.decode()

    @pytest.mark.parametrize("count", [MOST_SCENARIOS, MOST_SCENARIOS + 1, 100_000])
    def test_in_a_prompt(self, count: int) -> None:
        words = ",".join(["happy"] * 10)
        prompt = f"[mock:{words}]" * (count // 10) + "[mock:happy]" * (count % 10)
        status, body = self.create(MockAkool(), prompt)
        assert status == (200 if count <= MOST_SCENARIOS else 400)
        if count > MOST_SCENARIOS:
            assert f"{count:,} scenarios are named at once" in body

    @pytest.mark.parametrize("count", [MOST_SCENARIOS, MOST_SCENARIOS + 1, 10_000])
    def test_in_a_key(self, count: int) -> None:
        mock = MockAkool()
        status, body = self.create(mock, "x", "key" + "+happy" * count)
        assert status == (200 if count <= MOST_SCENARIOS else 400)
        if count > MOST_SCENARIOS:
            assert f"{count:,} scenarios are named at once" in body
            assert len(mock.jobs) == 0

    @pytest.mark.parametrize("given", [",".join(["x"] * 100_000), ["x"] * 100_000])
    def test_by_the_admin_api(self, given: Any) -> None:
        mock = MockAkool(max_body_bytes=1 << 20)
        asked = Request.build("PUT", "/_mock/scenario", body=json.dumps({"scenario": given}).encode())
        response = mock.answer(asked)
        assert response.status == 400
        said = json.loads(response.body)
        assert (said["error"], said["hint"]) == ("scenario: the list has 100,000 items", "Give 50 at most")

    def test_in_python(self) -> None:
        with pytest.raises(SettingsError, match="scenario: the list has 51 items; give 50 at most"):
            MockAkool(scenario=["happy"] * 51)
        with pytest.raises(ScenarioError, match="51 scenarios are given at once; give 50 at most"):
            MockAkool().put_scenario(*["happy"] * 51)

    def test_a_long_prompt_goes_on_counting_where_it_failed(self) -> None:
        mock: Any = MockAkool()
        prompt = "[mock:out-of-credits] " + "x" * 100_000
        first, again = self.create(mock, prompt), self.create(mock, prompt)
        assert "1104" in first[1]
        assert "1104" in again[1]
        (known,) = mock._backend.application.scenarios._attempts
        assert len(known.prompt) < 1000
