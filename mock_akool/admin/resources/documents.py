"""Documents: what accounts keep: knowledge of live avatars, avatars and voices."""

from __future__ import annotations

from typing import Any, Final

from mock_akool.admin.parameters import ACCOUNT_QUERY, LIMIT, OFFSET, account_of_query, query
from mock_akool.admin.responses import AdminError, page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import TEXT, page, record
from mock_akool.akool.kept import Document, discard, kept, kept_with_id
from mock_akool.core.schema import NAME, Field

_MOST_SHOWN: Final = 60


_SCHEMA: Final = record(
    {
        "id": ("the `_id`", TEXT),
        "account": ("the API key of the account", TEXT),
        "kind": ("what it is: `knowledge`, `avatar` or `voice`", TEXT),
        "document": ("the record as the API shows it", {"type": "object"}),
    }
)


def _written(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "account": document.api_key,
        "kind": document.kind,
        "document": dict(document.record),
    }


def list_documents(request: AdminRequest) -> Any:
    """List documents: those that no job made, the oldest of each account first, then the others, oldest first."""
    kind = request.given["kind"]
    found = [each for each in kept(request.engine, request.account) if kind in (None, each.kind)]
    first, limit = request.given["offset"], request.given["limit"]
    shown = page_of(found[first : first + limit], limit, _written)
    following = first + len(shown.items)
    return {"documents": shown, "matched": len(found), "next": following if following < len(found) else None}


def one_document(request: AdminRequest) -> Any:
    """Show a document."""
    return _written(_there(request, kept_with_id(request.engine, request.given["document"], request.account)))


def delete_document(request: AdminRequest) -> Any:
    """Delete a document; it was never there."""
    return _written(_there(request, discard(request.engine, request.given["document"], request.account)))


def _there(request: AdminRequest, found: Document | None) -> Document:
    if found is None:
        wanted, whose = request.given["document"], "" if request.account is None else " of this account"
        hint = "GET /_mock/documents lists those that there are"
        raise AdminError(404, f"there is no document {wanted[:_MOST_SHOWN]!r}{whose}", hint)
    return found


ROUTES: Final[Routes] = {
    ("GET", "/_mock/documents"): Route(
        "List what accounts keep: knowledge, avatars and voices",
        list_documents,
        page("documents", "the documents, those that no job made first", _SCHEMA, by="offset"),
        query(
            account=account_of_query(),
            kind=Field(NAME, "the kind, such as `avatar`; without it, all"),
            offset=OFFSET,
            limit=LIMIT,
        ),
    ),
    ("GET", "/_mock/documents/{document}"): Route("Show a document", one_document, _SCHEMA, ACCOUNT_QUERY),
    ("DELETE", "/_mock/documents/{document}"): Route("Delete a document", delete_document, _SCHEMA, ACCOUNT_QUERY),
}
