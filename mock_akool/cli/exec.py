"""`mock-akool exec`: run a program that has Akool's hosts written into it, against a fake of its own."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.cli.announcements import Announcer
from mock_akool.cli.flags import WRITABLE_FILE, read_by
from mock_akool.cli.parser import FILES, completed_by
from mock_akool.cli.serve import (
    add_settings,
    given_flags,
    keep_state,
    read_settings,
    run_beside,
    save_state,
    server_of,
    write_port,
)
from mock_akool.core.errors import Mistakes, MockAkoolError, SettingsError
from mock_akool.core.schema import Plain, one_of
from mock_akool.server.addresses import bare_url
from mock_akool.server.settings import table

if TYPE_CHECKING:
    from mock_akool.server.http_server import Server
    from mock_akool.server.settings import Settings

_NO_COMMAND: Final = 127
_NO_PROGRAM: Final = 126
_BY_SIGNAL: Final = 128
"""What a shell adds to the number of the signal that ended a command."""
_NO_ERROR: Final = frozenset({0, _BY_SIGNAL + signal.SIGINT, _BY_SIGNAL + signal.SIGTERM})
"""How a command ends that did its work, or that a person ended, such as a server."""
_FORWARDED: Final = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_NOTHING: Final = "mock-akool: no request reached the fake"
_CLIENTS: Final = "clients"
"""The folder beside the CA for the files that variables name."""

_WAYS_OUT: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (
        ("python", "pytest", "uv", "poetry", "gunicorn"),
        "aiohttp with aiodns, uvloop and pycurl resolve names past Python, and python -I and -S load no shim; use "
        "`exec --isolate`, the client's proxy setting, or MockAkool in its tests",
    ),
    (
        ("node", "npm", "npx", "yarn", "pnpm"),
        "a program that resets NODE_OPTIONS, or is compiled into one file, does not load the shim; let it keep "
        "NODE_OPTIONS, or use `exec --isolate`",
    ),
    (
        ("java", "mvn", "gradle"),
        "a client with a proxy selector or a trust store of its own does not follow JAVA_TOOL_OPTIONS; use "
        "`exec --isolate` for the one, and add the CA of `mock-akool ca export` to the other",
    ),
    (
        ("php",),
        "streams of PHP, such as file_get_contents, know no HTTPS_PROXY; use `exec --isolate`, curl, or a stream "
        "context with the proxy",
    ),
    (
        ("go", "deno", "bun", "curl", "wget", "cargo", "ruby", "dotnet"),
        "a client that is set to use no proxy, or another one, does not follow HTTPS_PROXY; take that setting away, "
        "or use `exec --isolate`",
    ),
)
"""What to try when a program ignored all variables, by the beginning of its name."""


_UNTRUSTED: Final = (
    "the program connected and sent no request, as clients do that do not trust the CA: give it the file of "
    "`mock-akool ca export`, or of `mock-akool ca bundle`, by its own setting"
)


_SEE_GUIDE: Final = "where it is about a certificate or a host that was not found, see docs/guides/hard-coded-hosts.md"


class Observed(NamedTuple):
    """What the fake saw of the command."""

    calls: int
    jobs: int
    hints: list[str]
    report: str


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "exec",
        help=help,
        usage="mock-akool exec [options] -- COMMAND ...",
        description="Run a program that has Akool's hosts written into it against a fake of its own. Its environment "
        "leads it there. Requests to other hosts go out as before.",
        epilog="All flags of `mock-akool serve` are flags of exec too.",
    )
    own = parser.add_argument_group("what is printed at the end")
    own.add_argument("--quiet", action="store_true", help="print nothing")
    report = own.add_argument("--report", metavar="FILE", help="a file for the report (JSON)")
    completed_by(FILES, report)
    read_by(WRITABLE_FILE, report)
    where = parser.add_argument_group("for programs that ignore every variable")
    where.add_argument("--isolate", action="store_true", help="a network with Akool's hosts only (Linux)")
    other = parser.add_argument_group("without a server of its own")
    attached = other.add_argument("--attach", metavar="URL", help="use the server that runs there")
    read_by(_BARE_URL, attached)
    printed = other.add_argument(
        "--print-env",
        nargs="?",
        const="shell",
        choices=("shell", "dotenv"),
        metavar="FORM",
        help="print the variables: shell or dotenv",
    )
    read_by(one_of(("shell", "dotenv")), printed)
    add_settings(parser, ["what jobs do"])
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="the program and its arguments, after --")
    parser.set_defaults(run=execute)


_BARE_URL: Final = Plain("the address of a server", bare_url, {"type": "string", "format": "uri"})


def execute(options: argparse.Namespace) -> int:
    """Run the command against a fake; returns its exit status, or 127 when there is no such command."""
    _check_used(options)
    command = command_of(options) if options.print_env is None else []
    mistakes = Mistakes()
    options.parser.read(options, mistakes)
    with mistakes.noted():
        has_own = options.attach is None and options.print_env is None
        settings = settings_for_command(options) if has_own else read_settings(options)
    mistakes.raise_any()
    if options.print_env is not None:
        return _print_environment(options, settings)
    program = program_of(command)
    if isinstance(program, int):
        return program
    with _fake(options, settings) as fake:
        began = fake.observed()
        status = _run([program, *command[1:]], {**os.environ, **fake.variables}, fake)
        seen = fake.observed()
    seen = seen._replace(calls=seen.calls - began.calls, jobs=seen.jobs - began.jobs)
    if options.report:
        _write_report(options.report, seen, command, status)
    if not options.quiet:
        print(_summary(fake, seen, command, status, isolated=options.isolate), file=sys.stderr)
    return status


_USED_BY: Final[Mapping[str, frozenset[str]]] = {
    "--attach": frozenset({"admin_token", "ca_dir"}),
    "--print-env": frozenset({"host", "port", "ca_dir"}),
}
"""The settings that count where there is no server of one's own."""


