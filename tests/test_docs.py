"""The README and the docs cannot lie: their code blocks run, their tables are as generated, their names and links lead
somewhere."""

from __future__ import annotations

import io
import os
import pkgutil
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from PIL import Image

from mock_akool import MockAkool, SystemClock, __version__
from mock_akool.control import ROUTES
from mock_akool.core.api import ENDPOINTS
from mock_akool.demo import Pace, play
from mock_akool.screen import Screen
from mock_akool.settings import DEFAULT_PORT, PREFIX, Setting, table
from tests import generate_docs

ROOT: Final = generate_docs.ROOT
PAGES: Final = generate_docs.PAGES
README: Final = ROOT / "README.md"
DIFFERENCES: Final = ROOT / "docs" / "differences.md"
ARCHITECTURE: Final = ROOT / "docs" / "architecture.md"

NOT_RUN: Final = {
    "make demo": "it installs a virtual environment; what it shows is compared with a quick play of the demo",
    "make test": "it would run these tests within themselves",
    "python -m pip install .": "it fetches packages; the wheel is installed by a test of its own",
}
"""Commands of the docs that no test here can run, and why. What they name is checked otherwise, see below."""

FOREIGN_FLAGS: Final = {"--app": "flask"}

QUICKER: Final = {"pause=1)": "pause=0.02)", "sleep(1000)": "sleep(20)", "sleep 1\n": "sleep 0.02\n"}
"""Pauses of the examples, and what the tests make of them."""

BOUND_S: Final = 30.0

_STEP: Final = re.compile(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", re.DOTALL)
"""A command, which may go on after a backslash at the end of a line, and its output."""


class Block(NamedTuple):
    """A fenced block of a page; `line` is that of its fence."""

    page: Path
    line: int
    language: str
    code: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@cache
def _parsed(page: Path) -> tuple[tuple[Block, ...], str]:
    """Return the fenced blocks of a page, and the page without them."""
    blocks, prose = [], []
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
            blocks.append(Block(page, number, line.strip().removeprefix("```"), "".join(body)))
        else:
            prose.append(line)
    return tuple(blocks), "\n".join(prose)


def _name(page: Path) -> str:
    return page.name


def _blocks(language: str) -> list[Any]:
    return [
        pytest.param(block, id=block.where)
        for page in PAGES
        for block in _parsed(page)[0]
        if block.language == language
    ]


def _inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _parsed(page)[1])


def _all_code(page: Path) -> str:
    return "\n".join([*(block.code for block in _parsed(page)[0]), *_inline_code(page)])


# Running


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own for each test, the environment's `mock-akool`, and no setting or proxy from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a quick server whose jobs show each status once."""
    with MockAkool(clock=SystemClock(), queueing=0, processing="1 poll").server() as server:
        monkeypatch.setenv(f"{PREFIX}PORT", str(server.port))
        yield server.port


def _adapted(code: str, port: int) -> str:
    for slow, quick in QUICKER.items():
        code = code.replace(slow, quick)
    return code.replace(str(DEFAULT_PORT), str(port))


def _run(*command: str) -> str:
    """Run a program to its end, which must be good; returns all that it wrote."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            output = process.communicate(timeout=BOUND_S)[0].decode()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, output
    return output


def _run_server(command: str, shown: str) -> None:
    """Run a server until it has written what is shown, then end it as Ctrl-C or a supervisor would."""
    written = Path("written")
    with (
        written.open("wb") as out,
        subprocess.Popen(
            ["bash", "-c", command], stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        ) as process,
    ):
        try:
            deadline_s = time.monotonic() + BOUND_S
            while not _matches(shown, re.sub(r"(127\.0\.0\.1):\d+", rf"\1:{DEFAULT_PORT}", written.read_text())):
                assert process.poll() is None, f"{command} ended: {written.read_text()}"
                assert time.monotonic() < deadline_s, f"{command} wrote {written.read_text()}, not {shown}"
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(5) == (0 if "mock-akool" in command else -signal.SIGTERM)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _matches(shown: str, actual: str) -> bool:
    """Whether an output is as shown, where `…` is the rest of a line and a line of its own any lines."""
    pattern = re.escape(shown.strip("\n") + "\n").replace("\\\n", "\n")
    pattern = re.sub(r"(?m)^…\n", lambda _: r"(?:.*\n)*?", pattern).replace("…", ".*")
    return re.fullmatch(pattern, actual.strip("\n") + "\n") is not None


def _steps(block: Block) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output that is shown below it."""
    assert block.code.startswith("$ "), f"{block.where}: a console block begins with a command, after `$ `"
    steps = re.split(r"(?m)^\$ ", block.code)[1:]
    return [(match[1], match[2]) for step in steps if (match := _STEP.fullmatch(step))]


