"""Avatars: the list of the vendor's and of one's own, and own ones by `avatar/create` (contract section 16)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from mock_akool.akool.errors import ParameterError
from mock_akool.akool.families import content_video, image
from mock_akool.akool.families.content_video import created_ms
from mock_akool.akool.families.family import (
    Answer,
    Asked,
    Context,
    Create,
    Family,
    FileNaming,
    Reading,
    Record,
    Results,
    Service,
    WebhookInfo,
    one_in_query,
    success_of,
)
from mock_akool.akool.families.inputs import WEB_URL, lenient, refunds, subject
from mock_akool.akool.families.lists import OwnRow, Page, Query, note_shown, own_rows
from mock_akool.akool.families.talking_avatar import OWN, VENDORS
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, URL, Body, Field, Kind, Values
from mock_akool.core.media import MediaSpec
from mock_akool.core.schema import Schema, shown
from mock_akool.core.timeline import Status

_VENDORS_COUNT: Final = 100
_NAMES: Final = (("Alinna", "Female"), ("Dwayne", "Male"), ("Emma", "Female"), ("Marcus", "Male"), ("Yuki", "Female"))
_TALKING, _STREAMING = 1, 2
_AVATAR_ID: Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_SIDE: Final = 512
_MSG: Final = "ok"


class Avatar(NamedTuple):
    """A checked request of `avatar/create`."""

    url: str
    avatar_id: str
    type: int
    name: str
    url_from: int
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: its name, or the URL that it is made of."""
        return Topic(self.name or subject(self.url))


def _read_avatar_id(value: Any, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or not _AVATAR_ID.fullmatch(value):
        raise ValueError
    return value


_ID: Final = Kind("a text of letters and digits", {"type": "string", "pattern": "^[A-Za-z0-9]+$"}, _read_avatar_id)


def _input(values: Values) -> Avatar:
    return Avatar(*(values[name] for name in ("url", "avatar_id", "type", "name", "url_from", "webhookUrl")))


# Records


def _record(job: Job, input: Avatar, context: Context) -> Record:
    return {
        "_id": job.id,
        "uid": job.account.uid,
        "type": input.type,
        "from": OWN,
        "status": int(Status.QUEUEING),
        "name": input.name,
        "url": input.url,
    }


def _shown(job: Job, input: Avatar, status: Status, base: str, context: Context) -> Record:
    return _record(job, input, context)


def _created_body(records: Sequence[Record], input: Avatar, context: Context) -> Mapping[str, Any]:
    return success_of(records[0] if context.observed else list(records), _MSG).body


# Files


def _names(job: Job, input: Avatar, context: Context) -> list[str]:
    return image.numbered_names(job, "", "jpg", 1, context)


def _picture(job_id: str, prompt: str, context: Context) -> MediaSpec:
    return MediaSpec(
        job_id, context.keyed_random.seed, _SIDE, _SIDE, prompt, "1:1", (), "avatar", "JPEG", family="avatar"
    )


def _shows(job: Job, input: Avatar, name: str, context: Context) -> MediaSpec:
    return _picture(job.id, input.topic.prompt, context)


def _price(input: Avatar, settings: ServiceSettings) -> int:
    return 0


_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "status"],
    "properties": {"_id": {"type": "string"}, "status": {"enum": [int(status) for status in Status]}},
}

RESULTS: Final = Results(
    endpoint="avatar/detail",
    path="/api/open/v3/avatar/detail",
    ids=one_in_query("id"),
    status_word="status",
    result_word="thumbnailUrl",
    query={"id": "the avatar's `_id`"},
    data_schema={"anyOf": [_SCHEMA, {"type": "array", "items": _SCHEMA}]},
    documented_reply=list,
    msg=_MSG,
)

FAMILY: Final = Family[Avatar](
    name="avatar",
    keeps="avatar",
    creates=(
        Create(
            endpoint="avatar/create",
            path="/api/open/v3/avatar/create",
            input=Body(
                {
                    "url": Field(WEB_URL, required=True),
                    "avatar_id": Field(_ID, required=True),
                    "type": Field(lenient(_TALKING, _STREAMING), required=True),
                    "name": Field(ANY_TEXT, ""),
                    "url_from": Field(lenient(1, 2), 1),
                    "webhookUrl": Field(URL, ""),
                },
                _input,
            ),
            input_type=Avatar,
            record=_record,
            example={"url": "https://example.com/me.mp4", "avatar_id": "me1", "type": _TALKING, "name": "Me"},
            webhook_field="webhookUrl",
            body=_created_body,
            record_schema=_SCHEMA,
            msg=_MSG,
        ),
    ),
    readings=(Reading(RESULTS, _shown),),
    price=_price,
    files=FileNaming(image.FILE_HOST, ("jpg",), image.stamp_stem, _names, _shows, is_wanted=False),
    webhook=WebhookInfo("avatar"),
    refunds=refunds,
)


