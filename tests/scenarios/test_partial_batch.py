"""A batch of videos of which some fail: who stops too early, who waits forever, and who gets all that there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from mock_akool.core.timeline import Status
from tests.contract.test_image2video import BATCH, TEXT, Filmer

POLL_S: Final = 5
PATIENCE: Final = 40
"""How many polls a client makes at most."""


def waits_for(filmer: Filmer, ids: list[str], ended: Callable[[list[int]], bool]) -> list[int] | None:
    """Poll a batch until `ended` says so of its statuses; returns them, or None when that never comes."""
    for _ in range(PATIENCE):
        statuses = [row["status"] for row in filmer.rows(*ids)]
        if ended(statuses):
            return statuses
        filmer.mock.clock.advance(POLL_S)
    return None


def all_have_ended(statuses: list[int]) -> bool:
    """Return whether a batch has an end."""
    return bool(statuses) and all(each >= 3 for each in statuses)


def gets_videos(filmer: Filmer, path: str, count: int) -> list[str]:
    """Make videos as a robust client does: return the addresses of `count`, whatever fails on the way."""
    found: list[str] = []
    for _ in range(PATIENCE):
        missing = count - len(found)
        if not missing:
            return found
        data = filmer.batch(path, count=missing)
        rows = data["successList"]
        assert len(rows) + len(data["errorList"]) == missing
        ids = [row["_id"] for row in rows]
        assert waits_for(filmer, ids, all_have_ended)
        found += [row["video_url"] for row in filmer.rows(*ids) if row["status"] == 3]
    raise AssertionError("no end")


@pytest.fixture(params=[BATCH, TEXT], ids=["images", "texts"])
def path(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def batch_of(filmer: Filmer, path: str) -> list[str]:
    return [row["_id"] for row in filmer.batch(path, count=3)["successList"]]


@pytest.mark.parametrize(
    ("ended", "seen"),
    [
        (lambda statuses: any(each == 3 for each in statuses), [3, 2]),  # one is done
        (lambda statuses: any(each >= 3 for each in statuses), [3, 2]),
        (lambda statuses: all(each == 3 for each in statuses), None),  # waits forever for the one that failed
        (all_have_ended, [3, 4]),
    ],
    ids=["one is done", "one has ended", "all are done", "all have ended"],
)
def test_when_a_client_stops(path: str, ended: Callable[[list[int]], bool], seen: list[int] | None) -> None:
    filmer = Filmer(scenario="partial-batch")
    found = waits_for(filmer, batch_of(filmer, path), ended)
    assert found == seen


def test_all_of_no_rows_have_ended() -> None:
    filmer = Filmer(scenario="partial-batch")
    assert waits_for(filmer, ["a wrong id"], lambda statuses: all(each == 3 for each in statuses)) == []


def test_a_robust_client_gets_as_many_as_it_wants_and_pays_for_these_only(path: str) -> None:
    filmer = Filmer(scenario="partial-batch")
    assert len(set(gets_videos(filmer, path, 3))) == 3
    assert filmer.mock.credits_spent == 300
    assert [filmer.mock.job(job.id).status for job in filmer.mock.jobs] == [
        *(Status.COMPLETED, Status.FAILED, Status.COMPLETED, Status.COMPLETED)
    ]


def test_a_row_is_refused_and_neither_made_nor_paid(path: str) -> None:
    filmer = Filmer(scenario="partial-batch")
    data = filmer.batch(path, count=4)
    assert [len(data[each]) for each in ("successList", "errorList")] == [3, 1]
    assert data["errorList"] == [{"code": 1108, "msg": "image generate error, try again later"}]
    assert (len(filmer.mock.jobs), filmer.mock.credits_spent) == (3, 300)
    assert waits_for(filmer, [row["_id"] for row in data["successList"]], all_have_ended) == [3, 4, 3]


def test_it_asks_again_for_rows_that_were_refused(path: str) -> None:
    prompt = {"prompt": "a fox in the snow"}
    filmer = Filmer(scenario="partial-batch", i2v_batch_errors=["*snow=2"])
    data = filmer.batch(path, count=3, **prompt)
    assert (len(data["successList"]), len(data["errorList"])) == (1, 2)
    assert len(set(gets_videos(filmer, path, len(data["errorList"])))) == 2
    assert filmer.mock.credits_spent == 300  # the failed one cost nothing
