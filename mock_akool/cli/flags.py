"""The flags of a command that are no settings: shapes read them, and all mistakes are reported by the flags' names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool.core.errors import Mistakes, SettingsError
from mock_akool.core.schema import Plain, Record, Shape, did_you_mean, shown, whole
from mock_akool.core.urls import without_password
from mock_akool.server.addresses import is_of_web, server_url
from mock_akool.server.config_file import read_assignments


def read_by(shape: Shape, action: Any) -> None:
    """Let a shape read what is given by an action of a parser; `Parser.read` then does."""
    action.shape = shape


def plain_of(shape: Shape, given: Any) -> Any:
    """Return the plain value of what was given by a flag: a text, or a list of texts if it may be repeated."""
    if isinstance(given, str):
        return shape.from_text(given)
    if not isinstance(given, list):
        return given
    lists = [shape.from_text(each) for each in given]
    return [each for some in lists for each in (some if isinstance(some, list) else [some])]


def read_assigned(record: Record, texts: Iterable[str], flag: str, example: str, mistakes: Mistakes) -> Any:
    """Return the record whose keys were written as NAME=VALUE after a flag; None when there are mistakes."""
    before = len(mistakes.found)
    given = read_assignments(texts, flag, mistakes, example=example)
    known = record.fields
    try:
        found = record.read(
            {name: known[name].shape.from_text(text) if name in known else text for name, text in given.items()}
        )
    except SettingsError as error:
        mistakes.found += error.renamed({name: f"{flag} {name}" for name in given}).mistakes
    return None if len(mistakes.found) > before else found


# Shapes that the flags of several commands have


def family_named(name: str) -> Any:
    """Return the family with a name; `-` is as good as `_`. Raises SettingsError with the nearest name."""
    from mock_akool.akool.families import FAMILIES  # not at the top: `--help` needs none of it

    meant = name.strip().lower().replace("-", "_")
    names = [family.name for family in FAMILIES]
    for family in FAMILIES:
        if family.name == meant:
            return family
    # faceswap is near to several, and for each of them too short to be like it.
    begun = [each for each in names if each.replace("_", "").startswith(meant.replace("_", ""))] if meant else []
    hint = f"did you mean {begun[0]!r}?" if begun else did_you_mean(meant, names, "`mock-akool families` lists them")
    raise SettingsError(f"there is no family {name!r}", hint)


def _read_http_url(value: str) -> str:
    try:
        is_one = is_of_web(urlsplit(value))
    except ValueError:  # brackets that do not close, or a port that cannot be
        is_one = False
    if not is_one:
        raise SettingsError(f"{shown(without_password(value)[0])} is no http(s) URL", f"use {SAMPLE_URL}")
    return value


def _read_writable_file(file: str) -> str:
    """Refuse a file that cannot be written before a command does anything, which may take long and cost something."""
    path = Path(file)
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"cannot write {file}: there is no folder {path.parent}", _OTHER_FILE)
    if path.is_dir():
        raise SettingsError(f"cannot write {file}: it is a folder", _OTHER_FILE)
    return file


_OTHER_FILE: Final = "choose another file"
SAMPLE_URL: Final = "http://127.0.0.1:8000/hook"
"""How the address of a receiver of webhooks is written."""
FAMILY: Final = Plain("a family of jobs", family_named, {"type": "string"})
HTTP_URL: Final = Plain("an http(s) URL", _read_http_url, {"type": "string", "format": "uri"}, use=SAMPLE_URL)
SERVER_URL: Final = Plain("the address of a server", server_url, {"type": "string", "format": "uri"})
WRITABLE_FILE: Final = Plain("a file that can be written", _read_writable_file, {"type": "string"})
COUNT: Final = whole(1, 1_000_000_000)
