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


class ApiError(ValueError):
    pass


def ask(method, url, **fields):
    for pause in (1, 2, 4, 8, 16, 32, 64):
        try:
            response = requests.request(method, url, headers=KEY, timeout=100, **fields)
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
            response = requests.get(url, timeout=30)
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
        for number, given in enumerate(("(TimeoutError, ApiError)", "TimeoutError", "3"))
    ]
    result = run(CLIENT + "\n\n".join(tests), "-k", "banned")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "mock-akool: banned: crashed",
            "  crashed: the client crashed after #1: ApiError: The account has been banned",
            "    do: look at the HTTP status*",
            "*gives_up_with=3 names no exceptions*",
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


def test_the_scenarios_of_the_marker_akool_are_those_that_are_run(run: Run) -> None:
    marked = '@pytest.mark.akool_gauntlet\n@pytest.mark.akool(scenario=["happy", "fails"], seed=7)\n'
    result = run(CLIENT + marked + TEST.strip(), "-v")
    assert outcomes(result) == {"happy": "PASSED", "fails": "PASSED"}


def test_an_async_client_is_judged_as_well(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.akool_gauntlet
@pytest.mark.asyncio
async def test_an_image(akool_mock):
    raise KeyError(requests.get(f"{API}/v3/faceswap/quota/info", headers=KEY).json()["msg"])
"""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(CLIENT + source)
    result = pytester.runpytest_subprocess("-k", "banned", "-p", "no:randomly")
    result.stdout.fnmatch_lines(["mock-akool: banned: crashed"])


def test_a_marker_on_a_test_without_the_fixture_is_warned_about(run: Run) -> None:
    result = run("import pytest\n@pytest.mark.akool_gauntlet\ndef test_nothing(): pass\n", "-W", "default")
    result.stdout.fnmatch_lines(["*the marker akool_gauntlet does nothing here: the test does not use akool_mock"])
