"""The options that put scenarios in force, for every kind of fake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from mock_akool.core.behaviour import ServiceSettings
from mock_akool.core.engine import Script
from mock_akool.core.errors import ScenarioError
from mock_akool.core.options import Kind, check_names, option
from mock_akool.core.scenario import Scenario, options_of

SOURCES: Final = ("setting", "python", "prompt", "key", "control")
"""Who may put a scenario in force."""


def _read_scenarios(value: Any) -> tuple[Scenario, ...]:
    if value in (None, "", ()):
        return ()
    from mock_akool.scenario_files import load_all  # most fakes have none, and shall not pay for it

    return load_all(value)


def _read_sources(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else list(value)
    sources = tuple(str(word).strip() for word in words)
    if sources == ("all",):
        return SOURCES
    if sources in (("none",), ("",), ()):
        return ()
    if not set(sources) <= set(SOURCES):
        raise ValueError(value)
    return sources


def _library(name: str) -> Scenario:
    from mock_akool.scenario_files import named

    return named(name)


@dataclass(frozen=True, kw_only=True)
class ScenarioSettings(ServiceSettings):
    """The options of an engine, and the scenarios that are in force."""

    scenario: tuple[Scenario, ...] = option(
        (),
        Kind("names of scenarios or files, separated by commas", _read_scenarios, repeats=True),
        "what goes wrong: one or several scenarios, which compose in order",
    )
    scenario_sources: tuple[str, ...] = option(
        SOURCES,
        Kind(f"some of {', '.join(SOURCES)}, separated by commas; all; or none", _read_sources),
        "who may put a scenario in force: this setting, Python calls, a [mock:NAME] in a prompt, a key with +NAME, "
        "the control API",
    )

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Return the record with these options; what a scenario says of a setting counts where no option says it."""
        check_names(cls, options)
        if not options.get("scenario"):
            return super().of(**options)
        scenarios = cls._scenarios(options)
        return super().of(**{**options_of(scenarios), **options, "scenario": scenarios})

    @classmethod
    def _scenarios(cls, options: Mapping[str, Any]) -> tuple[Scenario, ...]:
        # Read as the option that it is, so that a mistake is told as one of this option.
        only = {name: options[name] for name in ("scenario", "scenario_sources") if name in options}
        chosen = cls(**only)
        if chosen.scenario and "setting" not in chosen.scenario_sources:
            raise ScenarioError(
                "a scenario is given, but scenario_sources does not name `setting`",
                "Add `setting` to scenario_sources, or take the scenario away",
            )
        return chosen.scenario

    @property
    def script(self) -> Script:
        """What an engine is given of scenarios."""
        sources = self.scenario_sources
        return Script(
            self.scenario,
            _library,
            by_key="key" in sources,
            by_prompt="prompt" in sources,
            by_control="control" in sources,
        )
