"""The examples that put a face into a photo, each run against a live server (families sheet, section 6)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.children import run
from tests.docs.example_commands import command_of, each_way
from tests.docs.test_examples import asked, calling, serving

FACE: Final = "https://example.com/face.jpg"
PHOTO: Final = "https://example.com/group.jpg"


@pytest.fixture(params=each_way("*_faceswap.*"))
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return command_of(request.param, tmp_path_factory)


def swap(command: list[str], url: str, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(*(words or (FACE, PHOTO)), command=command, variables=calling(url) | variables, folder=folder)


@pytest.mark.parametrize(("photo", "name", "format"), [(PHOTO, "swapped.jpg", "JPEG"), ("p.png", "swapped.png", "PNG")])
def test_it_gets_its_image(photo: str, name: str, format: str, command: list[str], tmp_path: Path) -> None:
    with serving(queueing="1 poll", processing="2 polls") as (url, mock):
        told = swap(command, f"{url}/", tmp_path, FACE, PHOTO if photo == PHOTO else f"https://example.com/{photo}")
        assert (told.returncode, told.stderr, told.stdout) == (0, "", f"{name}\n")
        assert [asked(mock, each) for each in ("detect_faces", "specifyimage", "listbyids")] == [2, 1, 4]
        (created,) = [call for call in mock.calls if call.endpoint == "specifyimage"]
        assert b'"opts"' in created.request.body
        assert sum(call.endpoint == "file" for call in mock.calls) == 1
    with Image.open(tmp_path / name) as picture:
        picture.load()
        assert picture.format == format


@pytest.mark.parametrize(
    ("options", "told_why"),
    [
        ({"faces_per_image": 0}, f"no face in {FACE}: No faces detected"),
        ({"detect_no_face": "empty", "faces_per_image": 0}, f"no face in {FACE}: SUCCESS"),
        ({"credits": 0}, "Akool says 1006: quota not enough"),
        ({"account_status": "banned"}, "Akool says 1200: The account has been banned"),
        ({"processing": "1 poll", "ending": "failed"}, "job 6"),
        ({"processing": "forever"}, "it took too long"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_it_says_why_there_is_no_image(
    options: dict[str, Any], told_why: str, command: list[str], tmp_path: Path
) -> None:
    with serving(**{"queueing": 0, **options}) as (url, _):
        patience = "1" if "forever" in options.values() else "20"
        told = swap(command, url, tmp_path, AKOOL_PAUSE_S="0.1", AKOOL_PATIENCE_S=patience)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(told_why)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "scenario", ["flaky-gateway", "broken-files", pytest.param("empty-list", marks=pytest.mark.slow), "vanishing-job"]
)
def test_trouble_does_not_stop_it(scenario: str, command: list[str], tmp_path: Path) -> None:
    with serving(scenario=scenario, queueing=0, processing="3 polls") as (url, mock):
        told = swap(command, url, tmp_path)
        assert (told.returncode, told.stderr, told.stdout) == (0, "", "swapped.jpg\n")
        assert sum(call.response.status == 200 for call in mock.calls if call.endpoint == "specifyimage") == 1
    with Image.open(tmp_path / "swapped.jpg") as picture:
        picture.load()


def test_it_does_not_create_again_after_a_lost_answer(command: list[str], tmp_path: Path) -> None:
    with serving(scenario="double-charge") as (url, mock):
        told = swap(command, url, tmp_path)
        assert told.returncode == 1
        assert told.stderr
        assert asked(mock, "specifyimage") == 1


def test_without_two_pictures_it_says_what_it_wants(command: list[str], tmp_path: Path) -> None:
    told = swap(command, "http://127.0.0.1:9", tmp_path, FACE)
    assert told.returncode == 2
    assert told.stderr.startswith("usage: ")
    assert told.stderr.endswith(f"{Path(command[-1]).name} FACE_URL PHOTO_URL\n")
