"""`webhooks` as tests use it: filters, assertions and their messages; the fixtures; what a failing test is told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
import requests

from mock_akool import MockAkool, MockAkoolError, SteeredClock
from mock_akool.report import Evidence, explain
from mock_akool.server_view import LiveServer, ServerView
from tests.doors.clients import CREATE
from tests.webhooks.receivers import ACCOUNT, HOOK, SECRET, create, create_v4, fake, http_receiver, seconds


class TestAsASequence:
    def test_it_works_as_a_tuple_does(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        webhooks = mock.webhooks
        assert issubclass(type(webhooks), Sequence)
        assert issubclass(type(webhooks.deliveries), Sequence)
        assert len(webhooks) == webhooks.count == webhooks.deliveries.count == 2
        assert [each.status for each in webhooks] == [2, 3]
        assert webhooks[0] is webhooks.deliveries[0]
        assert webhooks[1:] == webhooks.with_status(3)
        assert webhooks.last is webhooks[-1]
        assert webhooks[0] in webhooks
        assert hash(webhooks[1:]) == hash(webhooks.with_status(3))
        assert webhooks.deliveries == tuple(webhooks)

    def test_filters(self) -> None:
        mock = MockAkool()
        one = create(mock, f"{HOOK}/1", key="a" * 32)
        two = create(mock, f"{HOOK}/2", key="b" * 32)
        mock.clock.advance(5)
        webhooks = mock.webhooks
        assert [each.job_id for each in webhooks.for_job(one)] == [one, one]
        assert [each.job_id for each in webhooks.to(f"{HOOK}/2")] == [two, two]
        assert [each.job_id for each in webhooks.by_account("b" * 32).with_status(3)] == [two]
        assert webhooks.in_state("delivered").count == 4
        assert webhooks.in_state("lost").count == 0
        webhooks.in_state("lost").assert_none()

    def test_a_job_is_named_in_any_way(self) -> None:
        mock = fake()
        data = create_v4(mock)
        mock.clock.advance(5)
        for name in (data, data["_id"], mock.jobs[0], mock.job(data["_id"])):
            assert mock.webhooks.for_job(name).count == 2
            assert mock.webhooks.assert_delivered(name).job_id == data["_id"]
        with pytest.raises(MockAkoolError, match=r"3 is no job\. Give its `_id`"):
            mock.webhooks.for_job(3)

    def test_instants_count_from_the_beginning(self) -> None:
        mock = fake()
        mock.clock.advance(100)
        mock.reset()
        create(mock)
        mock.clock.advance(60)
        assert [each.at for each in mock.webhooks] == [2, 5]

    def test_an_unknown_state_is_told(self) -> None:
        with pytest.raises(
            MockAkoolError, match=r"there is no state 'done' of a callback\. The states are waiting, del"
        ):
            fake().webhooks.in_state("done")

    def test_a_delivery_does_not_show_its_secret(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        assert SECRET not in repr(mock.webhooks) + repr(mock.webhooks[0])
        assert repr(mock.webhooks[0]).endswith(f"status=2 to {HOOK} account=nmwU… delivered>")


class TestMessages:
    def said(self, mock: MockAkool, job: str, status: int = 3) -> str:
        with pytest.raises(AssertionError) as error:
            mock.webhooks.assert_delivered(job, status)
        return str(error.value)

    def test_none_is_due_yet(self) -> None:
        mock = fake()
        job_id = create(mock)
        said = self.said(mock, job_id)
        assert said == (
            f"expected a callback of job {job_id}, status 3, to be delivered, but none is due yet; "
            f"has the clock moved far enough?"
        )

    def test_another_status_was_told(self) -> None:
        mock = fake(ending="failed")
        job_id = create(mock)
        mock.clock.advance(5)
        assert f"callback #2 of job {job_id}, status 4, to {HOOK}: delivered" in self.said(mock, job_id)

    def test_the_job_has_no_callback(self) -> None:
        mock = fake()
        job_id = create_v4(mock, "", webhookUrl=HOOK)["_id"]
        assert self.said(mock, job_id).endswith(
            "but the job was created without a callback URL (the field is `webhookurl` there)"
        )

    def test_there_is_no_such_job(self) -> None:
        mock = fake()
        job_id = create(mock)
        assert self.said(mock, "0" * 24).endswith(f"but there is no such job; the newest are: {job_id}")

    def test_the_receiver_refused(self) -> None:
        mock = fake(webhook_retries=1)
        mock.webhooks.deliver_to(lambda request: 401)
        job_id = create(mock)
        mock.run_until_idle()
        assert "status 3, to http://127.0.0.1:9/hook: given up after 2 tries: the receiver answered with HTTP 401" in (
            self.said(mock, job_id)
        )

    def test_counts(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        with pytest.raises(AssertionError, match=r"expected 1 callback of status 2 to http://x, got 0$"):
            mock.webhooks.with_status(2).to("http://x").assert_count(1)
        with pytest.raises(AssertionError, match=r"expected 0 callbacks, got 2:\n  callback #1 of job"):
            mock.webhooks.deliveries.assert_none()
        with pytest.raises(AssertionError, match=r"there is no callback of status 4$"):
            _ = mock.webhooks.with_status(4).last


class TestWaiting:
    def test_it_moves_a_virtual_clock_as_far_as_needed(self) -> None:
        mock = fake()
        job_id = create(mock)
        delivery = mock.webhooks.wait_for_delivery(job_id, status=3)
        assert delivery.status == 3
        assert seconds(mock, mock.clock.now_ns()) == 5

    def test_and_no_further_than_the_timeout(self) -> None:
        mock = fake()
        create(mock)
        with pytest.raises(AssertionError, match=r"no callback of status 3 was delivered within 4 s:\n  callback #1"):
            mock.webhooks.wait_for_delivery(status=3, timeout=4)
        assert seconds(mock, mock.clock.now_ns()) == 4

    def test_without_any_callback(self) -> None:
        with pytest.raises(AssertionError, match=r"no callback was delivered within 5 s; none was made"):
            fake().webhooks.wait_for_delivery()


class TestResending:
    def test_the_newest_by_default(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        again = mock.webhooks.resend()
        assert (again.number, again.copy_of, again.delivered) == (3, 2, True)
        assert again.body == mock.webhooks[1].body
        assert "callback #3 (again #2) of job" in repr(mock.webhooks)

    def test_one_that_was_given_up(self) -> None:
        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(lambda request: 500)
        create(mock)
        mock.run_until_idle()
        mock.webhooks.collect()
        assert mock.webhooks.resend(mock.webhooks[0]).delivered

    def test_what_was_never_sealed_cannot_be_sent(self) -> None:
        mock = MockAkool()
        create(mock, key="short")
        mock.clock.advance(5)
        with pytest.raises(MockAkoolError, match="callback #2 cannot be sent again: it is not sealed"):
            mock.webhooks.resend()


def test_python_calls_can_be_forbidden() -> None:
    mock = fake(scenario_sources="setting")
    with pytest.raises(MockAkoolError, match="scenario_sources does not name `python`"):
        mock.webhooks.fault(copies=2)


class TestServerView:
    """What the fixture `akool_server` gives."""

    @pytest.fixture
    def server(self) -> Iterator[ServerView]:
        with LiveServer({}) as live:
            yield ServerView(live.server.url, live)

    def submit(self, server: ServerView, url: str = HOOK, key: str = "") -> None:
        headers = {"x-api-key": key or server.api_key}
        requests.post(server.url + CREATE, json={"prompt": "a fox", "webhookUrl": url}, headers=headers)

    def test_it_sends_and_shows_what_is_this_tests_own(self, server: ServerView) -> None:
        with http_receiver(lambda got: 200) as receiver:
            self.submit(server, receiver.url)
            self.submit(server, receiver.url, SECRET)
            delivery = server.webhooks.wait_for_delivery(status=3)
            assert delivery.account == server.api_key
            assert {each.account for each in server.webhooks} == {server.api_key}

    def test_it_delivers_to_a_function_until_the_reset_after_the_test(self, server: ServerView) -> None:
        got: list[object] = []
        server.webhooks.deliver_to(got.append)
        self.submit(server)
        server.webhooks.wait_for_delivery(status=3)
        assert len(got) == 2

    def test_its_faults_befall_its_own_account(self, server: ServerView) -> None:
        server.webhooks.deliver_to(lambda request: 200)
        server.webhooks.fault(status=2, copies=3)
        self.submit(server)
        server.webhooks.wait_for_delivery(status=3)
        assert server.webhooks.with_status(2).count == 3


class TestReport:
    def told(self, mock: MockAkool) -> str:
        return explain(Evidence.of(mock.engine, mock.started_ns))

    def test_it_tells_what_became_of_the_callbacks(self) -> None:
        mock = fake(webhook_retries=1)
        mock.webhooks.deliver_to(lambda request: 200 if mock.clock.now_ns() < mock.started_ns + 5 * 10**9 else 401)
        create(mock)
        mock.run_until_idle()
        told = self.told(mock)
        assert "    callback of status 2 at +2.0 s: delivered\n" in told
        assert (
            "    callback of status 3 at +5.0 s: given up after 2 tries: the receiver answered with HTTP 401\n" in told
        )
        assert "hint: the callback of job" in told

    def test_a_key_that_cannot_encrypt_is_a_hint(self) -> None:
        mock = MockAkool()
        create(mock, key="my-key")
        mock.run_until_idle()
        assert "hint: no callback of job" in self.told(mock)
        assert "AES takes 16, 24 or 32" in self.told(mock)


def test_an_account_that_collects_on_a_clock_that_runs_needs_nobody() -> None:
    mock = MockAkool(clock=SteeredClock(), accounts=[ACCOUNT])
    mock.webhooks.of_account(SECRET).collect()
    create(mock)
    mock.clock.advance(5)
    assert mock.webhooks.in_state("delivered").count == 2


def test_waiting_ends_also_when_a_server_s_clock_is_frozen() -> None:
    clock = SteeredClock()
    mock = MockAkool(clock=clock, accounts=[ACCOUNT])
    create(mock)
    clock.freeze()
    began = time.monotonic()
    with pytest.raises(
        AssertionError, match=r"no callback of status 3 was delivered within 0\.05 s, while the clock st"
    ):
        mock.webhooks.wait_for_delivery(status=3, timeout=0.05)
    assert time.monotonic() - began < 5
