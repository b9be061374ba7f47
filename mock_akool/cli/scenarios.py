"""`mock-akool scenarios`: list, show and check them."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def add_scenarios(commands: Any) -> None:
    """Add `scenarios` and its own commands to the commands of a parser."""
    scenarios = commands.add_parser(
        "scenarios",
        help="list, show and check scenarios",
        description="Scenarios say what goes wrong: `mock-akool serve --scenario NAME` puts one in force.",
        allow_abbrev=False,
    )
    kinds = scenarios.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = kinds.add_parser("list", help="list the named scenarios", allow_abbrev=False)
    listing.set_defaults(run=_list_scenarios)

    showing = kinds.add_parser("show", help="print the file of a named scenario", allow_abbrev=False)
    showing.add_argument("name", metavar="NAME", help="the scenario's name")
    showing.set_defaults(run=_show_scenario)

    checking = kinds.add_parser("check", help="check scenario files", allow_abbrev=False)
    checking.add_argument("files", metavar="FILE", nargs="+", help="a YAML or JSON file, or the name of a scenario")
    checking.set_defaults(run=_check_scenarios)

    schema = kinds.add_parser("schema", help="print the JSON Schema of scenario files, for editors", allow_abbrev=False)
    schema.set_defaults(run=_print_schema)


def _list_scenarios(options: argparse.Namespace) -> int:
    from mock_akool.scenario_library.library import named, names

    width = max(map(len, names()))
    for name in names():
        print(f"{name:<{width}}  {first_sentence(named(name).description)}")
    return 0


def first_sentence(text: str) -> str:
    """Return the first sentence, by which a list may stand."""
    return text.partition(". ")[0].rstrip(".") + "."


def _show_scenario(options: argparse.Namespace) -> int:
    from mock_akool.scenario_library.library import text_of

    print(text_of(options.name), end="")
    return 0


def _check_scenarios(options: argparse.Namespace) -> int:
    from mock_akool.core.errors import ScenarioError
    from mock_akool.scenario_library.library import load

    wrong = 0
    for file in options.files:
        try:
            scenario = load(file)
        except ScenarioError as error:
            print(f"mock-akool: {error}", file=sys.stderr)
            wrong += 1
        else:
            jobs, rules = len(scenario.jobs), len(scenario.rules)
            print(f"{file} is well: {_counted(jobs, 'job entry', 'job entries')}, {_counted(rules, 'rule', 'rules')}")
    return 1 if wrong else 0


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _print_schema(options: argparse.Namespace) -> int:
    from mock_akool.akool.scenarios.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0
