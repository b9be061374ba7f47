"""No request, good, changed or broken, gets HTTP 500, or a traceback into the log, or stops the server."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Request
from tests.children import Serving
from tests.extent import choose
from tests.server.fuzzing import CLIENT_ID, KEY, Fuzzer, Known, Outcome, as_request, send

SEEDS: Final = choose(range(1), range(5))
"""Each is a test of its own, so that they run beside each other."""
REQUESTS: Final = choose(1_500, 15_000)
MISSED: Final = choose(10, 4)
"""How many routes may never have done what they are for: the fuzz would prove little if all it sent were refused."""
ROUND: Final = 250
"""After how many requests everything is forgotten."""
PIPELINED: Final = 5


def ask(url: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"x-api-key": KEY, "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=20) as response:
        return json.loads(response.read())


def begin_anew(url: str) -> Known:
    """Forget everything, and make a job that is completed and one that is not."""
    ask(url, "/_mock/reset", {})
    ask(url, "/_mock/clock/resume", {})
    ask(url, "/_mock/webhooks/sending", {"by": "collect"})
    job_ids = [
        ask(url, "/_mock/jobs", {"account": KEY, "request": {"prompt": "x"}, "stages": stages})["jobs"][0]["_id"]
        for stages in (["completed"], [{"queueing": "forever"}])
    ]
    record = ask(url, f"/api/open/v3/content/image/infobymodelid?image_model_id={job_ids[0]}")["data"]
    document = ask(url, "/api/open/v4/knowledge/create", {"name": "known"})["data"]["_id"]
    never = {"on": "file", "nth": 10**6, "fault": {"drop": True}}
    rules = [each["number"] for each in ask(url, "/_mock/scenario/rules", {"rules": [never] * 3})["rules"]]
    snapshot = json.dumps(ask(url, "/_mock/snapshot")).encode()
    return Known(job_ids, "/" + record["image"].rpartition("/")[2], document, rules, snapshot)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_is_answered_with_a_bug(seed: int, tmp_path: Path) -> None:
    flags = ("--log", "json", "--queueing", "0", "--processing", "0", "--state", str(tmp_path / "state.json"))
    with Serving(*flags) as serving:
        fuzzer = Fuzzer(seed, ask(serving.url, "/_mock/openapi.json"))
        outcome = Outcome()
        begun = 0
        while outcome.sent < REQUESTS:
            if outcome.sent >= begun or outcome.late:
                # What answers late does so by a fault that was let in.
                fuzzer.known = begin_anew(serving.url)
                begun = outcome.sent + ROUND
                outcome.late = 0
            made = [fuzzer.request() for _ in range(PIPELINED)]
            framed = [each for each in made if each.is_framed]
            for each in [framed, *([each] for each in made if not each.is_framed)]:
                send(serving.port, each, outcome)
        assert not outcome.bugs, outcome.bugs[0]
        assert ask(serving.url, "/_mock/health")["status"] == "ok"
        code, _ = serving.end()
        assert code == 0
        said = [json.loads(line) for line in serving.err.splitlines()]
    assert [each for each in said if each.get("level") == "error"] == []
    assert [each for each in said if each.get("http") == 500 and not each.get("rule")] == []
    reached = {route for route, status in outcome.statuses if status < 300}
    missed = {route.name for route in fuzzer.routes} - reached
    assert len(missed) <= MISSED, missed
    assert {200, 201, 204, 400, 403, 404, 405, 409} <= {status for _, status in outcome.statuses}


SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "documented": {"profile": "documented"},
    "strict": {"strict": True, "accounts": [{"api_key": KEY, "client_id": CLIENT_ID}]},
    "lenient": {"check_urls": False, "null_is_absent": False, "json_content_type_required": False},
    "other words": {"error_data": "null", "unknown_route_body": "text", "bearer_any_case": False},
    "realistic": {"realistic": True},
    "by polls": {"queueing": "3 polls", "processing": "2 polls"},
    "poor": {"credits": 3, "requests_per_second": 1, "concurrent_jobs": 1},
    "forgetful": {"call_log_size": 1, "call_log_bytes": 1 << 16, "max_body_bytes": 1 << 10},
    "failing": {"ending": "failed: a; b", "quota_rounding": "exact", "v4_buttons": False},
    "short": {"file_lifetime": "1s", "token_lifetime": "1s", "new_token_revokes_older": True},
    "scripted": {"scenario": ["flaky-gateway", "webhook-garbled", "webhook-twice", "runs-backwards"]},
    "latency": {"latency": "1ms..5ms", "webhook_before_status": "1s", "webhook_after_status": "2s"},
}
ROUNDS: Final = choose(1, 9)


@pytest.mark.parametrize("name", SETTINGS)
def test_no_request_is_answered_with_a_bug_whatever_the_settings_are(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In process, where nothing checks the requests first; then the report, and what becomes of jobs and webhooks."""
    document = json.loads(MockAkool().answer(Request.build("GET", "/_mock/openapi.json")).body)
    fuzzer = Fuzzer(list(SETTINGS).index(name), document)
    for number in range(ROUNDS):
        mock = MockAkool(**SETTINGS[name])
        for stages in (["completed"], [{"queueing": "forever"}]):
            body = json.dumps({"account": KEY, "request": {"prompt": "x"}, "stages": stages}).encode()
            mock.answer(Request.build("POST", "/_mock/jobs", body=body))
        fuzzer.known = Known([job.id for job in mock.jobs], "/x.jpg")
        for _ in range(choose(100, ROUND)):
            request = as_request(fuzzer.request(), ("direct", "requests", "server")[number % 3])
            if request is not None:
                _, answered = mock.application.complete(mock.answer(request))
                assert b"mock-akool bug" not in answered, request
        report = mock.report()
        assert "mock-akool bug" not in report
        assert all(line.isprintable() for line in report.split("\n"))
        mock.run_until_idle()
        assert len(repr(list(mock.webhooks)) + repr(mock.jobs) + repr(mock.calls)) > 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
