"""Result files of every kind."""

from __future__ import annotations

from mock_akool.core.media import MediaSpec
from mock_akool.media import images, videos

__all__ = ["render"]


def render(spec: MediaSpec) -> bytes:
    """Return the file that a spec describes; equal specs give identical bytes.

    Raises ValueError for one that cannot be made, see `images.render`.
    """
    return videos.render(spec) if spec.format == "MP4" else images.render(spec)
