"""An engine with scenarios in front of its API, without anything above `akool`."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from mock_akool.akool.engine import Engine
from mock_akool.akool.families import FakeSettings
from mock_akool.akool.scenarios.middleware import ScenarioMiddleware
from mock_akool.akool.scenarios.model import ScenarioSetup
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.core.clock import VirtualClock
from mock_akool.core.http import Request, Response
from mock_akool.server.tokens import JwtTokens

_front: WeakKeyDictionary[Engine, ScenarioMiddleware] = WeakKeyDictionary()


def engine_of(clock: VirtualClock | None = None, **options: Any) -> Engine:
    """Return an engine on a virtual clock."""
    engine = Engine(FakeSettings.of(**options), clock or VirtualClock(), JwtTokens(0))
    _front[engine] = ScenarioMiddleware(engine, ScenarioSetup())
    return engine


def answer(engine: Engine, request: Request) -> Response:
    """Answer a request by the engine's API, with its scenarios in front."""
    return _front[engine].answer(request)


def runtime_of(engine: Engine) -> ScenarioRuntime:
    """Return the engine's scenarios."""
    return _front[engine].runtime
