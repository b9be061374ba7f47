"""No request, good, changed or broken, gets HTTP 500, or a traceback into the log, or stops the server."""

from __future__ import annotations

import json
import urllib.request
from typing import Any, Final

import pytest

from tests.children import Serving
from tests.extent import choose
from tests.server.fuzzing import KEY, Fuzzer, Known, Outcome, send

SEEDS: Final = choose(range(1), range(20))
"""Each is a test of its own, so that they run beside each other."""
REQUESTS: Final = choose(1_500, 15_000)
MISSED: Final = choose(5, 1)
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
    return Known(job_ids, "/" + record["image"].rpartition("/")[2])


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_is_answered_with_a_bug(seed: int) -> None:
    with Serving("--log", "json", "--queueing", "0", "--processing", "0") as serving:
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
