"""Recordings of a test run: which tests are recorded, and which are answered by what was recorded."""

from __future__ import annotations

import hashlib
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import pytest

from mock_akool.core.clock import SteeredClock
from mock_akool.core.errors import Mistakes, MockAkoolError
from mock_akool.core.schema import one_of
from mock_akool.mock.local import MockAkool
from mock_akool.mock.recorded import RecordingAkool, ReplayingAkool
from mock_akool.pytest_plugin.reporting import has_failed
from mock_akool.recording.folder import exists
from mock_akool.server.upstream import upstreams_of

_Fake = TypeVar("_Fake", bound=MockAkool)

_MODE: Final = one_of(("none", "once", "all"))
_PLAN = pytest.StashKey["Plan"]()
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_PARTIAL: Final = ".partial"


class Plan(NamedTuple):
    """What a run does with recordings: where they are, of which service they are made, and when."""

    folder: Path
    upstreams: tuple[str, ...]
    mode: str

    def __str__(self) -> str:
        if self.mode == "none":
            return f"answers from the recordings in {self.folder}"
        return f"records {', '.join(self.upstreams)} into {self.folder} ({self.mode})"


def read(config: pytest.Config, folder: str, mistakes: Mistakes) -> None:
    """Read the options of recordings; notes all mistakes."""
    upstreams: list[str] = config.getoption("akool_upstream")
    given = config.getoption("akool_record_mode")
    mode = mistakes.read(_MODE, given or ("once" if upstreams else "none"), ("--akool-record-mode",))
    if not folder:
        mistakes.add("--akool-upstream and --akool-record-mode want --akool-record DIR too")
    if given in ("once", "all") and not upstreams:
        mistakes.add(f"--akool-record-mode {mode} wants --akool-upstream URL too")
    if config.getoption("akool_gauntlet"):
        mistakes.add("--akool-gauntlet judges clients of a fake; leave out --akool-record")
    found: tuple[str, ...] = ()
    if upstreams:
        with mistakes.noted():
            found = tuple(each.url for each in upstreams_of(upstreams, "--akool-upstream"))
    config.stash[_PLAN] = Plan(Path(config.rootpath, folder), found, mode)


def plan_of(config: pytest.Config) -> Plan | None:
    """Return what the run does with recordings; None: nothing."""
    return config.stash.get(_PLAN, None)


def folder_of(plan: Plan, nodeid: str) -> Path:
    """Return the folder of a test's recording. What its parameters are is not in the name: they may be secrets."""
    file, *parts = nodeid.partition("[")[0].split("::")
    names = [_UNSAFE.sub("_", part)[:80] for part in parts]
    if "[" in nodeid:
        names[-1] += f"-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"
    return plan.folder.joinpath(*Path(file).with_suffix("").parts, *names)


@contextmanager
def fake(
    request: pytest.FixtureRequest, plan: Plan, options: Mapping[str, Any], *, live: bool
) -> Iterator[RecordingAkool | ReplayingAkool]:
    """Yield what answers in a test: the service, which is recorded, or its recording; `live`: by a server.

    A test that fails leaves no recording, and the one that was there before stays.
    """
    folder = folder_of(plan, request.node.nodeid)
    if plan.mode == "none" or (plan.mode == "once" and exists(folder)):
        replaying = _replaying(plan, folder, options, live=live)
        yield replaying
        if not has_failed(request.node):  # the report of one that failed lists its calls
            for text in replaying.missing:
                warnings.warn(f"mock-akool: {text}", pytest.PytestWarning, stacklevel=2)
        return
    partial = folder.with_name(folder.name + _PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    recording = _plainly_made(lambda: RecordingAkool(partial, plan.upstreams, **options))
    try:
        yield recording
    finally:
        recording.stop()
        recording.close()
        if has_failed(request.node):
            shutil.rmtree(partial)
        else:
            if exists(folder):
                shutil.rmtree(folder)
            partial.rename(folder)


def _replaying(plan: Plan, folder: Path, options: Mapping[str, Any], *, live: bool) -> ReplayingAkool:
    if not exists(folder):
        pytest.fail(
            f"mock-akool: this test has no recording in {folder}; record it with --akool-record "
            f"{plan.folder} --akool-upstream URL",
            pytrace=False,
        )
    clock = SteeredClock() if live else None
    return _plainly_made(lambda: ReplayingAkool(folder, clock=clock, **options))


def _plainly_made(make: Callable[[], _Fake]) -> _Fake:
    """Return a fake, or fail with only the text of an error of ours."""
    try:
        return make()
    except MockAkoolError as error:
        raise pytest.fail.Exception(f"mock-akool: {error}", pytrace=False) from None
