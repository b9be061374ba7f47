"""Fakes and other tools that replace the same things, started and ended in any order."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import http.client
import queue
import random
import selectors
import socket
import ssl
import sys
import threading
import time
from asyncio import base_events
from asyncio import sleep as sleep_of_asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import thread as pools
from contextlib import AbstractContextManager
from time import monotonic as bound_by_name
from time import time as time_by_name
from types import ModuleType
from typing import Any, Final

import aiohttp
import freezegun
import httpcore
import httpx
import pytest
import requests
import responses
import respx
import time_machine
import trio
from aioresponses import aioresponses
from anyio._backends._asyncio import AsyncIOBackend
from trio._core._thread_cache import ThreadCache

from mock_akool import MockAkool
from mock_akool.akool.codes import API_URL
from mock_akool.mock.activation import tidy
from tests.extent import choose
from tests.mock.clients import HEADERS, QUOTA

URL: Final = API_URL + QUOTA
OWNERS: Final[tuple[Any, ...]] = (
    sys.modules[__name__], time, asyncio, base_events.BaseEventLoop, threading, threading.Condition, threading.Thread,
    threading.Event, queue, pools._WorkItem, selectors.SelectSelector, selectors.PollSelector,
    selectors.DefaultSelector, datetime, datetime.datetime, socket, socket.socket, ssl.SSLContext,
    http.client.HTTPConnection, requests.Session, requests.adapters.HTTPAdapter, httpx.Client, httpx.AsyncClient,
    httpx.HTTPTransport, httpx.AsyncHTTPTransport, httpcore.ConnectionPool, httpcore.AsyncConnectionPool,
    aiohttp.ClientSession, aiohttp.TCPConnector, aiohttp.ClientRequest, ThreadCache, AsyncIOBackend,
)  # fmt: skip
"""Modules and classes of which something is replaced."""


@contextlib.contextmanager
def by_monkeypatch() -> Iterator[None]:
    """What people replace by hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)
        patch.setattr("time.time", lambda: 5.0)
        patch.setattr("time.monotonic", lambda: 5.0)
        patch.setattr("asyncio.sleep", lambda _: sleep_of_asyncio(0))
        patch.setattr("socket.getaddrinfo", lambda *_: [])
        patch.setattr(requests.Session, "get_adapter", lambda *_: requests.adapters.HTTPAdapter())
        patch.setattr(threading.Event, "wait", lambda *_: True)
        yield


TOOLS: Final[dict[str, Callable[[], AbstractContextManager[Any]]]] = {
    "monkeypatch": by_monkeypatch,
    "freezegun": lambda: freezegun.freeze_time("2020-01-01"),
    "freezegun that ticks": lambda: freezegun.freeze_time("2020-01-01", tick=True),
    "time-machine": lambda: time_machine.travel("2020-01-01", tick=False),
    "responses": lambda: responses.RequestsMock(assert_all_requests_are_fired=False),
    "respx": respx.mock,
    "aioresponses": aioresponses,
}
UNMIXED: Final = {"freezegun", "freezegun that ticks", "time-machine"}
"""Of these, one at a time: they refuse to be mixed themselves."""


def found() -> dict[tuple[int, str], Any]:
    """Return all attributes of the owners."""
    return {
        (number, name): value
        for number, owner in enumerate(OWNERS)
        for name, value in vars(owner).items()
        if name == "__init__" or not name.startswith("__")
    }


def changed(before: dict[tuple[int, str], Any]) -> set[str]:
    after = found()
    return {
        f"{OWNERS[owner].__name__}.{name}"
        for owner, name in before.keys() | after.keys()
        if name not in {"_abc_impl", "_live_now"}
        and before.get((owner, name)) is not after.get((owner, name))
        and before.get((owner, name)) != after.get((owner, name))
    }


