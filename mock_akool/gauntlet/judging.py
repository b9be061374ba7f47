"""The verdict on a run: six kinds, each from facts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from mock_akool.akool.endpoints import FILE, write_endpoints
from mock_akool.gauntlet.facts import How, Run
from mock_akool.gauntlet.rules import Finding, find_all
from mock_akool.gauntlet.story import Story, story_of


class Verdict(StrEnum):
    """What became of a client in a scenario."""

    SURVIVED = "survived"
    """It got its file, and did nothing wrong."""
    GAVE_UP = "gave up cleanly"
    """It ended with a clear error where that is right, and did nothing wrong."""
    FAILED = "failed"
    """It did something wrong, which the findings say."""
    HUNG = "hung"
    """It did not end."""
    CRASHED = "crashed"
    """It met something that it did not expect."""
    NOT_JUDGED = "could not be judged"
    """It did not meet what the scenario is about."""

    @property
    def is_good(self) -> bool:
        """Whether a robust client may get this verdict; not being judged is no fault of the client's."""
        return self in (Verdict.SURVIVED, Verdict.GAVE_UP, Verdict.NOT_JUDGED)


class Judgement(NamedTuple):
    """The verdict on a client in a scenario, one line why, what it did wrong, and what happened.

    `is_known`: each of its findings is one that was accepted before. `about_others`: it could not be judged because the
    scenario is about other jobs.
    """

    scenario: str
    verdict: Verdict
    why: str
    findings: tuple[Finding, ...]
    story: Story
    seed: int = 0
    is_known: bool = False
    about_others: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing new was found."""
        return self.verdict.is_good or self.is_known


_BAD_ENDS: Final = {How.HUNG: Verdict.HUNG, How.CRASHED: Verdict.CRASHED}


def judge(run: Run) -> Judgement:
    """Return the verdict on a run."""
    verdict, why, findings = _verdict(run)
    about_others = verdict is Verdict.NOT_JUDGED and bool(run.seen.calls) and not _is_about(run)
    return Judgement(
        run.scenario.name,
        verdict,
        why,
        findings,
        story_of(run),
        run.seen.settings.seed,
        about_others=about_others,
    )


def _is_about(run: Run) -> bool:
    """Return whether the scenario is about what the client asked for."""
    return run.scenario.expect.is_about(frozenset(call.endpoint for call in run.seen.calls))


def _verdict(run: Run) -> tuple[Verdict, str, tuple[Finding, ...]]:
    missing = _not_met(run)
    if not run.seen.calls:
        return Verdict.NOT_JUDGED, f"{missing}; the client {_ended(run)}", ()
    bad_end = _BAD_ENDS.get(run.end.how)
    if missing and bad_end is None:
        return Verdict.NOT_JUDGED, missing, ()
    findings = find_all(run)
    if findings:
        return bad_end or Verdict.FAILED, findings[0].what, findings
    if run.end.how is How.GAVE_UP:
        return Verdict.GAVE_UP, run.end.words, ()
    return Verdict.SURVIVED, "", ()


def _ended(run: Run) -> str:
    return f"{'ended' if run.ended_well else run.end.how.value}{f': {run.end.words}' if run.end.words else ''}"


def _not_met(run: Run) -> str:
    """Return why the client did not meet what the scenario is about; empty when it did."""
    scenario, seen = run.scenario, run.seen
    asked = frozenset(call.endpoint for call in seen.calls)
    if not asked:
        return "no request reached the fake"
    if not _is_about(run):
        return f"it is about {_words(scenario.expect.about)}, and the client made no such request"
    if scenario.webhooks and not any(each.fault for each in seen.deliveries):
        return "it is about webhooks, and no such webhook was due for the client"
    if scenario.rules and not any(call.rule for call in seen.calls):
        return "no request of the client met what goes wrong in it"
    if any(job.result is not None and job.result.files is not None for job in seen.jobs) and FILE not in asked:
        return "it is about files, and the client fetched none"
    return ""


def _words(endpoints: tuple[str, ...]) -> str:
    written = write_endpoints(endpoints)
    return written if isinstance(written, str) else " or ".join(written)
