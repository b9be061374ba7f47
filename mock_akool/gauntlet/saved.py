"""Files that a client saved, judged by their bytes: whether they are what the server sent."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from mock_akool.akool.endpoints import FILE
from mock_akool.core.errors import SettingsError
from mock_akool.core.media import MediaSpec
from mock_akool.diagnostics.observations import Observations

_IMAGES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
_OTHERS: Final = frozenset({".mp4", ".mp3", ".wav", ".srt"})
_MOST_FILES: Final = 10_000
"""How many files of a folder are looked at."""
_MOST_BYTES: Final = 64 << 20
"""Larger files are not read: none that the fake sends is."""


class Saved(NamedTuple):
    """A file that a client saved; `wrong` says what is wrong about it, None when nothing is."""

    name: str
    wrong: str | None


class Folder:
    """A folder into which a client saves its files, as it was before the client began.

    `setting` is the name of what says where the folder is. Raises SettingsError for what is no folder and cannot be
    made one.
    """

    def __init__(self, path: Path, setting: str = "saves_to") -> None:
        self._path = path
        self.setting = setting
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise SettingsError(f"{path} cannot be a folder: {why}", "name a folder", (setting,)) from None
        self._before = self._state()

    def __str__(self) -> str:
        return str(self._path)

    def saved(self, seen: Observations, draw: Callable[[MediaSpec], bytes]) -> tuple[Saved, ...]:
        """Return the files that were saved since, and that are results or were meant to be; others are left out.

        `draw` returns the file that a spec describes.
        """
        new = [file for file, state in self._state().items() if self._before.get(file) != state]
        sent = _Sent(seen, draw)
        found = []
        for file in sorted(new):
            try:
                content = file.read_bytes()
            except OSError:
                continue  # it went in this moment, or it is not for us
            wrong = sent.wrong(file, content)
            if wrong is not None or file.suffix.lower() in _IMAGES | _OTHERS or sent.has(content):
                found.append(Saved(file.relative_to(self._path).as_posix(), wrong))
        return tuple(found)

    def _state(self) -> dict[Path, tuple[int, int, int]]:
        """Return when each file was written, its size, and which one it is."""
        found = {}
        for file in islice(self._files(), _MOST_FILES):
            try:
                state = file.lstat()
            except OSError:
                continue  # it went in this moment
            if stat.S_ISREG(state.st_mode) and state.st_size <= _MOST_BYTES:
                found[file] = state.st_mtime_ns, state.st_size, state.st_ino
        return found

    def _files(self) -> Iterator[Path]:
        for folder, _, names in os.walk(self._path):  # which leaves out what it may not list
            yield from (Path(folder, name) for name in names)


class _Sent:
    """What the server sent when files were fetched."""

    def __init__(self, seen: Observations, draw: Callable[[MediaSpec], bytes]) -> None:
        downloads = [call for call in seen.to(FILE) if call.method == "GET"]
        self._files = {draw(call.response.media) for call in downloads if call.response.media is not None}
        self._pages = {
            call.response.body: f"what #{call.number} was answered with, HTTP {call.response.status}"
            for call in downloads
            if call.response.media is None and call.response.body
        }

    def has(self, content: bytes) -> bool:
        """Return whether these bytes are a whole file that the server sent."""
        return content in self._files

    def wrong(self, file: Path, content: bytes) -> str | None:
        """Return what is wrong about a file, or None; where the client made something else of it, that is right."""
        if self.has(content):
            return None
        if content in self._pages:
            return f"is no file, but {self._pages[content]}"
        if reason := next(filter(None, (_difference(content, whole) for whole in self._files)), None):
            return reason
        suffix = file.suffix.lower()
        if not content and suffix in _IMAGES | _OTHERS:
            return "is empty"
        if suffix in _IMAGES and self._files and not _is_image(content):
            return "is neither what the server sent nor an image that can be read"
        return None


def _difference(content: bytes, whole: bytes) -> str | None:
    """Return what became of a whole file, or None when these bytes do not come of it."""
    size = len(content)
    if 0 < size < len(whole) and whole.startswith(content):
        return f"has only the first {size:,} of {len(whole):,} bytes"
    if size > len(whole) and content.endswith(whole):
        return f"has {size - len(whole):,} bytes of something else before the {len(whole):,} that the server sent"
    if content in _as_text(whole):
        return "was read as text, which spoils its bytes"
    return None


def _as_text(whole: bytes) -> Iterable[bytes]:
    """Yield what becomes of a file that is read as text and written again."""
    yield whole.decode("utf-8", "replace").encode()
    yield whole.decode("utf-8", "ignore").encode()
    yield whole.decode("latin-1").encode()
    yield whole.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _is_image(content: bytes) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True
