"""Sounds: real files that say which job they are of."""

from __future__ import annotations

import wave
from io import BytesIO
from itertools import pairwise

import pytest

from mock_akool.core.media import MediaSpec
from mock_akool.media.files import render
from mock_akool.media.sounds import FRAME_BYTES, FRAME_SAMPLES, LONGEST_S, MP3_RATE, TONES, TONES_FILE, WAVES
from tools.make_tones import frames, samples

JOB = "6955b9009ece54a84f2f98c3"


def spec(seconds: float, format: str, job_id: str = JOB) -> MediaSpec:
    return MediaSpec(job_id, 0, 0, 0, "", "", (), "voice", format, seconds=seconds)


def frames_of(file: bytes) -> list[bytes]:
    """Return the frames of an MP3 after its tag, the size of which has four bytes of seven bits."""
    assert file[:3] == b"ID3"
    size = sum(byte << shift for byte, shift in zip(file[6:10], (21, 14, 7, 0), strict=True))
    return list(frames(file[10 + size :]))


def heard_hz(job_id: str) -> float:
    """Return the pitch of a job's WAV, by how often it crosses its middle upwards."""
    with wave.open(BytesIO(render(spec(2, "WAV", job_id)))) as sound:
        values = sound.readframes(sound.getnframes())
    crossed: int = sum(one < 128 <= following for one, following in pairwise(values))
    return crossed / 2


@pytest.mark.parametrize("seconds", [0.024, 3, 10.01, LONGEST_S, 100_000])
def test_a_sound_is_as_long_as_its_job_says_within_bounds(seconds: float) -> None:
    wanted = min(max(seconds, 0.5), LONGEST_S)
    mp3, wav = render(spec(seconds, "MP3")), render(spec(seconds, "WAV"))
    assert len(frames_of(mp3)) * FRAME_SAMPLES / MP3_RATE == pytest.approx(wanted, abs=0.025)
    with wave.open(BytesIO(wav)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(wanted, abs=0.001)
    assert min(len(mp3), len(wav)) > 1_000


def test_equal_jobs_sound_alike_and_others_differ() -> None:
    assert render(spec(3, "MP3")) == render(spec(3, "MP3"))
    jobs = [f"{number:024x}" for number in range(40)]
    assert len({frames_of(render(spec(1, "MP3", job)))[0] for job in jobs}) > 5
    assert len({heard_hz(job) for job in jobs}) > 5


def test_mp3_and_wav_of_a_job_have_the_same_pitch() -> None:
    constant = TONES_FILE.read_bytes()
    for job_id in (JOB, "0" * 24, "ä"):
        tone = constant.index(frames_of(render(spec(1, "MP3", job_id)))[0]) // FRAME_BYTES
        assert heard_hz(job_id) == pytest.approx(WAVES[tone] * MP3_RATE / FRAME_SAMPLES, abs=1)


def test_no_wav_has_the_byte_by_which_ffmpeg_9_knows_mpeg_streams() -> None:
    jobs = [f"{number:024x}" for number in range(100)]
    heard = {}
    for job in jobs:
        with wave.open(BytesIO(render(spec(1, "WAV", job)))) as sound:
            heard[job] = sound.readframes(sound.getnframes())
    assert len(set(heard.values())) == TONES
    assert [job for job, samples in heard.items() if 0x47 in samples] == []


@pytest.mark.parametrize("format", ["MP3", "WAV"])
def test_its_title_names_the_job(format: str) -> None:
    for job_id, said in ((JOB, JOB.encode()), ("ä", b"\\xe4")):
        assert b"mock-akool job=" + said + b" voice" in render(spec(1, format, job_id))


def test_a_frame_stands_alone() -> None:
    # The first nine bits after the head of a frame say how many bytes of earlier frames it needs, here of 8 bits.
    constant = list(frames(TONES_FILE.read_bytes()))
    assert len(constant) == len(set(constant)) == TONES
    assert {frame[4] for frame in constant} == {0}
    assert {frame[:4] for frame in constant} == {constant[0][:4]}


def test_the_tones_are_small_and_end_where_they_began() -> None:
    assert TONES_FILE.stat().st_size == TONES * FRAME_BYTES < 2_000
    for waves in WAVES:
        sound = samples(waves)
        assert sound[:FRAME_SAMPLES] == sound[FRAME_SAMPLES : 2 * FRAME_SAMPLES]
