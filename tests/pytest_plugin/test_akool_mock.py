"""The fixture `akool_mock`, its settings and its marker, from outside."""

from __future__ import annotations

import pytest

from mock_akool import MockAkool, MockOptions, __version__
from tests.pytest_plugin.conftest import Run

pytest_plugins = "pytester"


def test_the_example_of_the_readme(run: Run) -> None:
    result = run(
        """
def test_gives_up_politely(akool_mock):
    akool_mock.next_job(queueing=2, processing=60)
    with pytest.raises(TimeoutError):
        generate(timeout=30)
    assert akool_mock.calls.to("infobymodelid").count == 10
    assert akool_mock.credits_spent == 2
"""
    )
    result.assert_outcomes(passed=1)
    assert "- mock-akool -" not in result.stdout.str(), "silent when the test passes"


def test_each_test_has_a_fake_of_its_own_that_ends_with_it(run: Run) -> None:
    result = run(
        """
import sys

real = requests.Session.get_adapter
ids = []


@pytest.mark.parametrize("time", [1, 2])
def test_is_new(akool_mock, time):
    assert akool_mock.jobs == ()
    assert akool_mock.calls.count == 0
    ids.append(create()["_id"])
    assert requests.Session.get_adapter is not real


def test_ended():
    assert requests.Session.get_adapter is real
    assert ids[0] == ids[1], "the same seed, clock and calls"


def test_fails(akool_mock):
    create()
    raise KeyError("mine")


def test_ended_after_a_failure():
    assert requests.Session.get_adapter is real
"""
    )
    result.assert_outcomes(passed=4, failed=1)


def test_a_marker_sets_options_and_the_closest_wins_for_each_option(run: Run) -> None:
    result = run(
        """
pytestmark = pytest.mark.akool(seed=1, credits=10, queueing="7s")


def shown(mock):
    options = mock.options
    return options.seed, options.credits, str(options.queueing)


def test_module(akool_mock):
    assert shown(akool_mock) == (1, 10, "7s")


@pytest.mark.akool(seed=2, credits=20)
class TestClass:
    def test_class(self, akool_mock):
        assert shown(akool_mock) == (2, 20, "7s")

    @pytest.mark.akool(seed=3)
    @pytest.mark.akool(queueing="9s", seed=4)
    def test_function(self, akool_mock):
        assert akool_mock.options.credits == 20
        assert str(akool_mock.options.queueing) == "9s"

    @pytest.mark.parametrize("n", [pytest.param(5, marks=pytest.mark.akool(seed=5))])
    def test_param(self, akool_mock, n):
        assert shown(akool_mock) == (5, 20, "7s")


@pytest.mark.akool(sleep="real", profile="documented", strict=True)
def test_kinds(akool_mock):
    assert akool_mock.options.sleep == "real"
    assert akool_mock.options.profile == "documented"
    assert akool_mock.options.strict is True
"""
    )
    result.assert_outcomes(passed=5)


def test_a_wrong_marker_fails_at_its_own_line_with_the_nearest_name(run: Run) -> None:
    result = run(
        """
@pytest.mark.akool(
    credits=3,
    sede=4,
)
def test_name(akool_mock):
    pass


@pytest.mark.akool(7)
def test_positional(akool_mock):
    pass


@pytest.mark.akool(profile="observant")
class TestClass:
    def test_value(self, akool_mock):
        pass

    def test_server(self, akool_server):
        pass


@pytest.mark.akool(credits=5)
def test_good(akool_mock):
    pass
"""
    )
    result.assert_outcomes(passed=1, errors=4)
    result.stdout.fnmatch_lines_random(
        [
            "test_it.py:6: @pytest.mark.akool: sede: there is no such setting; did you mean 'seed'[?]",
            ">   sede=4,",
            "test_it.py:12: @pytest.mark.akool: it takes settings by name, not 7. Write for example seed=7",
            ">   @pytest.mark.akool(7)",
            "test_it.py:17: @pytest.mark.akool: profile: 'observant' is not observed or documented; did you mean *",
        ]
    )
    assert "pytest_plugin" not in result.stdout.str(), "the user's line, not ours"
    assert "During handling of the above exception" not in result.stdout.str(), "each mistake once"


