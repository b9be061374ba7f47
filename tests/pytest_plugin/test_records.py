"""What a test reads of a fake: its calls, its accounts, and the scripts of an account."""

from __future__ import annotations

import pytest

from mock_akool import MockAkool, Request, Status

KEY = "key-of-the-first"
OTHER = "key-of-the-other"
CREATE = "/api/open/v3/content/image/createbyprompt"


def create(mock: MockAkool, key: str = KEY, body: bytes = b'{"prompt": "a red fox"}') -> str:
    headers = {"x-api-key": key, "content-type": "application/json"}
    job_id = mock.answer(Request.build("POST", CREATE, "", headers, body)).job_id
    return job_id or ""


def test_a_call_says_when_it_was_made_since_the_fake_began() -> None:
    mock = MockAkool()
    create(mock)
    mock.clock.advance(1.5)
    create(mock)
    assert [call.at for call in mock.calls] == [0, 1.5]
    mock.reset()
    mock.clock.advance(0.25)
    create(mock)
    assert mock.calls.last.at == 0.25


@pytest.mark.parametrize(
    ("body", "says"),
    [(b'{"prompt": "x"}', {"prompt": "x"}), (b"[1]", [1]), (b"", None), (b"prompt=x", None), (b"\xff", None)],
)
def test_a_call_says_what_its_body_says(body: bytes, says: object) -> None:
    mock = MockAkool()
    create(mock, body=body)
    assert mock.calls.last.json == says


def test_a_job_can_be_scripted_for_one_account() -> None:
    mock = MockAkool()
    mock.next_job(queueing=0, processing=0, ending="failed")
    mock.next_job(queueing="forever", api_key=KEY)
    mine, anyones, usual = create(mock), create(mock), create(mock)
    assert [mock.job(job_id).status for job_id in (mine, anyones, usual)] == [
        Status.QUEUEING,
        Status.FAILED,
        Status.QUEUEING,
    ]
    mock.next_job(queueing=0, processing=0, ending="failed", api_key=mock.accounts[0])
    assert mock.job(create(mock, OTHER)).status is Status.QUEUEING
    assert mock.job(create(mock)).status is Status.FAILED
    mock.next_job(queueing=0, processing=0, ending="failed", api_key=KEY)
    mock.reset()
    assert mock.job(create(mock)).status is Status.QUEUEING


def test_an_account_is_shown_without_its_secrets() -> None:
    mock = MockAkool()
    create(mock)
    (account,) = mock.accounts
    assert repr(account) == f"<Account key-… uid={account.uid}>"
    for shown in (repr(mock.jobs), repr(mock.calls), repr(mock.calls[0]), repr(mock.calls[0].request)):
        assert KEY not in shown


def test_a_reply_shows_neither_key_nor_token() -> None:
    mock = MockAkool()
    body = b'{"clientId": "someone", "clientSecret": "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"}'
    headers = {"content-type": "application/json"}
    response = mock.answer(Request.build("POST", "/api/open/v3/getToken", headers=headers, body=body))
    assert repr(response) == f"<Response 200 code=1000 account=nmwU… job_id=None {len(response.body)} bytes>"
