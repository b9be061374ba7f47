"""Reads scenario files, YAML or JSON, and tells the line of each mistake.

A file is data only. It is parsed once, piece by piece, so that anchors, tags, doubled keys and endless depth are
refused before anything is made of them. A text stays a text: `on` does not mean yes, as it would in YAML 1.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any, Final, NoReturn

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import SCENARIO, write_scenario
from mock_akool.core.errors import Mistake, Mistakes, Place, ScenarioError
from mock_akool.core.schema import shown

MAX_BYTES: Final = 64 << 10
"""How long a scenario file may be."""
_MAX_DEPTH: Final = 20
_PLAIN: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\d{1,30}\.\d{0,30}|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_NO_KEY: Final = "?"
_QUOTE: Final = "put quotes around a text that begins with * & ! % or @, or has a colon; indent by spaces"


def read_text(text: str, file: str = "scenario", name: str = "") -> Scenario:
    """Return the scenario of a file's text; raises ScenarioError with all mistakes and their lines.

    `file` is what errors call it, `name` what the call log does.
    """
    __tracebackhide__ = True
    document = _Document(text, file)
    mistakes = Mistakes()
    with mistakes.noted():
        scenario: Scenario = SCENARIO.read(document.value)
    if mistakes.found or document.mistakes:
        raise ScenarioError.of(document.located(mistakes.found))
    return replace(scenario, name=name)


def dump(scenario: Scenario) -> str:
    """Return a YAML file that is read as this scenario."""
    import yaml

    text: str = yaml.dump(write_scenario(scenario), Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=100)
    return text


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes every text that the reader would take for something else."""

    def write_text(dumper: Any, value: str) -> Any:
        plain = _scalar(value, False) == value and value.isprintable() and value.isascii()
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, None if plain else '"')

    Dumper.add_representer(str, write_text)
    return Dumper


class _Document:
    """The plain data of a text, the line of each value in it, and what YAML has and scenario files have not."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._lines: dict[Place, int] = {}
        self.mistakes: list[tuple[int, Mistake]] = []
        """What was refused, with its line."""
        if len(text.encode("utf-8", "replace")) > MAX_BYTES:
            raise ScenarioError.of([Mistake(f"over {MAX_BYTES:,} bytes", "a scenario is a short file", (), file)])
        self.value = _JsonReader(self, text).document() if file.lower().endswith(".json") else self._of_yaml(text)

    def located(self, mistakes: Iterable[Mistake]) -> list[Mistake]:
        """Return what was refused and these mistakes, each with its line, in the order of the file."""
        found = [*self.mistakes, *((self._line_of(each.place), each) for each in mistakes)]
        found.sort(key=lambda each: each[0])
        return [mistake._replace(source=f"{self._file}:{line}") for line, mistake in found]

    def _line_of(self, place: Place) -> int:
        """Return the line of the value at a place, or of what is nearest above it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def note(self, place: Place, line: int) -> None:
        """Remember the line, from 1, of the value at a place."""
        self._lines[place] = line

    def refuse(self, what: str, hint: str, line: int) -> None:
        """Note something that YAML has and scenario files have not."""
        self.mistakes.append((line, Mistake(what, hint)))

    def give_up(self, what: str, hint: str, line: int) -> NoReturn:
        """Raise ScenarioError for something after which nothing can be read, and all that was noted before."""
        self.refuse(what, hint, line)
        raise ScenarioError.of(self.located(()))

    def check_depth(self, place: Place, line: int) -> None:
        """Refuse a list or an object at this place when it is too deep: what is in it might have no end."""
        if len(place) >= _MAX_DEPTH:
            self.give_up(f"this is nested over {_MAX_DEPTH} deep", "a scenario is flat", line)

    def refuse_again(self, key: str, line: int) -> None:
        """Note a key that an object has twice."""
        self.refuse(f"the key {shown(key)} is here twice", "remove one", line)

    def _of_yaml(self, text: str) -> Any:
        import yaml

        # The parser in C, where PyYAML was built with it, is ten times as fast and says the same.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            return _YamlReader(self, yaml.parse(text, Loader=loader)).document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.give_up(f"this is not YAML: {error.problem}", _QUOTE, mark.line + 1 if mark else 1)
        except (yaml.YAMLError, UnicodeError) as error:
            self.give_up(f"this is not YAML: {' '.join(str(error).split())}", _QUOTE, 1)


