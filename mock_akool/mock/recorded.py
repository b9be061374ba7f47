"""Fakes that record a real service, or answer as a recording does, with all that a fake in this process can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from mock_akool.core.clock import Clock, SteeredClock
from mock_akool.mock.local import MockAkool
from mock_akool.mock.settings import MockOptions
from mock_akool.server.application import Application
from mock_akool.server.recorder import Recorder
from mock_akool.server.replayer import Replayer
from mock_akool.server.upstream import upstreams_of

_DEFAULTS: Final[Mapping[str, Any]] = {
    "other_hosts": "refuse",
    "unused_rules": "ignore",
    "unused_job_scripts": "ignore",
}
"""What nobody needs to say: the network is closed, and what a test scripts is for fakes only."""


class RecordingAkool(MockAkool):
    """Passes on what this process sends to Akool's hosts, in real time, and records it into a folder.

    `upstreams` are the addresses of the service and of its hosts of files; nothing else is called. Call `close` at the
    end. Raises SettingsError for an address that is none, RecordingError for a folder that cannot be used.
    """

    def __init__(self, folder: str | Path, upstreams: Sequence[str], **options: Any) -> None:
        self._folder = folder
        self._upstreams = upstreams_of(upstreams)
        super().__init__(clock=SteeredClock(), **{**_DEFAULTS, "max_body_bytes": 64 << 20, **options, "sleep": "real"})

    def _made(self, options: MockOptions, clock: Clock) -> Application:
        return Recorder(options, clock, None, self._folder, self._upstreams)

    def close(self) -> None:
        """Write what is left; raises RecordingError when something could not be written."""
        cast("Recorder", self.application).close()


class ReplayingAkool(MockAkool):
    """Answers as the recording of a folder does, by default in virtual time.

    Raises RecordingError when there is none, or one that cannot be used.
    """

    def __init__(self, folder: str | Path, *, clock: Clock | None = None, **options: Any) -> None:
        self._folder = folder
        super().__init__(clock=clock, **{**_DEFAULTS, **options})

    def _made(self, options: MockOptions, clock: Clock) -> Application:
        return Replayer(options, clock, None, self._folder)

    @property
    def missing(self) -> list[str]:
        """The requests that were not in the recording, each with what was nearest to it."""
        return cast("Replayer", self.application).notes()
