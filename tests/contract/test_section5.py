"""Contract section 5: act on an image."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mock_akool import Profile, failed
from tests.contract.client import FAMILIES, OTHER_KEY, PRESS, Client
from tests.contract.transports import OpenTransport

BUTTONS = ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]
CREATED_KEYS = {
    "_id",
    "image_content_model_id",
    "create_time",
    "op_button",
    "op_buttonMessageId",
    "image_status",
    "from",
    "faceswap_quality",
    "deduction_credit",
    "buttons",
    "used_buttons",
    "upscaled_urls",
}
PARENTS = ["v3", "v4", "v4-image"]


class TestSection5Reply:
    @pytest.mark.parametrize("button", BUTTONS)
    @pytest.mark.parametrize("profile", Profile)
    def test_the_reply_right_after_the_press(
        self, open_transport: OpenTransport, profile: Profile, button: str
    ) -> None:
        client = Client(open_transport(profile=profile))
        parent = client.completed()
        client.transport.advance(2.5)

        data = client.press(parent, button).data

        assert data.keys() == CREATED_KEYS, "no uid, type, prompt, origin_prompt, source_image; no image yet"
        assert re.fullmatch("[0-9a-f]{24}", data["_id"])
        assert data["_id"] != parent
        assert re.fullmatch("[A-Za-z0-9]{20}", data["op_buttonMessageId"])
        assert {name: data[name] for name in CREATED_KEYS - {"_id", "op_buttonMessageId"}} == {
            "image_content_model_id": parent,
            "create_time": client.transport.now_ms,
            "op_button": button,
            "image_status": 1,
            "from": 1,
            "faceswap_quality": 2,
            "deduction_credit": 2,
            "buttons": [],
            "used_buttons": [],
            "upscaled_urls": [],
        }

    def test_each_press_has_its_own_message_id(self, client: Client) -> None:
        parent = client.completed()

        assert len({client.press(parent, button).data["op_buttonMessageId"] for button in BUTTONS}) == 8

    def test_the_webhook_url_is_kept_with_the_job(self, client: Client) -> None:
        client.press(client.completed(), "U1", webhookUrl="https://example.com/hook", webhookurl=5)

        assert client.transport.mock.jobs[-1].input.webhook_url == "https://example.com/hook"


class TestSection5Buttons:
    @pytest.mark.parametrize("family", PARENTS)
    def test_used_buttons_move_from_buttons_to_used_buttons(self, client: Client, family: str) -> None:
        parent = client.completed(family)

        for pressed in (["V3"], ["V3", "U2"], ["V3", "U2", "U1"]):
            assert client.press(parent, pressed[-1]).code == 1000
            record = client.record(parent)
            assert record["used_buttons"] == pressed
            assert record["buttons"] == [button for button in BUTTONS if button not in pressed]

    @pytest.mark.parametrize("family", PARENTS)
    def test_different_buttons_may_be_under_way_at_the_same_time(self, client: Client, family: str) -> None:
        parent = client.completed(family)

        children = [client.press(parent, button).data["_id"] for button in BUTTONS]

        assert [client.status(child) for child in children] == [1] * 8
        assert client.record(parent)["buttons"] == []
        assert client.record(parent)["used_buttons"] == BUTTONS

    @pytest.mark.parametrize("button", BUTTONS)
    def test_a_used_button_cannot_be_used_again(self, client: Client, button: str) -> None:
        parent = client.completed()
        client.transport.mock.next_job(queueing=0, processing=0, ending=failed("no"))
        client.press(parent, button)

        again = client.press(parent, button)

        assert (again.code, again.msg) == (1011, "already operated")
        assert client.record(parent)["used_buttons"] == [button]

    @pytest.mark.parametrize("n", "1234")
    @pytest.mark.parametrize("family", PARENTS)
    def test_u_gives_one_image(self, client: Client, family: str, n: str) -> None:
        parent = client.completed(family)
        client.transport.mock.next_job(queueing=0, processing=0)

        record = client.record(client.press(parent, f"U{n}").data["_id"])

        assert record["image_status"] == 3
        assert record["upscaled_urls"] == []
        assert record["image"]

    @pytest.mark.parametrize("n", "1234")
    @pytest.mark.parametrize("family", PARENTS)
    def test_v_gives_a_grid_and_four_images(self, client: Client, family: str, n: str) -> None:
        parent = client.completed(family)
        client.transport.mock.next_job(queueing=0, processing=0)

        record = client.record(client.press(parent, f"V{n}").data["_id"])

        assert record["image_status"] == 3
        assert len({record["image"], *record["upscaled_urls"]}) == 5
        assert len(record["upscaled_urls"]) == 4

    @pytest.mark.parametrize("options", [{"profile": "documented"}, {"variations": "one"}], ids=lambda each: str(each))
    @pytest.mark.parametrize("n", "1234")
    def test_v_gives_one_image(self, open_transport: OpenTransport, options: dict[str, Any], n: str) -> None:
        """Families sheet, section 20: the newest page about buttons."""
        client = Client(open_transport(**options))
        parent = client.completed("v4")
        client.transport.mock.next_job(queueing=0, processing=0)
        job = client.press(parent, f"V{n}").data["_id"]

        record = client.record(job)

        assert (record["image_status"], record["upscaled_urls"], record["deduction_credit"]) == (3, [], 2)
        assert client.download(record["image"]).headers["content-type"] == "image/jpeg"

    @pytest.mark.parametrize(("chosen", "images"), [("four", 4), ("one", 0), ("profile", 0)])
    def test_the_number_of_variations_can_be_chosen_in_profile_documented(
        self, open_transport: OpenTransport, chosen: str, images: int
    ) -> None:
        client = Client(open_transport(profile="documented", variations=chosen))

        assert len(client.record(client.completed("button-V"))["upscaled_urls"]) == images

    @pytest.mark.parametrize("family", ["button-U", "button-V"])
    def test_neither_result_offers_buttons_again(self, client: Client, family: str) -> None:
        job_id = client.completed(family)

        record = client.record(job_id)
        assert (record["image_status"], record["buttons"], record["used_buttons"]) == (3, [], [])
        assert [client.press(job_id, button).code for button in BUTTONS] == [1010] * 8

    def test_each_press_shows_another_image(self, client: Client) -> None:
        parent = client.record(client.completed())
        pictures = {client.download(url).body for url in parent["upscaled_urls"]}
        for button in ("U1", "U2"):
            client.transport.mock.next_job(queueing=0, processing=0)
            child = client.record(client.press(parent["_id"], button).data["_id"])
            pictures.add(client.download(child["image"]).body)

        assert len(pictures) == 6


class TestSection5Errors:
    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"_id": ...}, id="no-button"),
            pytest.param({"button": "U1"}, id="no-id"),
            pytest.param({}, id="neither"),
            pytest.param({"_id": ..., "button": None}, id="null-button"),
            pytest.param({"_id": None, "button": "U1"}, id="null-id"),
            pytest.param({"_id": 5, "button": "U1"}, id="number-id"),
            pytest.param({"_id": [...], "button": "U1"}, id="list-of-the-id"),
            pytest.param({"_id": {"$ne": None}, "button": "U1"}, id="mongo-operator"),
            pytest.param({"_id": ..., "button": 1}, id="number-button"),
            pytest.param({"_id": ..., "button": ["U1"]}, id="list-button"),
            pytest.param({"_id": ..., "button": "U0"}, id="U0"),
            pytest.param({"_id": ..., "button": "U5"}, id="U5"),
            pytest.param({"_id": ..., "button": "W1"}, id="W1"),
            pytest.param({"_id": ..., "button": "u1"}, id="lower-case"),
            pytest.param({"_id": ..., "button": "U1 "}, id="padded"),
            pytest.param({"_id": ..., "button": "U11"}, id="U11"),
            pytest.param({"_id": ..., "button": ""}, id="empty-button"),
            pytest.param({"image_model_id": ..., "button": "U1"}, id="the-id-under-another-name"),
            pytest.param({"_id": ..., "button": "U1", "webhookUrl": 5}, id="webhook-number"),
        ],
    )
    def test_1003_a_field_missing_or_wrong(self, client: Client, fields: dict[str, Any]) -> None:
        parent = client.completed()
        # `...` stands for the id of a job that has just been made.
        sent = {
            name: [parent] if value == [...] else parent if value is ... else value for name, value in fields.items()
        }

        answer = client.post(PRESS, sent)

        assert (answer.status, answer.code, answer.msg) == (200, 1003, "parameter validate error")
        assert len(client.transport.mock.jobs) == 1

    @pytest.mark.parametrize("job_id", ["0" * 24, "x", "f" * 23, "f" * 25, "../..", "é", "a b", "null"])
    def test_1008_an_unknown_or_malformed_id(self, client: Client, job_id: str) -> None:
        client.completed()

        answer = client.press(job_id, "U1")

        assert (answer.code, answer.msg) == (1008, "content does not exist")

    def test_1008_an_id_in_upper_case(self, client: Client) -> None:
        job_id = client.completed()
        assert job_id != job_id.upper()

        assert client.press(job_id.upper(), "U1").code == 1008

    @pytest.mark.parametrize("plan", [{}, {"queueing": "forever"}], ids=["completed", "unfinished"])
    @pytest.mark.parametrize("family", FAMILIES)
    def test_1009_the_parent_of_another_account(self, client: Client, family: str, plan: dict[str, Any]) -> None:
        parent = client.made(family, plan)

        answer = Client(client.transport, OTHER_KEY).press(parent, "U1")

        assert (answer.code, answer.msg) == (1009, "no permission")
        assert client.record(parent)["used_buttons"] == []

    @pytest.mark.parametrize(
        "plan",
        [{"queueing": "forever"}, {"processing": "forever"}, {"ending": failed("no")}],
        ids=["queueing", "processing", "failed"],
    )
    @pytest.mark.parametrize("family", PARENTS)
    def test_1010_the_parent_is_not_completed(self, client: Client, family: str, plan: dict[str, Any]) -> None:
        answer = client.press(client.made(family, plan), "U1")

        assert (answer.code, answer.msg) == (1010, "cannot operate this content")

    def test_1010_ends_with_the_completion(self, client: Client) -> None:
        parent = client.made("v3", {"queueing": 1, "processing": 1})

        client.transport.advance(1.999)
        assert client.press(parent, "U1").code == 1010

        client.transport.advance(0.001)
        assert client.press(parent, "U1").code == 1000

    def test_a_refused_press_costs_nothing_and_uses_nothing(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(credits=5))
        parent = client.completed()
        assert client.press(parent, "U1").code == 1000

        refused = [client.press(parent, "U1").code, client.press(parent, "U2").code]

        assert refused == [1011, 1104]
        assert client.credit() == 1
        assert client.record(parent)["used_buttons"] == ["U1"]
        assert len(client.transport.mock.jobs) == 2
