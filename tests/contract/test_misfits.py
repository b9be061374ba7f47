"""A state whose parts do not fit together is refused with the place where it does not, and nothing has changed then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from mock_akool import MockAkool
from mock_akool.akool.accounts import Account
from mock_akool.akool.jobs import Job
from mock_akool.akool.saved_state import State, StateError, go_on_from
from mock_akool.core.clock import ClockState
from tests.contract.asking import KEY, OTHER
from tests.contract.test_going_on import RULES, create, known, quotas

HINT: Final = "Take another one"


def fake() -> MockAkool:
    """Return a fake of which there is something to know of every kind."""
    mock = MockAkool(queueing=1, processing=2)
    mock.put_scenario(RULES)
    mock.of_account(OTHER).put_scenario(RULES)
    mock.of_account(KEY).on("quota/info").nth(1).respond(http=502)
    mock.webhooks.fault(after_end=True)
    mock.next_job(ending="failed")
    for key in (KEY, OTHER, f"{KEY}+flaky-gateway"):
        create(mock, key, "a bear [mock:rate-limited]")
        create(mock, key, "a bear [mock:rate-limited]")
        mock.of_account(key).next_job(queueing=1)
    create(mock)
    quotas(mock)
    mock.clock.advance(2)
    return mock


def state_of(mock: MockAkool) -> State:
    engine, scenarios = mock.engine, mock.application.scenarios
    return State(mock.engine.settings.seed, ClockState(mock.clock.now_ns()), engine.freeze().state(), scenarios.state())


Misfit = tuple[str, Callable[[Any], Any], str]
"""A place in a state, what is put there instead of what stands there, and what is said of it."""


def changed(value: Any, place: str, make: Callable[[Any], Any]) -> Any:
    """Return a record with what `make` makes of what stands at a place in it."""
    if not place:
        return make(value)
    step, _, rest = place.partition(".")
    if step.isdigit():
        return [changed(each, rest, make) if number == int(step) else each for number, each in enumerate(value)]
    inner = value[step] if isinstance(value, Mapping) else getattr(value, step)
    made = changed(inner, rest, make)
    if isinstance(value, Mapping):
        return {**value, step: made}
    return replace(value, **{step: made}) if isinstance(value, Job | Account) else value._replace(**{step: made})


MISFITS: Final[list[Misfit]] = [
    ("accounts.accounts", lambda some: [*some, some[0]], "accounts.accounts[3]: there are two of this account"),
    (
        "accounts.accounts",
        lambda some: [*some, replace(some[0], api_key="new")],
        "accounts.accounts[3]: there are two of this account",
    ),
    ("accounts.credits", lambda _: {}, "accounts.credits: accounts[0] is missing"),
    ("accounts.initial", lambda _: {}, "accounts.initial: accounts[0] is missing"),
    ("accounts.specs", lambda some: {KEY: some[KEY]}, "accounts.specs: accounts[1] is missing"),
    ("jobs.jobs", lambda some: [*some, some[0]], "jobs.jobs[4].id: there are two jobs '{job}'"),
    ("jobs.jobs.1.endpoint", lambda _: "x", "jobs.jobs[1].endpoint: no endpoint 'x' creates jobs"),
    (
        "jobs.jobs.1.endpoint",
        lambda _: "lipsync",
        "jobs.jobs[1].input: lipsync makes no jobs of a ImageV3",
    ),
    ("jobs.jobs.0.created_ns", lambda _: -1, "jobs.jobs[0].created_ns: -1 is no instant from 1970 to 2106"),
    (
        "jobs.jobs.1.account",
        lambda account: replace(account, api_key="new"),
        "jobs.jobs[1].account: there is no such account",
    ),
    *[
        (f"jobs.{name}", lambda _: ["x"], f"jobs.{name}[0]: there is no job 'x'")
        for name in ("open", "end_shown", "polled_on")
    ],
    *[
        (f"jobs.{name}", lambda _: {"k": ["x"]}, f"jobs.{name}.k[0]: there is no job 'x'")
        for name in ("unfinished", "refunds")
    ],
    (
        "webhooks.subscriptions.1.job_id",
        lambda _: "x",
        "webhooks.subscriptions[1].job_id: there is no job 'x'",
    ),
    (
        "webhooks.subscriptions",
        lambda some: [each._replace(held=(99,)) for each in some],
        "webhooks.subscriptions[0].held: it is no delivery that is still to come",
    ),
    ("webhooks.kept.1.job_id", lambda _: "x", "webhooks.kept[1].job_id: 'x' wants no webhooks"),
    (
        "webhooks",
        lambda some: some._replace(pending=[some.kept[0]._replace(job_id="x")]),
        "webhooks.pending[0].job_id: 'x' wants no webhooks",
    ),
]
"""Of what the engine knows."""


SCRIPTED: Final[list[Misfit]] = [
    *[(name, lambda _: -1, f"{name}: there is no scope -1") for name in ("everybody", "activated")],
    *[(name, lambda _: 99, f"{name}: there is no scope 99") for name in ("everybody", "activated")],
    *[(name, lambda _: {"k": 99}, f"{name}.k: there is no scope 99") for name in ("activated_of", "of_key", "of_job")],
    ("attempts.1.scope", lambda _: 99, "attempts[1].scope: there is no scope 99"),
    ("scopes.1.rules.rules", lambda _: [], "scopes[1].rules.rules: these are not the rules of the scenarios"),
    ("scopes.0.applied", lambda _: [{}] * 3, "scopes[0].applied: the scenarios have 1 faults of webhooks"),
    ("scopes.0.used", lambda _: {"k": [(9, 1)]}, "scopes[0].used.k: the scenarios have 3 job scripts"),
    (
        "scopes.0.rules.counters.1.rules",
        lambda _: [(0, 99)],
        "scopes[0].rules.counters[1].rules: there are fewer rules",
    ),
    (f"added_of.{KEY}.rules", lambda _: [], f"added_of.{KEY}.counters[0].rules: there are fewer rules"),
    ("next.used", lambda _: -1, "next.used: -1 jobs cannot have followed the first script"),
    ("next.used", lambda _: 1, "next.used: 1 jobs cannot have followed the first script"),
    ("next.used", lambda _: 5, "next.used: 5 jobs cannot have followed the first script"),
    (f"next_of.{OTHER}.used", lambda _: 1, f"next_of.{OTHER}.used: 1 jobs cannot have followed the first script"),
]
"""Of what the scenarios know."""


CASES: Final = [
    (f"{part}.{place}", make, f"{part}.{said}")
    for part, some in (("engine", MISFITS), ("scenarios", SCRIPTED))
    for place, make, said in some
]


@pytest.fixture(scope="module")
def mock() -> MockAkool:
    return fake()


@pytest.mark.parametrize(("place", "make", "said"), [pytest.param(*each, id=each[2][:60]) for each in CASES])
def test_a_misfit_is_named(mock: MockAkool, place: str, make: Callable[[Any], Any], said: str) -> None:
    state, before = changed(state_of(mock), place, make), known(mock)
    with pytest.raises(StateError) as caught:
        go_on_from(mock.engine, mock.application.scenarios, state, HINT)
    job_id = mock.engine.jobs()[0].id
    assert (caught.value.message, caught.value.hint) == (f"state.{said.format(job=job_id)}", HINT)
    assert known(mock) == before


def test_without_one_it_goes_on(mock: MockAkool) -> None:
    state, before = state_of(mock), known(mock)
    go_on_from(mock.engine, mock.application.scenarios, state, HINT)
    assert known(mock) == before
