"""A small client: the API's endpoints as methods, so that a test reads as what it is about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from mock_akool.akool.families.translate import MORE_HOST
from mock_akool.akool.families.voices import FILE_HOST
from tests.contract.transports import CDN_URL, Answer, Transport

GET_TOKEN: Final = "/api/open/v3/getToken"
CREATE_V3: Final = "/api/open/v3/content/image/createbyprompt"
CREATE_V4: Final = "/api/open/v4/content/image/createBySourcePrompt"
PRESS: Final = "/api/open/v3/content/image/createbybutton"
INFO: Final = "/api/open/v3/content/image/infobymodelid"
QUOTA: Final = "/api/open/v3/faceswap/quota/info"

JSON_TYPE: Final = {"content-type": "application/json"}
CLIENT_ID: Final = "AAECAwQFBgcICQoLDA0ODw=="
KEY: Final = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
OTHER_KEY: Final = "ZADm0gkLonmwUjMAK0PJpl0MOiXLOOOw"
SOURCE: Final = "https://example.com/source.png"
PROMPT: Final = "a lighthouse at dusk"


class Client:
    """Calls the API through one transport, with the credentials of one account."""

    def __init__(self, transport: Transport, key: str | None = KEY, *, token: str | None = None) -> None:
        self.transport = transport
        self.headers: dict[str, str] = {}
        if token is not None:
            self.headers["authorization"] = f"Bearer {token}"
        elif key is not None:
            self.headers["x-api-key"] = key

    def post(self, path: str, fields: object, headers: Mapping[str, str] | None = None) -> Answer:
        sent = {**JSON_TYPE, **(self.headers if headers is None else headers)}
        return self.transport.call("POST", path, headers=sent, body=json.dumps(fields).encode())

    def get(self, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> Answer:
        return self.transport.call("GET", path, query, headers=self.headers if headers is None else headers)

    # The endpoints

    def get_token(self, client_id: str = CLIENT_ID, client_secret: str = KEY) -> Answer:
        return self.post(GET_TOKEN, {"clientId": client_id, "clientSecret": client_secret}, headers={})

    def create_v3(self, prompt: str = PROMPT, **fields: Any) -> Answer:
        return self.post(CREATE_V3, {"prompt": prompt, **fields})

    def create_v4(self, prompt: str = PROMPT, **fields: Any) -> Answer:
        return self.post(CREATE_V4, {"prompt": prompt, **fields})

    def press(self, job_id: str, button: str, **fields: Any) -> Answer:
        return self.post(PRESS, {"_id": job_id, "button": button, **fields})

    def info(self, job_id: str) -> Answer:
        return self.get(INFO, f"image_model_id={quote(job_id)}")

    def quota(self) -> Answer:
        return self.get(QUOTA)

    def download(self, url: str, **headers: str) -> Answer:
        """Get a file as a stranger would, without credentials."""
        base = self.transport.file_base
        assert url.startswith(f"{base}/"), (url, base)
        return self.transport.call("GET", url.removeprefix(base), headers=headers)

    # What tests arrange with

    def token(self, client_id: str = CLIENT_ID, client_secret: str = KEY) -> str:
        token: str = self.get_token(client_id, client_secret).json()["token"]
        return token

    def credit(self) -> int:
        credit: int = self.quota().data["credit"]
        return credit

    def status(self, job_id: str) -> int:
        status: int = self.info(job_id).data["image_status"]
        return status

    def made(self, family: str, plan: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Create a job of a family and return its id; `plan` is its timeline, as `MockAkool.next_job`
        takes it, but stages that it leaves out take no time.

        A button is pressed on a v3 job that is made and completed for it.
        """
        if family in BUTTON_FAMILIES:
            self.transport.mock.next_job(queueing=0, processing=0)
        if plan is not None:
            self.transport.mock.next_job(**plan if "stages" in plan else {"queueing": 0, "processing": 0, **plan})
        return MAKERS[family](self, **fields)

    def completed(self, family: str = "v3", **fields: Any) -> str:
        """Create a job that is completed at once and return its id."""
        return self.made(family, {}, **fields)

    def record(self, job_id: str) -> Any:
        """Return the job's record."""
        return self.info(job_id).data


def _made_v3(client: Client, **fields: Any) -> str:
    job_id: str = client.create_v3(**fields).data["_id"]
    return job_id


def _made_v4(client: Client, **fields: Any) -> str:
    job_id: str = client.create_v4(**fields).data["_id"]
    return job_id


def _made_v4_from_image(client: Client, **fields: Any) -> str:
    return _made_v4(client, source_images=[SOURCE], **fields)


def _pressed(button: str) -> Callable[..., str]:
    def press(client: Client, **fields: Any) -> str:
        job_id: str = client.press(_made_v3(client), button, **fields).data["_id"]
        return job_id

    return press


MAKERS: Final[Mapping[str, Callable[..., str]]] = {
    "v3": _made_v3,
    "v4": _made_v4,
    "v4-image": _made_v4_from_image,
    "button-U": _pressed("U2"),
    "button-V": _pressed("V3"),
}
BUTTON_FAMILIES: Final = ("button-U", "button-V")
FAMILIES: Final = tuple(MAKERS)
"""Every kind of job."""


def with_cdn_files(transport: Transport, body: bytes) -> bytes:
    """Return the body as if files were seen at Akool's own host, so that bodies of all transports can be compared."""
    base = re.escape(transport.file_base.encode())
    body = re.sub(base + rb"(/[^\"]*\.(?:mp3|wav))", rf"https://{FILE_HOST}\1".encode(), body)
    body = re.sub(base + rb"(/algorithm/video_translate/)", rf"https://{MORE_HOST}\1".encode(), body)
    return re.sub(base, CDN_URL.encode(), body)
