"""What makes a test fail at its end, or at the line where it is written, instead of passing in silence."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mock_akool import MockAkool, MockAkoolError, Request, UnusedJobScriptError, UnusedRuleError
from mock_akool.mock.base import BaseMock
from tests.mock.clients import CREATE

KEY = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
OTHER = "ZADm0gkLonmwUjMAK0PJpl0MOiXLOOOw"


def create(mock: MockAkool, key: str = KEY) -> None:
    body = json.dumps({"prompt": "a red fox", "webhookUrl": "http://127.0.0.1:9/hook"}).encode()
    headers = {"x-api-key": key, "content-type": "application/json"}
    assert mock.answer(Request.build("POST", CREATE, "", headers, body)).code == 1000


def by_assert(request: Any) -> None:
    assert request.json == {}, "not what was sent"


def by_pytest(request: Any) -> None:
    pytest.fail("not what was sent")


async def by_assert_in_a_coroutine(request: Any) -> None:
    by_assert(request)


def by_assert_in_a_wsgi_app(environ: Any, start_response: Any) -> Any:
    raise AssertionError("not what was sent")


async def by_pytest_in_an_asgi_app(scope: Any, receive: Any, send: Any) -> None:
    pytest.fail("not what was sent")


class TestReceivers:
    @pytest.mark.parametrize(
        "receiver",
        [by_assert, by_pytest, by_assert_in_a_coroutine, by_assert_in_a_wsgi_app, by_pytest_in_an_asgi_app],
        ids=lambda each: each.__name__,
    )
    def test_an_assertion_that_fails_in_one_is_raised_at_the_end(self, receiver: Callable[..., Any]) -> None:
        mock = MockAkool(webhook_retries=0)
        mock.webhooks.deliver_to(receiver)
        create(mock)
        mock.clock.advance(5)
        assert [each.answer for each in mock.webhooks] == [500, 500], "to the sender it is an answer like any"
        with pytest.raises((AssertionError, pytest.fail.Exception), match="not what was sent"):
            mock.verify()

    def test_what_else_one_raises_is_an_answer_only(self) -> None:
        mock = MockAkool(webhook_retries=0)
        create(mock)

        def broken(request: Any) -> None:
            raise RuntimeError("the app is down")

        mock.webhooks.deliver_to(broken)
        mock.clock.advance(5)
        assert [each.answer for each in mock.webhooks] == [500, 500]
        mock.verify()

    def test_a_with_block_raises_it(self) -> None:
        def play() -> None:
            with MockAkool() as mock:
                mock.webhooks.deliver_to(by_assert)
                create(mock)
                time.sleep(5)

        with pytest.raises(AssertionError, match="not what was sent"):
            play()

    def test_a_reset_forgets_it(self) -> None:
        mock = MockAkool()
        mock.webhooks.deliver_to(by_assert)
        create(mock)
        mock.clock.advance(5)
        mock.reset()
        mock.verify()

    def test_it_is_reported_to_whose_receiver_it_is(self) -> None:
        mock = MockAkool()
        mine, other = mock.of_account(KEY), mock.of_account(OTHER)
        mine.webhooks.deliver_to(by_assert)
        create(mock, OTHER)
        create(mock)
        mock.clock.advance(5)
        other.verify()
        other.reset()
        for each in (mine, mock):
            with pytest.raises(AssertionError, match="not what was sent"):
                each.verify()
        mine.reset()
        mock.verify()


class TestUnusedJobScripts:
    @pytest.fixture(params=["in process", "over HTTP"])
    def seen(self, request: pytest.FixtureRequest) -> Iterator[tuple[BaseMock, MockAkool]]:
        """A fake as this process sees it or as one sees it that connects to its server, and the fake itself."""
        mock = MockAkool()
        if request.param == "in process":
            yield mock, mock
            return
        with mock.server() as server:
            yield MockAkool.connect(server.url), mock

    def complaint(self, fake: BaseMock) -> str:
        with pytest.raises(UnusedJobScriptError) as caught:
            fake.verify()
        return str(caught.value)

    def test_no_request_came(self, seen: tuple[BaseMock, MockAkool]) -> None:
        fake, _ = seen
        fake.next_job(stages=[{"processing": "3s"}, "failed"])
        said, advice = self.complaint(fake).splitlines()
        script = "next_job(stages=[{'processing': '3s'}, 'failed'])"
        assert said == f"no create used the job script {script}: no request reached the fake"
        assert advice == "Take next_job(…) away, or set unused_job_scripts to warn or ignore"

    def test_fewer_jobs_were_created(self, seen: tuple[BaseMock, MockAkool]) -> None:
        fake, mock = seen
        for seconds in range(3):
            fake.next_job(queueing=seconds, processing=0)
        create(mock)
        said, *scripts, _ = self.complaint(fake).splitlines()
        assert said == "no create used 2 job scripts: 1 job was created"
        assert scripts == [f"    next_job(queueing='{number}s', processing='0s')" for number in (1, 2)]

    def test_each_create_was_refused(self, seen: tuple[BaseMock, MockAkool]) -> None:
        fake, mock = seen
        fake.next_job(queueing=0, processing=0, ending="failed")
        mock.answer(Request.build("POST", CREATE, "", {"x-api-key": KEY}, b"{}"))
        assert re.search(r": 1 create made none:\n  #1 POST createbyprompt -> 200 1003 ", self.complaint(fake))

    def test_a_view_hears_of_its_own(self, seen: tuple[BaseMock, MockAkool]) -> None:
        fake, mock = seen
        mine, other = fake.of_account(KEY), fake.of_account(OTHER)
        mine.next_job(queueing=0, processing=0, ending="failed")
        create(mock, OTHER)
        other.verify()
        for each in (mine, fake):
            said = self.complaint(each)
            assert said.startswith("no create of its account used the job script next_job(")
            assert "no request with the key of its account reached the fake" in said
        create(mock)
        fake.verify()

    def test_a_reset_forgets_them(self, seen: tuple[BaseMock, MockAkool]) -> None:
        fake, _ = seen
        fake.next_job(queueing=0, processing=0)
        fake.of_account(KEY).next_job(queueing=0, processing=0)
        fake.clear_scenario()
        fake.of_account(KEY).reset()
        fake.verify()

    def test_those_of_a_scenario_are_for_whoever_comes(self) -> None:
        mock = MockAkool(scenario="fails")
        mock.put_scenario({"jobs": [{"stages": ["failed"]}, {"stages": ["completed"]}]})
        mock.verify()

    def test_the_option_softens_it(self) -> None:
        def play(**options: Any) -> None:
            with MockAkool(**options) as mock:
                mock.next_job(queueing=0, processing=0)

        play(unused_job_scripts="ignore")
        with pytest.warns(UserWarning, match=r"^mock-akool: no create used the job script next_job\("):
            play(unused_job_scripts="warn")
        with pytest.raises(AssertionError, match="no create used the job script"):
            play()

    def test_it_is_reported_together_with_unused_rules(self) -> None:
        mock = MockAkool()
        mock.next_job(queueing=0, processing=0)
        mock.on("create").named("idle").drop()
        with pytest.raises(UnusedRuleError, match=r"(?s)the rule idle never fired.*\n.*no create used the job script"):
            mock.verify()


class TestAtItsLine:
    def test_a_decorator_without_parentheses(self) -> None:
        with pytest.raises(
            MockAkoolError, match=r"^@MockAkool on test_it: the parentheses are missing\. Write @MockAkool\(\)$"
        ):

            @MockAkool
            def test_it() -> None: ...

        with pytest.raises(MockAkoolError, match="@MockAkool on TestIt: the parentheses are missing"):

            @MockAkool
            class TestIt: ...

    def test_an_option_without_its_name(self) -> None:
        with pytest.raises(MockAkoolError, match=r"^MockAkool\(7\): its options are given by name\. Such as Mock"):
            MockAkool(7)

    def test_a_url_is_no_receiver(self) -> None:
        with pytest.raises(MockAkoolError, match=r"not a URL\. Let your client give .*webhooks\.send_over_http\(\)"):
            MockAkool().webhooks.deliver_to("http://127.0.0.1:9/hook")  # type: ignore[arg-type]
