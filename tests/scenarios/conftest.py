"""Scenarios are tested through the transports of the contract suite."""

from __future__ import annotations

from tests.contract.conftest import client, open_transport, pytest_generate_tests, transport

__all__ = ["client", "open_transport", "pytest_generate_tests", "transport"]
