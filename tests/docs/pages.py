"""The pages of the docs: their blocks of code, their words, and the folders that the blocks make."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tools import generate_docs

ROOT: Final = generate_docs.ROOT
DOCS: Final = ROOT / "docs"
PAGES: Final = generate_docs.PAGES
README: Final = ROOT / "README.md"

FOLLOWED: Final = (DOCS / "adding-a-family.md",)
"""Pages whose steps a test of their own follows: their blocks are parts of other files."""

_FILE: Final = re.compile(r"(?:#|//) ([\w/]+\.(?:py|mjs|toml))\n")
"""The first line of a block that is a file of this name."""

_STEP: Final = re.compile(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", re.DOTALL)
"""A command, which may go on after a backslash at the end of a line, and its output."""


class Block(NamedTuple):
    """A fenced block of a page; `line` is that of its fence, `section` the heading above it."""

    page: Path
    line: int
    language: str
    code: str
    section: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name under which a reader saves the block, or None when it is run as it is.

        Python is a file when its first line says a name, or when it has a test with parameters, which nobody but
        pytest can call.
        """
        return _file_of(self)

    @property
    def is_module(self) -> bool:
        """Whether the tests of the whole page may import it."""
        return self.file is not None and re.match(r"(?!test_|conftest).*\.py$", Path(self.file).name) is not None

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The commands of a console block, each with the output that is shown below it."""
        assert self.code.startswith("$ "), f"{self.where}: a console block begins with a command, after `$ `"
        steps = re.split(r"(?m)^\$ ", self.code)[1:]
        return [(match[1], match[2]) for step in steps if (match := _STEP.fullmatch(step))]

    def write(self, folder: Path) -> None:
        assert self.file is not None
        file = folder / self.file
        assert not file.exists(), f"{self.where}: two blocks are {self.file}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.code)


@cache
def _file_of(block: Block) -> str | None:
    if block.language in {"python", "js", "toml"} and (named := _FILE.match(block.code)):
        return named[1]
    if block.language in {"ini", "toml"}:
        return {"ini": "pytest.ini", "toml": "pyproject.toml"}[block.language]
    if block.language != "python":
        return None
    tests = [
        node
        for node in ast.walk(ast.parse(block.code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    return f"test_line_{block.line}.py" if any(test.args.args for test in tests) else None


@cache
def parsed(page: Path) -> tuple[tuple[Block, ...], str]:
    """Return the fenced blocks of a page, and the page without them."""
    blocks, prose, section = [], [], ""
    lines = enumerate(page.read_text().splitlines(), 1)
    for number, line in lines:
        if line.lstrip().startswith("```"):
            body = []
            for _, inner in lines:
                if inner.strip() == "```":
                    break
                body.append(f"{inner}\n")
            else:
                raise AssertionError(f"{page}:{number}: the fence is never closed")
            blocks.append(Block(page, number, line.strip().removeprefix("```"), "".join(body), section))
        else:
            section = line.removeprefix("## ") if line.startswith("## ") else section
            prose.append(line)
    return tuple(blocks), "\n".join(prose)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix().removeprefix("docs/")


def blocks(*languages: str) -> list[Block]:
    """Return all blocks of these languages, but for those of pages that a test of their own follows."""
    return [
        block
        for page in PAGES
        if page not in FOLLOWED
        for block in parsed(page)[0]
        if not languages or block.language in languages
    ]


def all_code(page: Path) -> str:
    inline = re.findall(r"`([^`\n]+)`", parsed(page)[1])
    return "\n".join([*(block.code for block in parsed(page)[0]), *inline])


class Section(NamedTuple):
    """A section of a page is a folder of tests: its files, and the pytest commands that are shown in it."""

    page: Path
    name: str
    files: tuple[Block, ...]
    commands: tuple[tuple[str, str], ...]

    @property
    def is_alone(self) -> bool:
        """Whether it has settings of its own or shows how pytest is called, so that it is run by itself."""
        return bool(self.commands) or any(block.file in {"pytest.ini", "pyproject.toml"} for block in self.files)

    @property
    def is_parallel(self) -> bool:
        """Whether it shows how tests run in several processes."""
        return any(" -n " in command for command, _ in self.commands)

    def write(self, folder: Path) -> None:
        """Write all files but those that the whole page imports."""
        folder.mkdir(parents=True, exist_ok=True)
        for block in self.files:
            if not block.is_module:
                block.write(folder)


@cache
def sections(page: Path) -> tuple[Section, ...]:
    found = parsed(page)[0]
    return tuple(
        Section(
            page,
            title,
            tuple(block for block in found if block.section == title and block.file is not None),
            tuple(
                step
                for block in found
                if block.section == title and block.language == "console"
                for step in block.steps
                if is_pytest(step[0])
            ),
        )
        for title in dict.fromkeys(block.section for block in found)
    )


def is_pytest(command: str) -> bool:
    return re.match(r"(python -m )?pytest\b", command) is not None


def write_modules(page: Path, folder: Path) -> None:
    """Write what blocks of the page import."""
    for block in parsed(page)[0]:
        if block.is_module:
            block.write(folder)


def parameters(found: list[Block], *, slow: str | None = None) -> list[Any]:
    """Return the blocks as parameters of a test; those whose code has the pattern `slow` are marked as slow.

    The code of a command is that of the files of its section.
    """
    return [
        pytest.param(
            block, id=block.where, marks=[pytest.mark.slow] if slow and re.search(slow, code_run(block)) else []
        )
        for block in found
    ]


def code_run(block: Block) -> str:
    """Return what a block runs: its code, or for commands also the files of its section."""
    if block.language != "console":
        return block.code
    files = [other.code for other in parsed(block.page)[0] if other.file is not None and other.section == block.section]
    return "\n".join([block.code, *files])
