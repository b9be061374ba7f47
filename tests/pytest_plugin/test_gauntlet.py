"""The gauntlet in pytest: one item for each scenario, judged by the rules."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from mock_akool.akool.endpoints import GROUPS
from mock_akool.scenario_library.library import named, names
from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"

CLIENT = """
import time

import pytest
import requests

API = "https://openapi.akool.com/api/open"
KEY = {"x-api-key": "my-key"}
SESSION = requests.Session()
SESSION.trust_env = False  # the environment is read anew for each request, which takes longer than that


class ApiError(ValueError):
    pass


def ask(method, url, **fields):
    for pause in (1, 2, 4, 8, 16, 32, 64):
        try:
            response = SESSION.request(method, url, headers=KEY, timeout=100, **fields)
            answer = response.json()
            if answer["code"] not in (1005, 1008, 1108, 2001):
                break
        except (requests.RequestException, ValueError):
            if method == "POST":
                raise ApiError("lost") from None
        time.sleep(pause)
    else:
        raise ApiError("the service does not answer")
    if answer["code"] != 1000:
        raise ApiError(answer["msg"])
    return answer["data"]


def make_image(prompt):
    job = ask("POST", f"{API}/v3/content/image/createbyprompt", json={"prompt": prompt})
    for _ in range(100):
        time.sleep(3)
        job = ask("GET", f"{API}/v3/content/image/infobymodelid", params={"image_model_id": job["_id"]})
        if job["image_status"] == 4:
            raise ApiError(job["error_reasons"][0])
        if job["image_status"] == 3 and job.get("image"):
            return download(job["image"])
    raise ApiError("the job does not end")


def download(url):
    for pause in (1, 2, 4, 8, 16):
        try:
            response = SESSION.get(url, timeout=30)
        except requests.RequestException:
            pass
        else:
            if response.status_code == 200 and response.content.endswith(b"\\xff\\xd9"):
                return response.content
        time.sleep(pause)
    raise ApiError("the file is broken")
"""

TEST = """
def test_an_image(akool_mock):
    assert make_image("a fox").startswith(b"\\xff\\xd8")
"""


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    found = re.findall(r"^test_\w+\.py::(\S+?)(?:\[(.+?)\])? (PASSED|FAILED|SKIPPED|ERROR)", result.stdout.str(), re.M)
    return {name: outcome for _, name, outcome in found}


def test_with_the_option_each_scenario_is_a_test(run: Run) -> None:
    result = run(CLIENT + TEST, "--akool-gauntlet", "-v")
    found = outcomes(result)
    assert list(found) == list(names())
    about_others = {name for name in names() if named(name).webhooks or named(name).expect.about != GROUPS["any"]}
    assert {name for name, each in found.items() if each == "SKIPPED"} == about_others
    assert "FAILED" not in found.values(), result.stdout.str()
    result.assert_outcomes(passed=len(names()) - len(about_others), skipped=len(about_others))


def test_without_the_option_and_the_marker_it_is_one_test(run: Run) -> None:
    run(CLIENT + TEST).assert_outcomes(passed=1)


def test_the_marker_is_enough_and_works_with_k_and_junit(run: Run, pytester: pytest.Pytester) -> None:
    result = run(
        CLIENT + TEST.replace("def", "@pytest.mark.akool_gauntlet\ndef", 1),
        "-k",
        "flaky or banned",
        "--junit-xml=found.xml",
        "--strict-markers",
    )
    result.assert_outcomes(passed=2, deselected=len(names()) - 2)
    cases = ElementTree.parse(pytester.path / "found.xml").iter("testcase")
    assert [case.get("name") for case in cases] == ["test_an_image[banned]", "test_an_image[flaky-gateway]"]


def test_only_the_exceptions_that_are_named_say_that_it_gives_up(run: Run) -> None:
    marked = "@pytest.mark.akool_gauntlet(gives_up_with={})\n"
    tests = [
        marked.format(given) + TEST.strip().replace("image(", f"image_{number}(", 1)
        for number, given in enumerate(("(TimeoutError, ApiError)", "TimeoutError"))
    ]
    result = run(CLIENT + "\n\n".join(tests), "-k", "banned")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "mock-akool: banned: crashed",
            "  crashed: the client crashed after #1: ApiError: The account has been banned",
            "    do: your error is right; name it in `gives_up_with`, so that it counts as a clear end",
        ]
    )


def test_a_mistake_fails_its_scenario_with_what_to_do(run: Run) -> None:
    careless = CLIENT.replace("time.sleep(3)", "pass").replace("range(100)", "range(10_000)")
    result = run(careless + TEST, "--akool-gauntlet", "-k", "happy")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["mock-akool: happy: hung", "  no pause: the polls #*", "    do: wait some seconds*"])


def test_its_own_assertions_count_where_there_is_a_file(run: Run) -> None:
    wrong = """
