"""How long images take, as ratios to drawing them plainly: `python -m benchmarks.bench_images`.

The plain image is what one writes without further thought: a vertical gradient, line by line, and the
same six lines of text, saved at the same quality. It keeps its font, and draws its tile number no larger
than the rest, so it does less than ours. Both are timed in turns, because a busy machine slows both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from io import BytesIO
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from mock_akool.core.media import MediaSpec
from mock_akool.media.cache import MediaCache
from mock_akool.media.images import JPEG_QUALITY, render

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 60
COLD_ROUNDS = 7
PROMPT = (
    "A lighthouse on a basalt cliff at dusk, long exposure, volumetric fog, cinematic lighting, "
    "35mm film grain, a lone figure with a lantern walking up the winding stair towards the gate"
)
EXAMPLE = MediaSpec("665f1c2ab7e4d09f13a8c771", 42, 1024, 1024, PROMPT, "1:1", (3,), "", "JPEG")
FONT = ImageFont.load_default(size=36)
TARGETS = {"first / plain": 1.3, "repeat ms": 0.3}

COLD = """
from time import perf_counter
start = perf_counter()
from benchmarks import bench_images as bench
bench.{function}(bench.EXAMPLE)
print(1000 * (perf_counter() - start))
"""


def plain(image: MediaSpec) -> bytes:
    canvas = Image.new("RGB", (image.width, image.height))
    pen = ImageDraw.Draw(canvas)
    for row in range(image.height):
        share = row * 255 // image.height
        pen.line([(0, row), (image.width, row)], fill=(share, 90, 255 - share))
    facts = f"{image.ratio} {image.width} x {image.height} tile 3"
    lines = [*textwrap.wrap(image.prompt, 52)[:3], f"job {image.job_id}", facts, "3"]
    for number, line in enumerate(lines):
        pen.text((48, 700 + 48 * number), line, fill=(255, 255, 255), font=FONT)
    file = BytesIO()
    canvas.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def milliseconds(function: Callable[[MediaSpec], bytes], image: MediaSpec) -> float:
    start = perf_counter()
    function(image)
    return 1000 * (perf_counter() - start)


def warm() -> dict[str, float]:
    """Medians of drawing images that were never drawn before, in a process that has drawn others."""
    drawings: dict[str, tuple[Callable[[MediaSpec], bytes], MediaSpec]] = {
        "plain": (plain, EXAMPLE),
        "first": (MediaCache().get, EXAMPLE),
        "1 MB prompt": (render, EXAMPLE._replace(prompt=PROMPT * 6_000)),
        "grid of 4": (render, EXAMPLE._replace(tiles=(1, 2, 3, 4))),
        "PNG": (render, EXAMPLE._replace(format="PNG")),
    }
    times: dict[str, list[float]] = {name: [] for name in drawings}
    for number in range(ROUNDS):
        for name, (function, image) in drawings.items():
            times[name].append(milliseconds(function, image._replace(job_id=f"{number:024x}")))
    return {name: median(values) for name, values in times.items()}


def repeat() -> float:
    """The median of asking again with an equal image that is no object seen before, in milliseconds."""
    media_cache = MediaCache()
    media_cache.get(EXAMPLE)
    copies = [EXAMPLE._replace(prompt="".join(PROMPT)) for _ in range(1_000)]
    return median(milliseconds(media_cache.get, copy) for copy in copies)


def cold(function: str) -> float:
    """The median of a process's first drawing together with its imports, in milliseconds."""
    command = [sys.executable, "-c", COLD.format(function=function)]
    root = Path(__file__).parent.parent
    return median(
        float(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout)
        for _ in range(COLD_ROUNDS)
    )


def measure() -> dict[str, float]:
    """Everything in one run; names that end in `ms` are milliseconds, the others ratios."""
    times = warm()
    times["cold plain"], times["cold first"] = cold("plain"), cold("render")
    results = {f"{name} ms": value for name, value in times.items()}
    results["repeat ms"] = repeat()
    for name in ("first", "1 MB prompt", "grid of 4", "PNG"):
        results[f"{name} / plain"] = times[name] / times["plain"]
    results["cold first / cold plain"] = times["cold first"] / times["cold plain"]
    return results


def main() -> None:
    results = measure()
    for name, value in results.items():
        target = f"   (target: at most {TARGETS[name]})" if name in TARGETS else ""
        print(f"{name:<26}{value:>9.4f}{target}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
