"""Result files of every kind."""

from __future__ import annotations

from typing import Final

from mock_akool.core.media import MediaSpec
from mock_akool.media import images, sounds, videos

__all__ = ["render"]


def render(spec: MediaSpec) -> bytes:
    """Return the file that a spec describes; equal specs give identical bytes.

    Raises ValueError for one that cannot be made, see `images.render`.
    """
    return _RENDER.get(spec.format, images.render)(spec)


_RENDER: Final = {"MP4": videos.render, "MP3": sounds.render, "WAV": sounds.render}
