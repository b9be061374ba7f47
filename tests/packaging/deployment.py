"""Checks of files that others read: workflows, compose files and manifests, each against its schema."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml
from check_jsonschema import main as check_jsonschema  # type: ignore[import-untyped]
from click.testing import CliRunner

from mock_akool.server.addresses import PREFIX
from mock_akool.server.settings import Settings
from tests.children import run, run_here

_BIN: Final = Path(sys.executable).parent


def check_compose(file: Path) -> None:
    """A compose file fits the schema of the Compose Specification, and its variables are settings of ours."""
    fits("vendor.compose-spec", file)
    _check_variables(file)


def check_workflow(file: Path) -> None:
    """A workflow fits the schema of GitHub's workflows, and its variables are settings of ours."""
    fits("vendor.github-workflows", file)
    _check_variables(file)
    for script in _values(yaml.safe_load(file.read_text()), "run"):
        told = run("-n", "-c", script, command=["bash"])
        assert told.returncode == 0, told.stderr
        _check_docker_run(script)


def check_manifests(file: Path) -> None:
    """Manifests fit the schemas of Kubernetes, which know all keys, and the containers' arguments are taken."""
    told = run("--strict", "--no-warn", file, command=[str(_BIN / "kubernetes-validate")])
    assert told.returncode == 0, told.stdout + told.stderr
    _check_variables(file)
    found = list(_values(list(yaml.safe_load_all(file.read_text())), "args"))
    for arguments in found:
        told = run_here(*arguments, "--help")
        assert told.returncode == 0, told.stderr


CHECKS: Final[dict[str, Callable[[Path], None]]] = {
    "compose.yaml": check_compose,
    "compose.override.yaml": check_compose,
    ".github/workflows/test.yml": check_workflow,
    ".github/workflows/akool-drift.yml": check_workflow,
    ".github/workflows/built.yml": check_workflow,
    "kubernetes.yaml": check_manifests,
    "compose.hosts.yaml": check_compose,
    "compose.state.yaml": check_compose,
    ".github/workflows/hosts.yml": check_workflow,
    "kubernetes-hosts.yaml": check_manifests,
}
"""By the names that the files have in the docs."""


def fits(schema: str, file: Path) -> None:
    told = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, str(file)])
    assert told.exit_code == 0, told.output


def _check_variables(file: Path) -> None:
    environ: dict[str, str] = {}
    for document in yaml.safe_load_all(file.read_text()):
        for key in ("environment", "env"):
            for variables in _values(document, key):
                environ |= {name: value for name, value in _pairs(variables) if name.startswith(PREFIX)}
    Settings.from_environment(environ=environ)


def _pairs(variables: Any) -> Iterator[tuple[str, str]]:
    """Yield names and values, of Kubernetes' lists too, where what a Secret has is some text."""
    if isinstance(variables, dict):
        yield from ((name, str(value)) for name, value in variables.items())
    elif not isinstance(variables, str):  # which would be the name of an environment of a workflow
        yield from ((each["name"], each.get("value", "some-text")) for each in variables)


def _check_docker_run(script: str) -> None:
    """What a script gives to `docker run` as variables are settings of ours, and ports are published to our machine."""
    for command in re.findall(r"(?m)^docker run (.*)$", script.replace("\\\n", "")):
        words = shlex.split(command)
        given = [value for option, value in pairwise(words) if option == "-e"]
        Settings.from_environment(environ=dict(each.split("=", 1) for each in given))
        assert words[words.index("-p") + 1].startswith("127.0.0.1:")


def _values(data: Any, wanted: str) -> Iterator[Any]:
    """Yield the values of a key, however deep it is."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == wanted:
                yield value
            else:
                yield from _values(value, wanted)
    elif isinstance(data, list):
        for each in data:
            yield from _values(each, wanted)
