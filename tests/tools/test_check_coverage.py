"""The check of the coverage, on reports made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tools.check_coverage import packages, reported


def file_of(
    lines: int, missing: Sequence[int] = (), branches: int = 0, untaken: Sequence[tuple[int, int]] = ()
) -> dict[str, Any]:
    summary = {
        "num_statements": lines,
        "covered_lines": lines - len(missing),
        "num_branches": branches,
        "covered_branches": branches - len(untaken),
    }
    return {"summary": summary, "missing_lines": list(missing), "missing_branches": [list(each) for each in untaken]}


def test_a_package_is_all_of_its_files_and_the_modules_beside_the_packages_are_one() -> None:
    files = {
        "mock_akool/core/clock.py": file_of(10, branches=10),
        "mock_akool/cli/a/deep.py": file_of(10, [3]),
        "mock_akool/cli/__init__.py": file_of(9),
        "mock_akool/__init__.py": file_of(4),
    }
    assert [(each.name, each.share) for each in packages({"files": files})] == [
        ("(top)", (4, 4)),
        ("cli", (18, 19)),
        ("core", (20, 20)),
    ]


@pytest.mark.parametrize(
    ("name", "lines", "missing", "is_enough"),
    [
        ("core", 1000, 0, True),
        ("core", 1000, 1, False),
        ("akool", 1000, 1, False),
        ("server", 1000, 50, True),
        ("server", 1000, 51, False),
        ("server", 0, 0, True),
    ],
)
def test_what_is_enough(name: str, lines: int, missing: int, is_enough: bool) -> None:
    files = {f"mock_akool/{name}/x.py": file_of(lines, range(1, missing + 1))}
    (package,) = packages({"files": files})
    assert package.is_enough is is_enough


def test_a_branch_counts_as_much_as_a_line() -> None:
    (package,) = packages({"files": {"mock_akool/core/x.py": file_of(10, branches=4, untaken=[(5, -1)])}})
    assert (package.share, package.is_enough) == ((13, 14), False)


def test_what_was_not_tried_is_reported_for_those_that_have_too_little() -> None:
    files = {
        "mock_akool/core/a.py": file_of(50, [3, 4, 5, 9], 8, [(9, 10), (20, 22), (30, -1)]),
        "mock_akool/core/b.py": file_of(50),
        "mock_akool/server/c.py": file_of(100, [7]),
    }
    assert reported(list(packages({"files": files}))).splitlines() == [
        "core     93.52 %  of at least 100 %  TOO LITTLE",
        "server   99.00 %  of at least 95 %",
        "",
        "Not tried in core:",
        "  mock_akool/core/a.py: 3-5, 9, 20->22, 30->exit",
    ]


def test_a_report_without_files_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="coverage combine"):
        list(packages({"files": {}}))
