"""What a failing test is shown, from outside."""

from __future__ import annotations

import re

import pytest

from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"

SECTION = re.compile(r"-+ mock-akool -+\n(.*?)\n(?=[=_-]{9}|$)", re.DOTALL)


def sections(result: pytest.RunResult) -> list[str]:
    found = SECTION.findall(result.stdout.str())
    return [re.sub(r"\b[0-9a-f]{24}\b", "ID", section) for section in found]


GIVES_UP = """
def test_gives_up(akool_mock):
    akool_mock.next_job(queueing=2, processing=60)
    generate(timeout=9)
"""


def test_the_lives_of_jobs_the_last_calls_and_hints_are_shown(run: Run) -> None:
    result = run(GIVES_UP)
    result.assert_outcomes(failed=1)
    assert sections(result) == [
        "job ID, 'a red fox': queueing from +0.0 s, processing from +2.0 s, would be completed at +62.0 s\n"
        "    1st to 2nd poll from +3.0 s to +6.0 s: status 2 processing\n"
        "    3rd poll at +9.0 s: status 2 processing; the client stopped here\n"
        "the last 4 of 4 calls:\n"
        "    +0.0 s  #1 POST createbyprompt -> 200 1000 OK, job ID queueing\n"
        "    +3.0 s  #2 GET infobymodelid -> 200 1000 OK, job ID processing\n"
        "    +6.0 s  #3 GET infobymodelid -> 200 1000 OK, job ID processing\n"
        "    +9.0 s  #4 GET infobymodelid -> 200 1000 OK, job ID processing\n"
        "hint: the client stopped at status 2 processing of job ID, which would have been completed at +62.0 s; "
        "only 3 and 4 are final, and until then there are no URLs"
    ]


@pytest.mark.parametrize("args", [("--show-capture=no",), ("--tb=short",), ("--tb=native",), ("-n0",)][:3])
def test_it_is_reported_however_the_traceback_is_shown(run: Run, args: tuple[str, ...]) -> None:
    result = run(GIVES_UP, *args)
    assert len(sections(result)) == 1


def test_it_is_reported_beside_a_failure_without_traceback(run: Run) -> None:
    result = run("def test_it(akool_mock):\n    create()\n    pytest.fail('mine', pytrace=False)\n")
    assert len(sections(result)) == 1


def test_it_goes_into_a_junit_file(run: Run, pytester: pytest.Pytester) -> None:
    run(GIVES_UP, "--junit-xml=junit.xml")
    assert (
        "3rd poll at +9.0 s: status 2 processing; the client stopped here" in (pytester.path / "junit.xml").read_text()
    )


def test_it_is_silent_when_nothing_failed(run: Run) -> None:
    result = run(
        """
def test_passes(akool_mock, akool_server):
    create()
    print("shown with -rA")


@pytest.mark.xfail(strict=True)
def test_fails_as_expected(akool_mock):
    create()
    assert False


def test_is_skipped(akool_mock):
    create()
    pytest.skip()


def test_without_a_fixture():
    assert False
""",
        "-rA",
    )
    result.assert_outcomes(passed=1, xfailed=1, skipped=1, failed=1)
    assert sections(result) == []


def test_a_fake_that_nothing_reached_says_so(run: Run) -> None:
    result = run("def test_it(akool_mock):\n    assert False\n")
    assert sections(result) == ["no request reached the fake"]


def test_both_fixtures_tell_what_they_saw(run: Run) -> None:
    result = run(
        """
def test_it(akool_mock, akool_server):
    create("in process")
    create("by the server", host=akool_server.url, key=akool_server.api_key, size="4:3")
    create("with another key", host=akool_server.url, key="=" * 9)
    assert False
"""
    )
    mock, server = sections(result)
    assert "'in process'" in mock
    assert "'by the server'" not in mock
    assert "'by the server'" in server
    assert "'with another key'" in server
    assert "hint: #1 has `size`, which is ignored; set the shape with `scale`" in server


def test_a_fixture_that_fails_before_the_test_is_explained(run: Run) -> None:
    result = run(
        """
@pytest.fixture
def job(akool_mock):
    job = create("a heron")
    assert poll(job)["image_status"] == 3


def test_it(job):
    pass
"""
    )
    result.assert_outcomes(errors=1)
    (section,) = sections(result)
    assert "'a heron'" in section
    assert "1st poll at +0.0 s: status 1 queueing; the client stopped here" in section


