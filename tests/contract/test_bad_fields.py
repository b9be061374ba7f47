"""Every field of every body gets what it does not take, also deep inside: none is a 500, and none changes anything.

The tables of single families say what exactly is answered to what; this says it of all endpoints, those to come too.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from mock_akool import MockAkool, Request
from mock_akool.akool.families import CREATES, FAMILIES, RESULTS, SERVICES, Create, Results, Service, Unknown
from mock_akool.akool.families.live_avatar import AVATARS
from mock_akool.core.http import Response
from tests.contract.asking import KEY, OTHER
from tests.extent import choose

VALUES: Final[Mapping[str, str]] = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "not finite": "1e999",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "4,000 digits": "9" * 4000,
    "empty text": '""',
    "blank": '" "',
    "a word": '"banana"',
    "numeric text": '"1"',
    "unicode": '"\\u202e\\u0000é🦊"',
    "lone surrogate": '"\\ud800"',
    "200,000 letters": f'"{"a" * 200_000}"',
    "empty list": "[]",
    "list of null": "[null]",
    "list of a list": "[[[]]]",
    "list of an object": "[{}]",
    "list of numbers": "[1]",
    "empty object": "{}",
    "object with null": '{"a":{"b":null}}',
}
"""What is sent in the place of a field's value, as JSON, or as what is none."""
NOT_JSON: Final = ("NaN", "Infinity")

FILM: Final = "https://example.com/a.mp4"
PHOTO: Final = "https://example.com/a.png"
FACE: Final = {"face_url": PHOTO, "bbox": [1, 2, 3, 4]}
VOICE: Final = "Alice-en-GB-0001"
PLACE: Final = {"scale_x": 1, "scale_y": 1, "offset_x": 0, "offset_y": 0}
MORE: Final[Mapping[str, Mapping[str, Any]]] = {
    "createBySourcePrompt": {"prompt": "x", "source_images": [PHOTO], "similar": 0.5, "parameter": {"a": {"b": [1]}}},
    "faceswapPlusByImage": {
        "source_url": PHOTO,
        "target_url": PHOTO,
        "face_mapping": [{"source_face_info": FACE, "target_face_info": FACE}],
    },
    "talkingavatar/create": {
        "width": 3840,
        "height": 2160,
        "avatar_from": 3,
        "elements": [
            {"type": "image", "url": "#ffffff", **PLACE},
            {"type": "avatar", "url": FILM, **PLACE, "width": 5, "height": 5},
            {"type": "audio", "input_text": "hi", "voice_id": VOICE},
        ],
    },
    "createbytranslate": {
        "url": FILM,
        "language": "en",
        "studio_voice": {"no_translate_words": ["a"], "fixed_words": {"a": "b"}, "style": "professional"},
    },
    "voice/tts": {
        "input_text": "x",
        "voice_id": VOICE,
        "voice_options": {"stability": 1, "speed": 1, "speaker_boost": True, "emotion": "calm", "volume": 1},
        "extra_options": {"a": 1},
    },
    "voice/clone": {
        "source_voice_file": FILM,
        "voice_options": {"style": ["a"], "gender": ["a"], "language": "en", "remove_background_noise": True},
    },
    "voice/change": {"voice_id": VOICE, "source_voice_file": FILM, "voice_options": {"file_format": "wav"}},
    "image2Video/createBySourcePrompt/batch": {
        "image_url": PHOTO,
        "prompt": "x",
        "resolution": "720p",
        "video_length": 5,
        "model_name": "kwaivgi/kling-video-o3-pro/image-to-video",
        "multi_prompt": [{"duration": 5, "prompt": "a"}],
    },
    "liveAvatar/session/create": {
        "avatar_id": AVATARS[0].avatar_id,
        "voice_params": {"speed": 1, "a": {"b": 1}},
        "credentials": {"agora_uid": 1},
    },
    "knowledge/create": {"name": "x", "prologue": "y", "prompt": "z", "docs": [{"name": "d"}], "urls": [PHOTO]},
    "analyze_frames": {"frame_urls": [PHOTO], "timestamps": [1], "expand_ratio": 0.3},
}
"""Requests with fields inside of fields, beside the examples of the endpoints."""

Endpoint = Create[Any] | Results | Service
Path = tuple[str | int, ...]

