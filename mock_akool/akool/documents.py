"""What accounts keep with the service that is no job, such as knowledge: records by kind, account and id."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, NamedTuple

from mock_akool.akool.transactions import transaction

Document = Mapping[str, Any]


class DocumentsState(NamedTuple):
    """All documents, by API key, kind and id, and the highest number that each account was given."""

    kept: Mapping[str, Mapping[str, Mapping[str, Document]]] = MappingProxyType({})
    counts: Mapping[str, int] = MappingProxyType({})


class Documents:
    """The documents of an engine, under its lock. A record is replaced, never changed."""

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self.lock = lock
        self._kept: dict[str, dict[str, dict[str, Document]]] = {}
        """By API key, kind and id."""
        self._counts: dict[str, int] = {}

    @transaction
    def state(self) -> DocumentsState:
        """Return all documents."""
        kept = {key: {kind: dict(some) for kind, some in kinds.items()} for key, kinds in self._kept.items()}
        return DocumentsState(kept, dict(self._counts))

    @transaction
    def go_on_from(self, state: DocumentsState) -> None:
        """Keep the documents of others instead."""
        self._kept = {key: {kind: dict(some) for kind, some in kinds.items()} for key, kinds in state.kept.items()}
        self._counts = dict(state.counts)

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
    def all(self, api_key: str | None = None) -> list[tuple[str, str, str, Document]]:
        """Return all documents, each with its API key, kind and id; with an API key, those of that account."""
        owners = list(self._kept) if api_key is None else [api_key]
        return [
            (owner, kind, document_id, document)
            for owner in owners
            for kind, kept in self._kept.get(owner, {}).items()
            for document_id, document in kept.items()
        ]

    @transaction
    def discard(self, api_key: str, kind: str, document_id: str) -> bool:
        """Forget a document; returns whether it was there."""
        return self._kept.get(api_key, {}).get(kind, {}).pop(document_id, None) is not None

    @transaction
    def forget(self, api_key: str) -> None:
        """Forget all documents of an account."""
        self._kept.pop(api_key, None)
        self._counts.pop(api_key, None)
