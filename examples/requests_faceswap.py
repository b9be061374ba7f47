"""Put a face into a photo with requests: `python requests_faceswap.py FACE_URL PHOTO_URL`. See README.md."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import requests

BASE = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/")
API = f"{BASE}/api/open/v3/faceswap"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
DEADLINE_S = time.monotonic() + float(os.environ.get("AKOOL_PATIENCE_S", "300"))
NO_ANSWER = 0  # nothing came, or nothing of Akool's: nobody knows whether the request did its work
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
READ_LATER = (*LATER, 1008, NO_ANSWER)  # 1008: a job of ours may be unknown for a moment
DOWN = (429, 503)  # nothing was done either
COMPLETED, FAILED = 3, 4
ENDS = (b"\xff\xd9", b"IEND\xaeB`\x82")  # of a whole JPEG, and of a whole PNG


def pause() -> None:
    """Wait a moment, or end when it took too long."""
    if time.monotonic() > DEADLINE_S:
        sys.exit("it took too long")
    time.sleep(PAUSE_S)


def ask(method: str, url: str, *, again: bool, **request: Any) -> Any:
    """Return a good answer; a request that may be paid is not sent `again` when its answer was lost."""
    while True:
        try:
            response = requests.request(method, url, headers=KEY, timeout=30, **request)
            answer = {"code": LATER[0]} if response.status_code in DOWN else response.json()
        except (requests.RequestException, ValueError) as error:
            answer = {"code": NO_ANSWER, "msg": f"no answer, {error}"}
        code = answer.get("code", 1000)  # face detection has `error_code` instead
        if code == 1000:
            return answer
        if code not in (READ_LATER if again else LATER):
            sys.exit(f"Akool says {code}: {answer['msg']}")
        pause()


def face_of(url: str) -> dict[str, str]:
    """Return the largest face of an image, as a swap takes it: the image, and where the face is in it."""
    body = {"url": url, "single_face": True}
    found = ask("POST", f"{BASE}/interface/detect-api/detect_faces", again=True, json=body)
    if found["error_code"] != 0 or not found["faces_obj"]["0"]["landmarks_str"]:
        sys.exit(f"no face in {url}: {found['error_msg']}")
    return {"path": url, "opts": found["faces_obj"]["0"]["landmarks_str"][0]}


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
            if response.content.endswith(ENDS):
                return response.content
        pause()


def main(face_url: str, photo_url: str) -> None:
    """Find both faces, swap them, wait for the end, and save the image."""
    swap = {"sourceImage": [face_of(face_url)], "targetImage": [face_of(photo_url)], "modifyImage": photo_url}
    job = ask("POST", f"{API}/highquality/specifyimage", again=False, json=swap)["data"]
    while True:  # the answer has the URL already, but there is no file before the status is 3
        pause()
        # A row may be missing for a moment: no row is neither an end nor a mistake.
        for row in ask("GET", f"{API}/result/listbyids", again=True, params={"_ids": job["_id"]})["data"]["result"]:
            if row["faceswap_status"] == FAILED:
                sys.exit(f"job {job['_id']} failed")  # nobody says why
            if row["faceswap_status"] == COMPLETED and row.get("url"):
                name = f"swapped{Path(row['url']).suffix}"
                Path(name).write_bytes(fetch(row["url"]))
                print(name)
                return


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: python requests_faceswap.py FACE_URL PHOTO_URL", file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1], sys.argv[2])
