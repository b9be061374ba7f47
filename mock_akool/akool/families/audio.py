"""v3 audio: a text spoken with a voice, or with a cloned one, and the list of voices (contract section 18)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.codes import Profile
from mock_akool.akool.families.family import (
    Answer,
    Asked,
    Context,
    Create,
    Family,
    Reading,
    Record,
    Results,
    Service,
    WebhookInfo,
    World,
    first,
    one_in_query,
    shown_record,
    success_of,
)
from mock_akool.akool.families.inputs import refunds
from mock_akool.akool.families.lists import Query
from mock_akool.akool.families.voice import CLONES
from mock_akool.akool.families.voices import (
    NO_CREDIT_CODE,
    VENDOR,
    VoiceOptions,
    clone_voice_id,
    clones_of,
    find_voice,
    first_gender,
    price_of_text,
    sounds,
    spoken_s,
    v3_row,
    voice_options,
)
from mock_akool.akool.jobs import Job, Topic
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import ANY_TEXT, TEXT, URL, Body, Field, Values, text_up_to
from mock_akool.core.clock import NS_PER_MS
from mock_akool.core.schema import Schema
from mock_akool.core.timeline import Status, Timeline, status_at

ENDPOINT: Final = "audio/create"
CLONE_ENDPOINT: Final = "audio/clone"
_LONGEST_TEXT: Final = 5000
_USUAL_RATE: Final = "100%"
_VENDORS: Final = "3"
_OWN: Final = "4"


class Speech(NamedTuple):
    """A checked request of `audio/create`. `voice_model_id` is the voice's `_id`, once it was found."""

    input_text: str
    voice_id: str
    rate: str
    webhook_url: str
    voice_model_id: str = ""

    @property
    def topic(self) -> Topic:
        """What the job is about: its text."""
        return Topic(self.input_text)


class ClonedSpeech(NamedTuple):
    """A checked request of `audio/clone`; of `voice_url` and `voice_id` one may be empty text."""

    input_text: str
    voice_url: str
    voice_id: str
    rate: str
    webhook_url: str
    voice_model_id: str = ""

    @property
    def topic(self) -> Topic:
        """What the job is about: its text."""
        return Topic(self.input_text)


_INPUT_TEXT: Final = text_up_to(_LONGEST_TEXT, TEXT)


def _speech(values: Values) -> Speech:
    return Speech(values["input_text"], values["voice_id"], values["rate"] or _USUAL_RATE, values["webhookUrl"])


def _cloned(values: Values) -> ClonedSpeech:
    rate = values["rate"] or _USUAL_RATE
    return ClonedSpeech(values["input_text"], values["voice_url"], values["voice_id"], rate, values["webhookUrl"])


def _check_clone(values: Values) -> Iterable[str]:
    if values.get("voice_url") == "" and values.get("voice_id") == "":
        yield "voice_url and voice_id are missing; give one of them"


def _find(input: Speech, world: World, account: Account, now_ns: int) -> Speech:
    return input._replace(voice_model_id=find_voice(input.voice_id, world, account, now_ns).id)


def _find_cloned(input: ClonedSpeech, world: World, account: Account, now_ns: int) -> ClonedSpeech:
    if not input.voice_id:
        return input
    return input._replace(voice_model_id=find_voice(input.voice_id, world, account, now_ns).id)


# Records


def _fields(job: Job, input: Speech | ClonedSpeech, status: Status, base: str, context: Context) -> Record:
    record: Record = {
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS,
        "from": 3,
        "input_text": input.input_text,
        "rate": input.rate,
        "voice_model_id": input.voice_model_id,
    }
    return record if isinstance(input, ClonedSpeech) else {**record, "uid": job.account.uid, "__v": 0}


def _is_sync(input: Speech | ClonedSpeech, settings: ServiceSettings) -> bool:
    options = voice_options(settings)
    return options.v3_clone_sync if isinstance(input, ClonedSpeech) else options.v3_audio_sync


def _life(input: Speech | ClonedSpeech, settings: ServiceSettings) -> Timeline | None:
    return Timeline.of(ending=settings.ending) if _is_sync(input, settings) else None


def _created(job: Job, input: Speech | ClonedSpeech, context: Context) -> Record:
    """Return the record right after the creation: already the finished one where the answer waits for the sound."""
    status = Status.QUEUEING
    if _is_sync(input, context.settings):
        status = status_at(job.timeline, job.created_ns, (), job.created_ns)
    return shown_record(FAMILY.readings[0], FAMILY, job, status, job.file_base, context)


