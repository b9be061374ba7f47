"""The files that GitHub reads: each fits its schema, pins what it uses, and runs commands that exist."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.packaging.deployment import check_workflow, fits
from tests.packaging.dockerfile import ROOT

GITHUB: Final = ROOT / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS: Final = sorted(file for file in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if file.name != "config.yml")
PROJECT_VERSIONS: Final = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return found


def test_they_are_there() -> None:
    assert [file.stem for file in WORKFLOWS] == ["ci", "nightly", "release"]
    assert [file.stem for file in FORMS] == ["bug", "new-family", "wrong-behaviour"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_fits_its_schema(file: Path) -> None:
    check_workflow(file)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_each_action_is_pinned_by_its_hash_and_says_its_release(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", file.read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_an_action_has_one_hash_everywhere() -> None:
    text = "".join(file.read_text() for file in WORKFLOWS)
    pinned = set(re.findall(r"uses: ([\w/-]+)@", text))
    assert len(set(re.findall(r"uses: (\S+@\S+)", text))) == len(pinned)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_may_read_and_its_jobs_end(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
    assert all(0 < job["timeout-minutes"] <= 60 for job in jobs(file).values())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_what_it_makes_and_runs_is_there(file: Path) -> None:
    text = file.read_text()
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    for module in re.findall(r"-m (tools\.\w+)", text):
        assert ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file()
    for path in re.findall(r"\btests/\w+", text):
        assert (ROOT / path).is_dir()


def test_every_python_that_is_claimed_is_tested() -> None:
    (ci,) = (file for file in WORKFLOWS if file.stem == "ci")
    matrix = jobs(ci)["test"]["strategy"]["matrix"]["include"]
    assert {each["python"] for each in matrix if each["system"].startswith("ubuntu")} == set(PROJECT_VERSIONS)


def test_dependabot_fits_its_schema() -> None:
    fits("vendor.dependabot", GITHUB / "dependabot.yml")


@pytest.mark.parametrize("file", FORMS, ids=lambda file: file.stem)
def test_a_form_asks_for_something(file: Path) -> None:
    fits("vendor.github-issue-forms", file)
    form = yaml.safe_load(file.read_text())
    assert form["name"]
    assert form["description"]
    asked = [each for each in form["body"] if each["type"] != "markdown"]
    assert any(each.get("validations", {}).get("required") for each in asked)
    names = [each["id"] for each in asked]
    assert len(names) == len(set(names))


def test_the_lock_has_all_that_development_wants() -> None:
    """`make lock` writes it; who adds a tool and forgets to would see it here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    wanted = [*project["project"]["dependencies"], *chain.from_iterable(extras), *chain.from_iterable(groups)]
    # A group that is part of another is a table, not a text.
    names = {re.split(r"[\[<>=;\s]", each)[0].lower().replace("_", "-") for each in wanted if isinstance(each, str)}
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements-dev.txt").read_text()))
    assert names - locked == set()
