"""The call log keeps the newest calls, within its bounds, and each account a share of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool import MockAkool, Request, Response
from mock_akool.core.call_log import MAX_BYTES, Call, CallLog, Excerpt, Refusal, whole_size

MIB = 1 << 20
BOUND = 1_000_000
REPLY = Response(200, (), b"{}")


def append(call_log: CallLog, number: int, body: bytes = b"", account: str | None = None, **parts: Any) -> None:
    request = Request.build("POST", parts.pop("path", f"/{number}"), body=body, **parts)
    call_log.append(number, "unknown", request, REPLY._replace(account=account))


def numbers_of(calls: Iterable[Call]) -> list[int]:
    return [call.number for call in calls]


@pytest.mark.parametrize("count", [0, 1, 5, 6, 23])
def test_it_keeps_so_many_of_the_newest(count: int) -> None:
    call_log = CallLog(5)
    for number in range(1, count + 1):
        append(call_log, number)
    assert call_log.count == count
    kept = call_log.calls()
    assert numbers_of(kept) == list(range(max(1, count - 4), count + 1))
    assert [call.request.path for call in kept] == [f"/{call.number}" for call in kept]
    assert [call.time_ns for call in kept] == numbers_of(kept)
    assert call_log.dropped == max(0, count - 5)


def test_the_size_of_a_call_is_its_own() -> None:
    """The size of a request is remembered by its identity, which another may have once it is forgotten."""
    call_log = CallLog(1)
    for number in range(200):
        append(call_log, number, b"x" * (number % 7 * 100))
        (kept,) = call_log.calls()
        alone = CallLog(1)
        alone.append(1, "unknown", kept.request, kept.response)
        assert call_log.bytes == alone.bytes
        del kept, alone


def test_the_size_of_a_repeated_call_is_known() -> None:
    call_log = CallLog(9, max_bytes=2_500)
    small, large = (Request.build("GET", "/", body=bytes(size)) for size in (1, 9_000))
    assert call_log.known_size(small, REPLY) is None
    for request in (small, large):
        call_log.append(1, "unknown", request, REPLY)
    alone = CallLog(9)
    alone.append(1, "unknown", small, REPLY)
    assert call_log.known_size(small, REPLY) == alone.bytes
    assert call_log.known_size(small, REPLY._replace(body=bytes(2_500))) is None  # more than the whole log may have
    assert call_log.known_size(large, REPLY) is None


class TestBytes:
    """All that a call consists of counts: a bound on bodies alone was none."""

    LARGE = "x" * 20_000

    @pytest.mark.parametrize(
        ("request_", "response"),
        [
            (Request.build("POST", "/", body=LARGE.encode()), REPLY),
            (Request.build("GET", f"/{LARGE}"), REPLY),
            (Request.build("GET", "/", LARGE), REPLY),
            (Request.build("GET", "/", headers={"cookie": LARGE}), REPLY),
            (Request.build("GET", "/", headers={LARGE: ""}), REPLY),
            (Request.build("GET", "/", headers={f"x-{number}": "" for number in range(300)}), REPLY),
            (Request.build("GET", "/"), Response(200, (), LARGE.encode())),
        ],
        ids=["body", "path", "query", "header", "name of a header", "many headers", "response"],
    )
    def test_every_part_counts(self, request_: Request, response: Response) -> None:
        call_log = CallLog(100_000, max_bytes=BOUND)
        for number in range(1000):
            call_log.append(number, "unknown", request_, response)
        kept = call_log.calls()
        assert 10 < len(kept) <= BOUND // 20_000
        assert kept[-1].number == 1000
        assert call_log.bytes <= BOUND
        assert call_log.dropped == 1000 - len(kept)

    def test_the_usual_bound(self) -> None:
        call_log = CallLog(10_000)
        body = bytes(MIB)  # one object for all, so that the test itself stays small
        for number in range(1, 101):
            append(call_log, number, body)
            assert sum(len(call.request.body) for call in call_log.calls()) <= MAX_BYTES
        assert len(call_log.calls()) == 63

    def test_small_calls_after_large_ones_are_kept(self) -> None:
        call_log = CallLog(1000, max_bytes=BOUND)
        append(call_log, 1, bytes(BOUND - 10_000))
        assert len(call_log.calls()) == 1
        append(call_log, 2, bytes(10_000))
        append(call_log, 3)
        assert numbers_of(call_log.calls()) == [2, 3]

    @pytest.mark.parametrize("size", [BOUND, 10 * BOUND])
    def test_a_giant_keeps_its_head_the_beginning_of_its_body_and_its_length(self, size: int) -> None:
        call_log = CallLog(1000, max_bytes=BOUND)
        body = b"a" * 100 + bytes(size)
        append(call_log, 1, body, account="key", path="/giant", query="a=b", headers={"X-Api-Key": "key"})
        append(call_log, 2)
        giant, small = call_log.calls()
        assert (giant.method, giant.path, giant.query, giant.headers) == ("POST", "/giant", "a=b", {"x-api-key": "key"})
        assert giant.body == body[: BOUND // 8]
        assert giant.body_size == len(body)
        assert (small.body_size, small.body) == (0, b"")
        assert call_log.bytes <= BOUND

    def test_a_giant_response_keeps_its_length(self) -> None:
        call_log = CallLog(1000, max_bytes=BOUND)
        call_log.append(1, "unknown", Request.build("GET", "/"), Response(200, (), bytes(2 * BOUND)))
        (call,) = call_log.calls()
        assert whole_size(call.response.body) == 2 * BOUND
        assert len(call.response.body) == BOUND // 8

    @pytest.mark.parametrize(
        "parts",
        [{"path": "/" + "p" * BOUND}, {"query": "q" * BOUND}, {"headers": {"h" * BOUND: "h" * BOUND}}],
        ids=["path", "query", "header"],
    )
    def test_a_giant_of_other_parts_is_kept_too(self, parts: dict[str, Any]) -> None:
        call_log = CallLog(1000, max_bytes=BOUND)
        append(call_log, 1, **parts)
        assert numbers_of(call_log.calls()) == [1]
        assert call_log.bytes <= BOUND

    def test_an_excerpt_of_an_excerpt_knows_the_whole(self) -> None:
        once = Excerpt.of(bytes(100), 50)
        assert (len(once), whole_size(once), whole_size(Excerpt.of(once, 10))) == (50, 100, 100)
        assert Excerpt.of(b"abc", 3) == b"abc"
        assert whole_size(b"abc") == 3


class TestShares:
    def test_a_flood_leaves_the_calls_of_others(self) -> None:
        call_log = CallLog(1000)
        for number in range(100):
            append(call_log, number, account="quiet")
        for number in range(10_000):
            append(call_log, number, account="flood")
        kept = Counter(call.account for call in call_log.calls())
        assert kept == {"quiet": 100, "flood": 900}
        append(call_log, 0, account="quiet")
        assert Counter(call.account for call in call_log.calls()) == {"quiet": 101, "flood": 899}

    def test_a_flood_of_bytes_leaves_the_calls_of_others(self) -> None:
        call_log = CallLog(1000, max_bytes=BOUND)
        for number in range(100):
            append(call_log, number, account="quiet")
        for number in range(100):
            append(call_log, number, bytes(100_000), account="flood")
        kept = Counter(call.account for call in call_log.calls())
        assert kept["quiet"] == 100
        assert kept["flood"] == 8

    def test_the_bound_that_is_reached_says_who_has_most(self) -> None:
        by_number, by_bytes = CallLog(12, max_bytes=10 * BOUND), CallLog(100, max_bytes=BOUND)
        for call_log in (by_number, by_bytes):
            for number in range(8):
                append(call_log, number, account="often")
            for number in range(4):
                append(call_log, number, bytes(BOUND // 5), account="much")
        append(by_number, 0, bytes(BOUND // 5), account="much")
        assert Counter(call.account for call in by_number.calls()) == {"often": 7, "much": 5}
        append(by_bytes, 0, bytes(BOUND // 5), account="often")
        assert Counter(call.account for call in by_bytes.calls()) == {"often": 9, "much": 3}

    def test_what_no_account_asked_for_is_a_share_as_well(self) -> None:
        call_log = CallLog(1000)
        for number in range(100):
            append(call_log, number, account="quiet")
        for number in range(10_000):
            append(call_log, number)
        assert Counter(call.account for call in call_log.calls()) == {"quiet": 100, None: 900}

    @pytest.mark.parametrize("accounts", [2, 7, 400])
    def test_equal_accounts_have_equal_shares(self, accounts: int) -> None:
        call_log = CallLog(1000)
        chance = random.Random(accounts)
        for number in range(20_000):
            append(call_log, number, account=f"{chance.randrange(accounts)}")
        kept = Counter(call.account for call in call_log.calls())
        assert len(kept) == accounts
        assert sum(kept.values()) == 1000
        assert max(kept.values()) <= 1000 / accounts + 3

    def test_the_newest_call_is_kept_whoever_made_it(self) -> None:
        call_log = CallLog(20, max_bytes=BOUND)
        for number in range(1, 200):
            append(call_log, number, bytes(1000 * (number % 7)), account=f"{number}")
            assert call_log.calls()[-1].number == number
        append(call_log, 200, bytes(BOUND - 10_000), account="giant")
        assert call_log.calls()[-1].number == 200
        assert call_log.bytes <= BOUND

    def test_the_order_is_that_of_the_calls(self) -> None:
        call_log = CallLog(300)
        chance = random.Random(1)
        for number in range(3000):
            append(call_log, number, account=chance.choice("abc"))
        numbers = numbers_of(call_log.calls())
        assert numbers == sorted(numbers)
        assert numbers_of(call_log.calls_after(2990)) == [number for number in numbers if number > 2990]
        assert numbers[-1] == 3000


def test_a_fake_keeps_as_many_as_its_option_says() -> None:
    mock = MockAkool(call_log_size=3)
    for number in range(10):
        mock.answer(Request.build("GET", f"/{number}"))
    assert [(call.number, call.request.path) for call in mock.calls] == [(8, "/7"), (9, "/8"), (10, "/9")]
    mock.reset()
    assert mock.calls == ()


def test_a_fake_keeps_as_many_bytes_as_its_option_says() -> None:
    mock = MockAkool(call_log_bytes=200_000)
    for number in range(10):
        mock.answer(Request.build("GET", f"/{number}", body=bytes(50_000)))
    assert [call.number for call in mock.calls] == [8, 9, 10]


NUMBERS = st.integers(0, 40)
STEPS = st.lists(st.one_of(st.sampled_from(["", "a", "b"]), st.sets(NUMBERS)), max_size=40)


@given(st.integers(1, 12), STEPS, NUMBERS)
def test_what_is_forgotten_is_gone_and_the_others_keep_their_numbers(
    size: int, steps: list[str | set[int]], after: int
) -> None:
    """Each step appends a call of an account, or forgets those of some numbers."""
    call_log, kept, count = CallLog(size), dict[int, str](), 0
    for step in steps:
        if isinstance(step, str):
            count += 1
            append(call_log, count, account=step)
            kept[count] = step
            if len(kept) > size:
                (gone,) = kept.keys() - numbers_of(call_log.calls())
                shares = Counter(kept.values())
                # The oldest one of an account that has its share at least.
                assert gone == min(number for number, account in kept.items() if account == kept[gone])
                assert shares[kept[gone]] * len(shares) >= len(kept)
                assert gone != count
                del kept[gone]
        else:
            call_log.drop(lambda call, dropped=step: call.number in dropped)  # type: ignore[misc]
            kept = {number: account for number, account in kept.items() if number not in step}
        assert numbers_of(call_log.calls()) == list(kept)
        assert numbers_of(call_log.calls_after(after)) == [number for number in kept if number > after]
        assert call_log.count == count


def test_forgetting_makes_room() -> None:
    call_log = CallLog(1000, max_bytes=4 * MIB)
    body = bytes(MIB - 5000)
    for number in range(1, 5):
        append(call_log, number, body)
    call_log.drop(lambda call: call.number in (2, 3))
    for number in range(5, 7):
        append(call_log, number, body)
    assert numbers_of(call_log.calls()) == [1, 4, 5, 6]
    append(call_log, 7, bytes(30_000))
    assert numbers_of(call_log.calls()) == [4, 5, 6, 7]
    assert call_log.dropped == 1


def test_refusals_are_kept_beside_the_calls_the_newest_only() -> None:
    call_log = CallLog(10)
    for number in range(250):
        call_log.refuse(Refusal(number, "127.0.0.1:1", 400, "why", b""))
    assert call_log.refusal_count == 250
    assert [each.time_ns for each in call_log.refusals] == list(range(150, 250))
    assert call_log.calls() == ()


def test_a_call_has_the_parts_of_its_request_at_hand() -> None:
    call_log = CallLog(5)
    append(call_log, 1, b'{"a": 1}', path="/there", query="b=2", headers={"X-Name": "value"})
    (call,) = call_log.calls()
    assert (call.method, call.path, call.query) == ("POST", "/there", "b=2")
    assert dict(call.headers) == {"x-name": "value"}
