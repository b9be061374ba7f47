"""Live avatars: sessions that are opened and closed, and the list of avatars (contract section 19).

A session is a job: queueing while it opens, processing while it can be used, completed when it is over. There is no
stream of media behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.codes import Code, Profile
from mock_akool.akool.families.family import (
    NO_FILES,
    NO_WEBHOOKS,
    Answer,
    Asked,
    Context,
    Create,
    Family,
    Reading,
    Record,
    Results,
    Service,
    World,
    first,
    one_in_query,
    options_of,
    success_of,
)
from mock_akool.akool.families.image import FILE_HOST
from mock_akool.akool.families.inputs import ID_PATTERN, MediaOptions, lenient, refunds
from mock_akool.akool.families.lists import Page, Query, note_shown, own_rows, paging
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, OBJECT, TEXT, URL, Body, Field, Kind, Values
from mock_akool.akool.validation import one_of as word_of
from mock_akool.core.clock import NS_PER_MS, NS_PER_S
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, Listed, Schema, number, one_of, shown, whole
from mock_akool.core.timeline import Status, Timeline

CREATE: Final = "liveAvatar/session/create"
CLOSE: Final = "liveAvatar/session/close"

_SECTION: Final = "19"
_LONGEST_S: Final = 3600
_NS_PER_MINUTE: Final = 60 * NS_PER_S
_PAGE: Final = 100
_STREAMS: Final = ("agora", "livekit", "trtc")
_MODES: Final = (1, 2)
_NEVER_SHOWN_AGAIN: Final = ("agora_token", "livekit_token", "trtc_sdk_user_sig", "trtc_user_sig")
"""What of the credentials only the reply to the create has."""


class LiveAvatarOptions(MediaOptions):
    """The settings of live avatars."""

    session_default_seconds: int = option(
        600, whole(1, _LONGEST_S), "how long a session may last that says no `duration`", section=_SECTION, mark="C"
    )
    session_ready_seconds: float = option(
        3,
        number(0, _LONGEST_S, "a number of seconds"),
        "how long a session is opening, at status 1, before it can be used, at status 2",
        section=_SECTION,
        mark="C",
    )
    live_avatar_credits_per_minute: float = option(
        1, number(0, 10_000, "a number of credits"), "what each minute of a session costs", section=_SECTION, mark="C"
    )
    no_credit_code_live_avatar: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for a session",
        section=_SECTION,
        mark="I",
    )
    unknown_avatar_code: int = option(
        int(Code.NOT_FOUND), ERROR_CODE, "the code for an `avatar_id` that no avatar has", section=_SECTION, mark="C"
    )
    known_avatars: tuple[str, ...] = option(
        (),
        Listed(ID_PATTERN),
        "the ids of more avatars that can be named; `*` stands for anything, alone for any id",
        section=_SECTION,
        mark="C",
    )
    avatar_exclusive: bool = option(
        False, FLAG, "an avatar that has a session is refused to another one, with 1215", section=_SECTION, mark="C"
    )
    unknown_session_code: int = option(
        int(Code.SESSION_UNKNOWN), ERROR_CODE, "the code of a close of no session", section=_SECTION, mark="C"
    )
    closed_session_code: int = option(
        int(Code.SESSION_CLOSED),
        ERROR_CODE,
        "the code of a close of a session that was closed before, or is over",
        section=_SECTION,
        mark="C",
    )
    session_close_data: bool = option(
        True, FLAG, "the answer to a close has `data`, as clients need it", section=_SECTION, mark="O"
    )
    trtc_names: str = option(
        "sdk",
        one_of(("sdk", "short")),
        "whether the credentials of trtc are called trtc_sdk_app_id and so on, or trtc_app_id",
        section=_SECTION,
        mark="C",
    )


def _options(settings: ServiceSettings) -> LiveAvatarOptions:
    return options_of(settings, LiveAvatarOptions)


# Avatars


class Avatar(NamedTuple):
    """An avatar of the vendor that can be live; `voice_id` is empty text where its row has none."""

    number: int
    avatar_id: str
    name: str
    gender: str
    voice_id: str

    @property
    def id(self) -> str:
        """Its `_id`."""
        return f"66b00000{self.number:016x}"

    def path(self, ending: str) -> str:
        """Return the path of a file of it."""
        return f"/{1_723_000_000_000 + self.number}-{self.number:04}.{ending}"


AVATARS: Final = (
    Avatar(1, "Ada_office_20250101", "Ada", "Female", "Alice-en-GB-0001"),
    Avatar(2, "Ben_studio_20250101", "Ben", "Male", "Bill-en-US-0002"),
    Avatar(3, "Cleo_sofa_20250101", "Cleo", "Female", ""),
)
"""The avatars that every account has. They are ours: the real list changes."""

_VIDEO: Final = ("mp4", "MP4", 640, 360)
_THUMBNAIL: Final = ("jpg", "JPEG", 640, 360)


def _file(avatar: Avatar, asked: Asked, kind: tuple[str, str, int, int]) -> str:
    """Return the address of a file of an avatar, and serve it."""
    ending, format, width, height = kind
    path, world = avatar.path(ending), asked.world
    media = MediaSpec(
        job_id=avatar.id,
        seed=world.context.keyed_random.seed,
        width=width,
        height=height,
        prompt=avatar.name,
        ratio="16:9",
        tiles=(),
        operation="live avatar",
        format=format,
        family=FAMILY.name,
    )
    world.keep_file(path, media, None, asked.now_ns)
    return f"{asked.request.file_base or f'https://{FILE_HOST}'}{path}"


def _avatar_row(avatar: Avatar, asked: Asked) -> Record:
    is_free = not _options(asked.world.context.settings).avatar_exclusive or not _is_busy(
        avatar.avatar_id, asked.world, asked.now_ns
    )
    return {
        "_id": avatar.id,
        "uid": 1,
        "type": 2,
        "from": 2,
        "avatar_id": avatar.avatar_id,
        **({"voice_id": avatar.voice_id} if avatar.voice_id else {}),
        "name": avatar.name,
        "url": _file(avatar, asked, _VIDEO),
        "thumbnailUrl": _file(avatar, asked, _THUMBNAIL),
        "gender": avatar.gender,
        "available": is_free,
    }


def _unknown_avatar(avatar_id: str, settings: ServiceSettings) -> Exception:
    code = _options(settings).unknown_avatar_code
    return settings.refusal(
        code, reason=f"avatar_id {shown(avatar_id)} is no avatar's (setting known_avatars adds some)"
    )


def _list_avatars(asked: Asked) -> Answer:
    page = Page.of(AVATARS, Query.of(asked.request), _PAGE)
    return success_of({"count": page.whole, "result": [_avatar_row(avatar, asked) for avatar in page.items]}, "ok")


def _show_avatar(asked: Asked) -> Answer:
    (avatar_id,) = one_in_query("avatar_id")(asked.request, ())
    for avatar in AVATARS:
        if avatar.avatar_id == avatar_id:
            return success_of({**_avatar_row(avatar, asked), "platform": "open"}, "ok")
    raise _unknown_avatar(avatar_id, asked.world.context.settings)


# Sessions


class Session(NamedTuple):
    """A checked request for a session. `duration` is in seconds, None where it is not said."""

    avatar_id: str
    duration: int | None
    stream_type: str
    credentials: Mapping[str, Any] | None
    knowledge_id: str
    mode_type: int | None

    @property
    def webhook_url(self) -> str:
        """Empty text: there are no webhooks."""
        return ""

    @property
    def topic(self) -> Topic:
        """What the job is about: the avatar."""
        return Topic(self.avatar_id)


def _session(values: Values) -> Session:
    return Session(
        values["avatar_id"],
        values["duration"],
        values["stream_type"],
        values["credentials"],
        values["knowledge_id"],
        values["mode_type"],
    )


def seconds_of(session: Session, settings: ServiceSettings) -> int:
    """Return how long a session may last, in seconds."""
    return session.duration or _options(settings).session_default_seconds


def _life(session: Session, settings: ServiceSettings) -> Timeline:
    seconds = seconds_of(session, settings)
    opening = min(_options(settings).session_ready_seconds, seconds)
    return Timeline.of(opening, seconds - opening)


def _price_of(minutes: int, settings: ServiceSettings) -> Credits:
    credits = Decimal(str(_options(settings).live_avatar_credits_per_minute)) * minutes
    return int(credits) if credits == int(credits) else credits


def _price(session: Session, settings: ServiceSettings) -> Credits:
    """Return the credits for the whole length, each minute once begun; what is not used goes back."""
    return _price_of(math.ceil(seconds_of(session, settings) / 60), settings)


def _is_open(job: Job, world: World, now_ns: int) -> bool:
    return job.endpoint == CREATE and world.change_of(job, now_ns).status < Status.COMPLETED


def _is_busy(avatar_id: str, world: World, now_ns: int) -> bool:
    return any(job.topic.prompt == avatar_id and _is_open(job, world, now_ns) for job in world.jobs())


def _find(session: Session, world: World, account: Account, now_ns: int) -> Session:
    """Return the session as it is; raises AkoolError for an unknown avatar, or for one that has a session."""
    settings = world.context.settings
    options = _options(settings)
    wanted = session.avatar_id
    is_known = any(wanted == avatar.avatar_id for avatar in AVATARS)
    if not is_known and not any(fnmatchcase(wanted, pattern) for pattern in options.known_avatars):
        raise _unknown_avatar(wanted, settings)
    if options.avatar_exclusive and _is_busy(wanted, world, now_ns):
        reason = f"avatar_exclusive is on, and avatar {shown(wanted)} has a session"
        raise settings.refusal(Code.SESSION_BUSY, reason=reason)
    return session


def _agora(job: Job, context: Context) -> Record:
    draw = context.keyed_random
    return {
        "agora_uid": draw.integer(1, 2**31 - 1, "agora uid", job.id),
        "agora_app_id": draw.hex(32, "agora app", job.account.api_key),
        "agora_channel": draw.uuid4("agora channel", job.id),
        "agora_token": f"007{draw.alphanumerics(64, 'agora token', job.id)}",
    }


def _livekit(job: Job, context: Context) -> Record:
    draw = context.keyed_random
    return {
        "livekit_url": "wss://live-avatar.invalid",
        "livekit_token": draw.alphanumerics(64, "livekit token", job.id),
        "livekit_room_name": draw.uuid4("livekit room", job.id),
        "livekit_server_identity": f"avatar-{job.id}",
        "livekit_client_identity": f"client-{job.account.uid}",
    }


def _trtc(job: Job, context: Context) -> Record:
    draw = context.keyed_random
    begin = "trtc_sdk" if _options(context.settings).trtc_names == "sdk" else "trtc"
    return {
        f"{begin}_app_id": draw.integer(1_400_000_000, 1_500_000_000, "trtc app", job.account.api_key),
        f"{begin}_room_id": draw.hex(32, "trtc room", job.id),
        f"{begin}_user_id": f"client-{job.account.uid}",
        f"{begin}_user_sig": draw.alphanumerics(64, "trtc sig", job.id),
    }


_CREDENTIALS: Final[Mapping[str, Callable[[Job, Context], Record]]] = {
    "agora": _agora,
    "livekit": _livekit,
    "trtc": _trtc,
}


def _row(job: Job, session: Session, credentials: Record, context: Context) -> Record:
    leaves_out = session.stream_type == "livekit" and context.settings.profile is Profile.OBSERVED
    return {
        "_id": job.id,
        "uid": job.account.uid,
        "type": 1,
        **({} if leaves_out else {"stream_type": session.stream_type}),
        "credentials": credentials,
    }


def _credentials(job: Job, session: Session, context: Context) -> Record:
    return dict(session.credentials) if session.credentials else _CREDENTIALS[session.stream_type](job, context)


def _created(job: Job, session: Session, context: Context) -> Record:
    record = _row(job, session, _credentials(job, session, context), context)
    return {**record, "status": int(Status.QUEUEING)}


def _fields(job: Job, session: Session, status: Status, base: str, context: Context) -> Record:
    credentials = _credentials(job, session, context)
    shown_again = {name: value for name, value in credentials.items() if name not in _NEVER_SHOWN_AGAIN}
    return _row(job, session, shown_again, context)


_SESSION_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "status", "credentials"],
    "properties": {
        "_id": {"type": "string"},
        "status": {"enum": [int(status) for status in Status]},
        "stream_type": {"enum": list(_STREAMS)},
        "credentials": {"type": "object"},
    },
}

RESULTS: Final = Results(
    endpoint="liveAvatar/session/detail",
    path="/api/open/v4/liveAvatar/session/detail",
    ids=one_in_query("id"),
    status_word="status",
    result_word="",
    query={"id": "the session's `_id`"},
    data_schema=_SESSION_SCHEMA,
)
_READING: Final = Reading(RESULTS, _fields)


def _mode(value: Any, settings: ServiceSettings) -> int:
    found = lenient(_MODES[0], _MODES[-1]).read(value, settings)
    return int(found)


FAMILY: Final = Family[Session](
    name="live_avatar",
    creates=(
        Create(
            endpoint=CREATE,
            path="/api/open/v4/liveAvatar/session/create",
            input=Body(
                {
                    "avatar_id": Field(TEXT, required=True),
                    "duration": Field(lenient(1, _LONGEST_S)),
                    "knowledge_id": Field(ANY_TEXT, ""),
                    "voice_id": Field(ANY_TEXT, ""),
                    "voice_url": Field(URL, ""),
                    "language": Field(ANY_TEXT, ""),
                    "mode_type": Field(Kind("1 (retelling) or 2 (dialogue)", {"enum": list(_MODES)}, _mode)),
                    "scene_mode": Field(ANY_TEXT, ""),
                    "background_url": Field(URL, ""),
                    "voice_params": Field(OBJECT),
                    "stream_type": Field(word_of(_STREAMS), _STREAMS[0]),
                    "credentials": Field(OBJECT),
                },
                _session,
            ),
            input_type=Session,
            record=_created,
            example={"avatar_id": AVATARS[0].avatar_id, "stream_type": "agora"},
            webhook_field="",
            reply=first,
            record_schema=_SESSION_SCHEMA,
            find=_find,
        ),
    ),
    readings=(_READING,),
    price=_price,
    files=NO_FILES,
    webhook=NO_WEBHOOKS,
    no_credit_code=attrgetter("no_credit_code_live_avatar"),
    refunds=refunds,
    options=LiveAvatarOptions,
    life=_life,
    ended_by=CLOSE,
)


def _list_sessions(asked: Asked) -> Answer:
    query = Query.of(asked.request)
    wanted = query.one_of("status", tuple(str(int(status)) for status in Status))
    rows = [row for row in own_rows(asked, _READING, (FAMILY,)) if not wanted or wanted == str(int(row.status))]
    page = Page.of(rows, query, _PAGE)
    data = {"count": page.whole, "result": [row.record for row in page.items]}
    return success_of(data, shown=note_shown(asked, page.items))


_KEYS: Final = ("id", "session_id", "_id")
"""The keys by which a close may name its session, the one that counts most first (contract section 19)."""


def _named(values: Values) -> Iterator[str]:
    return (values[key] for key in _KEYS if values.get(key))


def _check_close(values: Values) -> Iterable[str]:
    if all(key in values for key in _KEYS) and not any(_named(values)):
        yield "id is missing"


def _closed(values: Values) -> str:
    return next(_named(values))


def _close(asked: Asked) -> Answer:
    world, now_ns = asked.world, asked.now_ns
    settings = world.context.settings
    options = _options(settings)
    job = asked.own_job(asked.input)
    if job is None or job.endpoint != CREATE:
        reason = f"no session of the account has the _id {shown(asked.input)}"
        raise settings.refusal(options.unknown_session_code, reason=reason)
    if not _is_open(job, world, now_ns):
        reason = f"session {job.id} was closed before, or is over"
        raise settings.refusal(options.closed_session_code, job.id, reason=reason)
    used = math.ceil((now_ns - job.created_ns) / _NS_PER_MINUTE)
    world.end(job.id, min(job.cost, _price_of(used, settings)), now_ns)
    data = {"session_id": job.id, "status": "closed", "closed_at": now_ns // NS_PER_MS}
    shown_as = ((job.id, Status.COMPLETED),)
    return success_of(data if options.session_close_data else None, "ok", shown_as)


SERVICES: Final = (
    Service(
        endpoint="liveAvatar/session/list",
        path="/api/open/v4/liveAvatar/session/list",
        answer=_list_sessions,
        lists=True,
        method="GET",
        query={**paging(_PAGE), "status": "1 opening, 2 open, 3 over; all without it"},
    ),
    Service(
        endpoint=CLOSE,
        path="/api/open/v4/liveAvatar/session/close",
        answer=_close,
        input=Body({key: Field(ANY_TEXT, "") for key in _KEYS}, _closed, _check_close, needed=_KEYS[:1]),
        example={"id": "…"},
    ),
    Service(
        endpoint="liveAvatar/avatar/list",
        path="/api/open/v4/liveAvatar/avatar/list",
        answer=_list_avatars,
        method="GET",
        query={"platform": "`open`; ignored", **paging(_PAGE)},
    ),
    Service(
        endpoint="liveAvatar/avatar/detail",
        path="/api/open/v4/liveAvatar/avatar/detail",
        answer=_show_avatar,
        method="GET",
        query={"avatar_id": "the id of the avatar"},
    ),
)
"""The list of sessions, what closes one, and the avatars."""
