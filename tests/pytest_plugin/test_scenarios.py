"""Scenarios in tests: the marker, ids, rules that never fire, and what a failing test is shown of them."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"

POLLS = """
def statuses(count=3):
    job = create()
    seen = []
    for _ in range(count):
        url = f"{HOST}{CONTENT}/infobymodelid?image_model_id={job['_id']}"
        seen.append(requests.get(url, headers={"x-api-key": "key-of-a-client"}).status_code)
    return seen
"""


def test_a_marker_puts_a_scenario_in_force(run: Run) -> None:
    run(
        POLLS
        + """
@pytest.mark.akool(scenario="flaky-gateway", seed=7)
def test_it(akool_mock):
    assert 502 in statuses(5)
    assert akool_mock.engine.settings.seed == 7
"""
    ).assert_outcomes(passed=1)


def test_a_list_of_scenarios_runs_the_test_with_each(run: Run) -> None:
    result = run(
        POLLS
        + """
@pytest.mark.akool(scenario=["happy", "flaky-gateway", {"seed": 3}, ["happy", "flaky-gateway"]])
def test_it(akool_mock):
    statuses(5)

@pytest.mark.akool(scenario=["happy", "flaky-gateway"])
class TestAll:
    def test_in_a_class(self, akool_mock):
        statuses(5)

    @pytest.mark.akool(scenario="happy")
    def test_the_closest_wins(self, akool_mock):
        statuses(1)
""",
        "-v",
    )
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(
        [
            "*::test_it?happy? PASSED*",
            "*::test_it?flaky-gateway? PASSED*",
            "*::test_it?scenario2? PASSED*",
            "*::test_it?happy+flaky-gateway? PASSED*",
            "*::TestAll::test_in_a_class?happy? PASSED*",
            "*::TestAll::test_in_a_class?flaky-gateway? PASSED*",
            "*::TestAll::test_the_closest_wins PASSED*",
        ]
    )


def test_it_goes_together_with_parameters_of_ones_own(run: Run) -> None:
    run(
        POLLS
        + """
@pytest.mark.akool(scenario=["happy", "flaky-gateway"])
@pytest.mark.parametrize("count", [5, 6])
def test_it(akool_mock, count):
    assert len(statuses(count)) == count
"""
    ).assert_outcomes(passed=4)


def test_a_server_has_the_scenario_too(run: Run) -> None:
    run(
        """
@pytest.mark.akool(scenario=["flaky-gateway"])
def test_it(akool_server):
    job = create(host=akool_server.url, key=akool_server.api_key)
    url = f"{akool_server.url}{CONTENT}/infobymodelid?image_model_id={job['_id']}"
    seen = [requests.get(url, headers={"x-api-key": akool_server.api_key}).status_code for _ in range(5)]
    assert 502 in seen

def test_rules_of_its_own(akool_server):
    akool_server.on("createbyprompt").first(1).respond(http=503)
    reply = requests.post(f"{akool_server.url}{CONTENT}/createbyprompt", headers={"x-api-key": akool_server.api_key})
    assert reply.status_code == 503
    other = requests.post(f"{akool_server.url}{CONTENT}/createbyprompt", headers={"x-api-key": "other"})
    assert other.status_code == 200
"""
    ).assert_outcomes(passed=2)


def test_a_wrong_name_fails_at_the_line_of_the_marker(run: Run) -> None:
    result = run('@pytest.mark.akool(scenario="flaky-gatewy")\ndef test_it(akool_mock): ...\n')
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*test_it.py:3: @pytest.mark.akool: scenario: there is no scenario "
            "'flaky-gatewy'; did you mean 'flaky-gateway'?"
        ]
    )


def test_a_wrong_name_on_the_command_line(run: Run) -> None:
    result = run("def test_it(akool_mock): ...\n", "--akool", "scenario=flaky-gatewy")
    assert "did you mean 'flaky-gateway'?" in result.stderr.str()


SILENT = """
def test_it(akool_mock):
    akool_mock.on("infobymodelid").nth(2).respond(http=502)
    poll(create())
