"""A misspelt marker gets the nearest of ours, once; those of others get nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from mock_akool import pytest_plugin
from tests.extent import choose

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest on a file, with no flag but those given."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "160")

    def run_tests(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=f"import pytest\n{source}")
        return pytester.runpytest_inprocess("-pno:cacheprovider", "-Wdefault", *arguments, plugins=[pytest_plugin])

    return run_tests


def hints(result: pytest.RunResult) -> list[str]:
    return [line for line in result.stdout.lines if line.startswith("mock-akool: there is no marker")]


EACH_WAY: Final = ((), ("--strict-markers",), ("-W", "error"))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("akol", "@pytest.mark.akool"),
        ("akol_gauntlet", "@pytest.mark.akool_gauntlet"),
        ("akool_gantlet", "@pytest.mark.akool_gauntlet"),
        ("akool_scenaro", "@pytest.mark.akool(scenario=…)"),
        ("akool_queuing", "@pytest.mark.akool(queueing=…)"),
        ("mock_akool", "@pytest.mark.akool"),
    ],
)
@pytest.mark.parametrize("arguments", choose(EACH_WAY[:1], EACH_WAY), ids=lambda words: "".join(words) or "warned")
def test_a_misspelt_marker_gets_the_nearest(run: Run, name: str, meant: str, arguments: tuple[str, ...]) -> None:
    result = run(f"@pytest.mark.{name}\ndef test_it(): pass", *arguments)
    result.assert_outcomes(**({"errors": 1} if arguments else {"passed": 1, "warnings": 1}))
    assert hints(result) == [f"mock-akool: there is no marker {name}, did you mean {meant}?"]


@pytest.mark.parametrize("arguments", EACH_WAY[1:])
def test_it_gets_it_where_it_is_an_error(run: Run, arguments: tuple[str, ...]) -> None:
    test_a_misspelt_marker_gets_the_nearest(run, "akol", "@pytest.mark.akool", arguments)


def test_it_is_said_once_for_many_tests_classes_and_files(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_other="import pytest\npytestmark = pytest.mark.akol\ndef test_it(): pass")
    result = run(
        """
@pytest.mark.akol
class TestIt:
    @pytest.mark.akol
    def test_one(self): pass

    @pytest.mark.akool_gantlet
    def test_two(self): pass
"""
    )
    result.assert_outcomes(passed=3, warnings=4)
    assert len(hints(result)) == 2


@pytest.mark.parametrize("name", ["slowest", "cool", "async_io", "gauntlet", "openai", "alcohol"])
def test_markers_of_others_get_nothing(run: Run, name: str) -> None:
    result = run(f"@pytest.mark.{name}\ndef test_it(akool_mock): pass")
    result.assert_outcomes(passed=1, warnings=1)
    assert hints(result) == []


def test_a_marker_that_somebody_registered_is_no_mistake(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmarkers = akool_live: needs the real service")
    result = run("@pytest.mark.akool_live\n@pytest.mark.akool\ndef test_it(akool_mock): pass", "--strict-markers")
    result.assert_outcomes(passed=1)
    assert hints(result) == []
