"""`mock-akool replay`: a server that answers as a recording does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, cast

from mock_akool.cli.announcements import Announcer, JsonAnnouncer
from mock_akool.cli.parser import FOLDERS, completed_by
from mock_akool.cli.serve import LISTENING, add_settings, all_but, read_settings, run_server
from mock_akool.diagnostics.describe import counted
from mock_akool.server.settings import Settings

if TYPE_CHECKING:
    from mock_akool.server.application import Application
    from mock_akool.server.replayer import Replayer


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "replay",
        help=help,
        usage="mock-akool replay DIR [options of serve]",
        description="Answer as a recording does, until Ctrl-C or SIGTERM: the same bytes, at the same times. What is "
        "not in the recording is HTTP 500, and listed at the end.",
    )
    folder = parser.add_argument("folder", metavar="DIR", help="the recording, of `mock-akool record`")
    completed_by(FOLDERS, folder)
    unused = all_but(LISTENING, "replay answers as the recording does")
    add_settings(parser, ("where it listens",), unused=unused)
    parser.set_defaults(run=replay)


def replay(options: argparse.Namespace) -> int:
    """Replay until a signal ends it, then say what was not in the recording; returns the exit code."""
    from mock_akool.core.clock import SteeredClock
    from mock_akool.server.replayer import Replayer

    settings = read_settings(options)

    def make(settings: Settings) -> Application:
        return Replayer(settings, SteeredClock(), settings.access, options.folder)

    def read_again() -> Settings:
        return read_settings(options)

    announcer = JsonAnnouncer() if settings.log == "json" else Announcer()
    return run_server(settings, announcer, read_again, lambda url: None, make=make, finish=_finish)


def _finish(application: Application, announcer: Announcer) -> None:
    replayer = cast("Replayer", application)
    calls, unused = replayer.engine.call_log.count, replayer.matcher.unused
    announcer.say(
        "replayed",
        f"mock-akool replayed {counted(calls, 'call')}; {counted(unused, 'recorded call')} not asked for",
        calls=calls,
        unused=unused,
    )
    for text in replayer.notes():
        announcer.say("warning", f"warning: {text}")
