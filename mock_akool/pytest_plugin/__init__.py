"""The pytest plugin: fixtures, the marker `akool`, options, and what a failing test is told.

Every test run of everyone who has mock-akool installed imports this module, so it imports pytest and little else;
the fake itself is imported when a fixture is used.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from mock_akool._version import __version__

if TYPE_CHECKING:
    from mock_akool.akool.scenarios.model import Scenario
    from mock_akool.core.errors import SettingsError
    from mock_akool.diagnostics.report import Report
    from mock_akool.mock.account_view import LiveServer, ServerView
    from mock_akool.mock.local import MockAkool
    from mock_akool.mock.remote import RemoteAkool

_FIXTURES = frozenset({"akool_mock", "akool_server"})
_witnesses = pytest.StashKey[list["_Reporter"]]()
"""The fakes that an item uses, which tell what they saw when its test fails."""
_failed = pytest.StashKey[bool]()
"""Whether an item's test failed, or its set-up did."""
_given = pytest.StashKey[Mapping[str, Any]]()
"""The settings of the ini file and the command line."""
_address = pytest.StashKey[str]()
"""The URL of the server that runs elsewhere, or empty text."""


# Options


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("mock-akool", "mock-akool, the fake of Akool's image API")
    group.addoption(
        "--akool",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the fixtures akool_mock and akool_server, such as queueing=10s; may be repeated",
    )
    group.addoption(
        "--akool-url",
        metavar="URL",
        help="let akool_mock and akool_server use the mock-akool server that runs there, instead of a fake of their "
        "own (variable MOCK_AKOOL_URL)",
    )
    parser.addini("akool", "settings of akool_mock and akool_server, a `name = value` in each line", "linelist")
    parser.addini("akool_url", "the same as --akool-url")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check the settings if there are any."""
    config.addinivalue_line("markers", f"akool({_signature(config)}): settings of akool_mock and akool_server")
    settings: dict[str, Any] = {}
    for source, lines in (("akool in the ini file", config.getini("akool")), ("--akool", config.getoption("akool"))):
        settings.update(_name_and_value(source, line) for line in lines)
    config.stash[_given] = settings
    given = config.getoption("akool_url") or os.environ.get("MOCK_AKOOL_URL") or config.getini("akool_url")
    config.stash[_address] = url = str(given or "")
    if settings or url:
        from mock_akool.core.errors import MockAkoolError
        from mock_akool.mock.settings import MockOptions
        from mock_akool.server.settings import bare_url

        try:
            MockOptions.of(**settings)
            if url:
                config.stash[_address] = bare_url(url)
        except MockAkoolError as error:
            raise pytest.UsageError(f"mock-akool: {error}") from None


def _name_and_value(source: str, line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise pytest.UsageError(f"mock-akool: {source} has {line!r}; write NAME=VALUE, such as queueing=10s")
    return name.strip(), value.strip()


def _signature(config: pytest.Config) -> str:
    """Return the marker's parameters; only `pytest --markers` shows them, so that only it pays for the imports."""
    if not config.getoption("markers", False):
        return "..."
    from mock_akool.mock.settings import MockOptions

    defaults = MockOptions()
    names = MockOptions.__dataclass_fields__
    return ", ".join(["*", *(f"{name}={_written(getattr(defaults, name))}" for name in names)])


