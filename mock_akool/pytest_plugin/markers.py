"""The markers: `akool`, the settings of a test and the scenarios that it is run with, and `akool_gauntlet`.

What a marker says is read as all settings are. A mistake in it is reported with the line where it stands, and all are
reported at once, by the test that has the marker: others are not hindered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from mock_akool.core.errors import Mistake, SettingsError
from mock_akool.core.options import Options, option
from mock_akool.core.schema import Listed, Plain, whole
from mock_akool.mock.settings import MockOptions
from mock_akool.pytest_plugin.marker_location import location_of

AKOOL: Final = "akool"
GAUNTLET: Final = "akool_gauntlet"
_MOST_SCHEDULES: Final = 1_000_000


def _read_exception(value: Any) -> type[BaseException]:
    if not isinstance(value, type) or not issubclass(value, BaseException):
        raise TypeError(value)
    return value


_EXCEPTION: Final = Plain("an exception", _read_exception, {"type": "string"}, use="TimeoutError, or a tuple of such")


class GauntletOptions(Options):
    """What the marker `akool_gauntlet` says of a test."""

    gives_up_with: tuple[type[BaseException], ...] = option(
        (), Listed(_EXCEPTION, lone=True), "the exceptions by which the client says that it gives up"
    )
    races: int = option(
        0,
        whole(0, _MOST_SCHEDULES, "a number of schedules", use="50"),
        "in how many schedules a race of polls and webhooks is searched for",
    )


def signature_of(options: type[Options]) -> str:
    """Return the parameters of the marker that takes these options, for `pytest --markers`."""
    defaults = options()
    return ", ".join(["*", *(f"{name}={_written(getattr(defaults, name))}" for name in options.fields())])


def _written(value: Any) -> str:
    if value and type(value) is tuple and all(type(each) is str for each in value):
        value = ",".join(value)
    plain = value is None or type(value) in (bool, int, float, str) or value == ()
    return repr(value) if plain else repr(str(value))


_Markers = Sequence[tuple[Any, pytest.Mark]]
"""Markers of a test with the nodes that have them, the closest first."""


def markers_of(node: Any) -> _Markers:
    """Return the markers `akool` of a test with the nodes that have them, the closest first."""
    return list(node.iter_markers_with_node(AKOOL))


def read_gauntlet(node: Any) -> tuple[GauntletOptions, list[str]]:
    """Return what the closest marker `akool_gauntlet` of a test says, and its mistakes, each with its line."""
    markers = list(node.iter_markers_with_node(GAUNTLET))[:1]
    said = _positional(GAUNTLET, markers, "gives_up_with=(TimeoutError, ApiError)")
    options = GauntletOptions()
    try:
        for _, marker in markers:
            options = GauntletOptions.of(**marker.kwargs)
    except SettingsError as error:
        said += _where_they_were_written(GAUNTLET, error.mistakes, markers)
    if options.races and has_scenarios(node):
        what = f"it would do nothing: {node.originalname} has a scenario of its own"
        mistake = Mistake(what, "search for races in another test", ("races",))
        said += _where_they_were_written(GAUNTLET, [mistake], markers)
    return options, said


def has_scenarios(node: Any) -> bool:
    """Return whether a marker `akool` of a test says with which scenarios it is run."""
    return any("scenario" in marker.kwargs for marker in node.iter_markers(AKOOL))


def parametrize_scenarios(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each scenario, when its marker lists several."""
    for marker in metafunc.definition.iter_markers(AKOOL):
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


def options_of_test(
    request: pytest.FixtureRequest, settings: Mapping[str, Any], scenario: Any, *, is_judged: bool = False
) -> dict[str, Any]:
    """Return the options of a test: the settings of the run, overridden by its markers, the closest last.

    `scenario` is the one of this run, when the marker lists several. Fails the test for all that is not usable in its
    settings and, if it `is_judged`, in its marker `akool_gauntlet`.
    """
    if not isinstance(settings, Mapping):
        pytest.fail(
            f"mock-akool: the fixture akool_settings must return a dict of settings, not {settings!r}", pytrace=False
        )
    markers = markers_of(request.node)
    options = dict(settings)
    for _, marker in reversed(markers):
        options |= marker.kwargs
    said = _positional(AKOOL, markers, "seed=7")
    if scenario is not None:
        options["scenario"] = scenario
    elif options.get("scenario") in ([], ()):
        what, hint = "the list of scenarios is empty", "name at least one, or leave it out"
        said += _where_they_were_written(AKOOL, [Mistake(what, hint, ("scenario",))], markers)
    try:
        MockOptions.of(**options)
    except SettingsError as error:
        said += _where_they_were_written(AKOOL, error.mistakes, markers)
    if is_judged:
        said += read_gauntlet(request.node)[1]
    if said:
        pytest.fail("\n\n".join(said), pytrace=False)
    return options


def _positional(name: str, markers: _Markers, example: str) -> list[str]:
    """Return what is to be said of markers with arguments that have no name."""
    what = "it takes settings by name, not {}. Write for example {}"
    return [
        at_marker(name, node, None, what.format(", ".join(map(repr, marker.args)), example))
        for node, marker in markers
        if marker.args
    ]


def _where_they_were_written(name: str, mistakes: Iterable[Mistake], markers: _Markers) -> list[str]:
    """Return all mistakes of what markers of this name say, each with the place where it was written."""
    lines = []
    for mistake in mistakes:
        key = str(mistake.place[0]) if mistake.place else "scenario"
        node = next((node for node, marker in markers if key in marker.kwargs), None)
        lines.append(
            f"mock-akool: the fixture akool_settings: {mistake}"
            if node is None
            else at_marker(name, node, key, str(mistake))
        )
    return lines


def at_marker(name: str, node: Any, key: str | None, message: str) -> str:
    """Return a message about the argument `key` of a marker (None: a positional one), with its line."""
    path, line, text = location_of(node, name, key)
    shown = f"\n\n>   {text}" if text else ""
    return f"{path}:{line}: @pytest.mark.{name}: {message}{shown}"
