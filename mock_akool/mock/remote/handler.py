"""A fake elsewhere, as the doors of this process ask it: each call goes to the server, and the answer comes as data."""

from __future__ import annotations

import base64
from typing import Any

from mock_akool.admin.serializers import STATUS_OF_WORD, reply_of
from mock_akool.akool.scenarios.stages import STAGES
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response
from mock_akool.core.timeline import Status, Timeline
from mock_akool.mock.remote.admin_client import AdminClient, quoted
from mock_akool.mock.remote.clock import HeldClock, RemoteClock


class RemoteHandler:
    """What doors need of a fake, asked over the admin API. With a HeldClock, time passes by who sleeps here."""

    def __init__(self, admin_client: AdminClient, clock: HeldClock | RemoteClock) -> None:
        self._admin_client = admin_client
        self.clock = clock

    @property
    def max_body_bytes(self) -> int:
        """Up to how many bytes of a request's body the API reads."""
        return self._admin_client.max_body_bytes

    def answer(self, request: Request) -> Response:
        """Let the server turn a Request into a Response."""
        return reply_of(
            self._admin_client.ask(
                "POST",
                "answer",
                {
                    "method": request.method,
                    "path": request.path,
                    "query": request.query,
                    "headers": dict(request.headers),
                    # Of a body that is too long, the first byte over the bound says all.
                    "body": {"base64": base64.b64encode(request.body[: self.max_body_bytes + 1]).decode()},
                    "transport": request.transport,
                },
            )
        )

    def ready_body(self, response: Response) -> bytes | None:
        """Return the reply's body, which the server has drawn."""
        return response.body

    def complete(self, response: Response) -> tuple[Response, bytes]:
        """Return the reply and its body, which the server has drawn."""
        return response, response.body

    # What a client waits for

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return sum(self._admin_client.ask("GET", "state")["jobs"].values())

    def is_awaited(self) -> bool:
        """Return whether a client has something to wait for."""
        return bool(self._admin_client.ask("GET", "state")["awaited"])

    def counts_polls(self, job_id: str) -> bool:
        """Return whether the life of this job depends on how often it is polled."""
        try:
            told: Any = self._admin_client.ask("GET", f"jobs/{quoted(job_id)}")
        except MockAkoolError:  # it is gone
            return False
        timeline: Timeline = STAGES.read(told["stages"], ())
        return timeline.counts_polls

    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""
        found = self._admin_client.ask("GET", "jobs", offset=max(0, self.job_count - count))["jobs"]
        return [(each["_id"], STATUS_OF_WORD[each["status"]]) for each in found]

    # A server of this process for it, through which aiohttp goes: the server elsewhere knows nothing of it

    def listens_on(self, host: str) -> None:
        """Do nothing: nobody controls the fake through it."""

    def server_started(self) -> None:
        """Do nothing: the server elsewhere carries its callbacks."""

    def server_stopped(self, grace_s: float) -> None:
        """Do nothing."""
