"""What every hint is made of, and how hints read a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from mock_akool.akool import families
from mock_akool.core.call_log import Call
from mock_akool.diagnostics.observations import Observations

NO_VALUE: Final = frozenset({"", "none", "null", "undefined", "unknown"})
"""What programs write, in lower case, when a variable has no value."""

CREATES: Final = tuple(endpoint for endpoint, create in families.CREATES.items() if "scale" in create.input.fields)
"""The endpoints that make an image from a prompt."""


class Hint(NamedTuple):
    """A mistake that clients make.

    `mistake` says what the client does, for the docs. `detect` returns the text of the hint when the observations show
    the mistake, else None.
    """

    name: str
    mistake: str
    detect: Callable[[Observations], str | None]


def fields_of(call: Call) -> dict[str, Any]:
    """Return the fields of a call's JSON body; empty when the body is no JSON object."""
    body = call.json
    return body if isinstance(body, dict) else {}


def query_of(call: Call) -> dict[str, list[str]]:
    """Return the parameters of a call's query, including empty ones."""
    return parse_qs(call.query, keep_blank_values=True)
