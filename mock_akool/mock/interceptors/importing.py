"""Doing something when a library is imported while a fake is active."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Container, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Final


class Loading(Loader):
    """Loads a library as Python would; a class that stands on it does more before or afterwards."""

    def __init__(self, loader: Loader, name: str) -> None:
        self._loader: Final = loader
        self.name: Final = name
        """The library's."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        self._loader.exec_module(module)


class ImportWatch(MetaPathFinder):
    """Lets libraries of these names be loaded by `loading`, which is given the loader that Python would take."""

    def __init__(self, names: Container[str], loading: Callable[[Loader, str], Loading]) -> None:
        self._names = names
        self._loading = loading

    def start(self) -> None:
        """Watch from now on."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Watch no longer; does nothing where somebody else has taken it away."""
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find the library as Python would, but with the other loader."""
        if name not in self._names:
            return None
        sys.meta_path.remove(self)
        try:
            spec = find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = self._loading(spec.loader, name)
        return spec
