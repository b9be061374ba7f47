"""The wheel and an environment that holds it, made once in a run of the tests, however many workers it has."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.children import environment, run

ROOT: Final = Path(__file__).parents[1]
PATIENCE_S: Final = 300.0
"""How long a build or an installation may take before it fails instead of hanging."""

HOSTLESS: Final = {"PYTHONPATH": "", "PYTHONHOME": "", "VIRTUAL_ENV": ""}
"""Variables that could lead the new environment back to this one."""

_NOT_COPIED: Final = shutil.ignore_patterns(
    ".*", "__pycache__", "build", "dist", "*.egg-info", "node_modules", "mock-akool-demo", "benchmarks"
)


class Installed(NamedTuple):
    """An environment that holds the wheel and its dependencies; `folder` is where its commands are run."""

    bin: Path
    folder: Path

    def run(self, command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment to its end."""
        return run(*arguments, command=[str(self.bin / command)], variables=HOSTLESS, folder=self.folder)


def succeed(*command: str | Path, folder: Path) -> None:
    """Run a command, which must end well."""
    finished = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=environment(PIP_DISABLE_PIP_VERSION_CHECK="1", **HOSTLESS),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


def build_wheel(place: Path) -> None:
    """Make the source distribution from a copy of the sources, since a build leaves files behind, and the wheel of it.

    All three are then in `place`, the copy as `sources`.
    """
    shutil.copytree(ROOT, place / "sources", ignore=_NOT_COPIED)
    succeed(sys.executable, "-m", "build", "--outdir", place, folder=place / "sources")


def install(wheel: Path, place: Path) -> None:
    """Make an environment that holds the wheel: `environment` in `place`, and the empty folder `elsewhere`."""
    succeed(sys.executable, "-m", "venv", place / "environment", folder=place)
    succeed(commands(place) / "python", "-m", "pip", "install", "--quiet", wheel, folder=place)
    (place / "elsewhere").mkdir()


def commands(place: Path) -> Path:
    """Return the folder of the commands of the environment in `place`."""
    return place / "environment" / ("Scripts" if sys.platform == "win32" else "bin")


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of this name that all workers share; the first one makes what is in it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    place, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            make(place)
            done.touch()
    return place
