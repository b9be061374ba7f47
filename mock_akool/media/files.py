"""Result files of every kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from mock_akool.core.media import MediaSpec
from mock_akool.media import drawn_videos, images, sounds, subtitles, videos

__all__ = ["AUTO", "CONSTANT", "DRAWN", "VIDEOS", "render", "renderer"]

AUTO: Final = "auto"
DRAWN: Final = "drawn"
CONSTANT: Final = "constant"
VIDEOS: Final = (AUTO, DRAWN, CONSTANT)
"""How videos may be made: drawn for each job, of a constant file, or drawn where the extra for it is installed."""

_RENDERERS: Final = {"SRT": subtitles.render, "MP3": sounds.render, "WAV": sounds.render}
"""What makes files that are neither images nor videos, by their format."""


def render(spec: MediaSpec, videos_are: str = AUTO) -> bytes:
    """Return the file that a spec describes; equal specs give identical bytes. `videos_are` is one of `VIDEOS`.

    Raises ValueError for one that cannot be made, see `images.render`.
    """
    if spec.format == "MP4":
        drawn = videos_are == DRAWN or (videos_are == AUTO and drawn_videos.is_available())
        return drawn_videos.render(spec) if drawn else videos.render(spec)
    return _RENDERERS.get(spec.format, images.render)(spec)


def renderer(videos_are: str) -> Callable[[MediaSpec], bytes]:
    """Return a `render` whose videos are made in this way."""
    return partial(render, videos_are=videos_are)
