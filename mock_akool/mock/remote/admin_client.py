"""Asks the admin routes of a server, by http.client, which no door of a process answers for."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from mock_akool.core.errors import MockAkoolError, ScenarioError, ServerError
from mock_akool.server.settings import bare_url

_PATIENCE_S: Final = 10.0


def quoted(part: str) -> str:
    """Return a text as a part of a path."""
    return quote(part, safe="")


class AdminClient:
    """Asks the admin routes of one server, from any thread."""

    def __init__(self, url: str, admin_token: str | None = None) -> None:
        self.url = bare_url(url)
        parts = urlsplit(self.url)
        self.address = (parts.hostname or "", parts.port or 80)
        """Host and port."""
        self._headers = {"content-type": "application/json", "connection": "close"}
        if admin_token:
            self._headers["authorization"] = f"Bearer {admin_token}"

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Return what an admin route answers; `path` is that below `/_mock/`, and a query of None is left out.

        Raises MockAkoolError with the route's own words when it refuses, ServerError when no server answers.
        """
        given = {name: value for name, value in query.items() if value is not None}
        target = f"/_mock/{path}{'?' if given else ''}{urlencode(given)}"
        sent = None if body is None else json.dumps({name: each for name, each in body.items() if each is not None})
        patience_s = _PATIENCE_S + float(given.get("timeout", 0))
        status, raw = self._answer(method, target, sent, patience_s)
        try:
            said = json.loads(raw)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise ServerError(
                f"what answers at {self.url} is not mock-akool",
                "Check the address, or start one with `mock-akool serve`",
            )
        if status >= 300:
            kind = {400: ScenarioError, 504: TimeoutError}.get(status, MockAkoolError)
            error, hint = str(said.get("error")), str(said.get("hint", ""))
            if status == 401:
                hint = "Give it as admin_token=…, or to the fixtures as the variable MOCK_AKOOL_ADMIN_TOKEN"
            raise kind(f"{error}. {hint}") if kind is TimeoutError else kind(error, hint)
        return said

    def _answer(self, method: str, target: str, sent: str | None, patience_s: float) -> tuple[int, bytes]:
        # A connection for each call: none is left open, and none that was kept can turn out to be closed.
        connection = http.client.HTTPConnection(*self.address, timeout=patience_s)
        try:
            connection.request(method, target, sent, self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except TimeoutError:
            raise ServerError(
                f"the server at {self.url} does not answer within {patience_s:g} s", "Is it stopped, or very busy?"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(
                f"no server answers at {self.url}: {error}", "Start one with `mock-akool serve`"
            ) from None
        finally:
            connection.close()
