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


def data(body: bytes) -> Any:
    """Return what an answer is about; end if there is nothing."""
    if (answer := json.loads(body))["code"] != 1000:
        sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
    return answer["data"]


async def fetch(session: aiohttp.ClientSession, url: str, **request: Any) -> bytes:
    """Repeat a GET, which costs nothing, while it is the network or the gateway that fails."""
    while True:
        try:
            async with session.get(url, **request) as response:
                if response.status < 500:
                    response.raise_for_status()
                    return await response.read()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            pass
        await asyncio.sleep(PAUSE_S)


async def main(prompt: str) -> None:
    """Create a job, wait for its end, and save its images, which are fetched side by side."""
    limit = aiohttp.ClientTimeout(total=30)
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession(timeout=limit) as session:
        # Sent once: whoever creates again after a lost answer may pay twice.
        async with session.post(f"{API}/createbyprompt", json={"prompt": prompt}, headers=KEY) as response:
            response.raise_for_status()
            job = data(await response.read())
        poll = {"image_model_id": job["_id"]}
        while job["image_status"] not in (3, 4):
            await asyncio.sleep(PAUSE_S)
            job = data(await fetch(session, f"{API}/infobymodelid", params=poll, headers=KEY))
        if job["image_status"] == 4:
            sys.exit(f"job {job['_id']} failed: {'; '.join(job.get('error_reasons', []))}")
        urls = job["upscaled_urls"] or [job["image"]]
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
    except aiohttp.ClientError as error:
        sys.exit(str(error))
