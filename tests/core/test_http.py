"""Requests and responses as plain data: what a log may show of them, and how a response reached its client."""

from __future__ import annotations

import pytest

from mock_akool import Request, Response
from mock_akool.core.http import Termination, Transfer
from mock_akool.core.media import MediaSpec

SECRET = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"


@pytest.mark.parametrize("header", ["x-api-key", "authorization", "Cookie", "proxy-authorization", "x-session-token"])
def test_a_request_shows_itself_without_secrets(header: str) -> None:
    request = Request.build("POST", "/create", "a=1", {header: SECRET, "accept": "*/*"}, b"{}")
    shown = repr(request)
    assert SECRET not in shown
    assert "POST /create" in shown
    assert "2 bytes" in shown
    assert "'accept': '*/*'" in shown


def test_a_response_shows_neither_its_body_nor_its_account() -> None:
    response = Response(200, (), b'{"token":"secret"}', account=SECRET, job_id="64dd")
    shown = repr(response)
    assert SECRET not in shown
    assert "token" not in shown
    assert "job_id=64dd 18 bytes" in shown


def test_a_response_without_an_account_and_with_a_file() -> None:
    picture = MediaSpec("64dd", 0, 64, 64, "a fox", "1:1", (1,), "", "JPEG")
    assert repr(Response(200, (), b"", picture)) == "<Response 200 code=None account=None job_id=None a file>"


@pytest.mark.parametrize(
    ("transfer", "outcome"),
    [
        (None, "200"),
        (Transfer(), "200"),
        (Transfer(Termination.CUT), "200 cut off"),
        (Transfer(Termination.DROP), "no answer"),
        (Transfer(Termination.RESET), "connection reset"),
    ],
)
def test_how_a_response_reached_its_client(transfer: Transfer | None, outcome: str) -> None:
    assert Response(200, (), b"", transfer=transfer).outcome == outcome


def test_a_request_that_is_made_by_hand_has_all_that_was_given() -> None:
    request = Request.build("GET", "/x", "a=1", {"X-Api-Key": "k"}, b"{}", file_base="https://cdn", transport="server")
    assert request == Request("GET", "/x", "a=1", {"x-api-key": "k"}, b"{}", "https://cdn", "server")
    assert Request.build("GET", "/x") == Request("GET", "/x", "", {}, b"", "", "direct")
