"""Each block of the docs runs by itself, as a reader would copy it.

A block whose first line says a name is a file: the Python modules of a page can be imported by all blocks of the page,
other files are there for the commands of their section.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from mock_akool import MockAkool, SteeredClock, SystemClock
from mock_akool.admin.access import exposure
from mock_akool.cli.console import Screen
from mock_akool.cli.demo_client import Pace
from mock_akool.cli.demo_images import play
from mock_akool.scenario_library.library import read_file
from mock_akool.scenario_library.loader import read_text
from mock_akool.server.addresses import DEFAULT_PORT, PREFIX
from tests.docs.pages import (
    DOCS,
    FOLLOWED,
    PAGES,
    README,
    ROOT,
    Block,
    Section,
    all_code,
    blocks,
    code_run,
    is_pytest,
    name,
    parameters,
    parsed,
    sections,
    write_modules,
)
from tests.packaging import dockerfile
from tests.packaging.deployment import CHECKS
from tests.programs import named_in, need
from tests.surroundings import needs_all_programs

LANGUAGES: Final = {"python", "bash", "js", "console", "ini", "toml", "yaml", "json"}
"""What blocks may be; `text` may be an image on a page that is not followed."""

NOT_RUN: Final = {
    "docker build --tag mock-akool .": "there is no engine; what the Dockerfile runs is run by tests of its own",
    'kubectl create secret generic mock-akool --from-literal=admin-token="$(openssl rand -hex 16)"': "no cluster",
    "make demo": "it installs a virtual environment; what it shows is compared with a quick play of the demo",
    "make test": "it would run these tests within themselves",
    "python -m pip install . pytest": "it fetches packages; the wheel is installed by a test of its own",
}
"""Commands of the docs that no test here can run, and why. What they name is checked otherwise, see below."""

QUICKER: Final = {
    "pause=1)": "pause=0.02)",
    "sleep(1000)": "sleep(20)",
    "sleep 1\n": "sleep 0.02\n",
    "AKOOL_PAUSE_S=1 ": "AKOOL_PAUSE_S=0.1 ",
    "AKOOL_PAUSE_S=0.5 ": "AKOOL_PAUSE_S=0.1 ",
}
"""Pauses of the examples, and what the tests make of them."""

_FETCHED: Final = r"pip install 'mock-akool"
"""What asks an index for packages that are here already, which takes a second."""

_GAUNTLET: Final = "mock-akool gauntlet "
"""What of the docs runs a program through scenarios, which takes seconds."""

_CLIENTS_OF_EXAMPLES: Final = rf"{_GAUNTLET}|(?m:^AKOOL_BASE_URL=\S+ python examples/)"
"""What of bash plays clients of the folder `examples` one after the other, each of which has tests of its own."""

BOUND_S: Final = 60.0

PYTEST: Final = ("-p", "mock_akool.pytest_plugin", "-W", "error")
"""How pytest is run over the blocks: without the other plugins that are here, which take longer than the blocks."""

_PLUGINS_OF_PAGES: Final = {
    "asyncio": ("-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"),
    "httpx": ("-p", "pytest_httpx"),
}
"""Other plugins that the tests of some pages use, by the word that these pages then have."""

_FOREIGN_FILE: Final = re.compile(r"# ([\w./-]+\.ya?ml)\n")
"""The first line of a block of YAML that is a file of another program; all others are scenarios."""

_STAND_INS: Final = ROOT / "tests" / "packaging" / "stand_ins"

_NODE: Final = Path(__file__).with_name("node")
"""The packages of npm that blocks import."""
_FROM_NPM: Final = (
    rf"(?:from|import\()\s*\"(?:{'|'.join(json.loads((_NODE / 'package.json').read_text())['dependencies'])})"
)


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own for each test, the environment's `mock-akool`, and no setting or proxy from outside."""
    monkeypatch.chdir(tmp_path)
    for variable in [variable for variable in os.environ if variable.startswith(PREFIX)]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("AKOOL_PAUSE_S", "0.02")


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


