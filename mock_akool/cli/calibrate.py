"""`mock-akool calibrate`: ask a service what it does, and say where the fake does something else."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mock_akool.akool.codes import API_URL
from mock_akool.cli.parser import FILES, completed_by
from mock_akool.cli.serve import add_settings, all_but, read_settings
from mock_akool.core.errors import Mistakes, MockAkoolError, SettingsError
from mock_akool.server.addresses import server_url
from mock_akool.server.settings import table

if TYPE_CHECKING:
    from mock_akool.calibration import Finding, HttpService

PACE_S: Final = 0.5
"""At least so many seconds lie between two requests. No flag says less: the service is somebody else's."""
_MOST_REQUESTS: Final = 1000
_MEDIA: Final = ("image", "video", "audio")
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
    what.add_argument(
        "--spend",
        type=_credits,
        default=0.0,
        metavar="N",
        help="make jobs for N credits at most, as the plan says",
    )
    what.add_argument("--families", metavar="NAMES", help="only these families, with commas between them")
    what.add_argument("--only", action="append", default=[], metavar="PROBE", help="only this probe (repeatable)")
    what.add_argument(
        "--media",
        action="append",
        default=[],
        metavar="KIND=URL",
        help="real media for jobs: image, video, audio",
    )
    what.add_argument("--webhook-url", metavar="URL", help="where the service reaches this machine with webhooks")
    what.add_argument(
        "--listen",
        default="127.0.0.1:0",
        metavar="HOST:PORT",
        help="where they are received (default: a free port)",
    )
    what.add_argument(
        "--requests", type=_count, default=_MOST_REQUESTS, metavar="N", help="at most N requests (default: 1000)"
    )
    what.add_argument("--yes", action="store_true", help="ask nobody before the first request")
    written = parser.add_argument_group("what is written")
    for flag, about in (
        ("--report", "what was found out, as JSON without anything private"),
        ("--write-settings", "settings by which the fake does the same, for --config"),
    ):
        completed_by(FILES, written.add_argument(flag, metavar="FILE", help=about))
    add_settings(parser, [], unused=_unused())
    parser.add_argument("url", metavar="URL", help=f"the service, such as {API_URL}")
    parser.set_defaults(run=execute)


def _unused() -> dict[str, str]:
    """Return the settings that mean nothing here, and why."""
    about = {row.name for row in table() if row.flag.startswith("--set ")}
    return all_but(about | _OF_JOBS, "calibrate asks a service and compares it with a fake that listens nowhere")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _credits(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(text)
    return number


_count.__name__ = "number from 1"
_credits.__name__ = "number of credits"


def execute(options: argparse.Namespace) -> int:
    """Calibrate; returns 0, or 1 when something differs, or nothing was asked."""
    from mock_akool.calibration import Credentials, Limits, as_json, as_plan, as_text, as_toml, calibrate, plan

    settings = read_settings(options)
    url = server_url(options.url)
    given = {name: getattr(options, name) or os.environ.get(variable, "") for name, variable in _KEYS.items()}
    if not given["api_key"]:
        raise SettingsError("it is missing", f"give the account's key, or set {_KEYS['api_key']}", ("--api-key",))
    credentials = Credentials(*given.values())
    media = _media_of(options.media)
    limits = Limits(options.requests, options.spend, PACE_S)
    chosen = plan(
        credentials,
        settings,
        limits,
        webhook=bool(options.webhook_url),
        families=_known_families(options.families),
        only=_known_probes(options.only),
    )
    _check_writable(options)
    print(f"{url} is going to be asked:\n{as_plan(chosen, limits)}", flush=True)
    if not options.yes and not _agreed():
        print("nothing was asked")
        return 1
    with _service(url, options) as service:
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
def _service(url: str, options: argparse.Namespace) -> Iterator[HttpService]:
    """Give the service at a URL, with a receiver of its webhooks where --webhook-url says how it is reached."""
    from mock_akool.calibration import HttpService, listening

    if not options.webhook_url:
        yield HttpService(url)
        return
    host, colon, port = options.listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{options.listen!r} is no address", "write it such as 127.0.0.1:8000", ("--listen",))
    with listening(host.strip("[]") or "127.0.0.1", int(port)) as (receiver, taken):
        yield HttpService(url, options.webhook_url.replace("{port}", str(taken)), receiver)


def _media_of(texts: Collection[str]) -> dict[str, str]:
    mistakes, found = Mistakes(), {}
    for text in texts:
        kind, equals, url = text.partition("=")
        if kind not in _MEDIA or not equals or not url.startswith(("http://", "https://")):
            hint = f"write one of {', '.join(_MEDIA)}, `=` and an http or https URL"
            mistakes.add(f"{text!r} is not KIND=URL", hint, ("--media",))
        found[kind] = url
    mistakes.raise_any()
    return found


def _known_families(text: str | None) -> list[str]:
    """Return the names of families; raises SettingsError for an unknown one."""
    from mock_akool.akool.families import FAMILIES

    return _known(
        [each.strip() for each in (text or "").split(",") if each.strip()],
        [each.name for each in FAMILIES],
        "family",
        "--families",
    )


def _known_probes(names: list[str]) -> list[str]:
    """Return the names of probes; raises SettingsError for an unknown one."""
    from mock_akool.calibration import PROBES

    return _known(names, [each.name for each in PROBES], "probe", "--only")


def _known(names: list[str], known: list[str], what: str, flag: str) -> list[str]:
    from mock_akool.core.schema import did_you_mean

    mistakes = Mistakes()
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, "`mock-akool calibrate --help` says more")
            mistakes.add(f"there is no {what} {name!r}", hint, (flag,))
    mistakes.raise_any()
    return names


def _check_writable(options: argparse.Namespace) -> None:
    """Raise MockAkoolError for a file that cannot be written, before anything is asked."""
    for file in (options.report, options.write_settings):
        if file is not None and not Path(file).absolute().parent.is_dir():
            raise MockAkoolError(f"cannot write {file}: its folder does not exist")


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MockAkoolError(f"cannot write {file}: {error.strerror or error}") from None


def _show_progress(done: int, all_of_them: int, finding: Finding) -> None:
    if sys.stderr.isatty():
        print(f"{done} of {all_of_them}: {finding.probe.name}: {finding.verdict}", file=sys.stderr)
