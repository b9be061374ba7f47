"""The options of a fake in this process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool.akool.codes import API_URL
from mock_akool.akool.families import FILE_HOSTS
from mock_akool.core.durations import Duration
from mock_akool.core.options import Kind, Options, one_of, option, optional
from mock_akool.server.settings import ScenarioSettings

_HOSTS: Final = (urlsplit(API_URL).netloc, *FILE_HOSTS)


def _read_base_url(value: Any) -> str:
    parts = urlsplit(str(value))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(value)
    return str(value).rstrip("/")


def _read_hosts(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else list(value)
    hosts = tuple(str(name).strip() for name in names)
    if not all(hosts) or any("/" in host for host in hosts):
        raise ValueError(value)
    return hosts


@dataclass(frozen=True, kw_only=True)
class ActivationOptions(Options):
    """The options of how a fake is active in a process, wherever the fake itself runs."""

    unused_rules: str = option(
        "error",
        one_of(("error", "warn", "ignore")),
        "what becomes of a test in which a rule never fired, such as one for a second poll that never came",
    )
    unused_job_scripts: str = option(
        "error", one_of(("error", "warn", "ignore")), "what becomes of a test in which no create used a `next_job`"
    )

    sleep: str = option(
        "virtual", one_of(("virtual", "real")), "whether sleep moves the clock while a job is on its way"
    )
    sleep_limit: Duration = option(
        Duration.of("1h"), Kind("a duration such as '1h'", Duration.of), "after how much virtual sleep a test is ended"
    )
    other_hosts: str = option(
        "pass", one_of(("pass", "refuse")), "what becomes of requests to other hosts; this machine is always allowed"
    )
    base_url: str | None = option(
        None,
        optional(Kind("a scheme and a host such as https://akool.test", _read_base_url)),
        "a host of your own that is answered too",
    )
    hosts: tuple[str, ...] = option(
        _HOSTS, Kind("hosts, separated by commas", _read_hosts), "the hosts that are answered in process"
    )


@dataclass(frozen=True, kw_only=True)
class MockOptions(ActivationOptions, ScenarioSettings):
    """The options of a MockAkool: those of the service, and how it is active in the process."""
