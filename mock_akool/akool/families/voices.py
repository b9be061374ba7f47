"""The voices that texts are spoken with: the vendor's, and an account's clones; and what all sounds have in common.

The vendor's list is ours: a few voices that stay the same, as contract section 18 says of their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.codes import Code
from mock_akool.akool.families.family import Asked, Context, FileNaming, Record, World, options_of
from mock_akool.akool.families.image import stamp_stem
from mock_akool.akool.families.inputs import ID_PATTERN, MediaOptions
from mock_akool.akool.jobs import Job
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.core.media import MediaSpec
from mock_akool.core.options import option
from mock_akool.core.schema import FLAG, Listed, number, shown
from mock_akool.core.timeline import Status

FILE_HOST: Final = "drz0f01yeq1cx.cloudfront.net"
EXTENSIONS: Final = ("mp3", "wav")
CLONE: Final = "voice/clone"
"""The endpoint whose jobs become voices."""

_SECTION: Final = "18"
_PLACES: Final = Decimal("0.0001")
"""Credits are counted in ten thousandths, as the documented 1.9295."""
_CHARACTERS_A_SECOND: Final = 15
_SHORTEST_S: Final = 1.0
_SAMPLE_S: Final = 3.0
_LONG_ID: Final = 64


class VoiceOptions(MediaOptions):
    """The settings of v3 audio and v4 voice."""

    voice_rate: float = option(
        4.4,
        number(0, 10_000, "a number of credits"),
        "what 1000 characters cost, or a minute of a changed voice; 3.2 in the plan Max, 2.4 in Business",
        section=_SECTION,
        mark="D",
    )
    no_credit_code_voice: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out for v3 audio or v4 voice",
        section=_SECTION,
        mark="I",
    )
    unknown_voice_code: int = option(
        int(Code.NOT_FOUND), ERROR_CODE, "the code for a `voice_id` that no voice has", section=_SECTION, mark="C"
    )
    known_voices: tuple[str, ...] = option(
        (),
        Listed(ID_PATTERN),
        "the ids of more voices that can be named; `*` stands for anything, alone for any id",
        section=_SECTION,
        mark="C",
    )
    v3_audio_sync: bool = option(
        False, FLAG, "`audio/create` of v3 answers when the sound is there", section=_SECTION, mark="C"
    )
    v3_clone_sync: bool = option(
        True, FLAG, "`audio/clone` of v3 answers when the sound is there", section=_SECTION, mark="I"
    )


def voice_options(settings: ServiceSettings) -> VoiceOptions:
    """Return the settings of v3 audio and v4 voice."""
    return options_of(settings, VoiceOptions)


# Prices


NO_CREDIT_CODE: Final = attrgetter("no_credit_code_voice")
"""Reads the code of a create that the account cannot pay from the settings (contract section 18)."""


def price_of(amount: float, settings: ServiceSettings) -> Credits:
    """Return the credits for an amount of thousands of characters, or of minutes (contract section 18)."""
    rate = Decimal(str(voice_options(settings).voice_rate))
    credits = (rate * Decimal(str(amount))).quantize(_PLACES)
    return int(credits) if credits == int(credits) else credits.normalize()


def price_of_text(text: str, settings: ServiceSettings) -> Credits:
    """Return the credits for speaking a text."""
    return price_of(len(text) / 1000, settings)


def spoken_s(text: str) -> float:
    """Return how many seconds a text takes when it is spoken."""
    return max(_SHORTEST_S, len(text) / _CHARACTERS_A_SECOND)


# Files


def sounds(
    name: Callable[[Job, Any, Context], str], operation: str, seconds: Callable[[Any, ServiceSettings], float]
) -> FileNaming:
    """Return how the sounds of a family are called, and what they are; `name` is what follows the 13 digits."""

    def names(job: Job, input: Any, context: Context) -> list[str]:
        return [f"{job.stamp_ms}-{name(job, input, context)}"]

    def shows(job: Job, input: Any, name: str, context: Context) -> MediaSpec:
        return _sound(job.id, operation, seconds(input, context.settings), name.rpartition(".")[2].upper(), context)

    return FileNaming(FILE_HOST, EXTENSIONS, stamp_stem, names, shows)


def _sound(of: str, operation: str, seconds: float, format: str, context: Context) -> MediaSpec:
    return MediaSpec(
        job_id=of,
        seed=context.keyed_random.seed,
        width=0,
        height=0,
        prompt="",
        ratio="",
        tiles=(),
        operation=operation,
        format=format,
        seconds=seconds,
    )


# The vendor's voices


class Voice(NamedTuple):
    """A voice of the vendor. `number` makes its `_id`, and its long id follows from that."""

    number: int
    name: str
    gender: str
    accent: str
    age: str
    style: str
    scenario: str
    locale: str
    streams: bool

    @property
    def id(self) -> str:
        """Its `_id`."""
        return f"66a00000{self.number:016x}"

    @property
    def voice_id(self) -> str:
        """Its long id."""
        return f"{self.name}-{self.locale}-{self.number:04}"

    @property
    def created_ms(self) -> int:
        """When it was made, which the name of its sample has too."""
        return 1_722_000_000_000 + self.number


VENDOR: Final = (
    Voice(1, "Alice", "Female", "British", "Middle-Aged", "Calm", "Education", "en-GB", True),
    Voice(2, "Bill", "Male", "American", "Old", "Authoritative", "Audiobook", "en-US", True),
    Voice(3, "Chiara", "Female", "Italian", "Young", "Cheerful", "Advertisement", "it-IT", False),
    Voice(4, "Daichi", "Male", "Japanese", "Young", "Excited", "Games", "ja-JP", True),
    Voice(5, "Elena", "Female", "American", "Young", "Calm", "Conversational", "en-US", True),
    Voice(6, "Felix", "Male", "German", "Middle-Aged", "Authoritative", "Informational", "de-DE", False),
)
"""The voices that every account has. They are ours: the real list changes."""


def sample_url(voice: Voice, asked: Asked) -> str:
    """Return the address of a voice's sample, and serve it."""
    name = f"{voice.created_ms}-sample.mp3"
    world = asked.world
    world.keep_file(
        f"/{name}",
        _sound(voice.id, "voice sample", _SAMPLE_S, "MP3", world.context)._replace(family="voice"),
        None,
        asked.now_ns,
    )
    return f"{asked.request.file_base or f'https://{FILE_HOST}'}/{name}"


