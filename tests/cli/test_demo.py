"""The demo: what it shows and saves, and that every surprise ends it."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from mock_akool import Ending, MockAkool, Server, Span, Stage, Status, SystemClock, Timeline, failed
from mock_akool.akool.api import API_ROUTES, Route
from mock_akool.akool.engine import Engine
from mock_akool.cli.console import RoundTrip, Screen
from mock_akool.cli.demo_client import Pace
from mock_akool.cli.demo_images import play
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Request, Response
from mock_akool.core.media import MediaSpec
from mock_akool.media.cache import MediaCache
from mock_akool.media.images import render
from tests.children import MOCK_AKOOL, PATIENCE_S, Child, environment, run_here
from tests.installation import made_once

API = "/api/open/v3/content/image"
QUOTA = ("GET", "/api/open/v3/faceswap/quota/info")
TOKEN = ("POST", "/api/open/v3/getToken")
INFO = ("GET", f"{API}/infobymodelid")
CREATE = ("POST", f"{API}/createbyprompt")
PRESS = ("POST", f"{API}/createbybutton")

PICTURES = {
    "grid.jpg": (1024, 1024, "tile=1,2,3,4"),
    **{f"image-{number}.jpg": (1024, 1024, f"tile={number}") for number in (1, 2, 3, 4)},
    "U2.jpg": (1536, 1536, "tile=2"),
    "V3-grid.jpg": (1024, 1024, "tile=1,2,3,4"),
    **{f"V3-{number}.jpg": (1024, 1024, f"tile={number}") for number in (1, 2, 3, 4)},
}
"""Name, width, height and the end of the comment of every image that the demo saves."""

SMALL = 96
"""The side of images where drawing them is not what is tested, in pixels."""

QUICK = Pace(pause_s=0.005, answer_s=5.0, all_s=20.0)


def looked_at(folder: Path, side: int | None = None) -> dict[str, set[str]]:
    """Check the saved images, which all have this side if it is given; returns the ids of the jobs.

    They are shown by the first part of the files' names.
    """
    assert {file.name for file in folder.iterdir()} == PICTURES.keys()
    jobs: dict[str, set[str]] = {}
    for name, (width, height, tiles) in PICTURES.items():
        with Image.open(folder / name) as picture:
            picture.load()
        assert (picture.format, picture.size) == ("JPEG", (width, height) if side is None else (side, side))
        comment = re.fullmatch(
            rf"mock-akool job=([0-9a-f]{{24}}) family=image_\w+ (?:\w\d )?{tiles}", picture.info["comment"].decode()
        )
        assert comment, (name, picture.info["comment"])
        jobs.setdefault(re.split(r"[-.]", name)[0].replace("grid", "image"), set()).add(comment[1])
    return jobs


class Run(NamedTuple):
    code: int
    took_s: float
    seen: str
    folder: Path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo that ended; it is played by one worker for all."""

    def play_it(place: Path) -> None:
        began_s = time.monotonic()
        code, seen = on_a_terminal("demo", "--folder", str(place / "a new folder" / "images"))
        (place / "run.json").write_text(json.dumps([code, time.monotonic() - began_s, seen]))

    place = made_once(tmp_path_factory, "demo", play_it)
    code, took_s, seen = json.loads((place / "run.json").read_text())
    return Run(code, took_s, seen, place / "a new folder" / "images")


