"""Job scripts as Python makes them: `mock.next_job(processing="3 polls", ending="failed: no faces")`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mock_akool.akool.overrides import ResultOverride
from mock_akool.akool.scenarios.model import JobScript
from mock_akool.akool.scenarios.schema import RESULT
from mock_akool.core.durations import SPAN
from mock_akool.core.errors import Mistakes, ScenarioError
from mock_akool.core.schema import Shape, unknown_key
from mock_akool.core.stages import ENDING, STAGES
from mock_akool.core.timeline import COMPLETED, Ending, Timeline


def job_script(
    queueing: object,
    processing: object,
    ending: Ending | str,
    stages: Sequence[Any] | Timeline | None,
    result: Mapping[str, Any] | ResultOverride | None,
    unknown: Iterable[str],
) -> JobScript:
    """Return the job script of what `next_job` was given; raises ScenarioError with all mistakes.

    `unknown` are the names of arguments that it does not have; the error names the nearest one.
    """
    __tracebackhide__ = True
    mistakes, script = Mistakes(), JobScript()
    mistakes.found += (unknown_key(name, _ARGUMENTS, (), "argument") for name in unknown)
    if stages is None:
        life = {"queueing": queueing, "processing": processing, "ending": ending}
        read = {name: mistakes.read(_LIFE[name], value, (name,)) for name, value in life.items()}
        if not mistakes.found:
            script = script._replace(timeline=Timeline.of(**read))
    elif (queueing, processing, ending) != (0, 0, COMPLETED):
        mistakes.add("they are the whole life of the job", "leave out queueing, processing and ending", ("stages",))
    else:
        script = script._replace(timeline=mistakes.read(STAGES, stages, ("stages",)))
    if result is not None:
        script = script._replace(result=mistakes.read(RESULT, result, ("result",)))
    mistakes.raise_any(ScenarioError)
    return script


_LIFE: Final[Mapping[str, Shape]] = {"queueing": SPAN, "processing": SPAN, "ending": ENDING}
_ARGUMENTS: Final = (*_LIFE, "stages", "result", "api_key")
