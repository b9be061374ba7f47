"""Races of polls and webhooks: schedules are tried until one fails, which is then made as small as can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import read_scenario
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.timeline import Status
from mock_akool.gauntlet.judging import Judgement
from mock_akool.gauntlet.known import Known
from mock_akool.gauntlet.report import explained
from mock_akool.gauntlet.runner import Client, Errors, play
from mock_akool.scenario_library.loader import dump

_Schedule = Mapping[str, Any]

_AROUND: Final = tuple(f"{1000 * second + shift}ms" for second in (2, 3, 1, 4, 5) for shift in (0, -1, 1))
"""How long a stage may last: whole seconds, at which many clients poll, and a moment before and after."""
_DELAYS: Final = ("0s", "1ms", "1s", "3s", "10s")

_QUEUEING: Final = Status.QUEUEING.word
_PROCESSING: Final = Status.PROCESSING.word
_COMPLETED: Final = Status.COMPLETED.word
_COMES_LAST: Final = f"{_PROCESSING} comes last"

_CHOICES: Final[Mapping[str, tuple[Any, ...]]] = {
    _QUEUEING: _AROUND,
    _PROCESSING: _AROUND,
    f"copies of {_PROCESSING}": (1, 2),
    f"copies of {_COMPLETED}": (1, 2, 3),
    f"delay of {_PROCESSING}": _DELAYS,
    f"delay of {_COMPLETED}": _DELAYS,
    _COMES_LAST: (False, True),
}
"""What a schedule says, and what it may say of that: the simplest first."""
_SIMPLEST: Final[_Schedule] = {name: choices[0] for name, choices in _CHOICES.items()}
_CHANGED: Final = 0.4
"""How much of a schedule is not the simplest, on average."""


_NAME: Final = "race"
"""What the scenario of a schedule is called."""


class Race(NamedTuple):
    """The smallest schedule that was found to fail: what was judged, and `text`, a scenario file that replays it.

    As a text it is the file, with what was found before it as remarks.
    """

    judgement: Judgement
    text: str

    def __str__(self) -> str:
        found = [f"{_NAME} (seed {self.judgement.seed}): {self.judgement.verdict}", *explained(self.judgement)]
        return "\n".join([*(f"# {line}" for line in found), self.text])


class Search(NamedTuple):
    """What came of a search for a race.

    `race` is None when none was found in `tried` schedules. `simplest` is the judgement on the simplest schedule, and
    `has_webhooks` says whether the client wanted webhooks in any of them.
    """

    race: Race | None
    tried: int
    simplest: Judgement
    has_webhooks: bool


def find_race(
    client: Client, *, tries: int = 50, seed: int = 0, gives_up_with: Errors = (), **options: Any
) -> Race | None:
    """Try schedules of a job's changes of status and their webhooks, and return the smallest that fails, or None.

    A webhook comes at the change of status or after it, once or more often, in order or not, and the changes come at,
    before or after the instants at which the client polls. `client`, `gives_up_with` and `options` are those of `run`.
    The same seed tries the same schedules.
    """

    def judged(scenario: Scenario) -> Judgement:
        return play(client, scenario, gives_up_with=gives_up_with, seed=seed, **options)

    return search(judged, tries=tries, seed=seed).race


def search(judged: Callable[[Scenario], Judgement], *, tries: int, seed: int = 0, known: Known = frozenset()) -> Search:
    """Try so many schedules, at least one, until one fails, and make that as small as can be.

    `judged` lets the client work in a schedule. `known` are findings that are accepted, of the scenario `race`.
    """
    random = KeyedRandom(seed)
    tried: list[Judgement] = []

    def drawn(turn: int, name: str) -> Any:
        choices = _CHOICES[name]
        is_simplest = random.fraction("race", turn, name, "simplest") >= _CHANGED
        return choices[0] if is_simplest else choices[random.integer(0, len(choices) - 1, "race", turn, name)]

    def failures(schedule: _Schedule) -> tuple[Judgement, list[str]]:
        found = judged(read_scenario(_scenario_of(schedule), _NAME))
        tried.append(found)
        return found, [each.name for each in found.findings if (_NAME, each.name) not in known]

    race = None
    for turn in range(max(tries, 1)):
        schedule: _Schedule = {name: drawn(turn, name) if turn else _SIMPLEST[name] for name in _CHOICES}
        found, names = failures(schedule)
        if names:
            smallest, found = _shrunk(schedule, found, names[0], failures)
            said = replace(read_scenario(_scenario_of(smallest)), description=f"A race: {names[0]}.")
            race = Race(found, dump(said))
            break
    return Search(race, len(tried), tried[0], any(each.story.webhooks for each in tried))


def _shrunk(
    schedule: _Schedule,
    found: Judgement,
    wanted: str,
    failures: Callable[[_Schedule], tuple[Judgement, list[str]]],
) -> tuple[_Schedule, Judgement]:
    """Return the simplest schedule with the same finding, and its judgement."""
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for name, choices in _CHOICES.items():
            for simpler in choices[: choices.index(schedule[name])]:
                candidate = {**schedule, name: simpler}
                judgement, names = failures(candidate)
                if wanted in names:
                    schedule, found, is_smaller = candidate, judgement, True
                    break
    return schedule, found


def _scenario_of(schedule: _Schedule) -> dict[str, Any]:
    """Return the scenario of a schedule, as a file says it."""
    webhooks = []
    for status in (_PROCESSING, _COMPLETED):
        fault: dict[str, Any] = {}
        if schedule[f"copies of {status}"] != 1:
            fault["copies"] = schedule[f"copies of {status}"]
        if schedule[f"delay of {status}"] != _DELAYS[0]:
            fault["delay"] = schedule[f"delay of {status}"]
        if status == _PROCESSING and schedule[_COMES_LAST]:
            fault["after_end"] = True
        if fault:
            webhooks.append({"status": status, "fault": fault})
    stages = [{word: schedule[word]} for word in (_QUEUEING, _PROCESSING)]
    return {"jobs": [{"stages": [*stages, _COMPLETED]}], "webhooks": webhooks}
