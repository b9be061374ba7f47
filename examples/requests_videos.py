"""Make videos of an image with requests: `python requests_videos.py URL "it turns its head" 3`. See README.md."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import requests

API = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/") + "/api/open/v4/image2Video"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
DEADLINE_S = time.monotonic() + float(os.environ.get("AKOOL_PATIENCE_S", "300"))
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
COMPLETED, FAILED = 3, 4


def pause() -> None:
    """Wait a moment, or end when it took too long."""
    if time.monotonic() > DEADLINE_S:
        sys.exit("it took too long")
    time.sleep(PAUSE_S)


def ask(path: str, body: dict[str, Any], *, reads: bool = False) -> Any:
    """Return what an answer is about; ask again where that does no harm: a lost create may be paid."""
    while True:
        try:
            answer = requests.post(f"{API}/{path}", json=body, headers=KEY, timeout=30).json()
        except (requests.RequestException, ValueError) as error:
            if not reads:
                sys.exit(f"no answer, {error}")
            answer = {"code": LATER[0]}
        if answer["code"] == 1000:
            return answer["data"]
        if answer["code"] not in LATER:
            sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
        pause()


def main(image_url: str, prompt: str, count: int) -> None:
    """Create a batch, wait until each video has its own end, and save those that were made."""
    video = {"image_url": image_url, "prompt": prompt, "resolution": "720p", "video_length": 5, "count": count}
    batch = ask("createBySourcePrompt/batch", video)
    lost = len(batch["errorList"])  # these were never made, although the code is 1000
    waiting = {row["_id"]: number for number, row in enumerate(batch["successList"], 1)}
    while waiting:
        pause()
        # The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
        for row in ask("resultsByIds", {"_ids": ",".join(waiting)}, reads=True)["result"]:
            if row["status"] == COMPLETED and row.get("video_url"):
                name = f"video-{waiting.pop(row['_id'])}.mp4"
                Path(name).write_bytes(requests.get(row["video_url"], timeout=30).content)
                print(name)
            elif row["status"] == FAILED:
                del waiting[row["_id"]]
                lost += 1
    if lost:
        sys.exit(f"{lost} of {count} videos were not made")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print('usage: python requests_videos.py URL "it turns its head" 3', file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
