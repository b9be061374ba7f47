"""`mock-akool record`: a server that passes requests on to the real service, and records what it answers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final, cast

from mock_akool.akool.codes import API_URL
from mock_akool.cli.announcements import Announcer, JsonAnnouncer
from mock_akool.cli.parser import FOLDERS, completed_by
from mock_akool.cli.serve import LISTENING, add_settings, all_but, read_settings, run_server
from mock_akool.core.errors import Mistakes
from mock_akool.diagnostics.describe import counted
from mock_akool.server.settings import Settings

if TYPE_CHECKING:
    from mock_akool.server.application import Application
    from mock_akool.server.recorder import Recorder

_DEFAULTS: Final = {"max_body_bytes": 64 << 20}
"""What a recording server does where nobody says otherwise: how long bodies may be is the upstream's affair."""


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "record",
        help=help,
        usage="mock-akool record --upstream URL [--into DIR] [options of serve]",
        description="Pass requests on to a service until Ctrl-C or SIGTERM, and write what it answers, without keys, "
        "tokens and the ids of people, into a folder. `mock-akool replay DIR` answers the same again.",
        epilog="Only the upstreams are called, and no request is sent twice. The requests are real, and cost credits.",
    )
    group = parser.add_argument_group("what is recorded")
    group.add_argument(
        "--upstream",
        action="append",
        default=[],
        metavar="URL",
        help=f"the service, such as {API_URL}; more of them are hosts of files (repeatable)",
    )
    into = group.add_argument(
        "--into", default="recording", metavar="DIR", help="an empty or new folder (default: %(default)s)"
    )
    completed_by(FOLDERS, into)
    group.add_argument(
        "--redact",
        action="append",
        default=[],
        metavar="NAME",
        help="a field whose value is a secret, besides those that are known (repeatable)",
    )
    why = "record passes on what the service answers, and fakes nothing"
    add_settings(parser, ("where it listens",), unused=all_but(LISTENING | {"max_body_bytes"}, why))
    parser.set_defaults(run=record)


def record(options: argparse.Namespace) -> int:
    """Record until a signal ends it, then say how much; returns the exit code."""
    from mock_akool.core.clock import SteeredClock
    from mock_akool.recording.redaction import Names
    from mock_akool.server.recorder import Recorder
    from mock_akool.server.upstream import upstreams_of

    mistakes = Mistakes()
    with mistakes.noted():
        upstreams = upstreams_of(options.upstream)
    with mistakes.noted():
        settings = read_settings(options, _DEFAULTS)
    mistakes.raise_any()
    made: list[Recorder] = []

    def make(settings: Settings) -> Application:
        names = Names.of(options.redact)
        recorder = Recorder(settings, SteeredClock(), settings.access, options.into, upstreams, names=names)
        made.append(recorder)
        return recorder

    def read_again() -> Settings:
        return read_settings(options, _DEFAULTS)

    announcer = JsonAnnouncer() if settings.log == "json" else Announcer()
    try:
        return run_server(settings, announcer, read_again, lambda url: None, make=make, finish=_finish)
    finally:
        for each in made:
            each.close()


def _finish(application: Application, announcer: Announcer) -> None:
    recorder = cast("Recorder", application)
    recorder.close()
    count, folder = recorder.writer.count, str(recorder.writer.folder)
    announcer.say("recorded", f"mock-akool recorded {counted(count, 'call')} in {folder}", calls=count, folder=folder)
    for text in notes_of(recorder):
        announcer.say("warning", f"warning: {text}")


def notes_of(recorder: Recorder) -> list[str]:
    """Return what the user of a recording has to know: which files are not in it, and which requests got no answer."""
    notes = [
        f"{counted(count, 'URL')} of {host} went to the client as they are, so that downloads from there are not "
        f"recorded; --upstream https://{host} records them too"
        for host, count in recorder.left_alone.most_common(5)
    ]
    notes += [
        f"{counted(count, 'request')} got no response, and {'is' if count == 1 else 'are'} not in the recording: {why}"
        for why, count in recorder.failures.most_common(5)
    ]
    return notes
