"""`/_mock/documents`: what accounts keep that is no job (families sheet, section 15)."""

from __future__ import annotations

import json
from typing import Any, Final

from mock_akool import MockAkool, Request
from tests.contract.asking import KEY, OTHER, Asker

KNOWLEDGE: Final = "/api/open/v4/knowledge"


class Keeper(Asker):
    """Keeps knowledge, and looks at it by the admin API."""

    def kept(self, name: str) -> str:
        document_id: str = self.post(f"{KNOWLEDGE}/create", {"name": name, "prompt": "Be kind."})["data"]["_id"]
        return document_id

    def admin(self, method: str, path: str, query: str = "") -> tuple[int, Any]:
        response = self.mock.answer(Request.build(method, f"/_mock/{path}", query))
        return response.status, json.loads(response.body)


def test_the_documents_of_all_and_of_one_account_are_listed() -> None:
    mock = MockAkool()
    own, other = Keeper(mock=mock), Keeper(OTHER, mock)
    ids = [own.kept("cats"), own.kept("dogs"), other.kept("birds")]

    status, found = own.admin("GET", "documents")
    assert (status, found["matched"], found["next"]) == (200, 3, None)
    assert [(each["id"], each["account"], each["kind"]) for each in found["documents"]] == [
        *((job_id, KEY, "knowledge") for job_id in ids[:2]),
        (ids[2], OTHER, "knowledge"),
    ]
    assert found["documents"][0]["document"]["name"] == "cats"
    assert [each["id"] for each in own.admin("GET", "documents", f"account={OTHER}")[1]["documents"]] == ids[2:]
    assert own.admin("GET", "documents", "account=nobody")[1] == {"documents": [], "matched": 0, "next": None}


def test_a_list_comes_in_pages() -> None:
    own = Keeper()
    ids = [own.kept(f"{number}") for number in range(5)]
    pages = [own.admin("GET", "documents", f"offset={at}&limit=2")[1] for at in (0, 2, 4, 9)]
    assert [[each["id"] for each in page["documents"]] for page in pages] == [ids[:2], ids[2:4], ids[4:], []]
    assert [page["next"] for page in pages] == [2, 4, None, None]


def test_a_deleted_document_is_known_to_nobody() -> None:
    mock = MockAkool()
    own, other = Keeper(mock=mock), Keeper(OTHER, mock)
    mine, theirs = own.kept("cats"), other.kept("birds")

    status, gone = own.admin("DELETE", f"documents/{mine}")
    assert (status, gone["id"], gone["document"]["name"]) == (200, mine, "cats")
    assert own.get(f"{KNOWLEDGE}/detail", f"id={mine}")["code"] == 1232
    for query, document_id, why in (
        ("", mine, f"there is no document '{mine}'"),
        (f"account={KEY}", theirs, f"there is no document '{theirs}' of this account"),
    ):
        status, answer = own.admin("DELETE", f"documents/{document_id}", query)
        assert (status, answer["error"]) == (404, why)
        assert "GET /_mock/documents" in answer["hint"]
    assert [each["id"] for each in own.admin("GET", "documents")[1]["documents"]] == [theirs]


def test_a_reset_forgets_them() -> None:
    own = Keeper()
    own.kept("cats")
    own.mock.reset()
    assert own.admin("GET", "documents")[1]["matched"] == 0
