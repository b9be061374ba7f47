"""The fixture `transport` and its relatives.

A test that asks for one runs once, through `USUAL`, since what it is about does not depend on the transport. It runs
through every transport when it is marked `every_transport`, and with `--all`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from mock_akool import MockAkool
from tests import extent
from tests.contract.client import Client
from tests.contract.transports import TRANSPORTS, USUAL, OpenTransport, Transport


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "transport_class" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_transport") or extent.everything()
        chosen = TRANSPORTS if every else (USUAL,)
        metafunc.parametrize("transport_class", chosen, ids=[each.name for each in chosen], scope="module")


@pytest.fixture
def open_transport(transport_class: type[Transport]) -> Iterator[OpenTransport]:
    with ExitStack() as opened:

        def open_one(**options: Any) -> Transport:
            return opened.enter_context(closing(transport_class(MockAkool(**options))))

        yield open_one


@pytest.fixture
def transport(open_transport: OpenTransport) -> Transport:
    """A transport into a fake with the default options, on a virtual clock that stands still."""
    return open_transport()


@pytest.fixture
def client(transport: Transport) -> Client:
    """A client of the account `KEY`."""
    return Client(transport)
