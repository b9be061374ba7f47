"""The golden bodies: what each endpoint answers in each situation, kept in `fixtures/golden/`.

A situation is a name and how a client gets there. `python -m tools.regenerate_golden` writes the files,
`test_golden.py` compares them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mock_akool import MockAkool, Profile, Request, failed
from mock_akool.akool.families.live_avatar import AVATARS
from mock_akool.akool.families.voices import VENDOR
from tests.contract.client import (
    CLIENT_ID,
    GET_TOKEN,
    INFO,
    JSON_TYPE,
    KEY,
    OTHER_KEY,
    QUOTA,
    SOURCE,
    Client,
    with_cdn_files,
)
from tests.contract.transcripts import in_lines
from tests.contract.transports import Answer, OpenTransport

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "golden"
OPENAPI: Final = FOLDER.parent / "openapi.json"
MEITU: Final = "meitu/yunxiu-pro/image-to-image"
FILM: Final = "https://example.com/film.mp4"
SOUND: Final = "https://example.com/speech.mp3"
FACE: Final = {"path": "https://example.com/face.jpg", "opts": "262,175:363,175:313,215:277,272"}
BANNED_KEY: Final = "B" * 32

_REASON: Final = "The prompt was rejected by the content filter"
_ASKED_AFTER_S: Final = 29
"""When infobymodelid is asked: what a real v3 job takes from its creation to the file."""

QUEUEING: Final = {"queueing": 60}
PROCESSING: Final = {"queueing": 5, "processing": 60}
COMPLETED: Final = {"queueing": 5, "processing": 24}
FAILED: Final = {**COMPLETED, "ending": failed(_REASON)}
REFUNDED: Final = {**COMPLETED, "ending": failed(_REASON, refund=True)}


class Golden(NamedTuple):
    """One situation: what is asked, for the README, and how to ask it; `options` are the fake's."""

    about: str
    ask: Callable[[Client], Answer]
    options: Mapping[str, Any] = MappingProxyType({})


def _info(family: str, plan: Mapping[str, Any], *buttons: str, **fields: Any) -> Callable[[Client], Answer]:
    def ask(client: Client) -> Answer:
        job_id = client.made(family, plan, **fields)
        client.transport.advance(_ASKED_AFTER_S)
        for button in buttons:
            assert client.press(job_id, button).code == 1000
        return client.info(job_id)

    return ask


def _press_used(client: Client) -> Answer:
    parent = client.completed()
    client.press(parent, "U1")
    return client.press(parent, "U1")


_STATUSES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "1-queueing": ("status 1", QUEUEING),
    "2-processing": ("status 2", PROCESSING),
    "3-completed": ("status 3", COMPLETED),
    "4-failed": ("status 4", FAILED),
    "4-failed-refunded": ("status 4, its credits given back", REFUNDED),
}
_JOBS: Final[Mapping[str, tuple[str, str]]] = {
    "v3": ("v3", "a v3 job"),
    "v4": ("v4", "a v4 job from text"),
    "v4-image": ("v4-image", "a v4 job from an image"),
    "button-u": ("button-U", "a job of the button U2"),
    "button-v": ("button-V", "a job of the button V3"),
}

