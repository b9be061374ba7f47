"""`mock-akool scenarios`: list, show and check them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mock_akool.cli.parser import FILES, FOLDERS, completed_by
from mock_akool.core.errors import MockAkoolError, ScenarioError


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "scenarios",
        help=help,
        description="Scenarios make requests and jobs fail. `mock-akool serve --scenario NAME` activates one.",
    )
    kinds = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = kinds.add_parser("list", help="list the scenarios of the library")
    listing.set_defaults(run=list_scenarios)

    showing = kinds.add_parser("show", help="print the file of a scenario of the library")
    showing.add_argument("name", metavar="NAME", help="the scenario's name")
    showing.set_defaults(run=show_scenario)

    checking = kinds.add_parser("check", help="check scenario files, and report all mistakes")
    files = checking.add_argument(
        "files", metavar="FILE", nargs="+", help="a YAML or JSON file, or the name of a scenario"
    )
    completed_by(FILES, files)
    checking.set_defaults(run=check_scenarios)

    deriving = kinds.add_parser("from", help="write the scenario of a recording, and say what it contradicts")
    folder = deriving.add_argument("folder", metavar="DIR", help="the recording, of `mock-akool record`")
    completed_by(FOLDERS, folder)
    into = deriving.add_argument("--into", metavar="FILE", help="a file for the scenario (default: print it)")
    completed_by(FILES, into)
    deriving.set_defaults(run=derive_scenario)

    schema = kinds.add_parser("schema", help="print the JSON Schema of scenario files, for editors")
    schema.set_defaults(run=print_schema)


def list_scenarios(options: argparse.Namespace) -> int:
    """Print the name of each scenario of the library and what it does."""
    from mock_akool.scenario_library.library import named, names

    width = max(map(len, names()))
    for name in names():
        print(f"{name:<{width}}  {first_sentence(named(name).description)}")
    return 0


def first_sentence(text: str) -> str:
    """Return the first sentence of a text."""
    return text.partition(". ")[0].rstrip(".") + "."


def show_scenario(options: argparse.Namespace) -> int:
    """Print the file of a scenario of the library."""
    from mock_akool.scenario_library.library import text_of

    print(text_of(options.name), end="")
    return 0


def check_scenarios(options: argparse.Namespace) -> int:
    """Check scenario files and print their mistakes; returns 1 when there are any."""
    from mock_akool.scenario_library.library import load

    invalid = 0
    for file in options.files:
        try:
            scenario = load(file)
        except ScenarioError as error:
            print(f"mock-akool: {error}", file=sys.stderr)
            invalid += 1
        else:
            scripts, rules = len(scenario.jobs), len(scenario.rules)
            print(f"{file}: valid ({_counted(scripts, 'job script')}, {_counted(rules, 'rule')})")
    return 1 if invalid else 0


def derive_scenario(options: argparse.Namespace) -> int:
    """Write the scenario of a recording; returns 1 when the recording contradicts what the fake does."""
    from mock_akool.mock.from_recording import derive, scenario_of
    from mock_akool.recording.folder import read_recording
    from mock_akool.scenario_library.loader import dump

    derived = derive(read_recording(options.folder))
    text = dump(scenario_of(derived))
    if options.into is None:
        print(text, end="")
    else:
        try:
            Path(options.into).write_text(text, encoding="utf-8")
        except OSError as error:
            raise MockAkoolError(f"cannot write {options.into}: {error.strerror}") from None
    for line in derived.contradictions:
        print(f"contradicts: {line}", file=sys.stderr)
    return 1 if derived.contradictions else 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def print_schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema of scenario files."""
    from mock_akool.akool.scenarios.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
