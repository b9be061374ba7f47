"""Contract section 1: what holds everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mock_akool import failed
from tests.contract.client import (
    CREATE_V3,
    CREATE_V4,
    FAMILIES,
    INFO,
    JSON_TYPE,
    KEY,
    OTHER_KEY,
    PRESS,
    QUOTA,
    Client,
)
from tests.contract.transports import Answer, OpenTransport, Transport

DAY_S = 86_400

SUCCESSES: dict[str, Callable[[Client], Answer]] = {
    "create-v3": lambda client: client.create_v3(),
    "create-v4": lambda client: client.create_v4(),
    "create-v4-batch": lambda client: client.create_v4(batch_quantity=3),
    "button": lambda client: client.press(client.completed(), "U1"),
    "info": lambda client: client.info(client.made("v3")),
    "info-of-a-failed-job": lambda client: client.info(client.made("v3", {"ending": failed("no")})),
    "quota": lambda client: client.quota(),
}

ERRORS: dict[str, tuple[int, Callable[[Client], Answer]]] = {
    "s4-bad-request": (1003, lambda client: client.create_v4(scale="7:5")),
    "s6-unknown-id": (1008, lambda client: client.info("0" * 24)),
    "s6-another-account": (1009, lambda client: Client(client.transport, OTHER_KEY).info(client.made("v3"))),
    "s5-not-completed": (1010, lambda client: client.press(client.made("v3"), "U1")),
    "s2-bad-bearer": (1101, lambda client: Client(client.transport, token="x").quota()),
    "s2-nobody": (1102, lambda client: Client(client.transport, None).quota()),
}

NOWHERE = {
    "root": ("GET", "/"),
    "list-endpoint": ("GET", "/api/open/v3/content/image/list"),
    "info-without-name": ("GET", "/api/open/v3/content/image"),
    "trailing-slash": ("GET", f"{INFO}/"),
    "double-slash": ("GET", f"/{INFO}"),
    "wrong-version": ("POST", CREATE_V4.replace("v4", "v3")),
    "v3-create-at-v4": ("POST", CREATE_V3.replace("v3", "v4")),
    "get-a-post-endpoint": ("GET", CREATE_V3),
    "post-a-get-endpoint": ("POST", INFO),
    "put": ("PUT", CREATE_V4),
    "patch": ("PATCH", PRESS),
    "delete": ("DELETE", QUOTA),
}


class TestSection1:
    @pytest.mark.parametrize("ask", SUCCESSES.values(), ids=SUCCESSES.keys())
    def test_a_success_is_code_1000_msg_ok_and_data(self, client: Client, ask: Callable[[Client], Answer]) -> None:
        answer = ask(client)

        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json().keys() == {"code", "msg", "data"}
        assert (answer.code, answer.msg) == (1000, "OK")
        assert type(answer.code) is int

    @pytest.mark.parametrize(("code", "ask"), ERRORS.values(), ids=ERRORS.keys())
    def test_a_business_error_is_http_200_and_has_no_data(
        self, client: Client, code: int, ask: Callable[[Client], Answer]
    ) -> None:
        answer = ask(client)

        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json().keys() == {"code", "msg"}
        assert answer.code == code
        assert answer.msg

    @pytest.mark.parametrize(("method", "path"), NOWHERE.values(), ids=NOWHERE.keys())
    @pytest.mark.parametrize("key", [KEY, None], ids=["with-key", "without-key"])
    def test_an_unknown_route_is_http_404(self, transport: Transport, method: str, path: str, key: str | None) -> None:
        headers = JSON_TYPE if key is None else {**JSON_TYPE, "x-api-key": key}

        answer = transport.call(method, path, headers=headers, body=b'{"prompt": "a cat"}')

        assert answer.status == 404
        assert answer.json() == {"code": 404, "msg": "Not Found"}
        assert transport.mock.jobs == ()

    @pytest.mark.parametrize("family", FAMILIES)
    def test_an_id_is_24_hex_and_begins_with_the_second_of_creation(self, client: Client, family: str) -> None:
        client.transport.advance(12_345.678)

        job_id = client.made(family)

        assert re.fullmatch("[0-9a-f]{24}", job_id)
        assert int(job_id[:8], 16) == client.transport.now_ms // 1000

    def test_ids_are_unique(self, client: Client) -> None:
        ids = [client.made("v3") for _ in range(20)]
        ids += [each["_id"] for _ in range(5) for each in client.create_v4(batch_quantity=4).data]

        assert len(set(ids)) == 40

    @pytest.mark.parametrize("family", FAMILIES)
    def test_times_are_integer_milliseconds(self, client: Client, family: str) -> None:
        client.transport.advance(1.2345)

        created = client.record(client.made(family))["create_time"]

        assert type(created) is int
        assert created == client.transport.now_ms
        assert len(str(created)) == 13

    def test_a_uid_has_6_or_7_digits_and_is_stable_per_account(self, client: Client) -> None:
        uids = [
            client.create_v3().data["uid"],
            client.create_v4().data["uid"],
            client.record(client.completed())["uid"],
            Client(client.transport, token=client.token()).create_v3().data["uid"],
        ]

        assert type(uids[0]) is int
        assert 100_000 <= uids[0] <= 9_999_999
        assert len(set(uids)) == 1

    def test_accounts_have_uids_of_their_own(self, transport: Transport) -> None:
        uids = [Client(transport, f"key {number}").create_v3().data["uid"] for number in range(30)]

        assert len(set(uids)) == 30
        assert all(100_000 <= uid <= 9_999_999 for uid in uids)

    @pytest.mark.parametrize("reverse", [False, True], ids=["in-order", "reversed"])
    def test_key_order_and_unknown_fields_do_not_matter(self, open_transport: OpenTransport, reverse: bool) -> None:
        plain, odd = Client(open_transport()), Client(open_transport())
        unknown = {"size": "4:3", "model": "x", "steps": 10**30, "nested": {"prompt": [None, 1.5, True]}, "": None}
        requests: list[tuple[str, dict[str, Any]]] = [
            (CREATE_V3, {"prompt": "a cat", "scale": "4:3"}),
            (CREATE_V4, {"prompt": "a cat", "scale": "4:3", "batch_quantity": 2}),
        ]

        for path, fields in requests:
            sent = {**fields, **unknown}
            ordered = dict(reversed(sent.items())) if reverse else sent
            assert odd.post(path, ordered).body == plain.post(path, fields).body

    @pytest.mark.parametrize("family", FAMILIES)
    def test_files_live_7_days_and_are_then_403_with_s3s_xml(self, client: Client, family: str) -> None:
        record = client.record(client.completed(family))
        urls = {record["image"], *record["upscaled_urls"]}

        client.transport.advance(7 * DAY_S - 0.001)
        assert {client.download(url).status for url in urls} == {200}

        client.transport.advance(0.001)
        for url in urls:
            gone = client.download(url)
            assert gone.status == 403
            assert gone.headers["content-type"] == "application/xml"
            assert b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>" in gone.body

    @pytest.mark.parametrize("family", FAMILIES)
    def test_a_files_life_begins_with_the_completion(self, client: Client, family: str) -> None:
        job_id = client.made(family, {"queueing": 4 * DAY_S, "processing": 5 * DAY_S})
        client.transport.advance(9 * DAY_S)
        url = client.record(job_id)["image"]

        client.transport.advance(7 * DAY_S - 1)
        assert client.download(url).status == 200

        client.transport.advance(1)
        assert client.download(url).status == 403

    def test_a_record_outlives_its_file(self, client: Client) -> None:
        job_id = client.completed()
        before = client.record(job_id)

        client.transport.advance(30 * DAY_S)

        assert client.record(job_id) == before

    @pytest.mark.parametrize("family", FAMILIES)
    def test_statuses_are_1_2_3_or_1_2_4(self, client: Client, family: str) -> None:
        good = client.made(family, {"queueing": 2, "processing": 3})
        bad = client.made(family, {"queueing": 2, "processing": 3, "ending": failed("no")})

        seen = []
        for step in (0, 1.999, 0.001, 2.999, 0.001, 1000):
            client.transport.advance(step)
            seen.append((client.status(good), client.status(bad)))

        assert seen == [(1, 1), (1, 1), (2, 2), (2, 2), (3, 4), (3, 4)]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_numbers_are_integers_on_the_wire(self, client: Client, family: str) -> None:
        record = client.record(client.completed(family))

        numbers = [value for value in record.values() if isinstance(value, (int, float))]
        assert len(numbers) >= 5
        assert {type(value) for value in numbers} == {int}
