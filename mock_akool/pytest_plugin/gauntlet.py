"""The gauntlet in pytest: a test is run once for each scenario, and its client is judged by what the fake saw."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from mock_akool.akool.scenarios.expectations import Outcome
from mock_akool.gauntlet.facts import ClientEnd, How
from mock_akool.gauntlet.judging import Verdict
from mock_akool.gauntlet.report import explained
from mock_akool.gauntlet.runner import end_by, judgement_on
from mock_akool.mock.local import MockAkool
from mock_akool.mock.remote.remote_akool import RemoteAkool
from mock_akool.pytest_plugin.markers import ids_of_scenarios
from mock_akool.scenario_library.library import names

_MOCK = pytest.StashKey[MockAkool]()


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each scenario of the library."""
    scenarios = names()
    metafunc.parametrize("_akool_scenario", scenarios, ids=ids_of_scenarios(scenarios), indirect=True)


def prepare(item: pytest.Item, fake: MockAkool | RemoteAkool) -> None:
    """Take note of the fake of a test that is about to be judged; fails the test when it cannot be."""
    if isinstance(fake, RemoteAkool):
        pytest.fail("mock-akool: the gauntlet needs a fake of this process; run it without --akool-url", pytrace=False)
    item.stash[_MOCK] = fake


def judged(item: pytest.Function) -> Generator[None, Any, Any]:
    """Let the test run, which is sent to this generator, and judge its client."""
    mock = item.stash[_MOCK]
    scenario = mock.scenarios[-1]
    marker = item.get_closest_marker("akool_gauntlet")
    gives_up_with = _errors(marker.kwargs.get("gives_up_with", ()) if marker is not None else ())
    result, failed_assertion = None, None
    try:
        result = yield
        end = ClientEnd(How.WELL)
    except (pytest.skip.Exception, pytest.exit.Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except (AssertionError, pytest.fail.Exception) as error:
        # The client came to its end, and then the test asserted something of what it got.
        end, failed_assertion = ClientEnd(How.WELL), error
    except BaseException as error:
        end = end_by(error, gives_up_with)
    found = judgement_on(mock, scenario, end)
    if not found.verdict.is_good:
        text = "\n".join([f"{scenario.name}: {found.verdict}", *explained(found)])
        pytest.fail(f"mock-akool: {text}", pytrace=False)
    if failed_assertion is not None and scenario.expect.outcome is Outcome.FILE:
        raise failed_assertion
    if found.verdict is Verdict.NOT_JUDGED:
        pytest.skip(f"could not be judged: {found.why}")
    return result


def _errors(given: Any) -> tuple[type[BaseException], ...]:
    """Return the exceptions that a marker names; fails the test for what is none."""
    listed = given if isinstance(given, (tuple, list)) else (given,)
    if not all(isinstance(each, type) and issubclass(each, BaseException) for each in listed):
        pytest.fail(
            f"mock-akool: @pytest.mark.akool_gauntlet: gives_up_with={given!r} names no exceptions. Write for example "
            "gives_up_with=(TimeoutError, ApiError)",
            pytrace=False,
        )
    return tuple(listed)
