"""Scenarios are tested through the transports of the contract suite."""

from __future__ import annotations

from tests.contract.conftest import client, door_class, open_door, transport

__all__ = ["client", "door_class", "open_door", "transport"]
