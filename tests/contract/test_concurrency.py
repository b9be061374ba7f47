"""Many clients at once: a button makes one job, and credits are neither overdrawn nor lost."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from mock_akool import failed
from tests.contract.client import KEY, Client
from tests.contract.transports import PATIENCE_S, Answer, OpenTransport, Transport

THREADS: Final = 64
ROUNDS: Final = 8
BUTTONS: Final = ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]


@pytest.fixture(autouse=True)
def usual_switches() -> Iterator[None]:
    """Let threads take turns as before when a test is over."""
    usual_s = sys.getswitchinterval()
    yield
    sys.setswitchinterval(usual_s)


def be_eager() -> None:
    """Let threads take turns every µs, so that a missing lock is found.

    Not before all of them have started: the tracing of coverage cannot begin in two threads at once.
    """
    sys.setswitchinterval(1e-6)


def in_rounds(count: int, act: Callable[[int, int], Answer]) -> list[list[Answer]]:
    """Request `act(round, thread)` in 64 threads that begin each round together; return the answers of each round.

    One round would let a missing lock through now and then.
    """
    together = threading.Barrier(THREADS, be_eager, PATIENCE_S)

    def run(thread: int) -> list[Answer]:
        answers = []
        for number in range(count):
            together.wait()
            answers.append(act(number, thread))
        return answers

    with ThreadPoolExecutor(THREADS) as pool:
        return [list(answers) for answers in zip(*pool.map(run, range(THREADS)), strict=True)]


def all_at_once(act: Callable[[int], Answer]) -> list[Answer]:
    """Request `act(thread)` in 64 threads that begin together."""
    (answers,) = in_rounds(1, lambda _, thread: act(thread))
    return answers


def codes(answers: list[Answer]) -> Counter[int]:
    assert {answer.status for answer in answers} == {200}
    return Counter(answer.code for answer in answers)


class TestConcurrency:
    def test_s5_64_equal_presses_make_one_job(self, client: Client) -> None:
        parents = [client.completed() for _ in range(ROUNDS // 8)]
        pressed = [(parent, button) for parent in parents for button in BUTTONS]

        rounds = in_rounds(ROUNDS, lambda number, _: client.press(*pressed[number]))

        assert [codes(answers) for answers in rounds] == [{1000: 1, 1011: THREADS - 1}] * ROUNDS
        won = [answer.data["_id"] for answers in rounds for answer in answers if answer.code == 1000]
        assert sorted(won) == sorted(job.id for job in client.transport.mock.jobs if job.id not in parents)
        assert client.credit() == 1000 - 2 * len(parents) - 2 * ROUNDS
        for parent in parents:
            record = client.record(parent)
            assert (record["buttons"], record["used_buttons"]) == ([], BUTTONS)

    def test_s5_different_presses_at_once_all_win(self, client: Client) -> None:
        parents = [client.completed() for _ in range(THREADS // 8)]

        answers = all_at_once(lambda thread: client.press(parents[thread // 8], BUTTONS[thread % 8]))

        assert codes(answers) == {1000: THREADS}
        assert len({answer.data["_id"] for answer in answers}) == THREADS
        for parent in parents:
            record = client.record(parent)
            assert (record["buttons"], sorted(record["used_buttons"])) == ([], BUTTONS)

    @pytest.mark.parametrize("credits", [10, 11])
    def test_s7_64_spend_the_last_10_credits(self, open_transport: OpenTransport, credits: int) -> None:
        transport = open_transport(credits=credits)
        accounts = [Client(transport, f"key {number}") for number in range(ROUNDS)]

        rounds = in_rounds(ROUNDS, lambda number, _: accounts[number].create_v3())

        assert [codes(answers) for answers in rounds] == [{1000: 5, 1104: THREADS - 5}] * ROUNDS
        assert {account.credit() for account in accounts} == {credits - 10}
        assert len(transport.mock.jobs) == 5 * ROUNDS

    def test_s7_jobs_of_different_prices_never_overdraw(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(credits=50))

        def act(number: int) -> Answer:
            if number % 3 == 0:
                return client.create_v4(batch_quantity=4)
            return client.create_v3() if number % 3 == 1 else client.create_v4(resolution="1080p")

        answers = all_at_once(act)

        spent = sum(job.cost for job in client.transport.mock.jobs)
        told = [answer.data for answer in answers if answer.code == 1000]
        ids = [each["_id"] for data in told for each in (data if isinstance(data, list) else [data])]
        assert set(codes(answers)) == {1000, 1104}
        assert client.credit() == 50 - spent >= 0
        assert sorted(ids) == sorted(job.id for job in client.transport.mock.jobs), (
            "no job without a reply, nor the reverse"
        )

    def test_s7_a_refund_is_paid_once(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(credits=200))
        for _ in range(100):
            client.made("v3", {"queueing": 1, "ending": failed("no", refund=True)})
        assert client.credit() == 0
        client.transport.advance(1)

        answers = all_at_once(lambda _: client.quota())

        assert {answer.data["credit"] for answer in answers} == {200}

    def test_s7_the_limit_of_jobs_holds(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(concurrent_jobs=7))

        answers = all_at_once(lambda _: client.create_v3())

        assert codes(answers) == {1000: 7, 1005: THREADS - 7}
        assert len(client.transport.mock.jobs) == 7

    def test_s2_an_account_that_all_see_first_at_once_is_one(self, transport: Transport) -> None:
        answers = all_at_once(lambda _: Client(transport, "never seen").create_v3())

        assert len({answer.data["uid"] for answer in answers}) == 1
        assert Client(transport, "never seen").credit() == 1000 - 2 * THREADS
        assert [account.api_key for account in transport.mock.accounts] == ["never seen"]

    def test_s1_ids_and_files_of_jobs_made_at_once_are_unique(self, client: Client) -> None:
        answers = all_at_once(lambda number: Client(client.transport, f"key {number % 4}").create_v4(batch_quantity=4))

        ids = [each["_id"] for answer in answers for each in answer.data]
        assert len(set(ids)) == 4 * THREADS
        client.transport.advance(10)
        images = {
            Client(client.transport, job.account.api_key).record(job.id)["image"] for job in client.transport.mock.jobs
        }
        assert len(images) == 4 * THREADS

    def test_s6_polls_that_count_are_each_counted_once(self, client: Client) -> None:
        job_id = client.made("v3", {"queueing": "20 polls", "processing": "30 polls"})

        answers = all_at_once(lambda _: client.info(job_id))

        statuses = Counter(answer.data["image_status"] for answer in answers)
        assert statuses == {1: 20, 2: 30, 3: THREADS - 50}

    def test_s8_an_image_that_all_ask_for_at_once_is_one_image(self, client: Client) -> None:
        url = client.record(client.completed())["image"]

        answers = all_at_once(lambda _: client.download(url))

        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1

    def test_accounts_do_not_wait_for_or_mix_with_each_other(self, transport: Transport) -> None:
        def live(number: int) -> Answer:
            client = Client(transport, f"key {number}")
            ids = [client.create_v3().data["_id"] for _ in range(3)]
            assert [client.info(job_id).data["_id"] for job_id in ids] == ids
            return client.quota()

        answers = all_at_once(live)

        assert {answer.data["credit"] for answer in answers} == {994}
        assert len(transport.mock.jobs) == 3 * THREADS

    @pytest.mark.every_transport
    def test_the_call_log_has_every_call(self, client: Client) -> None:
        all_at_once(lambda _: client.quota())

        calls = client.transport.mock.calls
        assert [call.number for call in calls] == list(range(1, THREADS + 1))
        assert {call.response.account for call in calls} == {KEY}
