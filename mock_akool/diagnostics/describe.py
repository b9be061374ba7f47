"""Puts a call, a status or a number into a few words."""

from __future__ import annotations

import json
from typing import Final

from mock_akool.akool.codes import MESSAGES
from mock_akool.akool.endpoints import UNKNOWN
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Response
from mock_akool.core.text import cleaned
from mock_akool.core.timeline import Status

_OWN_ERROR: Final = b'{"error":"mock-akool'
_BUG_SHOWN: Final = 200


def describe(call: Call) -> str:
    """Return one line about a request and its response, without secrets."""
    response = call.response
    code = "" if response.code is None else f" {int(response.code)} {MESSAGES.get(response.code, '')}".rstrip()
    job = f", job {response.job_id}" if response.job_id else ""
    status = f" {response.job_status.word}" if response.job_status else ""
    target = call.endpoint if call.endpoint != UNKNOWN else call.path
    late = f", {response.delay_ns / NS_PER_S:g} s late" if response.delay_ns else ""
    rule = f", by {response.rule}" if response.rule else ""
    reason = f": {response.reason}" if response.reason and not response.rule else ""
    result = f"{response.outcome}{code}{job}{status}{late}{rule}{reason or _own_error(response)}"
    return cleaned(f"#{call.number} {call.method} {target} -> {result}")


def _own_error(response: Response) -> str:
    """Return the text of an error that is the fake's own and not Akool's: a bug."""
    if response.rule is not None or response.status < 400 or not response.body.startswith(_OWN_ERROR):
        return ""
    return f": {json.loads(response.body)['error']}"


def describe_status(status: Status) -> str:
    """Write a status as `3 completed`."""
    return f"{int(status)} {status.word}"


def nth(number: int) -> str:
    """Write a number as `1st`, `2nd`, `3rd`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: `1 job`, `2 jobs`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def describe_bug(where: str, bug: Exception) -> str:
    """Return one line about an exception of ours that a report must survive."""
    try:
        text = " ".join(repr(bug).split())
    except Exception:  # even its text may be broken
        text = type(bug).__name__
    return f"mock-akool bug: {where} failed with {text[:_BUG_SHOWN]}. Please report it"
