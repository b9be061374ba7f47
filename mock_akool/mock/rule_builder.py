"""Rules as Python makes them: `mock.on("infobymodelid").nth(2).respond(http=502)`.

What is said is read by the same tables as a scenario file, so both mean the same and refuse the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Never

from mock_akool.akool.scenarios.schema import FAULT, RULE, spelled
from mock_akool.core.errors import ScenarioError
from mock_akool.core.rules import Rule
from mock_akool.diagnostics.describe import counted
from mock_akool.mock.backend import AddedRule, Backend


class RuleHandle:
    """A rule that was added. `respond` of a RuleBuilder returns one."""

    def __init__(self, backend: Backend, added: AddedRule) -> None:
        self._backend = backend
        self._added = added

    @property
    def name(self) -> str:
        """What the call log and error messages call it."""
        return self._added.label

    @property
    def rule(self) -> Rule:
        """The rule itself, a frozen record."""
        return self._added.rule

    @property
    def fired(self) -> int:
        """How many calls it changed."""
        return self._added.fired

    def remove(self) -> None:
        """Take the rule away. It does not matter then whether it fired."""
        self._backend.remove_rule(self._added)

    def __getattr__(self, name: str) -> Any:
        if hasattr(RuleBuilder, name) and not name.startswith("_"):
            raise AttributeError(f"respond() ends a rule: write .{name}(…) before it")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<rule {self.name}, fired {counted(self.fired, 'time')}>"


class RuleBuilder:
    """A rule that is being written: which requests, in words that each return a new draft; `respond` ends it.

    What is not said fits every call. Nothing happens before `respond`, `drop`, `reset` or `delay` is called.
    `unfinished` holds what was begun and not ended yet, under a number.
    """

    def __init__(
        self,
        on: Any,
        backend: Backend,
        unfinished: dict[int, RuleBuilder],
        said: Mapping[str, Any] | None = None,
        number: int | None = None,
    ) -> None:
        self._said: dict[str, Any] = {"on": on, **(said or {})}
        self._backend = backend
        self._unfinished = unfinished
        self._number = max(unfinished, default=0) + 1 if number is None else number
        unfinished[self._number] = self

    # Which requests

    def nth(self, *numbers: int | Sequence[int]) -> RuleBuilder:
        """The n-th of these calls (from 1), or several such numbers: `nth(2)`, `nth(2, 5)`."""
        listed = [list(each) if isinstance(each, (list, tuple)) else [each] for each in numbers]
        return self._with(nth=[number for each in listed for number in each])

    def first(self, count: int) -> RuleBuilder:
        """The first so many of these calls."""
        return self._with(first=count)

    def every(self, count: int) -> RuleBuilder:
        """Each n-th of these calls."""
        return self._with(every=count)

    def after(self, count: int) -> RuleBuilder:
        """All but so many of these calls at the beginning; `nth`, `first` and `every` count from there."""
        return self._with(after=count)

    def during(self, begin: object, end: object = "forever") -> RuleBuilder:
        """Calls from `begin` to `end`, in seconds or text such as '10s', since the fake was made or last reset.

        For an account of its own, as with `akool_server`, since its first rule was made.
        """
        return self._with(during=[begin, end])

    def probability(self, probability: float) -> RuleBuilder:
        """Calls by lot, 0 (never) to 1 (always), drawn from the seed."""
        return self._with(probability=probability)

    def job(self, job: int | str) -> RuleBuilder:
        """Calls about the account's n-th job (from 1), or about the job with this `_id`."""
        return self._with(job=job)

    def account(self, api_key: str) -> RuleBuilder:
        """Calls of the accounts whose API key fits this pattern of `*` and `?`."""
        return self._with(account=api_key)

    def prompt(self, pattern: str) -> RuleBuilder:
        """Calls about jobs whose prompt fits this pattern of `*` and `?`."""
        return self._with(prompt=pattern)

    def status(self, status: str) -> RuleBuilder:
        """Calls about jobs that are `queueing`, `processing`, `completed` or `failed` at that time."""
        return self._with(status=status)

    def per(self, whose: str) -> RuleBuilder:
        """Whose calls are counted together: each `account`'s (the default), each `job`'s, or `all`."""
        return self._with(per=whose)

    def named(self, name: str) -> RuleBuilder:
        """What the journal and error messages call the rule."""
        return self._with(name=name)

    def optional(self) -> RuleBuilder:
        """It is no mistake when the rule never fires."""
        return self._with(optional=True)

    # What goes wrong

    def respond(
        self,
        *,
        code: int | None = None,
        msg: str | None = None,
        http: int | None = None,
        body: str | None = None,
        headers: Mapping[str, str | int] | None = None,
        content_type: str | None = None,
        delay: object = None,
        truncate: str | int | None = None,
        drip: Mapping[str, Any] | None = None,
        file: str | None = None,
        empty: bool = False,
        garbage: bool = False,
        html: bool = False,
        drop: bool = False,
        reset: bool = False,
        at: str | None = None,
        **unknown: Never,
    ) -> RuleHandle:
        """Put the rule in force. The arguments are the keys of a scenario file's `fault`.

        Raises ScenarioError for a value that cannot be, or for faults that do not go together.
        """
        __tracebackhide__ = True
        said = {name: value for name, value in locals().items() if name in FAULT.fields and value not in (None, False)}
        rule: Rule = RULE.read({**self._said, "fault": {**said, **unknown}}, ())
        self._unfinished.pop(self._number, None)
        return RuleHandle(self._backend, self._backend.add_rule(rule, rule.name or self._spelled(rule)))

    def drop(self, *, at: str | None = None) -> RuleHandle:
        """Close the connection without an answer; `at="after"` when the work was done."""
        return self.respond(drop=True, at=at)

    def reset(self, *, at: str | None = None) -> RuleHandle:
        """Reset the connection without an answer; `at="after"` when the work was done."""
        return self.respond(reset=True, at=at)

    def delay(self, shortest: object, longest: object = None) -> RuleHandle:
        """Let the answer be late: by seconds or text such as '10s', or by something between two of them."""
        return self.respond(delay=shortest if longest is None else [shortest, longest])

    def _with(self, **more: Any) -> RuleBuilder:
        __tracebackhide__ = True
        twice = next((name for name in more if name in self._said), None)
        if twice is not None:
            raise ScenarioError(f"{twice} was said already: {self._said[twice]!r}", "Say it once")
        # Read now, so that a mistake fails at the line that makes it.
        for name, value in more.items():
            RULE.fields[name].shape.read(value, (name,))
        said = {**self._said, **more}
        return RuleBuilder(said["on"], self._backend, self._unfinished, said, self._number)

    def _spelled(self, rule: Rule) -> str:
        return f"{self.begun}.respond({rule.fault})"

    @property
    def begun(self) -> str:
        """What was said so far, as it was written."""
        return spelled(self._said)

    def __repr__(self) -> str:
        return f"<a rule that is not finished: {self._said}>"
