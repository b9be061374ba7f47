"""The errors that the user of a fake meets.

    Exception
    └── MockAkoolError          the fake was used wrongly; the text says what to do next
        ├── SettingsError       a setting, flag, variable or argument has a bad value (a ValueError too)
        │   └── ScenarioError   a scenario is not valid, or there is none of that name
        ├── ClockError          the clock cannot do what it was asked for
        ├── ServerError         the live server could not start
        └── UnusedError         what a test scripted was not used (an AssertionError too)
            ├── UnusedRuleError         a rule never fired
            └── UnusedJobScriptError    no create used a job script

A bug of the fake is none of these: it stays the exception that it is, and becomes HTTP 500.
"""

from __future__ import annotations


class MockAkoolError(Exception):
    """The fake was used wrongly; the message says what was wrong and `hint` what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}. {hint}" if hint else message)


class SettingsError(MockAkoolError, ValueError):
    """A setting has a value that it cannot have.

    `option` is the setting's name as a Python argument where the message begins with it, else empty.
    """

    def __init__(self, message: str, hint: str = "", *, option: str = "") -> None:
        self.option = option
        super().__init__(message, hint)

    def spelt(self, name: str) -> SettingsError:
        """Return the same error with the option's name as the person wrote it, such as a flag or a variable."""
        return SettingsError(name + self.message.removeprefix(self.option), self.hint, option=name)


def spelled(place: tuple[str | int, ...]) -> str:
    """Write a place in nested data as `rules[0].on`."""
    text = ""
    for step in place:
        word = step if isinstance(step, int) or step.isprintable() else repr(step)
        text += f"[{word}]" if isinstance(word, int) else f".{word}" if text else word
    return text


class ScenarioError(SettingsError):
    """A scenario says something that it cannot, or there is none of that name.

    `place` is where the value stands in the scenario, keys and positions from the top; empty when it is the whole.
    """

    def __init__(self, what: str, hint: str = "", place: tuple[str | int, ...] = ()) -> None:
        self.what = what
        self.place = place
        super().__init__(f"{spelled(place)}: {what}" if place else what, hint)

    def at(self, place: tuple[str | int, ...]) -> ScenarioError:
        """Return the same error with its place, if it had none."""
        return self if self.place else ScenarioError(self.what, self.hint, place)


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
