"""`/_mock/documents` and `documents` in Python: what accounts keep (families sheet, section 15)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from mock_akool import MockAkool, MockAkoolError, Request, SteeredClock
from mock_akool.mock.base import BaseMock
from tests.contract.asking import KEY, OTHER, Asker

KINDS: Final = ("knowledge", "avatar", "voice")
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


AVATAR: Final = {"url": "https://example.com/me.mp4", "avatar_id": "me1", "type": 1, "name": "Me"}
VOICE: Final = {"source_voice_file": "https://example.com/me.mp3", "name": "My voice"}


def kept_by(key: str, mock: MockAkool) -> tuple[str, str, str]:
    """Let an account keep something of each kind; returns the ids of its knowledge, avatar and voice."""
    own = Keeper(key, mock)
    knowledge = own.kept("cats")
    avatar = own.post("/api/open/v3/avatar/create", AVATAR)["data"]["_id"]
    voice = own.post("/api/open/v4/voice/clone", VOICE)["data"]["_id"]
    return knowledge, avatar, voice


def test_avatars_and_voices_are_kept_too_as_their_readers_show_them() -> None:
    mock = MockAkool(queueing=2, processing=3)
    own = Keeper(mock=mock)
    ids = kept_by(KEY, mock)
    own.post("/api/open/v3/content/image/createbyprompt", {"prompt": "an owl"})

    found = own.admin("GET", "documents")[1]["documents"]
    assert [(each["kind"], each["id"]) for each in found] == list(zip(KINDS, ids, strict=True))
    assert found[1]["document"]["status"] == 1
    mock.clock.advance(5)
    shown = own.get("/api/open/v3/avatar/detail", f"id={ids[1]}")["data"]
    avatar = own.admin("GET", f"documents/{ids[1]}")[1]
    assert (avatar["account"], avatar["document"]["status"], avatar["document"]["name"]) == (KEY, 3, "Me")
    assert avatar["document"]["_id"] == shown["_id"]
    assert [each["id"] for each in own.admin("GET", "documents", "kind=voice")[1]["documents"]] == [ids[2]]
    assert own.admin("GET", "documents", "kind=hats")[1]["matched"] == 0
    assert own.admin("GET", "documents/nothing")[0] == 404
    assert own.admin("GET", f"documents/{mock.jobs.last.id}")[0] == 404


def test_a_deleted_avatar_was_never_there() -> None:
    mock = MockAkool(queueing=0, processing=0)
    own = Keeper(mock=mock)
    _, avatar, _ = kept_by(KEY, mock)
    assert own.admin("DELETE", f"documents/{avatar}", f"account={OTHER}")[0] == 404
    assert own.admin("DELETE", f"documents/{avatar}")[1]["kind"] == "avatar"
    assert own.get("/api/open/v3/avatar/list", "from=3")["data"]["result"] == []
    assert own.admin("DELETE", f"documents/{avatar}")[0] == 404


def test_what_a_client_deleted_is_kept_no_longer() -> None:
    mock = MockAkool(queueing=0, processing=0)
    _, _, voice = kept_by(KEY, mock)
    Keeper(mock=mock).post("/api/open/v4/voice/del", {"_ids": [voice]})
    assert [each.kind for each in mock.documents] == ["knowledge", "avatar"]
    with pytest.raises(MockAkoolError, match="there is no document"):
        mock.document(voice)


@pytest.fixture(params=["here", "on a server"])
def seen(request: pytest.FixtureRequest) -> Iterator[tuple[MockAkool, BaseMock]]:
    """A fake, and how a test looks at it: in this process, or on a server."""
    mock = MockAkool(queueing=0, processing=0, clock=SteeredClock())
    if request.param == "here":
        yield mock, mock
        return
    with mock.server() as server:
        yield mock, MockAkool.connect(server.url)


def test_python_sees_and_deletes_them(seen: tuple[MockAkool, BaseMock]) -> None:
    mock, view = seen
    own, other = kept_by(KEY, mock), kept_by(OTHER, mock)
    assert {each.id for each in view.documents} == {*own, *other}
    assert [each.id for each in view.documents.by_account(OTHER)] == [*other]
    assert [each.id for each in view.documents.of_kind("avatar")] == [own[1], other[1]]
    assert [each.id for each in view.of_account(KEY).documents] == [*own]
    found = view.document(own[0])
    assert (found.id, found.api_key, found.kind, found.record["name"]) == (own[0], KEY, "knowledge", "cats")
    assert found == view.documents.first

    view.delete_document(own[0])
    view.of_account(KEY).delete_document(own[2])
    assert [each.kind for each in view.of_account(KEY).documents] == ["avatar"]
    for gone in (own[0], own[2], "nothing"):
        for act in (view.document, view.delete_document):
            with pytest.raises(MockAkoolError, match=f"there is no document '{gone}'"):
                act(gone)
    for act in (view.of_account(KEY).document, view.of_account(KEY).delete_document):
        with pytest.raises(MockAkoolError, match=f"there is no document '{other[0]}' of this account"):
            act(other[0])
    with pytest.raises(AssertionError, match=f"expected 0 documents of the kind 'avatar', got 2:\n  {own[1]} avatar"):
        view.documents.of_kind("avatar").assert_none()
