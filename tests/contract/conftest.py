"""The fixture `door` and its relatives: each test that asks for one runs once through every door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from mock_akool import MockAkool
from tests.contract.client import Client
from tests.contract.doors import DOORS, Door, OpenDoor


@pytest.fixture(params=DOORS, ids=lambda door: door.name)
def door_class(request: pytest.FixtureRequest) -> type[Door]:
    chosen: type[Door] = request.param
    return chosen


@pytest.fixture
def open_door(door_class: type[Door]) -> Iterator[OpenDoor]:
    with ExitStack() as opened:

        def open_one(**options: Any) -> Door:
            return opened.enter_context(closing(door_class(MockAkool(**options))))

        yield open_one


@pytest.fixture
def door(open_door: OpenDoor) -> Door:
    """A door into a fake with the default options, on a virtual clock that stands still."""
    return open_door()


@pytest.fixture
def client(door: Door) -> Client:
    """A client of the account `KEY`."""
    return Client(door)