# The list


def _chosen(query: Query, name: str, known: Sequence[int]) -> Sequence[int]:
    """Return the numbers of a parameter that has commas between them, all known ones without it.

    Raises ParameterError.
    """
    words = query.words(name)
    for word in words:
        if word not in map(str, known):
            raise ParameterError(f"{name} has {shown(word)}; it takes {' and '.join(map(str, known))}")
    return tuple(map(int, words)) or known


class _Vendors(NamedTuple):
    """An avatar of the vendor's, before its row is written."""

    number: int

    @property
    def type(self) -> int:
        """Whether it is for talking or for streaming."""
        return _STREAMING if self.number % 5 == 4 else _TALKING


_VENDORS_AVATARS: Final = tuple(map(_Vendors, range(_VENDORS_COUNT)))


def _row(avatar: _Vendors | OwnRow, place: int, asked: Asked) -> Record:
    newer, older = _of_vendor(avatar, asked) if isinstance(avatar, _Vendors) else _of_account(avatar)
    if not asked.world.context.observed:
        return newer
    return newer | older | {"sort": place + 1, "disabled": False, "modify_url": "", "crop_arr": []}


def _of_account(row: OwnRow) -> tuple[Record, Record]:
    """Return what the row of an own avatar has, and what only the rows of an older sample have."""
    job, record = row.job, row.record
    input: Any = job.input
    newer = {
        "name": input.name,
        "avatar_id": input.avatar_id,
        "url": input.url,
        "gender": "",
        "thumbnailUrl": record.get("thumbnailUrl", ""),
        "from": OWN,
    }
    older = {name: record[name] for name in ("_id", "uid", "type", "status")}
    return newer, older | {"create_time": created_ms(job)}


def _of_vendor(avatar: _Vendors, asked: Asked) -> tuple[Record, Record]:
    """Return the same of one of the vendor's, and serve its files."""
    context, number = asked.world.context, avatar.number
    name, gender = _NAMES[number % len(_NAMES)]
    avatar_id = f"{name}_{number // len(_NAMES) + 1:02}"
    base = asked.request.file_base or f"https://{image.FILE_HOST}"
    film = MediaSpec(
        avatar_id, context.keyed_random.seed, *content_video.WIDE, name, "", (), "avatar", "MP4", family="avatar"
    )
    for ending, spec in (("mp4", film), ("jpg", _picture(avatar_id, name, context))):
        asked.world.keep_file(f"/avatar/{avatar_id}.{ending}", spec, None, asked.now_ns)
    newer = {
        "name": name,
        "avatar_id": avatar_id,
        "url": f"{base}/avatar/{avatar_id}.mp4",
        "gender": gender,
        "thumbnailUrl": f"{base}/avatar/{avatar_id}.jpg",
        "from": VENDORS,
    }
    return newer, {
        "_id": context.keyed_random.hex(24, "avatar", number),
        "uid": 1,
        "type": avatar.type,
        "status": int(Status.COMPLETED),
        "create_time": _VENDORS_SINCE_MS,
    }


_VENDORS_SINCE_MS: Final = 1_704_067_200_000
"""2024-01-01."""


def _list(asked: Asked) -> Answer:
    query = Query.of(asked.request)
    whose, types = _chosen(query, "from", (VENDORS, OWN)), _chosen(query, "type", (_TALKING, _STREAMING))
    found: list[_Vendors | OwnRow] = []
    if VENDORS in whose:
        found += [each for each in _VENDORS_AVATARS if each.type in types]
    if OWN in whose:
        found += [each for each in own_rows(asked, FAMILY.readings[0], (FAMILY,)) if each.input.type in types]
    page = Page.of(found, query, _VENDORS_COUNT)
    first = (page.number - 1) * page.size
    rows = [_row(each, first + n, asked) for n, each in enumerate(page.items)]
    own = [each for each in page.items if isinstance(each, OwnRow)]
    data = {"result": rows, "count": page.whole} if asked.world.context.observed else rows
    return success_of(data, _MSG, note_shown(asked, own))


SERVICES: Final = (
    Service(
        endpoint="avatar/list",
        path="/api/open/v3/avatar/list",
        answer=_list,
        method="GET",
        query={
            "from": "2 the vendor's, 3 own, with commas between them",
            "type": "1 talking, 2 streaming, with commas between them",
            "page": "from 1",
            "size": f"rows on a page, {_VENDORS_COUNT} without it",
        },
        lists=True,
    ),
)
"""Lists avatars."""
