"""The public surface: what `mock_akool` exports, by name."""

from __future__ import annotations

import importlib

import pytest

import mock_akool

EXPORTED = [
    "Account",
    "AccountSpec",
    "AccountView",
    "AkoolError",
    "Call",
    "Calls",
    "ClockError",
    "Code",
    "Deliveries",
    "Document",
    "Documents",
    "Ending",
    "Job",
    "JobHandle",
    "Jobs",
    "MockAkool",
    "MockAkoolError",
    "MockOptions",
    "Profile",
    "RemoteAkool",
    "Request",
    "Response",
    "RuleBuilder",
    "RuleHandle",
    "Scenario",
    "ScenarioError",
    "Server",
    "ServerError",
    "Settings",
    "SettingsError",
    "Span",
    "Stage",
    "Status",
    "SteeredClock",
    "SystemClock",
    "Timeline",
    "UnusedJobScriptError",
    "UnusedRuleError",
    "VirtualClock",
    "VirtualTimeLimitError",
    "Webhooks",
    "__version__",
    "create_app",
    "failed",
]
"""Frozen: a name that goes away breaks users, and one that comes must be meant."""


def test_the_exported_names_are_these() -> None:
    assert mock_akool.__all__ == EXPORTED


@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_name_can_be_used(name: str) -> None:
    assert getattr(mock_akool, name) is not None


@pytest.mark.parametrize("name", sorted(mock_akool._HOMES))
def test_a_name_is_the_one_of_its_home(name: str) -> None:
    home = importlib.import_module(f"mock_akool.{mock_akool._HOMES[name]}")
    assert getattr(mock_akool, name) is getattr(home, name)
    assert name in mock_akool.__all__


def test_a_star_import_brings_all_of_them() -> None:
    names: dict[str, object] = {}
    exec("from mock_akool import *", names)
    assert set(EXPORTED) <= names.keys()


def test_dir_lists_what_was_not_imported_yet() -> None:
    assert set(EXPORTED) <= set(dir(mock_akool))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mock_akool' has no attribute 'MockAcool'"):
        _ = mock_akool.MockAcool  # type: ignore[attr-defined]
    assert not hasattr(mock_akool, "_private")


def test_what_is_exported_is_documented() -> None:
    undocumented = [name for name in EXPORTED if name != "__version__" and not getattr(mock_akool, name).__doc__]
    assert undocumented == []