@pytest.mark.lengthy
class TestRealRun:
    """The demo as a person sees it, once, in real time, on a terminal."""

    def test_it_ends_well_within_20_seconds(self, finished: Run) -> None:
        assert finished.code == 0
        assert 10 < finished.took_s < 60

    def test_it_saves_images_that_say_what_they_are(self, finished: Run) -> None:
        jobs = looked_at(finished.folder)
        assert {name: len(ids) for name, ids in jobs.items()} == {"image": 1, "U2": 1, "V3": 1}
        assert len(set.union(*jobs.values())) == 3

    def test_it_shows_every_request_and_its_answer(self, finished: Run) -> None:
        shown = without_styles(finished.seen)
        for method, path in (TOKEN, QUOTA, CREATE, INFO, PRESS):
            assert re.search(rf"^  {method:<4} {re.escape(path)}", shown, re.MULTILINE)
        assert len(re.findall(r"^  200  \{", shown, re.MULTILINE)) == 9
        assert '{"prompt": "A lighthouse on a cliff at dusk, oil painting", "scale": "1:1"}' in shown
        assert '"image_status": 3,' in shown
        assert '"buttons": ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]' in shown

    def test_it_shows_no_secret(self, finished: Run) -> None:
        assert '"token": "eyJhbG…"' in finished.seen
        assert '"clientSecret": "demoSe…"' in finished.seen
        assert "demoSecret" not in finished.seen
        assert not re.search(r"eyJhbG\w", finished.seen)

    def test_its_display_moves_while_a_job_is_under_way(self, finished: Run) -> None:
        assert len(re.findall(r"\x1b\[2K  [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] job ", finished.seen)) > 20
        assert len(re.findall(r"\x1b\[2K  [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] U2 ", finished.seen)) > 20

    def test_it_shows_each_job_pass_through_its_statuses(self, finished: Run) -> None:
        way = "1 queueing → 2 processing → 3 completed"
        lines = dict.fromkeys(re.findall(rf"✓ (\w\w\w?) +(\S+)  {way}  (\d\.\d) s", without_styles(finished.seen)))
        assert [name for name, *_ in lines] == ["job", "U2", "V3"]
        for _, marks, took in lines:
            assert re.fullmatch("░{3,6}▒{4,8}█", marks)
            assert 5.0 <= float(took) < 7.0

    def test_it_shows_what_it_saved_with_sizes(self, finished: Run) -> None:
        for name, (width, height, _) in PICTURES.items():
            kilobytes = f"{(finished.folder / name).stat().st_size / 1000:.0f}"
            assert re.search(rf"^  {name} +{width} × {height} +{kilobytes} kB$", finished.seen, re.MULTILINE)

    def test_it_shows_what_is_left(self, finished: Run) -> None:
        assert "  1,000 - 2 - 2 - 2 = 994 credits\n" in finished.seen
        shown = without_styles(finished.seen)
        assert re.search(rf"✓ 11 images in {finished.folder} after 1\d s, without a surprise\.\n", shown)


