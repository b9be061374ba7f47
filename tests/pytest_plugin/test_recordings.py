"""`--akool-record`: a first run records a service, and the next ones are answered by the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mock_akool import MockAkool, Server, SystemClock, pytest_plugin
from mock_akool.server.tls import Tls

pytest_plugins = "pytester"

Run = Callable[..., pytest.RunResult]
"""Runs pytest with these arguments on the files that are there."""

TEST = """
import time

import requests

API = "https://openapi.akool.com/api/open/v3"
KEY = {"x-api-key": "my-key-of-the-service"}


def test_a_job(akool_mock):
    job = requests.post(f"{API}/content/image/createbyprompt", json={"prompt": "a fox"}, headers=KEY).json()["data"]
    while job["image_status"] != 3:
        time.sleep(0.1)
        job = requests.get(
            f"{API}/content/image/infobymodelid", params={"image_model_id": job["_id"]}, headers=KEY
        ).json()["data"]
    assert requests.get(job["image"]).content[:2] == b"\\xff\\xd8"
"""


@pytest.fixture(name="run")
def _run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> pytest.RunResult:
        options = ("-p", "no:cacheprovider", "-W", "error", *arguments)
        return pytester.runpytest_inprocess(*options, plugins=[pytest_plugin])

    return run


@pytest.fixture
def real() -> Iterator[MockAkool]:
    """A fake that stands for the real service."""
    mock = MockAkool(clock=SystemClock(), queueing="100ms", processing="200ms")
    with Server(mock.application, tls=Tls(off=True)) as server:
        mock.url = server.url  # type: ignore[attr-defined]
        yield mock


def record(run: Run, real: MockAkool, *arguments: str) -> pytest.RunResult:
    return run("--akool-record", "tapes", "--akool-upstream", real.url, *arguments)  # type: ignore[attr-defined]


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    pytester.makepyfile(test_it=TEST)
    return pytester.path / "tapes"


def test_the_first_run_records_and_the_next_one_replays(run: Run, folder: Path, real: MockAkool) -> None:
    result = record(run, real)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"mock-akool *: records {real.url} into {folder} (once)"])  # type: ignore[attr-defined]
    assert [each.name for each in (folder / "test_it").iterdir()] == ["test_a_job"]
    asked = real.calls.count
    assert asked > 3
    result = run("--akool-record", "tapes")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"mock-akool *: answers from the recordings in {folder}"])
    assert real.calls.count == asked
    assert "my-key-of-the-service" not in "".join(
        each.read_bytes().decode("latin-1") for each in folder.rglob("*") if each.is_file()
    )


def test_once_records_what_is_new_only_and_all_records_anew(run: Run, folder: Path, real: MockAkool) -> None:
    record(run, real).assert_outcomes(passed=1)
    asked = real.calls.count
    record(run, real).assert_outcomes(passed=1)
    assert real.calls.count == asked
    record(run, real, "--akool-record-mode", "all").assert_outcomes(passed=1)
    assert real.calls.count > asked


def test_the_folder_may_stand_in_the_ini_file(
    run: Run, folder: Path, real: MockAkool, pytester: pytest.Pytester
) -> None:
    record(run, real).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nakool_record = tapes\n")
    asked = real.calls.count
    run().assert_outcomes(passed=1)
    assert real.calls.count == asked


def test_a_test_without_a_recording_says_how_to_make_one(run: Run, folder: Path) -> None:
    result = run("--akool-record", "tapes")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*this test has no recording in *record it with --akool-record*"])


def test_a_test_that_fails_leaves_no_recording(
    run: Run, folder: Path, real: MockAkool, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_it=TEST + "    assert False\n")
    record(run, real).assert_outcomes(failed=1)
    assert not [each for each in folder.rglob("*") if each.is_file()]


def test_a_client_that_asks_something_else_gets_no_answer_of_akools(
    run: Run, folder: Path, real: MockAkool, pytester: pytest.Pytester
) -> None:
    record(run, real).assert_outcomes(passed=1)
    pytester.makepyfile(test_it=TEST.replace("a fox", "a cat"))
    result = run("--akool-record", "tapes")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not in the recording*"])


def test_other_hosts_are_closed(run: Run, folder: Path, real: MockAkool, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it=TEST
        + "    import pytest\n"
        + "    with pytest.raises(requests.ConnectionError, match='refused'):\n"
        + "        requests.get('https://elsewhere.test')\n"
    )
    record(run, real).assert_outcomes(passed=1)
    run("--akool-record", "tapes").assert_outcomes(passed=1)


def test_parameters_are_not_in_the_names_of_folders(
    run: Run, folder: Path, real: MockAkool, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_it="import pytest\n"
        + TEST.replace("def test_a_job(", '@pytest.mark.parametrize("key", ["planted-secret"])\ndef test_a_job(key, ')
    )
    record(run, real).assert_outcomes(passed=1)
    assert not list(folder.rglob("*planted*"))
    run("--akool-record", "tapes").assert_outcomes(passed=1)


def test_a_live_server_records_and_replays_too(
    run: Run, folder: Path, real: MockAkool, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_it="""
        import requests

        def test_a_quota(akool_server):
            url = f"{akool_server.url}/api/open/v3/faceswap/quota/info"
            assert requests.get(url, headers={"x-api-key": "my-key"}).json()["data"] == {"credit": 1000}
        """
    )
    record(run, real).assert_outcomes(passed=1)
    assert real.calls.count == 1
    run("--akool-record", "tapes").assert_outcomes(passed=1)
    assert real.calls.count == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--akool-upstream", "http://127.0.0.1:9"), "want --akool-record DIR"),
        (("--akool-record", "tapes", "--akool-record-mode", "all"), "wants --akool-upstream URL"),
        (("--akool-record", "tapes", "--akool-upstream", "x"), "--akool-upstream: 'x' is no address"),
        (("--akool-record", "tapes", "--akool-gauntlet"), "leave out --akool-record"),
        (("--akool-record", "tapes", "--akool-url", "http://127.0.0.1:9"), "leave out --akool-url"),
    ],
)
def test_what_is_not_usable_ends_the_run(run: Run, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*mock-akool: *{said}*"])
