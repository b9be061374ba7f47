"""The options of a fake in this process."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool.akool.codes import API_HOST
from mock_akool.akool.families import HOSTS
from mock_akool.core.durations import DURATION, Duration
from mock_akool.core.options import Options, option
from mock_akool.core.schema import Listed, Optional, Plain, one_of
from mock_akool.server.settings import ScenarioSettings


def _read_base_url(value: Any) -> str:
    parts = urlsplit(str(value))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(value)
    return str(value).rstrip("/")


def _read_host(value: Any) -> str:
    host = str(value).strip()
    if not host or "/" in host:
        raise ValueError(value)
    return host


_BASE_URL: Final = Plain("a scheme and a host", _read_base_url, {"type": "string"}, use="https://fake.test")
_HOST_NAMES: Final = Listed(Plain("a host", _read_host, {"type": "string"}, use=API_HOST))


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
    sleep_limit: Duration = option(Duration.of("1h"), DURATION, "after how much virtual sleep a test is ended")
    other_hosts: str = option(
        "pass", one_of(("pass", "refuse")), "what becomes of requests to other hosts; this machine is always allowed"
    )
    base_url: str | None = option(
        None,
        Optional(_BASE_URL),
        "a host of your own that is answered too",
    )
    hosts: tuple[str, ...] = option(HOSTS, _HOST_NAMES, "the hosts that are answered in process")


class MockOptions(ActivationOptions, ScenarioSettings):
    """The options of a MockAkool: those of the service, and how it is active in the process."""
