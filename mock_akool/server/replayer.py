"""A fake that answers as a recording does: the service's own bytes, at the times at which they came."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Final

from mock_akool import admin
from mock_akool.akool.api import route
from mock_akool.core.clock import NS_PER_S, Clock
from mock_akool.core.http import Request, Response, Share, Termination, Transfer
from mock_akool.core.timeline import Status
from mock_akool.recording.bodies import code_of
from mock_akool.recording.calls import FILE_PATH, FILE_URL
from mock_akool.recording.folder import Recording, RecordingError, read_recording
from mock_akool.recording.matching import Found, Matcher, Missing
from mock_akool.server.application import Application
from mock_akool.server.recorder import DEFAULT_FILE_BASE, own_response
from mock_akool.server.settings import ScenarioSettings
from mock_akool.server.upstream import MOST_BYTES, OF_A_CONNECTION

_NOT_REPLAYED: Final = OF_A_CONNECTION | {"date", "server"}
_STATUS: Final = re.compile(rb'"[a-z0-9_]*status"\s*:\s*([1-4])\b')
"""A job's status in a body, by whatever word its family has for it."""


class Replayer(Application):
    """Answers as a recording does. Safe to use from several threads.

    Raises RecordingError when there is none in the folder, or one that cannot be used.
    """

    def __init__(
        self, settings: ScenarioSettings, clock: Clock, access: admin.Access | None, folder: str | Path
    ) -> None:
        super().__init__(settings, clock, access)
        self._lock = threading.Lock()
        self.recording: Recording = read_recording(folder)
        self.matcher = Matcher(self.recording)

    def reset(self, account: str | None = None) -> None:
        """Begin the recording anew, and forget what was asked; an account does not matter."""
        super().reset(account)
        with self._lock:
            self.matcher.reset()

    def _answer_api(self, request: Request) -> Response:
        found_route, _ = route(request.method, request.path, any_case=True)
        with self._lock:
            now_ns = self.engine.clock.now_ns()
            found = self.matcher.find(request, now_ns)
            endpoint = found_route.endpoint
            if isinstance(found, Missing):
                response = self._missing(found)
            else:
                response, endpoint = self._response(found, request), found.call.endpoint
            self.engine.note_call(now_ns, endpoint, request, response)
        return response

    def _missing(self, missing: Missing) -> Response:
        """Return HTTP 500 for what was not recorded: no answer that the service could give."""
        body = {
            "error": f"mock-akool replay: {str(self.recording.folder)!r} has no such request",
            "request": str(missing.question),
            "hint": f"{missing}. Record it anew if the client has changed",
        }
        return own_response(500, body, f"not in the recording: {missing}")

    def _response(self, found: Found, request: Request) -> Response:
        call = found.call
        came = call.response
        if came.body is not None and "left_out" in came.body:
            why = f"the body of call {call.number} was not recorded: {came.body['left_out']}"
            return own_response(500, {"error": f"mock-akool replay: {why}"}, why)
        try:
            body = self.recording.body(came.body)
        except RecordingError as error:
            return own_response(500, {"error": f"mock-akool replay: {error.message}", "hint": error.hint}, str(error))
        base = (request.file_base or DEFAULT_FILE_BASE) + FILE_PATH
        body = body.replace(f"{FILE_URL}/".encode(), base.encode())
        transfer = None
        if came.ended is Termination.CUT:
            # That it breaks off is what counts: the length that was promised may be of another body.
            transfer, body = Transfer(Termination.CUT, Share(len(body))), body + b"\0"
        elif came.ended is not None:
            transfer = Transfer(came.ended)
        elif request.method == "HEAD":
            promised = dict(came.headers).get("content-length", "0")
            body = bytes(min(int(promised), MOST_BYTES)) if promised.isdecimal() else b""
        return Response(
            came.status or 200,
            tuple(
                (name, value)
                for name, value in came.headers
                if name.lower() not in _NOT_REPLAYED and value != "redacted"
            ),
            body,
            delay_ns=round(call.took_s * NS_PER_S),
            code=code_of(body[: 1 << 16].decode("utf-8", "replace").encode()),
            job_id=found.job_id,
            job_status=None if found.job_id is None else _status_in(body, found),
            transfer=transfer,
        )

    def notes(self) -> list[str]:
        """Return what the user of a replay has to know: the requests that were not in the recording."""
        with self._lock:
            return [f"not in the recording: {each}" for each in self.matcher.missing]


def _status_in(body: bytes, found: Found) -> Status:
    """Return the status that a poll was shown; where it was shown none, whether there was more to come."""
    said = _STATUS.search(body)
    if said is not None:
        return Status(int(said[1]))
    return Status.PROCESSING if found.is_pending else Status.COMPLETED
