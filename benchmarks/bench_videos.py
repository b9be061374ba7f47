"""How long drawn videos take, and what drawing them costs those who poll meanwhile."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.poll import HEADERS, HEALTH, create_job, poll_path
from benchmarks.processes import HOST, BenchmarkError, Server, running
from benchmarks.table import Row, at_most
from mock_akool.core.media import MediaSpec
from mock_akool.media import drawn_videos, images

_LONGEST_MS = 50
_SECONDS = 10
_CREATE = "/api/open/v4/image2Video/createBySourcePrompt"
_RESULTS = "/api/open/v4/image2Video/resultsByIds"


def run(quick: bool) -> Iterator[Row]:
    times, plain = _alone(3 if quick else 9)
    yield Row("drawing a video of 10 s / an image", times / plain, "x", at_most(40), f"{1e3 * times:.0f} ms of a core")
    command = (sys.executable, "-m", "mock_akool", "serve", "--port", "{port}", "--videos", "drawn")
    quick_jobs = ("--queueing", "0", "--processing", "0", "--credits", "1000000", "--log", "off")
    with running((*command, *quick_jobs), path=HEALTH, limit=60) as server:
        videos = 4 if quick else 16
        took_s, waits_ms = _beside(server, videos)
    waits_ms.sort()
    p99 = waits_ms[len(waits_ms) * 99 // 100]
    note = f"took {took_s:.1f} s; of {len(waits_ms):,} polls the longest {waits_ms[-1]:.0f} ms"
    yield Row(f"p99 of polls beside {videos} videos that are drawn", p99, "ms", at_most(_LONGEST_MS), note)


def _alone(rounds: int) -> tuple[float, float]:
    """Return the medians, in seconds of a core, of drawing a video of 10 s and an image of 1024 x 1024, in turns."""
    spec = MediaSpec("", 0, 1280, 720, "A lighthouse at dusk", "", (), "", "MP4", seconds=_SECONDS)
    image = spec._replace(width=1024, height=1024, format="JPEG")
    videos_s: list[float] = []
    images_s: list[float] = []
    for number in range(rounds):
        for found, render, each in ((videos_s, drawn_videos.render, spec), (images_s, images.render, image)):
            began = time.process_time()
            render(each._replace(job_id=f"{number:024x}"))
            found.append(time.process_time() - began)
    return median(videos_s), median(images_s)


def _asked(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> bytes:
    headers = {**HEADERS, "content-type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise BenchmarkError(f"{method} {path} answered HTTP {answer.status}")
    return content


def _beside(server: Server, count: int) -> tuple[float, list[float]]:
    """Return how long so many downloads of new videos took, in seconds, and each poll meanwhile, in ms."""
    took_s: list[float] = []

    def download() -> None:
        connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
        body = {"image_url": "https://example.com/a.jpg", "prompt": "waves", "resolution": "720p", "video_length": 10}
        ids = [json.loads(_asked(connection, "POST", _CREATE, body))["data"]["_id"] for _ in range(count)]
        urls = []
        for job_id in ids:
            shown = json.loads(_asked(connection, "POST", _RESULTS, {"_ids": job_id}))
            urls.append(shown["data"]["result"][0]["video_url"])
        began = time.perf_counter()
        for url in urls:
            _asked(connection, "GET", url)
        took_s.append(time.perf_counter() - began)
        connection.close()

    job_id = create_job(server)
    client = http.client.HTTPConnection(HOST, server.port, timeout=60)
    thread = threading.Thread(target=download)
    waits_ms: list[float] = []
    thread.start()
    while thread.is_alive():
        began = time.perf_counter()
        _asked(client, "GET", poll_path(job_id))
        waits_ms.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.001)
    thread.join()
    client.close()
    if not took_s:
        raise BenchmarkError("the videos were not downloaded")
    return took_s[0], waits_ms
