"""Contract section 4: create an image, v4."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mock_akool import Profile
from mock_akool.akool.families.image_v4 import ImageV4
from tests.contract.client import CREATE_V4, PROMPT, SOURCE, Client
from tests.contract.transports import OpenTransport

TEXT_MODEL = "wavespeed-ai/flux-krea-dev-lora"
IMAGE_MODEL = "wavespeed-ai/flux-kontext-dev"
MEITU = "meitu/yunxiu-pro/image-to-image"
SCALES = ["1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3"]
BAD = "parameter validate error"
SOURCE_REQUIRED = "source_images is required for image-to-image model"
CREATED_KEYS = {
    "_id",
    "uid",
    "team_id",
    "create_time",
    "prompt",
    "origin_prompt",
    "source_image",
    "image_status",
    "image_sub_status",
    "deduction_credit",
    "model_name",
    "provider",
    "type",
    "from",
    "sub_type",
    "file_name",
}


def request_of(client: Client, **fields: Any) -> ImageV4:
    """Create a job and return what the fake keeps of the request."""
    assert client.create_v4(**fields).code == 1000
    request = client.transport.mock.jobs[-1].input
    assert isinstance(request, ImageV4)
    return request


class TestSection4Reply:
    @pytest.mark.parametrize(
        ("profile", "keys", "credit"),
        [(Profile.OBSERVED, CREATED_KEYS | {"task_id"}, 4), (Profile.DOCUMENTED, CREATED_KEYS, 1)],
        ids=["observed", "documented"],
    )
    @pytest.mark.parametrize("from_image", [False, True], ids=["text", "image"])
    def test_the_reply_right_after_creation(
        self, open_transport: OpenTransport, profile: Profile, keys: set[str], credit: int, from_image: bool
    ) -> None:
        client = Client(open_transport(profile=profile))
        client.transport.advance(1.25)

        extra: dict[str, Any] = {"source_images": [SOURCE]} if from_image else {}
        data = client.create_v4(**extra).data

        assert data.keys() == keys, "above all there is no image yet"
        changing = {"_id", "uid", "team_id", "task_id"}
        assert {name: value for name, value in data.items() if name not in changing} == {
            "create_time": client.transport.now_ms,
            "prompt": PROMPT,
            "origin_prompt": PROMPT,
            "source_image": SOURCE if from_image else "",
            "image_status": 1,
            "image_sub_status": 1,
            "deduction_credit": credit,
            "model_name": IMAGE_MODEL if from_image else TEXT_MODEL,
            "provider": "wavespeed-ai",
            "type": 4,
            "from": 4,
            "sub_type": 40002 if from_image else 40001,
            "file_name": f"ImageGenerator_{client.transport.now_ms}.png",
        }

    def test_real_records_carry_a_task_id(self, client: Client) -> None:
        created = client.create_v4().data

        assert re.fullmatch("[0-9a-f]{32}", created["task_id"])
        assert client.record(created["_id"])["task_id"] == created["task_id"]
        assert client.create_v4().data["task_id"] != created["task_id"]

    def test_the_team_is_stable_per_account(self, client: Client) -> None:
        teams = [client.create_v4().data["team_id"] for _ in range(2)]

        assert teams[0] == teams[1] != Client(client.transport, "another").create_v4().data["team_id"]

    @pytest.mark.parametrize(
        "fields", [{}, {"batch_quantity": 1}, {"batch_quantity": None}], ids=["absent", "1", "null"]
    )
    def test_a_batch_of_1_is_one_object(self, client: Client, fields: dict[str, Any]) -> None:
        assert isinstance(client.create_v4(**fields).data, dict)
        assert len(client.transport.mock.jobs) == 1

    @pytest.mark.parametrize("count", [2, 3, 4])
    @pytest.mark.parametrize("from_image", [False, True], ids=["text", "image"])
    def test_a_batch_of_2_to_4_is_an_array(self, client: Client, count: int, from_image: bool) -> None:
        extra: dict[str, Any] = {"source_images": [SOURCE]} if from_image else {}

        data = client.create_v4(batch_quantity=count, **extra).data

        assert isinstance(data, list)
        assert len(data) == count
        assert len({each["_id"] for each in data}) == count
        assert len({each["task_id"] for each in data}) == count
        times = [each["create_time"] for each in data]
        assert times == sorted(set(times)), "create_time rises"
        assert times[0] == client.transport.now_ms
        assert {each["uid"] for each in data} == {data[0]["uid"]}
        for each in data:
            assert each.keys() == CREATED_KEYS | {"task_id"}
            assert each["file_name"] == f"ImageGenerator_{each['create_time']}.png"
            assert client.record(each["_id"])["create_time"] == each["create_time"]

    def test_the_jobs_of_a_batch_are_made_at_the_same_time(self, client: Client) -> None:
        """Though `create_time` rises: a client on a clock that stands still would else wait forever."""
        plans: list[dict[str, Any]] = [
            {"queueing": 0, "processing": 0},
            {"queueing": "1 poll", "processing": "1 poll"},
            {"queueing": 1, "processing": 1},
        ]
        for plan in plans:
            for _ in range(4):
                client.transport.mock.next_job(**plan)
        at_once, by_polls, by_time = (
            [each["_id"] for each in client.create_v4(batch_quantity=4).data] for _ in range(3)
        )

        assert [client.status(job_id) for job_id in at_once] == [3] * 4
        assert [client.status(job_id) for _ in range(3) for job_id in by_polls] == [1] * 4 + [2] * 4 + [3] * 4
        client.transport.advance(2)
        assert [client.status(job_id) for job_id in by_time] == [3] * 4

    def test_each_of_a_batch_has_an_image_of_its_own(self, client: Client) -> None:
        for _ in range(4):
            client.transport.mock.next_job(queueing=0, processing=0)
        ids = [each["_id"] for each in client.create_v4(batch_quantity=4).data]

        images = [client.record(job_id)["image"] for job_id in ids]

        assert len(set(images)) == 4
        assert len({client.download(url).body for url in images}) == 4


class TestSection4Request:
    @pytest.mark.parametrize(
        ("fields", "model", "from_image"),
        [
            pytest.param({}, TEXT_MODEL, False, id="absent-without-source"),
            pytest.param({"source_images": []}, TEXT_MODEL, False, id="absent-with-empty-list"),
            pytest.param({"source_images": [SOURCE]}, IMAGE_MODEL, True, id="absent-with-source"),
            pytest.param({"model_name": TEXT_MODEL}, TEXT_MODEL, False, id="text"),
            pytest.param({"model_name": IMAGE_MODEL, "source_images": [SOURCE]}, IMAGE_MODEL, True, id="image"),
            pytest.param(
                {"model_name": MEITU, "source_images": [SOURCE], "parameter": {"any": ["thing"]}},
                MEITU,
                True,
                id="meitu",
            ),
        ],
    )
    def test_models(self, client: Client, fields: dict[str, Any], model: str, from_image: bool) -> None:
        data = client.create_v4(**fields).data

        assert data["model_name"] == model
        assert data["sub_type"] == (40002 if from_image else 40001)
        assert data["source_image"] == (SOURCE if from_image else "")

    @pytest.mark.parametrize("model", [None, IMAGE_MODEL], ids=["absent", "named"])
    def test_only_the_first_source_image_is_used(self, client: Client, model: str | None) -> None:
        data = client.create_v4(source_images=[SOURCE, "https://example.com/two.png"], model_name=model).data

        assert data["source_image"] == SOURCE

    @pytest.mark.parametrize("fields", [{}, {"prompt": ""}, {"prompt": None}], ids=["absent", "empty", "null"])
    def test_meitu_needs_no_prompt(self, client: Client, fields: dict[str, Any]) -> None:
        data = client.post(CREATE_V4, {"model_name": MEITU, "source_images": [SOURCE], "parameter": {}, **fields}).data

        assert data["prompt"] == data["origin_prompt"] == ""

    @pytest.mark.parametrize("scale", SCALES)
    @pytest.mark.parametrize("extra", [{}, {"source_images": [SOURCE]}], ids=["text", "image"])
    def test_the_seven_scales(self, client: Client, scale: str, extra: dict[str, Any]) -> None:
        assert request_of(client, scale=scale, **extra).scale == scale

    def test_original_is_for_image_to_image_only(self, client: Client) -> None:
        assert request_of(client, scale="Original", source_images=[SOURCE]).scale == "Original"
        assert client.create_v4(scale="Original").code == 1003
        assert client.create_v4(scale="original", source_images=[SOURCE]).code == 1003

    def test_defaults(self, client: Client) -> None:
        request = request_of(client)

        assert (request.scale, request.resolution, request.batch_quantity) == ("1:1", "4k", 1)
        assert (request.similar, request.negative_prompt, request.webhook_url) == (0.5, None, "")

    @pytest.mark.parametrize("resolution", ["1080p", "4k"])
    def test_resolutions(self, client: Client, resolution: str) -> None:
        assert request_of(client, resolution=resolution).resolution == resolution

    @pytest.mark.parametrize("similar", [0, 0.25, 1, 1.0, 1e-9])
    def test_similar_is_a_number_from_0_to_1(self, client: Client, similar: float) -> None:
        assert request_of(client, source_images=[SOURCE], similar=similar).similar == similar

    def test_the_negative_prompt_is_stored_with_the_job(self, client: Client) -> None:
        assert request_of(client, negative_prompt="no people").negative_prompt == "no people"

    def test_the_webhook_key_is_all_lower_case(self, client: Client) -> None:
        assert request_of(client, webhookurl="https://example.com/hook").webhook_url == "https://example.com/hook"
        assert request_of(client, webhookurl="").webhook_url == ""

    def test_a_webhook_key_in_v3s_case_is_an_unknown_field(self, client: Client) -> None:
        assert request_of(client, webhookUrl="https://example.com/hook").webhook_url == ""
        assert request_of(client, webhookUrl=5).webhook_url == ""


class TestSection4BadRequests:
    @pytest.mark.parametrize(
        ("fields", "msg"),
        [
            pytest.param({"model_name": "flux"}, BAD, id="another-model"),
            pytest.param({"model_name": TEXT_MODEL.upper()}, BAD, id="model-in-another-case"),
            pytest.param({"model_name": ""}, BAD, id="empty-model"),
            pytest.param({"model_name": IMAGE_MODEL}, SOURCE_REQUIRED, id="kontext-without-source"),
            pytest.param({"model_name": IMAGE_MODEL, "source_images": []}, SOURCE_REQUIRED, id="kontext-empty-source"),
            pytest.param({"model_name": IMAGE_MODEL, "source_images": None}, SOURCE_REQUIRED, id="kontext-null-source"),
            pytest.param({"model_name": IMAGE_MODEL, "source_image": SOURCE}, SOURCE_REQUIRED, id="kontext-singular"),
            pytest.param({"model_name": MEITU, "source_images": [SOURCE]}, BAD, id="meitu-without-parameter"),
            pytest.param({"model_name": MEITU, "source_images": [SOURCE], "parameter": "x"}, BAD, id="meitu-text"),
            pytest.param({"scale": "7:5"}, BAD, id="scale"),
            pytest.param({"scale": 1}, BAD, id="scale-number"),
            pytest.param({"resolution": "8k"}, BAD, id="resolution"),
            pytest.param({"resolution": "4K"}, BAD, id="resolution-in-another-case"),
            pytest.param({"resolution": 1080}, BAD, id="resolution-number"),
            pytest.param({"batch_quantity": 0}, BAD, id="batch-0"),
            pytest.param({"batch_quantity": 5}, BAD, id="batch-5"),
            pytest.param({"batch_quantity": -1}, BAD, id="batch-negative"),
            pytest.param({"batch_quantity": 1.5}, BAD, id="batch-fraction"),
            pytest.param({"batch_quantity": "2"}, BAD, id="batch-text"),
            pytest.param({"batch_quantity": True}, BAD, id="batch-true"),
            pytest.param({"batch_quantity": [2]}, BAD, id="batch-list"),
            pytest.param({"similar": 1.01}, BAD, id="similar-above-1"),
            pytest.param({"similar": -0.1}, BAD, id="similar-below-0"),
            pytest.param({"similar": "0.5"}, BAD, id="similar-text"),
            pytest.param({"negative_prompt": 5}, BAD, id="negative-prompt-number"),
            pytest.param({"source_images": SOURCE}, BAD, id="source-text"),
            pytest.param({"source_images": [5]}, BAD, id="source-of-numbers"),
            pytest.param({"source_images": ["cat.png"]}, BAD, id="source-no-url"),
            pytest.param({"webhookurl": 5}, BAD, id="webhook-number"),
            pytest.param({"webhookurl": "nowhere"}, BAD, id="webhook-no-url"),
            pytest.param({"prompt": ""}, BAD, id="prompt-empty"),
            pytest.param({"prompt": None}, BAD, id="prompt-null"),
            pytest.param({"prompt": ["a cat"]}, BAD, id="prompt-list"),
        ],
    )
    def test_is_1003(self, client: Client, fields: dict[str, Any], msg: str) -> None:
        answer = client.post(CREATE_V4, {"prompt": "a cat", **fields})

        assert (answer.status, answer.code, answer.msg) == (200, 1003, msg)
        assert client.transport.mock.jobs == ()
        assert client.credit() == 1000

    def test_no_prompt(self, client: Client) -> None:
        answer = client.post(CREATE_V4, {})

        assert (answer.code, answer.msg) == (1003, BAD)
