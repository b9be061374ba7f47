"""How webhooks are delivered: over HTTP, to a receiver in this process, or not at all; for all accounts or for one."""

from __future__ import annotations

import threading
from typing import Final

from mock_akool.webhooks.receivers import Receiver


class DeliveryMode:
    """How webhooks are delivered: `kind` is `collect`, `http`, or `call` with the receiver to call."""

    __slots__ = ("kind", "receiver")

    def __init__(self, kind: str, receiver: Receiver | None = None) -> None:
        self.kind = kind
        self.receiver = receiver


COLLECT: Final = DeliveryMode("collect")
"""Nobody is called: a webhook counts as delivered when it becomes due."""

HTTP: Final = DeliveryMode("http")
"""Webhooks are sent to their URLs."""


class DeliveryModes:
    """Which account's webhooks are delivered how. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usual = COLLECT
        self._at_start: DeliveryMode | None = None
        self._of_account: dict[str, DeliveryMode] = {}
        self.collects_all = True
        """Whether nobody at all is called. May be read without a lock."""

    def set(self, mode: DeliveryMode, api_key: str | None = None) -> None:
        """Deliver this way from now on: for an account, or for all that have no mode of their own."""
        with self._lock:
            if api_key is None:
                self._usual = mode
            else:
                self._of_account[api_key] = mode
            self._changed()

    def of(self, api_key: str | None) -> DeliveryMode:
        """Return the mode of an account, or with None that of all accounts without a mode of their own."""
        return self._usual if api_key is None else self._of_account.get(api_key, self._usual)

    def forget(self, api_key: str) -> None:
        """Deliver the webhooks of an account as everybody's."""
        with self._lock:
            self._of_account.pop(api_key, None)
            self._changed()

    def forget_accounts(self) -> None:
        """Deliver the webhooks of all accounts as everybody's."""
        with self._lock:
            self._of_account.clear()
            self._changed()

    def chosen(self) -> dict[str, str]:
        """Return the kinds of the modes that are not as at the start: by API key, and the usual one by the empty text.

        Receivers of this process are left out: they end with it.
        """
        with self._lock:
            changed = {} if self._at_start in (None, self._usual) else {"": self._usual}
            return {key: mode.kind for key, mode in {**changed, **self._of_account}.items() if mode.receiver is None}

    def note_start(self) -> None:
        """Remember the usual mode as the one to which `restore` returns; only the first call counts."""
        with self._lock:
            if self._at_start is None:
                self._at_start = self._usual

    def restore(self) -> None:
        """Return to the usual mode of the start."""
        with self._lock:
            if self._at_start is not None:
                self._usual = self._at_start
            self._changed()

    def _changed(self) -> None:
        self.collects_all = all(mode is COLLECT for mode in (self._usual, *self._of_account.values()))