def test_a_wrong_marker_of_a_module_or_of_a_hook_is_found_too(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if "hook" in item.name:
            item.add_marker(pytest.mark.akool(speed=9))
"""
    )
    source = """
pytestmark = [
    pytest.mark.akool(crdits=1),
]


def test_module(akool_mock):
    pass


def test_hook(akool_mock):
    pass
"""
    result = run(source)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["test_it.py:5: @pytest.mark.akool: crdits: there is no such setting; did you mean *"])
    result = run(source.replace("crdits", "credits"), "-k", "hook")
    result.stdout.fnmatch_lines(
        ["test_it.py:13: @pytest.mark.akool: speed: there is no such setting; did you mean 'seed'[?]"]
    )


def test_the_command_line_wins_over_the_ini_file_and_a_marker_over_both(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini(
        """
[pytest]
akool =
    seed = 5
    queueing = 9s
    accounts = [{"api_key": "a=b"}]
"""
    )
    source = """
def test_settings(akool_mock):
    assert akool_mock.options.seed == 6
    assert str(akool_mock.options.queueing) == "9s"
    assert akool_mock.options.accounts[0].api_key == "a=b"
    assert akool_mock.options.credits == 77


@pytest.mark.akool(seed=7)
def test_marker(akool_mock):
    assert akool_mock.options.seed == 7


def test_settings_are_a_dict(akool_settings):
    assert akool_settings["seed"] == "6"
"""
    result = run(source, "--akool", "seed=6", "--akool", "credits = 77")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [f'mock-akool {__version__}: seed=6, queueing=9s, accounts=[[]{{"api_key": "a=b"}}], credits=77']
    )


def test_the_fixture_akool_settings_can_be_overridden_for_a_folder(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
import pytest

@pytest.fixture(scope="session")
def akool_settings(akool_settings):
    return {**akool_settings, "credits": 3}
"""
    )
    result = run(
        """
def test_settings(akool_mock, akool_server):
    assert (akool_mock.options.credits, akool_mock.options.seed) == (3, 8)
    assert akool_server.credits == 3
""",
        "--akool=seed=8",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"mock-akool {__version__}: settings by the fixture akool_settings"])


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("{'seeed': 1}", "the fixture akool_settings: seeed: there is no such setting; did you mean 'seed'[?]"),
        ("{'seed': 'x'}", "the fixture akool_settings: seed: 'x' is not a whole number *"),
        ("['seed']", "the fixture akool_settings must return a dict of settings, not [[]'seed']"),
    ],
)
def test_bad_settings_of_the_fixture_are_reported(
    run: Run, pytester: pytest.Pytester, returned: str, shown: str
) -> None:
    pytester.makeconftest(
        f"""
import pytest

@pytest.fixture(scope="session")
def akool_settings():
    return {returned}
"""
    )
    result = run("def test_it(akool_mock): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"mock-akool: {shown}"])


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--akool=seeed=1", "--akool seeed: there is no such setting; did you mean 'seed'?"),
        ("--akool=queue=1", "--akool queue: there is no such setting; did you mean 'queueing'?"),
        ("--akool=seed=red", "--akool seed: 'red' is not a whole number"),
        ("--akool=seed", "--akool: 'seed' is not NAME=VALUE; write it such as queueing=10s"),
        ("--akool==4", "--akool: '=4' is not NAME=VALUE; write it such as queueing=10s"),
        ("--akool-url=ftp://x", "--akool-url: 'ftp://x' is no address of a server; write it as http://127.0.0.1:25665"),
        ("--akool-url=https://x/y?z", "--akool-url: 'https://x/y?z' is no address of a server; write it as http://127"),
    ],
)
def test_a_bad_option_is_a_usage_error(run: Run, argument: str, shown: str) -> None:
    result = run("def test_it(): pass", argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: mock-akool: {shown}" in result.stderr.str()


def test_a_bad_line_of_the_ini_file_is_a_usage_error(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nakool = seed\n")
    result = run("def test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "mock-akool: the ini file: akool: 'seed' is not NAME=VALUE; write it such as" in result.stderr.str()


def test_all_mistakes_of_options_are_reported_at_once(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nakool =\n    queueng=3\n    credits=x\n    foo\nakool_known = known.txt\n")
    pytester.path.joinpath("known.txt").write_text("happy: no paus\n")
    options = ("--akool=queueng", "--akool=seed=x", "--akool=sede", "--akool=profile=x", "--akool-url=ftp://x")
    recordings = ("--akool-record-mode=onec", "--akool-upstream=zz", "--akool-upstream=ftp://y", "--akool-gauntlet")
    result = run("def test_it(): pass", *options, *recordings)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = result.stderr.str().splitlines()
    first = lines.index("ERROR: mock-akool: 15 mistakes:")
    expected = (
        f"{pytester.path.joinpath('known.txt')}[1]: there is no finding 'no paus'; did you mean ",
        "the ini file: akool: 'foo' is not NAME=VALUE; write it such as queueing=10s",
        "--akool: 'queueng' is not NAME=VALUE; write it such as queueing=10s",
        "--akool: 'sede' is not NAME=VALUE; write it such as queueing=10s",
        "the ini file: akool queueng: there is no such setting; did you mean 'queueing'?",
        "--akool seed: 'x' is not a whole number",
        "--akool profile: 'x' is not observed or documented",
        "the ini file: akool credits: 'x' is not ",
        "--akool-url: 'ftp://x' is no address of a server; write it as http://127.0.0.1:25665",
        "recordings are answered in this process; leave out --akool-url",
        "--akool-record-mode: 'onec' is not none, once or all; did you mean 'once'?",
        "--akool-upstream and --akool-record-mode want --akool-record DIR too",
        "--akool-gauntlet judges clients of a fake; leave out --akool-record",
        "--akool-upstream[0]: 'zz' is no address of a server; write it as ",
        "--akool-upstream[1]: 'ftp://y' is no address of a server; write it as ",
    )
    for line, begin in zip(lines[first + 1 :], expected, strict=False):
        assert line.strip().startswith(begin)


@pytest.mark.parametrize("by", ["variable", "ini"])
def test_an_address_is_reported_by_what_has_it(
    by: str, run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "variable":
        monkeypatch.setenv("MOCK_AKOOL_URL", "ftp://x")
    else:
        pytester.makeini("[pytest]\nakool_url = ftp://x\n")
    name = "MOCK_AKOOL_URL" if by == "variable" else "akool_url in the ini file"
    assert f"mock-akool: {name}: 'ftp://x' is no address of a server" in run("def test_it(): pass").stderr.str()


def test_a_mistake_in_a_file_of_an_option_names_the_file(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("mine.yaml").write_text("rulse: []\n")
    result = run("def test_it(): pass", "--akool=scenario=mine.yaml")
    assert "ERROR: mock-akool: mine.yaml:1: rulse: there is no such key" in result.stderr.str()


def test_the_marker_is_registered_with_every_option(run: Run) -> None:
    result = run("", "--markers")
    (line,) = (line for line in result.outlines if line.startswith("@pytest.mark.akool("))
    assert line.startswith("@pytest.mark.akool(*, seed=0, profile='observed', strict=False, ")
    assert line.endswith("): settings of akool_mock and akool_server")
    for name in MockOptions.fields():
        assert f" {name}=" in line
    MockAkool(**eval(line[line.index("(*, ") :].replace("(*, ", "dict(").partition("): ")[0] + ")"))


def test_help_and_fixtures_say_what_there_is(run: Run) -> None:
    shown = run("", "--help").stdout.str()
    assert "--akool=NAME=VALUE" in shown
    assert "--akool-url=URL" in shown
    assert "akool (linelist)" in shown
    shown = run("", "--fixtures").stdout.str()
    for name in ("akool_mock", "akool_server", "akool_settings [session scope]"):
        assert f"\n{name} -- " in shown
    assert "_akool_servers" not in shown


@pytest.mark.parametrize(
    ("source", "args", "lines"),
    [
        ("def test_it(akool_mock): pass", (), [f"mock-akool {__version__}: default settings"]),
        ("def test_it(akool_server): pass", ("-v",), [f"mock-akool {__version__}: default settings"]),
        ("def test_it(akool_mock): pass", ("-q",), []),
        ("def test_it(): pass", (), []),
        ("def test_it(): pass\ndef test_other(akool_mock): pass", ("-k", "not other"), []),
    ],
)
def test_the_header_has_one_line_when_a_selected_test_uses_it(
    run: Run, source: str, args: tuple[str, ...], lines: list[str]
) -> None:
    result = run(source, "--collect-only", *args)
    assert [line for line in result.outlines if line.startswith("mock-akool ")] == lines


def test_the_fixture_works_in_doctests_and_test_cases(run: Run) -> None:
    result = run(
        """
import unittest


@pytest.mark.usefixtures("akool_mock")
class TestCase(unittest.TestCase):
    def setUp(self):
        self.job = create()

    def test_it(self):
        self.assertEqual(poll(self.job)["image_status"], 1)


@MockAkool(seed=3)
class TestDecorated(unittest.TestCase):
    def setUp(self):
        self.job = create()

    def test_it(self):
        self.assertEqual(poll(self.job)["image_status"], 1)


@MockAkool(seed=3)
def test_decorated(tmp_path):
    assert create() and tmp_path.exists()


def shown():
    '''
    >>> getfixture("akool_mock").jobs
    <0 jobs>
    '''
""",
        "--doctest-modules",
    )
    result.assert_outcomes(passed=4)


def test_coroutine_tests_sleep_virtually(run: Run) -> None:
    result = run(
        """
import asyncio

import httpx


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def generate_async(client, prompt):
    headers = {"x-api-key": "key-of-a-client"}
    reply = await client.post(f"{HOST}{CONTENT}/createbyprompt", json={"prompt": prompt}, headers=headers)
    job = reply.json()["data"]
    while job["image_status"] < 3:
        await asyncio.sleep(3)
        reply = await client.get(f"{HOST}{CONTENT}/infobymodelid?image_model_id={job['_id']}", headers=headers)
        job = reply.json()["data"]
    return job


@pytest.mark.anyio
@pytest.mark.akool(queueing=10, processing=50)
async def test_gathers(akool_mock):
    async with httpx.AsyncClient() as client:
        jobs = await asyncio.gather(*(generate_async(client, f"fox {n}") for n in range(20)))
    assert {job["image_status"] for job in jobs} == {3}
    assert akool_mock.calls.last.at == 60
    assert akool_mock.credits_spent == 40
""",
        "-p",
        "anyio.pytest_plugin",
    )
    result.assert_outcomes(passed=1)
