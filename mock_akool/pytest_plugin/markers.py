"""The marker `akool`: the settings of a test, and the scenarios that it is run with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mock_akool.core.errors import SettingsError
from mock_akool.mock.settings import MockOptions
from mock_akool.pytest_plugin.marker_location import location_of


def signature_of_marker() -> str:
    """Return the marker's parameters, for `pytest --markers`."""
    defaults = MockOptions()
    names = MockOptions.fields()
    return ", ".join(["*", *(f"{name}={_written(getattr(defaults, name))}" for name in names)])


def _written(value: Any) -> str:
    if value and type(value) is tuple and all(type(each) is str for each in value):
        value = ",".join(value)
    plain = value is None or type(value) in (bool, int, float, str) or value == ()
    return repr(value) if plain else repr(str(value))


def markers_of(node: Any) -> list[tuple[Any, pytest.Mark]]:
    """Return the markers of a test with the nodes that have them, the closest first."""
    return list(node.iter_markers_with_node("akool"))


def parametrize_scenarios(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each scenario, when its marker lists several."""
    for marker in metafunc.definition.iter_markers("akool"):
        if "scenario" in marker.kwargs:
            scenarios = marker.kwargs["scenario"]
            if isinstance(scenarios, (list, tuple)) and scenarios:
                metafunc.parametrize("_akool_scenario", scenarios, ids=ids_of_scenarios(scenarios), indirect=True)
            return


def ids_of_scenarios(scenarios: Sequence[Any]) -> list[str]:
    """Return what scenarios are called in the ids of tests."""
    return [_id_of(each, number) for number, each in enumerate(scenarios)]


def _id_of(scenario: Any, number: int) -> str:
    """Return what a scenario is called in the id of a test."""
    if isinstance(scenario, (list, tuple)):
        return "+".join(_id_of(each, number) for each in scenario)
    name = scenario if isinstance(scenario, (str, Path)) else getattr(scenario, "name", "")
    return Path(name).stem.replace(",", "+") or f"scenario{number}"


def options_of_test(request: pytest.FixtureRequest, settings: Mapping[str, Any], scenario: Any) -> dict[str, Any]:
    """Return the options of a test: the settings of the run, overridden by its markers, the closest last.

    `scenario` is the one of this run, when the marker lists several. Fails the test for a setting that is not usable.
    """
    if not isinstance(settings, Mapping):
        pytest.fail(
            f"mock-akool: the fixture akool_settings must return a dict of settings, not {settings!r}", pytrace=False
        )
    markers = markers_of(request.node)
    options = dict(settings)
    for node, marker in reversed(markers):
        if marker.args:
            fail_at_marker(node, None, f"it takes settings by name, not {marker.args[0]!r}", "Write for example seed=7")
        options |= marker.kwargs
    if scenario is not None:
        options["scenario"] = scenario
    elif options.get("scenario") in ([], ()):
        pytest.fail("mock-akool: the list of scenarios is empty; name at least one, or leave it out", pytrace=False)
    try:
        MockOptions.of(**options)
    except SettingsError as error:
        # Not by `pytest.fail`, which would show the error a second time, as what was being handled.
        raise pytest.fail.Exception(_where_they_were_written(error, markers), pytrace=False) from None
    return options


def _where_they_were_written(error: SettingsError, markers: list[tuple[Any, pytest.Mark]]) -> str:
    """Return all mistakes of the settings, each with the place where it was written."""
    lines = []
    for mistake in error.mistakes:
        name = str(mistake.place[0]) if mistake.place else "scenario"
        node = next((node for node, marker in markers if name in marker.kwargs), None)
        lines.append(
            f"mock-akool: the fixture akool_settings: {mistake}"
            if node is None
            else _at_marker(node, name, str(mistake))
        )
    return "\n\n".join(lines)


def _at_marker(node: Any, name: str | None, message: str) -> str:
    """Return a message about the argument `name` of a marker (None: a positional one), with its line."""
    path, line, text = location_of(node, name)
    shown = f"\n\n>   {text}" if text else ""
    return f"{path}:{line}: @pytest.mark.akool: {message}{shown}"


def fail_at_marker(node: Any, name: str | None, message: str, hint: str) -> None:
    """Fail a test because of the argument `name` of its marker (None: a positional one), and show its line."""
    pytest.fail(_at_marker(node, name, f"{message}. {hint}"), pytrace=False)
