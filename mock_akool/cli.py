"""The command line: `mock-akool serve | demo | health | scenarios | webhook`.

Flags of `serve` are made from the settings table, so each setting has one, and a variable of the same name.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from mock_akool._version import __version__
from mock_akool.core.errors import MockAkoolError, SettingsError
from mock_akool.settings import DEFAULT_PORT, PREFIX, Setting, Settings, server_url, table

_SHORT: Final = {"host": ("-H",), "port": ("-p",)}
_DEFAULT_URL: Final = f"http://127.0.0.1:{DEFAULT_PORT}"


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
                import difflib  # only a mistake pays for it

                near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
                self.error(f"there is no flag {flag} here" + (f", the nearest is {near[0]}" if near else ""))
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
    _add_settings(serve)
    serve.set_defaults(run=_serve)

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
        help="ask a running server whether it is well",
        description="Ask a running server whether it is well: exit code 0 if so, else 1.",
        allow_abbrev=False,
    )
    health.add_argument(
        "--url", default=None, help=f"the server's address (default: that of {PREFIX}PORT, else {_DEFAULT_URL})"
    )
    health.add_argument("--timeout", type=float, default=2.0, help="seconds to wait for it (default: %(default)s)")
    health.set_defaults(run=_health)
    _add_scenarios(commands)
    from mock_akool import webhook_cli

    webhook_cli.add(commands)
    return parser


def _add_scenarios(commands: Any) -> None:
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


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting: those of a server first, then the choices of the contract."""
    usual = parser.add_argument_group("settings")
    choices = parser.add_argument_group("choices where the real API is unknown or varies (docs/differences.md)")
    for setting in table():
        _add_flag(choices if setting.about.mark else usual, setting)


def _add_flag(group: Any, setting: Setting) -> None:
    about = setting.about
    names = (*_SHORT.get(setting.field, ()), setting.flag)
    default = f" (default: {setting.shown_default})" if setting.shown_default else ""
    text = f"{about.help}: {about.kind.wants}{default}".replace("%", "%%")
    # A bare flag means yes; `--flag no` says no where the default is yes.
    bare: dict[str, Any] = {"nargs": "?", "const": "yes"} if about.kind.is_flag else {}
    metavar = "YES|NO" if about.kind.is_flag else setting.field.upper()
    if about.kind.repeats:
        bare["action"] = "append"
    group.add_argument(*names, dest=setting.field, default=None, metavar=metavar, help=text, **bare)


def _serve(options: argparse.Namespace) -> int:
    given = {row.field: getattr(options, row.field) for row in table() if getattr(options, row.field) is not None}
    for row in table():
        if row.about.kind.repeats and len(given.get(row.field, ())) == 1:
            (given[row.field],) = given[row.field]
    try:
        settings = Settings.from_environment(given)
    except SettingsError as error:
        flags = {row.field: row.flag for row in table() if row.field in given}
        if error.option in flags:
            raise error.spelt(flags[error.option]) from None
        raise

    # Not at the top: `--help` and `health` need none of this.
    from mock_akool.control.safety import exposure
    from mock_akool.core.clock import SteeredClock
    from mock_akool.doors.request_log import STYLES, BatchedLog
    from mock_akool.doors.server import Server
    from mock_akool.service import Application
    from mock_akool.webhooks.courier import HTTP

    application = Application(settings, SteeredClock(), settings.access)
    application.dispatcher.carry_by(HTTP)
    style = STYLES.get(settings.log)
    log = BatchedLog(sys.stderr, style()) if style else None
    if log is not None:
        application.dispatcher.note = log.note_callback
    server = Server(application, settings.host, settings.port, public_url=settings.public_url, log=log)
    port_file = Path(settings.port_file) if settings.port_file else None

    def ready(stopping: asyncio.Event) -> None:
        _end_on_signals(server.loop, stopping)
        if port_file is not None:
            _write_port(port_file, server.port)
            at_end.callback(port_file.unlink, missing_ok=True)
        print(f"mock-akool {__version__} listens on {server.url} (Ctrl-C ends it)", flush=True)
        exposed = exposure(settings.host, settings.admin_token)
        if exposed is not None:
            print(exposed, flush=True)
        if settings.scenario:
            print(f"in force: {', '.join(each.name or 'a scenario' for each in settings.scenario)}", flush=True)
        if settings.strict and not settings.accounts:
            (account,) = application.engine.accounts
            print(f"its only account: clientId {account.client_id} clientSecret {account.api_key}", flush=True)

    with ExitStack() as at_end:
        if log is not None:
            at_end.callback(log.close)
        server.bind()
        _settle_memory()
        server.run(ready)
    return 0


def _end_on_signals(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))


def _write_port(file: Path, port: int) -> None:
    """Write the port so that a reader never sees half of it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        draft.write_text(f"{port}\n")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise MockAkoolError(f"cannot write the port file {file}: {error.strerror}") from None


def _settle_memory() -> None:
    """Keep the garbage collector from walking, again and again, through what stays."""
    import gc

    gc.collect()
    gc.freeze()
    # Each request leaves a few records in the journal; none of them are in cycles.
    gc.set_threshold(20_000, 20, 50)


def _list_scenarios(options: argparse.Namespace) -> int:
    from mock_akool.scenario_files import named, names

    width = max(map(len, names()))
    for name in names():
        print(f"{name:<{width}}  {first_sentence(named(name).description)}")
    return 0


def first_sentence(text: str) -> str:
    """Return the first sentence, by which a list may stand."""
    return text.partition(". ")[0].rstrip(".") + "."


def _show_scenario(options: argparse.Namespace) -> int:
    from mock_akool.scenario_files import text_of

    print(text_of(options.name), end="")
    return 0


def _check_scenarios(options: argparse.Namespace) -> int:
    from mock_akool.core.errors import ScenarioError
    from mock_akool.scenario_files import load

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
    from mock_akool.core.scenario_shapes import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0


def _demo(options: argparse.Namespace) -> int:
    from mock_akool.demo import run

    return run(options.folder)


def _health(options: argparse.Namespace) -> int:
    url = server_url(options.url) if options.url else _url_of_settings()
    try:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=options.timeout)
        with closing(connection):
            connection.request("GET", "/_mock/health")
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _unhealthy(url, str(error) or type(error).__name__)
    try:
        said = json.loads(body)
        name, version, state = said["name"], said["version"], said["status"]
    except (ValueError, KeyError, TypeError):
        return _unhealthy(url, f"what answers there with HTTP {status} is no mock-akool")
    if status != 200 or state != "ok":
        return _unhealthy(url, f"it says {state!r} with HTTP {status}")
    print(f"{name} {version} at {url} is {state}")
    return 0


def _unhealthy(url: str, why: str) -> int:
    print(f"mock-akool: no healthy server at {url}: {why}", file=sys.stderr)
    return 1


def _url_of_settings() -> str:
    """Return where a server of the same environment is reached from this machine."""
    settings = Settings.from_environment()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
