"""The scenario of a recording: jobs as long as they were, and the faults at the calls at which they came.

Where neither a scenario nor the fake as it is says what the service did, that is reported: the recording contradicts a
fact of the contract, or a choice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mock_akool.akool.codes import Code
from mock_akool.akool.endpoints import FILE, GET_TOKEN, PREFLIGHT, QUOTA_INFO, READS, UNKNOWN
from mock_akool.akool.families import CREATES, FAMILIES, RESULTS, SERVICES
from mock_akool.akool.scenarios.model import Scenario
from mock_akool.core.clock import VirtualClock
from mock_akool.core.errors import SettingsError
from mock_akool.core.http import Request, Response, Termination
from mock_akool.core.timeline import Status
from mock_akool.mock.local import MockAkool
from mock_akool.mock.settings import MockOptions
from mock_akool.recording.bodies import code_of
from mock_akool.recording.calls import FILE_PATH, FILE_URL, RecordedCall
from mock_akool.recording.folder import Recording

_BAD_REQUEST: Final = 400
_OF_CREDENTIALS: Final = frozenset(
    {Code.INVALID_AUTHORIZATION, Code.AUTHORIZATION_EMPTY, Code.ACCOUNT_NOT_FOUND, Code.ACCOUNT_BANNED}
)
_SERVER_ERROR: Final = 500
_OUT_OF_RANGE: Final = 416
_PAIR: Final = {"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": "mockakoolrecordedmockakoolrecord"}
"""What stands for the pair that a recording does not have."""
_CONDITIONS: Final[tuple[str, ...]] = ("if-none-match", "if-range", "if-modified-since")
_OF_FILES: Final = ("ETag", "Last-Modified", "Accept-Ranges", "Content-Range")
_SECTIONS: Final[Mapping[str, str]] = {
    **{name: create.section for name, create in CREATES.items() if create.section},
    **{name: results.section for name, results in RESULTS.items() if results.section},
    **{GET_TOKEN: "2", QUOTA_INFO: "7", FILE: "8", UNKNOWN: "1"},
}
_OF_ALL_OTHERS: Final = "12"
_CREDITS: Final = 10**9


class Derived(NamedTuple):
    """The scenario of a recording, as its file has it, and what of the recording the fake does not do."""

    scenario: dict[str, Any]
    contradictions: list[str]


def _section_of(endpoint: str) -> str:
    """Return the section of the contract, as the page of differences counts them, that is about an endpoint."""
    if endpoint in _SECTIONS:
        return _SECTIONS[endpoint]
    group = f"{endpoint.partition('/')[0]}/"
    shown_by = [(family, {reading.results.endpoint for reading in family.readings}) for family in FAMILIES]
    made_by = [(family, {create.endpoint for create in family.creates}) for family in FAMILIES]
    about = [
        *(family.options for family, names in (*made_by, *shown_by) if endpoint in names),
        *(service.options for name, service in SERVICES.items() if name == endpoint),
        *(family.options for family, names in made_by if any(name.startswith(group) for name in names)),
    ]
    options = next((each for each in about if each is not None), None)
    own = () if options is None else (field.section for field in options.fields().values())
    return max((each for each in own if each.isdecimal()), key=int, default=_OF_ALL_OTHERS)


class _Answer(NamedTuple):
    """A response of the recording, as far as it is compared."""

    call: RecordedCall
    code: int | None
    body: Any


def derive(recording: Recording) -> Derived:
    """Return the scenario of a recording, and which facts of the contract the recording contradicts."""
    answers = list(_answers(recording))
    scenario: dict[str, Any] = {
        "description": f"What was recorded of {', '.join(recording.upstreams) or 'the service'}."
    }
    contradictions: list[str] = []
    jobs = [_life(job_id, call, answers, contradictions) for call in answers for job_id in _jobs_of(call)]
    if jobs:
        scenario["jobs"] = _without_repetitions(jobs)
    rules = [rule for number, answer in _numbered(answers) if (rule := _wire_rule(answer, number)) is not None]
    found = _Comparison(scenario, answers, recording).compare()
    rules += found.rules
    if rules:
        scenario["rules"] = rules
    return Derived(scenario, [*contradictions, *found.contradictions])


def _answers(recording: Recording) -> Iterator[_Answer]:
    for call in recording.calls:
        body: Any = None
        if call.endpoint != FILE and call.response.ended is None:
            text = recording.body(call.response.body).decode("utf-8", "replace")
            try:
                body = json.loads(text)
            except ValueError:
                body = text
        code = code_of(json.dumps(body).encode()) if isinstance(body, dict) else None
        yield _Answer(call, code, body)


def _numbered(answers: list[_Answer]) -> Iterator[tuple[int, _Answer]]:
    """Yield each answer with its number among those of its endpoint."""
    counts: dict[str, int] = {}
    for answer in answers:
        endpoint = answer.call.endpoint
        counts[endpoint] = counts.get(endpoint, 0) + 1
        yield counts[endpoint], answer


# Jobs


def _records_in(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all objects in a JSON value, the outer ones first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _records_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _records_in(each)


def _jobs_of(answer: _Answer) -> list[str]:
    if answer.call.endpoint not in CREATES or answer.code != Code.OK:
        return []
    ids = (each.get("_id") for each in _records_in(answer.body.get("data")))
    return list(dict.fromkeys(each for each in ids if isinstance(each, str)))


def _life(job_id: str, created: _Answer, answers: list[_Answer], contradictions: list[str]) -> dict[str, Any]:
    """Return the entry of `jobs` for a job: its stages began halfway between the polls that showed them."""
    began_s = created.call.at_s
    seen: list[tuple[float, int]] = [(0.0, int(Status.QUEUEING))]
    last: dict[str, Any] = {}
    for answer in answers:
        record = _shown(job_id, answer)
        if record is not None:
            last = record
            seen.append((answer.call.at_s - began_s, int(record[RESULTS[answer.call.endpoint].status_word])))
    if len(seen) == 1:
        return {"stages": [Status.COMPLETED.word]}  # nobody asked what became of it
    stages: list[Any] = []
    stage_began_s, stage_status = seen[0]
    for (before_s, _), (after_s, status) in pairwise(seen):
        if status == stage_status:
            continue
        if stage_status >= Status.COMPLETED:
            contradictions.append(
                f"job {job_id} went on after status {stage_status}, to status {status}: statuses 3 and 4 are final "
                "(contract section 1)"
            )
            break
        middle_s = (before_s + after_s) / 2
        stages.append(_stage(stage_status, middle_s - stage_began_s))
        stage_began_s, stage_status = middle_s, status
    if stage_status < Status.COMPLETED:
        stages.append({Status(stage_status).word: "forever"})
    elif stage_status == Status.FAILED:
        reasons = [each for each in last.get("error_reasons") or [] if isinstance(each, str) and each]
        stages.append({Status.FAILED.word: reasons} if reasons else Status.FAILED.word)
    else:
        stages.append(Status.COMPLETED.word)
    return {"stages": stages}


def _stage(status: int, length_s: float) -> dict[str, str]:
    return {Status(status).word: f"{max(1, round(length_s * 1000))}ms"}


def _shown(job_id: str, answer: _Answer) -> dict[str, Any] | None:
    """Return the record of a job that a poll shows, if it does."""
    endpoint = answer.call.endpoint
    if endpoint not in READS or answer.code != Code.OK:
        return None
    word = RESULTS[endpoint].status_word
    for record in _records_in(answer.body.get("data")):
        status = record.get(word)
        if record.get("_id") == job_id and isinstance(status, int) and status in set(Status):
            return record
    return None


def _without_repetitions(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries without those at the end that repeat the one before: the last entry repeats by itself."""
    while len(jobs) > 1 and jobs[-1] == jobs[-2]:
        jobs.pop()
    return jobs