IMAGE_SITUATIONS: Final[Mapping[str, Golden]] = {
    "get-token": Golden("getToken", lambda client: client.get_token()),
    "quota": Golden("quota/info", lambda client: client.quota()),
    "create-v3": Golden("createbyprompt from text", lambda client: client.create_v3()),
    "create-v3-image": Golden(
        "createbyprompt with `source_image`", lambda client: client.create_v3(source_image=SOURCE, scale="16:9")
    ),
    "create-v4": Golden("createBySourcePrompt, a batch of 1: an object", lambda client: client.create_v4()),
    "create-v4-1080p": Golden(
        "createBySourcePrompt at 1080p: another price", lambda client: client.create_v4(resolution="1080p")
    ),
    "create-v4-batch": Golden(
        "createBySourcePrompt, a batch of 4: an array", lambda client: client.create_v4(batch_quantity=4)
    ),
    "create-v4-image": Golden(
        "createBySourcePrompt with `source_images`", lambda client: client.create_v4(source_images=[SOURCE])
    ),
    "create-v4-meitu": Golden(
        "createBySourcePrompt of the Meitu model",
        lambda client: client.create_v4(model_name=MEITU, source_images=[SOURCE], parameter={}),
    ),
    "button-u": Golden("createbybutton U2", lambda client: client.press(client.completed(), "U2")),
    "button-v": Golden("createbybutton V3", lambda client: client.press(client.completed(), "V3")),
    **{
        f"info-{name}-{status}": Golden(f"infobymodelid of {what}: {state}", _info(family, plan))
        for name, (family, what) in _JOBS.items()
        for status, (state, plan) in _STATUSES.items()
    },
    "info-v3-3-buttons-used": Golden(
        "infobymodelid of a v3 job: status 3, after V3 and U2 were pressed", _info("v3", COMPLETED, "V3", "U2")
    ),
    "info-v3-image-3-completed": Golden(
        "infobymodelid of a v3 job with `source_image`: status 3", _info("v3", COMPLETED, source_image=SOURCE)
    ),
    "error-1003": Golden("a wrong parameter", lambda client: client.create_v4(scale="7:5")),
    "error-1003-source-images": Golden(
        "the kontext model without `source_images`",
        lambda client: client.create_v4(model_name="wavespeed-ai/flux-kontext-dev"),
    ),
    "error-1005": Golden("too many jobs at a time", lambda client: client.create_v3(), {"concurrent_jobs": 0}),
    "error-1006": Golden(
        "out of credits, as older pages say it",
        lambda client: client.create_v3(),
        {"credits": 0, "out_of_credits_code": 1006},
    ),
    "error-1008": Golden("an unknown `_id`", lambda client: client.info("0" * 24)),
    "error-1009": Golden(
        "the job of another account", lambda client: Client(client.transport, OTHER_KEY).info(client.made("v3"))
    ),
    "error-1010": Golden("a button of an unfinished job", lambda client: client.press(client.made("v3"), "U1")),
    "error-1011": Golden("a button that was used before", _press_used),
    "error-1101": Golden("a bad Bearer", lambda client: Client(client.transport, token="x").quota()),
    "error-1102": Golden("no credentials", lambda client: client.get(QUOTA, headers={})),
    "error-1104": Golden("out of credits", lambda client: client.create_v3(), {"credits": 0}),
    "error-1109": Golden("an unknown API key", lambda client: Client(client.transport, CLIENT_ID).quota()),
    "error-1109-get-token": Golden("getToken with a wrong pair", lambda client: client.get_token(KEY, CLIENT_ID)),
    "error-1003-get-token": Golden(
        "getToken without a field", lambda client: client.post(GET_TOKEN, {"clientId": CLIENT_ID})
    ),
    "error-1003-info": Golden("infobymodelid without its parameter", lambda client: client.get(INFO)),
    "error-1200": Golden(
        "a banned account",
        lambda client: Client(client.transport, BANNED_KEY).quota(),
        {"accounts": [{"api_key": BANNED_KEY, "status": "banned"}]},
    ),
    "error-404": Golden("an unknown route (HTTP 404)", lambda client: client.get("/api/open/v3/content/image/list")),
}


_SWAPS: Final[Mapping[str, tuple[str, str, Mapping[str, Any]]]] = {
    "swap-image": (
        "specifyimage",
        "/api/open/v3/faceswap/highquality/specifyimage",
        {"targetImage": [FACE], "sourceImage": [FACE], "modifyImage": SOURCE},
    ),
    "swap-video": (
        "specifyvideo",
        "/api/open/v3/faceswap/highquality/specifyvideo",
        {"targetImage": [FACE], "sourceImage": [FACE], "modifyVideo": FILM},
    ),
    "swap-pro": (
        "faceswapByImage",
        "/api/open/v4/faceswap/faceswapByImage",
        {"targetImage": [{"path": SOURCE}], "sourceImage": [{"path": SOURCE}]},
    ),
    "swap-plus-video": (
        "faceswapPlusByImage with a video",
        "/api/open/v4/faceswap/faceswapPlusByImage",
        {"source_url": SOURCE, "target_url": FILM, "single_face_mode": True},
    ),
    "reage-image": (
        "imgreage",
        "/api/open/v3/faceswap/highquality/imgreage",
        {"targetImage": [FACE], "modifyImage": SOURCE, "face_reage": -10},
    ),
}
_LIST: Final = "/api/open/v3/faceswap/result/listbyids"
_DETECT: Final = "/interface/detect-api/detect_faces"


