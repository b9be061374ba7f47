"""What the operating system says of a thread: whether it waits, and for what.

The clock may move only when nobody has anything to do before. Of a thread that waits by a function that is not patched
(for a lock of C code, for a socket, for a child process) only the operating system knows. On Linux, `/proc` tells for
each thread in which system call it sits, and how long it has run so far.

- A thread that runs, or could run if it got a processor, sits in none: it is busy.
- One that waits for a lock without a limit will be woken by another thread, and by nothing else; unless the lock is
  one of the interpreter's own, which nobody holds for long.
- One that waits for a lock with a limit may do so for the interpreter's lock, which wakes it every few milliseconds:
  such a thread has run a little after two of these intervals, and one that really waits has not.
- Any other waits for the world outside, or may be idle, as a server that waits for connections.

Elsewhere than on Linux, the line that a thread is at takes the place of its running time.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Final, NamedTuple

_FUTEX: Final = {"x86_64": b"202", "aarch64": b"98"}.get(platform.machine(), b"")
_WAITS_FOR_CHILD: Final = {"x86_64": (b"61", b"247"), "aarch64": (b"260", b"95")}.get(platform.machine(), ())
_NO_LIMIT: Final = b"0x0"
_TASKS: Final = "/proc/self/task"

INSIDE: Final = "inside"
"""For another thread of this process."""
LIMITED: Final = "limited"
"""For a lock, but not forever: for the interpreter's, or until a time limit of the code under test."""
MAYBE: Final = "maybe"
"""Possibly for the world outside."""
CHILD: Final = "child"
"""For a child process."""


class Look(NamedTuple):
    """What a thread does: for what it waits, None when it is busy; and something that changes whenever it has run."""

    waits_for: str | None
    progress: object


GONE: Final = Look(INSIDE, "gone")


def _is_readable() -> bool:
    return bool(_FUTEX) and Path(f"{_TASKS}/{os.getpid()}/schedstat").exists() and bool(_read(os.getpid(), "syscall"))


def look(native_id: int | None, ident: int) -> Look:
    """Look at a thread of this process, by its two numbers."""
    if native_id is None:
        return Look(None, "")  # it is being started
    if not HAS_PROC:
        frame = sys._current_frames().get(ident)
        return GONE if frame is None else Look(LIMITED, (id(frame), frame.f_lasti))
    told = _read(native_id, "syscall")
    if told == b"":
        return GONE
    words = (told or b"").split()
    if len(words) < 5:  # `running`, or `-1` and two addresses; or nobody knows, so it may be busy
        return Look(None, "")
    progress = _read(native_id, "schedstat")
    if progress is None:
        return Look(None, "")
    if words[0] == _FUTEX:
        if _begin <= int(words[1], 16) < _end:
            return Look(None, "")
        return Look(INSIDE if words[4] == _NO_LIMIT else LIMITED, progress)
    return Look(CHILD if words[0] in _WAITS_FOR_CHILD else MAYBE, progress)


def _interpreter() -> tuple[int, int]:
    """Return between which addresses the interpreter keeps its own locks."""
    try:
        import ctypes

        address = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
        end = address
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            first, last = (int(each, 16) for each in line.split(None, 1)[0].split("-"))
            if (first <= address < last) or (first == end > address and "[heap]" not in line):
                end = last
    except (ImportError, OSError, ValueError):
        return 0, 0
    return address, end


def _read(native_id: int, name: str) -> bytes | None:
    """Return what a file says about a thread: nothing if it is gone; None if the file cannot be read."""
    try:
        handle = os.open(f"{_TASKS}/{native_id}/{name}", os.O_RDONLY)
        try:
            return os.read(handle, 512)
        finally:
            os.close(handle)
    except (FileNotFoundError, ProcessLookupError):
        return b""
    except OSError:  # as when no more files may be opened
        return None


HAS_PROC: Final = sys.platform == "linux" and _is_readable()
_begin, _end = _interpreter() if HAS_PROC else (0, 0)
