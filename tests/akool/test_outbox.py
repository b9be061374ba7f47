"""The outbox where there is much: it works in pieces, and forgets jobs without a trace."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool import Request, VirtualClock
from mock_akool.akool import engine as engine_module
from mock_akool.akool import outbox as outbox_module
from mock_akool.akool.accounts import Accounts
from mock_akool.akool.deliveries import AttemptResult, filled, filled_pieces, filled_size
from mock_akool.akool.engine import Engine
from tests.akool import fakes

MINE: Final = "m" * 32
OTHER: Final = "o" * 32
CREATE: Final = "/api/open/v3/content/image/createbyprompt"
BODY: Final = b'{"prompt": "a fox", "webhookUrl": "http://127.0.0.1:9/hook"}'
LATER_NS: Final = 60 * 10**9


def engine_of(**options: Any) -> Engine:
    return fakes.engine_of(VirtualClock(1_700_000_000 * 10**9), credits=10**6, **options)


def create(engine: Engine, key: str = MINE) -> str:
    headers = {"x-api-key": key, "content-type": "application/json"}
    job_id = fakes.answer(engine, Request.build("POST", CREATE, headers=headers, body=BODY)).job_id
    assert job_id is not None
    return job_id


def pass_ns(engine: Engine, ns: int) -> int:
    assert isinstance(engine.clock, VirtualClock)
    engine.clock.advance_to(engine.clock.now_ns() + ns)
    return engine.clock.now_ns()


def collected(engine: Engine, now_ns: int) -> list[tuple[str, int]]:
    """Collect all that is due; returns the jobs and the statuses of the deliveries."""
    while engine.outbox.collect(now_ns):
        pass
    return [(each.job_id, int(each.status)) for each in engine.outbox.entries() if each.delivered]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_PIECE", 2)
    monkeypatch.setattr(outbox_module, "_MOST_STEPS", 3)
    monkeypatch.setattr(outbox_module, "_MOST_STALE", 4)


@pytest.mark.usefixtures("small_pieces")
class TestPieces:
    def test_all_that_is_due_is_taken_once(self) -> None:
        engine = engine_of()
        jobs = [create(engine) for _ in range(10)]
        now_ns = pass_ns(engine, LATER_NS)
        taken = engine.outbox.take(now_ns)
        assert [(each.delivery.job_id, int(each.delivery.status)) for each in taken] == [(job, 2) for job in jobs]
        for each in taken:
            engine.outbox.finish(each, AttemptResult(now_ns, now_ns, 200))
        assert [each.delivery.job_id for each in engine.outbox.take(now_ns)] == jobs

    def test_no_more_are_taken_than_were_asked_for(self) -> None:
        engine = engine_of()
        jobs = [create(engine) for _ in range(10)]
        now_ns = pass_ns(engine, LATER_NS)
        assert [each.delivery.job_id for each in engine.outbox.take(now_ns, 4)] == jobs[:4]
        assert [each.delivery.job_id for each in engine.outbox.take(now_ns)] == jobs[4:]

    def test_all_that_is_due_is_collected_in_order(self) -> None:
        engine = engine_of()
        jobs = [create(engine) for _ in range(10)]
        got = collected(engine, pass_ns(engine, LATER_NS))
        assert [job for job, status in got if status == 2] == jobs
        assert [job for job, status in got if status == 3] == jobs

    @pytest.mark.parametrize("count", [1, 2, 3, 10])
    @pytest.mark.parametrize("delivered", [False, True])
    def test_an_account_is_forgotten_wholly(self, count: int, delivered: bool) -> None:
        engine = engine_of()
        others = [create(engine, OTHER) for _ in range(2)]
        for _ in range(count):
            create(engine)
        if delivered:
            collected(engine, pass_ns(engine, LATER_NS))
        engine.reset_account(MINE)
        assert [job.id for job in engine.jobs()] == others
        assert engine.jobs_made(MINE) == 0
        assert {job for job, _ in collected(engine, pass_ns(engine, LATER_NS))} == set(others)
        assert {each.account for each in engine.outbox.entries()} == {OTHER}
        assert {call.account for call in engine.calls()} == {OTHER}

    def test_little_is_kept_of_jobs_that_are_forgotten_one_by_one(self) -> None:
        engine = engine_of()
        for _ in range(50):
            create(engine)
        last = create(engine)
        for job in engine.jobs():
            # The newest first: what is due first stays, and nothing falls away because it is due.
            if job.id != last:
                engine.delete(job.id)
        assert len(engine.outbox._heap) <= 10
        assert collected(engine, pass_ns(engine, LATER_NS)) == [(last, 2), (last, 3)]


class TestForgotten:
    def test_a_job_with_the_id_of_one_that_was_forgotten_has_its_own_webhooks(self) -> None:
        """Ids are drawn by account and number: after a reset the same ones come again."""
        engine = engine_of()
        other = create(engine, OTHER)  # is due earlier, so that what was forgotten stays in the heap
        pass_ns(engine, 1)
        first = create(engine)
        engine.reset_account(MINE)
        assert create(engine) == first
        got = collected(engine, pass_ns(engine, LATER_NS))
        assert [status for job, status in got if job == first] == [2, 3]
        assert [status for job, status in got if job == other] == [2, 3]

    def test_webhooks_that_were_sent_again_are_forgotten_too(self) -> None:
        engine = engine_of()
        create(engine)
        now_ns = pass_ns(engine, LATER_NS)
        collected(engine, now_ns)
        assert engine.outbox.resend(1, now_ns) is not None
        assert engine.outbox.next_ns == now_ns
        engine.reset_account(MINE)
        assert [engine.outbox.next_ns, *engine.outbox.entries(), *engine.outbox.missed] == [None]
        assert engine.outbox._log._bytes == 0

    def test_the_next_of_an_account_is_known_although_jobs_are_forgotten(self) -> None:
        engine = engine_of()
        gone = create(engine, OTHER)
        kept = create(engine)
        pass_ns(engine, 1)
        engine.delete(gone)
        own = engine.outbox.next_ns_of(MINE)
        assert own is not None
        assert engine.outbox.next_ns_of(OTHER) is None
        assert engine.outbox.owed(own) == {MINE}
        assert engine.job(kept) is not None


def test_whatever_changes_the_kept_deliveries_changes_the_edition() -> None:
    """Who waits for webhooks looks at nothing else."""
    engine = engine_of()
    outbox = engine.outbox
    seen = [outbox.edition]

    def changed() -> bool:
        seen.append(outbox.edition)
        return seen[-1] not in seen[:-1]

    job_id = create(engine)
    assert not changed()
    now_ns = pass_ns(engine, LATER_NS)
    (attempt,) = outbox.take(now_ns)
    assert changed()
    outbox.finish(attempt, AttemptResult(now_ns, now_ns, 500))
    assert changed()
    outbox.resend(1, now_ns)
    assert changed()
    engine.delete(job_id)
    assert changed()
    assert list(outbox.entries()) == []
    create(engine)
    outbox.take(pass_ns(engine, LATER_NS))
    assert changed()
    outbox.abandon()
    assert changed()
    engine.reset()
    assert changed()


def test_accounts_that_go_while_they_are_listed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of()
    create(engine), create(engine, OTHER)
    usual = Accounts.listed

    def listed(self: Accounts, *args: Any) -> Any:
        found = usual(self, *args)
        self.remove(OTHER)
        return found

    monkeypatch.setattr(Accounts, "listed", listed)
    now_ns = engine.clock.now_ns()
    assert [each.account.api_key for each in engine.account_summaries(now_ns)] == [MINE]


@given(st.binary(min_size=2, max_size=30), st.integers(0, 60), st.integers(1, 40))
def test_a_body_with_filler_is_made_in_pieces(body: bytes, count: int, size: int) -> None:
    whole = body[:-1] + b',"extra":"' + b"x" * count + b'"}' if count else body
    assert filled(body, count) == whole
    assert filled_size(body, count) == len(whole)
    pieces = list(filled_pieces(body, count, size))
    assert b"".join(pieces) == whole
    assert {len(each) for each in pieces[:-1]} <= {size}


AT_ONCE: Final[dict[str, Any]] = {"queueing": 0, "processing": 0, "webhook_processing": False}


class TestAttempts:
    """What an attempt leaves behind, and what is owed meanwhile."""

    def test_one_that_failed_is_made_again_later_and_later(self) -> None:
        engine = engine_of(webhook_retries=2, webhook_retry_delay="10s", **AT_ONCE)
        outbox, job_id, at_ns = engine.outbox, create(engine), engine.clock.now_ns()
        for number, (wait_s, state) in enumerate([(10, "waiting"), (20, "waiting"), (None, "given up")], 1):
            (attempt,) = outbox.take(at_ns)
            assert outbox.take(at_ns) == []
            assert (outbox.is_sending, outbox.is_sending_for(MINE), outbox.is_sending_for(OTHER)) == (True, True, False)
            result = AttemptResult(at_ns, at_ns + 500, 503)
            delivery = outbox.finish(attempt, result)
            assert delivery is not None
            assert delivery is outbox.entry(delivery.number) is outbox.entries()[-1]
            next_ns = None if wait_s is None else at_ns + 500 + wait_s * 10**9
            assert (delivery.state.value, delivery.next_ns, len(delivery.attempts)) == (state, next_ns, number)
            assert delivery.attempts[-1] == result
            assert outbox.next_ns_of(MINE) == outbox.next_ns_of(None) == outbox.next_ns == next_ns
            assert outbox.next_ns_of(OTHER) is None
            assert not outbox.is_sending_for(MINE)
            if next_ns is not None:
                assert (outbox.owed(next_ns - 1), outbox.owed(next_ns)) == (set(), {MINE})
                assert outbox.take(next_ns - 1) == []
                at_ns = next_ns
        assert outbox.owed(at_ns * 2) == set()
        assert outbox.missed == {job_id}

    @pytest.mark.parametrize(
        ("status", "is_final", "state"), [(200, False, "delivered"), (200, True, "delivered"), (503, True, "refused")]
    )
    def test_one_that_is_the_last(self, status: int, is_final: bool, state: str) -> None:
        engine = engine_of(webhook_retries=5, **AT_ONCE)
        create(engine)
        now_ns = engine.clock.now_ns()
        (attempt,) = engine.outbox.take(now_ns)
        delivery = engine.outbox.finish(attempt, AttemptResult(now_ns, now_ns, status), is_final=is_final)
        assert delivery is not None
        assert (delivery.state.value, delivery.next_ns) == (state, None)
        assert engine.outbox.next_ns is None
        assert engine.outbox.finish(attempt, AttemptResult(now_ns, now_ns, status)) is None, "it is over"

    def test_what_is_under_way_is_dropped_with_what_waits(self) -> None:
        engine = engine_of(webhook_retry_delay="10s", **AT_ONCE)
        jobs, now_ns = [create(engine) for _ in range(3)], engine.clock.now_ns()
        first, second, _ = engine.outbox.take(now_ns)
        engine.outbox.finish(first, AttemptResult(now_ns, now_ns, 500))
        engine.outbox.finish(second, AttemptResult(now_ns, now_ns, 200))
        dropped = engine.outbox.abandon()
        assert [each.job_id for each in dropped] == [jobs[0], jobs[2]]
        assert {(each.state.value, each.next_ns, each.why) for each in dropped} == {
            ("dropped", None, "the fake was stopped")
        }
        assert [each.state.value for each in engine.outbox.entries()] == ["dropped", "delivered", "dropped"]
        assert (engine.outbox.next_ns, engine.outbox.is_sending) == (None, False)
        assert engine.outbox.abandon() == []

    def test_what_is_under_way_at_a_reset_is_called_off_and_not_taken_for_what_comes_after(self) -> None:
        engine = engine_of(**AT_ONCE)
        create(engine)
        now_ns = engine.clock.now_ns()
        (old,) = engine.outbox.take(now_ns)
        engine.reset()
        assert (engine.outbox.next_ns, engine.outbox.is_sending) == (None, False)
        with pytest.raises(ConnectionAbortedError), old.cancel_token.permission():
            pass
        create(engine)
        (new,) = engine.outbox.take(now_ns)
        assert (new.delivery.job_id, new.delivery.number) == (old.delivery.job_id, old.delivery.number)
        assert engine.outbox.finish(old, AttemptResult(now_ns, now_ns, 200)) is None
        assert [each.state.value for each in engine.outbox.entries()] == ["waiting"]
        with new.cancel_token.permission():
            pass

    def test_one_is_sent_again_as_one_of_its_own(self) -> None:
        engine = engine_of(**AT_ONCE)
        create(engine)
        first_ns = engine.clock.now_ns()
        (attempt,) = engine.outbox.take(first_ns)
        first = engine.outbox.finish(attempt, AttemptResult(first_ns, first_ns, 200))
        assert first is not None
        later_ns = pass_ns(engine, LATER_NS)
        again = engine.outbox.resend(first.number, later_ns)
        assert again is not None
        assert (again.number, again.copy_of, again.attempts, again.why) == (2, 1, (), "")
        assert (again.state.value, again.due_ns, engine.outbox.next_ns) == ("waiting", later_ns, later_ns)
        assert (again.payload, again.body_start) == (first.payload, first.body_start)
        assert [each.delivery.number for each in engine.outbox.take(later_ns)] == [2]
        assert engine.outbox.resend(99, later_ns) is None
        assert engine.outbox.entry(1) == first
        assert engine.outbox.entry(99) is None
        assert engine.outbox.count == 2


@pytest.mark.parametrize("shift", [{}, {"webhook_before_status": "1s"}, {"webhook_after_status": "1s"}], ids=str)
def test_when_each_change_is_sent(shift: dict[str, str]) -> None:
    engine = engine_of(queueing=5, processing=7, webhook_processing=True, **shift)
    start_ns = engine.clock.now_ns()
    create(engine)
    after_s = -1 if "webhook_before_status" in shift else len(shift)
    assert engine.outbox.next_ns == start_ns + (5 + after_s) * 10**9
    collected(engine, pass_ns(engine, LATER_NS))
    due = [((each.due_ns - start_ns) / 10**9, int(each.status)) for each in engine.outbox.entries()]
    assert due == [(5 + after_s, 2), (12 + after_s, 3)]