def _check_used(options: argparse.Namespace) -> None:
    """End with the status of wrong usage for flags that would do nothing."""
    given = set(given_flags(options)) | {each.partition("=")[0] for each in options.set}
    flags = {row.name: row.flag for row in table()}
    wrong = []
    if options.isolate and (options.attach is not None or options.print_env is not None):
        wrong.append("--isolate wants a server of its own; leave out --attach and --print-env")
    if options.print_env is not None:
        own = {"--quiet": options.quiet, "--report": options.report, "COMMAND": options.command}
        needless = [name for name, value in own.items() if value]
        if needless:
            wrong.append(f"--print-env runs no command; leave out {', '.join(needless)}")
    for flag, value in (("--attach", options.attach), ("--print-env", options.print_env)):
        if value is None or (flag == "--print-env" and options.attach is not None):
            continue
        needless = [each for name, each in flags.items() if name in given - _USED_BY[flag]]
        if needless:
            why = "uses a server that runs already" if flag == "--attach" else "starts no server"
            wrong.append(f"{flag} {why}; leave out {', '.join(needless)}")
    if wrong:
        options.parser.refuse(options, *wrong)


def command_of(options: argparse.Namespace) -> list[str]:
    """Return the command that was given; ends with the status of wrong usage when there is none."""
    command: list[str] = options.command
    if not command:
        name = options.parser.prog.split()[-1]
        options.parser.refuse(
            options, f"there is no command; write it after --, as in `mock-akool {name} -- node app.mjs`"
        )
    return command


def program_of(command: Sequence[str]) -> str | int:
    """Return the path of a command's program, or when it cannot be run, which is printed, the exit status of that."""
    program = shutil.which(command[0])
    if program is not None:
        return program
    found = Path(command[0]).exists() and os.sep in command[0]
    why = "is no program that can be run" if found else "there is no such command"
    print(f"mock-akool: {command[0]}: {why}", file=sys.stderr)
    return _NO_PROGRAM if found else _NO_COMMAND


# The fake


class _Fake:
    """The fake of a command: the variables that lead there, and what it saw."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the command where the variables lead to the fake; OSError when it cannot be run."""
        return subprocess.Popen(command, env=environment)

    @property
    def unused_connections(self) -> int:
        """How many clients connected over TLS and sent no request, as far as that is known."""
        return 0

    def observed(self) -> Observed:
        """Return what it saw until now."""
        raise NotImplementedError


@contextmanager
def _fake(options: argparse.Namespace, settings: Settings) -> Iterator[_Fake]:
    if options.attach is not None:
        yield _Attached(options, settings)
        return
    from mock_akool.server.reload import Reloader

    server, log = server_of(settings)
    application, announcer = server.application, Announcer(sys.stderr)
    with ExitStack() as at_end:
        keep_state(application, settings, at_end)
        if log is not None:
            at_end.callback(log.close)
            at_end.enter_context(log.captured())
        server.tls.prepare()
        at_end.callback(save_state, application, announcer)
        at_end.enter_context(server)
        reloader = Reloader(
            application.scenarios, settings.scenario, lambda: settings_for_command(options).scenario, announcer.say
        )
        server.loop.call_soon_threadsafe(run_beside, server, settings, reloader)
        write_port(server, settings, at_end)
        if options.isolate:
            yield _Isolated(server, options, at_end)
        else:
            yield OwnFake(server, *address_of(server))


