"""The tests see the same on a desk and in CI."""

from __future__ import annotations

import os

import pytest

from tests import surroundings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})


def test_what_ci_and_terminals_set_is_forgotten() -> None:
    os.environ.update(CI="1", BUILD_NUMBER="7", FORCE_COLOR="1", COLUMNS="40", MOCK_AKOOL_PROFILE="observed")
    surroundings.make_plain()
    assert os.environ.keys() - {"PYTEST_CURRENT_TEST"} == {"PATH", "NO_PROXY", "no_proxy"}
    assert not surroundings.needs_all_programs()


def test_ci_still_needs_all_programs() -> None:
    os.environ["CI"] = "true"
    surroundings.make_plain()
    assert "CI" not in os.environ
    assert surroundings.needs_all_programs()


def test_a_proxy_stays_but_not_for_this_machine() -> None:
    os.environ.update(HTTPS_PROXY="http://proxy.example:3128", NO_PROXY="intranet.example", no_proxy="*")
    surroundings.make_plain()
    assert os.environ["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert os.environ["NO_PROXY"] == "intranet.example,localhost,127.0.0.1,::1"
    assert os.environ["no_proxy"] == "*"
