"""The gauntlet in pytest: a test is run once for each scenario, and its client is judged by what the fake saw."""

from __future__ import annotations

import contextlib
import functools
import sys
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

from mock_akool.akool.scenarios.expectations import Outcome
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.gauntlet.facts import ClientEnd, How
from mock_akool.gauntlet.judging import Judgement, Verdict
from mock_akool.gauntlet.known import Known, accepting, read_known_file
from mock_akool.gauntlet.races import Race, Search, search
from mock_akool.gauntlet.report import explained
from mock_akool.gauntlet.rules import Finding
from mock_akool.gauntlet.runner import end_by, judgement_on, saved_in
from mock_akool.gauntlet.saved import Folder
from mock_akool.mock.local import MockAkool
from mock_akool.mock.remote.remote_akool import RemoteAkool
from mock_akool.pytest_plugin.markers import ids_of_scenarios, read_gauntlet
from mock_akool.scenario_library.library import names

_MOCK = pytest.StashKey[MockAkool]()
_KNOWN = pytest.StashKey[Known]()
_JUDGEMENT = pytest.StashKey[Judgement]()
_RACE: Final = "race"
"""What stands in the place of a scenario for the test that searches for a race."""
_ASSERTED: Final = "assertion failed"
_REWRITTEN: Final = "@pytest_ar"
"""The name that pytest gives to each module in which it rewrites `assert`."""
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def read_known(config: pytest.Config) -> None:
    """Read the findings that are accepted; raises SettingsError for a file that is not usable."""
    given = config.getoption("akool_known")
    file = Path(config.invocation_params.dir, given) if given else _beside_ini(config)
    config.stash[_KNOWN] = read_known_file(file)


