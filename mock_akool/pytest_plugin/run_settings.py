"""The settings of a whole test run: those of the ini file and of the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from mock_akool.core.errors import Mistake, Mistakes, SettingsError
from mock_akool.mock.settings import MockOptions
from mock_akool.pytest_plugin.servers import divide_settings
from mock_akool.server.addresses import URL_VARIABLE, server_url
from mock_akool.server.config_file import read_assignments

_SETTINGS = pytest.StashKey[Mapping[str, Any]]()
_URL = pytest.StashKey[str]()


def read(config: pytest.Config, url: str, mistakes: Mistakes) -> None:
    """Read the settings of a run, and the `url` of the server that it is to use, if any; notes all mistakes."""
    settings: dict[str, str] = {}
    written: dict[str, tuple[str, str]] = {}
    for source, option, lines in (
        ("the ini file", "akool", config.getini("akool")),
        ("", "--akool", config.getoption("akool")),
    ):
        for line in lines:  # each by itself: the same setting may stand in addopts and on the command line
            found = Mistakes()
            for name, value in read_assignments([line], option, found).items():
                settings[name], written[name] = value.strip(), (source, f"{option} {name}")
            mistakes.found += (each._replace(source=source) for each in found.found)
    try:
        MockOptions.of(**settings)
    except SettingsError as error:
        mistakes.found += (_as_written(each, written) for each in error.mistakes)
    with mistakes.noted():
        config.stash[_URL] = _server_url(config, url) if url else ""
    config.stash[_SETTINGS] = settings


def _as_written(mistake: Mistake, written: Mapping[str, tuple[str, str]]) -> Mistake:
    """Return a mistake of a setting with where it was written; one in a scenario's file says that itself."""
    name, *inner = mistake.place or ("scenario",)
    if mistake.source or name not in written:
        return mistake
    source, option = written[str(name)]
    return mistake._replace(place=(option, *inner), source=source)


def _server_url(config: pytest.Config, url: str) -> str:
    try:
        return server_url(url)
    except SettingsError as error:
        name = "--akool-url" if config.getoption("akool_url") else None
        name = name or (URL_VARIABLE if os.environ.get(URL_VARIABLE) else "akool_url in the ini file")
        raise error.within((name,)) from None


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
