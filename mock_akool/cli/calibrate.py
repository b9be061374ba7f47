"""`mock-akool calibrate`: ask a service what it does, and say where the fake does something else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.codes import API_URL
from mock_akool.cli.flags import COUNT, FAMILY, HTTP_URL, SERVER_URL, WRITABLE_FILE, read_assigned, read_by
from mock_akool.cli.parser import FILES, completed_by
from mock_akool.cli.serve import add_settings, all_but, read_settings
from mock_akool.core.errors import Mistakes, MockAkoolError, SettingsError
from mock_akool.core.schema import Field, Listed, Plain, Record, did_you_mean, number
from mock_akool.server.addresses import HIGHEST_PORT
from mock_akool.server.settings import table

if TYPE_CHECKING:
    from mock_akool.calibration import Finding, HttpService

PACE_S: Final = 0.5
"""At least so many seconds lie between two requests. No flag says less: the service is somebody else's."""
_MOST_REQUESTS: Final = 1000
_MEDIA: Final = Record(
    "list of media", dict, {kind: Field(HTTP_URL, f"the URL of a real {kind}") for kind in ("image", "video", "audio")}
)
_OF_JOBS: Final = frozenset({"profile", "queueing", "processing", "ending", "realistic"})
"""What flags say of the fake that the service is compared with; its accounts are those that probes need."""
_KEYS: Final = {
    "api_key": "AKOOL_API_KEY",
    "client_id": "AKOOL_CLIENT_ID",
    "other_api_key": "AKOOL_OTHER_API_KEY",
    "empty_api_key": "AKOOL_EMPTY_API_KEY",
    "banned_api_key": "AKOOL_BANNED_API_KEY",
}
"""Where keys are looked for that no flag gives: other users of a machine can read flags."""


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "calibrate",
        help=help,
        usage="mock-akool calibrate [options] URL",
        description="Ask the service at URL what it does, the cheapest first, and say where the fake does something "
        "else. It prints a plan, and asks nothing before you agree.",
        epilog="Keys may be in the variables AKOOL_API_KEY, AKOOL_CLIENT_ID and so on. The settings of jobs and of "
        "the API are flags here too: they say what fake the service is compared with.",
    )
    who = parser.add_argument_group("who asks")
    who.add_argument("--api-key", metavar="KEY", help="the key of the account that asks")
    who.add_argument("--client-id", metavar="ID", help="its clientId, for tokens and webhooks")
    who.add_argument("--other-api-key", metavar="KEY", help="the key of any second account")
    who.add_argument("--empty-api-key", metavar="KEY", help="the key of an account without credits")
    who.add_argument("--banned-api-key", metavar="KEY", help="the key of a banned account")
    what = parser.add_argument_group("what is asked")
    spend = what.add_argument(
        "--spend", default=0.0, metavar="N", help="make jobs for N credits at most, as the plan says"
    )
    read_by(_CREDITS, spend)
    families = what.add_argument(
        "--families", default="", metavar="NAMES", help="only these families, with commas between them"
    )
    read_by(Listed(FAMILY, lone=True), families)
    only = what.add_argument(
        "--only", action="append", default=[], metavar="PROBE", help="only this probe (repeatable)"
    )
    read_by(Listed(_PROBE, lone=True), only)
    what.add_argument(
        "--media",
        action="append",
        default=[],
        metavar="KIND=URL",
        help="real media for jobs: image, video, audio",
    )
    reached = what.add_argument(
        "--webhook-url", metavar="URL", help="where the service reaches this machine with webhooks"
    )
    read_by(_WEBHOOK_URL, reached)
    listen = what.add_argument(
        "--listen",
        default="127.0.0.1:0",
        metavar="HOST:PORT",
        help="where they are received (default: a free port)",
    )
    read_by(_ADDRESS, listen)
    requests = what.add_argument(
        "--requests", default=_MOST_REQUESTS, metavar="N", help="at most N requests (default: 1000)"
    )
    read_by(COUNT, requests)
    what.add_argument("--yes", action="store_true", help="ask nobody before the first request")
    written = parser.add_argument_group("what is written")
    for flag, about in (
        ("--report", "what was found out, as JSON without anything private"),
        ("--write-settings", "settings by which the fake does the same, for --config"),
    ):
        file = written.add_argument(flag, metavar="FILE", help=about)
        completed_by(FILES, file)
        read_by(WRITABLE_FILE, file)
    add_settings(parser, [], unused=_unused())
    url = parser.add_argument("url", metavar="URL", help=f"the service, such as {API_URL}")
    read_by(SERVER_URL, url)
    parser.set_defaults(run=execute)


