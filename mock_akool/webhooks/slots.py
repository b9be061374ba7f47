"""How many webhooks are sent at once: of each account, and of all."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict, deque
from typing import Final

_OF_ACCOUNT: Final = 8
_OF_ALL: Final = 512
_SHARE_OF_HANDLES: Final = 4


def most_connections() -> int:
    """Return how many connections all webhooks may have: a part of the files that this process may have open."""
    if sys.platform == "win32":
        return _OF_ALL
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _OF_ALL if soft < 0 else max(_OF_ACCOUNT, min(_OF_ALL, soft // _SHARE_OF_HANDLES))


class Slots:
    """Lets so many be under way at once. An account has a few; when half of all are taken, it has one.

    So receivers that hang hold up nobody but their account, however many accounts have one. For one event loop.
    """

    def __init__(self, of_account: int = _OF_ACCOUNT, of_all: int | None = None) -> None:
        self._of_account = of_account
        self._of_all = most_connections() if of_all is None else of_all
        self._used: dict[str, int] = {}
        self._total = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Who waits, by account; the account that has waited longest for its turn comes first."""

    async def acquire(self, account: str) -> None:
        """Wait for a slot of an account, and take it."""
        if account in self._waiting or not self._may(account):
            await self._turn_of(account)
        else:
            self._take(account)

    def release(self, account: str) -> None:
        """Give a slot of an account back."""
        self._total -= 1
        self._used[account] -= 1
        if not self._used[account]:
            del self._used[account]
        self._call_next()

    def _may(self, account: str) -> bool:
        if self._total >= self._of_all:
            return False
        used = self._used.get(account, 0)
        return used < self._of_account if self._total < self._of_all // 2 else not used

    def _take(self, account: str) -> None:
        self._used[account] = self._used.get(account, 0) + 1
        self._total += 1

    async def _turn_of(self, account: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(account)  # it was called and left at once
            else:
                self._leave(account, turn)
            raise

    def _leave(self, account: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(account)
        if turns is not None and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[account]

    def _call_next(self) -> None:
        for account in list(self._waiting):
            if self._total >= self._of_all:
                return
            while self._may(account) and account in self._waiting:
                turns = self._waiting[account]
                turn = turns.popleft()
                if turns:
                    self._waiting.move_to_end(account)
                else:
                    del self._waiting[account]
                if not turn.cancelled():
                    self._take(account)
                    turn.set_result(None)
