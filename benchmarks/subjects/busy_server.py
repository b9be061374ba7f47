"""Our server with much to look at: jobs of one account and of many, rules that never apply, a full call log.

python busy_server.py PORT JOBS
"""

from __future__ import annotations

import json
import sys

from benchmarks.poll import API_KEY, CREATE
from mock_akool.core.clock import SteeredClock
from mock_akool.core.http import Request
from mock_akool.server.application import Application
from mock_akool.server.http_server import Server
from mock_akool.server.process import tune_for_serving
from mock_akool.server.settings import Settings

_RULES = 2_000


def filled(jobs: int) -> Application:
    settings = Settings.of(credits=10**9, queueing="1h", processing="1h")
    application = Application(settings, SteeredClock())
    rules = [{"on": "createbyprompt", "nth": 10**8 + number, "fault": {"http": 502}} for number in range(_RULES)]
    body = json.dumps({"scenario": {"rules": rules}}).encode()
    assert application.answer(Request.build("PUT", "/_mock/scenario", body=body)).status == 200
    for number in range(2 * jobs):
        key = API_KEY if number % 2 else f"account-{number}"
        headers = {"x-api-key": key, "content-type": "application/json"}
        body = b'{"prompt":"a red fox","webhookUrl":"http://127.0.0.1:9/"}'
        application.answer(Request.build("POST", CREATE, headers=headers, body=body))
    return application


def main() -> None:
    port, jobs = map(int, sys.argv[1:])
    application = filled(jobs)
    tune_for_serving()  # as the command serve does
    Server(application, "127.0.0.1", port).run()


if __name__ == "__main__":
    main()
