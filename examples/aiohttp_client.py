"""Make images of a prompt with aiohttp: `python aiohttp_client.py "a red fox"`. See README.md."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp

API = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/") + "/api/open/v3/content/image"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
PATIENCE_S = float(os.environ.get("AKOOL_PATIENCE_S", "300"))
NO_ANSWER = 0  # nothing came, or nothing of Akool's: nobody knows whether the request did its work
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
AGAIN = {"POST": LATER, "GET": (*LATER, 1008, NO_ANSWER)}  # 1008: a job of ours may be unknown for a moment
JPEG_END = b"\xff\xd9"


async def ask(session: aiohttp.ClientSession, method: str, url: str, **request: Any) -> Any:
    """Return what an answer is about; ask again where that does no harm: not where a create may be paid."""
    while True:
        try:
            async with session.request(method, url, headers=KEY, **request) as response:
                answer = json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            answer = {"code": NO_ANSWER, "msg": f"no answer, {error!r}"}
        if answer["code"] == 1000:
            return answer["data"]
        if answer["code"] not in AGAIN[method]:
            sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
        await asyncio.sleep(PAUSE_S)


async def fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    """Return a whole image, and ask again for one that is broken."""
    while True:
        try:
            async with session.get(url) as response:
                status, image = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            pass
        else:
            if status in (403, 404):
                raise RuntimeError(f"the image is gone: HTTP {status}")
            if image.endswith(JPEG_END):
                return image
        await asyncio.sleep(PAUSE_S)


async def main(prompt: str) -> None:
    """Create a job, wait for its end, and save its images, which are fetched side by side."""
    limit = aiohttp.ClientTimeout(total=30)
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession(timeout=limit) as session:
        job = await ask(session, "POST", f"{API}/createbyprompt", json={"prompt": prompt})
        urls: list[str] = []
        while not urls:
            await asyncio.sleep(PAUSE_S)
            job = await ask(session, "GET", f"{API}/infobymodelid", params={"image_model_id": job["_id"]})
            if job["image_status"] == 4:
                sys.exit(f"job {job['_id']} failed: {'; '.join(job.get('error_reasons', []))}")
            if job["image_status"] == 3:  # which alone is no image
                urls = job.get("upscaled_urls") or list(filter(None, [job.get("image")]))
        for number, image in enumerate(await asyncio.gather(*(fetch(session, url) for url in urls)), 1):
            Path(f"image-{number}.jpg").write_bytes(image)
            print(f"image-{number}.jpg")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print('usage: python aiohttp_client.py "a red fox"', file=sys.stderr)
        sys.exit(2)
    try:
        asyncio.run(main(sys.argv[1]))
    except TimeoutError:
        sys.exit("it took too long")
    except RuntimeError as error:
        sys.exit(str(error))
