"""The one validation system: settings, flags, variables, scenario files and bodies are all described by shapes.

A shape is a table from which everything is made: reading (`read`, which refuses what does not fit), writing (`write`,
the inverse), the texts of a command line or a query (`from_text`), the JSON Schema (`schema`), and the words of the
docs and of errors. A record or a list reports all mistakes in it at once, each with its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from mock_akool.core.errors import ENOUGH_MISTAKES, Mistake, Mistakes, MockAkoolError, Place, SettingsError

Schema = dict[str, Any]
"""A JSON Schema (2020-12)."""


class Shape(Protocol):
    """What a value may look like."""

    @property
    def wants(self) -> str:
        """What it takes, in words, such as `a whole number from 0 to 9`."""
        ...

    @property
    def schema(self) -> Schema:
        """The same as JSON Schema."""
        ...

    def read(self, value: Any, place: Place = ()) -> Any:
        """Return the real value of a plain one; raises SettingsError with all mistakes and their places.

        A value that is real already is returned as it is.
        """
        ...

    def write(self, value: Any) -> Any:
        """Return the plain value that is read as this real one."""
        ...

    def from_text(self, text: str) -> Any:
        """Return the plain value that a text on a command line, in a variable or a query stands for.

        A text that stands for none is returned as it is, and `read` refuses it.
        """
        ...


# Words of errors

_MOST_SHOWN: Final = 60
_MOST_COMPARED: Final = 200
_MOST_WORDS: Final = 8
_WORD: Final = re.compile(r"[^\W_]+")
_SHORTEST_PART: Final = 3
_LIKE: Final = 0.6
_ALMOST: Final = 0.85
"""How like a name must be as a whole, and how like it or one of its words is when it is almost the same."""
_MOST_KNOWN: Final = 500
"""To how many names at most a wrong one is compared: what a client sends may have any number."""


def shown(value: object) -> str:
    """Return a value as an error shows it, not too long."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"a very long {type(value).__name__}"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def nearest(name: object, known: Iterable[str], *, likeness: float | None = None) -> str | None:
    """Return the known name that is most like the given one, whatever the case; None when none is like it.

    Unless they are almost the same, a name that begins with the given one, or has it or nearly it as a word, is nearer
    than one that is like it as a whole. With a `likeness` from 0 to 1, where 1 is the same, only whole names count.
    """
    from difflib import SequenceMatcher, get_close_matches  # only a mistake pays for the import

    by_lower = {each.lower(): each for each in islice(known, _MOST_KNOWN)}
    wanted = str(name)[:_MOST_COMPARED].lower()
    close = get_close_matches(wanted, by_lower, n=1, cutoff=_LIKE if likeness is None else likeness)
    near = close[0] if close else None
    if likeness is None and (near is None or SequenceMatcher(None, near, wanted).ratio() < _ALMOST):
        near = _with_part(wanted, by_lower) or near
    return None if near is None else by_lower[near]


def _with_part(wanted: str, known: Iterable[str]) -> str | None:
    """Return the shortest name that begins with what is wanted, or else one that has it, or nearly it, as a word."""
    from difflib import get_close_matches

    if len(wanted) < _SHORTEST_PART:
        return None
    begun = [each for each in known if each.startswith(wanted)]
    if begun:
        return min(begun, key=len)
    names_of: dict[str, list[tuple[bool, int, str]]] = {}
    for each in known:
        for place, word in enumerate(_WORD.findall(each[:_MOST_COMPARED])[:_MOST_WORDS]):
            names_of.setdefault(word, []).append((place > 0, len(each), each))
    near = [wanted] if wanted in names_of else get_close_matches(wanted, names_of, n=1, cutoff=_ALMOST)
    if not near:
        return None
    _, _, name = min(names_of[near[0]])
    return name


