"""v4 voice: texts spoken, voices changed and cloned, and the lists of both (contract section 18)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.families import voices
from mock_akool.akool.families.family import (
    Answer,
    Asked,
    Context,
    Create,
    Family,
    Pending,
    Reading,
    Record,
    Results,
    Service,
    WebhookInfo,
    World,
    first,
    one_in_path,
    success_of,
)
from mock_akool.akool.families.inputs import WEB_URL, base_name, lenient, refunds, seconds_of, subject, unusable
from mock_akool.akool.families.lists import OwnRow, Page, Query, has_any, note_shown, own_rows, paging
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, OBJECT, TEXT, URL, Body, Field, Kind, Values
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.schema import Schema
from mock_akool.core.timeline import Status

TTS: Final = "voice/tts"
CHANGE: Final = "voice/change"

_USUAL_MODEL: Final = "Akool Multilingual 1"
"""The only model that changes voices (contract section 18)."""
_NO_CLONES: Final = "Akool Multilingual 2"
"""The model that cannot clone."""
_FORMATS: Final = ("mp3", "wav")
_SLOWEST, _FASTEST = 0.7, 1.2
_SECONDS_A_MINUTE: Final = 60
_MS_PER_S: Final = 1000
_TRAITS: Final = ("style", "gender", "age", "scenario")
"""What a clone's options say as lists."""


class Spoken(NamedTuple):
    """A checked request of `voice/tts`. What a voice is follows from `find`."""

    input_text: str
    voice_id: str
    voice_options: Mapping[str, Any]
    language_code: str
    webhook_url: str
    voice_model_id: str = ""
    gender: str = ""

    @property
    def topic(self) -> Topic:
        """What the job is about: its text."""
        return Topic(self.input_text)


class Changed(NamedTuple):
    """A checked request of `voice/change`."""

    voice_id: str
    source_voice_file: str
    voice_options: Mapping[str, Any]
    webhook_url: str
    voice_model_id: str = ""
    gender: str = ""

    @property
    def topic(self) -> Topic:
        """What the job is about: the sound that is changed."""
        return Topic(subject(self.source_voice_file))


class Cloned(NamedTuple):
    """A checked request of `voice/clone`."""

    source_voice_file: str
    name: str
    style: tuple[str, ...]
    gender: tuple[str, ...]
    age: tuple[str, ...]
    scenario: tuple[str, ...]
    language: str
    text: str
    voice_model_name: str
    webhook_url: str

    @property
    def topic(self) -> Topic:
        """What the job is about: the sound that is cloned."""
        return Topic(subject(self.source_voice_file))


# Requests


def _options(checks: Mapping[str, Callable[[Any, ServiceSettings], object]], wants: Mapping[str, str]) -> Kind:
    """Return the kind that takes an object, of which some keys are checked."""

    def read(value: Any, settings: ServiceSettings) -> dict[str, Any]:
        found: dict[str, Any] = OBJECT.read(value, settings)
        for name, check in checks.items():
            if found.get(name) is not None:
                try:
                    check(found[name], settings)
                except ValueError:
                    raise unusable(f".{name}", found[name], wants[name]) from None
        return found

    return Kind("an object", OBJECT.schema, read)


def _format(value: Any, settings: ServiceSettings) -> object:
    if value not in _FORMATS:
        raise ValueError
    return value


def _texts(value: Any, settings: ServiceSettings) -> object:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError
    return value


_SPEECH_OPTIONS: Final = _options(
    {"speed": lenient(_SLOWEST, _FASTEST, is_whole=False).read}, {"speed": f"a number from {_SLOWEST} to {_FASTEST}"}
)
_CHANGE_OPTIONS: Final = _options({"file_format": _format}, {"file_format": "mp3 or wav"})
_CLONE_OPTIONS: Final = _options(
    {**dict.fromkeys(_TRAITS, _texts), **dict.fromkeys(("language", "clone_prompt"), ANY_TEXT.read)},
    {**dict.fromkeys(_TRAITS, "a list of texts"), **dict.fromkeys(("language", "clone_prompt"), "a text")},
)


def _check_change(values: Values) -> Iterable[str]:
    model = values.get("voice_model_name")
    if model and model != _USUAL_MODEL:
        yield f"voice_model_name is {model!r}; only {_USUAL_MODEL!r} changes voices"


def _check_clone(values: Values) -> Iterable[str]:
    if values.get("voice_model_name") == _NO_CLONES:
        yield f"voice_model_name is {_NO_CLONES!r}, which cannot clone"


