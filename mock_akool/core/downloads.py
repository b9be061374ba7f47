"""Files as storage serves them (RFC 9110): entity tags, dates, conditional requests and ranges."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final, NamedTuple

from mock_akool.core.dates import http_date
from mock_akool.core.http import Download, Headers

OK: Final = 200
PARTIAL: Final = 206
NOT_MODIFIED: Final = 304
PRECONDITION_FAILED: Final = 412
UNSATISFIABLE: Final = 416

_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE | re.ASCII)
_MOST_TAGS: Final = 100


class Served(NamedTuple):
    """What is sent: the status, the headers that say what it is of the file, and the body."""

    status: int
    headers: Headers
    body: bytes


def serve(download: Download, file: bytes) -> Served:
    """Return what of a file is sent to a request.

    The body is empty for 304, 412 and 416, of which the last two are errors that the storage explains. A request for
    several ranges gets the whole file, as S3 answers it.
    """
    tag, modified = etag(file), http_date(download.modified_s)
    headers = (("etag", tag), ("last-modified", modified), ("accept-ranges", "bytes"))
    if _is_precondition_failed(download, tag):
        return Served(PRECONDITION_FAILED, (), b"")
    if _is_known(download, tag):
        return Served(NOT_MODIFIED, headers, b"")
    wanted = _range(download, tag, len(file))
    if wanted is None:
        return Served(OK, headers, file)
    if not wanted:
        return Served(UNSATISFIABLE, (("content-range", f"bytes */{len(file)}"),), b"")
    part = ("content-range", f"bytes {wanted.start}-{wanted.stop - 1}/{len(file)}")
    return Served(PARTIAL, (*headers, part), file[wanted.start : wanted.stop])


@lru_cache(maxsize=64)
def etag(file: bytes) -> str:
    """Return the entity tag of a file: its MD5 in quotes, as that of S3."""
    return f'"{hashlib.md5(file, usedforsecurity=False).hexdigest()}"'


def _is_precondition_failed(download: Download, tag: str) -> bool:
    conditions = download.conditions
    if "if-match" in conditions:
        return not _names(conditions["if-match"], tag)
    since_s = _date_s(conditions.get("if-unmodified-since"))
    return since_s is not None and download.modified_s > since_s


def _is_known(download: Download, tag: str) -> bool:
    """Return whether the client has the file already. A tag counts more than a date."""
    conditions = download.conditions
    if "if-none-match" in conditions:
        return _names(conditions["if-none-match"], tag, weak=True)
    since_s = _date_s(conditions.get("if-modified-since"))
    return since_s is not None and download.modified_s <= since_s


def _range(download: Download, tag: str, size: int) -> range | None:
    """Return which bytes are wanted, empty when there are none of these; None for the whole file."""
    match = _RANGE.fullmatch(download.conditions.get("range", ""))
    if match is None or not (match[1] or match[2]) or not _is_same(download, tag):
        return None
    if not match[1]:  # the last so many
        return range(max(0, size - int(match[2])), size) if int(match[2]) else range(0)
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None  # no range at all
    return range(first, min(last + 1, size)) if first < size else range(0)


def _is_same(download: Download, tag: str) -> bool:
    """Return whether the file is the one of which the client has a part, by `If-Range`."""
    wanted = download.conditions.get("if-range")
    if wanted is None:
        return True
    if wanted[:1] == '"' or wanted[:2] == "W/":
        return wanted.strip() == tag
    return _date_s(wanted) == download.modified_s


def _names(tags: str, tag: str, *, weak: bool = False) -> bool:
    """Return whether a list of entity tags, or `*`, names a tag; `weak` ones do when they may."""
    for each in tags.split(",", _MOST_TAGS):
        name = each.strip()
        if name == "*" or name == tag or (weak and name.removeprefix("W/") == tag):
            return True
    return False


def _date_s(text: str | None) -> float | None:
    """Return a date of HTTP in epoch seconds; None when it is none."""
    if text is None:
        return None
    from email.utils import parsedate_to_datetime  # few requests have one

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
