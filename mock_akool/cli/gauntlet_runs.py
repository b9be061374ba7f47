"""The runs of `mock-akool gauntlet`: a program in a scenario, with a server and a clock of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.cli.exec import OwnFake, address_of, why_not_run
from mock_akool.cli.serve import server_of
from mock_akool.core.clock import SteeredClock
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.text import cleaned
from mock_akool.diagnostics.observations import Observations
from mock_akool.gauntlet.facts import ClientEnd, How, Run
from mock_akool.gauntlet.judging import Judgement, judge
from mock_akool.gauntlet.saved import Folder
from mock_akool.server.application import Application
from mock_akool.server.settings import Settings

_RUN: Final = "{run}"
"""What stands for the name of a run in a folder and in a command."""
WEBHOOK_VARIABLE: Final = "AKOOL_WEBHOOK_URL"
_OWN: Final = {"state": None, "port_file": None, "uds": None, "port": 0, "log": "off"}
"""What is meant for one server, and so for none of these, though variables or a file say it."""
_LOOK_S: Final = 0.005
_GRACE_S: Final = 2.0
"""How long a program has to end after it was asked to."""
_READ_BYTES: Final = 64 << 10
_WORDS: Final = 300
_BY_SIGNAL: Final = 128
_KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)

_TRACES: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^Traceback \(most recent call last\):",
        r"^\s+at \S.*:\d+\)?$",  # Node, Java, C#
        r"^(panic: |goroutine \d+ )",
        r"^thread '.*' panicked at ",
        r"^\S+\.rb:\d+:in ",
        r"^(PHP )?Fatal error: ",
        r"^Unhandled exception",
    )
)
"""What the runtimes of languages print for an error that nobody caught."""
_ERROR: Final = re.compile(r"^[\w.$]*(Error|Exception|panic|Fatal error)\b.*", re.MULTILINE)


class Runs:
    """Runs a command in scenarios; several threads may do so at once."""

    def __init__(
        self,
        command: Sequence[str],
        settings: Settings,
        speed: float,
        limit_s: float,
        webhook_url: str | None,
        saves_to: str | None = None,
    ) -> None:
        self._command = command
        self._settings = settings
        self._speed = speed
        self._limit_s = limit_s
        self._webhook_url = webhook_url
        self._saves_to = saves_to
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self.early_status = 0
        """The exit status of a run that ended with an error before it sent a request, 0 if there was none."""

    @property
    def may_overlap(self) -> bool:
        """Whether several may run at once: a program that listens has one address, and may have one folder."""
        return self._webhook_url is None and (self._saves_to is None or _RUN in self._saves_to)

    def stop(self) -> None:
        """End all runs that are under way, and begin none."""
        self._stopping.set()

    def judged(self, scenario: Scenario, seed: int) -> Judgement:
        """Run the command in a scenario and return the verdict."""
        options = dict(vars(self._settings))
        defaults = Settings()
        # What the settings do not say, the scenario may.
        given = {name: value for name, value in options.items() if value != getattr(defaults, name)}
        settings = Settings.of(**{**given, **_OWN, "scenario": (scenario,), "seed": seed})
        command, folder = self._command, None
        if self._saves_to is not None:
            run = re.sub(r"[^\w.-]+", "-", f"{scenario.name}-{seed}")
            folder = Folder(Path(self._saves_to.replace(_RUN, run)), "--saves-to")
            if _RUN in self._saves_to:
                command = [each.replace(_RUN, run) for each in command]
        clock = SteeredClock()
        with ExitStack() as at_end:
            # They share the files of one CA.
            with self._starting:
                server, _ = server_of(settings, lambda own: Application(own, clock, own.access))
                server.pace = self._speed
                server.tls.prepare()
                at_end.enter_context(server)
                fake = OwnFake(server, *address_of(server))
            application = server.application
            clock.run_at(0)
            variables = {**os.environ, **fake.variables}
            if self._webhook_url is not None:
                variables[WEBHOOK_VARIABLE] = self._webhook_url

            def has_begun() -> bool:
                return application.engine.call_log.count > 0

            def let_time_pass() -> None:
                clock.run_at(self._speed)

            end, status = self._ended(command, variables, has_begun, let_time_pass)
            ended_ns = clock.now_ns()
            # The clock stands still no more, also of a program that asked for nothing.
            clock.run_at(self._speed)
            seen = Observations.of(application.engine)
            saved = None if folder is None else folder.saved(seen, application.media_cache.get)
            if status and not seen.calls:
                self.early_status = self.early_status or status
            return judge(Run(scenario, seen, end, ended_ns, self._speed, saved, folder, is_program=True))

    def _ended(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        has_begun: Callable[[], bool],
        let_time_pass: Callable[[], None],
    ) -> tuple[ClientEnd, int]:
        """Run the command to its end, and return its status too, 0 if it hung; how long it starts does not count."""
        ends_s = time.monotonic() + self._limit_s
        with tempfile.TemporaryFile() as printed:
            try:
                process = subprocess.Popen(
                    command,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise MockAkoolError(f"{command[0]}: {why_not_run(error)}") from None
            with process:
                passes = False
                try:
                    while process.poll() is None and time.monotonic() < ends_s and not self._stopping.is_set():
                        if not passes and has_begun():
                            passes = True
                            let_time_pass()
                        time.sleep(_LOOK_S)
                    is_hung = process.poll() is None
                finally:
                    _end(process)
            words = _tail(printed)
        if is_hung:
            return ClientEnd(How.HUNG, f"it was ended after {self._limit_s:g} s"), 0
        return end_of(process.returncode, words), process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started, also what it has left behind."""
    for number in (signal.SIGTERM, _KILL):
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        elif process.poll() is None:
            process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)


def _tail(printed: IO[bytes]) -> str:
    """Return the end of what a program printed."""
    size = printed.seek(0, os.SEEK_END)
    printed.seek(max(0, size - _READ_BYTES))
    return printed.read().decode("utf-8", "replace")


def end_of(status: int, printed: str) -> ClientEnd:
    """Return how a program ended, by its exit status (negative: the signal that ended it) and what it printed."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    last = cleaned(lines[-1][:_WORDS]) if lines else ""
    if status == 0:
        return ClientEnd(How.WELL, last)
    if status < 0 or status > _BY_SIGNAL:
        number = -status if status < 0 else status - _BY_SIGNAL
        return ClientEnd(How.CRASHED, f"it was ended by signal {number}{f': {last}' if last else ''}")
    if any(trace.search(printed) for trace in _TRACES):
        errors = [found[0] for found in _ERROR.finditer(printed)]
        return ClientEnd(How.CRASHED, cleaned(errors[-1][:_WORDS]) if errors else last)
    return ClientEnd(How.GAVE_UP, last)
