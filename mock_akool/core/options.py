"""Kinds of option: how a value given as text or as a Python object becomes the value that the code uses.

One table of kinds serves Python arguments, flags, environment variables and the docs.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Self

from mock_akool.core.errors import MockAkoolError, ScenarioError, SettingsError
from mock_akool.core.schema import nearest

_YES: Final = {"1", "true", "yes", "on"}
_NO: Final = {"0", "false", "no", "off", ""}


class Kind(NamedTuple):
    """What values an option takes: `wants` in words, `read` which turns a value into the real one or raises."""

    wants: str
    read: Callable[[Any], Any]
    is_flag: bool = False
    repeats: bool = False
    """Whether it may be given several times on a command line, as a list then."""


class About(NamedTuple):
    """What the docs, the flags and the error messages know of an option."""

    kind: Kind
    help: str
    section: str = ""
    mark: str = ""
    """How sure the specification is of what the option decides, when it belongs to a section of it, else empty."""


def option(default: Any, kind: Kind, help: str, *, section: str = "", mark: str = "") -> Any:
    """Declare a dataclass field that is an option."""
    return dataclasses.field(default=default, metadata={"about": About(kind, help, section, mark)})


def about(field: dataclasses.Field[Any]) -> About:
    """Return what is known of an option's field."""
    known: About = field.metadata["about"]
    return known


def read_options(options: Any) -> None:
    """Replace each field of a frozen dataclass of options by its real value.

    Raises SettingsError that names the option, the value and what it takes.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        kind = about(field).kind
        try:
            real = kind.read(value)
        except (ValueError, TypeError, OverflowError, MockAkoolError) as error:
            why = f" ({error})" if isinstance(error, MockAkoolError) else ""
            hint = f"It takes {kind.wants}"
            if isinstance(error, ScenarioError):
                why, hint = f": {error.message}", error.hint
            raise SettingsError(f"{field.name}={_shown(value)} is not usable{why}", hint, option=field.name) from None
        object.__setattr__(options, field.name, real)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse(value: object) -> Any:
    raise ValueError(value)


def whole(low: int, high: int, wants: str | None = None) -> Kind:
    """An integer from `low` to `high`."""

    def read(value: Any) -> int:
        number = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else _refuse(value)
        return number if low <= number <= high else _refuse(value)

    return Kind(wants or f"a whole number from {low:,} to {high:,}", read)


def optional(kind: Kind) -> Kind:
    """The same, or nothing (None or empty text)."""
    return Kind(f"{kind.wants}, or nothing", lambda value: None if value in (None, "") else kind.read(value))


def one_of(values: Iterable[str]) -> Kind:
    """One of a few words."""
    words = tuple(values)
    return Kind(" or ".join(words), lambda value: value if value in words else _refuse(value))


def _read_yes_or_no(value: Any) -> bool:
    word = str(value).strip().lower()
    return True if word in _YES else False if word in _NO else _refuse(value)


def _read_positive(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) and number > 0 else _refuse(value)


_BASE_URL: Final = re.compile(r"https?://[^\s/?#]+")


def _read_base_url(value: Any) -> str:
    url = str(value).rstrip("/")
    if not _BASE_URL.fullmatch(url):
        raise ValueError(value)
    return url


YES_OR_NO: Final = Kind("yes or no (also true/false, on/off, 1/0)", _read_yes_or_no, is_flag=True)
BASE_URL: Final = Kind("a scheme and a host such as https://fake.test:8443", _read_base_url)
"""What URLs begin with, without a slash at the end."""
TEXT: Final = Kind("text", lambda value: value if isinstance(value, str) else _refuse(value))
POSITIVE: Final = Kind("a number above 0", _read_positive)


def json_list(value: Any) -> list[Any]:
    """Read a list, or the JSON text of one."""
    listed = json.loads(value) if isinstance(value, str) else value
    return list(listed) if isinstance(listed, (list, tuple)) else _refuse(value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """A record whose fields are options. What is given is read when it is made; a bad value raises SettingsError."""

    def __post_init__(self) -> None:
        read_options(self)

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Return the record with these options; an unknown name raises SettingsError with the nearest known one."""
        check_names(cls, options)
        return cls(**options)


def check_names(options: type[Options], given: Any, others: Iterable[str] = ()) -> None:
    """Raise SettingsError when `given` has a name that is no option, with the nearest one of them and of `others`."""
    known = (*options.__dataclass_fields__, *others)
    for name in given:
        if name not in known:
            near = nearest(name, known)
            raise SettingsError(
                f"there is no setting {name!r}",
                f"Did you mean {near!r}?" if near else f"The settings are: {', '.join(sorted(known))}",
            )
