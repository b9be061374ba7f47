"""Put a face into a photo with httpx: `python httpx_faceswap.py FACE_URL PHOTO_URL`. See README.md."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import httpx

BASE = os.environ.get("AKOOL_BASE_URL", "http://127.0.0.1:25665").rstrip("/")
API = f"{BASE}/api/open/v3/faceswap"
KEY = {"x-api-key": os.environ.get("AKOOL_API_KEY", "my-key")}
PAUSE_S = float(os.environ.get("AKOOL_PAUSE_S", "3"))
PATIENCE_S = float(os.environ.get("AKOOL_PATIENCE_S", "300"))
NO_ANSWER = 0  # nothing came, or nothing of Akool's: nobody knows whether the request did its work
LATER = (1005, 1108, 2001)  # nothing was done and nothing was paid
READ_LATER = (*LATER, 1008, NO_ANSWER)  # 1008: a job of ours may be unknown for a moment
DOWN = (429, 503)  # nothing was done either
COMPLETED, FAILED = 3, 4
ENDS = (b"\xff\xd9", b"IEND\xaeB`\x82")  # of a whole JPEG, and of a whole PNG


async def ask(client: httpx.AsyncClient, method: str, url: str, *, again: bool, **request: Any) -> Any:
    """Return a good answer; a request that may be paid is not sent `again` when its answer was lost."""
    while True:
        try:
            response = await client.request(method, url, headers=KEY, **request)
            answer = {"code": LATER[0]} if response.status_code in DOWN else response.json()
        except (httpx.TransportError, ValueError) as error:
            answer = {"code": NO_ANSWER, "msg": f"no answer, {error!r}"}
        code = answer.get("code", 1000)  # face detection has `error_code` instead
        if code == 1000:
            return answer
        if code not in (READ_LATER if again else LATER):
            sys.exit(f"Akool says {code}: {answer['msg']}")
        await asyncio.sleep(PAUSE_S)


async def face_of(client: httpx.AsyncClient, url: str) -> dict[str, str]:
    """Return the largest face of an image, as a swap takes it: the image, and where the face is in it."""
    body = {"url": url, "single_face": True}
    found = await ask(client, "POST", f"{BASE}/interface/detect-api/detect_faces", again=True, json=body)
    if found["error_code"] != 0 or not found["faces_obj"]["0"]["landmarks_str"]:
        sys.exit(f"no face in {url}: {found['error_msg']}")
    return {"path": url, "opts": found["faces_obj"]["0"]["landmarks_str"][0]}


async def fetch(client: httpx.AsyncClient, url: str) -> bytes:
    """Return a whole image, and ask again for one that is broken."""
    while True:
        try:
            response = await client.get(url)
        except httpx.TransportError:
            pass
        else:
            if response.status_code in (403, 404):
                sys.exit(f"the image is gone: HTTP {response.status_code}")
            if response.content.endswith(ENDS):
                return response.content
        await asyncio.sleep(PAUSE_S)


async def main(face_url: str, photo_url: str) -> None:
    """Find both faces, swap them, wait for the end, and save the image."""
    async with httpx.AsyncClient(timeout=30) as client, asyncio.timeout(PATIENCE_S):
        faces = {"sourceImage": [await face_of(client, face_url)], "targetImage": [await face_of(client, photo_url)]}
        swap = {**faces, "modifyImage": photo_url}
        job = (await ask(client, "POST", f"{API}/highquality/specifyimage", again=False, json=swap))["data"]
        poll = {"_ids": job["_id"]}
        while True:  # the answer has the URL already, but there is no file before the status is 3
            await asyncio.sleep(PAUSE_S)
            # A row may be missing for a moment: no row is neither an end nor a mistake.
            found = await ask(client, "GET", f"{API}/result/listbyids", again=True, params=poll)
            for row in found["data"]["result"]:
                if row["faceswap_status"] == FAILED:
                    sys.exit(f"job {job['_id']} failed")  # nobody says why
                if row["faceswap_status"] == COMPLETED and row.get("url"):
                    name = f"swapped{Path(row['url']).suffix}"
                    Path(name).write_bytes(await fetch(client, row["url"]))
                    print(name)
                    return


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: python httpx_faceswap.py FACE_URL PHOTO_URL", file=sys.stderr)
        sys.exit(2)
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2]))
    except TimeoutError:
        sys.exit("it took too long")