Posted = tuple[str, str, Mapping[str, Any]]
"""What a create is, for the README; its path, and its body."""


def _posted(posted: Posted) -> Callable[[Client], Answer]:
    _, path, fields = posted
    return lambda client: client.post(path, fields)


def _swap(name: str) -> Callable[[Client], Answer]:
    return _posted(_SWAPS[name])


def _read(posted: Posted, plan: Mapping[str, Any], path: str, parameter: str) -> Callable[[Client], Answer]:
    """Return how a client creates a job, and reads it by its `_id` in a parameter of the query."""

    def ask(client: Client) -> Answer:
        client.transport.mock.next_job(**{"queueing": 0, "processing": 0, **plan})
        job_id = _posted(posted)(client).data["_id"]
        client.transport.advance(_ASKED_AFTER_S)
        return client.get(path, f"{parameter}={job_id}")

    return ask


def _deleted(client: Client) -> Answer:
    job_id = _swap("swap-image")(client).data["_id"]
    return client.post("/api/open/v3/faceswap/result/delbyids", {"_ids": job_id})


FACE_SITUATIONS: Final[Mapping[str, Golden]] = {
    **{f"create-{name}": Golden(about, _swap(name)) for name, (about, _, _) in _SWAPS.items()},
    **{
        f"list-{name}-{status}": Golden(f"listbyids of a job of {swap[0]}: {state}", _read(swap, plan, _LIST, "_ids"))
        for name, swap in _SWAPS.items()
        for status, (state, plan) in _STATUSES.items()
        if "refunded" not in status
    },
    "list-empty": Golden("listbyids of unknown ids", lambda client: client.get(_LIST, f"_ids={'0' * 24}")),
    "delete-swap": Golden("faceswap/delbyids", _deleted),
    "cancel-swap": Golden(
        "faceswap/job/del", lambda client: client.post("/api/open/v3/faceswap/job/del", {"job_ids": "x"})
    ),
    "detect-faces": Golden("detect_faces of an image", lambda client: client.post(_DETECT, {"url": SOURCE})),
    "detect-faces-video": Golden(
        "detect_faces of a video, two frames", lambda client: client.post(_DETECT, {"url": FILM, "num_frames": 2})
    ),
    "detect-no-face": Golden(
        "detect_faces where there is no face",
        lambda client: client.post(_DETECT, {"url": SOURCE}),
        {"faces_per_image": 0},
    ),
    "detect-old": Golden("the detector of sg3.akool.com", lambda client: client.post("/detect", {"image_url": SOURCE})),
    "error-1006-swap": Golden("a face swap without credits", _swap("swap-image"), {"credits": 0}),
    "error-1007": Golden(
        "too many faces",
        lambda client: client.post(
            _SWAPS["swap-image"][1], {"targetImage": [FACE] * 9, "sourceImage": [FACE] * 9, "modifyImage": SOURCE}
        ),
    ),
}

_SPEECH: Final = "https://example.com/speech.mp3"
VIDEOS: Final[Mapping[str, Posted]] = {
    "talking-photo": (
        "createbytalkingphoto",
        "/api/open/v3/content/video/createbytalkingphoto",
        {"talking_photo_url": SOURCE, "audio_url": _SPEECH, "resolution": "720"},
    ),
    "talking-avatar": (
        "talkingavatar/create",
        "/api/open/v3/talkingavatar/create",
        {
            "width": 3840,
            "height": 2160,
            "avatar_from": 2,
            "elements": [
                {"type": "avatar", "avatar_id": "Alinna_01", "scale_x": 1, "scale_y": 1},
                {"type": "audio", "url": _SPEECH},
            ],
        },
    ),
    "lipsync": (
        "lipsync",
        "/api/open/v3/content/video/lipsync",
        {"video_url": FILM, "audio_url": _SPEECH},
    ),
    "translate": (
        "createbytranslate, two languages",
        "/api/open/v3/content/video/createbytranslate",
        {"url": FILM, "language": "es,fr"},
    ),
    "character-swap": (
        "characterSwap/create",
        "/api/open/v4/characterSwap/create",
        {"image": SOURCE, "video": FILM, "duration": 5, "resolution": "720p"},
    ),
}
_AVATAR: Final[Posted] = (
    "avatar/create",
    "/api/open/v3/avatar/create",
    {"url": FILM, "avatar_id": "me1", "type": 1, "name": "Me"},
)
VIDEO_INFO: Final = "/api/open/v3/content/video/infobymodelid"


