"""Child processes of tests: bounded in time, and ended by their own process id whatever happens."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import pytest

from mock_akool.cli import main
from mock_akool.server.addresses import PREFIX

PATIENCE_S: Final = 30.0
"""How long a test waits for another process before it fails instead of hanging."""

MOCK_AKOOL: Final = (sys.executable, "-W", "error", "-m", "mock_akool")


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what would change the child, and with `changes`."""
    unwanted = {"NO_COLOR", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "COLUMNS"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) and name not in unwanted}
    return {**kept, **changes}


def run(
    *arguments: str | Path,
    command: Sequence[str] = MOCK_AKOOL,
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
    patience_s: float = PATIENCE_S,
    encoding: str = "utf-8",
) -> subprocess.CompletedProcess[str]:
    """Run a child to its end."""
    return subprocess.run(
        [*command, *map(str, arguments)],
        env=environment(**(variables or {})),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding=encoding,
        timeout=patience_s,
        check=False,
    )


def run_here(
    *arguments: str | Path, variables: Mapping[str, str] | None = None, folder: Path | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command of mock-akool to its end in this process, as `run` does in one of its own; it reads what is typed.

    A process takes a tenth of a second of the processor to start. That commands are programs is seen by the tests of
    `python -m mock_akool`; for what a command says and how it ends, its function is enough.
    """
    words = list(map(str, arguments))
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        _surrounded(environment(**(variables or {})), folder or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode()), encoding="utf-8"))
        code = _status_of(words)
    said, complained = (stream.buffer.getvalue().decode() for stream in (out, err))
    return subprocess.CompletedProcess([*MOCK_AKOOL, *words], code, said, complained)


def run_with_children(
    *arguments: str | Path, variables: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of mock-akool as `run_here` does, with what the programs write that it starts."""
    words = list(map(str, arguments))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _surrounded(environment(**(variables or {})), folder or Path.cwd()), _writing_to(out, err):
            code = _status_of(words)
        said, complained = (_all_of(file) for file in (out, err))
    return subprocess.CompletedProcess([*MOCK_AKOOL, *words], code, said, complained)


def _status_of(words: Sequence[str]) -> int:
    try:
        return main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)


@contextlib.contextmanager
def _writing_to(out: IO[bytes], err: IO[bytes]) -> Iterator[None]:
    """Let standard output and errors go to these files, also those of children."""
    before = [(number, os.dup(number)) for number in (1, 2)]
    try:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        with (
            os.fdopen(os.dup(1), "w", encoding="utf-8") as said,
            os.fdopen(os.dup(2), "w", encoding="utf-8") as complained,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complained),
        ):
            yield
    finally:
        for number, kept in before:
            os.dup2(kept, number)
            os.close(kept)


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@contextlib.contextmanager
def _surrounded(variables: Mapping[str, str], folder: Path) -> Iterator[None]:
    before = dict(os.environ)
    with contextlib.chdir(folder):
        try:
            os.environ.clear()
            os.environ.update(variables)
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


class _Pipe:
    """What a child wrote to one of its streams so far."""

    def __init__(self, stream: IO[bytes], news: threading.Condition) -> None:
        self.text = ""
        self.ended = False
        self.enough = False
        """Whether the next piece is the last that is read, so that the child then writes to a closed pipe."""
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._news = news
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self._stream:
            while not self.enough and (piece := os.read(self._stream.fileno(), 65536)):
                with self._news:
                    self.text += self._decoder.decode(piece)
                    self._news.notify_all()
        with self._news:
            self.ended = True
            self._news.notify_all()


class Child:
    """A child process that runs beside the test, in a `with` block."""

    def __init__(
        self,
        *arguments: str | Path,
        command: Sequence[str] = MOCK_AKOOL,
        variables: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)],
            env=environment(**(variables or {})),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._out = _Pipe(self.process.stdout, self._news)
        self._err = _Pipe(self.process.stderr, self._news)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._reap()

    @property
    def out(self) -> str:
        """What it wrote to its standard output so far."""
        return self._out.text

    @property
    def err(self) -> str:
        """What it wrote to its standard error so far."""
        return self._err.text

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until it wrote this to its standard output, and return the match."""
        return self._wait_for(pattern, self._out)

    def complained(self, pattern: str) -> re.Match[str]:
        """Wait until it wrote this to its standard error, and return the match."""
        return self._wait_for(pattern, self._err)

    def read_no_more_errors(self) -> threading.Thread:
        """Close its standard error after what it writes next; returns the thread that does so."""
        self._err.enough = True
        return self._err.thread

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal and wait for the end; returns the exit code and the seconds that it took."""
        began_s = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        took_s = time.monotonic() - began_s
        self._reap()
        return code, took_s

    def _wait_for(self, pattern: str, pipe: _Pipe) -> re.Match[str]:
        with self._news:
            self._news.wait_for(lambda: pipe.ended or re.search(pattern, pipe.text), PATIENCE_S)
            found = re.search(pattern, pipe.text)
        assert found, f"waited in vain for {pattern!r}; stdout: {self.out!r} stderr: {self.err!r}"
        return found

    def _reap(self) -> None:
        self.process.wait(PATIENCE_S)
        for pipe in (self._out, self._err):
            pipe.thread.join(PATIENCE_S)


class Serving(Child):
    """`mock-akool serve` on a free port, listening when the constructor returns."""

    def __init__(self, *flags: str | Path, variables: Mapping[str, str] | None = None) -> None:
        super().__init__("serve", "--port", "0", *flags, variables=variables)
        try:
            self.url = self.said(r'(?:listens on |"url": ")(http://[^\s"]+)[ "]')[1]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.port = int(self.url.rpartition(":")[2])
