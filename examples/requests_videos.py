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
NO_ANSWER = 0  # nothing came, or nothing of Akool's: nobody knows whether the request did its work
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
READ_LATER = (*LATER, 1008, NO_ANSWER)  # 1008: a job of ours may be unknown for a moment
DOWN = (429, 503)  # nothing was done either
COMPLETED, FAILED = 3, 4


def pause() -> None:
    """Wait a moment, or end when it took too long."""
    if time.monotonic() > DEADLINE_S:
        sys.exit("it took too long")
    time.sleep(PAUSE_S)


def ask(path: str, body: dict[str, Any], *, again: bool) -> Any:
    """Return what a good answer is about; what may be paid is not sent `again` when its answer was lost."""
    while True:
        try:
            response = requests.post(f"{API}/{path}", json=body, headers=KEY, timeout=30)
            answer = {"code": LATER[0]} if response.status_code in DOWN else response.json()
        except (requests.RequestException, ValueError) as error:
            answer = {"code": NO_ANSWER, "msg": f"no answer, {error}"}
        if answer["code"] == 1000:
            return answer["data"]
        if answer["code"] not in (READ_LATER if again else LATER):
            sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
        pause()


def is_whole(video: bytes) -> bool:
    """Return whether the boxes of an MP4 fill it to its end; each begins with its size and its name."""
    place = 0
    while place + 8 <= len(video):
        size = int.from_bytes(video[place : place + 4], "big")
        if size == 1:  # a large box has its size behind its name
            size = int.from_bytes(video[place + 8 : place + 16], "big")
        place += max(size, 8) if size else len(video) - place  # 0: up to the end
    return place == len(video) and video[4:8] == b"ftyp"


def fetch(url: str) -> bytes:
    """Return a whole video, or nothing when it is gone; ask again for one that is broken."""
    while True:
        try:
            response = requests.get(url, timeout=30)
        except requests.RequestException:
            pass
        else:
            if response.status_code in (403, 404):
                print(f"a video is gone: HTTP {response.status_code}", file=sys.stderr)
                return b""
            if is_whole(response.content):
                return response.content
        pause()


def main(image_url: str, prompt: str, count: int) -> None:
    """Create a batch, wait until each video has its own end, and save those that were made."""
    video = {"image_url": image_url, "prompt": prompt, "resolution": "720p", "video_length": 5, "count": count}
    batch = ask("createBySourcePrompt/batch", video, again=False)
    missing = len(batch["errorList"])  # these were never made, although the code is 1000
    waiting = {row["_id"]: number for number, row in enumerate(batch["successList"], 1)}
    while waiting:
        pause()
        # The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
        for row in ask("resultsByIds", {"_ids": ",".join(waiting)}, again=True)["result"]:
            name = f"video-{waiting[row['_id']]}.mp4"
            if row["status"] == COMPLETED and row.get("video_url"):
                content = fetch(row["video_url"])
            elif row["status"] == FAILED:  # nobody says why
                content = b""
            else:
                continue
            del waiting[row["_id"]]
            if content:
                Path(name).write_bytes(content)
                print(name)
            else:
                missing += 1
    if missing:
        sys.exit(f"{missing} of {count} videos are missing")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print('usage: python requests_videos.py URL "it turns its head" 3', file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
