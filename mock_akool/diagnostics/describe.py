"""A call in a few words."""

from __future__ import annotations

import json
from typing import Final

from mock_akool.akool.codes import MESSAGES
from mock_akool.akool.endpoints import Endpoint
from mock_akool.core.call_log import Call
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import Response


def describe(call: Call) -> str:
    """Return a line that says what was asked and answered, without secrets."""
    response = call.response
    code = "" if response.code is None else f" {int(response.code)} {MESSAGES.get(response.code, '')}".rstrip()
    job = f", job {response.job_id}" if response.job_id else ""
    status = f" {response.job_status.name.lower()}" if response.job_status else ""
    asked = call.endpoint if call.endpoint is not Endpoint.UNKNOWN else call.path
    late = f", {response.delay_ns / NS_PER_S:g} s late" if response.delay_ns else ""
    rule = f", by {response.rule}" if response.rule else ""
    told = f"{response.outcome}{code}{job}{status}{late}{rule}{_own_words(response)}"
    return f"#{call.number} {call.method} {asked} -> {told}"


def _own_words(response: Response) -> str:
    """Return what an answer says that is the fake's and none of Akool's, as of a scenario that there is not."""
    if response.code is not None or response.status < 400 or not response.body.startswith(_OWN_ERROR):
        return ""
    return f": {json.loads(response.body)['error']}"


_OWN_ERROR: Final = b'{"error":"mock-akool'


def nth(number: int) -> str:
    """Write a number as `1st`, `2nd`, `3rd`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
