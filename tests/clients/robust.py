"""A client that is ready for what goes wrong: it gets its image if there is a way, or says why there is none.

The rules that it keeps:

- Everything has a time limit, and pauses grow.
- An answer counts when HTTP status, JSON and `code` are well. What may be better later is asked again.
- A create is repeated only when it is sure that the one before was not charged.
- An expired token is replaced by a new one, once for each refusal.
- An image is one when all of it can be decoded.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from PIL import Image

from tests.clients.transport import INFO, PRESS, QUOTA, TOKEN, Order, Response, Sleep, Transport

_TOKEN_REFUSED: Final = 1101
_NOT_FOUND: Final = 1008
_LATER: Final = frozenset({1005, 1108, 2001})
"""Nothing was done and nothing was charged; the same request may pass later."""
_LATER_HTTP: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_COMPLETED: Final = 3
_FAILED: Final = 4

_POLL_S: Final = 3.0
_LONGEST_PAUSE_S: Final = 10.0
_MOST_MISSING: Final = 5
"""How often a job may be unknown in a row that was there before."""
_MOST_EMPTY: Final = 3
"""How often a completed job may be without an image."""
_MOST_DOWNLOADS: Final = 5


class GaveUpError(Exception):
    """There is no image, and the reason says why; `job_id` is the job to ask for later, where it is known."""

    def __init__(self, reason: str, job_id: str | None = None) -> None:
        super().__init__(reason if job_id is None else f"{reason} (job {job_id})")
        self.reason = reason
        self.job_id = job_id


class _LaterError(Exception):
    """It may work later. `unknown` says that nobody knows whether the request did its work."""

    def __init__(self, why: str, *, unknown: bool, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.unknown = unknown
        self.pause_s = pause_s


class _RefusedError(Exception):
    """The service refused the request with a business code that time does not change."""

    def __init__(self, code: object, msg: object) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code


class RobustClient:
    """Gets images, or raises GaveUpError. `now` tells the time in seconds, `patience_s` is for each job."""

    def __init__(
        self,
        transport: Transport,
        client_id: str,
        client_secret: str,
        *,
        sleep: Sleep,
        now: Callable[[], float],
        patience_s: float = 300.0,
    ) -> None:
        self._transport = transport
        self._pair = {"clientId": client_id, "clientSecret": client_secret}
        self._sleep = sleep
        self._now = now
        self._patience_s = patience_s
        self._token: str | None = None
        self._deadline_s = 0.0

    def image(self, order: Order) -> bytes:
        """Return the bytes of a new image; raises GaveUpError."""
        try:
            job_id = self._create(order.url, order.fields)
            if order.button is not None:
                self._wait(job_id, wants_picture=False)
                job_id = self._create(PRESS, {"_id": job_id, "button": order.button})
            return self._download(job_id)
        except _RefusedError as error:
            raise GaveUpError(f"refused with {error.code}") from error

    # Steps

    def _create(self, url: str, fields: Mapping[str, Any]) -> str:
        """Create a job and return its `_id`, without paying twice."""
        self._deadline_s = self._now() + self._patience_s
        balance = self._balance()
        for pause_s in self._pauses():
            try:
                job_id: str = self._ask("POST", url, fields)["_id"]
            except _LaterError as error:
                self._pause(pause_s, error, None)
                # Others may spend from the same account, so this may be wrong, but then on the cheap side.
                if error.unknown and self._balance() < balance:
                    raise GaveUpError("paid, but the answer was lost") from error
            else:
                return job_id
        raise AssertionError

    def _balance(self) -> int:
        balance: int = self._patiently("GET", QUOTA)["credit"]
        return balance

    def _wait(self, job_id: str, *, wants_picture: bool = True) -> Mapping[str, Any]:
        """Poll until the job is completed and, if wanted, has an image."""
        missing = empty = 0
        while True:
            self._pause(_POLL_S, None, job_id)
            try:
                record: Mapping[str, Any] = self._patiently("GET", f"{INFO}?image_model_id={job_id}", job_id)
            except _RefusedError as error:
                missing += 1
                if error.code != _NOT_FOUND or missing > _MOST_MISSING:
                    raise
                continue
            missing = 0
            status = record["image_status"]
            if status == _FAILED:
                raise GaveUpError("the job failed", job_id)
            if status == _COMPLETED and (_url(record) is not None or not wants_picture):
                return record
            empty += status == _COMPLETED
            if empty > _MOST_EMPTY:
                raise GaveUpError("the job is done, but has no image", job_id)

    def _download(self, job_id: str) -> bytes:
        """Download the image, and ask for its URL anew when that brings none."""
        why = ""
        for _, pause_s in zip(range(_MOST_DOWNLOADS), self._pauses(), strict=False):
            url = _url(self._wait(job_id))
            assert url is not None
            try:
                answer = self._transport.send("GET", url, {})
            except self._transport.errors as error:
                why = f"the download broke: {type(error).__name__}"
            else:
                if answer.status == 200 and is_whole(answer.body):
                    return answer.body
                why = "the file is broken" if answer.status == 200 else f"the file answers HTTP {answer.status}"
            self._pause(pause_s, None, job_id)
        raise GaveUpError(why, job_id)

    # Requests

    def _patiently(self, method: str, url: str, job_id: str | None = None) -> Any:
        """Ask what does no harm when it is asked twice, until it is answered."""
        for pause_s in self._pauses():
            try:
                return self._ask(method, url)
            except _LaterError as error:
                self._pause(pause_s, error, job_id)
        raise AssertionError

    def _ask(self, method: str, url: str, fields: Mapping[str, Any] | None = None) -> Any:
        """Ask once, or once more with a new token, and return `data`; raises _LaterError or _RefusedError."""
        is_new = self._token is None
        if self._token is None:
            self._token = self._new_token()
        try:
            return self._envelope(method, url, fields, {"Authorization": f"Bearer {self._token}"})["data"]
        except _RefusedError as error:
            if error.code != _TOKEN_REFUSED or is_new:
                raise
        self._token = None
        return self._ask(method, url, fields)

    def _new_token(self) -> str:
        try:
            token: str = self._envelope("POST", TOKEN, self._pair, {})["token"]
        except _LaterError as error:
            # Without a token the request itself was never sent.
            raise _LaterError(str(error), unknown=False, pause_s=error.pause_s) from error
        return token

    def _envelope(self, method: str, url: str, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        body = b"" if fields is None else json.dumps(fields).encode()
        typed = {} if fields is None else {"Content-Type": "application/json"}
        try:
            answer = self._transport.send(method, url, {**headers, **typed}, body)
        except self._transport.errors as error:
            raise _LaterError(f"no answer: {type(error).__name__}", unknown=True) from error
        if answer.status in _LATER_HTTP:
            raise _LaterError(f"HTTP {answer.status}", unknown=True, pause_s=_retry_after_s(answer))
        if answer.status != 200:
            raise _RefusedError(f"HTTP {answer.status}", "")
        try:
            envelope = answer.json()
            code = envelope["code"]
        except (ValueError, TypeError, KeyError) as error:
            raise _LaterError("the answer is no JSON of the API's", unknown=True) from error
        if code in _LATER:
            raise _LaterError(f"code {code}", unknown=False)
        if code != 1000:
            raise _RefusedError(code, envelope.get("msg"))
        return envelope

    # Time

    def _pauses(self) -> Iterator[float]:
        """Yield pauses that grow; `_pause` ends them at the time limit."""
        pause_s = 1.0
        while True:
            yield pause_s
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _pause(self, pause_s: float, error: _LaterError | None, job_id: str | None) -> None:
        """Sleep, unless the time is over then: raises GaveUpError with the newest trouble."""
        pause_s = max(pause_s, error.pause_s if error else 0.0)
        if self._now() + pause_s > self._deadline_s:
            raise GaveUpError(f"no end in time: {error}" if error else "the job does not end in time", job_id)
        self._sleep(pause_s)


def _url(record: Mapping[str, Any]) -> str | None:
    """Return the URL of the record's image, or None when there is none."""
    url = record.get("image") or next(iter(record.get("upscaled_urls") or []), None)
    return url if isinstance(url, str) and url.startswith(("https://", "http://")) else None


@lru_cache(64)
def is_whole(body: bytes) -> bool:
    """Return whether the bytes are an image that can be decoded to its end."""
    try:
        with Image.open(io.BytesIO(body)) as picture:
            picture.load()
    except (OSError, SyntaxError):
        return False
    return True


def _retry_after_s(answer: Response) -> float:
    """Return for how many seconds the service asks to be left alone, within reason."""
    value = answer.headers.get("retry-after", "")
    return min(float(value), 60.0) if value.isdecimal() else 0.0
