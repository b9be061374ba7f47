"""Settings: every option with its flag and its variable. The only reader of the variables `MOCK_AKOOL_*`."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from mock_akool.admin.access import Access
from mock_akool.akool.scenarios.model import Scenario, Script, options_of
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.errors import ScenarioError, SettingsError
from mock_akool.core.options import BASE_URL, TEXT, About, Kind, about, check_names, one_of, option, optional, whole
from mock_akool.core.schema import nearest

PREFIX: Final = "MOCK_AKOOL_"
DEFAULT_PORT: Final = 25665
URL_VARIABLE: Final = f"{PREFIX}URL"
"""Where a server runs that somebody wants to use; no setting of a server."""

_KUBERNETES: Final = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)"
)
_KUBERNETES_PORT: Final = re.compile(rf"{PREFIX}(\w+_)?PORT=(tcp|udp|sctp)://.*", re.DOTALL)
"""With its value: of this name is a variable of our own, too."""


def _read_token(value: Any) -> str:
    # What a header can carry, and a person can quote.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,500}", value):
        raise ValueError("***")
    return value


def _read_names(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else list(value)
    hosts = tuple(str(name).strip().lower() for name in names if str(name).strip())
    if not all(_HOST_NAME.fullmatch(host) for host in hosts):
        raise ValueError(value)
    return hosts


_HOST_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_TOKEN: Final = Kind("a text without spaces, such as 32 random letters", _read_token)


SOURCES: Final = ("setting", "python", "prompt", "key", "admin")
"""Who may make a scenario active."""


def _read_scenarios(value: Any) -> tuple[Scenario, ...]:
    if value in (None, "", ()):
        return ()
    from mock_akool.scenario_library.library import load_all

    return load_all(value)


def _read_sources(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else list(value)
    sources = tuple(str(word).strip() for word in words)
    if sources == ("all",):
        return SOURCES
    if sources in (("none",), ("",), ()):
        return ()
    if not set(sources) <= set(SOURCES):
        raise ValueError(value)
    return sources


def _library(name: str) -> Scenario:
    from mock_akool.scenario_library.library import named

    return named(name)


@dataclass(frozen=True, kw_only=True)
class ScenarioSettings(ServiceSettings):
    """The options of an engine, and the scenarios that are active."""

    scenario: tuple[Scenario, ...] = option(
        (),
        Kind("names of scenarios or files, separated by commas", _read_scenarios, repeats=True),
        "what goes wrong: one or several scenarios, which compose in order",
    )
    scenario_sources: tuple[str, ...] = option(
        SOURCES,
        Kind(f"some of {', '.join(SOURCES)}, separated by commas; all; or none", _read_sources),
        "who may make a scenario active: this setting, Python calls, a [mock:NAME] in a prompt, a key with +NAME, "
        "the admin API",
    )

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Return the record with these options; what a scenario says of a setting counts where no option says it."""
        check_names(cls, options)
        if not options.get("scenario"):
            return super().of(**options)
        scenarios = cls._scenarios(options)
        return super().of(**{**options_of(scenarios), **options, "scenario": scenarios})

    @classmethod
    def _scenarios(cls, options: Mapping[str, Any]) -> tuple[Scenario, ...]:
        # Read as the option that it is, so that a mistake is told as one of this option.
        only = {name: options[name] for name in ("scenario", "scenario_sources") if name in options}
        chosen = cls(**only)
        if chosen.scenario and "setting" not in chosen.scenario_sources:
            raise ScenarioError(
                "a scenario is given, but scenario_sources does not name `setting`",
                "Add `setting` to scenario_sources, or take the scenario away",
            )
        return chosen.scenario

    @property
    def script(self) -> Script:
        """What an engine is given of scenarios."""
        sources = self.scenario_sources
        return Script(
            self.scenario,
            _library,
            by_key="key" in sources,
            by_prompt="prompt" in sources,
            by_admin="admin" in sources,
        )


