"""`mock-akool demo FAMILY`: the client of each family gets all that the family makes, and every surprise ends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from mock_akool import MockAkool, Server, SystemClock
from mock_akool.akool.api import API_ROUTES, Route
from mock_akool.akool.engine import Engine
from mock_akool.akool.families import FAMILIES, Family
from mock_akool.cli.console import Screen
from mock_akool.cli.demo_client import Pace
from mock_akool.cli.demo_families import play
from mock_akool.cli.flags import family_named
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response
from tests.children import run, run_here
from tests.cli.test_demo import Output

QUICK: Final = Pace(pause_s=0.005, answer_s=5.0, all_s=20.0)
SMALL: Final = 96
BEGINNINGS: Final = {
    "jpg": b"\xff\xd8\xff",
    "jpeg": b"\xff\xd8\xff",
    "png": b"\x89PNG",
    "mp4": b"\0\0\0",
    "mp3": b"",
    "wav": b"RIFF",
    "srt": b"1\n",
}


class Fake(NamedTuple):
    mock: MockAkool
    server: Server


Serve = Callable[..., Fake]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as opened:

        def start(**options: Any) -> Fake:
            quick = {"queueing": "10ms", "processing": "10ms", "session_ready_seconds": 0.01}
            sides = {"square_1080p": SMALL, "square_4k": SMALL}
            mock = MockAkool(clock=SystemClock(), **{**quick, **sides, **options})
            return Fake(mock, opened.enter_context(mock.server()))

        yield start


def played(family: Family[Any], fake: Fake, folder: Path, pace: Pace = QUICK) -> tuple[int, str]:
    output = Output()
    return play(family, fake.server.url, folder, Screen(output, {}), pace), output.getvalue()


@pytest.mark.parametrize(
    "family",
    # What one plays others play too; all of them do at length.
    [pytest.param(each, id=each.name, marks=[pytest.mark.slow] * (n % 3 > 0)) for n, each in enumerate(FAMILIES)],
)
def test_each_family_is_played_to_its_end(
    family: Family[Any], serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake, folder = serve(), tmp_path / "files"
    code, shown = played(family, fake, folder)
    assert (code, *capsys.readouterr()) == (0, "", "")
    made = [job for job in fake.mock.jobs if job.endpoint in {create.endpoint for create in family.creates}]
    assert {job.endpoint for job in made} == {create.endpoint for create in family.creates}
    for create in family.creates:
        assert f"\nCreate: {create.endpoint}\n" in shown
    assert f"  {fake.mock.engine.settings.credits:,} credits before, {int(fake.mock.credits):,} now\n" in shown
    if not family.makes_files:
        assert not folder.exists()
        assert {fake.mock.job(job.id).status.word for job in made} == {"completed"}
        assert f"\nEnd it: {family.ended_by}\n" in shown
        assert "✓ 1 job of a family without files after " in shown
        return
    files = list(folder.iterdir())
    assert len(files) >= len(made)
    assert re.search(rf"✓ {len(files)} files? in {re.escape(str(folder))} after \d+ s, without a surprise", shown)
    for file in files:
        assert file.suffix[1:] in family.files.extensions
        assert len(file.read_bytes()) > (1000 if file.suffix != ".srt" else 10)
        assert file.read_bytes().startswith(BEGINNINGS[file.suffix[1:]])
        assert re.search(rf"^  {re.escape(file.name)} +\w+/[\w-]+ +\d+ kB$", shown, re.MULTILINE)


@pytest.mark.lengthy
def test_the_command_plays_a_family_and_saves_its_files(tmp_path: Path) -> None:
    finished = run("demo", "avatar", "--folder", tmp_path / "new")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["avatar-create.jpg"]
    assert "\nCreate: avatar/create\n" in finished.stdout


@pytest.mark.parametrize(
    ("word", "family"), [("reage", "reage"), ("Image-V3", "image_v3"), ("talking-photo", "talking_photo")]
)
def test_a_family_is_found_by_its_name_as_people_write_it(word: str, family: str) -> None:
    assert family_named(word).name == family


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("face-swap", "did you mean 'faceswap_v3'?"),
        ("lipsnyc", "did you mean 'lipsync'?"),
        ("image", "did you mean 'image_v3'?"),
        ("bananas", "`mock-akool families` lists them"),
        ("", "`mock-akool families` lists them"),
    ],
)
def test_a_wrong_word_gets_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(MockAkoolError, match=re.escape(f"there is no family {word!r}")) as raised:
        family_named(word)
    assert str(raised.value).endswith(hint)


def test_the_command_says_the_nearest_in_one_line(tmp_path: Path) -> None:
    finished = run_here("demo", "faceswp_pro", "--folder", tmp_path / "new")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == "mock-akool: FAMILY: there is no family 'faceswp_pro'; did you mean 'faceswap_pro'?\n"
    assert not (tmp_path / "new").exists()


class TestSurprises:
    @pytest.fixture
    def shown(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
        def play_and_read(name: str, fake: Fake, pace: Pace = QUICK) -> str:
            assert played(family_named(name), fake, tmp_path, pace)[0] == 1
            line = capsys.readouterr().err
            assert line.startswith("mock-akool demo: ")
            assert line.count("\n") == 1
            assert list(tmp_path.iterdir()) == []
            return line.removeprefix("mock-akool demo: ").rstrip("\n")

        return play_and_read

    @pytest.fixture
    def answer(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, object], None]:
        """Let a route of the API answer so."""

        def let(method: str, path: str, body: object) -> None:
            def say(engine: Engine, call: Request, now_ns: int, names: Sequence[str]) -> Response:
                return Response(200, (("content-type", "application/json"),), json.dumps(body).encode())

            monkeypatch.setitem(API_ROUTES, (method, path), Route(API_ROUTES[method, path].endpoint, say))

        return let

    def test_a_job_that_fails(self, serve: Serve, shown: Callable[..., str]) -> None:
        assert re.fullmatch(r"job [0-9a-f]{24} failed: .*", shown("lipsync", serve(ending="failed: no face")))

    def test_too_few_credits(self, serve: Serve, shown: Callable[..., str]) -> None:
        assert "POST /api/open/v3/content/video/lipsync answered HTTP 200, code " in shown("lipsync", serve(credits=0))

    def test_a_create_without_a_job(self, serve: Serve, shown: Callable[..., str], answer: Callable[..., None]) -> None:
        path = "/api/open/v3/avatar/create"
        answer("POST", path, {"code": 1000, "msg": "OK"})
        assert shown("avatar", serve()) == f"POST {path} made no job"

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            ([], "shows 0 jobs, not 1"),
            ([{"_id": "1", "status": 1}, {"_id": "2", "status": 1}], "shows 2 jobs, not 1"),
            ({"_id": "1", "status": 9}, "job 1 has the status 9"),
            ({"_id": "1"}, "the answer has no status"),
            ({"_id": "1", "status": 3}, "the record of job 1 names no file"),
        ],
    )
    def test_a_reader_that_shows_something_else(
        self, data: object, why: str, serve: Serve, shown: Callable[..., str], answer: Callable[..., None]
    ) -> None:
        answer("GET", "/api/open/v3/avatar/detail", {"code": 1000, "msg": "OK", "data": data})
        assert why in shown("avatar", serve())

    def test_a_file_that_is_none(self, serve: Serve, shown: Callable[..., str], answer: Callable[..., None]) -> None:
        fake = serve()
        url = f"{fake.server.url}/_mock/health"
        answer("GET", "/api/open/v3/avatar/detail", {"code": 1000, "data": {"_id": "1", "status": 3, "a": [url]}})
        assert re.fullmatch(rf"{url} is no file of avatar: \d+ bytes of .+", shown("avatar", fake))

    def test_a_job_that_never_ends(self, serve: Serve, shown: Callable[..., str]) -> None:
        line = shown("avatar", serve(processing="forever"), Pace(pause_s=0.01, answer_s=1, all_s=0.3))
        assert line.startswith("0.3 s are over before /api/open/v3/avatar/detail?id=")
