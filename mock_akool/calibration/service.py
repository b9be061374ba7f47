"""What is asked: a service that answers requests, on whatever clock, and what it answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from mock_akool.core.errors import MockAkoolError


class CalibrationError(MockAkoolError):
    """A service cannot be asked: nothing answers, or it refuses the key."""


class Reply:
    """What a service answered. Header names are lower case."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @cached_property
    def json(self) -> Any:
        """The body read as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def field(self, name: str) -> Any:
        """Return a key of the envelope, None where there is none."""
        return self.json.get(name) if isinstance(self.json, dict) else None

    @property
    def code(self) -> int | None:
        """The business code, None where there is none."""
        code = self.field("code")
        return code if isinstance(code, int) and not isinstance(code, bool) else None

    @property
    def msg(self) -> str:
        """The message; empty where there is none."""
        msg = self.field("msg")
        return msg if isinstance(msg, str) else ""

    @property
    def data(self) -> Any:
        """The data of the envelope, None where there is none."""
        return self.field("data")

    @property
    def is_ok(self) -> bool:
        """Whether it is a success (contract section 1)."""
        return self.status == 200 and self.code == 1000


class Received(NamedTuple):
    """A webhook that came: when, on the clock of the service in seconds, and its body."""

    at_s: float
    body: bytes


class Service(Protocol):
    """A service that can be asked. It has a clock, which may be virtual."""

    webhook_url: str
    """Where it can send webhooks; empty when there is no receiver."""
    is_local: bool
    """Whether it runs on this machine, so that no address of real media is needed."""
    private: tuple[str, ...]
    """What must not get into a report: the names of its host."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Return what it answers. `url` is a path, or the address of a file or of an endpoint at another host.

        Raises CalibrationError when nothing answers, or when the host is none that may be asked.
        """
        ...

    def now_s(self) -> float:
        """Return the time in seconds."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait."""
        ...

    def webhooks(self) -> list[Received]:
        """Return the webhooks that came."""
        ...

    def answer_webhooks_with(self, status: int) -> None:
        """Answer webhooks with this HTTP status from now on."""
        ...
