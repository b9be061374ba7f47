"""A fake elsewhere, as the interceptors of this process see it: they forward requests to its server.

What a client asks of Akool's hosts goes to the server as it is, `Host` included, and what comes back is handed over as
it is. So delays are real ones, and a connection that the server breaks is broken for the client. A server behind a
proxy is called by the proxy's name, and below its path.
"""

from __future__ import annotations

from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from typing import Final

from mock_akool.admin.serializers import STATUS
from mock_akool.core.errors import ServerError
from mock_akool.core.http import Request, Share, Termination, Transfer, request_target
from mock_akool.core.timeline import Status
from mock_akool.mock.interceptors.target import Delivered, Target, TimedOutError, in_thread
from mock_akool.mock.remote.admin_client import AdminClient
from mock_akool.mock.remote.clock import RemoteClock

_OF_A_CONNECTION: Final = frozenset({"connection", "transfer-encoding", "content-length", "expect", "keep-alive"})
"""Headers that are about one connection and not about the request or the answer."""


class RemoteTarget(Target):
    """A fake that runs on a server. With a clock that is held, time passes by who sleeps here."""

    def __init__(
        self, admin_client: AdminClient, clock: RemoteClock, hosts: Sequence[str], *, refuse_others: bool
    ) -> None:
        super().__init__(hosts, refuse_others=refuse_others)
        self._admin_client = admin_client
        self._clock = clock
        self.address = admin_client.address
        self.is_behind = admin_client.host_behind is not None

    @property
    def virtual_clock(self) -> RemoteClock | None:
        """The server's clock while it is held."""
        return self._clock if self._clock.held else None

    def answer(self, request: Request, timeout_s: float | None) -> Delivered:
        """Let the server answer; raises TimedOutError, and ServerError when no server is there."""
        self.note_request(request.method, request_target(request.path, request.query))
        return self._forward(request, timeout_s)

    def _forward(self, request: Request, timeout_s: float | None) -> Delivered:
        headers, behind = request.headers, self._admin_client.host_behind
        if behind is not None:
            headers = {**headers, "host": behind}
        connection = self._admin_client.connection(timeout_s)
        try:
            path_and_query = self._admin_client.mount + request_target(request.path, request.query)
            connection.putrequest(request.method, path_and_query, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name not in _OF_A_CONNECTION:
                    connection.putheader(name, value)
            connection.putheader("connection", "close")
            connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            response = connection.getresponse()
            return _delivered(response, request.method)
        except TimeoutError:
            raise TimedOutError from None
        except RemoteDisconnected:
            return _broken(Termination.DROP)
        except ConnectionResetError:
            return _broken(Termination.RESET)
        except (OSError, HTTPException) as error:
            raise ServerError(
                f"no server answers at {self._admin_client.url}: {error}", "Start one with `mock-akool serve`"
            ) from None
        finally:
            connection.close()

    async def answer_in_task(self, request: Request, timeout_s: float | None) -> Delivered:
        """Let the server answer while other tasks go on."""
        self.note_request(request.method, request_target(request.path, request.query))
        token = object()
        self.in_flight.add(token)
        try:
            answer: Delivered = await in_thread(lambda: self._forward(request, timeout_s), "mock-akool-forward")
        finally:
            self.in_flight.discard(token)
        return answer

    # What a client waits for

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return sum(self._admin_client.ask("GET", "state")["jobs"].values())

    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""
        found = self._admin_client.ask("GET", "jobs", offset=max(0, self.job_count - count))["jobs"]
        return [(each["_id"], STATUS.read(each["status"])) for each in found]


def _delivered(response: HTTPResponse, method: str) -> Delivered:
    headers = tuple((name, value) for name, value in response.getheaders() if name.lower() not in _OF_A_CONNECTION)
    promised = response.getheader("content-length")
    length = () if promised is None else (("content-length", promised),)
    try:
        body, transfer = response.read(), None
    except IncompleteRead as cut:
        transfer = Transfer(Termination.CUT, Share(len(cut.partial)))
        body = cut.partial.ljust(int(promised or 0), b"\0")  # interceptors hand over what arrived of a whole body
    return Delivered(response.status, (*headers, *length), body, 0, transfer)


def _broken(ends: Termination) -> Delivered:
    return Delivered(0, (), b"", 0, Transfer(ends))