def address_of(server: Server) -> tuple[str, int]:
    """Return the host and the port by which a command reaches a server of this process."""
    return urlsplit(server.url).hostname or "127.0.0.1", server.port


class OwnFake(_Fake):
    """A fake in a thread of this process."""

    def __init__(self, server: Server, host: str, port: int) -> None:
        authority = server.tls.authority
        self._engine = server.application.engine
        self._server = server
        super().__init__(_variables(host, port, authority.root_pem(), authority.folder))

    @property
    def unused_connections(self) -> int:
        """How many clients connected over TLS and sent no request."""
        return self._server.tls.unused_connections

    def observed(self) -> Observed:
        """Return what it saw until now."""
        from mock_akool.diagnostics.hints import find_hints
        from mock_akool.diagnostics.observations import Observations
        from mock_akool.diagnostics.report import explain

        seen = Observations.of(self._engine)
        return Observed(seen.call_count, len(seen.jobs), find_hints(seen), explain(seen))


class _Isolated(OwnFake):
    """A fake in a thread of this process, and a command in namespaces of its own."""

    def __init__(self, server: Server, options: argparse.Namespace, at_end: ExitStack) -> None:
        from mock_akool.cli.isolation import HOST, PORT

        super().__init__(server, HOST, PORT)
        self._options = options
        self._at_end = at_end

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start the command in there; ends with the status of wrong usage where namespaces cannot be made."""
        from mock_akool.cli.isolation import IsolationError, isolated

        trusted, root_file = Path(self.variables["SSL_CERT_FILE"]), self._server.tls.authority.root_file
        try:
            process = self._at_end.enter_context(isolated(trusted, root_file)).start(command, environment, self._server)
        except IsolationError as error:
            self._options.parser.error(str(error))
        if not self._options.quiet:
            print("mock-akool: the command reaches Akool's hosts and nothing else", file=sys.stderr)
        return process


class _Attached(_Fake):
    """A fake on a server that runs already."""

    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        from mock_akool.mock.remote.admin_client import AdminClient
        from mock_akool.server.certificates import Authority

        self._client = AdminClient(options.attach, settings.admin_token)
        self._client.health()
        host, port = self._client.address
        super().__init__(
            _variables(host, port, self._client.ca(), Authority(settings.ca_dir).folder / f"{host}-{port}")
        )

    def observed(self) -> Observed:
        """Return what it saw until now."""
        state, report = self._client.ask("GET", "state"), self._client.ask("GET", "report")
        return Observed(state["calls"], sum(state["jobs"].values()), report["hints"], report["report"])


def settings_for_command(options: argparse.Namespace) -> Settings:
    """Return the settings of a server for one command: a free port, a quiet log, and a way out to other hosts.

    Raises SettingsError, also for a server without TLS, or with TLS only.
    """
    from mock_akool.admin.access import is_loopback

    if getattr(options, "port", None) is None:
        options.port = "0"  # a variable or a file says where a server listens that may be running
    # What is for other hosts is passed on; but a namespace has no way out, and other machines would have an open proxy.
    settings = read_settings(options, _DEFAULTS if options.isolate else _OPEN)
    if not all(map(is_loopback, settings.host)):
        settings = read_settings(options, _DEFAULTS)
    if settings.no_tls:
        raise SettingsError("programs with Akool's hosts in them speak HTTPS", "leave it out", ("--no-tls",))
    if settings.tls_only:
        raise SettingsError("programs reach the fake by a proxy, over plain HTTP", "leave it out", ("--tls-only",))
    return settings


_DEFAULTS: Final = {"log": "off", "proxy": "yes"}
"""What a server for one command does where nobody says otherwise."""
_OPEN: Final = {**_DEFAULTS, "proxy_others": "pass"}
"""The same where only this machine reaches it."""


def _variables(host: str, port: int, root_pem: bytes, folder: Path) -> dict[str, str]:
    from mock_akool.cli.client_environment import variables

    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)
    return variables(host, port, root_pem, folder / _CLIENTS)


def _print_environment(options: argparse.Namespace, settings: Settings) -> int:
    from mock_akool.cli.client_environment import written

    if options.attach is not None:
        found = _Attached(options, settings).variables
    else:
        from mock_akool.server.certificates import Authority

        authority = Authority(settings.ca_dir)
        found = _variables(settings.host[0], settings.port, authority.root_pem(), authority.folder)
    print(written(found, options.print_env))
    return 0


# The command


def why_not_run(error: OSError) -> str:
    """Return why a file that is there and may be run could not be run, and what to do."""
    if error.errno == errno.ENOEXEC:
        return "the system cannot run it; begin a script with a line such as #!/bin/sh"
    if error.errno == errno.ENOENT:
        return "what is to run it is not there; look at its first line, #!…"
    return error.strerror or str(error)


def _run(command: Sequence[str], environment: Mapping[str, str], fake: _Fake) -> int:
    """Run a command to its end, and hand on the signals that are for it; returns its exit status."""
    with _signals() as forwarded:
        try:
            process = fake.start(command, environment)
        except OSError as error:
            print(f"mock-akool: {command[0]}: {why_not_run(error)}", file=sys.stderr)
            return _NO_PROGRAM
        with process:
            forwarded.to(process)
            status = process.wait()
    return _as_shown(status)


def _as_shown(status: int) -> int:
    """Return the exit status that a shell shows for that of a process, which is negative when a signal ended it."""
    return _BY_SIGNAL - status if status < 0 else status


class _Forwarded:
    """Hands on signals to a process; those that come before it is there wait for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, _: object) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def to(self, process: subprocess.Popen[bytes]) -> None:
        """Hand them on to this process from now on."""
        self._process = process
        for number in self._early:
            process.send_signal(number)


