"""The fixture `door` and its relatives: each test that asks for one runs once through every door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from mock_akool import MockAkool
from tests.contract.client import Client
from tests.contract.transports import TRANSPORTS, Interceptor, OpenDoor


@pytest.fixture(params=TRANSPORTS, ids=lambda transport: transport.name)
def door_class(request: pytest.FixtureRequest) -> type[Interceptor]:
    chosen: type[Interceptor] = request.param
    return chosen


@pytest.fixture
def open_door(door_class: type[Interceptor]) -> Iterator[OpenDoor]:
    with ExitStack() as opened:

        def open_one(**options: Any) -> Interceptor:
            return opened.enter_context(closing(door_class(MockAkool(**options))))

        yield open_one


@pytest.fixture
def transport(open_door: OpenDoor) -> Interceptor:
    """A door into a fake with the default options, on a virtual clock that stands still."""
    return open_door()


@pytest.fixture
def client(transport: Interceptor) -> Client:
    """A client of the account `KEY`."""
    return Client(transport)
