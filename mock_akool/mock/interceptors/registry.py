"""Which interceptors are installed, and when.

Several fakes may be active at once; the one that was started last answers. The patches of a library are made when
the first fake starts (or when the library is imported, if that is later) and taken back when the last one stops.
"""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Protocol

from mock_akool.mock.interceptors import hosts
from mock_akool.mock.interceptors.hosts import active
from mock_akool.mock.interceptors.importing import ImportWatch, Loading
from mock_akool.mock.interceptors.patching import Patches
from mock_akool.mock.interceptors.target import Target


class Interceptor(Protocol):
    """A module that patches one library."""

    def install(self) -> None:
        """Patch the library so that it asks `target_of`."""
        ...

    def uninstall(self) -> None:
        """Take the patch back."""
        ...


_INTERCEPTORS: Final = {
    "socket": "network:SOCKET",
    "ssl": "network:SSL",
    "http.client": "network:HTTP_CLIENT",
    "asyncio.base_events": "network:ASYNCIO",
    "uvloop": "network:UVLOOP",
    "requests": "_requests",
    "httpx": "_httpx:HTTPX",
    "httpx2": "_httpx:HTTPX2",
    "httpcore": "_httpx:HTTPCORE",
    "httpcore2": "_httpx:HTTPCORE2",
    "aiohttp": "_aiohttp",
}
"""The libraries that have an interceptor or are part of the net below them, and the module and object that patches."""

_lock = threading.RLock()
_installed: dict[str, Interceptor] = {}


def activate(target: Target) -> None:
    """Let `target` answer from now on, before those that are active already."""
    with _lock:
        if not active:
            try:
                for library in _INTERCEPTORS:
                    if sys.modules.get(library) is not None:
                        _install(library)
            except BaseException:
                _uninstall_all()
                raise
            _WATCH.start()
        hosts.add(target)


def deactivate(target: Target) -> None:
    """Let `target` answer no longer; with the last one, all patches are taken back."""
    with _lock:
        hosts.remove(target)
        if not active:
            _WATCH.stop()
            _uninstall_all()


def tidy() -> None:
    """Take back what others have put back since the last fake was left.

    Who replaces something of a library while a fake is active, and takes that back after the fake was left, puts back
    ours.
    """
    with _lock:
        if not active:
            Patches.tidy_all()


def _install(library: str) -> None:
    if library not in _installed:
        module, _, name = _INTERCEPTORS[library].partition(":")
        interceptor: Any = import_module(f"{__package__}.{module}")
        if name:
            interceptor = getattr(interceptor, name)
        _installed[library] = interceptor
        interceptor.install()


def _uninstall_all() -> None:
    while _installed:
        _installed.popitem()[1].uninstall()


class _ThenInstall(Loading):
    """Installs an interceptor when its library is imported while a fake is active.

    Otherwise a client that a test imports late would reach the real service. To import all libraries at the start
    would cost every run a third of a second.
    """

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        with _lock:
            if active:
                _install(self.name)


_WATCH: Final = ImportWatch(_INTERCEPTORS, _ThenInstall)
