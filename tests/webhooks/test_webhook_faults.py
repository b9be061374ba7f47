"""Hostile webhooks: each kind on a real receiver over HTTP, by Python calls, by scenarios, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool import MockAkool, Request, SystemClock
from mock_akool.akool.scenarios.schema import json_schema, read_scenario, write_scenario
from mock_akool.core.errors import ScenarioError
from mock_akool.core.webhook_faults import ENVELOPES, WEBHOOK, WEBHOOK_FAULT, WebhookFault
from mock_akool.webhooks import Base64Error, EnvelopeError, PaddingError, PayloadError, SignatureError, open_envelope
from tests.waiting import until
from tests.webhooks.receivers import (
    ID,
    SECRET,
    Got,
    HttpReceiver,
    careful,
    create,
    fake,
    http_receiver,
    poll,
    seconds,
)

NAMES = ("webhook-forged", "webhook-garbled", "webhook-late", "webhook-lost", "webhook-out-of-order", "webhook-twice")


def delivered(count: int, receiver: HttpReceiver, **fault: Any) -> tuple[MockAkool, list[Got]]:
    """Let a fault happen to the webhook of a job's end; return the fake and what a real receiver got until `count`."""
    mock = fake(clock=SystemClock(), queueing=0, processing=0, webhook_retries=0)
    mock.webhooks.send_over_http()
    with mock.server():
        mock.webhooks.fault(status=3, **fault)
        create(mock, receiver.url)
        until(lambda: len(receiver.got) >= count)
        until(lambda: not mock.webhooks.in_state("waiting").count)
    return mock, receiver.got


class TestOnARealReceiver:
    def test_duplicate(self) -> None:
        with http_receiver() as receiver:
            _, (_, first, second) = delivered(3, receiver, copies=2)
        assert first.body == second.body
        assert [each["status"] for each in receiver.payloads] == [2, 3, 3]

    def test_reordered(self) -> None:
        with http_receiver() as receiver:
            mock = fake(clock=SystemClock(), queueing=0, processing="50ms")
            mock.webhooks.send_over_http()
            with mock.server():
                mock.webhooks.fault(status=2, after_end=True)
                create(mock, receiver.url)
                until(lambda: len(receiver.got) == 2)
        assert [each["status"] for each in receiver.payloads] == [3, 2]

    def test_delayed(self) -> None:
        with http_receiver() as receiver:
            mock, _ = delivered(2, receiver, delay="300ms")
        processing, completed = mock.webhooks
        assert completed.due_ns - processing.due_ns == 300_000_000
        assert completed.attempts[0].started_ns >= completed.due_ns

    def test_lost(self) -> None:
        with http_receiver() as receiver:
            mock, got = delivered(1, receiver, copies=0)
        assert [each["status"] for each in receiver.payloads] == [2]
        assert len(got) == 1
        assert (mock.webhooks.last.state, mock.webhooks.last.error) == ("lost", "a fault lost it")

    @pytest.mark.parametrize(
        ("envelope", "status", "said"),
        [
            ("wrong signature", 401, "signature"),
            ("wrong key", 400, "padding or payload"),
            ("flipped bit", 401, "signature"),
            ("bad padding", 400, "padding"),
            ("truncated base64", 400, "base64"),
            ("plain JSON", 400, "no envelope"),
        ],
    )
    def test_broken_envelopes(self, envelope: str, status: int, said: str) -> None:
        with http_receiver() as receiver:
            mock, (_, got) = delivered(2, receiver, envelope=envelope)
        assert got.verdict.status == status
        # Of 256 other keys one gives what looks like a padding.
        assert got.verdict.said in said.replace("payload", "no payload")
        assert (mock.webhooks.last.answer, mock.webhooks.last.state) == (status, "given up")

    def test_a_replay_has_an_old_timestamp_and_a_good_signature(self) -> None:
        with http_receiver() as receiver:
            mock, (processing, completed) = delivered(2, receiver, age="1d")
        then, now = (json.loads(each.body)["timestamp"] for each in (completed, processing))
        assert 86_400_000 - 10_000 < now - then <= 86_400_000
        assert mock.webhooks.last.delivered

    def test_a_status_that_disagrees_with_the_poll(self) -> None:
        with http_receiver() as receiver:
            mock, _ = delivered(2, receiver, claim_status=4)
        assert [each["status"] for each in receiver.payloads] == [2, 4]
        assert "url" not in receiver.payloads[-1]
        assert poll(mock, mock.jobs[0].id)["image_status"] == 3

    def test_an_unknown_id(self) -> None:
        with http_receiver() as receiver:
            mock, _ = delivered(2, receiver, claim_id="unknown")
        claimed = receiver.payloads[-1]["_id"]
        assert len(claimed) == 24
        assert claimed != mock.jobs[0].id

    def test_another_id(self) -> None:
        with http_receiver() as receiver:
            delivered(2, receiver, claim_id="0" * 24)
        assert receiver.payloads[-1]["_id"] == "0" * 24

    def test_a_huge_body(self) -> None:
        with http_receiver() as receiver:
            mock, (_, got) = delivered(2, receiver, extra_bytes=5 << 20)
        assert len(got.body) > 5 << 20
        assert mock.webhooks.last.delivered

    def test_a_huge_body_of_plain_json(self) -> None:
        with http_receiver(lambda got: 200) as receiver:
            _, (_, got) = delivered(2, receiver, envelope="plain JSON", extra_bytes=1000)
        assert json.loads(got.body)["status"] == 3
        assert len(got.body) > 1000

    def test_a_slow_sender(self) -> None:
        with http_receiver() as receiver:
            mock, _ = delivered(2, receiver, slow="300ms")
        assert 0.28 < mock.webhooks.last.attempts[0].seconds < 10
        assert receiver.payloads[-1]["status"] == 3

    def test_several_at_once(self) -> None:
        with http_receiver() as receiver:
            _, got = delivered(3, receiver, copies=2, envelope="wrong signature", age="1h", claim_status=4)
        assert [each.verdict.said for each in got] == ["", "signature", "signature"]


