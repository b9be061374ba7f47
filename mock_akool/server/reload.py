"""Scenario files that are read again while the server runs: at SIGHUP, or whenever they change (`--watch`)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

from mock_akool.akool.scenarios.model import Scenario, options_of
from mock_akool.core.errors import MockAkoolError, ScenarioError

_LOOK_S: Final = 0.5
"""How often watched files are looked at."""
_LOOKS_AWAY: Final = 4
"""At how many looks one after the other a file is away until that is said: editors replace files."""
_FIXED: Final = ("seed", "profile", "accounts", "strict")
"""What a scenario says of a fake from its beginning on."""

Read = Callable[[], tuple[Scenario, ...]]
"""Reads the scenarios of the start again; raises MockAkoolError when they are wrong."""
Say = Callable[[str, str], None]
"""Takes a level, `info` or `warning`, and what there is to say."""


class Reloadable(Protocol):
    """Who has scenarios from its start on."""

    def replace_start(self, scenarios: tuple[Scenario, ...]) -> None:
        """Let these be active from now on and after each reset, in place of those of the start."""
        ...


class Reloader:
    """Reads the scenarios of a server's start again. Those that are active stay when the new ones are wrong."""

    def __init__(self, target: Reloadable, scenarios: tuple[Scenario, ...], read: Read, say: Say) -> None:
        self._target = target
        self._scenarios = scenarios
        self._read = read
        self._say = say
        self._files = sorted({each.path for each in scenarios if each.path})
        self._seen = _state_of(self._files)
        self._lock = threading.Lock()

    def reload(self) -> bool:
        """Read the scenarios again and make them active; returns whether they are. Says what came of it."""
        with self._lock:  # signals may come one upon the other
            return self._reload()

    def _reload(self) -> bool:
        self._seen = _state_of(self._files)
        if not self._scenarios:
            self._say("info", "there is no scenario to read again: the server was started without --scenario")
            return False
        try:
            scenarios = self._read()
            _check_fixed(self._scenarios, scenarios)
        except MockAkoolError as error:
            self._say("warning", f"the scenarios stay as they are: {error}")
            return False
        left = sorted(options_of(self._scenarios).keys() - options_of(scenarios).keys())
        self._target.replace_start(scenarios)
        self._scenarios = scenarios
        names = ", ".join(each.name or "a scenario" for each in scenarios)
        stays = f"; {', '.join(left)} stays as it was until the server is started again" if left else ""
        self._say("info", f"the scenarios were read again: {names}{stays}")
        return True

    async def watch(self) -> None:
        """Reload whenever a file changes, until cancelled. A file that is away for a moment has not changed."""
        away = 0
        while True:
            await asyncio.sleep(_LOOK_S)
            state = _state_of(self._files)
            if None in state:
                away += 1
                if away == _LOOKS_AWAY:
                    missing = self._files[state.index(None)]
                    self._say("warning", f"the scenarios stay as they are: {missing} is not there")
                continue
            away = 0
            if state != self._seen:
                await asyncio.to_thread(self.reload)


def _check_fixed(before: Iterable[Scenario], after: Iterable[Scenario]) -> None:
    old, new = options_of(before), options_of(after)
    changed = [name for name in _FIXED if old.get(name) != new.get(name)]
    if changed:
        raise ScenarioError(
            f"{', '.join(changed)} of a scenario cannot change while the server runs", "start the server again"
        )


def _state_of(files: Iterable[str]) -> list[tuple[int, int, int] | None]:
    """Return what tells a file's content from another that it had before; None for a file that is not there."""
    states: list[tuple[int, int, int] | None] = []
    for each in files:
        try:
            found = Path(each).stat()
        except OSError:
            states.append(None)
        else:
            states.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return states
