"""The sounds that fake jobs make: a tone whose pitch follows from the job, as MP3 or WAV.

An MP3 is one constant frame again and again, which `tools/make_tones.py` made; a WAV is computed. Which job it is of
stands in the tags, where players and `ffprobe` show it.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from pathlib import Path
from typing import Final

from mock_akool.core.media import MediaSpec
from mock_akool.media.notes import note_of

TONES_FILE: Final = Path(__file__).parent / "constant" / "tones.mp3"
"""A frame of each tone."""
MP3_RATE: Final = 24_000
"""Samples a second."""
FRAME_SAMPLES: Final = 576
FRAME_BYTES: Final = 96
"""At 32 kbit a second."""
WAVES: Final = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
"""How many waves of each tone fit into a frame: from 208 to 667 Hz."""
TONES: Final = len(WAVES)

LONGEST_S: Final = 60
"""Seconds: no file is longer, whatever the job says of its length."""
SHORTEST_S: Final = 0.5
"""Seconds: every file is longer than 1,000 bytes then, as clients want it."""

_WAV_RATE: Final = 8_000
_WAV_SAMPLES: Final = FRAME_SAMPLES * _WAV_RATE // MP3_RATE
"""As long as a frame of MP3, so that whole waves fit into them too."""
_WAV_LOUDNESS: Final = 56
"""The height of a wave; samples have 8 bits around 128.

A bit more would make samples of 0x47, one of them every 192 bytes: FFmpeg 9 takes such a file for an MPEG stream.
"""
_ID3_TEXT: Final = 3
"""UTF-8."""


def render(spec: MediaSpec) -> bytes:
    """Return the MP3 or WAV file of a job. Equal specs give identical bytes.

    It is as long as the spec says, within `SHORTEST_S` and `LONGEST_S`. Its title is its note, see `note_of`.
    """
    note = note_of(spec).encode()
    seconds = min(max(spec.seconds, SHORTEST_S), LONGEST_S)
    return _wav(tone_of(spec), seconds, note) if spec.format == "WAV" else _mp3(tone_of(spec), seconds, note)


def tone_of(spec: MediaSpec) -> int:
    """Return the number of the tone that a job has."""
    job = f"{spec.seed}/{spec.job_id}".encode("utf-8", "backslashreplace")
    return blake2b(job, digest_size=1).digest()[0] % TONES


def _mp3(tone: int, seconds: float, note: bytes) -> bytes:
    frame = TONES_FILE.read_bytes()[tone * FRAME_BYTES : (tone + 1) * FRAME_BYTES]
    title = bytes([_ID3_TEXT]) + note
    tag = b"TIT2" + _seven_bits(len(title)) + b"\0\0" + title
    return b"ID3\4\0\0" + _seven_bits(len(tag)) + tag + frame * math.ceil(seconds * MP3_RATE / FRAME_SAMPLES)


def _seven_bits(size: int) -> bytes:
    """Return a size as ID3 writes it: four bytes of seven bits each."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _wav(tone: int, seconds: float, note: bytes) -> bytes:
    turn, samples = 2 * math.pi * WAVES[tone] / _WAV_SAMPLES, round(seconds * _WAV_RATE)
    waves = bytes(128 + round(_WAV_LOUDNESS * math.sin(turn * at)) for at in range(_WAV_SAMPLES))
    sound = (waves * math.ceil(samples / _WAV_SAMPLES))[:samples]
    form = b"".join(
        size.to_bytes(width, "little")
        for size, width in ((1, 2), (1, 2), (_WAV_RATE, 4), (_WAV_RATE, 4), (1, 2), (8, 2))
    )
    chunks = _chunk(b"fmt ", form) + _chunk(b"LIST", b"INFO" + _chunk(b"INAM", note + b"\0")) + _chunk(b"data", sound)
    return _chunk(b"RIFF", b"WAVE" + chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of RIFF; one of an odd size is followed by a filler that does not count."""
    return kind + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)
