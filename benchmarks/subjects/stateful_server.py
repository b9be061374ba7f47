"""Our server with jobs that want webhooks and a state file; or how many seconds it takes to load one.

python stateful_server.py PORT JOBS FILE | load FILE
"""

from __future__ import annotations

import sys
import time

from benchmarks.poll import API_KEY, CREATE
from mock_akool.core.clock import SteeredClock
from mock_akool.core.http import Request
from mock_akool.server.application import Application
from mock_akool.server.http_server import Server
from mock_akool.server.process import tune_for_serving
from mock_akool.server.settings import Settings
from mock_akool.server.state_file import StateFile

_BODY = b'{"prompt":"a red fox","webhookUrl":"http://127.0.0.1:9/hook"}'


def made() -> Application:
    # The jobs last, so that none of their webhooks is sent meanwhile.
    return Application(Settings.of(credits=10**9, queueing="1d"), SteeredClock())


def filled(jobs: int) -> Application:
    application = made()
    for number in range(jobs):
        key = API_KEY if number % 2 else f"account-{number % 1000}"
        headers = {"x-api-key": key, "content-type": "application/json"}
        application.answer(Request.build("POST", CREATE, headers=headers, body=_BODY))
    return application


def main() -> None:
    if sys.argv[1] == "load":
        application = made()
        began = time.perf_counter()
        application.keep_in(StateFile(sys.argv[2], application))
        print(time.perf_counter() - began)
        return
    application = filled(int(sys.argv[2]))
    application.keep_in(StateFile(sys.argv[3], application))
    tune_for_serving()  # as the command serve does
    Server(application, "127.0.0.1", int(sys.argv[1])).run()


if __name__ == "__main__":
    main()