ENDPOINTS: Final[Mapping[str, Endpoint]] = {**CREATES, **RESULTS, **SERVICES}
WITH_BODY: Final = {name: each for name, each in ENDPOINTS.items() if each.input is not None}


def bodies_of(name: str) -> list[dict[str, Any]]:
    """Return good bodies of an endpoint; a reader's is one with an id."""
    example = getattr(WITH_BODY[name], "example", None) or {"_ids": "0" * 24}
    return [dict(each) for each in (example, MORE.get(name)) if each is not None]


def paths_in(value: object, so_far: Path = ()) -> Iterator[Path]:
    """Return where the values inside of a value are."""
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in named:
        yield (*so_far, name)
        yield from paths_in(each, (*so_far, name))


def with_value(body: dict[str, Any], path: Path, value: str) -> bytes:
    """Return the JSON of a body with another value, which is JSON or not, at a place."""
    changed: Any = copy.deepcopy(body)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = "<value>"
    return json.dumps(changed).replace('"<value>"', value).encode("utf-8", "surrogatepass")


class Sent:
    """A request to a fake, and what came of it."""

    def __init__(self, mock: MockAkool, endpoint: Endpoint, body: bytes) -> None:
        before = self._state(mock)
        headers = {"x-api-key": KEY, "content-type": "application/json"}
        method = "POST" if isinstance(endpoint, Create) else endpoint.method
        self.response: Response = mock.answer(Request.build(method, endpoint.path, headers=headers, body=body))
        self.answer: Any = json.loads(self.response.body, parse_constant=self._no_json) if self.response.body else {}
        self.changed_nothing = self._state(mock) == before
        self.reason = self.response.reason or ""

    @staticmethod
    def _no_json(word: str) -> None:
        raise AssertionError(f"the answer is no JSON: it has {word}")

    @staticmethod
    def _state(mock: MockAkool) -> object:
        return len(mock.jobs), mock.credits, mock.credits_spent, len(mock.webhooks)

    @property
    def is_good(self) -> bool:
        """Whether it is a success, in the words of the API or of face detection."""
        return self.answer.get("code") == 1000 or self.answer.get("error_code") == 0 or "persons" in self.answer

    @property
    def is_well_refused(self) -> bool:
        """Whether it is refused in one of these words, changed nothing, and says why in the call log."""
        told = (
            (isinstance(self.answer.get("code"), int) and isinstance(self.answer.get("msg"), str))
            or self.answer.get("error_code") == 1
            or self.answer.get("success") is False
        )
        return told and self.response.status in (200, 400) and self.changed_nothing and bool(self.reason)


def open_fake() -> MockAkool:
    mock = MockAkool(accounts=[{"api_key": KEY, "credits": 10**9}, {"api_key": OTHER}], queueing="forever")
    assert mock.credits == 0 or mock.credits
    return mock


@pytest.mark.parametrize("name", WITH_BODY)
def test_what_a_field_does_not_take_is_refused_and_changes_nothing(name: str) -> None:
    endpoint, mock = WITH_BODY[name], open_fake()
    schemas = endpoint.input.schema.get("properties", {}) if endpoint.input is not None else {}
    cases = [(body, path, label) for body in bodies_of(name) for path in paths_in(body) for label in VALUES]
    # Seven and the number of values have no common divisor: over the fields, each value has its turn.
    for body, path, label in cases[:: choose(7, 1)]:
        sent = Sent(mock, endpoint, with_value(body, path, VALUES[label]))
        told = f"{name}: {label} for {path}: {sent.response.status} {sent.response.body[:200]!r} {sent.reason!r}"
        assert sent.is_good or sent.is_well_refused, told
        if label in NOT_JSON:
            assert not sent.is_good, told
        elif len(path) == 1 and path[0] in schemas and label not in ("null", "numeric text"):
            value = json.loads(VALUES[label], parse_int=float if label == "4,000 digits" else int)
            if not Draft202012Validator(schemas[path[0]]).is_valid(value):
                assert not sent.is_good, told
                assert str(path[0]) in sent.reason, told


