"""The same scenario, seed and calls give the same through every transport and in every run."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from typing import Any, Final

import aiohttp
import httpx
import pytest

from mock_akool import MockAkool
from mock_akool.akool.families import family_of
from tests.contract.client import KEY, OTHER_KEY, Client, with_cdn_files
from tests.contract.transports import TRANSPORTS, Transport
from tests.extent import choose

SEQUENCES: Final = choose(12, 400)
GROUPS: Final = choose(2, 20)
"""How many tests share them."""
_FAULTS: Final = (
    *({"http": 502}, {"code": 1108}, {"code": 1005}, {"drop": True}, {"reset": True}, {"empty": True}),
    *({"garbage": True}, {"html": True}, {"truncate": "50%"}, {"content_type": "text/plain"}),
    *({"drop": True, "at": "after"}, {"http": 504, "at": "after"}),
)
_ENDPOINTS: Final = ("getToken", "createbyprompt", "createBySourcePrompt", "infobymodelid", "quota/info", "api", "any")
_CHOICES: Final[tuple[dict[str, Any], ...]] = (
    *({"probability": 0.4}, {"nth": 2}, {"every": 3}, {"first": 1}, {"after": 2, "first": 2}),
)
_STAGES: Final = (
    [{"queueing": "1 polls"}, {"processing": "2s"}],
    [{"processing": "3s"}, "failed"],
    [{"queueing": "1s"}, {"completed": "2s"}, {"processing": "1s"}, "completed"],
    ["completed"],
)

Seen = list[tuple[Any, ...]]


def scenario_of(dice: random.Random) -> dict[str, Any]:
    """Draw a scenario of some rules and job entries."""
    rules: list[dict[str, Any]] = []
    for _ in range(dice.randint(1, 4)):
        chosen = dice.choice(_CHOICES)
        rules.append({"on": dice.choice(_ENDPOINTS), "fault": dice.choice(_FAULTS), "optional": True, **chosen})
        if dice.random() < 0.3:
            rules[-1]["per"] = dice.choice(["job", "all"])
    jobs = [{"stages": dice.choice(_STAGES)} for _ in range(dice.randint(0, 3))]
    return {"seed": dice.randrange(1000), "rules": rules, "jobs": jobs}


def play(transport: Transport, dice: random.Random) -> Seen:  # noqa: C901 - a case for each kind of call
    """Make some calls of two accounts, and return what was seen of each."""
    clients = [Client(transport), Client(transport, OTHER_KEY)]
    jobs: dict[str, list[str]] = {KEY: [], OTHER_KEY: []}
    files: list[str] = []
    seen: Seen = []

    def call(number: int, key: str, client: Client) -> Any:
        own = jobs[key]
        match number:
            case 0:
                return client.create_v3(f"prompt {len(seen)}")
            case 1:
                return client.create_v4(batch_quantity=dice.randint(1, 2))
            case 2:
                return client.quota()
            case 3:
                return client.get_token(client_secret=key)
            case 4 if files:
                return client.download(dice.choice(files))
            case _:
                return client.info(dice.choice(own)) if own else client.quota()

    for _ in range(12):
        at = dice.randrange(2)
        key, client, number = (KEY, OTHER_KEY)[at], clients[at], dice.choice([0, 1, 2, 3, 4, 5, 5, 5, 5])
        try:
            answer = call(number, key, client)
        except (OSError, HTTPException, httpx.TransportError, aiohttp.ClientError):  # of whichever library
            seen.append(("broken",))
        else:
            body = with_cdn_files(transport, answer.body)
            seen.append((answer.status, answer.headers.get("content-type"), body))
        for job in transport.mock.jobs:
            if job.id not in jobs[job.account.api_key]:
                jobs[job.account.api_key].append(job.id)
        # Not from an answer, which a fault may have taken away.
        files[:] = [f"{transport.file_base}/{name}" for name in _file_names(transport)]
        transport.advance(dice.choice([0, 0, 1]))
    return seen + [
        (c.number, c.at, c.endpoint, c.response.outcome, c.code, c.job_id, c.rule, c.job_script)
        for c in transport.mock.calls
    ]


def _file_names(transport: Transport) -> list[str]:
    context = transport.mock.engine.context
    return [family_of(job).files.names(job, job.input, context)[0] for job in transport.mock.jobs]


def through(transport_class: Callable[[MockAkool], Transport], number: int) -> Seen:
    dice = random.Random(number)
    with closing(transport_class(MockAkool(scenario=scenario_of(dice)))) as transport:
        return play(transport, dice)


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_calls_see_the_same_through_every_pair_of_transports(group: int) -> None:
    for number in range(group, SEQUENCES, GROUPS):
        first, *others = (through(transport_class, number) for transport_class in TRANSPORTS)
        for transport_class, other in zip(TRANSPORTS[1:], others, strict=True):
            assert other == first, (number, transport_class.name)


def test_the_sequences_are_about_something() -> None:
    seen = [row for number in range(40) for row in through(TRANSPORTS[0], number)]
    assert {row[3] for row in seen if len(row) == 8} >= {"200", "502", "no answer", "connection reset", "200 cut off"}
    assert sum(len(row) == 8 and row[6] is not None for row in seen) > 60


def test_a_second_run_is_the_same_and_another_seed_is_not() -> None:
    assert through(TRANSPORTS[0], 3) == through(TRANSPORTS[0], 3)
    dice = random.Random(3)
    other = MockAkool(scenario=scenario_of(dice), seed=4711)
    with closing(TRANSPORTS[0](other)) as transport:
        assert play(transport, dice) != through(TRANSPORTS[0], 3)


class TestLuck:
    """One client's extra call does not change another's luck."""

    def lucks(self, extra: int) -> list[int]:
        mock = MockAkool(seed=5)
        mock.on("infobymodelid").probability(0.5).respond(http=502)
        with closing(TRANSPORTS[0](mock)) as transport:
            one, other = Client(transport), Client(transport, OTHER_KEY)
            mine, second = one.create_v3().data["_id"], one.create_v3().data["_id"]
            theirs = other.create_v3().data["_id"]
            seen = []
            for _ in range(20):
                for _ in range(extra):
                    other.info(theirs)
                    one.info(second)
                    one.quota()
                seen.append(one.info(mine).status)
            return seen

    def test_of_another_account_job_or_endpoint(self) -> None:
        assert self.lucks(0) == self.lucks(1) == self.lucks(3)
        assert {200, 502} == set(self.lucks(0))

    def test_two_fakes_never_share_it(self) -> None:
        mocks = [MockAkool(seed=5) for _ in range(2)]
        for mock in mocks:
            mock.on("quota/info").probability(0.5).respond(http=502)
        with closing(TRANSPORTS[0](mocks[0])) as first, closing(TRANSPORTS[0](mocks[1])) as second:
            alone = [Client(first).quota().status for _ in range(20)]
            assert [Client(second).quota().status for _ in range(20)] == alone
