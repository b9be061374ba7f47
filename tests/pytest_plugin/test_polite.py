"""The installed plugin keeps out of the way, and works beside other plugins: each run is a process of its own."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from tests.pytest_plugin.conftest import CLIENT, Run

pytest_plugins = "pytester"

HEAVY = ("flask", "werkzeug", "requests", "responses", "httpx", "aiohttp", "faker", "PIL", "httptools", "jwt")
QUIET = tuple(
    f"-pno:{plugin}"
    for plugin in (
        "faker",
        "hypothesispytest",
        "anyio",
        "cacheprovider",
        "pytest_httpx",
        "requests_mock",
        "respx",
        "schemathesis",
        "socket",
        "timeout",
    )
)
"""Without the plugins that are not what a test is about."""
EMPTY = "def test_it(): pass\n"


@pytest.fixture
def inside(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("COLUMNS", "160")
    pytester.makepyfile(client=CLIENT)
    return pytester


def test_it_is_registered_under_its_name() -> None:
    (found,) = (each for each in entry_points(group="pytest11") if each.value.startswith("mock_akool"))
    assert (found.name, found.value) == ("mock_akool", "mock_akool.pytest_plugin")


def test_nothing_heavy_is_imported_until_a_fixture_is_used(inside: pytest.Pytester) -> None:
    inside.makepyfile(
        f"""
import sys

HEAVY = {HEAVY!r}


def test_unused():
    assert "mock_akool.pytest_plugin" in sys.modules
    assert [name for name in HEAVY if name in sys.modules] == []
    own = [name for name in sys.modules if name.startswith("mock_akool.")]
    # An installation writes its version into a module of its own.
    light = {"mock_akool._built", "mock_akool._lazy", "mock_akool._version"}
    assert [name for name in own if name not in light] == ["mock_akool.pytest_plugin"]


def test_used(akool_mock):
    assert [name for name in HEAVY if name in sys.modules] == [], "only those that the test itself imports"
    assert akool_mock.jobs == ()
"""
    )
    inside.runpytest_subprocess("-pno:randomly", "-pno:asyncio", *QUIET).assert_outcomes(passed=2)


def test_it_can_be_switched_off(inside: pytest.Pytester) -> None:
    inside.makepyfile(EMPTY + "def test_other(akool_mock): pass\n")
    result = inside.runpytest_subprocess("-pno:mock_akool", "-pno:asyncio", *QUIET)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'akool_mock' not found"])


def test_it_leaves_the_output_of_other_tests_alone(inside: pytest.Pytester) -> None:
    inside.makepyfile("def test_it(): assert 0\n")
    with_it, without_it = (
        [
            line
            for line in inside.runpytest_subprocess("-pno:randomly", "-pno:asyncio", *args, *QUIET).outlines
            if "plugins: " not in line and " in 0." not in line
        ]
        for args in ((), ("-pno:mock_akool",))
    )
    assert with_it == without_it
    assert "akool" not in "\n".join(with_it)


MANY = """
import client
import pytest

seen = set()


@pytest.mark.parametrize("n", range(12))
def test_mock(akool_mock, n):
    assert client.generate(f"fox {n}")["image_status"] == 3
    assert [job.topic.prompt for job in akool_mock.jobs] == [f"fox {n}"]
    assert akool_mock.calls.last.at == 6


@pytest.mark.parametrize("n", range(12))
def test_server(akool_server, n):
    where = {"host": akool_server.url, "key": akool_server.api_key}
    assert client.generate(f"fox {n}", pause=0.02, **where)["image_status"] == 3
    assert [job.topic.prompt for job in akool_server.jobs] == [f"fox {n}"]
    seen.add(akool_server.url)
    assert len(seen) == 1, "one server for each worker"


def test_fails(akool_mock):
    akool_mock.next_job(queueing="forever")
    client.generate(timeout=9)
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2], ids=["alone", "parallel"])
def test_parallel_runs_in_random_order_pass(inside: pytest.Pytester, workers: int) -> None:
    args = ["-pno:asyncio"]
    if workers:
        pytest.importorskip("xdist")
        args.append(f"-n{workers}")
    inside.makepyfile(MANY)
    result = inside.runpytest_subprocess("-W", "error", "--akool=seed=3", *args, *QUIET)
    result.assert_outcomes(passed=24, failed=1)
    assert "3rd poll at +9.0 s: status 1 queueing; the client stopped here" in result.stdout.str()


@pytest.mark.slow
def test_coroutines_of_pytest_asyncio(inside: pytest.Pytester) -> None:
    pytest.importorskip("pytest_asyncio")
    inside.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    inside.makepyfile(
        """
import asyncio
import time

import httpx

from mock_akool import MockAkool


async def one(client, prompt):
    headers = {"x-api-key": "key"}
    url = "https://openapi.akool.com/api/open/v3/content/image"
    reply = await client.post(f"{url}/createbyprompt", json={"prompt": prompt}, headers=headers)
    job = reply.json()["data"]
    while job["image_status"] < 3:
        await asyncio.sleep(3)
        job = (await client.get(f"{url}/infobymodelid?image_model_id={job['_id']}", headers=headers)).json()["data"]


async def test_fixture(akool_mock):
    async with httpx.AsyncClient() as client:
        await asyncio.gather(*(one(client, f"fox {n}") for n in range(20)))
    assert akool_mock.credits_spent == 40
    assert akool_mock.calls.last.at == 6


mock = MockAkool()


@mock
async def test_decorated():
    async with httpx.AsyncClient() as client:
        await one(client, "fox")
    assert mock.credits_spent == 2


async def test_ends(akool_mock):
    akool_mock.next_job(queueing="forever")
    async with httpx.AsyncClient() as client:
        await one(client, "fox")
"""
    )
    result = inside.runpytest_subprocess("-W", "error", *QUIET)
    result.assert_outcomes(passed=2, failed=1)
    assert "VirtualTimeLimitError: the code under test has slept for 3,600 s" in result.stdout.str()


@pytest.mark.parametrize("name", ["time.sleep", "time.monotonic", "asyncio.sleep", "client.nap"])
def test_what_monkeypatch_puts_back_after_the_fixture_is_cleared_away(run: Run, name: str) -> None:
    """It was the fake's when it was replaced, and does not belong there any more."""
    module, _, attribute = name.rpartition(".")
    result = run(
        f"""
import importlib

import client

client.nap = time.sleep
home = importlib.import_module("{module}")
before = home.{attribute}


def test_replaces(monkeypatch, akool_mock):
    monkeypatch.setattr(home, "{attribute}", lambda *_: 0.0)


def test_is_clean():
    assert home.{attribute} is before


def test_works(akool_mock):
    create()
    time.sleep(5)
    assert akool_mock.clock.now_ns() == akool_mock.started_ns + 5_000_000_000
"""
    )
    result.assert_outcomes(passed=3)