@pytest.mark.parametrize(
    ("envelope", "error"),
    [
        ("wrong signature", SignatureError),
        ("flipped bit", SignatureError),
        ("wrong key", (PaddingError, PayloadError)),
        ("bad padding", PaddingError),
        ("truncated base64", Base64Error),
        ("plain JSON", EnvelopeError),
    ],
)
@given(seed=st.integers(0, 10**6))
def test_open_envelope_tells_each_of_them(envelope: str, error: Any, seed: int) -> None:
    mock = fake(seed=seed, webhook_processing=False)
    mock.webhooks.fault(envelope=envelope)
    create(mock)
    mock.clock.advance(5)
    with pytest.raises(error):
        open_envelope(mock.webhooks.last.body, ID, SECRET)


class TestWhichWebhooks:
    def statuses(self, mock: MockAkool) -> list[str]:
        return [careful(each.body).said for each in mock.webhooks]

    def test_the_next_one(self) -> None:
        mock = fake()
        mock.webhooks.fault(envelope="wrong signature")
        create(mock)
        mock.clock.advance(5)
        assert self.statuses(mock) == ["signature", ""]

    def test_so_many(self) -> None:
        mock = fake()
        mock.webhooks.fault(envelope="wrong signature", times=3)
        create(mock)
        create(mock)
        mock.clock.advance(5)
        assert self.statuses(mock) == ["signature", "signature", "signature", ""]

    def test_all(self) -> None:
        mock = fake()
        mock.webhooks.fault(envelope="wrong signature", times=None)
        create(mock)
        mock.clock.advance(5)
        assert self.statuses(mock) == ["signature", "signature"]

    def test_those_of_a_job(self) -> None:
        mock = fake()
        create(mock)
        second = create(mock)
        mock.webhooks.fault(job=second, envelope="wrong signature", times=None)
        mock.clock.advance(5)
        assert [each.job_id == second for each in mock.webhooks] == [
            careful(each.body).said == "signature" for each in mock.webhooks
        ]

    def test_those_of_an_account(self) -> None:
        mock = MockAkool()
        mock.webhooks.fault(api_key="[" + "k" * 31, envelope="plain JSON", times=None)
        create(mock, key="[" + "k" * 31)
        create(mock, key="o" * 32)
        mock.clock.advance(5)
        assert {each.account: each.envelope.keys() == each.json.keys() for each in mock.webhooks} == {
            "[" + "k" * 31: True,
            "o" * 32: False,
        }

    def test_the_first_that_fits_counts(self) -> None:
        mock = fake(webhook_processing=False)
        mock.webhooks.fault(envelope="wrong signature")
        mock.webhooks.fault(envelope="truncated base64")
        for _ in range(3):
            create(mock)
        mock.clock.advance(5)
        assert self.statuses(mock) == ["signature", "base64", ""]

    def test_a_reset_forgets_them(self) -> None:
        mock = fake()
        mock.webhooks.fault(envelope="wrong signature", times=None)
        mock.reset()
        create(mock)
        mock.clock.advance(5)
        assert self.statuses(mock) == ["", ""]

    def test_a_reset_of_their_account_forgets_them(self) -> None:
        key = "[" + "k" * 31
        mock = fake()
        mock.webhooks.fault(api_key=key, envelope="wrong signature", times=None)
        assert (
            mock.answer(Request.build("POST", "/_mock/reset", body=json.dumps({"account": key}).encode())).status == 200
        )
        create(mock, key=key)
        mock.clock.advance(5)
        assert [each.fault for each in mock.webhooks] == [None, None]

    def test_a_held_webhook_of_a_stalled_job_is_never_sent(self) -> None:
        mock = fake(processing="forever")
        mock.webhooks.fault(status=2, after_end=True)
        create(mock)
        mock.clock.advance(1000)
        assert [each.state for each in mock.webhooks] == ["waiting"]

    def test_a_held_webhook_waits_for_that_of_the_end_and_for_no_other(self) -> None:
        mock = fake()
        mock.webhooks.fault(status=2, after_end=True)
        mock.webhooks.fault(status=3, delay="10s")
        create(mock)
        mock.clock.advance(5)
        held, end = mock.webhooks
        assert (held.status, end.status, held.state, end.state) == (2, 3, "waiting", "waiting")
        again = mock.webhooks.resend(held)
        mock.clock.advance(1)
        assert [each.state for each in mock.webhooks] == ["waiting", "waiting", "delivered"]
        mock.run_until_idle()
        began_ns = {each.number: each.attempts[0].started_ns for each in mock.webhooks}
        assert began_ns[again.number] < began_ns[end.number] <= began_ns[held.number]

    def test_a_held_webhook_is_sent_after_a_lost_end(self) -> None:
        mock = fake()
        mock.webhooks.fault(status=2, after_end=True)
        mock.webhooks.fault(status=3, copies=0)
        create(mock)
        mock.run_until_idle()
        assert [(each.status, each.state) for each in mock.webhooks] == [(2, "delivered"), (3, "lost")]

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ({"copie": 2}, "copie: there is no such argument; did you mean 'copies'?"),
            ({"copies": -1}, "copies: -1 is not a whole number from 0 to 100"),
            ({"envelope": "wrong signatur"}, "envelope: 'wrong signatur' is not good, wrong signature"),
            ({"delay": "soon"}, "delay: 'soon' is not a duration"),
            ({"copies": 2, "times": 0}, "times: 0 is not a whole number"),
            (
                {"copies": 2, "status": 1},
                "status: webhooks do not report queueing; use processing, completed or failed",
            ),
        ],
    )
    def test_what_is_no_fault_is_reported(self, fault: dict[str, Any], said: str) -> None:
        with pytest.raises(ScenarioError) as error:
            fake().webhooks.fault(**fault)
        assert said in str(error.value)