def test_an_image(akool_mock):
    try:
        make_image("a fox")
    finally:
        assert False, "never right"
"""
    result = run(CLIENT + wrong, "--akool-gauntlet", "-k", "happy or banned")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(["*AssertionError: never right", "mock-akool: banned: failed"])
    right = """
@pytest.mark.akool_gauntlet
def test_an_image(akool_mock):
    make_image("a fox")
    assert "survives" == "here"
"""
    result = run(CLIENT + right, "-k", "happy or banned")
    result.assert_outcomes(failed=1, passed=1)


def test_what_the_client_itself_asserts_is_no_assertion_of_the_test(run: Run, pytester: pytest.Pytester) -> None:
    """pytest rewrites `assert` in tests, and in no other modules."""
    code = CLIENT.replace('raise ApiError(answer["msg"])', 'assert False, answer["msg"]').replace("import pytest\n", "")
    pytester.makepyfile(a_client=code)
    test = f"""
import unittest

import pytest
from a_client import make_image

@pytest.mark.akool_gauntlet{TEST}
def helper(image):
    unittest.TestCase().assertEqual(image, b"")

@pytest.mark.akool_gauntlet
def test_another(akool_mock):
    helper(make_image("a fox"))
    akool_mock.calls.assert_none()
"""
    result = run(test, "-k", "test_an_image and banned or test_another and happy")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "  crashed: the client crashed after #1: AssertionError: The account has been banned*",
            "    do: *",
            "E * != b''",
        ]
    )


def test_a_client_that_works_in_a_fixture_is_judged_as_well(run: Run) -> None:
    works = """
@pytest.fixture
def image(akool_mock):
    return make_image("a fox")

@pytest.mark.akool_gauntlet(gives_up_with={})
def test_an_image(image):
    assert image.startswith(b"\\xff\\xd8")
"""
    run(CLIENT + works.format("ApiError"), "-k", "happy or banned or flaky-gateway").assert_outcomes(passed=3)
    result = run(CLIENT + works.format("TimeoutError"), "-k", "happy or banned")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["  crashed: the client crashed after #1: ApiError: The account has been banned"])
    broken = works.replace("return make", "raise OSError; make").format("ApiError")
    run(CLIENT + broken, "-k", "happy").assert_outcomes(errors=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("gives_up=ValueError", "gives_up: there is no such setting; did you mean 'gives_up_with'[?]"),
        ("seed=7", "seed: there is no such setting; the settings here are gives_up_with, races"),
        (
            "ValueError",
            "it takes settings by name, not <class 'ValueError'>. Write for example gives_up_with=(TimeoutError, *",
        ),
    ],
)
def test_what_the_marker_does_not_take_is_an_error(given: str, said: str, run: Run) -> None:
    result = run(f"import pytest\n@pytest.mark.akool_gauntlet({given}, races=0)\n{TEST.strip()}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{said}*"])


def test_all_mistakes_of_markers_are_reported_with_their_lines_and_hinder_no_other_test(run: Run) -> None:
    marked = """\
import pytest

@pytest.mark.akool_gauntlet(
    7,
    gives_up_wth=ValueError,
    race=3,
    races="x",
    gives_up_with=3,
)
@pytest.mark.akool(3, credits="x")
def test_it(akool_mock): ...