@pytest.mark.parametrize("fixture", ["akool_mock", "akool_server"])
def test_a_fixture_that_fails_after_the_test_is_explained_although_the_fake_is_gone(run: Run, fixture: str) -> None:
    result = run(
        f"""
@pytest.fixture
def checked({fixture}):
    create("a heron", host=getattr({fixture}, "url", HOST))
    yield
    {fixture}.calls.to("infobymodelid").assert_any()


def test_it(checked):
    pass
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    (section,) = sections(result)
    assert "'a heron'" in section


def test_a_failure_is_reported_once_and_a_fixture_alone_is_not_blamed(run: Run) -> None:
    result = run(
        """
@pytest.fixture
def broken():
    yield
    assert False, "after the test"


def test_reported_already(akool_mock, broken):
    create()
    assert False


def test_nothing_to_tell(akool_mock, broken):
    pass
"""
    )
    result.assert_outcomes(passed=1, failed=1, errors=2)
    assert len(sections(result)) == 1


def test_a_test_that_is_run_again_tells_of_its_new_run_only(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, log=False, nextitem=nextitem)
"""
    )
    result = run(
        """
runs = []


def test_fails_twice(akool_mock):
    runs.append(create(f"fox number {len(runs)}"))
    assert False
"""
    )
    result.assert_outcomes(failed=1)
    (section,) = sections(result)
    assert "fox number 1" in section
    assert "fox number 0" not in section


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="subtests came with pytest 9")
def test_each_failing_subtest_is_reported(run: Run) -> None:
    result = run(
        """
def test_it(akool_mock, subtests):
    for number in range(3):
        with subtests.test(number=number):
            create(f"fox number {number}")
            assert number == 1
"""
    )
    first, second = sections(result)
    assert "fox number 2" not in first
    assert "fox number 2" in second


def test_frames_of_ours_do_not_hide_the_assertion(run: Run) -> None:
    result = run("def test_it(akool_mock):\n    akool_mock.calls.assert_count(1)\n")
    out = result.stdout.str()
    assert "calls.py" not in out
    assert "akool_mock.calls.assert_count(1)" in out


def test_a_loop_without_end_shows_the_users_own_line(run: Run) -> None:
    result = run(
        """
@pytest.mark.akool(queueing="forever", sleep_limit="30s")
def test_waits(akool_mock):
    generate(timeout=10**9)


@pytest.mark.akool(sleep_limit="30s")
def test_takes_two_for_the_end(akool_mock):
    job = create()
    while job["image_status"] != 2:
        time.sleep(3)
        akool_mock.clock.advance(7)
        job = poll(job)
"""
    )
    result.assert_outcomes(failed=2)
    out = result.stdout.str()
    assert "VirtualTimeLimitError: " in out
    assert ">           time.sleep(pause)" in out
    assert ">           time.sleep(3)" in out
    assert "virtual_time" not in out
    endless, overlooked = sections(result)
    assert endless.startswith("job ID, 'a red fox': queueing from +0.0 s, forever\n    1st to 9th poll from +3.0 s")
    assert "hint: #2 already showed job ID as completed, and the client polled it" in overlooked


SECRETS = """
KEY = "sk-0123456789abcdef-secret"


@pytest.fixture
def calls(akool_mock):
    requests.post(f"{HOST}/api/open/v3/getToken", json={"clientId": "client-id-0123456789", "clientSecret": KEY})
    job = create(key=KEY)
    poll(job, key=KEY)
    return akool_mock.calls


def test_calls(calls):
    assert calls[0] == calls[1]


def test_inner_calls(calls):
    assert calls[0].request == calls[1].request


def test_sequences(calls):
    assert list(calls) == list(calls[1:])


def test_filtered(calls):
    assert calls.to("infobymodelid") == calls.to("createbyprompt")


def test_membership(calls):
    assert calls[0] in calls[1:]


def test_count(calls):
    calls.assert_count(1)


def test_account_count(calls):
    calls.by_account("nobody").assert_any()


def test_accounts(akool_mock, calls):
    assert akool_mock.accounts == ()


def test_account(akool_mock, calls):
    create(key="another-key-0123456789")
    first, second = akool_mock.accounts
    assert first == second


def test_jobs(akool_mock, calls):
    assert akool_mock.jobs == ()
"""


@pytest.mark.parametrize("args", [(), ("-vv",)])
def test_no_failure_tells_a_secret(run: Run, args: tuple[str, ...]) -> None:
    result = run(SECRETS, "--tb=short", *args)
    result.assert_outcomes(failed=10)
    out = result.stdout.str()
    for secret in ("sk-0123456789", "client-id-0123456789", "another-key-0123456789", "eyJ"):
        assert secret not in out
    assert "account=sk-0…" in out
    assert "they differ in number, endpoint, request, response" in out
    assert "they differ in path, headers, body" in out
    assert "expected 1 call, got 3:" in out
    assert "expected a call by that account, got none" in out


