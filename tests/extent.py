"""How much of the tests runs: `make test` what protects, in minutes; `make test-all` everything, by `pytest --all`."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")
_everything = False


def everything() -> bool:
    """Whether all of the tests run; known before the first test module is imported."""
    return _everything


def choose(usual: _T, at_length: _T) -> _T:
    """Return the first value for `make test`, the second for `make test-all`: examples, rounds, threads."""
    return at_length if _everything else usual


def run_everything(yes: bool) -> None:
    """Decide it, once for the run."""
    global _everything
    _everything = yes
