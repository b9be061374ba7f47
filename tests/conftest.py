"""Fixtures of several test files."""

from __future__ import annotations

import gc
import signal
from functools import partial
from pathlib import Path

import pytest

from tests import extent, installation
from tests.installation import Installed


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel; beside it are the source distribution that it is made from, and the copy of the sources."""
    place = installation.made_once(tmp_path_factory, "wheel", installation.build_wheel)
    (made,) = place.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment that holds the wheel."""
    place = installation.made_once(tmp_path_factory, "installed", partial(installation.install, wheel))
    return Installed(installation.commands(place), place / "elsewhere")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests too, and everything at length")


def pytest_configure(config: pytest.Config) -> None:
    """Decide how much runs, and let children be interrupted also when a shell's background job ignores SIGINT."""
    extent.run_everything(config.getoption("--all"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not extent.everything():
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item.get_closest_marker("slow") is None]


def pytest_collection_finish() -> None:
    """Let no later collection of garbage walk through the collected tests, of which there are thousands."""
    gc.collect()
    gc.freeze()
