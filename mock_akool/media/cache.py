"""Drawn files, kept for those who ask again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from mock_akool.core.media import PROMPT_CHARS, MediaSpec
from mock_akool.media.files import render


class MediaCache:
    """Files of the images asked for most recently, within `max_bytes`. Any thread may call anything."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024, draw: Callable[[MediaSpec], bytes] = render) -> None:
        """Keep at most `max_bytes` bytes of files, made by `draw`."""
        self._max_bytes = max_bytes
        self._draw = draw
        self._lock = threading.Lock()
        self._files: OrderedDict[MediaSpec, bytes] = OrderedDict()
        self._size_bytes = 0
        self._under_way: dict[MediaSpec, _Drawing] = {}

    def cached(self, spec: MediaSpec) -> bytes | None:
        """Return the file if it is kept, else None. Never draws, and never waits for a drawing."""
        with self._lock:
            return self._used(_key(spec))

    def get(self, spec: MediaSpec) -> bytes:
        """Return the file, drawn in this thread unless it is kept or another thread is drawing it already.

        Raises what `draw` raises, in the thread that called it: threads that waited for it try again.
        """
        key = _key(spec)
        while True:
            with self._lock:
                file = self._used(key)
                if file is not None:
                    return file
                drawing = self._under_way.get(key)
                if drawing is None:
                    drawing = self._under_way[key] = _Drawing()
                    break
            drawing.ended.wait()
            if drawing.file is not None:
                return drawing.file
        return self._drawn(key, spec, drawing)

    def clear(self) -> None:
        """Forget every kept file. An image that is being drawn now is kept when it is done."""
        with self._lock:
            self._files.clear()
            self._size_bytes = 0

    def _used(self, key: MediaSpec) -> bytes | None:
        file = self._files.get(key)
        if file is not None:
            self._files.move_to_end(key)
        return file

    def _drawn(self, key: MediaSpec, spec: MediaSpec, drawing: _Drawing) -> bytes:
        try:
            file = drawing.file = self._draw(spec)
            return file
        finally:
            with self._lock:
                del self._under_way[key]
                if drawing.file is not None:
                    self._keep(key, drawing.file)
            drawing.ended.set()

    def _keep(self, key: MediaSpec, file: bytes) -> None:
        if len(file) > self._max_bytes:
            return
        self._files[key] = file
        self._size_bytes += len(file)
        while self._size_bytes > self._max_bytes:
            _, oldest = self._files.popitem(last=False)
            self._size_bytes -= len(oldest)


def _key(spec: MediaSpec) -> MediaSpec:
    """What a file is kept under: a prompt of megabytes must not stay in memory for as long as its file."""
    prompt = spec.prompt
    if len(prompt) <= PROMPT_CHARS:
        return spec
    return spec._replace(prompt=f"{prompt[:PROMPT_CHARS]} {len(prompt)} {hash(prompt)}")


class _Drawing:
    """A drawing under way. `file` stays None when it failed; it is set before `ended` is."""

    __slots__ = ("ended", "file")

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.file: bytes | None = None
