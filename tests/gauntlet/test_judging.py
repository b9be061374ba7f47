"""Verdicts from facts: how a client ends, what is not judged, accepted findings, and the forms of the report."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final
from xml.etree import ElementTree

import pytest
import requests

from mock_akool import MockAkool, SettingsError, gauntlet
from mock_akool.gauntlet import GauntletReport, Verdict
from mock_akool.gauntlet.known import accepting
from tests.extent import choose
from tests.gauntlet.clients import API, KINDS, GaveUpError, SmallClient

KEY: Final = {"x-api-key": "my-key"}
CREATE: Final = f"{API}/v3/content/image/createbyprompt"


def create() -> Any:
    return requests.post(CREATE, json={"prompt": "a fox"}, headers=KEY, timeout=30).json()["data"]


def ending_by(raised: Callable[[], BaseException]) -> Callable[[MockAkool], object]:
    def client(mock: MockAkool) -> None:
        create()
        raise raised()

    return client


def one(client: Callable[[MockAkool], object], scenario: Any = "fails", **options: Any) -> gauntlet.Judgement:
    (found,) = gauntlet.run(client, scenarios=[scenario], **options).judgements
    return found


class TestEnds:
    @pytest.mark.parametrize(
        "raised",
        [
            lambda: GaveUpError("no"),
            lambda: SystemExit("no"),
            lambda: SystemExit(1),
            lambda: RuntimeError("no"),
            lambda: TimeoutError("no"),
        ],
    )
    def test_these_exceptions_say_that_there_is_no_file(self, raised: Callable[[], BaseException]) -> None:
        assert one(ending_by(raised)).verdict is Verdict.GAVE_UP

    @pytest.mark.parametrize(
        "raised", [lambda: KeyError("_id"), lambda: ValueError("no"), lambda: requests.ConnectionError("no")]
    )
    def test_these_are_crashes_unless_the_client_says_that_it_gives_up_so(
        self, raised: Callable[[], Exception]
    ) -> None:
        found = one(ending_by(raised))
        assert (found.verdict, [each.name for each in found.findings]) == (Verdict.CRASHED, ["crashed"])
        assert type(raised()).__name__ in found.why
        assert one(ending_by(raised), gives_up_with=[type(raised())]).verdict is Verdict.GAVE_UP

    def test_of_the_exceptions_that_are_named_others_are_crashes(self) -> None:
        assert one(ending_by(lambda: GaveUpError("no")), gives_up_with=[TimeoutError]).verdict is Verdict.CRASHED

    def test_a_time_out_of_a_library_is_a_crash(self) -> None:
        import queue

        def client(mock: MockAkool) -> None:
            create()
            try:
                queue.Queue[int]().get(timeout=1)
            except queue.Empty:
                import concurrent.futures

                concurrent.futures.Future[int]().result(timeout=1)

        assert one(client).verdict is Verdict.CRASHED

    def test_exit_status_0_says_that_all_is_well(self) -> None:
        found = one(ending_by(lambda: SystemExit(0)))
        assert (found.verdict, found.findings[0].name) == (Verdict.FAILED, "success without a file")

    def test_a_coroutine_function_is_run_to_its_end(self) -> None:
        async def client(mock: MockAkool) -> None:
            create()
            raise GaveUpError("no")

        assert one(client).why == "GaveUpError: no"

    def test_a_keyboard_interrupt_ends_the_gauntlet(self) -> None:
        with pytest.raises(KeyboardInterrupt):
            one(ending_by(KeyboardInterrupt))


class TestOutcomes:
    def test_a_client_that_ends_before_the_job_is_done_has_no_file(self) -> None:
        found = one(lambda mock: create(), "happy")
        assert [each.name for each in found.findings] == ["ended without a file"]
        assert "never polled" in found.why

    def test_a_client_that_only_wants_the_url_need_not_fetch_it(self) -> None:
        def client(mock: MockAkool) -> str:
            job = create()
            while job["image_status"] != 3:
                time.sleep(2)
                poll = f"{API}/v3/content/image/infobymodelid?image_model_id={job['_id']}"
                job = requests.get(poll, headers=KEY, timeout=30).json()["data"]
            return str(job["image"])

        assert one(client, "happy").verdict is Verdict.SURVIVED
        assert one(client, "expired-files").verdict is Verdict.NOT_JUDGED

    def test_a_client_that_asks_nothing_is_not_judged(self) -> None:
        found = one(lambda mock: None)
        assert (found.verdict, found.why) == (Verdict.NOT_JUDGED, "no request reached the fake; the client ended")

    def test_a_scenario_of_ones_own_is_judged_by_what_it_expects(self) -> None:
        def client(mock: MockAkool) -> None:
            create()
            create()
            raise GaveUpError("enough")

        scenario = {"expect": {"outcome": "end", "creates": 2}, "jobs": [{"queueing": "forever"}]}
        assert one(client, scenario).verdict is Verdict.GAVE_UP
        scenario["expect"] = {"outcome": "end", "creates": 1}
        found = one(client, scenario)
        assert [(each.name, each.calls) for each in found.findings] == [("paid twice", (1, 2))]


@pytest.fixture(scope="module")
def report() -> GauntletReport:
    client = SmallClient(KINDS["image"], "knows status 3 only")
    return gauntlet.run(client, scenarios=["happy", "fails", "no-face"], repeat=2)


class TestReports:
    def test_the_table_says_what_came_of_each_and_what_to_do(self, report: GauntletReport) -> None:
        text = str(report)
        assert "fails    failed               job " in text
        assert "\n  polled on: job " in text
        assert "    do: stop polling at status 3 and 4\n" in text
        assert text.endswith("score: 2 of 4; 2 could not be judged")
        with pytest.raises(AssertionError, match="did not come through the gauntlet"):
            report.verify()

    def test_json_has_it_all(self, report: GauntletReport) -> None:
        plain = json.loads(json.dumps(report.as_json()))
        assert [each["seed"] for each in plain["judgements"]] == [0, 1] * 3
        story = plain["judgements"][2]["story"]
        assert [stage["status"] for stage in story["jobs"][0]["stages"]] == ["queueing", "processing", "failed"]
        assert {call["endpoint"] for call in story["calls"]} >= {"createbyprompt", "infobymodelid"}

    def test_junit_has_a_case_for_each(self, report: GauntletReport) -> None:
        suite = ElementTree.fromstring(report.as_junit())
        assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["6", "2", "2"]
        assert [case.get("name") for case in suite][2:4] == ["fails[0]", "fails[1]"]

    def test_the_page_needs_nothing_else_and_draws_each_run(self, report: GauntletReport) -> None:
        page = gauntlet.as_html(report)
        assert page.count("<section") == 6
        assert "polled on" in page
        for outside in ("http://", "https://", "<script", "src=", "@import"):
            assert outside not in page.replace("http://127.0.0.1", "")
        for drawing in page.split("<svg")[1:]:
            ElementTree.fromstring(f"<svg{drawing.partition('</svg>')[0]}</svg>")

    def test_a_call_that_was_refused_is_drawn_as_one_that_went_wrong(self) -> None:
        def client(mock: MockAkool) -> None:
            answer = requests.post(CREATE, json={"prompt": "a fox"}, headers=KEY, timeout=30).json()
            raise GaveUpError(answer["msg"])

        found = gauntlet.run(client, scenarios=["banned"], seed=1)
        assert [call.refused for call in found.judgements[0].story.calls] == [True]
        page = gauntlet.as_html(found)
        assert "<summary>1 call</summary>" in page
        assert 'r="4" fill="#c9463d"><title>#1 POST' in page

    def test_what_is_known_does_not_fail(self, report: GauntletReport) -> None:
        known = gauntlet.read_known("# what we live with\nfails: polled on  # soon\n")
        accepted = GauntletReport(accepting(report.judgements, known))
        assert accepted.failures == ()
        accepted.verify()
        assert str(accepted).endswith("score: 2 of 4; 2 could not be judged; 2 failures known before")
        elsewhere = GauntletReport(accepting(report.judgements, gauntlet.read_known("happy: polled on")))
        assert len(elsewhere.failures) == 2

    def test_a_mistake_in_the_known_findings_has_its_line(self) -> None:
        with pytest.raises(SettingsError) as caught:
            gauntlet.read_known("fails: poled on\nnonsense\n")
        assert "did you mean 'polled on'?" in str(caught.value)
        assert "write `scenario: finding`" in str(caught.value)


def test_the_same_seed_has_the_same_verdicts() -> None:
    def judged() -> list[object]:
        report = gauntlet.run(SmallClient(KINDS["image"]), scenarios=scenarios, seed=7)
        return [(each.scenario, each.verdict, each.why, each.findings, each.story) for each in report.judgements]

    # Those in which chance has most to say.
    scenarios = choose(["broken-files", "drops-connections", "flaky-gateway", "garbage-bodies", "slow"], None)
    first = judged()
    for _ in range(choose(1, 4)):
        assert judged() == first


def test_it_leaves_the_process_as_it_was() -> None:
    gauntlet.run(SmallClient(KINDS["image"]), scenarios=["happy", "stuck-in-queue"])
    assert time.sleep.__module__ == "time"
    assert sys.exc_info() == (None, None, None)
