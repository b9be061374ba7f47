"""What a result file shows; it is drawn later, by another module."""

from __future__ import annotations

from typing import Final, NamedTuple

PROMPT_CHARS: Final = 600
"""More of a prompt than any file shows; a prompt of megabytes is cut here before anything looks at it."""


class MediaSpec(NamedTuple):
    """Everything that drawing a file needs: equal values give equal bytes.

    `width` and `height` are in pixels; `ratio` is what they stand to each other in, as the request said it, such as
    `16:9`, or empty. `tiles` are the numbers of the tiles that it shows: `(3,)` is the single tile 3,
    `(1, 2, 3, 4)` a 2x2 grid in reading order, `()` a drawing without tiles. `operation` is what the job did to
    another one, as a short word on the drawing, or empty.
    """

    job_id: str
    seed: int
    width: int
    height: int
    prompt: str
    ratio: str
    tiles: tuple[int, ...]
    operation: str
    format: str
    """`JPEG`, `PNG`, `MP4`, `MP3`, `WAV` or `SRT`."""
    coloured_as: str = ""
    """The job whose colours the tiles have, where it is another one: an enlarged drawing looks like its original."""
    seconds: float = 0
    """How long a sound or a film plays; 0 where nobody says."""
    family: str = ""
    """The family of the job, where there is one."""
    silent: bool = False
    """Whether a film has no sound."""
