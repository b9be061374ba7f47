"""Whether the fake is alive and ready. Probes ask for nothing else, and need not wait for what other routes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mock_akool._version import __version__
from mock_akool.admin.parameters import SHARED_QUERY
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import FLAG, TEXT, WHOLE, record
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.schema import Schema

SET_UP: Final[Mapping[str, tuple[str, Schema]]] = {
    "profile": ("observed or documented", TEXT),
    "seed": ("what ids, images and draws follow from", WHOLE),
    "strict": ("whether only the listed accounts exist", FLAG),
    "max_body_bytes": (
        "the longest body of a request to the emulated API that is read; that of an admin request may be twice as "
        "long, and 64 KiB more",
        WHOLE,
    ),
}
"""The settings that are shown, what each is, and its schema."""


def health(request: AdminRequest) -> Any:
    """Say that the fake is alive."""
    return {"status": "ok", "name": "mock-akool", "version": __version__}


def ready(request: AdminRequest) -> Any:
    """Show the settings."""
    return {"ready": True, **set_up(request.engine.settings)}


def set_up(settings: ServiceSettings) -> dict[str, Any]:
    """Return what `SET_UP` describes, of a fake with these settings."""
    return {
        "profile": str(settings.profile),
        "seed": settings.seed,
        "strict": settings.strict,
        "max_body_bytes": settings.max_body_bytes,
    }


ROUTES: Final[Routes] = {
    ("GET", "/_mock/health"): Route(
        "Liveness probe; no token needed",
        health,
        record(
            {
                "status": ("ok", {"const": "ok"}),
                "name": ("mock-akool", {"const": "mock-akool"}),
                "version": ("the version", TEXT),
            }
        ),
        SHARED_QUERY,
    ),
    ("GET", "/_mock/ready"): Route(
        "Readiness probe, with the settings; no token needed",
        ready,
        record({"ready": ("true", {"const": True}), **SET_UP}),
        SHARED_QUERY,
    ),
}
