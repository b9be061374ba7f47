"""MockAkool as a decorator, outside pytest's fixtures: functions, coroutines, classes, unittest."""

from __future__ import annotations

import asyncio
import inspect
import time
import unittest
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import requests

from mock_akool import MockAkool, MockAkoolError, Status

API = "https://openapi.akool.com/api/open/v3/content/image"
KEY = {"x-api-key": "key-of-the-decorated"}

real_get_adapter = requests.Session.get_adapter
real_sleep = time.sleep


def create(prompt: str = "a red fox") -> str:
    response = requests.post(f"{API}/createbyprompt", json={"prompt": prompt}, headers=KEY)
    job_id: str = response.json()["data"]["_id"]
    return job_id


async def create_async() -> str:
    async with httpx.AsyncClient() as client:
        response = await client.post(f"{API}/createbyprompt", json={"prompt": "a red fox"}, headers=KEY)
    job_id: str = response.json()["data"]["_id"]
    return job_id


def is_undone() -> bool:
    return requests.Session.get_adapter is real_get_adapter and time.sleep is real_sleep


@pytest.fixture(autouse=True)
def _left_as_found() -> Iterator[None]:
    assert is_undone()
    yield
    assert is_undone()


def test_a_function_runs_with_the_fake_and_keeps_its_name() -> None:
    mock = MockAkool()

    @mock
    def make(prompt: str, *, twice: bool = False) -> list[str]:
        """Make jobs."""
        return [create(prompt) for _ in range(1 + twice)]

    assert len(make("a blue fox", twice=True)) == 2
    assert make.__name__ == "make"
    assert make.__doc__ == "Make jobs."
    assert [job.topic.prompt for job in mock.jobs] == ["a blue fox", "a blue fox"]


def test_each_run_begins_anew() -> None:
    mock = MockAkool()
    first = mock(create)()
    assert [job.id for job in mock.jobs] == [first]
    second = mock(create)()
    assert [job.id for job in mock.jobs] == [second]


def test_an_exception_comes_through_and_leaves_nothing_behind() -> None:
    mock = MockAkool()

    @mock
    def fail() -> None:
        create()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert is_undone()
    assert len(mock.jobs) == 1


def test_a_coroutine_function_runs_with_the_fake_and_stays_one() -> None:
    mock = MockAkool(processing="1h")

    @mock
    async def make() -> Status:
        job_id = await create_async()
        await asyncio.sleep(60)
        return mock.job(job_id).status

    assert inspect.iscoroutinefunction(make)
    began = time.perf_counter()
    assert asyncio.run(make()) is Status.PROCESSING
    assert time.perf_counter() - began < 30


def test_the_fake_is_active_only_while_the_coroutine_runs() -> None:
    mock = MockAkool()
    coroutine = mock(create_async)()
    assert is_undone()
    asyncio.run(coroutine)
    assert is_undone()


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_a_generator_is_refused(kind: str) -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def async_generator() -> AsyncIterator[int]:
        yield 1

    function: Any = generator if kind == "generator" else async_generator
    with pytest.raises(MockAkoolError) as refusal:
        MockAkool()(function)
    assert str(refusal.value) == (
        f"MockAkool cannot decorate the generator {function.__name__}. Use `with mock:` around its yield"
    )


def test_a_class_runs_its_tests_with_the_fake() -> None:
    mock = MockAkool()

    class Foreign:
        pass

    class Base:
        def test_inherited(self) -> str:
            return create("inherited")

        def helper(self) -> bool:
            return is_undone()

    @mock
    class Decorated(Base):
        test_thing = Foreign

        def test_method(self) -> str:
            return create("method")

        async def test_coroutine(self) -> str:
            return await create_async()

        @staticmethod
        def test_static() -> str:
            return create("static")

        @classmethod
        def test_class(cls) -> tuple[type, str]:
            return cls, create("class")

    tests = Decorated()
    assert tests.test_method()
    assert [job.topic.prompt for job in mock.jobs] == ["method"]
    assert tests.test_inherited()
    assert [job.topic.prompt for job in mock.jobs] == ["inherited"]
    assert asyncio.run(tests.test_coroutine())
    assert Decorated.test_static()
    assert tests.test_static()
    assert [job.topic.prompt for job in mock.jobs] == ["static"]
    assert Decorated.test_class()[0] is Decorated
    assert tests.helper()
    assert Decorated.test_thing is Foreign
    assert Base.test_inherited is not Decorated.test_inherited, "the base class is left as it was"


def run_case(case: type[unittest.TestCase]) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return result


def test_a_test_case_has_the_fake_from_set_up_to_the_last_clean_up() -> None:
    mock = MockAkool()
    seen: list[str] = []

    class Inherited(unittest.TestCase):
        def test_inherited(self) -> None:
            seen.append(f"inherited {len(mock.jobs)}")

    @mock
    class Case(Inherited):
        def setUp(self) -> None:
            create("set up")
            self.addCleanup(lambda: seen.append(f"clean up {create('clean up') is not None}"))

        def tearDown(self) -> None:
            create("tear down")

        def test_own(self) -> None:
            create("test")
            seen.append(" ".join(job.topic.prompt for job in mock.jobs))

    result = run_case(Case)
    assert (result.testsRun, result.errors, result.failures) == (2, [], [])
    assert seen == ["inherited 1", "clean up True", "set up test", "clean up True"]


def test_an_async_test_case_has_the_fake_too() -> None:
    mock = MockAkool()

    @mock
    class Case(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self) -> None:
            await create_async()

        async def test_sleeps(self) -> None:
            await asyncio.sleep(2)
            assert mock.jobs[0].created_ns + 2_000_000_000 == mock.clock.now_ns()

    result = run_case(Case)
    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


def test_a_failing_and_a_skipped_test_of_a_case_leave_nothing_behind() -> None:
    @MockAkool()
    class Case(unittest.TestCase):
        def test_fails(self) -> None:
            create()
            self.fail("mine")

        def test_is_skipped(self) -> None:
            self.skipTest("mine")

    result = run_case(Case)
    assert len(result.failures) == 1
    assert len(result.skipped) == 1
    assert is_undone()


def test_one_fake_within_another_answers_as_the_inner_one() -> None:
    outer, inner = MockAkool(), MockAkool()

    @outer
    def run() -> None:
        create("outer")
        inner(create)("inner")
        create("outer again")

    run()
    assert [job.topic.prompt for job in outer.jobs] == ["outer", "outer again"]
    assert [job.topic.prompt for job in inner.jobs] == ["inner"]


def test_a_fake_within_itself_is_refused_and_the_outer_run_keeps_its_jobs() -> None:
    mock = MockAkool()

    @mock
    def run() -> int:
        create()
        with pytest.raises(MockAkoolError) as refusal:
            mock(create)()
        assert str(refusal.value) == ("this MockAkool is active already. Use one `with` block for each, or another one")
        create()
        return len(mock.jobs)

    assert run() == 2


def test_a_fake_can_be_used_again_after_its_end() -> None:
    mock = MockAkool()
    with mock:
        create()
    with mock:
        create()
    assert len(mock.jobs) == 2
    mock.stop()  # does nothing


def test_its_repr_says_what_it_has_seen() -> None:
    mock = MockAkool()
    assert repr(mock) == "<MockAkool 0 jobs, 0 calls>"
    with mock:
        create()
        assert repr(mock) == "<MockAkool 1 job, 1 call, active>"
