"""mock-akool: a faithful fake of Akool's API.

What is named here is the public surface; everything is imported when it is first used.
"""

from __future__ import annotations

from mock_akool._lazy import lazy_names
from mock_akool._version import __version__

TYPE_CHECKING = False  # see `_lazy`
if TYPE_CHECKING:
    from mock_akool.akool.accounts import Account
    from mock_akool.akool.codes import Code, Profile
    from mock_akool.akool.errors import AkoolError
    from mock_akool.akool.jobs import Job
    from mock_akool.akool.scenarios.model import Scenario
    from mock_akool.akool.settings import AccountSpec
    from mock_akool.core.call_log import Call
    from mock_akool.core.clock import SteeredClock, SystemClock, VirtualClock
    from mock_akool.core.durations import Span
    from mock_akool.core.errors import (
        ClockError,
        MockAkoolError,
        ScenarioError,
        ServerError,
        SettingsError,
        UnusedJobScriptError,
        UnusedRuleError,
    )
    from mock_akool.core.http import Request, Response
    from mock_akool.core.timeline import Ending, Stage, Status, Timeline, failed
    from mock_akool.mock.account_view import AccountView
    from mock_akool.mock.calls import Calls
    from mock_akool.mock.documents import Document, Documents
    from mock_akool.mock.interceptors.target import VirtualTimeLimitError
    from mock_akool.mock.jobs import JobHandle, Jobs
    from mock_akool.mock.local import MockAkool
    from mock_akool.mock.remote.remote_akool import RemoteAkool
    from mock_akool.mock.rule_builder import RuleBuilder, RuleHandle
    from mock_akool.mock.settings import MockOptions
    from mock_akool.mock.webhooks import Deliveries, Webhooks
    from mock_akool.server.http_server import Server
    from mock_akool.server.settings import Settings
    from mock_akool.server.wsgi import create_app

_HOMES = {
    "Account": "akool.accounts",
    "AccountSpec": "akool.settings",
    "AccountView": "mock.account_view",
    "AkoolError": "akool.errors",
    "Call": "core.call_log",
    "Calls": "mock.calls",
    "ClockError": "core.errors",
    "Code": "akool.codes",
    "Deliveries": "mock.webhooks",
    "Document": "mock.documents",
    "Documents": "mock.documents",
    "Ending": "core.timeline",
    "Job": "akool.jobs",
    "JobHandle": "mock.jobs",
    "Jobs": "mock.jobs",
    "MockAkool": "mock.local",
    "MockAkoolError": "core.errors",
    "MockOptions": "mock.settings",
    "Profile": "akool.codes",
    "RemoteAkool": "mock.remote.remote_akool",
    "Request": "core.http",
    "Response": "core.http",
    "RuleBuilder": "mock.rule_builder",
    "RuleHandle": "mock.rule_builder",
    "Scenario": "akool.scenarios.model",
    "ScenarioError": "core.errors",
    "Server": "server.http_server",
    "ServerError": "core.errors",
    "Settings": "server.settings",
    "SettingsError": "core.errors",
    "Span": "core.durations",
    "Stage": "core.timeline",
    "Status": "core.timeline",
    "SteeredClock": "core.clock",
    "SystemClock": "core.clock",
    "Timeline": "core.timeline",
    "UnusedJobScriptError": "core.errors",
    "UnusedRuleError": "core.errors",
    "VirtualClock": "core.clock",
    "VirtualTimeLimitError": "mock.interceptors.target",
    "Webhooks": "mock.webhooks",
    "create_app": "server.wsgi",
    "failed": "core.timeline",
}

__all__ = [
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


if not TYPE_CHECKING:  # which would take it to mean that there are all names
    __getattr__, __dir__ = lazy_names(globals(), _HOMES)
