"""The errors of mock-akool.

    Exception
    ├── AkoolError              an answer of Akool: a business code and its message, HTTP 200
    │   └── ParameterError      the request's body or query is not usable
    └── MockAkoolError          misuse of the fake by a test or a person; the text names the next step
        ├── SettingsError       a setting, flag, variable or argument has a bad value (a ValueError too)
        │   └── ScenarioError   a scenario says something that it cannot, or there is none of that name
        ├── ClockError          the clock was asked for something that it cannot do
        ├── ServerError         the live server could not start
        ├── UnusedRuleError    a rule of a test never fired (an AssertionError too)
        └── EnvelopeError       a callback's envelope cannot be sealed or opened
            ├── SignatureError  its signature is not that of its parts
            ├── KeyLengthError  the clientSecret cannot be an AES key
            ├── Base64Error     its dataEncrypt is no base64
            ├── PaddingError    what dataEncrypt decrypts to does not end as it must
            └── PayloadError    what was encrypted is no JSON object

A bug of the fake is neither: it stays the exception that it is and becomes HTTP 500, see `api.answer`.
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


class EnvelopeError(MockAkoolError):
    """The envelope of a callback cannot be sealed or opened (contract section 9)."""


class SignatureError(EnvelopeError):
    """The envelope's signature is not that of its parts."""


class KeyLengthError(EnvelopeError):
    """The clientSecret cannot be an AES key: it has not 16, 24 or 32 bytes."""


class Base64Error(EnvelopeError):
    """The envelope's `dataEncrypt` is no base64."""


class PaddingError(EnvelopeError):
    """What `dataEncrypt` decrypts to does not end in a PKCS#7 padding: another key, or it was changed."""


class PayloadError(EnvelopeError):
    """What was encrypted is no JSON object: another clientId, which gives the IV, or it never was one."""


class UnusedRuleError(MockAkoolError, AssertionError):
    """A rule never fired, so the test did not test what it was written for; the message says why not."""
