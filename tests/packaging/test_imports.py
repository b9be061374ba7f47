"""What is imported when: a package that costs little to import, and a server that starts fast."""

from __future__ import annotations

import json
import sys
from http.client import HTTPConnection

import pytest

from tests.children import PATIENCE_S, Child, run

HEAVY = {
    "flask",
    "werkzeug",
    "requests",
    "responses",
    "PIL",
    "faker",
    "jwt",
    "asyncio",
    "uvloop",
    "httptools",
    "pytest",
    "cryptography",
}
"""What `import mock_akool` must leave to those who use it."""

NOT_TO_SERVE = {"flask", "werkzeug", "requests", "responses", "faker", "jwt", "PIL", "pytest", "hypothesis"}
"""What a server needs for tokens and images only, or never."""

NOT_TO_START = {
    "datetime",
    "email",
    "random",
    "tempfile",
    "tomllib",
    "mock_akool.admin.openapi",
    "mock_akool.admin.routes",
    "mock_akool.akool.saved_state",
    "mock_akool.akool.snapshot",
    "mock_akool.diagnostics.hints",
    "mock_akool.diagnostics.report",
    "mock_akool.media.drawn_videos",
    "mock_akool.media.images",
    "mock_akool.scenario_library",
    "mock_akool.server.certificates",
    "mock_akool.server.state_file",
    "mock_akool.webhooks.http_sender",
    "mock_akool.webhooks.worker",
}
"""What a server needs for what few clients do, if at all: a start that imports them is that much later."""

FOR_WEBHOOKS = {"cryptography"}
"""What a server needs for webhooks only; PyJWT imports it, too, where it is installed."""

PYTHON = (sys.executable, "-W", "error")


def imported(code: str) -> set[str]:
    """Run code in a process of its own; returns the names of the top-level modules that are then imported."""
    finished = run(
        "-c",
        f"{code}\nimport json, sys\nprint(json.dumps(sorted({{n.partition('.')[0] for n in sys.modules}})))",
        command=PYTHON,
    )
    assert finished.returncode == 0, finished.stderr
    return set(json.loads(finished.stdout.splitlines()[-1]))


def test_the_package_imports_nothing_heavy() -> None:
    assert imported("import mock_akool") & HEAVY == set()


@pytest.mark.parametrize("name", ["Settings", "VirtualClock", "Timeline", "Status", "failed", "AkoolError", "Call"])
def test_the_core_imports_nothing_heavy(name: str) -> None:
    assert imported(f"from mock_akool import {name}") & HEAVY == set()


def test_a_fake_without_a_door_imports_nothing_heavy() -> None:
    code = "from mock_akool import MockAkool, Request\nMockAkool().answer(Request.build('GET', '/_mock/health'))"
    assert (
        imported(code) & {"flask", "requests", "responses", "faker", "jwt", "PIL", "asyncio", "cryptography"} == set()
    )


@pytest.mark.parametrize("arguments", [["--version"], ["serve", "--help"], ["demo", "--help"]])
def test_the_command_line_tells_of_itself_without_heavy_imports(arguments: list[str]) -> None:
    told = (
        f"from mock_akool.cli import main\ntry:\n    main({arguments})\nexcept SystemExit as end:\n    code = end.code"
    )
    assert (
        imported(f"{told}\nassert code == 0") & {"flask", "requests", "faker", "jwt", "PIL", "uvloop", "httptools"}
        == set()
    )


SERVE_AND_TELL = """
import json, sys, threading
from mock_akool import cli
from mock_akool.server.http_server import Server

usual = Server.answer

def answer(self, request, *peer):
    response = usual(self, request, *peer)
    if request.path == "/tell":
        names = sorted({*sys.modules, *(name.partition(".")[0] for name in sys.modules)})
        response = response._replace(status=200, body=json.dumps(names).encode())
    return response

Server.answer = answer
sys.exit(cli.main(["serve", "--port", "0", "--queueing", "0", "--processing", "0"]))
"""


def test_a_server_imports_what_tokens_and_images_need_when_they_are_first_asked_for() -> None:
    with Child("-c", SERVE_AND_TELL, command=PYTHON) as server:
        port = int(server.said(r"listens on http://127\.0\.0\.1:(\d+) ")[1])
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

        def ask(path: str, body: object = None) -> bytes:
            headers = {"content-type": "application/json", "x-api-key": "key"}
            sent = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, sent, headers)
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read()

        # What measures the coverage of this process imports some of them before it begins.
        always = imported("")

        def reported() -> set[str]:
            return set(json.loads(ask("/tell"))) - always

        try:
            assert reported() & (NOT_TO_SERVE | NOT_TO_START) == set()
            ask("/_mock/health")
            assert reported() & NOT_TO_START == set()
            ask("/_mock/state")
            of_admin = {"mock_akool.admin.routes", "mock_akool.akool.saved_state"}
            assert reported() & NOT_TO_START == of_admin
            job = json.loads(ask("/api/open/v3/content/image/createbyprompt", {"prompt": "a lighthouse"}))["data"]
            info = json.loads(ask(f"/api/open/v3/content/image/infobymodelid?image_model_id={job['_id']}"))["data"]
            assert reported() & NOT_TO_SERVE == set()
            assert reported() & NOT_TO_START == of_admin
            ask("/" + info["image"].rpartition("/")[2])
            assert reported() & NOT_TO_SERVE == {"PIL"}
            assert reported() & FOR_WEBHOOKS == set()
            ask("/api/open/v3/getToken", {"clientId": "some id", "clientSecret": "some secret"})
            assert reported() & NOT_TO_SERVE == {"PIL", "jwt"}
        finally:
            connection.close()
