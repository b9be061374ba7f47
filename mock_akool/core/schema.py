"""Shapes of data that a person writes: how it is read, checked, written again, and described to editors.

A shape is a table, and everything is made from it: reading (`read`, which refuses what does not fit and names the
place), writing (`write`, the inverse), and the JSON Schema (`schema`). Scenario files are such data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from mock_akool.core.errors import MockAkoolError, ScenarioError

Place = tuple[str | int, ...]
"""Where a value stands: keys and positions from the top, such as `("rules", 0, "on")`."""

Schema = dict[str, Any]


class Shape(Protocol):
    """What a value may look like."""

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        ...

    @property
    def schema(self) -> Schema:
        """The same as JSON Schema."""
        ...

    def read(self, value: Any, place: Place) -> Any:
        """Return what the plain value means; raises ScenarioError with its place when it does not fit."""
        ...

    def write(self, value: Any) -> Any:
        """Return the plain value that is read as this one."""
        ...


def shown(value: object) -> str:
    """Return a value as an error message shows it, not too long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Plain(NamedTuple):
    """A value that stands for itself or is read from a text or a number: `reading` returns it or raises.

    `writing` makes the plain value again.
    """

    wants: str
    reading: Callable[[Any], Any]
    schema: Schema
    writing: Callable[[Any], Any] = lambda value: value

    def read(self, value: Any, place: Place) -> Any:
        """Return the real value."""
        __tracebackhide__ = True
        try:
            return self.reading(value)
        except (ValueError, TypeError, OverflowError, MockAkoolError) as error:
            why = f" ({error.message})" if isinstance(error, MockAkoolError) else ""
            raise ScenarioError(f"{shown(value)} is not usable{why}", f"It takes {self.wants}", place) from None

    def write(self, value: Any) -> Any:
        """Return the plain value."""
        return self.writing(value)


class Listed(NamedTuple):
    """A list of values of one shape; with `lone`, one value may stand without its list."""

    item: Shape
    lone: bool = False
    least: int = 0

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        if self.lone:
            return f"{self.item.wants}, or a list of such"
        return f"a list{f' of at least {self.least}' if self.least else ''}; each item takes {self.item.wants}"

    @property
    def schema(self) -> Schema:
        """The list as JSON Schema."""
        listed: Schema = {"type": "array", "items": self.item.schema}
        if self.least:
            listed["minItems"] = self.least
        return {"anyOf": [self.item.schema, listed]} if self.lone else listed

    def read(self, value: Any, place: Place) -> tuple[Any, ...]:
        """Return the values as a tuple."""
        __tracebackhide__ = True
        if self.lone and not isinstance(value, (list, tuple)):
            try:
                return (self.item.read(value, place),)
            except ScenarioError as error:
                raise ScenarioError(error.what, f"{error.hint}, or a list such as [2, 5]", place) from None
        if not isinstance(value, (list, tuple)) or len(value) < self.least:
            raise ScenarioError(f"{shown(value)} is not usable", f"It takes {self.wants}", place)
        return tuple(self.item.read(each, (*place, number)) for number, each in enumerate(value))

    def write(self, value: Sequence[Any]) -> Any:
        """Return the plain list."""
        if self.lone and len(value) == 1:
            return self.item.write(value[0])
        return [self.item.write(each) for each in value]


class Field(NamedTuple):
    """A key of a record: its shape, what it means, and the value when it is not there."""

    shape: Shape
    help: str
    default: Any = None
    attribute: str = ""
    """The name in the Python record, where it is not the key."""