def did_you_mean(name: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return the hint for an unknown name: the nearest known one, or what to say when none is near."""
    near = nearest(name, known)
    return f"did you mean {near!r}?" if near is not None else otherwise


_OTHER_WORDS: Final = {"status": "http", "status_code": "http", "json": "body", "text": "body", "timeout": "delay"}
"""What people write who are used to other mocks."""


_ALL_KEYS: Final = "the keys here are "
"""What a hint begins with that has nothing better to say than which keys there are."""


def _meant(key: object, known: Sequence[str]) -> str | None:
    other = _OTHER_WORDS.get(str(key))
    return other if other in known else nearest(key, known)


def unknown_key(key: object, known: Iterable[str], place: Place, what: str = "key") -> Mistake:
    """Return the mistake of an unknown key, setting or argument, with the nearest known one."""
    names = list(known)
    meant = _meant(key, names)
    all_of_them = f"the {what}s here are {', '.join(names)}" if names else "nothing is taken here"
    hint = all_of_them if meant is None else f"did you mean {meant!r}?"
    return Mistake(f"there is no such {what}", hint, (*place, str(key)))


# Shapes


def _as_it_is(value: Any) -> Any:
    return value


class Plain(NamedTuple):
    """A single value. `reading` returns the real value of a plain one or raises; `writing` is the inverse.

    `noun` is what it is, `use` gives examples or the possible values: they are the words of errors, as in
    `'x' is not {noun}; use {use}`. `texting` returns the plain value that a text stands for. `secret`: an error does
    not show the value.
    """

    noun: str
    reading: Callable[[Any], Any]
    schema: Schema
    writing: Callable[[Any], Any] = _as_it_is
    use: str = ""
    texting: Callable[[str], Any] = _as_it_is
    secret: bool = False

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        return f"{self.noun}, such as {self.use}" if self.use else self.noun

    def read(self, value: Any, place: Place = ()) -> Any:
        """Return the real value."""
        __tracebackhide__ = True
        try:
            return self.reading(value)
        except SettingsError as error:
            raise error.within(place) from None
        except MockAkoolError as error:
            raise SettingsError(error.message, error.hint, place) from None
        except (ValueError, TypeError, OverflowError):
            what = "the value" if self.secret else shown(value)
            raise SettingsError(f"{what} is not {self.noun}", self.use and f"use {self.use}", place) from None

    def write(self, value: Any) -> Any:
        """Return the plain value."""
        return self.writing(value)

    def from_text(self, text: str) -> Any:
        """Return the plain value that the text stands for."""
        return self.texting(text)


class Optional(NamedTuple):
    """A value of a shape, or none: None, or an empty text."""

    shape: Shape

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        return f"{self.shape.wants}; or nothing"

    @property
    def schema(self) -> Schema:
        """The same as JSON Schema."""
        return {"anyOf": [self.shape.schema, {"type": "null"}]}

    def read(self, value: Any, place: Place = ()) -> Any:
        """Return the real value, or None."""
        __tracebackhide__ = True
        return None if value is None or value == "" else self.shape.read(value, place)

    def write(self, value: Any) -> Any:
        """Return the plain value, or None."""
        return None if value is None else self.shape.write(value)

    def from_text(self, text: str) -> Any:
        """Return the plain value that the text stands for; None for an empty one."""
        return self.shape.from_text(text) if text else None


class Listed(NamedTuple):
    """A list of values of one shape, `least` to `most` of them; with `lone`, one value may stand without its list.

    `check` is called with the tuple and raises SettingsError for values that do not go together. In a text the values
    are separated by commas, or it is a JSON list.
    """

    item: Shape
    lone: bool = False
    least: int = 0
    check: Callable[[tuple[Any, ...]], None] | None = None
    most: int | None = None

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        if self.lone:
            return f"{self.item.wants}; or a list of such"
        return f"a list{f' of at least {self.least}' if self.least else ''}, each item {self.item.wants}"

    @property
    def schema(self) -> Schema:
        """The list as JSON Schema."""
        listed: Schema = {"type": "array", "items": self.item.schema}
        if self.least:
            listed["minItems"] = self.least
        if self.most is not None:
            listed["maxItems"] = self.most
        return {"anyOf": [self.item.schema, listed]} if self.lone else listed

    def read(self, value: Any, place: Place = ()) -> tuple[Any, ...]:
        """Return the values as a tuple."""
        __tracebackhide__ = True
        if not isinstance(value, (list, tuple)) or _is_record(value):
            if self.lone:
                return (self.item.read(value, place),)
            raise SettingsError(f"{shown(value)} is not a list", f"each item is {self.item.wants}", place)
        if len(value) < self.least:
            raise SettingsError("the list is empty", f"each item is {self.item.wants}", place)
        if self.most is not None and len(value) > self.most:
            raise SettingsError(f"the list has {len(value):,} items", f"give {self.most} at most", place)
        mistakes, values = Mistakes(), []
        for position, each in enumerate(value):
            # Who may leave the list out does not count its only item.
            there = place if self.lone and len(value) == 1 else (*place, position)
            values.append(mistakes.read(self.item, each, there))
            if mistakes.enough:
                break
        mistakes.raise_any()
        if self.check is not None:
            try:
                self.check(tuple(values))
            except SettingsError as error:
                raise error.within(place) from None
        return tuple(values)

    def write(self, value: Sequence[Any]) -> Any:
        """Return the plain list."""
        if self.lone and len(value) == 1:
            return self.item.write(value[0])
        return [self.item.write(each) for each in value]

    def from_text(self, text: str) -> Any:
        """Return the plain list that the text stands for."""
        if text.lstrip().startswith("["):
            return _from_json(text)
        return [self.item.from_text(each.strip()) for each in text.split(",") if each.strip()]


def _is_record(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _why_no_json(value: object) -> str:
    """Return why a text that looks like a list or an object of JSON is none; empty when it is, or looks otherwise."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return ""
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        return f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos + 1}"
    except RecursionError:
        return "it is nested too deeply"
    return ""


