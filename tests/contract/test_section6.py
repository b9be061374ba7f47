"""Contract section 6: get the result."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mock_akool import Profile, failed
from tests.contract.client import FAMILIES, INFO, KEY, OTHER_KEY, SOURCE, Client
from tests.contract.transports import OpenTransport, Transport

BUTTONS = ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]
VENDOR_SAMPLE = Path(__file__).parents[2] / "fixtures" / "vendor" / "get-image-result.json"

QUEUEING = {"queueing": "forever"}
PROCESSING = {"processing": "forever"}
FAILED = {"ending": failed("the prompt is not allowed", "try another")}
REFUNDED = {"ending": failed("no", refund=True)}

COST = {"v3": 2, "v4": 4, "v4-image": 4, "button-U": 2, "button-V": 2}
PICTURES = {"v3": 4, "v4": 1, "v4-image": 1, "button-U": 0, "button-V": 4}
"""How many `upscaled_urls` a completed job of each family has."""

CREATE_KEYS = {"_id", "create_time", "deduction_credit", "image_status", "from"}


class TestSection6Statuses:
    @pytest.mark.parametrize(("plan", "status"), [(QUEUEING, 1), (PROCESSING, 2)], ids=["s1-queueing", "s2-processing"])
    @pytest.mark.parametrize("family", FAMILIES)
    def test_unfinished(self, client: Client, family: str, plan: dict[str, Any], status: int) -> None:
        answer = client.info(client.made(family, plan))

        record = answer.data
        assert record["image_status"] == status
        assert (record["upscaled_urls"], record["buttons"], record["used_buttons"]) == ([], [], [])
        assert not {"image", "error_reasons"} & record.keys()
        assert record["deduction_credit"] == COST[family]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_s3_completed(self, client: Client, family: str) -> None:
        record = client.record(client.completed(family))

        assert record["image_status"] == 3
        assert "error_reasons" not in record
        assert record["deduction_credit"] == COST[family]
        assert record["used_buttons"] == []
        assert record["buttons"] == ([] if family.startswith("button") else BUTTONS)
        assert len(record["upscaled_urls"]) == PICTURES[family]
        if family.startswith("v4"):
            assert record["upscaled_urls"] == [record["image"]]
        else:
            assert record["image"] not in record["upscaled_urls"]
        assert len(set(record["upscaled_urls"])) == PICTURES[family]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_s4_failed_is_1000_ok_too(self, client: Client, family: str) -> None:
        answer = client.info(client.made(family, FAILED))

        assert (answer.code, answer.msg) == (1000, "OK")
        record = answer.data
        assert record["image_status"] == 4
        assert "image" not in record
        assert (record["upscaled_urls"], record["buttons"]) == ([], [])
        assert record["error_reasons"] == ["the prompt is not allowed", "try another"]
        assert record["deduction_credit"] == COST[family]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_s4_a_refunded_failure_costs_0(self, client: Client, family: str) -> None:
        assert client.record(client.made(family, REFUNDED))["deduction_credit"] == 0

    def test_s4_a_failure_always_has_a_reason(self, client: Client) -> None:
        reasons = client.record(client.made("v3", {"ending": failed()}))["error_reasons"]

        assert len(reasons) == 1
        assert isinstance(reasons[0], str)
        assert reasons[0]

    @pytest.mark.parametrize(
        "plan", [QUEUEING, PROCESSING, FAILED, {}], ids=["queueing", "processing", "failed", "completed"]
    )
    @pytest.mark.parametrize("family", FAMILIES)
    def test_the_other_fields_are_those_of_the_create_reply(
        self, client: Client, family: str, plan: dict[str, Any]
    ) -> None:
        job_id = client.made(family, plan)
        created = json.loads(client.transport.mock.calls[-1].response.body)["data"]

        record = client.record(job_id)

        told = {"image_status", "buttons", "used_buttons", "upscaled_urls", "image", "error_reasons"}
        assert {name: value for name, value in record.items() if name not in told} == {
            name: value for name, value in created.items() if name not in told
        }
        assert record.keys() >= CREATE_KEYS

    def test_a_source_image_stays_in_the_record(self, client: Client) -> None:
        assert client.record(client.completed("v3", source_image=SOURCE))["source_image"] == SOURCE
        assert client.record(client.completed("v4-image"))["source_image"] == SOURCE

    @pytest.mark.parametrize("family", FAMILIES)
    def test_reading_changes_nothing(self, client: Client, family: str) -> None:
        """A status is a function of the time, not of how often one asked."""
        job_id = client.made(family, {"queueing": 1, "processing": 1})

        assert len({client.info(job_id).body for _ in range(10)}) == 1

        client.transport.advance(2)
        assert client.status(job_id) == 3

    def test_the_usual_job_queues_2_s_and_is_processed_3_s(self, client: Client) -> None:
        job_id = client.made("v3")

        seen = []
        for step in (0, 1.999, 0.001, 2.999, 0.001):
            client.transport.advance(step)
            seen.append(client.status(job_id))

        assert seen == [1, 1, 2, 2, 3]

    def test_stages_may_last_polls(self, client: Client) -> None:
        job_id = client.made("v3", {"queueing": "2 polls", "processing": "1 poll"})

        assert [client.status(job_id) for _ in range(5)] == [1, 1, 2, 3, 3]

    def test_stages_of_seconds_and_polls_mix(self, client: Client) -> None:
        job_id = client.made("v3", {"queueing": 10, "processing": "2 polls"})

        assert [client.status(job_id) for _ in range(3)] == [1, 1, 1]
        client.transport.advance(10)
        assert [client.status(job_id) for _ in range(3)] == [2, 2, 3]


class TestSection6Profiles:
    def test_documented_a_completed_v3_job_equals_the_vendors_sample_key_for_key(
        self, open_transport: OpenTransport
    ) -> None:
        client = Client(open_transport(profile="documented"))
        sample = json.loads(VENDOR_SAMPLE.read_text(encoding="utf-8"))

        answer = client.info(client.completed()).json()

        assert answer.keys() == sample.keys()
        assert answer["data"].keys() == sample["data"].keys()
        own = {"_id", "create_time", "uid", "image"}
        assert _less(answer, own) == _less(sample, own)
        for name in own:
            assert type(answer["data"][name]) is type(sample["data"][name])
        form = r"/\d{13}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-\d{4}\.png"
        for data in (answer["data"], sample["data"]):
            assert re.search(f"{form}$", data["image"])

    def test_observed_keeps_the_stored_type_and_offers_four_urls(self, client: Client) -> None:
        record = client.record(client.completed())

        assert record["type"] == 4
        assert len(record["upscaled_urls"]) == 4

    @pytest.mark.parametrize("plan", [QUEUEING, PROCESSING, FAILED], ids=["queueing", "processing", "failed"])
    def test_the_profiles_differ_at_completion_only(self, open_transport: OpenTransport, plan: dict[str, Any]) -> None:
        bodies = []
        for profile in Profile:
            client = Client(open_transport(profile=profile))
            bodies.append(client.info(client.made("v3", plan)).json())

        assert bodies[0] == bodies[1]

    @pytest.mark.parametrize(
        ("family", "images"), [("button-U", [0, 0]), ("button-V", [4, 0])], ids=["button-U", "button-V"]
    )
    def test_the_profiles_differ_for_buttons_by_the_number_of_images(
        self, open_transport: OpenTransport, family: str, images: list[int]
    ) -> None:
        """How many a V button makes is in the families sheet, section 20."""
        records = []
        for profile in Profile:
            client = Client(open_transport(profile=profile))
            record = client.record(client.completed(family))
            records.append(record | {"image": ""})

        assert [len(record.pop("upscaled_urls")) for record in records] == images
        assert records[0] == records[1]

    def test_documented_shows_one_url_for_v4_too(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(profile="documented"))

        record = client.record(client.completed("v4"))

        assert record["upscaled_urls"] == [record["image"]]
        assert record["buttons"] == BUTTONS


def _less(envelope: dict[str, Any], own: set[str]) -> dict[str, Any]:
    """Return the envelope without the values that are each job's own."""
    return envelope | {"data": {name: value for name, value in envelope["data"].items() if name not in own}}


