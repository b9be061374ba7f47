"""The poll that the load consists of, and the servers that answer it."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.processes import HOST, BenchmarkError, Server, running

ROUTE = "/api/open/v3/content/image/infobymodelid"
PATH = f"{ROUTE}?image_model_id=64dd838cf0b6684651e90217"
CREATE = "/api/open/v3/content/image/createbyprompt"
HEALTH = "/_mock/health"
API_KEY = "0123456789abcdefghijklmnopqrstuv"
HEADERS = {"x-api-key": API_KEY}
SUBJECTS = Path(__file__).with_name("subjects")
FLASK = (sys.executable, str(SUBJECTS / "flask_waitress.py"), "{port}")
BARE = (sys.executable, str(SUBJECTS / "bare_server.py"), "{port}")


def program() -> tuple[str, ...]:
    """Return our command line: the installed script, or the package where it is not installed."""
    script = shutil.which("mock-akool", path=str(Path(sys.executable).parent))
    return (script,) if script else (sys.executable, "-m", "mock_akool")


def ours(*options: str) -> tuple[str, ...]:
    """Return the command of our server."""
    return (*program(), "serve", "--port", "{port}", *options)


@contextlib.contextmanager
def running_ours(*options: str) -> Iterator[Server]:
    with running(ours(*options), path=HEALTH) as server:
        yield server


def create_job(server: Server, api_key: str = API_KEY) -> str:
    """Create a v3 job over HTTP and return its id."""
    data = _talk(server, "POST", CREATE, api_key, b'{"prompt":"a red fox"}')
    identifier: str = data["_id"]
    return identifier


def poll_path(job_id: str) -> str:
    return f"{ROUTE}?image_model_id={job_id}"


def check_poll(server: Server, job_id: str, status: int) -> None:
    """Make sure that what is measured is the right answer."""
    shown = _talk(server, "GET", poll_path(job_id), API_KEY)["image_status"]
    if shown != status:
        raise BenchmarkError(f"the job's status is {shown}, not {status}")


def _talk(server: Server, method: str, path: str, api_key: str, body: bytes | None = None) -> Any:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)
    try:
        headers = {"x-api-key": api_key, "content-type": "application/json"}
        connection.request(method, path, body, headers)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if answer["code"] != 1000:
        raise BenchmarkError(f"{method} {path} was answered {answer}")
    return answer["data"]
