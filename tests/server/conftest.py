"""Fakes with their live servers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mock_akool import MockAkool, Server, SystemClock
from mock_akool.server.proxy import Proxy
from mock_akool.server.tls import Tls
from tests.server.wires import Running

Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as opened:

        def start_one(*, tls: Tls | None = None, proxy: Proxy | None = None, **options: Any) -> Running:
            mock = MockAkool(clock=SystemClock(), **options)
            server = opened.enter_context(Server(mock.application, tls=tls or Tls(off=True), proxy=proxy))
            return Running(mock, server, opened)

        yield start_one
    gc.collect()  # a socket that nobody closed warns now, which is an error


@pytest.fixture
def running(start: Start) -> Running:
    return start()
