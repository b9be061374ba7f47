"""Makes the constant sounds of `mock_akool/media/constant/tones.mp3`: `python -m tools.make_tones`.

It needs PyAV (`pip install av`). The file is committed, so nobody needs this but who changes it. It has one frame of
MP3 for each tone, one after the other. A tone has whole waves in a frame, so the same frame again and again is a tone
that goes on; and no frame needs another one, because the bit reservoir is off.
"""

from __future__ import annotations

import math
from array import array
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from mock_akool.media.sounds import FRAME_BYTES, FRAME_SAMPLES, MP3_RATE, TONES, TONES_FILE, WAVES

if TYPE_CHECKING:
    from collections.abc import Iterator

LOUDNESS: Final = 8_000
"""The height of a wave; samples have 16 bits with a sign."""
_FRAMES: Final = 40
_CHOSEN: Final = 30
"""Which frame of a tone is kept: far from both ends, where the encoder has settled."""


def samples(waves: int) -> array[int]:
    """Return the samples of a tone that has so many waves in a frame."""
    turn = 2 * math.pi * waves / FRAME_SAMPLES
    return array("h", (round(LOUDNESS * math.sin(turn * at)) for at in range(_FRAMES * FRAME_SAMPLES)))


def frames(file: bytes) -> Iterator[bytes]:
    """Yield the frames of a file of MP3 that has no tags."""
    for at in range(0, len(file) - FRAME_BYTES + 1, FRAME_BYTES):
        assert file[at : at + 2] == b"\xff\xf3", "this is no frame of MPEG-2, layer 3"
        yield file[at : at + FRAME_BYTES]


def encoded(waves: int) -> bytes:
    """Return one frame of a tone."""
    import av  # type: ignore[import-not-found, unused-ignore] # only who makes the tones has it

    file = BytesIO()
    options = {"write_xing": "0", "id3v2_version": "0"}
    container: Any = av.open(file, "w", format="mp3", options=options)
    stream = container.add_stream("libmp3lame", rate=MP3_RATE, layout="mono", options={"reservoir": "0"})
    stream.bit_rate = 8 * FRAME_BYTES * MP3_RATE // FRAME_SAMPLES
    sound = samples(waves)
    for at in range(0, len(sound), FRAME_SAMPLES):
        frame = av.AudioFrame(format="s16p", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(sound[at : at + FRAME_SAMPLES].tobytes())
        frame.sample_rate, frame.pts = MP3_RATE, at
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()
    return list(frames(file.getvalue()))[_CHOSEN]


def main() -> None:
    """Write the file."""
    TONES_FILE.write_bytes(b"".join(encoded(waves) for waves in WAVES))
    assert TONES_FILE.stat().st_size == TONES * FRAME_BYTES


if __name__ == "__main__":
    main()
