"""The library of named scenarios."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from mock_akool.akool.scenarios.model import MOST_SCENARIOS, Scenario
from mock_akool.akool.scenarios.schema import read_scenario
from mock_akool.core.errors import Mistake, Mistakes, ScenarioError
from mock_akool.core.schema import did_you_mean, shown
from mock_akool.scenario_library.loader import MAX_BYTES, read_text

_LIST: Final = "`mock-akool scenarios list` lists them"
_NAME: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@cache
def names() -> tuple[str, ...]:
    """Return the names of the library's scenarios."""
    files = (Path(file.name) for file in resources.files("mock_akool").joinpath("scenario_library").iterdir())
    return tuple(sorted(file.stem for file in files if file.suffix == ".yaml"))


def text_of(name: str) -> str:
    """Return the file of a named scenario; raises ScenarioError when there is none."""
    if name not in names():
        raise ScenarioError(f"there is no scenario {shown(name)}", did_you_mean(name, names(), _LIST))
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
        raise ScenarioError(f"{shown(source)} is not a scenario", "use a name, a file, or a dict of a file's keys")
    if source not in names() and (there := _here(source)):
        raise ScenarioError(f"there is no scenario {shown(source)}", there)
    return named(source)


def _here(name: str) -> str:
    """Return the hint that a file or folder of about this name is in the working directory; empty when none is."""
    for file in (f"{name}{suffix}" for suffix in _SUFFIXES):
        if Path(file).is_file():
            return f"did you mean the file {file!r}?"
    return f"{name!r} is a folder; give its files, such as {name}/*.yaml" if Path(name).is_dir() else ""


def load_all(sources: Any) -> tuple[Scenario, ...]:
    """Return the scenarios of one or several sources, in order; in a text they are separated by commas.

    Raises ScenarioError with the mistakes of all of them.
    """
    if isinstance(sources, str):
        sources = [each.strip() for each in sources.split(",") if each.strip()]
    elif not isinstance(sources, (list, tuple)):
        sources = [sources]
    if len(sources) > MOST_SCENARIOS:
        raise ScenarioError(f"{len(sources):,} scenarios are given at once", f"give {MOST_SCENARIOS} at most")
    mistakes, scenarios = Mistakes(), []
    for each in sources:
        with mistakes.noted():
            scenarios.append(load(each))
    mistakes.raise_any(ScenarioError)
    return tuple(scenarios)


_SUFFIXES: Final = (".yaml", ".yml", ".json")


def read_file(path: Path) -> Scenario:
    """Return the scenario of a YAML or JSON file; raises ScenarioError with the file and the line of a mistake."""
    if path.suffix.lower() not in _SUFFIXES:
        raise ScenarioError(
            f"{shown(str(path))} is neither the name of a scenario nor a file that ends in {', '.join(_SUFFIXES)}",
            did_you_mean(path, names(), _LIST),
        )
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # whose opening may wait forever
            what = "it is a device, a pipe or a socket"
            raise ScenarioError.of([Mistake(what, "give a file", (), str(path))])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = f"a path is looked up from the working directory, {Path.cwd()}"
        raise ScenarioError.of([Mistake(f"cannot read it: {error.strerror}", hint, (), str(path))]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ScenarioError.of([Mistake("it is not UTF-8", "save it as UTF-8", (), str(path))]) from None
    return replace(read_text(text, str(path), path.stem), path=str(path.absolute()))
