"""Each test that takes `library` runs with every HTTP library."""

from __future__ import annotations

import pytest

from tests.mock.clients import LIBRARIES, Library


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request: pytest.FixtureRequest) -> Library:
    chosen: Library = request.param
    return chosen
