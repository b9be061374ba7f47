"""`webhooks` as tests use it: filters, assertions and their messages; the fixtures; what a failing test is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from inspect import signature
from typing import Any

import pytest
import requests

from mock_akool import MockAkool, MockAkoolError, SteeredClock
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import explain
from mock_akool.mock.account_view import AccountView
from mock_akool.mock.local_webhooks import LocalWebhooks
from mock_akool.mock.remote import admin_client
from mock_akool.mock.remote import webhooks as remote_webhooks
from mock_akool.mock.remote.webhooks import RemoteWebhooks
from mock_akool.mock.webhooks import Webhooks
from mock_akool.pytest_plugin.servers import LiveServer
from mock_akool.server.access_log import JsonStyle, TextStyle
from tests.mock.clients import CREATE
from tests.waiting import PATIENCE_S
from tests.webhooks.receivers import ACCOUNT, HOOK, SECRET, create, create_v4, fake, http_receiver, seconds

OTHER = "o" * 32
View = Callable[[MockAkool], Webhooks]
"""Returns the webhooks of a fake as a test sees them."""


@pytest.fixture(params=["local", "remote"])
def view(request: pytest.FixtureRequest) -> Iterator[View]:
    """In the process of the fake, and over the admin API of a live server."""
    seen: dict[MockAkool, Webhooks] = {}
    with ExitStack() as servers:

        def remote(mock: MockAkool) -> Webhooks:
            if mock not in seen:
                seen[mock] = MockAkool.connect(servers.enter_context(mock.server()).url).webhooks
            return seen[mock]

        yield remote if request.param == "remote" else lambda mock: mock.webhooks


class TestCollected:
    """Where nobody listens, a webhook counts as delivered, and it can be seen that nothing was sent."""

    def test_it_says_that_nothing_was_sent(self, view: View) -> None:
        mock = fake()
        webhooks = view(mock)
        create(mock)
        mock.clock.advance(5)
        for each in webhooks:
            assert (each.state, each.collected, each.answer) == ("delivered", True, 200)
            assert [attempt.collected for attempt in each.attempts] == [True]
            assert " delivered (only collected)>" in repr(each)

    def test_what_a_receiver_took_was_sent(self, view: View) -> None:
        mock = fake()
        webhooks = view(mock)
        mock.webhooks.deliver_to(lambda request: 200)
        create(mock)
        mock.clock.advance(5)
        assert [(each.state, each.collected) for each in webhooks] == [("delivered", False)] * 2
        assert "only collected" not in repr(webhooks[0])

    def test_on_a_clock_that_runs(self) -> None:
        mock = fake(clock=SteeredClock(), queueing=0, processing="1ms")
        create(mock)
        assert [each.collected for each in (mock.webhooks.wait_for_delivery(), mock.webhooks.last)] == [True, True]

    def test_of_one_account_while_those_of_others_are_sent(self) -> None:
        mock = fake(clock=SteeredClock(), queueing=0, processing="1ms", webhook_processing=False)
        with http_receiver() as receiver, mock.server():
            mock.webhooks.send_over_http()
            mock.webhooks.of_account(OTHER).collect()
            create(mock, receiver.url)
            create(mock, receiver.url, key=OTHER)
            found = [mock.webhooks.wait_for_delivery(job) for job in mock.jobs]
            assert [(each.account == OTHER, each.collected) for each in found] == [(False, False), (True, True)]

    def test_the_log_says_so_too(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        delivery = mock.webhooks.last
        assert "/hook -> (nothing sent, only collected)  job " in TextStyle().webhook(0, delivery)
        assert json.loads(JsonStyle().webhook(0, delivery))["collected"] is True

    def test_the_report_and_the_list_say_so_too(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        assert "webhook of status 3 completed at +5.0 s: delivered (only collected)" in explain(
            Observations.of(mock.engine)
        )
        assert repr(mock.webhooks.with_status(3)).endswith(": delivered (only collected)>")

    def test_a_delivery_without_an_attempt_is_not_collected(self) -> None:
        mock = fake()
        create(mock, key="short")
        mock.clock.advance(5)
        assert (mock.webhooks.last.state, mock.webhooks.last.collected) == ("not encrypted", False)


class TestAsASequence:
    def test_it_works_as_a_tuple_does(self, view: View) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        webhooks = view(mock)
        assert issubclass(type(webhooks), Sequence)
        assert issubclass(type(webhooks.deliveries), Sequence)
        assert len(webhooks) == webhooks.count == webhooks.deliveries.count == 2
        assert [each.status for each in webhooks] == [2, 3]
        assert webhooks[0] == webhooks.deliveries[0]
        assert webhooks[1:] == webhooks.with_status(3)
        assert webhooks.last == webhooks[-1]
        assert webhooks[0] in webhooks
        assert hash(webhooks[1:]) == hash(webhooks.with_status(3))
        assert webhooks.deliveries == tuple(webhooks)

    def test_filters(self, view: View) -> None:
        mock = MockAkool()
        one = create(mock, f"{HOOK}/1", key="a" * 32)
        two = create(mock, f"{HOOK}/2", key="b" * 32)
        mock.clock.advance(5)
        webhooks = view(mock)
        assert [each.job_id for each in webhooks.for_job(one)] == [one, one]
        assert [each.job_id for each in webhooks.to(f"{HOOK}/2")] == [two, two]
        assert [each.job_id for each in webhooks.by_account("b" * 32).with_status(3)] == [two]
        assert webhooks.in_state("delivered").count == 4
        assert webhooks.in_state("lost").count == 0
        webhooks.in_state("lost").assert_none()

    def test_a_job_is_named_in_any_way(self, view: View) -> None:
        mock = fake()
        data = create_v4(mock)
        mock.clock.advance(5)
        for name in (data, data["_id"], mock.jobs[0], mock.job(data["_id"])):
            assert view(mock).for_job(name).count == 2
            assert view(mock).assert_delivered(name).job_id == data["_id"]
        with pytest.raises(MockAkoolError, match=r"3 is no job\. Give its `_id`"):
            view(mock).for_job(3)

    def test_instants_count_from_the_beginning(self, view: View) -> None:
        mock = fake()
        mock.clock.advance(100)
        mock.reset()
        create(mock)
        mock.clock.advance(60)
        assert [each.at for each in view(mock)] == [2, 5]

    def test_an_unknown_state_is_reported(self, view: View) -> None:
        with pytest.raises(
            MockAkoolError, match=r"there is no state 'done' of a delivery\. The states are waiting, del"
        ):
            view(fake()).in_state("done")

    def test_a_delivery_does_not_show_its_secret(self, view: View) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        assert SECRET not in repr(view(mock)) + repr(view(mock)[0])
        assert repr(view(mock)[0]).endswith(f"status=processing to {HOOK} account=nmwU… delivered (only collected)>")


class TestMessages:
    def said(self, webhooks: Webhooks, job: str, status: int = 3) -> str:
        with pytest.raises(AssertionError) as error:
            webhooks.assert_delivered(job, status)
        return str(error.value)

    def test_none_is_due_yet(self, view: View) -> None:
        mock = fake()
        job_id = create(mock)
        said = self.said(view(mock), job_id)
        assert said == (
            f"expected a webhook of job {job_id}, status completed, to be delivered, but none is due yet; "
            f"has the clock moved far enough?"
        )

    def test_another_status_was_reported(self, view: View) -> None:
        mock = fake(ending="failed")
        job_id = create(mock)
        mock.clock.advance(5)
        assert f"delivery #2 of job {job_id}, status 4, to {HOOK}: delivered" in self.said(view(mock), job_id)

    def test_the_job_has_no_webhook(self, view: View) -> None:
        mock = fake()
        job_id = create_v4(mock, "", webhookUrl=HOOK)["_id"]
        assert self.said(view(mock), job_id).endswith(
            "but the job was created without a webhook URL (the field is `webhookurl` there)"
        )

    def test_there_is_no_such_job(self, view: View) -> None:
        mock = fake()
        job_id = create(mock)
        assert self.said(view(mock), "0" * 24).endswith(f"but there is no such job; the newest are: {job_id}")

    def test_a_job_of_another_account_is_none(self, view: View) -> None:
        mock = fake()
        job_id, other_id = create(mock), create(mock, key=OTHER)
        assert self.said(view(mock).of_account(OTHER), job_id).endswith(f"no such job; the newest are: {other_id}")

    def test_the_receiver_refused(self, view: View) -> None:
        mock = fake(webhook_retries=1)
        mock.webhooks.deliver_to(lambda request: 401)
        job_id = create(mock)
        mock.run_until_idle()
        expected = "status 3, to http://127.0.0.1:9/hook: given up after 2 attempts: POST /hook answered 401"
        assert expected in self.said(view(mock), job_id)

    def test_counts(self, view: View) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        with pytest.raises(
            AssertionError, match=r"expected 1 delivery of status processing to http://x, got 0; there is 1 "
        ):
            view(mock).with_status(2).to("http://x").assert_count(1)
        with pytest.raises(AssertionError, match=r"expected 0 deliveries, got 2:\n  delivery #1 of job"):
            view(mock).deliveries.assert_none()
        with pytest.raises(AssertionError, match=r"there is no delivery of status failed; there are 2 deliveries:\n"):
            _ = view(mock).with_status(4).last


class TestWaiting:
    def test_it_moves_a_virtual_clock_as_far_as_needed(self, view: View) -> None:
        mock = fake()
        job_id = create(mock)
        delivery = view(mock).wait_for_delivery(job_id, status=3)
        assert delivery.status == 3
        assert seconds(mock, mock.clock.now_ns()) == 5

    def test_and_no_further_than_the_timeout(self, view: View) -> None:
        mock = fake()
        create(mock)
        with pytest.raises(
            AssertionError, match=r"no webhook of status completed was delivered within 4 s:\n  delivery #1"
        ):
            view(mock).wait_for_delivery(status=3, timeout=4)
        assert seconds(mock, mock.clock.now_ns()) == 4

    def test_without_any_webhook(self, view: View) -> None:
        with pytest.raises(AssertionError, match=r"no webhook was delivered within 5 s; none was made"):
            view(fake()).wait_for_delivery()

    def test_what_is_under_way_needs_no_time(self, view: View) -> None:
        mock = fake(queueing=0, processing=0)
        with mock.server(), http_receiver() as receiver:
            view(mock).send_over_http()
            job_id = create(mock, receiver.url)
            assert view(mock).wait_for_delivery(job_id, status=3, timeout=9).answer == 200
            assert seconds(mock, mock.clock.now_ns()) == 0

    def test_in_real_time(self, view: View) -> None:
        mock = fake(clock=SteeredClock(), queueing="10ms", processing="10ms")
        job_id = create(mock)
        assert view(mock).of_account(SECRET).wait_for_delivery(job_id, 3, timeout=PATIENCE_S).number == 2
        with pytest.raises(
            AssertionError, match=r"no webhook of status failed was delivered within 0\.01 s:\n  delivery #1"
        ):
            view(mock).wait_for_delivery(status=4, timeout=0.01)

    def test_it_ends_also_when_a_server_s_clock_is_frozen(self, view: View) -> None:
        clock = SteeredClock()
        mock = fake(clock=clock)
        job_id = create(mock)
        clock.freeze()
        with pytest.raises(AssertionError) as error:
            view(mock).wait_for_delivery(status=3, timeout=0.05)
        assert str(error.value) == (
            "no webhook of status completed was delivered within 0.05 s, while the clock stands still, which "
            "`clock.advance(…)` moves and `clock.resume()` lets run; none was made"
        )
        mock.clock.advance(5)
        assert view(mock).wait_for_delivery(job_id, status=3, timeout=PATIENCE_S).delivered

    @pytest.mark.parametrize("timeout", [-1, float("inf"), float("nan"), True, "5"])
    def test_what_is_no_timeout_is_reported(self, timeout: Any, view: View) -> None:
        with pytest.raises(MockAkoolError, match=r"timeout=.* is no time to wait\. Give a finite number of seconds"):
            view(fake()).wait_for_delivery(timeout=timeout)

    def test_a_status_that_nothing_tells_of(self, view: View) -> None:
        with pytest.raises(MockAkoolError, match="status: webhooks do not report queueing"):
            view(fake()).wait_for_delivery(status=1)


class TestResending:
    def test_the_newest_by_default(self, view: View) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        again = view(mock).resend()
        assert (again.number, again.copy_of, again.delivered) == (3, 2, True)
        assert again.body == view(mock)[1].body
        assert "delivery #3 (again #2) of job" in repr(view(mock))

    def test_one_that_was_given_up(self, view: View) -> None:
        mock = fake(webhook_retries=0)
        mock.webhooks.deliver_to(lambda request: 500)
        create(mock)
        mock.run_until_idle()
        view(mock).collect()
        assert view(mock).resend(view(mock)[0]).delivered

    def test_what_was_never_sealed_cannot_be_sent(self, view: View) -> None:
        mock = MockAkool()
        create(mock, key="short")
        mock.clock.advance(5)
        with pytest.raises(MockAkoolError, match="delivery #2 cannot be sent again: it is not encrypted"):
            view(mock).resend()


class TestFaults:
    def test_those_of_an_account_a_status_and_a_job(self, view: View) -> None:
        mock = fake()
        jobs = [create(mock, key=key) for key in (SECRET, OTHER, OTHER)]
        mine = view(mock).of_account(OTHER)
        mine.fault(status=3, copies=3)
        mine.fault(status=3, api_key=SECRET, envelope="plain JSON")
        view(mock).fault(api_key=SECRET, status=2, times=None, age="5m", claim_id="unknown")
        view(mock).fault(job=jobs[2], times=None, delay=1.5)
        mock.run_until_idle()
        told = [[(each.status, str(each.fault)) for each in view(mock).for_job(job)] for job in jobs]
        assert told == [
            [(2, "age='5m', claim_id='unknown'"), (3, "None")],
            [(2, "None"), *[(3, "copies=3")] * 3],
            [(2, "delay='1500ms'"), (3, "envelope='plain JSON'")],
        ]

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ({"copie": 2}, "copie: there is no such argument; did you mean 'copies'?"),
            ({"copies": -1}, "copies: -1 is not a whole number from 0 to 100"),
            ({"times": 0}, "times: 0 is not a whole number"),
            ({"status": 1}, "status: webhooks do not report queueing; use processing, completed or failed"),
            ({"status": "done"}, "status: 'done' is not a status"),
            ({"job": 3}, "3 is no job. Give its `_id`"),
        ],
    )
    def test_a_mistake_is_reported_and_changes_nothing(self, fault: dict[str, Any], said: str, view: View) -> None:
        mock = fake()
        with pytest.raises(MockAkoolError) as error:
            view(mock).fault(**fault)
        assert said in str(error.value)
        create(mock)
        mock.run_until_idle()
        assert [each.fault for each in view(mock)] == [None, None]

    def test_they_can_be_forbidden(self, view: View) -> None:
        mock = fake(scenario_sources="setting")
        with pytest.raises(MockAkoolError, match=r"scenario_sources does not name `(python|admin)`"):
            view(mock).fault(copies=2)


class TestSending:
    def test_over_http_for_an_account(self, view: View) -> None:
        mock = fake()
        with http_receiver() as receiver:
            view(mock).of_account(SECRET).send_over_http()
            for key in (SECRET, OTHER):
                create(mock, receiver.url, key=key)
            mock.clock.advance(5)
            assert [each["status"] for each in receiver.payloads] == [2, 3]
            assert view(mock).in_state("delivered").count == 4
            view(mock).of_account(SECRET).collect()
            create(mock, receiver.url)
            mock.clock.advance(5)
            assert len(receiver.got) == 2

    def test_a_reset_forgets_what_was_chosen_for_an_account_but_not_for_all(self, view: View) -> None:
        mock = fake(webhook_processing=False)
        with http_receiver() as receiver:
            view(mock).send_over_http()
            view(mock).of_account(SECRET).collect()
            create(mock, receiver.url)
            mock.clock.advance(5)
            assert (view(mock).last.collected, receiver.got) == (True, [])
            mock.reset()
            create(mock, receiver.url)
            mock.clock.advance(5)
            assert (view(mock).last.collected, len(receiver.got)) == (False, 1)

    def test_over_http_on_a_clock_that_runs(self, view: View) -> None:
        mock = fake(clock=SteeredClock(), queueing=0, processing="20ms")
        with http_receiver() as receiver, mock.server():
            view(mock).send_over_http()
            job_id = create(mock, receiver.url)
            assert view(mock).wait_for_delivery(job_id, status=3, timeout=PATIENCE_S).answer == 200
            assert [each["status"] for each in receiver.payloads] == [2, 3]


class TestRecords:
    def test_nothing_is_lost_on_the_way(self, view: View) -> None:
        mock = fake(webhook_retries=1)
        answers = iter((500, 200, "no status"))
        mock.webhooks.deliver_to(lambda request: next(answers, 404))
        for fault in ({"copies": 0}, {"copies": 2, "envelope": "plain JSON", "slow": "1s"}, {"extra_bytes": 9}):
            mock.webhooks.fault(status=3, **fault)
            create(mock, prompt="ein Füchslein")
        create(mock, key="short")
        mock.run_until_idle()
        create(mock)
        mock.clock.advance(2)
        mock.webhooks.send_over_http()
        create(mock, "http://192.0.2.1/hook")
        mock.clock.advance(3)
        states = {"delivered", "given up", "not encrypted", "lost", "refused", "waiting"}
        assert {str(each.state) for each in mock.webhooks} == states
        for told, kept in zip(view(mock), mock.webhooks, strict=True):
            assert told == kept
            assert (told.at, told.error, repr(told)) == (kept.at, kept.error, repr(kept))

    def test_pages(self, view: View, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin_client, "_PAGE", 2)
        mock = fake()
        for _ in range(2):
            create(mock)
        mock.clock.advance(5)
        assert [each.number for each in view(mock)] == [1, 2, 3, 4]


class TestRemote:
    def test_it_has_the_methods_of_webhooks(self) -> None:
        for name in dir(Webhooks):
            if not name.startswith("_"):
                here, there = getattr(Webhooks, name), getattr(RemoteWebhooks, name)
                if callable(here):
                    assert signature(here).parameters == signature(there).parameters, name
        assert _public(LocalWebhooks) == _public(RemoteWebhooks) == _public(Webhooks)

    def test_a_function_of_this_process_cannot_be_called(self) -> None:
        with MockAkool().server() as server:
            webhooks = MockAkool.connect(server.url).webhooks
            with pytest.raises(MockAkoolError, match=r"runs in another process and cannot call .*or `collect\(\)` and"):
                webhooks.deliver_to(lambda request: 200)

    def test_it_waits_longer_than_a_single_call_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remote_webhooks, "LONGEST_S", 0.02)
        clock = SteeredClock()
        mock = fake(clock=clock, queueing=0, processing="0.1s")
        with mock.server() as server:
            webhooks = MockAkool.connect(server.url).webhooks
            create(mock)
            assert webhooks.wait_for_delivery(status=3, timeout=PATIENCE_S).delivered
            with pytest.raises(AssertionError, match=r"no webhook of status failed was delivered within 0\.05 s"):
                webhooks.wait_for_delivery(status=4, timeout=0.05)

    def test_a_delivery_that_is_gone_cannot_be_sent_again(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(5)
        with mock.server() as server:
            fake_there = MockAkool.connect(server.url)
            delivery = fake_there.webhooks.last
            fake_there.reset()
            with pytest.raises(MockAkoolError, match="there is no delivery #2"):
                fake_there.webhooks.resend(delivery)


def _public(view: type) -> set[str]:
    return {name for name in dir(view) if not name.startswith("_")}


class TestServerView:
    """What the fixture `akool_server` gives."""

    @pytest.fixture
    def server(self) -> Iterator[AccountView]:
        with LiveServer({}) as live:
            yield AccountView(live.server.url, live.mock)

    def submit(self, server: AccountView, url: str = HOOK, key: str = "") -> None:
        headers = {"x-api-key": key or server.api_key}
        requests.post(server.url + CREATE, json={"prompt": "a fox", "webhookUrl": url}, headers=headers)

    def test_it_sends_and_shows_what_is_this_tests_own(self, server: AccountView) -> None:
        with http_receiver(lambda got: 200) as receiver:
            self.submit(server, receiver.url)
            self.submit(server, receiver.url, SECRET)
            delivery = server.webhooks.wait_for_delivery(status=3)
            assert delivery.account == server.api_key
            assert {each.account for each in server.webhooks} == {server.api_key}

    def test_it_delivers_to_a_function_until_the_reset_after_the_test(self, server: AccountView) -> None:
        got: list[object] = []
        server.webhooks.deliver_to(got.append)
        self.submit(server)
        server.webhooks.wait_for_delivery(status=3)
        assert len(got) == 2

    def test_its_faults_apply_to_its_own_account(self, server: AccountView) -> None:
        server.webhooks.deliver_to(lambda request: 200)
        server.webhooks.fault(status=2, copies=3)
        self.submit(server)
        server.webhooks.wait_for_delivery(status=3)
        assert server.webhooks.with_status(2).count == 3

    def test_a_server_in_another_process(self) -> None:
        with LiveServer({}) as live, http_receiver(lambda got: 200) as receiver:
            server = AccountView(live.server.url, MockAkool.connect(live.server.url))
            server.webhooks.fault(status=2, copies=2)
            self.submit(server, receiver.url)
            self.submit(server, receiver.url, SECRET)
            delivery = server.webhooks.wait_for_delivery(status=3, timeout=PATIENCE_S)
            assert (delivery.account, delivery.client_id) == (server.api_key, server.client_id)
            assert [each.account for each in server.webhooks] == [server.api_key] * 3
            with pytest.raises(MockAkoolError, match="runs in another process"):
                server.webhooks.deliver_to(lambda request: 200)


class TestReport:
    def reported(self, mock: MockAkool) -> str:
        return explain(Observations.of(mock.engine))

    def test_it_tells_what_became_of_the_webhooks(self) -> None:
        mock = fake(webhook_retries=1)
        mock.webhooks.deliver_to(lambda request: 200 if mock.clock.now_ns() < mock.started_ns + 5 * 10**9 else 401)
        create(mock)
        mock.run_until_idle()
        told = self.reported(mock)
        assert "    webhook of status 2 processing at +2.0 s: delivered\n" in told
        assert (
            "    webhook of status 3 completed at +5.0 s: given up after 2 attempts: POST /hook answered 401\n" in told
        )
        assert "hint: the webhook of job" in told

    def test_a_key_that_cannot_encrypt_is_a_hint(self) -> None:
        mock = MockAkool()
        create(mock, key="my-key")
        mock.run_until_idle()
        assert "hint: no webhook of job" in self.reported(mock)
        assert "AES takes 16, 24 or 32" in self.reported(mock)


def test_an_account_that_collects_on_a_clock_that_runs_needs_nobody() -> None:
    mock = MockAkool(clock=SteeredClock(), accounts=[ACCOUNT])
    mock.webhooks.of_account(SECRET).collect()
    create(mock)
    mock.clock.advance(5)
    assert mock.webhooks.in_state("delivered").count == 2
