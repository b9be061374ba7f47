"""The settings of a server, each with its flag and its variable.

This module reads `MOCK_AKOOL_*`. Single variables are read elsewhere too, without a check of their own: by
`mock-akool health`, which has to be quick and leaves to this module what is not plain; by the admin client, for the
folder of the CA; and by `mock-akool serve`, which must know how to print an error before there are settings. Those
that are no settings, MOCK_AKOOL_URL and MOCK_AKOOL_REDIRECT, belong to clients.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Mapping
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from mock_akool.akool.families import FakeSettings
from mock_akool.akool.scenarios.model import MOST_SCENARIOS, Scenario, ScenarioSetup, options_of
from mock_akool.core.errors import Mistake, Mistakes, ScenarioError, SettingsError
from mock_akool.core.options import BASE_URL, option
from mock_akool.core.schema import FLAG, TEXT, Field, Listed, Optional, Plain, Record, nearest, one_of, whole
from mock_akool.media.files import AUTO, CONSTANT, DRAWN, VIDEOS
from mock_akool.server.addresses import (
    CONFIG_VARIABLE,
    DEFAULT_PORT,
    HIGHEST_PORT,
    PREFIX,
    REDIRECT_VARIABLE,
    URL_VARIABLE,
    read_host,
)
from mock_akool.server.config_file import read_config
from mock_akool.server.forwarding import ANYONE, TRUSTED_BY_DEFAULT, Forwarding

if TYPE_CHECKING:
    from mock_akool.admin.access import Access
    from mock_akool.server.proxy import Proxy
    from mock_akool.server.tls import Tls

_NO_SETTINGS: Final = frozenset({URL_VARIABLE, CONFIG_VARIABLE, REDIRECT_VARIABLE})
# Most starts need none of these patterns: they are compiled when they are first used.
_KUBERNETES: Final = rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)"
_KUBERNETES_PORT: Final = rf"(?s){PREFIX}(\w+_)?PORT=(tcp|udp|sctp)://.*"
"""With its value: a variable of our own has this name, too."""


def _read_token(value: Any) -> str:
    # What a header can carry, and a person can quote.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,500}", value):
        raise ValueError
    return value


_TOKEN: Final = Plain(
    "a text of 1 to 500 characters without spaces",
    _read_token,
    {"type": "string"},
    use="32 random letters",
    secret=True,
)
_HOST_NAME: Final = r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?"
_HOST: Final = Plain("an address or the name of a host", read_host, {"type": "string"}, use="0.0.0.0, :: or localhost")


def _read_host_name(value: Any) -> str:
    name = str(value).strip().lower()
    if not re.fullmatch(_HOST_NAME, name):
        raise ValueError(value)
    return name


_HOST_NAMES: Final = Listed(Plain("a host name", _read_host_name, {"type": "string"}, use="akool-mock"))


def _read_proxy_address(value: Any) -> str:
    text = str(value).strip()
    return text if text == ANYONE else str(ip_network(text)).removesuffix("/32").removesuffix("/128")


_PROXY_ADDRESS: Final = Plain(
    "an address, a network, or *", _read_proxy_address, {"type": "string"}, use="10.0.0.0/8 or 127.0.0.1"
)


SOURCES: Final = ("setting", "python", "prompt", "key", "admin")
"""What may make a scenario active."""


def _read_sources(value: Any) -> tuple[str, ...]:
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else list(value)
    if words == ["all"]:
        return SOURCES
    if words in (["none"], [""], []):
        return ()
    sources: tuple[str, ...] = _SOURCE_LIST.read(words)
    return sources


_SOURCE_LIST: Final = Listed(one_of(SOURCES))
_SOURCES: Final = Plain(f"some of {', '.join(SOURCES)}", _read_sources, _SOURCE_LIST.schema, list, use="all or none")


def _load(value: Any) -> Scenario:
    from mock_akool.scenario_library.library import load  # most fakes have no scenario, and need no YAML

    return load(value)


_SCENARIOS: Final = Listed(
    Plain("a scenario", _load, {"type": "string"}, use="flaky-gateway or my-scenario.yaml"),
    lone=True,
    most=MOST_SCENARIOS,
)


def _library(name: str) -> Scenario:
    from mock_akool.scenario_library.library import named

    return named(name)


class ScenarioSettings(FakeSettings):
    """The settings of an engine, and the scenarios that are active from the start."""

    scenario: tuple[Scenario, ...] = option(
        (), _SCENARIOS, "what goes wrong: one or several scenarios, which are combined in order"
    )
    scenario_sources: tuple[str, ...] = option(
        SOURCES,
        _SOURCES,
        "what may make a scenario active: this setting, Python calls, a [mock:NAME] in a prompt, a key with +NAME, "
        "the admin API",
    )
    videos: str = option(
        AUTO,
        one_of(VIDEOS),
        "how MP4 files are made: drawn for each job, which needs the extra media; of a constant file; or auto, which "
        "draws them if the extra is installed",
    )

    def _check(self, mistakes: Mistakes) -> None:
        super()._check(mistakes)
        if self.videos == DRAWN:
            self._check_drawing(mistakes)

    def _check_drawing(self, mistakes: Mistakes) -> None:
        from mock_akool.media.drawn_videos import EXTRA, is_installed

        if not is_installed():
            hint = f"run python -m pip install '{EXTRA}', or use {AUTO} or {CONSTANT}"
            mistakes.add("drawn needs PyAV, which is not installed", hint, ("videos",))

    @classmethod
    def of(cls, /, **options: Any) -> Self:
        """Return the record with these options; where a scenario gives a setting, an option wins over it."""
        __tracebackhide__ = True
        if not options.get("scenario"):
            return super().of(**{name: value for name, value in options.items() if name != "scenario"})
        mistakes, given = Mistakes(), dict(options)
        with mistakes.noted():
            scenarios = given["scenario"] = cls._scenarios(options)
            given = {**options_of(scenarios), **given}
        if mistakes.found:
            del given["scenario"]
        with mistakes.noted():
            made = super().of(**given)
        mistakes.raise_any()
        return made

    @classmethod
    def _scenarios(cls, options: Mapping[str, Any]) -> tuple[Scenario, ...]:
        # Read as the option that it is, so that a mistake is reported as one of this option.
        chosen = cls(**{name: options[name] for name in ("scenario", "scenario_sources") if name in options})
        if "setting" not in chosen.scenario_sources:
            raise ScenarioError(
                "scenario_sources does not name `setting`",
                "add it to scenario_sources, or remove the scenario",
                ("scenario",),
            )
        return chosen.scenario

    @property
    def scenario_setup(self) -> ScenarioSetup:
        """How the fake is set up for scenarios."""
        sources = self.scenario_sources
        return ScenarioSetup(
            self.scenario,
            _library,
            by_key="key" in sources,
            by_prompt="prompt" in sources,
            by_admin="admin" in sources,
        )


class Settings(ScenarioSettings):
    """The settings of a server: those of the engine, and where and how it listens."""

    host: tuple[str, ...] = option(
        ("127.0.0.1",),
        Listed(_HOST, lone=True, least=1),
        "the address to listen on, or several; localhost and :: are both families",
    )
    port: int = option(DEFAULT_PORT, whole(0, HIGHEST_PORT), "the port to listen on; 0 takes a free one")
    port_file: str | None = option(None, Optional(TEXT), "a file to write the port into, once the server listens")
    uds: str | None = option(None, Optional(TEXT), "the path of a Unix socket to listen on, besides the addresses")
    public_url: str | None = option(
        None, Optional(BASE_URL), "what URLs of files begin with; otherwise the host that the client called"
    )
    no_tls: bool = option(False, FLAG, "speak plain HTTP only; otherwise the port speaks HTTP and HTTPS")
    tls_only: bool = option(False, FLAG, "speak HTTPS only")
    tls_name: tuple[str, ...] = option(
        (),
        _HOST_NAMES,
        "names or addresses that HTTPS answers for, besides Akool's hosts, localhost and the loopback addresses",
    )
    ca_dir: str | None = option(
        None, Optional(TEXT), "the folder of the CA for HTTPS; otherwise in the folder of the user's data"
    )
    proxy: str = option(
        "auto",
        one_of(("auto", "yes", "no")),
        "whether the server is a proxy for Akool's hosts; auto is yes if it listens on this machine only",
    )
    proxy_others: str = option(
        "refuse",
        one_of(("refuse", "loopback", "pass")),
        "what the proxy does with requests for other hosts: refuse them, let them through to this machine, or to all",
    )
    forwarded_allow_ips: tuple[str, ...] = option(
        TRUSTED_BY_DEFAULT,
        Listed(_PROXY_ADDRESS, lone=True),
        "the proxies in front of the server whose X-Forwarded-Proto, -Host and -Prefix say how clients called it, as "
        "addresses or networks; * is all",
    )
    admin_token: str | None = option(
        None,
        Optional(_TOKEN),
        "the token of the admin API, sent as Authorization: Bearer; without it the admin API is open",
    )
    admin_hosts: tuple[str, ...] = option(
        (),
        _HOST_NAMES,
        "names by which the admin API may be called, besides IP addresses, localhost and --host",
    )
    watch: bool = option(
        False, FLAG, "read the files of --scenario again whenever they change, as SIGHUP does at any time"
    )
    state: str | None = option(
        None,
        Optional(TEXT),
        "a file that keeps jobs, accounts and active scenarios over a restart; it is read at the start, and written "
        "every 10 s, at the end and at POST /_mock/snapshot/save",
    )
    log: str = option("text", one_of(("text", "json", "off")), "a line per request: for people, for machines, or none")

    @property
    def access(self) -> Access:
        """Who may use the admin API."""
        from mock_akool.admin.access import Access  # whose package brings the engine

        return Access(self.admin_token, self.admin_hosts)

    @property
    def tls(self) -> Tls:
        """Whether and how the server speaks TLS."""
        from mock_akool.server.tls import Tls

        return Tls(only=self.tls_only, off=self.no_tls, names=self.tls_name, folder=self.ca_dir)

    @property
    def forwarding(self) -> Forwarding:
        """Which proxies in front of the server are believed."""
        return Forwarding(self.forwarded_allow_ips)

    @property
    def proxies(self) -> Proxy:
        """Whether the server is a proxy, and what it lets through."""
        from mock_akool.admin.access import is_loopback
        from mock_akool.server.proxy import Others, Proxy

        on = all(map(is_loopback, self.host)) if self.proxy == "auto" else self.proxy == "yes"
        return Proxy(on, Others(self.proxy_others))

    def _check(self, mistakes: Mistakes) -> None:
        super()._check(mistakes)
        if self.no_tls and self.tls_only:
            mistakes.add("it contradicts no_tls", "leave one of them out", ("tls_only",))

    @classmethod
    def from_environment(
        cls,
        given: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        config: str | None = None,
        written: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the settings of the variables `MOCK_AKOOL_*`; what is in `given` wins over them.

        They win over those of the TOML file `config`, by default the one that MOCK_AKOOL_CONFIG names. An empty
        variable counts as not set, and those that Kubernetes makes for a Service are not meant. `defaults` are for what
        nobody says. Raises SettingsError for all bad values and unknown names at once, each named as its variable, in
        the file by the file, and in `given` as `written` says, by default as its flag; what is wrong in a file that a
        setting names is reported with that file.
        """
        __tracebackhide__ = True
        environ = os.environ if environ is None else environ
        given = given or {}
        rows = {row.variable: row for row in table()}
        mistakes, values = Mistakes(), dict[str, Any]()
        for variable, text in environ.items():
            if not variable.startswith(PREFIX) or not text or variable in _NO_SETTINGS:
                continue
            if _is_of_kubernetes(variable, text):
                continue
            if variable in rows:
                values[rows[variable].name] = text
            else:
                mistakes.found.append(_unknown_variable(variable, rows))
        file, of_file = config or environ.get(CONFIG_VARIABLE) or "", dict[str, Any]()
        with mistakes.noted():
            of_file = read_config(file) if file else {}
        names = {row.name: row.variable for row in rows.values() if row.name in values}
        names |= {row.name: row.flag for row in rows.values() if row.name in given} | dict(written or {})
        try:
            made = cls.of(**dict(defaults or {}) | of_file | values | dict(given))
        except SettingsError as error:
            only_there = of_file.keys() - names.keys()
            found = (each._replace(source=file) if _is_of(each, only_there) else each for each in error.mistakes)
            mistakes.found += SettingsError.of(found).renamed(names).mistakes
        mistakes.raise_any()
        return made