class Started:
    """A fake or a tool that can be started and ended at any time."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._manager = make()

    def __call__(self, sign: str) -> None:
        if sign == "+":
            self._manager.__enter__()
        else:
            self._manager.__exit__(None, None, None)


def play(steps: list[str], uses: Callable[[], bool]) -> None:
    """Carry out steps such as `+fake`, `+freezegun`, `-fake`, with a request now and then while a fake is active."""
    makers = {**TOOLS, "fake": MockAkool, "second fake": MockAkool}
    things = {name: Started(makers[name]) for name in {step[1:] for step in steps}}
    active: set[str] = set()
    for step in steps:
        things[step[1:]](step[0])
        if "fake" in step:
            (active.add if step[0] == "+" else active.discard)(step[1:])
        if active and uses():
            with contextlib.suppress(Exception):
                requests.get(URL, headers=HEADERS, timeout=1)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "order",
    ["+fake +tool -tool -fake", "+tool +fake -fake -tool", "+fake +tool -fake -tool", "+tool +fake -tool -fake"],
)
def test_a_tool_and_a_fake_leave_nothing_behind(tool: str, order: str) -> None:
    tidy()
    before = found()
    for _ in range(2):
        play([step[0] + (tool if step[1:] == "tool" else "fake") for step in order.split()], lambda: True)
    tidy()
    assert changed(before) == set()


@pytest.mark.parametrize(("module", "name"), [(time, "sleep"), (asyncio, "sleep")])
def test_what_is_put_back_long_after_its_fake_is_taken_back(module: ModuleType, name: str) -> None:
    tidy()
    before = found()
    with MockAkool():
        ours = getattr(module, name)
    setattr(module, name, ours)
    assert changed(before) != set()
    tidy()
    assert changed(before) == set()


def any_order(chance: random.Random) -> list[str]:
    """Return steps with two tools, one inside the other, and one or two fakes anywhere."""
    while True:
        outer, inner = chance.sample(list(TOOLS), 2)
        if not {outer, inner} <= UNMIXED:
            break
    steps = [f"+{outer}", f"+{inner}", f"-{inner}", f"-{outer}"]
    for name in ("fake", "second fake")[: chance.choice((1, 2))]:
        begin = chance.randrange(len(steps) + 1)
        steps.insert(chance.randrange(begin, len(steps) + 1), f"-{name}")
        steps.insert(begin, f"+{name}")
    return steps


@pytest.mark.parametrize("seed", range(choose(20, 150)))
def test_several_tools_and_fakes_leave_nothing_behind(seed: int) -> None:
    chance = random.Random(seed)
    tidy()
    before, steps = found(), any_order(chance)
    play(steps, lambda: chance.random() < 0.5)
    tidy()
    assert changed(before) == set(), steps


CLOCKS: Final[dict[str, Callable[[], float]]] = {
    "time": lambda: time.time(),
    "time_ns": lambda: time.time_ns() / 1e9,
    "monotonic": lambda: time.monotonic(),
    "perf_counter": lambda: time.perf_counter(),
    "monotonic by name": lambda: bound_by_name(),
    "time by name": lambda: time_by_name(),
    "datetime.now": lambda: datetime.datetime.now().timestamp(),
    "localtime": lambda: time.mktime(time.localtime()),
}


class TestClocksBesideToolsThatStopTheTime:
    TOOLS: Final = ("freezegun", "time-machine")

    def check(self) -> None:
        before = {name: tell() for name, tell in CLOCKS.items()}
        time.sleep(30)
        with pytest.raises(queue.Empty):
            queue.Queue[int]().get(timeout=20)
        for name, tell in CLOCKS.items():
            assert tell() - before[name] == pytest.approx(50, abs=1e-3), name

    @pytest.mark.parametrize("again", [1, 2])
    @pytest.mark.parametrize("tool", TOOLS)
    def test_that_begin_and_end_while_a_fake_is_active(self, tool: str, again: int) -> None:
        with MockAkool():
            requests.get(URL, headers=HEADERS, timeout=1)
            for _ in range(again):
                self.check()
                with TOOLS[tool]():
                    self.check()
                self.check()

    @pytest.mark.parametrize("tool", TOOLS)
    def test_that_are_there_before_and_end_while_a_fake_is_active(self, tool: str) -> None:
        for _ in range(2):
            stopped = Started(TOOLS[tool])
            stopped("+")
            with MockAkool():
                requests.get(URL, headers=HEADERS, timeout=1)
                self.check()
                stopped("-")
                self.check()


def test_a_module_that_is_imported_meanwhile_has_the_genuine_functions_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late: Any = ModuleType("late_module")
    with MockAkool():
        requests.get(URL, headers=HEADERS, timeout=1)
        monkeypatch.setitem(sys.modules, "late_module", late)
        exec("from time import sleep, time, monotonic", vars(late))
        with freezegun.freeze_time("2020-01-01"):
            requests.get(URL, headers=HEADERS, timeout=1)
    assert (late.sleep, late.time, late.monotonic) == (time.sleep, time.time, time.monotonic)


def test_trio_is_what_it_was() -> None:
    with MockAkool():
        requests.get(URL, headers=HEADERS, timeout=1)
        trio.run(trio.sleep, 5)
    began_ns = time.perf_counter_ns()
    trio.run(trio.sleep, 0.01)
    assert time.perf_counter_ns() - began_ns >= 9_000_000


def test_a_thousand_activations_leave_nothing_behind() -> None:
    tidy()
    before = found()
    for number in range(choose(200, 1000)):
        with contextlib.suppress(ZeroDivisionError), MockAkool():
            assert 1 / (number % 3) > 0
    assert changed(before) == set()
