"""The errors that the user of a fake meets.

    Exception
    └── MockAkoolError          the fake was used wrongly; the text says what to do next
        ├── SettingsError       an input has mistakes: settings, flags, variables, arguments (a ValueError too)
        │   └── ScenarioError   a scenario has mistakes, or there is none of that name
        ├── ClockError          the clock cannot do what it was asked for
        ├── ServerError         the live server could not start
        └── UnusedError         what a test scripted was not used (an AssertionError too)
            ├── UnusedRuleError         a rule never fired
            └── UnusedJobScriptError    no create used a job script

A bug of the fake is none of these: it stays the exception that it is, and becomes HTTP 500.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol, Self

Place = tuple[str | int, ...]
"""Where a value stands in an input: keys and positions from the top, such as `("rules", 0, "on")`."""

_MOST_LISTED: Final = 20
ENOUGH_MISTAKES: Final = 100
"""After how many mistakes no more are looked for: to tell what a wrong name is like takes a part of a millisecond."""


class MockAkoolError(Exception):
    """The fake was used wrongly. `message` says what is wrong, `hint` what to do next; it may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        between = "\n" if "\n" in message else ". "  # the hint after several mistakes is not for the last one only
        super().__init__(f"{message}{between}{hint}" if hint else message)


def format_path(place: Place) -> str:
    """Write a place in nested data as `rules[0].on`."""
    text = ""
    for step in place:
        word = step if isinstance(step, int) or step.isprintable() else repr(step)
        text += f"[{word}]" if isinstance(word, int) else f".{word}" if text else word
    return text


class Mistake(NamedTuple):
    """One thing that is wrong with an input, and what to write instead.

    `place` is where the value stands in the input, empty for the whole of it. `source` is where a person finds it,
    such as `flaky.yaml:3`; a mistake with a source keeps its place when the input is part of another one.
    """

    what: str
    hint: str = ""
    place: Place = ()
    source: str = ""

    @property
    def message(self) -> str:
        """Where and what it is, without the hint."""
        return ": ".join(filter(None, (self.source, format_path(self.place), self.what)))

    def __str__(self) -> str:
        return f"{self.message}; {_lowered(self.hint)}" if self.hint else self.message


def _lowered(hint: str) -> str:
    """Begin a sentence as a part of one, unless it begins with an abbreviation or a single letter."""
    return hint[:1].lower() + hint[1:] if hint[1:2].islower() else hint


def _raised(hint: str) -> str:
    """Begin a hint as a sentence."""
    return hint[:1].upper() + hint[1:]


class SettingsError(MockAkoolError, ValueError):
    """An input has mistakes. All are in `mistakes` and in the text, a line each after a first line that sums up.

    Of a single mistake the text is one line, `message` without and `hint` with what to write instead.
    """

    def __init__(self, what: str, hint: str = "", place: Place = ()) -> None:
        self._set((Mistake(what, hint, place),))

    @classmethod
    def of(cls, mistakes: Iterable[Mistake]) -> Self:
        """Return the error for one or several mistakes."""
        error = cls.__new__(cls)
        error._set(tuple(mistakes))
        return error

    def _set(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        if len(mistakes) == 1:
            self.message, self.hint = mistakes[0].message, _raised(mistakes[0].hint)
            text = str(mistakes[0])
        else:
            left = len(mistakes) - _MOST_LISTED
            more = [f"and {left} more"] if left > 0 else []
            least = "at least " if len(mistakes) >= ENOUGH_MISTAKES else ""
            lines = [f"{least}{len(mistakes)} mistakes:", *map(str, mistakes[:_MOST_LISTED]), *more]
            self.message, self.hint = "\n  ".join(lines), ""
            text = self.message
        self.args = (text,)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self).of, (self.mistakes,)

    def within(self, place: Place) -> Self:
        """Return the same error for an input that stands at a place of a larger one."""
        return type(self).of(
            each if each.source else each._replace(place=(*place, *each.place)) for each in self.mistakes
        )

    def renamed(self, names: Mapping[str, str]) -> Self:
        """Return the same error with the settings' names as the person wrote them, such as flags or variables."""
        return type(self).of(
            each
            if each.source or not each.place
            else each._replace(place=(names.get(str(each.place[0]), each.place[0]), *each.place[1:]))
            for each in self.mistakes
        )


class ScenarioError(SettingsError):
    """A scenario has mistakes, or there is none of that name."""


class Reader(Protocol):
    """What reads a value that stands at a place of an input: a shape."""

    def read(self, value: Any, place: Place) -> Any:
        """Return the real value of a plain one; raises SettingsError."""
        ...


class Mistakes:
    """Collects the mistakes of an input, so that all of them can be reported at once.

    Who reads what may be of any length stops when there are `enough`.
    """

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found: list[Mistake] = []

    def add(self, what: str, hint: str = "", place: Place = ()) -> None:
        """Note a mistake."""
        self.found.append(Mistake(what, hint, place))

    @property
    def enough(self) -> bool:
        """Whether there are so many that no more need be looked for."""
        return len(self.found) >= ENOUGH_MISTAKES

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the mistakes of a SettingsError that is raised within, and go on after it."""
        try:
            yield
        except SettingsError as error:
            self.found += error.mistakes

    def read(self, shape: Reader, value: Any, place: Place) -> Any:
        """Return what a shape reads; None when it refuses the value, whose mistakes are then noted."""
        try:
            return shape.read(value, place)
        except SettingsError as error:
            self.found += error.mistakes
        return None

    def raise_any(self, kind: type[SettingsError] = SettingsError) -> None:
        """Raise an error of this kind if there were any mistakes."""
        __tracebackhide__ = True
        if self.found:
            raise kind.of(dict.fromkeys(self.found))


class MisfitError(MockAkoolError):
    """A value that can be read by itself does not fit together with others; `where` names it."""

    def __init__(self, where: str, why: str) -> None:
        self.where = where
        self.why = why
        super().__init__(f"{where}: {why}")

    def within(self, name: str) -> MisfitError:
        """Return the same error, one level further out."""
        return MisfitError(f"{name}.{self.where}", self.why)


@contextmanager
def within(name: str) -> Iterator[None]:
    """Let a MisfitError that is raised in this block name the place one level further out."""
    try:
        yield
    except MisfitError as error:
        raise error.within(name) from None


class ClockError(MockAkoolError):
    """The clock was asked to do what it cannot, such as to run backwards."""


class ServerError(MockAkoolError):
    """The live server could not start."""


class UnusedError(MockAkoolError, AssertionError):
    """What a test scripted was not used, so it did not test what it was written for; the message says why not."""


class UnusedRuleError(UnusedError):
    """A rule never fired."""


class UnusedJobScriptError(UnusedError):
    """No create used a job script."""
