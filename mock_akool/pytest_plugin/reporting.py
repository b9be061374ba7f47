"""What the report of a failing test gets from mock-akool: what the fake saw, and hints."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from traceback import format_exception_only
from types import TracebackType
from typing import Any, Protocol

import pytest

from mock_akool.core.schema import nearest
from mock_akool.diagnostics.describe import describe_bug
from mock_akool.diagnostics.report import Report

_PACKAGE = str(Path(__file__).parents[1])
_NO_ATTRIBUTE = "object has no attribute"
_FIXTURES = ("akool_mock", "akool_server", "akool_settings")
_MEANT = {"server": "akool_server", "settings": "akool_settings", "options": "akool_settings"}
"""Which fixture somebody means whose word for one has this in it; all others mean akool_mock."""


class Fake(Protocol):
    """A fake that a test uses."""

    def capture_report(self) -> Report:
        """Return the report about what it saw until now."""
        ...


class Reporter:
    """A fake that a test uses, and the report about what it saw."""

    def __init__(self, fake: Fake) -> None:
        self.is_shown = False
        self._fake = fake
        self._kept: Report | None = None

    @property
    def report(self) -> Report:
        """The report about what the fake saw until now, or until `keep` was called."""
        return self._kept or self._fake.capture_report()

    def keep(self) -> None:
        """Keep the report about what the fake saw until now, because the fake is about to be reset."""
        try:
            self._kept = self.report
        except Exception as bug:
            self._kept = _report_of_bug(bug)


_REPORTERS = pytest.StashKey[list[Reporter]]()
_FAILED = pytest.StashKey[bool]()


def register(item: pytest.Item, fake: Fake) -> Reporter:
    """Let a fake report what it saw when the test fails."""
    reporter = Reporter(fake)
    item.stash.setdefault(_REPORTERS, []).append(reporter)
    return reporter


def has_failed(item: pytest.Item) -> bool:
    """Return whether the test failed, or its set-up did."""
    return item.stash.get(_FAILED, False)


def completed(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Complete the report of a test, which is sent to this generator, with what its fakes saw."""
    if call.excinfo is not None and call.excinfo.typename == "VirtualTimeLimitError":
        _end_outside(call.excinfo.tb)
    if call.excinfo is not None and isinstance(call.excinfo.value, AttributeError):
        _name_attribute(call.excinfo.value)
    report = yield
    if report.when != "teardown" and not report.passed:
        item.stash[_FAILED] = True
    reporters = item.stash.get(_REPORTERS, [])
    # Without an exception a test fails because some of its subtests did, which were explained one by one.
    if report.failed and call.excinfo is not None:
        if call.excinfo.typename == "FixtureLookupError":
            _name_fixtures(report, call.excinfo.value)
        for reporter in reporters:
            _add_report(report, reporter, call.excinfo.value)
    if report.when == "teardown":
        reporters.clear()  # the item lives as long as the run, and must not hold on to fakes
    return report


def _add_report(report: pytest.TestReport, reporter: Reporter, error: BaseException) -> None:
    """Add what a fake saw. A bug of ours becomes a line there, and never the end of the run."""
    try:
        found = reporter.report
        # A fixture can fail for many reasons that have nothing to do with a fake which saw nothing.
        if not (report.when == "call" or (found.calls and not reporter.is_shown)):
            return
        text = found.text(error)
    except Exception as bug:
        text = _report_of_bug(bug).text(error)
    _add_section(report, text)
    reporter.is_shown = True


def _report_of_bug(bug: Exception) -> Report:
    text = describe_bug("the report", bug)
    return Report(1, lambda error: text)


def _add_section(report: pytest.TestReport, text: str) -> None:
    text = text.encode("utf-8", "backslashreplace").decode()  # whatever clients sent, it can be written and passed on
    # Beside the traceback it is shown whatever --show-capture says, and goes into JUnit files and editors.
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add("mock-akool", text)
    else:
        report.sections.append(("mock-akool", text))


def _name_fixtures(report: pytest.TestReport, error: Any) -> None:
    """Say what our fixtures are called to somebody who asked for one that sounds like ours."""
    asked = str(getattr(error, "argname", ""))
    text = getattr(report.longrepr, "errorstring", None)
    if "akool" not in asked.lower() or asked in _FIXTURES or text is None:
        return
    meant = next((name for word, name in _MEANT.items() if word in asked.lower()), "akool_mock")
    first, newline, others = text.partition("\n")
    hint = f"mock-akool: did you mean {meant!r}? Its fixtures are {', '.join(_FIXTURES)}"
    report.longrepr.errorstring = f"{first}\n{hint}{newline}{others}"  # type: ignore[union-attr]


def _name_attribute(error: AttributeError) -> None:
    """Say which attribute of an object of ours is meant: until Python 3.12 only the interpreter's own tracebacks do."""
    kind = type(error.obj)
    if not any(each.__module__.partition(".")[0] == "mock_akool" for each in kind.__mro__):
        return
    shown = "".join(format_exception_only(error))
    if not error.name or _NO_ATTRIBUTE not in shown or "Did you mean" in shown:
        return
    # Nothing is asked of the object: its properties may do much.
    names = [name for name in (*dir(kind), *getattr(error.obj, "__dict__", ())) if not name.startswith("_")]
    meant = nearest(error.name, names)
    if meant is not None:
        error.add_note(f"mock-akool: did you mean {meant!r}?")


def _end_outside(traceback: TracebackType | None) -> None:
    """Let the traceback of an endless wait end with the line that slept, without the frames of ours that follow."""
    last = None
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            last = traceback
        traceback = traceback.tb_next
    if last is not None:
        last.tb_next = None


_WITH_SECRETS = frozenset(
    {
        ("mock_akool.core.http", "Request"),
        ("mock_akool.core.http", "Response"),
        ("mock_akool.core.call_log", "Call"),
        ("mock_akool.akool.accounts", "Account"),
    }
)
"""The records that have secrets inside, by module and name: nothing is imported to look for them."""


def compared(op: str, left: object, right: object) -> list[str] | None:
    """Return how two records differ, without their secrets; None when they have none."""
    kind = type(left)
    if (kind.__module__, kind.__name__) not in _WITH_SECRETS:
        return None
    lines = [f"{left!r} {op} {right!r}"]
    if kind is type(right) and op == "==":
        names = getattr(kind, "_fields", None) or vars(kind)["__slots__"]
        differing = [name for name in names if getattr(left, name) != getattr(right, name)]
        lines.append(f"they differ in {', '.join(differing)}")
    return lines
