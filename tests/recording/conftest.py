"""A fake that stands for the real service, and a server that records it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from mock_akool import MockAkool, Server, SystemClock
from mock_akool.recording.folder import Recording, read_recording
from mock_akool.recording.redaction import Names
from mock_akool.server.recorder import Recorder
from mock_akool.server.settings import ScenarioSettings
from mock_akool.server.tls import Tls
from mock_akool.server.upstream import Upstream

IMAGE = "/api/open/v3/content/image"
KEY = "planted-api-key-0123456789abcdef"


class Recorded(NamedTuple):
    """A fake as the real service, and the server that records it, which clients call at `url`."""

    real: MockAkool
    upstream: str
    recorder: Recorder
    url: str
    folder: Path
    stop: Callable[[], None]

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"x-api-key": KEY, **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=10, **options)

    def read(self) -> Recording:
        """Stop, and return what was written."""
        self.stop()
        return read_recording(self.folder)

    def texts(self) -> str:
        """Stop, and return all that was written, the names of files included."""
        self.stop()
        files = [each for each in sorted(self.folder.rglob("*")) if each.is_file()]
        return "\n".join(f"{each.relative_to(self.folder)}\n{each.read_bytes().decode('latin-1')}" for each in files)


Record = Callable[..., Recorded]


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with ExitStack() as opened:

        def start(*more_upstreams: str, upstream: str = "", redact: tuple[str, ...] = (), **options: Any) -> Recorded:
            options = {"queueing": "0s", "processing": "0s", **options}
            real = MockAkool(clock=SystemClock(), **options)
            if not upstream:
                upstream = opened.enter_context(Server(real.application, tls=Tls(off=True))).url
            folder = tmp_path / "recording"
            recorder = Recorder(
                ScenarioSettings(max_body_bytes=1 << 20),
                SystemClock(),
                None,
                folder,
                [Upstream.of(each) for each in (upstream, *more_upstreams)],
                names=Names.of(redact),
            )
            opened.callback(recorder.close)
            server = opened.enter_context(Server(recorder))

            def stop() -> None:
                server.stop()
                recorder.close()

            return Recorded(real, upstream, recorder, server.url, folder, stop)

        yield start


@pytest.fixture
def recorded(record: Record) -> Recorded:
    return record()


def json_of(recording: Recording, number: int) -> Any:
    """Return the JSON of a response, of the call with this number."""
    return json.loads(recording.body(recording.calls[number - 1].response.body))