class _YamlReader:
    """Makes plain data of YAML's events. It goes on after what it refuses, to find all of it."""

    def __init__(self, document: _Document, events: Any) -> None:
        self._document = document
        self._events = events

    def document(self) -> Any:
        """Return the one document's value; an empty object for an empty text."""
        import yaml

        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._document.refuse(
                        "a second document begins here", "write one scenario in a file", _line_of(event)
                    )
                    break
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, ())
        return {} if value is None else value

    def _value(self, event: Any, place: Place) -> Any:
        import yaml

        line = _line_of(event)
        self._document.note(place, line)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            self._document.refuse("anchors and aliases are not allowed", "write the value out", line)
            if isinstance(event, yaml.AliasEvent):
                return None
        elif event.tag not in (None, "!"):
            self._document.refuse(f"the tag {shown(event.tag)} is not allowed", "remove it", line)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(_paired(event.value), event.style not in (None, ""))
        self._document.check_depth(place, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        return self._mapping(place)

    def _sequence(self, place: Place) -> list[Any]:
        import yaml

        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*place, len(values))))
        return values

    def _mapping(self, place: Place) -> dict[str, Any]:
        import yaml

        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line_of(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag not in (None, "!"):
                self._document.refuse("a key must be a plain text", "write a word", line)
                self._value(event, (*place, _NO_KEY))
                self._value(next(self._events), (*place, _NO_KEY))
                continue
            key = _paired(event.value)
            if key in values:
                self._document.refuse_again(key, line)
            values[key] = self._value(next(self._events), (*place, key))
            self._document.note((*place, key), line)
        return values


class _JsonReader:
    """Makes plain data of JSON, with the line of each value: single values by the standard library, the rest here."""

    def __init__(self, document: _Document, text: str) -> None:
        self._document = document
        self._text = text
        self._at = 0
        self._line, self._counted_to = 1, 0

    def document(self) -> Any:
        """Return the text's value; an empty object for an empty text."""
        try:
            value = self._value(()) if self._next() else {}
            if self._next():
                self._refuse("something follows the end of the object")
        except ScenarioError:  # a ValueError as well
            raise
        except json.JSONDecodeError as error:
            self._at = error.pos
            self._refuse(error.msg)
        except ValueError as error:
            self._refuse(str(error))
        return value

    def _refuse(self, what: str) -> NoReturn:
        self._document.give_up(
            f"this is not JSON: {what}", "JSON has no comments and no commas at the end", self._here()
        )

    def _here(self) -> int:
        """Return the line of where the reader is, from 1."""
        self._line += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line

    def _next(self) -> str:
        """Go to the next character that is no space, and return it; an empty text at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = self._at if match is None else match.end()
        return self._text[self._at : self._at + 1]

    def _goes_on(self, end: str) -> bool:
        """Step over a comma, and return True, or over the end of a list or an object."""
        found = self._next()
        if found not in (",", end) or not found:
            self._refuse(f"a comma or {end} is missing")
        self._at += 1
        return found == ","

    def _value(self, place: Place) -> Any:
        begins, line = self._next(), self._here()
        self._document.note(place, line)
        if begins not in ("{", "["):
            return self._single()
        self._document.check_depth(place, line)
        self._at += 1
        return self._object(place) if begins == "{" else self._list(place)

    def _single(self) -> Any:
        value, self._at = _SINGLE_VALUES.raw_decode(self._text, self._at)
        return _paired(value) if isinstance(value, str) else value

    def _list(self, place: Place) -> list[Any]:
        values: list[Any] = []
        if self._next() == "]":
            self._at += 1
            return values
        while True:
            values.append(self._value((*place, len(values))))
            if not self._goes_on("]"):
                return values

    def _object(self, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self._next() == "}":
            self._at += 1
            return values
        while True:
            if self._next() != '"':
                self._refuse("a key in double quotes is missing")
            line, key = self._here(), self._single()
            if key in values:
                self._document.refuse_again(key, line)
            if self._next() != ":":
                self._refuse("a colon is missing after a key")
            self._at += 1
            values[key] = self._value((*place, key))
            self._document.note((*place, key), line)
            if not self._goes_on("}"):
                return values


_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_SINGLE_VALUES: Final = json.JSONDecoder(
    parse_int=lambda digits: int(digits) if _INTEGER.fullmatch(digits) else float(digits),
    parse_constant=_refuse_constant,
)


def _line_of(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1


def _scalar(text: str, quoted: bool) -> Any:
    if quoted:
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _paired(text: str) -> str:
    """Join the halves of characters that JSON writes as two escapes."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
