"""What makes a test fail at its end, or at the line where it is written, instead of passing in silence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from mock_akool import MockAkool, MockAkoolError, Request
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

    def test_it_is_told_to_whose_receiver_it_is(self) -> None:
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
