"""Replacing attributes of other libraries, and putting them back."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final


def is_from(function: Any, package: ModuleType) -> bool:
    """Return whether a function is a package's own code, if wrapped, and not a mock that somebody put in its place."""
    code, home = getattr(inspect.unwrap(function), "__code__", None), package.__file__ or ""
    return code is not None and Path(code.co_filename).parent.is_relative_to(Path(home).parent)


class Patches:
    """Attributes that were replaced. Safe when others replace the same ones, in any order."""

    _every: ClassVar[list[Patches]] = []

    def __init__(self) -> None:
        self._made: list[tuple[type | ModuleType, str, Any, Any]] = []
        self._left: list[tuple[type | ModuleType, str, Any, Any]] = []
        """Those that somebody else had replaced when ours were taken back."""
        self._every.append(self)

    @classmethod
    def tidy_all(cls) -> None:
        """Restore what others have put back since patches were taken back: those of all interceptors."""
        for patches in cls._every:
            patches.tidy()

    def tidy(self) -> None:
        """Restore what others have put back since ours were taken back."""
        self._made, self._left = self._left, []
        self.take_back()

    def put(self, owner: type | ModuleType, name: str, value: Any) -> None:
        """Replace an attribute of a class or a module."""
        original = vars(owner).get(name, _MISSING)
        if inspect.isfunction(value):
            value.__dict__["__wrapped__"] = original
        self._made.append((owner, name, original, value))
        setattr(owner, name, value)

    def take_back(self) -> None:
        """Restore all attributes but those that somebody else has replaced since.

        He will put back ours when he leaves; ours then pass everything on, as no fake is active.
        """
        while self._made:
            owner, name, original, value = self._made.pop()
            found = vars(owner).get(name, _MISSING)
            if found is not value:
                if found is not original:
                    self._left.append((owner, name, original, value))
            elif original is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


_MISSING: Final = object()
