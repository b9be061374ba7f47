"""The wheel and an environment that holds it, made once in a run of the tests, however many workers it has."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from mock_akool import __version__
from tests.children import environment, run
from tests.packaging import dockerfile
from tests.packaging.dockerfile import ROOT

PATIENCE_S: Final = 300.0
"""How long a build or an installation may take before it fails instead of hanging."""

HOSTLESS: Final = {"PYTHONPATH": "", "PYTHONHOME": "", "VIRTUAL_ENV": ""}
"""Variables that could lead the new environment back to this one."""

UNMEASURED: Final = {"COVERAGE_PROCESS_CONFIG": "", "COVERAGE_PROCESS_START": ""}
"""Variables that would let coverage.py trace pip and builds, which takes long and finds nothing of the package."""

VERSION: Final = {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_MOCK_AKOOL": __version__, "VERSION": __version__}
"""Variables that say which version is built, since no history comes with a copy of the sources."""

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
        env=environment(PIP_DISABLE_PIP_VERSION_CHECK="1", **HOSTLESS, **VERSION, **UNMEASURED),
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

    All three are then in `place`, the copy as `sources`. What the build requires is taken from this environment; that
    pyproject.toml names it is seen when the image is built.
    """
    shutil.copytree(ROOT, place / "sources", ignore=_NOT_COPIED)
    succeed(sys.executable, "-m", "build", "--no-isolation", "--outdir", place, folder=place / "sources")


def build_image(root: Path) -> None:
    """Run the commands of the image's build stage with `root` for the image's root, and make the folder `elsewhere`."""
    sources = root / "src"
    sources.mkdir()
    for word, value in dockerfile.stages()[1].instructions:
        if word == "COPY":
            *names, target = value.split()
            for name in names:
                _copy(ROOT / name, sources / (name if target == "./" else target))
        elif word == "RUN":
            # What pip has in its cache need not be fetched again for each run of the tests.
            command = re.sub(r"/(?=opt/mock-akool|wheels)", f"{root}/", value).replace("--no-cache-dir ", "")
            succeed("sh", "-euc", f"export PATH={Path(sys.executable).parent}:$PATH; {command}", folder=sources)
        else:
            assert (word, value) in {("WORKDIR", "/src"), ("ARG", "VERSION=0.0.0")}
    (root / "elsewhere").mkdir()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.py[cod]"))
    else:
        shutil.copy(source, target)


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