# Faults


def _wire_rule(answer: _Answer, number: int) -> dict[str, Any] | None:
    """Return the rule for a response that no Akool sends: a broken connection, or an HTTP status of a gateway."""
    call = answer.call
    if call.endpoint in (UNKNOWN, PREFLIGHT):
        return None
    is_of_gateway = call.response.status >= (_BAD_REQUEST if call.endpoint != FILE else _SERVER_ERROR)
    rule: dict[str, Any] = {"on": call.endpoint, "nth": number}
    match call.response.ended:
        case Termination.DROP:
            return {**rule, "fault": {"drop": True}}
        case Termination.RESET:
            return {**rule, "fault": {"reset": True}}
        case Termination.CUT:
            return {**rule, "fault": {"truncate": "50%"}}
    if is_of_gateway and answer.code is None:
        return {**rule, "fault": {"http": call.response.status}}
    return None


# Comparison


class _Compared(NamedTuple):
    rules: list[dict[str, Any]]
    contradictions: list[str]


class _Comparison:
    """Asks a fake what the service was asked, at the same times, and compares the responses."""

    def __init__(self, scenario: Mapping[str, Any], answers: list[_Answer], recording: Recording) -> None:
        self._answers = answers
        self._recording = recording
        self._clock = VirtualClock()
        self._scenario = dict(scenario)
        self._fake = MockAkool(clock=self._clock, scenario=self._scenario, credits=_CREDITS)
        self._start_ns = self._clock.now_ns()
        self._ids: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        """The URLs of the fake's files, by those of the recording."""
        self._marks: dict[str, str] = {}
        """What a header said of a file's version, of the fake by that of the recording."""
        self._found = _Compared([], [])

    def compare(self) -> _Compared:
        """Return the rules for what the fake would not refuse by itself, and what else differs."""
        for number, answer in _numbered(self._answers):
            call = answer.call
            if call.endpoint == PREFLIGHT or call.response.ended or call.response.status >= _SERVER_ERROR:
                continue
            self._clock.advance_to(max(self._clock.now_ns(), self._start_ns + round(call.at_s * 1e9)))
            if call.endpoint == FILE:
                self._compare_file(call, number)
            elif call.endpoint == UNKNOWN:
                self._compare_unknown(answer)
            elif call.endpoint == GET_TOKEN:
                self._compare_token(answer, number)
            elif answer.code is not None and answer.code not in _OF_CREDENTIALS:
                is_refused_create = call.endpoint in CREATES and answer.code != Code.OK
                # What was refused must not make a job, which would take the script of the next one.
                fake = MockAkool(credits=_CREDITS) if is_refused_create else self._fake
                self._compare(answer, number, fake.answer(self._request(call)))
        return self._found

    def _compare_file(self, call: RecordedCall, number: int) -> None:
        """Compare the status of a download, its type and the headers of its file."""
        theirs = {name.lower(): value for name, value in reversed(call.response.headers)}
        asked = {name.lower(): value for name, value in call.request.headers}
        url = self._urls.get(f"{FILE_URL}/{call.request.path.removeprefix(FILE_PATH)}")
        conditions = {name: asked[name] for name in _CONDITIONS if name in asked}
        if url is None or not self._marks.keys() >= set(conditions.values()):
            return  # nobody knows which file of the fake's is meant, or which version of it
        headers = {name: self._marks[value] for name, value in conditions.items()}
        if "range" in asked:
            headers["range"] = asked["range"]
        place = urlsplit(url)
        headers["host"] = place.netloc
        said = self._fake.answer(Request.build(call.request.method, place.path, place.query, headers))
        said, _ = self._fake.application.complete(said)
        ours = {name.lower(): value for name, value in reversed(said.headers)}
        status = call.response.status
        if status != said.status:
            if _OUT_OF_RANGE in (status, said.status):
                return  # the files need not be of one length
            if status >= _BAD_REQUEST:
                self._found.rules.append({"on": FILE, "nth": number, "fault": {"http": status}})
            self._note(FILE, f"a download was HTTP {status}, and of the fake it is HTTP {said.status}")
            return
        if status < _BAD_REQUEST:
            self._compare_file_headers(theirs, ours)

    def _compare_file_headers(self, theirs: Mapping[str, str], ours: Mapping[str, str]) -> None:
        """Compare the type of a file, and which headers it has."""
        for name in ("etag", "last-modified"):
            if name in theirs and name in ours:
                self._marks[theirs[name]] = ours[name]
        recorded, faked = (
            each.get("content-type", "none").partition(";")[0].strip().lower() for each in (theirs, ours)
        )
        if recorded != faked:
            self._note(FILE, f"a file was {recorded}, and of the fake it is {faked}")
        for name in _OF_FILES:
            if (name.lower() in theirs) != (name.lower() in ours):
                has, lacks = ("the service", "the fake") if name.lower() in theirs else ("the fake", "the service")
                self._note(FILE, f"a file of {has} has the header {name}, and one of {lacks} has not")

    def _compare_unknown(self, answer: _Answer) -> None:
        """Compare what a route is answered with that the fake does not have."""
        call = answer.call
        if call.request.path == "/":
            return  # the fake welcomes people there
        said = self._fake.answer(self._request(call))
        status = call.response.status
        if status != said.status:
            what = f"{call.request.method} {call.request.path}"
            self._note(UNKNOWN, f"{what} was HTTP {status}, and of the fake it is HTTP {said.status}")
        elif call.request.method != "HEAD" and isinstance(answer.body, dict) != (said.body[:1] == b"{"):
            kind, own = ("json", "text") if isinstance(answer.body, dict) else ("text", "json")
            self._note(
                UNKNOWN, f"its body is {kind}, and of the fake it is {own}; perhaps --set unknown_route_body={kind}"
            )

    def _compare_token(self, answer: _Answer, number: int) -> None:
        """Compare what getToken answers to a pair, which a recording does not have, or to fields that are missing."""
        request = self._request(answer.call)
        try:
            given = json.loads(request.body)
        except ValueError:
            given = None
        if isinstance(given, dict):
            known = {name: value for name, value in _PAIR.items() if isinstance(given.get(name), str) and given[name]}
            request = request._replace(body=json.dumps({**given, **known}).encode())
        said = MockAkool(accounts=[{"client_id": _PAIR["clientId"], "api_key": _PAIR["clientSecret"]}]).answer(request)
        if answer.code is None or (answer.code in _OF_CREDENTIALS and said.code == Code.OK):
            return  # a pair that is wrong in the recording is a good one here
        if answer.code == said.code == Code.OK:
            theirs, ours = (
                {name: each for name, each in body.items() if name not in ("code", "msg")}
                for body in (answer.body, json.loads(said.body))
            )
            for text in _differences(theirs, ours, "the body"):
                self._note(GET_TOKEN, text)
        else:
            self._compare(answer, number, said)

    def _compare(self, answer: _Answer, number: int, said: Response) -> None:
        endpoint = answer.call.endpoint
        own = json.loads(said.body)
        if answer.code != said.code:
            if answer.code != Code.OK and answer.code is not None:
                self._found.rules.append({"on": endpoint, "nth": number, "fault": {"code": int(answer.code)}})
            self._note_code(answer, said)
            return
        if answer.code != Code.OK:
            return
        self._learn_ids(answer.body, own)
        for text in _differences(answer.body.get("data"), own.get("data"), "data"):
            self._note(endpoint, f"{_at_status(endpoint, own)}{text}")

    def _note_code(self, answer: _Answer, said: Response) -> None:
        endpoint, code = answer.call.endpoint, answer.code
        does = "answers with 1000" if said.code == Code.OK else f"refuses with {said.code}"
        did = "answered with 1000" if code == Code.OK else f"refused with {code}"
        fits = [
            name
            for name, field in MockOptions.fields().items()
            if name.endswith("_code") and field.mark and said.code != Code.OK and field.default == said.code
        ]
        hint = f"; perhaps --set {fits[0]}={code}" if len(fits) == 1 and code != Code.OK else ""
        self._note(endpoint, f"the service {did} a request that the fake {does}{hint}")

    def _note(self, endpoint: str, text: str) -> None:
        line = f"{endpoint}: {text} (contract section {_section_of(endpoint)})"
        if line not in self._found.contradictions:
            self._found.contradictions.append(line)

    def _learn_ids(self, theirs: Any, ours: Any) -> None:
        """Take note which job of the fake stands for which of the recording."""
        pairs = zip(_records_in(theirs), _records_in(ours), strict=False)
        for their, our in pairs:
            if isinstance(their.get("_id"), str) and isinstance(our.get("_id"), str):
                self._ids.setdefault(their["_id"], our["_id"])
            for name in their.keys() & our.keys():
                self._learn_urls(their[name], our[name])

    def _learn_urls(self, theirs: Any, ours: Any) -> None:
        """Take note which file of the fake stands for which of the recording."""
        listed = zip(theirs, ours, strict=False) if isinstance(theirs, list) and isinstance(ours, list) else ()
        for their, our in (*listed, (theirs, ours)):
            if isinstance(their, str) and isinstance(our, str) and their.startswith(f"{FILE_URL}/"):
                self._urls.setdefault(their, our)

    def _request(self, call: RecordedCall) -> Request:
        headers = {name: value for name, value in call.request.headers if name not in ("authorization", "x-api-key")}
        headers["x-api-key"] = "recorded"
        body = self._recording.body(call.request.body)
        return Request.build(
            call.request.method,
            self._own(call.request.path),
            self._own(call.request.query),
            headers,
            self._own(body.decode("latin-1")).encode("latin-1"),
        )

    def _own(self, text: str) -> str:
        if not self._ids:
            return text
        return re.sub("|".join(map(re.escape, self._ids)), lambda found: self._ids[found[0]], text)