@contextmanager
def _signals() -> Iterator[_Forwarded]:
    forwarded = _Forwarded()
    handlers: dict[signal.Signals, Any] = {
        getattr(signal, name): forwarded for name in _FORWARDED if hasattr(signal, name)
    }
    # A terminal sends Ctrl-C to the command as well; whoever sends it to this process only means the command.
    handlers[signal.SIGINT] = _ignore if _is_in_foreground() else forwarded
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield forwarded
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(number: int, _: object) -> None:
    """Go on: the command decides what an interrupt means."""


def _is_in_foreground() -> bool:
    """Return whether the terminal sends its signals to this process."""
    if sys.platform == "win32":  # each process of a console gets them
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


# What is printed at the end


def _summary(fake: _Fake, seen: Observed, command: Sequence[str], status: int, *, isolated: bool) -> str:
    from mock_akool.diagnostics.describe import counted

    if not seen.calls:
        if status not in _NO_ERROR:
            found = [_UNTRUSTED] if fake.unused_connections else [] if isolated else [_SEE_GUIDE]
            return "\n".join([ended_early(status), *(f"hint: {each}" for each in [*found, *seen.hints])])
        if fake.unused_connections:
            return "\n".join([_NOTHING, f"hint: {_UNTRUSTED}", *(f"hint: {each}" for each in seen.hints)])
        if isolated:
            hints = seen.hints or [
                "it connected to none of Akool's hosts; does it have another address in its settings?"
            ]
            return "\n".join([_NOTHING, *(f"hint: {each}" for each in hints)])
        return "\n".join([*nothing_came(command), *(f"hint: {each}" for each in seen.hints)])
    said = f"mock-akool: {counted(seen.calls, 'call')} and {counted(seen.jobs, 'job')}"
    return "\n".join([said, *(f"hint: {each}" for each in seen.hints)])


def ended_early(status: int) -> str:
    """Return the line for a command that ended with an error, by its exit status, before it sent a request."""
    return (
        f"mock-akool: the command ended with exit status {_as_shown(status)} before it sent a request; see its own "
        "error above"
    )


def nothing_came(command: Sequence[str]) -> list[str]:
    """Return what is printed when a command sent nothing to the fake, as lines: what it is, and what to try."""
    name = Path(command[0]).name.lower()
    ways = [way for beginnings, way in _WAYS_OUT if name.startswith(beginnings)]
    general = (
        "run a program that reads none of the variables of `exec --print-env` by `mock-akool exec --isolate` (Linux), "
        "or give it the proxy and the CA by its own settings; docs/guides/hard-coded-hosts.md says how"
    )
    return [_NOTHING, *(f"hint: {each}" for each in [*ways, general])]


def _write_report(file: str, seen: Observed, command: Sequence[str], status: int) -> None:
    content = {"command": list(command), "exit_status": status, **seen._asdict()}
    try:
        Path(file).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        why = error.strerror or error
        raise MockAkoolError(f"cannot write the report {file}: {why}", "Choose another with --report") from None
