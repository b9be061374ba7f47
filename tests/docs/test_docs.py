"""The README and the docs cannot lie: their code blocks run, their tables are as generated, their names and links lead
somewhere."""

from __future__ import annotations

import argparse
import ast
import io
import os
import pkgutil
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from PIL import Image

from mock_akool import MockAkool, SteeredClock, SystemClock, __version__
from mock_akool.admin.access import exposure
from mock_akool.admin.routes import ROUTES
from mock_akool.akool.api import API_ROUTES
from mock_akool.cli.console import Screen
from mock_akool.cli.demo import Pace, play
from mock_akool.scenario_library.library import read_file
from mock_akool.scenario_library.loader import read_text
from mock_akool.server.settings import DEFAULT_PORT, PREFIX, URL_VARIABLE, Setting, table
from tests.packaging import dockerfile
from tests.packaging.deployment import CHECKS
from tools import generate_docs

ROOT: Final = generate_docs.ROOT
PAGES: Final = generate_docs.PAGES
README: Final = ROOT / "README.md"
DIFFERENCES: Final = ROOT / "docs" / "reference" / "differences.md"
ARCHITECTURE: Final = ROOT / "docs" / "explanation" / "architecture.md"

NOT_RUN: Final = {
    "docker build --tag mock-akool .": "there is no engine; what the Dockerfile runs is run by tests of its own",
    'kubectl create secret generic mock-akool --from-literal=admin-token="$(openssl rand -hex 16)"': "no cluster",
    "make demo": "it installs a virtual environment; what it shows is compared with a quick play of the demo",
    "make test": "it would run these tests within themselves",
    "python -m pip install .": "it fetches packages; the wheel is installed by a test of its own",
}
"""Commands of the docs that no test here can run, and why. What they name is checked otherwise, see below."""

FOREIGN_FLAGS: Final = {
    "--app": "flask",
    "--akool": "pytest",
    "--all": "pytest",
    "--akool-url": "pytest",
    "--markers": "pytest",
    "--tb": "pytest",
    "--add-host": "docker",
    "--build": "docker",
    "--cap-drop": "docker",
    "--exit-code-from": "docker",
    "--from-literal": "kubectl",
    "--name": "docker",
    "--platform": "docker",
    "--randomly-seed": "pytest",
    "--read-only": "docker",
    "--rm": "docker",
    "--security-opt": "docker",
    "--start-interval": "docker",
    "--tag": "docker",
}

FOLLOWED: Final = (ROOT / "docs" / "adding-a-family.md",)
"""Pages whose steps a test of their own follows: their blocks are parts of other files."""

QUICKER: Final = {"pause=1)": "pause=0.02)", "sleep(1000)": "sleep(20)", "sleep 1\n": "sleep 0.02\n"}
"""Pauses of the examples, and what the tests make of them."""

BOUND_S: Final = 60.0

PYTEST: Final = (
    *(
        f"-pno:{plugin}"
        for plugin in (
            "randomly",
            "cacheprovider",
            "hypothesispytest",
            "anyio",
            "time_machine",
            "schemathesis",
            "asyncio",
        )
    ),
    *("-W", "error"),
)
"""How pytest is run over the blocks: in the order of the page, without a trace in the folder, and without plugins that
no block needs and that cost seconds on a busy machine."""

_FILE: Final = re.compile(r"(?:#|//) ([\w/]+\.(?:py|mjs))\n")
"""The first line of a block that is a file of this name."""

_FOREIGN_FILE: Final = re.compile(r"# ([\w./-]+\.ya?ml)\n")
"""The first line of a block of YAML that is a file of another program; all others are scenarios."""

_STAND_INS: Final = ROOT / "tests" / "packaging" / "stand_ins"

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
        """The name under which pytest finds the block, or None when it is no file of a test folder.

        Python is one when its first line says a name, or when it has a test with parameters, which nobody but pytest
        can call.
        """
        if self.language in {"ini", "toml"}:
            return {"ini": "pytest.ini", "toml": "pyproject.toml"}[self.language]
        if self.language in {"python", "js"} and (named := _FILE.match(self.code)):
            return named[1]
        if self.language != "python":
            return None
        tests = [
            node
            for node in ast.walk(ast.parse(self.code))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
        ]
        return f"test_line_{self.line}.py" if any(test.args.args for test in tests) else None


@cache
def _parsed(page: Path) -> tuple[tuple[Block, ...], str]:
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


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix().removeprefix("docs/")


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
    with MockAkool(clock=SteeredClock(), queueing=0, processing="1 poll").server() as server:
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