def _avatar(client: Client) -> Answer:
    plan: Mapping[str, Any] = COMPLETED
    client.transport.mock.next_job(**plan)
    _posted(_AVATAR)(client)
    client.transport.advance(_ASKED_AFTER_S)
    return client.get("/api/open/v3/avatar/detail", f"id={client.transport.mock.jobs[-1].id}")


VIDEO_SITUATIONS: Final[Mapping[str, Golden]] = {
    **{f"create-{name}": Golden(posted[0], _posted(posted)) for name, posted in VIDEOS.items()},
    **{
        f"video-{name}-{status}": Golden(
            f"video/infobymodelid of a job of {posted[0]}: {state}",
            _read(posted, plan, VIDEO_INFO, "video_model_id"),
        )
        for name, posted in VIDEOS.items()
        for status, (state, plan) in _STATUSES.items()
        if "refunded" not in status
    },
    "create-translate-one-refused": Golden(
        "createbytranslate, of two languages one is refused",
        _posted(VIDEOS["translate"]),
        {"translate_refused_languages": ["fr"]},
    ),
    "error-1006-talking-avatar": Golden(
        "a talking avatar without credits", _posted(VIDEOS["talking-avatar"]), {"credits": 0}
    ),
    "languages": Golden("language/list", lambda client: client.get("/api/open/v3/language/list")),
    "avatars": Golden("avatar/list, one row", lambda client: client.get("/api/open/v3/avatar/list", "size=1")),
    "create-avatar": Golden("avatar/create", _posted(_AVATAR)),
    "avatar-3-completed": Golden("avatar/detail: status 3", _avatar),
}

_TEXT: Final = "Hello, this is a test."
_VOICES: Final[Mapping[str, Posted]] = {
    "audio": ("audio/create", "/api/open/v3/audio/create", {"input_text": _TEXT, "voice_id": VENDOR[0].id}),
    "audio-clone": ("audio/clone", "/api/open/v3/audio/clone", {"input_text": _TEXT, "voice_url": SOUND}),
    "tts": ("voice/tts", "/api/open/v4/voice/tts", {"input_text": _TEXT, "voice_id": VENDOR[0].id}),
    "voice-change": (
        "voice/change",
        "/api/open/v4/voice/change",
        {"voice_id": VENDOR[1].voice_id, "source_voice_file": SOUND, "voice_options": {"file_format": "wav"}},
    ),
    "voice-clone": (
        "voice/clone",
        "/api/open/v4/voice/clone",
        {"source_voice_file": SOUND, "name": "My voice", "voice_options": {"gender": ["Male"], "style": ["Calm"]}},
    ),
}
_VOICE_READERS: Final = {
    "audio": ("audio/infobymodelid", "/api/open/v3/audio/infobymodelid", "audio_model_id={}"),
    "audio-clone": ("audio/infobymodelid", "/api/open/v3/audio/infobymodelid", "audio_model_id={}"),
    "tts": ("voice/resource/detail", "/api/open/v4/voice/resource/detail/{}", ""),
    "voice-change": ("voice/resource/detail", "/api/open/v4/voice/resource/detail/{}", ""),
    "voice-clone": ("voice/detail", "/api/open/v4/voice/detail/{}", ""),
}


def _voice(name: str) -> Callable[[Client], Answer]:
    return _posted(_VOICES[name])


def _made_voice(client: Client, name: str, plan: Mapping[str, Any]) -> str:
    client.transport.mock.next_job(**{"queueing": 0, "processing": 0, **plan})
    job_id: str = _voice(name)(client).data["_id"]
    client.transport.advance(_ASKED_AFTER_S)
    return job_id


def _read_voice(name: str, plan: Mapping[str, Any]) -> Callable[[Client], Answer]:
    _, path, query = _VOICE_READERS[name]

    def ask(client: Client) -> Answer:
        job_id = _made_voice(client, name, plan)
        return client.get(path.format(job_id), query.format(job_id))

    return ask


