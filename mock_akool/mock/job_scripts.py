"""Job scripts as Python makes them: `mock.next_job(processing="3 polls", ending="failed: no faces")`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.model import JobScript
from mock_akool.akool.scenarios.schema import RESULT
from mock_akool.akool.scenarios.stages import STAGES
from mock_akool.akool.settings import read_ending
from mock_akool.core.errors import ScenarioError
from mock_akool.core.schema import unknown_key
from mock_akool.core.timeline import COMPLETED, Ending, Timeline


def job_script(
    queueing: object,
    processing: object,
    ending: Ending | str,
    stages: Sequence[Any] | Timeline | None,
    result: Mapping[str, Any] | ResultOverride | None,
    unknown: Iterable[str],
) -> JobScript:
    """Return the job script of what `next_job` was given; raises ScenarioError or SettingsError.

    `unknown` are the names of arguments that it does not have; the error names the nearest one.
    """
    __tracebackhide__ = True
    for name in unknown:
        raise unknown_key(name, ("queueing", "processing", "ending", "stages", "result", "api_key"), ())
    if stages is None:
        timeline: Timeline = Timeline.of(queueing, processing, read_ending(ending))
    elif (queueing, processing, ending) != (0, 0, COMPLETED):
        raise ScenarioError("next_job: stages are the whole life", "Leave out queueing, processing and ending")
    else:
        timeline = STAGES.read(stages, ("stages",))
    return JobScript(
        timeline=timeline, result=RESULT.read(result, ("result",)) if isinstance(result, Mapping) else result
    )
