"""Make images of a prompt with requests: `python requests_client.py "a red fox"`. See README.md."""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import requests

API = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/") + "/api/open/v3/content/image"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
DEADLINE_S = time.monotonic() + float(os.environ.get("AKOOL_PATIENCE_S", "300"))
BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def data(response: requests.Response) -> Any:
    """Return what an answer is about; raise if there is none."""
    response.raise_for_status()
    if (answer := response.json())["code"] != 1000:
        sys.exit(f"Akool says {answer['code']}: {answer['msg']}")
    return answer["data"]


def patiently(send: Callable[[], requests.Response]) -> requests.Response:
    """Repeat a request that costs nothing, while it is the network or the gateway that fails."""
    while True:
        if time.monotonic() > DEADLINE_S:
            sys.exit("it took too long")
        try:
            response = send()
        except BROKEN:
            pass
        else:
            if response.status_code < 500:
                return response
        time.sleep(PAUSE_S)


def main(prompt: str) -> None:
    """Create a job, wait for its end, and save its images."""
    # Sent once: whoever creates again after a lost answer may pay twice.
    job = data(requests.post(f"{API}/createbyprompt", json={"prompt": prompt}, headers=KEY, timeout=30))
    poll = {"image_model_id": job["_id"]}
    while job["image_status"] not in (3, 4):
        time.sleep(PAUSE_S)
        job = data(patiently(partial(requests.get, f"{API}/infobymodelid", poll, headers=KEY, timeout=30)))
    if job["image_status"] == 4:
        sys.exit(f"job {job['_id']} failed: {'; '.join(job.get('error_reasons', []))}")
    for number, url in enumerate(job["upscaled_urls"] or [job["image"]], 1):
        response = patiently(partial(requests.get, url, timeout=30))
        response.raise_for_status()
        Path(f"image-{number}.jpg").write_bytes(response.content)
        print(f"image-{number}.jpg")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print('usage: python requests_client.py "a red fox"', file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1])
    except requests.RequestException as error:
        sys.exit(str(error))
