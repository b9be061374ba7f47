"""A fake elsewhere, as the doors of this process ask it: each call goes to the server, and the answer comes as data."""

from __future__ import annotations

import base64
from typing import Any

from mock_akool.core.codes import Status
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.models import Call, Reply
from mock_akool.core.scenario_shapes import STAGES
from mock_akool.core.timeline import Timeline
from mock_akool.link import Link, quoted
from mock_akool.remote_clock import HeldClock, RemoteClock
from mock_akool.told import STATUS, reply_of


class Elsewhere:
    """What doors need of a fake, asked over the control API. With a HeldClock, time passes by who sleeps here."""

    def __init__(self, link: Link, clock: HeldClock | RemoteClock) -> None:
        self._link = link
        self.clock = clock

    @property
    def max_body_bytes(self) -> int:
        """Up to how many bytes of a request's body the API reads."""
        return self._link.max_body_bytes

    def answer(self, call: Call) -> Reply:
        """Let the server turn a Call into a Reply."""
        return reply_of(
            self._link.ask(
                "POST",
                "answer",
                {
                    "method": call.method,
                    "path": call.path,
                    "query": call.query,
                    "headers": dict(call.headers),
                    # Of a body that is too long, the first byte over the bound says all.
                    "body": {"base64": base64.b64encode(call.body[: self.max_body_bytes + 1]).decode()},
                    "door": call.door,
                },
            )
        )

    def ready_body(self, reply: Reply) -> bytes | None:
        """Return the reply's body, which the server has drawn."""
        return reply.body

    def complete(self, reply: Reply) -> tuple[Reply, bytes]:
        """Return the reply and its body, which the server has drawn."""
        return reply, reply.body

    # What a client waits for

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return sum(self._link.ask("GET", "state")["jobs"].values())

    def is_awaited(self) -> bool:
        """Return whether a client has something to wait for."""
        return bool(self._link.ask("GET", "state")["awaited"])

    def counts_polls(self, job_id: str) -> bool:
        """Return whether the life of this job depends on how often it is polled."""
        try:
            told: Any = self._link.ask("GET", f"jobs/{quoted(job_id)}")
        except MockAkoolError:  # it is gone
            return False
        timeline: Timeline = STAGES.read(told["stages"], ())
        return timeline.counts_polls

    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""
        found = self._link.ask("GET", "jobs", offset=max(0, self.job_count - count))["jobs"]
        return [(each["_id"], STATUS[each["status"]]) for each in found]

    # A server of this process for it, through which aiohttp goes: the server elsewhere knows nothing of it

    def listens_on(self, host: str) -> None:
        """Do nothing: nobody controls the fake through it."""

    def server_started(self) -> None:
        """Do nothing: the server elsewhere carries its callbacks."""

    def server_stopped(self, grace_s: float) -> None:
        """Do nothing."""
