"""Contract sections 12 to 14: what is special about the face swaps, reage and face detection."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Profile, Request, SettingsError
from mock_akool.akool.families import FAMILIES, HOSTS, Asked
from mock_akool.akool.families.faceswap import ENDPOINTS, RESULTS
from mock_akool.akool.families.inputs import PatternNumber
from tests.contract.asking import KEY, OTHER, Asker

V3: Final = "/api/open/v3/faceswap"
V4: Final = "/api/open/v4/faceswap"
DETECT: Final = "/interface/detect-api/detect_faces"
ANALYZE: Final = "/interface/detect-api/faceswap/analyze_frames"
OLD: Final = "/detect"

POINTS: Final = "262,175:363,175:313,215:277,272"
FACE: Final = {"path": "https://example.com/face.jpg", "opts": POINTS}
FACES: Final = {"targetImage": [FACE], "sourceImage": [FACE]}
IMAGE: Final = {**FACES, "modifyImage": "https://example.com/group.png"}
VIDEO: Final = {**FACES, "modifyVideo": "https://example.com/party.m4v"}
PRO: Final = {"targetImage": [{"path": "https://example.com/a.jpg"}], "sourceImage": [{"path": "https://e.com/b.jpg"}]}
PLUS: Final = {"source_url": "https://example.com/a.jpg", "target_url": "https://example.com/b.jpg"}
SINGLE: Final = {**PLUS, "single_face_mode": True}
REAGE: Final = {"targetImage": [FACE], "modifyImage": "https://example.com/group.png", "face_reage": 10}
MAPPED: Final = {
    "source_face_info": {"face_url": "https://example.com/new.jpg", "bbox": [1, 2, 3, 4]},
    "target_face_info": {"face_url": "https://example.com/old.jpg", "bbox": [1, 2, 3, 4]},
}
DATA_URL: Final = "data:image/png;base64," + base64.b64encode(b"pixels").decode()

SWAPS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "specifyimage": (f"{V3}/highquality/specifyimage", IMAGE),
    "specifyvideo": (f"{V3}/highquality/specifyvideo", VIDEO),
    "faceswapByImage": (f"{V4}/faceswapByImage", PRO),
    "faceswapPlusByImage": (f"{V4}/faceswapPlusByImage", SINGLE),
    "imgreage": (f"{V3}/highquality/imgreage", REAGE),
    "vidreage": (f"{V3}/highquality/vidreage", {**REAGE, "modifyVideo": "https://example.com/party.mp4"}),
}


class Swapper(Asker):
    """A client of the face swaps in this process."""

    def made(self, endpoint: str, **fields: Any) -> Any:
        path, usual = SWAPS[endpoint]
        answer = self.post(path, {**usual, **fields})
        assert answer["code"] == 1000, answer
        return answer["data"]

    def rows(self, *ids: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"{V3}/result/listbyids", f"_ids={','.join(ids)}")["data"]["result"]
        return found


@pytest.fixture
def swapper() -> Swapper:
    return Swapper()


def test_listbyids_knows_the_endpoints_that_can_be_deleted() -> None:
    shown = [each.endpoint for family in FAMILIES if family.reading(RESULTS) for each in family.creates]
    assert sorted(shown) == sorted(ENDPOINTS) == sorted(SWAPS)


class TestCreate:
    @pytest.mark.parametrize("endpoint", ["specifyimage", "specifyvideo", "imgreage", "vidreage"])
    def test_s13_v3_tells_the_final_address_before_there_is_a_file(self, swapper: Swapper, endpoint: str) -> None:
        made = swapper.made(endpoint)
        assert list(made) == ["_id", "url", "job_id"]
        assert swapper.file(made["url"])[0].status == 403
        assert [row["url"] for row in swapper.rows(made["_id"])] == [made["url"]]
        swapper.mock.clock.advance(5)
        answer, body = swapper.file(made["url"])
        assert (answer.status, answer.job_id) == (200, made["_id"])
        assert len(body) > 1000

    @pytest.mark.parametrize("endpoint", ["faceswapByImage", "faceswapPlusByImage"])
    def test_s13_v4_has_no_address_until_it_is_done(self, swapper: Swapper, endpoint: str) -> None:
        made = swapper.made(endpoint)
        assert list(made) == ["_id", "job_id"]
        assert [row["url"] for row in swapper.rows(made["_id"])] == [""]
        swapper.mock.clock.advance(5)
        assert swapper.rows(made["_id"])[0]["url"].endswith(".jpg")

    def test_s12_the_msg_of_v3_is_a_longer_one(self, swapper: Swapper) -> None:
        for endpoint, end in (
            ("specifyimage", "input image."),
            ("specifyvideo", "input video."),
            ("imgreage", "input image."),
            ("vidreage", "input image."),  # the page of the video shows the message of the image
        ):
            path, fields = SWAPS[endpoint]
            msg = swapper.post(path, fields)["msg"]
            assert msg.startswith("Please be patient!")
            assert msg.endswith(end)
        assert swapper.post(*SWAPS["faceswapByImage"])["msg"] == "OK"

    def test_s12_the_job_id_is_the_time_3_ms_before_and_4_digits(self, swapper: Swapper) -> None:
        made = swapper.made("specifyimage")
        created = swapper.rows(made["_id"])[0]["createdAt"]
        assert re.fullmatch(r"\d{17}-\d{4}", made["job_id"])
        assert (created, made["job_id"][:17]) == ("2026-01-01T00:00:00.000Z", "20251231235959997")

    def test_s12_names_follow_the_modified_file(self, swapper: Swapper) -> None:
        name = r"https://d2qf6ukcym4kn9\.cloudfront\.net/final_{}-[0-9a-f-]{{36}}-\d{{4}}\.{}"
        for endpoint, url, base, ending in (
            ("specifyimage", "https://example.com/my-group.photo.png?x=1", "my-group.photo", "png"),
            ("specifyimage", "https://example.com/a.webp", "a", "jpg"),
            ("specifyimage", "https://example.com/", "file", "jpg"),
            ("specifyimage", f"https://example.com/{'-x' * 40}.jpg", "_x" * 30, "jpg"),
            ("specifyimage", DATA_URL, "file", "png"),
            ("specifyvideo", "https://example.com/party.m4v", "party", "m4v"),
            ("imgreage", "https://example.com/a.png", "a", "jpg"),
        ):
            field = "modifyVideo" if endpoint == "specifyvideo" else "modifyImage"
            made = swapper.made(endpoint, **{field: url})
            assert re.fullmatch(name.format(re.escape(base), ending), made["url"]), made["url"]
            swapper.mock.clock.advance(5)
            assert swapper.file(made["url"])[0].status == 200

    def test_s12_files_are_real_and_tell_their_job(self, swapper: Swapper) -> None:
        for endpoint, kind, begins in (
            ("specifyimage", "image/png", b"\x89PNG"),
            ("imgreage", "image/jpeg", b"\xff\xd8"),
            ("specifyvideo", "video/mp4", b"\0\0\0 ftyp"),
        ):
            made = swapper.made(endpoint)
            swapper.mock.clock.advance(5)
            answer, body = swapper.file(made["url"])
            assert dict(answer.headers)["content-type"] == kind
            assert body.startswith(begins)
            assert made["_id"].encode() in body

    def test_s12_a_number_may_be_text_unless_types_are_strict(self, swapper: Swapper) -> None:
        assert swapper.made("specifyimage", face_enhance="1")
        assert swapper.made("imgreage", face_reage="-30")
        strict = Swapper(strict_types=True)
        path, fields = SWAPS["imgreage"]
        assert strict.post(path, {**fields, "face_reage": "3"})["code"] == 1003

    def test_s13_opts_may_be_a_list_or_missing_and_of_any_form(self, swapper: Swapper) -> None:
        path, _ = SWAPS["specifyimage"]
        for opts in ([POINTS, POINTS], "", "12", None):
            assert swapper.made("specifyimage", sourceImage=[{**FACE, "opts": opts}])
        strict = Swapper(swap_strict_opts=True)
        assert strict.post(path, IMAGE)["code"] == 1000
        for opts in ("12", ["1,2:3,4"], "1,2:3,4:5,6:7,x"):
            assert strict.post(path, {**IMAGE, "sourceImage": [{**FACE, "opts": opts}]})["code"] == 1003

    def test_s13_data_urls_pass_unless_the_setting_says_no(self, swapper: Swapper) -> None:
        path, _ = SWAPS["specifyimage"]
        fields = {**IMAGE, "modifyImage": DATA_URL, "sourceImage": [{"path": DATA_URL}]}
        assert swapper.post(path, fields)["code"] == 1000
        assert Swapper(v3_accept_data_urls=False).post(path, fields)["code"] == 1003
        assert swapper.mock.jobs[-1].topic.prompt.startswith("data:image/png")

    def test_s13_more_than_8_faces_are_too_many(self, swapper: Swapper) -> None:
        path, _ = SWAPS["specifyimage"]
        for count, code in ((8, 1000), (9, 1007)):
            fields = {**IMAGE, "targetImage": [FACE] * count, "sourceImage": [FACE] * count}
            assert swapper.post(path, fields)["code"] == code

    def test_s13_pro_takes_50_faces_with_opts(self, swapper: Swapper) -> None:
        path, _ = SWAPS["faceswapByImage"]
        assert swapper.post(path, {"targetImage": [FACE] * 50, "sourceImage": [FACE] * 50})["code"] == 1000

    def test_s13_plus_needs_a_mapping_unless_single(self, swapper: Swapper) -> None:
        path, _ = SWAPS["faceswapPlusByImage"]
        assert swapper.post(path, {**PLUS, "face_mapping": [MAPPED]})["code"] == 1000
        without_box = {**MAPPED, "source_face_info": {"face_url": "https://example.com/new.jpg"}}
        assert swapper.post(path, {**PLUS, "face_mapping": [without_box]})["code"] == 1000
        strict = Swapper(plus_require_bbox=True)
        assert strict.post(path, {**PLUS, "face_mapping": [MAPPED]})["code"] == 1000
        assert strict.post(path, {**PLUS, "face_mapping": [without_box]})["code"] == 1003

    @pytest.mark.parametrize("ending", ["mp4", "mov", "avi", "m4v", "webm"])
    def test_s13_the_extension_of_the_target_decides(self, swapper: Swapper, ending: str) -> None:
        made = swapper.made("faceswapPlusByImage", target_url=f"https://example.com/party.{ending}")
        swapper.mock.clock.advance(5)
        (row,) = swapper.rows(made["_id"])
        assert (row["image"], row["video_duration"], row["url"][-4:]) == (0, 10, ".mp4")

    def test_s12_what_needs_a_plan_can_be_refused(self) -> None:
        for gate, wanted, code in ((False, 1003, 1000), (True, 1003, 1003), (True, 1213, 1213)):
            assert Swapper(plan_gate=gate, plan_gate_code=wanted).post(*SWAPS["faceswapByImage"])["code"] == code


class TestCredits:
    @pytest.mark.parametrize(
        ("endpoint", "options", "cost"),
        [
            ("specifyimage", {}, 4),
            ("imgreage", {}, 4),
            ("faceswapByImage", {"faceswap_image_credits": 7}, 7),
            ("specifyvideo", {}, 10),
            ("vidreage", {"assumed_media_seconds": 10.5}, 20),
            ("specifyvideo", {"media_seconds_by_url": ["*party*=31", "*=1"]}, 40),
            ("faceswapPlusByImage", {"faceswap_video_credits_per_10s": 3}, 4),
        ],
    )
    def test_s12_prices(self, endpoint: str, options: dict[str, Any], cost: int) -> None:
        swapper = Swapper(**options)
        swapper.made(endpoint)
        assert swapper.mock.credits_spent == cost

    def test_s12_out_of_credits_is_1006(self) -> None:
        assert Swapper(credits=3).post(*SWAPS["specifyimage"]) == {"code": 1006, "msg": "quota not enough"}
        assert Swapper(credits=3, no_credit_code_faceswap=1104).post(*SWAPS["imgreage"])["code"] == 1104

    def test_s12_a_failure_gives_the_credits_back(self) -> None:
        for usual, refund, spent in ((True, None, 0), (True, False, 4), (False, None, 4), (False, True, 0)):
            swapper = Swapper(refund_on_failure=usual)
            made = swapper.made("specifyimage")
            swapper.mock.job(made["_id"]).fail("no face", refund=refund)
            assert swapper.mock.credits_spent == spent


class TestRead:
    def test_s13_rows_by_profile(self) -> None:
        common = {"_id", "createdAt", "deduction_duration", "faceswap_status", "image", "uid", "url", "video_duration"}
        for profile, more in (
            (Profile.OBSERVED, {"job_id"}),
            (
                Profile.DOCUMENTED,
                {"faceswap_type", "faceswap_quality", "deduction_status", "update_time", "userId"},
            ),
        ):
            swapper = Swapper(profile=profile)
            made = swapper.made("specifyimage")
            for _ in range(2):
                (row,) = swapper.rows(made["_id"])
                assert set(row) == common | more
                swapper.mock.clock.advance(5)

    def test_s13_an_id_is_found_once_and_a_job_id_never(self, swapper: Swapper) -> None:
        made = swapper.made("specifyimage")
        rows = swapper.rows(made["job_id"], made["_id"], "", made["_id"])
        assert [row["_id"] for row in rows] == [made["_id"]]
        assert swapper.rows(made["job_id"]) == []

    def test_s13_a_failed_row_says_nothing_unless_a_field_is_set(self) -> None:
        for field, said in ((None, None), ("error_msg", "no face; too dark")):
            swapper = Swapper(faceswap_fail_field=field)
            made = swapper.made("faceswapByImage")
            swapper.mock.job(made["_id"]).fail("no face", "too dark")
            (row,) = swapper.rows(made["_id"])
            assert (row["faceswap_status"], row["url"], row.get("error_msg")) == (4, "", said)

    def test_s13_a_job_may_be_listed_later(self) -> None:
        swapper = Swapper(listbyids_delay=1.5)
        first = swapper.made("specifyimage")["_id"]
        swapper.mock.clock.advance(1)
        second = swapper.made("specifyimage")["_id"]
        assert swapper.rows(first, second) == []
        swapper.mock.clock.advance(1)
        assert [row["_id"] for row in swapper.rows(first, second)] == [first]
        swapper.mock.clock.advance(1)
        assert [row["_id"] for row in swapper.rows(first, second)] == [first, second]


class TestDelete:
    def test_s13_deleted_rows_are_left_out_and_unknown_ids_pass(self, swapper: Swapper) -> None:
        first, second = (swapper.made("specifyimage") for _ in range(2))
        swapper.mock.clock.advance(5)
        answer = swapper.post(f"{V3}/result/delbyids", {"_ids": f"nobody,{first['_id']}"})
        assert answer == {"code": 1000, "msg": "OK"}
        assert [row["_id"] for row in swapper.rows(first["_id"], second["_id"])] == [second["_id"]]
        assert [swapper.file(each["url"])[0].status for each in (first, second)] == [403, 200]
        assert swapper.mock.jobs[0].deleted_ns is not None
        assert swapper.mock.credits_spent == 8

    def test_s13_nobody_deletes_what_is_anothers_or_no_swap(self, swapper: Swapper) -> None:
        made = swapper.made("specifyimage")
        image = swapper.post("/api/open/v3/content/image/createbyprompt", {"prompt": "x"})["data"]["_id"]
        stranger = Swapper(OTHER, swapper.mock)
        assert stranger.post(f"{V3}/result/delbyids", {"_ids": made["_id"]})["code"] == 1000
        assert stranger.post(f"{V3}/job/del", {"job_ids": made["job_id"]})["code"] == 1000
        assert swapper.post(f"{V3}/result/delbyids", {"_ids": image})["code"] == 1000
        assert swapper.rows(made["_id"])[0]["faceswap_status"] == 1
        assert all(job.deleted_ns is None for job in swapper.mock.jobs)

    def test_s13_job_del_cancels_a_job_and_gives_its_credits_back(self, swapper: Swapper) -> None:
        first, second = (swapper.made("specifyvideo") for _ in range(2))
        assert swapper.post(f"{V3}/job/del", {"job_ids": f"{first['job_id']},nobody"}) == {"code": 1000, "msg": "OK"}
        assert [row["faceswap_status"] for row in swapper.rows(first["_id"], second["_id"])] == [4, 1]
        assert swapper.mock.credits_spent == 10
        # Not by its `_id`.
        swapper.post(f"{V3}/job/del", {"job_ids": second["_id"]})
        swapper.mock.clock.advance(5)
        assert swapper.rows(second["_id"])[0]["faceswap_status"] == 3
        swapper.post(f"{V3}/job/del", {"job_ids": second["job_id"]})
        assert swapper.rows(second["_id"]) == []

    def test_nobody_waits_for_a_job_that_was_deleted(self) -> None:
        swapper = Swapper(queueing="forever", concurrent_jobs=1)
        made = swapper.made("specifyimage")
        assert swapper.mock.engine.is_awaited()
        swapper.post(f"{V3}/result/delbyids", {"_ids": made["_id"]})
        assert not swapper.mock.engine.is_awaited()
        assert swapper.made("specifyimage")
        assert swapper.post(*SWAPS["specifyimage"])["code"] == 1005


class TestDetect:
    def test_s14_a_picture_has_a_face_in_frame_0(self, swapper: Swapper) -> None:
        answer = swapper.post(DETECT, {"url": "https://example.com/a.jpg"})
        assert (answer["error_code"], answer["error_msg"]) == (0, "SUCCESS")
        (frame,) = answer["faces_obj"].values()
        assert list(answer["faces_obj"]) == ["0"]
        (points,), (text,), (region,) = frame["landmarks"], frame["landmarks_str"], frame["region"]
        assert (len(points), points[4:]) == (6, [[0, 0], [0, 0]])
        assert text == ":".join(f"{x},{y}" for x, y in points[:4])
        x, y, width, height = region
        assert all(x <= across <= x + width and y <= down <= y + height for across, down in points[:4])
        assert {frame[name] for name in ("frame_time", "face_urls", "crop_region", "crop_landmarks")} == {None}
        assert frame["removed"] == []
        assert swapper.post(DETECT, {"url": "https://example.com/a.jpg"}) == answer

    def test_s14_a_face_that_is_cut_out_is_a_file_for_7_days(self, swapper: Swapper) -> None:
        (frame,) = swapper.post(DETECT, {"url": "https://example.com/a.jpg", "return_face_url": True})[
            "faces_obj"
        ].values()
        (url,) = frame["face_urls"]
        place = r"https://d5v2vcqcwe9y5\.cloudfront\.net/algorithm/face_detect/expire_7days/260101/default/\w{12}\.jpg"
        assert re.fullmatch(place, url)
        assert len(frame["crop_region"]) == len(frame["crop_landmarks"]) == 1
        answer, body = swapper.file(url)
        assert (answer.status, body[:2]) == (200, b"\xff\xd8")
        swapper.mock.clock.advance(7 * 86_400)
        assert swapper.file(url)[0].status == 403

    def test_s14_a_file_of_a_face_goes_with_its_account(self, swapper: Swapper) -> None:
        (frame,) = swapper.post(DETECT, {"url": "https://example.com/a.jpg", "return_face_url": True})[
            "faces_obj"
        ].values()
        swapper.mock.engine.reset_account(OTHER)
        assert swapper.file(frame["face_urls"][0])[0].status == 200
        swapper.mock.engine.reset_account(KEY)
        assert swapper.file(frame["face_urls"][0])[0].status == 403

    def test_s14_a_video_has_frames(self, swapper: Swapper) -> None:
        frames = swapper.post(DETECT, {"url": "https://example.com/a.mp4", "num_frames": 3})["faces_obj"]
        assert {number: frame["frame_time"] for number, frame in frames.items()} == {"0": 0, "5": 0.2, "10": 0.4}
        assert len(swapper.post(DETECT, {"url": "https://example.com/a.mp4"})["faces_obj"]) == 5
        short = Swapper(assumed_media_seconds=0.3)
        assert list(short.post(DETECT, {"url": "https://example.com/a.mp4"})["faces_obj"]) == ["0", "5"]

    @pytest.mark.parametrize("count", [1, 2, 7, 100])
    def test_s14_as_many_faces_as_a_url_says_the_largest_first(self, count: int) -> None:
        swapper = Swapper(faces_by_url=[f"*crowd*={count}"])
        (frame,) = swapper.post(DETECT, {"url": "https://example.com/crowd.jpg"})["faces_obj"].values()
        sides = [width for _, _, width, _ in frame["region"]]
        assert len(sides) == count
        assert sides == sorted(sides, reverse=True)
        assert all(0 <= each <= 1024 for x, y, width, height in frame["region"] for each in (x, y, x + width))
        single = {"url": "https://example.com/crowd.jpg", "single_face": True}
        assert len(swapper.post(DETECT, single)["faces_obj"]["0"]["region"]) == 1

    def test_s14_no_face_is_an_error_or_an_empty_list(self) -> None:
        for options, told in (
            ({"faces_per_image": 0}, {"error_code": 1, "error_msg": "No faces detected", "faces_obj": {}}),
            ({"faces_by_url": "*empty*=0"}, {"error_code": 1, "error_msg": "No faces detected", "faces_obj": {}}),
        ):
            answer = Swapper(**options).ask(DETECT, {"url": "https://example.com/empty.jpg"})
            assert (answer.status, json.loads(answer.body)) == (200, told)
            assert answer.reason
        swapper = Swapper(faces_per_image=0, detect_no_face="empty")
        answer = swapper.post(DETECT, {"url": "https://example.com/a.jpg"})
        assert (answer["error_code"], answer["faces_obj"]["0"]["region"]) == (0, [])

    def test_s14_data_counts_when_there_is_no_url(self, swapper: Swapper) -> None:
        for img in (DATA_URL, base64.b64encode(b"pixels").decode()):
            assert swapper.post(DETECT, {"img": img})["error_code"] == 0
        both = swapper.post(DETECT, {"img": "no base64", "url": "https://example.com/a.jpg"})
        assert both["error_code"] == 0
        answer = swapper.ask(DETECT, {"img": "no base64"})
        assert (answer.status, json.loads(answer.body)["error_code"]) == (400, 1)

    def test_s14_persons_of_frames(self) -> None:
        swapper = Swapper(faces_by_url=["*two*=2", "*none*=0"])
        urls = [f"https://example.com/{name}.jpg" for name in ("none", "two", "one")]
        answer = swapper.post(ANALYZE, {"frame_urls": urls, "timestamps": [0, 0.5]})
        assert (answer["success"], answer["frame_count"]) == (True, 3)
        first, second = answer["persons"]
        assert [person["person_id"] for person in answer["persons"]] == ["person_0", "person_1"]
        assert [each["frame_index"] for each in first["appearances"]] == [1, 2]
        assert (first["first_seen"], first["last_seen"]) == (0.5, 2)
        assert (second["first_seen"], second["last_seen"]) == (0.5, 0.5)
        assert swapper.file(first["face_url"])[0].status == 200
        narrow = swapper.post(ANALYZE, {"frame_urls": urls, "expand_ratio": 0})["persons"][0]["bbox"]
        assert narrow[0] > first["bbox"][0]
        assert swapper.post(ANALYZE, {"frame_urls": urls[:1]})["persons"] == []

    def test_s14_the_old_host_needs_no_key_and_leaks_an_error(self, swapper: Swapper) -> None:
        swapper.headers.pop("x-api-key")
        answer = swapper.post(OLD, {"image_url": "https://example.com/a.jpg", "single_face": True})
        assert list(answer) == [
            *("error_code", "error_msg", "landmarks", "landmarks_str", "region", "seconds", "trx_id")
        ]
        assert answer["error_code"] == 0
        for fields in ({"image_url": "https://example.com/a.mp4"}, {"img": "no base64"}, {"img": DATA_URL[:-3] + "*"}):
            refused = swapper.post(OLD, fields)
            assert (refused["error_code"], "shape" in refused["error_msg"]) == (1, True)
        assert swapper.post(OLD, {"img": DATA_URL})["error_code"] == 0
        closed = Swapper(sg3_auth=True)
        closed.headers.pop("x-api-key")
        assert closed.post(OLD, {"img": DATA_URL})["code"] == 1102
        empty = Swapper(faces_per_image=0)
        answer = empty.post(OLD, {"img": DATA_URL})
        nothing: dict[str, Any] = {key: [] for key in ("landmarks", "landmarks_str", "region")}
        told = {"error_code": 1, "error_msg": "No faces detected", **nothing, "seconds": 0.04}
        assert answer == {**told, "trx_id": answer["trx_id"]}

    def test_s14_credentials(self, swapper: Swapper) -> None:
        swapper.headers.pop("x-api-key")
        assert swapper.post(DETECT, {"url": "https://example.com/a.jpg"})["code"] == 1102
        free = Swapper(detect_auth=False)
        free.headers.pop("x-api-key")
        frame = free.post(DETECT, {"url": "https://example.com/a.jpg", "return_face_url": True})["faces_obj"]["0"]
        assert free.file(frame["face_urls"][0])[0].status == 200

    def test_s14_it_is_free_and_makes_no_job(self, swapper: Swapper) -> None:
        swapper.post(DETECT, {"url": "https://example.com/a.jpg"})
        assert (swapper.mock.credits_spent, len(swapper.mock.jobs)) == (0, 0)

    def test_the_oldest_of_very_many_faces_is_forgotten(
        self, swapper: Swapper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mock_akool.akool.engine._MOST_LOOSE_FILES", 2)
        urls = []
        for number in range(3):
            fields = {"url": f"https://example.com/{number}.jpg", "return_face_url": True}
            urls += swapper.post(DETECT, fields)["faces_obj"]["0"]["face_urls"]
        assert [swapper.file(url)[0].status for url in urls] == [403, 200, 200]


class TestScenarios:
    def test_s12_an_empty_list_is_no_job_that_is_done(self) -> None:
        swapper = Swapper(scenario="empty-list")
        made = swapper.made("specifyimage")
        assert [len(swapper.rows(made["_id"])) for _ in range(3)] == [0, 0, 1]
        swapper.mock.verify()

    def test_s12_no_face_is_found(self) -> None:
        swapper = Swapper(scenario="no-face")
        for path, fields in ((DETECT, {"url": IMAGE["modifyImage"]}), (OLD, {"image_url": IMAGE["modifyImage"]})):
            answer = swapper.ask(path, fields)
            assert (answer.status, json.loads(answer.body)["error_code"]) == (200, 1)
            assert dict(answer.headers)["content-type"] == "application/json"
        swapper.mock.verify()

    def test_s12_the_url_of_the_create_is_too_early(self) -> None:
        swapper = Swapper(scenario="swap-url-too-early")
        url = swapper.made("specifyimage")["url"]
        seen = []
        for _ in range(3):
            seen.append(swapper.file(url)[0].status)
            swapper.mock.clock.advance(30)
        assert seen == [403, 403, 200]

    def test_a_family_is_a_word_for_its_endpoints(self, swapper: Swapper) -> None:
        swapper.mock.on("reage").nth(2).respond(code=1108)
        swapper.mock.on("poll").nth(1).respond(http=502)
        assert swapper.made("imgreage")
        assert swapper.post(*SWAPS["vidreage"])["code"] == 1108
        assert swapper.made("specifyimage")
        answer = swapper.mock.answer(Request.build("GET", f"{V3}/result/listbyids", "_ids=x", swapper.headers))
        assert answer.status == 502


def test_s12_the_hosts_of_all_doors_are_known() -> None:
    assert {"sg3.akool.com", "d5v2vcqcwe9y5.cloudfront.net", "d2qf6ukcym4kn9.cloudfront.net"} <= {*HOSTS}


def test_s12_paths_are_in_exact_case_unless_the_setting_says_otherwise() -> None:
    path, fields = SWAPS["faceswapByImage"]
    assert Swapper().ask(path.lower(), fields).status == 404
    relaxed = Swapper(path_case_strict=False)
    assert relaxed.post(path.lower(), fields)["code"] == 1000
    assert relaxed.mock.calls[-1].endpoint == "faceswapByImage"
    assert relaxed.ask(f"{path}/x", fields).status == 404


def test_s12_urls_that_are_not_checked_must_still_be_texts() -> None:
    swapper = Swapper(check_urls=False)
    assert swapper.made("specifyimage", modifyImage="group.jpg", sourceImage=[{"path": "face.jpg"}])
    path, fields = SWAPS["specifyimage"]
    assert swapper.post(path, {**fields, "sourceImage": [{"path": ""}]})["code"] == 1003


def test_a_service_that_wants_no_account_has_none() -> None:
    request = Request.build("POST", OLD)
    with pytest.raises(TypeError, match="/detect is answered without an account"):
        _ = Asked(MockAkool().engine, request, None, None, 0).own


def test_a_number_for_a_url_may_be_a_record() -> None:
    swapper = Swapper(faces_by_url=[PatternNumber("*", 2)])
    assert len(swapper.post(OLD, {"image_url": "https://example.com/a.jpg"})["region"]) == 2


@pytest.mark.parametrize("number", ["*crowd*", "=3", "*=-1", "*=x", 5])
def test_a_number_for_a_url_needs_a_pattern_and_a_number(number: object) -> None:
    with pytest.raises(SettingsError, match="a pattern of URLs"):
        MockAkool(faces_by_url=[number])


# Bad requests: none is a 500, none changes anything, each has its reason in the call log only

_BAD: Final = (200, {"code": 1003, "msg": "parameter validate error"})
_IMAGE, _VIDEO = SWAPS["specifyimage"][0], SWAPS["specifyvideo"][0]
_PRO, _PLUS = SWAPS["faceswapByImage"][0], SWAPS["faceswapPlusByImage"][0]
_REAGE, _OLDER_VIDEO = SWAPS["imgreage"][0], SWAPS["vidreage"][0]
_DELETE, _CANCEL = f"{V3}/result/delbyids", f"{V3}/job/del"
_OPTS = [{**FACE, "opts": None}, FACE]

BAD_REQUESTS: Final[list[tuple[str, object, str]]] = [
    (_IMAGE, {}, "targetImage is missing"),
    (_IMAGE, {**FACES, "modifyVideo": "https://example.com/a.mp4"}, "modifyImage is missing; did you mean it by"),
    (_IMAGE, {**IMAGE, "modifyImage": ""}, "modifyImage is ''"),
    (_IMAGE, {**IMAGE, "modifyImage": "/tmp/a.png"}, "an http or https URL"),
    (_IMAGE, {**IMAGE, "modifyImage": ["https://example.com/a.png"]}, "modifyImage is"),
    (_IMAGE, {**IMAGE, "modifyImage": "data:image/png;base64"}, "modifyImage is"),
    (_IMAGE, {**IMAGE, "sourceImage": "https://example.com/a.png"}, "a list of objects with path and opts"),
    (_IMAGE, {**IMAGE, "sourceImage": FACE}, "a list of objects with path and opts"),
    (_IMAGE, {**IMAGE, "sourceImage": []}, "must not be empty"),
    (_IMAGE, {**IMAGE, "sourceImage": [], "targetImage": []}, "must not be empty"),
    (_IMAGE, {**IMAGE, "sourceImage": [FACE, FACE]}, "sourceImage has 2 faces and targetImage 1"),
    (_IMAGE, {**IMAGE, "sourceImage": ["https://example.com/a.png"]}, "sourceImage[0] is"),
    (_IMAGE, {**IMAGE, "targetImage": [{"opts": POINTS}]}, "targetImage[0].path is"),
    (_IMAGE, {**IMAGE, "targetImage": [{**FACE, "path": "face.jpg"}]}, "targetImage[0].path is 'face.jpg'"),
    (_IMAGE, {**IMAGE, "targetImage": [{**FACE, "opts": 5}]}, "targetImage[0].opts is 5"),
    (_IMAGE, {**IMAGE, "targetImage": [{**FACE, "opts": [[1, 2]]}]}, "targetImage[0].opts is"),
    (_IMAGE, {**IMAGE, "face_enhance": 0.5}, "face_enhance is 0.5"),
    (_IMAGE, {**IMAGE, "face_enhance": True}, "face_enhance is True"),
    (_IMAGE, {**IMAGE, "face_enhance": "high"}, "face_enhance is 'high'"),
    (_IMAGE, {**IMAGE, "webhookUrl": "localhost"}, "webhookUrl is 'localhost'"),
    (_IMAGE, [], "the body is a list"),
    (_VIDEO, IMAGE, "modifyVideo is missing; did you mean it by 'modifyImage'"),
    (_VIDEO, {**VIDEO, "modifyVideo": 5}, "modifyVideo is 5"),
    (_PRO, {}, "sourceImage is missing"),
    (_PRO, {**PRO, "sourceImage": []}, "sourceImage has 0 faces"),
    (_PRO, {**PRO, "sourceImage": [FACE] * 51}, "sourceImage has 51 faces"),
    (_PRO, {**PRO, "sourceImage": [{"path": DATA_URL}]}, "sourceImage[0].path is"),
    (_PRO, {**PRO, "sourceImage": [None]}, "sourceImage[0] is"),
    (_PRO, {**PRO, "sourceImage": [{**FACE, "opts": [POINTS]}]}, "sourceImage[0].opts is"),
    (_PRO, {"sourceImage": _OPTS, "targetImage": [FACE]}, "sourceImage[0].opts is missing"),
    (_PRO, {"sourceImage": [FACE, FACE], "targetImage": [{"path": FACE["path"]}]}, "targetImage[0].opts is missing"),
    (_PRO, {**PRO, "model_name": "akool_faceswap_image"}, "did you mean 'akool_faceswap_image_hq'"),
    (_PRO, {**PRO, "face_enhance": 1}, "face_enhance is 1"),
    (_PRO, {**PRO, "single_face_mode": "true"}, "single_face_mode is 'true'"),
    (_PLUS, {}, "source_url is missing"),
    (_PLUS, {"sourceUrl": PLUS["source_url"], "targetUrl": PLUS["target_url"]}, "did you mean it by 'sourceUrl'"),
    (_PLUS, PLUS, "face_mapping is missing or empty"),
    (_PLUS, {**PLUS, "face_mapping": []}, "face_mapping is missing or empty"),
    (_PLUS, {**PLUS, "face_mapping": {}}, "face_mapping is {}"),
    (_PLUS, {**PLUS, "face_mapping": ["x"]}, "face_mapping[0] is 'x'"),
    (_PLUS, {**PLUS, "face_mapping": [{}]}, "face_mapping[0].source_face_info is"),
    (_PLUS, {**PLUS, "face_mapping": [{**MAPPED, "source_face_info": {}}]}, "source_face_info.face_url is"),
    (
        _PLUS,
        {**PLUS, "face_mapping": [{**MAPPED, "target_face_info": {"face_url": "old.jpg"}}]},
        "target_face_info.face_url is 'old.jpg'",
    ),
    (
        _PLUS,
        {**PLUS, "face_mapping": [{**MAPPED, "target_face_info": {"bbox": [1, 2, 3]}}]},
        "target_face_info.bbox is",
    ),
    (_PLUS, {**SINGLE, "model_style": "realist"}, "did you mean 'realistic'"),
    (_PLUS, {**SINGLE, "single_face_mode": None, "target_url": "party.mp4"}, "target_url is 'party.mp4'"),
    (_REAGE, IMAGE, "face_reage is missing"),
    (_REAGE, {**REAGE, "face_reage": 31}, "face_reage is 31"),
    (_REAGE, {**REAGE, "face_reage": "-31"}, "face_reage is '-31'"),
    (_REAGE, {**REAGE, "face_reage": 1.5}, "face_reage is 1.5"),
    (_REAGE, {**REAGE, "targetImage": []}, "targetImage must not be empty"),
    (_OLDER_VIDEO, REAGE, "modifyVideo is missing"),
    (_DELETE, {}, "_ids is missing"),
    (_DELETE, {"_ids": ["a", "b"]}, "_ids is"),
    (_DELETE, {"ids": "a"}, "did you mean it by 'ids'"),
    (_CANCEL, {"_ids": "a"}, "job_ids is missing"),
    (_CANCEL, {"job_ids": ""}, "job_ids is ''"),
]


@pytest.mark.parametrize(("path", "fields", "reason"), BAD_REQUESTS)
def test_a_bad_request_is_refused_and_changes_nothing(path: str, fields: object, reason: str) -> None:
    swapper = Swapper()
    answer = swapper.ask(path, fields)
    assert (answer.status, json.loads(answer.body)) == _BAD
    assert reason in (answer.reason or "")
    assert (len(swapper.mock.jobs), swapper.mock.credits_spent) == (0, 0)


BAD_DETECTIONS: Final[list[tuple[str, object, str]]] = [
    (DETECT, {}, "url and img are missing"),
    (DETECT, {"image_url": "https://example.com/a.jpg"}, "url and img are missing"),
    (DETECT, {"url": "a.jpg"}, "url is 'a.jpg'"),
    (DETECT, {"url": 5}, "url is 5"),
    (DETECT, {"img": 5}, "img is 5"),
    (DETECT, {"url": "https://example.com/a.mp4", "num_frames": 0}, "num_frames is 0"),
    (DETECT, {"url": "https://example.com/a.mp4", "num_frames": 101}, "num_frames is 101"),
    (DETECT, {"url": "https://example.com/a.jpg", "single_face": 1}, "single_face is 1"),
    (DETECT, [], "the body is a list"),
    (ANALYZE, {}, "frame_urls is missing"),
    (ANALYZE, {"frame_urls": []}, "frame_urls must not be empty"),
    (ANALYZE, {"frame_urls": "https://example.com/a.jpg"}, "frame_urls is"),
    (ANALYZE, {"frame_urls": ["a.jpg"]}, "frame_urls[0] is 'a.jpg'"),
    (ANALYZE, {"frame_urls": ["https://example.com/a.jpg"], "timestamps": ["0"]}, "timestamps[0] is '0'"),
    (ANALYZE, {"frame_urls": ["https://example.com/a.jpg"], "timestamps": [True]}, "timestamps[0] is True"),
    (ANALYZE, {"frame_urls": ["https://example.com/a.jpg"], "expand_ratio": 1.1}, "expand_ratio is 1.1"),
]


@pytest.mark.parametrize(("path", "fields", "reason"), BAD_DETECTIONS)
def test_s14_bad_input_is_http_400_in_the_services_own_envelope(path: str, fields: object, reason: str) -> None:
    answer = Swapper().ask(path, fields)
    told = json.loads(answer.body)
    assert answer.status == 400
    if path == DETECT:
        assert (told["error_code"], told["faces_obj"]) == (1, {})
    else:
        assert told["success"] is False
    assert reason in str(told.get("error_msg") or told.get("error"))
    assert reason in (answer.reason or "")


def test_s14_the_old_host_tells_bad_input_in_its_envelope() -> None:
    answer = Swapper().ask(OLD, {})
    assert (answer.status, json.loads(answer.body)["error_code"]) == (200, 1)


@pytest.mark.parametrize(
    "query", ["", "_id=6955b9009ece54a84f2f98c3", "_ids=", "_ids=a&_ids=b", "ids=6955b9009ece54a84f2f98c3"]
)
def test_s13_listbyids_without_ids_is_1003(query: str) -> None:
    swapper = Swapper()
    answer = swapper.mock.answer(Request.build("GET", f"{V3}/result/listbyids", query, swapper.headers))
    assert (answer.status, json.loads(answer.body)) == _BAD


class TestPollsOfSeveral:
    """The answer to an equal poll of several jobs is kept until one of them changes."""

    def test_it_changes_with_any_of_the_jobs(self, swapper: Swapper) -> None:
        ids = [swapper.made("specifyimage")["_id"] for _ in range(3)]
        seen = []

        def look() -> None:
            first, second = swapper.rows(*ids), swapper.rows(*ids)
            assert first == second
            seen.append([row["faceswap_status"] for row in first])

        look()
        swapper.mock.job(ids[2]).complete()
        look()
        swapper.mock.clock.advance(2)
        look()
        swapper.mock.job(ids[1]).fail("no")
        look()
        swapper.post(f"{V3}/result/delbyids", {"_ids": ids[0]})
        look()
        assert seen == [[1, 1, 1], [1, 1, 3], [2, 2, 3], [2, 4, 3], [4, 3]]

    def test_it_is_the_accounts_own(self, swapper: Swapper) -> None:
        ids = [swapper.made("specifyimage")["_id"] for _ in range(2)]
        assert len(swapper.rows(*ids)) == 2
        assert Swapper(OTHER, swapper.mock).rows(*ids) == []
        assert len(swapper.rows(*ids)) == 2

    def test_polls_are_counted_where_a_job_waits_for_them(self) -> None:
        swapper = Swapper(queueing="2 polls")
        ids = [swapper.made("specifyimage")["_id"] for _ in range(2)]
        assert [swapper.rows(*ids)[1]["faceswap_status"] for _ in range(3)] == [1, 1, 2]