def _written(value: Any) -> str:
    if value and type(value) is tuple and all(type(each) is str for each in value):
        value = ",".join(value)
    plain = value is None or type(value) in (bool, int, float, str) or value == ()
    return repr(value) if plain else repr(str(value))


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say version and settings when a selected test uses a fixture."""
    using = [item for item in items if _FIXTURES.intersection(getattr(item, "fixturenames", ()))]
    if not using or config.get_verbosity() < 0:
        return []
    settings = ", ".join(f"{name}={value}" for name, value in config.stash[_given].items())
    if any(len(_definitions(item, "akool_settings")) > 1 for item in using):
        settings = "settings by the fixture akool_settings"
    url = config.stash[_address]
    if url:
        return [f"mock-akool {__version__}: the server at {url}, with settings of its own{_left_out(config)}"]
    return [f"mock-akool {__version__}: {settings or 'default settings'}"]


def _left_out(config: pytest.Config) -> str:
    """Say which of the given settings a server elsewhere cannot be given."""
    from mock_akool.mock.account_view import given_elsewhere

    *_, refused = given_elsewhere(config.stash[_given])
    return f" (not in force there: {', '.join(refused)})" if refused else ""


def _definitions(item: pytest.Item, name: str) -> Any:
    info = getattr(item, "_fixtureinfo", None)
    return getattr(info, "name2fixturedefs", {}).get(name, ())


# Fixtures


@pytest.fixture(scope="session")
def akool_settings(pytestconfig: pytest.Config) -> Mapping[str, Any]:
    """Settings of akool_mock and akool_server for the whole run, by name; override it in conftest.py."""
    given = pytestconfig.stash[_given]
    return {**given}


@pytest.fixture
def _akool_scenario(request: pytest.FixtureRequest) -> Any:
    """The scenario of this run of a test that is run with several; else None."""
    return getattr(request, "param", None)


@pytest.fixture
def akool_mock(
    request: pytest.FixtureRequest, akool_settings: Mapping[str, Any], _akool_servers: _Servers, _akool_scenario: Any
) -> Iterator[MockAkool | RemoteAkool]:
    """A fake that answers what this process sends to Akool; while a job is on its way, sleep moves its clock."""
    options = _options(request, akool_settings, _akool_scenario)

    from mock_akool.mock.local import MockAkool

    fake: MockAkool | RemoteAkool
    with ExitStack() as at_end:
        if request.config.stash[_address]:
            _refuse_workers(request.config)
            with _told_plainly():
                fake, scenarios = _elsewhere(request, _akool_servers, options, akool_settings)
                at_end.callback(_plainly, fake.reset)
                at_end.callback(_register(request, fake).keep)
                at_end.callback(fake.stop)
                fake.start()
                # Only now, when its clock stands still, so that the test begins at its second 0.
                fake.reset()
                if scenarios:
                    fake.put_scenario(*scenarios)
        else:
            fake = MockAkool(**options).start()
            at_end.callback(fake.stop)
            _register(request, fake)
        yield fake
        fake.stop()
        _check_rules(request, fake)


@pytest.fixture
def akool_server(
    request: pytest.FixtureRequest, akool_settings: Mapping[str, Any], _akool_servers: _Servers, _akool_scenario: Any
) -> Iterator[ServerView]:
    """A live server of the fake, and an account of this test's own on it: url, api_key, env, calls, next_job."""
    options = _options(request, akool_settings, _akool_scenario)

    from mock_akool.mock.account_view import ServerView

    with ExitStack() as at_end:
        if request.config.stash[_address]:
            with _told_plainly():
                fake, scenarios = _elsewhere(request, _akool_servers, options, akool_settings)
                view = ServerView(fake.url, fake)
                at_end.callback(_plainly, view._leave)
                if scenarios:
                    view.put_scenario(*scenarios)
            whole: ServerView | MockAkool = view
        else:
            live = _akool_servers.of(options, at_end if _markers(request.node) else None)
            live.mock.reset()
            # What the test leaves behind is nothing that the next one should see or keep in memory.
            at_end.callback(live.mock.reset)
            view = ServerView(live.server.url, live.mock)
            whole = live.mock
        at_end.callback(_register(request, whole).keep)
        yield view
        _check_rules(request, whole)


