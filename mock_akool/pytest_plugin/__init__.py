"""The pytest plugin: what pytest sees of it, which are hooks and fixtures. What they do is in the modules beside.

Every test run of everyone who has mock-akool installed imports this module, so it imports pytest and little else. The
other modules are imported when a fixture, an option or the marker is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from mock_akool._version import __version__

if TYPE_CHECKING:
    from mock_akool.mock.account_view import AccountView
    from mock_akool.mock.local import MockAkool
    from mock_akool.mock.remote.remote_akool import RemoteAkool
    from mock_akool.pytest_plugin.servers import Servers

_FIXTURES = frozenset({"akool_mock", "akool_server"})
_REPORTING = f"{__name__}.reporting"


# Options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("mock-akool", "mock-akool, a fake of Akool's API")
    group.addoption(
        "--akool",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the fixtures akool_mock and akool_server, such as queueing=10s (repeatable)",
    )
    group.addoption(
        "--akool-url",
        metavar="URL",
        help="let akool_mock and akool_server use the mock-akool server at this URL instead of starting one "
        "(variable MOCK_AKOOL_URL)",
    )
    group.addoption(
        "--akool-gauntlet",
        action="store_true",
        help="run each test that takes akool_mock once for each scenario of the library, and judge its client",
    )
    group.addoption(
        "--akool-known",
        metavar="FILE",
        help="findings of the gauntlet that are accepted: a line `scenario: finding` for each",
    )
    group.addoption(
        "--akool-record",
        metavar="DIR",
        help="answer from recordings in this folder, and with --akool-upstream make those that are missing",
    )
    group.addoption(
        "--akool-upstream",
        action="append",
        default=[],
        metavar="URL",
        help="the service that is recorded, and then the hosts of its files (repeatable)",
    )
    group.addoption(
        "--akool-record-mode",
        metavar="none|once|all",
        help="none: record nothing; once: what has no recording (default with --akool-upstream); all: everything anew",
    )
    parser.addini("akool_record", "the same as --akool-record")
    parser.addini("akool", "settings of akool_mock and akool_server, one `name = value` per line", "linelist")
    parser.addini("akool_url", "the same as --akool-url")
    parser.addini("akool_known", "the same as --akool-known, seen from the ini file")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and read the settings if there are any."""
    settings = judging = "..."
    if config.getoption("markers", False):  # only `pytest --markers` shows them, so that only it pays for the imports
        from mock_akool.mock.settings import MockOptions
        from mock_akool.pytest_plugin.markers import GauntletOptions, signature_of

        settings, judging = signature_of(MockOptions), signature_of(GauntletOptions)
    config.addinivalue_line("markers", f"akool({settings}): settings of akool_mock and akool_server")
    config.addinivalue_line(
        "markers",
        f"akool_gauntlet({judging}): run the test once for each scenario of the library, and judge its "
        "client, which says that it gives up by these exceptions; also search for a race of polls and webhooks in so "
        "many schedules",
    )
    if _given_known(config) or _given_settings(config) or _records(config):
        _read_options(config)


def _read_options(config: pytest.Config) -> None:
    """Read what options and the ini file say; raises pytest.UsageError with all that is not usable."""
    from mock_akool.core.errors import Mistakes, SettingsError

    mistakes = Mistakes()
    if _given_known(config):
        from mock_akool.pytest_plugin import gauntlet

        with mistakes.noted():
            gauntlet.read_known(config)
    if _given_settings(config):
        from mock_akool.pytest_plugin import run_settings

        run_settings.read(config, _given_url(config), mistakes)
    if _records(config):
        from mock_akool.pytest_plugin import recordings

        if _given_url(config):
            mistakes.add("recordings are answered in this process; leave out --akool-url")
        recordings.read(config, _given_folder(config), mistakes)
    try:
        mistakes.raise_any()
    except SettingsError as error:
        raise pytest.UsageError(f"mock-akool: {error}") from None