def _spoken(values: Values) -> Spoken:
    return Spoken(
        values["input_text"],
        values["voice_id"],
        values["voice_options"] or {},
        values["language_code"],
        values["webhookUrl"],
    )


def _changed(values: Values) -> Changed:
    return Changed(values["voice_id"], values["source_voice_file"], values["voice_options"] or {}, values["webhookUrl"])


def _cloned(values: Values) -> Cloned:
    options, source = values["voice_options"] or {}, values["source_voice_file"]
    style, gender, age, scenario = (tuple(options.get(name) or ()) for name in _TRAITS)
    return Cloned(
        source_voice_file=source,
        name=values["name"].strip() or base_name(source),
        style=style,
        gender=gender,
        age=age,
        scenario=scenario,
        language=options.get("language") or "",
        text=options.get("clone_prompt") or "",
        voice_model_name=values["voice_model_name"] or _USUAL_MODEL,
        webhook_url=values["webhookUrl"],
    )


def _find(input: Any, world: World, account: Account, now_ns: int) -> Any:
    """Return an input with what its voice is; raises AkoolError for one that the account has not got."""
    found = voices.find_voice(input.voice_id, world, account, now_ns)
    return input._replace(voice_model_id=found.id, voice_id=found.voice_id, gender=found.gender)


# Sounds


def _seconds(input: Any, settings: ServiceSettings) -> float:
    if isinstance(input, Spoken):
        return voices.spoken_s(input.input_text)
    return seconds_of(input.source_voice_file, settings)


def _ms(input: Any, settings: ServiceSettings) -> int:
    return round(_seconds(input, settings) * _MS_PER_S)


def _ending(input: Any) -> str:
    """Return the extension of a sound's name."""
    wanted: str = input.voice_options.get("file_format") or "mp3" if isinstance(input, Changed) else "mp3"
    return wanted


def _hex_name(job: Job, context: Context) -> str:
    return context.keyed_random.hex(32, "name", job.id)


def _common(job: Job, input: Any, context: Context) -> Record:
    """Return what the reply to a create and the row of a sound have both."""
    said = {"input_text": input.input_text} if isinstance(input, Spoken) else {}
    if isinstance(input, Changed):
        said = {"source_voice_file": input.source_voice_file}
    name = _hex_name(job, context)
    return {
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS,
        **said,
        "duration": 0,
        "file_name": f"{name}.{_ending(input)}",
        "gender": input.gender,
        "deduction_credit": job.cost,
        "name": name,
    }


def _created(job: Job, input: Any, context: Context) -> Record:
    record = _common(job, input, context) | {
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "preview": None,
        "status": int(Status.QUEUEING),
        "webhookUrl": input.webhook_url,
        "voice_model_id": input.voice_model_id,
        "voice_id": input.voice_id,
        "voice_options": dict(input.voice_options),
    }
    if isinstance(input, Changed):
        record["duration"] = _ms(input, context.settings)
    return record


def _updated_ms(job: Job, status: Status) -> int:
    return job.stamp_ms if status >= Status.COMPLETED else 0


def _fields(job: Job, input: Any, status: Status, base: str, context: Context) -> Record:
    record = _common(job, input, context) | {
        "update_time": _updated_ms(job, status),
        "rate": "100%",
        "language_code": input.language_code if isinstance(input, Spoken) else "",
        "__v": 0,
    }
    if status is Status.COMPLETED or isinstance(input, Changed):
        record["duration"] = _ms(input, context.settings)
    return record


def _price(input: Any, settings: ServiceSettings) -> Credits:
    """Return the credits: by characters, or by minutes of what is changed (contract section 18)."""
    if isinstance(input, Spoken):
        return voices.price_of_text(input.input_text, settings)
    return voices.price_of(_seconds(input, settings) / _SECONDS_A_MINUTE, settings)


def _file(job: Job, input: Any, context: Context) -> str:
    return f"audio.{_ending(input)}"


_ROW_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "status", "preview"],
    "properties": {
        "_id": {"type": "string"},
        "status": {"enum": [int(status) for status in Status]},
        "preview": {"type": ["string", "null"]},
    },
}


def _in_result(records: Sequence[Record]) -> object:
    """Return the `data` of the detail of a sound: an object with the row."""
    return {"result": records[0]}


RESOURCES: Final = Results(
    endpoint="voice/resource/detail",
    path="/api/open/v4/voice/resource/detail/{_id}",
    ids=one_in_path,
    status_word="status",
    result_word="preview",
    pending=Pending.NULL,
    reply=_in_result,
    data_schema={"type": "object", "required": ["result"], "properties": {"result": _ROW_SCHEMA}},
)
_RESOURCE: Final = Reading(RESOURCES, _fields)

