"""What becomes of the two clients in each scenario of the library, as the gauntlet judges it; the docs show it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple

import requests

from mock_akool import MockAkool
from mock_akool.gauntlet import Judgement, Verdict
from mock_akool.gauntlet.runner import play
from mock_akool.scenario_library.library import named, names
from tests.clients.naive import NaiveClient
from tests.clients.robust import GaveUpError, RobustClient
from tests.clients.transport import ORDERS, Response
from tests.contract.client import CLIENT_ID, KEY

_PATIENCE_S: Final = 30.0
"""The time limit that both clients have for a response."""


class _Requests:
    """Sends a client's requests by the library requests."""

    errors: tuple[type[Exception], ...] = (requests.RequestException,)

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # the environment is read anew for each request, which takes longer than that

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        answer = self._session.request(method, url, headers=dict(headers), data=body, timeout=_PATIENCE_S)
        lowered = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status_code, lowered, answer.content)


def naive(mock: MockAkool) -> bytes:
    """Let the naive client get an image."""
    return NaiveClient(_Requests(), CLIENT_ID, KEY, sleep=time.sleep).image(ORDERS["v3"])


def robust(mock: MockAkool) -> bytes:
    """Let the robust client get an image."""
    client = RobustClient(_Requests(), CLIENT_ID, KEY, sleep=time.sleep, now=time.monotonic)
    return client.image(ORDERS["v3"])


class Survival(NamedTuple):
    """The judgements on both clients."""

    naive: Judgement
    robust: Judgement


@cache
def judged(client: Callable[[MockAkool], bytes], scenario: str) -> Judgement:
    """Return what becomes of a client in a scenario."""
    return play(client, named(scenario), gives_up_with=[GaveUpError])


def survival(scenario: str) -> Survival:
    """Return what becomes of both clients in a scenario."""
    return Survival(judged(naive, scenario), judged(robust, scenario))


def summary(judgement: Judgement) -> str:
    """Return a judgement in a few words: the verdict, and what was found or said."""
    found = [each.name for each in judgement.findings if each.name != judgement.verdict]
    said = {
        Verdict.GAVE_UP: judgement.why.partition(": ")[2].partition(" (job ")[0],
        Verdict.CRASHED: judgement.why.partition(": ")[2].partition(":")[0],
    }.get(judgement.verdict, "")
    why = ", ".join(filter(None, [said, *found]))
    return f"{judgement.verdict}: {why}" if why else str(judgement.verdict)


def survivals() -> Mapping[str, Survival]:
    """Return what becomes of both clients in each scenario."""
    return {name: survival(name) for name in names()}
