"""What accounts keep with the service that is no job, such as knowledge: records by kind, account and id."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, NamedTuple

from mock_akool.akool.transactions import transaction

DocumentRecord = Mapping[str, Any]
"""What the service keeps of a document; see `kept.Document` for all that accounts keep."""


class DocumentsState(NamedTuple):
    """All documents, by API key, kind and id, and the highest number that each account was given."""

    kept: Mapping[str, Mapping[str, Mapping[str, DocumentRecord]]] = MappingProxyType({})
    counts: Mapping[str, int] = MappingProxyType({})


class Documents:
    """The documents of an engine, under its lock. A record is replaced, never changed."""

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self.lock = lock
        self._kept: dict[str, dict[str, dict[str, DocumentRecord]]] = {}
        """By API key, kind and id."""
        self._ids: dict[tuple[str, str], dict[str, str]] = {}
        """Ids by API key and kind, and by the name that the document has."""
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
        self._ids = {}
        for key, kinds in self._kept.items():
            for kind, some in kinds.items():
                for document_id, document in some.items():
                    self._note_name(key, kind, document_id, document)

    @transaction
    def get(self, api_key: str, kind: str, document_id: str) -> DocumentRecord | None:
        """Return a document of an account; None when it is not there."""
        return self._kept.get(api_key, {}).get(kind, {}).get(document_id)

    @transaction
    def named(self, api_key: str, kind: str, name: str) -> str | None:
        """Return the id of the account's document with this `name`; None when there is none."""
        return self._ids.get((api_key, kind), {}).get(name)

    @transaction
    def of(self, api_key: str, kind: str) -> Mapping[str, DocumentRecord]:
        """Return an account's documents of a kind by id, the oldest first."""
        return dict(self._kept.get(api_key, {}).get(kind, {}))

    @transaction
    def next_number(self, api_key: str) -> int:
        """Return a number that no document of the account had before; ids are made of it."""
        number = self._counts[api_key] = self._counts.get(api_key, 0) + 1
        return number

    @transaction
    def put(self, api_key: str, kind: str, document_id: str, document: DocumentRecord) -> None:
        """Keep a document, in the place of one with the same id."""
        kept = self._kept.setdefault(api_key, {}).setdefault(kind, {})
        if document_id in kept:
            self._forget_name(api_key, kind, document_id, kept[document_id])
        kept[document_id] = document
        self._note_name(api_key, kind, document_id, document)

    @transaction
    def remove(self, api_key: str, kind: str, document_id: str) -> None:
        """Forget a document; it must be there."""
        self._forget_name(api_key, kind, document_id, self._kept[api_key][kind].pop(document_id))

    @transaction
    def all(self, api_key: str | None = None) -> list[tuple[str, str, str, DocumentRecord]]:
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
        document = self.get(api_key, kind, document_id)
        if document is not None:
            self.remove(api_key, kind, document_id)
        return document is not None

    @transaction
    def forget(self, api_key: str) -> None:
        """Forget all documents of an account."""
        for kind in self._kept.pop(api_key, {}):
            self._ids.pop((api_key, kind), None)
        self._counts.pop(api_key, None)

    def _note_name(self, api_key: str, kind: str, document_id: str, document: DocumentRecord) -> None:
        name = document.get("name")
        if isinstance(name, str):
            self._ids.setdefault((api_key, kind), {})[name] = document_id

    def _forget_name(self, api_key: str, kind: str, document_id: str, document: DocumentRecord) -> None:
        ids, name = self._ids.get((api_key, kind), {}), document.get("name")
        if isinstance(name, str) and ids.get(name) == document_id:
            del ids[name]
