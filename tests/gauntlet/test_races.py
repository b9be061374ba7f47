"""Races of polls and webhooks: schedules that fail are found, made small, and can be replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from mock_akool import gauntlet
from mock_akool.gauntlet import Race
from mock_akool.scenario_library.loader import read_text
from tests.contract.client import CLIENT_ID, KEY
from tests.extent import choose
from tests.gauntlet.clients import KINDS, SmallClient

OPTIONS: Final[dict[str, Any]] = {"accounts": [{"api_key": KEY, "client_id": CLIENT_ID}]}


def found(kind: str, *mistakes: str, **options: Any) -> Race | None:
    client = SmallClient(KINDS[kind], *mistakes, listens=True)
    return gauntlet.find_race(client, **OPTIONS, **options)


@pytest.mark.parametrize("kind", ["image", "face swap"])
def test_a_right_client_fails_in_no_schedule(kind: str) -> None:
    assert found(kind, tries=choose(15, 100)) is None


@pytest.mark.parametrize("kind", ["image", "face swap"])
@pytest.mark.parametrize(
    ("mistake", "name", "fault"),
    [
        ("fetches at each webhook", "webhook handled twice", {}),
        ("believes the last webhook", "gave up", {"after_end": True}),
        ("polls never", "gave up", None),
    ],
)
def test_the_smallest_schedule_that_fails_is_found(
    kind: str, mistake: str, name: str, fault: dict[str, Any] | None
) -> None:
    if fault is None:
        race = found(kind, mistake, tries=choose(15, 50))
        assert race is None, "it never polls, but each webhook comes in the end"
        return
    race = found(kind, mistake)
    assert race is not None
    assert race.judgement.findings[0].name == name
    scenario = read_text(race.text)
    assert len(scenario.webhooks) == bool(fault)
    assert all(getattr(each.fault, key) == value for each in scenario.webhooks for key, value in fault.items())
    assert str(race).endswith(race.text)


def test_the_same_seed_finds_the_same_and_its_file_replays_it(tmp_path: Path) -> None:
    first, second = (found("image", "believes the last webhook", seed=3) for _ in range(2))
    assert first == second
    assert first is not None
    file = tmp_path / "race.yaml"
    file.write_text(first.text)
    client = SmallClient(KINDS["image"], "believes the last webhook", listens=True)
    (again,) = gauntlet.run(client, scenarios=[file], seed=3, **OPTIONS).judgements
    assert (again.verdict, again.findings) == (first.judgement.verdict, first.judgement.findings)
