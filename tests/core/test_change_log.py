"""The log of what changed lately: the newest change of each thing, bounded."""

from __future__ import annotations

from mock_akool.core.change_log import ChangeLog


def test_a_thing_that_changes_again_moves_to_the_end() -> None:
    log: ChangeLog[str] = ChangeLog()
    for key in ("a", "b", "a"):
        log.note(key, "owner")
    assert [(each.edition, each.key, each.owner) for each in log.after(0)] == [(2, "b", "owner"), (3, "a", "owner")]
    assert [each.key for each in log.after(2)] == ["a"]
    assert log.after(3) == []


def test_it_forgets_the_oldest_changes_and_says_until_which() -> None:
    log: ChangeLog[int] = ChangeLog(size=2)
    for key in (1, 2, 3):
        log.note(key, "")
    assert [each.key for each in log.after(0)] == [2, 3]
    assert log.forgotten == 1, "who saw the first change missed nothing"


def test_clearing_it_counts_as_a_change() -> None:
    log: ChangeLog[int] = ChangeLog()
    log.note(1, "")
    log.clear()
    assert (log.after(0), log.edition, log.forgotten) == ([], 2, 2)
    log.note(1, "")
    assert [each.edition for each in log.after(2)] == [3]
