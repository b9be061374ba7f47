"""The file in which `serve --state` keeps what the fake knows, so that it is still there after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import glob
import json
import logging
import os
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from mock_akool.akool.saved_state import FrozenState, StateError
from mock_akool.core.errors import MockAkoolError

_log = logging.getLogger("mock_akool")

EVERY_S: Final = 10.0
"""How often it is saved while the server runs, in seconds."""

_PATIENCE_S: Final = 5.0
"""How long a server waits at its start for the one before it to end."""
_LOOK_S: Final = 0.05
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_BUFFER: Final = 1 << 18


class Keeper(Protocol):
    """Whose state is kept."""

    @property
    def edition(self) -> object:
        """What is equal to an earlier one while nothing has happened."""
        ...

    def freeze(self) -> FrozenState:
        """Return all that is known now."""
        ...

    def go_on_from(self, document: object, hint: str = "") -> None:
        """Go on from what was read; raises MockAkoolError, and has changed nothing then."""
        ...


class Saved(NamedTuple):
    """What was saved: the file, how many bytes it has, how many jobs are in it, and how many seconds it took."""

    file: str
    bytes: int
    jobs: int
    seconds: float


class StateFile:
    """A file with the state of a fake. It belongs to one server at a time. Safe to use from several threads."""

    def __init__(self, path: str | Path, fake: Keeper, every_s: float = EVERY_S) -> None:
        self.path = Path(path)
        """As it was given, for people."""
        # Where a link leads, so that the link stays one when the file is replaced.
        self._place = Path(os.path.realpath(self.path))
        self._mark: int | None = None
        """The handle that says that the file is this server's."""
        self._fake = fake
        self._every_s = every_s
        self._lock = threading.Lock()
        self._saved: object = None
        """The edition that the file has."""
        self._is_failing = False
        self.found = False
        """Whether the file was there at the start."""

    def load(self) -> bool:
        """Go on from what the file says; returns whether there is one. It is this server's until `release`.

        Raises MockAkoolError, in one line, for a file that cannot be read, is broken, of another version or another
        server's, and for a place where none can be written; the fake has not changed then.
        """
        self._check_kind()
        self._check_folder()
        self._take()
        self._remove_left_drafts()
        try:
            raw = self._place.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unreadable(error.strerror, "Let this user read it, or name another") from None
        hint = f"Move {self.path} away to begin anew"
        was_on = gc.isenabled()
        gc.disable()  # what is made here stays, and to look through it again and again takes longer than to make it
        try:
            try:
                document = json.loads(raw)
            except (ValueError, RecursionError) as error:
                why = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
                raise StateError(f"it is no JSON: {why}", hint) from None
            self._fake.go_on_from(document, hint)
        except MockAkoolError as error:
            raise StateError(
                f"the state file {self.path} cannot be used: {error.message}", error.hint or hint
            ) from None
        finally:
            if was_on:
                gc.enable()
        self._saved = self._fake.edition
        self.found = True
        return True

    def release(self) -> None:
        """Leave the file to other servers."""
        mark, self._mark = self._mark, None
        if mark is not None:
            with contextlib.suppress(OSError):
                self._mark_file.unlink(missing_ok=True)
            os.close(mark)

    def save(self) -> Saved:
        """Write the file whole, so that what was there before is there until then; MockAkoolError when it cannot be.

        Only its owner may read it: keys and tokens are in it.
        """
        with self._lock:
            began_s = time.perf_counter()
            edition, state = self._fake.edition, self._fake.freeze()
            draft = self._place.with_name(f".{self._place.name}.{os.getpid()}")
            size = 0
            try:
                draft.unlink(missing_ok=True)
                with os.fdopen(os.open(draft, _NEW, 0o600), "wb", _BUFFER) as file:
                    for piece in state.json():
                        size += file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self._place)
                self._sync_folder()
            except OSError as error:
                raise MockAkoolError(
                    f"cannot write the state file {self.path}: {error.strerror}",
                    "Mend that; until then it is as it was saved before",
                ) from None
            finally:
                with contextlib.suppress(OSError):
                    draft.unlink(missing_ok=True)
            self._saved = edition
            return Saved(
                str(self.path.absolute()), size, len(state.engine.known.jobs.jobs), time.perf_counter() - began_s
            )

    async def keep_saving(self) -> None:
        """Save now and then, when something has happened, until cancelled; says once when it cannot."""
        while True:
            await asyncio.sleep(self._every_s)
            if self._fake.edition != self._saved:
                await asyncio.to_thread(self._try_to_save)

    def _try_to_save(self) -> None:
        try:
            self.save()
        except MockAkoolError as error:
            if not self._is_failing:
                _log.warning("mock-akool: %s; it is tried again every %g s", error.message, self._every_s)
            self._is_failing = True
        else:
            self._is_failing = False

    def _check_kind(self) -> None:
        """Refuse what is no file: a pipe or a device would be read without end."""
        try:
            mode = self._place.stat().st_mode
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unreadable(error.strerror, "Let this user read it, or name another") from None
        if stat.S_ISDIR(mode):
            raise self._unreadable("it is a folder", f"Name a file in it, such as {self.path / 'akool.json'}")
        if not stat.S_ISREG(mode):
            raise self._unreadable("it is a device, a pipe or a socket", "Name a file")

    def _unreadable(self, why: str | None, hint: str) -> MockAkoolError:
        return MockAkoolError(f"cannot read the state file {self.path}: {why}", hint)

    def _take(self) -> None:
        """Make the file this server's; a server that is about to end has a moment to save what it knows."""
        ends_s = time.monotonic() + _PATIENCE_S
        while not self._try_to_take():
            if time.monotonic() > ends_s:
                raise MockAkoolError(
                    f"the state file {self.path} is in use by another server",
                    "Give each server a file of its own, or stop the other one",
                )
            time.sleep(_LOOK_S)

    def _try_to_take(self) -> bool:
        """Lock a file beside the state file; the system unlocks it when its server dies. Returns whether that went."""
        if sys.platform == "win32":
            return True
        import fcntl

        try:
            mark = os.open(self._mark_file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return True  # saving would fail as well, and says why
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(mark), self._mark_file.stat())
        except (BlockingIOError, FileNotFoundError):  # it is another server's, or that has just removed it
            is_there = False
        except OSError:  # a file system without locks
            is_there = True
        if is_there:
            self._mark = mark
        else:
            os.close(mark)
        return is_there

    @property
    def _mark_file(self) -> Path:
        return self._place.with_name(f".{self._place.name}.lock")

    def _check_folder(self) -> None:
        folder = self._place.parent
        if not folder.is_dir():
            raise MockAkoolError(f"cannot write the state file {self.path}: there is no folder {folder}", "Make it")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise MockAkoolError(
                f"cannot write the state file {self.path}: no file can be made there",
                "Name a file in a folder that this user may write to",
            )

    def _remove_left_drafts(self) -> None:
        """Remove what servers left beside the file that were killed while they wrote: keys are in it."""
        for draft in self._place.parent.glob(f".{glob.escape(self._place.name)}.*"):
            number = draft.name.rpartition(".")[2]
            if number.isdecimal() and not _is_running(int(number)):
                with contextlib.suppress(OSError):
                    draft.unlink()

    def _sync_folder(self) -> None:
        if sys.platform == "win32":  # a folder cannot be opened there
            return
        folder = os.open(self._place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _is_running(process: int) -> bool:
    """Return whether there is a process of this number, as far as one can know."""
    if sys.platform == "win32":  # to ask there would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
