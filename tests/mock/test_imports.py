"""In fresh processes: libraries that are imported late or never, and mocks of others that were there first."""

from __future__ import annotations

import sys
import textwrap
from typing import Final

import pytest

from tests import children

PYTHON: Final = (sys.executable, "-W", "error")
CALL: Final = {
    "requests": "import requests; print(requests.get(URL, headers=HEADERS, timeout=5).status_code)",
    "httpx": "import httpx; print(httpx.get(URL, headers=HEADERS, verify=False).status_code)",
    "aiohttp": """
        import aiohttp, asyncio
        async def main():
            async with aiohttp.ClientSession() as session, session.get(URL, headers=HEADERS) as response:
                print(response.status)
        asyncio.run(main())
    """,
}
SETUP: Final = """
    import sys
    from mock_akool import MockAkool
    URL = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"
    HEADERS = {"x-api-key": "key"}
"""


def run(*parts: str) -> str:
    """Run the parts, one after the other, and return what they print."""
    done = children.run("-c", "\n".join(textwrap.dedent(part) for part in parts), command=PYTHON)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_libraries_that_are_imported_while_a_fake_is_active_are_left_as_they_were() -> None:
    look = """
        import aiohttp, httpx, requests
        for owner in (requests.Session, httpx.Client, httpx.AsyncClient, httpx.HTTPTransport, aiohttp.ClientSession):
            for value in vars(owner).values():
                assert "mock_akool" not in getattr(value, "__module__", ""), (owner, value)
        assert "mock_akool" not in "".join(type(finder).__module__ for finder in sys.meta_path)
        print("clean")
    """
    calls = (part for name in CALL for part in (f"assert {name!r} not in sys.modules", CALL[name]))
    assert run(SETUP, "mock = MockAkool().start()", *calls, "mock.stop()", look) == "200\n200\n200\nclean\n"


def test_nothing_is_imported_that_the_test_does_not_use() -> None:
    look = """
        with MockAkool():
            pass
        print(sorted({"requests", "responses", "httpx", "aiohttp", "trio", "flask"} & set(sys.modules)))
    """
    assert run(SETUP, look) == "[]\n"


@pytest.mark.parametrize(
    "library", [pytest.param(each, marks=[pytest.mark.slow] * (each != "requests")) for each in CALL]
)
def test_only_one_library_is_installed(library: str) -> None:
    block = f"""
        import sys
        for name in {sorted(set(CALL) - {library})!r}:
            sys.modules[name] = None
    """
    assert run(block, SETUP, "mock = MockAkool().start()", CALL[library]) == "200\n"


THEIRS: Final = {
    "requests": "import responses; responses.RequestsMock(assert_all_requests_are_fired=False).start()",
    "httpx": "import respx; respx.mock(assert_all_called=False).start()",
    "aiohttp": "from aioresponses import aioresponses; aioresponses().start()",
}


@pytest.mark.parametrize(
    ("library", "other_hosts"),
    [
        ("httpx", "refuse"),
        *(
            pytest.param(library, other_hosts, marks=pytest.mark.slow)
            for library in ("requests", "httpx", "aiohttp")
            for other_hosts in ("pass", "refuse")
            if (library, other_hosts) != ("httpx", "refuse")
        ),
    ],
)
def test_another_mock_that_was_there_before_the_first_fake(library: str, other_hosts: str) -> None:
    """The interceptor is then imported while what it looks for is already replaced."""
    assert (
        run(SETUP, THEIRS[library], f"mock = MockAkool(other_hosts={other_hosts!r}).start()", CALL[library]) == "200\n"
    )


@pytest.mark.parametrize("name", ["time", "asyncio"])
def test_sleep_that_is_imported_by_name_while_a_fake_is_active(name: str) -> None:
    module = f"""
        import types
        late = types.ModuleType("late")
        sys.modules["late"] = late
        exec("from {name} import sleep", vars(late))
        from {name} import sleep  # into a module that was there before
        during = [sleep, late.sleep]
        mock.stop()
        import {name}
        print(late.sleep is {name}.sleep is sleep, {name}.sleep not in during)
    """
    assert run(SETUP, "mock = MockAkool().start()", module) == "True True\n"
