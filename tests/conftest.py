"""How much of the tests runs, and what holds for all of them."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tests import extent, surroundings

_ROOT: Final = Path(__file__).parents[1]
_AT_LENGTH: Final = frozenset({"test_schemathesis.py"})
"""Modules that are imported at length only: what they import takes longer than all that others import.

That answers are as the OpenAPI document says, `tests/admin/test_openapi.py` tries for each route, and
`tests/contract/test_fuzz.py` makes up requests.
"""
_SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_HANDLERS: Final = pytest.StashKey[dict[signal.Signals, Any]]()

if "MUTANT_UNDER_TEST" in os.environ:
    # `make mutate` runs a test in many processes, while others run beside it.
    settings.register_profile(
        "mutation",
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
        derandomize=True,
        deadline=None,
        max_examples=40,
        database=None,
    )
    settings.load_profile("mutation")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests too, and everything at length")
    parser.addoption("--image", action="store_true", help="run the tests that build the container image")
    parser.addoption("--runtimes", action="store_true", help="run the tests that want runtimes and npm's libraries")
    parser.addoption("--bare", action="store_true", help="run all tests in a clean clone on a bare Debian")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use two workers more than there are cores: a third of their time they wait for processes, sockets and timers."""
    return 2 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_configure(config: pytest.Config) -> None:
    """Decide how much runs, and let children be interrupted also when a shell's background job ignores SIGINT."""
    extent.run_everything(config.getoption("--all"))
    if "MUTANT_UNDER_TEST" not in os.environ:
        # For what says nothing of its own. A hundred examples of each are a tenth of the time of `make test`.
        # A machine that is busy fails none of them.
        settings.register_profile(
            "extent",
            max_examples=extent.choose(25, 100),
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        settings.load_profile("extent")
    # No test draws from the global generator; to seed it three times for each takes a quarter of a millisecond.
    config.option.randomly_reset_seed = False
    surroundings.make_plain()
    # Where the CA for HTTPS is kept, also that of child processes: no test may touch the user's own.
    data = tempfile.TemporaryDirectory(prefix="mock-akool-data-")
    config.add_cleanup(data.cleanup)
    os.environ["XDG_DATA_HOME"] = data.name
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[_HANDLERS] = {each: signal.getsignal(each) for each in _SIGNALS}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out a module that is imported at length only."""
    return True if _is_ignored(collection_path) else None


def _is_ignored(module: Path) -> bool:
    return module.name in _AT_LENGTH and not extent.everything()


def pytest_collection(session: pytest.Session) -> None:
    """Import the test modules, each worker from another one on: what one has compiled, the others only load.

    In a clean clone each would else compile all of them, which is half of the time of the collection.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    gc.disable()  # until all is collected: there is much of it, and nothing of it is garbage
    folders = [_ROOT.joinpath(each) for each in session.config.args if "::" not in each]
    modules = sorted({file for folder in folders for file in folder.rglob("test_*.py") if not _is_ignored(file)})
    begin = len(modules) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in [*modules[begin:], *modules[:begin]]:
        # What cannot be imported is reported by the collection.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(_ROOT).with_suffix("").parts))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not wanted, and let no test that takes seconds come among the last: all workers would wait."""
    unwanted = set() if extent.everything() else {"slow"}
    unwanted |= {name for name in ("image", "bare", "runtimes") if not config.getoption(f"--{name}")}
    left_out = [item for item in items if unwanted & {marker.name for marker in item.iter_markers()}]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]
    last = len(items) - len(items) // 5
    late = [item for item in items[last:] if {"slow", "lengthy"} & {marker.name for marker in item.iter_markers()}]
    moved = set(late)
    items[:] = [*late, *(item for item in items if item not in moved)]


def pytest_collection_finish() -> None:
    """Let no later collection of garbage walk through the collected tests, of which there are thousands."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Take signals again as before: a command that a test ran in this process may ignore them since its end.

    Children would inherit that, and those that a test ends by Ctrl-C would run on for ten seconds.
    """
    for number, handler in item.config.stash[_HANDLERS].items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(scope="module", autouse=True)
def _nothing_old_is_walked_through() -> Iterator[None]:
    """Look for garbage after each module, and let no later collection walk through what the module has left to stay.

    Packages that tests have imported are most of it. Looking through it all took two fifths of the tests' time.
    """
    yield
    gc.collect()
    gc.freeze()
