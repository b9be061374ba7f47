"""Contract section 15: what is special about videos of images and of texts."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Profile, Request
from mock_akool.akool.families.generated_videos.effects import EFFECTS
from mock_akool.akool.families.generated_videos.models import MODELS
from tests.contract.asking import KEY, OTHER, Asker

V4: Final = "/api/open/v4"
SINGLE: Final = f"{V4}/image2Video/createBySourcePrompt"
BATCH: Final = f"{SINGLE}/batch"
TEXT: Final = f"{V4}/text2Video/createByPrompt/batch"
SOUND: Final = f"{V4}/image2Video/updateVideoAudio"
READ: Final = f"{V4}/image2Video/resultsByIds"
DELETE: Final = f"{V4}/image2Video/delbyids"
EFFECT_LIST: Final = f"{V4}/image2Video/effects"
MODEL_LIST: Final = f"{V4}/aigModel/list"
OLD_LIST: Final = "/api/open/v3/content/video/list"
OLD_READER: Final = "/api/open/v3/content/video/infobymodelid"
HOOK: Final = "http://127.0.0.1:9/hook"

IMAGE: Final = "https://example.com/fox.png"
PROMPT: Final = "Animate this image with smooth camera movement."
FIELDS: Final[dict[str, Any]] = {"image_url": IMAGE, "prompt": PROMPT, "resolution": "720p", "video_length": 5}
OF_TEXT: Final[dict[str, Any]] = {"prompt": "A serene mountain landscape at sunset."}
KLING_3: Final = "kwaivgi/kling-v3.0-std/image-to-video"
KLING_O3: Final = "kwaivgi/kling-video-o3-pro/image-to-video"

BEGUN: Final = {
    *("_id", "create_time", "uid", "team_id", "status", "webhookUrl", "resolution", "file_name", "image_url"),
    *("prompt", "negative_prompt", "extend_prompt", "deduction_credit"),
}
ROW: Final = {
    *("_id", "create_time", "uid", "team_id", "update_time", "video_duration", "webhookUrl", "file_name", "image_url"),
    *("prompt", "resolution", "audio_type", "audio_url", "effect_name", "effect_code", "deduction_credit", "status"),
    "only_add_audio",
}


class Filmer(Asker):
    """A client of the videos in this process."""

    def __init__(self, key: str = KEY, mock: MockAkool | None = None, **options: Any) -> None:
        super().__init__(key, mock, **{"credits": 10_000, **options})

    def made(self, **fields: Any) -> Any:
        answer = self.post(SINGLE, {**FIELDS, **fields})
        assert answer["code"] == 1000, answer
        return answer["data"]

    def batch(self, path: str = BATCH, **fields: Any) -> Any:
        answer = self.post(path, {**(FIELDS if path == BATCH else OF_TEXT), **fields})
        assert answer["code"] == 1000, answer
        return answer["data"]

    def completed(self, **fields: Any) -> Any:
        made = self.made(**fields)
        self.mock.job(made["_id"]).complete()
        return made

    def rows(self, *ids: str) -> list[dict[str, Any]]:
        answer = self.post(READ, {"_ids": ",".join(ids)})
        assert answer["code"] == 1000, answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


@pytest.fixture
def filmer() -> Filmer:
    return Filmer()


class TestSingle:
    def test_s15_the_reply_by_profile(self) -> None:
        for profile, more in ((Profile.OBSERVED, {"video_duration"}), (Profile.DOCUMENTED, set())):
            made = Filmer(profile=profile).made()
            assert set(made) == BEGUN | {"audio_type", "audio_url"} | more
            assert (made["status"], made["webhookUrl"], made["negative_prompt"]) == (1, "", "")
            assert made.get("video_duration", 5) == 5

    def test_s15_the_file_name_has_24_characters_of_the_prompt(self, filmer: Filmer) -> None:
        assert filmer.made()["file_name"] == "Image2Video_Animate this image with .mp4"
        row = filmer.batch(TEXT)["successList"][0]
        assert row["file_name"] == "Text2Video_A serene mountain landsc.mp4"

    def test_s15_an_effect_is_named_only_with_one(self, filmer: Filmer) -> None:
        made = filmer.made(effect_code=EFFECTS[0].code)
        assert (made["effect_name"], made["effect_code"]) == ("Squish", EFFECTS[0].code)
        assert filmer.rows(made["_id"])[0]["effect_name"] == "Squish"
        assert "effect_name" not in filmer.made(effect_code="")

    def test_s15_fields_may_be_missing_unless_the_settings_say_so(self, filmer: Filmer) -> None:
        assert filmer.made()["audio_type"] == 3
        settings: Any
        for setting, field in (("i2v_require_negative", "negative_prompt"), ("i2v_require_audio_type", "audio_type")):
            settings = {setting: True}
            strict = Filmer(**settings)
            answer = strict.ask(SINGLE, FIELDS)
            assert answer.code == 1003
            assert (answer.reason or "").startswith(f"{field} is missing")
            assert strict.made(negative_prompt="", audio_type=1)

    def test_s15_a_number_may_be_text_unless_types_are_strict(self, filmer: Filmer) -> None:
        assert filmer.made(audio_type="3", video_length="10")["audio_type"] == 3
        assert Filmer(strict_types=True).post(SINGLE, {**FIELDS, "audio_type": "3"})["code"] == 1003

    def test_s15_own_sound_needs_its_url(self, filmer: Filmer) -> None:
        assert filmer.post(SINGLE, {**FIELDS, "audio_type": 2})["code"] == 1003
        assert filmer.made(audio_type=2, audio_url="https://example.com/a.mp3")["audio_url"].endswith("a.mp3")

    def test_s15_only_the_lower_case_spelling_asks_for_webhooks(self, filmer: Filmer) -> None:
        assert filmer.made(webhookUrl=HOOK)["webhookUrl"] == ""
        assert filmer.made(webhookurl=HOOK)["webhookUrl"] == HOOK

    def test_s15_ten_seconds_may_need_a_plan(self) -> None:
        gated = Filmer(plan_gate=True)
        assert gated.made()
        assert gated.post(SINGLE, {**FIELDS, "video_length": 10})["code"] == 1003
        assert gated.post(BATCH, {**FIELDS, "video_length": 10})["code"] == 1003


class TestBatch:
    def test_s15_rows_of_a_batch(self, filmer: Filmer) -> None:
        last = "https://example.com/last.png"
        data = filmer.batch(count=3, last_image_url=last)
        assert data["errorList"] == []
        first, second, third = data["successList"]
        assert set(first) == BEGUN | {"model_name", "batch_id", "batch_count", "last_image_url", "video_duration"}
        assert len({each["_id"] for each in data["successList"]}) == 3
        assert [each["create_time"] - first["create_time"] for each in (second, third)] == [1, 2]
        assert first["batch_id"] == third["batch_id"] == f"{first['create_time']}_{first['uid']}"
        assert (first["batch_count"], first["last_image_url"]) == (3, last)
        assert filmer.mock.credits_spent == 300

    def test_s15_a_text_has_no_image(self, filmer: Filmer) -> None:
        (row,) = filmer.batch(TEXT)["successList"]
        assert set(row) == BEGUN - {"image_url"} | {"model_name", "batch_id", "batch_count", "video_duration"}
        (shown,) = filmer.rows(row["_id"])
        assert set(shown) == ROW - {"image_url"}
        filmer.mock.clock.advance(5)
        assert filmer.rows(row["_id"])[0]["sub_type"] == 1502

    def test_s15_the_first_model_is_the_usual_one(self, filmer: Filmer) -> None:
        assert filmer.batch()["successList"][0]["model_name"] == MODELS[1501][0].value
        text = filmer.batch(TEXT)["successList"][0]
        assert (text["model_name"], text["resolution"], text["video_duration"]) == (MODELS[1502][0].value, "720p", 5)

    def test_s15_what_a_model_takes(self, filmer: Filmer) -> None:
        for fields, code in (
            ({"model_name": KLING_3, "resolution": None, "video_length": 3}, 1000),
            ({"model_name": KLING_3, "resolution": "4k", "video_length": 15}, 1000),
            ({"model_name": KLING_3, "video_length": 16}, 1003),
            ({"model_name": KLING_3, "count": 4}, 1000),
            ({"model_name": KLING_3, "count": 5}, 1003),
            ({"resolution": None}, 1003),
            ({"resolution": "480p"}, 1003),
            ({"model_name": "seedance-1-0-lite-i2v-250428", "resolution": "480p"}, 1000),
            ({"model_name": "seedance-1-0-lite-i2v-250428", "resolution": "4k"}, 1003),
            ({"video_length": 6}, 1003),
            ({"model_name": "nobody"}, 1003),
            ({"count": "10"}, 1000),
        ):
            assert filmer.post(BATCH, {**FIELDS, **fields})["code"] == code, fields

    def test_s15_any_model_passes_when_the_setting_says_so(self) -> None:
        lenient = Filmer(i2v_any_model=True)
        row = lenient.batch(model_name="brand-new", resolution="2k", video_length=7)["successList"][0]
        assert (row["model_name"], row["resolution"], row["deduction_credit"]) == ("brand-new", "2k", 280)
        assert lenient.batch(TEXT, model_name="brand-new")["successList"][0]["deduction_credit"] == 100
        assert lenient.post(BATCH, {**FIELDS, "model_name": ""})["code"] == 1003

    def test_s15_parts_of_a_prompt_are_for_one_model(self, filmer: Filmer) -> None:
        shots = [{"duration": 2, "prompt": "a"}, {"duration": 3, "prompt": "b"}]
        for fields, code in (
            ({"model_name": KLING_O3, "multi_prompt": shots}, 1000),
            ({"model_name": KLING_O3, "multi_prompt": []}, 1000),
            ({"multi_prompt": shots}, 1003),
            ({"model_name": KLING_O3, "multi_prompt": shots[:1]}, 1003),
            ({"model_name": KLING_O3, "multi_prompt": [{"duration": 1, "prompt": "a"}] * 6}, 1003),
            ({"model_name": KLING_O3, "multi_prompt": [{"duration": 5}]}, 1003),
        ):
            assert filmer.post(BATCH, {**FIELDS, **fields})["code"] == code, fields

    def test_s15_what_only_the_single_create_documents_is_ignored(self, filmer: Filmer) -> None:
        row = filmer.batch(audio_type=9, audio_url=5, is_premium_model="x", effect_code="x")["successList"][0]
        assert filmer.rows(row["_id"])[0]["audio_type"] == 3

    def test_s15_rows_may_be_refused_by_the_prompt(self) -> None:
        filmer = Filmer(i2v_batch_errors=["*fox*=2", "*owl*=9"], i2v_batch_error_code=1104)
        data = filmer.batch(prompt="a fox", count=3)
        assert data["errorList"] == [{"code": 1104, "msg": "credits insufficient"}] * 2
        assert [row["batch_count"] for row in data["successList"]] == [3]
        assert (filmer.mock.credits_spent, len(filmer.mock.jobs)) == (100, 1)
        answer = filmer.ask(TEXT, {"prompt": "an owl", "count": 9})
        assert (answer.code, answer.reason) == (1104, "i2v_batch_errors refuses all 9 rows of this batch")
        assert len(filmer.batch(count=2)["successList"]) == 2


class TestCredits:
    @pytest.mark.parametrize(
        ("path", "fields", "observed", "documented"),
        [
            (SINGLE, {}, 100, 20),
            (SINGLE, {"resolution": "1080p"}, 150, 25),
            (SINGLE, {"resolution": "4k"}, 200, 30),
            (SINGLE, {"video_length": 10}, 200, 40),
            (SINGLE, {"video_length": 10, "resolution": "1080p"}, 300, 50),
            (SINGLE, {"video_length": 10, "resolution": "4k"}, 400, 60),
            (BATCH, {"count": 2}, 200, 40),
            (BATCH, {"model_name": "seedance-1-0-lite-i2v-250428", "resolution": "480p"}, 100, 20),
            (BATCH, {"generate_audio": True}, 120, 24),
            (BATCH, {"generate_audio": True, "resolution": "1080p", "model_name": KLING_O3}, 187.5, 31.25),
            (BATCH, {"generate_audio": True, "model_name": "seedance-1-0-pro-250528"}, 100, 20),
            (BATCH, {"model_name": KLING_3, "resolution": None, "video_length": 3}, 60, 12),
            (TEXT, {"count": 3}, 300, 60),
            (TEXT, {"video_length": 10, "resolution": "1080p"}, 300, 50),
        ],
    )
    def test_s15_prices(self, path: str, fields: dict[str, Any], observed: float, documented: float) -> None:
        for profile, cost in ((Profile.OBSERVED, observed), (Profile.DOCUMENTED, documented)):
            filmer = Filmer(profile=profile)
            usual = OF_TEXT if path == TEXT else FIELDS
            assert filmer.post(path, {**usual, **fields})["code"] == 1000
            assert filmer.mock.credits_spent == cost

    def test_s15_the_surcharge_for_sound_is_a_setting(self) -> None:
        filmer = Filmer(i2v_audio_surcharge=0.5)
        assert filmer.batch(generate_audio=True)["successList"][0]["deduction_credit"] == 150
        assert filmer.batch(generate_audio=True, model_name=KLING_O3)["successList"][0]["deduction_credit"] == 125

    def test_s15_a_failure_gives_the_credits_back(self, filmer: Filmer) -> None:
        made = filmer.made()
        filmer.mock.job(made["_id"]).fail("too dark")
        (row,) = filmer.rows(made["_id"])
        assert (row["status"], row["deduction_credit"], "video_url" in row) == (4, 0, False)
        assert filmer.mock.credits_spent == 0
        kept = Filmer(refund_on_failure=False)
        made = kept.made()
        kept.mock.job(made["_id"]).fail("too dark")
        assert (kept.rows(made["_id"])[0]["deduction_credit"], kept.mock.credits_spent) == (100, 100)

    def test_s15_out_of_credits_is_1104(self) -> None:
        assert Filmer(credits=99).post(SINGLE, FIELDS) == {"code": 1104, "msg": "credits insufficient"}
        assert Filmer(credits=199).post(BATCH, {**FIELDS, "count": 2})["code"] == 1104
        assert Filmer(credits=0, no_credit_code_image2video=1006).post(TEXT, OF_TEXT)["code"] == 1006


class TestRead:
    def test_s15_rows_have_no_address_until_they_are_done(self, filmer: Filmer) -> None:
        made = filmer.made(negative_prompt="blurry")
        seen = []
        for _ in range(3):
            (row,) = filmer.rows(made["_id"])
            seen.append((row["status"], row["video_duration"], set(row) - ROW))
            filmer.mock.clock.advance(3)
        assert seen == [(1, 5, set()), (2, 5, set()), (3, 5.063, {"video_url", "sub_type"})]

    def test_s15_the_file_is_a_video_of_milliseconds_and_4_digits(self, filmer: Filmer) -> None:
        made = filmer.made()
        filmer.mock.clock.advance(5)
        (row,) = filmer.rows(made["_id"])
        assert re.fullmatch(r"https://d2qf6ukcym4kn9\.cloudfront\.net/\d{13}-\d{4}\.mp4", row["video_url"])
        answer, body = filmer.file(row["video_url"])
        assert dict(answer.headers)["content-type"] == "video/mp4"
        assert body[4:8] == b"ftyp"
        assert made["_id"].encode() in body

    def test_s15_ids_are_one_text_or_it_fails(self, filmer: Filmer) -> None:
        made = filmer.made()
        failed = {"code": 1003, "msg": "Failed to get results"}
        bodies: list[object] = [{"_ids": [made["_id"]]}, {"ids": made["_id"]}, {"_ids": ""}, {}, []]
        for body in bodies:
            assert filmer.post(READ, body) == failed
        other = Filmer(i2v_bad_ids_code=1008)
        assert other.post(READ, {"ids": "x"}) == {**failed, "code": 1008}

    def test_s15_unknown_foreign_and_deleted_ids_are_left_out(self, filmer: Filmer) -> None:
        first, second = filmer.completed(), filmer.made()
        stranger = Filmer(OTHER, filmer.mock)
        assert stranger.rows(first["_id"]) == []
        asked = (second["_id"], "nobody", first["_id"], second["_id"])
        assert [row["_id"] for row in filmer.rows(*asked)] == [second["_id"], first["_id"]]
        filmer.post(DELETE, {"_ids": first["_id"]})
        assert filmer.rows(first["_id"]) == []

    def test_an_equal_poll_gets_an_equal_answer_until_something_changes(self, filmer: Filmer) -> None:
        ids = [filmer.made()["_id"] for _ in range(2)]
        body = json.dumps({"_ids": ",".join(ids)}).encode()
        polls = [filmer.mock.answer(Request.build("POST", READ, "", filmer.headers, body)) for _ in range(2)]
        assert polls[0] is polls[1]
        filmer.mock.job(ids[1]).fail("no")
        assert [row["status"] for row in filmer.rows(*ids)] == [1, 4]
        stranger = {**filmer.headers, "x-api-key": OTHER}
        assert json.loads(filmer.mock.answer(Request.build("POST", READ, "", stranger, body)).body)["data"] == {
            "result": []
        }
        unlabelled = {"x-api-key": KEY}
        assert filmer.mock.answer(Request.build("POST", READ, "", unlabelled, body)).code == 1003

    def test_s15_webhooks_have_a_word_that_is_a_setting(self) -> None:
        filmer = Filmer(webhook_type_image2video="i2v", webhook_type_text2video="t2v")
        filmer.mock.webhooks.collect()
        made = filmer.made(webhookurl=HOOK)["_id"], filmer.batch(TEXT, webhookurl=HOOK)["successList"][0]["_id"]
        filmer.mock.clock.advance(6)
        told = [json.loads(each.payload) for each in filmer.mock.webhooks]
        assert {each["type"] for each in told if each["_id"] == made[0]} == {"i2v"}
        assert {each["type"] for each in told if each["_id"] == made[1]} == {"t2v"}
        (row,) = filmer.rows(made[0])
        assert [each["url"] for each in told if each["_id"] == made[0] and each["status"] == 3] == [row["video_url"]]


class TestSound:
    def test_s15_a_new_record_has_what_its_parent_had(self, filmer: Filmer) -> None:
        parent = filmer.completed(resolution="4k", effect_code=EFFECTS[1].code, webhookurl=HOOK, negative_prompt="no")
        data = filmer.post(SOUND, {"pre_video_id": parent["_id"], "audio_type": 1})["data"]
        assert data["_id"] != parent["_id"]
        assert (data["pre_video_id"], data["status"], data["only_add_audio"]) == (parent["_id"], 1, True)
        same = ("resolution", "file_name", "image_url", "prompt", "negative_prompt", "effect_name", "effect_code")
        assert {name: data[name] for name in same} == {name: parent[name] for name in same}
        assert (data["webhookUrl"], data["video_duration"]) == ("", 5.063)
        (row,) = filmer.rows(data["_id"])
        assert (row["only_add_audio"], row["audio_type"]) == (True, 1)
        assert filmer.rows(parent["_id"])[0]["only_add_audio"] is False

    def test_s15_it_costs_5_or_10(self, filmer: Filmer) -> None:
        for seconds, cost in ((5, 5), (10, 10)):
            parent = filmer.completed(video_length=seconds)
            data = filmer.post(SOUND, {"pre_video_id": parent["_id"], "audio_type": 1})["data"]
            assert data["deduction_credit"] == cost

    def test_s15_a_sound_goes_over_another_sound_and_over_a_video_of_a_text(self, filmer: Filmer) -> None:
        text = filmer.batch(TEXT)["successList"][0]["_id"]
        for _ in range(2):
            filmer.mock.job(text).complete()
            data = filmer.post(SOUND, {"pre_video_id": text, "audio_type": "1"})["data"]
            assert "image_url" not in data
            assert data["file_name"].startswith("Text2Video_")
            text = data["_id"]

    def test_s15_only_a_completed_video_of_ones_own_gets_one(self, filmer: Filmer) -> None:
        made = filmer.made()["_id"]
        image = filmer.post("/api/open/v3/content/image/createbyprompt", {"prompt": "x"})["data"]["_id"]
        own_sound = {"pre_video_id": made, "audio_type": 2}
        for client, body, code in (
            (filmer, {"pre_video_id": made, "audio_type": 1}, 1010),
            (filmer, own_sound, 1003),
            (filmer, {"pre_video_id": made, "audio_type": 3}, 1003),
            (filmer, {"pre_video_id": "0" * 24, "audio_type": 1}, 1008),
            (filmer, {"pre_video_id": image, "audio_type": 1}, 1008),
            (Filmer(OTHER, filmer.mock), {"pre_video_id": made, "audio_type": 1}, 1009),
        ):
            answer = client.ask(SOUND, body)
            assert (answer.code, bool(answer.reason)) == (code, True)
        filmer.mock.job(made).fail("no")
        assert filmer.post(SOUND, {"pre_video_id": made, "audio_type": 1})["code"] == 1010
        assert len(filmer.mock.jobs) == 2


class TestDelete:
    def test_s15_what_can_be_deleted(self, filmer: Filmer) -> None:
        done, waiting, at_work = filmer.completed()["_id"], filmer.made()["_id"], filmer.made()["_id"]
        filmer.mock.job(waiting).stall()
        filmer.mock.clock.advance(3)
        foreign = Filmer(OTHER, filmer.mock).made()["_id"]
        image = filmer.post("/api/open/v3/content/image/createbyprompt", {"prompt": "x"})["data"]["_id"]
        answer = filmer.post(DELETE, {"_ids": ",".join([done, waiting, at_work, foreign, image, "nobody", done])})
        assert (answer["code"], answer["msg"]) == (1000, "Delete successfully")
        assert answer["data"]["successIds"] == [done, waiting]
        assert answer["data"]["noPermissionItems"] == [
            {"_id": at_work, "msg": "video resource is processing, please try again later"},
            {"_id": foreign, "msg": "no permission"},
            {"_id": image, "msg": "video resource not found"},
            {"_id": "nobody", "msg": "video resource not found"},
        ]
        again = filmer.post(DELETE, {"_ids": done})["data"]
        assert (again["successIds"], len(again["noPermissionItems"])) == ([], 1)


class TestLists:
    def test_s15_effects(self) -> None:
        for profile, count in ((Profile.OBSERVED, 3), (Profile.DOCUMENTED, 10)):
            answer = Filmer(profile=profile).get(EFFECT_LIST)
            assert (answer["code"], answer["msg"], answer["data"]["count"]) == (1000, "Success", count)
            rows = answer["data"]["result"]
            assert [row["name"] for row in rows] == ["Squish", "Cakeify", "Samurai"]
            assert set(rows[0]) == {"_id", "create_time", "logo", "name", "video_url", "effect_code"}

    @pytest.mark.parametrize("name", ["types[]", "types%5B%5D", "types%5b]"])
    def test_s15_models_have_the_highest_sort_first(self, filmer: Filmer, name: str) -> None:
        answer = filmer.get(MODEL_LIST, f"{name}=1501")
        sorts = [row["sort"] for row in answer["data"]]
        assert sorts == sorted(sorts, reverse=True)
        assert [row["value"] for row in answer["data"]] == [model.value for model in MODELS[1501]]
        assert {row["type"] for row in answer["data"]} == {1501}

    def test_s15_types_without_models_and_several_types(self, filmer: Filmer) -> None:
        assert [row["type"] for row in filmer.get(MODEL_LIST, "types[]=1502")["data"]] == [1502]
        assert filmer.get(MODEL_LIST, "types[]=2101")["data"] == []
        assert filmer.get(MODEL_LIST, "types[]=x&types[]=-1")["data"] == []
        both = filmer.get(MODEL_LIST, "types[]=1502&types[]=1501&types[]=1501")["data"]
        assert len(both) == len(MODELS[1501]) + len(MODELS[1502])
        for query in ("", "types=1501", "types[]=", "&".join(f"a{n}=1" for n in range(200))):
            assert filmer.get(MODEL_LIST, query)["code"] == 1003

    def test_s15_sound_of_a_model_by_profile(self) -> None:
        for profile, told in (
            (
                Profile.OBSERVED,
                {"required": False, "type": "boolean", "default": False, "extra_credit_multiplier": 1.2},
            ),
            (Profile.DOCUMENTED, True),
        ):
            rows = {row["value"]: row for row in Filmer(profile=profile).get(MODEL_LIST, "types[]=1501")["data"]}
            assert rows["AkoolImage2VideoFastV1"]["generate_audio"] == told
            assert rows["AkoolImage2VideoHDV1"]["generate_audio"] == told
            assert rows["seedance-1-0-pro-250528"]["generate_audio"] is None

    def test_s15_every_listed_model_can_be_asked_for(self, filmer: Filmer) -> None:
        for row in filmer.get(MODEL_LIST, "types[]=1501")["data"]:
            sizes = [each["value"] for each in row["resolutionList"]] or [None]
            for size in sizes:
                fields = {"model_name": row["value"], "resolution": size, "video_length": row["durationList"][0]}
                assert filmer.batch(**fields, count=row["maxCount"])["successList"]
            filmer.mock.reset()

    def test_s15_the_old_list_has_the_videos_of_images(self, filmer: Filmer) -> None:
        done, waiting = filmer.completed(), filmer.made()
        filmer.batch(TEXT)
        Filmer(OTHER, filmer.mock).made()
        deleted = filmer.completed()["_id"]
        filmer.post(DELETE, {"_ids": deleted})
        data = filmer.get(OLD_LIST)["data"]
        assert (data["count"], [row["_id"] for row in data["result"]]) == (2, [waiting["_id"], done["_id"]])
        first, second = data["result"]
        assert (first["type"], first["video_status"], first["video"], first["external_video"]) == (15, 1, "", "")
        assert second["video"] == second["external_video"] == filmer.rows(done["_id"])[0]["video_url"]
        assert first["credentialId"] == second["credentialId"]
        assert filmer.get(OLD_LIST, "type=15&page=2&size=1")["data"] == {"count": 2, "result": [second]}
        assert filmer.get(OLD_LIST, "type=5")["data"] == {"count": 0, "result": []}
        for query in ("sub_type=1501", "page=0", "size=x", "page=-1", f"size={'9' * 40}"):
            assert filmer.get(OLD_LIST, query)["code"] == 1003

    def test_s15_the_reader_of_other_videos_knows_them(self, filmer: Filmer) -> None:
        made = [filmer.completed()["_id"], filmer.batch(TEXT)["successList"][0]["_id"]]
        image, text = (filmer.get(OLD_READER, f"video_model_id={each}")["data"] for each in made)
        assert (image["video_status"], image["video"]) == (3, filmer.rows(made[0])[0]["video_url"])
        assert (text["video_status"], text["video"]) == (1, "")
