"""Settings: every option with its flag and its variable. The only reader of the variables `MOCK_AKOOL_*`."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from mock_akool.core.errors import SettingsError
from mock_akool.core.options import TEXT, About, Kind, about, one_of, option, optional, whole
from mock_akool.scripting import ScriptedBehaviour

PREFIX: Final = "MOCK_AKOOL_"
DEFAULT_PORT: Final = 25665

_URL: Final = re.compile(r"https?://[^\s/?#]+")


def _read_public_url(value: Any) -> str:
    url = str(value).rstrip("/")
    if not _URL.fullmatch(url):
        raise ValueError(value)
    return url


_PUBLIC_URL: Final = Kind("a scheme and a host such as https://akool.test:8443", _read_public_url)


@dataclass(frozen=True, kw_only=True)
class Settings(ScriptedBehaviour):
    """The options of a server: those of the engine, and where and how it listens."""

    host: str = option("127.0.0.1", TEXT, "the address to listen on")
    port: int = option(DEFAULT_PORT, whole(0, 65535), "the port to listen on; 0 takes a free one")
    port_file: str | None = option(None, optional(TEXT), "a file to write the port into, once the server listens")
    public_url: str | None = option(
        None, optional(_PUBLIC_URL), "what picture URLs begin with; otherwise the host that the client called"
    )
    log: str = option("text", one_of(("text", "json", "off")), "a line per request: for people, for machines, or none")

    @classmethod
    def from_environment(cls, given: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the variables `MOCK_AKOOL_*`; what is in `given` wins over them.

        Raises SettingsError that names the variable for a bad value or an unknown name.
        """
        environ = os.environ if environ is None else environ
        variables = {option.variable: option for option in table()}
        values: dict[str, Any] = {}
        for variable, text in environ.items():
            if variable.startswith(PREFIX):
                values[_option_of(variable, variables).field] = text
        chosen = values | dict(given or {})
        try:
            return cls.of(**chosen)
        except SettingsError as error:
            for variable, each in variables.items():
                if error.message.startswith(f"{each.field}=") and each.field not in (given or {}):
                    raise SettingsError(f"{variable}: {error.message}", error.hint) from None
            raise


@dataclass(frozen=True)
class Setting:
    """One row of the settings table: the field, its flag and variable, and what is known of it."""

    field: str
    flag: str
    variable: str
    default: Any
    about: About

    @property
    def shown_default(self) -> str:
        """The default as one would write it; empty when there is none."""
        if self.about.kind.is_flag:
            return "yes" if self.default else "no"
        return "" if self.default in (None, (), "") else str(self.default)


def table() -> tuple[Setting, ...]:
    """Return all settings in the order of their declaration; flags, variables and docs are made from this."""
    rows = []
    for field in dataclasses.fields(Settings):
        name = about(field).flag or field.name
        flag, variable = f"--{name.replace('_', '-')}", PREFIX + name.upper()
        rows.append(Setting(field.name, flag, variable, field.default, about(field)))
    return tuple(rows)


def _option_of(variable: str, variables: Mapping[str, Setting]) -> Setting:
    if variable in variables:
        return variables[variable]
    import difflib  # only a mistake pays for it

    # Without the prefix, which would make them all alike.
    names = [each.removeprefix(PREFIX) for each in variables]
    near = difflib.get_close_matches(variable.removeprefix(PREFIX), names, n=1)
    hint = (
        f"Did you mean {PREFIX}{near[0]}?"
        if near
        else "`mock-akool serve --help` lists the flags; each has its variable"
    )
    raise SettingsError(f"there is no variable {variable}", hint)
