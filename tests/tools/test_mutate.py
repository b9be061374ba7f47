"""The measure of the tests: what is drawn, what counts, what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tools import mutate
from tools.mutate import ROOT, Explained, Survivor

NAME = "mock_akool.core.timeline.xǁStatusǁof__mutmut_3"
CHANGE = "-    return a < b\n+    return a <= b"


def test_names_are_those_of_the_code() -> None:
    assert mutate.plain_name(NAME) == "mock_akool.core.timeline.Status.of"
    assert mutate.plain_name("mock_akool.core.urls.x_split__mutmut_12") == "mock_akool.core.urls.split"


def test_a_seed_draws_the_same_and_zero_draws_all() -> None:
    names = [f"name_{number}" for number in range(100)]
    assert mutate.drawn(names, 10, 7) == mutate.drawn(reversed(names), 10, 7)
    assert len(set(mutate.drawn(names, 10, 7))) == 10
    assert mutate.drawn(names, 10, 7) != mutate.drawn(names, 10, 8)
    assert mutate.drawn(names, 0, 7) == mutate.drawn(names, 1000, 7) == sorted(names)


def test_results_are_read_from_all_files(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.py.meta").write_text(json.dumps({"exit_code_by_key": {"a": 1, "b": None}}))
    (tmp_path / "c.py.meta").write_text(json.dumps({"exit_code_by_key": {"c": 0}}))
    assert mutate.results(tmp_path) == {"a": 1, "b": None, "c": 0}


def test_survivors_count_unless_they_are_explained() -> None:
    codes = {NAME: 0, **{str(number): 1 for number in range(8)}}
    text, enough = mutate.report(codes, [Survivor(NAME, CHANGE)], [])
    assert not enough
    assert text.splitlines() == [
        "mock_akool.core.timeline.Status.of",
        *CHANGE.splitlines(),
        "",
        "8 of 9 changes were noticed: 88.9%, at least 90%",
    ]
    known = [Explained("mock_akool.core.timeline.Status", "a <= b", "they are never the same")]
    text, enough = mutate.report(codes, [Survivor(NAME, CHANGE)], known)
    assert enough
    assert text.splitlines() == [
        "mock_akool.core.timeline.Status.of: they are never the same",
        "8 of 8 changes were noticed: 100.0%, at least 90%",
    ]


@pytest.mark.parametrize(("function", "text"), [("mock_akool.core.rules", "a <= b"), ("mock_akool.core.timeline", ">")])
def test_an_explanation_is_of_one_place_and_change(function: str, text: str) -> None:
    assert not Explained(function, text, "because").explains(Survivor(NAME, CHANGE))


def test_the_explanations_can_be_read() -> None:
    assert all(each.why for each in mutate.explanations(mutate.EXPLAINED.read_text(encoding="utf-8")))
    one = '[[survivor]]\nfunction = "a"\ntext = "b"\nwhy = "c"'
    assert mutate.explanations(one) == [Explained("a", "b", "c")]
    with pytest.raises(TypeError, match="reason"):
        mutate.explanations(one.replace("why", "reason"))


TWICE: Final = """
import sys

import pytest


class Names:
    def pytest_collection_modifyitems(self, items):
        self.names = {item.nodeid for item in items}


def collected():
    names = Names()
    pytest.main(["-W", "ignore", "-n", "0", "-p", "no:cacheprovider", "--collect-only", "-qqq", *sys.argv[1:]], [names])
    return names.names


for name in sorted(collected() - collected()):
    print("CHANGED", name)
"""


@pytest.mark.slow
def test_tests_are_called_the_same_when_they_are_collected_twice_in_a_process() -> None:
    """Mutmut does so. Pytest escapes what a function returned as an id again each time."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    folders = settings["pytest_add_cli_args_test_selection"]
    ended = subprocess.run(
        [sys.executable, "-c", TWICE, *folders], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    assert [line for line in ended.stdout.splitlines() if line.startswith("CHANGED")] == []
