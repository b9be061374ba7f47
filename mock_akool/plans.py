"""The script of a next job, as Python calls tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mock_akool.core.behaviour import read_ending
from mock_akool.core.errors import ScenarioError
from mock_akool.core.models import Account
from mock_akool.core.scenario import JobScript, Result
from mock_akool.core.scenario_shapes import RESULT, STAGES
from mock_akool.core.shapes import unknown_key
from mock_akool.core.timeline import COMPLETED, Ending, Timeline


def planned_for(view: str | None, account: Account | str | None) -> str | None:
    """Return the API key of the account whose next job is meant, or None for whoever comes.

    `view` is the account that the call is all about, if any. Raises ScenarioError for another one.
    """
    api_key = account.api_key if isinstance(account, Account) else account
    if view is not None and api_key not in (None, view):
        raise ScenarioError("next_job: this is a view of another account", "Call it on the fake, or on its own view")
    return api_key or view


def planned(
    queueing: object,
    processing: object,
    ending: Ending | str,
    stages: Sequence[Any] | Timeline | None,
    result: Mapping[str, Any] | Result | None,
    unknown: Iterable[str],
) -> JobScript:
    """Return the script of a job as `next_job` is told it; raises ScenarioError or SettingsError.

    `unknown` are the names of arguments that it does not have, which are refused with the nearest one.
    """
    __tracebackhide__ = True
    for name in unknown:
        raise unknown_key(name, ("queueing", "processing", "ending", "stages", "result", "account"), ())
    if stages is None:
        timeline: Timeline = Timeline.of(queueing, processing, read_ending(ending))
    elif (queueing, processing, ending) != (0, 0, COMPLETED):
        raise ScenarioError("next_job: stages tell the whole life", "Leave out queueing, processing and ending")
    else:
        timeline = STAGES.read(stages, ("stages",))
    return JobScript(
        timeline=timeline, result=RESULT.read(result, ("result",)) if isinstance(result, Mapping) else result
    )