class Record:
    """An object with known keys, which becomes a Python record made by `make`.

    Keys that are `needed` must be there. `check` is called with the record and may raise ScenarioError for values that
    do not go together.
    """

    def __init__(
        self,
        name: str,
        make: Callable[..., Any],
        fields: Mapping[str, Field],
        *,
        needed: Sequence[str] = (),
        check: Callable[[Any], None] | None = None,
        wants: str = "",
    ) -> None:
        self.name = name
        self.fields = fields
        self.wants = wants or f"an object with some of the keys {', '.join(fields)}"
        self._make = make
        self._needed = needed
        self._check = check

    @property
    def schema(self) -> Schema:
        """The record as JSON Schema."""
        properties = {key: {"description": field.help, **field.shape.schema} for key, field in self.fields.items()}
        needed: Schema = {"required": list(self._needed)} if self._needed else {}
        return {"type": "object", "additionalProperties": False, "properties": properties, **needed}

    def read(self, value: Any, place: Place) -> Any:
        """Return the Python record."""
        __tracebackhide__ = True
        if not isinstance(value, Mapping):
            raise ScenarioError(f"{shown(value)} is not usable", f"It takes {self.wants}", place)
        for key in value:
            if key not in self.fields:
                raise unknown_key(key, self.fields, place)
        for key in self._needed:
            if key not in value:
                raise ScenarioError(f"a {self.name} needs the key {key!r}", f"It is {self.fields[key].help}", place)
        given = {
            field.attribute or key: field.shape.read(value[key], (*place, key))
            for key, field in self.fields.items()
            if key in value
        }
        try:
            record = self._make(**given)
            if self._check is not None:
                self._check(record)
        except ScenarioError as error:
            raise error.at(place) from None
        return record

    def having(self, **fields: Field) -> Record:
        """Return the same record with other fields in the place of those that have these keys."""
        return Record(
            self.name, self._make, {**self.fields, **fields}, needed=self._needed, check=self._check, wants=self.wants
        )

    def write(self, value: Any) -> Any:
        """Return the plain object, without what is as by default."""
        plain = {}
        for key, field in self.fields.items():
            part = getattr(value, field.attribute or key)
            if part != field.default:
                plain[key] = field.shape.write(part)
        return plain


_MOST_COMPARED: Final = 200


def nearest(name: object, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known name that is most like the given one, whatever the case; None when none is like it.

    `likeness` is from 0 to 1, where 1 is the same.
    """
    from difflib import get_close_matches  # only a mistake pays for the import

    by_lower = {each.lower(): each for each in known}
    near = get_close_matches(str(name)[:_MOST_COMPARED].lower(), by_lower, n=1, cutoff=likeness)
    return by_lower[near[0]] if near else None


_OTHER_WORDS: Final = {"status": "http", "status_code": "http", "json": "body", "text": "body", "timeout": "delay"}
"""What people write who think of other mocks."""


def unknown_key(key: object, known: Iterable[str], place: Place) -> ScenarioError:
    """Return the error for a key that is not known, with the nearest one that is."""
    names = list(known)
    other = _OTHER_WORDS.get(str(key))
    near = other if other in names else nearest(key, names)
    rest = f"The keys here are: {', '.join(names)}" if names else "Nothing is taken here"
    hint = f"Did you mean {near!r}?" if near else rest
    return ScenarioError(f"there is no key {shown(key)} here", hint, (*place, str(key)))


# Plain values that many records have


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _one_job(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        raise ValueError(value)
    if isinstance(value, int) and value < 1:
        raise ValueError(value)
    return value


def whole(low: int, high: int, wants: str = "") -> Plain:
    """An integer from `low` to `high`."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(value)
        return value

    return Plain(
        wants or f"a whole number from {low:,} to {high:,}", read, {"type": "integer", "minimum": low, "maximum": high}
    )


def number(low: float, high: float, wants: str, *, above: bool = False) -> Plain:
    """A number from `low` (or above it) to `high`."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(value)
        if not low <= value <= high or (above and value == low):
            raise ValueError(value)
        return value

    return Plain(wants, read, {"type": "number", "exclusiveMinimum" if above else "minimum": low, "maximum": high})


def one_of(words: Iterable[str], wants: str = "") -> Plain:
    """One of a few words."""
    known = tuple(words)

    def read(value: Any) -> str:
        if value not in known:
            near = nearest(value, known)
            raise MockAkoolError(f"did you mean {near!r}?") if near else ValueError(value)
        return known[known.index(value)]

    return Plain(wants or f"one of {', '.join(known)}", read, {"enum": [str(word) for word in known]}, str)


TEXT: Final = Plain("a text", _text, {"type": "string"})
FLAG: Final = Plain("true or false", _flag, {"type": "boolean"})
ONE_JOB: Final = Plain("a number from 1, or an id", _one_job, {"type": ["integer", "string"]})
"""One job of an account: its n-th, or the one with this id."""