class Field(NamedTuple):
    """A key of a record, or a setting: its shape, what it means, and the value when it is not given.

    `attribute` is the name in the Python record, where it is not the key. `section` is the section of the
    specification that it belongs to, if any, and `mark` how sure the specification is of it.
    """

    shape: Shape
    help: str
    default: Any = None
    attribute: str = ""
    section: str = ""
    mark: str = ""


class Record:
    """An object with known keys, which becomes the Python record that `make` returns.

    Keys that are `needed` must be there, and exactly `one_of` those; a key of `beside` is taken only together with the
    one that stands there for it. `check` is called with the record and raises SettingsError for values that do not go
    together. Mistakes are raised as `error`. When `make` is a class, its instances are real values.
    """

    def __init__(
        self,
        name: str,
        make: Callable[..., Any],
        fields: Mapping[str, Field],
        *,
        needed: Sequence[str] = (),
        one_of: Sequence[str] = (),
        beside: Mapping[str, str] | None = None,
        check: Callable[[Any], None] | None = None,
        use: str = "",
        error: type[SettingsError] = SettingsError,
    ) -> None:
        self.name = name
        self.fields = fields
        self._make = make
        self._needed = needed
        self._one_of = one_of
        self._beside = beside or {}
        self._check = check
        self._use = use or f"the keys {', '.join(fields)}"
        self._error = error

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        return f"an object, with {self._use}"

    @property
    def schema(self) -> Schema:
        """The record as JSON Schema."""
        properties = {key: {"description": field.help, **field.shape.schema} for key, field in self.fields.items()}
        needed: Schema = {"required": list(self._needed)} if self._needed else {}
        one_of: Schema = {"oneOf": [{"required": [key]} for key in self._one_of]} if self._one_of else {}
        beside: Schema = {"dependentRequired": {key: [other] for key, other in self._beside.items()}}
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
            **needed,
            **one_of,
            **(beside if self._beside else {}),
        }

    def read(self, value: Any, place: Place = ()) -> Any:
        """Return the Python record."""
        __tracebackhide__ = True
        if not isinstance(value, Mapping):
            if isinstance(self._make, type) and isinstance(value, self._make):
                return value
            if why := _why_no_json(value):
                raise self._error(f"{shown(value)} is no JSON: {why}", f"use double quotes, and {self._use}", place)
            raise self._error(f"{shown(value)} is not {_a(self.name)}", f"use an object with {self._use}", place)
        mistakes = Mistakes()
        mistakes.found += (self._unknown(key, place) for key in self._unknown_keys(value))
        if self._needed or self._one_of or self._beside:
            self._check_keys(value, mistakes, place)
        given = {}
        for key, field in self.fields.items():
            if key in value:
                before = len(mistakes.found)
                given[field.attribute or key] = mistakes.read(field.shape, value[key], (*place, key))
                mistakes.found[before:] = (self._belonging_here(each, key, place) for each in mistakes.found[before:])
        mistakes.raise_any(self._error)
        try:
            record = self._make(**given)
            if self._check is not None:
                self._check(record)
        except SettingsError as error:
            raise self._error.of(error.within(place).mistakes) from None
        return record

    def meant_in(self, value: Mapping[Any, Any]) -> set[str]:
        """Return the keys that an object has, and those that are meant by what it has and this record does not know."""
        unknown = self._unknown_keys(value)
        meant = {each for key in unknown for each in (_meant(key, list(self.fields)), *self._parts_with(key)) if each}
        return meant.union(key for key in self.fields if key in value)

    def _unknown_keys(self, value: Mapping[Any, Any]) -> list[Any]:
        return list(islice((key for key in value if key not in self.fields), ENOUGH_MISTAKES))

    def _check_keys(self, value: Mapping[Any, Any], mistakes: Mistakes, place: Place) -> None:
        """Note a mistake for each key that is missing, or that an object may not have beside what it has."""
        name, meant = _a(self.name), self.meant_in(value)
        for key in self._needed:
            if key not in meant:
                mistakes.add(f"{name} needs the key {key!r}", f"it is {self.fields[key].help}", place)
        for key, other in self._beside.items():
            if key in value and other not in meant:
                hint = f"give {other!r}, {self.fields[other].shape.wants}"
                mistakes.add(f"it is taken only beside {other!r}", hint, (*place, key))
        if sum(key in value for key in self._one_of) > 1:
            mistakes.add(f"{name} takes only one of the keys {', '.join(map(repr, self._one_of))}", "", place)
        elif self._one_of and meant.isdisjoint(self._one_of):
            hint = "; ".join(f"{key!r} is {self.fields[key].shape.wants}" for key in self._one_of)
            mistakes.add(f"{name} needs one of the keys {', '.join(map(repr, self._one_of))}", hint, place)

    def _unknown(self, key: object, place: Place) -> Mistake:
        """Return the mistake of a key that this object does not have, with where it belongs if a part of it does."""
        parts = [
            f"an item of {name!r}" if isinstance(self.fields[name].shape, Listed) else repr(name)
            for name in self._parts_with(key)
        ]
        if not parts:
            return unknown_key(key, self.fields, place)
        return Mistake("there is no such key", f"it belongs in {' or '.join(parts)}", (*place, str(key)))

    def _belonging_here(self, mistake: Mistake, key: str, place: Place) -> Mistake:
        """Return a mistake; if the object at `key` does not know a key that this object has, with that as the hint."""
        *above, name = mistake.place or ("",)
        is_of_part = [step for step in above[len(place) :] if isinstance(step, str)] == [key]
        if is_of_part and mistake.hint.startswith(_ALL_KEYS) and name in self.fields:
            return mistake._replace(hint=f"it belongs beside {key!r}")
        return mistake

    def _parts_with(self, key: object) -> list[str]:
        """Return the keys of this object whose values, or items of them, are objects that have such a key."""
        shapes = ((name, field.shape) for name, field in self.fields.items())
        inner = ((name, shape.item if isinstance(shape, Listed) else shape) for name, shape in shapes)
        return [name for name, shape in inner if isinstance(shape, Record) and key in shape.fields]

    def write(self, value: Any) -> Any:
        """Return the plain object, without what is as by default."""
        plain = {}
        for key, field in self.fields.items():
            part = getattr(value, field.attribute or key)
            if part != field.default:
                plain[key] = field.shape.write(part)
        return plain

    def from_text(self, text: str) -> Any:
        """Return the object of a JSON text."""
        return _from_json(text)

    def having(self, **fields: Field) -> Record:
        """Return the same record with other fields in the place of those that have these keys."""
        return Record(
            self.name,
            self._make,
            {**self.fields, **fields},
            needed=self._needed,
            one_of=self._one_of,
            beside=self._beside,
            check=self._check,
            use=self._use,
            error=self._error,
        )


