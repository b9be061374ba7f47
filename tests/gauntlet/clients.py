"""A small right client of two families, and the mistakes that can be switched on in it, one for each rule."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import requests
from PIL import Image

from mock_akool import MockAkool
from mock_akool.akool.families.live_avatar import AVATARS
from mock_akool.webhooks import EnvelopeError, open_envelope
from mock_akool.webhooks.receivers import WebhookRequest
from tests.contract.client import CLIENT_ID, KEY

API: Final = "https://openapi.akool.com/api/open"
DETECT: Final = "https://openapi.akool.com/interface/detect-api/detect_faces"
BATCHES: Final = f"{API}/v4/image2Video"
LIVE: Final = f"{API}/v4/liveAvatar/session"
_PICTURE: Final = "https://example.com/group.jpg"
_LATER_CODES: Final = (1005, 1108, 2001)
_LASTING_CODES: Final = (1006, 1104, 1109, 1200)
_TOKEN_REFUSED: Final = 1101

_SESSION: Final = requests.Session()
_SESSION.trust_env = False  # the environment is read anew for each request, which takes longer than that


class GaveUpError(Exception):
    """There is no file, and this says why."""


class _LaterError(Exception):
    """It may work later; `unknown`: the request may have done its work."""

    def __init__(self, why: str, *, unknown: bool) -> None:
        super().__init__(why)
        self.unknown = unknown


class Kind(NamedTuple):
    """A family as the client knows it."""

    create: str
    fields: Mapping[str, Any]
    webhook_field: str
    poll: str
    rows: Callable[[Any], list[Any]]
    status_word: str
    result_word: str
    detects: bool = False
    others: Callable[[Any], list[Any]] = lambda answer: []
    """The records that the answer to a create has beside `data`."""


_FACE: Final = {"path": _PICTURE, "opts": "262,175:363,175:313,215:272,279"}
KINDS: Final = {
    "image": Kind(
        f"{API}/v3/content/image/createbyprompt",
        {"prompt": "a lighthouse at dusk"},
        "webhookUrl",
        f"{API}/v3/content/image/infobymodelid?image_model_id=",
        lambda data: [data],
        "image_status",
        "image",
    ),
    "face swap": Kind(
        f"{API}/v3/faceswap/highquality/specifyimage",
        {"targetImage": [_FACE], "sourceImage": [_FACE], "modifyImage": _PICTURE, "face_enhance": 1},
        "webhookUrl",
        f"{API}/v3/faceswap/result/listbyids?_ids=",
        lambda data: list(data["result"]),
        "faceswap_status",
        "url",
        detects=True,
    ),
    "translation": Kind(
        f"{API}/v3/content/video/createbytranslate",
        {"url": "https://example.com/talk.mp4", "language": "es,fr"},
        "webhookUrl",
        f"{API}/v3/content/video/infobymodelid?video_model_id=",
        lambda data: [data],
        "video_status",
        "video",
        others=lambda answer: [each["data"] for each in answer["all_results"] if each["code"] == 1000],
    ),
}


class SmallClient:
    """Gets one file of a kind, as a careful client does, but for the `mistakes` that it is to make."""

    def __init__(self, kind: Kind, *mistakes: str, listens: bool = False) -> None:
        self._kind = kind
        self._mistakes = frozenset(mistakes)
        self._listens = listens
        self._patience_s = 20 if "has no patience" in mistakes else 200
        self._token = ""

    def __call__(self, mock: MockAkool) -> bytes:
        """Get the file; raises GaveUpError."""
        self._started_s = time.monotonic()
        self._token, self._job_id, self._ended_by_webhook, self._news, self._highest = "", "", False, False, 0
        self._others: list[str] = []
        fields = dict(self._kind.fields)
        if self._listens:
            mock.webhooks.deliver_to(self._receive)
            fields[self._kind.webhook_field] = "http://127.0.0.1:9/hook"
        if self._kind.detects:
            self._detect()
        self._job_id = self._create(fields)
        while True:
            url = self._wait()
            file = self._download(url)
            if file is not None:
                break
        return file

    # Steps

    def _detect(self) -> None:
        found = _SESSION.post(DETECT, json={"url": _PICTURE}, headers={"x-api-key": KEY}, timeout=30)
        try:
            answer = found.json()
        except ValueError:
            return
        if answer.get("error_code") == 1 and "swaps without a face" not in self._mistakes:
            raise GaveUpError(answer["error_msg"])

    def _create(self, fields: Mapping[str, Any]) -> str:
        if "creates by hope" in self._mistakes:
            return self._create_by_hope(fields)
        balance = self._patiently("GET", f"{API}/v3/faceswap/quota/info")["credit"]
        while True:
            try:
                job_id: str = self._ask("POST", self._kind.create, fields)["_id"]
            except _LaterError as error:
                self._pause(3)
                if error.unknown and self._patiently("GET", f"{API}/v3/faceswap/quota/info")["credit"] < balance:
                    raise GaveUpError("paid, but the answer was lost") from error
            else:
                return job_id

    def _create_by_hope(self, fields: Mapping[str, Any]) -> str:
        """Create again whatever happened."""
        while True:
            try:
                job_id: str = self._ask("POST", self._kind.create, fields)["_id"]
            except _LaterError:
                self._pause(3)
            else:
                return job_id

    def _wait(self) -> str:
        """Return the URL of the result."""
        missing = empty = 0
        while True:
            self._wait_for_news()
            if self._mistakes & {"polls never", "believes the last webhook"} and not self._ended_by_webhook:
                continue
            rows = self._rows()
            if not rows:
                missing += 1
                if missing > 5 or "no second look" in self._mistakes:
                    raise GaveUpError("the job is unknown")
                continue
            url = self._url_of(rows[0])
            if url is not None:
                return url
            empty += rows[0][self._kind.status_word] == 3
            if empty > 3:
                raise GaveUpError("the job has no file")

    def _wait_for_news(self) -> None:
        if self._news:
            self._news = False
        else:
            self._pause(0 if "no pause" in self._mistakes else 3)

    def _url_of(self, row: Mapping[str, Any]) -> str | None:
        """Return the URL that a record has, if the job is completed; raises GaveUpError when it failed."""
        status, url = row[self._kind.status_word], row.get(self._kind.result_word)
        if status == 4 and "creates failed jobs again" in self._mistakes:
            self._mistakes -= {"creates failed jobs again"}
            self._job_id = self._create(self._kind.fields)
        elif status == 4 and self._others:
            self._job_id = self._others.pop()
        elif status == 4 and "knows status 3 only" not in self._mistakes:
            raise GaveUpError("the job failed")
        if "knows no way back" in self._mistakes:
            if status < self._highest:
                raise GaveUpError("the status went back")
            self._highest = status
        if status == 3 and "trusts status 3" in self._mistakes:
            return str(row[self._kind.result_word])
        return url if url and (status == 3 or "takes the url at once" in self._mistakes) else None

    def _rows(self) -> list[Any]:
        try:
            return self._kind.rows(self._patiently("GET", self._kind.poll + self._job_id))
        except GaveUpError as error:
            if "1008" in str(error):
                return []
            raise

    def _download(self, url: str) -> bytes | None:
        for _ in range(5):
            try:
                answer = _SESSION.get(url, timeout=30)
            except requests.RequestException:
                pass
            else:
                if "keeps what comes" in self._mistakes or (answer.status_code == 200 and _is_whole(answer.content)):
                    return answer.content
                if answer.status_code == 403:
                    raise GaveUpError("the file is gone")
            self._pause(3)
        raise GaveUpError("the file is broken")

    # Requests

    def _patiently(self, method: str, url: str) -> Any:
        while True:
            try:
                return self._ask(method, url)
            except _LaterError as error:
                if "no second try" in self._mistakes:
                    raise GaveUpError(str(error)) from error
                self._pause(3)

    def _ask(self, method: str, url: str, fields: Mapping[str, Any] | None = None) -> Any:
        if "reads JSON at once" in self._mistakes:
            return _SESSION.request(method, url, json=fields, headers=self._headers(), timeout=30).json()["data"]
        answer = self._envelope(method, url, fields)
        if answer["code"] == _TOKEN_REFUSED and "keeps its token" not in self._mistakes:
            self._token = ""
            answer = self._envelope(method, url, fields)
        if answer["code"] in _LATER_CODES:
            raise _LaterError(f"code {answer['code']}", unknown=False)
        if answer["code"] != 1000:
            raise GaveUpError(f"refused with {answer['code']}")
        if url == self._kind.create and "reads data only" not in self._mistakes:
            others = [each["_id"] for each in self._kind.others(answer)]
            self._others = [each for each in others if each != answer["data"]["_id"]]
        return answer["data"]

    def _headers(self) -> dict[str, str]:
        if not self._token:
            answer = self._send("POST", f"{API}/v3/getToken", {"clientId": CLIENT_ID, "clientSecret": KEY}, {})
            if "token" not in answer:
                if answer["code"] in _LATER_CODES:
                    raise _LaterError("no token yet", unknown=False)
                raise GaveUpError(f"refused with {answer['code']}")
            self._token = str(answer["token"])
        return {"Authorization": f"Bearer {self._token}"}

    def _envelope(self, method: str, url: str, fields: Mapping[str, Any] | None) -> Any:
        return self._send(method, url, fields, self._headers())

    def _send(self, method: str, url: str, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        try:
            response = _SESSION.request(method, url, json=fields, headers=dict(headers), timeout=30)
        except requests.RequestException as error:
            raise _LaterError(type(error).__name__, unknown=True) from error
        if response.status_code >= 500:
            raise _LaterError(f"HTTP {response.status_code}", unknown=True)
        try:
            answer = response.json()
        except ValueError as error:
            raise _LaterError("no JSON", unknown=True) from error
        if not isinstance(answer, dict) or "code" not in answer:
            raise _LaterError("no envelope", unknown=True)
        if "insists" in self._mistakes and answer["code"] in _LASTING_CODES:
            self._pause(3)
            return self._send(method, url, fields, headers)
        return answer

    def _pause(self, seconds: float) -> None:
        if time.monotonic() - self._started_s > self._patience_s and "waits forever" not in self._mistakes:
            raise GaveUpError(f"job {self._job_id} does not end")
        if seconds:
            time.sleep(seconds)

    # Webhooks

    def _receive(self, request: WebhookRequest) -> int:
        envelope = json.loads(request.body)
        try:
            told = open_envelope(envelope, CLIENT_ID, KEY)
        except EnvelopeError:
            if "accepts any webhook" not in self._mistakes:
                return 400
            told = {"_id": self._job_id, "status": 3}
        if "fetches at each webhook" in self._mistakes and told["status"] == 3:
            _SESSION.get(told["url"], timeout=30)
        has_ended = told["status"] in (3, 4)
        self._ended_by_webhook = has_ended or (
            "believes the last webhook" not in self._mistakes and self._ended_by_webhook
        )
        self._news = self._news or has_ended
        return 200


def _is_whole(body: bytes) -> bool:
    if body[4:8] == b"ftyp":
        return b"moov" in body
    try:
        with Image.open(io.BytesIO(body)) as picture:
            picture.load()
    except (OSError, SyntaxError):
        return False
    return True


class SessionClient(SmallClient):
    """Works for a minute with a live avatar, as a careful client does, but for its mistakes."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(KINDS["image"], *mistakes)

    def __call__(self, mock: MockAkool) -> bytes:
        """Open a session, look at it as long as it is needed, and close it; raises GaveUpError."""
        self._started_s, self._token, self._job_id = time.monotonic(), "", ""
        session = self._open()
        for _ in range(12):
            self._pause(5)
            if "never looks" not in self._mistakes and self._ask("GET", f"{LIVE}/detail?id={session}")["status"] == 3:
                session = self._open()
        self._ask("POST", f"{LIVE}/close", {"id": session})
        return b""

    def _open(self) -> str:
        while True:
            try:
                opened: str = self._ask("POST", f"{LIVE}/create", {"avatar_id": AVATARS[0].avatar_id})["_id"]
            except GaveUpError as error:
                if "1215" not in str(error) or "no second try" in self._mistakes:
                    raise
                self._pause(3)
            else:
                return opened


