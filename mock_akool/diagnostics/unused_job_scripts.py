"""Explains why a job script was used by no create, and why there is no job at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mock_akool.akool.endpoints import CREATES
from mock_akool.akool.scenarios.model import JobScript
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.scenarios.schema import JOB_SCRIPT
from mock_akool.akool.snapshot import Snapshot
from mock_akool.core.call_log import Call
from mock_akool.diagnostics.describe import counted, describe

_MOST_SHOWN: Final = 12


def unused_job_scripts(scenarios: ScenarioRuntime, api_key: str | None = None) -> list[str]:
    """Return why scripts for next jobs were not used, in some lines each: those for an account, or with None all."""
    return [_why_unused(*unused) for unused in scenarios.unused_job_scripts(api_key)]


def _why_unused(api_key: str | None, scripts: Sequence[JobScript], seen: Snapshot) -> str:
    written = [_as_python(script) for script in scripts]
    jobs = len(seen.jobs)
    why = (
        f"{counted(jobs, 'job')} {'was' if jobs == 1 else 'were'} created" if jobs else why_no_job(seen.calls, api_key)
    )
    whose = "" if api_key is None else " of its account"
    number = sum(script.times or 1 for script in scripts)
    if number == 1:
        return f"no create{whose} used the job script {written[0]}: {why}"
    left_out = len(written) - _MOST_SHOWN
    more = f"\n    ({left_out} more left out)" if left_out > 0 else ""
    listed = "".join(f"\n    {each}" for each in written[:_MOST_SHOWN])
    return f"no create{whose} used {number} job scripts: {why}{listed}{more}"


def why_no_job(calls: Sequence[Call], api_key: str | None = None) -> str:
    """Return why no job was created, by the calls of everybody or of an account."""
    if not calls:
        return f"no request {'' if api_key is None else 'with the key of its account '}reached the fake"
    creates = [call for call in calls if call.endpoint in CREATES]
    if not creates:
        return f"no create reached the fake, only {counted(len(calls), 'other call')}{_listed(calls)}"
    return f"{counted(len(creates), 'create')} made none{_listed(creates)}"


def _listed(calls: Sequence[Call]) -> str:
    left_out = len(calls) - _MOST_SHOWN
    earlier = f"\n  ({left_out} earlier ones left out)" if left_out > 0 else ""
    return ":" + earlier + "".join(f"\n  {describe(call)}" for call in calls[-_MOST_SHOWN:])


def _as_python(script: JobScript) -> str:
    """Write a job script as `next_job` is given it, and for how many jobs it is if for several."""
    arguments = JOB_SCRIPT.write(script._replace(times=None)).items()
    written = f"next_job({', '.join(f'{name}={value!r}' for name, value in arguments)})"
    return written if script.times is None else f"{written}, {script.times} times"