FAMILY: Final = Family[Any](
    name="voice",
    creates=(
        Create(
            endpoint=TTS,
            path="/api/open/v4/voice/tts",
            input=Body(
                {
                    "input_text": Field(TEXT, required=True),
                    "voice_id": Field(TEXT, required=True),
                    "voice_options": Field(_SPEECH_OPTIONS),
                    "language_code": Field(ANY_TEXT, ""),
                    "extra_options": Field(OBJECT),
                    "webhookUrl": Field(URL, ""),
                },
                _spoken,
            ),
            input_type=Spoken,
            record=_created,
            example={"input_text": "Hello, this is a test.", "voice_id": voices.VENDOR[0].id},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=_ROW_SCHEMA,
            find=_find,
        ),
        Create(
            endpoint=CHANGE,
            path="/api/open/v4/voice/change",
            input=Body(
                {
                    "voice_id": Field(TEXT, required=True),
                    "source_voice_file": Field(WEB_URL, required=True),
                    "voice_options": Field(_CHANGE_OPTIONS),
                    "voice_model_name": Field(ANY_TEXT, ""),
                    "webhookUrl": Field(URL, ""),
                },
                _changed,
                _check_change,
            ),
            input_type=Changed,
            record=_created,
            example={"voice_id": voices.VENDOR[1].id, "source_voice_file": "https://example.com/speech.mp3"},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=_ROW_SCHEMA,
            find=_find,
        ),
    ),
    readings=(_RESOURCE,),
    price=_price,
    files=voices.sounds(_file, "voice", _seconds),
    webhook=WebhookInfo("audio"),
    no_credit_code=voices.NO_CREDIT_CODE,
    refunds=refunds,
    options=voices.VoiceOptions,
)


# Clones


def _created_clone(job: Job, input: Cloned, context: Context) -> Record:
    return {
        "_id": job.id,
        "uid": job.account.uid,
        "team_id": job.account.team_id,
        "voice_id": None,
        "gender": list(input.gender),
        "name": input.name,
        "preview": None,
        "text": input.text,
        "duration": 0,
        "status": int(Status.QUEUEING),
        "create_time": job.created_ns // NS_PER_MS,
        "style": list(input.style),
        "scenario": list(input.scenario),
        "age": list(input.age),
        "deduction_credit": job.cost,
        "webhookUrl": input.webhook_url,
        "source_voice_file": input.source_voice_file,
    }


def _clone_fields(job: Job, input: Cloned, status: Status, base: str, context: Context) -> Record:
    is_done = status is Status.COMPLETED
    return _created_clone(job, input, context) | {
        "voice_id": voices.clone_voice_id(job, context) if is_done else None,
        "duration": _ms(input, context.settings) if is_done else 0,
        "update_time": _updated_ms(job, status),
        "language": input.language,
        "locale": "",
        "voice_model_name": input.voice_model_name,
        "support_stream": True,
    }


def _vendor_row(voice: voices.Voice, asked: Asked) -> Record:
    return {
        "_id": voice.id,
        "uid": 0,
        "team_id": "",
        "voice_id": voice.voice_id,
        "gender": [voice.gender],
        "name": voice.name,
        "preview": voices.sample_url(voice, asked),
        "text": "",
        "duration": 3000,
        "status": int(Status.COMPLETED),
        "create_time": voice.created_ms,
        "style": [voice.style],
        "scenario": [voice.scenario],
        "age": [voice.age],
        "deduction_credit": 0,
        "webhookUrl": "",
        "source_voice_file": "",
        "update_time": voice.created_ms,
        "language": voice.accent,
        "locale": voice.locale,
        "voice_model_name": _USUAL_MODEL,
        "support_stream": voice.streams,
    }


def _vendor(asked_id: str, asked: Asked) -> Record | None:
    return next((_vendor_row(voice, asked) for voice in voices.VENDOR if voice.id == asked_id), None)


def _no_price(input: Cloned, settings: ServiceSettings) -> Credits:
    """Return 0: a clone is free (contract section 18)."""
    return 0


def _sample(job: Job, input: Cloned, context: Context) -> str:
    return "sample.mp3"


DETAILS: Final = Results(
    endpoint="voice/detail",
    path="/api/open/v4/voice/detail/{_id}",
    ids=one_in_path,
    status_word="status",
    result_word="preview",
    pending=Pending.NULL,
    data_schema=_ROW_SCHEMA,
    also=_vendor,
)
"""Shows voices: an account's clones, and the vendor's (contract section 18)."""
_CLONE: Final = Reading(DETAILS, _clone_fields)

