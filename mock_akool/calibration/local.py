"""A service of this process, on a virtual clock: what the fake does now, with which a real service is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from mock_akool.calibration.service import Received, Reply
from mock_akool.core.clock import NS_PER_S, VirtualClock
from mock_akool.core.http import Request
from mock_akool.server.application import Application
from mock_akool.server.settings import ScenarioSettings
from mock_akool.webhooks.delivery_modes import DeliveryMode
from mock_akool.webhooks.receivers import Answer, WebhookRequest

_RECEIVER: Final = "http://127.0.0.1:1/mock-akool-calibrate"


class LocalService:
    """A fake with these settings, asked without a network and without waiting."""

    def __init__(self, settings: ScenarioSettings) -> None:
        self._clock = VirtualClock()
        self._application = Application(settings, self._clock)
        self._application.dispatcher.send_by(DeliveryMode("call", self))
        self._received: list[Received] = []
        self._status = 200
        self.webhook_url = _RECEIVER
        self.is_local = True
        self.private: tuple[str, ...] = ()

    def receive(self, request: WebhookRequest) -> Answer:
        """Take a webhook."""
        self._received.append(Received(self.now_s(), request.body))
        return Answer(self._status)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Return what the fake answers."""
        parts = urlsplit(url)
        request = Request.build(method, parts.path, parts.query, headers, body or b"")
        response, answered = self._application.complete(self._application.answer(request))
        found: dict[str, str] = {}
        for name, value in (*response.headers, ("content-length", str(len(answered)))):
            found.setdefault(name.lower(), value)
        return Reply(response.status, found, b"" if method == "HEAD" else answered)

    def now_s(self) -> float:
        """Return the time of the virtual clock."""
        return self._clock.now_ns() / NS_PER_S

    def pause(self, seconds: float) -> None:
        """Move the clock on."""
        self._clock.advance(seconds)

    def webhooks(self) -> list[Received]:
        """Return the webhooks that came."""
        return list(self._received)

    def answer_webhooks_with(self, status: int) -> None:
        """Answer webhooks with this HTTP status from now on."""
        self._status = status
