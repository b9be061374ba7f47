"""What accounts keep that is no job, by id and by name."""

from __future__ import annotations

import threading

import pytest

from mock_akool.akool.documents import Documents


@pytest.fixture
def documents() -> Documents:
    return Documents(threading.RLock())


def test_a_document_may_have_no_name(documents: Documents) -> None:
    documents.put("key", "voice", "1", {"gender": "Female"})
    documents.put("key", "voice", "1", {"gender": "Male"})
    assert documents.get("key", "voice", "1") == {"gender": "Male"}
    documents.remove("key", "voice", "1")
    assert documents.of("key", "voice") == {}


def test_a_name_is_the_newest_documents(documents: Documents) -> None:
    documents.put("key", "knowledge", "1", {"name": "foxes"})
    documents.put("key", "knowledge", "2", {"name": "foxes"})
    documents.remove("key", "knowledge", "1")
    assert documents.named("key", "knowledge", "foxes") == "2"
    documents.remove("key", "knowledge", "2")
    assert documents.named("key", "knowledge", "foxes") is None
