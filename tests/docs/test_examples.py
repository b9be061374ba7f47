"""What is in the folder `examples`, each run against a live server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from mock_akool import MockAkool, SystemClock
from mock_akool.akool.codes import API_URL
from mock_akool.akool.families import HOSTS
from mock_akool.cli import main
from mock_akool.webhooks import seal
from tests.children import Child, Serving, run
from tests.docs.example_commands import FOLDER, PROGRAMS
from tests.programs import need

CLIENTS: Final = sorted(FOLDER.glob("*_client.*"))
PROMPT: Final = 'a "red" fox with a \\ in its name'
PICTURES: Final = [f"image-{number}.jpg" for number in range(1, 5)]


@pytest.fixture(
    params=[
        pytest.param(file, id=file.name, marks=[] if file.name.startswith("requests_") else [pytest.mark.slow])
        for file in CLIENTS
    ]
)
def client(request: pytest.FixtureRequest) -> Path:
    """The client with requests, and with --all each of them."""
    file: Path = request.param
    need({".py": sys.executable, ".mjs": "node", ".sh": "curl"}[file.suffix])
    return file


@pytest.fixture
def node() -> str:
    need("node")
    return "node"


def play(client: Path, url: str, folder: Path, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a client in a folder, with short pauses."""
    chosen = calling(url) | {f"AKOOL_{name.upper()}": str(value) for name, value in variables.items()}
    return run(PROMPT, command=[*PROGRAMS[client.suffix], str(client)], variables=chosen, folder=folder)


def calling(url: str) -> dict[str, str]:
    """Return the variables of a client that calls this URL, with short pauses and no proxy."""
    chosen = {"AKOOL_BASE_URL": url, "AKOOL_API_KEY": "my-key", "AKOOL_PAUSE_S": "0.02", "AKOOL_PATIENCE_S": "20"}
    return {**chosen, "NO_PROXY": "*", "no_proxy": "*"}


@contextmanager
def serving(**options: Any) -> Iterator[tuple[str, MockAkool]]:
    """A live server of this process, in real time: its URL, and the fake."""
    mock = MockAkool(clock=SystemClock(), **options)
    with mock.server() as server:
        yield server.url, mock


def asked(mock: MockAkool, endpoint: str) -> int:
    """Return how often the fake was asked for this; a client that ended has had its responses."""
    return sum(call.endpoint == endpoint for call in mock.calls)


class TestClients:
    def test_it_gets_its_images(self, client: Path, tmp_path: Path) -> None:
        with serving(queueing="1 poll", processing="2 polls") as (url, mock):
            told = play(client, url, tmp_path)
            assert (told.returncode, told.stderr) == (0, "")
            assert told.stdout.split()[-4:] == PICTURES
            assert asked(mock, "createbyprompt") == 1
            assert asked(mock, "infobymodelid") == 4
        for name in PICTURES:
            with Image.open(tmp_path / name) as picture:
                picture.load()
                assert picture.format == "JPEG"

    def test_the_base_url_may_end_in_a_slash(self, client: Path, tmp_path: Path) -> None:
        with serving(queueing=0, processing="1 poll") as (url, _):
            told = play(client, f"{url}/", tmp_path)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.split() == PICTURES

    @pytest.mark.parametrize("arguments", [(), ("a", "red", "fox")], ids=("nothing", "no quotes"))
    def test_without_one_prompt_it_says_what_it_wants(
        self, client: Path, arguments: tuple[str, ...], tmp_path: Path
    ) -> None:
        command = [*PROGRAMS[client.suffix], str(client)]
        told = run(*arguments, command=command, variables={"AKOOL_BASE_URL": "http://127.0.0.1:9"}, folder=tmp_path)
        program = Path(command[0]).name if client.suffix != ".py" else "python"
        assert (told.returncode, told.stderr) == (2, f'usage: {program} {client.name} "a red fox"\n')

    def test_a_flaky_gateway_does_not_stop_it(self, client: Path, tmp_path: Path) -> None:
        with serving(scenario="flaky-gateway") as (url, mock):
            told = play(client, url, tmp_path)
            assert (told.returncode, told.stderr) == (0, "")
            assert asked(mock, "createbyprompt") == 1
            assert sum(call.response.status in (502, 503, 504) for call in mock.calls) >= 5
        for name in PICTURES:
            with Image.open(tmp_path / name) as picture:
                picture.load()

    def test_it_says_why_a_job_failed(self, client: Path, tmp_path: Path) -> None:
        with serving(queueing=0, processing="1 poll", ending="failed: not this prompt") as (url, _):
            told = play(client, url, tmp_path)
            assert told.returncode == 1
            assert re.search(r"job \w{24} failed: \W?not this prompt", told.stderr)
            assert list(tmp_path.iterdir()) == []

    def test_it_does_not_wait_forever(self, client: Path, tmp_path: Path) -> None:
        with serving(queueing=0, processing="forever") as (url, _):
            told = play(client, url, tmp_path, pause_s=0.1, patience_s=1)
            assert (told.returncode, told.stderr) == (1, "it took too long\n")

    def test_it_believes_the_code_and_not_the_http_status(self, client: Path, tmp_path: Path) -> None:
        with serving(account_status="banned") as (url, _):
            told = play(client, url, tmp_path)
            assert (told.returncode, told.stderr) == (1, "Akool says 1200: The account has been banned\n")

    def test_it_does_not_create_again_after_a_lost_answer(self, client: Path, tmp_path: Path) -> None:
        with serving(scenario="double-charge") as (url, mock):
            told = play(client, url, tmp_path)
            assert told.returncode == 1
            assert told.stderr
            assert "Traceback" not in told.stderr
            assert asked(mock, "createbyprompt") == 1


