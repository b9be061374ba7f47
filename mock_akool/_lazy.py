"""Names of a package that are imported when they are first used."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as type checkers have it; `typing` would take longer to import than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def lazy_names(
    package: Mapping[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return what a package has as `__getattr__` and `__dir__`.

    `package` is what `globals()` returns there, and `homes` has the module of each name, without `mock_akool`.
    """

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        return getattr(import_module(f"mock_akool.{home}"), name)

    def names() -> list[str]:
        return sorted({*package, *homes})

    return get, names
