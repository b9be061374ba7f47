"""What accounts keep with the service that is no job, such as knowledge: records by kind, account and id."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from mock_akool.akool.transactions import transaction

Document = Mapping[str, Any]


class Documents:
    """The documents of an engine, under its lock. A record is replaced, never changed."""

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self.lock = lock
        self._kept: dict[str, dict[str, dict[str, Document]]] = {}
        """By API key, kind and id."""
        self._counts: dict[str, int] = {}

    @transaction
    def of(self, api_key: str, kind: str) -> Mapping[str, Document]:
        """Return an account's documents of a kind by id, the oldest first."""
        return dict(self._kept.get(api_key, {}).get(kind, {}))

    @transaction
    def next_number(self, api_key: str) -> int:
        """Return a number that no document of the account had before; ids are made of it."""
        number = self._counts[api_key] = self._counts.get(api_key, 0) + 1
        return number

    @transaction
    def put(self, api_key: str, kind: str, document_id: str, document: Document) -> None:
        """Keep a document, in the place of one with the same id."""
        self._kept.setdefault(api_key, {}).setdefault(kind, {})[document_id] = document

    @transaction
    def remove(self, api_key: str, kind: str, document_id: str) -> None:
        """Forget a document; it must be there."""
        del self._kept[api_key][kind][document_id]

    @transaction
    def forget(self, api_key: str) -> None:
        """Forget all documents of an account."""
        self._kept.pop(api_key, None)
        self._counts.pop(api_key, None)