@pytest.mark.parametrize("name", WITH_BODY)
def test_of_two_values_of_a_key_the_last_counts(name: str) -> None:
    endpoint = WITH_BODY[name]
    (body, *_) = bodies_of(name)
    key = next(iter(body))
    good = json.dumps(body[key])
    before, after = (
        json.dumps({**body, key: "<value>"}).replace('"<value>"', values).encode()
        for values in (f'{{}}, "{key}": {good}', f'{good}, "{key}": {{}}')
    )
    alone, last_good, last_bad = (
        Sent(open_fake(), endpoint, each) for each in (json.dumps(body).encode(), before, after)
    )
    assert last_good.answer.get("code") == alone.answer.get("code")
    assert not last_bad.is_good
    assert key in last_bad.reason


def test_what_is_infinite_comes_back_as_null() -> None:
    # Section 16: any `resolution` of a talking photo is echoed; JavaScript writes what 1e999 is read as so.
    mock = open_fake()
    endpoint = CREATES["createbytalkingphoto"]
    body = b'{"talking_photo_url":"https://e.com/a.png","audio_url":"https://e.com/a.mp3","resolution":1e999}'
    sent = Sent(mock, endpoint, body)
    assert sent.is_good
    assert sent.answer["data"]["resolution"] is None
    query = f"video_model_id={mock.jobs[0].id}"
    shown = mock.answer(
        Request.build("GET", "/api/open/v3/content/video/infobymodelid", query, headers={"x-api-key": KEY})
    )
    assert json.loads(shown.body, parse_constant=Sent._no_json)["data"]["resolution"] is None


def test_so_it_does_in_a_list() -> None:
    # Section 7: each appearance says the timestamp of its frame.
    service = SERVICES["analyze_frames"]
    body = b'{"frame_urls":["https://example.com/frame-0.jpg"],"timestamps":[1e999]}'
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    answer = open_fake().answer(Request.build(service.method, service.path, headers=headers, body=body))
    (person,) = json.loads(answer.body, parse_constant=Sent._no_json)["persons"]
    assert person["first_seen"] is None
    assert [each["timestamp"] for each in person["appearances"]] == [None]


# Ids


def _shown(mock: MockAkool, results: Results, job_id: str, key: str) -> tuple[int, Any]:
    """Ask a reader for an id; returns the code, and the data."""
    headers = {"x-api-key": key, "content-type": "application/json"}
    names = {"_id": job_id, **dict.fromkeys(results.query, job_id)}
    path, query, body = results.path.replace("{_id}", job_id), "", b""
    if results.input is not None:
        body = json.dumps(dict.fromkeys(results.input.fields, job_id)).encode()
    elif "{" not in results.path:
        query = "&".join(f"{name}={value}" for name, value in names.items())
    answer = json.loads(mock.answer(Request.build(results.method, path, query, headers, body)).body)
    return answer["code"], answer.get("data")


def test_an_id_is_shown_to_its_account_by_the_readers_of_its_family_and_by_no_other() -> None:
    mock = MockAkool(
        accounts=[{"api_key": KEY, "credits": 10**9}, {"api_key": OTHER}],
        queueing=0,
        processing=0,
        session_ready_seconds=0,
    )
    parents = {"_id": "createbyprompt", "pre_video_id": "image2Video/createBySourcePrompt"}
    for name, create in sorted(CREATES.items(), key=lambda each: "…" in each[1].example.values()):
        made = {job.endpoint: job.id for job in mock.jobs}
        body = {field: made[parents[field]] if value == "…" else value for field, value in create.example.items()}
        assert Sent(mock, create, json.dumps(body).encode()).is_good, name
    wrong = []
    for job in mock.jobs:
        family = next(each for each in FAMILIES if job.endpoint in {create.endpoint for create in each.creates})
        for results in RESULTS.values():
            is_own = family.reading(results) is not None
            left_out: tuple[int, Any] = (1000, {"result": []})
            refused: tuple[int, Any] = (1008, None)
            unknown = left_out if results.unknown is Unknown.LEFT_OUT else refused
            foreign = unknown if results.unknown is Unknown.LEFT_OUT or not is_own else (1009, None)
            mine, others = (_shown(mock, results, job.id, key) for key in (KEY, OTHER))
            if others != foreign or (mine != unknown if not is_own else (mine[0] != 1000 or mine == left_out)):
                wrong.append((job.endpoint, results.endpoint, mine, others))
    assert wrong == []
    assert {job.endpoint for job in mock.jobs} == set(CREATES)
