"""What is sent when: contract section 9, in process, on a virtual clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool import MockAkool, SettingsError, Status, failed
from mock_akool.core.timeline import changes
from mock_akool.webhooks import open_envelope
from tests.webhooks.receivers import (
    HOOK,
    ID,
    SECRET,
    careful,
    create,
    create_v4,
    fake,
    poll,
    press,
    seconds,
)


def reported(mock: MockAkool, job_id: str) -> list[tuple[int, float]]:
    """The statuses that were told of a job, and when, in seconds."""
    return [(int(each.status), seconds(mock, each.attempts[0].started_ns)) for each in mock.webhooks.for_job(job_id)]


class TestWhatIsSent:
    def test_a_v3_job_is_reported_at_2_and_at_3(self) -> None:
        mock = fake()
        job_id = create(mock)
        mock.clock.advance(10)
        processing, completed = mock.webhooks
        assert processing.json == {"_id": job_id, "status": 2, "type": "image"}
        assert completed.json == {"_id": job_id, "status": 3, "type": "image", "url": poll(mock, job_id)["image"]}
        assert completed.payload == json.dumps(completed.json, separators=(",", ":")).encode()
        assert (processing.url, processing.client_id, processing.account) == (HOOK, ID, SECRET)

    def test_each_body_is_an_envelope_that_another_library_reads(self) -> None:
        mock = fake()
        create(mock)
        mock.clock.advance(10)
        for each in mock.webhooks:
            assert list(each.envelope) == ["signature", "dataEncrypt", "timestamp", "nonce"]
            assert careful(each.body).payload == each.json == open_envelope(each.body, ID, SECRET)
            assert each.envelope["timestamp"] == each.due_ns // 1_000_000
            assert len(each.envelope["nonce"]) == 4

    def test_a_failed_job_is_reported_at_4_without_a_url(self) -> None:
        mock = fake()
        mock.next_job(queueing=0, processing=1, ending=failed("policy"))
        job_id = create(mock)
        mock.clock.advance(1)
        assert mock.webhooks.last.json == {"_id": job_id, "status": 4, "type": "image"}

    @pytest.mark.parametrize("batch", [1, 4])
    def test_each_job_of_a_v4_batch_is_reported_by_itself(self, batch: int) -> None:
        mock = fake()
        data = create_v4(mock, batch_quantity=batch)
        mock.clock.advance(10)
        for each in data if batch > 1 else [data]:
            mock.webhooks.for_job(each["_id"]).assert_count(2)
            assert mock.webhooks.assert_delivered(each).json["url"] == poll(mock, each["_id"])["image"]

    def test_a_button_job_is_reported_at_its_own_url(self) -> None:
        mock = fake()
        parent = create(mock, f"{HOOK}/parent")
        mock.clock.advance(10)
        job_id = press(mock, parent, "U2", f"{HOOK}/button")
        mock.clock.advance(10)
        assert [each.status for each in mock.webhooks.to(f"{HOOK}/button")] == [2, 3]
        assert mock.webhooks.assert_delivered(job_id).json["url"] == poll(mock, job_id)["image"]

    def test_a_job_without_a_webhook_is_reported_to_nobody(self) -> None:
        mock = fake()
        create(mock, "")
        mock.run_until_idle()
        mock.webhooks.deliveries.assert_none()

    def test_a_v3_spelling_in_v4_is_an_unknown_field(self) -> None:
        mock = fake()
        create_v4(mock, "", webhookUrl=HOOK)
        mock.run_until_idle()
        mock.webhooks.deliveries.assert_none()

    def test_status_2_can_be_left_out(self) -> None:
        mock = fake(webhook_processing=False)
        job_id = create(mock)
        mock.run_until_idle()
        assert reported(mock, job_id) == [(3, 5.0)]

    def test_the_same_seed_and_calls_give_the_same_bytes(self) -> None:
        def bodies(seed: int) -> list[bytes]:
            mock = fake(seed=seed)
            create(mock)
            mock.clock.advance(3)
            create_v4(mock, batch_quantity=2)
            mock.run_until_idle()
            return [each.body for each in mock.webhooks]

        assert bodies(1) == bodies(1)
        assert set(bodies(1)).isdisjoint(bodies(2))

    def test_another_clients_calls_change_no_bytes(self) -> None:
        def bodies(others: int) -> list[bytes]:
            mock = fake()
            for _ in range(others):
                create(mock, key="x" * 32)
            create(mock)
            mock.run_until_idle()
            return [each.payload + each.envelope["nonce"].encode() for each in mock.webhooks.by_account(SECRET)]

        alone, among = bodies(0), bodies(3)
        # File names have a millisecond of their own; all else is the same.
        assert alone[0] == among[0]


class TestWhen:
    def test_at_the_instant_of_the_change(self) -> None:
        mock = fake()
        job_id = create(mock)
        mock.clock.advance(1.999999999)
        assert reported(mock, job_id) == []
        mock.clock.advance(0.000000001)
        assert reported(mock, job_id) == [(2, 2.0)]
        mock.clock.advance(60)
        assert reported(mock, job_id) == [(2, 2.0), (3, 5.0)]

    def test_a_receiver_finds_the_clock_at_that_instant_and_the_poll_agreeing(self) -> None:
        mock = fake()
        seen: list[tuple[float, int]] = []
        mock.webhooks.deliver_to(
            lambda request: seen.append((seconds(mock, mock.clock.now_ns()), poll(mock, job_id)["image_status"]))
        )
        job_id = create(mock)
        mock.clock.advance(100)
        assert seen == [(2.0, 2), (5.0, 3)]
        assert seconds(mock, mock.clock.now_ns()) == 100

    def test_webhooks_of_several_jobs_come_in_the_order_of_their_instants(self) -> None:
        mock = fake()
        order: list[tuple[float, str]] = []
        mock.webhooks.deliver_to(
            lambda request: order.append((seconds(mock, mock.clock.now_ns()), careful(request.body).payload["_id"]))  # type: ignore[index]
        )
        for queueing in (5, 1, 3):
            mock.next_job(queueing=queueing, processing=1)
        first, second, third = create(mock), create(mock), create(mock)
        mock.clock.advance(60)
        assert order == [(1, second), (2, second), (3, third), (4, third), (5, first), (6, first)]

    def test_a_job_that_takes_no_time_is_reported_after_the_answer_to_its_create(self) -> None:
        mock = fake(queueing=0, processing=0)
        known: list[str] = []
        unknown: list[str] = []

        def receive(request: Any) -> None:
            payload = careful(request.body).payload
            assert payload is not None
            (known if payload["_id"] in ids else unknown).append(payload["_id"])

        ids: set[str] = set()
        mock.webhooks.deliver_to(receive)
        ids.add(create(mock))
        ids.add(create(mock))  # before this call is answered, what the first one brought about is delivered
        assert len(known) == 2
        mock.clock.advance(0)
        assert (len(known), unknown) == (4, [])

    def test_what_a_poll_brings_about_is_due_at_its_instant(self) -> None:
        mock = fake(queueing="2 polls", processing="1 poll")
        job_id = create(mock)
        mock.clock.advance(7)
        poll(mock, job_id)
        mock.clock.advance(7)
        poll(mock, job_id)
        assert reported(mock, job_id) == [(2, 14.0)]
        mock.clock.advance(7)
        poll(mock, job_id)
        assert reported(mock, job_id) == [(2, 14.0), (3, 21.0)]

    def test_a_stalled_job_is_not_said_to_end(self) -> None:
        mock = fake(processing="forever")
        job_id = create(mock)
        mock.clock.advance(10**6)
        assert reported(mock, job_id) == [(2, 2.0)]

    def test_a_job_that_a_test_ends_is_reported_at_once(self) -> None:
        mock = fake()
        job_id = create(mock)
        mock.clock.advance(1)
        mock.job(job_id).fail("policy")
        assert reported(mock, job_id) == [(4, 1.0)]
        mock.clock.advance(60)
        assert reported(mock, job_id) == [(4, 1.0)]

    def test_a_job_that_fails_after_all_is_reported_again(self) -> None:
        mock = fake()
        job_id = create(mock)
        mock.clock.advance(8)
        mock.job(job_id).fail()
        assert reported(mock, job_id) == [(2, 2.0), (3, 5.0), (4, 8.0)]

    def test_a_job_that_stalls_is_not_said_to_end(self) -> None:
        mock = fake()
        job_id = create(mock)
        mock.clock.advance(3)
        mock.job(job_id).stall()
        mock.clock.advance(60)
        assert reported(mock, job_id) == [(2, 2.0)]

    def test_before_the_status(self) -> None:
        mock = fake(webhook_before_status="500ms")
        seen: list[int] = []
        mock.webhooks.deliver_to(lambda request: seen.append(poll(mock, job_id)["image_status"]))
        job_id = create(mock)
        mock.clock.advance(60)
        assert reported(mock, job_id) == [(2, 1.5), (3, 4.5)]
        assert seen == [1, 2]

    def test_before_the_status_is_not_before_the_job(self) -> None:
        mock = fake(webhook_before_status=3)
        job_id = create(mock)
        mock.clock.advance(60)
        assert reported(mock, job_id) == [(2, 0.0), (3, 2.0)]

    def test_an_end_that_was_reported_too_early_and_became_another_is_reported_again(self) -> None:
        mock = fake(webhook_before_status=1)
        job_id = create(mock)
        mock.clock.advance(4.5)
        mock.job(job_id).fail()
        mock.clock.advance(60)
        assert [status for status, _ in reported(mock, job_id)] == [2, 3, 4]

    def test_after_the_status(self) -> None:
        mock = fake(webhook_after_status=4)
        job_id = create(mock)
        mock.clock.advance(60)
        assert reported(mock, job_id) == [(2, 6.0), (3, 9.0)]

    @given(
        lives=st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["completed", "failed"])), max_size=6
        ),
        steps=st.lists(st.floats(0, 7, allow_nan=False), max_size=8),
    )
    def test_however_the_clock_is_moved_all_changes_are_reported_once_and_in_order(
        self, lives: list[tuple[int, int, str]], steps: list[float]
    ) -> None:
        mock = fake()
        for queueing, processing, ending in lives:
            mock.next_job(queueing=queueing, processing=processing, ending=ending)
        for _ in lives:
            create(mock)
        for step in steps:
            mock.clock.advance(step)
        now_ns = mock.clock.now_ns()
        expected = [
            (change.at_ns, job.id, change.status)
            for job in mock.jobs
            for change in changes(job.timeline, job.created_ns, job.polls)
            if change.status >= Status.PROCESSING and change.at_ns <= now_ns
        ]
        found = [(each.attempts[0].started_ns, each.job_id, each.status) for each in mock.webhooks]
        assert sorted(found) == sorted(expected)
        assert [at_ns for at_ns, _, _ in found] == sorted(at_ns for at_ns, _, _ in found)
        for job in mock.jobs:
            statuses = [status for _, job_id, status in found if job_id == job.id]
            assert statuses == sorted(statuses)


class TestRetries:
    @pytest.mark.parametrize("answer", [201, 204, 301, 302, 400, 401, 404, 500, 503])
    def test_anything_but_200_is_tried_again_with_the_same_body(self, answer: int) -> None:
        mock = fake(webhook_processing=False)
        bodies: list[bytes] = []

        def receive(request: Any) -> int:
            bodies.append(request.body)
            return answer if len(bodies) < 3 else 200

        mock.webhooks.deliver_to(receive)
        job_id = create(mock)
        mock.run_until_idle()
        delivery = mock.webhooks.assert_delivered(job_id)
        assert [each.status for each in delivery.attempts] == [answer, answer, 200]
        assert bodies == [delivery.body] * 3

    def test_six_tries_each_twice_as_late_as_the_one_before(self) -> None:
        mock = fake(webhook_processing=False)
        mock.webhooks.deliver_to(lambda request: 500)
        create(mock)
        mock.run_until_idle()
        (delivery,) = mock.webhooks
        assert [seconds(mock, each.started_ns) for each in delivery.attempts] == [5, 6, 8, 12, 20, 36]
        assert (delivery.state, delivery.answer) == ("given up", 500)
        assert delivery.error == "POST /hook answered 500"

    def test_number_and_delay_are_settings(self) -> None:
        mock = fake(webhook_processing=False, webhook_retries=2, webhook_retry_delay="10s")
        mock.webhooks.deliver_to(lambda request: 500)
        create(mock)
        mock.run_until_idle()
        assert [seconds(mock, each.started_ns) for each in mock.webhooks.last.attempts] == [5, 15, 35]

    def test_a_webhook_of_status_3_does_not_wait_for_the_retries_of_status_2(self) -> None:
        mock = fake()
        mock.webhooks.deliver_to(lambda request: 500)
        job_id = create(mock)
        mock.run_until_idle()
        processing, completed = mock.webhooks.for_job(job_id)
        assert [seconds(mock, each.started_ns) for each in processing.attempts] == [2, 3, 5, 9, 17, 33]
        assert seconds(mock, completed.attempts[0].started_ns) == 5

    def test_a_receiver_that_takes_too_long_gave_no_answer(self) -> None:
        mock = fake(webhook_processing=False, webhook_retries=0, webhook_timeout="3s")
        mock.webhooks.deliver_to(lambda request: mock.clock.advance(4))
        create(mock)
        mock.clock.advance(10)
        (delivery,) = mock.webhooks
        assert (delivery.state, delivery.error) == ("given up", "no answer within 3 s")
        assert delivery.attempts[0].seconds == 4

    def test_a_jobs_tries_are_made_one_after_the_other(self) -> None:
        """While a receiver is busy with status 2, status 3 waits."""
        mock = fake()
        order: list[str] = []

        def receive(request: Any) -> None:
            payload = careful(request.body).payload
            assert payload is not None
            order.append(f"begin {payload['status']}")
            mock.clock.advance(5)
            order.append(f"end {payload['status']}")

        mock.webhooks.deliver_to(receive)
        create(mock)
        mock.clock.advance(60)
        assert order == ["begin 2", "end 2", "begin 3", "end 3"]

    @pytest.mark.parametrize("name", ["webhook_retries", "webhook_retry_delay", "webhook_timeout"])
    def test_bad_settings_are_refused(self, name: str) -> None:
        options: dict[str, Any] = {name: -1}
        with pytest.raises(SettingsError, match=f"{name}: -1 is not a "):
            MockAkool(**options)


class TestKeys:
    def test_a_key_that_cannot_encrypt_lets_the_job_run_and_says_why(self) -> None:
        mock = MockAkool()
        called: list[Any] = []
        mock.webhooks.deliver_to(called.append)
        job_id = create(mock, key="my-key")
        mock.run_until_idle()
        assert poll(mock, job_id, "my-key")["image_status"] == 3
        assert [each.state for each in mock.webhooks] == ["not encrypted"] * 2
        assert called == []
        with pytest.raises(AssertionError) as error:
            mock.webhooks.assert_delivered(job_id)
        assert "clientSecret has 6 bytes and cannot encrypt: AES takes 16, 24 or 32. Use an API key of 32" in str(
            error.value
        )

    @pytest.mark.parametrize("key", ["k" * 16, "k" * 24, "k" * 32])
    def test_keys_of_three_lengths_encrypt(self, key: str) -> None:
        mock = MockAkool()
        job_id = create(mock, key=key)
        mock.run_until_idle()
        delivery = mock.webhooks.assert_delivered(job_id)
        assert careful(delivery.body, mock.accounts[0].client_id, key).payload == delivery.json

    def test_strict_refuses_such_an_account(self) -> None:
        accounts = [{"api_key": "k" * 32}, {"api_key": "my-key"}]
        with pytest.raises(
            SettingsError,
            match=r"accounts\[1\]\.api_key: a key of 6 bytes cannot encrypt webhooks; with strict, use 16, 24 or 32",
        ):
            MockAkool(strict=True, accounts=accounts)
        assert len(MockAkool(accounts=accounts).accounts) == 2

    def test_a_strict_fake_without_a_list_has_an_account_that_encrypts(self) -> None:
        (account,) = MockAkool(strict=True).accounts
        assert len(account.api_key) == 32


class TestReset:
    def test_it_forgets_what_was_to_be_sent(self) -> None:
        mock = fake()
        called: list[Any] = []
        mock.webhooks.deliver_to(called.append)
        create(mock)
        mock.clock.advance(2)
        mock.reset()
        mock.clock.advance(60)
        assert len(called) == 1
        mock.webhooks.deliveries.assert_none()

    def test_a_receiver_may_reset(self) -> None:
        mock = fake(queueing=0, processing=0)
        mock.webhooks.deliver_to(lambda request: mock.reset())
        create(mock)
        mock.clock.advance(0)
        mock.webhooks.deliveries.assert_none()
        create(mock)
        mock.webhooks.collect()
        mock.clock.advance(0)
        mock.webhooks.deliveries.assert_count(2)


class TestCallLog:
    def test_it_keeps_the_newest(self) -> None:
        mock = fake(call_log_size=3)
        for _ in range(5):
            create(mock)
            mock.clock.advance(5)
        assert [each.number for each in mock.webhooks] == [8, 9, 10]

    def test_it_does_not_keep_more_bytes_than_it_should(self) -> None:
        mock = fake(webhook_processing=False, call_log_bytes=100_000)
        for _ in range(4):
            create(mock, f"{HOOK}/{'x' * 40_000}")
        mock.clock.advance(5)
        assert [each.number for each in mock.webhooks] == [3, 4]

    def test_what_makes_bodies_large_is_not_kept(self) -> None:
        mock = fake(webhook_processing=False, call_log_bytes=100_000)
        mock.webhooks.fault(times=None, extra_bytes=64 << 20)
        for _ in range(20):
            create(mock)
        mock.clock.advance(5)
        assert [each.number for each in mock.webhooks] == list(range(1, 21))
        assert len(mock.webhooks.last.body) > 64 << 20
        assert mock.webhooks.last.envelope["extra"] == "x" * (64 << 20)

    def test_a_delivery_that_is_no_longer_kept_is_still_tried(self) -> None:
        mock = fake(call_log_size=1)
        answers = iter([500, 200, 200])
        mock.webhooks.deliver_to(lambda request: next(answers))
        create(mock)
        mock.run_until_idle()
        assert [each.number for each in mock.webhooks] == [2]
        assert next(answers, None) is None
