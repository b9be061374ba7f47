"""What a result file shows; it is drawn later, elsewhere."""

from __future__ import annotations

from typing import NamedTuple


class MediaSpec(NamedTuple):
    """What a picture shows: everything that drawing it needs, so that equal values give equal bytes.

    `tiles` are the tile numbers that it shows: `(3,)` is the single tile 3, `(1, 2, 3, 4)` a 2x2 grid in
    reading order, `()` a picture that is no tile of anything (a v4 result).
    `button` is the pressed button (`U2`, `V3`) or `""`.
    """

    job_id: str
    seed: int
    width: int
    height: int
    prompt: str
    scale: str
    tiles: tuple[int, ...]
    button: str
    format: str
    """`JPEG` or `PNG`."""
    coloured_as: str = ""
    """The job whose tiles' colours it has, where that is another one: an upscaled picture looks like its original."""
