"""What the admin API asks of an engine: to count, to forget an account or a job, and to count polls."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_akool import AkoolError, Request, Response, Status, Timeline, VirtualClock
from mock_akool.akool.accounts import Account
from mock_akool.akool.deliveries import AttemptResult
from mock_akool.akool.engine import Engine
from mock_akool.akool.families import CREATES
from mock_akool.akool.families.image_v3 import ImageV3
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import JobScript, LabelledScript
from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Stage, changes, failed, status_at
from tests.akool import fakes
from tests.akool.fakes import runtime_of
from tests.core.timelines import ALL_SPANS, BORN, NS, S, lived, timelines
from tests.extent import choose

MINE: Final = "m" * 32
OTHER: Final = "o" * 32
HOOK: Final = "http://127.0.0.1:9/hook"
CREATE: Final = "/api/open/v3/content/image/createbyprompt"
INFO: Final = "/api/open/v3/content/image/infobymodelid"


def engine_of(**options: Any) -> Engine:
    return fakes.engine_of(VirtualClock(BORN), **options)


def account(engine: Engine, key: str) -> Account:
    found = engine.accounts.by_key(key)
    assert found is not None
    return found


def make(engine: Engine, timeline: Timeline | None = None, key: str = MINE, hook: str = "") -> Job:
    if timeline is not None:
        runtime_of(engine).add_job_scripts([LabelledScript(JobScript(timeline=timeline), "test")], key)
    request = ImageV3("a fox", "1:1", None, hook)
    (job,) = engine.create(
        account(engine, key), CREATES["createbyprompt"], request, "http://files.test", engine.clock.now_ns()
    )
    return job


def ask(engine: Engine, method: str, path: str, query: str = "", body: bytes = b"", key: str = MINE) -> Response:
    headers = {"x-api-key": key, "content-type": "application/json"}
    return fakes.answer(engine, Request.build(method, path, query, headers, body))


def pass_ns(engine: Engine, ns: int) -> int:
    assert isinstance(engine.clock, VirtualClock)
    engine.clock.advance_to(engine.clock.now_ns() + ns)
    return engine.clock.now_ns()


def model(job: Job, polls: list[int], now_ns: int) -> Status:
    """The job's status, told by the model of a life, all of which begin at one instant."""
    return lived(job.timeline, [each - job.created_ns + BORN for each in polls], now_ns - job.created_ns + BORN)


STEPS: Final = st.one_of(
    st.tuples(st.just("make"), st.sampled_from([MINE, OTHER]), timelines(ALL_SPANS), st.integers(0, 3)),
    st.tuples(st.just("poll"), st.integers(0, 5)),
    st.tuples(st.just("pass"), NS),
)


@settings(max_examples=choose(75, 750))
@given(st.lists(STEPS, max_size=12), st.sampled_from([None, MINE, OTHER, "nobody"]), st.lists(NS, max_size=4))
def test_counts_agree_with_a_walk_over_all_jobs(
    steps: list[tuple[Any, ...]], key: str | None, later_ns: list[int]
) -> None:
    engine = engine_of(credits=10**6)
    jobs: list[tuple[Job, list[int]]] = []
    for step in steps:
        now_ns = engine.clock.now_ns()
        match step:
            case ("make", owner, timeline, polls):
                job = engine.count_polls(make(engine, timeline, owner).id, polls, now_ns)
                jobs.append((job, [now_ns] * polls))
            case ("poll", number) if number < len(jobs):
                job, polls = jobs[number]
                assert engine.poll(job.account, job.id, now_ns).status is model(job, polls, now_ns)
                polls.append(now_ns)
            case ("pass", ns):
                pass_ns(engine, ns)
    now_ns = engine.clock.now_ns()
    meant = [(job, polls) for job, polls in jobs if key in (None, job.account.api_key)]
    counted = Counter(model(job, polls, now_ns) for job, polls in meant)
    assert engine.count_by_status(now_ns, key) == {status: counted[status] for status in Status}

    idle_ns = engine.idle_ns(now_ns, key)
    known = [engine.job(job.id) or job for job, _ in meant]
    walked = [each.at_ns for job in known for each in changes(job.timeline, job.created_ns, job.polls)]
    assert idle_ns == max([now_ns, *walked])
    for after_ns in later_ns:
        assert [model(*each, idle_ns + after_ns) for each in meant] == [model(*each, idle_ns) for each in meant]


