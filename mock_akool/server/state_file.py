"""The file in which `serve --state` keeps what the fake knows, so that it is still there after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import glob
import json
import logging
import os
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
        self._place = self.path.absolute()
        self._fake = fake
        self._every_s = every_s
        self._lock = threading.Lock()
        self._saved: object = None
        """The edition that the file has."""
        self._is_failing = False
        self.found = False
        """Whether the file was there at the start."""

    def load(self) -> bool:
        """Go on from what the file says; returns whether there is one.

        Raises MockAkoolError, in one line, for a file that cannot be read, is broken or of another version, and for a
        place where none can be written; the fake has not changed then.
        """
        self._remove_left_drafts()
        try:
            raw = self._place.read_bytes()
        except FileNotFoundError:
            self._check_folder()
            return False
        except OSError as error:
            raise MockAkoolError(f"cannot read the state file {self.path}: {error.strerror}") from None
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
        self._check_folder()
        self._saved = self._fake.edition
        self.found = True
        return True

    def save(self) -> Saved:
        """Write the file whole, so that what was there before is there until then; MockAkoolError when it cannot be.

        Only its owner may read it: keys and tokens are in it.
        """
        with self._lock:
            began_s = time.perf_counter()
            edition, state = self._fake.edition, self._fake.freeze()
            draft = self._place.with_name(f".{self.path.name}.{os.getpid()}")
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
                raise MockAkoolError(f"cannot write the state file {self.path}: {error.strerror}") from None
            finally:
                with contextlib.suppress(OSError):
                    draft.unlink(missing_ok=True)
            self._saved = edition
            return Saved(str(self._place), size, len(state.engine.known.jobs.jobs), time.perf_counter() - began_s)

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

    def _check_folder(self) -> None:
        folder = self._place.parent
        if not folder.is_dir():
            raise MockAkoolError(f"cannot write the state file {self.path}: there is no folder {folder}", "Make it")
        if self._place.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise MockAkoolError(
                f"cannot write the state file {self.path}: no file can be made there",
                "Name a file in a folder that this user may write to",
            )

    def _remove_left_drafts(self) -> None:
        """Remove what servers left beside the file that were killed while they wrote: keys are in it."""
        for draft in self._place.parent.glob(f".{glob.escape(self.path.name)}.*"):
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
