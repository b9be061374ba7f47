"""Documents: what accounts keep that is no job, such as knowledge of live avatars."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mock_akool.admin.parameters import ACCOUNT_QUERY, LIMIT, OFFSET, account_of_query, query
from mock_akool.admin.responses import AdminError, page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import TEXT, page, record
from mock_akool.akool.documents import Document

_MOST_SHOWN: Final = 60


class _Kept(NamedTuple):
    """A document and whose it is."""

    api_key: str
    kind: str
    id: str
    document: Document

    @property
    def written(self) -> dict[str, Any]:
        return {"id": self.id, "account": self.api_key, "kind": self.kind, "document": dict(self.document)}


_SCHEMA: Final = record(
    {
        "id": ("the `_id`", TEXT),
        "account": ("the API key of the account", TEXT),
        "kind": ("what it is, such as `knowledge`", TEXT),
        "document": ("the record as the API shows it", {"type": "object"}),
    }
)


def list_documents(request: AdminRequest) -> Any:
    """List documents, the oldest of each account first."""
    found = _known(request)
    first, limit = request.given["offset"], request.given["limit"]
    shown = page_of(found[first : first + limit], limit, lambda each: each.written)
    following = first + len(shown.items)
    return {"documents": shown, "matched": len(found), "next": following if following < len(found) else None}


def delete_document(request: AdminRequest) -> Any:
    """Delete a document; it was never there."""
    wanted = request.given["document"]
    found = next((each for each in _known(request) if each.id == wanted), None)
    if found is None or not request.engine.documents.discard(found.api_key, found.kind, found.id):
        whose = "" if request.account is None else " of this account"
        hint = "GET /_mock/documents lists those that there are"
        raise AdminError(404, f"there is no document {wanted[:_MOST_SHOWN]!r}{whose}", hint)
    return found.written


def _known(request: AdminRequest) -> list[_Kept]:
    return [_Kept(*each) for each in request.engine.documents.all(request.account)]


ROUTES: Final[Routes] = {
    ("GET", "/_mock/documents"): Route(
        "List what accounts keep that is no job, such as knowledge",
        list_documents,
        page("documents", "the documents, the oldest of each account first", _SCHEMA, by="offset"),
        query(account=account_of_query(), offset=OFFSET, limit=LIMIT),
    ),
    ("DELETE", "/_mock/documents/{document}"): Route("Delete a document", delete_document, _SCHEMA, ACCOUNT_QUERY),
}
