"""Installs what `make test-runtimes` runs, where it can, and says what it could not install.

The libraries of Node, Deno and Bun come by npm, into a folder of their own, and those of Python by pip, into an
environment of their own; Go and PHP by apt-get, which wants Debian and root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parents[1] / ".runtimes"

BY_NPM: Final = ("axios", "axios-old@npm:axios@0.27.2", "got", "node-fetch", "undici", "deno", "bun")
PYTHON: Final = FOLDER / "python"
"""The environment with what is in BY_PIP."""
BY_PIP: Final = {"pycurl": ("pycurl",), "aiodns": ("aiohttp", "aiodns")}
"""The packages of PyPI, by the module that is wanted; as wheels, since pycurl would want a compiler and headers."""
BY_APT: Final = {"go": ("golang-go",), "php": ("php-cli", "php-curl")}
"""The packages of Debian, by the program that they bring."""
_LONGEST_S: Final = 900.0


def main() -> int:
    """Install what is missing, and print a line for each thing that could not be installed; returns 0."""
    FOLDER.mkdir(exist_ok=True)
    for package in BY_NPM:  # one by one: that one does not install is no reason to lack the others
        name = package.partition("@")[0]
        if not (FOLDER / "node_modules" / name).is_dir():
            _install(name, "npm", ("npm", "install", "--no-audit", "--no-fund", "--prefix", str(FOLDER), package))
    if not PYTHON.is_dir():
        _install("an environment of Python", sys.executable, (sys.executable, "-m", "venv", str(PYTHON)))
    for module, packages in BY_PIP.items():
        if has_module(module):
            continue
        pip = (str(PYTHON / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check")
        _install(module, pip[0], (*pip, "--only-binary", ":all:", *packages))
    for program, packages in BY_APT.items():
        if shutil.which(program) is None:
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                _install(program, "apt-get", ("apt-get", "install", "--yes", "--no-install-recommends", *packages))
            else:
                print(f"not installed: {program}: install {' and '.join(packages)} as root")
    return 0


def has_module(name: str) -> bool:
    """Return whether the environment of Python has a module."""
    return any(PYTHON.glob(f"lib/python*/site-packages/{name}/__init__.py"))


def _install(name: str, by: str, command: Sequence[str]) -> None:
    if shutil.which(by) is None:
        print(f"not installed: {name}: there is no {by}")
        return
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=_LONGEST_S, check=False
        )
        why = "" if done.returncode == 0 else ((done.stderr or done.stdout).strip().splitlines() or ["it failed"])[-1]
    except subprocess.TimeoutExpired:
        why = f"it took over {_LONGEST_S:g} s"
    print(f"not installed: {name}: {why}" if why else f"installed: {name}")


if __name__ == "__main__":
    sys.exit(main())
