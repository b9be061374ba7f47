"""`mock-akool serve`: a server for clients in any language."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mock_akool._version import __version__
from mock_akool.cli.announcements import Announcer, JsonAnnouncer, as_json, end_of_run
from mock_akool.cli.flags import plain_of
from mock_akool.cli.parser import FILES, FOLDERS, completed_by
from mock_akool.core.errors import Mistakes, MockAkoolError
from mock_akool.diagnostics.describe import counted, describe_bug
from mock_akool.server.addresses import CONFIG_VARIABLE, PREFIX
from mock_akool.server.config_file import read_assignments
from mock_akool.server.settings import Settings, table

if TYPE_CHECKING:
    from mock_akool.server.access_log import BatchedLog
    from mock_akool.server.application import Application
    from mock_akool.server.http_server import Server
    from mock_akool.server.reload import Reloader


class _Flag(NamedTuple):
    """How `serve --help` shows a flag; the name is that of a setting."""

    name: str
    metavar: str
    help: str
    short: tuple[str, ...] = ()


_GROUPS: Final = {
    "where it listens": (
        _Flag("host", "HOST", "the address (default: 127.0.0.1)", ("-H",)),
        _Flag("port", "PORT", "the port; 0 takes a free one (default: 25665)", ("-p",)),
        _Flag("port_file", "FILE", "a file to write the port into once it listens"),
        _Flag("public_url", "URL", "what URLs of files begin with, behind a proxy"),
        _Flag("admin_token", "TOKEN", "the token that the admin API wants"),
        _Flag("state", "FILE", "a file that keeps jobs over a restart"),
    ),
    "what jobs do": (
        _Flag("queueing", "TIME", "how long status 1 lasts: 2s, '3 polls', forever"),
        _Flag("processing", "TIME", "how long status 2 then lasts (default: 3s)"),
        _Flag("ending", "ENDING", "completed, failed, or 'failed: reason; another'"),
        _Flag("realistic", "YES|NO", "jobs take 30 to 60 s, as real ones do"),
        _Flag("scenario", "NAME", "what goes wrong: a scenario or file (repeatable)"),
        _Flag("seed", "NUMBER", "same seed, same ids and images (default: 0)"),
    ),
    "who may use it": (
        _Flag("accounts", "JSON", "the accounts that exist from the start"),
        _Flag("strict", "YES|NO", "only these accounts exist; else any key is one"),
        _Flag("allow_webhook", "HOST", "where webhooks may go, besides private addresses"),
    ),
}
"""The flags that people need. All other settings that are no choices about the real API have flags too, unlisted."""

LISTENING: Final = frozenset(
    {
        "host", "port", "port_file", "uds", "public_url", "no_tls", "tls_only", "tls_name", "ca_dir", "proxy",
        "proxy_others", "forwarded_allow_ips", "admin_token", "admin_hosts", "log", "call_log_size", "call_log_bytes",
    }
)  # fmt: skip
"""The settings of a server that fakes nothing: where it listens, who may look, and what it keeps of calls."""

_FILES: Final = frozenset({"port_file", "scenario", "state"})

_EPILOG: Final = (
    f"`mock-akool settings` lists all settings. Each is also a variable: --port is {PREFIX}PORT. "
    "Flags win over variables, and variables over the file."
)


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "serve",
        help=help,
        usage="mock-akool serve [options]",
        description="Run the fake as a server until Ctrl-C or SIGTERM.",
        epilog=_EPILOG,
    )
    parser.add_argument("--open", action="store_true", help="open the dashboard in a browser")
    add_settings(parser)
    parser.set_defaults(run=serve)


def all_but(names: Collection[str], why: str) -> dict[str, str]:
    """Return the settings without these, and for each why a command has no use for it."""
    return {row.name: why for row in table() if row.name not in names}


_NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


def add_settings(
    parser: Any, shown_groups: Sequence[str] = tuple(_GROUPS), *, unused: Mapping[str, str] = _NO_SETTINGS
) -> None:
    """Add the flags of all settings to a parser, whose help has these groups; `read_settings` reads what was given.

    `unused` are the settings that would do nothing, and why. They are refused as flags. In variables and files they are
    left alone: those are meant for other commands too.
    """
    parser.set_defaults(unused=unused)
    shown = {flag.name: (title, flag) for title in shown_groups for flag in _GROUPS[title]}
    groups = {title: parser.add_argument_group(title) for title in shown_groups}
    hidden = parser.add_argument_group("others")
    for row in table():
        if row.name in unused:
            parser.unused[f"--{row.name.replace('_', '-')}"] = unused[row.name]
            continue
        if row.flag.startswith("--set "):
            parser.written_otherwise[f"--{row.name.replace('_', '-')}"] = f"{row.flag}=VALUE"
            continue
        title, flag = shown.get(row.name, ("", _Flag(row.name, row.name.upper(), argparse.SUPPRESS)))
        # A bare flag means yes; `--flag no` says no where the default is yes.
        more: dict[str, Any] = {"nargs": "?", "const": "yes"} if row.is_flag else {}
        if row.repeats:
            more["action"] = "append"
        action = groups.get(title, hidden).add_argument(
            *flag.short, row.flag, dest=row.name, default=None, metavar=flag.metavar, help=flag.help, **more
        )
        if row.name in _FILES:
            completed_by(FILES, action)
        elif row.name == "ca_dir":
            completed_by(FOLDERS, action)
    others = parser.add_argument_group("all other settings")
    others.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="any setting by its name (repeatable)"
    )
    config = others.add_argument(
        "--config", metavar="FILE", help=f"a TOML file of settings (variable {CONFIG_VARIABLE})"
    )
    completed_by(FILES, config)
    parser.other_mistakes = _mistakes_in


def _mistakes_in(options: argparse.Namespace) -> list[str]:
    """Return what is wrong with the settings of flags, variables and file."""
    mistakes = Mistakes()
    with mistakes.noted():
        read_settings(options)
    return list(map(str, mistakes.found))


def serve(options: argparse.Namespace) -> int:
    """Serve until a signal ends it, then print the hints; returns the exit code."""
    wants_json = (options.log or os.environ.get(f"{PREFIX}LOG")) == "json"
    try:
        settings = read_settings(options)
        wants_json = settings.log == "json"
        announcer = JsonAnnouncer() if wants_json else Announcer()
        show = _opener(announcer, wanted=options.open)
        return run_server(settings, announcer, lambda: read_settings(options), show)
    except MockAkoolError as error:
        if not wants_json:
            raise
        print(as_json("error", message=error.message, hint=error.hint), file=sys.stderr)
        return 1


def read_settings(options: argparse.Namespace, defaults: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings of flags, variables and file; raises SettingsError in the words that were used.

    `defaults` are for what none of them says. A setting that the command has no use for is as if nobody had said it.
    """
    mistakes = Mistakes()
    assigned = read_assignments(options.set, "--set", mistakes)
    flags = given_flags(options)
    written = {name: f"--set {name}" for name in assigned if name not in flags}
    for name in assigned:
        if name in options.unused:
            mistakes.add("it would do nothing here", options.unused[name], (f"--set {name}",))
        elif name in flags:
            mistakes.add("it is given by its flag too", "give it once", (f"--set {name}",))
    given = {name: text for name, text in assigned.items() if name not in options.unused} | flags
    with mistakes.noted():
        settings = Settings.from_environment(given, config=options.config, written=written, defaults=defaults)
    mistakes.raise_any()
    known = Settings.fields()
    return settings.but(**{name: known[name].default for name in options.unused if name not in flags})


