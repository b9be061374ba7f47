"""Images: what their files show and carry, and what the gallery keeps."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat
from PIL.PngImagePlugin import PngImageFile

from mock_akool import MockAkool
from mock_akool.core.media import MediaSpec
from mock_akool.media.cache import MediaCache
from mock_akool.media.images import LONGEST_SIDE, MIN_BYTES, render
from tests.extent import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.test import TestResponse

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds: how long a test waits for other threads before it fails."""

PLAIN = MediaSpec(
    job_id="665f1c2ab7e4d09f13a8c771",
    seed=42,
    width=320,
    height=256,
    prompt="A lighthouse on a cliff at dusk",
    ratio="5:4",
    tiles=(3,),
    operation="",
    format="PNG",
)


def opened(file: bytes) -> Image.Image:
    Image.open(BytesIO(file)).verify()
    image = Image.open(BytesIO(file))
    image.load()
    return image


def mean(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image.convert("RGB")).mean


def distance(one: Image.Image, other: Image.Image) -> float:
    """How far two mean colours lie from each other, 0 to 255: that of the channel that differs most."""
    return max(abs(a - b) for a, b in zip(mean(one), mean(other), strict=True))


def unlikeness(one: Image.Image, other: Image.Image) -> float:
    """How far two images lie from each other, 0 to 255: the mean over all pixels and channels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def in_a_new_process(code: str, hash_seed: str = "0") -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=PATIENCE
    )
    return finished.stdout.strip()


class TestFile:
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
    @pytest.mark.parametrize(
        ("width", "height"),
        [(1024, 1024), (1152, 648), (864, 1152), (1153, 31), (31, 257), (64, 64), (8, 8), (1, 1)],
    )
    @pytest.mark.parametrize("tiles", [(), (2,), (1, 2, 3, 4)])
    def test_has_exactly_the_size_and_format_asked_for(
        self, width: int, height: int, file_format: str, tiles: tuple[int, ...]
    ) -> None:
        picture = PLAIN._replace(width=width, height=height, format=file_format, tiles=tiles, operation="V2")

        file = render(picture)

        assert len(file) > MIN_BYTES
        image = opened(file)
        assert (image.size, image.format, image.mode) == ((width, height), file_format, "RGB")

    @pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (-1, 10), (LONGEST_SIDE + 1, 10)])
    def test_refuses_sides_that_no_file_has(self, width: int, height: int) -> None:
        with pytest.raises(ValueError, match=f"cannot draw {width} x {height} pixels"):
            render(PLAIN._replace(width=width, height=height))

    @pytest.mark.parametrize("file_format", ["WEBP", "jpeg", ""])
    def test_refuses_other_formats(self, file_format: str) -> None:
        with pytest.raises(ValueError, match=f"cannot draw the format '{file_format}'"):
            render(PLAIN._replace(format=file_format))

    @pytest.mark.parametrize(("tiles", "tile"), [((), ""), ((3,), " tile=3"), ((1, 2, 3, 4), " tile=1,2,3,4")])
    def test_carries_the_job_id_and_tile(self, tiles: tuple[int, ...], tile: str) -> None:
        note = f"mock-akool job={PLAIN.job_id}{tile}"

        jpeg = render(PLAIN._replace(tiles=tiles, format="JPEG"))
        png = opened(render(PLAIN._replace(tiles=tiles, format="PNG")))

        assert jpeg.count(b"\xff\xfe" + (len(note) + 2).to_bytes(2) + note.encode()) == 1
        assert opened(jpeg).info["comment"] == note.encode()
        assert isinstance(png, PngImageFile)
        assert png.text == {"Comment": note}

    @pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
    def test_carries_any_job_id(self, file_format: str) -> None:
        picture = PLAIN._replace(job_id="é漢\ud800\0\n" + "😀" * 9_000, format=file_format)

        note = opened(render(picture)).info["comment" if file_format == "JPEG" else "Comment"]

        text = note.decode() if isinstance(note, bytes) else note
        assert text.startswith(r"mock-akool job=\xe9\u6f22\ud800\x00\n\U0001f600")

    def test_a_tiny_file_still_begins_its_note_with_the_job_id(self) -> None:
        file = render(PLAIN._replace(width=8, height=8, format="JPEG"))

        assert opened(file).info["comment"].rstrip() == f"mock-akool job={PLAIN.job_id} tile=3".encode()


class TestDeterminism:
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
    def test_equal_images_give_identical_bytes(self, file_format: str) -> None:
        picture = PLAIN._replace(format=file_format, tiles=(1, 2, 3, 4))

        assert render(picture) == render(MediaSpec(*picture))

    def test_so_do_other_processes_whatever_their_hash_seed(self) -> None:
        code = (
            "from hashlib import sha256\n"
            "from mock_akool.core.media import MediaSpec\n"
            "from mock_akool.media.images import render\n"
            f"print(sha256(render({PLAIN!r})).hexdigest())"
        )

        assert {in_a_new_process(code, seed) for seed in ("1", "2")} == {sha256(render(PLAIN)).hexdigest()}

    def test_threads_do_not_disturb_each_other(self) -> None:
        pictures = [PLAIN._replace(seed=seed) for seed in range(12)]

        with ThreadPoolExecutor(6) as pool:
            files = list(pool.map(render, pictures))

        assert files == [render(picture) for picture in pictures]


class TestDrawing:
    @pytest.mark.parametrize(
        "other",
        [
            PLAIN._replace(job_id="665f1c2ab7e4d09f13a8c772"),
            PLAIN._replace(seed=43),
            PLAIN._replace(seed=-42),
            PLAIN._replace(tiles=()),
            PLAIN._replace(tiles=(4,)),
            PLAIN._replace(tiles=(1, 2, 3, 4)),
            PLAIN._replace(operation="U3"),
            PLAIN._replace(operation="V3"),
            PLAIN._replace(prompt="A lighthouse on a cliff at dawn"),
            PLAIN._replace(prompt=""),
            PLAIN._replace(ratio="1:1"),
        ],
    )
    def test_every_fact_changes_what_is_seen(self, other: MediaSpec) -> None:
        difference = ImageChops.difference(opened(render(PLAIN)), opened(render(other)))

        assert max(high for _, high in ImageStat.Stat(difference).extrema) > 50

    def test_the_size_is_written_on_it(self) -> None:
        """Both images have the same pixels to draw into; only the words about their files differ."""
        grid = PLAIN._replace(tiles=(3, 3, 3, 3))
        cell = opened(render(grid)).crop((0, 0, 160, 128))
        alone = opened(render(PLAIN._replace(width=160, height=128)))

        assert cell.size == alone.size
        assert ImageChops.difference(cell, alone).getbbox() is not None

    @pytest.mark.parametrize("tiles", [(), (3,)])
    def test_a_pressed_button_is_stamped_into_the_corner(self, tiles: tuple[int, ...]) -> None:
        sides = PLAIN._replace(width=1024, height=1024, tiles=tiles)
        without, pressed = (opened(render(sides._replace(operation=button))) for button in ("", "U3"))

        seen = ImageChops.difference(without, pressed).crop((0, 0, 1024, 512)).getbbox()

        assert seen is not None
        left, top, right, bottom = seen
        assert 800 < left < right < 1000
        assert 30 < top < bottom < 150

    @pytest.mark.parametrize("job", range(12))
    def test_tiles_of_a_job_differ_visibly(self, job: int) -> None:
        tiles = [opened(render(PLAIN._replace(job_id=f"job-{job}", tiles=(tile,)))) for tile in (1, 2, 3, 4)]

        for one, other in itertools.combinations(tiles, 2):
            assert unlikeness(one, other) > 10

    def test_the_background_is_a_smooth_gradient(self) -> None:
        image = opened(render(PLAIN._replace(width=1024, height=1024, tiles=(), prompt=""))).crop((0, 0, 1024, 512))

        for right, down in ((1, 0), (0, 1)):
            moved = image.crop((right, down, 1023 + right, 511 + down))
            step = ImageChops.difference(image.crop((0, 0, 1023, 511)), moved)
            assert max(high for _, high in ImageStat.Stat(step).extrema) <= 8

    def test_the_number_stands_out(self) -> None:
        """Most of the brightest pixels above the panel belong to the number, and there are many."""
        grey = opened(render(PLAIN._replace(width=1024, height=1024))).convert("L").crop((200, 100, 824, 600))

        assert sum(grey.histogram()[225:]) > 0.05 * grey.width * grey.height


class TestGrid:
    @pytest.mark.parametrize(
        ("width", "height", "button"),
        choose(
            [(512, 512, ""), (432, 577, "V3"), (64, 64, "")],
            [
                (width, height, button)
                for width, height in ((1024, 1024), (1152, 648), (512, 512), (432, 577), (256, 256), (64, 64))
                for button in ("", "V3")
            ],
        ),
    )
    def test_each_quadrant_is_its_tile_at_half_size(self, width: int, height: int, button: str) -> None:
        picture = PLAIN._replace(width=width, height=height, tiles=(1, 2, 3, 4), operation=button)
        grid = opened(render(picture))
        alone = {
            tile: opened(render(picture._replace(tiles=(tile,)))).resize((width // 2, height // 2))
            for tile in picture.tiles
        }

        for place, tile in enumerate(picture.tiles):
            left, top = place % 2 * (width // 2), place // 2 * (height // 2)
            quadrant = grid.crop((left, top, left + width // 2, top + height // 2))
            nearest = min(alone, key=lambda other: unlikeness(quadrant, alone[other]))
            assert nearest == tile
            assert distance(quadrant, alone[tile]) < 6
            corner = (0, 0, width // 4, height // 8)
            assert distance(quadrant.crop(corner), alone[tile].crop(corner)) < 5

    @pytest.mark.parametrize("tiles", [(1, 2), (2, 3, 4), (4, 3, 2, 1), tuple(range(1, 10))])
    def test_other_numbers_of_tiles_are_laid_out_too(self, tiles: tuple[int, ...]) -> None:
        assert opened(render(PLAIN._replace(tiles=tiles))).size == (PLAIN.width, PLAIN.height)


NASTY = {
    "empty": "",
    "blank": " \n\t ",
    "emoji": "👩‍🚀 on 🌍 " * 40,
    "cjk": "夕暮れの灯台、長時間露光" * 40,
    "right to left": "منارة عند الغسق " * 20,
    "lines": "one\ntwo\r\nthree\u2028four\x0bfive" * 30,
    "nul": "a\0b\0c" * 200,
    "surrogates": "\ud800x\udfff" * 300,
    "combining": "Z\u0324\u0310\u033d\u0300" * 200,
    "a long word": "w" * 5_000,
    "noncharacters": "\uffff\ufffe\U0010ffff" * 100,
}


class TestPrompts:
    @pytest.mark.parametrize("prompt", NASTY.values(), ids=NASTY.keys())
    @pytest.mark.parametrize("tiles", [(1,), (1, 2, 3, 4)])
    def test_any_prompt_is_drawn(self, prompt: str, tiles: tuple[int, ...]) -> None:
        picture = PLAIN._replace(prompt=prompt, ratio=prompt[:9], operation=prompt[:3], tiles=tiles)

        assert opened(render(picture)).size == (PLAIN.width, PLAIN.height)

    @settings(max_examples=choose(20, 200), database=None)
    @given(
        text=st.text(st.characters(), max_size=80),
        width=st.integers(1, 160),
        height=st.integers(1, 160),
        tiles=st.sampled_from([(), (1,), (1, 2, 3, 4), (-7,), (10**20,)]),
    )
    def test_any_text_is_drawn_at_any_size(self, text: str, width: int, height: int, tiles: tuple[int, ...]) -> None:
        picture = MediaSpec(text, 1, width, height, text, text, tiles, text, "JPEG")

        file = render(picture)

        assert len(file) > MIN_BYTES
        assert opened(file).size == (width, height)

    def test_what_is_beyond_the_panel_changes_nothing_but_the_ellipsis(self) -> None:
        words = "lighthouse " * 500

        assert render(PLAIN._replace(prompt=words)) == render(PLAIN._replace(prompt=words * 2))

    def test_a_prompt_that_fits_has_no_ellipsis(self) -> None:
        """Two prompts that differ in the last word only: a cut would hide it."""
        one, other = (PLAIN._replace(prompt=f"A quiet harbour at {time}") for time in ("dawn", "dusk"))

        assert render(one) != render(other)

    def test_a_megabyte_is_not_copied(self) -> None:
        """Memory stands for time here, because it can be measured on a busy machine."""
        picture = PLAIN._replace(prompt="word " * 2**18, format="JPEG")
        render(picture)

        tracemalloc.start()
        try:
            render(picture)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert peak_bytes < 2**19

    @pytest.mark.parametrize("prompt", ["x" * 2**20, "word " * 2**18, "\n" * 2**20, "漢" * 2**20])
    def test_a_megabyte_is_drawn_like_its_beginning(self, prompt: str) -> None:
        start = PLAIN._replace(prompt=prompt[:10_000])

        assert render(PLAIN._replace(prompt=prompt)) == render(start)


class CountingDraw:
    """A draw that makes files of a fixed size without drawing, and notes for which images."""

    def __init__(self, size: int = 100) -> None:
        self.size = size
        self.drawn: list[MediaSpec] = []

    def __call__(self, picture: MediaSpec) -> bytes:
        self.drawn.append(picture)
        return bytes([picture.seed]) * self.size


def numbered(number: int) -> MediaSpec:
    return PLAIN._replace(seed=number)


def kept(media_cache: MediaCache) -> list[int]:
    return [number for number in range(30) if media_cache.cached(numbered(number)) is not None]


class TestGallery:
    def test_draws_real_images_by_default(self) -> None:
        assert MediaCache().get(PLAIN) == render(PLAIN)

    def test_draws_an_equal_image_once(self) -> None:
        draw = CountingDraw()
        media_cache = MediaCache(draw=draw)

        files = {media_cache.get(MediaSpec(*PLAIN)) for _ in range(3)}

        assert files == {draw(PLAIN)}
        assert draw.drawn == [PLAIN, PLAIN]  # the second is the call in the line above

    def test_cached_never_draws(self) -> None:
        draw = CountingDraw()
        media_cache = MediaCache(draw=draw)

        assert media_cache.cached(PLAIN) is None
        assert draw.drawn == []
        assert media_cache.get(PLAIN) == media_cache.cached(PLAIN)

    def test_keeps_no_more_bytes_than_it_may(self) -> None:
        media_cache = MediaCache(max_bytes=1_050, draw=CountingDraw(100))

        for number in range(30):
            media_cache.get(numbered(number))
            assert kept(media_cache) == [*range(max(0, number - 9), number + 1)]

    def test_fills_to_the_last_byte(self) -> None:
        media_cache = MediaCache(max_bytes=200, draw=CountingDraw(100))

        media_cache.get(numbered(0))
        media_cache.get(numbered(1))

        assert kept(media_cache) == [0, 1]

    @pytest.mark.parametrize("use", [MediaCache.get, MediaCache.cached])
    def test_forgets_the_least_recently_used_first(self, use: Callable[[MediaCache, MediaSpec], bytes | None]) -> None:
        media_cache = MediaCache(max_bytes=300, draw=CountingDraw(100))
        for number in range(3):
            media_cache.get(numbered(number))

        use(media_cache, numbered(0))
        media_cache.get(numbered(3))

        assert kept(media_cache) == [0, 2, 3]

    def test_hands_out_an_image_too_large_to_keep_and_forgets_nothing_for_it(self) -> None:
        draw = CountingDraw(100)
        media_cache = MediaCache(max_bytes=250, draw=draw)
        media_cache.get(numbered(0))
        draw.size = 251

        assert len(media_cache.get(numbered(1))) == 251

        assert kept(media_cache) == [0]
        draw.size = 100
        media_cache.get(numbered(2))
        assert kept(media_cache) == [0, 2]

    def test_clear_forgets_everything(self) -> None:
        draw = CountingDraw(100)
        media_cache = MediaCache(max_bytes=100, draw=draw)
        media_cache.get(PLAIN)

        media_cache.clear()

        assert media_cache.cached(PLAIN) is None
        media_cache.get(PLAIN)
        assert draw.drawn == [PLAIN, PLAIN]
        assert media_cache.cached(PLAIN) is not None  # its size is forgotten as well, so there is room

    def test_tells_long_prompts_apart_by_their_ends(self) -> None:
        draw = CountingDraw()
        media_cache = MediaCache(draw=draw)
        long = "word " * 10_000

        for prompt in (long + "a", long + "b", long + "a"):
            media_cache.get(PLAIN._replace(prompt=prompt))

        assert [picture.prompt[-1] for picture in draw.drawn] == ["a", "b"]


class Crowd:
    """Lets a drawing wait until `size` threads have asked for its image, without knowing the gallery.

    The gallery must hash an image to look it up, and does so while nobody else can: a thread that has
    hashed it will find the drawing that waits here.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.threads: set[int] = set()
        self.grown = threading.Condition()

    def asked(self, picture: MediaSpec) -> MediaSpec:
        crowd = self

        class Asked(MediaSpec):
            def __hash__(self) -> int:
                with crowd.grown:
                    crowd.threads.add(threading.get_ident())
                    crowd.grown.notify_all()
                return super().__hash__()

        return Asked(*picture)

    def gather(self) -> None:
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.threads) == self.size, PATIENCE)


