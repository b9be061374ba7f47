"""The clock of a server elsewhere, over its admin API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_akool.core.clock import step_ns
from mock_akool.mock.remote.admin_client import AdminClient


class RemoteClock:
    """The clock of a server. It has the methods of SteeredClock; a server of a virtual clock moves only when asked."""

    def __init__(self, admin_client: AdminClient) -> None:
        self._admin_client = admin_client
        self._last_ns = 0
        """The instant that the server answered last."""
        self._runs = False
        self.held = False
        """Whether it stands still for a fake that is active in this process: nobody else moves it."""

    def hold(self) -> None:
        """Stand still until `let_go`, but for who moves it here. A virtual clock does so anyway."""
        self._runs = not self.virtual
        if self._runs:
            self.freeze()
        self.held = True

    def let_go(self) -> None:
        """Run as the machine's clock does, unless it is virtual.

        Not as before `hold`: somebody who was interrupted may have left it standing still.
        """
        self.held = False
        if self._runs:
            self.resume()

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds since the epoch."""
        return self._last_ns if self.held else self.look()

    def look(self) -> int:
        """Ask the server for the present instant, also when nobody else moves the clock."""
        self._ask("GET")
        return self._last_ns

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return bool(self._ask("GET")["frozen"])

    @property
    def speed(self) -> float:
        """How many of its seconds pass in a second of the machine; 0 when it is frozen."""
        return float(self._ask("GET")["speed"])

    @property
    def virtual(self) -> bool:
        """Whether it is a virtual clock, which moves only when it is moved."""
        return bool(self._ask("GET")["virtual"])

    def freeze(self) -> None:
        """Stand still from now on."""
        self._ask("POST", "/freeze")

    def resume(self) -> None:
        """Run as the machine's clock does."""
        self._ask("POST", "/resume")

    def run_at(self, speed: float) -> None:
        """Run `speed` times as fast as the machine's clock."""
        self._ask("POST", "/speed", {"factor": speed})

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`, 0 or more; raises ClockError for a negative or not finite number."""
        step_ns(seconds)  # refused here, in the words that a fake of this process has
        self._ask("POST", "/advance", {"seconds": seconds})

    def advance_to(self, instant_ns: int) -> None:
        """Move the clock on to an instant, in nanoseconds since the epoch; one that is past moves nothing."""
        self._ask("POST", "/advance", {"to_ns": instant_ns})

    def advance_until_idle(self, account: str | None) -> None:
        """Move the clock to where no job's status changes any more by time alone; with an API key, no job of it."""
        self._ask("POST", "/advance", {"until": "idle"}, account=account)

    def _ask(self, method: str, what: str = "", body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        clock = self._admin_client.ask(method, f"clock{what}", body, **query)
        self._last_ns = clock["now_ns"]
        return clock

    def __repr__(self) -> str:
        return f"<the clock of {self._admin_client.url}: {self._ask('GET')['now']}>"
