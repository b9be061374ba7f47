"""Contract section 16: what is special about the families that content/video/infobymodelid shows."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Profile
from mock_akool.akool.families import FAMILIES
from mock_akool.akool.families.content_video import RESULTS
from tests.contract.asking import OTHER, Asker

V3: Final = "/api/open/v3"
INFO: Final = f"{V3}/content/video/infobymodelid"
PHOTO: Final = "https://example.com/portrait.jpg"
SPEECH: Final = "https://example.com/speech.mp3"

CREATES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "createbytalkingphoto": (
        f"{V3}/content/video/createbytalkingphoto",
        {"talking_photo_url": PHOTO, "audio_url": SPEECH, "prompt": "he waves", "resolution": "1080"},
    ),
}
PRICES: Final = {"createbytalkingphoto": 10}
NO_CREDIT: Final = {"createbytalkingphoto": 1104}

every_create = pytest.mark.parametrize("endpoint", CREATES)


class Maker(Asker):
    """A client of these families in this process."""

    def answer(self, endpoint: str, **fields: Any) -> Any:
        path, usual = CREATES[endpoint]
        return self.post(path, {**usual, **fields})

    def made(self, endpoint: str, **fields: Any) -> Any:
        answer = self.answer(endpoint, **fields)
        assert answer["code"] == 1000, answer
        return answer["data"]

    def info(self, job_id: str) -> Any:
        return self.get(INFO, f"video_model_id={job_id}")["data"]

    def done(self, endpoint: str, **fields: Any) -> Any:
        job_id = self.made(endpoint, **fields)["_id"]
        self.mock.clock.advance(5)
        return self.info(job_id)


@pytest.fixture
def maker() -> Maker:
    return Maker()


class TestReader:
    @every_create
    def test_s16_one_reader_shows_them_all(self, maker: Maker, endpoint: str) -> None:
        made = maker.made(endpoint)
        assert maker.mock.calls[-1].endpoint == endpoint
        for status in (1, 2, 3):
            record = maker.info(made["_id"])
            assert (record["_id"], record["create_time"]) == (made["_id"], made["create_time"])
            assert (record["uid"], record["video_status"]) == (made["uid"], status)
            assert bool(record.get("video")) is (status == 3)
            maker.mock.clock.advance(2.5)
        assert maker.mock.calls[-1].endpoint == "video/infobymodelid"

    def test_s16_the_reader_is_for_these_families_only(self, maker: Maker) -> None:
        shown = [each.endpoint for family in FAMILIES if family.reading(RESULTS) for each in family.creates]
        assert set(CREATES) <= set(shown)
        image = maker.post(f"{V3}/content/image/createbyprompt", {"prompt": "x"})["data"]["_id"]
        assert maker.get(INFO, f"video_model_id={image}")["code"] == 1008
        video = maker.made("createbytalkingphoto")["_id"]
        assert maker.get(f"{V3}/content/image/infobymodelid", f"image_model_id={video}")["code"] == 1008

    def test_s16_no_id_is_1003_an_unknown_one_1008_a_foreign_one_1009(self, maker: Maker) -> None:
        job_id = maker.made("createbytalkingphoto")["_id"]
        stranger = Maker(OTHER, maker.mock)
        for client, query, code in (
            (maker, "", 1003),
            (maker, f"image_model_id={job_id}", 1003),
            (maker, f"video_model_id={'0' * 24}", 1008),
            (stranger, f"video_model_id={job_id}", 1009),
        ):
            assert client.get(INFO, query)["code"] == code

    @every_create
    def test_s16_a_failure_has_a_code_and_a_reason_unless_the_setting_says_no(self, endpoint: str) -> None:
        for options, reasons, said in (
            ({}, ("no voice", "too dark"), (1015, "no voice; too dark")),
            ({"video_error_code": 1205}, (), (1205, "create video translate error, please try again later")),
            ({"video_error_code": 1999}, (), (1999, "error")),
            ({"video_error_fields": False}, ("no voice",), (None, None)),
        ):
            maker = Maker(**options)
            job_id = maker.made(endpoint)["_id"]
            assert "error_code" not in maker.info(job_id)
            maker.mock.job(job_id).fail(*reasons)
            record = maker.info(job_id)
            assert record["video_status"] == 4
            assert not record.get("video")
            assert (record.get("error_code"), record.get("error_reason")) == said

    @every_create
    def test_s16_files_are_real_videos_that_tell_their_job(self, maker: Maker, endpoint: str) -> None:
        record = maker.done(endpoint)
        assert re.fullmatch(r"https://d2qf6ukcym4kn9\.cloudfront\.net/\d{13}-\d{4}\.mp4", record["video"])
        answer, body = maker.file(record["video"])
        assert dict(answer.headers)["content-type"] == "video/mp4"
        assert 1000 < len(body) < 200_000
        assert body[4:8] == b"ftyp"
        assert record["_id"].encode() in body


class TestCredits:
    @every_create
    def test_s16_what_they_cost(self, maker: Maker, endpoint: str) -> None:
        maker.made(endpoint)
        assert maker.mock.credits_spent == PRICES[endpoint]

    @pytest.mark.parametrize(("seconds", "cost"), [(0.8, 10), (10, 10), (11.7, 20), (60, 60)])
    def test_s16_each_10_seconds_begun_cost_10(self, seconds: float, cost: int) -> None:
        maker = Maker(media_seconds_by_url=[f"*={seconds}"])
        made = maker.made("createbytalkingphoto")
        assert maker.mock.credits_spent == cost
        assert (made["video_lock_duration"], made["deduction_lock_duration"]) == (seconds, cost)

    @every_create
    def test_s16_out_of_credits_by_family(self, endpoint: str) -> None:
        assert Maker(credits=1).answer(endpoint)["code"] == NO_CREDIT[endpoint]
        family = next(each.name for each in FAMILIES if each.creates[0].endpoint == endpoint)
        options: dict[str, Any] = {f"no_credit_code_{family}": 1005}
        assert Maker(credits=1, **options).answer(endpoint)["code"] == 1005

    def test_s16_what_was_charged_in_the_end(self, maker: Maker) -> None:
        ids = [maker.made("createbytalkingphoto")["_id"] for _ in range(3)]
        assert [maker.info(each)["deduction_duration"] for each in ids] == [0, 0, 0]
        maker.mock.job(ids[0]).fail("no")
        maker.mock.job(ids[1]).fail("no", refund=False)
        maker.mock.clock.advance(5)
        assert [maker.info(each)["deduction_duration"] for each in ids] == [0, 10, 10]
        assert maker.mock.credits_spent == 20


class TestTalkingPhoto:
    def test_s16_the_reply_has_neither_task_id_nor_video_id(self, maker: Maker) -> None:
        made = maker.made("createbytalkingphoto")
        assert list(made) == [
            *("_id", "create_time", "uid", "type", "from", "video_lock_duration", "deduction_lock_duration"),
            *("external_video", "talking_photo", "video", "video_status", "prompt", "resolution"),
            *("faceswap_quality", "storage_loc", "__v"),
        ]
        assert (made["type"], made["from"], made["video_status"], made["video"]) == (5, 2, 1, "")
        assert (made["talking_photo"], made["prompt"], made["resolution"]) == (PHOTO, "he waves", "1080")

    def test_s16_the_result_has_a_video_id(self) -> None:
        for profile, kind, has_own in ((Profile.OBSERVED, (5, 2), True), (Profile.DOCUMENTED, (2, 1), False)):
            record = Maker(profile=profile).done("createbytalkingphoto")
            assert re.fullmatch("[0-9a-f]{32}", record["video_id"])
            assert (record["type"], record["from"]) == kind
            assert ("talking_photo" in record) is has_own

    @pytest.mark.parametrize("resolution", ["720p", 720, 1080.5, ""])
    def test_s16_any_resolution_passes_and_is_echoed_unless_strict(self, maker: Maker, resolution: object) -> None:
        assert maker.made("createbytalkingphoto", resolution=resolution)["resolution"] == resolution
        strict = Maker(talking_photo_strict=True)
        assert strict.answer("createbytalkingphoto", resolution=resolution)["code"] == 1003
        assert strict.made("createbytalkingphoto", resolution="720")["resolution"] == "720"

    def test_s16_scenarios_know_it_by_its_prompt_or_its_photo(self, maker: Maker) -> None:
        maker.made("createbytalkingphoto")
        maker.made("createbytalkingphoto", prompt="")
        assert [job.topic.prompt for job in maker.mock.jobs] == ["he waves", PHOTO]


def test_s16_scenarios_name_the_families_and_the_reader() -> None:
    for name in ("createbytalkingphoto", "talking_photo", "create"):
        maker = Maker()
        maker.mock.on(name).respond(code=1201)
        assert maker.answer("createbytalkingphoto") == {
            "code": 1201,
            "msg": "create audio error, please try again later",
        }
    for name in ("video/infobymodelid", "poll"):
        maker = Maker()
        job_id = maker.made("createbytalkingphoto")["_id"]
        maker.mock.on(name).respond(code=1008)
        assert maker.get(INFO, f"video_model_id={job_id}")["code"] == 1008


def test_s16_a_video_that_never_comes() -> None:
    maker = Maker(mock=MockAkool(scenario="stuck-processing"))
    job_id = maker.made("createbytalkingphoto")["_id"]
    maker.mock.clock.advance(3600)
    assert maker.info(job_id)["video_status"] == 2


# Bad requests: none is a 500, none changes anything, each has its reason in the call log only

_BAD: Final = {"code": 1003, "msg": "parameter validate error"}

BAD_REQUESTS: Final[list[tuple[str, object, str]]] = [
    ("createbytalkingphoto", {"talking_photo_url": None}, "talking_photo_url is missing"),
    ("createbytalkingphoto", {"audio_url": None}, "audio_url is missing"),
    ("createbytalkingphoto", {"audio_url": None, "audioUrl": SPEECH}, "did you mean it by 'audioUrl'"),
    ("createbytalkingphoto", {"talking_photo_url": ""}, "talking_photo_url is ''"),
    ("createbytalkingphoto", {"talking_photo_url": "portrait.jpg"}, "an http or https URL"),
    ("createbytalkingphoto", {"talking_photo_url": [PHOTO]}, "talking_photo_url is"),
    ("createbytalkingphoto", {"audio_url": "data:audio/mp3;base64,AAAA"}, "audio_url is"),
    ("createbytalkingphoto", {"prompt": 5}, "prompt is 5"),
    ("createbytalkingphoto", {"resolution": ["720"]}, "resolution is"),
    ("createbytalkingphoto", {"resolution": True}, "resolution is True"),
    ("createbytalkingphoto", {"webhookUrl": "localhost"}, "webhookUrl is 'localhost'"),
    ("createbytalkingphoto", {"webhookUrl": 5}, "webhookUrl is 5"),
]


@pytest.mark.parametrize(("endpoint", "fields", "reason"), BAD_REQUESTS)
def test_s16_bad_requests_are_1003_and_change_nothing(endpoint: str, fields: dict[str, Any], reason: str) -> None:
    maker = Maker()
    maker.made(endpoint)
    before = repr(maker.mock.jobs), maker.mock.credits
    path, usual = CREATES[endpoint]
    body = {name: value for name, value in {**usual, **fields}.items() if value is not None}
    answer = maker.ask(path, body)
    assert (answer.status, json.loads(answer.body)) == (200, _BAD)
    assert reason in (answer.reason or "")
    assert reason in (maker.mock.calls[-1].response.reason or "")
    assert (repr(maker.mock.jobs), maker.mock.credits) == before


@pytest.mark.parametrize("query", ["", "_id=<id>", "video_model_id=", "video_model_id=<id>&video_model_id=<id>"])
def test_s16_the_reader_without_its_parameter_is_1003(query: str) -> None:
    maker = Maker()
    job_id = maker.made("createbytalkingphoto")["_id"]
    assert maker.get(INFO, query.replace("<id>", job_id)) == _BAD
    assert "video_model_id" in (maker.mock.calls[-1].response.reason or "")
