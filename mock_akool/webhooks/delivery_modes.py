"""How webhooks are carried: over HTTP, into this process, or not at all."""

from __future__ import annotations

from typing import Final

from mock_akool.webhooks.receivers import Receiver


class DeliveryMode:
    """How callbacks are carried: `kind` is `collect`, `http`, or `call` with the receiver to call."""

    __slots__ = ("kind", "receiver")

    def __init__(self, kind: str, receiver: Receiver | None = None) -> None:
        self.kind = kind
        self.receiver = receiver


COLLECT: Final = DeliveryMode("collect")
"""Nobody is called: a callback counts as taken when it falls due."""


HTTP: Final = DeliveryMode("http")
