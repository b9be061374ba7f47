"""Rules as Python makes them: `mock.on("infobymodelid").nth(2).respond(http=502)`.

The parts are read by the same tables as a scenario file, so both mean and refuse the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Never

from mock_akool.akool.scenarios.schema import FAULT, RULE, as_python
from mock_akool.core.errors import Mistakes, ScenarioError
from mock_akool.core.rules import Rule
from mock_akool.core.schema import shown
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


def check_words(said: Mapping[str, Any]) -> None:
    """Read the words of a rule now, so that a mistake fails at the line that makes it; raises ScenarioError."""
    __tracebackhide__ = True
    mistakes = Mistakes()
    for name, value in said.items():
        mistakes.read(RULE.fields[name].shape, value, (name,))
    mistakes.raise_any(ScenarioError)


def _endings() -> tuple[str, ...]:
    """Return the calls that end a rule, such as `.drop()`; those that need something said in them have `(…)`."""
    found = []
    for name, method in vars(RuleBuilder).items():
        if inspect.isfunction(method) and method.__annotations__.get("return") == RuleHandle.__name__:
            takes = [each for each in inspect.signature(method).parameters if each not in {"self", "at"}]
            found.append(f".{name}({'…' if takes else ''})")
    return tuple(found)


class RuleBuilder:
    """A rule that is being written. Each method that says which calls are meant returns a new draft.

    What you leave out fits every call. `respond`, `drop`, `reset` and `delay` end the draft and add the rule; before
    that nothing happens. Each method raises ScenarioError for a value that cannot be, or that was given before.
    """

    def __init__(
        self,
        on: Any,
        backend: Backend,
        drafts: dict[int, RuleBuilder],
        parts: Mapping[str, Any] | None = None,
        number: int | None = None,
        written_at: str = "",
    ) -> None:
        self._parts: dict[str, Any] = {"on": on, **(parts or {})}
        self._backend = backend
        self._drafts = drafts
        """The drafts of the fake that are not ended yet, each under a number."""
        self._number = max(drafts, default=0) + 1 if number is None else number
        self._written_at = written_at
        """The file and the line where it was begun."""
        drafts[self._number] = self

    # Which requests

    def nth(self, *numbers: int | Sequence[int]) -> RuleBuilder:
        """Only the n-th of these calls, counted from 1; several numbers are several calls: `nth(2)`, `nth(2, 5)`."""
        listed = [list(each) if isinstance(each, (list, tuple)) else [each] for each in numbers]
        return self._with(nth=[number for each in listed for number in each])

    def first(self, count: int) -> RuleBuilder:
        """Only the first `count` of these calls."""
        return self._with(first=count)

    def every(self, count: int) -> RuleBuilder:
        """Only each n-th of these calls: with 3, the third, the sixth and so on."""
        return self._with(every=count)

    def after(self, count: int) -> RuleBuilder:
        """Not the first `count` of these calls; `nth`, `first` and `every` count from there."""
        return self._with(after=count)

    def during(self, begin: object, end: object = "forever") -> RuleBuilder:
        """Only calls from `begin` to `end`, in seconds or text such as `'10s'`, since the fake was made or last reset.

        For a view of an account, as with `akool_server`, since its first rule was made.
        """
        return self._with(during=[begin, end])

    def probability(self, probability: float) -> RuleBuilder:
        """Each of these calls with a probability from 0 (never) to 1 (always), drawn from the seed."""
        return self._with(probability=probability)

    def job(self, job: int | str) -> RuleBuilder:
        """Only calls about the account's n-th job, counted from 1, or about the job with this `_id`."""
        return self._with(job=job)

    def account(self, api_key: str) -> RuleBuilder:
        """Only calls of accounts whose API key fits a pattern with `*` and `?`."""
        return self._with(account=api_key)

    def prompt(self, pattern: str) -> RuleBuilder:
        """Only calls about jobs whose prompt fits a pattern with `*` and `?`."""
        return self._with(prompt=pattern)

    def status(self, status: str) -> RuleBuilder:
        """Only calls about jobs that have this status at that time, such as `"processing"` or 2."""
        return self._with(status=status)

    def per(self, whose: str) -> RuleBuilder:
        """Count the calls of each `account` together (the default), those of each `job`, or `all` of them."""
        return self._with(per=whose)

    def named(self, name: str) -> RuleBuilder:
        """Give the rule a name, for the call log and error messages."""
        return self._with(name=name)

    def optional(self) -> RuleBuilder:
        """Allow that the rule never fires."""
        return self._with(optional=True)

    # What goes wrong

    def respond(
        self,
        *positional: Never,
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
        """Add the rule, and say what goes wrong. The arguments are the keys of a scenario file's `fault`.

        Raises ScenarioError for a value that cannot be, or for faults that do not go together.
        """
        __tracebackhide__ = True
        if positional:
            hint = "say what it is, such as respond(http=502) or respond(code=1108)"
            raise ScenarioError(f"respond({shown(positional[0])}): what goes wrong is given by name", hint)
        given = {name: value for name, value in locals().items() if name in FAULT.fields and value not in (None, False)}
        rule: Rule = RULE.read({**self._parts, "fault": {**given, **unknown}}, ())
        self._drafts.pop(self._number, None)
        return RuleHandle(
            self._backend, self._backend.add_rule(rule, rule.name or f"{self.begun}.respond({rule.fault})")
        )

    def drop(self, *, at: str | None = None) -> RuleHandle:
        """Add the rule: close the connection without a response; with `at="after"`, after the work was done."""
        return self.respond(drop=True, at=at)

    def reset(self, *, at: str | None = None) -> RuleHandle:
        """Add the rule: reset the connection without a response; with `at="after"`, after the work was done."""
        return self.respond(reset=True, at=at)

    def delay(self, shortest: object, longest: object = None) -> RuleHandle:
        """Add the rule: delay the response by seconds, or text such as `'10s'`, or by a time between two of them."""
        return self.respond(delay=shortest if longest is None else [shortest, longest])

    def _with(self, **more: Any) -> RuleBuilder:
        __tracebackhide__ = True
        twice = next((name for name in more if name in self._parts), None)
        if twice is not None:
            raise ScenarioError(f"it was given before, as {self._parts[twice]!r}", "give it once", (twice,))
        check_words(more)
        parts = {**self._parts, **more}
        return RuleBuilder(parts["on"], self._backend, self._drafts, parts, self._number, self._written_at)

    @property
    def begun(self) -> str:
        """What was written so far, as Python."""
        return as_python(self._parts)

    def __repr__(self) -> str:
        return f"<a rule that is not ended: {self.begun}>"


def why_unended(draft: RuleBuilder) -> str:
    """Return what is wrong with a rule that was begun and not ended, and where that was."""
    *others, last = _endings()
    where = f"{draft._written_at}: " if draft._written_at else ""
    return f"{where}the rule {draft.begun} has no fault: end it with {', '.join(others)} or {last}"