def test_there_is_a_client_for_each_way_of_calling() -> None:
    assert [file.name for file in CLIENTS] == [
        "aiohttp_client.py",
        "curl_client.sh",
        "fetch_client.mjs",
        "httpx_client.py",
        "requests_client.py",
    ]
    for file in CLIENTS:
        assert 30 <= len(file.read_text().splitlines()) <= 85


def test_the_shell_client_is_posix() -> None:
    for shell in filter(shutil.which, ("dash", "bash")):
        assert run("-n", FOLDER / "curl_client.sh", command=[shell]).returncode == 0


ANSWERED: Final = """
import {{ answeringFetch }} from "{module}";
const network = globalThis.fetch;
globalThis.fetch = (url, init) => {{
  if (new URL(url).origin !== "{fake}") throw new Error(`the network is asked for ${{url}}`);
  return network(url, init);
}};
globalThis.fetch = answeringFetch("{fake}");
await import("{client}");
"""
"""Plays the client of the folder with a fetch that the fake answers, and with no other network."""


class TestAnsweringFetch:
    @pytest.mark.parametrize(
        "flags", [("--queueing", "1 poll", "--processing", "1 poll"), ("--scenario", "flaky-gateway")]
    )
    def test_a_client_of_the_real_addresses_is_answered(
        self, flags: tuple[str, ...], node: str, tmp_path: Path
    ) -> None:
        script = tmp_path / "play.mjs"
        module, client = (f"{(FOLDER / name).as_uri()}" for name in ("answering_fetch.mjs", "fetch_client.mjs"))
        with Serving(*flags) as server:
            script.write_text(ANSWERED.format(module=module, client=client, fake=server.url))
            told = run(PROMPT, command=[node, str(script)], variables=calling(API_URL), folder=tmp_path)
            server.end()
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.split() == PICTURES
        assert "/_mock/" not in server.err
        for name in PICTURES:
            with Image.open(tmp_path / name) as picture:
                picture.load()

    def test_each_fault_is_as_fetch_has_it(self, node: str, tmp_path: Path) -> None:
        with Serving("--admin-token", "s3cret") as server:
            script = Path(__file__).with_name("answered_fetch.mjs")
            told = run(server.url, "s3cret", command=[node, str(script)], variables=calling(""), folder=tmp_path)
        assert (told.returncode, told.stdout, told.stderr) == (0, "all as it should be\n", "")

    def test_it_knows_the_addresses(self) -> None:
        (hosts,) = re.findall(r"const HOSTS = \[([^\]]*)\];", (FOLDER / "answering_fetch.mjs").read_text())
        assert re.findall(r'"([^"]*)"', hosts) == list(HOSTS)