def _is_of(mistake: Mistake, names: Container[object]) -> bool:
    """Return whether a mistake is one of these settings themselves, and not of a file that one of them names."""
    return bool(mistake.place) and not mistake.source and mistake.place[0] in names


class Setting(NamedTuple):
    """One row of the settings table: the name in Python, the flag, the variable, and what is known of it.

    `flag` is `--set NAME` for a setting that has no flag of its own.
    """

    name: str
    flag: str
    variable: str
    field: Field

    @property
    def is_flag(self) -> bool:
        """Whether it is yes or no, so that the bare flag means yes."""
        return self.field.shape is FLAG

    @property
    def repeats(self) -> bool:
        """Whether the flag may be given several times."""
        return isinstance(self.field.shape, Listed)

    @property
    def wants(self) -> str:
        """What it takes as a text, in words."""
        shape = self.field.shape
        if not isinstance(shape, Listed):
            return shape.wants
        if isinstance(shape.item, Record):
            return f"a JSON list, each item {shape.item.wants}"
        return f"{shape.item.wants}; several are separated by commas"

    @property
    def shown_default(self) -> str:
        """The default as one would write it; empty when there is none."""
        default = self.field.default
        if self.is_flag:
            return "yes" if default else "no"
        if type(default) is tuple:
            return ",".join(map(str, default))
        return "" if default in (None, "") else str(default)


