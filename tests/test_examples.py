"""The clients of the folder `examples`, each run against a live server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.children import Serving, run

FOLDER: Final = Path(__file__).parents[1] / "examples"
CLIENTS: Final = sorted(FOLDER.glob("*_client.*"))
PROMPT: Final = 'a "red" fox with a \\ in its name'
PICTURES: Final = [f"picture-{number}.jpg" for number in range(1, 5)]

PROGRAMS: Final = {".py": (sys.executable, "-W", "error"), ".mjs": ("node",), ".sh": ("sh",)}


@pytest.fixture(params=CLIENTS, ids=lambda file: file.name)
def client(request: pytest.FixtureRequest) -> Path:
    file: Path = request.param
    needed = {".py": sys.executable, ".mjs": "node", ".sh": "curl"}[file.suffix]
    if shutil.which(needed) is None:
        assert os.environ.get("CI") != "true", f"there is no {needed}, and CI must try the examples"
        pytest.skip(f"there is no {needed}")
    return file


def play(client: Path, url: str, folder: Path, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a client in a folder, with short pauses."""
    chosen = {"AKOOL_BASE_URL": url, "AKOOL_API_KEY": "my-key", "AKOOL_PAUSE_S": "0.02", "AKOOL_PATIENCE_S": "20"}
    chosen |= {f"AKOOL_{name.upper()}": str(value) for name, value in variables.items()}
    command = [*PROGRAMS[client.suffix], str(client)]
    return run(PROMPT, command=command, variables={**chosen, "NO_PROXY": "*", "no_proxy": "*"}, folder=folder)


def asked(serving: Serving, endpoint: str) -> int:
    """Return how often the server was asked for this; a client that ended has had its answers."""
    return len(re.findall(rf"\b{endpoint}\b", serving.err))


class TestClients:
    def test_it_gets_its_pictures(self, client: Path, tmp_path: Path) -> None:
        with Serving("--queue", "1 poll", "--processing", "2 polls") as server:
            told = play(client, server.url, tmp_path)
            assert (told.returncode, told.stderr) == (0, "")
            assert told.stdout.split()[-4:] == PICTURES
            server.end()
            assert asked(server, "createbyprompt") == 1
            assert asked(server, "infobymodelid") == 4
        for name in PICTURES:
            with Image.open(tmp_path / name) as picture:
                picture.load()
                assert picture.format == "JPEG"

    def test_the_base_url_may_end_in_a_slash(self, client: Path, tmp_path: Path) -> None:
        with Serving("--queue", "0", "--processing", "1 poll") as server:
            told = play(client, f"{server.url}/", tmp_path)
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
        with Serving("--scenario", "flaky-gateway") as server:
            told = play(client, server.url, tmp_path)
            server.end()
            assert (told.returncode, told.stderr) == (0, "")
            assert asked(server, "createbyprompt") == 1
            assert len(re.findall(" 50[234]", server.err)) >= 5
        for name in PICTURES:
            with Image.open(tmp_path / name) as picture:
                picture.load()

    def test_it_says_why_a_job_failed(self, client: Path, tmp_path: Path) -> None:
        # The scenario's times are real ones here, so its ending comes after five seconds.
        with Serving("--scenario", "fails") as server:
            told = play(client, server.url, tmp_path, pause_s=0.5)
            assert told.returncode == 1
            assert re.search(r"job \w{24} failed: \W?The prompt does not keep to the content policy", told.stderr)
            assert list(tmp_path.iterdir()) == []

    def test_it_does_not_wait_for_ever(self, client: Path, tmp_path: Path) -> None:
        with Serving("--processing", "forever", "--queue", "0") as server:
            told = play(client, server.url, tmp_path, pause_s=0.1, patience_s=1)
            assert (told.returncode, told.stderr) == (1, "it took too long\n")

    def test_it_believes_the_code_and_not_the_http_status(self, client: Path, tmp_path: Path) -> None:
        with Serving("--account-status", "banned") as server:
            told = play(client, server.url, tmp_path)
            assert (told.returncode, told.stderr) == (1, "Akool says 1200: The account has been banned\n")

    def test_it_does_not_create_again_after_a_lost_answer(self, client: Path, tmp_path: Path) -> None:
        with Serving("--scenario", "double-charge") as server:
            told = play(client, server.url, tmp_path)
            server.end()
            assert told.returncode == 1
            assert told.stderr
            assert "Traceback" not in told.stderr
            assert asked(server, "createbyprompt") == 1


def test_there_is_a_client_for_each_way_of_calling() -> None:
    assert [file.name for file in CLIENTS] == [
        "aiohttp_client.py",
        "curl_client.sh",
        "fetch_client.mjs",
        "httpx_client.py",
        "requests_client.py",
    ]
    for file in CLIENTS:
        assert 30 <= len(file.read_text().splitlines()) <= 70


def test_the_shell_client_is_posix() -> None:
    for shell in filter(shutil.which, ("dash", "bash")):
        assert run("-n", FOLDER / "curl_client.sh", command=[shell]).returncode == 0
