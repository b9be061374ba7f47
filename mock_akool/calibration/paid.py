"""Probes that look at jobs, which cost credits: durations, prices, records, files, buttons, webhooks, sessions."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mock_akool.akool.codes import Profile
from mock_akool.akool.families import RESULTS, SERVICES
from mock_akool.calibration.errors import NotAskedError, NoValueError
from mock_akool.calibration.lives import JOBS, Life, live
from mock_akool.calibration.probe import CLIENT_ID, OTHER, WEBHOOK, Probe, need, setting
from mock_akool.calibration.session import Session, record_with, seconds_in
from mock_akool.core.timeline import Status

_INFO: Final = RESULTS["infobymodelid"].path
_SLACK_S: Final = 1.0
"""How much a webhook may be late on its way."""


def _of(name: str, read: Callable[[Session, Life], Any]) -> Callable[[Session], Any]:
    return lambda session: read(session, live(session, name))


def _duration(seconds: float) -> str:
    return f"{round(seconds, 1):g}s"


def _stage(setting_name: str, begins: int) -> Callable[[Session, Life], str]:
    """Return what measures a stage. Real durations vary, so what is within a factor of two is as it is set."""

    def read(session: Session, life: Life) -> str:
        begun_after, begun_by = (0.0, 0.0) if begins == Status.QUEUEING else life.stage(begins)
        ended_after, ended_by = life.stage(begins + 1)
        low, high = max(ended_after - begun_by, 0.0), ended_by - begun_after
        now = getattr(session.settings, setting_name)
        is_near = session.consistent(setting_name, low / 2 - 2, high * 2 + 2)
        return str(now) if is_near else _duration((low + high) / 2)

    return read


def _foreign_job(session: Session, life: Life) -> int:
    reply = session.ask("GET", _INFO, query={"image_model_id": life.id}, key=session.credentials.other_key)
    need(reply.code is not None, f"HTTP {reply.status} without a code")
    if reply.is_ok:
        raise NoValueError("another account is shown the job")
    return int(reply.code or 0)


def _suffix(session: Session, life: Life) -> str:
    prompt, sent = life.created.get("prompt"), life.created.get("origin_prompt")
    need(isinstance(prompt, str) and isinstance(sent, str), "the record has no prompt and origin_prompt")
    if not str(prompt).startswith(str(sent)):
        raise NoValueError("the prompt is rewritten to another text")
    return str(prompt)[len(str(sent)) :]


def _press(session: Session, job_id: str) -> int:
    reply = session.create("createbybutton", {"_id": job_id, "button": "U1"})
    if reply.code is None or reply.is_ok:
        raise NoValueError("the button is taken")
    return reply.code


def _used_button(session: Session, life: Life) -> int:
    need(live(session, "button").id, "the button was not pressed")
    return _press(session, life.id)


def _width(name: str) -> Callable[[Session], int]:
    def read(session: Session) -> int:
        from PIL import Image

        url = live(session, name).completed.get("image")
        need(isinstance(url, str), "the record has no image")
        reply = session.send("GET", str(url))
        need(reply.status == 200, f"the file is HTTP {reply.status}")
        try:
            width, height = Image.open(io.BytesIO(reply.body)).size
        except (OSError, ValueError):
            raise NoValueError("the file is no image") from None
        if width != height:
            raise NoValueError(f"the image has {width}×{height} pixels")
        return int(width)

    return read


def _quota_rounding(session: Session, life: Life) -> str:
    need(life.cost is not None, "there is no balance")
    cost = life.created.get("deduction_credit")
    need(isinstance(cost, (int, float)) and cost != int(cost), "the job cost no fraction of a credit")
    return "floor" if float(session.balance()).is_integer() else "exact"


def _voice_rate(session: Session, life: Life) -> float:
    text = session.body_of("voice/tts", {})["input_text"]
    cost = life.created.get("deduction_credit")
    need(isinstance(cost, (int, float)), "the record has no deduction_credit")
    now = session.settings.voice_rate  # type: ignore[attr-defined]
    # Credits are given to four places at most.
    return (
        now if abs(now * len(text) / 1000 - float(cost or 0)) < 1e-4 else round(float(cost or 0) * 1000 / len(text), 2)
    )


def _is_at_once(session: Session, life: Life) -> bool:
    status = life.created.get("status")
    need(status in tuple(Status), "the reply has no status")
    return status == Status.COMPLETED


def _whole(value: float | None) -> float:
    need(value is not None, "there is no balance")
    rounded = round(value or 0.0, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _cost(session: Session, life: Life) -> float:
    return _whole(life.cost)


def _v4_price(name: str, job: str) -> Callable[[Session], Any]:
    def read(session: Session) -> Any:
        cost = _whole(live(session, job).cost)
        return getattr(session.settings, name) if cost == JOBS[job].price(session.settings) else cost

    return read


def _word(session: Session, name: str, observed: str, documented: str, found: str) -> str:
    """Return the value of a setting that may follow the profile: as it is now if that means what was found."""
    now: str = getattr(session.settings, name)
    usual = observed if session.settings.profile is Profile.OBSERVED else documented
    return now if (usual if now == "profile" else now) == found else found


def _variations(session: Session, life: Life) -> str:
    images = life.completed.get("upscaled_urls")
    return _word(
        session, "variations", "four", "one", "four" if isinstance(images, list) and len(images) > 1 else "one"
    )


def _batch_rows(session: Session, life: Life) -> str:
    need(isinstance(life.reply.data, list), "the batch is no list")
    return _word(session, "v4_batch_rows", "full", "short", "full" if "origin_prompt" in life.created else "short")


def _video_rate(session: Session, life: Life) -> float:
    parts = math.ceil(session.settings.assumed_media_seconds / 10)  # type: ignore[attr-defined]
    return _whole(None if life.cost is None else life.cost / parts)


def _list_delay(session: Session, life: Life) -> float:
    before = 0.0
    for poll in life.polls:
        if poll.record is not None:
            name = "listbyids_delay"
            if session.consistent(name, 0 if not before else before - _SLACK_S, poll.at_s):
                return getattr(session.settings, name)  # type: ignore[no-any-return]
            return 0 if not before else round((before + poll.at_s) / 2)
        before = poll.at_s
    raise NoValueError("the job was never listed")


def _translate_data(session: Session, life: Life) -> str:
    results = life.reply.field("all_results")
    need(isinstance(results, list) and len(results) > 1, "there are no all_results")
    ids = [(record_with(each, "_id") or {}).get("_id") for each in results]
    session.hide(*ids)
    shown = (life.reply.data or {}).get("_id") if isinstance(life.reply.data, dict) else None
    if shown not in (ids[0], ids[-1]):
        raise NoValueError("data is neither the first nor the last language")
    return "first" if shown == ids[0] else "last"


def _lipsync_once(session: Session, life: Life) -> bool:
    reply = session.once("lipsync again", lambda: session.create("lipsync"))
    need(reply.is_ok or reply.code == 1202, f"the second lipsync has code {reply.code}")
    return not reply.is_ok


def _early_code(session: Session, life: Life) -> int:
    if isinstance(life.early, NotAskedError):
        raise life.early
    if life.early in (None, 1000):
        raise NoValueError("a video that is not completed gets a new sound")
    return int(life.early)


def _most_jobs(session: Session) -> int | None:
    """Return at how many unfinished jobs the next is refused; the value now when four are not too many for it."""

    def count() -> int | None:
        for made in range(_JOBS_AT_ONCE):
            reply = session.create("createbyprompt", takes=frozenset({1005}))
            if reply.code == 1005:
                return made
            need(reply.is_ok, f"job {made + 1} has code {reply.code}")
        return None

    found = session.once("jobs at once", count)
    now = session.settings.concurrent_jobs
    if found is None and (now is None or now >= _JOBS_AT_ONCE):
        return now
    if found is None:
        raise NoValueError(f"{_JOBS_AT_ONCE} unfinished jobs are allowed")
    return found


_JOBS_AT_ONCE: Final = 4


# Webhooks


def _sent(life: Life, status: int) -> list[float]:
    return [each.at_s for each in life.webhooks if each.payload.get("status") == status]


def _end_of(life: Life) -> list[float]:
    ends = _sent(life, life.last.status or 0)
    need(ends, "no webhook about the end came")
    return ends


def _processing(session: Session, life: Life) -> bool:
    _end_of(life)
    return bool(_sent(life, Status.PROCESSING))


def _offset(name: str, sign: int) -> Callable[[Session, Life], str]:
    def read(session: Session, life: Life) -> str:
        came, *_ = _end_of(life)
        before, after = life.stage(int(Status.COMPLETED))
        low, high = (before - came, after - came) if sign < 0 else (came - after, came - before)
        if session.consistent(name, low - _SLACK_S, high):
            return str(getattr(session.settings, name))
        return _duration(round(max((low + high) / 2, 0)))

    return read


def _retries(session: Session, life: Life) -> int:
    return len(_end_of(life)) - 1


def _retry_delay(session: Session, life: Life) -> str:
    ends = _end_of(life)
    need(len(ends) > 1, "it is not tried again")
    first, second, *_ = ends
    gap = second - first
    name = "webhook_retry_delay"
    return str(getattr(session.settings, name)) if session.consistent(name, gap - 0.5, gap + 0.5) else _duration(gap)


def _webhook_type(session: Session, life: Life) -> str:
    for each in life.webhooks:
        found = each.payload.get("type")
        if isinstance(found, str) and found:
            return found
    raise NotAskedError("no webhook came")


# Sessions of live avatars

_SESSION: Final = "liveAvatar/session/create"
_CLOSE: Final = SERVICES["liveAvatar/session/close"].path
_DETAIL: Final = RESULTS["liveAvatar/session/detail"].path


class _Opened:
    """What was seen of a session that lasted until it could be used, and was closed then."""

    def __init__(self, session: Session, changes: Mapping[str, Any], *, waits: bool) -> None:
        before = session.balance()
        self.reply = session.create(_SESSION, changes)
        began_s = session.service.now_s()
        row = record_with(self.reply.json, "_id")
        need(self.reply.is_ok and row, f"the session was not made: code {self.reply.code}")
        self.row = row or {}
        job_id = str(self.row["_id"])
        session.hide(job_id)
        self.second: int | None = None
        self.ready: tuple[float, float] | None = None
        try:
            self.cost = before - session.balance()
            if waits:
                self._wait(session, job_id, began_s)
        finally:
            self.close = session.ask("POST", _CLOSE, {"id": job_id})
        self.again = session.ask("POST", _CLOSE, {"id": job_id})

    def _wait(self, session: Session, job_id: str, began_s: float) -> None:
        other = session.create(_SESSION, {"duration": 60}, takes=frozenset({1005}))
        self.second = other.code
        row = record_with(other.json, "_id")
        if other.is_ok and row:
            session.hide(row["_id"])
            session.ask("POST", _CLOSE, {"id": row["_id"]})
        before = 0.0
        while self.ready is None:
            reply = session.ask("GET", _DETAIL, query={"id": job_id})
            at_s = session.service.now_s() - began_s
            if isinstance(reply.data, dict) and reply.data.get("status") == Status.PROCESSING:
                self.ready = (before, at_s)
            if at_s > _LONGEST_OPENING_S:
                return
            before = at_s


_LONGEST_OPENING_S: Final = 50.0


def _short(session: Session) -> _Opened:
    return session.once("session", lambda: _Opened(session, {"duration": 60}, waits=True))


def _ready(session: Session) -> float:
    ready = _short(session).ready
    need(ready, "the session never came to status 2")
    low, high = ready or (0.0, 0.0)
    name = "session_ready_seconds"
    # It may have been opened before it was looked at the first time.
    if session.consistent(name, low - _SLACK_S, high):
        return seconds_in(getattr(session.settings, name)) or 0
    return float(round((low + high) / 2))


def _rate(session: Session) -> float:
    return _whole(_short(session).cost)


def _usual_length(session: Session) -> int:
    rate = _short(session).cost
    need(rate > 0, "a session costs nothing")
    long = session.once("usual session", lambda: _Opened(session, {}, waits=False))
    now: int = session.settings.session_default_seconds  # type: ignore[attr-defined]
    minutes = long.cost / rate
    return now if math.ceil(now / 60) == minutes else round(minutes * 60)


def _exclusive(session: Session) -> bool:
    second = _short(session).second
    need(second in (1000, 1215), f"a second session has code {second}")
    return second == 1215


def _closed(session: Session) -> int:
    code = _short(session).again.code
    if code in (None, 1000):
        raise NoValueError("a session can be closed twice")
    return int(code or 0)


def _close_data(session: Session) -> bool:
    reply = _short(session).close
    need(reply.is_ok, f"the close has code {reply.code}")
    return reply.data is not None


def _trtc(session: Session) -> str:
    opened = session.once("trtc", lambda: _Opened(session, {"stream_type": "trtc", "duration": 60}, waits=False))
    names = sorted(opened.row.get("credentials") or {})
    for word, begin in (("sdk", "trtc_sdk_"), ("short", "trtc_")):
        if f"{begin}app_id" in names:
            return word
    raise NoValueError("the credentials have no app id")


def _on_session(name: str, fact: str, read: Callable[[Session], Any]) -> Probe:
    return setting(
        name,
        "19",
        fact,
        read,
        trial=_SESSION,
        family="live_avatar",
        changes={} if name == "session_default_seconds" else {"duration": 60},
    )


def _on_job(
    name: str, section: str, fact: str, job: str, read: Callable[[Session, Life], Any], *needs: str, also: str = ""
) -> Probe:
    jobs = (job, also) if also else (job,)
    return setting(name, section, fact, _of(job, read), *needs, jobs=jobs, family=JOBS[job].family.name)


_HOOK: Final = (CLIENT_ID, WEBHOOK)

SETTINGS: Final = (
    _on_job("queueing", "8", "how long a job shows status 1", "image", _stage("queueing", 1)),
    _on_job("processing", "8", "how long a job then shows status 2", "image", _stage("processing", 2)),
    _on_job("foreign_job_code", "5, 6", "the code for another account's job", "image", _foreign_job, OTHER),
    _on_job("prompt_suffix", "3", "what is appended to a prompt", "image", _suffix),
    _on_job("webhook_processing", "9", "whether webhooks report status 2", "image", _processing, *_HOOK),
    _on_job(
        "webhook_before_status", "9", "how early webhooks come", "image", _offset("webhook_before_status", -1), *_HOOK
    ),
    _on_job("webhook_after_status", "9", "how late webhooks come", "image", _offset("webhook_after_status", 1), *_HOOK),
    _on_job("webhook_retries", "9", "how often a webhook is tried again", "image unanswered", _retries, *_HOOK),
    _on_job("webhook_retry_delay", "9", "how soon a webhook is tried again", "image unanswered", _retry_delay, *_HOOK),
    _on_job(
        "v4_buttons",
        "5",
        "whether a v4 job offers buttons",
        "image 4k",
        lambda session, life: bool(life.completed.get("buttons")),
    ),
    _on_job(
        "button_unavailable_code",
        "5",
        "the code for a button that is not offered",
        "button",
        lambda session, life: _press(session, life.id),
        also="image",
    ),
    _on_job("button_used_code", "5", "the code for a used button", "image", _used_button, also="button"),
    setting(
        "square_1080p",
        "8",
        "the side of a 1:1 image at 1080p",
        _width("image 1080p"),
        jobs=("image 1080p",),
        family="image_v4",
    ),
    setting(
        "square_4k", "8", "the side of a 1:1 image at 4k", _width("image 4k"), jobs=("image 4k",), family="image_v4"
    ),
    setting(
        "concurrent_jobs",
        "7",
        "how many unfinished jobs are allowed",
        _most_jobs,
        jobs=("image",) * _JOBS_AT_ONCE,
        family="image_v3",
    ),
    setting(
        "v4_credits_1080p",
        "7",
        "what a v4 image costs at 1080p",
        _v4_price("v4_credits_1080p", "image 1080p"),
        jobs=("image 1080p",),
        family="image_v4",
    ),
    setting(
        "v4_credits_4k",
        "7",
        "what a v4 image costs at 4k",
        _v4_price("v4_credits_4k", "image 4k"),
        jobs=("image 4k",),
        family="image_v4",
    ),
    _on_job("variations", "5", "what a V button makes", "variation", _variations, also="image"),
    _on_job("v4_batch_rows", "4", "which keys the rows of a batch have", "image batch", _batch_rows),
    _on_job("voice_rate", "18", "what 1000 characters cost", "tts", _voice_rate),
    _on_job("quota_rounding", "7", "how a fraction of a credit is shown", "tts", _quota_rounding),
    _on_job("v3_audio_sync", "18", "whether audio/create answers with the sound", "audio", _is_at_once),
    _on_job("v3_clone_sync", "18", "whether audio/clone answers with the sound", "audio clone", _is_at_once),
    _on_job("faceswap_image_credits", "12", "what a face swap of an image costs", "face swap", _cost),
    _on_job("faceswap_video_credits_per_10s", "12", "what 10 s of a video cost", "face swap of a video", _video_rate),
    _on_job("listbyids_delay", "12", "how soon listbyids shows a job", "face swap", _list_delay),
    _on_job("translate_data", "16", "which language `data` shows", "translation", _translate_data),
    _on_job("lipsync_once", "16", "whether a video is lip-synced once only", "lipsync", _lipsync_once),
    _on_job(
        "i2v_audio_unavailable_code",
        "15",
        "the code of updateVideoAudio for an unfinished video",
        "video of an image",
        _early_code,
    ),
    _on_job("webhook_type_image2video", "15", "the `type` in webhooks", "video of an image", _webhook_type, *_HOOK),
    _on_job("webhook_type_text2video", "15", "the `type` in webhooks", "video of a text", _webhook_type, *_HOOK),
    _on_job("webhook_type_character_swap", "16", "the `type` in webhooks", "character swap", _webhook_type, *_HOOK),
    _on_session("session_ready_seconds", "how long a session is opening", _ready),
    _on_session("live_avatar_credits_per_minute", "what a minute of a session costs", _rate),
    _on_session("session_default_seconds", "how long a session lasts that says nothing", _usual_length),
    _on_session("avatar_exclusive", "whether an avatar has one session only", _exclusive),
    _on_session("closed_session_code", "the code of a second close", _closed),
    _on_session("session_close_data", "whether a close answers with data", _close_data),
    _on_session("trtc_names", "what the credentials of trtc are called", _trtc),
)
"""The settings that are found out by jobs and sessions."""


# Facts without a setting


def _keys_by_status(job: str) -> Callable[[Session], object]:
    def read(session: Session) -> object:
        life = live(session, job)
        shown = {str(poll.status): sorted(poll.record) for poll in life.polls if poll.status and poll.record}
        found = {"created": sorted(life.created)}
        found.update((status, keys) for status, keys in shown.items() if status in ("3", "4"))
        return found

    return read


def _price(job: str) -> Callable[[Session], object]:
    def read(session: Session) -> object:
        expected = JOBS[job].price(session.settings)
        need(expected == int(expected), "a balance need not show a fraction of a credit")
        return _whole(live(session, job).cost)

    return read


def _file(job: str) -> Callable[[Session], object]:
    def read(session: Session) -> object:
        planned = JOBS[job]
        word = planned.family.readings[0].results.result_word
        url = live(session, job).completed.get(word)
        need(isinstance(url, str) and url, f"the record has no {word}")
        whole = session.send("GET", str(url))
        part = session.send("GET", str(url), {"range": "bytes=0-99"})
        return {
            "status": whole.status,
            "type": whole.headers.get("content-type", "").partition(";")[0],
            "more than 1000 bytes": len(whole.body) > 1000,
            "ETag": "etag" in whole.headers,
            "Last-Modified": "last-modified" in whole.headers,
            "Accept-Ranges": whole.headers.get("accept-ranges", ""),
            "Range": [part.status, len(part.body)],
            "ends in": str(url).partition("?")[0].rpartition(".")[2],
        }

    return read


def _webhooks_of(job: str) -> Callable[[Session], object]:
    def read(session: Session) -> object:
        life = live(session, job)
        need(life.webhooks, "no webhook came")
        last = life.webhooks[-1].payload
        return {
            "keys": sorted(last),
            "type": last.get("type"),
            "statuses": sorted({str(each.payload.get("status")) for each in life.webhooks}),
        }

    return read


def of_families() -> Iterator[Probe]:
    """Give what is asked about each job: its record at each status, its price, its file, its webhooks."""
    for job, planned in JOBS.items():
        if not planned.is_answered:
            continue
        name = planned.family.name
        jobs = (planned.after, job) if planned.after else (job,)
        yield Probe(f"fields:{job}", "the keys of its records", "", _keys_by_status(job), jobs=jobs, family=name)
        yield Probe(f"price:{job}", "what it costs", "", _price(job), jobs=jobs, family=name)
        yield Probe(f"file:{job}", "how its file is served", "", _file(job), jobs=jobs, family=name)
        if planned.webhook:
            yield Probe(
                f"webhooks:{job}", "what its webhooks say", "", _webhooks_of(job), needs=_HOOK, jobs=jobs, family=name
            )
