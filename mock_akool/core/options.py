"""Settings: frozen records whose fields are described by the same shapes as everything else.

One description of each serves Python arguments, flags, environment variables, pytest's settings and the docs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final, NamedTuple, Self, dataclass_transform

from mock_akool.core.errors import Mistake, Mistakes
from mock_akool.core.schema import Field, Plain, Shape, number, unknown_key


class _Option(NamedTuple):
    """A field as it is declared."""

    field: Field


def option(default: Any, shape: Shape, help: str, *, section: str = "", mark: str = "") -> Any:
    """Declare a field of a class of options; `section` and `mark` are those of the specification, see Field."""
    return _Option(Field(shape, help, default, section=section, mark=mark))


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Options:
    """A record whose fields are options: frozen, compared by value, made by keywords.

    The values may be given as text, as on a command line. They are read when the record is made; bad ones raise a
    SettingsError that has all of them. It is no dataclass: code would be generated for each of some hundred fields, and
    again in each class that inherits them, which took a tenth of the start of a server.
    """

    _own: ClassVar[dict[str, Field]] = {}
    _known: ClassVar[dict[str, Field]] = {}
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls._own = {name: value.field for name, value in vars(cls).items() if isinstance(value, _Option)}
        for name, field in cls._own.items():
            setattr(cls, name, field.default)
        cls._known = {
            name: field for each in reversed(cls.__mro__) for name, field in vars(each).get("_own", {}).items()
        }
        cls._defaults = {name: field.default for name, field in cls._known.items()}

    def __init__(self, **options: Any) -> None:
        __tracebackhide__ = True
        mistakes, values = Mistakes(), dict(self._defaults)
        for name in options:
            if name not in values:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {name!r}")
        for name in [each for each in self._known if each in options]:  # mistakes are in the order of declaration
            field, value = self._known[name], options[name]
            if value is not field.default:  # which is real already
                plain = field.shape.from_text(value) if isinstance(value, str) else value
                with mistakes.noted():
                    values[name] = field.shape.read(plain, (name,))
        self.__dict__.update(values)
        self._check(mistakes)
        mistakes.raise_any()

    def _check(self, mistakes: Mistakes) -> None:
        """Add a mistake for each value that does not go together with another.

        It is called with bad values too, so that all mistakes are reported at once. Each of them is then its default,
        for which no other value may be blamed.
        """

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to {name!r}: settings do not change; `but` makes others")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete {name!r}: settings do not change")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"

    def but(self, **changes: Any) -> Self:
        """Return the same options but for these changes; raises SettingsError for bad values."""
        __tracebackhide__ = True
        return type(self)(**{**vars(self), **changes})

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """Return what is known of each option, by its name."""
        return dict(cls._known)

    @classmethod
    def of(cls, /, **options: Any) -> Self:
        """Return the record with these options; raises SettingsError for unknown names and bad values, all at once."""
        __tracebackhide__ = True
        mistakes = Mistakes()
        mistakes.found += cls.unknown(options)
        known = cls._known
        with mistakes.noted():
            made = cls(**{name: value for name, value in options.items() if name in known})
        mistakes.raise_any()
        return made

    @classmethod
    def unknown(cls, names: Iterable[str], others: Iterable[str] = ()) -> list[Mistake]:
        """Return a mistake for each name that is neither an option nor one of `others`, with the nearest known one."""
        known = (*cls._known, *others)
        return [unknown_key(name, sorted(known), (), "setting") for name in names if name not in known]


_BASE_URL: Final = re.compile(r"https?://[^\s/?#]+")


def _read_base_url(value: Any) -> str:
    url = str(value).rstrip("/")
    if not _BASE_URL.fullmatch(url):
        raise ValueError(value)
    return url


BASE_URL: Final = Plain(
    "a scheme and a host", _read_base_url, {"type": "string", "format": "uri"}, use="https://fake.test:8443"
)
"""What URLs begin with, without a slash at the end."""
POSITIVE: Final = number(0, 1e9, "a number above 0", above=True)