def _listed_voice(name: str, path: str, query: str) -> Callable[[Client], Answer]:
    def ask(client: Client) -> Answer:
        _made_voice(client, name, COMPLETED)
        return client.get(path, query)

    return ask


def _deleted_voice(client: Client) -> Answer:
    job_id = _made_voice(client, "voice-clone", COMPLETED)
    return client.post("/api/open/v4/voice/del", {"_ids": [job_id, "0" * 24]})


VOICE_SITUATIONS: Final[Mapping[str, Golden]] = {
    **{f"create-{name}": Golden(about, _voice(name)) for name, (about, _, _) in _VOICES.items()},
    **{
        f"read-{name}-{status}": Golden(
            f"{_VOICE_READERS[name][0]} of a job of {_VOICES[name][0]}: {state}", _read_voice(name, plan)
        )
        for name in _VOICES
        for status, (state, plan) in _STATUSES.items()
        if "refunded" not in status
    },
    "list-voices-v3": Golden(
        "v3/voice/list: the account's own", _listed_voice("voice-clone", "/api/open/v3/voice/list", "from=4")
    ),
    "list-voices-v3-vendor": Golden(
        "v3/voice/list: the vendor's", lambda client: client.get("/api/open/v3/voice/list", "from=3")
    ),
    "list-voices": Golden(
        "voice/list: the account's clones", _listed_voice("voice-clone", "/api/open/v4/voice/list", "type=1")
    ),
    "list-voices-vendor": Golden(
        "voice/list: the vendor's, a page of two",
        lambda client: client.get("/api/open/v4/voice/list", "type=2&size=2"),
    ),
    "list-sounds": Golden(
        "voice/resource/list of spoken texts", _listed_voice("tts", "/api/open/v4/voice/resource/list", "type=1")
    ),
    "detail-voice-vendor": Golden(
        "voice/detail of a vendor's voice", lambda client: client.get(f"/api/open/v4/voice/detail/{VENDOR[0].id}")
    ),
    "delete-voices": Golden("voice/del of a clone and an unknown id", _deleted_voice),
    "error-1008-voice": Golden(
        "an unknown voice", lambda client: client.post(_VOICES["tts"][1], {"input_text": _TEXT, "voice_id": "nobody"})
    ),
    "error-1104-voice": Golden("a spoken text without credits", _voice("tts"), {"credits": 0}),
}

_VIDEO_OF_IMAGE: Final = {
    "image_url": SOURCE,
    "prompt": "the lighthouse begins to shine",
    "resolution": "720p",
    "video_length": 5,
}
_FILMS: Final[Mapping[str, tuple[str, str, Mapping[str, Any]]]] = {
    "video-of-image": (
        "image2Video/createBySourcePrompt",
        "/api/open/v4/image2Video/createBySourcePrompt",
        _VIDEO_OF_IMAGE,
    ),
    "video-of-image-effect": (
        "image2Video/createBySourcePrompt with an effect",
        "/api/open/v4/image2Video/createBySourcePrompt",
        {**_VIDEO_OF_IMAGE, "effect_code": "squish_89244231312", "audio_type": 1},
    ),
    "video-of-image-batch": (
        "image2Video/createBySourcePrompt/batch, two videos",
        "/api/open/v4/image2Video/createBySourcePrompt/batch",
        {**_VIDEO_OF_IMAGE, "model_name": "AkoolImage2VideoFastV1", "count": 2, "generate_audio": True},
    ),
    "video-of-text-batch": (
        "text2Video/createByPrompt/batch, two videos",
        "/api/open/v4/text2Video/createByPrompt/batch",
        {"prompt": "a lighthouse at dusk", "count": 2},
    ),
}
_FILM_API: Final = "/api/open/v4/image2Video"


def _film(name: str) -> Callable[[Client], Answer]:
    _, path, fields = _FILMS[name]
    return lambda client: client.post(path, dict(fields))


def _film_ids(name: str, client: Client) -> str:
    data = _film(name)(client).data
    return ",".join(row["_id"] for row in data.get("successList", [data]))


def _films(name: str, plan: Mapping[str, Any]) -> Callable[[Client], Answer]:
    def ask(client: Client) -> Answer:
        for _ in range(2):
            client.transport.mock.next_job(**{"queueing": 0, "processing": 0, **plan})
        ids = _film_ids(name, client)
        client.transport.advance(_ASKED_AFTER_S)
        return client.post(f"{_FILM_API}/resultsByIds", {"_ids": ids})

    return ask


