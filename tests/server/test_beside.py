"""What may take milliseconds is answered outside of the event loop, so that polls go on."""

from __future__ import annotations

import json
import threading
from typing import Any, Final

import pytest

from mock_akool import Request
from mock_akool.core.http import Response
from tests.server.conftest import Start
from tests.server.wires import get, request

V3: Final = "/api/open/v3"
V4: Final = "/api/open/v4"
URL: Final = "http://127.0.0.1:9/x"


def post(path: str, body: dict[str, Any]) -> bytes:
    return request("POST", path, json.dumps(body).encode())


@pytest.mark.parametrize(
    "sent",
    [
        get(f"{V3}/content/video/list?page=2"),
        get(f"{V3}/avatar/list"),
        get(f"{V4}/voice/list?type=1"),
        get(f"{V4}/voice/resource/list?type=2"),
        get(f"{V4}/liveAvatar/session/list?status=2"),
        get(f"{V4}/knowledge/list"),
        get(f"{V3}/faceswap/result/listbyids?_ids=" + ",".join(["0" * 24] * 1_000)),
        post(f"{V4}/image2Video/resultsByIds", {"_ids": ",".join(["0" * 24] * 10_000)}),
        post("/interface/detect-api/faceswap/analyze_frames", {"frame_urls": [URL] * 5_000}),
        post(f"{V3}/content/image/createbyprompt", {"prompt": "x" * 100_000}),
    ],
    ids=lambda sent: sent[:60].decode().split()[1].partition("?")[0],
)
def test_what_may_be_slow(sent: bytes, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    running, threads = start(), list[str]()
    answer = running.mock.application.answer

    def watched(request: Request) -> Response:
        threads.append(threading.current_thread().name)
        return answer(request)

    monkeypatch.setattr(running.mock.application, "answer", watched)
    wire = running.connect()
    wire.send(sent)
    assert wire.answer().status == 200
    wire.send(get(f"{V3}/faceswap/quota/info"))
    assert wire.answer().status == 200
    assert [name.rstrip("0123456789_") for name in threads] == ["mock-akool-admin", "mock-akool-server"]


def test_a_page_of_many_jobs_has_the_newest(start: Start) -> None:
    wire = start(queueing="0", processing="0", credits=10**6).connect()
    video = {"image_url": URL, "resolution": "720p", "video_length": 5}
    for number in range(25):
        wire.send(post(f"{V4}/image2Video/createBySourcePrompt", {"prompt": f"{number}", **video}))
        assert wire.answer().status == 200
    wire.send(get(f"{V3}/content/video/list?page=2&size=10"))
    data = json.loads(wire.answer().body)["data"]
    assert data["count"] == 25
    assert [row["prompt"] for row in data["result"]] == [str(number) for number in range(14, 4, -1)]


def test_a_file_that_is_asked_for_at_length_is_sent(start: Start) -> None:
    running = start(queueing="0", processing="0")
    wire = running.connect()
    wire.send(post(f"{V3}/content/image/createbyprompt", {"prompt": "x"}))
    job = json.loads(wire.answer().body)["data"]["_id"]
    wire.send(get(f"{V3}/content/image/infobymodelid?image_model_id={job}"))
    image = json.loads(wire.answer().body)["data"]["image"]
    wire.send(get("/" + image.rpartition("/")[2] + "?" + "x" * 20_000))
    answer = wire.answer()
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
