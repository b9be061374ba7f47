"""The files that GitHub reads: each fits its schema, pins what it uses, and runs commands that exist."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from mock_akool import __version__
from tests.children import run
from tests.packaging.deployment import check_workflow, fits
from tests.packaging.dockerfile import ROOT

GITHUB: Final = ROOT / ".github"
WORKFLOWS: Final = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS: Final = sorted(file for file in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if file.name != "config.yml")
PROJECT_VERSIONS: Final = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())["jobs"]
    return found


STEPS: Final = [
    pytest.param(
        *(step["run"], step.get("env", {})),
        # To read many words, pip and pytest take seconds each. So does the smoke run, which is made of the wheel, too.
        marks=[pytest.mark.slow] if re.search(r"-m (pip|pytest) |smoke\.py", step["run"]) else [],
        id=f"{file.stem}-{job}-{number}",
    )
    for file in WORKFLOWS
    for job, described in jobs(file).items()
    for number, step in enumerate(described["steps"])
    if "run" in step
]

STAND_IN: Final = """
import os, pathlib, subprocess, sys, tomllib

root, python = os.environ["ROOT"], os.environ["PYTHON"]
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]

def run(*command, **how):
    return subprocess.run(command, cwd=root, **how).returncode

if name == "sudo":
    sys.exit(0 if words[0] == "apt-get" else run(*words))
elif name == "make":
    # Each command of the target is printed; a target or file that is not there is an error.
    os.environ["PATH"] = os.environ["USUAL_PATH"]
    sys.exit(run("make", "--dry-run", *words))
elif name in {"python", "python3"}:
    if words[0] == "-m" and words[1] in {"pip", "pytest"}:
        # With --help at the end nothing is done, but what goes before it is read. Files and folders must be there.
        places = [word for word in words if word.startswith("tests/") or word.endswith(".txt")]
        if not all(pathlib.Path(root, place).exists() for place in places):
            sys.exit(f"not there: {places}")
        if "--group" in words:  # which the pip that reads these words may be too old to know
            place = words.index("--group")
            tomllib.loads(pathlib.Path(root, "pyproject.toml").read_text())["dependency-groups"][words[place + 1]]
            del words[place : place + 2]
        sys.exit(run(python, *words, "--help", stdout=subprocess.DEVNULL))
    if words == ["-m", "tools.release_notes", "0.1.0"]:
        print("First.")
        sys.exit(0)
    sys.exit(run(python, *words))
elif name == "docker":
    known = {"run", "exec", "stop", "inspect"}
    if words[0] == "inspect":
        print(0)
    sys.exit(0 if words[0] in known else f"what is docker {words[0]}?")
elif name == "gh":
    notes = pathlib.Path(words[words.index("--notes-file") + 1])
    sys.exit(0 if words[:2] == ["release", "create"] and notes.read_text() else "no notes")
"""


@pytest.mark.parametrize(("script", "variables"), STEPS)
def test_the_commands_of_a_step_run(script: str, variables: dict[str, str], tmp_path: Path) -> None:
    """As on a hosted machine, but with stand-ins for what would install, take minutes, or reach other machines."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("docker", "gh", "make", "python", "python3", "sudo"):
        (commands / name).write_text(f"#!{sys.executable}\n{STAND_IN}")
        (commands / name).chmod(0o755)
    folder = tmp_path / "checkout"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(commands / "python")
    given = {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "ROOT": str(ROOT),
        "TAG": f"v{__version__}" if "__version__" in script else "v0.1.0",
        "USUAL_PATH": os.environ["PATH"],
    }
    told = run("-e", "-o", "pipefail", "-c", script, command=["bash"], variables=given, folder=folder)
    assert told.returncode == 0, told.stdout + told.stderr
    assert set(variables) <= {*given, "GH_TOKEN"}
    if "GITHUB_OUTPUT" in script:
        assert (tmp_path / "output").read_text() == "version=0.1.0\n"


@pytest.mark.parametrize(
    "script",
    [
        "make tset",
        "python -m pytest -n auto tests/mokc",
        "python -m pip install --requires-hashes --requirement requirements-dev.txt",
        "python -m pip install --group development --editable .",
        "gh release create v1 --notes-file notes.md",
        "docker runn",
        'test "$TAG" = v0.2.0',
    ],
)
def test_a_wrong_command_is_found(script: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        test_the_commands_of_a_step_run(script, {}, tmp_path)


def test_actionlint_would_find_something(tmp_path: Path) -> None:
    wrong = tmp_path / "ci.yml"
    wrong.write_text((GITHUB / "workflows" / "ci.yml").read_text().replace("matrix.python ", "matrix.pythn "))
    told = run(wrong, command=[str(Path(sys.executable).with_name("actionlint"))])
    assert told.returncode == 1
    assert 'property "pythn" is not defined' in told.stdout


def test_they_are_there() -> None:
    assert [file.stem for file in WORKFLOWS] == ["ci", "nightly", "release"]
    assert [file.stem for file in FORMS] == ["bug", "calibration", "new-family", "wrong-behaviour"]


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
    most = {name: 350 if (file.stem, name) == ("nightly", "mutation") else 60 for name in jobs(file)}
    assert all(0 < job["timeout-minutes"] <= most[name] for name, job in jobs(file).items())


def test_mutations_are_tried_in_ci_and_all_at_night() -> None:
    commands = {file.stem: re.findall(r"make mutate.*", file.read_text(encoding="utf-8")) for file in WORKFLOWS}
    assert commands == {"ci": ["make mutate"], "nightly": ["make mutate SAMPLE=0"], "release": []}


def test_what_is_installed_without_the_lock_has_the_extras_that_tests_want() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [file.read_text(encoding="utf-8") for file in [*WORKFLOWS, ROOT / "Makefile"]]
    installed = [words for text in texts for words in re.findall(r"pip install .*--group dev .*", text)]
    assert len(installed) == 2
    for words in installed:
        assert f"'.[{','.join(project['optional-dependencies'])}]'" in words


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
