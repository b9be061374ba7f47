"""Frozen records as plain data that JSON can hold, and back, by nothing but the annotations of their fields.

A record is a NamedTuple or a dataclass. Reading makes no other classes than those that annotations name, and checks
each value, so what somebody hands in can neither run code nor make a record that could not be. What is not as it should
be raises UnreadableError with the mistakes and their places: all of a record, and the first few of a list or a mapping.

This reads and writes beside the shapes of `core.schema`: a state of 100,000 jobs in under a second, where they take
several times as long. The words of its errors are theirs.

    field of type       plain
    record              an object; fields that have their defaults are left out
    bytes               a text when they are UTF-8, else a list with the base64 of them
    Decimal             a text
    enumeration         its value
    tuple, list, set    a list
    mapping             an object when its keys are texts, else a list of pairs
    Any                 JSON; what JSON does not have is an object whose key begins with `$`
    union               as its members; where these would look alike, an object with `$is` and `value`

Records that stand in a list may also be a block there, which is shorter and many times as fast: an object with `$rows`,
which is how many records it stands for, and for each field a list of that many values, or the value that all of them
have, unless that is a list or an object.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, field, fields, is_dataclass, make_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, partial
from itertools import islice, repeat
from operator import attrgetter, is_
from types import NoneType, TracebackType, UnionType
from typing import Any, Final, NamedTuple, Protocol, Self, Union, get_args, get_origin, get_type_hints

from mock_akool.core.draining import drain
from mock_akool.core.errors import ENOUGH_MISTAKES, Mistake, MockAkoolError, SettingsError
from mock_akool.core.schema import did_you_mean, nearest, shown, unknown_key

_SLICE: Final = 200
"""How many items are made JSON at once, as the encoder lets no other thread run meanwhile; a block has no more."""
_RECORDS: Final = 16
"""How many of those that consist of others. So many records are no block yet: people can read them as they are."""
_SLICE_CHARACTERS: Final = 20_000
"""How long texts may be together that are made JSON at once."""
_FEW: Final = 10
"""How many wrong items of a list or a mapping are named: what is wrong with one row of a table is so with many."""
_ROWS: Final = "$rows"
to_json: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""Escapes what is not ASCII, so that lone surrogates survive."""

_NULL, _FLAG, _NUMBER, _TEXT, _LIST, _OBJECT = "null", "boolean", "number", "text", "list", "object"
_ALL: Final = frozenset({_NULL, _FLAG, _NUMBER, _TEXT, _LIST, _OBJECT})


class _Scalar(NamedTuple):
    """What a single value is in JSON, how an error calls it, and of which classes it may be."""

    kind: str
    wants: str
    classes: tuple[type, ...]


_SCALARS: Final[Mapping[Any, _Scalar]] = {
    NoneType: _Scalar(_NULL, "null", (NoneType,)),
    bool: _Scalar(_FLAG, "true or false", (bool,)),
    int: _Scalar(_NUMBER, "a whole number", (int,)),
    float: _Scalar(_NUMBER, "a number", (float, int)),
    str: _Scalar(_TEXT, "a text", (str,)),
}
_SEQUENCES: Final = (tuple, list, set, frozenset, deque)


class UnreadableError(SettingsError):
    """A plain value is not the one of a record. It has no mistakes when they are those of a table that is named."""

    def __init__(self, wants: str, value: object = None, *, why: str = "", hint: str = "") -> None:
        super().__init__(why or f"{shown(value)} is not {wants}", hint)


Write = Callable[[Any], Any]
Read = Callable[[Any], Any]