class TestScenarios:
    def run(self, name: str, **options: Any) -> list[tuple[float, int, str]]:
        """Return when each webhook of a job under a scenario was sent, its claimed status, and what is wrong."""
        mock = fake(scenario=name, webhook_retries=0, **options)
        got: list[tuple[float, int, str]] = []

        def receive(request: Any) -> int:
            verdict = careful(request.body)
            status = verdict.payload["status"] if verdict.payload else 0
            got.append((seconds(mock, mock.clock.now_ns()), status, verdict.said))
            return verdict.status

        mock.webhooks.deliver_to(receive)
        create(mock)
        mock.run_until_idle()
        return got

    def test_webhook_twice(self) -> None:
        assert self.run("webhook-twice") == [(2, 2, ""), (2, 2, ""), (5, 3, ""), (5, 3, "")]

    def test_webhook_out_of_order(self) -> None:
        assert self.run("webhook-out-of-order") == [(5, 3, ""), (5, 2, "")]

    @pytest.mark.parametrize("ending", ["completed", "failed"])
    def test_webhook_lost(self, ending: str) -> None:
        assert self.run("webhook-lost", ending=ending) == [(2, 2, "")]

    def test_webhook_forged(self) -> None:
        assert self.run("webhook-forged") == [(2, 0, "signature"), (5, 3, "")]

    @pytest.mark.parametrize("ending", ["completed", "failed"])
    def test_webhook_garbled(self, ending: str) -> None:
        assert self.run("webhook-garbled", ending=ending) == [(2, 2, ""), (5, 0, "padding")]

    @pytest.mark.parametrize(("ending", "status"), [("completed", 3), ("failed", 4)])
    def test_webhook_late(self, ending: str, status: int) -> None:
        assert self.run("webhook-late", ending=ending) == [(2, 2, ""), (35, status, "")]

    @pytest.mark.parametrize("name", NAMES)
    def test_the_job_itself_is_as_ever(self, name: str) -> None:
        mock = fake(scenario=name)
        job_id = create(mock)
        mock.clock.advance(5)
        assert poll(mock, job_id)["image_status"] == 3

    def test_by_the_prompt(self) -> None:
        mock = fake()
        usual, twice = create(mock), create(mock, prompt="a fox [mock:webhook-twice]")
        mock.clock.advance(5)
        assert [mock.webhooks.for_job(each).count for each in (usual, twice)] == [2, 4]

    def test_by_the_key(self) -> None:
        mock = MockAkool()
        create(mock, key=f"{'k' * 32}+webhook-twice")
        mock.clock.advance(5)
        assert mock.webhooks.count == 4

    def test_each_account_has_its_own_times(self) -> None:
        mock = MockAkool(scenario={"webhooks": [{"times": 1, "fault": {"copies": 2}}]})
        create(mock, key="a" * 32)
        create(mock, key="b" * 32)
        mock.clock.advance(5)
        assert mock.webhooks.count == 6

    def test_patterns_and_numbers_choose(self) -> None:
        mock = fake(
            scenario={
                "webhooks": [
                    {"prompt": "a *fox", "status": "completed", "fault": {"copies": 3}},
                    {"job": 2, "status": "completed", "fault": {"copies": 2}},
                ]
            }
        )
        jobs = [create(mock, prompt=prompt) for prompt in ("a red fox", "a bear", "a bear")]
        mock.clock.advance(5)
        assert [mock.webhooks.for_job(each).with_status(3).count for each in jobs] == [3, 2, 1]

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ({"status": "completed"}, "webhooks[0]: a webhook needs the key 'fault'; it is what goes wrong"),
            ({"status": "queueing", "fault": {}}, "webhooks[0].status: webhooks do not report queueing"),
            ({"fault": {"copies": "two"}}, "webhooks[0].fault.copies: 'two' is not a whole number"),
            ({"falt": {}}, "webhooks[0].falt: there is no such key; did you mean 'fault'?"),
        ],
    )
    def test_mistakes_are_reported_with_their_place(self, entry: Any, said: str) -> None:
        with pytest.raises(ScenarioError) as error:
            read_scenario({"webhooks": [entry]})
        assert said in str(error.value)


