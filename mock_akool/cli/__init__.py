"""The command line: `mock-akool serve | demo | health | scenarios | webhook`.

Flags of `serve` are made from the settings table, so each setting has one, and a variable of the same name.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mock_akool._version import __version__
from mock_akool.cli.health import DEFAULT_URL, run_health
from mock_akool.cli.scenarios import add_scenarios
from mock_akool.cli.serve import add_settings, run_serve
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.schema import nearest
from mock_akool.server.settings import PREFIX


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 well, 1 not well, 2 wrongly called, 130 stopped."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except MockAkoolError as error:
        print(f"mock-akool: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mock-akool: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output went away, as in `mock-akool demo | head`; at exit Python writes once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one line, with the nearest flag; argparse would print all flags before it."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse a flag that there is not here, where its name could be meant."""
        namespace, rest = super().parse_known_args(args, namespace)
        for each in rest:
            flag = each.partition("=")[0]
            if flag.startswith("--") and flag != "--":
                near = nearest(flag, self._option_string_actions)
                self.error(f"there is no flag {flag} here" + (f", the nearest is {near}" if near else ""))
        return namespace, rest

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with 2."""
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mock-akool", description="A faithful offline fake of Akool's image API.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mock-akool {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser(
        "serve",
        help="serve the fake API over HTTP",
        description="Serve the fake API over HTTP until Ctrl-C or SIGTERM.",
        epilog=f"Each flag is also a variable: --port is {PREFIX}PORT. Flags win.",
        allow_abbrev=False,
    )
    add_settings(serve)
    serve.set_defaults(run=run_serve)

    demo = commands.add_parser(
        "demo",
        help="start a server, play a client against it, and show what happens",
        description="Start a server on a free port, play a client against it, and save the pictures.",
        allow_abbrev=False,
    )
    demo.add_argument(
        "--folder", type=Path, default=Path("mock-akool-demo"), help="where to save the pictures (default: %(default)s)"
    )
    demo.set_defaults(run=_demo)

    health = commands.add_parser(
        "health",
        help="check that a server is healthy",
        description="Check that a server is healthy: exit code 0 if so, else 1.",
        allow_abbrev=False,
    )
    health.add_argument(
        "--url", default=None, help=f"the server's address (default: that of {PREFIX}PORT, else {DEFAULT_URL})"
    )
    health.add_argument("--timeout", type=float, default=2.0, help="seconds to wait for it (default: %(default)s)")
    health.set_defaults(run=run_health)
    add_scenarios(commands)
    from mock_akool.cli import webhook

    webhook.add(commands)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from mock_akool.cli.demo import run

    return run(options.folder)
