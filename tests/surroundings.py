"""What the tests take from the machine that they run on: as little as can be, so that CI and a desk see the same."""

from __future__ import annotations

import os
from typing import Final

_CHANGE_WHAT_IS_PRINTED: Final = (
    "BUILD_NUMBER",  # pytest shows long summaries, as it does where there is CI
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "LINES",
    "NO_COLOR",
    "PYTEST_ADDOPTS",
    "PY_COLORS",
)
_ALL_PROGRAMS: Final = "TESTS_NEED_ALL_PROGRAMS"
_HERE: Final = "localhost,127.0.0.1,::1"


def make_plain() -> None:
    """Forget what would change what we and others print, our own settings, and that this machine is behind a proxy.

    Worker and child processes inherit it. A proxy stays for what a test wants from the network: packages of pip or npm.
    """
    if os.environ.get("CI") == "true":
        os.environ[_ALL_PROGRAMS] = "yes"
    for name in [*_CHANGE_WHAT_IS_PRINTED, *(name for name in os.environ if name.startswith("MOCK_AKOOL_"))]:
        os.environ.pop(name, None)
    for name in ("NO_PROXY", "no_proxy"):
        if os.environ.get(name) != "*":
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), _HERE]))


def needs_all_programs() -> bool:
    """Whether a test must fail where a program is missing: in CI, which has to try everything."""
    return _ALL_PROGRAMS in os.environ
