"""MockAkool: one object that is a whole fake, with its doors, its clock and its journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_akool.core.clock import Clock, VirtualClock
from mock_akool.core.models import Request, Response
from mock_akool.local import LocalAkool
from mock_akool.presence import Activation, ActivationOptions
from mock_akool.scripting import ScenarioSettings
from mock_akool.service import Application

if TYPE_CHECKING:
    from flask import Flask

    from mock_akool.doors.answering import Watched
    from mock_akool.doors.server import Server
    from mock_akool.remote import RemoteAkool


@dataclass(frozen=True, kw_only=True)
class MockOptions(ActivationOptions, ScenarioSettings):
    """The options of a MockAkool: those of the engine, and how it sits in the process."""


class MockAkool(LocalAkool, Activation):
    """A fake of Akool's image API.

    `options` are those of `MockOptions`, such as `seed=7`, `profile="documented"`, `credits=10`; a bad one raises
    SettingsError. `clock` is a VirtualClock that stands still unless you give another.

    As a context manager, or as a decorator of functions, coroutines and test classes, it answers what `requests`,
    `httpx` and `aiohttp` send to Akool's hosts from this process.
    """

    options: MockOptions

    def __init__(self, *, clock: Clock | None = None, **options: Any) -> None:
        self.options = MockOptions.of(**options)
        super().__init__(Application(self.options, VirtualClock() if clock is None else clock))

    @staticmethod
    def connect(url: str, admin_token: str | None = None, *, account: str | None = None, **options: Any) -> RemoteAkool:
        """Return the fake of a server that runs at `url`, with the same methods, over its control API.

        `admin_token` is what the server was started with, if with any; by default it is MOCK_AKOOL_ADMIN_TOKEN. With
        an `account`, an API key, it is the fake as that account sees it: its jobs, calls and rules, and a reset that
        leaves all others alone. `options` are those of `ActivationOptions`, for when it is started in this process.
        Raises ServerError when no server answers, MockAkoolError when it wants another token.
        """
        from mock_akool.remote import RemoteAkool

        return RemoteAkool(url, admin_token, account=account, **options)

    def _enter(self) -> Watched:
        self.application.dispatcher.go_on()
        return self.application

    def _leave(self) -> None:
        self.application.dispatcher.rest()

    # Doors that are asked for

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response, as every door does."""
        return self.application.answer(request)

    def app(self) -> Flask:
        """Return a Flask app that answers for this fake."""
        from mock_akool.doors.flask_app import create_app

        return create_app(self)

    def server(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Return a live server that answers for this fake; use it in a `with` block, its `url` says where."""
        from mock_akool.doors.server import Server

        return Server(self.application, host, port)

    def __repr__(self) -> str:
        return f"<{self._told_count()}{', active' if self.active else ''}>"
