"""The advice on a crash fits its kind, and what it costs fits what was spent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
import requests

from mock_akool import MockAkool, gauntlet
from mock_akool.cli.gauntlet_runs import end_of
from mock_akool.diagnostics.observations import Observations
from mock_akool.gauntlet.facts import Run
from mock_akool.gauntlet.judging import judge
from mock_akool.gauntlet.rules import Finding
from mock_akool.scenario_library.library import load
from tests.gauntlet.clients import API, GaveUpError

KEY: Final = {"x-api-key": "my-key"}
CREATE: Final = f"{API}/v3/content/image/createbyprompt"
POLL: Final = f"{API}/v3/content/image/infobymodelid"
FIELDS: Final = {"prompt": "a fox"}

OWN: Final = "your error is right; catch it where the program starts, print one line, and exit with 1"
OF_JSON: Final = "look at the HTTP status and the content type first, and read JSON only where both are right"
REPEAT: Final = "catch it, and repeat after a pause what only reads, such as a poll or a download"
REPEAT_POLL: Final = "catch it, and repeat the request after a pause: it only reads"
BALANCE: Final = "catch it; the create may have done its work, so look at the balance before you send it again"
BALANCE_HTTP: Final = (
    "catch it; a 5xx does not say whether the job was made, so look at the balance before you create it again"
)
NEW_URL: Final = "ask for a new URL by a poll, and end with an error when that one is refused too"
OTHER_HTTP: Final = "catch it, and say which HTTP status came for what"
FIELD: Final = "look at `code` first, and check that a field is there and not null before you read it"
IMAGE: Final = "decode a file where you catch errors, and download it again when it is broken"
SIGNAL: Final = "find out who sent the signal: the program, one of its libraries, or the system when memory is short"
ANY: Final = (
    "look at the HTTP status, then read JSON, then look at `code`, then at each field; raise an error of your own"
)


def created() -> Any:
    answer = requests.post(CREATE, json=FIELDS, headers=KEY, timeout=30)
    answer.raise_for_status()
    return answer.json()["data"]


def polled(job: Any) -> Any:
    time.sleep(3)
    answer = requests.get(POLL, params={"image_model_id": job["_id"]}, headers=KEY, timeout=30)
    answer.raise_for_status()
    return answer.json()["data"]


def with_requests() -> None:
    job = created()
    while job["image_status"] != 3:
        job = polled(job)
    requests.get(job["image"], timeout=30).raise_for_status()


def with_httpx() -> None:
    job = httpx.post(CREATE, json=FIELDS, headers=KEY).raise_for_status().json()["data"]
    time.sleep(3)
    httpx.get(POLL, params={"image_model_id": job["_id"]}, headers=KEY).raise_for_status()


def with_json_at_once() -> None:
    job = created()
    requests.get(POLL, params={"image_model_id": job["_id"]}, headers=KEY, timeout=30).json()["data"]["image_status"]


def fault(on: str, **what: Any) -> dict[str, Any]:
    return {"expect": {"outcome": "file"}, "rules": [{"on": on, "nth": 1, "fault": what}]}


def of(client: Callable[[], object], scenario: Any, **options: Any) -> Finding:
    (found,) = gauntlet.run(lambda mock: client(), scenarios=[scenario], **options).judgements
    return next(each for each in found.findings if each.name == "crashed")


@pytest.mark.parametrize(
    ("client", "scenario", "advice"),
    [
        (with_json_at_once, fault("poll", html=True), OF_JSON),
        (with_json_at_once, fault("poll", http=200, body='{"code":1000}', content_type="application/json"), FIELD),
        (with_json_at_once, fault("poll", http=200, body="null", content_type="application/json"), FIELD),
        (with_requests, fault("poll", reset=True), REPEAT),
        (with_requests, fault("create", drop=True), BALANCE),
        (with_requests, fault("poll", http=502), REPEAT_POLL),
        (with_requests, fault("file", http=503), REPEAT_POLL),
        (with_requests, fault("create", http=502), BALANCE_HTTP),
        (with_requests, fault("poll", http=418), OTHER_HTTP),
        (with_requests, {**fault("file", http=403), "jobs": [{"result": {}}]}, NEW_URL),
        (with_httpx, fault("poll", http=502), REPEAT_POLL),
        (with_httpx, fault("poll", drop=True), REPEAT),
    ],
)
def test_advice_fits_what_the_client_met(client: Callable[[], object], scenario: Any, advice: str) -> None:
    assert of(client, scenario).advice == advice


def test_an_error_of_its_own_is_to_be_named_where_others_are() -> None:
    def client() -> None:
        created()
        raise GaveUpError("no")

    found = of(client, "happy", gives_up_with=[TimeoutError])
    assert found.advice == "your error is right; name it in `gives_up_with`, so that it counts as a clear end"


TRACE: Final = 'Traceback (most recent call last):\n  File "a.py", line 1, in main\n'
NODE: Final = "\n    at main (file:///a.mjs:3:5)\n\nNode.js v20\n"


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        (f"{TRACE}PainterError: (1104, 'credits insufficient')\n", OWN),
        (f"{TRACE}painter.errors.OutOfCredits: 1104\n", OWN),
        (f"{TRACE}painter.ConnectionError: it went away\n", OWN),
        (f"{TRACE}RuntimeError: credits insufficient\n", OWN),
        (f"{TRACE}TimeoutError: job 5 does not end\n", OWN),
        (f"{TRACE}TimeoutError: The read operation timed out\n", REPEAT),
        (f"{TRACE}urllib.error.URLError: <urlopen error [Errno 104] Connection reset by peer>\n", REPEAT),
        (f"{TRACE}requests.exceptions.ConnectionError: ('Connection aborted.', None)\n", REPEAT),
        (f"{TRACE}json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n", OF_JSON),
        (f"{TRACE}urllib.error.HTTPError: HTTP Error 404: Not Found\n", OTHER_HTTP),
        (f"{TRACE}KeyError: '_id'\n", FIELD),
        (f"{TRACE}OSError: image file is truncated (12 bytes not processed)\n", IMAGE),
        (f"{TRACE}PIL.UnidentifiedImageError: cannot identify image file\n", IMAGE),
        (f"{TRACE}httpx.UnsupportedProtocol: no\n", ANY),
        (f"{TRACE}ValueError: no\n", ANY),
        (f"PainterError: credits insufficient{NODE}", OWN),
        (f"Error: credits insufficient{NODE}", OWN),
        (f"Error: connect ECONNREFUSED 127.0.0.1:1{NODE}", REPEAT),
        (f"TypeError: fetch failed{NODE}", REPEAT),
        (f"DOMException [TimeoutError]: The operation was aborted due to timeout{NODE}", REPEAT),
        (f"TypeError: Cannot read properties of undefined (reading '_id'){NODE}", FIELD),
        (f"SyntaxError: Unexpected token '<', \"<html>\" is not valid JSON{NODE}", OF_JSON),
        (f"AxiosError: Request failed with status code 404{NODE}", OTHER_HTTP),
        ('Exception in thread "main" com.example.PainterException: no\n\tat Main.main(Main.java:3)\n', OWN),
        ('Exception in thread "main" java.lang.RuntimeException: no\n\tat Main.main(Main.java:3)\n', OWN),
        ('Exception in thread "main" java.net.ConnectException: no\n\tat Main.main(Main.java:3)\n', REPEAT),
        ("Fatal error: Uncaught PainterException: no in /a.php:3\n", OWN),
        ("panic: runtime error: index out of range\n\ngoroutine 1 [running]:\n", ANY),
    ],
)
def test_advice_fits_what_a_program_printed(printed: str, advice: str) -> None:
    assert of_program(1, printed).advice == advice


def of_program(status: int, printed: str) -> Finding:
    """Return the finding about a program that created a job, polled it once, and crashed."""
    scenario = load({"expect": {"outcome": "either"}})
    with MockAkool(scenario=scenario) as mock:
        polled(created())
        seen = Observations.of(mock.engine)
        run = Run(scenario, seen, end_of(status, printed), mock.clock.now_ns(), is_program=True)
    (found,) = judge(run).findings
    return found


def test_a_signal_has_a_sender() -> None:
    assert of_program(-9, "").advice == SIGNAL


class TestCosts:
    """A paid job is lost only where one was paid."""

    def test_of_a_crash(self) -> None:
        assert of(with_requests, fault("poll", http=502)).cost == "people see a stack trace, and a paid job is lost"
        assert of(with_requests, fault("create", http=502)).cost == "people see a stack trace"

    @pytest.mark.parametrize(
        ("on", "cost"),
        [
            ("poll", "a paid job is thrown away although it would have come"),
            ("create", "people get nothing, though they could"),
        ],
    )
    def test_of_giving_up(self, on: str, cost: str) -> None:
        def client(mock: MockAkool) -> None:
            try:
                with_requests()
            except requests.RequestException as error:
                raise GaveUpError("no") from error

        (found,) = gauntlet.run(client, scenarios=[fault(on, http=502)]).judgements
        assert [(each.name, each.cost) for each in found.findings] == [("gave up", cost)]
