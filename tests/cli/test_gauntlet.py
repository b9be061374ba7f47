"""`mock-akool gauntlet`: real programs are run through scenarios, and judged."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from mock_akool.cli import main
from mock_akool.cli.gauntlet_runs import end_of
from mock_akool.gauntlet.facts import How
from tests.children import Child

CLIENT: Final = """
import json, sys, time, urllib.request

API, KEY = "https://openapi.akool.com/api/open/v3/content/image", {"x-api-key": "my-key"}

def ask(url, fields=None):
    body = None if fields is None else json.dumps(fields).encode()
    request = urllib.request.Request(url, body, {**KEY, "content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=20))
    if answer["code"] != 1000:
        sys.exit(f"refused with {answer['code']}")
    return answer["data"]

job = ask(f"{API}/createbyprompt", {"prompt": "a fox"})
while job["image_status"] != 3:
    time.sleep(0.15)
    job = ask(f"{API}/infobymodelid?image_model_id={job['_id']}")
    if job["image_status"] == 4 and "--careful" in sys.argv:
        sys.exit("the job failed")
urllib.request.urlopen(job["image"], timeout=20).read()
print("done")
"""


@pytest.fixture
def client(tmp_path: Path) -> list[str]:
    return script(tmp_path, CLIENT)


def script(folder: Path, code: str) -> list[str]:
    file = folder / "client.py"
    file.write_text(code)
    return [sys.executable, str(file)]


def is_running(number: int) -> bool:
    """Return whether a process runs; one that has ended may still be listed, until its parent has looked at it."""
    try:
        os.kill(number, 0)
        return "(sleep) Z" not in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False


def ran(*options: str, command: list[str]) -> int:
    return main(["gauntlet", *options, "--", *command])


class TestReports:
    def test_all_forms_say_the_same(
        self, client: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files = {form: tmp_path / f"found.{form}" for form in ("json", "junit", "html")}
        written = [each for form, file in files.items() for each in (f"--{form}", str(file))]
        status = ran(
            "--only", "happy,flaky-gateway", "--only", "fails,banned", *written, command=[*client, "--careful"]
        )
        shown = capsys.readouterr()
        assert (status, shown.err) == (1, "")
        lines = [line.split("  ")[0] for line in shown.out.splitlines()[:4]]
        assert lines == ["happy", "flaky-gateway", "fails", "banned"]
        assert "\nflaky-gateway (seed 0): crashed\n  crashed: the client crashed after #2: " in shown.out
        assert "HTTPError: HTTP Error 502: Bad Gateway" in shown.out
        assert shown.out.endswith("score: 3 of 4\n")
        verdicts = [each["verdict"] for each in json.loads(files["json"].read_text())["judgements"]]
        assert verdicts == ["survived", "crashed", "gave up cleanly", "gave up cleanly"]
        assert ElementTree.parse(files["junit"]).getroot().get("failures") == "1"
        assert files["html"].read_text().count("<section") == 4

    def test_known_findings_do_not_fail(
        self, client: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        known = tmp_path / "known.txt"
        known.write_text("flaky-gateway: crashed\n")
        assert ran("--only", "flaky-gateway", "--known", str(known), command=client) == 0
        assert "known: the client crashed" in capsys.readouterr().out

    @pytest.mark.slow
    def test_each_scenario_is_run_with_several_seeds(
        self, client: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "found.json"
        assert ran("--only", "happy", "--repeat", "3", "--seed", "5", "--json", str(file), command=client) == 0
        found = json.loads(file.read_text())["judgements"]
        assert [each["seed"] for each in found] == [5, 6, 7]
        ids = {each["story"]["jobs"][0]["job_id"] for each in found}
        assert len(ids) == 3

    def test_progress_is_shown_on_a_terminal_only(
        self, client: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert ran("--only", "happy", command=client) == 0
        assert capsys.readouterr().err == "1 of 1: happy: survived\n"

    def test_a_report_that_cannot_be_written_is_an_error(
        self, client: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ran("--only", "banned", "--html", str(tmp_path / "no" / "page.html"), command=client) == 1
        assert "cannot write" in capsys.readouterr().err


class TestRuns:
    def test_a_program_that_hangs_is_ended_with_what_it_started(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shell = f"{sys.executable} {tmp_path / 'client.py'} & wait"
        script(tmp_path, CLIENT)
        assert ran("--only", "stuck-in-queue", "--limit", "2", command=["sh", "-c", shell]) == 1
        assert "stuck-in-queue  hung  the client did not end; its last call was #" in capsys.readouterr().out

    def test_what_a_program_leaves_behind_is_ended_with_it(self, client: list[str], tmp_path: Path) -> None:
        left = tmp_path / "left.pid"
        shell = f"sleep 600 & echo $! >{left}; exec {shlex.join(client)}"
        assert ran("--only", "happy", command=["sh", "-c", shell]) == 0
        number, until_s = int(left.read_text()), time.monotonic() + 10
        while is_running(number) and time.monotonic() < until_s:
            time.sleep(0.01)
        assert not is_running(number)

    def test_a_program_that_ends_with_an_error_has_to_say_which(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        silent = script(tmp_path, CLIENT.replace("sys.exit(f\"refused with {answer['code']}\")", "sys.exit(1)"))
        assert ran("--only", "banned", command=silent) == 1
        assert "no reason: the client ended with an error, and did not say which" in capsys.readouterr().out

    def test_late_answers_are_as_much_faster_as_the_clock(self, client: list[str]) -> None:
        assert ran("--only", "late-answers", "--speed", "60", command=client) == 0

    def test_a_program_that_asks_nothing_is_not_judged(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert ran("--only", "happy", command=[sys.executable, "-c", "print('hello')"]) == 1
        shown = capsys.readouterr()
        assert "could not be judged  no request reached the fake; the client ended: hello" in shown.out
        assert shown.err.startswith("mock-akool: no request reached the fake\nhint: ")

    @pytest.mark.parametrize("options", [("--only", "happy"), ("--races", "1", "--webhook-url", "http://127.0.0.1:9/")])
    def test_a_program_that_fails_before_it_asks_is_told_to_look_at_its_own_error(
        self, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = [sys.executable, "-c", "import sys; sys.exit('no module named painter')"]
        assert ran(*options, command=command) == 1
        first, hint = capsys.readouterr().err.splitlines()
        assert first == (
            "mock-akool: the command ended with exit status 1 before it sent a request; see its own error above"
        )
        assert hint.startswith("hint: `mock-akool exec -- ")
        assert hint.endswith(" shows all that it prints")

    def test_the_count_of_scenarios_about_other_jobs_names_the_flag_that_leaves_them_out(
        self, client: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ran("--only", "happy,no-face", "--only", "session-busy", command=client) == 0
        summary = capsys.readouterr().out.splitlines()[-1]
        assert summary == (
            "score: 1 of 1; 2 could not be judged (2 of them are about other jobs; --family NAME leaves them out)"
        )
        assert ran("--only", "no-face", command=client) == 1
        shown = capsys.readouterr()
        assert "(1 of them is about other jobs; --family NAME" in shown.out
        assert shown.err == "mock-akool: no scenario could be judged; the table says why\n"

    def test_several_names_are_given_with_commas(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["gauntlet", "--help"])
        helped = " ".join(capsys.readouterr().out.split())
        assert "--only NAME run these: NAME or NAME,NAME (repeatable)" in helped

    def test_an_error_of_its_own_with_a_stack_trace_is_right_but_for_the_trace(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        raising = CLIENT.replace(
            "sys.exit(f\"refused with {answer['code']}\")", "raise PainterError(answer['code'], 'credits insufficient')"
        ).replace("def ask", "class PainterError(Exception):\n    pass\n\ndef ask", 1)
        assert ran("--only", "out-of-credits", command=script(tmp_path, raising)) == 1
        printed = capsys.readouterr().out
        assert "PainterError: (" in printed
        assert (
            "    costs: people see a stack trace\n"
            "    do: your error is right; catch it where the program starts, print one line, and exit with 1\n"
        ) in printed

    def test_an_interrupt_ends_all_runs(self, client: list[str], tmp_path: Path) -> None:
        arguments = ("gauntlet", "--only", "stuck-in-queue", "--limit", "100", "--", *client)
        marker = tmp_path / "begun"
        code = CLIENT.replace("while job", f"open({str(marker)!r}, 'w').close()\nwhile job", 1)
        script(tmp_path, code)
        with Child(*arguments) as child:
            while not marker.exists():
                assert child.process.poll() is None
            child.process.send_signal(2)
            assert child.process.wait(20) == 130


class TestSaves:
    """Programs whose files are looked at."""

    SAVES = CLIENT.replace(
        'urllib.request.urlopen(job["image"], timeout=20).read()',
        'file = open(f"{sys.argv[1]}/image.jpg", "wb")\n'
        'file.write(urllib.request.urlopen(job["image"], timeout=20).read()[:SHARE])',
    )

    @pytest.mark.parametrize(
        ("place", "share", "said"),
        [
            *(pytest.param(place, "None", "", marks=pytest.mark.slow) for place in ("files", "files/{run}")),
            pytest.param("files", "5000", "image.jpg has only the first 5,000 of ", marks=pytest.mark.slow),
            ("files/{run}", "5000", "image.jpg has only the first 5,000 of "),
        ],
    )
    def test_they_are_what_the_server_sent(
        self,
        place: str,
        share: str,
        said: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        command = [*script(tmp_path, self.SAVES.replace("SHARE", share)), place]
        assert ran("--only", "happy", "--repeat", "2", "--saves-to", place, command=command) == bool(said)
        printed = capsys.readouterr().out
        assert printed.count("broken file kept") == (2 if said else 0)
        assert said in printed
        places = ["files/happy-0", "files/happy-1"] if "{run}" in place else ["files"]
        assert sorted(str(each.parent.relative_to(tmp_path)) for each in tmp_path.rglob("image.jpg")) == places

    def test_a_program_that_saves_elsewhere_is_told_so(
        self, client: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ran("--only", "happy", "--saves-to", str(tmp_path / "files"), command=client) == 1
        printed = capsys.readouterr().out
        said = f"nothing was saved in {tmp_path / 'files'}, though the client downloaded #"
        assert f"  nothing saved: {said}" in printed
        assert " completely; does it save elsewhere? (--saves-to)\n" in printed
        assert "poll until" not in printed

    def test_a_place_that_is_no_folder_is_an_error(
        self, client: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ran("--only", "happy", "--saves-to", str(tmp_path / "client.py"), command=client) == 1
        assert "client.py cannot be a folder" in capsys.readouterr().err


WEBHOOKS: Final = """
import json, sys, threading, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from mock_akool.webhooks import EnvelopeError, open_envelope

API = "https://openapi.akool.com/api/open/v3"
ID, SECRET = "AAECAwQFBgcICQoLDA0ODw==", "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
done = threading.Event()

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            ended = open_envelope(body, ID, SECRET)["status"] == 3
            status = 200
        except EnvelopeError:
            ended, status = False, ANSWER
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
        if ended:
            done.set()

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/hook"

def ask(path, fields):
    request = urllib.request.Request(f"{API}/{path}", json.dumps(fields).encode())
    request.add_header("content-type", "application/json")
    request.add_header("x-api-key", SECRET)
    return json.load(urllib.request.urlopen(request, timeout=20))

ask("getToken", {"clientId": ID, "clientSecret": SECRET})
ask("content/image/createbyprompt", {"prompt": "a fox", "webhookUrl": url})
if not done.wait(20):
    sys.exit("no webhook came")
"""


@pytest.mark.parametrize(("answer", "status"), [(400, 0), (200, 1)])
def test_a_program_that_listens_is_judged_by_how_it_answers(
    answer: int, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listening = script(tmp_path, WEBHOOKS.replace("ANSWER", str(answer)))
    options = ("--only", "webhook-forged", "--webhook-url", "http://127.0.0.1:8000/hook")
    assert ran(*options, command=listening) == status, capsys.readouterr().out
    assert ("webhook not verified" in capsys.readouterr().out) is bool(status)


RACING: Final = WEBHOOKS.replace("ended, status = False, ANSWER", "ended, status = False, 400").replace(
    """        if ended:
            done.set()
""",
    """        done.set() if ended else done.clear()  # the last one wins, whatever it says
""",
)
RACING_END: Final = """
import time
for _ in range(20):
    time.sleep(0.15)
    if done.is_set():
        sys.exit()
sys.exit("no webhook came")
"""


class TestRaces:
    URL = ("--webhook-url", "http://127.0.0.1:8000/hook")

    # Twenty-four runs of a program. A test of the pytest option has the same for a client of the same process.
    @pytest.mark.slow
    def test_the_smallest_schedule_that_fails_is_printed_as_a_file_that_replays_it(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        racing = script(tmp_path, RACING.replace("if not done.wait(20):", RACING_END + "if False:"))
        found = tmp_path / "found.json"
        assert ran("--races", "20", *self.URL, "--json", str(found), command=racing) == 1
        printed = capsys.readouterr().out
        assert "# race (seed 0): failed\n#   gave up: " in printed
        assert "after_end: true" in printed
        assert [each["scenario"] for each in json.loads(found.read_text())["judgements"]] == ["race"]
        file = tmp_path / "race.yaml"
        file.write_text(printed)
        assert ran("--only", str(file), *self.URL, command=racing) == 1
        assert "gave up: there was a file to have" in capsys.readouterr().out
        known = tmp_path / "known.txt"
        known.write_text("race: gave up\n")
        assert ran("--races", "3", *self.URL, "--known", str(known), command=racing) == 0

    def test_a_program_without_a_race_passes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        listening = script(tmp_path, WEBHOOKS.replace("ANSWER", "400"))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert ran("--races", "3", *self.URL, command=listening) == 0
        shown = capsys.readouterr()
        assert shown.out == "no race was found in 3 schedules\n"
        assert shown.err.splitlines()[-1] == "3 of 3: race: survived"

    def test_a_program_that_does_not_listen_is_not_judged(
        self, client: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert ran("--races", "1", *self.URL, command=client) == 1
        assert "it could not be judged: the program asked for no webhook" in capsys.readouterr().err
        assert ran("--races", "1", *self.URL, command=[sys.executable, "-c", ""]) == 1
        assert "no request reached the fake" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ((), "--races wants --webhook-url"),
            ((*URL, "--only", "happy", "--repeat", "2"), "leave out --only, --repeat"),
        ],
    )
    def test_what_makes_no_sense_with_it_is_wrong_usage(
        self, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            ran("--races", "5", *options, command=[sys.executable])
        assert caught.value.code == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: '_id'\n", "KeyError: '_id'"),
        (
            "file:///a.mjs:3\n  x\n\nTypeError: Cannot read it\n    at main (file:///a.mjs:3:5)\n\nNode.js v20\n",
            "TypeError: Cannot read it",
        ),
        (
            'Exception in thread "main" java.lang.RuntimeException: no\n\tat Main.main(Main.java:3)\n',
            'Exception in thread "main" java.lang.RuntimeException: no',
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\n",
            "panic: runtime error: index out of range",
        ),
        ("thread 'main' panicked at src/main.rs:2:5:\nno\n", "no"),
    ],
    ids=["python", "node", "java", "go", "rust"],
)
def test_what_nobody_caught_is_a_crash(printed: str, words: str) -> None:
    assert end_of(1, printed)[:2] == (How.CRASHED, words)


@pytest.mark.parametrize(
    ("status", "printed", "how", "words"),
    [
        (0, "image-1.jpg\n", How.WELL, "image-1.jpg"),
        (1, "working\nthe job failed\n\n", How.GAVE_UP, "the job failed"),
        (2, "", How.GAVE_UP, ""),
        (-11, "", How.CRASHED, "it was ended by signal 11"),
        (139, "oh\n", How.CRASHED, "it was ended by signal 11: oh"),
    ],
)
def test_an_end_is_read_from_status_and_last_words(status: int, printed: str, how: How, words: str) -> None:
    assert end_of(status, printed)[:2] == (how, words)


class TestUsage:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--only", "flaky-gatewy"], "did you mean 'flaky-gateway'?"),
            (["--family", "image_v5"], "did you mean 'image_v"),
            (["--only", "happy", "--skip", "happy"], "no scenario is left"),
            (["--known", "nowhere.txt"], "nowhere.txt: cannot read it"),
            (["--webhook-url", "here"], "--webhook-url: 'here' is no http(s) URL; use http://127.0.0.1:8000/hook"),
            (["--no-tls"], "programs with Akool's hosts in them speak HTTPS"),
        ],
    )
    def test_a_mistake_is_an_error(self, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert ran(*options, command=[sys.executable]) == 1
        assert said in capsys.readouterr().err

    def test_a_command_is_needed(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["gauntlet"])
        assert "mock-akool gauntlet -- node app.mjs" in capsys.readouterr().err
        assert ran(command=["no-such-program"]) == 127

    @pytest.mark.slow
    def test_a_family_leaves_out_what_is_about_others(self, tmp_path: Path) -> None:
        def run_for(family: str) -> set[str]:
            file = tmp_path / "found.json"
            options = ("--family", family, "--json", str(file), "--speed", "1000")
            ran(*options, command=[sys.executable, "-S", "-c", ""])
            found: dict[str, Any] = json.loads(file.read_text())
            return {each["scenario"] for each in found["judgements"]}

        image, faces = run_for("image_v3"), run_for("faceswap_v3")
        assert faces - image == {"empty-list", "swap-url-too-early"}
        assert not image & {"webhook-lost", "no-face"}