def test_another(): ...
"""
    result = run(marked)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "test_it.py:*: @pytest.mark.akool: it takes settings by name, not 3. Write for example seed=7",
            '>   @pytest.mark.akool(3, credits="x")',
            "test_it.py:*: @pytest.mark.akool: credits: 'x' is not *",
            "test_it.py:*: @pytest.mark.akool_gauntlet: it takes settings by name, not 7. Write for example gives_up_*",
            ">   7,",
            "test_it.py:*: @pytest.mark.akool_gauntlet: gives_up_wth: there is no such setting; did you mean 'gives_*",
            ">   gives_up_wth=ValueError,",
            "test_it.py:*: @pytest.mark.akool_gauntlet: race: there is no such setting; did you mean 'races'[?]",
            ">   race=3,",
            "test_it.py:*: @pytest.mark.akool_gauntlet: gives_up_with: 3 is not an exception; use TimeoutError, or *",
            ">   gives_up_with=3,",
            "test_it.py:*: @pytest.mark.akool_gauntlet: races: 'x' is not a number of schedules; use 50",
            '>   races="x",',
        ]
    )


def test_the_marker_of_the_gauntlet_is_registered_with_its_options(run: Run) -> None:
    lines = run("", "--markers").outlines
    assert any(line.startswith("@pytest.mark.akool_gauntlet(*, gives_up_with=(), races=0): run") for line in lines)


def test_the_scenarios_of_the_marker_akool_are_those_that_are_run(run: Run) -> None:
    marked = '@pytest.mark.akool_gauntlet\n@pytest.mark.akool(scenario=["happy", "fails"], seed=7)\n'
    result = run(CLIENT + marked + TEST.strip(), "-v")
    assert outcomes(result) == {"happy": "PASSED", "fails": "PASSED"}


def test_an_async_client_is_judged_as_well(run: Run, pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.akool_gauntlet
@pytest.mark.asyncio
async def test_an_image(akool_mock):
    raise KeyError(requests.get(f"{API}/v3/faceswap/quota/info", headers=KEY).json()["msg"])
"""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = run(CLIENT + source, "-k", "banned", "-p", "pytest_asyncio.plugin")
    result.stdout.fnmatch_lines(["mock-akool: banned: crashed"])


def test_a_marker_on_a_test_without_the_fixture_is_warned_about(run: Run) -> None:
    result = run("import pytest\n@pytest.mark.akool_gauntlet\ndef test_nothing(): pass\n", "-W", "default")
    result.stdout.fnmatch_lines(["*the marker akool_gauntlet does nothing here: the test does not use akool_mock"])


def test_methods_of_unittest_are_run_as_ever_and_warned_about(run: Run) -> None:
    methods = """
import unittest

@pytest.mark.usefixtures("akool_mock")
class TestIt(unittest.TestCase):
    def setUp(self):
        make_image("a fox")

    def test_right(self): pass

class TestFailing(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _image(self, akool_mock):
        make_image("a fox")
        raise ApiError("no")

    def test_never_run(self): pass
"""
    result = run(CLIENT + methods, "--akool-gauntlet", "-W", "default")
    result.assert_outcomes(passed=1, errors=1, warnings=2)
    result.stdout.fnmatch_lines(["*mock-akool: the gauntlet does not run methods of unittest.TestCase; write a *"])


def test_what_the_client_saves_into_tmp_path_is_what_the_server_sent(run: Run) -> None:
    saving = """
@pytest.mark.akool_gauntlet
def test_an_image(akool_mock, tmp_path):
    (tmp_path / "image.jpg").write_bytes(make_image("a fox")[:9000])
    (tmp_path / "notes.txt").write_text("saved")
"""
    result = run(CLIENT + saving, "-k", "happy or banned")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["  broken file kept: *image.jpg has only the first 9,000 of *"])
    run(CLIENT + saving.replace("[:9000]", ""), "-k", "happy or banned").assert_outcomes(passed=2)
    elsewhere = saving.replace('(tmp_path / "image.jpg").write_bytes(', "len(").replace("[:9000]", "")
    run(CLIENT + elsewhere, "-k", "happy or banned").assert_outcomes(passed=2)


