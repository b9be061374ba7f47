"""Races of polls and webhooks: schedules are tried until one fails, which is then made as small as can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from mock_akool.akool.scenarios.schema import read_scenario
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.timeline import Status
from mock_akool.gauntlet.judging import Judgement
from mock_akool.gauntlet.runner import Client, Errors, play
from mock_akool.scenario_library.loader import dump

_Schedule = Mapping[str, Any]

_AROUND: Final = tuple(f"{1000 * second + shift}ms" for second in (2, 3, 1, 4, 5) for shift in (0, -1, 1))
"""How long a stage may last: whole seconds, at which many clients poll, and a moment before and after."""
_DELAYS: Final = ("0s", "1ms", "1s", "3s", "10s")

_CHOICES: Final[Mapping[str, tuple[Any, ...]]] = {
    "queueing": _AROUND,
    "processing": _AROUND,
    "copies of processing": (1, 2),
    "copies of completed": (1, 2, 3),
    "delay of processing": _DELAYS,
    "delay of completed": _DELAYS,
    "processing comes last": (False, True),
}
"""What a schedule says, and what it may say of that: the simplest first."""
_SIMPLEST: Final[_Schedule] = {name: choices[0] for name, choices in _CHOICES.items()}
_CHANGED: Final = 0.4
"""How much of a schedule is not the simplest, on average."""


class Race(NamedTuple):
    """The smallest schedule that was found to fail: what was judged, and `text`, a scenario file that replays it."""

    judgement: Judgement
    text: str

    def __str__(self) -> str:
        return f"{self.judgement.why}\n\n{self.text}"


def find_race(
    client: Client, *, tries: int = 50, seed: int = 0, gives_up_with: Errors = (), **options: Any
) -> Race | None:
    """Try schedules of a job's changes of status and their webhooks, and return the smallest that fails, or None.

    A webhook comes at the change of status or after it, once or more often, in order or not, and the changes come at,
    before or after the instants at which the client polls. `client`, `gives_up_with` and `options` are those of `run`.
    The same seed tries the same schedules.
    """
    random = KeyedRandom(seed)

    def drawn(turn: int, name: str) -> Any:
        choices = _CHOICES[name]
        is_simplest = random.fraction("race", turn, name, "simplest") >= _CHANGED
        return choices[0] if is_simplest else choices[random.integer(0, len(choices) - 1, "race", turn, name)]

    def judged(schedule: _Schedule) -> Judgement:
        return play(
            client, read_scenario(_scenario_of(schedule), "race"), gives_up_with=gives_up_with, seed=seed, **options
        )

    for turn in range(tries):
        schedule: _Schedule = {name: drawn(turn, name) if turn else _SIMPLEST[name] for name in _CHOICES}
        found = judged(schedule)
        if found.findings:
            smallest, found = _shrunk(schedule, found, judged)
            said = replace(read_scenario(_scenario_of(smallest)), description=f"A race: {found.findings[0].name}.")
            return Race(found, dump(said))
    return None


def _shrunk(schedule: _Schedule, found: Judgement, judged: Any) -> tuple[_Schedule, Judgement]:
    """Return the simplest schedule with the same finding, and its judgement."""
    wanted = found.findings[0].name
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for name, choices in _CHOICES.items():
            for simpler in choices[: choices.index(schedule[name])]:
                candidate = {**schedule, name: simpler}
                judgement: Judgement = judged(candidate)
                if any(each.name == wanted for each in judgement.findings):
                    schedule, found, is_smaller = candidate, judgement, True
                    break
    return schedule, found


def _scenario_of(schedule: _Schedule) -> dict[str, Any]:
    """Return the scenario of a schedule, as a file says it."""
    webhooks = []
    for status in (Status.PROCESSING, Status.COMPLETED):
        fault: dict[str, Any] = {}
        if schedule[f"copies of {status.word}"] != 1:
            fault["copies"] = schedule[f"copies of {status.word}"]
        if schedule[f"delay of {status.word}"] != _DELAYS[0]:
            fault["delay"] = schedule[f"delay of {status.word}"]
        if status is Status.PROCESSING and schedule["processing comes last"]:
            fault["after_end"] = True
        if fault:
            webhooks.append({"status": status.word, "fault": fault})
    stages = [{word: schedule[word]} for word in ("queueing", "processing")]
    return {"jobs": [{"stages": [*stages, "completed"]}], "webhooks": webhooks}
