"""The settings of a whole test run: those of the ini file and of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mock_akool.core.errors import MockAkoolError
from mock_akool.mock.settings import MockOptions
from mock_akool.pytest_plugin.servers import divide_settings
from mock_akool.server.addresses import server_url

_SETTINGS = pytest.StashKey[Mapping[str, Any]]()
_URL = pytest.StashKey[str]()


def read(config: pytest.Config, url: str) -> None:
    """Read and check the settings of a run, and the `url` of the server that it is to use, if any.

    Raises pytest.UsageError for one that is not usable.
    """
    settings: dict[str, Any] = {}
    for source, lines in (("akool in the ini file", config.getini("akool")), ("--akool", config.getoption("akool"))):
        settings.update(_name_and_value(source, line) for line in lines)
    try:
        MockOptions.of(**settings)
        config.stash[_URL] = server_url(url) if url else ""
    except MockAkoolError as error:
        raise pytest.UsageError(f"mock-akool: {error}") from None
    config.stash[_SETTINGS] = settings


def _name_and_value(source: str, line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or not name.strip():
        raise pytest.UsageError(f"mock-akool: {source} has {line!r}; write NAME=VALUE, such as queueing=10s")
    return name.strip(), value.strip()


def settings_of(config: pytest.Config) -> Mapping[str, Any]:
    """Return the settings of the ini file and the command line, by name."""
    return config.stash.get(_SETTINGS, {})


def url_of(config: pytest.Config) -> str:
    """Return the URL of the server that the run uses, or empty text when the fixtures start their own."""
    return config.stash.get(_URL, "")


def headline(config: pytest.Config) -> str:
    """Return what the header of a run shows of its settings."""
    url = url_of(config)
    if url:
        *_, refused = divide_settings(settings_of(config))
        left_out = f" (ignored there: {', '.join(refused)})" if refused else ""
        return f"the server at {url}, with settings of its own{left_out}"
    return ", ".join(f"{name}={value}" for name, value in settings_of(config).items())
