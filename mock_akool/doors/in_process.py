"""What the doors inside a process share: which hosts are ours, which fake answers, and how time passes.

Several fakes may be active at once; the one that was started last answers. The patches of a library are made when
the first fake starts (or when the library is imported, if that is later) and taken back when the last one stops.
"""

from __future__ import annotations

import ipaddress
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit
from weakref import WeakSet

from mock_akool.core.clock import NS_PER_S, VirtualClock
from mock_akool.core.codes import CDN_URL
from mock_akool.core.models import Call, Headers, Reply
from mock_akool.service import Service


class Delivered(NamedTuple):
    """An answer as a door gives it to its library."""

    status: int
    headers: Headers
    body: bytes


class TimedOutError(Exception):
    """The client's own time limit is over before the answer comes. Each door raises its library's error instead."""


class Target:
    """A fake as the doors inside a process see it: its service, its hosts, and what becomes of other hosts."""

    def __init__(self, service: Service, hosts: Sequence[str], *, refuse_others: bool) -> None:
        self.service = service
        self.hosts = frozenset(host.lower() for host in hosts)
        self.refuse_others = refuse_others
        self.clock = service.engine.clock
        self.in_flight = 0
        """How many requests are under way through a door that really waits (aiohttp's)."""
        self.activity = 0
        """Counts answered requests, so that a virtual sleeper sees whether others are still busy."""
        self.threads: WeakSet[threading.Thread] = WeakSet()
        """The threads that used the fake."""

    def answers(self, host: str | None, port: int | None) -> bool:
        """Return whether requests to the host are ours; a listed `host:port` counts for that port only."""
        if host is None:
            return False
        host = host.lower()
        return host in self.hosts or f"{host}:{port}" in self.hosts

    def answer(
        self, door: str, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float | None
    ) -> tuple[Delivered, float]:
        """Answer a request; returns the answer and how many real seconds the door must let pass before it.

        On a virtual clock the wait is made by moving the clock. Raises TimedOutError when the answer comes later than
        `timeout_s`, after that much time has passed.
        """
        parts = urlsplit(url)
        lowered = {name.lower(): value for name, value in headers.items()}
        lowered.setdefault("host", parts.netloc)
        call = Call(method, parts.path or "/", parts.query, lowered, body, CDN_URL, door)
        reply = self.service.answer(call)
        self.activity += 1
        self.threads.add(threading.current_thread())
        return self.deliver(reply, timeout_s)

    def deliver(self, reply: Reply, timeout_s: float | None) -> tuple[Delivered, float]:
        """Let the reply's delay pass as far as the client waits, see `answer`."""
        wait_s = reply.delay_ns / NS_PER_S
        late = timeout_s is not None and wait_s > timeout_s
        if late and timeout_s is not None:
            wait_s = timeout_s
        if wait_s and isinstance(self.clock, VirtualClock):
            self.clock.advance(wait_s)
            wait_s = 0.0
        if late:
            time.sleep(wait_s)
            raise TimedOutError
        return Delivered(reply.status, reply.headers, self.service.body(reply)), wait_s


class Door(Protocol):
    """A module that patches one library."""

    def install(self) -> None:
        """Patch the library so that it asks `target_of`."""
        ...

    def uninstall(self) -> None:
        """Take the patch back."""
        ...


_DOORS: Final = {
    "requests": "mock_akool.doors.requests_door",
    "httpx": "mock_akool.doors.httpx_door",
    "aiohttp": "mock_akool.doors.aiohttp_door",
}
"""The libraries that have a door, and its module."""

_lock = threading.RLock()
_active: list[Target] = []
_installed: dict[str, Door] = {}
_sessions: list[Callable[[Target], None]] = []


def activate(target: Target) -> None:
    """Let `target` answer from now on, before those that are active already."""
    with _lock:
        if not _active:
            for library in _DOORS:
                if library in sys.modules:
                    _install(library)
            sys.meta_path.insert(0, _WATCH)
        _active.append(target)


def deactivate(target: Target) -> None:
    """Let `target` answer no longer; with the last one, all patches are taken back."""
    with _lock:
        _active.remove(target)
        for door in _installed.values():
            leave = getattr(door, "leave", None)
            if leave is not None:
                leave(target)
        if not _active:
            sys.meta_path.remove(_WATCH)
            while _installed:
                _installed.popitem()[1].uninstall()


def target_of(host: str | None, port: int | None) -> Target | None:
    """Return the active target that answers for the host, the one started last first."""
    for target in reversed(_active):
        if target.answers(host, port):
            return target
    return None


def refuses(host: str | None) -> bool:
    """Return whether a request to a host that is not ours must not leave: when refused, and not to this machine."""
    return any(target.refuse_others for target in _active) and not _is_loopback(host)


def refusal(url: object) -> str:
    """Return the text of the refusal."""
    return (
        f'mock-akool refused a request to {url}: other_hosts="refuse" is set. '
        'Allow it with other_hosts="pass", or mock that host'
    )


def _is_loopback(host: str | None) -> bool:
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _install(library: str) -> None:
    if library not in _installed:
        door: Any = import_module(_DOORS[library])
        door.install()
        _installed[library] = door


class _Watch(MetaPathFinder):
    """Installs a door when its library is imported while a fake is active.

    Otherwise a client that a test imports late would reach the real service. To import all libraries at the start
    would cost every run a third of a second.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find the library as Python would, but with a loader that installs the door afterwards."""
        if name not in _DOORS:
            return None
        sys.meta_path.remove(self)
        try:
            spec = find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenInstall(spec.loader, name)
        return spec


class _ThenInstall(Loader):
    def __init__(self, loader: Loader, library: str) -> None:
        self._loader = loader
        self._library = library

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        with _lock:
            if _active:
                _install(self._library)


_WATCH: Final = _Watch()
