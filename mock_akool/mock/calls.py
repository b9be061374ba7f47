"""The journal as tests read it: a sequence of exchanges with filters and assertions that explain themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from mock_akool.akool.endpoints import ENDPOINT_NAMES, GROUPS, PREFLIGHT
from mock_akool.core.call_log import Call
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.schema import nearest
from mock_akool.diagnostics.describe import describe


class Calls:
    """Exchanges, oldest first. Filters return a new Calls; `len`, indexing and iteration work as for a tuple."""

    def __init__(self, calls_: Iterable[Call], said: str = "") -> None:
        self._exchanges = tuple(calls_)
        self._said = said

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._exchanges)

    @property
    def last(self) -> Call:
        """The newest one; an AssertionError when there is none."""
        __tracebackhide__ = True
        if not self._exchanges:
            raise AssertionError(f"there is no call{self._said}")
        return self._exchanges[-1]

    def to(self, endpoint: str) -> Calls:
        """Return the calls to an endpoint, such as `infobymodelid`, or to several, such as `create`.

        An unknown name raises MockAkoolError.
        """
        if endpoint.lower() in GROUPS:
            group = GROUPS[endpoint.lower()]
            return self._where(f" to {endpoint.lower()}", (each for each in self if each.endpoint in group))
        names = (*ENDPOINT_NAMES, PREFLIGHT)
        wanted = next((name for name in names if name.lower() == endpoint.lower()), None)
        if wanted is None:
            near = nearest(endpoint, names)
            hint = f"Did you mean {near!r}? " if near else ""
            raise MockAkoolError(
                f"calls.to({endpoint!r}): there is no such endpoint",
                f"{hint}The names are {', '.join((*names, *GROUPS))}",
            )
        return self._where(f" to {wanted}", (each for each in self if each.endpoint == wanted))

    def by_account(self, api_key: str) -> Calls:
        """Return the calls that were made as the account with this API key."""
        return self._where(" by that account", (each for each in self if each.account == api_key))

    def with_code(self, code: int) -> Calls:
        """Return the calls that were answered with this business code."""
        return self._where(f" with code {int(code)}", (each for each in self if each.code == code))

    def for_job(self, job_id: str) -> Calls:
        """Return the calls that were about the job with this `_id`."""
        return self._where(f" for job {job_id}", (each for each in self if each.job_id == job_id))

    def by_rule(self, name: str) -> Calls:
        """Return the calls that a rule made go wrong; of a scenario's rules, part of the name will do."""
        return self._where(f" by rule {name}", (each for each in self if each.rule is not None and name in each.rule))

    def assert_count(self, count: int) -> None:
        """Raise an AssertionError that lists the calls unless there are `count` of them."""
        __tracebackhide__ = True
        if len(self) != count:
            raise AssertionError(
                f"expected {count} call{'' if count == 1 else 's'}{self._said}, got {len(self)}{self._listed()}"
            )

    def assert_none(self) -> None:
        """Raise an AssertionError that lists the calls if there are any."""
        __tracebackhide__ = True
        self.assert_count(0)

    def assert_any(self) -> None:
        """Raise an AssertionError unless there is at least one call."""
        __tracebackhide__ = True
        if not self._exchanges:
            raise AssertionError(f"expected a call{self._said}, got none")

    def _where(self, said: str, calls_: Iterable[Call]) -> Calls:
        return Calls(calls_, self._said + said)

    def _listed(self) -> str:
        shown = self._exchanges[-20:]
        left_out = f"\n  ({len(self) - len(shown)} earlier ones left out)" if len(shown) < len(self) else ""
        return "".join([":" if shown else "", left_out, *(f"\n  {describe(each)}" for each in shown)])

    def __len__(self) -> int:
        return len(self._exchanges)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._exchanges)

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> Calls: ...
    def __getitem__(self, index: int | slice) -> Call | Calls:
        if isinstance(index, slice):
            return Calls(self._exchanges[index], self._said)
        return self._exchanges[index]

    def __contains__(self, call: object) -> bool:
        return call in self._exchanges

    def __eq__(self, other: object) -> bool:
        return self._exchanges == (other._exchanges if isinstance(other, Calls) else other)

    def __hash__(self) -> int:
        return hash(self._exchanges)

    def __repr__(self) -> str:
        return f"<{len(self)} call{'' if len(self) == 1 else 's'}{self._said}{self._listed()}>"


Sequence.register(Calls)
