"""What the two clients are written against, so that they run through every transport of the suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

API: Final = "https://openapi.akool.com/api/open"
TOKEN: Final = f"{API}/v3/getToken"
INFO: Final = f"{API}/v3/content/image/infobymodelid"
QUOTA: Final = f"{API}/v3/faceswap/quota/info"
PRESS: Final = f"{API}/v3/content/image/createbybutton"

Sleep = Callable[[float], None]


class Response(NamedTuple):
    """An answer that has arrived; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the body says; raises ValueError when it is no JSON."""
        return json.loads(self.body)


class Transport(Protocol):
    """An HTTP library."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises when no whole answer comes."""
        ...

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """Send a request and return its answer."""
        ...


class Order(NamedTuple):
    """An image that is wanted: a create request, and which button is then pressed on its result, if any."""

    url: str
    fields: Mapping[str, Any]
    button: str | None = None


PROMPT: Final = "a lighthouse at dusk"
_V3: Final = f"{API}/v3/content/image/createbyprompt"
ORDERS: Final[Mapping[str, Order]] = {
    "v3": Order(_V3, {"prompt": PROMPT}),
    "v4": Order(
        f"{API}/v4/content/image/createBySourcePrompt", {"prompt": PROMPT, "resolution": "1080p", "batch_quantity": 1}
    ),
    "button": Order(_V3, {"prompt": PROMPT}, "U2"),
}
"""One of each kind of job."""
