"""mock-akool: a faithful fake of Akool's image API.

What is named here is the public surface; everything is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mock_akool._version import __version__

if TYPE_CHECKING:
    from mock_akool.calls import Calls
    from mock_akool.core.behaviour import AccountSpec
    from mock_akool.core.clock import SteeredClock, SystemClock, VirtualClock
    from mock_akool.core.codes import Code, Endpoint, Profile, Status
    from mock_akool.core.errors import (
        AkoolError,
        ClockError,
        MockAkoolError,
        ScenarioError,
        ServerError,
        SettingsError,
        UnusedRuleError,
    )
    from mock_akool.core.models import Account, Call, Job, Request, Response
    from mock_akool.core.scenario import Scenario
    from mock_akool.core.timeline import Ending, Span, Stage, Timeline, failed
    from mock_akool.doors.flask_app import create_app
    from mock_akool.doors.in_process import VirtualTimeLimitError
    from mock_akool.doors.server import Server
    from mock_akool.local import JobHandle
    from mock_akool.mock import MockAkool, MockOptions
    from mock_akool.remote import RemoteAkool
    from mock_akool.rules import RuleBuilder, RuleHandle
    from mock_akool.server_view import ServerView
    from mock_akool.settings import Settings

_HOMES = {
    "Account": "core.models",
    "AccountSpec": "core.behaviour",
    "AkoolError": "core.errors",
    "Request": "core.models",
    "Calls": "calls",
    "ClockError": "core.errors",
    "Code": "core.codes",
    "Ending": "core.timeline",
    "Endpoint": "core.codes",
    "Call": "core.models",
    "Job": "core.models",
    "JobHandle": "local",
    "MockAkool": "mock",
    "MockAkoolError": "core.errors",
    "MockOptions": "mock",
    "Profile": "core.codes",
    "RemoteAkool": "remote",
    "Response": "core.models",
    "RuleBuilder": "rules",
    "RuleHandle": "rules",
    "Scenario": "core.scenario",
    "ScenarioError": "core.errors",
    "Server": "doors.server",
    "ServerError": "core.errors",
    "ServerView": "server_view",
    "Settings": "settings",
    "SettingsError": "core.errors",
    "Span": "core.timeline",
    "Stage": "core.timeline",
    "Status": "core.codes",
    "SteeredClock": "core.clock",
    "SystemClock": "core.clock",
    "Timeline": "core.timeline",
    "UnusedRuleError": "core.errors",
    "VirtualClock": "core.clock",
    "VirtualTimeLimitError": "doors.in_process",
    "create_app": "doors.flask_app",
    "failed": "core.timeline",
}

__all__ = [
    "Account",
    "AccountSpec",
    "AkoolError",
    "Call",
    "Calls",
    "ClockError",
    "Code",
    "Ending",
    "Endpoint",
    "Job",
    "JobHandle",
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
    "ServerView",
    "Settings",
    "SettingsError",
    "Span",
    "Stage",
    "Status",
    "SteeredClock",
    "SystemClock",
    "Timeline",
    "UnusedRuleError",
    "VirtualClock",
    "VirtualTimeLimitError",
    "__version__",
    "create_app",
    "failed",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