def _write_files_for(block: Block, port: int) -> None:
    """Write what a command may name: the files of its section, what its page can import, and the examples."""
    Path("examples").symlink_to(ROOT / "examples")
    for example in (ROOT / "examples").glob("*.mjs"):
        shutil.copy(example, ".")  # which the pages say to do with a file that is imported
    for other in parsed(block.page)[0]:
        if other.is_module or (other.file is not None and other.section == block.section):
            other._replace(code=_adapted(other.code, port)).write(Path())


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
            assert process.wait(BOUND_S) == (0 if "mock-akool" in command else -signal.SIGTERM)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _matches(shown: str, actual: str) -> bool:
    """Whether an output is as shown, where `…` is the rest of a line and a line of its own any lines.

    The pages show a release; what is tested may be on the way to one.
    """
    shown, actual = (re.sub(r"\bmock-akool \d[\w.+]*", "mock-akool VERSION", text) for text in (shown, actual))
    pattern = re.escape(shown.strip("\n") + "\n").replace("\\\n", "\n")
    pattern = re.sub(r"(?m)^…\n", lambda _: r"(?:.*\n)*?", pattern).replace("…", ".*")
    return re.fullmatch(pattern, actual.strip("\n") + "\n") is not None


def _check_images(code: str) -> None:
    """Every image that a block names is there, and is what its name says."""
    # The end of a URL is no file that the block saves.
    for file in set(re.findall(r"(?<![/\w-])[\w-]+\.jpg\b", code)):
        with Image.open(file) as image:
            image.load()
            assert image.format == "JPEG"


# Python


