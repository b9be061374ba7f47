"""What is refused, in whole texts: the reasons that the call log gives, and the errors that Python raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from mock_akool import MockAkool, MockAkoolError, Request, ScenarioError, SettingsError, Status, Timeline, __version__
from mock_akool.akool.saved_state import FORMAT, StateError
from mock_akool.core.durations import FOREVER, Span
from mock_akool.core.http import Response
from mock_akool.core.timeline import Stage
from tests.contract.asking import KEY, OTHER, send
from tests.contract.client import CLIENT_ID, CREATE_V3, GET_TOKEN, INFO, PRESS, QUOTA

DAY_S: Final = 24 * 3600

Do = Callable[[MockAkool], object]
Ask = Callable[[MockAkool], Response]
Seen = tuple[int, int | None, str | None]
"""The HTTP status, the business code, and the API key of the account that the call log names."""


def create(mock: MockAkool, key: str = KEY, **fields: Any) -> Response:
    return send(mock, "POST", CREATE_V3, key=key, body={"prompt": "a fox", **fields})


def poll(mock: MockAkool, job_id: str | None) -> Response:
    return send(mock, "GET", INFO, f"image_model_id={job_id}")


def press(mock: MockAkool, button: str) -> Response:
    return send(mock, "POST", PRESS, body={"_id": create(mock).job_id, "button": button})


def sign_in(mock: MockAkool) -> Response:
    return send(mock, "POST", GET_TOKEN, key="", body={"clientId": CLIENT_ID, "clientSecret": KEY})


def by_header(mock: MockAkool, authorization: str) -> Response:
    return mock.answer(Request.build("GET", QUOTA, "", {"authorization": authorization}))


def by_token(mock: MockAkool, between: Do = lambda mock: None, *, of: MockAkool | None = None) -> Response:
    token = json.loads(sign_in(of or mock).body)["token"]
    between(mock)
    return by_header(mock, f"Bearer {token}")


def revoke(mock: MockAkool) -> None:
    mock.engine.revoke_tokens_before(mock.accounts[0].api_key, mock.clock.now_ns() // 10**9 + 1)


def banned(mock: MockAkool) -> MockAkool:
    mock.engine.ban(mock.add_account(KEY).api_key, banned=True)
    return mock


def file_after(mock: MockAkool, seconds: float) -> Response:
    job_id = create(mock).job_id
    mock.clock.advance(5)
    url = json.loads(poll(mock, job_id).body)["data"]["image"]
    if seconds < 5:
        mock.reset()
        create(mock)
    mock.clock.advance(seconds)
    return send(mock, "GET", "/" + url.split("/", 3)[3])


def scripted(mock: MockAkool, **script: Any) -> MockAkool:
    mock.next_job(**script)
    return mock


REASONS: Final[
    list[tuple[Callable[[MockAkool], Response], dict[str, Any], tuple[int, int | None, str | None], str]]
] = [
    (
        lambda mock: send(mock, "GET", QUOTA, key=""),
        {},
        (200, 1102, None),
        "neither the header x-api-key nor Authorization has a value",
    ),
    (
        lambda mock: by_header(mock, "Basic x"),
        {},
        (200, 1101, None),
        "the header Authorization is not `Bearer` and a token",
    ),
    (
        lambda mock: by_header(mock, "bearer x"),
        {"bearer_any_case": False},
        (200, 1101, None),
        "the header Authorization is not `Bearer` and a token",
    ),
    (
        lambda mock: by_header(mock, "Bearer x"),
        {},
        (200, 1101, None),
        "the token in the header Authorization is none that getToken of this fake has made",
    ),
    (
        lambda mock: by_token(mock, of=MockAkool()),
        {},
        (200, 1101, None),
        "the token's account does not exist; it was made before a reset or by another fake",
    ),
    (
        lambda mock: by_token(mock, lambda mock: mock.clock.advance(3600 * DAY_S)),
        {},
        (200, 1101, None),
        "the token has expired",
    ),
    (lambda mock: by_token(mock, revoke), {}, (200, 1101, None), "the token was revoked"),
    (
        lambda mock: send(mock, "GET", QUOTA),
        {"strict": True},
        (200, 1109, None),
        "no account has the API key kkkk… of the header x-api-key",
    ),
    (lambda mock: send(banned(mock), "GET", QUOTA), {}, (200, 1200, None), "the account kkkk… is banned"),
    (lambda mock: sign_in(banned(mock)), {}, (200, 1200, None), "the account kkkk… is banned"),
    (
        sign_in,
        {"strict": True},
        (200, 1109, None),
        "no account has the clientId 'AAECAwQFBgcICQoLDA0ODw==' and the clientSecret kkkk…",
    ),
    (lambda mock: poll(mock, "5f"), {}, (200, 1008, KEY), "no job has the _id '5f'"),
    (
        lambda mock: poll(mock, create(mock, OTHER).job_id),
        {},
        (200, 1009, KEY),
        "job 6955b90011d7b5c51ad6f947 is another account's",
    ),
    (create, {"credits": 0}, (200, 1104, KEY), "it costs 2 credits, and the account has 0"),
    (
        lambda mock: (create(mock), create(mock))[1],
        {"requests_per_second": 1},
        (200, 1005, KEY),
        "requests_per_second allows 1, and 1 came before",
    ),
    (
        lambda mock: (create(mock), create(mock))[1],
        {"requests_per_second": 0.1},
        (200, 1005, KEY),
        "requests_per_second allows 0.1, and 1 came before",
    ),
    (
        lambda mock: (create(mock), create(mock))[1],
        {"concurrent_jobs": 1},
        (200, 1005, KEY),
        "concurrent_jobs allows 1, and the account has 1 unfinished",
    ),
    (lambda mock: create(scripted(mock, refused=1108)), {}, (200, 1108, KEY), "next_job refuses it"),
    (
        lambda mock: press(mock, "X1"),
        {},
        (200, 1003, KEY),
        "button is 'X1'; it takes one of U1, U2, U3, U4, V1, V2, V3, V4",
    ),
    (
        lambda mock: press(mock, "U1"),
        {},
        (200, 1010, KEY),
        "job 6955b9009ece54a84f2f98c3 is queueing; its buttons can be pressed once it is completed",
    ),
    (lambda mock: create(mock, prompt=5), {}, (200, 1003, KEY), "prompt is 5; it takes a text that is not blank"),
    (
        lambda mock: send(mock, "GET", CREATE_V3),
        {},
        (404, None, None),
        "'/api/open/v3/content/image/createbyprompt' takes POST, not GET",
    ),
    (
        lambda mock: send(mock, "PUT", GET_TOKEN.upper() + "/"),
        {},
        (404, None, None),
        "there is no '/API/OPEN/V3/GETTOKEN/'; POST /api/open/v3/getToken is written so",
    ),
    (
        lambda mock: send(mock, "GET", "/api/open/v3/nothing"),
        {},
        (404, None, None),
        "this fake does not imitate '/api/open/v3/nothing'; docs/reference/families.md lists what it imitates",
    ),
    (
        lambda mock: send(mock, "GET", "/v1/models"),
        {},
        (404, None, None),
        "Akool's API has no '/v1/models'; its paths begin with /api/open/",
    ),
    (
        lambda mock: send(mock, "X" * 201, CREATE_V3 + "/" + "x" * 200),
        {},
        (404, None, None),
        "this fake does not imitate '/api/open/v3/content/image/createbyprompt/xxxxxxxxxxxxxx...; "
        "docs/reference/families.md lists what it imitates",
    ),
    (lambda mock: send(mock, "GET", "/a.png"), {}, (403, None, None), "no job has a file of this name"),
    (lambda mock: send(mock, "X" * 201, "/a.png"), {}, (405, None, None), f"files take GET and HEAD, not {'X' * 200}"),
    (lambda mock: file_after(mock, 1), {}, (403, None, None), "no job has a file of this name"),
    (
        lambda mock: file_after(mock, 7 * DAY_S),
        {},
        (403, None, None),
        "the file has expired; files live for 7d (setting file_lifetime)",
    ),
    (
        lambda mock: send(mock, "GET", QUOTA, key="k+nosuch"),
        {},
        (400, None, None),
        "there is no scenario 'nosuch'; `mock-akool scenarios list` lists them",
    ),
    (
        lambda mock: create(mock, prompt=f"[mock:{'fails,' * 29}fails] [mock:{'fails,' * 19}fails,fails]"),
        {},
        (400, None, None),
        "51 scenarios are named at once; name 50 at most",
    ),
]


@pytest.mark.parametrize(("ask", "options", "seen", "reason"), REASONS, ids=[each[3][:60] for each in REASONS])
def test_the_call_log_gives_the_whole_reason(ask: Ask, options: dict[str, Any], seen: Seen, reason: str) -> None:
    mock = MockAkool(**options)
    response = ask(mock)
    assert (response.status, response.code, response.account) == seen
    assert response.reason == reason
    assert mock.calls[-1].response == response


def job_id_of(mock: MockAkool) -> str:
    return create(mock).job_id or ""


ERRORS: Final[list[tuple[Do, type[MockAkoolError], dict[str, Any], str]]] = [
    (
        lambda mock: MockAkool(strict=True, accounts=[{"api_key": "short"}]),
        SettingsError,
        {},
        "accounts[0].api_key: a key of 5 bytes cannot encrypt webhooks; with strict, use 16, 24 or 32 bytes, "
        "such as 32 letters and digits; without it any text will do",
    ),
    (
        lambda mock: mock.add_account("ä" * 15),
        SettingsError,
        {"strict": True},
        "api_key: a key of 30 bytes cannot encrypt webhooks; with strict, use 16, 24 or 32 bytes, such as 32 "
        "letters and digits; without it any text will do",
    ),
    (
        lambda mock: (mock.add_account(KEY), mock.add_account(KEY)),
        MockAkoolError,
        {},
        "there is an account with this api_key. Reset it, or take another one",
    ),
    (
        lambda mock: (
            mock.add_account(KEY, client_id=CLIENT_ID),
            mock.add_account(OTHER, client_id=CLIENT_ID),
        ),
        MockAkoolError,
        {},
        "there is an account with this client_id. Give each its own",
    ),
    (
        lambda mock: MockAkool(accounts=[{"api_key": "a"}, {"api_key": "b"}, {"api_key": "a"}]),
        SettingsError,
        {},
        "accounts[2].api_key: account 0 has the same api_key; give each its own",
    ),
    (
        lambda mock: MockAkool(queueing="forever", ending="failed"),
        SettingsError,
        {},
        "ending: queueing lasts forever, so no job ends; leave out ending, or give queueing a length",
    ),
    (
        lambda mock: MockAkool(processing="forever", ending="failed"),
        SettingsError,
        {},
        "ending: processing lasts forever, so no job ends; leave out ending, or give processing a length",
    ),
    (
        lambda mock: mock.put_scenario({"seed": 1}),
        ScenarioError,
        {},
        "seed of a scenario cannot be changed while the fake runs; leave it out, or start the fake with the scenario",
    ),
    (
        lambda mock: mock.put_scenario({"accounts": [{"api_key": "a"}], "seed": 0, "profile": "documented"}),
        ScenarioError,
        {},
        "seed, profile, accounts of a scenario cannot be changed while the fake runs; leave it out, or start "
        "the fake with the scenario",
    ),
    (
        lambda mock: mock.next_job(ending="failed"),
        ScenarioError,
        {"processing": "forever"},
        "ending: processing lasts forever by the settings, so the job never ends; give processing a length, "
        "such as processing=3, or leave out ending",
    ),
    (
        lambda mock: mock.next_job(ending="completed"),
        ScenarioError,
        {"queueing": "forever"},
        "ending: queueing lasts forever by the settings, so the job never ends; give queueing a length, such "
        "as queueing=3, or leave out ending",
    ),
    (
        lambda mock: mock.next_job(result={"image": ""}),
        ScenarioError,
        {"ending": "failed"},
        "result: by the settings, this job is never completed; say how it is completed, such as "
        "ending='completed', or leave out result",
    ),
    (
        lambda mock: mock.next_job(refused=1108, queueing=1),
        ScenarioError,
        {},
        "refused: the job is refused, so nothing becomes of it; leave out refused, or queueing, processing, "
        "ending, stages and result",
    ),
    (
        lambda mock: mock.next_job(refused=1108, result={"image": ""}),
        ScenarioError,
        {},
        "refused: the job is refused, so nothing becomes of it; leave out refused, or queueing, processing, "
        "ending, stages and result",
    ),
    (
        lambda mock: mock.next_job(refused=1108, stages=["completed"]),
        ScenarioError,
        {},
        "refused: the job is refused, so nothing becomes of it; leave out refused, or queueing, processing, "
        "ending, stages and result",
    ),
    (
        lambda mock: mock.next_job(stages=["completed"], processing=1),
        ScenarioError,
        {},
        "stages: they are the whole life of the job; leave out queueing, processing and ending",
    ),
    (
        lambda mock: mock.next_job(queueing="forever", ending="failed"),
        ScenarioError,
        {},
        "queueing: it lasts forever, so nothing follows; leave out processing and ending, or give queueing a length",
    ),
    (
        lambda mock: mock.next_job(queueing="forever", processing=1),
        ScenarioError,
        {},
        "queueing: it lasts forever, so nothing follows; leave out processing and ending, or give queueing a length",
    ),
    (
        lambda mock: mock.next_job(processing="forever", ending="completed"),
        ScenarioError,
        {},
        "processing: it lasts forever, so the job never ends; leave out ending, or give processing a length",
    ),
    (
        lambda mock: mock.next_job(stages=[{"queueing": "forever"}, "completed"]),
        ScenarioError,
        {},
        "stages[0].queueing: it lasts forever, so what follows never comes; remove what follows, or give "
        "queueing a length",
    ),
    (
        lambda mock: mock.next_job(stages=[{"processing": "forever"}, {"queueing": 1}]),
        ScenarioError,
        {},
        "stages[0].processing: it lasts forever, so what follows never comes; remove what follows, or give "
        "processing a length",
    ),
    (
        lambda mock: mock.next_job(ending="failed", result={"image": ""}),
        ScenarioError,
        {},
        "result: it is that of a completed job, and this job is never completed; leave it out, or let the job "
        "be completed",
    ),
    (
        lambda mock: mock.next_job(queueing="forever", result={"image": ""}),
        ScenarioError,
        {},
        "result: it is that of a completed job, and this job is never completed; leave it out, or let the job "
        "be completed",
    ),
    (
        lambda mock: mock.next_job(stages=[{"queueing": 1}, "failed"], result={"image": ""}),
        ScenarioError,
        {},
        "result: it is that of a completed job, and this job is never completed; leave it out, or let the job "
        "be completed",
    ),
    (
        lambda mock: mock.put_scenario({"rules": [{"on": ["file", "create"], "fault": {"file": "png"}}]}),
        ScenarioError,
        {},
        "rules[0]: a fault `file` is for `on: file` only; write `on: file`, or take another fault",
    ),
    (
        lambda mock: mock.put_scenario({"rules": [{"on": "file", "during": ["3s", "2s"], "fault": {"http": 502}}]}),
        ScenarioError,
        {},
        "rules[0].during: ['3s', '2s'] ends before it begins; write the earlier time first",
    ),
    (
        lambda mock: mock.put_scenario({"rules": [{"on": "file", "during": 3, "fault": {"http": 502}}]}),
        ScenarioError,
        {},
        "rules[0].during: 3 is not two times since the start; use [10s, 40s] or [10s, forever]",
    ),
    (
        lambda mock: mock.next_job(
            stages=Timeline((Stage(Status.PROCESSING, FOREVER), Stage(Status.QUEUEING, Span(1))))
        ),
        ScenarioError,
        {},
        "stages: processing lasts forever, so what follows never comes; remove what follows, or give it a length",
    ),
    (
        lambda mock: mock.engine.stall("5f"),
        MockAkoolError,
        {},
        "there is no job '5f'. It was deleted, or the fake was reset",
    ),
    (
        lambda mock: mock.engine.delete("5f"),
        MockAkoolError,
        {},
        "there is no job '5f'. It was deleted, or the fake was reset",
    ),
    (
        lambda mock: mock.engine.stall(job_id_of(mock)),
        MockAkoolError,
        {"queueing": 0, "processing": 0},
        "a finished job cannot be stalled. Stall it before its end",
    ),
    (
        lambda mock: mock.load_snapshot({}),
        StateError,
        {},
        "this is no state of mock-akool: it has no `format`. Take what GET /_mock/snapshot answers",
    ),
    (
        lambda mock: mock.load_snapshot({"format": 0, "version": "0.1"}),
        StateError,
        {},
        f"it has format 0 and was written by mock-akool 0.1; this is {__version__}, which reads format "
        f"{FORMAT}. Take what `snapshot` of the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot({"format": True}),
        StateError,
        {},
        f"it has format True and was written by mock-akool of an unknown version; this is {__version__}, which "
        f"reads format {FORMAT}. Take what `snapshot` of the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot({**mock.snapshot(), "zebra": 1, "colour": 2}),
        StateError,
        {},
        "2 mistakes:\n"
        "  zebra: there is no such field; the fields here are format, version, state, tables\n"
        "  colour: there is no such field; the fields here are format, version, state, tables\n"
        "Take what `snapshot` of the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot({**mock.snapshot(), "colour": 2}),
        StateError,
        {},
        "colour: there is no such field. The fields here are format, version, state, tables. Take what `snapshot` of "
        "the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot({**mock.snapshot(), "tabels": {}}),
        StateError,
        {},
        "tabels: there is no such field. Did you mean 'tables'? Take what `snapshot` of the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot({**mock.snapshot(), "state": None}),
        StateError,
        {},
        "state: None is not an object. Take what `snapshot` of the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot({**mock.snapshot(), "tables": 5}),
        StateError,
        {},
        "tables: 5 is not an object of lists. Take what `snapshot` of the same version returned",
    ),
    (
        lambda mock: mock.load_snapshot(MockAkool(seed=7).snapshot()),
        StateError,
        {},
        "the state was written with seed 7, and this fake has seed 0. Start it with the seed 7: ids, tokens "
        "and images follow from it",
    ),
]


@pytest.mark.parametrize(("do", "kind", "options", "text"), ERRORS, ids=[each[3][:60] for each in ERRORS])
def test_an_error_has_this_whole_text(do: Do, kind: type[MockAkoolError], options: dict[str, Any], text: str) -> None:
    mock = MockAkool(**options)
    with pytest.raises(MockAkoolError) as caught:
        do(mock)
    assert type(caught.value) is kind
    assert str(caught.value) == text