def _check_pictures(code: str) -> None:
    """Every picture that a block names is there, and is what its name says."""
    for name in set(re.findall(r"[\w-]+\.jpg\b", code)):
        with Image.open(name) as picture:
            picture.load()
            assert picture.format == "JPEG"


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text()], ids=_name)
def test_python_blocks_run_page_by_page(page: Path, port: int) -> None:
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block in _parsed(page)[0]:
        if block.language == "python":
            code = _adapted(block.code, port)
            before = set(namespace)
            # The empty lines make a traceback name the page's own line.
            exec(compile("\n" * block.line + code, str(page), "exec"), namespace)
            for name in [name for name in namespace if name.startswith("test_") and name not in before]:
                namespace[name]()
            _check_pictures(code)


@pytest.mark.parametrize("block", _blocks("bash"))
def test_a_bash_block_runs(block: Block, port: int) -> None:
    code = _adapted(block.code, port)
    _run("bash", "-euo", "pipefail", "-c", code)
    _check_pictures(code)


@pytest.mark.parametrize("block", _blocks("js"))
def test_a_js_block_runs(block: Block, port: int) -> None:
    node = shutil.which("node")
    if node is None:
        assert os.environ.get("CI") != "true", "there is no node, and CI must try the docs' JavaScript"
        pytest.skip("there is no node")
    code = _adapted(block.code, port)
    Path("block.mjs").write_text(code)
    _run(node, "block.mjs")
    _check_pictures(code)


@pytest.mark.parametrize("block", _blocks("console"))
def test_a_console_block_shows_what_happens(block: Block, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for command, shown in _steps(block):
        if command in NOT_RUN:
            assert not shown or command == "make demo", "nobody compares this output"
        elif re.search(r"\bmock-akool serve\b|\bflask .*\brun\b", command):
            with monkeypatch.context() as environment:
                environment.setenv(f"{PREFIX}PORT", "0")
                _run_server(_adapted(command, 0), shown)
        else:
            output = _run("bash", "-c", _adapted(command, port)).replace(f":{port}", f":{DEFAULT_PORT}")
            assert not shown or _matches(shown, output), output


def test_the_demo_shows_what_the_readme_shows() -> None:
    (shown,) = [
        shown
        for block in _parsed(README)[0]
        if block.language == "console"
        for command, shown in _steps(block)
        if command == "make demo"
    ]
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with MockAkool(clock=SystemClock(), queueing="1 poll", processing="1 poll").server() as server:
        assert play(server.url, Path("mock-akool-demo"), Screen(out, {}), Pace(pause_s=0.02)) == 0
    out.seek(0)
    seconds = re.compile(r"[\d.]+ s\b")
    assert _matches(seconds.sub("N s", shown), seconds.sub("N s", out.read()))


def test_every_block_is_of_a_language_that_is_run() -> None:
    for page in PAGES:
        blocks, prose = _parsed(page)
        for block in blocks:
            assert block.language in {"python", "bash", "js", "console"}, f"{block.where}: nobody runs this"
        assert not re.search(r"(?m)^\s*~~~|<pre|^(?: {4}|\t)", prose), f"{page}: only fenced blocks are run"


def test_what_is_not_run_is_there() -> None:
    commands = {
        command
        for page in PAGES
        for block in _parsed(page)[0]
        if block.language == "console"
        for command, _ in _steps(block)
    }
    assert set(NOT_RUN) <= commands, "the list of what is not run has an entry too many"
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    for page in PAGES:
        assert set(re.findall(r"(?m)^(?:\$ )?make ([a-z]+)", _all_code(page))) <= targets, page
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"mock-akool": "mock_akool.cli:main"}


