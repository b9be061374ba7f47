"""Why a probe has no value of a setting."""

from __future__ import annotations

from mock_akool.core.errors import MockAkoolError


class NotAskedError(MockAkoolError):
    """A probe could not find out; the text says why."""


class NoValueError(MockAkoolError):
    """What the service does is what no value of the setting does; the text says what was seen."""