def _sound(client: Client) -> Answer:
    parent = _film_ids("video-of-image", client)
    client.transport.mock.job(parent).complete()
    return client.post(f"{_FILM_API}/updateVideoAudio", {"pre_video_id": parent, "audio_type": 1})


def _deleted_film(client: Client) -> Answer:
    return client.post(f"{_FILM_API}/delbyids", {"_ids": f"{_film_ids('video-of-image', client)},{'0' * 24}"})


def _old_films(client: Client) -> Answer:
    _film("video-of-image")(client)
    client.transport.advance(_ASKED_AFTER_S)
    return client.get("/api/open/v3/content/video/list", "page=1&size=10")


FILM_SITUATIONS: Final[Mapping[str, Golden]] = {
    **{f"create-{name}": Golden(about, _film(name)) for name, (about, _, _) in _FILMS.items()},
    "create-video-of-image-refused": Golden(
        "image2Video/createBySourcePrompt/batch, one of two is refused",
        _film("video-of-image-batch"),
        {"i2v_batch_errors": "*=1"},
    ),
    "create-video-sound": Golden("updateVideoAudio", _sound),
    **{
        f"results-{name}-{status}": Golden(f"resultsByIds of {_FILMS[name][0]}: {state}", _films(name, plan))
        for name in ("video-of-image", "video-of-text-batch")
        for status, (state, plan) in _STATUSES.items()
        if "refunded" not in status
    },
    "results-empty": Golden(
        "resultsByIds of unknown ids", lambda client: client.post(f"{_FILM_API}/resultsByIds", {"_ids": "0" * 24})
    ),
    "effects": Golden("image2Video/effects", lambda client: client.get(f"{_FILM_API}/effects")),
    "delete-video": Golden("image2Video/delbyids of a video and an unknown id", _deleted_film),
    "models-of-images": Golden(
        "aigModel/list of type 1501", lambda client: client.get("/api/open/v4/aigModel/list", "types[]=1501")
    ),
    "models-of-texts": Golden(
        "aigModel/list of type 1502", lambda client: client.get("/api/open/v4/aigModel/list", "types[]=1502")
    ),
    "video-list": Golden("content/video/list of one video", _old_films),
    "error-1003-video-ids": Golden(
        "resultsByIds with a list", lambda client: client.post(f"{_FILM_API}/resultsByIds", {"_ids": ["0" * 24]})
    ),
    "error-1010-video": Golden(
        "updateVideoAudio of a video that is not completed",
        lambda client: client.post(
            f"{_FILM_API}/updateVideoAudio", {"pre_video_id": _film_ids("video-of-image", client), "audio_type": 1}
        ),
    ),
}

_LIVE: Final = "/api/open/v4/liveAvatar"
_KNOWLEDGE: Final = "/api/open/v4/knowledge"


def _open(client: Client, **fields: Any) -> Answer:
    return client.post(f"{_LIVE}/session/create", {"avatar_id": AVATARS[0].avatar_id, **fields})


def _opened(stream: str) -> Callable[[Client], Answer]:
    return lambda client: _open(client, stream_type=stream)


def _session(seconds: float, stream: str = "agora") -> Callable[[Client], Answer]:
    """Return how a client opens a session and looks at it after some seconds."""

    def ask(client: Client) -> Answer:
        session = _open(client, stream_type=stream).data["_id"]
        client.transport.advance(seconds)
        return client.get(f"{_LIVE}/session/detail", f"id={session}")

    return ask


def _listed_sessions(client: Client) -> Answer:
    _open(client)
    return client.get(f"{_LIVE}/session/list")


def _close(client: Client, times: int = 1) -> Answer:
    session = _open(client).data["_id"]
    client.transport.advance(61)
    for _ in range(times):
        answer = client.post(f"{_LIVE}/session/close", {"id": session})
    return answer


def _busy(client: Client) -> Answer:
    _open(client)
    return _open(client)


def _know(client: Client) -> Answer:
    return client.post(f"{_KNOWLEDGE}/create", {"name": "Opening hours", "prompt": "We open at nine."})