# Single values that many records have


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _read_name(value: Any) -> str:
    if not _read_text(value):
        raise SettingsError("it is empty", "write a text")
    return str(value)


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


_FLAG_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0", ""), False),
}


def _flag_from_text(text: str) -> Any:
    return _FLAG_WORDS.get(text.strip().lower(), text)


_MOST_DIGITS: Final = 40
_INTEGER: Final = re.compile(rf"\s*[-+]?\d{{1,{_MOST_DIGITS}}}\s*", re.ASCII)


def number_from_text(text: str) -> Any:
    """Return an integer where the text is one, else a float, else the text."""
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        return float(text) if len(text) <= _MOST_DIGITS else text
    except ValueError:
        return text


def _read_job(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        raise ValueError(value)
    if isinstance(value, int) and value < 1:
        raise ValueError(value)
    return value


def whole(low: int, high: int, noun: str = "", use: str = "") -> Plain:
    """An integer from `low` to `high`."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(value)
        return value

    schema: Schema = {"type": "integer", "minimum": low, "maximum": high}
    noun = noun or f"a whole number from {low:,} to {high:,}"
    return Plain(noun, read, schema, use=use, texting=number_from_text)


def number(low: float, high: float, noun: str, *, above: bool = False) -> Plain:
    """A number from `low` (or above it) to `high`."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(value)
        if not low <= value <= high or (above and value == low):
            raise ValueError(value)
        return value

    schema: Schema = {"type": "number", "exclusiveMinimum" if above else "minimum": low, "maximum": high}
    return Plain(noun, read, schema, texting=number_from_text)


def choice(words: Mapping[str, Any], noun: str = "") -> Plain:
    """One of a few words, each of which stands for a real value."""
    listed = list(words)
    use = f"use {_either(listed)}" if noun else ""
    noun = noun or _either(listed)
    word_of = {real: word for word, real in words.items()}

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in words:
            raise SettingsError(f"{shown(value)} is not {noun}", did_you_mean(value, listed, use))
        return words[value]

    return Plain(noun, read, {"enum": listed}, lambda real: word_of[real])


def one_of(words: Iterable[str], noun: str = "") -> Plain:
    """One of a few words, which stand for themselves."""
    return choice({str(word): word for word in words}, noun)


def _either(words: Sequence[str]) -> str:
    """Write words as `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


TEXT: Final = Plain("a text", _read_text, {"type": "string"})
NAME: Final = Plain("a text", _read_name, {"type": "string", "minLength": 1})
FLAG: Final = Plain("true or false", _read_flag, {"type": "boolean"}, texting=_flag_from_text)
ONE_JOB: Final = Plain("a number from 1, or an id", _read_job, {"type": ["integer", "string"]})
"""One job of an account: its n-th, or the one with this id."""
