"""The examples that make videos of an image, each run against a live server (families sheet, section 8)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.children import run
from tests.docs.example_commands import FOLDER, command_of, each_way
from tests.docs.test_examples import asked, calling, serving

IMAGE: Final = "https://example.com/fox.png"
PROMPT: Final = 'it turns its "head"'
VIDEOS: Final = ["video-1.mp4", "video-2.mp4", "video-3.mp4"]
CREATE: Final = "image2Video/createBySourcePrompt/batch"


@pytest.fixture(params=each_way("*_videos.*"))
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return command_of(request.param, tmp_path_factory)


def film(command: list[str], url: str, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(*(words or (IMAGE, PROMPT, "3")), command=command, variables=calling(url) | variables, folder=folder)


def is_whole(file: Path) -> bool:
    """Return whether the film's boxes follow each other up to its end."""
    content, place = file.read_bytes(), 0
    while place < len(content):
        place += int.from_bytes(content[place : place + 4], "big")
    return place == len(content) > 1000 and content[4:8] == b"ftyp"


def test_there_is_one_for_each_way_of_calling() -> None:
    ways = ["aiohttp_{}.py", "axios_{}.mjs", "fetch_{}.mjs", "go_{}.go", "httpx_{}.py", "php_{}.php", "requests_{}.py"]
    for kind in ("videos", "faceswap"):
        assert sorted(each.name for each in FOLDER.glob(f"*_{kind}.*")) == [way.format(kind) for way in ways]


def test_it_gets_its_videos(command: list[str], tmp_path: Path) -> None:
    with serving(queueing="1 poll", processing="2 polls") as (url, mock):
        told = film(command, f"{url}/", tmp_path)
        assert (told.returncode, told.stderr) == (0, "")
        assert sorted(told.stdout.split()) == VIDEOS
        assert [asked(mock, each) for each in (CREATE, "resultsByIds", "file")] == [1, 4, 3]
        (created,) = [call for call in mock.calls if call.endpoint == CREATE]
        assert json.loads(created.request.body)["prompt"] == PROMPT
    assert all(is_whole(tmp_path / name) for name in VIDEOS)


def test_it_keeps_what_is_done_of_a_batch_and_says_what_is_not(command: list[str], tmp_path: Path) -> None:
    with serving(queueing=0, processing="1 poll", i2v_batch_errors=["*head*=1"]) as (url, mock):
        mock.next_job(ending="failed", queueing=0, processing=0)
        told = film(command, url, tmp_path)
        assert (told.returncode, told.stderr) == (1, "2 of 3 videos are missing\n")
        assert told.stdout.split() == ["video-2.mp4"]
        assert asked(mock, CREATE) == 1


@pytest.mark.parametrize(
    ("options", "told_why"),
    [
        ({"credits": 150}, "Akool says 1104: credits insufficient"),
        ({"account_status": "banned"}, "Akool says 1200: The account has been banned"),
        ({"processing": "1 poll", "ending": "failed"}, "3 of 3 videos are missing"),
        ({"processing": "forever"}, "it took too long"),
        ({"processing": "1 poll", "file_lifetime": 0}, "3 of 3 videos are missing"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_it_says_why_there_is_no_video(
    options: dict[str, Any], told_why: str, command: list[str], tmp_path: Path
) -> None:
    with serving(**{"queueing": 0, **options}) as (url, _):
        patience = "1" if "forever" in options.values() else "20"
        told = film(command, url, tmp_path, AKOOL_PAUSE_S="0.1", AKOOL_PATIENCE_S=patience)
    gone = "a video is gone: HTTP 403\n" * 3 if "file_lifetime" in options else ""
    assert (told.returncode, told.stdout, told.stderr) == (1, "", f"{gone}{told_why}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "scenario", ["flaky-gateway", "broken-files", pytest.param("rate-limited", marks=pytest.mark.slow), "vanishing-job"]
)
def test_trouble_does_not_stop_it(scenario: str, command: list[str], tmp_path: Path) -> None:
    with serving(scenario=scenario, queueing=0, processing="3 polls") as (url, mock):
        told = film(command, url, tmp_path)
        assert (told.returncode, told.stderr) == (0, "")
        assert sorted(told.stdout.split()) == VIDEOS
        assert len(mock.jobs) == 3
    assert all(is_whole(tmp_path / name) for name in VIDEOS)


def test_it_does_not_create_again_after_a_lost_answer(command: list[str], tmp_path: Path) -> None:
    with serving(scenario="double-charge") as (url, mock):
        told = film(command, url, tmp_path)
        assert (told.returncode, told.stdout) == (1, "")
        assert "no answer" in told.stderr
        assert "Traceback" not in told.stderr
        assert asked(mock, CREATE) == 1


@pytest.mark.parametrize("words", [(IMAGE,), (IMAGE, PROMPT), (IMAGE, PROMPT, "3", "4")], ids=len)
def test_without_what_it_needs_it_says_what_it_wants(
    words: tuple[str, ...], command: list[str], tmp_path: Path
) -> None:
    told = film(command, "http://127.0.0.1:9", tmp_path, *words)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.startswith("usage: ")
    assert told.stderr.endswith(f'{Path(command[-1]).name} URL "it turns its head" 3\n')
