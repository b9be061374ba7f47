"""How tests run the clients in the folder `examples` that are there once for each way of calling."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

import pytest
from _pytest.mark import ParameterSet

from tests.children import run
from tests.programs import need
from tools.install_runtimes import FOLDER as RUNTIMES

FOLDER: Final = Path(__file__).parents[2] / "examples"
PROGRAMS: Final = {
    ".go": (),
    ".mjs": ("node",),
    ".php": ("php",),
    ".py": (sys.executable, "-W", "error"),
    ".sh": ("sh",),
}


def each_way(pattern: str) -> list[ParameterSet]:
    """Return a parameter for each example: the one with requests runs always, others when asked for.

    Those with axios, Go and PHP want what `tools.install_runtimes` installs.
    """

    def marks(file: Path) -> list[pytest.MarkDecorator]:
        if file.suffix in (".go", ".php") or file.name.startswith("axios_"):
            return [pytest.mark.runtimes]
        return [] if file.name.startswith("requests_") else [pytest.mark.slow]

    return [pytest.param(file, id=file.name, marks=marks(file)) for file in sorted(FOLDER.glob(pattern))]


def command_of(file: Path, folders: pytest.TempPathFactory) -> list[str]:
    """Return the command that runs an example; skips the test where its runtime is not installed."""
    need(*{".mjs": ["node"], ".go": ["go"], ".php": ["php"], ".sh": ["curl"]}.get(file.suffix, []))
    if file.suffix == ".go":
        return [str(_built(file, folders.getbasetemp()))]
    if file.name.startswith("axios_"):
        folder = folders.mktemp("axios")
        (folder / "node_modules").symlink_to(RUNTIMES / "node_modules")
        file = Path(shutil.copy(file, folder))
    return [*PROGRAMS[file.suffix], str(file)]


def _built(file: Path, folder: Path) -> Path:
    """Return the program of Go's source, built once for all tests; it has the name of its source."""
    program = folder / file.name
    if not program.exists():
        built = run(command=["go", "build", "-o", str(program), str(file)], patience_s=300)
        assert built.returncode == 0, built.stderr
    return program
