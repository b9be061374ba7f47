"""The library of named scenarios."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from mock_akool.akool.scenarios.model import Scenario
from mock_akool.akool.scenarios.schema import read_scenario
from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import nearest, shown
from mock_akool.scenario_library.loader import _MAX_BYTES, read_text

_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@cache
def names() -> tuple[str, ...]:
    """Return the names of the library's scenarios."""
    files = (Path(file.name) for file in resources.files("mock_akool").joinpath("scenario_library").iterdir())
    return tuple(sorted(file.stem for file in files if file.suffix == ".yaml"))


def text_of(name: str) -> str:
    """Return the file of a named scenario; raises ScenarioError when there is none."""
    if name not in names():
        near = nearest(name, names())
        hint = f"Did you mean {near!r}?" if near else "`mock-akool scenarios list` shows them"
        raise ScenarioError(f"there is no scenario {shown(name)}", hint)
    return resources.files("mock_akool").joinpath("scenario_library", f"{name}.yaml").read_text("utf-8")


@cache
def named(name: str) -> Scenario:
    """Return a scenario of the library; raises ScenarioError with the nearest name when there is none."""
    return read_text(text_of(name), f"{name}.yaml", name)


def load(source: Any) -> Scenario:
    """Return the scenario of a name, of a file's path, or of a mapping with a file's keys; raises ScenarioError."""
    if isinstance(source, (Scenario, Mapping)):
        return read_scenario(source)
    if isinstance(source, Path) or (isinstance(source, str) and not _NAME.fullmatch(source)):
        return read_file(Path(source))
    if not isinstance(source, str):
        raise ScenarioError(f"{shown(source)} is no scenario", "Give a name, a file, or a dict of a file's keys")
    return named(source)


def load_all(sources: Any) -> tuple[Scenario, ...]:
    """Return the scenarios of one or several sources, in order; in a text they are separated by commas."""
    if isinstance(sources, str):
        sources = [each.strip() for each in sources.split(",") if each.strip()]
    elif not isinstance(sources, (list, tuple)):
        sources = [sources]
    return tuple(load(each) for each in sources)


_SUFFIXES: Final = (".yaml", ".yml", ".json")


def read_file(path: Path) -> Scenario:
    """Return the scenario of a YAML or JSON file; raises ScenarioError with the file and the line of a mistake."""
    if path.suffix.lower() not in _SUFFIXES:
        near = nearest(path, names())
        raise ScenarioError(
            f"{shown(str(path))} is neither the name of a scenario nor a file that ends in {', '.join(_SUFFIXES)}",
            f"Did you mean {near!r}?" if near else "`mock-akool scenarios list` shows the names",
        )
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError(
            f"cannot read {path}: {error.strerror}", f"A path is looked for from where you are: {Path.cwd()}"
        ) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError(f"{path} is not UTF-8", "Save it as UTF-8") from None
    return read_text(text, str(path), path.stem)