def _elsewhere(
    request: pytest.FixtureRequest, servers: _Servers, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[RemoteAkool, tuple[Scenario, ...]]:
    """Return the fake of the server that runs elsewhere, and the scenarios that are to be put in force there."""
    from mock_akool.mock.account_view import given_elsewhere

    url = request.config.stash[_address]
    activation, scenarios, refused = given_elsewhere(options)
    # Those of the ini file and the command line are told once, when the run begins.
    left_out = [name for name in refused if name in settings and name not in request.config.stash[_given]]
    if left_out:
        warnings.warn(
            f"mock-akool: the server at {url} has settings of its own; those of the fixture akool_settings are not in "
            f"force there: {', '.join(left_out)}",
            pytest.PytestWarning,
            stacklevel=2,
        )
    for node, marker in _markers(request.node):
        for name in refused:
            if name in marker.kwargs:
                _fail_at_marker(
                    node,
                    name,
                    f"the server at {url} cannot be given {name}",
                    "Run this test without --akool-url, or start the server with it and take it away here. What a "
                    "scenario can say may be given as scenario={…}",
                )
    return servers.elsewhere(url, activation), scenarios


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Fail with the words of an error of ours only: where in the plugin it was raised helps nobody."""
    from mock_akool.core.errors import MockAkoolError

    try:
        yield
    except MockAkoolError as error:
        raise pytest.fail.Exception(f"mock-akool: {error}", pytrace=False) from None


def _plainly(forget: Callable[[], None]) -> None:
    """Let a server elsewhere forget the test."""
    with _told_plainly():
        forget()


def _refuse_workers(config: pytest.Config) -> None:
    """Refuse to share a whole server with other workers of pytest-xdist."""
    count = getattr(config, "workerinput", {}).get("workercount", 1)
    if count > 1:
        pytest.fail(
            f"mock-akool: akool_mock is the whole of the server at {config.stash[_address]}, which {count} workers "
            "cannot share. Run without -n, or use akool_server, which gives each test an account of its own",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def _akool_servers() -> Iterator[_Servers]:
    with ExitStack() as stack:
        yield _Servers(stack)


class _Servers:
    """The live servers of a test run: one for each set of settings that is used."""

    def __init__(self, run: ExitStack) -> None:
        self._run = run
        self._servers: dict[str, LiveServer] = {}
        self._is_there = False

    def of(self, options: Mapping[str, Any], own: ExitStack | None) -> LiveServer:
        """Return the server with these options, running; one of a test's own ends with `own`."""
        from mock_akool.mock.account_view import LiveServer

        if own is not None:
            return own.enter_context(LiveServer(options))
        key = repr(sorted(options.items()))
        if key not in self._servers:
            self._servers[key] = self._run.enter_context(LiveServer(options))
        return self._servers[key]

    def elsewhere(self, url: str, options: Mapping[str, Any]) -> RemoteAkool:
        """Return the fake of the server that runs there; raises ServerError when none does."""
        from mock_akool.mock.account_view import check_server
        from mock_akool.mock.remote import RemoteAkool

        if not self._is_there:
            check_server(url)
            self._is_there = True
        return RemoteAkool(url, **options)


# The marker


def _markers(node: Any) -> list[tuple[Any, pytest.Mark]]:
    """Return the markers of a test with the nodes that have them, the closest first."""
    return list(node.iter_markers_with_node("akool"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each scenario, when its marker lists several."""
    if "_akool_scenario" not in metafunc.fixturenames:
        return
    for marker in metafunc.definition.iter_markers("akool"):
        if "scenario" in marker.kwargs:
            scenarios = marker.kwargs["scenario"]
            if isinstance(scenarios, (list, tuple)) and scenarios:
                ids = [_id_of(each, number) for number, each in enumerate(scenarios)]
                metafunc.parametrize("_akool_scenario", scenarios, ids=ids, indirect=True)
            return


def pytest_itemcollected(item: pytest.Item) -> None:
    """Warn of a marker that does nothing: without a fixture the test would reach the real service, and pay."""
    fixtures = getattr(item, "fixturenames", None)
    if fixtures is None or not any(mark.name == "akool" for mark in item.own_markers):
        return
    if not _FIXTURES.intersection(fixtures):
        item.warn(
            pytest.PytestWarning(
                "mock-akool: the marker akool does nothing here: the test uses neither akool_mock nor akool_server"
            )
        )


def _id_of(scenario: Any, number: int) -> str:
    """Return what a scenario is called in the id of a test."""
    if isinstance(scenario, (list, tuple)):
        return "+".join(_id_of(each, number) for each in scenario)
    name = scenario if isinstance(scenario, (str, Path)) else getattr(scenario, "name", "")
    return Path(name).stem.replace(",", "+") or f"scenario{number}"


def _options(request: pytest.FixtureRequest, settings: Mapping[str, Any], scenario: Any) -> dict[str, Any]:
    """Return the settings of a test: those of the run, and over them those of its markers, the closest first.

    `scenario` is the one of this run, of those that the marker lists.
    """
    if not isinstance(settings, Mapping):
        pytest.fail(
            f"mock-akool: the fixture akool_settings must return a dict of settings, not {settings!r}", pytrace=False
        )
    markers = _markers(request.node)
    options = dict(settings)
    for node, marker in reversed(markers):
        if marker.args:
            _fail_at_marker(
                node, None, f"it takes settings by name, not {marker.args[0]!r}", "Write for example seed=7"
            )
        options |= marker.kwargs
    if scenario is not None:
        options["scenario"] = scenario
    elif options.get("scenario") in ([], ()):
        pytest.fail("mock-akool: the list of scenarios is empty; name at least one, or leave it out", pytrace=False)
    if _refusal(options) is not None:
        _blame(settings, markers)
    return options


def _blame(settings: Mapping[str, Any], markers: list[tuple[Any, pytest.Mark]]) -> None:
    """Fail with the setting that cannot be, and where it was written."""
    error = _refusal(settings)
    if error is not None:
        pytest.fail(f"mock-akool: the fixture akool_settings: {error}", pytrace=False)
    for node, marker in markers:
        for name, value in marker.kwargs.items():
            error = _refusal({name: value})
            if error is not None:
                _fail_at_marker(node, name, error.message, error.hint)


def _refusal(settings: Mapping[str, Any]) -> SettingsError | None:
    """Return what is wrong with the settings, if anything."""
    from mock_akool.core.errors import SettingsError
    from mock_akool.mock.settings import MockOptions

    try:
        MockOptions.of(**settings)
    except SettingsError as error:
        return error
    return None


def _fail_at_marker(node: Any, name: str | None, message: str, hint: str) -> None:
    from mock_akool.pytest_plugin.marker_location import place_of

    path, line, text = place_of(node, name)
    shown = f"\n\n>   {text}" if text else ""
    pytest.fail(f"{path}:{line}: @pytest.mark.akool: {message}. {hint}{shown}", pytrace=False)


# After a test


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """Leave nothing of a fake behind: `monkeypatch` puts back ours if it replaced it and is undone after the fake."""
    try:
        return (yield)
    finally:
        activation = sys.modules.get("mock_akool.mock.activation")
        if activation is not None:
            activation.tidy()


# A failing test


class _Reporter:
    """A fake that a test used, and what it saw."""

    def __init__(self, fake: MockAkool | RemoteAkool | ServerView) -> None:
        self.told = False
        self._fake = fake
        self._kept: Report | None = None

    @property
    def testimony(self) -> Report:
        """What the fake saw until now."""
        return self._kept or self._fake._testimony()

    def keep(self) -> None:
        """Keep what the fake saw until now, as it is about to be reset."""
        self._kept = self.testimony


def _register(request: pytest.FixtureRequest, fake: MockAkool | RemoteAkool | ServerView) -> _Reporter:
    witness = _Reporter(fake)
    request.node.stash.setdefault(_witnesses, []).append(witness)
    return witness


def _check_rules(request: pytest.FixtureRequest, fake: MockAkool | RemoteAkool | ServerView) -> None:
    """Fail a test that passed although a rule never fired: it did not test what it was written for."""
    if request.node.stash.get(_failed, False):
        return
    from mock_akool.core.errors import UnusedRuleError

    try:
        fake.verify()
    except UnusedRuleError as error:
        complaint = str(error)
    else:
        return
    pytest.fail(f"mock-akool: {complaint}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failing test what the fake saw."""
    if call.excinfo is not None and call.excinfo.typename == "VirtualTimeLimitError":
        _end_outside(call.excinfo.tb)
    report = yield
    if report.when != "teardown" and not report.passed:
        item.stash[_failed] = True
    witnesses = item.stash.get(_witnesses, [])
    # Without an exception a test fails because some of its subtests did, which were explained one by one.
    if report.failed and witnesses and call.excinfo is not None:
        for witness in witnesses:
            testimony = witness.testimony
            # A fixture can fail for many reasons that have nothing to do with a fake which saw nothing.
            if report.when == "call" or (testimony.calls and not witness.told):
                _add_section(report, testimony.text(call.excinfo.value))
                witness.told = True
    if report.when == "teardown":
        witnesses.clear()  # the item lives as long as the run, and must not hold on to fakes
    return report


def _end_outside(traceback: TracebackType | None) -> None:
    """Let the traceback of an endless wait end with the line that slept, without the frames of ours that follow."""
    inside, last = str(Path(__file__).parents[1]), None
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(inside):
            last = traceback
        traceback = traceback.tb_next
    if last is not None:
        last.tb_next = None


def _add_section(report: pytest.TestReport, text: str) -> None:
    # Beside the traceback it is shown whatever --show-capture says, and goes into JUnit files and editors.
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add("mock-akool", text)
    else:
        report.sections.append(("mock-akool", text))


_WITH_SECRETS = frozenset(
    {
        ("mock_akool.core.http", "Request"),
        ("mock_akool.core.http", "Response"),
        ("mock_akool.core.call_log", "Call"),
        ("mock_akool.akool.accounts", "Account"),
    }
)
"""The records inside which there are secrets, by module and name: nothing is imported to look for them."""


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Compare records without telling their secrets, which pytest would find inside."""
    kind = type(left)
    if (kind.__module__, kind.__name__) not in _WITH_SECRETS:
        return None
    lines = [f"{left!r} {op} {right!r}"]
    if kind is type(right) and op == "==":
        names = getattr(kind, "_fields", None) or vars(kind)["__slots__"]
        differing = [name for name in names if getattr(left, name) != getattr(right, name)]
        lines.append(f"they differ in {', '.join(differing)}")
    return lines