TWO_POLLS: Final = Timeline((Stage(Status.PROCESSING, Span(polls=2)),))


class TestDiverted:
    """A job can be completed, failed or stalled at an instant that need not be now."""

    @pytest.mark.parametrize(
        ("how", "status"),
        [
            (lambda engine, job_id, now_ns: engine.complete(job_id, now_ns), 3),
            (lambda engine, job_id, now_ns: engine.fail(job_id, failed("too dark"), now_ns), 4),
            (lambda engine, job_id, now_ns: engine.stall(job_id, now_ns), 2),
        ],
        ids=["complete", "fail", "stall"],
    )
    @pytest.mark.parametrize("at_s", [None, 3])
    def test_from_when_on_it_is_so(self, how: Any, status: int, at_s: int | None) -> None:
        engine = engine_of()
        job = make(engine, Timeline.of(2, 60))
        at_ns = pass_ns(engine, 4 * S) if at_s is None else job.created_ns + at_s * S
        changed = how(engine, job.id, None if at_s is None else at_ns)
        seen = [status_at(changed.timeline, job.created_ns, (), at) for at in (job.created_ns, at_ns - 1, at_ns)]
        assert seen == [1, 2, status]
        assert changed.timeline.is_ever_completed is (status == 3)
        assert engine.job(job.id) is changed

    def test_one_that_is_over_cannot_stall_and_one_that_is_unknown_cannot_be_changed(self) -> None:
        engine = engine_of()
        job = make(engine, Timeline.of(0, 0))
        with pytest.raises(MockAkoolError) as over:
            engine.stall(job.id)
        assert str(over.value) == "a finished job cannot be stalled. Stall it before its end"
        for change in (engine.complete, engine.stall, engine.delete, lambda job_id: engine.fail(job_id, failed())):
            with pytest.raises(MockAkoolError) as unknown:
                change("64dd")
            assert str(unknown.value) == "there is no job '64dd'. It was deleted, or the fake was reset"


class TestCountPolls:
    @pytest.mark.parametrize(("polls", "status"), [(0, 2), (1, 2), (2, 3), (3, 3)])
    def test_it_is_as_if_it_had_been_polled(self, polls: int, status: int) -> None:
        engine = engine_of()
        counted, polled = make(engine, TWO_POLLS), make(engine, TWO_POLLS)
        now_ns = engine.clock.now_ns()
        counted = engine.count_polls(counted.id, polls, now_ns)
        for _ in range(polls):
            engine.poll(polled.account, polled.id, now_ns)
        assert engine.job(counted.id) is counted
        for job in (counted, polled):
            assert engine.poll(job.account, job.id, now_ns).status == status

    @pytest.mark.parametrize("timeline", [TWO_POLLS, Timeline.of(1, 2)])
    def test_no_polls_change_nothing(self, timeline: Timeline) -> None:
        engine = engine_of()
        job = make(engine, timeline)
        assert engine.count_polls(job.id, 0, engine.clock.now_ns()) is job

    def test_a_job_that_counts_no_polls_stays_as_it_is(self) -> None:
        engine = engine_of()
        job = make(engine, Timeline.of(1, 2))
        assert engine.count_polls(job.id, 7, engine.clock.now_ns()) is job

    @pytest.mark.parametrize(("polls", "told"), [(1, [2]), (2, [2, 3])])
    def test_its_webhooks_report_the_status_that_it_has(self, polls: int, told: list[int]) -> None:
        engine = engine_of()
        engine.count_polls(make(engine, TWO_POLLS, hook=HOOK).id, polls, engine.clock.now_ns())
        assert statuses_reported(engine, pass_ns(engine, S)) == told


