"""Contract section 7: credits, and the limits of 1005."""

from __future__ import annotations

from typing import Any

import pytest

from mock_akool import Profile, failed
from tests.contract.client import FAMILIES, KEY, OTHER_KEY, QUOTA, SOURCE, Client
from tests.contract.transports import OpenTransport

PRICES: list[tuple[str, dict[str, Any], int, int]] = [
    # what, its fields, price observed, price documented
    ("v3", {}, 2, 2),
    ("v3", {"source_image": SOURCE}, 2, 2),
    ("v4", {}, 4, 1),
    ("v4", {"resolution": "4k"}, 4, 1),
    ("v4", {"resolution": "1080p"}, 3, 1),
    ("v4-image", {}, 4, 1),
    ("v4-image", {"resolution": "1080p"}, 3, 1),
    ("button-U", {}, 2, 2),
    ("button-V", {}, 2, 2),
]
PRICE_IDS = ["-".join([family, *map(str, fields.values())]).replace(SOURCE, "image") for family, fields, *_ in PRICES]


class TestSection7Balance:
    def test_the_balance_is_an_integer_in_data_credit(self, client: Client) -> None:
        envelope = client.quota().json()

        assert envelope == {"code": 1000, "msg": "OK", "data": {"credit": 1000}}
        assert type(envelope["data"]["credit"]) is int

    def test_it_is_that_of_the_whole_account(self, client: Client) -> None:
        by_token = Client(client.transport, token=client.token())
        client.create_v3()
        by_token.create_v3()

        assert client.credit() == by_token.credit() == 996
        assert Client(client.transport, OTHER_KEY).credit() == 1000

    @pytest.mark.parametrize(("family", "fields", "observed", "documented"), PRICES, ids=PRICE_IDS)
    @pytest.mark.parametrize("profile", Profile)
    def test_prices(
        self,
        open_transport: OpenTransport,
        profile: Profile,
        family: str,
        fields: dict[str, Any],
        observed: int,
        documented: int,
    ) -> None:
        client = Client(open_transport(profile=profile))
        parent_price = 2 if family.startswith("button") else 0

        job_id = client.made(family, **fields)

        price = observed if profile is Profile.OBSERVED else documented
        assert client.credit() == 1000 - parent_price - price
        assert client.record(job_id)["deduction_credit"] == price

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    @pytest.mark.parametrize(("resolution", "price"), [("1080p", 3), ("4k", 4)])
    def test_each_image_of_a_batch_is_charged(self, client: Client, count: int, resolution: str, price: int) -> None:
        data = client.create_v4(batch_quantity=count, resolution=resolution).data

        assert client.credit() == 1000 - count * price
        assert [each["deduction_credit"] for each in (data if count > 1 else [data])] == [price] * count

    def test_it_is_charged_when_the_job_is_accepted_and_never_again(self, client: Client) -> None:
        job_id = client.made("v3", {"queueing": 1, "processing": 1})
        balances = [client.credit()]
        for _ in range(3):
            client.transport.advance(1)
            client.info(job_id)
            balances.append(client.credit())

        assert balances == [998] * 4

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_failed_job_is_paid_for(self, client: Client, family: str) -> None:
        before = client.credit()
        job_id = client.made(family, {"ending": failed("no")})

        client.info(job_id)

        assert client.credit() < before
        assert client.record(job_id)["deduction_credit"] > 0

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_refund_comes_once_when_the_job_fails(self, client: Client, family: str) -> None:
        job_id = client.made(family, {"queueing": 1, "processing": 1, "ending": failed("no", refund=True)})
        parent_price = 2 if family.startswith("button") else 0
        price = client.record(job_id)["deduction_credit"]
        assert price > 0

        balances = []
        for step in (0, 1.999, 0.001, 0, 1000):
            client.transport.advance(step)
            balances.append(client.credit() + parent_price)

        assert balances == [1000 - price, 1000 - price, 1000, 1000, 1000]
        assert client.record(job_id)["deduction_credit"] == 0

    def test_refunded_credits_can_be_spent_before_anybody_asked_for_the_balance(
        self, open_transport: OpenTransport
    ) -> None:
        client = Client(open_transport(credits=2))
        client.made("v3", {"queueing": 1, "ending": failed("no", refund=True)})
        assert client.create_v3().code == 1104

        client.transport.advance(1)

        assert [client.create_v3().code, client.create_v3().code] == [1000, 1104]


