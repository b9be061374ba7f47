"""The contract's C marks: each choice is a named setting with the contract's default, and changing it works.

The D and O marks that are settings too are treated alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest
from PIL import Image

from mock_akool import MockAkool, failed
from mock_akool.akool.families import FakeSettings
from mock_akool.akool.families.live_avatar import AVATARS
from mock_akool.akool.families.voices import VENDOR
from tests.contract.client import CLIENT_ID, CREATE_V3, GET_TOKEN, INFO, OTHER_KEY, PRESS, QUOTA, SOURCE, Client
from tests.contract.golden import MEITU, VIDEO_INFO, VIDEOS
from tests.contract.transports import OpenTransport

BUTTONS = ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]


class Choice(NamedTuple):
    """What a client sees with the default, what with another value, and how to look."""

    other: Any
    look: Callable[[Client], Any]
    by_default: Any
    changed: Any
    options: Mapping[str, Any] = MappingProxyType({})
    """What both fakes are set to besides."""


def _body_limit(client: Client) -> list[int]:
    return [client.create_v3("x" * size).code for size in (100, 4_000, 2_000_000)]


def _fraction(client: Client) -> Any:
    """The balance of an account that has paid half a credit, as jobs of some families cost."""
    client.credit()
    engine = client.transport.mock.engine
    (account,) = engine.accounts
    engine.accounts.add_credits(account, Decimal("-0.5"))
    return client.get(QUOTA, headers=client.headers).json()["data"]["credit"]


def _error(client: Client) -> Any:
    return client.info("0" * 24).json()


def _nowhere(client: Client) -> tuple[int, str, bytes]:
    answer = client.get("/nowhere")
    return answer.status, answer.headers["content-type"], answer.body


def _nulls(client: Client) -> list[int]:
    return [client.create_v3(scale=None).code, client.create_v4(batch_quantity=None, source_images=None).code]


def _content_types(client: Client) -> list[int]:
    types = ["application/json", "application/vnd.api+json; charset=utf-8", "text/plain", ""]
    return [client.post(CREATE_V3, {"prompt": "x"}, {**client.headers, "content-type": each}).code for each in types]


def _file_after(seconds: float) -> Callable[[Client], list[int]]:
    def look(client: Client) -> list[int]:
        url = client.record(client.completed("button-U"))["image"]
        before = client.download(url).status
        client.transport.advance(seconds)
        return [before, client.download(url).status]

    return look


def _token_after_two_hours(client: Client) -> list[int]:
    by_token = Client(client.transport, token=client.token())
    before = by_token.quota().code
    client.transport.advance(7200)
    return [before, by_token.quota().code]


def _older_token(client: Client) -> list[int]:
    older = Client(client.transport, token=client.token())
    other = Client(client.transport, token=client.token("another", OTHER_KEY))
    client.transport.advance(1)
    newer = Client(client.transport, token=client.token())
    return [each.quota().code for each in (older, newer, other)]


def _schemes(client: Client) -> list[int]:
    token = client.token()
    return [
        client.get(QUOTA, headers={"authorization": f"{scheme} {token}"}).code
        for scheme in ("Bearer", "bearer", "BEARER", "Basic")
    ]


def _nobody(client: Client) -> Any:
    return Client(client.transport, None).quota().json()


def _banned(client: Client) -> Any:
    return [Client(client.transport, "banned").quota().json(), client.get_token("any", "banned").json()]


def _wrong_pair(client: Client) -> int:
    return client.get_token("any", CLIENT_ID).code


def _missing_field(client: Client) -> list[int]:
    return [client.post(GET_TOKEN, {"clientId": CLIENT_ID}).code, client.create_v4("").code]


def _preflight(client: Client, **asked: str) -> list[str]:
    answer = client.transport.call("OPTIONS", CREATE_V3, headers=asked)
    return sorted(answer.headers["access-control-allow-headers"].replace(" ", "").lower().split(","))


def _preflight_of_a_trace(client: Client) -> list[str]:
    return _preflight(client, **{"access-control-request-headers": "traceparent"})


def _rewrite(client: Client) -> list[str]:
    data = client.create_v3("a cat").data
    return [data["origin_prompt"], data["prompt"], client.record(data["_id"])["prompt"]]


def _urls(client: Client) -> list[int]:
    return [
        client.create_v3(source_image="cat.png").code,
        client.create_v3(webhookUrl="nowhere").code,
        client.create_v4(source_images=["cat.png"]).code,
        client.create_v4(webhookurl="nowhere").code,
    ]


def _v4_buttons(client: Client) -> Any:
    job_id, v3 = client.completed("v4"), client.completed()
    offered = client.record(job_id)["buttons"]
    return [offered, client.press(job_id, "U1").code, client.record(v3)["buttons"] == BUTTONS]


def _bad_parameters(client: Client) -> list[int]:
    return [client.post(PRESS, {"button": "U1"}).code, client.get(INFO).code, client.create_v3("").code]


def _unknown_job(client: Client) -> list[int]:
    return [client.info("0" * 24).code, client.press("0" * 24, "U1").code]


def _foreign_job(client: Client) -> list[int]:
    job_id, other = client.completed(), Client(client.transport, OTHER_KEY)
    return [other.info(job_id).code, other.press(job_id, "U1").code]


def _unavailable(client: Client) -> list[int]:
    return [client.press(client.made("v3"), "U1").code, client.press(client.completed("button-U"), "U1").code]


def _used(client: Client) -> list[int]:
    job_id = client.completed()
    return [client.press(job_id, "U1").code, client.press(job_id, "U1").code]


def _types(client: Client) -> list[int]:
    job_id = client.completed()
    return [client.record(job_id)["type"], client.create_v3().data["type"], client.record(client.made("v3"))["type"]]


def _poor(client: Client) -> int:
    return client.create_v3().code


def _three_requests(client: Client) -> list[int]:
    return [client.quota().code for _ in range(3)]


def _three_jobs(client: Client) -> list[int]:
    return [client.create_v3().code for _ in range(3)]


def _squares(client: Client) -> list[tuple[int, int]]:
    urls = [client.record(client.completed("v4", resolution=each))["image"] for each in ("1080p", "4k")]
    return [Image.open(BytesIO(client.download(url).body)).size for url in urls]


def _variation(client: Client) -> int:
    """How many single images a V button makes."""
    return len(client.record(client.completed("button-V"))["upscaled_urls"])


def _batch_keys(client: Client) -> bool:
    return "origin_prompt" in client.create_v4(batch_quantity=2).data[0]


def _v4_prices(client: Client) -> list[int]:
    return [client.create_v4(resolution=each).data["deduction_credit"] for each in ("1080p", "4k")]


def _meitu_code(client: Client) -> int:
    return client.create_v4(model_name=MEITU, source_images=[SOURCE], parameter={}).code


def _reported(client: Client) -> list[int]:
    """The statuses that webhooks tell of a job."""
    client.create_v3(webhookUrl=HOOK)
    client.transport.advance(60)
    return [each.json["status"] for each in client.transport.mock.webhooks]


def _reported_at(client: Client) -> list[float]:
    """When webhooks come."""
    client.create_v3(webhookUrl=HOOK)
    client.transport.advance(60)
    return [each.at for each in client.transport.mock.webhooks]


def _tried_at(client: Client) -> list[float]:
    """When a webhook is tried that nobody takes."""
    client.transport.mock.webhooks.deliver_to(lambda request: 500)
    client.create_v3(webhookUrl=HOOK)
    client.transport.advance(60)
    delivery = client.transport.mock.webhooks.with_status(3).last
    return [(each.started_ns - delivery.due_ns) / 1e9 for each in delivery.attempts]


def _answered_late(client: Client) -> bool:
    """Whether a receiver counts that takes 4 s."""
    client.transport.mock.webhooks.deliver_to(lambda request: client.transport.advance(4))
    client.create_v3(webhookUrl=HOOK)
    client.transport.advance(200)
    return client.transport.mock.webhooks[0].delivered


HOOK = "http://127.0.0.1:9/hook"
POOR = {"credits": 1}
WITH_A_BANNED_ONE = {"accounts": [{"api_key": "banned", "status": "banned"}]}
BANNED = {"code": 1200, "msg": "The account has been banned"}

FACE: Final = {"path": SOURCE}
SWAP: Final[dict[str, Any]] = {"targetImage": [FACE], "sourceImage": [FACE], "modifyImage": SOURCE}
FACE_SWAP: Final = "/api/open/v3/faceswap"
SWAP_IMAGE: Final = f"{FACE_SWAP}/highquality/specifyimage"


def _swap_code(**fields: Any) -> Callable[[Client], int]:
    return lambda client: client.post(SWAP_IMAGE, {**SWAP, **fields}).code


def _video(name: str, **fields: Any) -> Callable[[Client], Any]:
    """Return how a client creates a video, one of the golden ones but for some fields."""
    _, path, usual = VIDEOS[name]
    return lambda client: client.post(path, {**usual, **fields})


def _video_code(name: str, **fields: Any) -> Callable[[Client], int]:
    return lambda client: _video(name, **fields)(client).code


def _spoken(characters: int) -> list[dict[str, str]]:
    return [
        *VIDEOS["talking-avatar"][2]["elements"][:1],
        {"type": "audio", "input_text": "x" * characters, "voice_id": "v"},
    ]


def _lipsync_twice(client: Client) -> list[int]:
    return [_video("lipsync")(client).code for _ in range(2)]


def _languages(client: Client) -> Any:
    answer = _video("translate")(client).json()
    return answer["data"]["language"], [each["code"] for each in answer["all_results"]]


def _webhook_type(client: Client) -> Any:
    client.transport.mock.webhooks.collect()
    _video("character-swap", webhookurl="http://127.0.0.1:9/hook")(client)
    client.transport.advance(60)
    return json.loads(client.transport.mock.webhooks[-1].payload)["type"]


def _failed_video(client: Client) -> Any:
    client.transport.mock.next_job(ending="failed: too dark")
    job_id = _video("talking-photo")(client).data["_id"]
    client.transport.advance(60)
    record = client.get(VIDEO_INFO, f"video_model_id={job_id}").data
    return record.get("error_code"), record.get("error_reason")


def _wrong_case(client: Client) -> int:
    return client.post(SWAP_IMAGE.lower().replace("api", "API"), SWAP).status


def _spent(client: Client) -> float:
    return round(1000 - client.credit(), 4)


def _swap_price(client: Client) -> float:
    client.post(SWAP_IMAGE, SWAP)
    return _spent(client)


def _film_price(client: Client) -> float:
    film = {"targetImage": [FACE], "sourceImage": [FACE], "modifyVideo": "https://example.com/film.mp4"}
    client.post(f"{FACE_SWAP}/highquality/specifyvideo", film)
    return _spent(client)


def _failed_swap_price(client: Client) -> float:
    client.transport.mock.next_job(ending="failed", queueing=0, processing=0)
    return _swap_price(client)


def _pro_code(client: Client) -> int:
    return client.post("/api/open/v4/faceswap/faceswapByImage", {"targetImage": [FACE], "sourceImage": [FACE]}).code


def _plus_code(client: Client) -> int:
    mapping = {"source_face_info": {"face_url": SOURCE}, "target_face_info": {}}
    fields = {"source_url": SOURCE, "target_url": SOURCE, "face_mapping": [mapping]}
    return client.post("/api/open/v4/faceswap/faceswapPlusByImage", fields).code


def _rows(client: Client) -> list[dict[str, Any]]:
    made = client.post(SWAP_IMAGE, SWAP).data["_id"]
    rows: list[dict[str, Any]] = client.get(f"{FACE_SWAP}/result/listbyids", f"_ids={made}").data["result"]
    return rows


def _why_failed(client: Client) -> str | None:
    client.transport.mock.next_job(ending=failed("too dark"), queueing=0, processing=0)
    return _rows(client)[0].get("error_msg")


def _listed_at_once(client: Client) -> int:
    return len(_rows(client))


def _faces(client: Client) -> int:
    return len(client.post("/detect", {"image_url": SOURCE}).json()["region"])


def _no_face(client: Client) -> int:
    code: int = client.post("/interface/detect-api/detect_faces", {"url": SOURCE}).json()["error_code"]
    return code


def _speech(client: Client, kind: str = "create", **fields: Any) -> dict[str, Any]:
    """What `audio/create` or `audio/clone` answers to a text of 1000 characters."""
    said = {"input_text": "x" * 1000, "voice_id": VENDOR[0].id, **fields}
    answer: dict[str, Any] = client.post(f"/api/open/v3/audio/{kind}", said).json()
    return answer


def _speech_price(client: Client) -> float:
    _speech(client)
    return _spent(client)


def _speech_code(**fields: Any) -> Callable[[Client], int]:
    return lambda client: int(_speech(client, **fields)["code"])


def _spoken_at_once(kind: str) -> Callable[[Client], tuple[int, bool]]:
    def look(client: Client) -> tuple[int, bool]:
        data = _speech(client, kind)["data"]
        return data["status"], "url" in data

    return look


AVATAR: Final = "/api/open/v4/liveAvatar"
LIVE: Final = AVATARS[0].avatar_id


def _opened(client: Client, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(f"{AVATAR}/session/create", {"avatar_id": LIVE, **fields}).json()
    return answer


def _session_code(**fields: Any) -> Callable[[Client], int]:
    return lambda client: int(_opened(client, **fields)["code"])


def _session_price(client: Client) -> float:
    _opened(client)
    return _spent(client)


def _session_status(client: Client) -> list[int]:
    """The status of a session when it is opened, and 2, 4 and 601 seconds later."""
    opened = _opened(client)["data"]
    seen = [opened["status"]]
    for seconds in (2, 2, 597):
        client.transport.advance(seconds)
        seen.append(client.get(f"{AVATAR}/session/detail", f"id={opened['_id']}").data["status"])
    return seen


def _two_sessions(client: Client) -> list[int]:
    return [_opened(client)["code"] for _ in range(2)]


def _closed(client: Client) -> list[tuple[int, bool]]:
    """How a close is answered of a session, of the same again, and of none: the code, and whether there is data."""
    opened = _opened(client)["data"]["_id"]
    answers = [client.post(f"{AVATAR}/session/close", {"id": each}).json() for each in (opened, opened, "nobody")]
    return [(answer["code"], "data" in answer) for answer in answers]


def _trtc(client: Client) -> list[str]:
    return sorted(_opened(client, stream_type="trtc")["data"]["credentials"])


def _knowledge(client: Client) -> Any:
    return client.get("/api/open/v4/knowledge/list").data


def _detected_without_key(path: str) -> Callable[[Client], int | None]:
    return lambda client: client.post(path, {"url": SOURCE, "image_url": SOURCE}, headers={}).json().get("code")


FILMS: Final = "/api/open/v4/image2Video"
FILM: Final[dict[str, Any]] = {
    "image_url": SOURCE,
    "prompt": "a cat",
    "resolution": "720p",
    "video_length": 5,
}


def _film_code(path: str = "createBySourcePrompt", /, **fields: Any) -> Callable[[Client], int]:
    return lambda client: client.post(f"{FILMS}/{path}", {**FILM, **fields}).code


def _audible_price(client: Client) -> float:
    client.post(f"{FILMS}/createBySourcePrompt/batch", {**FILM, "generate_audio": True})
    return _spent(client)


def _refused_rows(client: Client) -> list[int]:
    data = client.post(f"{FILMS}/createBySourcePrompt/batch", {**FILM, "count": 2}).data
    return [len(data["successList"]), *(each["code"] for each in data["errorList"])]


def _film_ids_code(client: Client) -> int:
    return client.post(f"{FILMS}/resultsByIds", {"ids": "x"}).code


def _early_sound_code(client: Client) -> int:
    made = client.post(f"{FILMS}/createBySourcePrompt", FILM).data["_id"]
    return client.post(f"{FILMS}/updateVideoAudio", {"pre_video_id": made, "audio_type": 1}).code


def _word_of(path: str, fields: dict[str, Any]) -> Callable[[Client], str]:
    def look(client: Client) -> str:
        client.post(path, {**fields, "webhookurl": HOOK})
        client.transport.advance(60)
        word: str = client.transport.mock.webhooks[0].json["type"]
        return word

    return look


CHOICES: dict[str, Choice] = {
    "max_body_bytes": Choice(1024, _body_limit, [1000, 1000, 1003], [1000, 1003, 1003]),
    "error_data": Choice(
        "null",
        _error,
        {"code": 1008, "msg": "content does not exist"},
        {"code": 1008, "msg": "content does not exist", "data": None},
    ),
    "unknown_route_body": Choice(
        "text",
        _nowhere,
        (404, "application/json; charset=utf-8", b'{"code":404,"msg":"Not Found"}'),
        (404, "text/plain; charset=utf-8", b"Not Found"),
    ),
    "null_is_absent": Choice(False, _nulls, [1000, 1000], [1003, 1003]),
    "json_content_type_required": Choice(False, _content_types, [1000, 1000, 1003, 1003], [1000] * 4),
    "file_lifetime": Choice("1h", _file_after(3600), [200, 200], [200, 403]),
    "gone_file_status": Choice(404, _file_after(7 * 86_400), [200, 403], [200, 404]),
    "token_lifetime": Choice("2h", _token_after_two_hours, [1000, 1000], [1000, 1101]),
    "new_token_revokes_older": Choice(True, _older_token, [1000, 1000, 1000], [1101, 1000, 1000]),
    "bearer_any_case": Choice(False, _schemes, [1000, 1000, 1000, 1101], [1000, 1101, 1101, 1101]),
    "msg_authorization_empty": Choice(
        "who?", _nobody, {"code": 1102, "msg": "Authorization cannot be empty"}, {"code": 1102, "msg": "who?"}
    ),
    "msg_account_banned": Choice("go", _banned, [BANNED, BANNED], [{"code": 1200, "msg": "go"}] * 2, WITH_A_BANNED_ONE),
    "get_token_wrong_pair_code": Choice(1101, _wrong_pair, 1109, 1101),
    "get_token_missing_field_code": Choice(1102, _missing_field, [1003, 1003], [1102, 1003]),
    "cors_allow_any_header": Choice(
        True, _preflight_of_a_trace, ["authorization", "content-type", "x-api-key"], ["traceparent"]
    ),
    "cors_allow_api_key": Choice(
        False, _preflight, ["authorization", "content-type", "x-api-key"], ["authorization", "content-type"]
    ),
    "prompt_suffix": Choice(", 8k", _rewrite, ["a cat"] * 3, ["a cat", "a cat, 8k", "a cat, 8k"]),
    "check_urls": Choice(False, _urls, [1003] * 4, [1000] * 4),
    "meitu_model": Choice(False, _meitu_code, 1000, 1003),
    "meitu_rules": Choice(True, _meitu_code, 1000, 1003),
    "v4_batch_rows": Choice("short", _batch_keys, True, False),
    "variations": Choice("one", _variation, 4, 0),
    "v4_credits_1080p": Choice(8, _v4_prices, [3, 4], [8, 4]),
    "v4_credits_4k": Choice(8, _v4_prices, [3, 4], [3, 8]),
    "v4_buttons": Choice(False, _v4_buttons, [BUTTONS, 1000, True], [[], 1010, True]),
    "bad_parameter_code": Choice(1010, _bad_parameters, [1003, 1003, 1003], [1010, 1010, 1003]),
    "unknown_job_code": Choice(1003, _unknown_job, [1008, 1008], [1003, 1003]),
    "foreign_job_code": Choice(1008, _foreign_job, [1009, 1009], [1008, 1008]),
    "button_unavailable_code": Choice(1003, _unavailable, [1010, 1010], [1003, 1003]),
    "button_used_code": Choice(1010, _used, [1000, 1011], [1000, 1010]),
    "documented_type": Choice(4, _types, [3, 4, 4], [4, 4, 4], {"profile": "documented"}),
    "out_of_credits_code": Choice(1006, _poor, 1104, 1006, POOR),
    "quota_rounding": Choice("exact", _fraction, 999, 999.5),
    "requests_per_second": Choice(2, _three_requests, [1000] * 3, [1000, 1000, 1005]),
    "concurrent_jobs": Choice(2, _three_jobs, [1000] * 3, [1000, 1000, 1005]),
    "path_case_strict": Choice(False, _wrong_case, 404, 200),
    "strict_types": Choice(True, _swap_code(face_enhance="1"), 1000, 1003),
    "assumed_media_seconds": Choice(30.5, _film_price, 10, 40),
    "media_seconds_by_url": Choice(["*film*=11"], _film_price, 10, 20),
    "refund_on_failure": Choice(False, _failed_swap_price, 0, 4),
    "plan_gate": Choice(True, _pro_code, 1000, 1003),
    "plan_gate_code": Choice(1213, _pro_code, 1003, 1213, {"plan_gate": True}),
    "no_credit_code_faceswap": Choice(1104, _swap_code(), 1006, 1104, {"credits": 0}),
    "faceswap_image_credits": Choice(7, _swap_price, 4, 7),
    "faceswap_video_credits_per_10s": Choice(12, _film_price, 10, 12),
    "v3_accept_data_urls": Choice(False, _swap_code(modifyImage="data:image/png;base64,aGk="), 1000, 1003),
    "swap_strict_opts": Choice(True, _swap_code(sourceImage=[{**FACE, "opts": "1,2"}]), 1000, 1003),
    "plus_require_bbox": Choice(True, _plus_code, 1000, 1003),
    "faceswap_fail_field": Choice("error_msg", _why_failed, None, "too dark"),
    "listbyids_delay": Choice(1, _listed_at_once, 1, 0),
    "faces_per_image": Choice(2, _faces, 1, 2),
    "faces_by_url": Choice(["*source*=3"], _faces, 1, 3),
    "detect_no_face": Choice("empty", _no_face, 1, 0, {"faces_per_image": 0}),
    "detect_auth": Choice(False, _detected_without_key("/interface/detect-api/detect_faces"), 1102, None),
    "sg3_auth": Choice(True, _detected_without_key("/detect"), None, 1102),
    "video_error_fields": Choice(False, _failed_video, (1015, "too dark"), (None, None)),
    "video_error_code": Choice(1205, _failed_video, (1015, "too dark"), (1205, "too dark")),
    "no_credit_code_talking_photo": Choice(1006, _video_code("talking-photo"), 1104, 1006, {"credits": 0}),
    "talking_photo_strict": Choice(True, _video_code("talking-photo", resolution="720p"), 1000, 1003),
    "session_default_seconds": Choice(60, _session_price, 10, 1),
    "session_ready_seconds": Choice(1, _session_status, [1, 1, 2, 3], [1, 2, 2, 3]),
    "live_avatar_credits_per_minute": Choice(2, _session_price, 10, 20),
    "no_credit_code_live_avatar": Choice(1006, _session_code(), 1104, 1006, {"credits": 9}),
    "unknown_avatar_code": Choice(1003, _session_code(avatar_id="nobody"), 1008, 1003),
    "known_avatars": Choice(["no*"], _session_code(avatar_id="nobody"), 1008, 1000),
    "avatar_exclusive": Choice(True, _two_sessions, [1000, 1000], [1000, 1215]),
    "unknown_session_code": Choice(
        1008, _closed, [(1000, True), (1219, False), (1216, False)], [(1000, True), (1219, False), (1008, False)]
    ),
    "closed_session_code": Choice(
        1010, _closed, [(1000, True), (1219, False), (1216, False)], [(1000, True), (1010, False), (1216, False)]
    ),
    "session_close_data": Choice(
        False, _closed, [(1000, True), (1219, False), (1216, False)], [(1000, False), (1219, False), (1216, False)]
    ),
    "trtc_names": Choice(
        "short",
        _trtc,
        ["trtc_sdk_app_id", "trtc_sdk_room_id", "trtc_sdk_user_id", "trtc_sdk_user_sig"],
        ["trtc_app_id", "trtc_room_id", "trtc_user_id", "trtc_user_sig"],
    ),
    "knowledge_list_shape": Choice("object", _knowledge, [], {"knowledge_list": []}),
    "voice_rate": Choice(2.4, _speech_price, 4.4, 2.4, {"quota_rounding": "exact"}),
    "no_credit_code_voice": Choice(1006, _speech_code(), 1104, 1006, {"credits": 4}),
    "unknown_voice_code": Choice(1003, _speech_code(voice_id="nobody"), 1008, 1003),
    "known_voices": Choice(["no*"], _speech_code(voice_id="nobody"), 1008, 1000),
    "v3_audio_sync": Choice(True, _spoken_at_once("create"), (1, False), (3, True)),
    "v3_clone_sync": Choice(False, _spoken_at_once("clone"), (3, True), (1, False)),
    "no_credit_code_talking_avatar": Choice(1104, _video_code("talking-avatar"), 1006, 1104, {"credits": 0}),
    "talking_avatar_strict_size": Choice(True, _video_code("talking-avatar", width=1280, height=720), 1000, 1003),
    "tts_text_limit": Choice(10_000, _video_code("talking-avatar", elements=_spoken(5001)), 1003, 1000),
    "no_credit_code_lipsync": Choice(1006, _video_code("lipsync"), 1104, 1006, {"credits": 0}),
    "lipsync_once": Choice(True, _lipsync_twice, [1000, 1000], [1000, 1202]),
    "no_credit_code_translate": Choice(1006, _video_code("translate"), 1104, 1006, {"credits": 0}),
    "translate_data": Choice("first", _languages, ("fr", [1000, 1000]), ("es", [1000, 1000])),
    "translate_refused_languages": Choice(["fr"], _languages, ("fr", [1000, 1000]), ("es", [1000, 1205])),
    "translate_refused_code": Choice(
        1201, _languages, ("es", [1000, 1205]), ("es", [1000, 1201]), {"translate_refused_languages": ["fr"]}
    ),
    "no_credit_code_character_swap": Choice(1006, _video_code("character-swap"), 1104, 1006, {"credits": 0}),
    "webhook_type_character_swap": Choice("swap", _webhook_type, "character swap", "swap"),
    "i2v_require_negative": Choice(True, _film_code(), 1000, 1003),
    "i2v_require_audio_type": Choice(True, _film_code(), 1000, 1003),
    "i2v_any_model": Choice(True, _film_code("createBySourcePrompt/batch", model_name="new"), 1003, 1000),
    "i2v_audio_surcharge": Choice(0.5, _audible_price, 120, 150),
    "i2v_batch_errors": Choice("*cat*=1", _refused_rows, [2], [1, 1108]),
    "i2v_batch_error_code": Choice(2001, _refused_rows, [1, 1108], [1, 2001], {"i2v_batch_errors": "*=1"}),
    "i2v_bad_ids_code": Choice(1008, _film_ids_code, 1003, 1008),
    "i2v_audio_unavailable_code": Choice(1003, _early_sound_code, 1010, 1003),
    "no_credit_code_image2video": Choice(1006, _film_code(), 1104, 1006, {"credits": 0}),
    "webhook_type_image2video": Choice("i2v", _word_of(f"{FILMS}/createBySourcePrompt", FILM), "image to video", "i2v"),
    "webhook_type_text2video": Choice(
        "t2v",
        _word_of("/api/open/v4/text2Video/createByPrompt/batch", {"prompt": "a cat"}),
        "text to video",
        "t2v",
    ),
    "webhook_processing": Choice(False, _reported, [2, 3], [3]),
    "webhook_retries": Choice(1, _tried_at, [0, 1, 3, 7, 15, 31], [0, 1]),
    "webhook_retry_delay": Choice("2s", _tried_at, [0, 1, 3, 7, 15, 31], [0, 2, 6, 14, 30]),
    "webhook_timeout": Choice("3s", _answered_late, True, False),
    "webhook_before_status": Choice("1s", _reported_at, [2, 5], [1, 4]),
    "webhook_after_status": Choice("1s", _reported_at, [2, 5], [3, 6]),
    "square_1080p": Choice(512, _squares, [(1024, 1024), (1536, 1536)], [(512, 512), (1536, 1536)]),
    "square_4k": Choice(512, _squares, [(1024, 1024), (1536, 1536)], [(1024, 1024), (512, 512)]),
}


class TestChoices:
    @pytest.mark.parametrize("name", CHOICES)
    def test_the_default_is_the_contracts(self, open_transport: OpenTransport, name: str) -> None:
        choice = CHOICES[name]

        assert choice.look(Client(open_transport(**choice.options))) == choice.by_default

    @pytest.mark.parametrize("name", CHOICES)
    def test_another_value_changes_what_a_client_sees(self, open_transport: OpenTransport, name: str) -> None:
        choice = CHOICES[name]
        assert choice.changed != choice.by_default

        assert choice.look(Client(open_transport(**choice.options, **{name: choice.other}))) == choice.changed

    def test_every_marked_setting_is_here(self) -> None:
        marked = {name for name, field in FakeSettings.fields().items() if field.mark}

        assert set(CHOICES) == marked
        assert sum(field.mark == "C" for field in FakeSettings.fields().values()) >= 26

    def test_the_setting_for_a_failures_price_is_the_scripts(self, client: Client) -> None:
        """Section 6, status 4: `deduction_credit` is the cost, or 0 when the script refunds."""
        ids = [client.made("v3", {"ending": failed("no", refund=refund)}) for refund in (False, True)]

        assert [client.record(job_id)["deduction_credit"] for job_id in ids] == [2, 0]
        assert client.credit() == 998

    def test_other_errors_keep_their_data_key_in_step(self, open_transport: OpenTransport) -> None:
        client = Client(open_transport(error_data="null"))

        for answer in (client.create_v4(scale="x"), client.get(QUOTA, headers={}), client.get_token("x", CLIENT_ID)):
            assert answer.json().keys() == {"code", "msg", "data"}

    def test_the_defaults_are_the_same_however_they_are_given(self) -> None:
        inside = MockAkool().engine.settings
        names = list(FakeSettings.fields())

        assert {name: getattr(inside, name) for name in names} == vars(FakeSettings())