def statuses_reported(engine: Engine, now_ns: int) -> list[int]:
    """Let all that is due be delivered; returns the statuses."""
    told = []
    while taken := engine.outbox.take(now_ns):
        told += [int(each.delivery.status) for each in taken]
        for each in taken:
            engine.outbox.finish(each, AttemptResult(now_ns, now_ns, 200))
    return told


def seen_of(engine: Engine, key: str) -> dict[str, Any]:
    """What can be seen of an account."""
    now_ns, known = engine.clock.now_ns(), engine.accounts.known(key)
    jobs = [job for job in engine.jobs() if job.account.api_key == key]
    return {
        "account": known,
        "credits": known and engine.credits_of(known, now_ns),
        "spent": known and engine.accounts.spent_by(known),
        "jobs": jobs,
        "made": engine.jobs_made(key),
        "counts": engine.count_by_status(now_ns, key),
        "idle": engine.idle_ns(now_ns, key),
        "calls": [call for call in engine.call_log.calls() if call.headers["x-api-key"] == key],
        "callbacks": [each for each in engine.outbox.entries() if each.account == key],
        "files": [engine.job_of_file(f"/{job.stamp_ms}-1234.jpg") for job in jobs],
        "plans": runtime_of(engine).job_scripts_of(key),
    }


DEEDS: Final = st.lists(
    st.tuples(st.sampled_from([MINE, OTHER]), st.sampled_from(["create", "poll", "plan", "deliver", "pass"])),
    max_size=15,
)


def do(engine: Engine, key: str, deed: str) -> None:
    own = [job.id for job in engine.jobs() if job.account.api_key == key]
    match deed:
        case "create":
            ask(engine, "POST", CREATE, body=f'{{"prompt": "a fox", "webhookUrl": "{HOOK}"}}'.encode(), key=key)
        case "poll" if own:
            ask(engine, "GET", INFO, f"image_model_id={own[-1]}", key=key)
        case "plan":
            script = JobScript(timeline=Timeline.of(1, 1, failed("no", refund=True)))
            runtime_of(engine).add_job_scripts([LabelledScript(script, "test")], key)
        case "deliver":
            statuses_reported(engine, engine.clock.now_ns())
        case "pass":
            pass_ns(engine, S)


class TestResetAccount:
    @settings(max_examples=choose(40, 400))
    @given(DEEDS)
    def test_the_account_is_as_when_it_was_made_and_others_stay_as_they_are(self, deeds: list[tuple[str, str]]) -> None:
        engine = engine_of(concurrent_jobs=3, requests_per_second=4)
        account(engine, MINE), account(engine, OTHER)
        fresh = seen_of(engine, MINE)
        for key, deed in deeds:
            do(engine, key, deed)
        before = seen_of(engine, OTHER)
        engine.reset_account(MINE)
        assert seen_of(engine, MINE) == {**fresh, "idle": engine.clock.now_ns()}
        assert seen_of(engine, OTHER) == before
        # Nothing of what was comes back.
        pass_ns(engine, 10 * S)
        assert seen_of(engine, MINE) == {**fresh, "idle": engine.clock.now_ns()}
        taken = engine.outbox.take(engine.clock.now_ns())
        assert [each for each in taken if each.delivery.account == MINE] == []

    @settings(max_examples=choose(20, 250))
    @given(DEEDS)
    def test_its_next_job_is_its_first(self, deeds: list[tuple[str, str]]) -> None:
        engine, untouched = engine_of(), engine_of()
        for key, deed in deeds:
            do(engine, key, deed)
        engine.reset_account(MINE)
        pass_ns(untouched, engine.clock.now_ns() - BORN)
        job, first = make(engine), make(untouched)
        assert (job.id, job.number, job.cost, job.timeline) == (first.id, 1, first.cost, first.timeline)

    def test_limits_count_anew(self) -> None:
        engine = engine_of(concurrent_jobs=1, requests_per_second=1)
        now_ns = engine.clock.now_ns()
        for _ in range(2):
            engine.admit(account(engine, MINE), now_ns)
            make(engine)
            with pytest.raises(AkoolError):
                make(engine)
            with pytest.raises(AkoolError):
                engine.admit(account(engine, MINE), now_ns)
            engine.reset_account(MINE)

    def test_a_refund_that_was_due_is_not_paid(self) -> None:
        engine = engine_of(credits=10)
        make(engine, Timeline.of(1, 1, failed("no", refund=True)))
        engine.reset_account(MINE)
        assert engine.credits_of(account(engine, MINE), pass_ns(engine, 10 * S)) == 10

    def test_an_account_that_nobody_knows_stays_unknown(self) -> None:
        engine = engine_of()
        engine.reset_account(MINE)
        assert list(engine.accounts) == []


