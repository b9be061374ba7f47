"""What users rely on, one name a line: `python -m tools.public_surface` adds what is new to the saved listings.

Six listings in `tests/packaging/surface`: names of Python with the parameters of what is called, routes of the admin
API with the fields that they read and answer (as JSON the report, too), keys of scenario files, settings with their
flags and variables, commands, and what the JSON of the gauntlet has. A test fails when a line that was saved is no
longer true. `--remove` takes such lines away: that is a change which breaks users, and waits for a new major version.
"""

from __future__ import annotations

import argparse
import enum
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from mock_akool import pytest_plugin
from mock_akool.admin.routes import openapi_document
from mock_akool.akool.scenarios.schema import json_schema
from mock_akool.cli import build_parser
from mock_akool.core.options import Options
from mock_akool.gauntlet.judging import Judgement, Verdict
from mock_akool.gauntlet.report import GauntletReport
from mock_akool.gauntlet.rules import RULES, Finding
from mock_akool.gauntlet.story import JobStage, Story, StoryCall, StoryJob, StoryWebhook
from mock_akool.server.settings import table
from tools.docs_reference import PUBLIC, public

FOLDER: Final = Path(__file__).resolve().parents[1] / "tests" / "packaging" / "surface"


@cache
def surface() -> dict[str, list[str]]:
    """Return the lines of each listing, by its name."""
    listings = {
        "admin": _admin(),
        "commands": _commands(),
        "gauntlet": _gauntlet(),
        "python": _python(),
        "scenario": _scenario(),
        "settings": (f"{each.name} {each.flag} {each.variable}" for each in table()),
    }
    return {name: sorted(set(lines)) for name, lines in listings.items()}


def saved(name: str) -> list[str]:
    """Return the saved lines of a listing; none when it was never saved."""
    file = _file(name)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _file(name: str) -> Path:
    return FOLDER / f"{name}.txt"


# The gauntlet


def _gauntlet() -> Iterator[str]:
    """Yield what stands in the JSON of its report, in JUnit XML as verdicts, and in files of known findings."""
    finding = Finding("", "", (), "", "")
    stage, call = JobStage("", 0.0, None), StoryCall(1, 0.0, "", "", None, "", False)
    story = Story(0.0, (StoryJob("", (stage,)),), (call,), 0, (StoryWebhook(0.0, "", ""),), ((0.0, 1.0),))
    report = GauntletReport((Judgement("", Verdict.SURVIVED, "", (finding,), story),))
    yield from _paths(report.as_json())
    yield from (f"verdict {each.value}" for each in Verdict)
    yield from (f"finding {rule.name}" for rule in RULES)


def _paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each key in plain data."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from _paths(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")


# Python


def _python() -> Iterator[str]:
    yield "mock_akool.__version__"
    for name, package in PUBLIC.items():
        value = public(name)
        yield f"{package}.{name}"
        if inspect.isclass(value):
            yield from (f"{package}.{name}{each}" for each in _members(value))
        else:
            yield from (f"{package}.{name}({each})" for each in _parameters(value))
    for name, value in vars(pytest_plugin).items():
        if type(value).__name__ == "FixtureFunctionDefinition" and not name.startswith("_"):
            yield f"fixture {name}"


def _members(of: type) -> Iterator[str]:
    if issubclass(of, enum.Enum):
        yield from (f".{each.name} = {each.value!r}" for each in of)
    ours = [each for each in of.__mro__ if each.__module__.startswith("mock_akool")]
    members = {name: member for each in reversed(ours) for name, member in vars(each).items()}
    for name, member in members.items():
        if name.startswith("_") or isinstance(member, type):
            continue
        yield f".{name}"
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function):
            bound = not isinstance(member, staticmethod)
            yield from (f".{name}({each})" for each in list(_parameters(function))[bound:])
    for name in getattr(of, "__dataclass_fields__", ()):
        if not name.startswith("_"):
            yield f".{name}"
    if issubclass(of, Options):
        yield from (f"({name})" for name in of.fields())
    elif not issubclass(of, tuple | enum.Enum) and inspect.isfunction(of.__init__):
        yield from (f"({each})" for each in list(_parameters(of.__init__))[1:])


def _parameters(function: Any) -> Iterator[str]:
    for each in inspect.signature(function).parameters.values():
        if not each.name.startswith("_"):
            stars = "*" * (each.kind is each.VAR_POSITIONAL) or "**" * (each.kind is each.VAR_KEYWORD)
            yield f"{stars}{each.name}"


# JSON


def _admin() -> Iterator[str]:
    document = openapi_document()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            route = f"{method.upper()} {path}"
            yield route
            for parameter in described.get("parameters", ()):
                yield f"{route} ?{parameter['name']}"
            for media in described.get("requestBody", {}).get("content", {}).values():
                yield from (f"{route} < {field}" for field in _fields(media.get("schema", {}), document))
            for status, response in described["responses"].items():
                for media in response.get("content", {}).values():
                    fields = _fields(media.get("schema", {}), document)
                    yield from (f"{route} > {status} {field}" for field in fields)
    for name, schema in document["components"]["schemas"].items():
        yield from (f"{name} {field}" for field in _fields(schema, document))


def _scenario() -> Iterator[str]:
    schema = json_schema()
    yield from _fields(schema, schema)
    for name, each in schema.get("$defs", {}).items():
        yield from (f"{name} {field}" for field in _fields(each, schema))


def _fields(schema: Any, document: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """Yield the paths of the fields that a schema has. Another schema that has a name is not entered, but named."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        yield f"{at or '.'} is {schema['$ref'].rpartition('/')[2]}"
    for name, each in schema.get("properties", {}).items():
        path = f"{at}.{name}"
        yield path
        yield from _fields(each, document, path)
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key, ()):
            yield from _fields(each, document, at)
    yield from _fields(schema.get("items"), document, f"{at}[]")
    yield from _fields(schema.get("additionalProperties"), document, f"{at}.*")


# The command line


def _commands() -> Iterator[str]:
    yield from _options(build_parser(), "mock-akool")


def _options(parser: argparse.ArgumentParser, command: str) -> Iterator[str]:
    yield command
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                yield from _options(each, f"{command} {name}")
        elif action.help != argparse.SUPPRESS:
            names = action.option_strings or [str(action.metavar or action.dest)]
            yield from (f"{command} {name}" for name in names)


def main() -> int:
    """Add what is new to the listings, or with `--remove` write what is true now; with `--check` only tell.

    Returns the exit code: 1 when `--check` finds what the listings do not have.
    """
    parser = argparse.ArgumentParser(description="Keep the listings of what users rely on.")
    parser.add_argument("--remove", action="store_true", help="take away what is gone, too: it breaks users")
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when something is not listed")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    unlisted = 0
    for name, lines in surface().items():
        before = saved(name)
        new = sorted(set(lines) - set(before))
        unlisted += len(new)
        if arguments.check:
            print("".join(f"not in {name}.txt: {line}\n" for line in new), end="", file=sys.stderr)
        else:
            kept = lines if arguments.remove else sorted({*before, *lines})
            _file(name).write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return int(arguments.check and unlisted > 0)


if __name__ == "__main__":
    sys.exit(main())