def _given_known(config: pytest.Config) -> bool:
    return bool(config.getoption("akool_known") or config.getini("akool_known"))


def _records(config: pytest.Config) -> bool:
    return bool(_given_folder(config) or config.getoption("akool_upstream") or config.getoption("akool_record_mode"))


def _given_folder(config: pytest.Config) -> str:
    return str(config.getoption("akool_record") or config.getini("akool_record") or "")


def _given_settings(config: pytest.Config) -> bool:
    return bool(_given_url(config) or config.getini("akool") or config.getoption("akool"))


def _given_url(config: pytest.Config) -> str:
    return str(config.getoption("akool_url") or os.environ.get("MOCK_AKOOL_URL") or config.getini("akool_url") or "")


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Show the version and the settings when a selected test uses a fixture."""
    using = [item for item in items if _FIXTURES.intersection(getattr(item, "fixturenames", ()))]
    if not using or config.get_verbosity() < 0:
        return []
    is_overridden = any(len(_definitions(item, "akool_settings")) > 1 for item in using)
    settings = "default settings"
    if is_overridden and not _given_url(config):
        settings = "settings by the fixture akool_settings"
    elif _given_settings(config):
        from mock_akool.pytest_plugin import run_settings

        settings = run_settings.headline(config)
    if _records(config):
        from mock_akool.pytest_plugin import recordings

        settings = (
            f"{recordings.plan_of(config)}; {settings}"
            if settings != "default settings"
            else str(recordings.plan_of(config))
        )
    return [f"mock-akool {__version__}: {settings}"]


def _definitions(item: pytest.Item, name: str) -> Any:
    info = getattr(item, "_fixtureinfo", None)
    return getattr(info, "name2fixturedefs", {}).get(name, ())


# Fixtures


@pytest.fixture(scope="session")
def akool_settings(pytestconfig: pytest.Config) -> Mapping[str, Any]:
    """Settings of akool_mock and akool_server for the whole run, by name. Override it in conftest.py."""
    from mock_akool.pytest_plugin import run_settings

    return dict(run_settings.settings_of(pytestconfig))


@pytest.fixture
def akool_mock(
    request: pytest.FixtureRequest, akool_settings: Mapping[str, Any], _akool_servers: Servers, _akool_scenario: Any
) -> Iterator[MockAkool | RemoteAkool]:
    """A fake that answers what this process sends to Akool. While a job is on its way, sleep moves its clock."""
    from mock_akool.pytest_plugin import fixtures

    is_judged = is_in_gauntlet(request.node)
    yield from fixtures.akool_mock(request, akool_settings, _akool_servers, _akool_scenario, is_judged=is_judged)


@pytest.fixture
def akool_server(
    request: pytest.FixtureRequest, akool_settings: Mapping[str, Any], _akool_servers: Servers, _akool_scenario: Any
) -> Iterator[AccountView]:
    """A live server of the fake, and an account of this test's own on it: url, api_key, env, calls, next_job."""
    from mock_akool.pytest_plugin import fixtures

    yield from fixtures.akool_server(request, akool_settings, _akool_servers, _akool_scenario)


@pytest.fixture(scope="session")
def _akool_servers() -> Iterator[Servers]:
    from mock_akool.pytest_plugin.servers import Servers

    with Servers() as servers:
        yield servers


@pytest.fixture
def _akool_scenario(request: pytest.FixtureRequest) -> Any:
    """The scenario of this run of a test whose marker lists several; else None."""
    return getattr(request, "param", None)