class TestSection7OutOfCredits:
    @pytest.mark.parametrize(("family", "fields", "price", "_"), PRICES, ids=PRICE_IDS)
    def test_one_credit_short_is_1104_and_changes_nothing(
        self, open_transport: OpenTransport, family: str, fields: dict[str, Any], price: int, _: int
    ) -> None:
        parent = 2 if family.startswith("button") else 0
        short, enough = (Client(open_transport(credits=parent + price + more)) for more in (-1, 0))

        enough.made(family, **fields)
        with pytest.raises(AssertionError, match="1104"):
            short.made(family, **fields)

        assert enough.credit() == 0
        assert short.credit() == price - 1
        assert len(short.transport.mock.jobs) == (1 if parent else 0)

    def test_its_answer(self, open_transport: OpenTransport) -> None:
        answer = Client(open_transport(credits=0)).create_v3()

        assert answer.status == 200
        assert answer.json() == {"code": 1104, "msg": "credits insufficient"}

    def test_a_batch_is_accepted_as_a_whole_or_not_at_all(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(credits=15))

        assert client.create_v4(batch_quantity=4).code == 1104
        assert (client.credit(), client.transport.mock.jobs.count) == (15, 0)
        assert client.create_v4(batch_quantity=3).code == 1000
        assert client.credit() == 3

    def test_older_pages_say_1006(self, open_transport: OpenTransport) -> None:
        answer = Client(open_transport(credits=0, out_of_credits_code=1006)).create_v3()

        assert answer.json() == {"code": 1006, "msg": "quota not enough"}

    def test_a_bad_request_is_bad_before_it_is_too_dear(self, open_transport: OpenTransport) -> None:
        assert Client(open_transport(credits=0)).create_v3(scale="x").code == 1003

    def test_reading_is_free(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(credits=2))
        job_id = client.completed()

        assert client.credit() == 0
        assert client.info(job_id).code == 1000
        assert client.download(client.record(job_id)["image"]).status == 200


class TestSection7Limits:
    def test_off_by_default(self, client: Client) -> None:
        for _ in range(50):
            client.create_v3()

        assert {client.quota().code for _ in range(200)} == {1000}
        assert len(client.transport.mock.jobs) == 50

    def test_requests_per_second(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(requests_per_second=3))
        other = Client(client.transport, OTHER_KEY)

        assert [client.quota().code for _ in range(5)] == [1000, 1000, 1000, 1005, 1005]
        assert client.quota().json() == {"code": 1005, "msg": "too frequent"}
        assert other.quota().code == 1000, "each account has its own limit"

        client.transport.advance(0.999)
        assert client.quota().code == 1005
        client.transport.advance(0.001)
        assert [client.quota().code for _ in range(4)] == [1000, 1000, 1000, 1005]

    def test_requests_per_second_counts_every_endpoint_and_creates_nothing(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(requests_per_second=4))
        asked = [client.create_v3(), client.create_v4(), client.info("x"), client.press("x", "U1"), client.create_v3()]

        assert [answer.code for answer in asked] == [1000, 1000, 1008, 1008, 1005]
        client.transport.advance(1)
        assert client.credit() == 994
        assert len(client.transport.mock.jobs) == 2

    def test_less_than_one_request_a_second(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(requests_per_second=0.5))

        codes = []
        for step in (0, 1, 1):
            client.transport.advance(step)
            codes.append(client.quota().code)

        assert codes == [1000, 1005, 1000]

    def test_who_is_nobody_is_not_counted(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(requests_per_second=1))

        assert [client.get(QUOTA, headers={}).code for _ in range(3)] == [1102] * 3
        assert client.quota().code == 1000

    def test_concurrent_jobs(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(concurrent_jobs=2))
        other = Client(client.transport, OTHER_KEY)

        assert [client.create_v3().code for _ in range(3)] == [1000, 1000, 1005]
        assert client.create_v3().json() == {"code": 1005, "msg": "too frequent"}
        assert other.create_v3().code == 1000, "each account has its own limit"
        assert client.credit() == 996

        client.transport.advance(5)
        assert [client.create_v3().code for _ in range(3)] == [1000, 1000, 1005]
        assert len(client.transport.mock.jobs) == 5

    def test_concurrent_jobs_counts_batches_and_buttons(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(concurrent_jobs=3))
        parent = client.completed()

        assert client.create_v4(batch_quantity=4).code == 1005
        assert client.create_v4(batch_quantity=2).code == 1000
        assert client.create_v4(batch_quantity=2).code == 1005
        assert client.press(parent, "U1").code == 1000
        assert client.press(parent, "U2").code == 1005
        assert client.record(parent)["used_buttons"] == ["U1"]
        assert client.credit() == 1000 - 2 - 2 * 4 - 2

    def test_a_failed_job_makes_room(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(concurrent_jobs=1))
        client.made("v3", {"queueing": 1, "ending": failed("no")})
        assert client.create_v3().code == 1005

        client.transport.advance(1)

        assert client.create_v3().code == 1000

    def test_limits_are_per_account_whatever_the_credentials(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(concurrent_jobs=1))
        by_token = Client(client.transport, token=client.token("any id", KEY))

        assert [client.create_v3().code, by_token.create_v3().code] == [1000, 1005]
