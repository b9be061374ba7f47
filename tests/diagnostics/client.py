"""A client that does right or wrong what clients of Akool do."""

from __future__ import annotations

import json
from typing import Any

from mock_akool import MockAkool, Request, Response
from mock_akool.akool.families.live_avatar import AVATARS
from mock_akool.akool.families.voices import VENDOR
from mock_akool.diagnostics.observations import Observations

API = "/api/open/v3/content/image"
V3 = f"{API}/createbyprompt"
V4 = "/api/open/v4/content/image/createBySourcePrompt"
BUTTON = f"{API}/createbybutton"
INFO = f"{API}/infobymodelid"
TOKEN = "/api/open/v3/getToken"
QUOTA = "/api/open/v3/faceswap/quota/info"
SESSION = "/api/open/v4/liveAvatar/session"
KEY = "key-of-1-account"
HOOK = "http://127.0.0.1:9/hook"
CALLED_BACK = {"prompt": "a red fox", "webhookUrl": HOOK}


class Client:
    """Does right or wrong what a client does."""

    def __init__(self, **options: Any) -> None:
        self.mock = MockAkool(**options)

    def ask(self, method: str, path: str, query: str = "", body: Any = None, **headers: str) -> Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("content-type", "application/json")
        given = given if {"x-api-key", "authorization"} & given.keys() else {"x-api-key": KEY, **given}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.mock.answer(Request.build(method, path, query, given, raw))

    def create(self, path: str = V3, **fields: Any) -> str:
        data = json.loads(self.ask("POST", path, body={"prompt": "a red fox", **fields}).body)["data"]
        return str((data[0] if isinstance(data, list) else data)["_id"])

    def spoken(self, **fields: Any) -> str:
        """Let a text be spoken; returns the job's id."""
        return self.create("/api/open/v4/voice/tts", input_text="Hello", voice_id=VENDOR[0].id, **fields)

    def opened(self, **fields: Any) -> str:
        """Open a session of a live avatar; returns its id."""
        return self.create(f"{SESSION}/create", avatar_id=AVATARS[0].avatar_id, **fields)

    def open_in_vain(self) -> Response:
        """Ask for a session, and get no good answer."""
        return self.ask("POST", f"{SESSION}/create", body={"avatar_id": AVATARS[0].avatar_id})

    def close(self, session: str, key: str = "id") -> Response:
        return self.ask("POST", f"{SESSION}/close", body={key: session})

    def poll(self, job_id: str, **headers: str) -> dict[str, Any]:
        found = json.loads(self.ask("GET", INFO, f"image_model_id={job_id}", **headers).body)
        data: dict[str, Any] = found.get("data", {})
        return data

    def create_in_vain(self, **fault: Any) -> Response:
        """Create a job, and get no good answer."""
        self.mock.on("createbyprompt").first(1).respond(**fault)
        return self.ask("POST", V3, body={"prompt": "a red fox"})

    def poll_in_vain(self, **fault: Any) -> str:
        """Create a job, and get no good answer when it is polled."""
        job_id = self.create()
        self.mock.on("infobymodelid").first(1).respond(**fault)
        self.ask("GET", INFO, f"image_model_id={job_id}")
        return job_id

    def wait(self, seconds: float) -> Client:
        self.mock.clock.advance(seconds)
        return self

    def finished(self, path: str = V3, **fields: Any) -> dict[str, Any]:
        job_id = self.create(path, **fields)
        self.wait(5)
        return self.poll(job_id)

    def stalled(self) -> Client:
        self.mock.next_job(queueing=0, processing="forever")
        return self

    def fetch(self, url: str) -> Response:
        return self.ask("GET", f"/{url.rpartition('/')[2]}")

    def press(self, parent_id: str, button: str = "U1", **fields: Any) -> str:
        response = self.ask("POST", BUTTON, body={"_id": parent_id, "button": button, **fields})
        return str(json.loads(response.body)["data"]["_id"])

    def token(self) -> str:
        response = self.ask("POST", TOKEN, body={"clientId": "my-client-id", "clientSecret": KEY})
        return str(json.loads(response.body)["token"])

    @property
    def observations(self) -> Observations:
        return Observations.of(self.mock.engine)
