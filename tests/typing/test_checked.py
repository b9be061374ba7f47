"""That the types which users' code sees are checked, and that a wrong one is found, by the checkers that people use."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.children import run
from tests.packaging.dockerfile import ROOT

PATIENCE_S: Final = 300.0
CODE: Final = (Path(__file__).parent / "users_code.py").read_text()


def pyright(code: str, folder: Path) -> tuple[int, str]:
    """Check code by pyright with the project's settings; returns the exit code and what it says."""
    (folder / "users_code.py").write_text(code)
    settings = (ROOT / "pyproject.toml").read_text().replace('include = ["tests/typing"]', 'include = ["."]')
    (folder / "pyproject.toml").write_text(settings)
    # Where mock_akool is not found by its installation, as when that is editable, it is found as in the repository.
    (folder / "mock_akool").symlink_to(ROOT / "mock_akool")
    told = run(
        *("--pythonpath", sys.executable, "users_code.py"),
        command=[str(Path(sys.executable).with_name("basedpyright"))],
        folder=folder,
        patience_s=PATIENCE_S,
    )
    return told.returncode, told.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("", "", "0 errors"),
        ("assert_type(server.port, int)", "assert_type(server.port, str)", "reportAssertTypeFailure"),
        ("ending=failed(", "endding=failed(", "reportArgumentType"),
        ("# pyright: ignore[reportArgumentType]", "", "reportArgumentType"),
        (
            "assert_type(test_it(1), str)",
            "test_it(1) # pyright: ignore[reportCallIssue]",
            "reportUnnecessaryTypeIgnore",
        ),
    ],
)
def test_pyright_finds_what_is_wrong(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    assert right in CODE
    code, out = pyright(CODE.replace(right, wrong, 1) if right else CODE, tmp_path)
    assert (code == 0) is (said == "0 errors")
    assert said in out
