"""The docs cannot lie: their tables are as generated, their names and links lead somewhere."""

from __future__ import annotations

import argparse
import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Final

import pytest

from benchmarks.__main__ import BENCHMARKS
from mock_akool.admin.routes import ROUTES
from mock_akool.akool.api import API_ROUTES
from mock_akool.cli import COMMANDS, build_parser
from mock_akool.server.addresses import CONFIG_VARIABLE, PREFIX, URL_VARIABLE
from mock_akool.server.settings import Setting, table
from tests.docs.pages import DOCS, FOLLOWED, PAGES, README, ROOT, all_code, name, parsed
from tools import generate_docs
from tools.docs_measured import FIGURES
from tools.docs_reference import GOLDEN, PUBLIC, picture_of_layers

DIFFERENCES: Final = DOCS / "reference" / "differences.md"
SETTINGS: Final = DOCS / "reference" / "settings.md"
ARCHITECTURE: Final = DOCS / "explanation" / "architecture.md"
PACKAGE: Final = ROOT / "mock_akool"

FOREIGN_FLAGS: Final = {
    "--app": "flask",
    "--akool": "pytest",
    "--import": "node",
    "--all": "pytest",
    "--akool-gauntlet": "pytest",
    "--akool-record": "pytest",
    "--akool-record-mode": "pytest",
    "--akool-upstream": "pytest",
    "--akool-known": "pytest",
    "--akool-url": "pytest",
    "--junit-xml": "pytest",
    "--markers": "pytest",
    "--tb": "pytest",
    "--add-host": "docker",
    "--build": "docker",
    "--cacert": "curl",
    "--data-binary": "curl",
    "--max-time": "curl",
    "--cap-drop": "docker",
    "--network-alias": "docker",
    "--exit-code-from": "docker",
    "--from-literal": "kubectl",
    "--name": "docker",
    "--platform": "docker",
    "--randomly-seed": "pytest",
    "--read-only": "docker",
    "--rm": "docker",
    "--security-opt": "docker",
    "--start-interval": "docker",
    "--strict-markers": "pytest",
    "--tag": "docker",
}

# Tables


@pytest.mark.parametrize(
    "page",
    [
        # For the table of how clients end, the gauntlet runs with two of them.
        pytest.param(page, id=name(page), marks=[pytest.mark.slow] if page.name == "scenario-library.md" else [])
        for page in PAGES
    ],
)
def test_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert generate_docs.rendered(text) == text, "write it anew: python -m tools.generate_docs"
    whole = re.findall(rf"(?s){generate_docs.BEGIN}.+? -->\n\n.+?\n\n{generate_docs.END}", text)
    assert len(whole) == text.count(generate_docs.BEGIN) == text.count(generate_docs.END)


def test_the_image_of_the_layers_is_up_to_date() -> None:
    picture = picture_of_layers(generate_docs.layers())
    assert generate_docs.LAYERS.read_text() == picture, "write it anew: python -m tools.generate_docs"
    assert '<text x="430" y="386" font-size="17" font-weight="bold">core</text>' in picture


def test_the_image_of_the_gauntlet_is_up_to_date() -> None:
    assert generate_docs.GAUNTLET.read_text() == generate_docs.picture_of_gauntlet(), "python -m tools.generate_docs"


def test_the_page_of_settings_has_each_with_its_variable_and_default() -> None:
    rows = _rows(SETTINGS.read_text())
    for setting in table():
        names = f"`{setting.name}`<br>`{setting.flag}`<br>`{setting.variable}`"
        assert rows[names][0] == generate_docs.default(setting)


@pytest.mark.parametrize("setting", [row for row in table() if row.field.mark], ids=lambda row: row.name)
def test_a_choice_stands_in_its_section_with_mark_and_default(setting: Setting) -> None:
    sections = dict(re.findall(r"(?ms)^## (\d+)\. [^\n]*\n(.*?)(?=^## |\Z)", DIFFERENCES.read_text()))
    for number in setting.field.section.split(", "):
        mark, default, meaning, probe = _rows(sections[number])[f"`{setting.flag}`"]
        assert mark == setting.field.mark
        assert default == (f"`{setting.shown_default}`" if setting.shown_default else "none")
        assert meaning.startswith(setting.field.help)
        assert probe.startswith((f"`{setting.name}`", "none: "))


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


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parser, and those of the commands in it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _commands(each)


def test_every_flag_variable_and_command_exists() -> None:
    actions = [action for parser in _commands(build_parser()) for action in parser._actions]
    flags = {flag for action in actions for flag in action.option_strings}
    variables = {row.variable for row in table()} | {URL_VARIABLE, CONFIG_VARIABLE}
    for page in PAGES:
        text = page.read_text()
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= flags | set(FOREIGN_FLAGS), page
        assert set(re.findall(rf"{PREFIX}[A-Z0-9_]*[A-Z0-9]", text)) <= variables, page
        assert set(re.findall(r"(?m)^(?:\$ )?mock-akool ([a-z]+)", all_code(page))) <= COMMANDS.keys(), page