def token_of_environment() -> str | None:
    """Return the token of the admin API for a client in this environment; SettingsError when it is none."""
    variable = f"{PREFIX}ADMIN_TOKEN"
    token: str | None = Optional(_TOKEN).read(os.environ.get(variable), (variable,))
    return token


def table() -> tuple[Setting, ...]:
    """Return all settings in the order of their declaration; flags, variables and docs are made from this."""
    return tuple(
        Setting(name, _flag(name, field), PREFIX + name.upper(), field) for name, field in Settings.fields().items()
    )


def _flag(name: str, field: Field) -> str:
    # What is a fact of the API, or a choice about it, would hide the flags that people need.
    return f"--set {name}" if field.mark else f"--{name.replace('_', '-')}"


def _is_of_kubernetes(variable: str, text: str) -> bool:
    """Return whether Kubernetes made the variable, because a Service of the namespace has a name like ours.

    Every container of the namespace gets such variables, and nobody has written them; so they are no mistakes.
    """
    return bool(re.fullmatch(_KUBERNETES, variable) or re.fullmatch(_KUBERNETES_PORT, f"{variable}={text}"))


def _unknown_variable(variable: str, known: Iterable[str]) -> Mistake:
    # Without the prefix, which would make them all alike.
    near = nearest(variable.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in known))
    hint = "`mock-akool serve --help` lists the flags; each has its variable"
    return Mistake("there is no such variable", hint if near is None else f"did you mean {PREFIX}{near}?", (variable,))
