"""Make videos of an image with aiohttp: `python aiohttp_videos.py URL "it turns its head" 3`. See README.md."""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

API = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/") + "/api/open/v4/image2Video"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
DEADLINE_S = time.monotonic() + float(os.environ.get("AKOOL_PATIENCE_S", "300"))
TIMEOUT = aiohttp.ClientTimeout(total=30)
NO_ANSWER = 0  # nothing came, or nothing of Akool's: nobody knows whether the request did its work
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
READ_LATER = (*LATER, 1008, NO_ANSWER)  # 1008: a job of ours may be unknown for a moment
DOWN = (429, 503)  # nothing was done either
COMPLETED, FAILED = 3, 4
TROUBLE = (aiohttp.ClientError, TimeoutError, ValueError)


async def pause() -> None:
    """Wait a moment, or end when it took too long."""
    if time.monotonic() > DEADLINE_S:
        sys.exit("it took too long")
    await asyncio.sleep(PAUSE_S)


async def ask(session: aiohttp.ClientSession, path: str, body: dict[str, Any], *, again: bool) -> Any:
    """Return what a good answer is about; what may be paid is not sent `again` when its answer was lost."""
    while True:
        try:
            async with session.post(f"{API}/{path}", json=body, headers=KEY, timeout=TIMEOUT) as response:
                # The content type is not always right.
                answer = {"code": LATER[0]} if response.status in DOWN else await response.json(content_type=None)
            code = answer["code"]
        except (*TROUBLE, TypeError) as error:
            code, answer = NO_ANSWER, {"msg": f"no answer, {error!r}"}
        if code == 1000:
            return answer["data"]
        if code not in (READ_LATER if again else LATER):
            sys.exit(f"Akool says {code}: {answer['msg']}")
        await pause()


def is_whole(video: bytes) -> bool:
    """Return whether the boxes of an MP4 fill it to its end; each begins with its size and its name."""
    place = 0
    while place + 8 <= len(video):
        size = int.from_bytes(video[place : place + 4], "big")
        if size == 1:  # a large box has its size behind its name
            size = int.from_bytes(video[place + 8 : place + 16], "big")
        place += max(size, 8) if size else len(video) - place  # 0: up to the end
    return place == len(video) and video[4:8] == b"ftyp"


async def save(session: aiohttp.ClientSession, url: str, name: str) -> bool:
    """Save a whole video, and return whether there is one; ask again for one that is broken."""
    while True:
        try:
            async with session.get(url, timeout=TIMEOUT) as response:
                if response.status in (403, 404):
                    print(f"a video is gone: HTTP {response.status}", file=sys.stderr)
                    return False
                content = await response.read()
        except TROUBLE:
            content = b""
        if is_whole(content):
            Path(name).write_bytes(content)
            print(name)
            return True
        await pause()


async def main(image_url: str, prompt: str, count: int) -> None:
    """Create a batch, wait until each video has its own end, and save those that were made, side by side."""
    video = {"image_url": image_url, "prompt": prompt, "resolution": "720p", "video_length": 5, "count": count}
    async with aiohttp.ClientSession() as session:
        batch = await ask(session, "createBySourcePrompt/batch", video, again=False)
        missing = len(batch["errorList"])  # these were never made, although the code is 1000
        waiting = {row["_id"]: number for number, row in enumerate(batch["successList"], 1)}
        while waiting:
            await pause()
            # The ids are one text. What is unknown is left out, so no rows do not mean that all is done.
            rows = (await ask(session, "resultsByIds", {"_ids": ",".join(waiting)}, again=True))["result"]
            saves = []
            for row in rows:
                if row["status"] == COMPLETED and row.get("video_url"):
                    saves.append(save(session, row["video_url"], f"video-{waiting.pop(row['_id'])}.mp4"))
                elif row["status"] == FAILED:  # nobody says why
                    del waiting[row["_id"]]
                    missing += 1
            missing += (await asyncio.gather(*saves)).count(False)
    if missing:
        sys.exit(f"{missing} of {count} videos are missing")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print('usage: python aiohttp_videos.py URL "it turns its head" 3', file=sys.stderr)
        sys.exit(2)
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