class TestKnown:
    """Accepted findings, as with the command."""

    CARELESS = CLIENT.replace("time.sleep(3)", "pass").replace("range(100)", "range(10_000)") + TEST

    def test_they_are_no_failures(self, run: Run, pytester: pytest.Pytester) -> None:
        (pytester.path / "known.txt").write_text("happy: no pause\nhappy: hung  # for now\n")
        result = run(self.CARELESS, "--akool-gauntlet", "--akool-known", "known.txt", "-k", "happy or banned", "-rx")
        result.assert_outcomes(passed=1, xfailed=1)
        result.stdout.fnmatch_lines(["XFAIL test_it.py::test_an_image[[]happy[]] - known: hung, no pause: *"])

    def test_a_new_one_beside_a_known_one_fails(self, run: Run, pytester: pytest.Pytester) -> None:
        (pytester.path / "known.txt").write_text("happy: no pause\n")
        result = run(self.CARELESS, "--akool-gauntlet", "--akool-known", "known.txt", "-k", "happy")
        result.assert_outcomes(failed=1)

    def test_the_ini_file_names_them_from_where_it_is(
        self, run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytester.makeini("[pytest]\nakool_known = lists/known.txt\n")
        (pytester.mkdir("lists") / "known.txt").write_text("happy: no pause\nhappy: hung\n")
        monkeypatch.chdir(pytester.mkdir("elsewhere"))
        result = run(self.CARELESS, "--akool-gauntlet", "-k", "happy", str(pytester.path))
        result.assert_outcomes(xfailed=1)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (None, "known.txt: cannot read it: "),
            ("happy: no paus", "known.txt[[]1[]]: there is no finding 'no paus'*'no pause'"),
        ],
    )
    def test_a_mistake_ends_the_run(self, text: str | None, said: str, run: Run, pytester: pytest.Pytester) -> None:
        if text is not None:
            (pytester.path / "known.txt").write_text(text)
        result = run(self.CARELESS, "--akool-known=known.txt")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"*{said}*"])


LISTENING = """
import json

from mock_akool.webhooks import open_envelope

API = "https://openapi.akool.com/api/open/v3/content/image"
ID, SECRET = "AAECAwQFBgcICQoLDA0ODw==", "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"
KEY = {"x-api-key": SECRET}
HOOK = {"webhookUrl": "http://127.0.0.1:9/hook"}


@pytest.fixture
def handled():
    return []  # anew in each schedule


def make_image(mock, handled, hook=HOOK, *, believes_the_last=False):
    statuses = {}

    def receive(request):
        said = open_envelope(json.loads(request.body), ID, SECRET)
        if believes_the_last or statuses.get(said["_id"]) != 3:
            statuses[said["_id"]] = said["status"]
        handled.extend([said["_id"]] * (said["status"] == 3))
        return 200

    mock.webhooks.deliver_to(receive)
    wanted = {"prompt": "a fox", **hook}
    job = requests.post(f"{API}/createbyprompt", json=wanted, headers=KEY, timeout=9).json()["data"]
    for _ in range(20):
        time.sleep(3)
        if statuses.get(job["_id"]) == 3:
            return
    raise TimeoutError("no webhook came")


pytestmark = pytest.mark.akool(accounts=[{"api_key": SECRET, "client_id": ID}])


@pytest.mark.akool_gauntlet(races=15)
"""


