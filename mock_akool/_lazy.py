"""Names of a package that are imported when they are first used."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as type checkers have it; `typing` would take longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def lazy(names: dict[str, Any], homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package.

    `names` are its globals, and `homes` says for each name in which module of mock_akool it is.
    """

    def getattr_of_package(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {names['__name__']!r} has no attribute {name!r}")
        return getattr(import_module(f"mock_akool.{home}"), name)

    def dir_of_package() -> list[str]:
        return sorted({*names, *homes})

    return getattr_of_package, dir_of_package