"""


def test_a_rule_that_never_fired_fails_a_test_that_passed(run: Run) -> None:
    result = run(SILENT)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "mock-akool: the rule on('infobymodelid').nth(2).respond(http=502) never fired",
            "    #1 POST createbyprompt -> 200 1000 OK, job * queueing: the rule is for infobymodelid",
            "    #2 GET infobymodelid -> 200 1000 OK, job *: it was the 1st of these calls, and the rule says nth: 2*",
            "Take the rule away, mark it `optional`, or set unused_rules to warn or ignore",
        ]
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('akool_mock.on("file").respond(http=403)\n    poll(create())', "*: the rule is for file"),
        (
            'akool_mock.on("createbyprompt").account("other-*").respond(http=403)\n    create()',
            "*createbyprompt -> *: it was another account's",
        ),
        (
            'akool_mock.on("createbyprompt").prompt("*dragon*").respond(http=403)\n    create()',
            "*createbyprompt -> *: its prompt is 'a red fox', and '?dragon?' does not fit the whole of it",
        ),
        (
            'akool_mock.on("infobymodelid").job(2).respond(http=403)\n    poll(create())',
            "*infobymodelid -> *: it was about job 1",
        ),
        (
            'akool_mock.on("infobymodelid").status("completed").respond(http=403)\n    poll(create())',
            "*infobymodelid -> *: the job was queueing",
        ),
        (
            'akool_mock.on("createbyprompt").during(10, 20).respond(http=403)\n    create()',
            "*createbyprompt -> *: it came at 0 s, not during 10s to 20s",
        ),
        (
            'akool_mock.on("quota/info").named("mine").respond(http=403)',
            "mock-akool: the rule mine never fired: no request reached the fake*",
        ),
        (
            'akool_mock.on("createbyprompt").named("A").respond(code=1108, at="after")\n'
            '    akool_mock.on("createbyprompt").named("B").respond(http=403)\n    '
            'requests.post(f"{HOST}{CONTENT}/createbyprompt", headers={"x-api-key": "k"})',
            "*createbyprompt -> *: the rule A came first",
        ),
    ],
)
def test_the_error_says_why_it_never_fired(run: Run, source: str, why: str) -> None:
    result = run(f"def test_it(akool_mock):\n    {source}\n")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([why])


@pytest.mark.parametrize("silence", [".optional().respond(http=502)", ".probability(0).respond(http=502)"])
def test_a_rule_that_may_stay_silent_does(run: Run, silence: str) -> None:
    run(f'def test_it(akool_mock):\n    akool_mock.on("file"){silence}\n').assert_outcomes(passed=1)


def test_a_rule_that_was_taken_away_need_not_fire(run: Run) -> None:
    run('def test_it(akool_mock):\n    akool_mock.on("file").drop().remove()\n').assert_outcomes(passed=1)


def test_a_rule_that_was_never_finished_is_reported(run: Run) -> None:
    result = run(
        'def test_it(akool_mock):\n    akool_mock.on("infobymodelid").nth(2)\n\n'
        'def test_drop(akool_mock):\n    akool_mock.on("create").drop\n'
    )
    result.assert_outcomes(passed=2, errors=2)
    ends = "has no fault: end it with .respond(…), .drop(), .reset() or .delay(…)"
    result.stdout.fnmatch_lines(
        [
            f"mock-akool: test_it.py:*: the rule on('infobymodelid').nth(2) {ends}",
            f"mock-akool: test_it.py:*: the rule on('create') {ends}",
        ]
    )


def test_a_marker_without_a_fixture_is_reported(run: Run) -> None:
    result = run(
        """
@pytest.mark.akool(seed=7)
def test_it(): ...

@pytest.mark.akool(seed=7)
class TestAll:
    def test_that_needs_none(self): ...
""",
        "-W",
        "default",
    )
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*the marker akool does nothing here: the test uses neither akool_mock nor*"])


def test_an_empty_list_of_scenarios_is_reported(run: Run) -> None:
    result = run("@pytest.mark.akool(scenario=[])\ndef test_it(akool_mock): ...\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["test_it.py:*: @pytest.mark.akool: scenario: the list of scenarios is empty; name at least one, *"]
    )


@pytest.mark.parametrize("choice", ["ignore", "warn"])
def test_it_can_be_switched(run: Run, choice: str) -> None:
    result = run(SILENT, f"--akool=unused_rules={choice}", "-W", "default")
    result.assert_outcomes(passed=1, warnings=1 if choice == "warn" else 0)


def test_a_test_that_failed_is_not_failed_again(run: Run) -> None:
    result = run(SILENT + "    assert False\n")
    result.assert_outcomes(failed=1)
    assert "never fired" not in result.stdout.str()


def test_a_server_is_checked_too(run: Run) -> None:
    result = run('def test_it(akool_server):\n    akool_server.on("file").named("mine").drop()\n')
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["mock-akool: the rule mine never fired*"])


def test_a_with_block_is_checked_and_one_that_raises_is_not(run: Run) -> None:
    result = run(
        """
def test_at_its_end():
    with pytest.raises(AssertionError, match="never fired"):
        with MockAkool() as mock:
            mock.on("file").drop()

def test_after_an_error():
    with pytest.raises(KeyError):
        with MockAkool() as mock:
            mock.on("file").drop()
            raise KeyError

@MockAkool(scenario={"rules": [{"on": "file", "fault": {"drop": True}}]})
def test_decorated():
    pass
"""
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*UnusedRuleError: the rule scenario: rules?0? never fired: no request reached*"])


def test_a_failing_test_shows_which_rule_and_entry_it_was(run: Run) -> None:
    result = run(
        POLLS
        + """
@pytest.mark.akool(scenario="flaky-gateway", unused_rules="ignore")
def test_it(akool_mock):
    akool_mock.next_job(queueing=5)
    assert statuses(4) == [200] * 4
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*GET infobymodelid -> 502, job *, by flaky-gateway: polls"])


def test_a_client_that_waits_before_it_tries_a_create_again_waits_virtually(run: Run) -> None:
    result = run(
        """
def test_it(akool_mock):
    akool_mock.on("createbyprompt").first(3).respond(http=502)
    url = f"{HOST}{CONTENT}/createbyprompt"
    for attempt in range(10):
        reply = requests.post(url, json={"prompt": "a"}, headers={"x-api-key": "k"})
        if reply.status_code == 200:
            break
        time.sleep(60)
    assert attempt == 3
    assert akool_mock.calls.last.at == 180
"""
    )
    result.assert_outcomes(passed=1)


def test_a_client_that_tries_again_without_a_pause_is_stopped(run: Run) -> None:
    result = run(
        """
def test_it(akool_mock, monkeypatch):
    monkeypatch.setattr("mock_akool.mock.interceptors.target.POLL_LIMIT", 50)
    akool_mock.on("createbyprompt").respond(http=502)
    while requests.post(f"{HOST}{CONTENT}/createbyprompt", headers={"x-api-key": "k"}).status_code != 200:
        pass
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the code under test tries again without a pause: 50 times POST *"])
