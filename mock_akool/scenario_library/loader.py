"""Scenario files, YAML or JSON: reading them with the line of each mistake, and the library of named ones.

A file is data only. It is taken apart event by event, so that anchors, tags, doubled keys and endless depth are refused
before anything is made of them, and a text stays a text: `on` is no yes, as it would be in YAML 1.1.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from typing import Any, Final

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import read_scenario, write_scenario
from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import Place, shown

_MAX_BYTES: Final = 64 << 10
_MAX_DEPTH: Final = 20
_PLAIN: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\d{1,30}\.\d{0,30}|\.\d{1,30})(?:[eE][-+]?\d{1,3})?", re.ASCII)


_QUOTE: Final = "Put quotes around a text that begins with * & ! % or @, or has a colon; indent by spaces"


# Named scenarios


def read_text(text: str, file: str = "scenario", name: str = "") -> Scenario:
    """Return the scenario of a file's text. `file` is what errors call it, `name` what the journal does."""
    document = _Document(text, file)
    try:
        return read_scenario(document.value, name)
    except ScenarioError as error:
        line = document.line_of(error.place)
        raise ScenarioError(f"{file}, line {line}: {error.message}", error.hint) from None


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


# A document with its lines


class _Document:
    """The plain data of a text, and the line of each value in it."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._lines: dict[Place, int] = {}
        if len(text.encode("utf-8", "replace")) > _MAX_BYTES:
            raise ScenarioError(f"{file} is over {_MAX_BYTES:,} bytes", "A scenario is a short file")
        self.value = self._decode(text) if text.lstrip()[:1] in ("{", "[") else self._compose(text)

    def line_of(self, place: Place) -> int:
        """Return the line, from 1, of the value at a place, or of what is nearest above it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def _decode(self, text: str) -> Any:
        """Return the value of JSON. The lines come from reading it as the YAML that it nearly is."""
        plain = text.replace("\t", " ")  # it may be indented by tabs, and has none inside its texts
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self._compose(plain)  # which may be YAML in the style of JSON, and else tells the line
        with suppress(_UnreadableError):  # some texts of JSON are none of YAML
            self._compose(plain)
        return value

    def _compose(self, text: str) -> Any:
        import yaml

        # The parser in C, where PyYAML was built with it, is ten times as fast and says the same.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            return _Composer(self, yaml.parse(text, Loader=loader)).document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise _UnreadableError(f"{self._file}, line {line}: this is no YAML: {error.problem}", _QUOTE) from None
        except (yaml.YAMLError, UnicodeError) as error:
            why = " ".join(str(error).split())
            raise _UnreadableError(f"{self._file} is no YAML: {why}", _QUOTE) from None

    def refuse(self, what: str, hint: str, line: int) -> ScenarioError:
        """Return the error for something that YAML has and scenario files have not."""
        return ScenarioError(f"{self._file}, line {line}: {what}", hint)

    def note(self, place: Place, line: int) -> None:
        """Remember the line of the value at a place."""
        self._lines[place] = line


class _UnreadableError(ScenarioError):
    """The text is no YAML at all."""


class _Composer:
    """Makes plain data of YAML's events."""

    def __init__(self, document: _Document, events: Any) -> None:
        self._document = document
        self._events = events

    def document(self) -> Any:
        """Return the one document's value; None for an empty text."""
        import yaml

        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._document.refuse(
                        "a second document begins here", "Write one scenario in a file", _line_of(event)
                    )
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, ())
        return {} if value is None else value

    def _value(self, event: Any, place: Place) -> Any:
        import yaml

        line = _line_of(event)
        self._document.note(place, line)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise self._document.refuse("anchors and aliases are not taken", "Write the value out", line)
        if event.tag not in (None, "!"):
            raise self._document.refuse(f"the tag {shown(event.tag)} is not taken", "Take it away", line)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(_paired(event.value), event.style not in (None, ""))
        if len(place) >= _MAX_DEPTH:
            raise self._document.refuse(f"this is nested over {_MAX_DEPTH} deep", "A scenario is flat", line)
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
                raise self._document.refuse("a key must be a plain text", "Write a word", line)
            key = _paired(event.value)
            if key in values:
                raise self._document.refuse(f"the key {shown(key)} stands here twice", "Take one away", line)
            values[key] = self._value(next(self._events), (*place, key))
            self._document.note((*place, key), line)
        return values


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
