"""Bad requests for videos: each gets the contract's exact answer, says why in the call log, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pytest

from mock_akool import MockAkool
from mock_akool.admin.serializers import JOB
from tests.contract.asking import KEY, OTHER
from tests.contract.test_image2video import (
    BATCH,
    DELETE,
    FIELDS,
    KLING_3,
    KLING_O3,
    MODEL_LIST,
    OF_TEXT,
    OLD_LIST,
    READ,
    SINGLE,
    SOUND,
    TEXT,
    Filmer,
)

BAD: Final = {"code": 1003, "msg": "parameter validate error"}
NO_RESULTS: Final = {"code": 1003, "msg": "Failed to get results"}
UNKNOWN: Final = {"code": 1008, "msg": "content does not exist"}
FOREIGN: Final = {"code": 1009, "msg": "no permission"}
NOT_NOW: Final = {"code": 1010, "msg": "cannot operate this content"}
TOO_POOR: Final = {"code": 1104, "msg": "credits insufficient"}
ALL_REFUSED: Final = {"code": 1108, "msg": "image generate error, try again later"}


class Bad(NamedTuple):
    """A request, the whole answer, and what the reason in the call log begins with."""

    path: str
    fields: object
    answer: Mapping[str, Any]
    why: str
    query: str = ""


def one(why: str, /, answer: Mapping[str, Any] = BAD, **fields: Any) -> Bad:
    return Bad(SINGLE, {**FIELDS, **fields}, answer, why)


def many(why: str, /, answer: Mapping[str, Any] = BAD, **fields: Any) -> Bad:
    return Bad(BATCH, {**FIELDS, **fields}, answer, why)


def text(why: str, /, answer: Mapping[str, Any] = BAD, **fields: Any) -> Bad:
    return Bad(TEXT, {**OF_TEXT, **fields}, answer, why)


def sound(why: str, /, answer: Mapping[str, Any] = BAD, **fields: Any) -> Bad:
    return Bad(SOUND, {"audio_type": 1, **fields}, answer, why)


SHOT: Final = {"duration": 5, "prompt": "a"}

CASES: Final[Mapping[str, Bad]] = {
    "one-empty": Bad(SINGLE, {}, BAD, "image_url is missing; prompt is missing; resolution is missing"),
    "one-list": Bad(SINGLE, [FIELDS], BAD, "the body is a list"),
    "one-image-missing": one("image_url is missing", image_url=None),
    "one-image-list": one("image_url is ['https://e.com/a.png']", image_url=["https://e.com/a.png"]),
    "one-images": Bad(
        SINGLE,
        {**{name: FIELDS[name] for name in FIELDS if name != "image_url"}, "image_urls": ["https://e.com/a.png"]},
        BAD,
        "image_url is missing; did you mean it by 'image_urls'?",
    ),
    "one-image-no-url": one("image_url is 'fox.png'", image_url="fox.png"),
    "one-image-data-url": one("image_url is", image_url="data:image/png;base64,aGk="),
    "one-image-empty": one("image_url is ''", image_url=""),
    "one-prompt-blank": one("prompt is ' '", prompt=" "),
    "one-prompt-number": one("prompt is 5", prompt=5),
    "one-resolution-missing": one("resolution is missing", resolution=None),
    "one-resolution-480p": one("resolution is '480p'", resolution="480p"),
    "one-resolution-number": one("resolution is 720", resolution=720),
    "one-resolution-upper-case": one("resolution is '4K'; it takes one of 720p, 1080p, 4k", resolution="4K"),
    "one-length-missing": one("video_length is missing", video_length=None),
    "one-length-6": one("video_length is 6; it takes 5 or 10", video_length=6),
    "one-length-fraction": one("video_length is 5.5", video_length=5.5),
    "one-length-text": one("video_length is '5s'", video_length="5s"),
    "one-length-true": one("video_length is True", video_length=True),
    "one-audio-type-4": one("audio_type is 4", audio_type=4),
    "one-audio-type-0": one("audio_type is 0", audio_type=0),
    "one-audio-without-url": one("audio_url is missing; with audio_type 2", audio_type=2),
    "one-audio-url-relative": one("audio_url is 'a.mp3'", audio_type=2, audio_url="a.mp3"),
    "one-extend-text": one("extend_prompt is 'yes'", extend_prompt="yes"),
    "one-premium-number": one("is_premium_model is 1", is_premium_model=1),
    "one-effect-unknown": one("effect_code is 'squish'", effect_code="squish"),
    "one-effect-number": one("effect_code is 5", effect_code=5),
    "one-webhook-number": one("webhookurl is 5", webhookurl=5),
    "one-webhook-no-url": one("webhookurl is 'nowhere'", webhookurl="nowhere"),
    "many-empty": Bad(BATCH, {}, BAD, "image_url is missing; prompt is missing; video_length is missing"),
    "many-image-list": many("image_url is ['https://e.com/a.png']", image_url=["https://e.com/a.png"]),
    "many-model-unknown": many("model_name is 'AkoolImage2VideoFastV2'", model_name="AkoolImage2VideoFastV2"),
    "many-model-number": many("model_name is 5", model_name=5),
    "many-model-empty": many("model_name is ''", model_name=""),
    "many-resolution-missing": many("resolution is missing; AkoolImage2VideoFastV1 takes", resolution=None),
    "many-resolution-of-no-model": many("resolution is '480p'; AkoolImage2VideoFastV1 takes", resolution="480p"),
    "many-length-of-no-model": many("video_length is 3; AkoolImage2VideoFastV1 takes 5, 10", video_length=3),
    "many-length-61": many("video_length is 61", video_length=61),
    "many-count-0": many("count is 0", count=0),
    "many-count-11": many("count is 11", count=11),
    "many-count-above-the-model": many(f"count is 5; {KLING_3} takes up to 4", model_name=KLING_3, count=5),
    "many-count-fraction": many("count is 1.5", count=1.5),
    "many-audio-text": many("generate_audio is 'true'", generate_audio="true"),
    "many-last-image": many("last_image_url is 5", last_image_url=5),
    "many-shots-of-another-model": many("multi_prompt is given, and AkoolImage2VideoFastV1", multi_prompt=[SHOT]),
    "many-shots-too-long": many(
        "the durations of multi_prompt add up to 10", model_name=KLING_O3, multi_prompt=[SHOT, SHOT]
    ),
    "many-shots-too-many": many("multi_prompt has 6 parts", model_name=KLING_O3, multi_prompt=[SHOT] * 6),
    "many-shot-no-object": many("multi_prompt[0] is 'a'", model_name=KLING_O3, multi_prompt=["a"]),
    "many-shot-no-prompt": many("multi_prompt[0].prompt is", model_name=KLING_O3, multi_prompt=[{"duration": 5}]),
    "many-shot-no-duration": many("multi_prompt[0].duration is", model_name=KLING_O3, multi_prompt=[{"prompt": "a"}]),
    "many-shots-no-list": many("multi_prompt is {", model_name=KLING_O3, multi_prompt=SHOT),
    "many-too-poor": many("it costs 1200 credits, and the account has 1000", TOO_POOR, resolution="4k", count=6),
    "many-all-refused": many("i2v_batch_errors refuses all 2 rows", ALL_REFUSED, prompt="an owl", count=2),
    "text-prompt-missing": text("prompt is missing", prompt=None),
    "text-prompt-5001": text("prompt is", prompt="a" * 5001),
    "text-negative-1001": text("negative_prompt is", negative_prompt="a" * 1001),
    "text-model-of-images": text("model_name is 'AkoolImage2VideoFastV1'", model_name="AkoolImage2VideoFastV1"),
    "text-resolution-4k": text("resolution is '4k'", resolution="4k"),
    "text-count-text": text("count is 'many'", count="many"),
    "sound-id-missing": sound("pre_video_id is missing"),
    "sound-id-list": sound("pre_video_id is ['<done>']", pre_video_id=["<done>"]),
    "sound-type-missing": Bad(SOUND, {"pre_video_id": "<done>"}, BAD, "audio_type is missing"),
    "sound-type-3": sound("audio_type is 3", pre_video_id="<done>", audio_type=3),
    "sound-without-url": sound("audio_url is missing", pre_video_id="<done>", audio_type=2),
    "sound-unknown": sound("no job has the _id", UNKNOWN, pre_video_id="0" * 24),
    "sound-foreign": sound("job <foreign> is another account's", FOREIGN, pre_video_id="<foreign>"),
    "sound-waiting": sound("job <waiting> is queueing", NOT_NOW, pre_video_id="<waiting>"),
    "sound-of-an-image": sound("job <image> was made by createbyprompt", UNKNOWN, pre_video_id="<image>"),
    "read-array": Bad(READ, {"_ids": ["<done>"]}, NO_RESULTS, "_ids is ['<done>']"),
    "read-ids": Bad(READ, {"ids": "<done>"}, NO_RESULTS, "_ids is missing; did you mean it by 'ids'?"),
    "read-empty": Bad(READ, {"_ids": ""}, NO_RESULTS, "_ids is ''"),
    "read-number": Bad(READ, {"_ids": 5}, NO_RESULTS, "_ids is 5"),
    "read-null": Bad(READ, {"_ids": None}, NO_RESULTS, "_ids is missing"),
    "read-list": Bad(READ, ["<done>"], NO_RESULTS, "the body is a list"),
    "delete-array": Bad(DELETE, {"_ids": ["<done>"]}, BAD, "_ids is ['<done>']"),
    "delete-ids": Bad(DELETE, {"ids": "<done>"}, BAD, "_ids is missing"),
    "models-no-type": Bad(MODEL_LIST, None, BAD, "types[] is missing from the query"),
    "models-types": Bad(MODEL_LIST, None, BAD, "types[] is missing from the query", "types=1501"),
    "old-sub-type": Bad(OLD_LIST, None, BAD, "sub_type is given, which this list refuses", "sub_type=1501"),
    "old-page-0": Bad(OLD_LIST, None, BAD, "page is '0'", "page=0"),
    "old-size-text": Bad(OLD_LIST, None, BAD, "size is 'all'", "size=all"),
}


class World(NamedTuple):
    """A fake, and the ids of the jobs that are in it."""

    filmer: Filmer
    ids: Mapping[str, str]

    def filled(self, value: object) -> Any:
        """Return a value with ids in the place of `<done>` and the like."""
        written = json.dumps(value)
        for name, job_id in self.ids.items():
            written = written.replace(f"<{name}>", job_id)
        return json.loads(written)

    @property
    def state(self) -> object:
        """All jobs and what the accounts have."""
        mock = self.filmer.mock
        return [JOB.write(job, mock.clock.now_ns()) for job in mock.jobs], mock.credits, mock.credits_spent


@pytest.fixture
def world() -> World:
    mock = MockAkool(
        accounts=[{"api_key": KEY, "credits": 1000}, {"api_key": OTHER}],
        queueing="forever",
        i2v_batch_errors=["*owl*=9"],
    )
    filmer, stranger = Filmer(mock=mock), Filmer(OTHER, mock)
    image = filmer.post("/api/open/v3/content/image/createbyprompt", {"prompt": "x"})["data"]["_id"]
    done, waiting, foreign = filmer.completed()["_id"], filmer.made()["_id"], stranger.completed()["_id"]
    mock.engine.accounts.set_credits(mock.job(done).record.account, 1000)
    return World(filmer, {"done": done, "waiting": waiting, "foreign": foreign, "image": image})


def test_there_are_at_least_40() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_a_bad_request_gets_its_answer_and_changes_nothing(world: World, name: str) -> None:
    bad = CASES[name]
    before = world.state

    if bad.fields is None:
        answer = world.filmer.get(bad.path, bad.query)
    else:
        answer = world.filmer.post(bad.path, world.filled(bad.fields))

    assert answer == bad.answer
    reason = world.filmer.mock.calls[-1].response.reason or ""
    assert reason.startswith(world.filled(bad.why))
    assert world.state == before
