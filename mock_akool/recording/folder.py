"""A recording as a folder: `recording.json`, a file for each call, and `bodies/` with what is no short text."""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, TypeVar

from mock_akool._version import __version__
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Termination
from mock_akool.recording import bodies
from mock_akool.recording.calls import VERSION, Came, RecordedCall, Sent
from mock_akool.recording.redaction import Names, Redactor

INDEX: Final = "recording.json"
_CALL: Final = re.compile(r"\d{5,}-[A-Z]{1,10}-[\w.-]{1,80}\.json")
_NO_WORD: Final = re.compile(r"[^A-Za-z0-9]+")

_log = logging.getLogger("mock_akool")


class RecordingError(MockAkoolError):
    """A recording that cannot be read or written."""


class RawCall(NamedTuple):
    """A call as it was, with all its secrets. It is in memory only, until it is written.

    `at_s` is in seconds since the recording began, `took_s` how long the service took. `files` are the URLs of result
    files that stand in the bodies, and what stands for each of them in the recording. A response that broke has
    `ended`.
    """

    number: int
    at_s: float
    took_s: float
    endpoint: str
    method: str
    path: str
    query: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int
    response_headers: tuple[tuple[str, str], ...]
    response_body: bytes
    ended: Termination | None
    files: Mapping[str, str]


