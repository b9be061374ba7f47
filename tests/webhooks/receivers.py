"""Receivers of webhooks for tests: a real HTTP server on loopback, and what a careful receiver makes of a body."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad

from mock_akool import MockAkool, Request
from mock_akool.core.http import Response

ID: Final = "AAECAwQFBgcICQoLDA0ODw=="
SECRET: Final = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
ACCOUNT: Final = {"api_key": SECRET, "client_id": ID}
HOOK: Final = "http://127.0.0.1:9/hook"

API: Final = "/api/open"
_V3: Final = "v3/content/image/createbyprompt"
_V4: Final = "v4/content/image/createBySourcePrompt"
_BUTTON: Final = "v3/content/image/createbybutton"


def fake(**options: Any) -> MockAkool:
    """Return a fake with an account whose pair is known, on a virtual clock."""
    return MockAkool(**{"accounts": [ACCOUNT], **options})


def ask(mock: MockAkool, method: str, path: str, body: Any = None, key: str = SECRET) -> Any:
    """Return the data of an answer."""
    headers = {"x-api-key": key, "content-type": "application/json"}
    sent = b"" if body is None else json.dumps(body).encode()
    path, _, query = path.partition("?")
    response: Response = mock.answer(Request.build(method, f"{API}/{path}", query, headers, sent))
    answer = json.loads(response.body)
    assert answer["code"] == 1000, answer
    return answer["data"]


def create(mock: MockAkool, url: str = HOOK, *, key: str = SECRET, prompt: str = "a fox") -> str:
    """Create a v3 job with a webhook URL; returns its id."""
    job_id: str = ask(mock, "POST", _V3, {"prompt": prompt, "webhookUrl": url}, key)["_id"]
    return job_id


def create_v4(mock: MockAkool, url: str = HOOK, **fields: Any) -> Any:
    """Create a v4 job with a webhook URL; returns the data."""
    return ask(mock, "POST", _V4, {"prompt": "a fox", "webhookurl": url, **fields})


def press(mock: MockAkool, parent: str, button: str, url: str = HOOK) -> str:
    """Press a button with a webhook URL; returns the new job's id."""
    job_id: str = ask(mock, "POST", _BUTTON, {"_id": parent, "button": button, "webhookUrl": url})["_id"]
    return job_id


def poll(mock: MockAkool, job_id: str, key: str = SECRET) -> Any:
    """Return a job's record."""
    return ask(mock, "GET", f"v3/content/image/infobymodelid?image_model_id={job_id}", key=key)


def seconds(mock: MockAkool, instant_ns: int) -> float:
    """Return an instant in seconds since the fake was made."""
    return (instant_ns - mock.started_ns) / 1e9


class Verdict(NamedTuple):
    """What a careful receiver answers, and the payload where it could be read."""

    status: int
    said: str
    payload: dict[str, Any] | None = None


def careful(body: bytes, client_id: str = ID, secret: str = SECRET) -> Verdict:
    """Check and decrypt a body in every step, with another library than the fake's."""
    try:
        envelope = json.loads(body)
    except ValueError:
        return Verdict(400, "no JSON")
    if not isinstance(envelope, dict) or "dataEncrypt" not in envelope:
        return Verdict(400, "no envelope")
    data = envelope["dataEncrypt"]
    joined = "".join(sorted([client_id, str(envelope["timestamp"]), envelope["nonce"], data]))
    if hashlib.sha1(joined.encode()).hexdigest() != envelope["signature"]:
        return Verdict(401, "signature")
    try:
        encrypted = base64.b64decode(data, validate=True)
    except ValueError:
        return Verdict(400, "base64")
    iv = client_id.encode()[:16].ljust(16, b"\0")
    padded = AES.new(secret.encode(), AES.MODE_CBC, iv).decrypt(encrypted)
    try:
        plaintext = unpad(padded, 16)
    except ValueError:
        return Verdict(400, "padding")
    try:
        return Verdict(200, "", json.loads(plaintext))
    except ValueError:
        return Verdict(400, "no payload")


class Got(NamedTuple):
    """A request that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes
    verdict: Verdict


class HttpReceiver:
    """A receiver over HTTP. What `answer` returns is the status; without it, what a careful receiver would say."""

    def __init__(self, url: str, answer: Callable[[Got], int] | None) -> None:
        self.url = url
        self.answer = answer
        self.got: list[Got] = []

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """What was read of the requests that a careful receiver accepts."""
        return [each.verdict.payload for each in self.got if each.verdict.payload is not None]


@contextmanager
def http_receiver(answer: Callable[[Got], int] | None = None) -> Iterator[HttpReceiver]:
    """Serve a receiver on loopback in threads, and end it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Got(self.path, headers, body, careful(body))
            receiver.got.append(got)
            status = got.verdict.status if receiver.answer is None else receiver.answer(got)
            try:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
            except OSError:
                return

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    class Listener(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 1024

    listener = Listener(("127.0.0.1", 0), Handler)
    receiver = HttpReceiver(f"http://127.0.0.1:{listener.server_port}/hook", answer)
    thread = threading.Thread(target=lambda: listener.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
