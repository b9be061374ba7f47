"""Conversations with the fake, kept in `fixtures/transcripts/`: what is asked, and below it what was answered and why.

A line says what is done; the indented lines below are the fake's, and `python -m tools.regenerate_golden` writes them:

    ## title                    a new fake
    @ {"queueing": 2}           with these settings; they come first
    > POST /path?query {"a": 1} a request; `$1` is the first `_id` that was answered since the title, `$2` the second
    as other                    who asks from now on, `me` or another word
    type text/plain             the Content-Type of bodies from now on; without a type there is none
    + 5                         the clock moves by 5 s
    next {"queueing": 0}        what the next job will be like
    complete $1                 also `fail $1 reason` and `refund $1 reason`: how a job ends
    webhooks                    what was sent since the last time

Other lines are for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool import MockAkool, Request
from mock_akool.akool.families import FILE_HOSTS
from mock_akool.core.http import Response
from mock_akool.core.media import MediaSpec

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "transcripts"
SECTION: Final = "## "

_USUAL: Final = {"queueing": 2, "processing": 3}
_ID: Final = re.compile(r'"_id": ?"([^"]+)"')
_NAMED: Final = re.compile(r"\$(\d+)")
_FILE: Final = re.compile("|".join(rf"https://{re.escape(host)}/[^\"\s?]+" for host in FILE_HOSTS))
_WIDE: Final = 140
_INDENT: Final = "    "


def sections(text: str) -> dict[str, str]:
    """Return the parts of a transcript by their titles."""
    _, *parts = re.split(rf"(?m)^(?={SECTION})", text)
    return {part.partition("\n")[0].removeprefix(SECTION): part for part in parts}


def played(text: str) -> str:
    """Return a transcript with what the fake answers now."""
    head, *_ = re.split(rf"(?m)^(?={SECTION})", text, maxsplit=1)
    return head + "".join(map(played_section, sections(text).values()))


def played_section(text: str) -> str:
    """Return a part of a transcript, from its title on, with what the fake answers now."""
    said = [line for line in text.splitlines() if not line.startswith(_INDENT)]
    options: dict[str, Any] = next((json.loads(line[2:]) for line in said if line.startswith("@ ")), {})
    talk = _Talk(MockAkool(**{**_USUAL, **options}))
    lines: list[str] = []
    for line in said:
        lines += [line, *(f"{_INDENT}{each}" for each in talk.answer_to(line))]
    return "\n".join(lines) + "\n"


class _Talk:
    """A conversation with a fake."""

    def __init__(self, mock: MockAkool) -> None:
        self._mock = mock
        self._who = "me"
        self._type = "application/json"
        self._ids: dict[str, None] = {}
        mock.webhooks.collect()
        self._webhooks = 0

    def answer_to(self, line: str) -> Iterator[str]:
        """Do what a line says, and yield the lines that belong below it."""
        word, _, rest = _NAMED.sub(self._id, line).partition(" ")
        match word:
            case ">":
                yield from self._asked(*rest.split(" ", 2))
            case "as":
                self._who = rest
            case "type":
                self._type = rest
            case "+":
                self._mock.clock.advance(float(rest))
            case "next":
                self._mock.next_job(**json.loads(rest))
            case "complete":
                self._mock.job(rest).complete()
            case "fail" | "refund":
                job_id, _, reason = rest.partition(" ")
                self._mock.job(job_id).fail(reason, refund=word == "refund")
            case "webhooks":
                deliveries = list(self._mock.webhooks)
                for each in deliveries[self._webhooks :]:
                    yield from in_lines(json.loads(each.payload))
                self._webhooks = len(deliveries)

    def _id(self, found: re.Match[str]) -> str:
        return list(self._ids)[int(found[1]) - 1]

    def _asked(self, method: str, address: str, body: str = "") -> Iterator[str]:
        response = self._sent(method, address, body)
        if response.media is not None:
            yield _described(response.media)
            return
        if response.status != 200:
            yield f"HTTP {response.status}"
        text = response.body.decode()
        if not text.startswith("{"):
            yield from text.splitlines()
        else:
            self._ids.update(dict.fromkeys(_ID.findall(text)))
            yield from in_lines(json.loads(text))
        if response.reason is not None:
            yield f"why: {response.reason}"
        yield from _noted(response)
        for url in dict.fromkeys(_FILE.findall(text)):
            file = self._sent("GET", urlsplit(url).path)
            yield f"{url}: {_described(file.media) if file.media is not None else f'{file.status}, {file.reason}'}"

    def _sent(self, method: str, address: str, body: str = "") -> Response:
        path, _, query = address.partition("?")
        headers = {"x-api-key": self._who * 8}
        if body and self._type:
            headers["content-type"] = self._type
        return self._mock.answer(Request.build(method, path, query, headers, body.encode()))


def in_lines(value: Any, before: str = "", after: str = "") -> Iterator[str]:
    """Yield the JSON of a value in lines: what fits into one stands in one; `before` and `after` are around it."""
    line = f"{before}{json.dumps(value, ensure_ascii=False)}{after}"
    if len(line) <= _WIDE or not value or not isinstance(value, (dict, list)):
        yield line
        return
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    yield before + opened
    named = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    for number, (name, each) in enumerate(named, start=1):
        key = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
        for part in in_lines(each, key, "," if number < len(value) else ""):
            yield f"  {part}"
    yield closed + after


def _noted(response: Response) -> Iterator[str]:
    """Yield what the call log has of the jobs of a response, and its code where that is not the one of the body."""
    jobs = [(response.job_id, response.job_status), *response.also_shown]
    named = [f"{job_id!a}{f' {status.word}' if status else ''}" for job_id, status in jobs if job_id]
    body = response.body.decode()
    if response.code != (json.loads(body).get("code") if body.startswith("{") else None):
        named.append(f"code {response.code}")
    if named:
        yield f"log: {', '.join(named)}"


def _described(media: MediaSpec) -> str:
    """Return what a file shows: what is said of it beside its usual values."""
    more = [
        f"{name} {value!r}"
        for name, value in media._asdict().items()
        if value not in (MediaSpec._field_defaults.get(name, ""), ()) and name not in ("width", "height", "format")
    ]
    return f"{media.format} {media.width}x{media.height}, {', '.join(more)}"