class RecordingWriter:
    """Writes a recording, in a thread of its own, so that no request waits for it. `close` waits for what is left.

    `folder` is made; raises RecordingError when it cannot be, or has files already.
    """

    def __init__(self, folder: str | Path, upstreams: Iterable[str], names: Names | None = None) -> None:
        self.folder = Path(folder)
        self.redactor = Redactor(names)
        self.count = 0
        """How many calls were written."""
        self._upstreams = list(upstreams)
        self._written: list[tuple[Path, int]] = []
        self._queue: queue.SimpleQueue[RawCall | None] = queue.SimpleQueue()
        self._failure: OSError | None = None
        self._is_closed = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not _is_unused(self.folder):
                raise RecordingError(
                    f"the folder {str(self.folder)!r} is not empty", "Name another one, or remove what is in it"
                )
            self._write_index()
        except OSError as error:
            raise _unwritable(self.folder, error) from None
        self._thread = threading.Thread(target=self._run, name="mock-akool-recording", daemon=True)
        self._thread.start()

    def put(self, call: RawCall) -> None:
        """Write a call, soon."""
        self._queue.put(call)

    def close(self) -> None:
        """Write what is left, and look once more for secrets that were found late.

        Raises RecordingError when something could not be written.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.put(None)
        self._thread.join()
        try:
            self._redact_again()
            self._write_index()
        except OSError as error:
            self._failure = self._failure or error
        if self._failure is not None:
            raise _unwritable(self.folder, self._failure)

    def _run(self) -> None:
        while (call := self._queue.get()) is not None:
            try:
                self._write(call)
            except OSError as error:
                self._failure = self._failure or error
            except Exception:
                _log.exception("mock-akool bug while recording a call to %s", call.endpoint)

    def _write(self, raw: RawCall) -> None:
        call, beside = redacted(raw, self.redactor)
        path = self.folder / f"{call.number:05d}-{_word(call.request.method)}-{_word(call.endpoint)}.json"
        for name, body in beside:
            file = self.folder / name
            file.parent.mkdir(exist_ok=True)
            if not file.exists():
                file.write_bytes(body)
                if file.suffix in (".json", ".txt"):
                    self._written.append((file, self.redactor.count))
        path.write_text(_as_text(call.as_json()), encoding="utf-8")
        self._written.append((path, self.redactor.count))
        self.count += 1

    def _redact_again(self) -> None:
        """Replace in what is written the secrets that came later, such as a key that a prompt had before a header."""
        for path, known in self._written:
            if known == self.redactor.count:
                continue
            text = path.read_text(encoding="utf-8")
            again = self.redactor.text_of_file(text)
            if again != text:
                path.write_text(again, encoding="utf-8")
                if path.parent.name == bodies.FOLDER:
                    self._mend_hash(path, again.encode())

    def _mend_hash(self, changed: Path, body: bytes) -> None:
        """Write the new length and hash of a body into the files of the calls that have it."""
        name = f"{bodies.FOLDER}/{changed.name}"
        for path, _ in self._written:
            if path.parent == self.folder and name in (text := path.read_text(encoding="utf-8")):
                call = json.loads(text)
                for part in ("request", "response"):
                    found = call[part]["body"]
                    if found and found.get("file") == name:
                        found.update(bytes=len(body), sha256=hashlib.sha256(body).hexdigest())
                path.write_text(_as_text(call), encoding="utf-8")

    def _write_index(self) -> None:
        index = {"version": VERSION, "mock_akool": __version__, "upstream": self._upstreams, "calls": self.count}
        (self.folder / INDEX).write_text(_as_text(index), encoding="utf-8")


def _is_unused(folder: Path) -> bool:
    """Return whether a folder is empty, or has only the index of a recording that ended before its first call."""
    names = [each.name for each in folder.iterdir()]
    if names != [INDEX]:
        return not names
    try:
        return bool(json.loads((folder / INDEX).read_text(encoding="utf-8"))["calls"] == 0)
    except (ValueError, KeyError, TypeError):
        return False


def redacted(raw: RawCall, redactor: Redactor) -> tuple[RecordedCall, list[tuple[str, bytes]]]:
    """Return a call without its secrets, and the bodies that are files of their own, by name."""
    asked, came = _type(raw.request_headers), _type(raw.response_headers)
    request_body = bodies.with_urls(raw.request_body, raw.files) if raw.files else raw.request_body
    response_body = bodies.with_urls(raw.response_body, raw.files) if raw.files else raw.response_body
    # First everything is read, so that what a header gives away is also found in the URL before it.
    redactor.learn_headers(raw.request_headers)
    redactor.learn_headers(raw.response_headers)
    redactor.learn_query(raw.query)
    bodies.learn(request_body, asked, redactor)
    bodies.learn(response_body, came, redactor)
    packed = any(name == "content-encoding" and value.strip() for name, value in raw.request_headers)
    sent, sent_file = bodies.written(request_body, asked, redactor, is_packed=packed)
    packed = any(name == "content-encoding" and value.strip() for name, value in raw.response_headers)
    got, got_file = bodies.written(response_body, came, redactor, is_packed=packed)
    call = RecordedCall(
        raw.number,
        raw.at_s,
        raw.took_s,
        redactor.text(raw.endpoint),
        Sent(
            raw.method,
            redactor.path(raw.path),
            redactor.query(raw.query),
            _pairs(redactor.headers(raw.request_headers)),
            sent,
        ),
        Came(raw.status, _pairs(redactor.headers(raw.response_headers)), got, raw.ended),
    )
    return call, [each for each in (sent_file, got_file) if each is not None]


def _pairs(headers: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers)


def _type(headers: Iterable[tuple[str, str]]) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def _word(text: str) -> str:
    return _NO_WORD.sub("-", text).strip("-")[:60] or "call"


def _as_text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n"


def _unwritable(folder: Path, error: OSError) -> RecordingError:
    return RecordingError(f"cannot write the recording to {str(folder)!r}: {error.strerror or error}")


class Recording:
    """A recording that was read: its calls in their order, and their bodies."""

    def __init__(self, folder: Path, calls: list[RecordedCall], upstreams: tuple[str, ...]) -> None:
        self.folder = folder
        self.calls = calls
        self.upstreams = upstreams

    def body(self, body: Mapping[str, Any] | None) -> bytes:
        """Return the bytes of a body of a call; of one that was left out, none.

        Raises RecordingError when its file is gone or is another one.
        """
        if body is None or "left_out" in body:
            return b""
        if "json" in body:
            text = json.dumps(body["json"], ensure_ascii=False, separators=(",", ":"))
            return text.encode("utf-8", "surrogatepass")
        if "text" in body:
            return str(body["text"]).encode("utf-8", "surrogatepass")
        return self._file(body)

    def _file(self, body: Mapping[str, Any]) -> bytes:
        name = PurePosixPath(str(body["file"]))
        if len(name.parts) != 2 or name.parts[0] != bodies.FOLDER or name.name in ("..", "."):
            raise RecordingError(f"{self.folder}: {str(name)!r} is no file of {bodies.FOLDER}/")
        try:
            data = (self.folder / bodies.FOLDER / name.name).read_bytes()
        except OSError as error:
            raise RecordingError(f"cannot read {name} of the recording {self.folder}: {error.strerror}") from None
        if hashlib.sha256(data).hexdigest() != body.get("sha256"):
            raise RecordingError(f"{name} of the recording {self.folder} was changed: its hash is another one")
        return data


def exists(folder: str | Path) -> bool:
    """Return whether there is a recording in a folder."""
    return (Path(folder) / INDEX).is_file()


def read_recording(folder: str | Path) -> Recording:
    """Return the recording of a folder; RecordingError when there is none, or one that cannot be used."""
    path = Path(folder)
    if not exists(path):
        raise RecordingError(
            f"there is no recording in {str(path)!r}", "Make one with `mock-akool record --upstream URL --into DIR`"
        )
    upstreams = _read(path / INDEX, _upstreams)
    files = [file for file in path.glob("*.json") if _CALL.fullmatch(file.name)]
    calls = sorted((_read(file, RecordedCall.of_json) for file in files), key=lambda call: call.number)
    return Recording(path, calls, upstreams)


_Read = TypeVar("_Read")


def _read(file: Path, read: Callable[[Any], _Read]) -> _Read:
    """Return what a file says; raises RecordingError that names it."""
    try:
        return read(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        said = str(error.strerror)
    except UnicodeDecodeError:
        said = "it is no UTF-8"
    except json.JSONDecodeError as error:
        said = f"it is no JSON: {error}"
    except ValueError as error:
        said = str(error)
    raise RecordingError(f"{file}: {said}", "Record it anew, or undo what changed it")


def _upstreams(index: Any) -> tuple[str, ...]:
    if not isinstance(index, dict) or index.get("version") != VERSION:
        raise ValueError(f"it is no index of a recording of version {VERSION}")
    return tuple(map(str, index.get("upstream") or ()))