@dataclass(frozen=True, kw_only=True)
class Settings(ScenarioSettings):
    """The options of a server: those of the engine, and where and how it listens."""

    host: str = option("127.0.0.1", TEXT, "the address to listen on")
    port: int = option(DEFAULT_PORT, whole(0, 65535), "the port to listen on; 0 takes a free one")
    port_file: str | None = option(None, optional(TEXT), "a file to write the port into, once the server listens")
    public_url: str | None = option(
        None, optional(BASE_URL), "what picture URLs begin with; otherwise the host that the client called"
    )
    admin_token: str | None = option(
        None,
        optional(_TOKEN),
        "the token of the admin API, sent as Authorization: Bearer; without it the admin API is open",
    )
    admin_hosts: tuple[str, ...] = option(
        (),
        Kind("host names, separated by commas", _read_names),
        "names by which the admin API may be called, besides IP addresses, localhost and --host",
    )
    log: str = option("text", one_of(("text", "json", "off")), "a line per request: for people, for machines, or none")

    @property
    def access(self) -> Access:
        """Who may use the admin API."""
        return Access(self.admin_token, self.admin_hosts)

    @classmethod
    def from_environment(cls, given: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Return the settings of the variables `MOCK_AKOOL_*`; what is in `given` wins over them.

        An empty variable counts as not set, and those that Kubernetes makes for a Service are none of ours. Raises
        SettingsError that names the variable for a bad value or an unknown name.
        """
        environ = os.environ if environ is None else environ
        variables = {option.variable: option for option in table()}
        values: dict[str, Any] = {}
        for variable, text in environ.items():
            if variable == URL_VARIABLE:  # for clients
                continue
            if variable.startswith(PREFIX) and text and not _is_of_kubernetes(variable, text):
                values[_option_of(variable, variables).field] = text
        chosen = values | dict(given or {})
        try:
            return cls.of(**chosen)
        except SettingsError as error:
            for variable, each in variables.items():
                if error.option == each.field and each.field not in (given or {}):
                    raise error.spelt(variable) from None
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
        if type(self.default) is tuple:
            return ",".join(map(str, self.default))
        return "" if self.default in (None, "") else str(self.default)


def table() -> tuple[Setting, ...]:
    """Return all settings in the order of their declaration; flags, variables and docs are made from this."""
    rows = []
    for field in dataclasses.fields(Settings):
        flag, variable = f"--{field.name.replace('_', '-')}", PREFIX + field.name.upper()
        rows.append(Setting(field.name, flag, variable, field.default, about(field)))
    return tuple(rows)


def token_of_environment() -> str | None:
    """Return the token of the admin API in this environment."""
    return os.environ.get(f"{PREFIX}ADMIN_TOKEN") or None


def server_url(text: str) -> str:
    """Return the address of a server as a URL without a slash at its end; `http://` may be left out.

    Raises SettingsError when it is no address of a server of ours.
    """
    url = text.strip().rstrip("/")
    if "://" not in url and not url.lower().startswith(("http:", "https:")):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
        why = ""
    except ValueError as error:  # brackets that do not close, or a port that cannot be
        scheme, host, why = "", None, f": {error}"
    if scheme == "https":
        raise SettingsError(
            f"{text!r} begins with https, and mock-akool speaks plain HTTP only", f"Write it as http{url[5:]}"
        )
    if scheme != "http" or not host:
        raise SettingsError(f"{text!r} is no address of a server{why}", f"Write it as http://127.0.0.1:{DEFAULT_PORT}")
    return url


def bare_url(text: str) -> str:
    """Return the address of a server as `server_url` does; raises SettingsError also when it has a path."""
    url = server_url(text)
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment:
        raise SettingsError(f"{text!r} is no address of a server: it has a path", f"Write it as http://{parts.netloc}")
    return url


def _is_of_kubernetes(variable: str, text: str) -> bool:
    """Return whether Kubernetes made the variable, because a Service of the namespace has a name like ours.

    Every container of the namespace gets such variables, and nobody has written them; so they are no mistakes.
    """
    return bool(_KUBERNETES.fullmatch(variable) or _KUBERNETES_PORT.fullmatch(f"{variable}={text}"))


def _option_of(variable: str, variables: Mapping[str, Setting]) -> Setting:
    if variable in variables:
        return variables[variable]
    # Without the prefix, which would make them all alike.
    near = nearest(variable.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in variables))
    hint = (
        f"Did you mean {PREFIX}{near}?" if near else "`mock-akool serve --help` lists the flags; each has its variable"
    )
    raise SettingsError(f"there is no variable {variable}", hint)