def _name(job: Job, input: Speech | ClonedSpeech, context: Context) -> str:
    draw = context.keyed_random
    if context.settings.profile is Profile.DOCUMENTED:
        return f"{draw.uuid4('file', job.id)}-{draw.integer(0, 9999, 'file', job.id):04}.mp3"
    return f"{draw.hex(32, 'file', job.id)}-audio.mp3"


def _seconds(input: Speech | ClonedSpeech, settings: ServiceSettings) -> float:
    return spoken_s(input.input_text)


def _price(input: Speech | ClonedSpeech, settings: ServiceSettings) -> Credits:
    """Return the credits for a text: nothing is known, so it is the rate of v4 (contract section 18)."""
    return price_of_text(input.input_text, settings)


_ROW_SCHEMA: Final[Schema] = {
    "type": "object",
    "required": ["_id", "create_time", "status"],
    "properties": {
        "_id": {"type": "string"},
        "create_time": {"type": "integer"},
        "status": {"enum": [int(status) for status in Status]},
        "url": {"type": "string"},
    },
}

RESULTS: Final = Results(
    endpoint="audio/infobymodelid",
    path="/api/open/v3/audio/infobymodelid",
    ids=one_in_query("audio_model_id"),
    status_word="status",
    result_word="url",
    query={"audio_model_id": "the job's `_id`"},
    data_schema=_ROW_SCHEMA,
)

FAMILY: Final = Family[Any](
    name="audio",
    creates=(
        Create(
            endpoint=ENDPOINT,
            path="/api/open/v3/audio/create",
            input=Body(
                {
                    "input_text": Field(_INPUT_TEXT, required=True),
                    "voice_id": Field(TEXT, required=True),
                    "rate": Field(ANY_TEXT, _USUAL_RATE),
                    "webhookUrl": Field(URL, ""),
                },
                _speech,
            ),
            input_type=Speech,
            record=_created,
            example={"input_text": "Hello, this is a test.", "voice_id": VENDOR[0].id, "rate": "100%"},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=_ROW_SCHEMA,
            find=_find,
        ),
        Create(
            endpoint=CLONE_ENDPOINT,
            path="/api/open/v3/audio/clone",
            input=Body(
                {
                    "input_text": Field(_INPUT_TEXT, required=True),
                    "rate": Field(ANY_TEXT, _USUAL_RATE),
                    "voice_url": Field(URL, ""),
                    "voice_id": Field(ANY_TEXT, ""),
                    "webhookUrl": Field(URL, ""),
                },
                _cloned,
                _check_clone,
            ),
            input_type=ClonedSpeech,
            record=_created,
            example={"input_text": "Hello, this is a test.", "voice_url": "https://example.com/voice.mp3"},
            webhook_field="webhookUrl",
            reply=first,
            record_schema=_ROW_SCHEMA,
            find=_find_cloned,
        ),
    ),
    readings=(Reading(RESULTS, _fields),),
    price=_price,
    files=sounds(_name, "audio", _seconds),
    webhook=WebhookInfo("audio"),
    no_credit_code=NO_CREDIT_CODE,
    refunds=refunds,
    options=VoiceOptions,
    life=_life,
)


# The voices


def _own_row(job: Job, context: Context, base: str) -> Record:
    clone: Any = job.input
    return {
        "_id": job.id,
        "create_time": job.created_ns // NS_PER_MS,
        "uid": job.account.uid,
        "from": 4,
        "voice_id": clone_voice_id(job, context),
        "gender": first_gender(job),
        "name": clone.name,
        "type": 1,
        "preview": CLONES.result_url(job, base, context),
        "__v": 0,
    }


def _list(asked: Asked) -> Answer:
    """List voices; `page` and `size` are ignored (contract section 18)."""
    wanted = Query.of(asked.request).one_of("from", (_VENDORS, _OWN))
    rows = [v3_row(voice, asked) for voice in VENDOR] if wanted != _OWN else []
    if wanted != _VENDORS:
        own = clones_of(asked.world, asked.own, asked.now_ns)
        rows += [_own_row(job, asked.world.context, asked.request.file_base) for job in own]
    return success_of(rows, "ok")


SERVICES: Final = (
    Service(
        endpoint="v3/voice/list",
        path="/api/open/v3/voice/list",
        answer=_list,
        method="GET",
        query={"from": "3 for the vendor's voices, 4 for the account's own; both without it"},
    ),
)
"""The list of voices."""
