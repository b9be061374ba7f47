"""`mock-akool demo`: a client that runs against a live server of ours, over real HTTP."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mock_akool.cli.flags import FAMILY, read_by
from mock_akool.cli.parser import FOLDERS, completed_by
from mock_akool.core.errors import Mistakes


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "demo",
        help=help,
        description="Start a server on a free port, run a client against it, and save what it gets. Without FAMILY "
        "it makes an image and presses its buttons.",
    )
    family = parser.add_argument(
        "family",
        nargs="?",
        metavar="FAMILY",
        help="run the client of this family of jobs; `mock-akool families` lists them",
    )
    read_by(FAMILY, family)
    folder = parser.add_argument(
        "--folder", type=Path, default=Path("mock-akool-demo"), help="where to save the files (default: %(default)s)"
    )
    completed_by(FOLDERS, folder)
    parser.set_defaults(run=run_demo)


def run_demo(options: argparse.Namespace) -> int:
    """Run the demo and save the files; returns the exit code: 0, or 1 after a surprise."""
    # Not at the top: `--help` needs none of this.
    from mock_akool.cli import demo_families, demo_images
    from mock_akool.cli.console import Screen
    from mock_akool.core.clock import SystemClock
    from mock_akool.server.application import Application
    from mock_akool.server.http_server import Server
    from mock_akool.server.settings import ScenarioSettings

    mistakes = Mistakes()
    options.parser.read(options, mistakes)
    mistakes.raise_any()
    screen = Screen(sys.stdout)
    with Server(Application(ScenarioSettings(), SystemClock())) as server:
        screen.line(f"A fake of Akool's API listens on {server.url}, and a client calls it.")
        if options.family is not None:
            return demo_families.play(options.family, server.url, options.folder, screen)
        return demo_images.play(server.url, options.folder, screen)