def _beside_ini(config: pytest.Config) -> Path:
    folder = config.rootpath if config.inipath is None else config.inipath.parent
    return folder / str(config.getini("akool_known"))


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each scenario of the library, and once more where its marker wants a search for a race.

    One whose marker has mistakes is left alone: it fails by them when it is set up.
    """
    options, mistakes = read_gauntlet(metafunc.definition)
    if mistakes:
        return
    scenarios: list[Any] = [*names()]
    ids = ids_of_scenarios(scenarios)
    if options.races:
        scenarios, ids = [*scenarios, _RACE], [*ids, _RACE]
    metafunc.parametrize("_akool_scenario", scenarios, ids=ids, indirect=True)


def prepare(item: pytest.Item, fake: MockAkool | RemoteAkool) -> None:
    """Take note of the fake of a test that is about to be judged; fails the test when it cannot be."""
    if isinstance(fake, RemoteAkool):
        pytest.fail("mock-akool: the gauntlet needs a fake of this process; run it without --akool-url", pytrace=False)
    item.stash[_MOCK] = fake


def set_up(item: Any) -> Generator[None, Any, Any]:
    """Let fixtures be set up. What a client raises in one of them is judged as if the test itself had called it."""
    if _MOCK in item.stash:  # of the schedule before
        del item.stash[_MOCK]
    try:
        return (yield)
    except (pytest.skip.Exception, pytest.exit.Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        if _MOCK not in item.stash or not item.stash[_MOCK].calls:
            raise
        item.runtest = functools.partial(_end_judged, item, error)
        return None


def _end_judged(item: Any, error: BaseException) -> None:
    """Judge the client of a test that came no further than this error in a fixture."""
    del item.runtest
    judging = judged(item)
    next(judging)
    with contextlib.suppress(StopIteration):
        judging.throw(error)


def judged(item: pytest.Function) -> Generator[None, Any, Any]:
    """Let the test run, which is sent to this generator, and judge its client."""
    mock = item.stash[_MOCK]
    scenario = mock.scenarios[-1]
    gives_up_with = read_gauntlet(item)[0].gives_up_with
    # Into the folder of the fixture a test lets its client save; what else is in there may be the test's own.
    given = item.funcargs.get("tmp_path")
    folder = Folder(given) if isinstance(given, Path) else None
    result, failed_assertion = None, None
    try:
        result = yield
        end = ClientEnd(How.WELL)
    except (pytest.skip.Exception, pytest.exit.Exception, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if _is_of_the_test(error):
            # The client came to its end, and then the test asserted something of what it got.
            end, failed_assertion = ClientEnd(How.WELL), error
        else:
            end = end_by(error, gives_up_with)
    judgement = judgement_on(mock, scenario, end, None if folder is None else lambda: saved_in(folder, mock) or None)
    (found,) = accepting([judgement], item.config.stash.get(_KNOWN, frozenset()))
    is_wrong = failed_assertion is not None and scenario.expect.outcome is Outcome.FILE
    item.stash[_JUDGEMENT] = _asserting(found, failed_assertion) if is_wrong else found
    if not found.is_good:
        text = "\n".join([f"{scenario.name}: {found.verdict}", *explained(found)])
        pytest.fail(f"mock-akool: {text}", pytrace=False)
    if found.is_known:
        pytest.xfail(f"known: {', '.join(each.name for each in found.findings)}: {found.why}")
    if failed_assertion is not None and is_wrong:
        raise failed_assertion
    if found.verdict is Verdict.NOT_JUDGED:
        pytest.skip(f"could not be judged: {found.why}")
    return result


def _is_of_the_test(error: BaseException) -> bool:
    """Return whether the test itself, and not its client, asserted something that is not so.

    A client may say `assert` too: its modules are not those in which pytest rewrites it.
    """
    if not isinstance(error, (AssertionError, pytest.fail.Exception)):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [each for each in frames if _is_own_code(each.f_globals.get("__name__", ""), each.f_code.co_filename)]
    return not own or _REWRITTEN in own[-1].f_globals


def _is_own_code(module: str, path: str) -> bool:
    root = module.partition(".")[0]
    is_installed = not _INSTALLED.isdisjoint(Path(path).parts)
    return root != "mock_akool" and root not in sys.stdlib_module_names and not is_installed


def _asserting(found: Judgement, error: BaseException | None) -> Judgement:
    """Return a judgement with what the test itself found wrong as one more finding, for the search for races."""
    what = " ".join(str(error).split())
    finding = Finding(_ASSERTED, f"the test says: {what}", (), "what the test is for", "see where it failed")
    return found._replace(verdict=Verdict.FAILED, why=found.why or finding.what, findings=(*found.findings, finding))


# Races


class _NotJudgedError(Exception):
    """A run of a test ended without a judgement: its setup failed, or the test skipped itself."""


class _Runs:
    """Runs a test in schedules, and keeps what pytest reports of the runs that matter."""

    def __init__(self, item: Any, nextitem: pytest.Item | None) -> None:
        self._item = item
        self._nextitem = nextitem
        self._reports: list[tuple[Judgement, list[pytest.TestReport]]] = []
        self.last: list[pytest.TestReport] = []

    def judged(self, scenario: Scenario) -> Judgement:
        """Run the test in a schedule, with fixtures of its own; raises _NotJudgedError."""
        item = self._item
        item.callspec.params["_akool_scenario"] = scenario
        if _JUDGEMENT in item.stash:
            del item.stash[_JUDGEMENT]
        self.last = runtestprotocol(item, log=False, nextitem=self._nextitem)
        if _JUDGEMENT not in item.stash:
            raise _NotJudgedError
        judgement: Judgement = item.stash[_JUDGEMENT]
        self._reports.append((judgement, self.last))
        return judgement

    def of(self, judgement: Judgement) -> list[pytest.TestReport]:
        """Return the reports of the run with this judgement."""
        return next(reports for found, reports in self._reports if found is judgement)


def searched(item: Any, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in one schedule after the other, if it is the one that searches for a race, and report what came."""
    if item.callspec.params.get("_akool_scenario") != _RACE:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    runs = _Runs(item, nextitem)
    try:
        found = search(
            runs.judged,
            tries=read_gauntlet(item)[0].races,
            known=item.config.stash.get(_KNOWN, frozenset()),
        )
        reports = _reports(runs, found)
    except _NotJudgedError:
        reports = runs.last
    finally:
        item.callspec.params["_akool_scenario"] = _RACE
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _reports(runs: _Runs, found: Search) -> list[pytest.TestReport]:
    """Return what is to be reported of a search: the run of the smallest schedule that failed, or of the simplest."""
    if found.race is not None:
        reports = runs.of(found.race.judgement)
        for report in reports:
            if report.when == "call":
                _add_file(report, found.race, found.tried)
        return reports
    reports = runs.of(found.simplest)
    if not found.has_webhooks:
        for report in reports:
            if report.when == "call" and report.passed:
                report.outcome = "skipped"
                path, line, _ = report.location
                report.longrepr = (path, (line or 0) + 1, "Skipped: could not be judged: the client wants no webhooks")
    return reports


def _add_file(report: pytest.TestReport, race: Race, tried: int) -> None:
    """Add to the report of a race the scenario file that replays it."""
    title = f"the smallest of {tried} schedules that fails, as a scenario file that replays it"
    report.sections.append((f"mock-akool: {title}", race.text))