class BatchClient(SmallClient):
    """Gets as many videos of a batch as it wants, as a careful client does, but for its mistakes."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(KINDS["image"], *mistakes)

    def __call__(self, mock: MockAkool) -> bytes:
        """Get three videos, and make anew those that failed, once; raises GaveUpError."""
        self._started_s, self._token, self._job_id = time.monotonic(), "", ""
        videos = self._videos(3)
        if len(videos) < 3:
            videos += self._videos(3 - len(videos))
        if len(videos) < 3:
            raise GaveUpError("not all videos were made")
        return b"".join(videos)

    def _videos(self, count: int) -> list[bytes]:
        fields = {"image_url": _PICTURE, "prompt": "it turns", "resolution": "720p", "video_length": 5, "count": count}
        made = self._ask("POST", f"{BATCHES}/createBySourcePrompt/batch", fields)
        ids = [row["_id"] for row in made["successList"]]
        videos: list[bytes] = []
        waiting = set(ids)
        while waiting:
            self._pause(3)
            rows = self._ask("POST", f"{BATCHES}/resultsByIds", {"_ids": ",".join(ids)})["result"]
            if "waits for all of a batch" in self._mistakes:
                self._mistakes |= {"waits forever"}
                if any(row["status"] != 3 for row in rows):
                    continue
            for row in rows:
                if row["_id"] in waiting and row["status"] == 3:
                    videos.append(self._download(row["video_url"]) or b"")
                waiting -= {row["_id"]} if row["status"] in (3, 4) else set()
        return videos
