"""What accounts keep with a fake, as tests read it."""

from __future__ import annotations

from mock_akool.akool.kept import Document
from mock_akool.core.errors import MockAkoolError
from mock_akool.mock.records import Records

__all__ = ["Document", "Documents", "no_document"]


class Documents(Records[Document, "Documents"]):
    """What accounts keep: knowledge, then avatars and voices that jobs made. Filters return new Documents."""

    noun = "document"

    def by_account(self, api_key: str) -> Documents:
        """Return those of the account with this API key."""
        return self._where(" of that account", lambda each: each.api_key == api_key)

    def of_kind(self, kind: str) -> Documents:
        """Return those of a kind: `knowledge`, `avatar` or `voice`."""
        return self._where(f" of the kind {kind!r}", lambda each: each.kind == kind)

    @staticmethod
    def _line(document: Document, /) -> str:
        """Return one line about a document."""
        name = document.record.get("name")
        return f"{document.id} {document.kind}{f' {name!r}' if name else ''}"


def no_document(document_id: str, api_key: str | None) -> MockAkoolError:
    """Return the error for a document that is not there, or is another account's."""
    whose = "" if api_key is None else " of this account"
    return MockAkoolError(f"there is no document {document_id!r}{whose}", "`documents` has those that there are")
