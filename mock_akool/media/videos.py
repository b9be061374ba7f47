"""The videos that fake jobs have without the extra `media`: small constant files, with the job in their metadata.

A file is one of three that `tools/make_videos.py` made: 5 seconds of H.264 and AAC, wide, tall or square. Its sound
and images are the same for every job; which job it is of stands in its comment, where players and `ffprobe` show it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mock_akool.core.media import MediaSpec
from mock_akool.media.notes import note_of

_FOLDER: Final = Path(__file__).parent / "constant"
_BOX_HEAD: Final = 8
"""Bytes: the size of a box, and its type."""


def render(spec: MediaSpec) -> bytes:
    """Return the MP4 file of a job. Equal specs give identical bytes.

    Its comment is its note, see `note_of`.
    """
    return _with_comment((_FOLDER / f"{_shape(spec.width, spec.height)}.mp4").read_bytes(), note_of(spec).encode())


def _shape(width: int, height: int) -> str:
    """Return which of the constant files is nearest to these sides."""
    if width > height:
        return "wide"
    return "tall" if width < height else "square"


def _with_comment(file: bytes, comment: bytes) -> bytes:
    """Return an MP4 file with a comment; the last of its boxes is `moov`, so that nothing it points to moves."""
    at = 0
    while file[at + 4 : at + _BOX_HEAD] != b"moov":
        at += int.from_bytes(file[at : at + 4])
    size = int.from_bytes(file[at : at + 4])
    value = _box(b"data", b"\0\0\0\x01\0\0\0\0" + comment)  # of type 1, which is text in UTF-8
    handler = _box(b"hdlr", b"\0" * 8 + b"mdirappl" + b"\0" * 9)
    told = _box(b"udta", _box(b"meta", b"\0\0\0\0" + handler + _box(b"ilst", _box(b"\xa9cmt", value))))
    movie = _box(b"moov", file[at + _BOX_HEAD : at + size] + told)
    return file[:at] + movie + file[at + size :]


def _box(kind: bytes, content: bytes) -> bytes:
    return (_BOX_HEAD + len(content)).to_bytes(4) + kind + content
