"""The interceptors with the oldest releases that pyproject.toml allows, and with those that are installed.

It needs a package index, or the pip cache; without both it is skipped.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests import children
from tests.mock import script as interceptor_script

ROOT: Final = Path(__file__).parents[2]
LIBRARIES: Final = ("requests", "responses", "httpx", "aiohttp")


def oldest() -> list[str]:
    """Return the oldest supported release of each library, as pip wants it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["httpx"], *extras["aiohttp"]]
    bounds = {each.partition(">=")[0]: each.partition(">=")[2] for each in wanted}
    return [f"{name}=={bounds[name]}" for name in LIBRARIES]


@pytest.fixture(scope="session")
def folder_of_oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oldest")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target")
    done = children.run(folder, *oldest(), command=pip, patience_s=120)
    if done.returncode:
        pytest.skip(f"pip cannot install {' '.join(oldest())}: {done.stderr.strip()[-300:]}")
    return folder


def run_script(path: Path) -> str:
    """Run the script with the packages below `path` before the installed ones."""
    assert interceptor_script.__file__ is not None
    done = children.run(
        interceptor_script.__file__, command=(sys.executable, "-W", "error"), variables={"PYTHONPATH": f"{path}:{ROOT}"}
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_oldest_releases(folder_of_oldest: Path) -> None:
    assert run_script(folder_of_oldest).split() == oldest()


# What they do is seen by all other tests.
@pytest.mark.slow
def test_the_installed_releases(tmp_path: Path) -> None:
    assert re.fullmatch(r"requests==\S+ responses==\S+ httpx==\S+ aiohttp==\S+\n", run_script(tmp_path))