def without_styles(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def on_a_terminal(*arguments: str, variables: dict[str, str] | None = None, columns: int = 120) -> tuple[int, str]:
    """Run the command line on a terminal of its own; returns the exit code and all that it wrote."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        child = subprocess.Popen(
            [*MOCK_AKOOL, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(TERM="xterm", PYTHONIOENCODING="utf-8", **(variables or {})),
        )
    finally:
        os.close(theirs)
    written = bytearray()
    try:
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the terminal's other side is closed: the child has ended
                break
            if not piece:
                break
            written += piece
        return child.wait(PATIENCE_S), written.decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        if child.poll() is None:
            child.kill()
            child.wait(PATIENCE_S)


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    with Child("demo", "--folder", tmp_path) as child:
        child.said("2 processing")
        code, took_s = child.end(signal.SIGINT)
        assert (code, child.err) == (130, "mock-akool: stopped\n")
        assert took_s < 10


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [*MOCK_AKOOL, "demo", "--folder", str(tmp_path)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline().startswith(b"A fake of Akool's API listens on ")
        child.stdout.close()
        assert child.stderr is not None
        assert child.stderr.read() == b""
        assert child.wait(PATIENCE_S) == 1
    finally:
        child.kill()
        child.wait(PATIENCE_S)
        if child.stderr is not None:
            child.stderr.close()


def test_a_folder_that_cannot_be_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    finished = run_here("demo", "--folder", file)
    assert finished.returncode == 1
    assert finished.stderr == f"mock-akool: cannot write {file}: File exists. Choose another with --folder\n"


# Played quickly, in this process


class Output(io.StringIO):
    """A file or a terminal that remembers what was written."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool = False) -> None:
        super().__init__()
        self._encoding = encoding
        self._terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._terminal


class Fake(NamedTuple):
    mock: MockAkool
    server: Server


@pytest.fixture
def serve() -> Iterator[Callable[..., Fake]]:
    with ExitStack() as opened:

        def start(**options: Any) -> Fake:
            quick = {"queueing": "20ms", "processing": "20ms", "square_1080p": SMALL, "square_4k": SMALL, **options}
            mock = MockAkool(clock=SystemClock(), **quick)
            return Fake(mock, opened.enter_context(mock.server()))

        yield start


Serve = Callable[..., Fake]


def played(fake: Fake, folder: Path, output: Output | None = None, pace: Pace = QUICK) -> int:
    return play(fake.server.url, folder, Screen(output or Output(), {}), pace)


class TestPlay:
    def test_it_plays_and_saves(self, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        fake, output = serve(), Output()
        assert played(fake, tmp_path, output) == 0
        assert capsys.readouterr() == ("", "")
        jobs = looked_at(tmp_path, SMALL)
        made = {job.id for job in fake.mock.jobs}
        assert set.union(*jobs.values()) == made
        assert len(made) == 3

    def test_it_is_a_polite_client(self, serve: Serve, tmp_path: Path) -> None:
        fake = serve(queueing="2 polls", processing="2 polls")
        assert played(fake, tmp_path, pace=Pace(pause_s=0.05, answer_s=5, all_s=20)) == 0
        calls = [call for call in fake.mock.calls if call.request.path == INFO[1]]
        assert len(calls) == 3 * 5
        by_job: dict[str, list[int]] = {}
        for call in calls:
            by_job.setdefault(call.request.query, []).append(call.time_ns)
        for times in by_job.values():
            assert all(later - earlier > 45_000_000 for earlier, later in pairwise(times))
        presses = [call.time_ns for call in fake.mock.calls if call.request.path == PRESS[1]]
        assert len(presses) == 2

    def test_it_presses_both_buttons_at_the_same_time(self, serve: Serve, tmp_path: Path) -> None:
        # The latency keeps each press waiting; one after the other they would take twice as long.
        fake = serve(latency="100ms", queueing=0, processing=0)
        assert played(fake, tmp_path) == 0
        presses = [call.time_ns for call in fake.mock.calls if call.request.path == PRESS[1]]
        assert max(presses) - min(presses) < 80_000_000

    def test_it_repeats_a_poll_that_met_a_bad_gateway(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usual = API_ROUTES[INFO].handle
        failing = iter([True, True])

        def fail_twice(engine: Engine, call: Request, now_ns: int, names: Sequence[str]) -> Response:
            return Response(502, (), b"Bad Gateway") if next(failing, False) else usual(engine, call, now_ns, names)

        monkeypatch.setitem(API_ROUTES, INFO, Route(API_ROUTES[INFO].endpoint, fail_twice))
        assert played(serve(), tmp_path) == 0
        assert next(failing, None) is None

    def test_it_goes_through_no_proxy(self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "")
        assert played(serve(), tmp_path) == 0

    def test_a_plain_output_gets_a_line_for_each_change(self, serve: Serve, tmp_path: Path) -> None:
        output = Output()
        assert played(serve(queueing="2 polls", processing="2 polls"), tmp_path, output) == 0
        shown = output.getvalue()
        assert "\x1b" not in shown
        assert "\r" not in shown
        lines = re.findall(r"^ +\d+\.\d s  (\w+)  (\d \w+)$", shown, re.MULTILINE)
        way = ["1 queueing", "2 processing", "3 completed"]
        assert [status for name, status in lines if name == "job"] == way
        assert [status for name, status in lines if name == "U2"] == way
        assert [status for name, status in lines if name == "V3"] == way
        assert len(lines) == 9

    def test_no_color_keeps_the_movement_and_leaves_the_colours(self, serve: Serve, tmp_path: Path) -> None:
        codes = {}
        for name, environ in {"colours": {}, "NO_COLOR": {"NO_COLOR": "1"}, "dumb": {"TERM": "dumb"}}.items():
            output = Output(terminal=True)
            assert play(serve().server.url, tmp_path, Screen(output, environ), QUICK) == 0
            codes[name] = set(re.findall(r"\x1b\[\d*([A-Za-z])", output.getvalue()))
        assert codes == {"colours": {"m", "A", "K"}, "NO_COLOR": {"A", "K"}, "dumb": set()}

    @pytest.mark.parametrize("terminal", [False, True])
    def test_an_output_that_knows_ascii_only_gets_ascii(self, terminal: bool, serve: Serve, tmp_path: Path) -> None:
        output = Output("ascii", terminal=terminal)
        assert played(serve(), tmp_path / "ordner-für-bilder", output) == 0
        assert output.getvalue().isascii()
        assert "ordner-f?r-bilder" in output.getvalue()
        assert " 96 x 96 " in output.getvalue()

    @pytest.mark.parametrize("columns", [1, 10, 20, 40, 60, 80])
    def test_a_line_that_moves_fits_into_a_narrow_terminal(
        self, columns: int, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))
        output = Output(terminal=True)
        assert played(serve(queueing="20 polls"), tmp_path, output) == 0
        moving = re.findall(r"\x1b\[2K(.*)\n", output.getvalue())
        assert moving
        assert max(len(without_styles(line)) for line in moving) < max(columns, 2)


class TestSurprises:
    """Each ends the demo with exit code 1 and one line that tells it."""

    @pytest.fixture
    def shown(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
        def play_and_read(fake: Fake, pace: Pace = QUICK) -> str:
            assert played(fake, tmp_path, pace=pace) == 1
            line = capsys.readouterr().err
            assert line.startswith("mock-akool demo: ")
            assert line.count("\n") == 1
            assert len(line) < 400
            return line.removeprefix("mock-akool demo: ").rstrip("\n")

        return play_and_read

    def test_a_job_that_fails(self, serve: Serve, shown: Callable[..., str]) -> None:
        fake = serve(ending="failed: too dark; no face")
        assert re.fullmatch(r"job [0-9a-f]{24} failed: too dark, no face", shown(fake))

    def test_a_pressed_job_that_fails(self, serve: Serve, shown: Callable[..., str]) -> None:
        fake = serve()
        fake.mock.next_job(queueing=0, processing=0)
        fake.mock.next_job(queueing=0, processing=0)
        fake.mock.next_job(queueing=0, processing=0, ending=failed("no variation"))
        assert "failed: no variation" in shown(fake)

    def test_too_few_credits(self, serve: Serve, shown: Callable[..., str]) -> None:
        assert shown(serve(credits=1)) == f"POST {CREATE[1]} answered HTTP 200, code 1104: credits insufficient"

    def test_credits_for_one_button_only(self, serve: Serve, shown: Callable[..., str]) -> None:
        assert shown(serve(credits=5)) == f"POST {PRESS[1]} answered HTTP 200, code 1104: credits insufficient"

    def test_an_account_that_does_not_exist(self, serve: Serve, shown: Callable[..., str]) -> None:
        assert shown(serve(strict=True)) == f"POST {TOKEN[1]} answered HTTP 200, code 1109: account does not exist"

    def test_a_job_that_never_ends(self, serve: Serve, shown: Callable[..., str]) -> None:
        line = shown(serve(processing="forever"), Pace(pause_s=0.01, answer_s=1, all_s=0.3))
        assert re.fullmatch(rf"0\.3 s are over before {re.escape(INFO[1])}\?image_model_id=[0-9a-f]{{24}}", line)

    def test_an_answer_that_does_not_come(self, serve: Serve, shown: Callable[..., str]) -> None:
        fake = serve(latency="60s")
        line = shown(fake, Pace(pause_s=0.01, answer_s=0.05, all_s=0.2))
        assert line == f"no answer from {fake.server.url} (ReadTimeout)"

    def test_no_server(self, serve: Serve, shown: Callable[..., str]) -> None:
        fake = serve()
        fake.server.stop()
        assert shown(fake) == f"no answer from {fake.server.url} (ConnectionError)"

    @pytest.mark.parametrize(
        ("stages", "ending", "why"),
        [
            (
                (Stage(Status.PROCESSING, Span(polls=2)), Stage(Status.QUEUEING, Span(polls=2))),
                Ending(),
                "went back from 2 processing to 1 queueing",
            ),
            ((Stage(Status.FAILED, Span(polls=2)),), Ending(), "failed: "),
        ],
    )
    def test_statuses_in_a_wrong_order(
        self, stages: tuple[Stage, ...], ending: Ending, why: str, serve: Serve, shown: Callable[..., str]
    ) -> None:
        fake = serve()
        fake.mock.next_job(stages=Timeline(stages, ending))
        assert why in shown(fake)

    @pytest.mark.parametrize(
        ("draw", "why"),
        [
            (lambda _: b"no image at all", "is not a whole JPEG"),
            (lambda picture: render(picture)[:-500], "is not a whole JPEG"),
            (lambda picture: render(picture._replace(format="PNG")), "is not a whole JPEG"),
            (lambda picture: render(picture._replace(job_id="0" * 24)), "does not say in its comment that it is of"),
        ],
        ids=["no image", "half an image", "png", "of another job"],
    )
    def test_a_wrong_image(
        self, draw: Callable[[MediaSpec], bytes], why: str, serve: Serve, shown: Callable[..., str], tmp_path: Path
    ) -> None:
        fake = serve()
        fake.mock.application.media_cache = MediaCache(draw=draw)
        assert why in shown(fake)
        assert list(tmp_path.iterdir()) == []

    def test_an_image_that_is_gone(self, serve: Serve, shown: Callable[..., str]) -> None:
        assert shown(serve(file_lifetime="0s")).endswith(".jpg answered HTTP 403")

    def test_no_single_images(self, serve: Serve, shown: Callable[..., str]) -> None:
        # As documented, a completed v3 record has none.
        assert shown(serve(profile="documented")).endswith("has 0 single images, not 4")

    @pytest.mark.parametrize(
        ("endpoint", "body", "why"),
        [
            (TOKEN, b'{"code": 1000}', "the answer has no token: {'code': 1000}"),
            (TOKEN, b'{"code": 1000, "data": {"token": "x"}}', "the answer has no token: {'code': 1000, 'data': "),
            (QUOTA, b'{"code": 1000, "data": null}', "the answer has no data: "),
            (QUOTA, b'{"code": 1000, "data": {"credits": 5}}', "the answer has no credit: "),
            (QUOTA, b"[]", "answered HTTP 200, code None: None"),
            (QUOTA, b"hello", f"GET {QUOTA[1]} answered HTTP 200 without JSON"),
            (CREATE, b'{"code": 1000, "data": {}}', "the answer has no _id: "),
            (CREATE, b'{"code": 1000, "data": {"_id": "x", "deduction_credit": 2}}', "the answer has no image_status"),
            (INFO, b'{"code": 1000, "data": {"_id": "x", "deduction_credit": 2, "image_status": 5}}', "the status 5"),
            (INFO, b'{"code": 1000, "data": {"_id": "x", "deduction_credit": 2, "image_status": 3}}', "has no image: "),
        ],
    )
    def test_an_answer_that_lacks_something(
        self,
        endpoint: tuple[str, str],
        body: bytes,
        why: str,
        serve: Serve,
        shown: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def answer(engine: Engine, call: Request, now_ns: int, names: Sequence[str]) -> Response:
            return Response(200, (("content-type", "application/json"),), body)

        monkeypatch.setitem(API_ROUTES, endpoint, Route(API_ROUTES[endpoint].endpoint, answer))
        assert why in shown(serve())

    def test_a_create_that_met_a_bad_gateway_and_is_not_repeated(
        self, serve: Serve, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> Response:
            return Response(502, (), b"Bad Gateway")

        fake = serve()
        monkeypatch.setitem(API_ROUTES, CREATE, Route(API_ROUTES[CREATE].endpoint, fail))
        assert shown(fake) == f"POST {CREATE[1]} answered HTTP 502 without JSON"
        assert len([call for call in fake.mock.calls if call.request.path == CREATE[1]]) == 1

    def test_a_success_with_another_http_status(
        self, serve: Serve, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def answer(*_: object) -> Response:
            return Response(201, (), b'{"code": 1000, "msg": "OK", "data": {"credit": 5}}')

        monkeypatch.setitem(API_ROUTES, QUOTA, Route(API_ROUTES[QUOTA].endpoint, answer))
        assert shown(serve()) == f"GET {QUOTA[1]} answered HTTP 201, code 1000: OK"

    def test_a_bug_of_the_fake(self, serve: Serve, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> Response:
            raise ZeroDivisionError

        monkeypatch.setitem(API_ROUTES, QUOTA, Route(API_ROUTES[QUOTA].endpoint, fail))
        assert shown(serve()) == f"GET {QUOTA[1]} answered HTTP 500, code None: None"

    def test_a_balance_that_does_not_add_up(
        self, serve: Serve, shown: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake = serve()
        usual = API_ROUTES[INFO].handle

        def steal(engine: Engine, call: Request, now_ns: int, names: Sequence[str]) -> Response:
            for account in engine.accounts:
                engine.accounts.add_credits(account, -engine.accounts.credits(account) + 500)
            return usual(engine, call, now_ns, names)

        monkeypatch.setitem(API_ROUTES, INFO, Route(API_ROUTES[INFO].endpoint, steal))
        assert shown(fake) == "500 credits are left, not 1,000 - 2 - 2 - 2"

    def test_a_folder_that_fills_up_is_misuse(self, serve: Serve, tmp_path: Path) -> None:
        (tmp_path / "image-2.jpg").mkdir()
        with pytest.raises(MockAkoolError, match=r"cannot write .*image-2\.jpg: Is a directory"):
            played(serve(), tmp_path)


class TestScreen:
    def test_long_json_is_shown_in_lines_and_shortened(self) -> None:
        output = Output()
        answer = {
            "code": 1000,
            "msg": "OK",
            "data": {"_id": "1", "image_status": 3, "origin_prompt": "x" * 200, "image": "http://x/1.jpg", "type": 4},
        }
        Screen(output, {}).round_trip(RoundTrip("GET", "/info", None, 200, answer))
        assert output.getvalue() == (
            "  GET  /info\n"
            '  200  {"code": 1000, "msg": "OK", "data": {\n'
            '         "_id": "1",\n'
            '         "image_status": 3,\n'
            f'         "origin_prompt": "{"x" * 80}…",\n'
            '         "image": "http://x/1.jpg",\n'
            '         "…": "1 more"\n'
            "       }}\n"
        )

    def test_an_error_is_shown_as_it_is(self) -> None:
        output = Output()
        Screen(output, {}).round_trip(RoundTrip("POST", "/x", {"a": [1, 2]}, 200, {"code": 1003, "msg": "no"}))
        assert output.getvalue() == '  POST /x\n       {"a": [1, 2]}\n  200  {"code": 1003, "msg": "no"}\n'