# Finding one


class Found(NamedTuple):
    """A voice that a request names: its `_id`, its long id, and its gender."""

    id: str
    voice_id: str
    gender: str


def clone_voice_id(job: Job, context: Context) -> str:
    """Return the long id that a clone gets: 64 characters that a URL may have."""
    return context.keyed_random.alphanumerics(_LONG_ID, "voice", job.id)


def clones_of(world: World, account: Account, now_ns: int) -> Iterator[Job]:
    """Yield the account's clones that are completed and not deleted, the newest first."""
    for job in reversed(world.jobs(account.api_key)):
        is_clone = job.endpoint == CLONE and job.deleted_ns is None
        if is_clone and world.change_of(job, now_ns).status is Status.COMPLETED:
            yield job


def find_voice(asked_id: str, world: World, account: Account, now_ns: int) -> Found:
    """Return the voice with this `_id` or long id; raises AkoolError for one that the account has not got.

    (contract section 18)
    """
    for voice in VENDOR:
        if asked_id in (voice.id, voice.voice_id):
            return Found(voice.id, voice.voice_id, voice.gender)
    for job in clones_of(world, account, now_ns):
        voice_id = clone_voice_id(job, world.context)
        if asked_id in (job.id, voice_id):
            return Found(job.id, voice_id, first_gender(job))
    settings = world.context.settings
    options = voice_options(settings)
    if any(fnmatchcase(asked_id, pattern) for pattern in options.known_voices):
        made_id = partial(world.context.keyed_random.object_id, VENDOR[0].created_ms // 1000, 0, "voice")
        return Found(asked_id if _is_object_id(asked_id) else made_id(asked_id), asked_id, VENDOR[0].gender)
    own = world.job(asked_id)
    is_own = own is not None and own.endpoint == CLONE and own.account.api_key == account.api_key
    why = "is a clone that is not completed" if is_own else "is no voice's (setting known_voices adds some)"
    raise settings.refusal(options.unknown_voice_code, reason=f"voice_id {shown(asked_id)} {why}")


def first_gender(job: Job) -> str:
    """Return the gender of a clone as a sound has it."""
    clone: Any = job.input
    genders: tuple[str, ...] = clone.gender
    return genders[0] if genders else ""


def _is_object_id(text: str) -> bool:
    return len(text) == 24 and all(digit in "0123456789abcdef" for digit in text)


def v3_row(voice: Voice, asked: Asked) -> Record:
    """Return the row of a vendor's voice in the list of v3."""
    return {
        "_id": voice.id,
        "create_time": voice.created_ms,
        "uid": 1,
        "from": 3,
        "voice_id": voice.voice_id,
        "gender": voice.gender,
        "accent": voice.accent,
        "name": voice.name,
        "description": voice.style.lower(),
        "useCase": voice.scenario.lower(),
        "type": 1,
        "preview": sample_url(voice, asked),
        "__v": 0,
    }
