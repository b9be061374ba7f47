"""The job scripts of the next jobs, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mock_akool.akool.scenarios.model import LabelledScript
from mock_akool.core.errors import MisfitError


class NextJobsState(NamedTuple):
    """The scripts that are still to be followed, and how many jobs have followed the first."""

    scripts: Sequence[LabelledScript] = ()
    used: int = 0


class NextJobs:
    """A queue of job scripts, each for as many jobs as its `times` says, or for one."""

    def __init__(self) -> None:
        self._scripts: deque[LabelledScript] = deque()
        self._used = 0
        """How many jobs have followed the first script."""
        self.jobs = 0
        """For how many jobs there are scripts. (No length: a tuple would reserve room for as many scripts.)"""

    def state(self) -> NextJobsState:
        """Return all that is in it."""
        return NextJobsState(list(self._scripts), self._used)

    @classmethod
    def restored(cls, state: NextJobsState) -> NextJobs:
        """Return a queue that goes on from a state; raises MisfitError when more have followed than there are."""
        made = cls()
        made.extend(state.scripts)
        made._used = state.used
        made.jobs -= state.used
        if not 0 <= state.used < (_times(state.scripts[0]) if state.scripts else 1):
            raise MisfitError("used", f"{state.used} jobs cannot have followed the first script")
        return made

    def __bool__(self) -> bool:
        return bool(self._scripts)

    def __iter__(self) -> Iterator[LabelledScript]:
        """Yield the scripts; `times` of each is for how many jobs it still is, or None for one."""
        used = self._used
        for each in self._scripts:
            left = _times(each) - used
            yield each._replace(script=each.script._replace(times=left if left > 1 else None))
            used = 0

    def extend(self, scripts: Iterable[LabelledScript]) -> None:
        """Add scripts at the end."""
        for each in scripts:
            self._scripts.append(each)
            self.jobs += _times(each)

    def take(self) -> LabelledScript:
        """Return the script of the next job, of which there must be one, and count it as used."""
        first = self._scripts[0]
        self._used += 1
        self.jobs -= 1
        if self._used == _times(first):
            self._scripts.popleft()
            self._used = 0
        return first

    def clear(self) -> None:
        """Forget all scripts."""
        self._scripts.clear()
        self._used = self.jobs = 0


def _times(each: LabelledScript) -> int:
    return each.script.times or 1