# The marker


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each scenario that its marker lists, or in the gauntlet for each of the library."""
    if "_akool_scenario" not in metafunc.fixturenames:
        return
    if any("scenario" in marker.kwargs for marker in metafunc.definition.iter_markers("akool")):
        from mock_akool.pytest_plugin.markers import parametrize_scenarios

        parametrize_scenarios(metafunc)
    elif is_in_gauntlet(metafunc.definition):
        from mock_akool.pytest_plugin import gauntlet

        gauntlet.parametrize(metafunc)


def is_in_gauntlet(item: pytest.Item) -> bool:
    """Return whether the client of a test is judged."""
    return isinstance(item, pytest.Function) and not _is_of_unittest(item) and _is_meant_for_gauntlet(item)


def _is_meant_for_gauntlet(item: pytest.Item) -> bool:
    is_meant = item.config.getoption("akool_gauntlet") or item.get_closest_marker("akool_gauntlet") is not None
    return is_meant and "akool_mock" in getattr(item, "fixturenames", ())


def _is_of_unittest(item: pytest.Item) -> bool:
    """Return whether a test is a method of unittest's, which runs without parameters."""
    unittest, owner = sys.modules.get("unittest"), getattr(item, "cls", None)
    return unittest is not None and isinstance(owner, type) and issubclass(owner, unittest.TestCase)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Judge the client of a test that is run in the gauntlet also where it works in a fixture."""
    if not is_in_gauntlet(item):
        return (yield)
    from mock_akool.pytest_plugin import gauntlet

    return (yield from gauntlet.set_up(item))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Judge the client of a test that is run in the gauntlet."""
    if not is_in_gauntlet(pyfuncitem):
        return (yield)
    from mock_akool.pytest_plugin import gauntlet

    return (yield from gauntlet.judged(pyfuncitem))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that searches for a race once for each schedule that is tried."""
    if not getattr(item, "callspec", None) or not is_in_gauntlet(item):
        return None
    from mock_akool.pytest_plugin import gauntlet

    return gauntlet.searched(item, nextitem)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Warn about a marker that does nothing: without a fixture the test would reach the real service, and pay."""
    fixtures = getattr(item, "fixturenames", None)
    if fixtures is None:
        return
    marks = {mark.name for mark in item.own_markers}
    if "akool_gauntlet" in marks and "akool_mock" not in fixtures:
        item.warn(
            pytest.PytestWarning(
                "mock-akool: the marker akool_gauntlet does nothing here: the test does not use akool_mock"
            )
        )
    if _is_of_unittest(item) and _is_meant_for_gauntlet(item):
        item.warn(
            pytest.PytestWarning(
                "mock-akool: the gauntlet does not run methods of unittest.TestCase; write a function that takes "
                "akool_mock"
            )
        )
    if "akool" in marks and not _FIXTURES.intersection(fixtures):
        item.warn(
            pytest.PytestWarning(
                "mock-akool: the marker akool does nothing here: the test uses neither akool_mock nor akool_server"
            )
        )


# Reports


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Leave nothing of a fake behind: `monkeypatch` puts back ours if it replaced it and is undone after the fake."""
    try:
        return (yield)
    finally:
        activation = sys.modules.get("mock_akool.mock.activation")
        if activation is not None:
            activation.tidy()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failing test what the fake saw, and to that of a misspelled fixture the right name."""
    failed_in = None if call.excinfo is None else call.excinfo.typename
    if failed_in in ("VirtualTimeLimitError", "FixtureLookupError") or _REPORTING in sys.modules:
        from mock_akool.pytest_plugin import reporting

        return (yield from reporting.completed(item, call))
    return (yield)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the marker that is meant where pytest does not know one that sounds like ours."""
    warned = (str(each.message) for each in terminalreporter.stats.get("warnings", ()))
    failed = (str(each.longrepr) for each in terminalreporter.stats.get("error", ()))
    texts = [text for text in (*warned, *failed) if "pytest.mark." in text or "`markers`" in text]
    if texts:
        from mock_akool.pytest_plugin.marker_names import hints_in

        for hint in hints_in(texts):
            terminalreporter.write_line(hint, yellow=True)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Compare records without showing their secrets, which pytest would find inside."""
    if not type(left).__module__.startswith("mock_akool."):
        return None
    from mock_akool.pytest_plugin import reporting

    return reporting.compared(op, left, right)
