"""From the body of a request to a checked input, or to the error that the API answers and the reason for it.

A `Body` is the only description of what an endpoint reads: it reads, refuses, explains and is the JSON Schema. What is
not a known field is ignored (contract section 1).
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeVar

from mock_akool.akool.errors import ParameterError
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.http import Request
from mock_akool.core.nesting import MOST_LEVELS, is_shallow
from mock_akool.core.schema import Schema, nearest, shown
from mock_akool.core.urls import without_password

_JSON_TYPE: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.ASCII)
_URL: Final = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
"""One character of a host, then anything but white space: two repetitions that overlap would be quadratic."""
_MAX_DIGITS: Final = 300
_MOST_LISTED: Final = 5
"""How many items of a wrong list may be shown."""

Made = TypeVar("Made")
Values = Mapping[str, Any]
"""The values of a body's fields, by name; those that were wrong are missing."""


def _constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _whole(digits: str) -> int | float:
    # Python refuses to read very long integers; to JSON they are numbers like any other, and too large for any field.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


_TOO_DEEP: Final = f"the body is nested over {MOST_LEVELS} levels deep"

_decode = json.JSONDecoder(parse_int=_whole, parse_constant=_constant).decode


def read_object(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    """Return the JSON object in the body; anything else is 1003 (contract section 4, last row).

    Raises ParameterError with the reason.
    """
    content_type = request.headers.get("content-type", "")
    if settings.json_content_type_required and not _JSON_TYPE.fullmatch(content_type):
        said = f"is {shown(content_type)}" if content_type else "is missing"
        raise ParameterError(f"the header Content-Type {said}; send application/json")
    if len(request.body) > settings.max_body_bytes:
        raise ParameterError(
            f"the body has {len(request.body):,} bytes or more; at most {settings.max_body_bytes:,} are read "
            "(setting max_body_bytes)"
        )
    if request.body.startswith(BOM_UTF8):
        raise ParameterError("the body begins with a byte order mark (BOM); send UTF-8 without one")
    try:
        value = _decode(request.body.decode())
    except UnicodeDecodeError as error:
        if coding := request.headers.get("content-encoding", ""):
            raise ParameterError(
                f"the body is compressed (Content-Encoding: {shown(coding)}), which is not read; send it as it is"
            ) from None
        raise ParameterError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ParameterError(f"the body is no JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise ParameterError(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise ParameterError(_TOO_DEEP) from None
    if not is_shallow(request.body, value):
        raise ParameterError(_TOO_DEEP)
    if not isinstance(value, dict):
        raise ParameterError(f"the body is {_named(value)}, not an object such as {{...}}")
    return value


def _named(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"


def harmless(value: object) -> object:
    """Return a value without the passwords of URLs in it: a reason gets into logs."""
    match value:
        case str():
            return without_password(value)[0]
        case list():
            return [harmless(each) for each in value[:_MOST_LISTED]]
        case dict():
            return {key: harmless(value[key]) for key in list(value)[:_MOST_LISTED]}
        case _:
            return value


class UnusableError(ValueError):
    """A value does not fit; says which part of it does not, and what that takes."""


class Kind(NamedTuple):
    """What a field takes: in words, as JSON Schema, and how it is read.

    `read` is given the value and the settings, and raises ValueError for what does not fit, or an UnusableError that
    names a part of it, to be read after the field's name. `words` are the values
    among which the nearest one is worth naming.
    """

    wants: str
    schema: Schema
    read: Callable[[Any, ServiceSettings], Any]
    words: Sequence[str] = ()


class Field(NamedTuple):
    """A field of a body: what it takes, and its value when it is not there. A `required` one must be there."""

    kind: Kind
    default: Any = None
    required: bool = False


def nothing_to_check(values: Values) -> Iterable[str]:
    """Find no mistakes."""
    return ()


class Body(NamedTuple, Generic[Made]):
    """What an endpoint reads of a request's body, and what it makes of that.

    `check` is given the values of the fields that are right. It yields what is wrong between them, or raises an
    AkoolError of its own. `make` is called when nothing is wrong. `needed` are fields that a usual request must have
    though `check` may let one pass without them.
    """

    fields: Mapping[str, Field]
    make: Callable[[Values], Made]
    check: Callable[[Values], Iterable[str]] = nothing_to_check
    needed: tuple[str, ...] = ()

    def read(self, request: Request, settings: ServiceSettings) -> Made:
        """Return the input; raises ParameterError with all that is wrong, or an AkoolError of `check`."""
        body = read_object(request, settings)
        if settings.null_is_absent:
            body = {name: value for name, value in body.items() if value is not None}
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        for name, field in self.fields.items():
            if name in body:
                try:
                    values[name] = field.kind.read(body[name], settings)
                except UnusableError as error:
                    mistakes.append(f"{name}{error}")
                except ValueError:
                    mistakes.append(self._unusable(name, field, body[name]))
            elif field.required:
                mistakes.append(self._missing(name, body))
            else:
                values[name] = field.default
        mistakes += self.check(values)
        if mistakes:
            raise ParameterError("; ".join([*mistakes, *self._meant(body, " ".join(mistakes))]))
        return self.make(values)

    def _unusable(self, name: str, field: Field, value: object) -> str:
        near = nearest(value, field.kind.words) if isinstance(value, str) else None
        hint = f"; did you mean {near!r}?" if near else ""
        return f"{name} is {shown(harmless(value))}; it takes {field.kind.wants}{hint}"

    def _missing(self, name: str, body: Mapping[str, Any]) -> str:
        near = nearest(name, [other for other in body if other not in self.fields])
        return f"{name} is missing" + (f"; did you mean it by {near!r}?" if near else "")

    def _meant(self, body: Mapping[str, Any], said: str) -> Iterable[str]:
        """Yield which fields may be meant by unknown ones, as far as nothing was said of that yet."""
        absent = [name for name in self.fields if name not in body]
        unknown = (other for other in body if other not in self.fields and f"by {other!r}?" not in said)
        for other in islice(unknown, _MOST_LISTED):
            near = nearest(other, absent)
            if near:
                yield f"did you mean {near} by {shown(other)}?"

    @property
    def schema(self) -> Schema:
        """What is read, as JSON Schema."""
        required = [name for name, field in self.fields.items() if field.required or name in self.needed]
        return {
            **({"required": required} if required else {}),
            "properties": {
                name: {**field.kind.schema, **({} if field.default in (None, "", ()) else {"default": field.default})}
                for name, field in self.fields.items()
            },
        }


# What fields take


def _read_text(value: Any, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _read_any_text(value: Any, settings: ServiceSettings) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - a value that does not fit, whatever its type
    return value


def _read_url(value: Any, settings: ServiceSettings) -> str:
    if not isinstance(value, str) or (value and settings.check_urls and not _URL.fullmatch(value)):
        raise ValueError
    return value


def _read_urls(value: Any, settings: ServiceSettings) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004 - as above
    return tuple(_read_url(each, settings) for each in value)


def _read_object(value: Any, settings: ServiceSettings) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 - as above
    return value


TEXT: Final = Kind("a text that is not blank", {"type": "string", "minLength": 1, "pattern": r"\S"}, _read_text)
ANY_TEXT: Final = Kind("a text", {"type": "string"}, _read_any_text)


def text_up_to(most: int, kind: Kind) -> Kind:
    """Return the kind of text, but of so many characters at most."""

    def read(value: Any, settings: ServiceSettings) -> str:
        text: str = kind.read(value, settings)
        if len(text) > most:
            raise ValueError
        return text

    return Kind(f"{kind.wants}, of up to {most:,} characters", {**kind.schema, "maxLength": most}, read)


URL: Final = Kind(
    "an http or https URL, or empty text", {"type": "string", "description": "a URL, or empty text"}, _read_url
)
URLS: Final = Kind("a list of http or https URLs", {"type": "array", "items": URL.schema}, _read_urls)
OBJECT: Final = Kind("an object", {"type": "object"}, _read_object)


def one_of(words: Sequence[str]) -> Kind:
    """Return the kind that takes one of these texts."""

    def read(value: Any, settings: ServiceSettings) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError
        return value

    return Kind(f"one of {', '.join(words)}", {"enum": list(words)}, read, words)


def number(low: float, high: float) -> Kind:
    """Return the kind that takes a number from `low` to `high`."""

    def read(value: Any, settings: ServiceSettings) -> float:
        # JSON's true is Python's 1.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError
        return value

    return Kind(f"a number from {low} to {high}", {"type": "number", "minimum": low, "maximum": high}, read)


def whole(low: int, high: int) -> Kind:
    """Return the kind that takes a whole number from `low` to `high`; 2.0 is one."""
    any_number = number(low, high)

    def read(value: Any, settings: ServiceSettings) -> int:
        found: float = any_number.read(value, settings)
        if found != int(found):
            raise ValueError
        return int(found)

    return Kind(f"a whole number from {low} to {high}", {"type": "integer", "minimum": low, "maximum": high}, read)
