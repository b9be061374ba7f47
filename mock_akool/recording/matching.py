"""Which recorded response a request gets: the nth equal request the nth, and polls by the time since the create.

Two requests are equal if method, path, query, body and Range are, with secrets left aside: a replay is asked with other
keys than the recording was made with. Headers do not count.

A poll, that is a read whose ids an earlier create of the recording answered, gets the response of its time: a response
begins halfway between the poll before it and the one that it was recorded for, counted from the create. A refusal or a
broken connection comes at the call at which it came.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import FILE, GET_TOKEN, READS
from mock_akool.core.http import Request, request_target
from mock_akool.core.schema import nearest
from mock_akool.recording import bodies
from mock_akool.recording.calls import FILE_PATH, FILE_URL, RecordedCall
from mock_akool.recording.folder import Recording
from mock_akool.recording.redaction import PSEUDONYM, Redactor

_OWN_FILE: Final = re.compile(rf"https?://[^/\s\"'\\]+{FILE_PATH}(file-\d+)")
_ID: Final = re.compile(r"[0-9a-f]{24}")
_NS_PER_S: Final = 1_000_000_000
_MOST_KEPT: Final = 500
_MOST_CHARACTERS: Final = 200
_LIKENESS: Final = 0.5
"""Of a request that is missing: how much of it is compared, and how like it another must be to be named."""
_BAD_REQUEST: Final = 400


class Question(NamedTuple):
    """What makes two requests equal; secrets in it are `*`."""

    method: str
    path: str
    query: str
    body: str
    range: str

    def __str__(self) -> str:
        target = request_target(self.path, self.query)
        return f"{self.method} {target}{' ' if self.body else ''}{self.body}"


def question_of(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Question:
    """Return what makes this request equal to others; names of headers are lower case."""
    redactor = Redactor()
    content_type = headers.get("content-type", "")
    redactor.learn_headers(headers.items())
    redactor.learn_query(query)
    bodies.learn(body, content_type, redactor)
    return Question(
        method,
        _masked(redactor.path(path)),
        _masked(redactor.query(query)),
        _masked_body(body, headers, redactor),
        headers.get("range", ""),
    )


def _masked(text: str) -> str:
    return PSEUDONYM.sub("*", _OWN_FILE.sub(rf"{FILE_URL}/\1", text))


def _masked_body(body: bytes, headers: Mapping[str, str], redactor: Redactor) -> str:
    if not body:
        return ""
    if headers.get("content-encoding"):
        return f"sha256:{hashlib.sha256(body).hexdigest()}"
    try:
        value = bodies.read_json(_OWN_FILE.sub(rf"{FILE_URL}/\1", body.decode()).encode())
        return _masked(json.dumps(redactor.json(value), sort_keys=True, ensure_ascii=False))
    except ValueError:
        pass
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"sha256:{hashlib.sha256(body).hexdigest()}"
    is_form = "form-urlencoded" in headers.get("content-type", "")
    return _masked(redactor.query(text) if is_form else redactor.text(text))


def is_trouble(call: RecordedCall, code: int | None) -> bool:
    """Return whether the response to a call is a refusal, or never came as a whole; `code` is its business code."""
    return call.response.ended is not None or call.response.status >= _BAD_REQUEST or code not in (None, int(Code.OK))


class Found(NamedTuple):
    """The response of a recording to a request: that of this call. `is_pending`: a later poll was answered otherwise.

    `job_id` is that of a poll.
    """

    call: RecordedCall
    job_id: str | None = None
    is_pending: bool = False


class Missing(NamedTuple):
    """A request that the recording has no response to, and what it has that is nearest to it, if anything is near.

    `recorded` is how often the same request was recorded: it was asked more often than that.
    """

    question: Question
    nearest: str
    recorded: int

    def __str__(self) -> str:
        if self.recorded:
            times = "once" if self.recorded == 1 else f"{self.recorded} times"
            return f"{self.question}: it was recorded {times}, and asked for more often"
        return f"{self.question}: " + (f"the nearest is {self.nearest}" if self.nearest else "nothing is near it")


class _Equal:
    """The calls of a recording whose requests are equal, in their order."""

    def __init__(self) -> None:
        self.calls: list[RecordedCall] = []
        self.troubles: set[int] = set()
        """The numbers of those that were refused or broke."""
        self.job_id: str | None = None
        self.create: RecordedCall | None = None
        """What made the job that these are polls of."""

    @property
    def is_read(self) -> bool:
        """Whether asking again changes nothing."""
        first = self.calls[0]
        return first.request.method in ("GET", "HEAD", "OPTIONS") or first.endpoint in (*READS, GET_TOKEN, FILE)

    @property
    def good(self) -> list[RecordedCall]:
        """Those that were answered as they should be; all when none was."""
        return [each for each in self.calls if each.number not in self.troubles] or self.calls


def _begins_s(create: RecordedCall, polls: list[RecordedCall]) -> list[float]:
    """Return from when on each of these polls answers, in seconds since the create of their job."""
    seen = [each.at_s - create.at_s for each in polls]
    return [0.0, *((before + after) / 2 for before, after in pairwise(seen))]


class Matcher:
    """Finds the recorded responses to requests. Callers hold a lock."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.missing: list[Missing] = []
        """The requests that had no response in it, each once, in their order."""
        self._groups: dict[Question, _Equal] = {}
        self._counts: dict[Question, int] = {}
        self._served_ns: dict[int, int] = {}
        self._known: dict[tuple[str, str, str, bytes, str, str], Question] = {}
        creates: list[tuple[RecordedCall, str]] = []
        for call in recording.calls:
            self._add(call, creates)

    def _add(self, call: RecordedCall, creates: list[tuple[RecordedCall, str]]) -> None:
        sent = call.request
        body = self.recording.body(sent.body)
        question = question_of(sent.method, sent.path, sent.query, dict(sent.headers), body)
        if sent.body is not None and "left_out" in sent.body:
            question = question._replace(body=f"sha256:{sent.body['sha256']}")
        group = self._groups.setdefault(question, _Equal())
        group.calls.append(call)
        text = "" if call.endpoint == FILE else self.recording.body(call.response.body).decode("utf-8", "replace")
        if is_trouble(call, bodies.code_of(text.encode())):
            group.troubles.add(call.number)
        if not group.is_read:
            creates.append((call, text))
        elif len(group.calls) == 1:
            ids = _ID.findall(f"{sent.path} {sent.query} {body.decode('utf-8', 'replace')}")
            made = next(((each, id) for each, said in reversed(creates) for id in ids if id in said), None)
            if made is not None:
                group.create, group.job_id = made

    def find(self, request: Request, now_ns: int) -> Found | Missing:
        """Return the response to a request that came at this instant (ns), and count it; or what is missing."""
        question = self._question(request)
        group = self._groups.get(question)
        if group is None:
            return self._note(Missing(question, self._nearest(question), 0))
        count = self._counts[question] = self._counts.get(question, 0) + 1
        found = self._of_group(group, count - 1, now_ns)
        if found is None:
            return self._note(Missing(question, "", len(group.calls)))
        self._served_ns[found.call.number] = now_ns
        return found

    def _of_group(self, group: _Equal, index: int, now_ns: int) -> Found | None:
        nth = group.calls[index] if index < len(group.calls) else None
        create = group.create
        created_ns = None if create is None else self._served_ns.get(create.number)
        if create is None or created_ns is None:
            if nth is None and group.is_read:
                nth = group.good[-1]
            return None if nth is None else Found(nth)
        if nth is not None and nth.number in group.troubles:
            return Found(nth, group.job_id, is_pending=True)
        good, since_s = group.good, (now_ns - created_ns) / _NS_PER_S
        begun = [place for place, begin_s in enumerate(_begins_s(create, good)) if begin_s <= since_s]
        place = begun[-1] if begun else 0
        return Found(good[place], group.job_id, is_pending=place + 1 < len(good))

    def _question(self, request: Request) -> Question:
        headers = request.headers
        sent = (request.method, request.path, request.query, request.body)
        key = (*sent, headers.get("range", ""), headers.get("x-api-key", "") + headers.get("authorization", ""))
        question = self._known.get(key)
        if question is None:
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
            question = self._known[key] = question_of(*sent[:3], headers, request.body)
        return question

    def _note(self, missing: Missing) -> Missing:
        if missing not in self.missing and len(self.missing) < _MOST_KEPT:
            self.missing.append(missing)
        return missing

    def _nearest(self, question: Question) -> str:
        # Only so many are compared, so those of the same path come first.
        by_path = sorted(self._groups, key=lambda each: each.path != question.path)
        known = {str(each)[:_MOST_CHARACTERS]: str(each) for each in by_path}
        near = nearest(str(question)[:_MOST_CHARACTERS], known, likeness=_LIKENESS)
        return "" if near is None else known[near]

    @property
    def unused(self) -> int:
        """How many calls of the recording no request has asked for."""
        return sum(max(0, len(group.calls) - self._counts.get(each, 0)) for each, group in self._groups.items())

    def reset(self) -> None:
        """Begin anew, as if nothing had been asked."""
        self.missing.clear()
        self._counts.clear()
        self._served_ns.clear()