def test_every_path_of_the_api_exists() -> None:
    known = "\n".join(path for _, path in (*API_ROUTES, *ROUTES, ("GET", "/_mock/ca.pem")))
    for page in sorted(set(PAGES) - set(FOLLOWED)):
        for path in re.findall(r"/(?:api/open|_mock)/[\w/.-]*", page.read_text()):
            assert re.search(rf"(?m)^{path.rstrip('/.')}(?:/|$)", known), f"{page}: there is no {path}"


def test_every_name_in_the_architecture_exists_where_it_says() -> None:
    written = re.sub(rf"(?s){generate_docs.BEGIN}.*?{generate_docs.END}", "", parsed(ARCHITECTURE)[1])
    for dotted in re.findall(r"`([a-z_]+(?:\.\w+)*)`", written):
        if not (ROOT / dotted).is_file():
            value = pkgutil.resolve_name(f"mock_akool.{dotted}")
            # A module may have it only because it has imported it.
            if isinstance(value, type | FunctionType):
                assert f"{value.__module__}.{value.__qualname__}" == f"mock_akool.{dotted}"


def test_every_benchmark_in_the_architecture_exists() -> None:
    written = parsed(ARCHITECTURE)[1]
    known = {each.name for each in BENCHMARKS}
    assert {each.benchmark for each in FIGURES} <= known
    assert {*re.findall(r"python -m benchmarks --only ([a-z]+)", written)} <= known


def test_every_module_is_in_the_architecture() -> None:
    (tables,) = re.findall(rf"(?s){generate_docs.BEGIN}modules -->.*?{generate_docs.END}", ARCHITECTURE.read_text())
    listed = set(re.findall(r"(?m)^\| `([\w.]+)` \|", tables))
    sources = {file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py")} - {Path("__init__.py"), Path("_built.py")}
    names = {file.parent if file.name == "__init__.py" else file.with_suffix("") for file in sources}
    assert listed == {".".join(name.parts) for name in names}


def test_what_a_package_lists_is_in_it() -> None:
    docs = {file: ast.get_docstring(ast.parse(file.read_text())) or "" for file in PACKAGE.rglob("__init__.py")}
    listed = [
        file.parent / name for file, said in docs.items() for name in re.findall(r"(?m)^ *(\w+(?:\.py|/))  +\w", said)
    ]
    assert PACKAGE / "akool" / "api.py" in listed
    assert [path for path in listed if not path.exists()] == []


def test_every_file_of_the_project_that_is_named_exists() -> None:
    code = [file for folder in ("mock_akool", "tools", "tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    for source in sorted({*PAGES, *code} - set(FOLLOWED)):
        for path in re.findall(r"`((?:tests|tools|benchmarks|mock_akool|docs|examples)/[\w./-]+)`", source.read_text()):
            assert (ROOT / path).exists(), f"{source}: there is no {path}"


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", parsed(page)[1]):
            if not target.startswith("https://"):
                path, _, anchor = target.partition("#")
                file = page.parent / path if path else page
                assert file.is_file(), f"{page}: {target}"
                assert not anchor or anchor in _anchors(file), f"{page}: {target}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", parsed(page)[1])
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


def test_what_commands_print_is_of_the_newest_version_of_the_changelog() -> None:
    newest = re.findall(r"(?m)^(?:What will be|## \[)\s?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text())[0]
    shown = {version for page in PAGES for version in re.findall(r"mock-akool[ :](\d+\.\d+\.\d+)", page.read_text())}
    assert shown == {newest}


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 250
    assert "| --- |" not in text.replace("| I want to… | Page |\n| --- | --- |", ""), "tables stand in the reference"
    linked = {(ROOT / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", text)}
    assert set(DOCS.rglob("*.md")) <= linked


def test_the_python_reference_has_a_section_for_each_public_name() -> None:
    sections = re.findall(
        r"(?m)^### (\w+)\n\n<!-- generated: api (\w+) -->$", (DOCS / "reference" / "python-api.md").read_text()
    )
    assert sorted(name for name, _ in sections) == sorted(PUBLIC)
    assert all(heading == generated for heading, generated in sections)


def test_the_records_are_all_that_the_fake_answers() -> None:
    shown = re.findall(r"<!-- generated: golden ([\w-]+) -->", (DOCS / "reference" / "records.md").read_text())
    assert sorted(shown) == sorted(file.stem for file in GOLDEN.iterdir())
