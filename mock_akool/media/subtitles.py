"""The subtitles that fake jobs make: SRT files of a few lines, of which the first says which job they are of."""

from __future__ import annotations

from typing import Final

from mock_akool.core.media import MediaSpec
from mock_akool.media.notes import note_of

_LINES: Final = (
    "This is a subtitle that a fake has made.",
    "It is the same for every job, but for its first line.",
    "A real one would say here what is spoken in the video.",
)
_EVERY_MS: Final = 250
_COUNT: Final = 20
"""So many lines are longer than the 1,000 bytes below which clients take a file for broken, and fill 5 seconds."""


def render(spec: MediaSpec) -> bytes:
    """Return the SRT file of a job, in UTF-8. Equal specs give identical bytes."""
    lines = [note_of(spec)]
    lines += [_LINES[number % len(_LINES)] for number in range(_COUNT - 1)]
    cues = (f"{number + 1}\n{_time(number)} --> {_time(number + 1)}\n{line}\n" for number, line in enumerate(lines))
    return "\n".join(cues).encode()


def _time(number: int) -> str:
    """Return when a line begins, as SRT writes it."""
    seconds, ms = divmod(number * _EVERY_MS, 1000)
    return f"00:00:{seconds:02},{ms:03}"
