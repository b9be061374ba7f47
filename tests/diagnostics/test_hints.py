"""Each hint: a client that makes the mistake, and one that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from mock_akool.diagnostics.hints import HINTS, faces, find_hints
from mock_akool.diagnostics.observations import Observations
from mock_akool.diagnostics.report import explain
from tests.diagnostics.client import API, CALLED_BACK, HOOK, INFO, KEY, QUOTA, V3, V4, Client

SWAP = "/api/open/v3/faceswap/highquality/specifyimage"
PLUS = "/api/open/v4/faceswap/faceswapPlusByImage"
LIST = "/api/open/v3/faceswap/result/listbyids"
DELETE = "/api/open/v3/faceswap/result/delbyids"
VIDEOS = "/api/open/v3/content/video"
VIDEO_INFO = f"{VIDEOS}/infobymodelid"
I2V = "/api/open/v4/image2Video/createBySourcePrompt"
FOX = {"image_url": "https://example.com/fox.png", "prompt": "it runs", "resolution": "720p", "video_length": 5}
LIVE = "/api/open/v4/liveAvatar/session"
SG3 = "sg3.akool.com"
SOUND_V3 = "/api/open/v3/audio/infobymodelid"
VOICE = "/api/open/v4/voice"
RESOURCE = f"{VOICE}/resource/detail"


class Case(NamedTuple):
    """A hint, what a client does wrong, the text of the hint, and what it does right."""

    name: str
    wrong: Callable[[Client], object]
    text: str
    right: Callable[[Client], object]
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


def complete(client: Client) -> None:
    """What a client does that makes no mistake."""
    job_id = client.create(webhookUrl="", scale="16:9")
    for seconds in (3, 3):
        client.wait(seconds)
        job = client.poll(job_id)
    for url in (job["image"], *job["upscaled_urls"]):
        client.fetch(url)
    upscaled_id = client.press(job_id)
    client.wait(5)
    client.fetch(client.poll(upscaled_id)["image"])
    client.ask("GET", QUOTA, authorization=f"Bearer {client.token()}")


def two_polls(client: Client, first: float, second: float) -> Client:
    job_id = client.create()
    for pause in (first, second, second):
        client.wait(pause).poll(job_id)
    return client


def four_polls(client: Client, first: float, second: float) -> Client:
    job_id = client.create()
    for pause in (first, second, second, second):
        client.wait(pause).poll(job_id)
    return client


def shown_open(client: Client, times: int) -> None:
    session = client.opened()
    client.wait(5)
    for _ in range(times):
        client.ask("GET", f"{LIVE}/detail", f"id={session}")
        client.wait(5)
    client.close(session)


def every(client: Client, seconds: float) -> None:
    job_id = client.create()
    for _ in range(9):
        client.wait(seconds).poll(job_id)


def cloned(client: Client) -> str:
    """Make a clone and delete it."""
    job_id = client.create(f"{VOICE}/clone", source_voice_file="https://example.com/me.mp3")
    client.ask("POST", f"{VOICE}/del", body={"_ids": [job_id]})
    return job_id


def expired(client: Client, *, renewed: bool) -> None:
    token = client.token()
    client.ask("GET", QUOTA, authorization=f"Bearer {token}")
    client.wait(61)
    client.ask("GET", QUOTA, authorization=f"Bearer {token}")
    if renewed:
        client.ask("GET", QUOTA, authorization=f"Bearer {client.token()}")


def batch(client: Client, polled: int) -> None:
    client.create(V4, batch_quantity=3)
    client.wait(6)
    for job in client.mock.jobs[:polled]:
        client.poll(job.id)


def lost(client: Client, value: str) -> None:
    client.create()
    client.ask("GET", INFO, f"image_model_id={value}")


def detected(client: Client) -> dict[str, Any]:
    """Let a face be found and cut out; returns the frame."""
    body = {"url": "https://example.com/face.jpg", "return_face_url": True}
    found: dict[str, Any] = json.loads(client.ask("POST", "/interface/detect-api/detect_faces", body=body).body)
    frame: dict[str, Any] = found["faces_obj"]["0"]
    return frame


def swapped_by(client: Client, landmarks: str, *, in_list: bool = False) -> None:
    """Swap a face that was cut out, with these of the landmarks that were found."""
    frame = detected(client)
    face = {"path": frame["face_urls"][0], "opts": frame[landmarks] if in_list else frame[landmarks][0]}
    photo = {"path": "https://example.com/group.jpg"}
    body = {"sourceImage": [face], "targetImage": [photo], "modifyImage": photo["path"]}
    client.ask("POST", SWAP, body=body)


def plus(client: Client, box: list[float] | None = None, **fields: Any) -> object:
    face = {"face_url": "https://example.com/face.jpg", **({} if box is None else {"bbox": box})}
    mapping = {} if fields else {"face_mapping": [{"source_face_info": face, "target_face_info": face}]}
    urls = {"source_url": "https://example.com/face.jpg", "target_url": "https://example.com/group.jpg"}
    return client.ask("POST", PLUS, body={**urls, **mapping, **fields})


def corners(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


def listed(client: Client, *, by: str, deletes: bool = False, seconds: float = 0) -> Client:
    face = {"path": "https://example.com/face.jpg"}
    swap = {"targetImage": [face], "sourceImage": [face], "modifyImage": "https://example.com/group.jpg"}
    made = json.loads(client.ask("POST", SWAP, body=swap).body)["data"]
    if deletes:
        client.ask("POST", DELETE, body={"_ids": made["_id"]})
    client.wait(seconds).ask("GET", LIST, f"_ids={made[by]}")
    return client


def talking_photo(client: Client, **fields: object) -> object:
    inputs = {"talking_photo_url": "https://example.com/a.jpg", "audio_url": "https://example.com/a.mp3"}
    return client.ask("POST", f"{VIDEOS}/createbytalkingphoto", body={**inputs, **fields})


def without_none(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def talking_avatar(client: Client, background: str = "", **fields: object) -> Any:
    elements = [
        {"type": "avatar", "avatar_id": "a"},
        {"type": "audio", "url": "https://example.com/a.mp3"},
        *([{"type": "image", "url": background}] if background else []),
    ]
    body = without_none(**{"elements": elements, **fields})
    return json.loads(client.ask("POST", "/api/open/v3/talkingavatar/create", body=body).body)


def avatar_polled(client: Client, name: str) -> Client:
    client.ask("GET", VIDEO_INFO, f"video_model_id={talking_avatar(client)['data'][name]}")
    return client


def own_avatar(client: Client) -> Client:
    body = {"url": "https://example.com/me.mp4", "avatar_id": "me", "type": 1}
    made = json.loads(client.ask("POST", "/api/open/v3/avatar/create", body=body).body)["data"]
    client.ask("GET", "/api/open/v3/avatar/detail", f"id={made['_id']}")
    return client


def translation(client: Client, **fields: object) -> Any:
    body = without_none(**{"url": "https://example.com/a.mp4", "language": "es,fr", **fields})
    return json.loads(client.ask("POST", f"{VIDEOS}/createbytranslate", body=body).body)


def translated(client: Client, polled: int) -> Client:
    for entry in translation(client)["all_results"][:polled]:
        client.ask("GET", VIDEO_INFO, f"video_model_id={entry['data']['_id']}")
    return client


def swap(client: Client, **fields: object) -> object:
    body = without_none(**{"image": "https://example.com/a.jpg", "video": "https://example.com/a.mp4", **fields})
    return client.ask("POST", "/api/open/v4/characterSwap/create", body=body)


def sends(client: Client) -> Client:
    client.mock.webhooks.send_over_http()
    return client


def answers(client: Client, status: int) -> Client:
    client.mock.webhooks.deliver_to(lambda request: status)
    return client


def _refused_before_a_reset(client: Client) -> None:
    client.mock.engine.note_refusal("10.0.0.7:5", 400, "it speaks TLS")
    client.mock.reset()


FILMS = "/api/open/v4/image2Video"
FILM = f"{FILMS}/createBySourcePrompt"
FILM_BATCH = f"{FILM}/batch"


def film(client: Client, path: str = FILM, /, **fields: object) -> list[str]:
    """Make videos; return their ids."""
    body = {"image_url": "https://example.com/a.png", "prompt": "x", "resolution": "720p", "video_length": 5, **fields}
    data = json.loads(client.ask("POST", path, body=body).body).get("data", {})
    return [row["_id"] for row in data.get("successList", [data]) if row]


def films(client: Client, ids: list[str]) -> Client:
    client.ask("POST", f"{FILMS}/resultsByIds", body={"_ids": ",".join(ids)})
    return client


def film_batch(client: Client, *polls: float) -> None:
    """Order three videos, of which one is done after 4 s and the others after a minute, and poll all of them."""
    for seconds in (4, 60, 60):
        client.mock.next_job(queueing=0, processing=seconds)
    ids = film(client, FILM_BATCH, count=3)
    for pause in polls:
        films(client.wait(pause), ids)


CASES = (
    Case(
        "ids in a list",
        lambda client: client.ask("POST", f"{FILMS}/resultsByIds", body={"_ids": film(client)}),
        "#2 has a list in `_ids`; it takes one text, with commas between the ids",
        lambda client: films(client, film(client)),
    ),
    Case(
        "ids in a list",
        lambda client: client.ask("POST", f"{FILMS}/resultsByIds", body={"ids": film(client)[0]}),
        "#2 has `ids`; resultsByIds takes `_ids`, one text with commas between the ids",
        lambda client: client.ask("POST", f"{FILMS}/resultsByIds", body={}),
    ),
    Case(
        "guessed route of a video",
        lambda client: client.ask("GET", "/api/open/v4/image2video/info", f"_id={film(client)[0]}"),
        "#2 asks for /api/open/v4/image2video/info, which does not exist; POST /api/open/v4/image2Video/resultsByIds "
        "does",
        lambda client: client.ask("GET", f"{FILMS}/effects"),
    ),
    Case(
        "list of images",
        lambda client: film(client, image_url=["https://example.com/a.png"]),
        "#1 has a list in `image_url`, which takes one URL; `count` makes several videos of it",
        lambda client: film(client),
    ),
    Case(
        "list of images",
        lambda client: film(client, FILM_BATCH, image_url=None, image_urls=["https://example.com/a.png"]),
        "#1 has `image_urls`; image2Video/createBySourcePrompt/batch takes `image_url`, one URL",
        lambda client: film(client, images=["https://example.com/a.png"]),
    ),
    Case(
        "budget of the documentation",
        lambda client: [film(client, prompt=f"{n}") for n in range(2)],
        "#2 is refused for want of credits: a job costs 100 of them, although the documentation says 20; *",
        lambda client: (film(client), client.create(), client.ask("POST", V3, body={})),
        {"credits": 150},
    ),
    Case(
        "budget of the documentation",
        lambda client: client.ask("POST", V4, body={"prompt": "x"}),
        "#1 is refused for want of credits: a job costs 4 of them, although the documentation says 1; *",
        lambda client: (client.ask("POST", V3, body={"prompt": "x"}), client.ask("POST", V3, body={})),
        {"credits": 0},
    ),
    Case(
        "refused rows",
        lambda client: film(client, FILM_BATCH, count=3),
        "#1 has 2 in `errorList`, the first with code 1108, and the client did not ask for these again; *",
        lambda client: (film(client, FILM_BATCH, count=3), film(client, FILM_BATCH, count=2, prompt="y")),
        {"i2v_batch_errors": ["x=2"]},
    ),
    Case(
        "stopped at one of a batch",
        lambda client: film_batch(client, 2, 3),
        "the client stopped when 1 of the 3 jobs of a batch had ended; each has an end of its own, so poll until all "
        "of them are 3 or 4",
        lambda client: film_batch(client, 2, 3, 60),
    ),
    Case(
        "never polled",
        lambda client: films(client, film(client, FILM_BATCH, count=3)[:1]),
        "of the 3 jobs of a batch, 1 was polled; `successList` of the create has an `_id` for each video",
        lambda client: films(client, film(client, FILM_BATCH, count=3)),
    ),
    Case(
        "not a request",
        lambda client: [client.mock.engine.note_refusal(peer, 400, "it speaks TLS") for peer in ("", "10.0.0.7:5")],
        "2 times something was sent to the server that is no request, last at +0.0 s by 10.0.0.7:5: it speaks TLS",
        lambda client: _refused_before_a_reset(client),
    ),
    Case(
        "poll by wrong name",
        lambda client: client.ask("GET", INFO, f"_id={client.create()}&x=1"),
        "#2 polls with `_id=`, `x=` only; the parameter is `image_model_id=`",
        lambda client: client.ask("GET", INFO, "_id=1", authorization="Bearer x"),
    ),
    Case(
        "poll by wrong name",
        lambda client: client.ask("GET", INFO),
        "#1 polls without a query; the parameter is `image_model_id=`",
        complete,
    ),
    Case(
        "poll without id",
        lambda client: lost(client, "undefined"),
        "#2 polls with the id 'undefined'; a create returns the id in `data._id`, not at the top level",
        lambda client: lost(client, "0" * 24),
    ),
    Case(
        "poll of unknown job",
        lambda client: lost(client, "0" * 24),
        "#2 polls '000000000000000000000000', which no create has returned; the newest jobs are ID",
        lambda client: lost(client, "None"),
    ),
    Case(
        "poll of foreign job",
        lambda client: client.poll(client.create(), x_api_key="another"),
        "#2 polls a job with other credentials than those that created it",
        complete,
    ),
    Case(
        "poll of parent",
        lambda client: (parent := client.finished()["_id"], client.press(parent), client.poll(parent)),
        "#4 polls the job whose button was pressed; the response to the button, #3, has an `_id` of its own",
        lambda client: (parent := client.finished()["_id"], client.poll(client.press(parent)), client.poll(parent)),
    ),
    Case(
        "webhook spelling",
        lambda client: client.create(V4, webhookUrl="https://example.com/hook"),
        "#1 has `webhookUrl`, which is ignored here; createBySourcePrompt spells it `webhookurl`",
        lambda client: client.create(V4, webhookurl="https://example.com/hook", webhookUrl="https://example.com/hook"),
    ),
    Case(
        "webhook spelling",
        lambda client: client.press(client.finished()["_id"], webhookurl="https://example.com/hook"),
        "#3 has `webhookurl`, which is ignored here; createbybutton spells it `webhookUrl`",
        lambda client: client.create(webhookurl=""),
    ),
    Case(
        "webhook spelling",
        lambda client: client.create(webhookURL="https://example.com/hook"),
        "#1 has `webhookURL`, which is ignored here; createbyprompt spells it `webhookUrl`",
        lambda client: client.create(webhookUrl="https://example.com/hook", callback_url="https://example.com/hook"),
    ),
    Case(
        "webhook spelling",
        lambda client: client.create(V4, callback_url="https://example.com/hook"),
        "#1 has `callback_url`, which is ignored here; createBySourcePrompt spells it `webhookurl`",
        lambda client: client.create(V4, callback_url=""),
    ),
    Case(
        "webhook not encrypted",
        lambda client: client.ask("POST", V3, body=CALLED_BACK, x_api_key="my-key") and client.wait(5),
        "no webhook of job ID was sent: the account's clientSecret has 6 bytes and cannot encrypt: AES takes 16, "
        "24 or 32. Use an API key of 32 letters and digits, as Akool's are, and list it with a `client_id`",
        lambda client: client.ask("POST", V3, body=CALLED_BACK) and client.wait(5),
    ),
    Case(
        "webhook address refused",
        lambda client: sends(client).create(webhookUrl="http://203.0.113.1/hook") and client.wait(5),
        "no webhook of job ID was sent: webhooks are sent to this machine and to private addresses only, and "
        "203.0.113.1 is neither; allow it with --allow-webhook 203.0.113.1 (in Python allow_webhook='203.0.113.1')",
        lambda client: client.create(webhookUrl="http://203.0.113.1/hook") and client.wait(5),
    ),
    Case(
        "webhook not accepted",
        lambda client: answers(client, 204).create(webhookUrl=HOOK) and client.wait(60),
        "the webhook of job ID, status 2 processing, was not accepted: POST /hook answered 204; "
        "only HTTP 200 counts, and after anything else the same body is sent again",
        lambda client: answers(client, 200).create(webhookUrl=HOOK) and client.wait(60),
    ),
    Case(
        "size for scale",
        lambda client: client.create(size="1024x1024"),
        '#1 has `size`, which is ignored; set the shape with `scale`, such as "16:9"',
        lambda client: client.create(size="16:9", scale="16:9"),
    ),
    Case(
        "paid twice",
        lambda client: (client.create(scale="4:3"), client.create(scale="4:3")),
        "#1 and #2 create the same image, and both were paid; sending a create again, for example "
        "after a timeout, makes another job",
        lambda client: (client.create(scale="4:3"), client.create(scale="3:4"), client.create(V4, scale="4:3")),
    ),
    Case(
        "paid twice",
        lambda client: (client.create(), client.create()),
        "#1 and #2 create the same image*",
        lambda client: [client.ask("POST", V3, body={"prompt": "x" * length}) for length in (1, 2, 3, 3)],
        {"credits": 4},
    ),
    Case(
        "paid twice",
        lambda client: (client.create_in_vain(drop=True, at="after"), client.create()),
        "#1 and #2 create the same image*",
        lambda client: (client.create_in_vain(drop=True), client.create()),
    ),
    Case(
        "paid twice",
        lambda client: (client.create(), client.create()),
        "#1 and #2 create the same image*",
        lambda client: (client.create(), client.wait(5), client.create()),
        {"ending": "failed"},
    ),
    Case(
        "source_image spelling",
        lambda client: client.create(V4, source_image="https://example.com/fox.png"),
        "#1 has `source_image`, which is ignored here; createBySourcePrompt takes `source_images`, a list of URLs",
        lambda client: client.create(V4, source_images=["https://example.com/fox.png"], source_image="x"),
    ),
    Case(
        "source_image spelling",
        lambda client: client.create(source_images=["https://example.com/fox.png"]),
        "#1 has `source_images`, which is ignored here; createbyprompt takes `source_image`, one URL",
        lambda client: client.create(source_image="https://example.com/fox.png"),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(http=502),
        "#2 met 502 by on('infobymodelid').first(1).respond(http=502), and the client did not ask again; "
        "a request that only reads may be repeated after a pause",
        lambda client: client.poll(client.poll_in_vain(http=502)),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(drop=True),
        "#2 met no answer by *",
        lambda client: client.poll_in_vain(code=1200),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(truncate="50%"),
        "#2 met 200 cut off by *",
        lambda client: client.create_in_vain(http=502),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(code=1005),
        "#2 met 200 1005 by *",
        lambda client: client.poll_in_vain(http=404),
    ),
    Case(
        "poll of unknown job",
        lambda client: lost(client, f"{client.mock.started_ns // 10**9 - 60:08x}{'0' * 16}"),
        "#2 polls 'ID', which no create has returned; the job is of 2025-12-31 23:59:00 UTC, and this fake was "
        "started or reset after that: jobs live in memory only, and a restart forgets them; `mock-akool serve "
        "--state FILE` keeps them",
        lambda client: client.poll(client.create()),
    ),
    Case(
        "poll of unknown job",
        lambda client: lost(client, f"{client.mock.started_ns // 10**9:08x}{'0' * 16}"),
        "#2 polls 'ID', which no create has returned; the job is of 2026-01-01 00:00:00 UTC, and this fake was "
        "started or reset after that: jobs live in memory only, and a restart forgets them; `mock-akool serve "
        "--state FILE` keeps them",
        lambda client: client.poll(client.create()),
    ),
    Case(
        "poll by other id",
        lambda client: listed(client, by="job_id"),
        "#2 polls '20251231235959997-8077', which is the `job_id` of job ID; ask for its `_id`",
        lambda client: listed(client, by="_id"),
    ),
    Case(
        "poll that shows nothing",
        lambda client: client.ask("GET", LIST, f"_ids={'0' * 24}"),
        f"#1 polls '{'0' * 24}', which no create has returned; there are no jobs yet. "
        "The answer is an empty list: nothing is on its way",
        lambda client: listed(client, by="job_id"),
    ),
    Case(
        "poll that shows nothing",
        lambda client: listed(client, by="_id", deletes=True),
        "#3 polls 'ID', which its account has deleted. The answer is an empty list: nothing is on its way",
        lambda client: listed(client, by="_id").wait(5),
    ),
    Case(
        "result of failed job",
        lambda client: listed(client, by="_id", seconds=5),
        "job ID failed, and the client asked nothing more; a failed job has nothing behind its `url`, "
        "and its record does not say why it failed",
        lambda client: listed(client, by="_id"),
        {"ending": "failed"},
    ),
    Case(
        "result of failed job",
        lambda client: client.finished(),
        "job ID failed, and the client asked nothing more; a failed job has no `image` and no URLs; "
        "`error_reasons` says why it failed",
        lambda client: (client.finished(), client.create()),
        {"ending": "failed"},
    ),
    Case(
        "poll without id",
        lambda client: client.ask("GET", VIDEO_INFO, "video_model_id=unknown"),
        "#1 polls with the id 'unknown'; a create returns the id in `data._id`, not at the top level",
        lambda client: talking_photo(client),
    ),
    Case(
        "resolution of talking photo",
        lambda client: talking_photo(client, resolution="720p"),
        '#1 has the `resolution` \'720p\', which is not documented; a talking photo takes the text "720" or "1080"',
        lambda client: (talking_photo(client), talking_photo(client, resolution="1080")),
    ),
    Case(
        "guessed route of a video",
        lambda client: client.ask("POST", "/api/open/v3/videoTranslation/create", body={}),
        "#1 asks for /api/open/v3/videoTranslation/create, which does not exist; "
        "POST /api/open/v3/content/video/createbytranslate does",
        lambda client: translation(client),
    ),
    Case(
        "guessed route of a face swap",
        lambda client: client.ask("GET", f"{SWAP}/status", "_id=x"),
        f"#1 asks for {SWAP}/status, which does not exist; GET {LIST} does",
        lambda client: client.ask("GET", LIST, "_ids=x"),
    ),
    Case(
        "video to the old detector",
        lambda client: client.ask("POST", "/detect", body={"image_url": "https://example.com/a.MP4?x=1"}, host=SG3),
        "#1 sends the video 'https://example.com/a.MP4?x=1' to sg3.akool.com, which looks at images; "
        "detect_faces takes videos, and answers for each frame",
        lambda client: client.ask("POST", "/detect", body={"image_url": "https://example.com/mp4.png"}, host=SG3),
    ),
    Case(
        "landmarks of the whole image",
        lambda client: swapped_by(client, "landmarks_str"),
        "#2 has a cut-out face as `path` in `sourceImage`, and as `opts` the landmarks of the whole image; "
        "those of the cut-out are in `crop_landmarks`",
        lambda client: swapped_by(client, "crop_landmarks"),
    ),
    Case(
        "landmarks of the whole image",
        lambda client: swapped_by(client, "landmarks_str", in_list=True),
        "#2 has a cut-out face as `path` in `sourceImage`, and as `opts` the landmarks of the whole image; *",
        lambda client: swapped_by(client, "crop_landmarks", in_list=True),
    ),
    Case(
        "no face_mapping",
        lambda client: plus(client, single_face_mode=False),
        "#1 has neither `face_mapping` nor `single_face_mode` true; "
        "the mode is off unless it is sent, and then Plus wants to know which face goes where",
        lambda client: (plus(client), plus(client, single_face_mode=True)),
    ),
    Case(
        "box not turned",
        lambda client: plus(client, detected(client)["crop_region"][0]),
        "#2 has the `bbox` [42, 42, 171, 171], which is x, y, width and height as detect_faces says them; "
        "Plus takes two corners, [42, 42, 213, 213]",
        lambda client: (plus(client), plus(client, corners(detected(client)["crop_region"][0]))),
    ),
    Case(
        "wrong route",
        lambda client: client.ask("POST", f"{VIDEOS}/lipSync", body={}),
        f"#1 asks for {VIDEOS}/lipSync, which does not exist; {VIDEOS}/lipsync does",
        lambda client: client.ask("POST", f"{VIDEOS}/lipsync", body={}),
    ),
    Case(
        "flat talking avatar",
        lambda client: talking_avatar(client, elements=None, avatar_id="a", input_text="hi"),
        "#1 has `avatar_id` at the top level; it belongs into `elements`, "
        "a list with an element of type `avatar` and one of type `audio`",
        lambda client: (talking_avatar(client), talking_avatar(client, elements=None)),
    ),
    Case(
        "size of talking avatar",
        lambda client: talking_avatar(client, width=1280, height=720),
        "#1 asks for 1280×720; only 3840×2160 is documented for a talking avatar",
        lambda client: talking_avatar(client, width=3840, height=2160),
    ),
    Case(
        "colour without #",
        lambda client: talking_avatar(client, background="ffffff00"),
        "#1 has the colour 'ffffff00' as background; a colour begins with #, such as '#ffffff00'",
        lambda client: talking_avatar(client, background="#ffffff00"),
    ),
    Case(
        "names of the lipsync reply",
        lambda client: client.ask("POST", f"{VIDEOS}/lipsync", body={"target_video": "https://example.com/a.mp4"}),
        "#1 has `target_video`, a name of the reply, which is ignored; the request has `video_url`",
        lambda client: client.ask("POST", f"{VIDEOS}/lipsync", body={"video_url": "https://example.com/a.mp4"}),
    ),
    Case(
        "names of the translation reply",
        lambda client: translation(client, url=None, video_url="https://example.com/a.mp4"),
        "#1 has `video_url`, which is ignored; the request has `url`",
        lambda client: translation(client),
    ),
    Case(
        "language auto",
        lambda client: translation(client, source_language="auto"),
        "#1 has the `source_language` 'auto'; the service detects the language by 'DEFAULT', or when it is not given",
        lambda client: (translation(client), translation(client, source_language="en")),
    ),
    Case(
        "refused language",
        lambda client: translation(client),
        "#1 got code 1000, but 1 of its languages got 1205 in `all_results`; look at the code of every entry",
        lambda client: (translation(client), translation(client, language="es")),
        {"translate_refused_languages": ["fr"]},
    ),
    Case(
        "never polled",
        lambda client: translated(client, polled=1),
        "of the 2 jobs of a batch, 1 was polled; "
        "`all_results` of the create has an `_id` for each language, and `data` repeats one of them",
        lambda client: translated(client, polled=2),
    ),
    Case(
        "never polled",
        lambda client: client.ask("POST", f"{I2V}/batch", body={**FOX, "count": 2}),
        "of the 2 jobs of a batch, none was polled; `successList` of the create has an `_id` for each video",
        lambda client: client.ask("POST", f"{I2V}/batch", body={**FOX, "count": 2, "webhookurl": HOOK}),
    ),
    Case(
        "names of the character swap reply",
        lambda client: swap(client, image=None, image_url="https://example.com/a.jpg"),
        "#1 has `image_url`, a name of the reply, which is ignored; the request has `image`",
        lambda client: swap(client),
    ),
    Case(
        "poll by other id",
        lambda client: avatar_polled(client, "task_id"),
        "#2 polls 'ID', which is the `task_id` of job ID; ask for its `_id`",
        lambda client: avatar_polled(client, "_id"),
    ),
    Case(
        "never fetched",
        lambda client: avatar_polled(client, "_id"),
        "the client saw job ID completed, but fetched none of its files; the address is in `video`",
        lambda client: own_avatar(client),
        {"queueing": 0, "processing": 0},
    ),
    Case(
        "no pause",
        lambda client: four_polls(client, 1, 0),
        "job ID is polled without a pause (#5 and those before it)",
        lambda client: four_polls(client, 1, 0.01),
    ),
    Case(
        "session never closed",
        lambda client: client.opened(),
        "session ID was never closed, so all of it is charged: 10 credits, until +600.0 s",
        lambda client: client.close(client.opened()),
    ),
    Case(
        "session never closed",
        lambda client: client.opened(),
        "session ID was never closed, so all of it is charged: 10 credits, until it is over",
        lambda client: client.close(client.opened()),
        {"scenario": {"jobs": [{"stages": [{"queueing": "forever"}]}]}},
    ),
    Case(
        "session closed by another key",
        lambda client: client.close(client.opened(), "sessionId"),
        "#2 closes nothing: it has `sessionId`, and the session is named by `id`",
        lambda client: client.close(client.opened(), "session_id"),
    ),
    Case(
        "waits for the end of a session",
        lambda client: shown_open(client, 3),
        "#2 showed session ID at status 2, and the client polled it on; 2 is open and can be used, 3 is over",
        lambda client: shown_open(client, 2),
    ),
    Case(
        "gave up at a busy avatar",
        lambda client: (client.opened(), client.open_in_vain()),
        "#2 met code 1215, the avatar is busy, and the client did not ask again; try again after some seconds",
        lambda client: (client.close(client.opened()), client.opened()),
        {"avatar_exclusive": True},
    ),
    Case(
        "two sessions at once",
        lambda client: (client.opened(), client.wait(5).opened()),
        "session ID was opened with the avatar of ID, which was open, and both are charged; "
        "close one before the next, or use it again",
        lambda client: (client.close(client.opened()), client.wait(5).opened()),
    ),
    Case(
        "pair as token",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer my-client-id:{KEY}"),
        "#1 sends `clientId:clientSecret` as Bearer token; getToken makes a token of the pair, or the clientSecret "
        "alone goes into x-api-key",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer {client.token()}"),
    ),
    Case(
        "webhook spelling",
        lambda client: client.opened(webhookUrl=HOOK),
        "#1 has `webhookUrl`, which is ignored; liveAvatar/session/create sends no webhooks",
        lambda client: client.opened(),
    ),
    Case(
        "in a hurry",
        lambda client: every(client, 0.5),
        "job ID is polled every 500 ms (#10 and those before it); real jobs take half a minute and more, so wait some "
        "seconds between polls",
        lambda client: every(client, 1),
        {"processing": 60},
    ),
    Case(
        "poll by wrong reader",
        lambda client: (made := client.spoken(), client.ask("GET", SOUND_V3, f"audio_model_id={made}")),
        "#2 polls job ID by audio/infobymodelid, which does not show jobs of voice/tts; "
        "GET /api/open/v4/voice/resource/detail/{_id} does",
        lambda client: (made := client.spoken(), client.ask("GET", f"{RESOURCE}/{made}")),
    ),
    Case(
        "poll by wrong reader",
        lambda client: (client.create(), client.ask("GET", LIST, f"_ids={client.mock.jobs[0].id}")),
        "#2 polls job ID by listbyids, which does not show jobs of createbyprompt; *",
        lambda client: (made := client.create(), client.poll(made)),
    ),
    Case(
        "poll without id",
        lambda client: (client.spoken(), client.ask("GET", f"{RESOURCE}/undefined")),
        "#2 polls with the id 'undefined'; a create returns the id in `data._id`, not at the top level",
        lambda client: client.ask("GET", f"{RESOURCE}/{client.spoken()}"),
    ),
    Case(
        "poll of unknown job",
        lambda client: (client.spoken(), client.ask("GET", f"{RESOURCE}/{'0' * 24}")),
        f"#2 polls '{'0' * 24}', which no create has returned; the newest jobs are ID",
        lambda client: client.ask("GET", f"{RESOURCE}/{client.spoken()}"),
    ),
    Case(
        "poll of unknown job",
        lambda client: (made := cloned(client), client.ask("GET", f"{VOICE}/detail/{made}")),
        "#3 polls job ID, which its account has deleted",
        lambda client: client.ask("GET", f"{RESOURCE}/{client.spoken()}"),
    ),
    Case(
        "field by another name",
        lambda client: client.ask("POST", f"{VOICE}/tts", body={"text": "Hello", "voice_id": "x"}),
        "#1 has `text`, which voice/tts ignores, but no `input_text`",
        lambda client: client.spoken(text="ignored"),
    ),
    Case(
        "field by another name",
        lambda client: client.ask("POST", f"{VOICE}/clone", body={"voice_url": "https://example.com/me.mp3"}),
        "#1 has `voice_url`, which voice/clone ignores, but no `source_voice_file`",
        lambda client: client.ask("POST", f"{VOICE}/clone", body={}),
    ),
    Case(
        "list or text",
        lambda client: client.ask("POST", f"{VOICE}/del", body={"_ids": "a,b"}),
        "#1 sends `_ids` as a text; voice/del takes a list",
        lambda client: client.ask("POST", f"{VOICE}/del", body={"_ids": ["a", "b"]}),
    ),
    Case(
        "list or text",
        lambda client: client.ask("POST", DELETE, body={"_ids": ["a", "b"]}),
        "#1 sends `_ids` as a list; faceswap/delbyids takes a text",
        lambda client: client.ask("POST", DELETE, body={"_ids": "a,b"}),
    ),
    Case(
        "never polled",
        lambda client: client.spoken(),
        "job ID was created and paid, but never polled; the reply to voice/tts has no file yet, "
        "GET /api/open/v4/voice/resource/detail/{_id} has it later in `preview`",
        lambda client: (client.spoken(), client.ask("GET", f"{VOICE}/resource/list", "type=1")),
    ),
    Case(
        "never fetched",
        lambda client: (made := client.spoken(), client.wait(5).ask("GET", f"{RESOURCE}/{made}")),
        "the client saw job ID completed, but fetched none of its files; the address is in `preview`",
        lambda client: client.spoken(),
    ),
    Case(
        "gave up",
        lambda client: two_polls(client, 0, 1),
        "the client stopped at status 2 processing of job ID, which would have been completed at +5.0 s; "
        "only 3 and 4 are final, and until then there are no URLs",
        lambda client: two_polls(client, 3, 3),
    ),
    Case(
        "gave up",
        lambda client: two_polls(client, 0, 0.5).wait(60),
        "the client stopped at status 1 queueing of job ID, which was failed at +5.0 s*",
        lambda client: two_polls(client.stalled(), 3, 3),
        {"ending": "failed"},
    ),
    Case(
        "gave up",
        lambda client: two_polls(client, 0, 1),
        "the client stopped at status 2 processing of job ID, which would have ended after more polls; "
        "only 3 and 4 are final, and until then there are no URLs",
        lambda client: two_polls(client.stalled(), 0, 1),
        {"queueing": "1 poll", "processing": "5 polls"},
    ),
    Case(
        "polled on",
        lambda client: two_polls(client, 6, 3),
        "#2 already showed job ID as completed, and the client polled it 2 more times; 3 is completed and 4 is failed",
        lambda client: two_polls(client, 0, 3),
    ),
    Case(
        "never polled",
        lambda client: client.create(),
        "job ID was created and paid, but never polled",
        lambda client: client.create(webhookUrl="https://example.com/hook"),
    ),
    Case(
        "never polled",
        lambda client: batch(client, 1),
        "of the 3 jobs of a batch, 1 was polled; `data` of the create is a list with an `_id` for each image",
        lambda client: batch(client, 3),
    ),
    Case(
        "never polled",
        lambda client: client.create(),
        "job ID was created and paid, but never polled",
        lambda client: client.poll_in_vain(http=502),
    ),
    Case(
        "never fetched",
        lambda client: client.finished(),
        "the client saw job ID completed, but fetched none of its images",
        lambda client: client.press(client.finished()["_id"]),
    ),
    Case(
        "never polled",
        lambda client: client.create(),
        "job ID was created and paid, but never polled",
        lambda client: client.create_in_vain(drop=True, at="after"),
    ),
    Case(
        "never fetched",
        lambda client: client.finished(V4),
        "the client saw job ID completed, but fetched none of its images",
        lambda client: client.fetch(client.finished(V4)["image"]),
    ),
    Case(
        "grid as image",
        lambda client: client.fetch(client.finished()["image"]),
        "of job ID only `image` was fetched, which is a grid of its four images; the single ones are in "
        "`upscaled_urls`",
        lambda client: (job := client.finished(), client.fetch(job["image"]), client.fetch(job["upscaled_urls"][0])),
    ),
    Case(
        "grid as image",
        lambda client: client.fetch(client.finished()["image"]),
        "of job ID only `image` was fetched*",
        lambda client: client.fetch(client.finished(V4)["image"]),
    ),
    Case(
        "fetched late",
        lambda client: (job := client.finished(), client.wait(7 * 86_400), client.fetch(job["image"])),
        "#3 fetches an image after it was deleted; images live 7d",
        lambda client: (job := client.finished(), client.wait(6 * 86_400), client.fetch(job["image"])),
    ),
    Case(
        "fetched early",
        lambda client: (client.create(), client.fetch(f"{client.mock.jobs[0].stamp_ms}-0001.jpg")),
        "#2 fetches an image of job ID before the job is completed",
        lambda client: (job := client.finished(), client.wait(7 * 86_400), client.fetch(job["image"])),
    ),
    Case(
        "both headers",
        lambda client: client.ask("GET", QUOTA, x_api_key=KEY, authorization="Bearer wrong"),
        "#1 has both headers; then only Authorization counts, and a good x-api-key does not rescue a bad token",
        lambda client: (
            client.ask("GET", QUOTA, x_api_key=" ", authorization="Bearer wrong"),
            client.ask("GET", QUOTA, x_api_key=KEY, authorization=f"Bearer {client.token()}"),
        ),
    ),
    Case(
        "clientId as key",
        lambda client: client.ask("GET", QUOTA, x_api_key="AAECAwQFBgcICQoLDA0ODw=="),
        "#1 sends a clientId as x-api-key; the API key is the clientSecret",
        lambda client: client.ask("GET", QUOTA, x_api_key=KEY),
    ),
    Case(
        "clientId as key",
        lambda client: (client.token(), client.ask("GET", QUOTA, x_api_key="my-client-id")),
        "#2 sends a clientId as x-api-key; the API key is the clientSecret",
        lambda client: (client.token(), client.ask("GET", QUOTA, x_api_key="some-other-key")),
        {"strict": True, "accounts": [{"api_key": KEY, "client_id": "my-client-id"}]},
    ),
    Case(
        "key as token",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer {KEY}"),
        "#1 sends a Bearer value that is not a token; put an API key into x-api-key, or get a token from getToken",
        lambda client: client.ask("GET", QUOTA, authorization="Bearer undefined"),
    ),
    Case(
        "token not found",
        lambda client: client.ask("GET", QUOTA, authorization="Bearer None"),
        "#1 sends 'None' as the token; getToken returns it in `token` at the top level, not in `data`",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer {KEY}"),
    ),
    Case(
        "Bearer misspelled",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer Bearer {client.token()}"),
        "#2 has an Authorization header that is not of the form `Bearer <token>`",
        lambda client: client.ask("GET", QUOTA, authorization=f"bearer {client.token()}"),
    ),
    Case(
        "token expired",
        lambda client: expired(client, renewed=False),
        "#3 sends a token that is no longer valid, and the client did not get a new one",
        lambda client: expired(client, renewed=True),
        {"token_lifetime": "60s"},
    ),
    Case(
        "no credentials",
        lambda client: client.ask("GET", QUOTA, x_api_key=""),
        "#1 has no credentials: x-api-key and Authorization are missing or empty",
        complete,
    ),
    Case(
        "not labelled as JSON",
        lambda client: client.ask("POST", V3, body=b"prompt=x", content_type="application/x-www-form-urlencoded"),
        "#1 has a body with the content type 'application/x-www-form-urlencoded'; Akool wants JSON "
        "(in Python `json=`, not `data=`)",
        lambda client: client.ask("POST", V3, body={"scale": "4:3"}),
    ),
    Case(
        "wrong route",
        lambda client: client.ask("GET", f"{API}/infobymodelId"),
        f"#1 asks for {API}/infobymodelId, which does not exist; {INFO} does",
        lambda client: client.ask("GET", "/"),
    ),
    Case(
        "wrong route",
        lambda client: client.ask("GET", V3),
        f"#1 is a GET; {V3} takes POST",
        lambda client: client.ask("GET", INFO),
    ),
)


def hint_text(case: Case, act: Callable[[Client], object]) -> str | None:
    client = Client(**case.options)
    act(client)
    (hint,) = (hint for hint in HINTS if hint.name == case.name)
    text = hint.detect(client.observations)
    return None if text is None else re.sub(r"\b(?!0{24})[0-9a-f]{24}\b", "ID", text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_gets_its_hint(case: Case) -> None:
    text = hint_text(case, case.wrong)
    assert text is not None
    if case.text.endswith("*"):
        assert text.startswith(case.text[:-1])
    else:
        assert text == case.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_no_mistake_gets_no_hint(case: Case) -> None:
    assert hint_text(case, case.right) is None


def test_each_hint_has_a_case_and_a_name_of_its_own() -> None:
    names = [hint.name for hint in HINTS]
    assert len(set(names)) == len(names)
    assert set(names) == {case.name for case in CASES}


@pytest.mark.parametrize("fault", ["garbage", "html", "empty"])
def test_a_spoiled_response_of_the_detector_gets_no_hint(fault: str) -> None:
    client = Client()
    spoiled: dict[str, Any] = {fault: True}
    client.mock.on("detect_faces").respond(**spoiled)
    body = {"url": "https://example.com/face.jpg", "return_face_url": True}
    client.ask("POST", "/interface/detect-api/detect_faces", body=body)
    plus(client, [1, 2, 3, 4])
    assert [hint.detect(client.observations) for hint in faces.HINTS] == [None] * len(faces.HINTS)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"sourceImage": "x", "targetImage": {"path": 5}, "face_mapping": "x", "image_url": 5},
        {"sourceImage": ["x", {"path": 5}, {}], "targetImage": [None], "face_mapping": [5, {"a": 5, "b": {"bbox": 5}}]},
    ],
    ids=["a list", "texts", "lists"],
)
def test_hints_about_faces_take_any_body(body: object) -> None:
    client = Client()
    detected(client)
    for path in (SWAP, PLUS):
        client.ask("POST", path, body=body)
    client.ask("POST", "/detect", body=body, host=SG3)
    assert {hint.name for hint in faces.HINTS if hint.detect(client.observations)} == set()


def test_a_box_of_a_face_that_was_not_cut_out_is_known_too() -> None:
    client = Client()
    body = {"url": "https://example.com/face.jpg", "num_frames": 1}
    found = json.loads(client.ask("POST", "/interface/detect-api/detect_faces", body=body).body)
    frame = found["faces_obj"]["0"]
    assert not frame.get("face_urls")
    plus(client, frame["region"][0])
    assert [each.name for each in faces.HINTS if each.detect(client.observations)] == ["box not turned"]


@pytest.mark.parametrize("odd", [None, 5, "x", {}, [5], [[1, 2]], [["a", "b", "c", "d"]]])
@pytest.mark.parametrize("name", ["face_urls", "landmarks_str", "crop_landmarks", "region", "crop_region"])
def test_hints_about_faces_take_any_answer_of_the_detector(name: str, odd: object) -> None:
    client = Client()
    frame = {**detected(client), name: odd}
    client.mock.on("detect_faces").respond(
        http=200, body=json.dumps({"error_code": 0, "faces_obj": {"0": frame, "1": odd}})
    )
    detected_again = client.ask("POST", "/interface/detect-api/detect_faces", body={"url": "https://example.com/a.jpg"})
    assert json.loads(detected_again.body)["faces_obj"]["0"][name] == odd
    plus(client, odd[0] if isinstance(odd, list) else [1, 2, 3, 4])
    swap = {"sourceImage": [{"path": odd}], "targetImage": [{"path": odd}], "modifyImage": "https://example.com/a.jpg"}
    client.ask("POST", SWAP, body=swap)
    assert "mock-akool bug" not in client.mock.report()


def test_a_client_without_mistakes_gets_no_hint() -> None:
    client = Client()
    complete(client)
    assert find_hints(client.observations) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_hint_fails_on_what_another_finds(case: Case) -> None:
    client = Client(**case.options)
    case.wrong(client)
    text = explain(client.observations)
    assert "hint: " in text
    assert KEY not in text


@pytest.mark.parametrize(
    ("error", "is_shown"),
    [
        (KeyError("image"), True),
        (IndexError("list index out of range"), True),
        (TypeError("'NoneType' object is not subscriptable"), True),
        (AssertionError("assert 4 == 3"), False),
        (TimeoutError("took too long"), False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_the_exception_says_whether_the_result_of_a_failed_job_was_read(
    error: Exception, is_shown: bool, is_wrapped: bool
) -> None:
    client = Client(ending="failed")
    client.finished()
    if is_wrapped:
        inner, error = error, RuntimeError("generation failed")
        error.__cause__ = inner
        inner.__context__ = error  # a circle, as `raise` in a handler may leave one
    texts = find_hints(replace(client.observations, error=error))
    read = [text for text in texts if "the client may have read its result; a failed job has no `image`" in text]
    assert len(read) == is_shown


class TestABrokenHint:
    """A bug in a hint is a line of the report, and never the end of the run."""

    @pytest.fixture(params=[KeyError("x"), RecursionError(), TypeError("unhashable type: 'list'")], ids=repr)
    def bug(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Exception:
        bug: Exception = request.param

        def broken(seen: Observations) -> str | None:
            raise bug

        rows = [row._replace(detect=broken) if row.name == "gave up" else row for row in HINTS]
        monkeypatch.setattr("mock_akool.diagnostics.hints.HINTS", rows)
        return bug

    def test_becomes_a_line_and_the_others_are_found(self, bug: Exception) -> None:
        client = Client()
        client.create()
        client.ask("GET", QUOTA, x_api_key="")
        broken, *others = sorted(find_hints(client.observations), key=lambda text: "mock-akool bug" not in text)
        assert broken == f"mock-akool bug: the hint 'gave up' failed with {bug!r}. Please report it"
        assert "\n" not in broken
        assert [text.partition(" ")[0] for text in others] == ["#2", "job"]

    def test_leaves_the_rest_of_the_report(self, bug: Exception) -> None:
        client = Client()
        client.create()
        text = explain(client.observations)
        assert text.startswith("job ")
        assert "\nthe only call:\n" in text
        assert "\nhint: mock-akool bug: the hint 'gave up' failed" in text
