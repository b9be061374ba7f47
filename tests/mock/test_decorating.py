"""`@MockAkool()` on classes of tests: what runs with the fake, and what is left as it was when something goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import requests

from mock_akool import MockAkool, MockAkoolError, UnusedRuleError

QUOTA = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"


def ask() -> int:
    code: int = requests.get(QUOTA, headers={"x-api-key": "a key of the tests"}).json()["code"]
    return code


class TestMethods:
    def test_each_kind_of_method_runs_with_the_fake(self) -> None:
        mock = MockAkool()

        @mock
        class Tests:
            def test_plain(self) -> int:
                return ask()

            @staticmethod
            def test_static() -> int:
                return ask()

            @classmethod
            def test_class(cls) -> int:
                return ask()

            async def test_async(self) -> int:
                return ask()

            def helper(self) -> bool:
                return mock.active

        tests = Tests()
        assert [tests.test_plain(), tests.test_static(), Tests.test_class(), asyncio.run(tests.test_async())] == (
            [1000] * 4
        )
        assert not tests.helper()
        assert mock.calls.count == 1, "each begins anew"

    def test_a_generator_is_refused(self) -> None:
        def plain() -> Iterator[None]:
            yield

        async def awaited() -> AsyncIterator[None]:
            yield

        for function in (plain, awaited):
            with pytest.raises(MockAkoolError, match=f"cannot decorate the generator {function.__name__}"):
                MockAkool()(function)

    def test_decorated_twice_it_runs_once(self) -> None:
        mock = MockAkool()

        class Tests:
            @staticmethod
            def test_it() -> int:
                return ask()

            def setup_method(self) -> None:
                ask()

        mock(Tests)
        mock(Tests)
        tests: Any = Tests()
        tests.setup_method(None)
        assert mock.active
        assert Tests.test_it() == 1000
        assert mock.calls.count == 2
        tests.teardown_method(None)
        assert not mock.active


class TestSetUp:
    def test_a_coroutine_shares_the_fake_with_what_set_it_up(self) -> None:
        mock = MockAkool()

        @mock
        class Tests:
            def setup_method(self) -> None:
                ask()

            async def test_it(self) -> int:
                return ask()

        tests: Any = Tests()
        tests.setup_method(tests.test_it)
        assert asyncio.run(tests.test_it()) == 1000
        assert mock.calls.count == 2
        tests.teardown_method(tests.test_it)
        assert not mock.active

    @pytest.mark.parametrize("is_async", [False, True])
    def test_rules_that_never_fired_fail_the_test(self, is_async: bool) -> None:
        mock = MockAkool()

        @mock
        class Tests:
            def setup_method(self) -> None:
                mock.on("quota/info").nth(5).respond(http=502)

            def test_it(self) -> None:
                ask()

            async def test_async(self) -> None:
                ask()

        tests: Any = Tests()
        tests.setup_method(None)
        with pytest.raises(UnusedRuleError):
            asyncio.run(tests.test_async()) if is_async else tests.test_it()
        tests.teardown_method(None)
        assert not mock.active

    def test_one_that_fails_leaves_no_fake_behind(self) -> None:
        mock = MockAkool()

        @mock
        class Tests:
            def setup_method(self) -> None:
                raise ZeroDivisionError

        tests: Any = Tests()
        with pytest.raises(ZeroDivisionError):
            tests.setup_method(None)
        assert not mock.active

    def test_so_does_a_tear_down_that_fails(self) -> None:
        mock = MockAkool()

        @mock
        class Tests:
            def teardown_method(self, method: Any) -> None:
                raise ZeroDivisionError

        tests: Any = Tests()
        tests.setup_method(None)
        assert mock.active
        with pytest.raises(ZeroDivisionError):
            tests.teardown_method(None)
        assert not mock.active


def test_a_hook_for_subclasses_of_the_class_itself_goes_on() -> None:
    seen = []

    @MockAkool()
    class Base:
        def __init_subclass__(cls, /, word: str = "", **options: Any) -> None:
            super().__init_subclass__(**options)
            seen.append((cls.__name__, word))

    class Derived(Base, word="a"):
        def test_it(self) -> int:
            return ask()

    assert seen == [("Derived", "a")]
    assert Derived().test_it() == 1000
