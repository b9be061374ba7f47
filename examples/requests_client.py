"""Make images of a prompt with requests: `python requests_client.py "a red fox"`. See README.md."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import requests

API = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/") + "/api/open/v3/content/image"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
DEADLINE_S = time.monotonic() + float(os.environ.get("AKOOL_PATIENCE_S", "300"))
NO_ANSWER = 0  # nothing came, or nothing of Akool's: nobody knows whether the request did its work
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
AGAIN = {"POST": LATER, "GET": (*LATER, 1008, NO_ANSWER)}  # 1008: a job of ours may be unknown for a moment
JPEG_END = b"\xff\xd9"


def pause() -> None:
    """Wait a moment, or end when it took too long."""
    if time.monotonic() > DEADLINE_S:
        sys.exit("it took too long")
    time.sleep(PAUSE_S)


def ask(method: str, url: str, **request: Any) -> Any:
    """Return what an answer is about; ask again where that does no harm: not where a create may be paid."""
    while True:
        try:
            answer = requests.request(method, url, headers=KEY, timeout=30, **request).json()
        except (requests.RequestException, ValueError) as error:
            answer = {"code": NO_ANSWER, "msg": f"no answer, {error}"}
        if answer["code"] == 1000:
            return answer["data"]
        if answer["code"] not in AGAIN[method]:
            sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
        pause()


def fetch(url: str) -> bytes:
    """Return a whole image, and ask again for one that is broken."""
    while True:
        try:
            response = requests.get(url, timeout=30)
        except requests.RequestException:
            pass
        else:
            if response.status_code in (403, 404):
                sys.exit(f"the image is gone: HTTP {response.status_code}")
            if response.content.endswith(JPEG_END):
                return response.content
        pause()


def main(prompt: str) -> None:
    """Create a job, wait for its end, and save its images."""
    job = ask("POST", f"{API}/createbyprompt", json={"prompt": prompt})
    poll = {"image_model_id": job["_id"]}
    urls: list[str] = []
    while not urls:
        pause()
        job = ask("GET", f"{API}/infobymodelid", params=poll)
        if job["image_status"] == 4:
            sys.exit(f"job {job['_id']} failed: {'; '.join(job.get('error_reasons', []))}")
        if job["image_status"] == 3:  # which alone is no image
            urls = job.get("upscaled_urls") or list(filter(None, [job.get("image")]))
    for number, url in enumerate(urls, 1):
        Path(f"image-{number}.jpg").write_bytes(fetch(url))
        print(f"image-{number}.jpg")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print('usage: python requests_client.py "a red fox"', file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1])
