"""`mock-akool examples`: list the example clients, or copy them to a folder."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from typing import Any, Final

from mock_akool.cli.parser import FOLDERS, completed_by
from mock_akool.core.errors import Mistakes, MockAkoolError
from mock_akool.core.schema import did_you_mean

_PACKAGE: Final = Path(__file__).parents[1]
_FIRST_COMMENT: Final = re.compile(r'(?:#!.*\n|<\?php\n)?(?:"""|// |# )(.*)')
_SEE_README: Final = re.compile(r'(?: See README\.md\.)?"*$')


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "examples",
        help=help,
        description="Small clients in Python, Node, Go, PHP and shell, and a receiver of webhooks.",
    )
    kinds = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = kinds.add_parser("list", help="list the examples")
    listing.set_defaults(run=list_examples)

    copying = kinds.add_parser("copy", help="copy examples to a folder")
    folder = copying.add_argument(
        "folder", metavar="DIR", type=Path, help="where to copy them; it is made if it does not exist"
    )
    completed_by(FOLDERS, folder)
    # Without a default argparse says that it is required.
    copying.add_argument("names", metavar="NAME", nargs="*", default=[], help="the examples to copy (default: all)")
    copying.set_defaults(run=copy_examples)


def list_examples(options: argparse.Namespace) -> int:
    """Print the name of each example and what it does."""
    files = _files()
    width = max(map(len, files))
    for name, file in files.items():
        print(f"{name:<{width}}  {_about(file)}")
    return 0


def copy_examples(options: argparse.Namespace) -> int:
    """Copy the examples; raises MockAkoolError, and copies nothing, when a file would be overwritten."""
    files = _files()
    mistakes = Mistakes()
    for name in options.names:
        if name not in files:
            hint = did_you_mean(name, files, "`mock-akool examples list` shows them")
            mistakes.add(f"there is no example {name!r}", hint)
    mistakes.raise_any()
    chosen = {options.folder / name: files[name] for name in options.names or files}
    there = [str(target) for target in chosen if target.exists()]
    if there:
        exist, them = ("exists", "it") if len(there) == 1 else ("exist", "them")
        raise MockAkoolError(f"{', '.join(there)} {exist} already", f"Choose another folder, or move {them} away")
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        for target, file in chosen.items():
            shutil.copy(file, target)
            print(target)
    except OSError as error:
        raise MockAkoolError(f"cannot write to {options.folder}: {error.strerror}") from None
    return 0


def _files() -> dict[str, Path]:
    """Return the examples by name: those of the package, or in a clone those of the repository."""
    for folder in (_PACKAGE / "examples", _PACKAGE.parent / "examples"):
        if (folder / "README.md").is_file():
            return {file.name: file for file in sorted(folder.iterdir()) if file.is_file()}
    raise MockAkoolError("the examples are not part of this installation", "They are in the wheel, and in a clone")


def _about(file: Path) -> str:
    """Return the first sentence of an example."""
    if file.suffix == ".md":
        return "What the examples do, and how to run them."
    match = _FIRST_COMMENT.match(file.read_text(encoding="utf-8"))
    return "" if match is None else _SEE_README.sub("", match[1])