def given_flags(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings whose flags were given; one that was given several times is a list of all its values."""
    flags = {row.name: getattr(options, row.name, None) for row in table()}
    given = {name: value for name, value in flags.items() if value is not None}
    for row in table():
        texts = given.get(row.name)
        if row.repeats and texts is not None:
            given[row.name] = plain_of(row.field.shape, texts)
    return given


def run_server(
    settings: Settings,
    announcer: Announcer,
    read_again: Callable[[], Settings],
    show: Callable[[str], None],
    *,
    make: Callable[[Settings], Application] | None = None,
    finish: Callable[[Application, Announcer], None] | None = None,
) -> int:
    """Serve until a signal ends it, then say what is to be said; returns the exit code.

    `show` is called with the URL of the dashboard once it is there. `make` makes what answers, by default a fake;
    `finish` says the last words, by default those of a fake.
    """
    # Not at the top: `--help` needs none of this.
    from mock_akool.server.memory import keep_in_one_heap
    from mock_akool.server.open_files import allow_files
    from mock_akool.server.process import tune_for_serving
    from mock_akool.server.reload import Reloader

    keep_in_one_heap()  # before the first thread, which is the log's
    server, log = server_of(settings, make)
    application = server.application

    def say(level: str, text: str) -> None:
        if log is not None:
            log.note_message(level, text)
        else:
            announcer.say(level, text)

    reloader = Reloader(application.scenarios, settings.scenario, lambda: read_again().scenario, say)

    def ready(stopping: asyncio.Event) -> None:
        _take_signals(server.loop, stopping, reloader)
        last.callback(_ignore_signals)
        run_beside(server, settings, reloader)
        write_port(server, settings, at_end)
        dashboard = _dashboard_of(server)
        listening = " and ".join([server.url, *server.addresses[1:]])
        announcer.say(
            "listening",
            f"mock-akool {__version__} listens on {listening} (dashboard: {dashboard}, Ctrl-C ends it)",
            url=server.url,
            dashboard=dashboard,
            addresses=list(server.addresses),
            version=__version__,
        )
        show(dashboard)
        _announce_set_up(settings, application, announcer)

    with ExitStack() as last:
        keep_state(application, settings, last)
        with ExitStack() as at_end:
            if log is not None:
                at_end.callback(log.close)
                at_end.enter_context(log.captured())
            if settings.ca_dir is not None and not settings.no_tls:
                server.tls.prepare()  # others wait for the file in that folder
            server.bind()
            tune_for_serving()
            allow_files()
            server.run(ready)
        code = save_state(application, announcer)
        (finish or _announce_end)(application, announcer)
    return code


def _dashboard_of(server: Server) -> str:
    """Return where this machine's browser finds the dashboard, also of a server that listens on all addresses."""
    from mock_akool.admin.access import PAGE

    return server.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:") + PAGE


def _opener(announcer: Announcer, *, wanted: bool) -> Callable[[str], None]:
    """Return what opens a page in the user's browser, or if that is not wanted what does nothing."""

    def show(url: str) -> None:
        if wanted:
            # By itself, and not waited for at the end: a browser in a terminal returns when it is closed.
            threading.Thread(target=_open, args=(url, announcer), daemon=True).start()

    return show


def _open(url: str, announcer: Announcer) -> None:
    """Open a page in the user's browser; without one, say so and serve on."""
    import webbrowser

    try:
        is_open = webbrowser.open(url)
    except (webbrowser.Error, OSError):
        is_open = False
    if not is_open:
        announcer.say("warning", f"warning: no browser could be opened; the dashboard is at {url}")


def server_of(
    settings: Settings, make: Callable[[Settings], Application] | None = None
) -> tuple[Server, BatchedLog | None]:
    """Return the server that these settings describe, with its log, which is to be closed at the end.

    `make` makes what answers; without it a fake does.
    """
    from mock_akool.core.clock import SteeredClock
    from mock_akool.server.access_log import STYLES, BatchedLog
    from mock_akool.server.application import Application
    from mock_akool.server.http_server import Server
    from mock_akool.webhooks.delivery_modes import HTTP

    application = Application(settings, SteeredClock(), settings.access) if make is None else make(settings)
    application.dispatcher.send_by(HTTP)
    style = STYLES.get(settings.log)
    log = BatchedLog(sys.stderr, style()) if style else None
    if log is not None:
        application.dispatcher.note = log.note_webhook
        application.clears(log.forget)
    server = Server(
        application,
        settings.host,
        settings.port,
        uds=settings.uds,
        public_url=settings.public_url,
        log=log,
        tls=settings.tls,
        proxy=settings.proxies,
        forwarding=settings.forwarding,
    )
    return server, log


def _announce_set_up(settings: Settings, application: Application, announcer: Announcer) -> None:
    """Print what a person should know who started the server so."""
    from mock_akool.admin.access import exposure

    warning = exposure(settings.host, settings.admin_token)
    if warning is not None:
        announcer.say("warning", warning)
    if settings.scenario:
        names = [each.name or "a scenario" for each in settings.scenario]
        announcer.say("scenarios", f"active: {', '.join(names)}", active=names)
    if application.state_file is not None:
        jobs, file = application.job_count, str(application.state_file.path)
        found = application.state_file.found
        text = f"went on from {file}: {counted(jobs, 'job')}" if found else f"the state is kept in {file}"
        announcer.say("state", text, file=file, found=found, jobs=jobs)
    if settings.strict and not settings.accounts:
        (account,) = application.engine.accounts
        announcer.say(
            "account",
            f"its only account: clientId {account.client_id} clientSecret {account.api_key}",
            client_id=account.client_id,
            api_key=account.api_key,
        )


def keep_state(application: Application, settings: Settings, last: ExitStack) -> None:
    """Go on from the state file of these settings, if they name one, and keep the state in it until the end."""
    if settings.state is not None:
        from mock_akool.server.state_file import StateFile

        state_file = StateFile(settings.state, application)
        last.callback(state_file.release)
        application.keep_in(state_file)


def run_beside(server: Server, settings: Settings, reloader: Reloader) -> None:
    """Begin what goes on while a server runs: watching files and saving the state. It is called in its loop."""
    if settings.watch:
        server.run_beside(reloader.watch())
    if server.application.state_file is not None:
        server.run_beside(server.application.state_file.keep_saving())


def write_port(server: Server, settings: Settings, at_end: ExitStack) -> None:
    """Write the port file of these settings, if they name one, and remove it at the end."""
    if settings.port_file:
        from mock_akool.server.port_file import PortFile

        port_file = PortFile(settings.port_file)
        port_file.write(server.port)
        at_end.callback(port_file.remove)


def save_state(application: Application, announcer: Announcer) -> int:
    """Save the state at the end, if it is kept; returns the exit code."""
    if application.state_file is None:
        return 0
    try:
        application.state_file.save()
    except MockAkoolError as error:
        announcer.say("warning", f"warning: {error}")
        return 1
    return 0


def _announce_end(application: Application, announcer: Announcer) -> None:
    """Print how much was asked, and hints at the mistakes of the clients."""
    from mock_akool.diagnostics.hints import find_hints
    from mock_akool.diagnostics.observations import Observations

    try:
        seen = Observations.of(application.engine)
        calls, jobs, hints = seen.call_count, len(seen.jobs), find_hints(seen)
    except Exception as bug:
        announcer.say("warning", describe_bug("the last report", bug))
        return
    announcer.say("stopped", end_of_run(calls, jobs, hints), calls=calls, jobs=jobs, hints=hints)


_SIGNALS: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows has no SIGHUP
)


def _take_signals(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event, reloader: Reloader) -> None:
    """End at SIGINT and SIGTERM; read scenarios again at SIGHUP, but end when it says that the terminal is gone.

    The handlers are not the loop's, which end with it: a second signal, as of an impatient person, must not break off
    what comes after it, such as the last save.
    """
    has_terminal = _has_terminal()

    def hang_up() -> None:
        if has_terminal and not _has_terminal():
            stopping.set()
        else:
            loop.run_in_executor(None, reloader.reload)

    def take(number: int, frame: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(stopping.set if number in _SIGNALS[:2] else hang_up)

    for number in _SIGNALS:
        signal.signal(number, take)


def _ignore_signals() -> None:
    """Take no more signals: all is done, and they must not change the exit status while the process ends."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _has_terminal() -> bool:
    """Return whether this process has a terminal that is open."""
    if sys.platform == "win32":  # it has no /dev/tty
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
