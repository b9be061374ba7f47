"""Result files of every kind."""

from __future__ import annotations

from typing import Final

from mock_akool.core.media import MediaSpec
from mock_akool.media import images, sounds, subtitles, videos

__all__ = ["render"]

_RENDERERS: Final = {"MP4": videos.render, "SRT": subtitles.render, "MP3": sounds.render, "WAV": sounds.render}
"""What makes files that are no images, by their format."""


def render(spec: MediaSpec) -> bytes:
    """Return the file that a spec describes; equal specs give identical bytes.

    Raises ValueError for one that cannot be made, see `images.render`.
    """
    return _RENDERERS.get(spec.format, images.render)(spec)