class Blocks(Protocol):
    """Writes and reads many records at once."""

    def columns(self, records: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """Yield what stands in the block of these records, which are of one class, beside `$rows`."""
        ...

    def read(self, plain: dict[str, Any], at: int) -> list[Any]:
        """Return the records of a block that has `at` records before it; raises UnreadableError."""
        ...


class Coder(NamedTuple):
    """How values of a type are written and read. `kinds` are those of JSON that it writes.

    `write` is None where the value is plain as it is. `classes` are those of the values, to tell members of a union.
    `items`, `entries` and `parts` are the coders of what a list, an object of any keys, or a record consists of.
    """

    wants: str
    kinds: frozenset[str]
    classes: tuple[type, ...]
    read: Read
    write: Write | None = None
    items: Coder | None = None
    entries: Coder | None = None
    parts: Mapping[str, Coder] | None = None
    names: Callable[[Any], list[str]] | None = None
    """Of a record: which of its fields are written."""
    as_it_is: frozenset[type] = frozenset()
    """The classes of plain values that `read` returns as they are."""
    write_all: Callable[[Sequence[Any]], list[Any]] | None = None
    """Writes many values; None where nothing is faster than to write each."""
    read_all: Callable[[list[Any]], list[Any]] | None = None
    """Reads many values; None where nothing is faster than to read each."""
    blocks: Blocks | None = None
    """Of a record: how many of them are written and read at once."""


class PlainRecords:
    """Writes and reads records, for one document, in a `with` block, after which it keeps nothing of that.

    It is not for several threads.

    `variants` are the classes that may stand for a protocol, by the names by which they are known. `left_out` are
    fields that are never written and always have their defaults. Records of the `shared` classes are written once, into
    a table, and stand elsewhere as their number in it: `tables_json` after writing, `read_tables` before reading. Equal
    ones become one, but for the `single` classes, of which each object stays itself.
    """

    def __init__(
        self,
        *,
        variants: Mapping[type, Mapping[str, type]] | None = None,
        left_out: Mapping[type, Collection[str]] | None = None,
        shared: Sequence[type] = (),
        single: Sequence[type] = (),
    ) -> None:
        self._variants = variants or {}
        self._left_out = left_out or {}
        self._shared = {kind.__name__: kind for kind in (*shared, *single)}
        self._single = frozenset(single)
        self._coders: dict[Any, Coder] = {}
        self._made: dict[str, list[Any]] = {name: [] for name in self._shared}
        """What stands in each table, written or read."""
        self._alive: list[Any] = []
        """What was written into tables: its identity must stay its own."""
        self._numbers: list[dict[Any, Any]] = []
        """What tells where it stands in its table."""
        self._wrong: set[str] = set()
        """The tables that could not be read, so that a number in one of them is no mistake of its own."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Coders know this and each other, so what it keeps would stay until the garbage collector comes: as much as a
        # whole state.
        self._made.clear()
        self._alive.clear()
        drain(self._numbers)

    def coder(self, annotation: Any) -> Coder:
        """Return how values of a type are written and read; TypeError for one that no rule fits."""
        known = self._coders.get(annotation)
        if known is None:
            known = self._coders[annotation] = self._coder_of(annotation)
        return known

    def write(self, annotation: Any, value: Any) -> Any:
        """Return a value of a type as plain data."""
        write = self.coder(annotation).write
        return value if write is None else write(value)

    def read(self, annotation: Any, plain: Any) -> Any:
        """Return the value of a type that plain data stands for; raises UnreadableError."""
        return self.coder(annotation).read(plain)

    def json(self, annotation: Any, value: Any) -> Iterator[str]:
        """Yield the JSON of a value, ASCII only, in pieces that are small: each begins a line or goes on with one.

        Other threads may run between two pieces.
        """
        return self._json(self.coder(annotation), value)

    def tables_json(self) -> Iterator[str]:
        """Yield the JSON of the tables of all that was written, in pieces as `json` does."""
        # To write a record may add others to tables of classes that were named before its own, as these are read first.
        begin = "{"
        for name, kind in reversed(self._shared.items()):
            yield f'{begin}\n"{name}":'
            yield from self._items_json(self._row(kind), self._made[name])
            begin = ","
        yield "}" if self._shared else "{}"

    def read_tables(self, plain: Any) -> None:
        """Take the tables of a document that is read next; raises UnreadableError."""
        if type(plain) is not dict:
            self._wrong.update(self._shared)
            raise UnreadableError("an object of lists", plain)
        mistakes, meant = _unknown_names(plain, self._shared, "table")
        self._wrong |= meant
        for name, kind in self._shared.items():
            try:
                self._made[name] = _read_items(plain.get(name, []), self._row(kind), list)
            except UnreadableError as error:
                mistakes += error.within((name,)).mistakes
                self._wrong.add(name)
        if mistakes:
            raise UnreadableError.of(mistakes)

    # JSON in pieces

    def _json(self, coder: Coder, value: Any) -> Iterator[str]:
        if coder.parts is not None and coder.names is not None:
            names, begin = coder.names(value), "{"
            for name in names:
                yield f'{begin}"{name}":'
                yield from self._json(coder.parts[name], getattr(value, name))
                begin = ",\n"
            yield "}" if names else "{}"
        elif coder.items is not None:
            yield from self._items_json(coder.items, value)
        elif coder.entries is not None:
            write = coder.entries.write or _as_it_is
            found, between = iter(value.items()), "{\n"
            while some := list(islice(found, _SLICE)):
                yield between + to_json({key: write(each) for key, each in some})[1:-1]
                between = ",\n"
            yield "}" if value else "{}"
        else:
            yield to_json(value if coder.write is None else coder.write(value))

    @staticmethod
    def _items_json(coder: Coder, values: Any) -> Iterator[str]:
        found, between, blocks = iter(values), "[\n", coder.blocks
        while some := list(islice(found, _SLICE)):
            if blocks is None or len(some) <= _RECORDS or len(set(map(type, some))) > 1:
                for piece in _slices(_write_all(coder, some)):
                    yield between + piece
                    between = ",\n"
                continue
            yield f'{between}{{"{_ROWS}":{len(some)}'
            for name, column in blocks.columns(some):
                if type(column) in _MANY:
                    between = f',\n"{name}":['
                    for piece in _slices(column):
                        yield between + piece
                        between = ","
                    yield "]"
                else:
                    yield f',\n"{name}":{to_json(column)}'
            yield "}"
            between = ",\n"
        yield "]" if between == ",\n" else "[]"

    # Coders by type

    def _coder_of(self, annotation: Any) -> Coder:
        if annotation in _SCALARS:
            return _scalar([annotation])
        if annotation in (Any, object):
            return Coder("JSON", _ALL, (object,), _read_any, _write_any)
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, UnionType):
            return self._union(arguments)
        if origin is tuple and arguments[-1] is not Ellipsis:
            return self._pair(arguments)
        if origin in _SEQUENCES:
            return self._sequence(origin, arguments[0])
        if origin in (Sequence, Iterable):
            return self._sequence(list, arguments[0])
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(*arguments)
        if isinstance(annotation, type):
            return self._coder_of_class(annotation)
        raise TypeError(f"no rule says how {annotation} is written")

    def _coder_of_class(self, kind: type) -> Coder:
        if issubclass(kind, bytes):
            return _BYTES
        if kind is Decimal:
            return Coder("a number as text", frozenset({_TEXT}), (Decimal,), _read_decimal, str)
        if issubclass(kind, Enum):
            return _enumeration(kind)
        if self._shared.get(kind.__name__) is kind:
            return self._reference(kind)
        if kind in self._variants:
            return self._row(kind)
        if is_record(kind):
            return self._record(kind)
        raise TypeError(f"no rule says how {kind.__qualname__} is written")

    def _union(self, members: tuple[Any, ...]) -> Coder:
        if all(each in _SCALARS for each in members):
            return _scalar(members)
        coders = [self.coder(each) for each in members]
        kinds = frozenset[str]().union(*(each.kinds for each in coders))
        if sum(len(each.kinds) for each in coders) == len(kinds):
            by_kind = {kind: each.read for each in coders for kind in each.kinds}
            return self._plain_union(coders, kinds, by_kind)
        names = [getattr(each, "__name__", str(each)) for each in members]
        return self._named_union(dict(zip(names, coders, strict=True)))

    @staticmethod
    def _plain_union(coders: list[Coder], kinds: frozenset[str], by_kind: Mapping[str, Read]) -> Coder:
        wants = " or ".join(each.wants for each in coders)
        writers = [(each.classes, each.write) for each in coders]
        exact = {kind: each.write for each in reversed(coders) for kind in each.classes}

        def write(value: Any) -> Any:
            try:
                writing = exact[type(value)]
            except KeyError:
                return write_other(value)
            return value if writing is None else writing(value)

        def write_other(value: Any) -> Any:
            for classes, writing in writers:
                if isinstance(value, classes):
                    return value if writing is None else writing(value)
            raise TypeError(f"{type(value).__name__} is not {wants}")

        def read(plain: Any) -> Any:
            found = by_kind.get(_KINDS.get(type(plain), ""))
            if found is None:
                raise UnreadableError(wants, plain)
            return found(plain)

        classes = tuple(kind for each in coders for kind in each.classes)
        as_it_is = frozenset[type]().union(*(each.as_it_is for each in coders))
        return Coder(wants, kinds, classes, read, write, as_it_is=as_it_is)

    @staticmethod
    def _named_union(coders: Mapping[str, Coder]) -> Coder:
        wants = "an object with $is and value"

        def write(value: Any) -> Any:
            for name, each in coders.items():
                if isinstance(value, each.classes) and not (isinstance(value, bool) and bool not in each.classes):
                    return {"$is": name, "value": value if each.write is None else each.write(value)}
            raise TypeError(f"{type(value).__name__} is none of {', '.join(coders)}")

        def read(plain: Any) -> Any:
            if type(plain) is not dict or plain.keys() != {"$is", "value"}:
                raise UnreadableError(wants, plain)
            found = coders.get(plain["$is"]) if type(plain["$is"]) is str else None
            if found is None:
                raise _no_such(plain["$is"], coders).within(("$is",))
            return found.read(plain["value"])

        classes = tuple(kind for each in coders.values() for kind in each.classes)
        return Coder(wants, frozenset({_OBJECT}), classes, read, write)

    def _pair(self, members: tuple[Any, ...]) -> Coder:
        coders = [self.coder(each) for each in members]
        wants = f"a list of {len(coders)}"
        writers = [each.write or _as_it_is for each in coders]
        readers = [each.read for each in coders]

        def write(value: Any) -> Any:
            return [writing(each) for writing, each in zip(writers, value, strict=True)]

        def read(plain: Any) -> Any:
            if type(plain) is not list or len(plain) != len(readers):
                raise UnreadableError(wants, plain)
            found, errors = [], []
            for number, (reading, each) in enumerate(zip(readers, plain, strict=True)):
                try:
                    found.append(reading(each))
                except UnreadableError as error:
                    errors.append(error.within((number,)))
            if errors:
                raise UnreadableError.of(each for error in errors for each in error.mistakes)
            return tuple(found)

        return Coder(wants, frozenset({_LIST}), (tuple,), read, write)

    def _sequence(self, kind: type, of: Any) -> Coder:
        item = self.coder(of)
        write_item = item.write

        def write(value: Any) -> Any:
            return list(value) if write_item is None else [write_item(each) for each in value]

        def read(plain: Any) -> Any:
            return _read_items(plain, item, kind)

        return Coder("a list", frozenset({_LIST}), (kind, tuple), read, write, items=item)

    def _mapping(self, key: Any, of: Any) -> Coder:
        item = self.coder(of)
        write_item, read_item = item.write, item.read
        if key is not str:
            pairs = self._sequence(list, tuple[key, of])

            def write_pairs(value: Any) -> Any:
                return [] if pairs.write is None else pairs.write(value.items())

            return Coder(
                "a list of pairs", frozenset({_LIST}), (Mapping,), lambda plain: dict(pairs.read(plain)), write_pairs
            )

        def write(value: Any) -> Any:
            return dict(value) if write_item is None else {name: write_item(each) for name, each in value.items()}

        def read(plain: Any) -> Any:
            if type(plain) is not dict:
                raise UnreadableError("an object", plain)
            try:
                return {name: read_item(plain[name]) for name in plain}
            except UnreadableError:
                raise _first_few(plain.items(), read_item) from None

        return Coder("an object", frozenset({_OBJECT}), (Mapping,), read, write, entries=item)

    def _variant(self, kind: type) -> Coder:
        key = "variant", kind
        known = self._coders.get(key)
        if known is not None:
            return known
        by_name = self._variants[kind]
        coders = {name: self._record(each) for name, each in by_name.items()}
        writers = {each: (name, coders[name].write or _as_it_is) for name, each in by_name.items()}

        def write(value: Any) -> Any:
            name, writing = writers[type(value)]
            return {"$is": name, **writing(value)}

        def read(plain: Any) -> Any:
            if type(plain) is not dict:
                raise UnreadableError("an object", plain)
            name = plain.get("$is")
            found = coders.get(name) if type(name) is str else None
            if found is None:
                raise _no_such(name, coders).within(("$is",))
            rest = plain.copy()
            del rest["$is"]
            return found.read(rest)

        blocks = {name: each.blocks for name, each in coders.items() if each.blocks is not None}
        all_blocks = _VariantBlocks(by_name, blocks, read) if len(blocks) == len(coders) else None
        coder = Coder("an object", frozenset({_OBJECT}), tuple(by_name.values()), read, write, blocks=all_blocks)
        self._coders[key] = coder
        return coder

    def _row(self, kind: type) -> Coder:
        """Return how a record is written that is not left to a table."""
        return self._variant(kind) if kind in self._variants else self._record(kind)

    def _reference(self, kind: type) -> Coder:
        wants = f"a number in {kind.__name__} of the tables"
        write, write_all = self._numberer(kind)
        read, read_all = self._finder(kind, wants)
        classes = self._row(kind).classes
        return Coder(wants, frozenset({_NUMBER}), classes, read, write, write_all=write_all, read_all=read_all)

    def _numberer(self, kind: type) -> tuple[Write, Callable[[Sequence[Any]], list[Any]]]:
        """Return what puts a record into the table of its class and returns its number there, and that for many."""
        numbers, values = dict[int, int](), dict[Any, int]()
        table, alive, name, is_single = self._made, self._alive, kind.__name__, kind in self._single
        self._numbers += (numbers, values)

        def number_of_equal(value: Any) -> int | None:
            if is_single:
                return None
            try:
                return values.setdefault(value, len(table[name]))
            except TypeError:  # it holds a mapping, so that it has no hash
                return None

        def write(value: Any) -> int:
            number = numbers.get(id(value))
            if number is not None:
                return number
            rows = table[name]
            number = number_of_equal(value)
            if number is None or number == len(rows):
                number = len(rows)
                rows.append(value)
            else:
                alive.append(value)
            numbers[id(value)] = number
            return number

        def write_all(values: Sequence[Any]) -> list[Any]:
            known = list(map(numbers.get, map(id, values)))
            return list(map(write, values)) if None in known else known

        return write, write_all

    def _finder(self, kind: type, wants: str) -> tuple[Read, Callable[[list[Any]], list[Any]]]:
        """Return what returns the record of a number in the table of its class, and that for many."""
        table, name, wrong = self._made, kind.__name__, self._wrong

        def read(plain: Any) -> Any:
            made = table[name]
            if type(plain) is not int or not 0 <= plain < len(made):
                raise UnreadableError.of(()) if name in wrong and type(plain) is int else UnreadableError(wants, plain)
            return made[plain]

        def read_all(plain: list[Any]) -> list[Any]:
            made = table[name]
            if set(map(type, plain)) == {int} and min(plain) >= 0 and max(plain) < len(made):
                return list(map(made.__getitem__, plain))
            return list(map(read, plain))

        return read, read_all

    def _record(self, kind: type) -> Coder:
        key = "record", kind
        known = self._coders.get(key)
        if known is not None:
            return known
        left_out = frozenset(self._left_out.get(kind, ()))
        defaults = _defaults_of(kind)
        parts = {name: self.coder(each) for name, each in _hints_of(kind).items() if name not in left_out}
        writer = _RecordWriter(parts, defaults)
        reader = _RecordReader(kind, parts, defaults)
        coder = Coder(
            "an object",
            frozenset({_OBJECT}),
            (kind,),
            reader,
            writer,
            parts=parts,
            names=writer.names,
            blocks=_RecordBlocks(writer, reader) if parts else None,
        )
        self._coders[key] = coder
        return coder


class _RecordWriter:
    """Writes the records of a class."""

    def __init__(self, parts: Mapping[str, Coder], defaults: Mapping[str, Any]) -> None:
        self._parts = parts
        self._names = tuple(parts)
        self._usual = tuple(defaults.get(name, MISSING) for name in parts)
        self._values: Callable[[Any], Any] = attrgetter(*parts) if len(parts) > 1 else self._few
        self._writers = [(name, each.write) for name, each in parts.items() if each.write is not None]

    def _few(self, value: Any) -> tuple[Any, ...]:
        return tuple(getattr(value, name) for name in self._names)

    def names(self, value: Any) -> list[str]:
        """Return the names of the fields that are not left out."""
        found = zip(self._names, self._usual, self._values(value), strict=True)
        return [name for name, usual, each in found if each is not usual]

    def __call__(self, value: Any) -> dict[str, Any]:
        found = zip(self._names, self._usual, self._values(value))  # noqa: B905 - they are, and it costs a fifth
        plain = {name: each for name, usual, each in found if each is not usual}
        for name, write in self._writers:
            if name in plain:
                plain[name] = write(plain[name])
        return plain

    def columns(self, records: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """Yield the fields that are not left out of all of these records, and what a block has for each."""
        found = zip(*map(self._values, records), strict=True)
        for (name, part), usual, values in zip(self._parts.items(), self._usual, found, strict=True):
            if not all(map(is_, values, repeat(usual))):
                yield name, _column(part, values)


class _RecordReader:
    """Reads the records of a class."""

    def __init__(self, kind: type, parts: Mapping[str, Coder], defaults: Mapping[str, Any]) -> None:
        self._make = _maker(kind)
        self._make_all = _maker_of_many(kind, parts, defaults)
        self._parts = parts
        self._readers = {name: (each.as_it_is, each.read) for name, each in parts.items()}
        self._needed = frozenset(parts) - defaults.keys()

    def __call__(self, plain: Any) -> Any:
        if type(plain) is not dict:
            raise UnreadableError("an object", plain)
        readers, values = self._readers, plain.copy()
        name, given = "", iter(plain.items())
        try:
            for name, each in given:
                as_it_is, read = readers[name]
                if type(each) not in as_it_is:
                    values[name] = read(each)
        except UnreadableError as error:
            raise self._refusal(plain, error.within((name,)).mistakes, given) from None
        except KeyError:
            raise self._refusal(plain, (), given) from None
        if not values.keys() >= self._needed:
            raise self._refusal(plain)
        try:
            return self._make(**values)
        except MockAkoolError as error:
            raise UnreadableError("", why=str(error)) from None

    def _refusal(
        self, plain: dict[str, Any], mistakes: Iterable[Mistake] = (), rest: Iterable[tuple[str, Any]] = ()
    ) -> UnreadableError:
        """Return the error with all mistakes in a record, of which `rest` was not read yet."""
        found = [*self.mistakes_of_names(plain), *mistakes]
        for name, each in rest:
            if name in self._parts:
                try:
                    self._parts[name].read(each)
                except UnreadableError as error:
                    found += error.within((name,)).mistakes
        return UnreadableError.of(found[:ENOUGH_MISTAKES])

    def mistakes_of_names(self, given: Mapping[str, Any]) -> list[Mistake]:
        """Return a mistake for each name that is no field, with the nearest one, and for each field that is missing."""
        mistakes, meant = _unknown_names(given, self._parts, "field")
        missing = [name for name in self._parts if name in self._needed and name not in given and name not in meant]
        return mistakes + [Mistake("the field is missing", "", (name,)) for name in missing]

    def all(self, count: int, columns: Mapping[str, Any]) -> list[Any]:
        """Return the records of a block; raises MockAkoolError, perhaps without the name of what is wrong."""
        parts, found = self._parts, dict[str, list[Any]]()
        for name, column in columns.items():
            part = parts.get(name)
            if part is None:
                raise UnreadableError("a field", name)
            found[name] = _read_all(part, column) if type(column) is list else [part.read(column)] * count
        if not found.keys() >= self._needed:
            raise UnreadableError("all that is needed", columns)
        return self._make_all(count, found)


class _RecordBlocks:
    """Many records of a class at once, see Blocks."""

    def __init__(self, writer: _RecordWriter, reader: _RecordReader) -> None:
        self.columns = writer.columns
        self._reader = reader

    def read(self, plain: dict[str, Any], at: int) -> list[Any]:
        count = plain[_ROWS]
        if type(count) is not int or not 1 <= count <= _SLICE:
            raise UnreadableError(f"a number from 1 to {_SLICE}", count).within((at, _ROWS))
        columns = plain.copy()
        del columns[_ROWS]
        try:
            if all(type(column) is not list or len(column) == count for column in columns.values()):
                return self._reader.all(count, columns)
        except MockAkoolError:  # the errors of rows say where
            pass
        mistakes = self._reader.mistakes_of_names(columns) + [
            Mistake(f"{shown(column)} is not a list of {count}", "", (name,))
            for name, column in columns.items()
            if type(column) is list and len(column) != count
        ]
        if mistakes:
            raise UnreadableError.of(mistakes).within((at,))
        rows = (
            {name: column[row] if type(column) is list else column for name, column in columns.items()}
            for row in range(count)
        )
        raise _first_few(enumerate(rows, at), self._reader)


class _VariantBlocks:
    """Many records of one of several classes at once, see Blocks."""

    def __init__(self, by_name: Mapping[str, type], blocks: Mapping[str, Blocks], read: Read) -> None:
        self._names = {kind: name for name, kind in by_name.items()}
        self._blocks = blocks
        self._read = read

    def columns(self, records: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        name = self._names[type(records[0])]
        yield "$is", name
        yield from self._blocks[name].columns(records)

    def read(self, plain: dict[str, Any], at: int) -> list[Any]:
        name = plain.get("$is")
        found = self._blocks.get(name) if type(name) is str else None
        if found is None:
            return [_read_within(at, plain, self._read)]  # says what it may be
        columns = plain.copy()
        del columns["$is"]
        return found.read(columns, at)


def _maker(kind: type) -> Callable[..., Any]:
    """Return what makes a record of a class, given the values of its fields by name."""
    draft = _draft_of(kind)
    if draft is None:
        return kind

    def make(**values: Any) -> Any:
        made: Any = draft(**values)
        made.__class__ = kind
        return made

    return make


def _maker_of_many(
    kind: type, parts: Mapping[str, Coder], defaults: Mapping[str, Any]
) -> Callable[[int, Mapping[str, list[Any]]], list[Any]]:
    """Return what makes so many records of a class, given the values of their fields, a list for each."""
    draft = _draft_of(kind)
    names = tuple(parts) if draft is None and kind.__bases__ != (tuple,) else tuple(_hints_of(kind))

    def values_of(count: int, columns: Mapping[str, list[Any]]) -> list[Iterable[Any]]:
        return [columns[name] if name in columns else repeat(defaults[name], count) for name in names]

    def make_tuples(count: int, columns: Mapping[str, list[Any]]) -> list[Any]:
        return list(map(partial(tuple.__new__, kind), zip(*values_of(count, columns), strict=True)))

    def make_drafts(count: int, columns: Mapping[str, list[Any]]) -> list[Any]:
        made: list[Any] = list(map(draft or kind, *values_of(count, columns)))
        for each in made:
            each.__class__ = kind
        return made

    def make_others(count: int, columns: Mapping[str, list[Any]]) -> list[Any]:
        rows = zip(*values_of(count, columns), strict=True)
        return [kind(**dict(zip(names, values, strict=True))) for values in rows]

    return make_drafts if draft is not None else make_tuples if kind.__bases__ == (tuple,) else make_others


@cache
def _draft_of(kind: type) -> type | None:
    """Return a class whose records may become those of another one, where that is a faster way to make them."""
    if not is_dataclass(kind) or "__slots__" not in kind.__dict__ or hasattr(kind, "__post_init__"):
        return None
    # A frozen record sets each of its fields by a long way round, so that making one takes five times as long as in a
    # class that is not frozen. One that has the same slots may become the other.
    its_fields = [(each.name, Any, field(default=each.default)) for each in fields(kind)]
    return make_dataclass(kind.__name__, its_fields, eq=False, slots=True)


def is_record(kind: type) -> bool:
    """Return whether a class is one of records: a NamedTuple or a dataclass."""
    return is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


@cache
def _hints_of(kind: type) -> dict[str, Any]:
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else kind._fields  # type: ignore[attr-defined]
    hints = get_type_hints(kind)
    return {name: hints[name] for name in names}


def _defaults_of(kind: type) -> Mapping[str, Any]:
    if is_dataclass(kind):
        return {each.name: each.default for each in fields(kind) if each.default is not MISSING}
    defaults: Mapping[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    return defaults


# Single values


def _as_it_is(value: Any) -> Any:
    return value


_KINDS: Final[Mapping[type, str]] = {
    NoneType: _NULL,
    bool: _FLAG,
    int: _NUMBER,
    float: _NUMBER,
    str: _TEXT,
    list: _LIST,
    dict: _OBJECT,
}


def _scalar(members: Sequence[Any]) -> Coder:
    scalars = [_SCALARS[each] for each in members]
    wants = " or ".join(each.wants for each in scalars)
    kinds = frozenset(each.kind for each in scalars)
    classes = tuple(kind for each in scalars for kind in each.classes)
    allowed = frozenset(classes)
    if float in allowed:
        return Coder(wants, kinds | {_OBJECT}, classes, _float_reader(allowed, wants), _write_float, as_it_is=allowed)

    def read(plain: Any) -> Any:
        if type(plain) not in allowed:
            raise UnreadableError(wants, plain)
        return plain

    return Coder(wants, kinds, classes, read, as_it_is=allowed)


def _write_float(value: Any) -> Any:
    return {"$number": repr(value)} if isinstance(value, float) and not math.isfinite(value) else value


_NOT_FINITE: Final[Mapping[str, float]] = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def _float_reader(allowed: frozenset[type], wants: str) -> Read:
    def read(plain: Any) -> Any:
        if type(plain) in allowed:
            return plain
        found = _NOT_FINITE.get(str(plain.get("$number"))) if type(plain) is dict and len(plain) == 1 else None
        if found is None:
            raise UnreadableError(wants, plain)
        return found

    return read


def _read_decimal(plain: Any) -> Decimal:
    try:
        found = Decimal(plain) if type(plain) is str else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise UnreadableError("a number as text", plain)
    return found


def _write_bytes(value: bytes) -> str | list[str]:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return [base64.b64encode(value).decode()]


def _read_bytes(plain: Any) -> bytes:
    if type(plain) is str:
        try:
            return plain.encode()
        except UnicodeEncodeError:
            pass
    elif type(plain) is list and len(plain) == 1 and type(plain[0]) is str:
        try:
            return base64.b64decode(plain[0], validate=True)
        except (binascii.Error, ValueError):
            pass
    raise UnreadableError("bytes: a text, or a list with base64", plain)


_BYTES: Final = Coder("bytes", frozenset({_TEXT, _LIST}), (bytes,), _read_bytes, _write_bytes)


def _enumeration(kind: type[Enum]) -> Coder:
    by_value = {each.value: each for each in kind}
    wants = f"one of {', '.join(map(str, by_value))}"

    write = attrgetter("_value_")  # `value` takes several times as long

    def read(plain: Any) -> Any:
        found = by_value.get(plain) if type(plain) in (str, int) else None
        if found is None:
            raise _no_such(plain, by_value)
        return found

    return Coder(wants, frozenset(_KINDS[type(each)] for each in by_value), (kind,), read, write)


def _read_items(plain: Any, item: Coder, kind: Callable[[Any], Any]) -> Any:
    if type(plain) is not list:
        raise UnreadableError("a list", plain)
    if item.blocks is not None and any(map(_is_block, plain)):
        return kind(_read_with_blocks(plain, item, item.blocks))
    try:
        return kind(_read_all(item, plain))
    except UnreadableError:
        raise _first_few(enumerate(plain), item.read) from None
    except TypeError:  # an item that a set cannot hold
        raise UnreadableError("a list", plain) from None


def _is_block(plain: Any) -> bool:
    return type(plain) is dict and _ROWS in plain


def _read_with_blocks(plain: list[Any], item: Coder, blocks: Blocks) -> list[Any]:
    made: list[Any] = []
    for each in plain:
        if _is_block(each):
            made += blocks.read(each, len(made))
        else:
            made.append(_read_within(len(made), each, item.read))
    return made


def _read_within(where: str | int, plain: Any, read: Read) -> Any:
    """Read what stands somewhere in a whole, so that the error says where."""
    try:
        return read(plain)
    except UnreadableError as error:
        raise error.within((where,)) from None


def _first_few(parts: Iterable[tuple[str | int, Any]], read: Read) -> UnreadableError:
    """Return the error for a whole that is known to be wrong, with the places of the first few wrong parts."""
    errors: list[UnreadableError] = []
    for where, plain in parts:
        try:
            read(plain)
        except UnreadableError as error:
            errors.append(error.within((where,)))
            if len(errors) == _FEW:
                break
    return UnreadableError.of(islice((each for error in errors for each in error.mistakes), ENOUGH_MISTAKES))


def _unknown_names(given: Iterable[str], known: Collection[str], what: str) -> tuple[list[Mistake], set[str]]:
    """Return a mistake for each name that is not known, with the nearest one, and the names that are meant by them."""
    unknown = list(islice((name for name in given if name not in known), ENOUGH_MISTAKES))
    mistakes = [unknown_key(name, known, (), what) for name in unknown]
    return mistakes, {meant for name in unknown if (meant := nearest(name, known)) is not None}


def _no_such(name: object, known: Iterable[object]) -> UnreadableError:
    """Return the error for a word that is none of the known ones, with the nearest of them."""
    words = list(map(str, known))
    hint = did_you_mean(name, words) if isinstance(name, str) else ""
    return UnreadableError(f"one of {', '.join(words)}", name, hint=hint)


# Many values


def _write_all(coder: Coder, values: Sequence[Any]) -> list[Any]:
    if coder.write is None:
        return list(values)
    return list(map(coder.write, values)) if coder.write_all is None else coder.write_all(values)


def _read_all(coder: Coder, plain: list[Any]) -> list[Any]:
    if coder.as_it_is.issuperset(map(type, plain)):
        return plain
    return list(map(coder.read, plain)) if coder.read_all is None else coder.read_all(plain)


def _column(coder: Coder, values: Sequence[Any]) -> Any:
    """Return what a block has for a field of its records: many plain values, or the one that all of them have."""
    first = values[0]
    if all(map(is_, values, repeat(first))):
        plain = first if coder.write is None else coder.write(first)
        return plain if type(plain) in _ONE_FOR_ALL else [plain] * len(values)
    if coder is _BYTES and sum(map(len, values)) > _SLICE_CHARACTERS:
        return map(_write_bytes, values)  # all of them may be as much again as the whole state
    column = _write_all(coder, values)
    first = column[0]
    if column[-1] == first and type(first) in _ONE_FOR_ALL and column.count(first) == len(column):
        # 1, 1.0 and true are equal as well.
        return first if len(set(map(type, column))) == 1 else column
    return column


_ONE_FOR_ALL: Final = frozenset({NoneType, bool, int, str})
_MANY: Final = frozenset({list, map})


def _slices(plain: Iterable[Any]) -> Iterator[str]:
    """Yield the JSON of the items of a list, in pieces that go between commas."""
    if type(plain) is list:
        kinds = set(map(type, plain))
        if kinds <= _SHORT or (kinds == {str} and sum(map(len, plain)) <= _SLICE_CHARACTERS):
            yield to_json(plain)[1:-1]
            return
    some, length = list[Any](), 0
    for each in plain:
        some.append(each)
        length += _length_of(each)
        if length >= _SLICE_CHARACTERS:
            yield to_json(some)[1:-1]
            some, length = [], 0
    if some:
        yield to_json(some)[1:-1]


_SHORT: Final = frozenset({NoneType, bool, int, float})


def _length_of(plain: Any) -> int:
    """Return about how long a plain value is as JSON; of a list or an object so much that few are made so at once."""
    if type(plain) is str:
        return len(plain)
    if type(plain) not in (dict, list):
        return 1
    inner = plain.values() if type(plain) is dict else plain
    return _SLICE_CHARACTERS // _RECORDS + sum([len(each) for each in inner if type(each) is str])


# JSON, and what Python has beside it


def _write_any(value: Any) -> Any:
    if isinstance(value, dict):
        if all(type(name) is str and not name.startswith("$") for name in value):
            return {name: _write_any(each) for name, each in value.items()}
        return {"$pairs": [[_write_any(name), _write_any(each)] for name, each in value.items()]}
    if isinstance(value, list):
        return [_write_any(each) for each in value]
    if isinstance(value, tuple):
        return {"$tuple": [_write_any(each) for each in value]}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, float):
        return _write_float(value)
    if value is None or type(value) in (bool, int, str):
        return value
    raise TypeError(f"{type(value).__name__} is no plain value")


def _read_any(plain: Any) -> Any:
    if type(plain) is list:
        return [_read_any(each) for each in plain]
    if type(plain) is not dict:
        return plain
    if len(plain) == 1:
        ((name, value),) = plain.items()
        if name.startswith("$"):
            return _read_special(name, value)
    for name in plain:
        if name.startswith("$"):
            raise UnreadableError("", why=f"nothing is called {shown(name)} here")
    return {name: _read_any(each) for name, each in plain.items()}


def _read_special(name: str, value: Any) -> Any:
    if name == "$decimal":
        return _read_decimal(value)
    if name == "$number" and type(value) is str and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if name == "$tuple" and type(value) is list:
        return tuple(map(_read_any, value))
    if name == "$pairs" and type(value) is list and all(type(each) is list and len(each) == 2 for each in value):
        try:
            return {_read_any(key): _read_any(each) for key, each in value}
        except TypeError:  # a key that no mapping can have
            pass
    raise UnreadableError("", why=f"{shown(value)} is no value of {shown(name)}")
