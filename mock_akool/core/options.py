"""Settings: frozen records whose fields are described by the same shapes as everything else.

One description of each serves Python arguments, flags, environment variables, pytest's settings and the docs.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any, Final, Self

from mock_akool.core.errors import Mistake, Mistakes
from mock_akool.core.schema import Field, Plain, Shape, number, unknown_key


def option(default: Any, shape: Shape, help: str, *, section: str = "", mark: str = "") -> Any:
    """Declare a field of a dataclass of options; `section` and `mark` are those of the specification, see Field."""
    field = Field(shape, help, default, section=section, mark=mark)
    return dataclasses.field(default=default, metadata={"field": field})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """A record whose fields are options. Their values may be given as text, as on a command line.

    They are read when the record is made; bad ones raise a SettingsError that has all of them.
    """

    def __post_init__(self) -> None:
        __tracebackhide__ = True
        mistakes = Mistakes()
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value is each.default:
                continue  # which is real already
            shape = each.metadata["field"].shape
            plain = shape.from_text(value) if isinstance(value, str) else value
            object.__setattr__(self, each.name, mistakes.read(shape, plain, (each.name,)))
        mistakes.raise_any()

    @classmethod
    def fields(cls) -> dict[str, Field]:
        """Return what is known of each option, by its name."""
        return {each.name: each.metadata["field"] for each in dataclasses.fields(cls)}

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Return the record with these options; raises SettingsError for unknown names and bad values, all at once."""
        __tracebackhide__ = True
        mistakes = Mistakes()
        mistakes.found += cls.unknown(options)
        known = cls.__dataclass_fields__
        with mistakes.noted():
            made = cls(**{name: value for name, value in options.items() if name in known})
        mistakes.raise_any()
        return made

    @classmethod
    def unknown(cls, names: Iterable[str], others: Iterable[str] = ()) -> list[Mistake]:
        """Return a mistake for each name that is neither an option nor one of `others`, with the nearest known one."""
        known = (*cls.__dataclass_fields__, *others)
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