class TestGalleryUnderThreads:
    @pytest.mark.parametrize("max_bytes", [10_000, 0], ids=["kept", "too large to keep"])
    def test_one_of_sixteen_draws(self, max_bytes: int) -> None:
        crowd = Crowd(16)
        drawn: list[MediaSpec] = []

        def draw(picture: MediaSpec) -> bytes:
            drawn.append(picture)
            crowd.gather()
            return b"file"

        media_cache = MediaCache(max_bytes, draw)
        with ThreadPoolExecutor(16) as pool:
            files = list(pool.map(media_cache.get, [crowd.asked(PLAIN) for _ in range(16)]))

        assert files == [b"file"] * 16
        assert len(drawn) == 1

    def test_different_images_are_drawn_at_the_same_time(self) -> None:
        together = threading.Barrier(4)

        def draw(picture: MediaSpec) -> bytes:
            together.wait(PATIENCE)
            return b"file"

        with ThreadPoolExecutor(4) as pool:
            files = list(pool.map(MediaCache(draw=draw).get, [numbered(n) for n in range(4)]))

        assert files == [b"file"] * 4

    def test_cached_does_not_wait_for_a_drawing(self) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def draw(picture: MediaSpec) -> bytes:
            begun.set()
            assert go_on.wait(PATIENCE)
            return b"file"

        media_cache = MediaCache(draw=draw)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(media_cache.get, PLAIN)
            assert begun.wait(PATIENCE)
            assert media_cache.cached(PLAIN) is None
            go_on.set()
            assert asked.result(PATIENCE) == b"file"
        assert media_cache.cached(PLAIN) == b"file"

    def test_a_failed_drawing_is_not_kept(self) -> None:
        answers: Iterator[OSError | bytes] = iter([OSError("no room"), b"file"])

        def draw(picture: MediaSpec) -> bytes:
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

        media_cache = MediaCache(draw=draw)
        with pytest.raises(OSError, match="no room"):
            media_cache.get(PLAIN)

        assert media_cache.cached(PLAIN) is None
        assert media_cache.get(PLAIN) == b"file"

    def test_a_failed_drawing_lets_those_who_waited_try_again(self) -> None:
        """Of eight threads the first three to draw fail; each failure is shown to one thread only."""
        crowd, turns = Crowd(8), iter(range(8))

        def draw(picture: MediaSpec) -> bytes:
            crowd.gather()
            if next(turns) < 3:
                raise OSError("no room")
            return b"file"

        media_cache = MediaCache(draw=draw)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(media_cache.get, crowd.asked(PLAIN)) for _ in range(8)]
            failures = [request.exception(PATIENCE) for request in asked]

        assert [type(failure) for failure in failures if failure] == [OSError] * 3
        assert [request.result() for request in asked if not request.exception()] == [b"file"] * 5
        assert next(turns) == 4

    def test_the_bound_holds_under_many_threads(self) -> None:
        media_cache = MediaCache(max_bytes=550, draw=CountingDraw(100))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(media_cache.get, [numbered(n % 17) for n in range(800)]))

        assert len(kept(media_cache)) == 5


