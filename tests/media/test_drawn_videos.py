"""Videos that are drawn for each job: what decodes them finds what was asked for."""

from __future__ import annotations

import base64
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import pytest
from av.container import InputContainer
from av.video.frame import VideoFrame
from PIL import Image, ImageChops, ImageStat

from mock_akool import MockAkool, SettingsError
from mock_akool.core.media import MediaSpec
from mock_akool.media import drawn_videos, files, images, videos
from mock_akool.media.drawn_videos import RATE, is_available, render, seconds_of, size_of
from mock_akool.media.files import renderer
from mock_akool.media.sounds import FRAME_SAMPLES, LONGEST_S, MP3_RATE, WAVES, tone_of
from mock_akool.server.settings import Settings
from tests.extent import choose
from tools.browser import MISSING, find_chromium, launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SPEC = MediaSpec(
    job_id="6955b9009ece54a84f2f98c3",
    seed=0,
    width=1280,
    height=720,
    prompt="A lighthouse at dusk",
    ratio="",
    tiles=(),
    operation="text to video",
    format="MP4",
    seconds=2,
    family="text2video",
)
NOTE = "mock-akool job=6955b9009ece54a84f2f98c3 family=text2video text to video"


def boxes(file: bytes) -> Iterator[tuple[str, int]]:
    """Yield the type and the size of each box of a file."""
    at = 0
    while at < len(file):
        size = int.from_bytes(file[at : at + 4])
        yield file[at + 4 : at + 8].decode(), size
        at += size


def opened(file: bytes) -> InputContainer:
    return av.open(BytesIO(file), "r")


def image_of(frame: VideoFrame) -> Image.Image:
    image: Image.Image = frame.to_image()
    return image


def frames(file: bytes) -> list[VideoFrame]:
    with opened(file) as container:
        return list(container.decode(video=0))


def heard(file: bytes) -> list[float]:
    """Return the samples of the sound of a video."""
    with opened(file) as container:
        return [
            value
            for frame in container.decode(audio=0)
            for value in memoryview(bytes(frame.planes[0])).cast("f")[: frame.samples]
        ]


class TestFile:
    @pytest.mark.parametrize(
        ("width", "height", "shown"),
        [
            (1280, 720, (640, 360)),
            (3840, 2160, (640, 360)),
            (720, 1280, (360, 640)),
            (1024, 1024, (640, 640)),
            (1024, 768, (640, 480)),
            (100, 99, (640, 634)),
            (1, 5000, (64, 640)),
        ],
    )
    def test_has_the_ratio_that_was_asked_for(self, width: int, height: int, shown: tuple[int, int]) -> None:
        with opened(render(SPEC._replace(width=width, height=height))) as container:
            (video,) = container.streams.video
            assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
            assert (video.width, video.height) == shown == size_of(SPEC._replace(width=width, height=height))

    @pytest.mark.parametrize(
        ("seconds", "lasts"),
        [(0, 5), (0.1, 0.5), (1.23, 1.3), (5, 5), pytest.param(10**6, LONGEST_S, marks=pytest.mark.slow)],
    )
    def test_is_as_long_as_was_asked_for_within_bounds(self, seconds: float, lasts: float) -> None:
        spec = SPEC._replace(seconds=seconds, width=64, height=64)
        with opened(render(spec)) as container:
            (video,), (sound,) = container.streams.video, container.streams.audio
            assert video.frames == round(lasts * RATE)
            assert float(video.average_rate or 0) == RATE
            assert seconds_of(spec) == lasts
            assert container.duration == round(lasts * 1_000_000)
            assert sound.duration is not None
            assert sound.time_base is not None
            assert float(sound.duration * sound.time_base) == pytest.approx(lasts, abs=0.001)

    def test_no_number_of_seconds_is_too_large(self) -> None:
        assert seconds_of(SPEC._replace(seconds=10**6)) == LONGEST_S

    def test_can_be_played_while_it_is_loaded(self) -> None:
        for seconds in choose((0.5, 7), (0.5, 7, LONGEST_S)):
            kinds = [kind for kind, _ in boxes(render(SPEC._replace(seconds=seconds, width=64, height=64)))]
            assert kinds[:2] == ["ftyp", "moov"]
            assert kinds[-1] == "mdat"

    def test_sound_and_frames_stand_side_by_side(self) -> None:
        with opened(render(SPEC._replace(seconds=5))) as container:
            times = [
                float(packet.dts * packet.time_base)
                for packet in container.demux()
                if packet.dts is not None and packet.time_base is not None
            ]
        assert max(before - after for before, after in pairwise(times)) < 1.1

    def test_says_in_its_comment_which_job_it_is_of(self) -> None:
        with opened(render(SPEC)) as container:
            assert container.metadata["comment"] == NOTE
        with opened(render(SPEC._replace(job_id="ä\n"))) as container:
            assert container.metadata["comment"].startswith(r"mock-akool job=\xe4\n family=text2video")

    def test_is_small(self) -> None:
        assert 1_000 < len(render(SPEC._replace(seconds=10))) < 200_000


