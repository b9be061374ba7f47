"""What the fixtures do: start a fake before a test, and check and end it afterwards."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, Protocol

import pytest

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.core.errors import MockAkoolError, UnusedError
from mock_akool.mock.account_view import AccountView
from mock_akool.mock.local import MockAkool
from mock_akool.mock.remote.remote_akool import RemoteAkool
from mock_akool.pytest_plugin import run_settings
from mock_akool.pytest_plugin.markers import AKOOL, at_marker, markers_of, options_of_test
from mock_akool.pytest_plugin.reporting import has_failed, register
from mock_akool.pytest_plugin.servers import Servers, divide_settings


def akool_mock(
    request: pytest.FixtureRequest, settings: Mapping[str, Any], servers: Servers, scenario: Any, *, is_judged: bool
) -> Iterator[MockAkool | RemoteAkool]:
    """Yield the fake of the fixture `akool_mock`, active in this process; `is_judged`: the test is in the gauntlet."""
    options = options_of_test(request, settings, scenario, is_judged=is_judged)
    fake: MockAkool | RemoteAkool
    with ExitStack() as at_end:
        if run_settings.url_of(request.config):
            _refuse_workers(request.config)
            with _fail_plainly():
                fake, scenarios = _remote(request, servers, options, settings)
                at_end.callback(_plainly, fake.reset)
                at_end.callback(register(request.node, fake).keep)
                at_end.callback(fake.stop)
                fake.start()
                # Only now, when its clock stands still, so that the test begins at its second 0.
                fake.reset()
                if scenarios:
                    fake.put_scenario(*scenarios)
        else:
            plan = recordings_of(request)
            fake = MockAkool(**options) if plan is None else at_end.enter_context(plan(options, live=False))
            fake.start()
            at_end.callback(fake.stop)
            register(request.node, fake)
        if is_judged:
            from mock_akool.pytest_plugin import gauntlet

            gauntlet.prepare(request.node, fake)
        yield fake
        fake.stop()
        if not is_judged:
            _verify(request, fake)


def akool_server(
    request: pytest.FixtureRequest, settings: Mapping[str, Any], servers: Servers, scenario: Any
) -> Iterator[AccountView]:
    """Yield the server of the fixture `akool_server`, seen by an account of the test's own."""
    options = options_of_test(request, settings, scenario)
    with ExitStack() as at_end:
        if run_settings.url_of(request.config):
            with _fail_plainly():
                fake, scenarios = _remote(request, servers, options, settings)
                view = AccountView(fake.url, fake)
                at_end.callback(_plainly, view.reset)
                if scenarios:
                    view.put_scenario(*scenarios)
            whole: AccountView | MockAkool = view
        elif (plan := recordings_of(request)) is not None:
            whole = at_end.enter_context(plan(options, live=True))
            view = AccountView(at_end.enter_context(whole.server()).url, whole)
        else:
            live = servers.of(options, at_end if markers_of(request.node) else None)
            live.mock.reset()
            # The next test should neither see nor keep in memory what this one leaves behind.
            at_end.callback(live.mock.reset)
            view = AccountView(live.server.url, live.mock)
            whole = live.mock
        at_end.callback(register(request.node, whole).keep)
        yield view
        _verify(request, whole)


class _Recordings(Protocol):
    def __call__(self, options: Mapping[str, Any], *, live: bool) -> AbstractContextManager[MockAkool]: ...


def recordings_of(request: pytest.FixtureRequest) -> _Recordings | None:
    """Return what makes a fake that records or replays; None when the run does neither."""
    if "mock_akool.pytest_plugin.recordings" not in sys.modules:  # only a run with recordings pays for the import
        return None
    from mock_akool.pytest_plugin import recordings

    plan = recordings.plan_of(request.config)
    return None if plan is None else partial(recordings.fake, request, plan)


def _remote(
    request: pytest.FixtureRequest, servers: Servers, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[RemoteAkool, tuple[Scenario, ...]]:
    """Return the fake of the server that runs elsewhere, and the scenarios that are to be active there."""
    url = run_settings.url_of(request.config)
    activation, scenarios, refused = divide_settings(options)
    # Those of the ini file and the command line are shown once, when the run begins.
    left_out = [name for name in refused if name in settings and name not in run_settings.settings_of(request.config)]
    if left_out:
        warnings.warn(
            f"mock-akool: the server at {url} has settings of its own, and ignores those of the fixture "
            f"akool_settings: {', '.join(left_out)}",
            pytest.PytestWarning,
            stacklevel=2,
        )
    hint = (
        "Run this test without --akool-url, or start the server with it and remove it here. What a scenario can say "
        "may be given as scenario={…}"
    )
    said = [
        at_marker(AKOOL, node, name, f"the server at {url} cannot be given {name}. {hint}")
        for node, marker in markers_of(request.node)
        for name in refused
        if name in marker.kwargs
    ]
    if said:
        pytest.fail("\n\n".join(said), pytrace=False)
    return servers.remote(url, activation), scenarios


@contextmanager
def _fail_plainly() -> Iterator[None]:
    """Fail with only the text of an error of ours: where in the plugin it was raised helps nobody."""
    try:
        yield
    except MockAkoolError as error:
        raise pytest.fail.Exception(f"mock-akool: {error}", pytrace=False) from None


def _plainly(reset: Callable[[], None]) -> None:
    """Let a server elsewhere forget the test."""
    with _fail_plainly():
        reset()


def _refuse_workers(config: pytest.Config) -> None:
    """Refuse to share a whole server with other workers of pytest-xdist."""
    count = getattr(config, "workerinput", {}).get("workercount", 1)
    if count > 1:
        pytest.fail(
            f"mock-akool: akool_mock is the whole server at {run_settings.url_of(config)}, which {count} workers "
            "cannot share. Run without -n, or use akool_server, which gives each test an account of its own",
            pytrace=False,
        )


def _verify(request: pytest.FixtureRequest, fake: MockAkool | RemoteAkool | AccountView) -> None:
    """Fail a test that passed although a rule never fired: it did not test what it was written for."""
    if has_failed(request.node):
        return
    try:
        fake.verify()
    except UnusedError as error:
        message = str(error)
    else:
        return
    pytest.fail(f"mock-akool: {message}", pytrace=False)
