"""What of a file is sent: tags, dates, preconditions and ranges, each by its rule of RFC 9110."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool.core.downloads import serve
from mock_akool.core.http import Download
from tests.linear import assert_linear, own_s

FILE = bytes(range(256)) * 4
TAG = f'"{hashlib.md5(FILE).hexdigest()}"'
MADE_S = 1_767_225_605
DATE, EARLIER, LATER = (
    "Thu, 01 Jan 2026 00:00:05 GMT",
    "Thu, 01 Jan 2026 00:00:04 GMT",
    "Thu, 01 Jan 2026 00:00:06 GMT",
)
NO_DATES = ["", "yesterday", "Thu, 99 Jan 2026 00:00:05 GMT", "Thu, 01 Jan 99999 00:00:05 GMT", "0", "\xff" * 99]


def ask(method: str = "GET", file: bytes = FILE, **conditions: str) -> Any:
    headers = {name.replace("_", "-"): value for name, value in conditions.items()}
    return serve(Download.of(method, {**headers, "x-api-key": "key"}, MADE_S), file)


def test_the_whole() -> None:
    served = ask()
    assert (served.status, served.body) == (200, FILE)
    assert served.headers == (("etag", TAG), ("last-modified", DATE), ("accept-ranges", "bytes"))


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-9999999", 1000, 1024),
        ("bytes=1023-1023", 1023, 1024),
        ("bytes=-1", 1023, 1024),
        ("bytes=-9999999", 0, 1024),
        ("Bytes= 10-19 ", 10, 20),
    ],
)
def test_a_range(wanted: str, first: int, end: int) -> None:
    served = ask(range=wanted)
    assert (served.status, served.body) == (206, FILE[first:end])
    assert ("content-range", f"bytes {first}-{end - 1}/1024") in served.headers
    assert ask("HEAD", range=wanted).status == 200


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=1024-1025", "bytes=-0", "bytes=9999999999999999999-"])
def test_a_range_that_is_not_there(wanted: str) -> None:
    served = ask(range=wanted)
    assert (served.status, served.body) == (416, b"")
    assert served.headers == (("content-range", "bytes */1024"),)


@pytest.mark.parametrize("wanted", ["bytes=0-", "bytes=-1"])
def test_of_an_empty_file(wanted: str) -> None:
    assert ask(file=b"", range=wanted).status == 416
    assert ask(file=b"").status == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=1-2,4-5",
        "bytes=--1",
        "items=0-1",
        "bytes=0-1;",
        "bytes=٣-٤",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_what_is_no_single_range_gets_the_whole(wanted: str) -> None:
    assert ask(range=wanted).status == 200


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 206),
        (f"W/{TAG}", 200),
        ('"other"', 200),
        (DATE, 206),
        (EARLIER, 200),
        (LATER, 200),
        *((each, 200) for each in NO_DATES),
    ],
)
def test_if_range(condition: str, status: int) -> None:
    assert ask(range="bytes=0-9", if_range=condition).status == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 304),
        (f"W/{TAG}", 304),
        (f'"a", {TAG} ,"b"', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
        (",".join(['"x"'] * 30_000), 200),
    ],
)
def test_if_none_match(condition: str, status: int) -> None:
    assert ask(if_none_match=condition).status == status
    assert ask("HEAD", if_none_match=condition).status == status
    # The date does not count beside it.
    assert ask(if_none_match=condition, if_modified_since=DATE).status == status
    assert ask(if_none_match=condition, if_modified_since=EARLIER).status == status


@pytest.mark.parametrize(
    ("condition", "status"), [(DATE, 304), (LATER, 304), (EARLIER, 200), *((each, 200) for each in NO_DATES)]
)
def test_if_modified_since(condition: str, status: int) -> None:
    served = ask(if_modified_since=condition)
    assert served.status == status
    assert served.body == (b"" if status == 304 else FILE)
    assert ("etag", TAG) in served.headers


@pytest.mark.parametrize(
    ("condition", "status"), [(TAG, 200), ("*", 200), (f'"a",{TAG}', 200), (f"W/{TAG}", 412), ('"a"', 412), ("", 412)]
)
def test_if_match(condition: str, status: int) -> None:
    assert ask(if_match=condition).status == status
    assert ask(if_match=condition, if_unmodified_since=EARLIER).status == status


@pytest.mark.parametrize(
    ("condition", "status"), [(DATE, 200), (LATER, 200), (EARLIER, 412), *((each, 200) for each in NO_DATES)]
)
def test_if_unmodified_since(condition: str, status: int) -> None:
    assert ask(if_unmodified_since=condition).status == status


NAMES = ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_any_text_gets_an_answer(conditions: dict[str, str]) -> None:
    served = serve(Download.of("GET", conditions, MADE_S), FILE)
    assert served.status in (200, 206, 304, 412, 416)
    assert served.body in FILE


@pytest.mark.parametrize(
    ("name", "begin", "part"),
    [("range", "bytes=", "1"), ("if-range", "", " "), ("if-none-match", "", ","), ("if-match", "", "W/")],
)
def test_it_is_linear(name: str, begin: str, part: str) -> None:
    def cost_s(count: int) -> float:
        download = Download.of("GET", {name: begin + part * count}, MADE_S)
        return own_s(lambda: [serve(download, FILE) for _ in range(50)])

    assert_linear(cost_s)
