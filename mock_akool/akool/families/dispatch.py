"""Result files: how many a job has, what they are called, and what they show (contract section 8)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from mock_akool.akool.codes import Profile
from mock_akool.akool.families.image import BUTTONS
from mock_akool.akool.families.image_button import PressButton
from mock_akool.akool.families.image_v3 import CreateV3
from mock_akool.akool.families.image_v4 import CreateV4
from mock_akool.akool.jobs import Job, JobInput
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.core.media import MediaSpec
from mock_akool.core.timeline import Status

_PATH: Final = re.compile(r"/(\d{13})-(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-)?\d{4}\.(?:jpe?g|png)")
_GRID: Final = (1, 2, 3, 4)
_FOUR_TILES: Final = ((1,), (2,), (3,), (4,))

_LONG_SIDE: Final = {"1080p": 1152, "4k": 1536}
_RESOLUTION_V3: Final = "1080p"
_RESOLUTION_UPSCALED: Final = "4k"


class FileSet(NamedTuple):
    """The files of a job: the name of the one in `image`, and the names in `upscaled_urls`."""

    image: str
    upscaled: tuple[str, ...]


def stamp_of(path: str) -> int | None:
    """Return the 13-digit number that a file's path begins with, or None when it is no file's path."""
    match = _PATH.fullmatch(path)
    return int(match[1]) if match else None


def file_set(job: Job, keyed_random: KeyedRandom, profile: Profile) -> FileSet:
    """Return the names of a job's files. They are there from its completion on."""
    first, *others = _names(job, keyed_random, profile)
    if isinstance(job.input, CreateV4):
        return FileSet(first, (first,))
    return FileSet(first, tuple(others))


def picture_named(job: Job, name: str, keyed_random: KeyedRandom, settings: ServiceSettings) -> MediaSpec | None:
    """Return what the job's file `name` shows, or None when the job has no such file."""
    names = _names(job, keyed_random, settings.profile)
    if name not in names:
        return None
    width, height = _size(job, settings)
    upscaling = _upscaling(job)
    return MediaSpec(
        job_id=job.id,
        seed=keyed_random.seed,
        width=width,
        height=height,
        prompt=job.look.prompt,
        scale=job.look.scale,
        tiles=_tiles(job)[names.index(name)],
        operation=job.input.button if isinstance(job.input, PressButton) else "",
        format="PNG" if name.endswith(".png") else "JPEG",
        coloured_as=upscaling.parent_id if upscaling else "",
    )


def _tiles(job: Job) -> tuple[tuple[int, ...], ...]:
    """What each file of the job shows, in the order of their names."""
    if upscaling := _upscaling(job):
        return ((upscaling.tile,),)
    if isinstance(job.input, CreateV4):
        return ((),)
    return (_GRID, *_FOUR_TILES)


def _upscaling(job: Job) -> PressButton | None:
    """Return the request of a U button, None for any other."""
    return job.input if isinstance(job.input, PressButton) and not job.input.is_variation else None


def _names(job: Job, keyed_random: KeyedRandom, profile: Profile) -> list[str]:
    digits = keyed_random.integer(0, 9999, "file", job.id)
    if isinstance(job.input, CreateV4):
        style, ending = f"-{keyed_random.uuid4('file', job.id)}", "jpeg"
    elif isinstance(job.input, CreateV3) and profile is Profile.DOCUMENTED:
        style, ending = f"-{keyed_random.uuid4('file', job.id)}", "png"
    else:
        style, ending = "", "jpg"
    # Steps of 1,111 keep the names of one job apart.
    return [f"{job.stamp_ms}{style}-{(digits + 1111 * n) % 10_000:04}.{ending}" for n in range(len(_tiles(job)))]


def _size(job: Job, settings: ServiceSettings) -> tuple[int, int]:
    """Return width and height: the long side by resolution, sides multiples of 8."""
    if isinstance(job.input, CreateV4):
        resolution = job.input.resolution
    elif _upscaling(job):
        resolution = _RESOLUTION_UPSCALED
    else:
        resolution = _RESOLUTION_V3
    across, _, down = job.look.scale.partition(":")
    if across == down or not down:
        # `Original` has no ratio that we could know without fetching the source image, which we never do.
        side = settings.square_4k if resolution == "4k" else settings.square_1080p
        return side, side
    long_side, ratio = _LONG_SIDE[resolution], int(across) / int(down)
    short = round(long_side * min(ratio, 1 / ratio) / 8) * 8
    return (long_side, short) if ratio > 1 else (short, long_side)


_V3_AND_BUTTONS: Final = 2


_V4: Final = {
    Profile.OBSERVED: {"1080p": 3, "4k": 4},
    Profile.DOCUMENTED: {"1080p": 1, "4k": 1},
}


def price(input: JobInput, profile: Profile) -> int:
    """Return the credits for one job of the request; each picture of a v4 batch is one job."""
    return _V4[profile][input.resolution] if isinstance(input, CreateV4) else _V3_AND_BUTTONS


def offered_buttons(job: Job, settings: ServiceSettings) -> tuple[str, ...]:
    """Return the buttons that the job offers once completed, used ones included, in the order of the wire."""
    match job.input:
        case PressButton():
            return ()
        case CreateV4() if not settings.v4_buttons:
            return ()
        case _:
            return BUTTONS


def check_press(parent: Job, status: Status, button: str, settings: ServiceSettings) -> None:
    """Raise AkoolError unless `button` of the parent, which is at `status`, may be pressed now."""
    if status is not Status.COMPLETED or button not in offered_buttons(parent, settings):
        raise settings.refusal(settings.button_unavailable_code, parent.id)
    if button in parent.used_buttons:
        raise settings.refusal(settings.button_used_code, parent.id)