CLIENT_ID: Final = "aAECAwQFBgcICQoLDA0ODw=="
SECRET: Final = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"


class TestReceiver:
    @pytest.fixture
    def receiver(self, node: str) -> Iterator[tuple[Child, str]]:
        variables = {"AKOOL_CLIENT_ID": CLIENT_ID, "AKOOL_CLIENT_SECRET": SECRET, "HOST": "127.0.0.1", "PORT": "0"}
        with Child(command=[node, str(FOLDER / "receiver.mjs")], variables=variables) as child:
            yield child, child.said(r"listens on (http://\S+)\n")[1]

    def test_it_prints_what_the_webhooks_of_a_job_say(self, receiver: tuple[Child, str]) -> None:
        child, url = receiver
        account = {"api_key": SECRET, "client_id": CLIENT_ID}
        with Serving("--accounts", json.dumps([account]), "--queueing", "0", "--processing", "50ms") as server:
            body = {"prompt": PROMPT, "webhookUrl": f"{url}/hook"}
            path = f"{server.url}/api/open/v3/content/image/createbyprompt"
            headers = {"x-api-key": SECRET, "content-type": "application/json"}
            created = json.loads(_post(path, json.dumps(body).encode(), headers)[1])["data"]
            child.said(r'"status":3.*\n')
        processing, completed = map(json.loads, child.out.splitlines()[1:])
        assert processing == {"_id": created["_id"], "status": 2, "type": "image"}
        assert (completed["_id"], completed["status"]) == (created["_id"], 3)
        assert completed["url"].endswith(".jpg")
        assert child.err == ""

    def test_it_sorts_as_akool_does(self, receiver: tuple[Child, str]) -> None:
        child, url = receiver
        told: list[dict[str, Any]] = [{"_id": f"{number:x}".ljust(24, "0"), "status": 4} for number in range(20)]
        envelopes = [seal(each, CLIENT_ID, SECRET) for each in told]
        ours = [sorted([each["dataEncrypt"], CLIENT_ID]) for each in envelopes]
        assert any(sorted(each, key=str.casefold) != each for each in ours), "no order of letters would be a mistake"
        for envelope in envelopes:
            assert _post(url, json.dumps(envelope).encode())[0] == 200
        child.said(told[-1]["_id"])
        assert list(map(json.loads, child.out.splitlines()[1:])) == told

    def test_it_refuses_bad_envelopes_and_lives_on(
        self, receiver: tuple[Child, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        child, url = receiver
        monkeypatch.setenv("AKOOL_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("AKOOL_CLIENT_SECRET", SECRET)
        faults = ("wrong signature", "wrong key", "flipped bit", "bad padding", "truncated base64", "plain JSON")
        for number, fault in enumerate(faults, 1):
            for each, code in ((f"envelope={fault}", 1), ("envelope=good", 0)):
                assert main(["webhook", "send", "--to", url, "--fault", each]) == code, each
            child.said(rf'(?:"status":3[^\n]*\n[^\n]*){{{number}}}')
            child.complained(rf"(?:refused: [^\n]+\n){{{number}}}")
            assert child.out.count("\n") == 1 + number

    def test_it_refuses_what_is_no_envelope(self, receiver: tuple[Child, str]) -> None:
        child, url = receiver
        good = seal({"status": 3}, CLIENT_ID, SECRET)
        bad: list[Any] = [
            None,
            [],
            {},
            "x",
            good | {"signature": 5},
            good | {"dataEncrypt": None},
            good | {"nonce": {}},
        ]
        for body in (b"", b"\xff", *(json.dumps(each).encode() for each in bad)):
            assert _post(url, body)[0] == 400
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            _post(url, b" " * 20_000_000)
        assert _post(url, json.dumps(good).encode())[0] == 200
        child.said('{"status":3}')

    def test_it_wants_the_pair(self, node: str) -> None:
        told = run(command=[node, str(FOLDER / "receiver.mjs")], variables={"AKOOL_CLIENT_ID": "", "PORT": "0"})
        assert (told.returncode, told.stderr) == (2, "set AKOOL_CLIENT_ID and AKOOL_CLIENT_SECRET\n")


def _post(url: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, body, headers or {}), timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
