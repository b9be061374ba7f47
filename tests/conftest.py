"""Fixtures of several test files."""

from __future__ import annotations

import gc
import signal
from functools import partial
from pathlib import Path

import pytest

from tests import installation
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


def pytest_configure() -> None:
    """Let children be interrupted also when the tests run in the background of a shell, which ignores SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let no later collection of garbage walk through the collected tests, of which there are thousands."""
    gc.collect()
    gc.freeze()
