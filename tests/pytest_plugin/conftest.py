"""Runs of pytest inside a test, with the plugin and no other."""

from __future__ import annotations

from collections.abc import Callable

# The runs inside forget what they imported, and two copies of a module would not know each other's patches. A part of
# cryptography cannot be imported twice at all.
import cryptography.hazmat.primitives.ciphers
import cryptography.x509  # noqa: F401 - imported once for all tests
import pytest

import mock_akool.diagnostics.report
import mock_akool.mock.interceptors._aiohttp
import mock_akool.mock.interceptors._httpx
import mock_akool.mock.interceptors._requests
import mock_akool.mock.virtual_time.patches
import mock_akool.pytest_plugin.fixtures
import mock_akool.pytest_plugin.gauntlet
import mock_akool.pytest_plugin.recordings
import mock_akool.webhooks.broken_envelopes
import mock_akool.webhooks.worker  # noqa: F401 - imported once for all tests
from mock_akool import pytest_plugin

Run = Callable[..., pytest.RunResult]

CLIENT = """
import time

import pytest
import requests

from mock_akool import MockAkool, MockAkoolError, failed

HOST = "https://openapi.akool.com"
CONTENT = "/api/open/v3/content/image"


def create(prompt="a red fox", *, host=HOST, key="key-of-a-client", **fields):
    reply = requests.post(
        f"{host}{CONTENT}/createbyprompt", json={"prompt": prompt, **fields}, headers={"x-api-key": key}
    )
    return reply.json()["data"]


def poll(job, *, host=HOST, key="key-of-a-client"):
    reply = requests.get(
        f"{host}{CONTENT}/infobymodelid", params={"image_model_id": job["_id"]}, headers={"x-api-key": key}
    )
    return reply.json()["data"]


def generate(prompt="a red fox", *, timeout=30, pause=3, **where):
    began = time.monotonic()
    job = create(prompt, **where)
    while job["image_status"] < 3:
        if time.monotonic() - began >= timeout:
            raise TimeoutError("took too long")
        time.sleep(pause)
        job = poll(job, **where)
    return job
"""
"""What the tests inside use, as a module `client`."""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that writes a test file and runs pytest on it, in this process."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "160")
    pytester.makepyfile(client=CLIENT)

    def run_tests(source: str, *args: str) -> pytest.RunResult:
        pytester.makepyfile(test_it="from client import *\n\n" + source)
        return pytester.runpytest_inprocess(
            "-p",
            "no:cacheprovider",
            "--strict-markers",
            "-W",
            "error",
            *args,
            plugins=[pytest_plugin],
            syspathinsert=True,
        )

    return run_tests
