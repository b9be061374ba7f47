"""No more is spent than --spend allows, whatever the service charges."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from mock_akool.akool.families import CREATES
from mock_akool.calibration import (
    Calibration,
    CalibrationError,
    Limits,
    Verdict,
    as_plan,
    calibrate,
    fake_of,
    plan,
)
from mock_akool.calibration.errors import NotAskedError
from mock_akool.calibration.free import QUOTA
from mock_akool.calibration.service import Reply
from mock_akool.calibration.spending import DEARER, Spending
from tests.calibration.services import RICH, USUAL
from tests.extent import choose

SPENDS: Final = choose((5, 100), (1, 5, 20, 30, 100, 400, 1500))
_BEGUN: Final = 100_000
_PATHS: Final = frozenset(create.path for create in CREATES.values())


class Charging:
    """A fake that charges other prices: `price` returns what a job costs that costs so much in the fake.

    `bought` counts the jobs, `spent` the credits. The balance of all accounts goes down by both.
    """

    def __init__(self, price: Callable[[float], float], begun: float = _BEGUN, *, says_price: bool = False) -> None:
        self.service, self.credentials = fake_of(USUAL)
        self.genuine = self.service.send
        self.service.send = self.send  # type: ignore[method-assign]
        self.price, self.begun, self.says_price = price, begun, says_price
        self.spent = 0.0
        self.bought = 0
        self.last = float(_BEGUN)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        key = headers.get("x-api-key")
        reply = self.genuine(method, url, headers, body)
        if key != self.credentials.api_key:
            return reply
        if url == QUOTA and reply.is_ok:
            return self.answered(reply, {"credit": self.begun - self.spent})
        balance = self.genuine("GET", QUOTA, {"x-api-key": self.credentials.api_key}, None).data["credit"]
        if balance < self.last:
            self.spent += self.price(self.last - balance)
            self.bought += 1
        self.last = balance
        return reply

    @staticmethod
    def answered(reply: Reply, data: Any) -> Reply:
        return Reply(200, reply.headers, json.dumps({"code": 1000, "msg": "OK", "data": data}).encode())

    def calibrated(self, spend: float, only: frozenset[str] = frozenset(), *, empty: bool = True) -> Calibration:
        limits = Limits(requests=10**6, spend=spend)
        credentials = self.credentials if empty else self.credentials._replace(empty_key="")
        chosen = plan(credentials, USUAL, limits, webhook=True, only=only)
        return calibrate(self.service, credentials, USUAL, chosen, limits=limits)


@pytest.mark.parametrize("spend", SPENDS)
@pytest.mark.parametrize("times", choose((0.5, 10), (0.5, 1, 2, 10)))
@pytest.mark.parametrize("empty", [True, False], ids=["an account without credits", "the main account only"])
def test_a_service_of_other_prices_gets_no_more_than_is_allowed(times: float, spend: int, empty: bool) -> None:
    there = Charging(lambda price: price * times)
    there.calibrated(spend, empty=empty)
    assert there.spent <= spend


@pytest.mark.parametrize("spend", SPENDS)
def test_a_service_where_each_price_is_another_one_gets_no_more_than_is_allowed(spend: int) -> None:
    factors = (1, 10, 0.1, 7, 3)
    there = Charging(lambda price: price * factors[there.bought % len(factors)])
    there.calibrated(spend)
    assert there.spent <= spend


def test_much_is_asked_where_prices_are_ten_times_as_high_and_much_may_be_spent() -> None:
    there = Charging(lambda price: 10 * price)
    found = there.calibrated(20_000)
    assert there.bought > 20
    assert found.spent == there.spent
    prices = {each.probe.name: each for each in found.differences}
    assert (prices["price:image"].seen, prices["price:image"].here) == (20, 2)


def test_what_a_job_costs_counts_for_the_next_ones() -> None:
    there = Charging(lambda price: 10 * price)
    found = there.calibrated(60, frozenset({"price:image", "price:button", "fields:image"}))
    assert there.spent == 20
    by_name = {each.probe.name: each for each in found.findings}
    assert by_name["price:image"].seen == 20
    assert "and is made where 200 are left" in by_name["price:button"].why
    assert "--spend leaves 40" in by_name["price:button"].why


def test_after_a_job_that_was_dearer_than_anybody_could_think_no_other_is_made() -> None:
    there = Charging(lambda price: 1000 * price)
    found = there.calibrated(10_000)
    assert there.bought == 1
    assert any("was the most that was thought possible" in each.why for each in found.findings)


def test_an_account_with_no_more_than_is_allowed_is_a_firm_limit() -> None:
    there = Charging(lambda price: min(1000 * price, there.begun - there.spent), begun=30)
    there.calibrated(30)
    assert there.spent == 30


def test_a_service_that_charges_later_gets_no_more_than_is_allowed() -> None:
    """What jobs may cost whose price was not seen counts as gone."""
    there = Charging(lambda price: price)
    genuine = there.send

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = genuine(method, url, headers, body)
        if url == QUOTA and reply.is_ok and headers.get("x-api-key") == there.credentials.api_key:
            return there.answered(reply, {"credit": _BEGUN})
        if reply.is_ok and url in _PATHS:
            return Reply(200, reply.headers, reply.body.replace(b"deduction_credit", b"deducted"))
        return reply

    there.service.send = send  # type: ignore[method-assign]
    there.calibrated(100)
    assert there.bought
    assert 10 * there.spent <= 100


@pytest.mark.parametrize("said", [None, "100", True, float("nan"), float("inf")])
@pytest.mark.parametrize("begins", [True, False], ids=["from the start", "after it was said once"])
def test_nothing_is_spent_where_the_balance_is_not_said(said: object, begins: bool) -> None:
    there = Charging(lambda price: price)
    genuine, asked = there.send, []

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = genuine(method, url, headers, body)
        if url == QUOTA and reply.is_ok and headers.get("x-api-key") == there.credentials.api_key:
            asked.append(url)
            if begins or len(asked) > 1:
                return there.answered(reply, {"credit": said})
        return reply

    there.service.send = send  # type: ignore[method-assign]
    if begins:
        with pytest.raises(CalibrationError, match="did not say a balance"):
            there.calibrated(1000)
    else:
        found = there.calibrated(1000)
        assert found.count(Verdict.NOT_ASKED) > 50
    assert there.bought == 0


def test_after_a_request_without_fields_that_is_taken_no_job_is_made() -> None:
    there = Charging(lambda price: price)
    genuine, empty = there.send, []

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        if body == b"{}" and url in _PATHS:
            empty.append(url)
            return Reply(200, {}, b'{"code":1000,"msg":"OK","data":{"_id":"5","deduction_credit":2}}')
        return genuine(method, url, headers, body)

    there.service.send = send  # type: ignore[method-assign]
    found = there.calibrated(1000)
    assert len(empty) == 1
    assert there.bought == 0
    assert any("took a request without fields" in each.why for each in found.findings)


def test_without_spend_no_good_request_is_sent_by_the_main_account() -> None:
    there = Charging(lambda price: price)
    genuine, made = there.send, []

    def send(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        if method == "POST" and url in _PATHS and headers.get("x-api-key") == there.credentials.api_key:
            made.append(body)
        return genuine(method, url, headers, body)

    there.service.send = send  # type: ignore[method-assign]
    there.calibrated(0, empty=False)
    assert set(made) == {b"{}"}


class TestSpending:
    def test_a_job_that_is_refused_costs_nothing(self) -> None:
        spending = Spending(20, lambda: 100.0, lambda: 100.0)
        for _ in range(5):
            spending.begin("a", 2)
            spending.end(is_refused=True)
        assert spending.least == 0

    def test_what_became_of_a_job_is_not_known_when_no_answer_came(self) -> None:
        spending = Spending(39, lambda: 100.0, lambda: 100.0)
        spending.begin("a", 2)
        assert spending.least == 2
        with pytest.raises(NotAskedError, match="--spend leaves 19"):
            spending.begin("a", 2)

    def test_a_stated_price_counts_where_the_balance_shows_no_fractions(self) -> None:
        spending = Spending(20, lambda: 100.0, lambda: 100.0)
        spending.begin("a", 0.4)
        spending.end(is_refused=False, stated=0.4)
        spending.begin("a", 0.4)
        spending.end(is_refused=False, stated=0.4)
        assert spending.least == pytest.approx(0.8)

    def test_a_job_that_is_free_in_the_fake_may_have_a_price(self) -> None:
        spending = Spending(9, lambda: 100.0, lambda: 100.0)
        with pytest.raises(NotAskedError, match="is made where 10 are left"):
            spending.begin("a", 0)
        with pytest.raises(NotAskedError, match="--spend allows none"):
            Spending(0, lambda: 100.0, lambda: 100.0).begin("a", 0)


def test_the_plan_says_what_is_promised() -> None:
    _, credentials = fake_of(USUAL)
    said = as_plan(plan(credentials, USUAL, RICH, webhook=True), RICH)
    assert f"No job is made unless {DEARER} times its expected price is left" in said
    assert "a firm limit" in said
    free = Limits()
    assert "firm limit" not in as_plan(plan(credentials, USUAL, free, webhook=True), free)
