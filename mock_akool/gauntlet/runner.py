"""Lets a Python function work in each scenario, on virtual time, and judges it."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.diagnostics.hints.polling import ERRORS_OF_READERS
from mock_akool.diagnostics.observations import Observations
from mock_akool.gauntlet.crashes import LIBRARIES
from mock_akool.gauntlet.facts import ClientEnd, How, Run
from mock_akool.gauntlet.judging import Judgement, judge
from mock_akool.gauntlet.known import Known, accepting
from mock_akool.gauntlet.report import GauntletReport
from mock_akool.gauntlet.saved import Folder, Saved
from mock_akool.mock.interceptors.target import VirtualTimeLimitError
from mock_akool.mock.local import MockAkool
from mock_akool.scenario_library.library import load, names

Client = Callable[[MockAkool], object]
"""What lets a client work: it is given the fake, which is active. It may be a coroutine function."""
Errors = Sequence[type[BaseException]]

_FOLDERS: Final = tuple(str(Path(sysconfig.get_paths()[name]).resolve()) for name in ("stdlib", "purelib", "platlib"))


def run(
    client: Client,
    *,
    scenarios: Iterable[Any] | None = None,
    gives_up_with: Errors = (),
    repeat: int = 1,
    known: Known = frozenset(),
    saves_to: str | Path | None = None,
    **options: Any,
) -> GauntletReport:
    """Let a client work in each scenario, on virtual time, and return what was found.

    `client` is called with the fake, which is active: it answers what `requests`, `httpx` and `aiohttp` send to Akool's
    hosts. A coroutine function is run to its end. `scenarios` are names, files, or what a file says; without them those
    of the library. `gives_up_with` are the exceptions by which the client says that it gives up; without them these are
    all that its own code defines, RuntimeError and TimeoutError that its own code raises, and SystemExit. With
    `repeat` each scenario is run with so many seeds. `known` are findings that are accepted, see `read_known`.
    `saves_to` is the folder into which the client saves its files, which are compared with what the fake sent.
    `options` are those of MockAkool. Raises ScenarioError and SettingsError for what cannot be.
    """
    loaded = [load(each) for each in (names() if scenarios is None else scenarios)]
    seed = options.pop("seed", 0)
    judgements = [
        play(client, scenario, gives_up_with=gives_up_with, saves_to=saves_to, seed=seed + turn, **options)
        for scenario in loaded
        for turn in range(repeat)
    ]
    return GauntletReport(accepting(judgements, known))


def play(
    client: Client,
    scenario: Scenario,
    *,
    gives_up_with: Errors = (),
    saves_to: str | Path | None = None,
    **options: Any,
) -> Judgement:
    """Let a client work in one scenario, and return the verdict; the parameters are those of `run`."""
    folder = None if saves_to is None else Folder(Path(saves_to))
    mock = MockAkool(scenario=scenario, unused_rules="ignore", unused_job_scripts="ignore", **options)
    with mock:
        end = _ended(client, mock, gives_up_with)
        return judgement_on(mock, scenario, end, None if folder is None else lambda: saved_in(folder, mock), folder)


def saved_in(folder: Folder, mock: MockAkool) -> tuple[Saved, ...]:
    """Return what the client of a fake saved in a folder."""
    return folder.saved(Observations.of(mock.engine), mock.application.media_cache.get)


def judgement_on(
    mock: MockAkool,
    scenario: Scenario,
    end: ClientEnd,
    saved: Callable[[], tuple[Saved, ...] | None] | None = None,
    folder: Folder | None = None,
) -> Judgement:
    """Return the verdict on a client that ended just now, while its fake is active on virtual time.

    What webhooks are due later, a client that listens gets before it is judged. `saved` returns what it saved
    in `folder`.
    """
    ended_ns = mock.clock.now_ns()
    if end.how is not How.HUNG:
        mock.run_until_idle()
    files = None if saved is None else saved()
    return judge(Run(scenario, Observations.of(mock.engine), end, ended_ns, saved=files, folder=folder))


def _ended(client: Client, mock: MockAkool, gives_up_with: Errors) -> ClientEnd:
    try:
        value = client(mock)
        if inspect.iscoroutine(value):
            asyncio.run(value)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        return end_by(error, gives_up_with)
    return ClientEnd(How.WELL)


def end_by(error: BaseException, gives_up_with: Errors = ()) -> ClientEnd:
    """Return how a client ended that raised this; `gives_up_with` is as in `run`."""
    if isinstance(error, VirtualTimeLimitError):
        return ClientEnd(How.HUNG, _words(error))
    if isinstance(error, SystemExit):
        words = "" if error.code in (None, 0) or isinstance(error.code, int) else str(error.code)
        return ClientEnd(How.WELL if error.code in (None, 0) else How.GAVE_UP, words or f"exit status {error.code}")
    gives_up = isinstance(error, tuple(gives_up_with)) if gives_up_with else _is_clear(error)
    module = type(error).__module__
    return ClientEnd(
        How.GAVE_UP if gives_up else How.CRASHED, _words(error), "" if module == builtins.__name__ else module
    )


def _words(error: BaseException) -> str:
    """Return the type and the text of an exception, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


def _is_clear(error: BaseException) -> bool:
    """Return whether somebody raised this on purpose, to say that there is no file."""
    module = type(error).__module__.partition(".")[0]
    if module not in sys.stdlib_module_names and module not in LIBRARIES and module != "builtins":
        return True
    if isinstance(error, ERRORS_OF_READERS) or not isinstance(error, (RuntimeError, TimeoutError)):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not str(Path(frames[-1].filename).resolve()).startswith(_FOLDERS)