CLONES: Final = Family[Cloned](
    name="voice_clone",
    keeps="voice",
    creates=(
        Create(
            endpoint=voices.CLONE,
            path="/api/open/v4/voice/clone",
            input=Body(
                {
                    "source_voice_file": Field(WEB_URL, required=True),
                    "name": Field(ANY_TEXT, ""),
                    "voice_options": Field(_CLONE_OPTIONS),
                    "voice_model_name": Field(ANY_TEXT, ""),
                    "webhookUrl": Field(URL, ""),
                },
                _cloned,
                _check_clone,
            ),
            input_type=Cloned,
            record=_created_clone,
            example={"source_voice_file": "https://example.com/me.mp3", "name": "My voice"},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=_ROW_SCHEMA,
        ),
    ),
    readings=(_CLONE,),
    price=_no_price,
    files=voices.sounds(_sample, "voice clone", _seconds),
    webhook=WebhookInfo("audio"),
    no_credit_code=voices.NO_CREDIT_CODE,
    refunds=refunds,
    options=voices.VoiceOptions,
)


# Lists


def _page(rows: Sequence[Record | OwnRow], query: Query, asked: Asked) -> Answer:
    page = Page.of(rows, query)
    shown = [row for row in page.items if isinstance(row, OwnRow)]
    result = [row.record if isinstance(row, OwnRow) else row for row in page.items]
    data = {"result": result, "count": page.whole, "page": page.number, "size": page.size}
    return success_of(data, shown=note_shown(asked, shown))


def _list_resources(asked: Asked) -> Answer:
    query = Query.of(asked.request)
    wanted = {"1": TTS, "2": CHANGE}[query.one_of("type", ("1", "2"), required=True)]
    rows = own_rows(asked, _RESOURCE, (FAMILY,))
    return _page([row for row in rows if row.job.endpoint == wanted], query, asked)


def _list_voices(asked: Asked) -> Answer:
    query = Query.of(asked.request)
    kind = query.one_of("type", ("1", "2"), required=True)
    streams = {"": None, "1": True, "2": False}[query.one_of("support_stream", ("1", "2"))]
    wanted = {name: query.words(name) for name in _TRAITS}
    part = query.text("name").lower()

    def fits(record: Record) -> bool:
        return (
            part in record["name"].lower()
            and streams in (None, record["support_stream"])
            and all(has_any(record[name], words) for name, words in wanted.items())
        )

    if kind == "1":
        return _page([row for row in own_rows(asked, _CLONE, (CLONES,)) if fits(row.record)], query, asked)
    rows = (_vendor_row(voice, asked) for voice in voices.VENDOR)
    return _page([row for row in rows if fits(row)], query, asked)


def _read_ids(value: Any, settings: ServiceSettings) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise ValueError
    return tuple(dict.fromkeys(value))


_IDS: Final = Kind(
    "a list of ids", {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}, _read_ids
)


def _ids(values: Values) -> tuple[str, ...]:
    ids: tuple[str, ...] = values["_ids"]
    return ids


def _delete(asked: Asked) -> Answer:
    deleted, refused = list[str](), list[Record]()
    for each in asked.input:
        job = asked.own_job(each)
        if job is not None and job.endpoint == voices.CLONE:
            asked.world.delete_for_client(job.id, asked.now_ns)
            deleted.append(each)
        else:
            refused.append({"_id": each, "msg": f"VoiceId:{each} resource not found"})
    return success_of({"successIds": deleted, "noPermissionVoices": refused}, "Delete voice successfully")


SERVICES: Final = (
    Service(
        endpoint="voice/list",
        path="/api/open/v4/voice/list",
        answer=_list_voices,
        lists=True,
        method="GET",
        query={
            "type": "1 for the account's clones, 2 for the vendor's voices",
            **paging(),
            **{name: f"the {name}, or several with commas between them" for name in _TRAITS},
            "name": "a part of the name",
            "support_stream": "1 for voices that live avatars can have, 2 for the others",
        },
    ),
    Service(
        endpoint="voice/resource/list",
        path="/api/open/v4/voice/resource/list",
        answer=_list_resources,
        lists=True,
        method="GET",
        query={"type": "1 for spoken texts, 2 for changed voices", **paging()},
    ),
    Service(
        endpoint="voice/del",
        path="/api/open/v4/voice/del",
        answer=_delete,
        input=Body({"_ids": Field(_IDS, required=True)}, _ids),
        example={"_ids": ["…"]},
    ),
)
"""The lists of voices and of sounds, and what deletes clones."""