class TestFrames:
    def test_show_the_drawing_of_the_job(self) -> None:
        drawing = images.draw(SPEC._replace(width=640, height=360))
        for frame in frames(render(SPEC))[:: RATE // 2]:
            below = image_of(frame).crop((0, 10, 640, 360))
            unlike = ImageStat.Stat(ImageChops.difference(below, drawing.crop((0, 10, 640, 360)))).mean
            assert sum(unlike) / 3 < 4

    @pytest.mark.parametrize(
        "other",
        [SPEC._replace(job_id="0" * 24), SPEC._replace(family="image2video"), SPEC._replace(prompt="A fox")],
        ids=["job", "family", "prompt"],
    )
    def test_differ_where_the_job_is_another(self, other: MediaSpec) -> None:
        one, two = (image_of(frames(render(spec))[0]) for spec in (SPEC, other))
        panel = (0, 270, 640, 360)
        bands = ImageChops.difference(one.crop(panel), two.crop(panel)).split()
        assert max(ImageStat.Stat(band).extrema[0][1] for band in bands) > 100

    def test_a_bar_at_the_top_grows_from_left_to_right(self) -> None:
        def bright(frame: VideoFrame) -> int:
            light = image_of(frame).convert("L").crop((0, 2, 640, 3))
            return sum(value > 180 for value in light.tobytes())

        grown = [bright(frame) for frame in frames(render(SPEC))]
        assert grown[0] < 60
        assert grown[-1] > 620
        assert all(after - before == pytest.approx(640 / len(grown), abs=8) for before, after in pairwise(grown))


class TestSound:
    @pytest.mark.parametrize("job_id", ["0" * 24, "1" * 24, SPEC.job_id])
    def test_is_the_tone_of_the_job(self, job_id: str) -> None:
        spec = SPEC._replace(job_id=job_id)
        values = heard(render(spec))[MP3_RATE // 2 : MP3_RATE * 3 // 2]
        crossed = sum(before < 0 <= after for before, after in pairwise(values))
        assert crossed == pytest.approx(WAVES[tone_of(spec)] * MP3_RATE / FRAME_SAMPLES, abs=2)
        assert math.sqrt(sum(value * value for value in values) / len(values)) == pytest.approx(0.14, abs=0.03)

    def test_is_not_there_where_the_video_has_none(self) -> None:
        with opened(render(SPEC._replace(silent=True))) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            assert container.duration == 2_000_000


class TestDeterminism:
    def test_equal_jobs_have_identical_bytes_in_every_process(self) -> None:
        here = render(SPEC)
        code = (
            "import sys\nfrom mock_akool.core.media import MediaSpec\n"
            "from mock_akool.media.drawn_videos import render\n"
            f"sys.stdout.buffer.write(render({SPEC!r}))"
        )
        there = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, check=True).stdout
        assert render(SPEC) == here == there

    def test_others_have_others(self) -> None:
        assert len({render(SPEC._replace(seed=seed)) for seed in range(3)}) == 3


class TestChoice:
    @pytest.mark.parametrize(("choice", "made_by"), [("auto", render), ("drawn", render), ("constant", videos.render)])
    def test_says_how_videos_are_made(self, choice: str, made_by: Callable[[MediaSpec], bytes]) -> None:
        assert renderer(choice)(SPEC) == made_by(SPEC)
        assert MockAkool(videos=choice).application.media_cache.get(SPEC) == made_by(SPEC)

    @pytest.fixture
    def without_pyav(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "av", None)

    @pytest.mark.usefixtures("without_pyav")
    def test_without_the_extra_constant_files_are_served(self) -> None:
        assert not is_available()
        assert MockAkool().application.media_cache.get(SPEC) == videos.render(SPEC)

    @pytest.mark.parametrize("settings", [MockAkool, Settings.of])
    @pytest.mark.usefixtures("without_pyav")
    def test_to_ask_for_drawn_ones_without_it_names_the_extra(self, settings: Callable[..., object]) -> None:
        with pytest.raises(SettingsError, match=r"videos: drawn needs PyAV.*pip install 'mock-akool\[media\]'"):
            settings(videos="drawn")
        settings(videos="constant")

    def test_a_pyav_without_the_encoder_is_as_good_as_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(av, "codecs_available", {"aac"})
        assert not is_available()
        assert files.render(SPEC) == videos.render(SPEC)

    def test_pyav_is_imported_by_the_first_drawn_video_only(self) -> None:
        code = (
            "import sys\nfrom mock_akool import MockAkool\nfrom mock_akool.core.media import MediaSpec\n"
            f"mock, spec = MockAkool(videos='drawn'), {SPEC!r}\n"
            "get = mock.application.media_cache.get\n"
            "get(spec._replace(format='WAV')), get(spec._replace(format='JPEG'))\n"
            "before = 'av' in sys.modules\nget(spec)\nprint(before, 'av' in sys.modules)"
        )
        told = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, check=True, text=True)
        assert told.stdout.strip() == "False True"


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with launched(program) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("made_by", [drawn_videos.render, videos.render], ids=["drawn", "constant"])
def test_a_browser_plays_it(browser: Browser, made_by: Callable[[MediaSpec], bytes]) -> None:
    """It loads, seeks, and plays to its end, with its sound."""
    spec = SPEC._replace(width=720, height=1280)
    page = browser.new_page()
    page.set_default_timeout(20_000)
    address = f"data:video/mp4;base64,{base64.b64encode(made_by(spec)).decode()}"
    page.set_content(f'<video src="{address}" muted></video>')
    shown = page.evaluate(
        """async () => {
            const video = document.querySelector("video");
            const once = (name) => new Promise((done, failed) => {
                video.addEventListener(name, done, { once: true });
                video.addEventListener("error", () => failed(new Error(video.error.message)), { once: true });
            });
            if (video.readyState < 1) await once("loadedmetadata");
            video.currentTime = video.duration - 0.3;
            await once("seeked");
            const ended = once("ended");
            await video.play();
            await ended;
            const heard = video.webkitAudioDecodedByteCount > 0;
            return [video.videoWidth, video.videoHeight, Math.round(10 * video.duration), heard];
        }"""
    )
    page.close()
    assert shown == [360, 640, 20 if made_by is drawn_videos.render else 50, True]
