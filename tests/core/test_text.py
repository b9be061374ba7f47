"""Text of clients in what people read."""

from __future__ import annotations

import base64
from typing import Final

import pytest

from mock_akool.core.options import BASE_URL
from mock_akool.core.text import without_secrets
from mock_akool.core.urls import basic_authorization, without_password, without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@a/x", "http://u:***@a/x"),
        (
            '{"webhookUrl":"https://u:p@ss@a.test:8/x","b":"http://v:q@b"}',
            '{"webhookUrl":"https://u:***@a.test:8/x","b":"http://v:***@b"}',
        ),
        (r'{"a":"http:\/\/u:p@a\/x"}', r'{"a":"http:\/\/u:***@a\/x"}'),
        ("http://:p@a", "http://:***@a"),
        ("http://u@a and http://a:80/x@y", "http://u@a and http://a:80/x@y"),
        ("mail a:b@c", "mail a:b@c"),
        ("", ""),
    ],
)
def test_passwords_in_urls_are_taken_out_of_a_text(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"GET /a b HTTP/1.1\r\nx-api-key: s3cret\r\nhost: a", b"GET /a b HTTP/1.1\r\nx-api-key: ***\r\nhost: a"),
        (b"Authorization: Bearer s3cret", b"Authorization: ***"),
        (b'{"clientId": "c", "clientSecret" : "s3cret", "x": 1}', b'{"clientId": "c", "clientSecret" : "***", "x": 1}'),
        (b"a=1&api_key=s3cret&b=2", b"a=1&api_key=***&b=2"),
        (b"\x16\x03\xff", b"\x16\x03\xff"),
    ],
)
def test_secrets_are_taken_out_of_what_is_no_request(sent: bytes, shown: bytes) -> None:
    assert without_secrets(sent) == shown


URLS: Final = [
    ("http://host/a", "http://host/a", ""),
    ("http://user:pass@host/a", "http://user:***@host/a", "user:pass"),
    ("http://user@host:80", "http://user@host:80", "user"),
    ("http://:pass@host?a=b", "http://:***@host?a=b", ":pass"),
    ("https://a%40b:c%3Ad@host#x", "https://a%40b:***@host#x", "a%40b:c%3Ad"),
    ("http://a@b:c@host/", "http://a@b:***@host/", "a@b:c"),
    ("http://host/a@b", "http://host/a@b", ""),
    ("http://host?u:p@x", "http://host?u:p@x", ""),
    ("nonsense", "nonsense", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("url", "shown", "credentials"), URLS)
def test_passwords_are_taken_out_of_a_url(url: str, shown: str, credentials: str) -> None:
    assert without_password(url) == (shown, credentials)


@pytest.mark.parametrize(
    ("credentials", "plain"),
    [
        ("user:pass", b"user:pass"),
        ("a%40b:c%3Ad", b"a@b:c:d"),
        ("user", b"user:"),
        ("\ud800:é", b"\xed\xa0\x80:\xc3\xa9"),
    ],
)
def test_passwords_are_sent_as_basic_authorization(credentials: str, plain: bytes) -> None:
    assert base64.b64decode(basic_authorization(credentials).removeprefix("Basic ")) == plain


@pytest.mark.parametrize(("url", "base"), [("http://XX/", "http://XX"), ("https://a.test:1//", "https://a.test:1")])
def test_the_beginning_of_urls_has_no_slash_at_its_end(url: str, base: str) -> None:
    assert BASE_URL.read(url, ()) == base
