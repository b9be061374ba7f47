"""Make images of a prompt with httpx, async: `python httpx_client.py "a red fox"`. See README.md."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import httpx

API = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/") + "/api/open/v3/content/image"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
PATIENCE_S = float(os.environ.get("AKOOL_PATIENCE_S", "300"))


def data(response: httpx.Response) -> Any:
    """Return what an answer is about; raise if there is none."""
    response.raise_for_status()
    if (answer := response.json())["code"] != 1000:
        sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
    return answer["data"]


async def patiently(client: httpx.AsyncClient, url: str, **request: Any) -> httpx.Response:
    """Repeat a GET, which costs nothing, while it is the network or the gateway that fails."""
    while True:
        try:
            response = await client.get(url, **request)
        except httpx.TransportError:
            pass
        else:
            if response.status_code < 500:
                return response
        await asyncio.sleep(PAUSE_S)


async def main(prompt: str) -> None:
    """Create a job, wait for its end, and save its images, which are fetched side by side."""
    async with httpx.AsyncClient(timeout=30) as client, asyncio.timeout(PATIENCE_S):
        # Sent once: whoever creates again after a lost answer may pay twice.
        job = data(await client.post(f"{API}/createbyprompt", json={"prompt": prompt}, headers=KEY))
        poll = {"image_model_id": job["_id"]}
        while job["image_status"] not in (3, 4):
            await asyncio.sleep(PAUSE_S)
            job = data(await patiently(client, f"{API}/infobymodelid", params=poll, headers=KEY))
        if job["image_status"] == 4:
            sys.exit(f"job {job['_id']} failed: {'; '.join(job.get('error_reasons', []))}")
        urls = job["upscaled_urls"] or [job["image"]]
        responses_ = await asyncio.gather(*(patiently(client, url) for url in urls))
    for number, response in enumerate(responses_, 1):
        response.raise_for_status()
        Path(f"image-{number}.jpg").write_bytes(response.content)
        print(f"image-{number}.jpg")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print('usage: python httpx_client.py "a red fox"', file=sys.stderr)
        sys.exit(2)
    try:
        asyncio.run(main(sys.argv[1]))
    except TimeoutError:
        sys.exit("it took too long")
    except httpx.HTTPError as error:
        sys.exit(str(error))
