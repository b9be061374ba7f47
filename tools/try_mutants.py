"""Try changes of the code, in `mutants/`: collect the tests once, and fork for each change.

`tools.mutate` starts it there. Mutmut made the changes; its trampolines choose one by a variable of the environment.
Its own runner collects thousands of tests for each change, a hundred times as long as those take that notice it.

A change of a function that ran at import, such as of one that makes a table, is tried again in a process that imports
the code with the change when the tests in the fork did not notice it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import pytest

CHOSEN: Final = "MUTANT_UNDER_TEST"
"""The variable that mutmut's trampolines read: the name of a change, `stats` to note who was called, or empty."""

SURVIVED: Final = "survived"
UNREACHED: Final = "unreached"
_KILLED: Final = "killed by "
_REACHED: Final = Path("reached.json")
_BUCKETS_S: Final = (0.003, 0.01, 0.03, 0.1, 0.4)
_ENOUGH_S: Final = 30
_ENOUGH_ANEW_S: Final = 15
"""A change counts as a survivor when the quickest tests that reach it, which take so long together, do not notice it.

Nine of ten that are noticed at all are noticed within the first second.
"""
_MEMORY: Final = 3 * 2**30


class Known(NamedTuple):
    """What is known about a test: how long it takes, in seconds of the processor, and which functions it reaches."""

    seconds: float
    functions: frozenset[str]


def function_of(mutant: str) -> str:
    """Return mutmut's name of the function that a change is in."""
    return mutant.partition("__mutmut_")[0]


def in_order(tests: Mapping[str, Known], names: Iterable[str], enough_s: float) -> list[str]:
    """Return names of tests that take `enough_s` together: quick ones first, those before that reach few functions."""

    def rank(name: str) -> tuple[int, int]:
        test = tests[name]
        return sum(test.seconds > limit for limit in _BUCKETS_S), len(test.functions) // 25

    ordered = sorted(names, key=rank)
    until = accumulate(tests[name].seconds for name in ordered)
    return [name for name, before_s in zip(ordered, chain((0.0,), until), strict=False) if before_s < enough_s]


class Session:
    """A plugin of pytest that runs the tests in forks, once per change, in place of running them once."""

    def __init__(self, mutants: Sequence[str], children: int) -> None:
        self.verdicts: dict[str, str] = {}
        self._mutants = mutants
        self._children = children
        self._items: dict[str, pytest.Item] = {}
        self._tests: dict[str, Known] = {}
        self._failed = False
        self._scratch = Path(tempfile.mkdtemp(prefix="mutants-"))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that the test failed."""
        self._failed = self._failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all changes; pytest then runs nothing itself."""
        if session.testsfailed:
            raise session.Interrupted("the tests could not be collected")
        self._items = {item.nodeid: item for item in session.items}
        at_import = frozenset(_called())
        try:
            self._measure()
            self._try_all(at_import)
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)
        return True

    def _measure(self) -> None:
        """Find out which functions each test reaches, for those that are not known since the last time."""
        known = (
            json.loads(_REACHED.read_text(encoding="utf-8")) if _REACHED.exists() else {"functions": [], "tests": {}}
        )
        names = known["functions"]
        for name, (seconds, numbers) in known["tests"].items():
            if name in self._items:
                self._tests[name] = Known(seconds, frozenset(names[number] for number in numbers))
        unknown = [name for name in self._items if name not in self._tests]
        print(f"{len(self._items)} tests, of which {len(unknown)} are measured", flush=True)
        pieces = [unknown[start :: self._children * 4] for start in range(self._children * 4)]

        ended = self._in_forks(
            [
                (str(number), partial(self._measure_some, piece, self._scratch / f"{number}.json"))
                for number, piece in enumerate(pieces)
                if piece
            ]
        )
        failed = [output for output in ended.values() if output]
        if failed:
            raise pytest.UsageError(f"these tests fail with no change at all: {failed}")
        for file in self._scratch.glob("*.json"):
            for name, (seconds, functions) in json.loads(file.read_text(encoding="utf-8")).items():
                self._tests[name] = Known(seconds, frozenset(functions))
        functions = sorted(frozenset().union(*(test.functions for test in self._tests.values())))
        number = {name: at for at, name in enumerate(functions)}
        tests = {
            name: (round(test.seconds, 4), [number[each] for each in test.functions])
            for name, test in self._tests.items()
        }
        _REACHED.write_text(json.dumps({"functions": functions, "tests": tests}), encoding="utf-8")

    def _measure_some(self, names: Sequence[str], file: Path) -> None:
        found: dict[str, tuple[float, list[str]]] = {}
        for name in names:
            _called().clear()
            began = time.process_time()
            if self._fails(name):
                raise AssertionError(name)
            found[name] = (time.process_time() - began, sorted(_called()))
        file.write_text(json.dumps(found), encoding="utf-8")

    def _try_all(self, at_import: frozenset[str]) -> None:
        reaching: dict[str, list[str]] = {}
        for name, test in self._tests.items():
            for function in test.functions:
                reaching.setdefault(function, []).append(name)

        first = [
            (each, partial(self._try_one, each, in_order(self._tests, reaching[function_of(each)], _ENOUGH_S)))
            for each in self._mutants
            if function_of(each) in reaching
        ]
        for mutant, noticed_by in self._in_forks(first).items():
            self.verdicts[mutant] = _KILLED + noticed_by if noticed_by else SURVIVED
        for mutant in self._mutants:
            self.verdicts.setdefault(mutant, UNREACHED)
        left = [each for each, verdict in self.verdicts.items() if not verdict.startswith(_KILLED)]
        again = [(each, partial(_import_anew, each)) for each in left if function_of(each) in at_import]
        print(f"{len(left)} are left, of which {len(again)} are tried in a new process:", *left, sep="\n", flush=True)
        for mutant, noticed_by in self._in_forks(again).items():
            self.verdicts[mutant] = _KILLED + noticed_by if noticed_by else SURVIVED

    def _try_one(self, mutant: str, names: Sequence[str]) -> None:
        os.environ[CHOSEN] = mutant
        for name in names:
            if self._fails(name):
                raise AssertionError(name)

    def _fails(self, name: str) -> bool:
        """Run a test; a change that makes it endless ends the process, by a signal."""
        self._failed = False
        item = self._items[name]
        usual_s = self._tests[name].seconds if name in self._tests else 60
        signal.setitimer(signal.ITIMER_PROF, 5 + 10 * usual_s)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return self._failed

    def _in_forks(self, work: Sequence[tuple[str, Callable[[], None]]]) -> dict[str, str]:
        """Do the work, each in a process of its own; return by name what each raised, empty for nothing."""
        ended: dict[str, str] = {}
        running: dict[int, tuple[str, float]] = {}
        waiting = list(reversed(work))
        began = shown = time.monotonic()
        while waiting or running:
            while waiting and len(running) < self._children:
                name, do = waiting.pop()
                running[self._fork(do)] = (name, time.monotonic())
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid in running:
                name, _ = running.pop(pid)
                ended[name] = self._said(pid, status)
            elif not pid:
                time.sleep(0.005)
            for pid, (_, since) in running.items():
                if time.monotonic() - since > 900:
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() - shown > 20:
                shown = time.monotonic()
                print(f"{len(ended)} of {len(work)} after {shown - began:.0f} s", flush=True)
        return ended

    def _said(self, pid: int, status: int) -> str:
        note = self._scratch / f"{pid}.txt"
        said = note.read_text(encoding="utf-8") if note.exists() else ""
        note.unlink(missing_ok=True)
        shutil.rmtree(self._scratch / str(pid), ignore_errors=True)
        return said or (f"a process that ended with {status}" if status else "")

    def _fork(self, do: Callable[[], None]) -> int:
        pid = os.fork()
        if not pid:
            self._in_child(do)
        return pid

    def _in_child(self, do: Callable[[], None]) -> NoReturn:
        try:
            home = self._scratch / str(os.getpid())
            home.mkdir()
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(home)
            resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            do()
        except BaseException as error:  # also what a change lets escape from pytest
            with suppress(OSError):
                (self._scratch / f"{os.getpid()}.txt").write_text(str(error) or repr(error), encoding="utf-8")
            os._exit(1)
        os._exit(0)


