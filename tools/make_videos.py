"""Makes the constant videos of `mock_akool/media/constant/`: `python -m tools.make_videos FFMPEG`.

FFMPEG is the path of an ffmpeg with libx264. The files are committed, so nobody needs this but who changes them. The
box `moov` must stay the last one: the job is written into it, see `mock_akool/media/videos.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "mock_akool" / "media" / "constant"
SECONDS: Final = 5
SIZES: Final = {"wide": "640x360", "tall": "360x640", "square": "480x480"}


def command(ffmpeg: str, shape: str) -> list[str]:
    """Return the command that makes the video of a shape: a gradient that turns, and a quiet tone."""
    picture = (
        f"gradients=s={SIZES[shape]}:d={SECONDS}:r=24:c0=0x1f3a5f:c1=0xc86b4a:x0=0:y0=0:x1=640:y1=640:speed=0.02:seed=7"
    )
    sound = f"sine=frequency=220:sample_rate=22050:duration={SECONDS}"
    return [
        *(ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound),
        *("-af", "volume=0.05", "-map", "0:v", "-map", "1:a"),
        *("-c:v", "libx264", "-preset", "veryslow", "-crf", "34", "-pix_fmt", "yuv420p", "-g", "120"),
        *("-c:a", "aac", "-b:a", "16k", "-ac", "1", "-map_metadata", "-1"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-t", str(SECONDS)),
        str(FOLDER / f"{shape}.mp4"),
    ]


def main() -> None:
    """Make all of them."""
    for shape in SIZES:
        subprocess.run(command(sys.argv[1], shape), check=True)


if __name__ == "__main__":
    main()