def _run_server(command: str, shown: str, folder: Path | None = None) -> None:
    """Run a server in a folder until it has written what is shown, then end it as Ctrl-C or a supervisor would."""
    written = Path("written")
    with (
        written.open("wb") as out,
        subprocess.Popen(
            ["bash", "-c", command], stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=folder
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


@pytest.mark.parametrize("block", _blocks("yaml"))
def test_yaml_blocks_are_scenarios_or_what_their_first_line_says(block: Block) -> None:
    if named := _FOREIGN_FILE.match(block.code):
        file = Path(Path(named[1]).name)
        file.write_text(block.code)
        CHECKS[named[1]](file)
    else:
        read_text(block.code, block.where)


def test_the_compose_file_on_the_page_is_the_one_that_is_there() -> None:
    blocks = _parsed(ROOT / "docs" / "getting-started" / "container.md")[0]
    (block,) = [block for block in blocks if block.code.startswith("# compose.yaml\n")]
    assert block.code == "# compose.yaml\n" + (ROOT / "compose.yaml").read_text()


def test_the_file_on_the_page_of_scenarios_is_one_of_the_fixtures() -> None:
    page = (ROOT / "docs" / "reference" / "scenario-files.md").read_text()
    assert (ROOT / "fixtures" / "scenarios" / "second-poll-breaks.yaml").read_text() in page


@pytest.mark.parametrize("file", sorted((ROOT / "fixtures" / "scenarios").iterdir()), ids=lambda file: file.name)
def test_example_files_are_scenarios(file: Path) -> None:
    scenario = read_file(file)
    assert scenario.description
    assert MockAkool(scenario=file).options.scenario == (scenario,)


def _pages_with(wanted: Callable[[Block], bool]) -> list[Path]:
    return [page for page in PAGES if page not in FOLLOWED and any(wanted(block) for block in _parsed(page)[0])]


def _is_script(block: Block) -> bool:
    return block.language == "python" and block.file is None


@pytest.mark.parametrize("page", _pages_with(_is_script), ids=_name)
def test_python_blocks_run_page_by_page(page: Path, port: int) -> None:
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block in _parsed(page)[0]:
        if _is_script(block):
            code = _adapted(block.code, port)
            before = set(namespace)
            # The empty lines make a traceback name the page's own line.
            exec(compile("\n" * block.line + code, str(page), "exec"), namespace)
            for name in [name for name in namespace if name.startswith("test_") and name not in before]:
                namespace[name]()
            _check_pictures(code)


# A section of a page is a folder of tests. Modules that are no tests can be imported from all of them.


class Section(NamedTuple):
    """The files of a section, and the pytest commands that are shown in it."""

    page: Path
    name: str
    files: tuple[Block, ...]
    commands: tuple[tuple[str, str], ...]

    @property
    def is_alone(self) -> bool:
        """Whether it has settings of its own or shows how pytest is called, so that it is run by itself."""
        return bool(self.commands) or any(block.language in {"ini", "toml"} for block in self.files)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for block in self.files:
            assert block.file is not None
            file = folder / block.file
            assert not file.exists(), f"{block.where}: two blocks of the section are {block.file}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code)


@cache
def _sections(page: Path) -> tuple[Section, ...]:
    blocks = _parsed(page)[0]
    names = dict.fromkeys(block.section for block in blocks)
    return tuple(
        Section(
            page,
            name,
            tuple(block for block in blocks if block.section == name and block.file is not None),
            tuple(
                step
                for block in blocks
                if block.section == name and block.language == "console"
                for step in _steps(block)
                if _is_pytest(step[0])
            ),
        )
        for name in names
    )


def _is_pytest(command: str) -> bool:
    return re.match(r"(python -m )?pytest\b", command) is not None


def _is_module(block: Block) -> bool:
    return block.file is not None and re.match(r"test_|conftest|py|.*\.mjs", Path(block.file).name) is None


def _write_modules(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write what the tests of the page import, and libraries that stand in for those that want an engine."""
    folder = Path("modules")
    shutil.copytree(_STAND_INS, folder)
    for section in _sections(page):
        section._replace(files=tuple(filter(_is_module, section.files))).write(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder.absolute()))


def _pytest(*arguments: str) -> str:
    return _run(sys.executable, "-m", "pytest", *PYTEST, *arguments)


@pytest.mark.parametrize("page", _pages_with(lambda block: block.file is not None), ids=_name)
def test_test_files_of_a_page_pass(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_modules(page, monkeypatch)
    wanted = 0
    for number, section in enumerate(_sections(page)):
        if not section.is_alone:
            files = tuple(block for block in section.files if not _is_module(block))
            section._replace(files=files).write(Path("tests", f"section_{number}"))
            wanted += sum(len(re.findall(r"(?m)^ *(?:async )?def test", block.code)) for block in files)
    Path("pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib --strict-markers\n")
    if wanted:
        output = _pytest("tests")
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])}
        skipped = counts.get("skipped", 0)
        assert not skipped or (shutil.which("node") is None and os.environ.get("CI") != "true"), output
        assert counts["passed"] + skipped >= wanted, f"a test of the page was not run: {output}"


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(section, id=f"{page.name}: {section.name}")
        for page in PAGES
        for section in _sections(page)
        if section.is_alone
    ],
)
def test_a_section_shows_what_pytest_does(section: Section, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_modules(section.page, monkeypatch)
    section._replace(files=tuple(block for block in section.files if not _is_module(block))).write(Path("alone"))
    monkeypatch.chdir("alone")
    if not Path("pytest.ini").exists() and not Path("pyproject.toml").exists():
        Path("pytest.ini").write_text("[pytest]\n")  # or pytest looks for settings in the folders above
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(PYTEST))
    monkeypatch.setenv("COLUMNS", "100")
    for command, shown in section.commands or (("pytest", ""),):
        ended = subprocess.run(
            ["bash", "-c", _adapted(command, port)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BOUND_S,
        )
        output = (ended.stdout + ended.stderr).replace(f":{port}", f":{DEFAULT_PORT}")
        if shown:
            assert _matches(_timeless(shown), _timeless(output)), output
        else:
            assert ended.returncode == 0, output


def _timeless(output: str) -> str:
    """Return pytest's output without what differs from run to run: how long it took, and how wide its lines are."""
    output = re.sub(r"in [\d.]+s", "in N s", output)
    return re.sub(r"(?m)^([=_-]{3,})( .+ )[=_-]{3,}$", lambda line: f"{line[1][:3]}{line[2]}{line[1][:3]}", output)


@pytest.mark.parametrize("block", _blocks("bash"))
def test_a_bash_block_runs(block: Block, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("AKOOL_PAUSE_S", "0.02")
    code = _adapted(block.code, port)
    _run("bash", "-euo", "pipefail", "-c", code)
    _check_pictures(code)


@pytest.mark.parametrize("block", [each for each in _blocks("js") if each.values[0].file is None])
def test_a_js_block_runs(block: Block, port: int) -> None:
    node = shutil.which("node")
    if node is None:
        assert os.environ.get("CI") != "true", "there is no node, and CI must try the docs' JavaScript"
        pytest.skip("there is no node")
    code = _adapted(block.code, port)
    library = Path("node_modules", "testcontainers")
    library.mkdir(parents=True)
    shutil.copy(_STAND_INS / "testcontainers.mjs", library / "index.mjs")
    (library / "package.json").write_text('{"exports": "./index.mjs"}')
    for file in (ROOT / "examples").glob("*.mjs"):
        shutil.copy(file, ".")  # which the page says to do with a file that it imports
    Path("block.mjs").write_text(code)
    _run(node, "block.mjs")
    _check_pictures(code)


@pytest.mark.parametrize("block", _blocks("console"))
def test_a_console_block_shows_what_happens(block: Block, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for command, shown in _steps(block):
        if _is_pytest(command):
            pass  # its section is run as a whole
        elif command.startswith("docker run "):
            _run_as_docker_does(command, shown, monkeypatch)
        elif command in NOT_RUN:
            assert not shown or command == "make demo", "nobody compares this output"
        elif re.search(r"\bmock-akool serve\b|\bflask .*\brun\b", command):
            with monkeypatch.context() as environment:
                environment.setenv(f"{PREFIX}PORT", "0")
                _run_server(_adapted(command, 0), shown)
        else:
            output = _run("bash", "-c", _adapted(command, port)).replace(f":{port}", f":{DEFAULT_PORT}")
            assert not shown or _matches(shown, output), output


def _run_as_docker_does(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what a container of ours would run. The tests listen on a free port of the loopback address."""
    docker = argparse.ArgumentParser(exit_on_error=False)
    for flag in ("--rm", "--read-only"):
        docker.add_argument(flag, action="store_true")
    for option in ("-p", "--cap-drop", "--security-opt"):
        docker.add_argument(option)
    docker.add_argument("-e", action="append", default=[])
    docker.add_argument("-v", default=f"{Path.cwd()}:{dockerfile.image().the('WORKDIR')}")
    docker.add_argument("image", choices=["mock-akool"])
    docker.add_argument("command", nargs=argparse.REMAINDER)
    options = docker.parse_args(shlex.split(command)[2:])
    here, inside, *_ = options.v.split(":")
    assert inside == dockerfile.image().the("WORKDIR")
    variables = dockerfile.variables() | dict(each.split("=") for each in options.e)
    words = dockerfile.image().command("ENTRYPOINT") + (options.command or dockerfile.image().command("CMD"))
    with monkeypatch.context() as container:
        for name, value in (variables | {f"{PREFIX}HOST": "127.0.0.1", f"{PREFIX}PORT": "0"}).items():
            container.setenv(name, value)
        if "serve" in words:
            assert options.p == f"127.0.0.1:{DEFAULT_PORT}:{dockerfile.image().the('EXPOSE')}"
            # On the loopback address nobody else can control it, and no line says so.
            shown = shown.replace(f"{exposure(variables[f'{PREFIX}HOST'], None)}\n", "")
            _run_server(shlex.join(words), shown.replace(variables[f"{PREFIX}HOST"], "127.0.0.1"), ROOT / here)
        else:
            assert _matches(shown, _run(*words))


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
    for page in sorted(set(PAGES) - set(FOLLOWED)):
        blocks, prose = _parsed(page)
        for block in blocks:
            assert block.language in {"python", "bash", "js", "console", "ini", "toml", "yaml", "text"}, (
                f"{block.where}: nobody runs this"
            )
        assert not re.search(r"(?m)^\s*~~~|<pre|^(?: {4}|\t)", prose), f"{page}: only fenced blocks are run"


def test_python_blocks_are_formatted_and_without_what_is_not_used() -> None:
    for page in PAGES:
        for block in _parsed(page)[0]:
            if block.language == "python":
                Path(f"{page.stem}_{block.line}.py").write_text(block.code)
    config = str(ROOT / "pyproject.toml")
    _run(sys.executable, "-m", "ruff", "format", "--check", "--config", config, ".")
    # A block may use what an earlier one of its page has defined.
    _run(sys.executable, "-m", "ruff", "check", "--config", config, "--select=E,F,B,UP", "--ignore=F821", ".")


def test_what_is_not_run_is_there() -> None:
    commands = {
        command
        for page in PAGES
        for block in _parsed(page)[0]
        if block.language == "console"
        for command, _ in _steps(block)
    }
    assert set(NOT_RUN) <= commands, "the list of what is not run has an entry too many"
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    for page in PAGES:
        assert set(re.findall(r"(?m)^(?:\$ )?make ([a-z-]+)", _all_code(page))) <= targets, page
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"mock-akool": "mock_akool.cli:main"}


# Tables


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert generate_docs.rendered(text) == text, "write it anew: python -m tools.generate_docs"
    whole = re.findall(rf"(?s){generate_docs.BEGIN}[a-z ]+[0-9]* -->\n\n.+?\n\n{generate_docs.END}", text)
    assert len(whole) == text.count(generate_docs.BEGIN) == text.count(generate_docs.END)


def test_the_readme_has_every_setting_with_its_variable_and_default() -> None:
    rows = _rows(README.read_text())
    for setting in table():
        assert rows[f"`{setting.flag}`<br>`{setting.variable}`"][0] == generate_docs.default(setting)


@pytest.mark.parametrize("setting", [row for row in table() if row.field.mark], ids=lambda row: row.name)
def test_a_choice_stands_in_its_section_with_mark_and_default(setting: Setting) -> None:
    sections = dict(re.findall(r"(?ms)^## (\d+)\. [^\n]*\n(.*?)(?=^## |\Z)", DIFFERENCES.read_text()))
    for number in setting.field.section.split(", "):
        mark, default, meaning = _rows(sections[number])[f"`{setting.flag}`"]
        assert mark == setting.field.mark
        assert default == (f"`{setting.shown_default}`" if setting.shown_default else "none")
        assert meaning.startswith(setting.field.help)


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


def _subcommands(*of: str) -> list[str]:
    # A long name has a line to itself.
    return re.findall(r"(?m)^    ([a-z]+)(?: |$)", _help(*of))


def test_every_flag_variable_and_command_exists() -> None:
    subcommands = set(_subcommands())
    commands = [(), *((each,) for each in subcommands)]
    commands += [(each, inner) for each in ("scenarios", "webhook") for inner in _subcommands(each)]
    flags = {flag for each in commands for flag in re.findall(r"--[a-z][a-z0-9-]*", _help(*each))}
    variables = {row.variable for row in table()} | {URL_VARIABLE}
    for page in PAGES:
        text = page.read_text()
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= flags | set(FOREIGN_FLAGS), page
        assert set(re.findall(rf"{PREFIX}[A-Z0-9_]*[A-Z0-9]", text)) <= variables, page
        assert set(re.findall(r"(?m)^(?:\$ )?mock-akool ([a-z]+)", _all_code(page))) <= subcommands, page


def test_every_path_of_the_api_exists() -> None:
    known = "\n".join(path for _, path in (*API_ROUTES, *ROUTES))
    for page in sorted(set(PAGES) - set(FOLLOWED)):
        for path in re.findall(r"/(?:api/open|_mock)/[\w/.-]*", page.read_text()):
            assert re.search(rf"(?m)^{path.rstrip('/.')}(?:/|$)", known), f"{page}: there is no {path}"


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