def _unused() -> dict[str, str]:
    """Return the settings that mean nothing here, and why."""
    about = {row.name for row in table() if row.flag.startswith("--set ")}
    return all_but(about | _OF_JOBS, "calibrate asks a service and compares it with a fake that listens nowhere")


def _read_probe(name: str) -> str:
    from mock_akool.calibration import PROBES

    known = [each.name for each in PROBES]
    if name not in known:
        hint = did_you_mean(name, known, "the plan lists them when --only is left out")
        raise SettingsError(f"there is no probe {name!r}", hint)
    return name


def _read_webhook_url(text: str) -> str:
    HTTP_URL.read(text.replace("{port}", "1"))
    return text


def _read_address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > HIGHEST_PORT:
        raise SettingsError(f"{text!r} is no address", "write it such as 127.0.0.1:8000")
    return host.strip("[]") or "127.0.0.1", int(port)


_CREDITS: Final = number(0, 1e9, "a number of credits")
_PROBE: Final = Plain("a probe", _read_probe, {"type": "string"})
_WEBHOOK_URL: Final = Plain("an http(s) URL", _read_webhook_url, {"type": "string"})
"""In the place of `{port}` it gets the port that is listened on."""
_ADDRESS: Final = Plain("an address", _read_address, {"type": "string"})


def execute(options: argparse.Namespace) -> int:
    """Calibrate; returns 0, or 1 when something differs, or nothing was asked."""
    from mock_akool.calibration import Credentials, Limits, as_json, as_plan, as_text, as_toml, calibrate, plan

    mistakes = Mistakes()
    options.parser.read(options, mistakes)
    media = read_assigned(_MEDIA, options.media, "--media", "image=https://h.test/a.jpg", mistakes)
    given = {name: getattr(options, name) or os.environ.get(variable, "") for name, variable in _KEYS.items()}
    if not given["api_key"]:
        mistakes.add("it is missing", f"give the account's key, or set {_KEYS['api_key']}", ("--api-key",))
    with mistakes.noted():
        settings = read_settings(options)
    mistakes.raise_any()
    credentials = Credentials(*given.values())
    limits = Limits(options.requests, options.spend, PACE_S)
    chosen = plan(
        credentials,
        settings,
        limits,
        webhook=bool(options.webhook_url),
        families=[each.name for each in options.families],
        only=options.only,
    )
    print(f"{options.url} is going to be asked:\n{as_plan(chosen, limits)}", flush=True)
    if not options.yes and not _agreed():
        print("nothing was asked")
        return 1
    with _service(options) as service:
        found = calibrate(service, credentials, settings, chosen, limits=limits, media=media, progress=_show_progress)
    print(as_text(found))
    for file, text in ((options.report, as_json), (options.write_settings, as_toml)):
        if file is not None:
            _write(file, text(found))
    return int(bool(found.differences))


def _agreed() -> bool:
    """Return whether the person at the terminal agrees. Raises MockAkoolError when there is none."""
    if not sys.stdin.isatty():
        raise MockAkoolError("nobody is there to agree to the plan", "Give --yes when this is no terminal")
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


@contextmanager
def _service(options: argparse.Namespace) -> Iterator[HttpService]:
    """Give the service that is asked, with a receiver of its webhooks where --webhook-url says how it is reached."""
    from mock_akool.calibration import HttpService, listening

    if not options.webhook_url:
        yield HttpService(options.url)
        return
    with listening(*options.listen) as (receiver, taken):
        yield HttpService(options.url, options.webhook_url.replace("{port}", str(taken)), receiver)


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MockAkoolError(f"cannot write {file}: {error.strerror or error}") from None


def _show_progress(done: int, all_of_them: int, finding: Finding) -> None:
    if sys.stderr.isatty():
        print(f"{done} of {all_of_them}: {finding.probe.name}: {finding.verdict}", file=sys.stderr)
