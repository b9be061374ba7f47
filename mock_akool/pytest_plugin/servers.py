"""The servers that fixtures use: live ones of the test run, or one that runs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.core.clock import SteeredClock
from mock_akool.mock.local import MockAkool
from mock_akool.mock.remote.admin_client import AdminClient
from mock_akool.mock.remote.remote_akool import RemoteAkool
from mock_akool.mock.settings import ActivationOptions, MockOptions

if TYPE_CHECKING:  # it brings the parser of HTTP, which akool_mock does not need
    from mock_akool.server.http_server import Server

QUICK: Final[Mapping[str, Any]] = {"queueing": "50ms", "processing": "50ms"}
"""How long jobs take on a test's server, unless the settings say otherwise: it runs in real time."""


class LiveServer:
    """A fake whose clock runs as the machine's does, and the server that answers for it."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.mock = MockAkool(clock=SteeredClock(), **server_options(settings))
        self.mock.webhooks.send_over_http()
        self.server: Server = self.mock.server()

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()


def server_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a test's server: the settings, and quick jobs unless they say how long jobs take."""
    return {**QUICK, **settings}


class Servers:
    """The live servers of a test run, one for each set of settings that is used. They stop when a `with` block ends."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._servers: dict[str, LiveServer] = {}
        self._checked: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def of(self, options: Mapping[str, Any], own: ExitStack | None) -> LiveServer:
        """Return a running server with these options. It ends with `own`; None: with the test run, and is shared."""
        if own is not None:
            return own.enter_context(LiveServer(options))
        key = repr(sorted(options.items()))
        if key not in self._servers:
            self._servers[key] = self._running.enter_context(LiveServer(options))
        return self._servers[key]

    def remote(self, url: str, options: Mapping[str, Any]) -> RemoteAkool:
        """Return the fake of the server that runs at a URL; raises ServerError when none does."""
        if url not in self._checked:
            AdminClient(url).health()
            self._checked.add(url)
        return RemoteAkool(url, **options)


def divide_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Scenario, ...], list[str]]:
    """Divide settings by what becomes of them when the fake runs on a server elsewhere.

    Returns those that say how the fake is active in this process, the scenarios that are put there, and the names of
    those that the server cannot be given, because a fake has them from its start.
    """
    activation = {name: settings[name] for name in ActivationOptions.fields() if name in settings}
    refused = [name for name in settings if name not in activation and name != "scenario"]
    scenarios = MockOptions.of(scenario=settings["scenario"]).scenario if settings.get("scenario") else ()
    return activation, scenarios, refused
