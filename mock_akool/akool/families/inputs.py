"""What the families that work on media share: what their requests say of files, and the settings about that."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.akool.codes import Code
from mock_akool.akool.families.family import options_of
from mock_akool.akool.settings import ERROR_CODE, ServiceSettings
from mock_akool.akool.validation import Kind, UnusableError, harmless, number
from mock_akool.core.options import Options, option
from mock_akool.core.schema import FLAG, Listed, Plain, shown
from mock_akool.core.schema import number as setting_number

VIDEO_EXTENSIONS: Final = ("mp4", "mov", "avi", "m4v", "webm")
"""What the path of a URL ends in that is taken for a video's (contract section 13)."""

_URL: Final = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
_DATA_URL: Final = re.compile(r"data:(?:image|video)/([\w.+-]+)[^,\s]*,\S+", re.IGNORECASE | re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?", re.ASCII)
_UNUSUAL: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MOST_SHOWN: Final = 60
_MOST_DASHES: Final = 16
_MOST_REMEMBERED: Final = 256
"""Of how many URLs it is remembered what their parts are. The benchmark `lists` shows each of the two by a twentieth:
"listbyids of 50 / of one, polled for the first time"."""


class PatternNumber(NamedTuple):
    """A number for all texts that fit a pattern, in which `*` stands for anything."""

    pattern: str
    number: float


def _read_number(value: Any) -> PatternNumber:
    if isinstance(value, PatternNumber):
        return value
    pattern, _, digits = str(value).rpartition("=")
    if not pattern or not _NUMBER.fullmatch(digits) or float(digits) < 0:
        raise ValueError(value)
    return PatternNumber(pattern, float(digits))


def _numbers(what: str) -> Listed:
    """Return the shape of a list of numbers by patterns for such texts."""
    return Listed(
        Plain(
            f"a pattern of {what}, `=` and a number",
            _read_number,
            {"type": "string"},
            lambda each: f"{each.pattern}={each.number:g}",
            use="'*crowd*=5'",
        )
    )


URL_NUMBERS: Final = _numbers("URLs")
PROMPT_NUMBERS: Final = _numbers("prompts")


def _read_pattern(value: Any) -> str:
    if not isinstance(value, str) or not _ID_PATTERN.fullmatch(value):
        raise ValueError(value)
    return value


_ID_PATTERN: Final = re.compile(r"[\w.*?-]+", re.ASCII)
ID_PATTERN: Final = Plain("an id, or a pattern of ids", _read_pattern, {"type": "string"}, use="'my-*'")
"""An id that a setting lets exist, or a pattern of such."""


def number_for(text: str, known: Sequence[PatternNumber], default: float) -> float:
    """Return the number for a URL or a prompt: that of the first pattern that it fits."""
    return next((each.number for each in known if fnmatchcase(text, each.pattern)), default)


class MediaOptions(Options):
    """The settings of all families that work on media."""

    strict_types: bool = option(False, FLAG, "a number that is sent as text is refused", section="12", mark="C")
    assumed_media_seconds: float = option(
        10,
        setting_number(0, 86_400, "a number of seconds", above=True),
        "how long every video and sound that a request names is taken to be: none is fetched",
        section="12",
        mark="C",
    )
    media_seconds_by_url: tuple[PatternNumber, ...] = option(
        (), URL_NUMBERS, "how long those at URLs that fit a pattern are, in seconds", section="12", mark="C"
    )
    refund_on_failure: bool = option(
        True,
        FLAG,
        "a failed job of a family other than images gives its credits back, unless a script says otherwise",
        section="12",
        mark="C",
    )
    plan_gate: bool = option(
        False, FLAG, "what needs a higher plan, such as the Pro face swap, is refused", section="12", mark="C"
    )
    plan_gate_code: int = option(
        int(Code.PARAMETER_ERROR), ERROR_CODE, "the code of that refusal", section="12", mark="C"
    )


def media_options(settings: ServiceSettings) -> MediaOptions:
    """Return the settings of all families that work on media."""
    return options_of(settings, MediaOptions)


def seconds_of(url: str, settings: ServiceSettings) -> float:
    """Return how long the video or sound at a URL is taken to be, in seconds."""
    options = media_options(settings)
    return number_for(url, options.media_seconds_by_url, options.assumed_media_seconds)


def refunds(settings: ServiceSettings) -> bool:
    """Return whether a failed job gives its credits back."""
    return media_options(settings).refund_on_failure


def check_plan(what: str, settings: ServiceSettings) -> None:
    """Raise AkoolError when the setting says that the account's plan has not got this."""
    options = media_options(settings)
    if options.plan_gate:
        raise settings.refusal(options.plan_gate_code, reason=f"plan_gate is on, and {what} needs a higher plan")


# URLs


def is_web_url(value: object) -> bool:
    """Return whether a value is an http or https URL."""
    return isinstance(value, str) and bool(_URL.fullmatch(value))


def is_data_url(value: object) -> bool:
    """Return whether a value is a data URL of an image or a video."""
    return isinstance(value, str) and bool(_DATA_URL.fullmatch(value))


def _last_name(url: str) -> str:
    """Return what stands behind the last slash in the path of a URL; empty text where nobody can take it apart."""
    try:
        return urlsplit(url).path.rpartition("/")[2]
    except ValueError:  # a host that cannot be, such as `[x`
        return ""


@lru_cache(maxsize=_MOST_REMEMBERED)
def extension_of(url: str) -> str:
    """Return what the path of a URL ends in after its last dot, in lower case; that of a data URL is its type."""
    if inline := _DATA_URL.fullmatch(url):
        return inline.group(1).lower()
    name = _last_name(url)
    return name.rpartition(".")[2].lower() if "." in name else ""


def is_video(url: str) -> bool:
    """Return whether a URL is taken for that of a video."""
    return extension_of(url) in VIDEO_EXTENSIONS or url[:11].lower() == "data:video/"


@lru_cache(maxsize=_MOST_REMEMBERED)
def base_name(url: str) -> str:
    """Return the name of the file at a URL without its extension, as a part of another file's name."""
    name = "" if is_data_url(url) else _last_name(url)
    plain = _UNUSUAL.sub("_", name.rpartition(".")[0] or name)[:_MOST_SHOWN] or "file"
    return plain if plain.count("-") <= _MOST_DASHES else plain.replace("-", "_")


def subject(url: str) -> str:
    """Return a URL, without a password, as what a job is about; of a data URL the beginning."""
    return str(harmless(url)) if is_web_url(url) else f"{url[:_MOST_SHOWN]}…"


# What fields take


def _read_web_url(value: Any, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or not value.strip() or (settings.check_urls and not is_web_url(value)):
        raise ValueError
    return value


WEB_URL: Final = Kind("an http or https URL", {"type": "string", "minLength": 1}, _read_web_url)


def _read_yes_or_no(value: Any, settings: ServiceSettings) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - a value that does not fit, whatever its type
    return value


YES_OR_NO: Final = Kind("true or false", {"type": "boolean"}, _read_yes_or_no)


def lenient(low: float, high: float, *, is_whole: bool = True) -> Kind:
    """Return the kind that takes a number from `low` to `high`, also as text unless `strict_types` is set."""
    plain = number(low, high)

    def read(value: Any, settings: ServiceSettings) -> float:
        text = isinstance(value, str) and not media_options(settings).strict_types
        found: float = plain.read(float(value) if text and _NUMBER.fullmatch(value) else value, settings)
        if not is_whole:
            return found
        if found != int(found):
            raise ValueError
        return int(found)

    noun = "a whole number" if is_whole else "a number"
    kind = {"type": "integer" if is_whole else "number", "minimum": low, "maximum": high}
    return Kind(f"{noun} from {low} to {high}", kind, read)


def several(what: str, item: Callable[[Any, str, ServiceSettings], Any], schema: dict[str, Any]) -> Kind:
    """Return the kind that takes a list; `item` is given each value and how an error names it."""

    def read(value: Any, settings: ServiceSettings) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError  # noqa: TRY004 - as above
        return tuple(item(each, f"[{place}]", settings) for place, each in enumerate(value))

    return Kind(what, {"type": "array", "items": schema}, read)


def unusable(where: str, value: object, wants: str) -> UnusableError:
    """Return the error for a part of a field that does not fit."""
    return UnusableError(f"{where} is {shown(harmless(value))}; it takes {wants}")
