"""Every scenario of the library, against a client as many people write it and a robust one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from typing import Any, Final

import pytest

from mock_akool import MockAkool
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.core.timeline import Status
from mock_akool.gauntlet import Verdict
from mock_akool.scenario_library.library import named, names, text_of
from mock_akool.scenario_library.loader import dump, read_text
from tests.clients.survival import judged, naive, robust
from tests.clients.transport import ORDERS, PROMPT, Order
from tests.contract.client import KEY, Client
from tests.contract.playing import PATIENCE_S, played
from tests.contract.transports import TRANSPORTS, USUAL, Transport
from tests.extent import choose

KINDS: Final = ("naive", "robust")
WANTED: Final = (
    *("happy", "slow", "stuck-in-queue", "stuck-processing", "fails", "fails-late", "flaky-gateway"),
    *("drops-connections", "rate-limited", "out-of-credits", "token-expires", "bad-key", "banned", "done-but-empty"),
    *("runs-backwards", "expired-files", "broken-files", "maintenance", "garbage-bodies", "double-charge"),
    "vanishing-job",
)
"""The names that people were promised."""

OF_THE_ACCOUNT: Final = ("token-expires",)
"""Scenarios that say nothing of a job or of its requests, so that a prompt cannot activate them."""

OF_OTHER_JOBS: Final = (
    *("empty-list", "no-face", "one-language-fails", "partial-batch", "session-busy", "session-expires"),
    *("swap-url-too-early", "webhook-forged", "webhook-garbled", "webhook-late", "webhook-lost"),
    *("webhook-out-of-order", "webhook-twice"),
)
"""Scenarios that say nothing of an image that is polled for, so that these clients are not judged by them."""

LOST: Final = (
    *("bad-key", "banned", "out-of-credits"),  # the service will not
    *("fails", "fails-late", "stuck-in-queue", "stuck-processing"),  # the job never has an image
    *("done-but-empty", "expired-files"),  # its image is nowhere
    *("double-charge", "late-answers"),  # its _id is nowhere
)
"""Scenarios in which there is nothing to win: only there the robust client gives up."""

MOST_JOBS_S: Final = 150.0
"""The longest that a job of the library may take to end: a person waits for it at a live server."""

HAPPY: Final = "gets the image"
"""How a client ends that meets no trouble."""

SOME_NAMES: Final = names()[:: choose(3, 1)]
"""For what is done with a scenario, whichever it is."""

PLAYERS: Final = choose(("naive",), KINDS)
"""Who shows what a scenario does: the naive client ends otherwise than in a happy one wherever the robust one does."""

PlayIn = Callable[..., Transport]


def some_orders(transport_class: type[Transport]) -> tuple[Order, ...]:
    """Return the jobs for what does not depend on their kind: one, and at length each through the usual transport."""
    return choose((ORDERS["v3"],), tuple(ORDERS.values()) if transport_class is USUAL else (ORDERS["v3"],))


@cache
def ending(kind: str, name: str) -> str:
    """Return how a client ends in a scenario that asks for a v3 image, through one of the transports."""
    with closing(TRANSPORTS[0](MockAkool(scenario=name), PATIENCE_S)) as transport:
        return played(kind, transport, ORDERS["v3"])


@pytest.fixture
def enter(transport_class: type[Transport]) -> Iterator[PlayIn]:
    """Opens a transport for a client with a time limit, into a new fake with the options that are given."""
    with ExitStack() as opened:

        def open_one(**options: Any) -> Transport:
            return opened.enter_context(closing(transport_class(MockAkool(**options), PATIENCE_S)))

        yield open_one


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("name", names())
def test_the_gauntlet_says_how_a_client_ends(name: str, kind: str) -> None:
    judgement, ended = judged({"naive": naive, "robust": robust}[kind], name), ending(kind, name)
    assert (judgement.verdict is Verdict.NOT_JUDGED) is (name in OF_OTHER_JOBS)
    if kind == "robust":
        assert (judgement.verdict is Verdict.GAVE_UP) is (name in LOST)
        assert judgement.verdict in (Verdict.SURVIVED, Verdict.NOT_JUDGED, Verdict.GAVE_UP)
    if name in OF_OTHER_JOBS:
        assert ended == HAPPY
        return
    verdicts = {
        HAPPY: Verdict.SURVIVED,
        "never ends": Verdict.HUNG,
        "saves a broken file": Verdict.FAILED,
        f"{HAPPY}, pays twice": Verdict.FAILED,
    }
    usual = Verdict.GAVE_UP if ended.startswith("gives up: ") else Verdict.CRASHED
    assert judgement.verdict is verdicts.get(ended, usual)
    assert ended.removeprefix("gives up: ") in judgement.why or judgement.verdict is not Verdict.GAVE_UP
    found = {each.name for each in judgement.findings}
    assert ("broken file kept" in found) is (ended == "saves a broken file")
    assert ("paid twice" in found) is ended.endswith("pays twice")


@pytest.mark.parametrize("name", names())
def test_the_naive_client_ends_so_through_each_transport_and_with_each_job(name: str, enter: PlayIn) -> None:
    ended = {family: played("naive", enter(scenario=name), order) for family, order in ORDERS.items()}
    assert ended == dict.fromkeys(ORDERS, ending("naive", name))


@pytest.mark.parametrize("name", names())
def test_the_robust_client_does_too_and_meets_every_rule(
    name: str, enter: PlayIn, transport_class: type[Transport]
) -> None:
    for order in some_orders(transport_class):
        transport = enter(scenario=name)
        assert played("robust", transport, order) == ending("robust", name)
        if name not in OF_OTHER_JOBS:
            assert [live.label for live in transport.mock.application.scenarios.rules if not live.fired] == []
        transport.mock.verify()


@pytest.mark.parametrize("name", SOME_NAMES)
def test_all_transports_have_the_same_call_log(name: str) -> None:
    seen = {}
    for transport_class in TRANSPORTS:
        with closing(transport_class(MockAkool(scenario=name), PATIENCE_S)) as transport:
            ended = played("robust", transport, ORDERS["button"])
            calls = [
                (call.endpoint, call.response.status, call.code, call.job_status, call.rule, call.job_script)
                for call in transport.mock.calls
            ]
            seen[transport.name] = (ended, calls)
    assert all(each == seen["flask"] for each in seen.values())


@pytest.mark.every_transport
@pytest.mark.parametrize("drip", [False, True])
def test_a_late_answer_is_waited_for_on_the_fakes_clock_as_long_as_the_client_has_patience(
    drip: bool, enter: PlayIn
) -> None:
    late: dict[str, Any] = {"drip": {"bytes": 1, "every": "100ms"}} if drip else {"delay": PATIENCE_S - 1}
    transport = enter(scenario={"rules": [{"on": "api", "fault": late}]})
    began_ms, size = transport.now_ms, len(Client(transport, KEY).quota().body)
    assert transport.now_ms - began_ms == (100 * size if drip else 1000 * (PATIENCE_S - 1))


@pytest.mark.every_transport
def test_an_answer_that_is_too_late_is_the_librarys_own_time_out(enter: PlayIn) -> None:
    transport = enter(scenario={"rules": [{"on": "api", "nth": 1, "fault": {"delay": PATIENCE_S + 1}}]})
    client = Client(transport, KEY)
    began_ms = transport.now_ms
    with pytest.raises(transport.errors):
        client.quota()
    assert 1000 * PATIENCE_S <= transport.now_ms - began_ms <= 1000 * (PATIENCE_S + 1)
    assert client.quota().code == 1000


@pytest.mark.parametrize("name", names())
def test_nobody_pays_for_nothing_but_where_the_scenario_is_about_it(name: str, enter: PlayIn) -> None:
    transport = enter(scenario=name)
    ended = played("robust", transport, ORDERS["v4"])
    assert len(transport.mock.jobs) == (0 if ended.startswith("gives up: refused") else 1)


@pytest.mark.parametrize("name", SOME_NAMES)
def test_a_scenario_is_the_same_at_each_reset(name: str, enter: PlayIn) -> None:
    transport = enter(scenario=name)
    runs = []
    for _ in range(2):
        played("robust", transport, ORDERS["v3"])
        calls = transport.mock.calls
        runs.append(
            [(call.at, call.endpoint, call.response.status, call.code, call.rule, call.job_script) for call in calls]
        )
        transport.mock.reset()
    assert runs[0] == runs[1]


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("name", SOME_NAMES)
def test_a_key_activates_it_for_one_account(
    name: str, kind: str, enter: PlayIn, transport_class: type[Transport]
) -> None:
    for order in some_orders(transport_class):
        transport = enter()
        assert played(kind, transport, order, f"{KEY}+{name}") == ending(kind, name)
        transport.mock.reset()
        assert played(kind, transport, order) == HAPPY


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("name", [name for name in SOME_NAMES if name not in OF_THE_ACCOUNT])
def test_a_prompt_activates_it_for_one_job(
    name: str, kind: str, enter: PlayIn, transport_class: type[Transport]
) -> None:
    for order in some_orders(transport_class):
        transport = enter()
        naming = order._replace(fields={**order.fields, "prompt": f"{PROMPT} [mock:{name}]"})
        assert played(kind, transport, naming) == ending(kind, name)
        transport.mock.reset()
        assert played(kind, transport, order) == HAPPY


@pytest.mark.parametrize("name", SOME_NAMES)
def test_each_of_several_jobs_meets_the_same(name: str, enter: PlayIn) -> None:
    """A live server is not made anew for each job."""
    transport = enter(scenario=name)
    first, second = (played("robust", transport, ORDERS["v4"]).removesuffix(", pays twice") for _ in range(2))
    if name in {"double-charge", "late-answers"}:  # the 2nd create goes well, the 4th does not
        assert (first, second) == (ending("robust", name), HAPPY)
    else:
        assert (first, second) == (ending("robust", name),) * 2


@pytest.mark.parametrize("name", names())
def test_a_job_ends_soon_or_never(name: str, enter: PlayIn) -> None:
    transport = enter(scenario=name)
    played("robust", transport, ORDERS["v3"])
    for job in transport.mock.jobs:
        transport.advance(MOST_JOBS_S)
        stalled = name.startswith("stuck")
        assert (transport.mock.job(job.id).status >= Status.COMPLETED) is not stalled


# The files


def test_all_names_that_were_promised_are_there() -> None:
    assert {*WANTED, *OF_OTHER_JOBS, *LOST} <= set(names())


@pytest.fixture(params=names())
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return named(request.param)


def test_it_says_what_it_imitates_and_what_to_do(scenario: Scenario) -> None:
    for text in (scenario.description, scenario.advice):
        assert text[:1].isupper()
        assert text.endswith(".")
        assert len(text) < 400


def test_it_dumps_and_parses_to_itself(scenario: Scenario) -> None:
    assert read_text(dump(scenario)) == scenario


def test_it_fits_on_a_page(scenario: Scenario) -> None:
    assert all(len(line) <= 120 for line in text_of(scenario.name).splitlines())


def test_it_leaves_seed_and_profile_to_others(scenario: Scenario) -> None:
    assert scenario.options.keys() <= {
        *("credits", "account_status", "token_lifetime", "requests_per_second", "concurrent_jobs")
    }


def test_of_its_rules_only_one_must_fire(scenario: Scenario) -> None:
    """The first thing that goes wrong is met by all clients. What comes after it is not, as some give up."""
    assert len([rule for rule in scenario.rules if rule.must_fire]) <= 1
