"""Job scripts as Python makes them: `mock.next_job(processing="3 polls", ending="failed: no faces")`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mock_akool.akool.scenarios.model import JobScript
from mock_akool.akool.scenarios.schema import JOB_SCRIPT
from mock_akool.core.errors import Mistakes, ScenarioError
from mock_akool.core.schema import shown, unknown_key

_PARTS: Final = ("queueing", "processing", "ending", "stages", "result", "refused")
_ARGUMENTS: Final = (*_PARTS, "api_key")


def job_script(**given: Any) -> JobScript:
    """Return the job script of what `next_job` was given, where None stands for nothing.

    Raises ScenarioError with all mistakes: unknown arguments, values that cannot be, and those that contradict others.
    """
    __tracebackhide__ = True
    mistakes = Mistakes()
    mistakes.found += (unknown_key(name, _ARGUMENTS, (), "argument") for name in given if name not in _PARTS)
    parts: Mapping[str, Any] = {name: given[name] for name in _PARTS if given.get(name) is not None}
    script: JobScript = mistakes.read(JOB_SCRIPT, parts, ())
    mistakes.raise_any(ScenarioError)
    return script


def read_api_key(value: object, mistakes: Mistakes | None = None) -> None:
    """Raise ScenarioError for what cannot be the API key of an account, or note it with the other mistakes."""
    __tracebackhide__ = True
    found = Mistakes() if mistakes is None else mistakes
    if not isinstance(value, str) or not value:
        found.add(f"{shown(value)} is not an API key", "use a text that is not empty", ("api_key",))
    if mistakes is None:
        found.raise_any(ScenarioError)