class TestDelete:
    def test_the_job_is_gone_and_what_it_cost_stays_paid(self) -> None:
        engine = engine_of()
        job = make(engine, Timeline.of(0, 1, failed("no", refund=True)), hook=HOOK)
        others = make(engine, hook=HOOK), make(engine, key=OTHER, hook=HOOK)
        pass_ns(engine, S // 2)
        statuses_reported(engine, engine.clock.now_ns())
        credits = engine.credits_of(job.account, engine.clock.now_ns())
        engine.delete(job.id)
        now_ns = pass_ns(engine, 60 * S)
        assert engine.job(job.id) is None
        assert engine.job_of_file(f"/{job.stamp_ms}-1234.jpg") is None
        assert engine.jobs() == others
        assert engine.credits_of(job.account, now_ns) == credits
        assert sum(engine.count_by_status(now_ns).values()) == 2
        statuses_reported(engine, now_ns)
        assert {each.job_id for each in engine.outbox.entries()} == {each.id for each in others}
        assert ask(engine, "GET", INFO, f"image_model_id={job.id}").code == 1008

    def test_nobody_waits_for_it_any_more(self) -> None:
        engine = engine_of()
        job = make(engine, Timeline((Stage(Status.PROCESSING, FOREVER),)), hook=HOOK)
        assert engine.is_awaited(engine.clock.now_ns())
        engine.delete(job.id)
        assert not engine.is_awaited(engine.clock.now_ns())

    def test_it_makes_room_where_jobs_are_limited_and_its_number_is_not_given_again(self) -> None:
        engine = engine_of(concurrent_jobs=1)
        job = make(engine)
        engine.delete(job.id)
        again = make(engine)
        assert (again.number, engine.jobs_made(MINE)) == (2, 2)
        assert again.id != job.id


def test_all_begins_at_the_instant_of_the_clock() -> None:
    engine = engine_of()
    make(engine, Timeline((Stage(Status.PROCESSING, FOREVER),)), hook=HOOK)
    engine.outbox.collect(BORN)
    (delivery,) = engine.outbox.entries()
    state = runtime_of(engine).state()
    begun = {
        delivery.start_ns,
        state.begun_ns,
        engine.call_log.start_ns,
        *(each.rules.begun_ns for each in state.scopes),
    }
    assert begun == {BORN}


def test_a_record_that_comes_again_is_logged_each_time() -> None:
    engine = engine_of()
    request = Request.build("GET", INFO, f"image_model_id={make(engine).id}", {"x-api-key": MINE})
    answers = [fakes.answer(engine, request) for _ in range(4)]
    assert engine.standing_polls.find(id(request)) is not None
    calls = engine.calls()
    assert [(each.number, each.time_ns, each.endpoint, each.request, each.response) for each in calls] == [
        (number, BORN, "infobymodelid", request, answer) for number, answer in enumerate(answers, 1)
    ]
    pass_ns(engine, 60 * 10**9)
    assert fakes.answer(engine, request).job_status is Status.COMPLETED
