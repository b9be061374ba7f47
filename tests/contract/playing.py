"""Plays a client through a transport, and tells in a few words how it ended."""

from __future__ import annotations

from collections.abc import Mapping

from mock_akool.akool.codes import API_URL
from tests.clients.naive import NaiveClient
from tests.clients.robust import GaveUpError, RobustClient, is_whole
from tests.clients.transport import Order, Response
from tests.contract.client import CLIENT_ID, KEY
from tests.contract.transports import Transport

PATIENCE_S = 30.0
"""The time limit that both clients' HTTP libraries have for an answer."""

_MOST_REQUESTS = 150
"""After how many requests a client is taken for one that never ends."""


class _NeverEndsError(BaseException):
    """Stops a client, which therefore must not be able to catch it."""


class Carrier:
    """Sends a client's requests through a transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._requests = 0
        self.errors = transport.errors

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        self._requests += 1
        if self._requests > _MOST_REQUESTS:
            raise _NeverEndsError
        for base in (API_URL, self._transport.file_base):
            if url.startswith(f"{base}/"):
                path, _, query = url.removeprefix(base).partition("?")
                return Response(*self._answer(method, path, query, headers, body))
        raise ValueError(f"no URL of the fake: {url!r}")

    def _answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        answer = self._transport.call(method, path, query, headers=headers, body=body)
        return answer.status, answer.headers, answer.body


def played(kind: str, transport: Transport, order: Order, key: str = KEY) -> str:
    """Let a `naive` or a `robust` client fetch an image through the transport, and say what came of it."""
    carrier = Carrier(transport)
    client: NaiveClient | RobustClient
    if kind == "naive":
        client = NaiveClient(carrier, CLIENT_ID, key, sleep=transport.advance)
    else:
        client = RobustClient(carrier, CLIENT_ID, key, sleep=transport.advance, now=lambda: transport.now_ms / 1000)
    wanted = 1 if order.button is None else 2
    try:
        body = client.image(order)
    except GaveUpError as error:
        ending = f"gives up: {error.reason}"
    except _NeverEndsError:
        ending = "never ends"
    except transport.errors:
        ending = "crashes: no answer"
    except (KeyError, TypeError):
        ending = "crashes: a key is missing"
    except ValueError:
        ending = "crashes: no JSON"
    else:
        ending = "gets the image" if is_whole(body) else "saves a broken file"
    return f"{ending}, pays twice" if len(transport.mock.jobs) > wanted else ending
