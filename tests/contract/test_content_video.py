"""Contract section 16: what is special about the families that content/video/infobymodelid shows."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Profile, Request
from mock_akool.akool.families import FAMILIES
from mock_akool.akool.families.content_video import RESULTS
from mock_akool.diagnostics.hints import find_hints
from mock_akool.diagnostics.observations import Observations
from tests.contract.asking import OTHER, Asker

V3: Final = "/api/open/v3"
INFO: Final = f"{V3}/content/video/infobymodelid"
PHOTO: Final = "https://example.com/portrait.jpg"
SPEECH: Final = "https://example.com/speech.mp3"
FILM: Final = "https://example.com/film.mp4"
AVATAR: Final = {"type": "avatar", "avatar_id": "Alinna_01", "scale_x": 1, "scale_y": 1}
SOUND: Final = {"type": "audio", "url": SPEECH}
SPOKEN: Final = {"type": "audio", "input_text": "Hello", "voice_id": "v1"}
LIST: Final = f"{V3}/avatar/list"

CREATES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "createbytalkingphoto": (
        f"{V3}/content/video/createbytalkingphoto",
        {"talking_photo_url": PHOTO, "audio_url": SPEECH, "prompt": "he waves", "resolution": "1080"},
    ),
    "talkingavatar/create": (f"{V3}/talkingavatar/create", {"elements": [AVATAR, SOUND]}),
    "lipsync": (f"{V3}/content/video/lipsync", {"video_url": FILM, "audio_url": SPEECH}),
    "createbytranslate": (f"{V3}/content/video/createbytranslate", {"url": FILM, "language": "es,fr"}),
    "characterSwap/create": ("/api/open/v4/characterSwap/create", {"image": PHOTO, "video": FILM}),
}
PRICES: Final = {
    "createbytalkingphoto": 10,
    "talkingavatar/create": 10,
    "lipsync": 10,
    "createbytranslate": 2 * 2,
    "characterSwap/create": 2 * 10,
}
NO_CREDIT: Final = {**dict.fromkeys(CREATES, 1104), "talkingavatar/create": 1006}
OF_FAILURES: Final = [endpoint for endpoint in CREATES if endpoint != "characterSwap/create"]
"""The creates whose failed records have an error_code."""

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

    def test_s16_a_task_id_is_no_id_of_the_reader(self, maker: Maker) -> None:
        made = maker.made("createbytranslate")
        assert maker.get(INFO, f"video_model_id={made['task_id']}")["code"] == 1008
        hints = find_hints(Observations.of(maker.mock.engine))
        assert any(f"is the `task_id` of job {made['_id']}" in each for each in hints), hints

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

    @pytest.mark.parametrize("endpoint", OF_FAILURES)
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
            assert (record["video_status"], record["video"]) == (4, "")
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


class TestWebhooks:
    @pytest.mark.parametrize(
        ("endpoint", "field", "word", "states"),
        [
            ("createbytalkingphoto", "webhookUrl", "talking photo", [2, 3]),
            ("talkingavatar/create", "webhookUrl", "avatar", [2, 3]),
            ("lipsync", "webhookUrl", "lipsync", [2, 3]),
            ("createbytranslate", "webhookUrl", "video translate", [2, 3]),
            ("characterSwap/create", "webhookurl", "character swap", [3]),
        ],
    )
    def test_s16_each_family_has_its_word(self, endpoint: str, field: str, word: str, states: list[int]) -> None:
        maker = Maker()
        maker.mock.webhooks.collect()
        maker.made(endpoint, **{field: "http://127.0.0.1:9/hook"})
        maker.mock.clock.advance(5)
        first = maker.mock.jobs[0].id
        told = [json.loads(each.payload) for each in maker.mock.webhooks if each.job_id == first]
        assert [each["status"] for each in told] == states
        assert {each["type"] for each in told} == {word}
        assert told[-1]["url"] == maker.info(first)["video"]

    def test_s16_the_word_of_a_character_swap_is_a_setting(self) -> None:
        maker = Maker(webhook_type_character_swap="swap")
        maker.mock.webhooks.collect()
        maker.made("characterSwap/create", webhookurl="http://127.0.0.1:9/hook")
        maker.mock.clock.advance(5)
        assert json.loads(maker.mock.webhooks[-1].payload)["type"] == "swap"


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


class TestTalkingAvatar:
    def test_s16_the_reply_and_the_result(self, maker: Maker) -> None:
        made = maker.made("talkingavatar/create")
        assert set(made) == {"_id", "uid", "video_id", "task_id", "video_status", "video", "create_time"}
        assert re.fullmatch("[0-9a-f]{24}", made["task_id"])
        assert re.fullmatch("[0-9a-f-]{36}", made["video_id"])
        maker.mock.clock.advance(5)
        record = maker.info(made["_id"])
        assert set(record) == {
            *("_id", "create_time", "uid", "video_id", "deduction_duration", "video_status", "video"),
        }
        assert (record["video_id"], record["deduction_duration"]) == (made["video_id"], 10)

    @pytest.mark.parametrize(
        "elements",
        [
            [AVATAR, SPOKEN],
            [SPOKEN, {"type": "image", "url": PHOTO}, AVATAR],
            [AVATAR, {**SPOKEN, "url": SPEECH, "voice_id": None}],
            [AVATAR, SOUND, {"type": "image", "url": "#ffffff00", "scale_x": "1", "offset_y": -5.5}],
            [AVATAR, SOUND, {"type": "image", "url": "ffffff00"}],
            [{**AVATAR, "layer_number": 3}, {**SOUND, "voice_clone": True}, {"type": "subtitle"}],
        ],
    )
    def test_s16_elements(self, maker: Maker, elements: list[object]) -> None:
        assert maker.made("talkingavatar/create", elements=elements)

    def test_s16_an_own_avatar_may_be_a_url(self, maker: Maker) -> None:
        own = [{"type": "avatar", "url": FILM}, SOUND]
        assert maker.made("talkingavatar/create", elements=own, avatar_from=3)
        assert maker.made("talkingavatar/create", elements=own, avatar_from="3")
        assert maker.answer("talkingavatar/create", elements=own)["code"] == 1003

    @pytest.mark.parametrize(("width", "height"), [(1280, 720), (1080, 1920), ("1920", 1080)])
    def test_s16_other_sizes_pass_unless_strict(self, maker: Maker, width: object, height: int) -> None:
        assert maker.made("talkingavatar/create", width=width, height=height)
        strict = Maker(talking_avatar_strict_size=True)
        assert strict.answer("talkingavatar/create", width=width, height=height)["code"] == 1003
        assert strict.made("talkingavatar/create", width=3840, height=2160)

    @pytest.mark.parametrize("limit", [5000, 10_000])
    def test_s16_how_long_a_text_may_be(self, limit: int) -> None:
        maker = Maker(tts_text_limit=limit)
        for more, code in ((0, 1000), (1, 1003)):
            spoken = {**SPOKEN, "input_text": "x" * (limit + more)}
            assert maker.answer("talkingavatar/create", elements=[AVATAR, spoken])["code"] == code

    def test_s16_it_is_about_what_is_spoken(self, maker: Maker) -> None:
        maker.made("talkingavatar/create", elements=[AVATAR, SPOKEN])
        maker.made("talkingavatar/create")
        assert [job.topic.prompt for job in maker.mock.jobs] == ["Hello", SPEECH]


class TestAvatars:
    def own(self, maker: Maker, **fields: Any) -> Any:
        usual = {"url": FILM, "avatar_id": "me1", "type": 1, "name": "Me"}
        return maker.post(f"{V3}/avatar/create", {**usual, **fields})

    def test_s16_an_own_avatar_becomes_ready_and_costs_nothing(self, maker: Maker) -> None:
        answer = self.own(maker)
        assert (answer["code"], answer["msg"]) == (1000, "ok")
        made = answer["data"]
        assert made == {**made, "type": 1, "from": 3, "status": 1, "name": "Me", "url": FILM}
        for status in (1, 2, 3):
            shown = maker.get(f"{V3}/avatar/detail", f"id={made['_id']}")
            assert shown["msg"] == "ok"
            record = shown["data"]
            assert (record["status"], record["url"]) == (status, FILM)
            maker.mock.clock.advance(2.5)
        assert maker.mock.credits_spent == 0
        assert maker.get(INFO, f"video_model_id={made['_id']}")["code"] == 1008
        assert maker.get(f"{V3}/avatar/detail", f"id={'0' * 24}")["code"] == 1008
        assert maker.get(f"{V3}/avatar/detail")["code"] == 1003

    def test_s16_profile_documented_has_lists(self) -> None:
        maker = Maker(profile=Profile.DOCUMENTED)
        (made,) = self.own(maker)["data"]
        (record,) = maker.get(f"{V3}/avatar/detail", f"id={made['_id']}")["data"]
        assert record["_id"] == made["_id"]
        rows = maker.get(LIST)["data"]
        assert isinstance(rows, list)
        assert set(rows[0]) == {"name", "avatar_id", "url", "gender", "thumbnailUrl", "from"}

    def test_s16_the_list_has_the_vendors_and_own_ones(self, maker: Maker) -> None:
        self.own(maker)
        self.own(Maker(OTHER, maker.mock))
        answer = maker.get(LIST, "from=2,3&page=1&size=100")
        assert (answer["msg"], answer["data"]["count"], len(answer["data"]["result"])) == ("ok", 101, 100)
        assert maker.get(LIST, "from=2")["data"]["count"] == 100
        (own,) = maker.get(LIST, "from=3")["data"]["result"]
        assert (own["avatar_id"], own["from"], own["status"], own["thumbnailUrl"]) == ("me1", 3, 1, "")
        maker.mock.clock.advance(5)
        (own,) = maker.get(LIST, "from=3")["data"]["result"]
        assert maker.file(own["thumbnailUrl"])[0].status == 200
        first = maker.get(LIST)["data"]["result"][0]
        assert {"_id", "uid", "type", "sort", "disabled", "create_time", "modify_url", "crop_arr"} < set(first)
        for name, kind in (("url", "video/mp4"), ("thumbnailUrl", "image/jpeg")):
            answer, body = maker.file(first[name])
            assert (answer.status, dict(answer.headers)["content-type"]) == (200, kind)
            assert len(body) > 1000

    def test_s16_pages_and_types(self, maker: Maker) -> None:
        rows = [row["avatar_id"] for n in (1, 2) for row in maker.get(LIST, f"size=50&page={n}")["data"]["result"]]
        assert rows == [row["avatar_id"] for row in maker.get(LIST)["data"]["result"]]
        assert len(set(rows)) == 100
        kinds = {n: maker.get(LIST, f"type={n}")["data"]["count"] for n in ("1", "2", "1,2")}
        assert kinds == {"1": 80, "2": 20, "1,2": 100}
        assert maker.get(LIST, "page=9")["data"] == {"result": [], "count": 100}

    @pytest.mark.parametrize(
        "query",
        ["from=1", "from=2,x", "type=3", "page=0", "size=0", "size=-1", "page=9999999999999"],
    )
    def test_s16_bad_queries(self, maker: Maker, query: str) -> None:
        name = query.partition("=")[0]
        assert maker.get(LIST, query) == _BAD
        assert (maker.mock.calls[-1].response.reason or "").startswith(f"{name} ")
        assert " it takes " in (maker.mock.calls[-1].response.reason or "")

    def test_s16_a_query_of_too_many_fields(self, maker: Maker) -> None:
        assert maker.get(LIST, "&".join(f"a{n}=1" for n in range(101))) == _BAD

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"url": ""}, "url is ''"),
            ({"avatar_id": "not-plain"}, "letters and digits"),
            ({"avatar_id": ""}, "avatar_id is ''"),
            ({"type": 3}, "type is 3"),
            ({"type": "both"}, "type is 'both'"),
            ({"url_from": 0}, "url_from is 0"),
            ({"name": 5}, "name is 5"),
        ],
    )
    def test_s16_bad_avatars(self, maker: Maker, fields: dict[str, Any], reason: str) -> None:
        assert self.own(maker, **fields) == _BAD
        assert reason in (maker.mock.calls[-1].response.reason or "")
        assert maker.mock.jobs == ()


class TestLipsync:
    def test_s16_the_reply_has_other_names_than_the_request(self, maker: Maker) -> None:
        made = maker.made("lipsync")
        assert (made["target_video"], made["input_audio"]) == (FILM, SPEECH)
        assert (made["type"], made["from"], made["lipsync"], made["webhookUrl"]) == (9, 2, True, "")
        assert re.fullmatch("[0-9a-f-]{36}", made["video_id"])
        assert re.fullmatch("[0-9a-f]{24}", made["task_id"])
        assert maker.info(made["_id"])["video_id"] == made["video_id"]

    def test_s16_the_same_video_again(self, maker: Maker) -> None:
        for _ in range(2):
            assert maker.answer("lipsync")["code"] == 1000
        once = Maker(lipsync_once=True)
        assert once.answer("lipsync")["code"] == 1000
        assert once.answer("lipsync", audio_url=f"{SPEECH}?2")["code"] == 1202
        assert "before" in (once.mock.calls[-1].response.reason or "")
        assert once.answer("lipsync", video_url=f"{FILM}?2")["code"] == 1000
        assert Maker(OTHER, once.mock).answer("lipsync")["code"] == 1000
        assert once.mock.credits_spent == 30

    @pytest.mark.parametrize("code", [1203, 1204, 1207, 1209, 1210, 1211])
    def test_s16_limits_of_the_file_are_for_scripts(self, code: int) -> None:
        maker = Maker()
        maker.mock.on("lipsync").respond(code=code)
        answer = maker.answer("lipsync")
        assert answer["code"] == code
        assert answer["msg"] != "error"
        assert maker.mock.jobs == ()


class TestTranslate:
    def test_s16_there_is_a_job_for_each_language(self, maker: Maker) -> None:
        answer = maker.answer("createbytranslate", language="es, fr,es")
        assert list(answer) == ["code", "msg", "data", "all_results"]
        assert [(each["code"], each["data"]["language"]) for each in answer["all_results"]] == [
            (1000, "es"),
            (1000, "fr"),
        ]
        assert [each["data"]["_id"] for each in answer["all_results"]] == [job.id for job in maker.mock.jobs]
        assert answer["data"] == answer["all_results"][-1]["data"]
        row = answer["data"]
        assert (row["target_video"], row["source_language"], row["lipSyncType"]) == (FILM, "DEFAULT", 0)
        assert row["video_id"] == row["task_id"]
        assert re.fullmatch(r"md5_\d{13}", row["target_video_md5"])

    def test_s16_data_may_be_the_first(self) -> None:
        answer = Maker(translate_data="first").answer("createbytranslate")
        assert answer["data"] == answer["all_results"][0]["data"]

    @pytest.mark.parametrize(("seconds", "cost"), [(10, 4), (16.44, 8)])
    def test_s16_each_language_costs(self, seconds: float, cost: int) -> None:
        maker = Maker(media_seconds_by_url=[f"*={seconds}"])
        row = maker.made("createbytranslate")
        assert maker.mock.credits_spent == cost
        assert (row["video_lock_duration"], row["deduction_lock_duration"]) == (seconds, cost // 2)

    def test_s16_a_refused_language_is_an_entry_with_a_code(self) -> None:
        maker = Maker(translate_refused_languages=["fr", "ja"])
        answer = maker.answer("createbytranslate", language="ja,es,fr")
        assert [each["code"] for each in answer["all_results"]] == [1205, 1000, 1205]
        assert answer["all_results"][0] == {
            "code": 1205,
            "msg": "create video translate error, please try again later",
        }
        assert answer["code"] == 1000
        assert answer["data"]["language"] == "es"
        assert (len(maker.mock.jobs), maker.mock.credits_spent) == (1, 2)
        assert maker.answer("createbytranslate", language="ja,fr")["code"] == 1205
        assert len(maker.mock.jobs) == 1
        other = Maker(translate_refused_languages=["fr"], translate_refused_code=1201)
        assert other.answer("createbytranslate")["all_results"][1]["code"] == 1201

    def test_s16_progress_and_files(self, maker: Maker) -> None:
        job_id = maker.made("createbytranslate")["_id"]
        seen = []
        for _ in range(3):
            record = maker.info(job_id)
            seen.append((record["progress"], record["language"], "audio_splits" in record))
            maker.mock.clock.advance(2.5)
        assert seen == [(0, "fr", False), (50, "fr", False), (100, "fr", True)]
        splits = record["audio_splits"]
        assert list(splits) == ["original_srt_url", "translated_srt_url", "no_caption_video_url"]
        name = (
            r"https://d3323c6w59hl44\.cloudfront\.net/algorithm/video_translate/260101/default/[0-9a-z]{12}\.(srt|mp4)"
        )
        for url, kind in zip(splits.values(), ["application/x-subrip"] * 2 + ["video/mp4"], strict=True):
            assert re.fullmatch(name, url)
            answer, body = maker.file(url)
            assert (answer.status, answer.job_id, dict(answer.headers)["content-type"]) == (200, job_id, kind)
            assert 1000 < len(body) < 200_000
            assert job_id.encode() in body
        assert maker.file(splits["translated_srt_url"])[1] != maker.file(splits["original_srt_url"])[1]
        maker.mock.engine.delete(job_id)
        assert {maker.file(url)[0].status for url in splits.values()} == {403}

    def test_s16_files_of_each_language_are_its_own(self, maker: Maker) -> None:
        answer = maker.answer("createbytranslate")
        early = [maker.info(each["data"]["_id"]) for each in answer["all_results"]]
        assert not any(each["video"] for each in early)
        maker.mock.clock.advance(5)
        records = [maker.info(each["data"]["_id"]) for each in answer["all_results"]]
        urls = {url for each in records for url in (each["video"], *each["audio_splits"].values())}
        assert len(urls) == 8

    def test_s16_dead_fields_are_ignored(self, maker: Maker) -> None:
        assert maker.made("createbytranslate", merge_interval=1, face_enhance=True, voices_map={}, voice_id="x")

    def test_s16_the_languages_are_listed(self) -> None:
        for profile, keys in (
            (Profile.OBSERVED, {"lang_code", "lang_name", "url", "need_voice_id"}),
            (Profile.DOCUMENTED, {"lang_code", "lang_name", "url"}),
        ):
            maker = Maker(profile=profile)
            rows = maker.get(f"{V3}/language/list")["data"]["lang_list"]
            assert all(set(row) == keys for row in rows)
            codes = ",".join(row["lang_code"] for row in rows)
            assert len(maker.answer("createbytranslate", language=codes)["all_results"]) == len(rows) > 20

    def test_s16_the_voices_of_a_language_are_gone(self, maker: Maker) -> None:
        answer = maker.mock.answer(Request.build("GET", "/api/open/v4/voice/videoTranslation", "", maker.headers))
        assert answer.status == 404

    def test_s16_one_language_fails(self) -> None:
        maker = Maker(scenario="one-language-fails")
        answer = maker.answer("createbytranslate", language="es,fr,de")
        maker.mock.clock.advance(5)
        records = [maker.info(each["data"]["_id"]) for each in answer["all_results"]]
        assert [each["video_status"] for each in records] == [3, 4, 3]
        assert records[1]["error_reason"] == "the speech of this language could not be made"
        assert maker.mock.credits_spent == 4
        assert maker.made("createbytalkingphoto")


class TestCharacterSwap:
    def test_s16_the_create_says_status_and_the_reader_video_status(self, maker: Maker) -> None:
        made = maker.made("characterSwap/create")
        assert made["status"] == 1
        assert not {"video_status", "video"} & made.keys()
        assert (made["image_url"], made["video_url"], made["mode"]) == (PHOTO, FILM, "animate")
        assert made["file_name"] == f"CharacterSwap_{made['create_time']}.mp4"
        seen = []
        for _ in range(3):
            record = maker.info(made["_id"])
            assert not {"status", "mode", "model_name"} & record.keys()
            assert record["video_url"] == FILM
            seen.append((record["video_status"], "video" in record, "update_time" in record))
            maker.mock.clock.advance(2.5)
        assert seen == [(1, False, False), (2, False, False), (3, True, True)]

    @pytest.mark.parametrize("usual", [True, False])
    def test_s16_a_failure_is_free_and_says_why(self, usual: bool) -> None:
        maker = Maker(refund_on_failure=usual)
        ids = [maker.made("characterSwap/create")["_id"] for _ in range(3)]
        maker.mock.job(ids[0]).fail("two people")
        maker.mock.job(ids[1]).fail()
        maker.mock.job(ids[2]).fail("no", refund=False)
        rows = [maker.info(each) for each in ids]
        assert [row["deduction_credit"] for row in rows] == [0, 0, 20]
        assert [row["faceswap_fail_reason"] for row in rows][::2] == ["two people", "no"]
        assert rows[1]["faceswap_fail_reason"]
        assert not any({"video", "error_code"} & row.keys() for row in rows)
        assert all("update_time" in row for row in rows)
        assert maker.mock.credits_spent == 20

    @pytest.mark.parametrize(
        ("fields", "cost"),
        [
            ({}, 20),
            ({"resolution": "480p"}, 10),
            ({"resolution": "1080p"}, 30),
            ({"duration": 5}, 10),
            ({"duration": 5.1}, 20),
            ({"duration": "120", "resolution": "1080p"}, 360),
        ],
    )
    def test_s16_each_5_seconds_cost_by_resolution(self, maker: Maker, fields: dict[str, Any], cost: int) -> None:
        made = maker.made("characterSwap/create", **fields)
        assert (made["deduction_credit"], maker.mock.credits_spent) == (cost, cost)
        assert made["video_duration"] == float(fields.get("duration", 10))

    def test_s16_newer_models_take_longer_prompts_and_are_echoed(self, maker: Maker) -> None:
        kling = "kwaivgi/kling-v2.6-pro/motion-control"
        assert maker.answer("characterSwap/create", prompt="x" * 501)["code"] == 1003
        more = {"character_orientation": "video", "keep_original_sound": True, "negative_prompt": "blur"}
        made = maker.made("characterSwap/create", prompt="x" * 501, model_name=kling, **more)
        assert (made["character_orientation"], made["keep_original_sound"]) == ("video", True)
        assert "negative_prompt" not in made
        assert maker.made("characterSwap/create")["model_name"] == "wavespeed-ai/wan-2.2/animate"

    @pytest.mark.parametrize(("seconds", "code"), [(2, 1003), (3, 1000), ("30", 1000), (30.5, 1003), (31, 1003)])
    def test_s16_newer_models_take_3_to_30_seconds(self, maker: Maker, seconds: object, code: int) -> None:
        kling = "kwaivgi/kling-v2.6-std/motion-control"
        assert maker.answer("characterSwap/create", model_name=kling, duration=seconds)["code"] == code
        if code != 1000:
            assert f"{kling} takes 3 to 30" in (maker.mock.calls[-1].response.reason or "")
        assert maker.answer("characterSwap/create", duration=seconds)["code"] == 1000

    def test_s16_what_needs_a_plan_can_be_refused(self) -> None:
        assert Maker(plan_gate=True).answer("characterSwap/create")["code"] == 1003
        assert Maker(plan_gate=True, plan_gate_code=1213).answer("characterSwap/create")["code"] == 1213


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
    ("talkingavatar/create", {"elements": None, "avatar_id": "a", "input_text": "x"}, "elements is missing"),
    ("talkingavatar/create", {"elements": {}}, "a list of elements"),
    ("talkingavatar/create", {"elements": []}, "elements has no avatar"),
    ("talkingavatar/create", {"elements": [AVATAR]}, "elements has no audio"),
    ("talkingavatar/create", {"elements": [SOUND]}, "elements has no avatar"),
    ("talkingavatar/create", {"elements": ["avatar", SOUND]}, "elements[0] is 'avatar'"),
    ("talkingavatar/create", {"elements": [AVATAR, SOUND, {"url": PHOTO}]}, "elements[2].type is"),
    ("talkingavatar/create", {"elements": [AVATAR, {"type": "audio"}]}, "elements[1].input_text is"),
    ("talkingavatar/create", {"elements": [AVATAR, {**SPOKEN, "voice_id": None}]}, "elements[1].voice_id is"),
    ("talkingavatar/create", {"elements": [AVATAR, {**SPOKEN, "input_text": 5}]}, "elements[1].input_text is 5"),
    ("talkingavatar/create", {"elements": [AVATAR, {"type": "audio", "url": "a.mp3"}]}, "elements[1].url is"),
    ("talkingavatar/create", {"elements": [{"type": "avatar"}, SOUND]}, "neither avatar_id nor url"),
    ("talkingavatar/create", {"elements": [{**AVATAR, "avatar_id": 5}, SOUND]}, "elements[0].avatar_id is 5"),
    ("talkingavatar/create", {"elements": [{"type": "avatar", "url": "me.mp4"}, SOUND]}, "elements[0].url is"),
    ("talkingavatar/create", {"elements": [{"type": "avatar", "url": FILM}, SOUND]}, "needs avatar_from 3"),
    ("talkingavatar/create", {"elements": [{**AVATAR, "scale_x": "wide"}, SOUND]}, "elements[0].scale_x is 'wide'"),
    ("talkingavatar/create", {"elements": [AVATAR, SOUND, {"type": "image", "url": "red"}]}, "elements[2].url is"),
    ("talkingavatar/create", {"avatar_from": 1}, "avatar_from is 1"),
    ("talkingavatar/create", {"width": 0}, "width is 0"),
    ("talkingavatar/create", {"height": "tall"}, "height is 'tall'"),
    ("talkingavatar/create", {"webhookUrl": "localhost"}, "webhookUrl is"),
    ("lipsync", {"video_url": None, "target_video": FILM}, "video_url is missing"),
    ("lipsync", {"audio_url": None, "input_audio": SPEECH}, "audio_url is missing"),
    ("lipsync", {"video_url": "film.mp4"}, "video_url is 'film.mp4'"),
    ("lipsync", {"audio_url": 5}, "audio_url is 5"),
    ("lipsync", {"webhookUrl": []}, "webhookUrl is"),
    ("createbytranslate", {"url": None, "video_url": FILM}, "url is missing"),
    ("createbytranslate", {"language": None}, "language is missing"),
    ("createbytranslate", {"language": ["es"]}, "language is"),
    ("createbytranslate", {"language": ""}, "language is ''"),
    ("createbytranslate", {"language": "es,"}, "language has ''"),
    ("createbytranslate", {"language": "es,Spanish"}, "language has 'Spanish'"),
    ("createbytranslate", {"language": "xx"}, "codes of language/list"),
    ("createbytranslate", {"source_language": ""}, "source_language is ''"),
    ("createbytranslate", {"lipsync": "true"}, "lipsync is 'true'"),
    ("createbytranslate", {"remove_bgm": 1}, "remove_bgm is 1"),
    ("createbytranslate", {"caption_type": 5}, "caption_type is 5"),
    ("createbytranslate", {"caption_url": "a.srt"}, "caption_url is"),
    ("createbytranslate", {"speaker_num": -1}, "speaker_num is -1"),
    ("createbytranslate", {"studio_voice": []}, "studio_voice is"),
    ("characterSwap/create", {"image": None, "image_url": PHOTO}, "did you mean it by 'image_url'"),
    ("characterSwap/create", {"video": None, "video_url": FILM}, "video is missing"),
    ("characterSwap/create", {"image": "me.jpg"}, "image is 'me.jpg'"),
    ("characterSwap/create", {"duration": 0}, "duration is 0"),
    ("characterSwap/create", {"duration": 121}, "duration is 121"),
    ("characterSwap/create", {"duration": "long"}, "duration is 'long'"),
    ("characterSwap/create", {"resolution": "4k"}, "resolution is '4k'"),
    ("characterSwap/create", {"resolution": 720}, "resolution is 720"),
    ("characterSwap/create", {"mode": "swap"}, "mode is 'swap'"),
    ("characterSwap/create", {"prompt": "x" * 501}, "prompt has 501 characters"),
    ("characterSwap/create", {"model_name": ""}, "model_name is ''"),
    ("characterSwap/create", {"webhookurl": "localhost"}, "webhookurl is"),
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