class TestSection6Query:
    @pytest.mark.parametrize(
        "query",
        [
            pytest.param("", id="none"),
            pytest.param("image_model_id", id="no-value"),
            pytest.param("image_model_id=", id="empty"),
            pytest.param("_id={id}", id="the-name-that-clients-guess"),
            pytest.param("Image_Model_Id={id}", id="another-case"),
            pytest.param("image_model_id[]={id}", id="array"),
            pytest.param("image_model_id[$ne]=x", id="mongo-operator"),
        ],
    )
    def test_a_missing_parameter_is_1003(self, client: Client, query: str) -> None:
        answer = client.get(INFO, query.format(id=client.completed()))

        assert (answer.status, answer.code, answer.msg) == (200, 1003, "parameter validate error")

    @pytest.mark.parametrize(
        "query",
        [
            pytest.param("image_model_id={id}&x=1", id="after"),
            pytest.param("x=1&image_model_id={id}", id="before"),
            pytest.param("_id=wrong&image_model_id={id}&", id="between"),
            pytest.param("image_model_id=%{first:02x}{rest}", id="percent-encoded"),
        ],
    )
    def test_other_parameters_and_other_spellings_do_not_matter(self, client: Client, query: str) -> None:
        job_id = client.completed()

        answer = client.get(INFO, query.format(id=job_id, first=ord(job_id[0]), rest=job_id[1:]))

        assert answer.data["_id"] == job_id

    @pytest.mark.parametrize("job_id", ["0" * 24, "x", "f" * 23, "f" * 5000, "é", "a b"])
    def test_an_unknown_id_is_1008(self, client: Client, job_id: str) -> None:
        answer = client.info(job_id)

        assert (answer.code, answer.msg) == (1008, "content does not exist")

    @pytest.mark.parametrize("family", FAMILIES)
    def test_another_accounts_job_is_1009(self, client: Client, family: str) -> None:
        answer = Client(client.transport, OTHER_KEY).info(client.completed(family))

        assert (answer.code, answer.msg) == (1009, "no permission")

    def test_there_is_no_list_endpoint(self, client: Client) -> None:
        client.completed()

        for path in (
            "/api/open/v3/content/image/list",
            "/api/open/v3/content/image",
            "/api/open/v4/content/image/list",
        ):
            assert client.get(path).status == 404

    @pytest.mark.every_transport
    def test_the_id_in_a_body_is_not_read(self, client: Client) -> None:
        job_id = client.completed()

        answer = client.transport.call(
            "GET", INFO, headers=client.headers, body=f'{{"image_model_id":"{job_id}"}}'.encode()
        )

        assert answer.code == 1003

    @pytest.mark.every_transport
    def test_head_is_get_without_a_body(self, client: Client) -> None:
        query = f"image_model_id={client.completed()}"

        answer = client.transport.call("HEAD", INFO, query, headers=client.headers)

        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["content-length"]) == len(client.get(INFO, query).body)


class TestSection6DemoClient:
    """The vendor's demo client, which stops at status 3 with non-empty upscaled_urls, or for U with an image."""

    @pytest.mark.parametrize("family", FAMILIES)
    @pytest.mark.parametrize("options", [{}, {"realistic": True}], ids=["usual", "realistic"])
    def test_ends(self, open_transport: OpenTransport, family: str, options: dict[str, Any]) -> None:
        client = Client(open_transport(**options))
        job_id = client.made(family)

        asked = 0
        while not _is_done(client.record(job_id), is_upscale=family == "button-U"):
            asked += 1
            assert asked < 25
            client.transport.advance(3)

        assert asked >= 2

    def test_two_accounts_do_not_see_each_other(self, transport: Transport) -> None:
        mine, theirs = Client(transport, KEY), Client(transport, OTHER_KEY)
        ids = [client.completed() for client in (mine, theirs)]

        assert [client.info(job_id).code for client in (mine, theirs) for job_id in ids] == [1000, 1009, 1009, 1000]


def _is_done(record: dict[str, Any], is_upscale: bool) -> bool:
    return record["image_status"] == 3 and bool(record.get("image") if is_upscale else record["upscaled_urls"])
