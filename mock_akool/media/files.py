"""Result files of every kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from mock_akool.core.media import MediaSpec

__all__ = ["AUTO", "CONSTANT", "DRAWN", "VIDEOS", "render", "renderer"]

AUTO: Final = "auto"
DRAWN: Final = "drawn"
CONSTANT: Final = "constant"
VIDEOS: Final = (AUTO, DRAWN, CONSTANT)
"""How videos may be made: drawn for each job, of a constant file, or drawn where the extra for it is installed."""


def render(spec: MediaSpec, videos_are: str = AUTO) -> bytes:
    """Return the file that a spec describes; equal specs give identical bytes. `videos_are` is one of `VIDEOS`.

    Raises ValueError for one that cannot be made, see `images.render`.
    """
    # What makes a kind of files is imported with the first of them.
    if spec.format == "MP4":
        from mock_akool.media import drawn_videos, videos

        drawn = videos_are == DRAWN or (videos_are == AUTO and drawn_videos.is_available())
        return drawn_videos.render(spec) if drawn else videos.render(spec)
    if spec.format == "SRT":
        from mock_akool.media import subtitles

        return subtitles.render(spec)
    if spec.format in ("MP3", "WAV"):
        from mock_akool.media import sounds

        return sounds.render(spec)
    from mock_akool.media import images

    return images.render(spec)


def renderer(videos_are: str) -> Callable[[MediaSpec], bytes]:
    """Return a `render` whose videos are made in this way."""
    return partial(render, videos_are=videos_are)
