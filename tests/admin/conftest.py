"""A fake with its admin API, asked as any transport asks it."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Request

KEY: Final = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
OTHER: Final = "ZADm0gkLonmwUjMAK0PJpl0MOiXLOOOw"
IMAGE: Final = "/api/open/v3/content/image"


class Fake:
    """Asks admin routes, and the API as a client of an account would."""

    def __init__(self, mock: MockAkool) -> None:
        self.mock = mock

    def raw(
        self, method: str, path: str, query: str = "", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        response = self.mock.answer(Request.build(method, path, query, headers, body))
        is_json = dict(response.headers).get("content-type", "").startswith("application/json")
        return response.status, json.loads(response.body) if is_json else None

    def ask(self, method: str, path: str, query: str = "", /, **body: Any) -> Any:
        """Return what an admin route tells; it must succeed."""
        status, told = self.raw(method, f"/_mock/{path}", query, json.dumps(body).encode() if body else b"")
        assert status in (200, 201), told
        return told

    def refused(self, method: str, path: str, query: str = "", /, **body: Any) -> tuple[int, str, str]:
        """Return status, error and hint of an admin route that refuses, and has then changed nothing."""
        before = self.reported()
        status, told = self.raw(method, f"/_mock/{path}", query, json.dumps(body).encode() if body else b"")
        assert set(told) == {"error", "hint"}, told
        assert self.reported() == before
        return status, told["error"], told["hint"]

    def reported(self) -> list[Any]:
        """All that the admin API tells of the fake."""
        paths = ("state", "jobs", "accounts", "scenario", "clock", "calls", "webhooks")
        return [self.raw("GET", f"/_mock/{path}")[1] for path in paths]

    def create(self, key: str = KEY, prompt: str = "a red fox", **fields: Any) -> str:
        body = json.dumps({"prompt": prompt, **fields}).encode()
        _, said = self.raw("POST", f"{IMAGE}/createbyprompt", "", body, self._headers(key))
        assert said["code"] == 1000, said
        job_id: str = said["data"]["_id"]
        return job_id

    def code_of_create(self, key: str = KEY) -> int:
        _, said = self.raw("POST", f"{IMAGE}/createbyprompt", "", b'{"prompt": "a"}', self._headers(key))
        code: int = said["code"]
        return code

    def poll(self, job_id: str, key: str = KEY) -> Any:
        status, said = self.raw("GET", f"{IMAGE}/infobymodelid", f"image_model_id={job_id}", b"", self._headers(key))
        return said.get("data", said) if status == 200 else status

    def _headers(self, key: str) -> dict[str, str]:
        return {"x-api-key": key, "content-type": "application/json"}


@pytest.fixture
def fake() -> Fake:
    return Fake(MockAkool())
