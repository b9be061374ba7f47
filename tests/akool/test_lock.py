"""The engine owns its lock: whoever asks it, what is asked is one transaction."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

import mock_akool
from mock_akool import MockAkool, Request
from mock_akool.akool.engine import Engine
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.jobs import Job
from mock_akool.akool.transactions import transaction
from mock_akool.core.call_log import CallLog
from mock_akool.core.timeline import failed
from tests.contract.asking import KEY

PACKAGE: Final = Path(mock_akool.__file__).parent
OUTSIDE: Final = [file for file in sorted(PACKAGE.rglob("*.py")) if file.relative_to(PACKAGE).parts[0] != "akool"]


def locks_of(file: Path) -> Iterator[int]:
    """The lines of a module that speak of a lock that is not their own."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "lock":
            yield node.lineno


def test_the_lock_is_called_so() -> None:
    assert MockAkool().engine.lock.acquire(blocking=False)


def test_no_module_outside_of_akool_takes_it() -> None:
    assert len(OUTSIDE) > 80
    assert {str(file.relative_to(PACKAGE)): lines for file in OUTSIDE if (lines := list(locks_of(file)))} == {}


@pytest.mark.parametrize(
    "ask",
    [
        Request.build("GET", "/_mock/calls"),
        Request.build("GET", "/_mock/calls", "endpoint=any&after=1"),
        Request.build("GET", "/_mock/calls", "at_least=1&timeout=0"),
        Request.build("GET", "/_mock/state"),
        Request.build("GET", "/_mock/report"),
        Request.build("GET", "/_mock/openapi.json"),
    ],
    ids=lambda request: f"{request.path}?{request.query}",
)
def test_whoever_walks_through_the_calls_holds_it(ask: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may add a call meanwhile."""
    mock = MockAkool()
    mock.application.answer(Request.build("GET", "/api/open/v3/faceswap/quota/info", headers={"x-api-key": "key"}))
    for name in ("calls", "calls_after"):
        usual = getattr(CallLog, name)

        def walk(self: CallLog, *args: Any, usual: Any = usual) -> Any:
            assert mock.engine.lock._is_owned()  # type: ignore[attr-defined]
            return usual(self, *args)

        monkeypatch.setattr(CallLog, name, walk)
    assert mock.application.answer(ask).status == 200


# Which methods are one transaction

IN_PIECES: Final = "there may be a million jobs or accounts, and polls are answered in between"
COPIED: Final = "it computes from records that one transaction copied; records do not change"
ONE_LOOK: Final = "it reads one value, which is there or not, and every poll asks it"
NOTHING: Final = "it reads nothing that changes"

NO_TRANSACTIONS: Final = {
    "reset_account": IN_PIECES,
    "account_summaries": IN_PIECES,
    "totals": IN_PIECES,
    "is_awaited": IN_PIECES,
    "count_by_status": COPIED,
    "next_change_ns": COPIED,
    "idle_ns": COPIED,
    "reset": "it begins anew in one transaction, and lets go of what nobody else has any more after it",
    "job": ONE_LOOK,
    "job_count": ONE_LOOK,
    "recall_row": ONE_LOOK,
    "recall": "it reads one value; it takes the lock to keep a poll, which is looked at again when it comes again",
    "admit": "it takes the lock only where an account may have a limit of requests",
    "stands": "the middleware asks it in its own transaction",
    "position": "its numbers only grow, and are compared with those of a moment ago",
    "change_of": NOTHING,
    "unknown_job": NOTHING,
    "restoring": "it makes what nobody knows yet; what it returns is called in the transaction of the whole state",
    "follow_scripts": "the engine is new, and nobody else knows it",
}
"""The public methods of the engine that are not one transaction, and why."""


def public_methods() -> dict[str, bool]:
    """Whether each public method of the engine is one transaction as a whole."""
    tree = ast.parse((PACKAGE / "akool/engine.py").read_text(encoding="utf-8"))
    (engine,) = (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Engine")
    return {
        each.name: any(isinstance(how, ast.Name) and how.id == "transaction" for how in each.decorator_list)
        for each in engine.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
    }


def test_each_public_method_of_the_engine_is_one_transaction() -> None:
    methods = public_methods()
    assert methods.keys() == {name for name in vars(Engine) if not name.startswith("_")}
    assert {name for name, is_one in methods.items() if not is_one} == NO_TRANSACTIONS.keys()


def test_the_decorator_names_those_that_are_not() -> None:
    assert set(re.findall(r"`(\w+)`", transaction.__doc__ or "")) == NO_TRANSACTIONS.keys()


# What another thread does meanwhile


class ContestedLock:
    """The lock of an engine, for which one has to wait once: another thread has it before, and does something."""

    def __init__(self, engine: Engine, turn: int, meanwhile: Callable[[], object]) -> None:
        self._lock: Any = engine.lock
        self._turn = turn
        """Before which taking of the lock, counted from 0, the other thread has it."""
        self._meanwhile = meanwhile
        self.taken = 0
        engine.lock = engine.accounts.lock = self  # type: ignore[assignment]

    def __enter__(self) -> None:
        if not self._lock._is_owned():
            self.taken += 1
            if self.taken == self._turn + 1:
                self._meanwhile()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def each_turn(
    make: Callable[[], MockAkool], act: Callable[[MockAkool], object], meanwhile: Callable[[MockAkool], object]
) -> Iterator[MockAkool]:
    """Fakes in which one thread did something, and another one something else before one of its transactions."""
    for turn in count():
        mock = make()
        lock = ContestedLock(mock.engine, turn, partial(meanwhile, mock))
        act(mock)
        if lock.taken <= turn:
            assert turn > 0
            return
        yield mock


def steer(mock: MockAkool, path: str, **fields: Any) -> int:
    """Ask the admin API for something of the account; returns the HTTP status."""
    body = json.dumps({"account": KEY, **fields}).encode()
    return mock.answer(Request.build("POST", path, "", {"content-type": "application/json"}, body)).status


def change(what: str, **fields: Any) -> Callable[[MockAkool], int]:
    """What changes the account."""
    return lambda mock: steer(mock, f"/_mock/accounts/{what}", **fields)


BAN: Final = change("ban", banned=True)
EXPIRE: Final = change("expire-tokens")


def with_account() -> MockAkool:
    return MockAkool(strict=True, accounts=[{"api_key": KEY}])


@pytest.mark.parametrize(("act", "meanwhile"), [(BAN, EXPIRE), (EXPIRE, BAN)], ids=["ban", "expire-tokens"])
def test_neither_a_ban_nor_a_revocation_is_lost(
    act: Callable[[MockAkool], int], meanwhile: Callable[[MockAkool], int]
) -> None:
    for mock in each_turn(with_account, act, meanwhile):
        (account,) = mock.engine.accounts
        assert (account.banned, account.valid_from_s > 0) == (True, True)


@pytest.mark.parametrize(
    "act",
    [BAN, EXPIRE, change("credits", credits=5), change("credits", add=5)],
    ids=["ban", "expire-tokens", "set credits", "add credits"],
)
def test_an_account_that_is_gone_meanwhile_is_not_found(act: Callable[[MockAkool], int]) -> None:
    statuses: list[int] = []
    turns = list(
        each_turn(with_account, lambda mock: statuses.append(act(mock)), lambda mock: mock.engine.accounts.remove(KEY))
    )
    assert statuses == [*[404] * len(turns), 200]


def test_an_older_revocation_takes_none_back() -> None:
    engine = with_account().engine
    for second in (11, 10):
        engine.revoke_tokens_before(KEY, second)
    assert [account.valid_from_s for account in engine.accounts] == [11]


def with_job(**options: Any) -> MockAkool:
    mock = MockAkool(**options)
    assert steer(mock, "/_mock/jobs") == 201
    return mock


@pytest.mark.parametrize(
    "look",
    [
        lambda engine, job, now_ns: engine.poll(job.account, job.id, now_ns),
        lambda engine, job, now_ns: engine.see(job.id, now_ns),
    ],
    ids=["poll", "see"],
)
def test_a_poll_does_not_bring_a_deleted_job_back(look: Callable[[Engine, Job, int], object]) -> None:
    known: list[Job] = []

    def make() -> MockAkool:
        mock = with_job(queueing="2 polls")
        known[:] = mock.engine.jobs()
        return mock

    def poll(mock: MockAkool) -> None:
        with suppress(AkoolError):
            look(mock.engine, known[0], mock.clock.now_ns())

    for mock in each_turn(make, poll, lambda mock: mock.engine.delete(known[0].id)):
        assert mock.engine.job_count == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda engine, now_ns: engine.totals(now_ns),
        lambda engine, now_ns: engine.account_summaries(now_ns),
        lambda engine, now_ns: engine.is_awaited(now_ns),
        lambda engine, _: engine.reset_account(KEY),
    ],
    ids=["totals", "account_summaries", "is_awaited", "reset_account"],
)
def test_all_may_be_forgotten_between_two_pieces(act: Callable[[Engine, int], object]) -> None:
    make = partial(with_job, ending=failed("no", refund=True))
    for mock in each_turn(make, lambda mock: act(mock.engine, mock.clock.now_ns()), lambda mock: mock.engine.reset()):
        assert mock.engine.job_count == 0
