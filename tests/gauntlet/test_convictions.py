"""For every scenario a client with one mistake, which its rule convicts for the right reason, and one with none."""

from __future__ import annotations

from typing import Any, Final

import pytest

from mock_akool.gauntlet import Judgement, Verdict
from mock_akool.gauntlet.rules import RULES
from mock_akool.gauntlet.runner import play
from mock_akool.scenario_library.library import named, names
from tests.contract.client import CLIENT_ID, KEY
from tests.gauntlet.clients import KINDS, BatchClient, SessionClient, SmallClient

MISTAKES: Final = {
    "bad-key": ("insists", "asked after a refusal"),
    "banned": ("insists", "asked after a refusal"),
    "broken-files": ("keeps what comes", "broken file kept"),
    "done-but-empty": ("trusts status 3", "crashed"),
    "double-charge": ("creates by hope", "paid twice"),
    "drops-connections": ("reads JSON at once", "crashed"),
    "empty-list": ("no second look", "gave up"),
    "expired-files": ("keeps what comes", "success without a file"),
    "fails": ("knows status 3 only", "polled on"),
    "fails-late": ("creates failed jobs again", "paid twice"),
    "flaky-gateway": ("no second try", "gave up"),
    "garbage-bodies": ("reads JSON at once", "crashed"),
    "happy": ("no pause", "no pause"),
    "late-answers": ("creates by hope", "paid twice"),
    "maintenance": ("no second try", "gave up"),
    "no-face": ("swaps without a face", "paid in vain"),
    "one-language-fails": ("reads data only", "gave up"),
    "out-of-credits": ("insists", "asked after a refusal"),
    "partial-batch": ("waits for all of a batch", "hung"),
    "rate-limited": ("no second try", "gave up"),
    "runs-backwards": ("knows no way back", "gave up"),
    "session-busy": ("no second try", "gave up"),
    "session-expires": ("never looks", "gave up"),
    "slow": ("has no patience", "gave up"),
    "stuck-in-queue": ("waits forever", "hung"),
    "stuck-processing": ("no pause", "no pause"),
    "swap-url-too-early": ("takes the url at once", "gave up"),
    "token-expires": ("keeps its token", "gave up"),
    "try-again-later": ("no second try", "gave up"),
    "vanishing-job": ("no second look", "gave up"),
    "webhook-forged": ("accepts any webhook", "webhook not verified"),
    "webhook-garbled": ("accepts any webhook", "webhook not verified"),
    "webhook-late": ("polls never", "too late"),
    "webhook-lost": ("polls never", "gave up"),
    "webhook-out-of-order": ("believes the last webhook", "gave up"),
    "webhook-twice": ("fetches at each webhook", "webhook handled twice"),
}
"""The mistake that a scenario is for, and what the finding about it is called."""

LONG: Final = frozenset({"happy", "stuck-in-queue", "stuck-processing"})
"""Scenarios in which a client with the mistake polls without a pause or an end."""
OF_FACES: Final = frozenset({"empty-list", "no-face", "swap-url-too-early"})
"""Scenarios about what a client of images does not ask for."""
OF_ONE_KIND: Final = {
    "translation": frozenset({"one-language-fails"}),
    "session": frozenset({"session-busy", "session-expires"}),
    "batch": frozenset({"partial-batch"}),
}
"""Scenarios about what only clients of one kind ask for, by the kind."""
OF_OTHERS: Final = OF_FACES.union(*OF_ONE_KIND.values())


OWN_CLIENTS: Final = {"session": SessionClient, "batch": BatchClient}
"""Kinds whose work is more than to create a job and poll it."""


def is_about(kind: str, scenario: str) -> bool:
    """Whether a scenario is about what a client of a kind asks for."""
    if kind in OF_ONE_KIND:
        return scenario in OF_ONE_KIND[kind]
    return scenario not in (OF_OTHERS if kind == "image" else OF_OTHERS - OF_FACES)


def judged(kind: str, scenario: str, *mistakes: str, **options: Any) -> Judgement:
    client = (
        OWN_CLIENTS[kind](*mistakes)
        if kind in OWN_CLIENTS
        else SmallClient(KINDS[kind], *mistakes, listens=scenario.startswith("webhook-"))
    )
    account = {"api_key": KEY, "client_id": CLIENT_ID}
    return play(client, named(scenario), accounts=[account], **options)


def test_every_scenario_has_its_mistake() -> None:
    assert set(MISTAKES) == set(names())


CASES: Final = [(kind, name) for kind in (*KINDS, *OWN_CLIENTS) for name in MISTAKES if is_about(kind, name)]


@pytest.mark.parametrize(
    ("kind", "scenario"),
    [
        # To hang, a client polls thousands of times, which one of images does as well.
        pytest.param(kind, name, marks=pytest.mark.slow if kind == "face swap" and name in LONG else ())
        for kind, name in CASES
    ],
)
def test_a_client_with_the_mistake_is_convicted_of_it(kind: str, scenario: str) -> None:
    mistake, name = MISTAKES[scenario]
    found = judged(kind, scenario, mistake)
    assert not found.verdict.is_good
    (finding,) = [each for each in found.findings if each.name == name]
    assert finding.cost
    assert finding.advice
    assert all(f"#{number}" in finding.what for number in finding.calls)


@pytest.mark.parametrize(("kind", "scenario"), CASES)
def test_a_client_without_a_mistake_is_cleared(kind: str, scenario: str) -> None:
    found = judged(kind, scenario)
    wanted = (Verdict.SURVIVED, Verdict.GAVE_UP)
    assert (found.verdict in wanted, found.findings) == (True, ()), found


@pytest.mark.parametrize("scenario", sorted(OF_OTHERS))
def test_a_scenario_about_other_jobs_is_not_judged(scenario: str) -> None:
    found = judged("image", scenario)
    assert found.verdict is Verdict.NOT_JUDGED
    assert "and the client made no such request" in found.why


def test_each_rule_is_needed_by_a_scenario_or_has_a_test_of_its_own() -> None:
    of_their_own = {"ended without a file", "no reason", "nothing saved"}
    assert {rule.name for rule in RULES} == {name for _, name in MISTAKES.values()} | of_their_own
