"""Contract section 3: create an image, v3."""

from __future__ import annotations

from typing import Any

import pytest

from mock_akool import Profile
from tests.contract.client import CREATE_V3, PROMPT, SOURCE, Client
from tests.contract.transports import OpenTransport

SCALES = ["1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3"]
CREATED_KEYS = {
    "_id",
    "uid",
    "create_time",
    "origin_prompt",
    "prompt",
    "type",
    "from",
    "image_status",
    "faceswap_quality",
    "deduction_credit",
    "buttons",
    "used_buttons",
    "upscaled_urls",
}


class TestSection3:
    @pytest.mark.parametrize("profile", Profile)
    def test_the_reply_right_after_creation(self, open_transport: OpenTransport, profile: Profile) -> None:
        client = Client(open_transport(profile=profile))

        data = client.create_v3().data

        assert data.keys() == CREATED_KEYS, "above all there is no image yet, and no source_image"
        fixed = {name: data[name] for name in CREATED_KEYS - {"_id", "uid", "create_time"}}
        assert fixed == {
            "origin_prompt": PROMPT,
            "prompt": PROMPT,
            "type": 4,
            "from": 1,
            "image_status": 1,
            "faceswap_quality": 2,
            "deduction_credit": 2,
            "buttons": [],
            "used_buttons": [],
            "upscaled_urls": [],
        }

    @pytest.mark.parametrize("profile", Profile)
    def test_source_image_is_there_only_if_given(self, open_transport: OpenTransport, profile: Profile) -> None:
        data = Client(open_transport(profile=profile)).create_v3(source_image=SOURCE).data

        assert data.keys() == CREATED_KEYS | {"source_image"}
        assert data["source_image"] == SOURCE

    def test_a_job_that_is_done_at_once_is_still_created_as_queueing(self, client: Client) -> None:
        client.transport.mock.next_job(queueing=0, processing=0)

        data = client.create_v3().data

        assert data.keys() == CREATED_KEYS
        assert (data["image_status"], client.status(data["_id"])) == (1, 3)

    @pytest.mark.parametrize("scale", SCALES)
    def test_the_seven_scales(self, client: Client, scale: str) -> None:
        assert client.create_v3(scale=scale).code == 1000

    @pytest.mark.parametrize("scale", ["Original", "original", "5:4", "1:1 ", "", "1", 1, ["1:1"]])
    def test_there_are_no_others(self, client: Client, scale: object) -> None:
        answer = client.create_v3(scale=scale)

        assert (answer.code, answer.msg) == (1003, "parameter validate error")

    def test_the_default_scale_is_1_to_1(self, open_transport: OpenTransport) -> None:
        """Seen in the image: the same as with the scale spelled out."""
        bodies = []
        for fields in ({}, {"scale": "1:1"}, {"scale": "4:3"}):
            client = Client(open_transport())
            bodies.append(client.download(client.record(client.completed("v3", **fields))["image"]).body)

        assert bodies[0] == bodies[1] != bodies[2]

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            pytest.param({"source_image": SOURCE}, 1000, id="source-image"),
            pytest.param({"source_image": "http://127.0.0.1:9/a?b=c#d"}, 1000, id="source-image-local"),
            pytest.param({"source_image": ""}, 1000, id="source-image-empty"),
            pytest.param({"source_image": None}, 1000, id="source-image-null"),
            pytest.param({"source_image": "cat.png"}, 1003, id="source-image-no-url"),
            pytest.param({"source_image": "ftp://example.com/cat.png"}, 1003, id="source-image-ftp"),
            pytest.param({"source_image": [SOURCE]}, 1003, id="source-image-list"),
            pytest.param({"webhookUrl": "https://example.com/hook"}, 1000, id="webhook"),
            pytest.param({"webhookUrl": ""}, 1000, id="webhook-empty"),
            pytest.param({"webhookUrl": "nowhere"}, 1003, id="webhook-no-url"),
            pytest.param({"webhookUrl": 5}, 1003, id="webhook-number"),
            pytest.param({"webhookurl": 5}, 1000, id="webhook-lower-case-is-unknown"),
            pytest.param({"webhook_url": 5}, 1000, id="webhook-snake-case-is-unknown"),
            pytest.param({"size": "7:5", "model": 5}, 1000, id="size-and-model-are-ignored"),
            pytest.param({"source_images": 5, "batch_quantity": 9}, 1000, id="fields-of-v4-are-ignored"),
            pytest.param({"prompt": ""}, 1003, id="prompt-empty"),
            pytest.param({"prompt": 5}, 1003, id="prompt-number"),
            pytest.param({"prompt": None}, 1003, id="prompt-null"),
        ],
    )
    def test_fields(self, client: Client, fields: dict[str, Any], code: int) -> None:
        assert client.post(CREATE_V3, {"prompt": "a cat", **fields}).code == code
        assert len(client.transport.mock.jobs) == (1 if code == 1000 else 0)

    def test_an_ignored_source_image_is_not_echoed(self, client: Client) -> None:
        assert client.create_v3(source_image="").data.keys() == CREATED_KEYS
        assert client.create_v3(source_image=None).data.keys() == CREATED_KEYS

    def test_the_prompt_is_required(self, client: Client) -> None:
        assert client.post(CREATE_V3, {"scale": "1:1"}).code == 1003

    def test_the_webhook_url_is_kept_with_the_job(self, client: Client) -> None:
        client.create_v3(webhookUrl="https://example.com/hook", webhookurl="https://example.com/other")
        client.create_v3()

        assert [job.input.webhook_url for job in client.transport.mock.jobs] == ["https://example.com/hook", ""]

    @pytest.mark.parametrize(
        "prompt",
        [
            "日本の灯台 🏮",
            "a\u0000b",
            'quo"te\\',
            "x" * 100_000,
            "a\u2028b\u2029c",
            "lone \ud800 surrogate",
            "  padded  ",
        ],
        ids=["unicode", "nul", "quotes", "100-kB", "line-separators", "lone-surrogate", "padded"],
    )
    def test_any_prompt_comes_back_as_it_was_sent(self, client: Client, prompt: str) -> None:
        data = client.create_v3(prompt).data

        assert data["origin_prompt"] == data["prompt"] == prompt
        assert client.record(data["_id"])["origin_prompt"] == prompt

    def test_one_job_makes_four_images(self, client: Client) -> None:
        record = client.record(client.completed())

        pictures = {client.download(url).body for url in record["upscaled_urls"]}
        assert len(pictures) == 4
        assert client.download(record["image"]).body not in pictures, "the grid is a fifth file"