# Tables


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert generate_docs.rendered(text) == text, "write it anew: python -m tests.generate_docs"
    whole = re.findall(rf"(?s){generate_docs.BEGIN}[a-z ]+[0-9]* -->\n\n.+?\n\n{generate_docs.END}", text)
    assert len(whole) == text.count(generate_docs.BEGIN) == text.count(generate_docs.END)


def test_the_readme_has_every_setting_with_its_variable_and_default() -> None:
    rows = _rows(README.read_text())
    for setting in table():
        assert rows[f"`{setting.flag}`<br>`{setting.variable}`"][0] == generate_docs.default(setting)


@pytest.mark.parametrize("setting", [row for row in table() if row.about.mark], ids=lambda row: row.field)
def test_a_choice_stands_in_its_section_with_mark_and_default(setting: Setting) -> None:
    sections = dict(re.findall(r"(?ms)^## (\d+)\. [^\n]*\n(.*?)(?=^## |\Z)", DIFFERENCES.read_text()))
    for number in setting.about.section.split(", "):
        mark, default, meaning = _rows(sections[number])[f"`{setting.flag}`"]
        assert mark == setting.about.mark
        assert default == (f"`{setting.shown_default}`" if setting.shown_default else "none")
        assert meaning.startswith(setting.about.help)


def _rows(text: str) -> dict[str, list[str]]:
    """Return the rows of all tables of a text by their first cell."""
    rows = [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in text.splitlines() if line.startswith("| ")]
    return {first: others for first, *others in rows}


def test_every_section_that_the_code_cites_is_there() -> None:
    headings = set(re.findall(r"(?m)^## (\d+)\.", DIFFERENCES.read_text()))
    code = "".join(file.read_text() for file in (ROOT / "mock_akool").rglob("*.py"))
    cited = {
        number
        for run in re.findall(r"contract\s+sections?\s+([\d, and to]+)", code)
        for number in re.findall(r"\d+", run)
    }
    assert cited
    assert cited <= headings


# Names


@cache
def _help(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "mock_akool", *command, "--help"], check=True, capture_output=True, text=True
    ).stdout


def _subcommands() -> list[str]:
    return re.findall(r"(?m)^    ([a-z]+) ", _help())


def test_every_flag_variable_and_command_exists() -> None:
    subcommands = set(_subcommands())
    flags = {flag for each in ("", *subcommands) for flag in re.findall(r"--[a-z][a-z0-9-]*", _help(*each.split()))}
    variables = {row.variable for row in table()}
    for page in PAGES:
        text = page.read_text()
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= flags | set(FOREIGN_FLAGS), page
        assert set(re.findall(rf"{PREFIX}[A-Z0-9_]*[A-Z0-9]", text)) <= variables, page
        assert set(re.findall(r"(?m)^(?:\$ )?mock-akool ([a-z]+)", _all_code(page))) <= subcommands, page


def test_every_path_of_the_api_exists() -> None:
    known = "\n".join(path for _, path in (*ENDPOINTS, *ROUTES))
    for page in PAGES:
        for path in re.findall(r"/(?:api/open|_mock)/[\w/]*", page.read_text()):
            assert re.search(rf"(?m)^{path.rstrip('/')}(?:/|$)", known), f"{page}: there is no {path}"


def test_every_name_in_the_architecture_exists() -> None:
    written = re.sub(rf"(?s){generate_docs.BEGIN}.*?{generate_docs.END}", "", _parsed(ARCHITECTURE)[1])
    for name in re.findall(r"`([a-z_]+(?:\.\w+)*)`", written):
        if not (ROOT / name).is_file():
            pkgutil.resolve_name(f"mock_akool.{name}")


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", _parsed(page)[1]):
            if not target.startswith("https://"):
                path, _, anchor = target.partition("#")
                file = page.parent / path if path else page
                assert file.is_file(), f"{page}: {target}"
                assert not anchor or anchor in _anchors(file), f"{page}: {target}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", _parsed(page)[1])
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_changelog_is_of_the_usual_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"(?m)^## (.+)$", text)
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    assert set(re.findall(r"(?m)^### (.+)$", text)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }
    assert __version__ in text
