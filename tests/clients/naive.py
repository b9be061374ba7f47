"""A client as many people write it: it works as long as nothing goes wrong.

It has no time limit, knows no status but 3, reads every answer as JSON of a success, tries again whatever happened to
a create, and saves whatever a download brings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.clients.transport import INFO, PRESS, TOKEN, Order, Sleep, Transport

_TRIES: Final = 5


class NaiveClient:
    """Gets images, on a good day."""

    def __init__(self, transport: Transport, client_id: str, client_secret: str, *, sleep: Sleep) -> None:
        self._transport = transport
        self._pair = {"clientId": client_id, "clientSecret": client_secret}
        self._sleep = sleep
        self._headers: dict[str, str] = {}

    def image(self, order: Order) -> bytes:
        """Return the bytes of a new image."""
        token = self._post(TOKEN, self._pair)["token"]
        self._headers = {"Authorization": f"Bearer {token}"}
        record = self._wait(self._create(order.url, order.fields))
        if order.button is not None:
            record = self._wait(self._create(PRESS, {"_id": record["_id"], "button": order.button}))
        return self._transport.send("GET", record["image"], {}).body

    def _create(self, url: str, fields: Mapping[str, Any]) -> str:
        tries = 0
        while True:
            try:
                job_id: str = self._post(url, fields)["data"]["_id"]
            except Exception:
                tries += 1
                if tries == _TRIES:
                    raise
                self._sleep(1)
            else:
                return job_id

    def _wait(self, job_id: str) -> Any:
        while True:
            answer = self._transport.send("GET", f"{INFO}?image_model_id={job_id}", self._headers)
            record = answer.json()["data"]
            if record["image_status"] == 3:
                return record
            self._sleep(3)

    def _post(self, url: str, fields: Mapping[str, Any]) -> Any:
        headers = {**self._headers, "Content-Type": "application/json"}
        return self._transport.send("POST", url, headers, json.dumps(fields).encode()).json()
