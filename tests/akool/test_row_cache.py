"""Records that are kept between polls of several jobs: never shown when they are not true any more."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool import Request
from mock_akool.akool import poll_cache
from tests.contract.asking import OTHER, Asker
from tests.contract.test_image2video import READ, SINGLE

VIDEO: Final = {"image_url": "https://example.com/a.png", "prompt": "a", "resolution": "720p", "video_length": 5}
SWAP: Final = {
    "sourceImage": [{"path": "https://example.com/a.png"}],
    "targetImage": [{"path": "https://example.com/a.png"}],
    "modifyImage": "https://example.com/b.png",
}
V3: Final = "/api/open/v3/faceswap"
UNKNOWN: Final = "0" * 24
"""With an unknown id no whole answer is kept, so that only records can be."""


class Lister(Asker):
    """Makes jobs and reads several."""

    def __init__(self, reader: str, **options: Any) -> None:
        super().__init__(**options)
        self.reader = reader

    def made(self) -> str:
        path, body = (SINGLE, VIDEO) if self.reader == "resultsByIds" else (f"{V3}/highquality/specifyimage", SWAP)
        job_id: str = self.post(path, body)["data"]["_id"]
        return job_id

    def rows(self, *ids: str, base: str = "") -> list[dict[str, Any]]:
        asked = ",".join((*ids, UNKNOWN))
        if self.reader == "resultsByIds":
            body = json.dumps({"_ids": asked}).encode()
            request = Request.build("POST", READ, "", self.headers, body)
        else:
            request = Request.build("GET", f"{V3}/result/listbyids", f"_ids={asked}", self.headers)
        answer = self.mock.answer(request._replace(file_base=base))
        found: list[dict[str, Any]] = json.loads(answer.body)["data"]["result"]
        return found

    def statuses(self, *ids: str) -> list[int]:
        word = "status" if self.reader == "resultsByIds" else "faceswap_status"
        return [row[word] for row in self.rows(*ids)]


@pytest.fixture(params=["resultsByIds", "listbyids"])
def reader(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_a_record_is_as_fresh_as_without_others(reader: str) -> None:
    lister = Lister(reader)
    first = lister.made()
    lister.mock.clock.advance(1)
    second = lister.made()
    seen = []
    for _ in range(8):
        assert lister.rows(first, second) == lister.rows(first) + lister.rows(second)
        seen.append(lister.statuses(second, first))
        lister.mock.clock.advance(1)
    assert seen == [[1, 1], [1, 2], [2, 2], [2, 2], [2, 3], [3, 3], [3, 3], [3, 3]]


def test_what_changes_a_job_is_seen_at_once(reader: str) -> None:
    lister = Lister(reader, processing="forever")
    one, two, three = lister.made(), lister.made(), lister.made()
    assert lister.statuses(one, two, three) == [1, 1, 1]
    lister.mock.job(one).complete()
    lister.mock.job(two).fail("no")
    assert lister.statuses(one, two, three) == [3, 4, 1]
    assert lister.statuses(one, two, three) == [3, 4, 1]
    path = f"{V3}/result/delbyids" if reader == "listbyids" else "/api/open/v4/image2Video/delbyids"
    lister.post(path, {"_ids": one})
    assert lister.statuses(one, two, three) == [4, 1]
    lister.mock.reset()
    assert lister.rows(one, two, three) == []


def test_each_poll_counts_where_polls_are_counted(reader: str) -> None:
    lister = Lister(reader, queueing="2 polls", processing="1 poll")
    one, two = lister.made(), lister.made()
    assert [lister.statuses(one, two) for _ in range(5)] == [[1, 1], [1, 1], [2, 2], [3, 3], [3, 3]]


def test_another_account_sees_nothing_of_it(reader: str) -> None:
    lister = Lister(reader)
    one, two = lister.made(), lister.made()
    assert lister.statuses(one, two) == [1, 1]
    lister.headers = {**lister.headers, "x-api-key": OTHER}
    assert lister.rows(one, two) == []


def test_addresses_are_those_of_the_client_that_asks(reader: str) -> None:
    lister = Lister(reader, queueing=0, processing=0)
    one, two = lister.made(), lister.made()
    word = "video_url" if reader == "resultsByIds" else "url"
    for base in ("http://a:1", "http://b:2", "http://a:1"):
        assert {row[word][:10] for row in lister.rows(one, two, base=base)} == {base}


def test_the_call_log_has_all_jobs_and_the_polls_of_each(reader: str) -> None:
    lister = Lister(reader)
    one, two = lister.made(), lister.made()
    for _ in range(2):
        lister.rows(one, two)
        response = lister.mock.calls[-1].response
        assert (response.job_id, [job_id for job_id, _ in response.also_shown]) == (one, [two])


def test_only_so_many_and_so_large_records_are_kept(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_cache, "_MOST_ROWS", 3)
    lister = Lister(reader, processing="forever")
    ids = [lister.made() for _ in range(5)]
    for _ in range(2):
        assert lister.statuses(*ids) == [1] * 5
        assert lister.statuses(*ids[:2]) == [1, 1]
    kept = lister.mock.engine._polls._rows
    assert 2 <= len(kept) <= 5
    monkeypatch.setattr(poll_cache, "_MOST_BYTES", 10)
    assert lister.statuses(lister.made(), lister.made()) == [1, 1]
    assert not kept
