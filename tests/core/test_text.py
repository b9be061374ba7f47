"""Text of clients in what people read."""

from __future__ import annotations

import pytest

from mock_akool.core.text import without_secrets
from mock_akool.core.urls import without_passwords


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