@pytest.mark.parametrize("block", parameters([block for block in blocks("python") if block.file is None]))
def test_a_python_block_runs(block: Block, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(block.page, Path())
    monkeypatch.syspath_prepend(Path())
    before = set(sys.modules)
    code = _adapted(block.code, port)
    namespace: dict[str, Any] = {"__name__": "docs"}
    try:
        # The empty lines make a traceback name the page's own line.
        exec(compile("\n" * block.line + code, str(block.page), "exec"), namespace)
        for test in [each for each in namespace if each.startswith("test_")]:
            namespace[test]()
    finally:
        for module in {file.stem for file in Path().iterdir()} & (set(sys.modules) - before):
            del sys.modules[module]
    _check_images(code)


def _pytest(pages: Sequence[Path], *arguments: str) -> str:
    plugins = [word for plugin in _plugins_of(pages[0]) for word in _PLUGINS_OF_PAGES[plugin]]
    return _run(sys.executable, "-m", "pytest", *PYTEST, *plugins, *arguments)


def _plugins_of(page: Path) -> tuple[str, ...]:
    code = all_code(page)
    return tuple(about for about in _PLUGINS_OF_PAGES if about in code)


def _write_importable(pages: Sequence[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write what the tests of the pages import, and libraries that stand in for those that want an engine."""
    folder = Path("modules")
    shutil.copytree(_STAND_INS, folder)
    for page in pages:
        write_modules(page, folder)
    monkeypatch.setenv("PYTHONPATH", str(folder.absolute()))


def _is_test(block: Block) -> bool:
    return block.file is not None and block.language == "python" and not block.is_module


def _tested_together() -> list[tuple[Path, ...]]:
    """Return the pages with tests, those together that want the same plugins and have no modules of the same name."""
    found: list[tuple[Path, ...]] = []
    for page in PAGES:
        if page in FOLLOWED or not any(map(_is_test, parsed(page)[0])):
            continue
        for number, others in enumerate(found):
            taken = {block.file for other in others for block in parsed(other)[0] if block.is_module}
            own = {block.file for block in parsed(page)[0] if block.is_module}
            if _plugins_of(others[0]) == _plugins_of(page) and not own & taken:
                found[number] = (*others, page)
                break
        else:
            found.append((page,))
    return found


@pytest.mark.parametrize("pages", _tested_together(), ids=lambda pages: " ".join(map(name, pages)))
def test_the_tests_of_pages_pass(pages: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    _write_importable(pages, monkeypatch)
    wanted = 0
    for page in pages:
        for number, section in enumerate(sections(page)):
            if not section.is_alone:
                section.write(Path("tests", page.stem, f"section_{number}"))
                tests = filter(_is_test, section.files)
                wanted += sum(len(re.findall(r"(?m)^ *(?:async )?def test", block.code)) for block in tests)
    Path("pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib --strict-markers\n")
    if wanted:
        output = _pytest(pages, "tests")
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", output.splitlines()[-1])}
        skipped = counts.get("skipped", 0)
        assert not skipped or (shutil.which("node") is None and not needs_all_programs()), output
        assert counts.get("passed", 0) + skipped >= wanted, f"a test of the pages was not run: {output}"


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(
            section,
            id=f"{page.name}: {section.name}",
            marks=[pytest.mark.slow] if section.is_parallel or section.name == "In pytest.ini" else [],
        )
        for page in PAGES
        for section in sections(page)
        if section.is_alone
    ],
)
def test_a_section_shows_what_pytest_does(section: Section, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_importable([section.page], monkeypatch)
    section.write(Path("alone"))
    monkeypatch.chdir("alone")
    if not Path("pytest.ini").exists() and not Path("pyproject.toml").exists():
        Path("pytest.ini").write_text("[pytest]\n")  # or pytest looks for settings in the folders above
    in_parallel = ["-p", "xdist.plugin"] if section.is_parallel else []
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join((*PYTEST, *in_parallel)))
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


# Commands


@pytest.mark.parametrize("block", parameters(blocks("bash"), slow=_CLIENTS_OF_EXAMPLES))
def test_a_bash_block_runs(block: Block, port: int) -> None:
    need(*named_in(block.code))
    _write_files_for(block, port)
    code = _adapted(block.code, port)
    _run("bash", "-euo", "pipefail", "-c", code)
    _check_images(code)


@pytest.mark.parametrize("block", parameters(blocks("console"), slow=f"{_GAUNTLET}|{_FROM_NPM}|{_FETCHED}"))
def test_a_console_block_shows_what_happens(block: Block, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _write_files_for(block, port)
    for command, shown in block.steps:
        if is_pytest(command):
            pass  # its section is run as a whole
        elif command.startswith("docker run "):
            _run_as_docker_does(command, shown, monkeypatch)
        elif command in NOT_RUN:
            assert not shown or command == "make demo", "nobody compares this output"
        elif re.search(r"\bmock-akool (?:serve|record)\b|\bflask .*\brun\b", command):
            with monkeypatch.context() as environment:
                environment.setenv(f"{PREFIX}PORT", "0")
                _run_server(_adapted(command, 0), shown)
        else:
            need(*named_in(command))
            if re.search(_FROM_NPM, code_run(block)):
                _install_packages()
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
        for variable, value in (variables | {f"{PREFIX}HOST": "127.0.0.1", f"{PREFIX}PORT": "0"}).items():
            container.setenv(variable, value)
        if "serve" in words:
            assert options.p == f"127.0.0.1:{DEFAULT_PORT}:{dockerfile.image().the('EXPOSE')}"
            # On the loopback address nobody else can control it, and no line says so.
            shown = shown.replace(f"{exposure([variables[f'{PREFIX}HOST']], None)}\n", "")
            _run_server(shlex.join(words), shown.replace(variables[f"{PREFIX}HOST"], "127.0.0.1"), ROOT / here)
        else:
            assert _matches(shown, _run(*words))


def test_the_demo_shows_what_the_readme_shows() -> None:
    (shown,) = [
        shown
        for block in parsed(README)[0]
        if block.language == "console"
        for command, shown in block.steps
        if command == "make demo"
    ]
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with MockAkool(clock=SystemClock(), queueing="1 poll", processing="1 poll").server() as server:
        assert play(server.url, Path("mock-akool-demo"), Screen(out, {}), Pace(pause_s=0.02)) == 0
    out.seek(0)
    seconds = re.compile(r"[\d.]+ s\b")
    assert _matches(seconds.sub("N s", shown), seconds.sub("N s", out.read()))


# Node


def _install_packages() -> None:
    """Give the working folder the packages of npm that blocks import, installed once for all runs and workers."""
    need("npm")
    installed = _NODE / "node_modules"
    with (_NODE / "package.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not installed.exists():
            command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=_NODE, capture_output=True, text=True, timeout=300, check=False)
            if done.returncode and not needs_all_programs():
                pytest.skip(f"npm cannot install what the docs import: {done.stderr}")
            assert done.returncode == 0, done.stderr
    Path("node_modules").symlink_to(installed)


@pytest.mark.parametrize("block", parameters([block for block in blocks("js") if block.file is None], slow=_FROM_NPM))
def test_a_js_block_runs(block: Block, port: int) -> None:
    need("node")
    _write_files_for(block, port)
    if re.search(_FROM_NPM, block.code):
        _install_packages()
    else:
        library = Path("node_modules", "testcontainers")
        library.mkdir(parents=True)
        shutil.copy(_STAND_INS / "testcontainers.mjs", library / "index.mjs")
        (library / "package.json").write_text('{"exports": "./index.mjs"}')
    code = _adapted(block.code, port)
    Path("block.mjs").write_text(code)
    _run("node", "block.mjs")
    _check_images(code)


# Files


@pytest.mark.parametrize("block", parameters(blocks("yaml")))
def test_yaml_blocks_are_scenarios_or_what_their_first_line_says(block: Block) -> None:
    if named := _FOREIGN_FILE.match(block.code):
        file = Path(Path(named[1]).name)
        file.write_text(block.code)
        CHECKS[named[1]](file)
    else:
        read_text(block.code, block.where)


def test_json_blocks_are_json() -> None:
    for block in blocks("json"):
        json.loads(block.code)


def test_the_compose_file_on_the_page_is_the_one_that_is_there() -> None:
    found = parsed(DOCS / "getting-started" / "container.md")[0]
    (block,) = [block for block in found if block.code.startswith("# compose.yaml\n")]
    assert block.code == "# compose.yaml\n" + (ROOT / "compose.yaml").read_text()


def test_the_file_on_the_page_of_scenarios_is_one_of_the_fixtures() -> None:
    page = (DOCS / "reference" / "scenario-files.md").read_text()
    assert (ROOT / "fixtures" / "scenarios" / "second-poll-breaks.yaml").read_text() in page


@pytest.mark.parametrize("file", sorted((ROOT / "fixtures" / "scenarios").iterdir()), ids=lambda file: file.name)
def test_example_files_are_scenarios(file: Path) -> None:
    scenario = read_file(file)
    assert scenario.description
    assert MockAkool(scenario=file).options.scenario == (scenario,)


# All blocks


def test_every_block_is_of_a_language_that_is_run() -> None:
    for block in blocks():
        assert block.language in {*LANGUAGES, "text"}, f"{block.where}: nobody runs this"
        assert block.language != "text" or "|" in block.code, f"{block.where}: only pictures are not run"
    for page in sorted(set(PAGES) - set(FOLLOWED)):
        prose = parsed(page)[1]
        assert not re.search(r"(?m)^\s*~~~|<pre|^(?: {4}|\t)", prose), f"{page}: only fenced blocks are run"


def test_python_blocks_are_formatted_and_have_all_that_they_use() -> None:
    for page in PAGES:
        for block in parsed(page)[0]:
            if block.language == "python":
                Path(f"{page.stem}_{block.line}.py").write_text(block.code)
    config = str(ROOT / "pyproject.toml")
    _run(sys.executable, "-m", "ruff", "format", "--check", "--config", config, ".")
    _run(sys.executable, "-m", "ruff", "check", "--config", config, "--select=E,F,B,UP", ".")


def test_what_is_not_run_is_there() -> None:
    commands = {command for block in blocks("console") for command, _ in block.steps}
    assert set(NOT_RUN) <= commands, "the list of what is not run has an entry too many"
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    for page in PAGES:
        assert set(re.findall(r"(?m)^(?:\$ )?make ([a-z-]+)", all_code(page))) <= targets, page
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"mock-akool": "mock_akool.cli:main"}
