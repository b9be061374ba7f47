"""`mock-akool serve`: a server for clients in any language."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from mock_akool._version import __version__
from mock_akool.core.errors import MockAkoolError
from mock_akool.server.settings import Setting, Settings, table


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each setting: those of a server first, then the choices of the contract."""
    usual = parser.add_argument_group("settings")
    choices = parser.add_argument_group("choices where the real API is unknown or varies")
    for setting in table():
        _add_flag(choices if setting.field.mark else usual, setting)


def _add_flag(group: Any, setting: Setting) -> None:
    names = (*_SHORT.get(setting.name, ()), setting.flag)
    default = f" (default: {setting.shown_default})" if setting.shown_default else ""
    text = f"{setting.field.help}: {setting.wants}{default}".replace("%", "%%")
    # A bare flag means yes; `--flag no` says no where the default is yes.
    more: dict[str, Any] = {"nargs": "?", "const": "yes"} if setting.is_flag else {}
    metavar = "YES|NO" if setting.is_flag else setting.name.upper()
    if setting.repeats:
        more["action"] = "append"
    group.add_argument(*names, dest=setting.name, default=None, metavar=metavar, help=text, **more)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings whose flags were given; one that was given several times is a list of all its values."""
    given = {row.name: getattr(options, row.name) for row in table() if getattr(options, row.name) is not None}
    for row in table():
        texts = given.get(row.name)
        if row.repeats and texts is not None:
            lists = [row.field.shape.from_text(text) for text in texts]
            given[row.name] = [each for some in lists for each in (some if isinstance(some, list) else [some])]
    return given


def run_serve(options: argparse.Namespace) -> int:
    """Serve until a signal ends it, and return the exit code."""
    settings = Settings.from_environment(_given(options))

    # Not at the top: `--help` and `health` need none of this.
    from mock_akool.admin.access import exposure
    from mock_akool.core.clock import SteeredClock
    from mock_akool.server.access_log import STYLES, BatchedLog
    from mock_akool.server.application import Application
    from mock_akool.server.http_server import Server
    from mock_akool.webhooks.delivery_modes import HTTP

    application = Application(settings, SteeredClock(), settings.access)
    application.dispatcher.send_by(HTTP)
    style = STYLES.get(settings.log)
    log = BatchedLog(sys.stderr, style()) if style else None
    if log is not None:
        application.dispatcher.note = log.note_webhook
        application.clears(log.forget)
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
            at_end.enter_context(log.captured())
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


_SHORT: Final = {"host": ("-H",), "port": ("-p",)}
