"""`mock-akool record` and `mock-akool replay`: whole programs, with a fake in place of the real service."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from mock_akool import MockAkool, Server, SystemClock
from mock_akool.cli import main
from mock_akool.server.tls import Tls
from tests.children import Child, run

QUOTA = "/api/open/v3/faceswap/quota/info"
KEY = {"x-api-key": "my-key-of-the-service"}
CLIENT = """
import json, urllib.request
API, KEY = "https://openapi.akool.com/api/open/v3/content/image", {"x-api-key": "my-key-of-the-service"}
def ask(url, fields=None):
    body = None if fields is None else json.dumps(fields).encode()
    request = urllib.request.Request(url, body, {**KEY, "content-type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=20))["data"]
job = ask(f"{API}/createbyprompt", {"prompt": "a fox"})
shown = ask(f"{API}/infobymodelid?image_model_id={job['_id']}")
print(job["_id"], shown["image_status"], urllib.request.urlopen(shown["image"], timeout=20).read()[:2] == b"\\xff\\xd8")
"""


class Real:
    """A fake that stands for the real service."""

    def __init__(self, mock: MockAkool, url: str) -> None:
        self.mock = mock
        self.url = url


@pytest.fixture
def real() -> Iterator[Real]:
    mock = MockAkool(clock=SystemClock(), queueing=0, processing=0)
    with Server(mock.application, tls=Tls(off=True)) as server:
        yield Real(mock, server.url)


def listening(child: Child) -> str:
    return child.said(r"listens on (http://\S+)")[1]


def test_what_is_recorded_is_replayed(real: Real, tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    with Child("record", "--upstream", real.url, "--port", "0", "--into", folder) as child:
        first = requests.get(listening(child) + QUOTA, headers=KEY, timeout=10)
        code, _ = child.end()
        assert code == 0, child.err
        child.said(rf"mock-akool recorded 1 call in {folder}")
    with Child("replay", folder, "--port", "0") as child:
        url = listening(child)
        assert requests.get(url + QUOTA, timeout=10).content == first.content
        assert requests.get(url + QUOTA + "?x=1", timeout=10).status_code == 500
        code, _ = child.end()
        assert code == 0, child.err
        child.said(r"mock-akool replayed 2 calls; 0 recorded calls not asked for")
        child.said(rf"warning: not in the recording: GET {QUOTA}\?x=1: the nearest is GET {QUOTA}")
    assert real.mock.calls.count == 1


@pytest.mark.slow
def test_a_program_with_akools_hosts_in_it_is_recorded_and_replayed_by_exec(real: Real, tmp_path: Path) -> None:
    folder, ca = tmp_path / "tape", {"MOCK_AKOOL_CA_DIR": str(tmp_path / "ca")}
    outputs = []
    for command in (("record", "--upstream", real.url, "--into", folder), ("replay", folder)):
        with Child(*command, "--port", "0", variables=ca) as child:
            url = listening(child)
            ended = run("exec", "--quiet", "--attach", url, "--", sys.executable, "-c", CLIENT, variables=ca)
            assert ended.returncode == 0, ended.stderr
            outputs.append(ended.stdout)
            assert child.end()[0] == 0
    assert outputs[0] == outputs[1]
    assert outputs[0].endswith("3 True\n")
    assert real.mock.calls.count == 3


def test_a_request_without_a_response_and_files_of_other_hosts_are_said_at_the_end(tmp_path: Path) -> None:
    with Child("record", "--upstream", "http://127.0.0.1:9", "--port", "0", "--into", tmp_path / "tape") as child:
        assert requests.get(listening(child) + QUOTA, timeout=10).status_code == 502
        assert child.end()[0] == 0
        child.said("warning: 1 request got no response, and is not in the recording: http://127.0.0.1:9")


def test_events_are_json_where_the_log_is(real: Real, tmp_path: Path) -> None:
    arguments = ("--upstream", real.url, "--port", "0", "--into", tmp_path / "tape", "--log", "json")
    with Child("record", *arguments) as child:
        child.said('"listening"')
        child.end()
        last = json.loads(child.out.splitlines()[-1])
        assert (last["event"], last["calls"]) == ("recorded", 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["record"], "--upstream: it is missing"),
        (["record", "--upstream", "x"], "--upstream: 'x' is no address of a server"),
        (["replay", "nowhere"], "there is no recording in 'nowhere'"),
    ],
)
def test_a_mistake_is_one_line_and_starts_nothing(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_start_that_failed_leaves_a_folder_that_can_be_used(real: Real, tmp_path: Path) -> None:
    port = real.url.rpartition(":")[2]
    arguments = ["record", "--upstream", real.url, "--into", str(tmp_path / "tape"), "--port", port]
    for _ in range(2):
        ended = run(*arguments)
        assert (ended.returncode, "cannot listen" in ended.stderr) == (1, True)