def reaching_module(module: str) -> list[str]:
    """Return names of tests that reach a module, to be run where none is known to need what runs at import."""
    known = json.loads(_REACHED.read_text(encoding="utf-8"))
    inside = {number for number, name in enumerate(known["functions"]) if name.rpartition(".")[0] == module}
    tests = {
        name: Known(seconds, frozenset(map(str, numbers)))
        for name, (seconds, numbers) in known["tests"].items()
        if not inside.isdisjoint(numbers)
    }
    return in_order(tests, tests, _ENOUGH_ANEW_S)


class Anew:
    """A plugin of pytest for a process that imports changed code: it runs some tests, in order, until one fails."""

    def __init__(self, names: Sequence[str]) -> None:
        self.noticed_by = ""
        self._names = names

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which test failed."""
        if report.failed:
            self.noticed_by = report.nodeid

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose the tests."""
        there = {item.nodeid: item for item in items}
        items[:] = [there[name] for name in self._names if name in there]


def _import_anew(mutant: str) -> None:
    """Raise an AssertionError that names the test which noticed a change that is there from the start."""
    ended = subprocess.run(
        [sys.executable, "-m", "tools.try_mutants", "--anew"],
        env={**os.environ, CHOSEN: mutant},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if ended.returncode:
        raise AssertionError(ended.stdout.decode(errors="replace").splitlines()[-1:])


def _called() -> set[str]:
    """Return mutmut's note of the functions that were called since it was cleared."""
    from mutmut.state import state

    return state()._stats


def _options() -> list[str]:
    from mutmut.configuration import config

    return list(config().pytest_add_cli_args)


def _selection() -> list[str]:
    from mutmut.configuration import config

    return list(config().pytest_add_cli_args_test_selection)


def _anew() -> int:
    names = reaching_module(function_of(os.environ[CHOSEN]).rpartition(".")[0])
    if not names:
        return 0
    # To collect all tests would take longer than to run these.
    files = sorted({name.partition("::")[0] for name in names})
    plugin = Anew(names)
    options = ["-x", "-q", "--tb=no", "--capture=sys", "--rootdir=."]
    code = pytest.main([*options, *files, *_options()], [plugin])
    print(plugin.noticed_by or "tests that could not be collected")
    return int(code)


def main(arguments: Sequence[str]) -> int:
    """Try the changes that the file `plan.json` names, and write what became of each into `verdicts.json`."""
    if arguments == ["--anew"]:
        return _anew()
    plan: Mapping[str, Any] = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    os.environ[CHOSEN] = "stats"
    session = Session(plan["mutants"], plan["children"])
    code = pytest.main(["-q", "--tb=no", "--capture=sys", "--rootdir=.", *_selection(), *_options()], [session])
    Path("verdicts.json").write_text(json.dumps(session.verdicts, indent=1), encoding="utf-8")
    if set(session.verdicts) != set(plan["mutants"]):
        return int(code) or 1
    print(Counter(each.partition(" ")[0] for each in session.verdicts.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