def _at_status(endpoint: str, own: Any) -> str:
    if endpoint not in READS:
        return ""
    word = RESULTS[endpoint].status_word
    for record in _records_in(own.get("data")):
        if word in record:
            return f"at {word} {record[word]}, "
    return ""


def _differences(theirs: Any, ours: Any, place: str) -> Iterator[str]:
    """Yield how two JSON values differ in their form; values are not compared."""
    if _kind(theirs) != _kind(ours):
        yield f"{place} was {_kind(theirs)}, and of the fake it is {_kind(ours)}"
    elif isinstance(theirs, dict):
        for name in sorted(theirs.keys() - ours.keys()):
            yield f"the service had {place}.{name}, and the fake has not"
        for name in sorted(ours.keys() - theirs.keys()):
            yield f"the fake has {place}.{name}, and the service had not"
        for name in sorted(theirs.keys() & ours.keys()):
            yield from _differences(theirs[name], ours[name], f"{place}.{name}")
    elif isinstance(theirs, list):
        if bool(theirs) != bool(ours):
            yield f"{place} was {_filled(theirs)}, and of the fake it is {_filled(ours)}"
        elif theirs:
            yield from _differences(theirs[0], ours[0], f"{place}[0]")


def _filled(value: list[Any]) -> str:
    return "a list with items" if value else "an empty list"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return {str: "a text", dict: "an object", list: "a list", type(None): "null"}[type(value)]


def scenario_of(derived: Derived) -> Scenario:
    """Return the scenario of a recording; SettingsError if it is none that a fake takes, which is a bug of ours."""
    try:
        (scenario,) = MockOptions.of(scenario=derived.scenario).scenario
    except SettingsError as error:
        raise SettingsError(f"the scenario of this recording is not valid: {error}", "please report it") from None
    return scenario
