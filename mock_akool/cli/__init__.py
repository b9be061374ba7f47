"""The command line: `mock-akool COMMAND`. Each command is a module beside, which is imported when it is called."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from mock_akool._version import __version__
from mock_akool.cli.parser import Parser
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.text import cleaned
from mock_akool.server.process import tune_for_starting

COMMANDS: Final = {
    "serve": "run the fake as a server",
    "demo": "start a server, run a client against it, and show what happens",
    "health": "check that a server is healthy",
    "exec": "run a program that has Akool's hosts in its code against a fake",
    "gauntlet": "run a program through every failure scenario, and judge it",
    "calibrate": "ask a service what it does, and say where the fake differs",
    "ca": "show the CA for HTTPS, hand it to clients, or make a new one",
    "settings": "list all settings, or explain one",
    "scenarios": "list, show and check scenarios",
    "record": "pass requests on to a service, and record what it answers",
    "replay": "answer as a recording does",
    "webhook": "send a webhook by hand, or read one",
    "families": "list the endpoints of each job family and their words",
    "examples": "list small clients to start from, or copy them",
    "completion": "print what lets a shell complete commands and flags",
}
"""The commands, which are modules of this package with a function `add_parser`, and what each does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    if arguments is None:  # otherwise this is somebody else's process
        tune_for_starting()
    _write_what_can_be_written()
    arguments = sys.argv[1:] if arguments is None else arguments
    command = next((each for each in arguments if not each.startswith("-")), None)
    options = build_parser(command or "").parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except MockAkoolError as error:
        # It may name what others wrote, such as a file of a recording.
        print("\n".join(map(cleaned, f"mock-akool: {error}".split("\n"))), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mock-akool: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output went away, as in `mock-akool demo | head`; at exit Python writes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _write_what_can_be_written() -> None:
    """Let stdout escape what its encoding lacks, as stderr does: in a pipe on Windows it has 256 characters."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def build_parser(command: str | None = None) -> Parser:
    """Return the parser of all commands. With a command, only that one is complete: others are not imported."""
    parser = Parser(
        prog="mock-akool",
        usage="mock-akool [-h] [--version] COMMAND ...",
        description="A fake of Akool's API, for tests and for development without the real service.",
        epilog="`mock-akool COMMAND --help` shows the flags of a command.",
    )
    parser.add_argument("--version", action="version", version=f"mock-akool {__version__}")
    commands = parser.add_subparsers(title="commands", prog="mock-akool", required=True, metavar="COMMAND")
    for name, help in COMMANDS.items():
        if command is None or command == name:
            import_module(f"{__name__}.{name}").add_parser(commands, help)
        else:
            commands.add_parser(name, help=help)
    return parser
