"""Videos that are drawn for each job: its id, its family and its colours, in the ratio and at the length asked for.

They are made by PyAV, which comes with the extra `media`, and which the first of them imports. Encoding runs in one
thread and with fixed settings, so that the bytes of a job's video are the same each time (with one release of PyAV and
of Pillow).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Final

from mock_akool.core.media import MediaSpec
from mock_akool.media import images, sounds
from mock_akool.media.notes import note_of

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, VideoFrame
    from av.container import OutputContainer

__all__ = ["EXTRA", "LONGEST_SIDE", "RATE", "is_available", "is_installed", "render", "seconds_of", "size_of"]

EXTRA: Final = "mock-akool[media]"
"""What brings PyAV."""
LONGEST_SIDE: Final = 640
"""Pixels: a video has the ratio asked for, at this size. Larger ones would take ten times as long."""
_SHORTEST_SIDE: Final = 64
RATE: Final = 10
"""Frames a second."""
_USUAL_S: Final = 5.0
"""Seconds, where nobody says how long a video is."""

_CODEC: Final = "libx264"
_OPTIONS: Final = {
    "preset": "ultrafast",
    "tune": "stillimage",
    "crf": "26",
    "threads": "1",
    "g": "50",
    "flags": "+bitexact",
}
_SOUND_RATE: Final = sounds.MP3_RATE
_SOUND_FRAME: Final = 1024
"""Samples: what a frame of AAC has."""
_LOUDNESS: Final = 0.2
"""Of the highest wave that there can be."""
_BRIGHT: Final = b"\xeb"
"""The light of a pixel of the bar at the top, before the place where the video is."""
_DIM: Final = b"\x40"
"""And after it."""
_INDEX_BYTES: Final = (4_096, 16)
"""Room for the index of the file at its beginning: for itself, and for each frame."""


def is_installed() -> bool:
    """Return whether PyAV is there, without importing it."""
    return find_spec("av") is not None


def is_available() -> bool:
    """Return whether PyAV is there, and has encoders of H.264 and AAC."""
    try:
        import av
    except ImportError:
        return False
    return _CODEC in av.codecs_available and "aac" in av.codecs_available


def size_of(spec: MediaSpec) -> tuple[int, int]:
    """Return the width and height of a job's video: even numbers of pixels in the ratio that was asked for."""
    scale = LONGEST_SIDE / max(spec.width, spec.height, 1)
    width, height = (max(_SHORTEST_SIDE, 2 * round(side * scale / 2)) for side in (spec.width, spec.height))
    return width, height


def seconds_of(spec: MediaSpec) -> float:
    """Return how long the video is: as the spec says, in whole frames, and within the bounds that sounds have."""
    asked = min(max(spec.seconds or _USUAL_S, sounds.SHORTEST_S), sounds.LONGEST_S)
    return math.ceil(asked * RATE) / RATE


def render(spec: MediaSpec) -> bytes:
    """Return the MP4 file of a job: H.264, and a tone in AAC unless it is silent. Equal specs give identical bytes.

    It can be played while it is loaded. Its comment is its note, see `note_of`.
    """
    import av

    (width, height), frames = size_of(spec), round(seconds_of(spec) * RATE)
    of_itself, of_each = _INDEX_BYTES
    index_bytes = of_itself + of_each * (frames + _tones_until(frames))
    file = BytesIO()
    with av.open(file, "w", format="mp4", options={"moov_size": str(index_bytes), "fflags": "+bitexact"}) as container:
        container.metadata["comment"] = note_of(spec)
        video = container.add_stream(_CODEC, rate=RATE, options=_OPTIONS)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        encode_tone = None if spec.silent else _new_sound(container).encode
        tones = _tones(sounds.tone_of(spec), frames * _SOUND_RATE // RATE)
        for number, frame in enumerate(_frames(spec, width, height, frames)):
            container.mux(video.encode(frame))
            if encode_tone is not None:
                # Both side by side, as players want it.
                for tone in islice(tones, _tones_until(number + 1) - _tones_until(number)):
                    container.mux(encode_tone(tone))
        container.mux(video.encode(None))
        if encode_tone is not None:
            container.mux(encode_tone(None))
    return file.getvalue()


def _new_sound(container: OutputContainer) -> AudioStream:
    sound = container.add_stream("aac", rate=_SOUND_RATE, layout="mono", options={"flags": "+bitexact"})
    sound.bit_rate = 32_000
    return sound


def _tones_until(frame: int) -> int:
    """Return how many frames of sound begin before a frame of the video."""
    return math.ceil(frame * _SOUND_RATE / (RATE * _SOUND_FRAME))


def _frames(spec: MediaSpec, width: int, height: int, count: int) -> Iterator[VideoFrame]:
    """Yield the frames: the drawing of the job, with a bar at the top that grows."""
    from av import VideoFrame

    drawing = images.draw(spec._replace(width=width, height=height))
    still: VideoFrame = VideoFrame.from_image(drawing)
    light, *colours = still.reformat(format="yuv420p").planes
    row, rows = light.line_size, max(4, height // 50)
    below = bytes(light)[row * rows :]
    for number in range(count):
        frame = VideoFrame(width, height, "yuv420p")
        done = width * (number + 1) // count
        frame.planes[0].update((_BRIGHT * done + _DIM * (row - done)) * rows + below)
        for plane, colour in zip(frame.planes[1:], colours, strict=True):
            plane.update(bytes(colour))
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        yield frame


def _tones(tone: int, samples: int) -> Iterator[AudioFrame]:
    """Yield so many samples of a tone, which are in frames of AAC."""
    from av import AudioFrame

    turn, period = 2 * math.pi * sounds.WAVES[tone] / sounds.FRAME_SAMPLES, sounds.FRAME_SAMPLES
    wave = array("f", (_LOUDNESS * math.sin(turn * at) for at in range(period))) * (_SOUND_FRAME // period + 2)
    for begin in range(0, samples, _SOUND_FRAME):
        frame = AudioFrame("fltp", "mono", min(_SOUND_FRAME, samples - begin))
        frame.planes[0].update(wave[begin % period : begin % period + frame.samples].tobytes())
        frame.rate, frame.pts, frame.time_base = _SOUND_RATE, begin, Fraction(1, _SOUND_RATE)
        yield frame