class TestRaces:
    """One more test, in which the client is run in many schedules."""

    def test_the_smallest_schedule_that_fails_is_a_scenario_file_that_replays_it(
        self, run: Run, pytester: pytest.Pytester
    ) -> None:
        body = "def test_it(akool_mock, handled):\n    make_image(akool_mock, handled, believes_the_last=True)\n"
        result = run(LISTENING + body, "-k", "race")
        result.assert_outcomes(failed=1, deselected=len(names()))
        lines = result.stdout.lines
        assert "mock-akool: race: failed" in lines
        begin = next(at for at, line in enumerate(lines) if "as a scenario file that replays it" in line) + 1
        end = next(at for at, line in enumerate(lines) if at > begin and line.startswith("==="))
        text = "\n".join(lines[begin:end])
        assert "after_end: true" in text
        (pytester.path / "race.yaml").write_text(text)
        alone = LISTENING.replace("races=15", "")
        alone = alone.replace('client_id": ID}])', 'client_id": ID}], scenario=["race.yaml"])')
        run(alone + body).assert_outcomes(failed=1)

    def test_a_client_without_a_race_passes(self, run: Run) -> None:
        body = "def test_it(akool_mock, handled):\n    make_image(akool_mock, handled)\n"
        run(LISTENING + body, "-k", "race").assert_outcomes(passed=1, deselected=len(names()))

    def test_what_the_test_asserts_is_judged_in_each_schedule(self, run: Run) -> None:
        body = """
def test_it(akool_mock, handled):
    make_image(akool_mock, handled)
    akool_mock.run_until_idle()
    assert len(handled) == 1
"""
        result = run(LISTENING + body.strip(), "-k", "race")
        result.assert_outcomes(failed=1, deselected=len(names()))
        result.stdout.fnmatch_lines(["E * assert 2 == 1", "*smallest of * schedules*", "*copies: 2"])

    def test_known_ones_are_passed_over(self, run: Run, pytester: pytest.Pytester) -> None:
        (pytester.path / "known.txt").write_text("race: gave up\n")
        body = "def test_it(akool_mock, handled):\n    make_image(akool_mock, handled, believes_the_last=True)\n"
        run(LISTENING + body, "-k", "race", "--akool-known=known.txt").assert_outcomes(
            passed=1, deselected=len(names())
        )

    def test_a_client_without_webhooks_cannot_be_judged(self, run: Run) -> None:
        result = run(LISTENING.replace("races=15", "races=2") + "def test_it(akool_mock):\n    pass\n", "-k", "race")
        result.assert_outcomes(skipped=1, deselected=len(names()))
        polling = """
def test_it(akool_mock):
    job = requests.post(f"{API}/createbyprompt", json={"prompt": "a fox"}, headers=KEY, timeout=9).json()["data"]
    for _ in range(9):
        time.sleep(3)
        requests.get(f"{API}/infobymodelid", params={"image_model_id": job["_id"]}, headers=KEY, timeout=9)
"""
        result = run(LISTENING.replace("races=15", "races=1") + polling.strip(), "-k", "race", "-rs")
        result.assert_outcomes(skipped=1, deselected=len(names()))
        result.stdout.fnmatch_lines(["SKIPPED*could not be judged: the client wants no webhooks"])

    def test_a_test_that_skips_itself_is_skipped(self, run: Run) -> None:
        result = run(f"{LISTENING}def test_it(akool_mock):\n    pytest.skip('not today')\n", "-k", "race", "-rs")
        result.assert_outcomes(skipped=1, deselected=len(names()))
        result.stdout.fnmatch_lines(["SKIPPED*not today"])

    def test_a_fixture_that_fails_is_an_error(self, run: Run) -> None:
        failing = "def test_it(akool_mock, broken):\n    pass\n\n\n@pytest.fixture\ndef broken():\n    raise OSError\n"
        run(LISTENING + failing, "-k", "race").assert_outcomes(errors=1, deselected=len(names()))

    @pytest.mark.parametrize(
        ("races", "scenario", "said"),
        [
            ("'many'", "", "races: 'many' is not a number of schedules; use 50"),
            (
                "5",
                "@pytest.mark.akool(scenario='happy')\n",
                "races: it would do nothing: test_it has a scenario of its own; search for races in another test",
            ),
        ],
    )
    def test_a_mistake_in_the_marker_is_named(self, races: str, scenario: str, said: str, run: Run) -> None:
        marked = LISTENING.replace("races=15", f"races={races}") + f"{scenario}def test_it(akool_mock):\n    pass\n"
        result = run(marked)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines([f"*{said}*"])