@pytest.mark.parametrize("fixture", ["akool_mock", "akool_server"])
@pytest.mark.parametrize(
    "broken",
    [
        "mock_akool.diagnostics.report.Report.of",
        "mock_akool.diagnostics.report.explain",
        "mock_akool.akool.engine.Engine.observe",
    ],
)
def test_a_bug_in_the_report_is_a_line_of_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, broken: str, fixture: str
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise TypeError("unhashable type: 'list'")

    monkeypatch.setattr(broken, breaks)
    result = run(
        f"""
def test_fails({fixture}):
    assert False, "the failure of the test"


def test_goes_on():
    pass
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    assert "the failure of the test" in result.stdout.str()
    (section,) = sections(result)
    bug = "TypeError(\"unhashable type: 'list'\")"
    assert section.strip() == f"mock-akool bug: the report failed with {bug}. Please report it"


def test_reading_the_result_of_a_failed_job_gets_a_hint(run: Run) -> None:
    result = run(
        """
def test_reads(akool_mock):
    akool_mock.next_job(ending="failed")
    job = generate()
    requests.get(job["image"])


def test_compares(akool_mock):
    akool_mock.next_job(ending="failed")
    assert generate()["image_status"] == 3
"""
    )
    result.assert_outcomes(failed=2)
    reads, compares = sections(result)
    assert "the client may have read its result; a failed job has no `image`" in reads
    assert "hint: " not in compares


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mock_akool", "akool_mock"),
        ("akool", "akool_mock"),
        ("MockAkool", "akool_mock"),
        ("akool_client", "akool_mock"),
        ("mock_akool_server", "akool_server"),
        ("akool_setting", "akool_settings"),
    ],
)
def test_a_misspelled_fixture_gets_the_right_name(run: Run, name: str, meant: str) -> None:
    if meant == "akool_settings":
        name = "akool_settings_"
    result = run(f"def test_it({name}): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"E       fixture '{name}' not found",
            f">       mock-akool: did you mean '{meant}'? Its fixtures are akool_mock, akool_server, akool_settings",
            ">       available fixtures: *",
        ]
    )


@pytest.mark.parametrize("name", ["client", "mock_openai", "ak_mock"])
def test_other_fixtures_that_there_are_not_get_no_hint_of_ours(run: Run, name: str) -> None:
    result = run(f"def test_it({name}, akool_mock): pass")
    result.assert_outcomes(errors=1)
    assert "did you mean" not in result.stdout.str()


def test_a_text_that_no_stream_can_write_is_shown_all_the_same(run: Run) -> None:
    result = run(
        """
def test_it(akool_mock, monkeypatch):
    create()
    monkeypatch.setattr("mock_akool.diagnostics.report.explain", lambda seen: "an odd \\ud800 text")
    assert False
"""
    )
    result.assert_outcomes(failed=1)
    assert sections(result) == ["an odd \\ud800 text"]


def test_a_misspelt_attribute_gets_the_nearest(run: Run) -> None:
    result = run(
        """
class Mine(list):
    last_job = 1


def test_mock(akool_mock):
    akool_mock.nextjob(queueing=1)

def test_calls(akool_mock):
    akool_mock.call

def test_webhooks(akool_mock):
    akool_mock.webhooks.deliver

def test_server(akool_server):
    akool_server.clientid

def test_rule(akool_mock):
    akool_mock.on("create").drop().fire

def test_ended_rule(akool_mock):
    akool_mock.on("create").drop().nth(2)

def test_nothing_like_it(akool_mock):
    akool_mock.xyzzy

def test_private(akool_mock):
    akool_mock._drafted

def test_somebody_elses(akool_mock):
    Mine().lastjob
"""
    )
    result.assert_outcomes(failed=9)
    text = result.stdout.str()
    for said, meant in (
        ("'MockAkool' object has no attribute 'nextjob'", "next_job"),
        ("'MockAkool' object has no attribute 'call'", "calls"),
        ("'LocalWebhooks' object has no attribute 'deliver'", "deliver_to"),
        ("'AccountView' object has no attribute 'clientid'", "client_id"),
        ("'RuleHandle' object has no attribute 'fire'", "fired"),
    ):
        found = re.search(rf"{re.escape(said)}.*?[Dd]id you mean:? '(\w+)'", text, re.DOTALL)
        assert found is not None
        assert found[1] == meant
    assert "respond() ends a rule: write .nth(" in text
    assert text.count("mock-akool: did you mean") <= 5, "nothing is said of what is somebody else's or like nothing"