_DURATIONS = st.sampled_from(["0s", "100ms", "30s", "2m"])
_FAULTS = st.fixed_dictionaries(
    {},
    optional={
        "copies": st.integers(0, 100),
        "delay": _DURATIONS,
        "after_end": st.booleans(),
        "envelope": st.sampled_from(ENVELOPES),
        "age": _DURATIONS,
        "claim_status": st.integers(0, 99),
        "claim_id": st.text(max_size=24),
        "extra_bytes": st.integers(0, 1 << 20),
        "slow": _DURATIONS,
    },
).filter(lambda plain: WEBHOOK_FAULT.read(plain) != WebhookFault())


@given(
    entries=st.lists(
        st.fixed_dictionaries(
            {"fault": _FAULTS},
            optional={
                "status": st.sampled_from(["processing", "completed", "failed"]),
                "account": st.text(max_size=10),
                "prompt": st.text(max_size=10),
                "job": st.integers(1, 9) | st.text(min_size=1, max_size=24),
                "times": st.integers(1, 10),
            },
        ),
        max_size=3,
    )
)
def test_what_is_read_can_be_written_and_read_again(entries: list[dict[str, Any]]) -> None:
    scenario = read_scenario({"webhooks": entries})
    assert read_scenario(write_scenario(scenario)) == scenario


def test_the_schema_knows_every_field() -> None:
    properties = json_schema()["properties"]["webhooks"]["items"]["properties"]
    assert set(properties) == set(WEBHOOK.fields)
    assert set(properties["fault"]["properties"]) == set(WEBHOOK_FAULT.fields)
    assert set(WEBHOOK_FAULT.fields) == set(WebhookFault._fields)