def test_pillow_is_imported_by_the_first_drawing_only() -> None:
    code = (
        "import sys\n"
        "from mock_akool.core.media import MediaSpec\n"
        "from mock_akool.media.cache import MediaCache\n"
        f"gallery, image = MediaCache(), {PLAIN!r}\n"
        "gallery.cached(image)\n"
        "before = 'PIL' in sys.modules\n"
        "gallery.get(image)\n"
        "print(before, 'PIL' in sys.modules)"
    )

    assert in_a_new_process(code) == "False True"


def test_an_upscaled_image_has_the_colours_of_its_original() -> None:
    mock = MockAkool(queueing=0, processing=0)
    api, headers = "/api/open/v3/content/image", {"x-api-key": "k"}
    client = mock.app().test_client()

    def made(answer: TestResponse) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(answer.data)["data"]
        return data

    parent = made(client.post(f"{api}/createbyprompt", json={"prompt": "a red fox"}, headers=headers))["_id"]
    press = {"_id": parent, "button": "U2"}
    pressed = made(client.post(f"{api}/createbybutton", json=press, headers=headers))["_id"]

    def top_left(job_id: str, number: int | None) -> tuple[float, ...]:
        data = made(client.get(f"{api}/infobymodelid?image_model_id={job_id}", headers=headers))
        url = data["image"] if number is None else data["upscaled_urls"][number - 1]
        picture = Image.open(BytesIO(client.get(urlsplit(url).path).data)).convert("RGB")
        band = picture.crop((0, 0, picture.width // 2, picture.height // 16))
        return tuple(ImageStat.Stat(band).mean)

    for upscaled, original, other in zip(
        top_left(pressed, None), top_left(parent, 2), top_left(parent, 3), strict=True
    ):
        assert abs(upscaled - original) < 4
        assert upscaled != pytest.approx(other, abs=0.5)
