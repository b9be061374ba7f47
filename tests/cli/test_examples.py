"""`mock-akool examples`: they are listed, and copied to a folder without harm to what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.children import run_here

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(file.name for file in EXAMPLES.iterdir() if file.is_file())


def test_each_is_listed_with_what_it_does() -> None:
    shown = run_here("examples", "list")
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert sorted(lines) == NAMES
    assert (
        lines["requests_client.py"] == 'Make images of a prompt with requests: `python requests_client.py "a red fox"`.'
    )
    assert all("README" not in about and len(about) > 20 for about in lines.values())


@pytest.mark.parametrize("names", [(), ("answering_fetch.mjs",), ("README.md", "curl_client.sh")])
def test_they_are_copied(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = tmp_path / "a new" / "folder"
    copied = run_here("examples", "copy", folder, *names)
    assert (copied.returncode, copied.stderr) == (0, "")
    assert copied.stdout.splitlines() == [str(folder / name) for name in names or NAMES]
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        name: (EXAMPLES / name).read_bytes() for name in names or NAMES
    }


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "receiver.mjs").write_text("mine")
    copied = run_here("examples", "copy", tmp_path)
    assert (copied.returncode, copied.stdout) == (1, "")
    assert copied.stderr == (
        f"mock-akool: {tmp_path / 'receiver.mjs'} exists already. Choose another folder, or move it away\n"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["receiver.mjs"]
    assert (tmp_path / "receiver.mjs").read_text() == "mine"


def test_several_that_are_there_are_named_together(tmp_path: Path) -> None:
    run_here("examples", "copy", tmp_path, "receiver.mjs", "curl_client.sh")
    copied = run_here("examples", "copy", tmp_path, "receiver.mjs", "curl_client.sh")
    assert copied.stderr == (
        f"mock-akool: {tmp_path / 'receiver.mjs'}, {tmp_path / 'curl_client.sh'} exist already. "
        "Choose another folder, or move them away\n"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [("receiver.js", "did you mean 'receiver.mjs'?"), ("xyz", "`mock-akool examples list` shows them")],
)
def test_an_unknown_one(tmp_path: Path, name: str, hint: str) -> None:
    copied = run_here("examples", "copy", tmp_path, name)
    assert (copied.returncode, copied.stderr) == (1, f"mock-akool: there is no example {name!r}; {hint}\n")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    copied = run_here("examples", "copy", tmp_path / "file" / "folder")
    assert copied.returncode == 1
    assert copied.stderr.startswith(f"mock-akool: cannot write to {tmp_path / 'file' / 'folder'}: ")
