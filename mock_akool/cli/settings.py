"""`mock-akool settings`: list all settings, or explain one."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from mock_akool.core.errors import SettingsError
from mock_akool.core.schema import nearest
from mock_akool.server.settings import Setting, table

_WIDTH = 80


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "settings",
        help=help,
        description="List all settings with their defaults, or explain one.",
        epilog="Give a setting by its flag, as `--set NAME=VALUE`, as a variable, or in a file.",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the setting to explain")
    parser.set_defaults(run=show_settings)


def show_settings(options: argparse.Namespace) -> int:
    """Print all settings, or what is known of one."""
    rows = table()
    if options.name is not None:
        print(_explained(_found(options.name, rows)))
        return 0
    usual, choices = ([row for row in rows if bool(row.field.mark) is is_choice] for is_choice in (False, True))
    print("\n".join(map(_listed, usual)))
    print("\nFacts and choices about the real API (docs/reference/differences.md), given with --set:\n")
    print("\n".join(map(_listed, choices)))
    return 0


def _found(name: str, rows: tuple[Setting, ...]) -> Setting:
    by_name = {row.name: row for row in rows}
    wanted = name.removeprefix("--").replace("-", "_").lower().removeprefix("mock_akool_")
    if wanted not in by_name:
        near = nearest(wanted, by_name)
        hint = f"did you mean {near!r}?" if near else "`mock-akool settings` lists them"
        raise SettingsError(f"there is no setting {name!r}", hint)
    return by_name[wanted]


def _listed(row: Setting) -> str:
    head = f"{row.name} = {row.shown_default}" if row.shown_default else row.name
    return f"{head}\n{_wrapped(row.field.help)}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _explained(row: Setting) -> str:
    lines = [
        row.name,
        _wrapped(row.field.help),
        f"  takes     {row.wants}",
        f"  default   {row.shown_default or 'none'}",
        f"  flag      {row.flag}{'=VALUE' if row.field.mark else ''}",
        f"  variable  {row.variable}",
    ]
    if row.field.section:
        lines.append(f"  about     section {row.field.section} of docs/reference/differences.md")
    return "\n".join(lines)
