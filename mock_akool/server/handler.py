"""What doors need of a fake: it may live in this process, or elsewhere."""

from __future__ import annotations

from typing import Protocol

from mock_akool.core.clock import Clock
from mock_akool.core.http import Request, Response
from mock_akool.core.timeline import Status


class Handler(Protocol):
    """A fake that answers calls. Safe to use from several threads."""

    @property
    def clock(self) -> Clock:
        """The fake's clock."""
        ...

    @property
    def max_body_bytes(self) -> int:
        """Up to how many bytes of a request's body the API reads."""
        ...

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response."""
        ...

    def ready_body(self, response: Response) -> bytes | None:
        """Return the reply's body if it needs no drawing, else None."""
        ...

    def complete(self, response: Response) -> tuple[Response, bytes]:
        """Return the reply and its body."""
        ...


class Served(Handler, Protocol):
    """A fake for which a live server may listen."""

    def listens_on(self, host: str) -> None:
        """Take note that a server is going to listen on this host."""
        ...

    def server_started(self) -> None:
        """Take note that a server takes calls from now on."""
        ...

    def server_stopped(self, grace_s: float) -> None:
        """Take note that a server takes no more calls; callbacks that are under way have so many seconds."""
        ...


class Watched(Served, Protocol):
    """A fake whose jobs a door may look at, to know whether a client that sleeps waits for one."""

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        ...

    def is_awaited(self) -> bool:
        """Return whether a client has something to wait for."""
        ...

    def counts_polls(self, job_id: str) -> bool:
        """Return whether the life of this job depends on how often it is polled."""
        ...

    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""
        ...