def _knowledge(name: str) -> Callable[[Client], Answer]:
    """Return how a client makes knowledge and then asks for it, or changes or deletes it."""

    def ask(client: Client) -> Answer:
        made = _know(client).data["_id"]
        client.transport.advance(1)
        if name in ("list", "detail"):
            return client.get(f"{_KNOWLEDGE}/{name}", f"id={made}" if name == "detail" else "")
        fields = {"id": made, **({"prologue": "Hello!"} if name == "update" else {})}
        method = "POST" if name == "update" else "DELETE"
        sent = {**JSON_TYPE, **client.headers}
        return client.transport.call(method, f"{_KNOWLEDGE}/{name}", headers=sent, body=json.dumps(fields).encode())

    return ask


AVATAR_SITUATIONS: Final[Mapping[str, Golden]] = {
    **{
        f"create-session-{stream}": Golden(f"liveAvatar/session/create with {stream}", _opened(stream))
        for stream in ("agora", "livekit", "trtc")
    },
    "session-1-opening": Golden("liveAvatar/session/detail: status 1", _session(1)),
    "session-2-open": Golden("liveAvatar/session/detail: status 2, it can be used", _session(5)),
    "session-3-over": Golden("liveAvatar/session/detail: status 3", _session(600)),
    "session-2-open-livekit": Golden("liveAvatar/session/detail with livekit: status 2", _session(5, "livekit")),
    "list-sessions": Golden("liveAvatar/session/list", _listed_sessions),
    "close-session": Golden("liveAvatar/session/close", _close),
    "list-avatars": Golden("liveAvatar/avatar/list", lambda client: client.get(f"{_LIVE}/avatar/list", "size=1")),
    "detail-avatar": Golden(
        "liveAvatar/avatar/detail",
        lambda client: client.get(f"{_LIVE}/avatar/detail", f"avatar_id={AVATARS[0].avatar_id}"),
    ),
    "create-knowledge": Golden("knowledge/create", _know),
    **{f"{name}-knowledge": Golden(f"knowledge/{name}", _knowledge(name)) for name in ("list", "detail", "update")},
    "delete-knowledge": Golden("knowledge/delete", _knowledge("delete")),
    "error-1215": Golden("an avatar that is busy", _busy, {"avatar_exclusive": True}),
    "error-1216": Golden(
        "a close of no session", lambda client: client.post(f"{_LIVE}/session/close", {"id": "0" * 24})
    ),
    "error-1219": Golden("a close of a session that was closed before", lambda client: _close(client, 2)),
    "error-1232": Golden("unknown knowledge", lambda client: client.get(f"{_KNOWLEDGE}/detail", f"id={'0' * 24}")),
    "error-1233": Golden("knowledge with a name that is taken", lambda client: [_know(client) for _ in range(2)][-1]),
}

SITUATIONS: Final[Mapping[str, Golden]] = {
    **IMAGE_SITUATIONS,
    **FACE_SITUATIONS,
    **VIDEO_SITUATIONS,
    **VOICE_SITUATIONS,
    **AVATAR_SITUATIONS,
    **FILM_SITUATIONS,
}


def answer_to(name: str, profile: Profile, open_transport: OpenTransport) -> Answer:
    """Ask for a situation in a fresh fake; files are seen at Akool's own host."""
    situation = SITUATIONS[name]
    transport = open_transport(profile=profile, **situation.options)
    answer = situation.ask(Client(transport))
    return Answer(answer.status, answer.headers, with_cdn_files(transport, answer.body))


def spelled(body: bytes) -> str:
    """Return a JSON body as it stands in a file: for people to read, one spelling for one value."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False) + "\n"


def path_of(name: str, profile: Profile) -> Path:
    """Return where a situation's body is kept."""
    return FOLDER / profile / f"{name}.json"


def emulated_api() -> str:
    """Return the OpenAPI document without the admin API, as it stands in a file; it has no version of the fake."""
    request = Request.build("GET", "/_mock/openapi.json", headers={"host": "127.0.0.1"})
    document = json.loads(MockAkool().answer(request).body)
    document["info"]["version"] = "0"
    document["paths"] = {path: said for path, said in document["paths"].items() if not path.startswith("/_mock/")}
    document["components"] = {"securitySchemes": document["components"]["securitySchemes"]}
    assert "$ref" not in json.dumps(document)
    return "\n".join(in_lines(document)) + "\n"
