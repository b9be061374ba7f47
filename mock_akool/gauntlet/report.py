"""What the gauntlet found of a client: as a table for people, as JSON, and as JUnit XML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

from mock_akool.diagnostics.describe import counted
from mock_akool.gauntlet.judging import Judgement, Verdict
from mock_akool.gauntlet.rules import Finding
from mock_akool.gauntlet.story import Story

_WIDEST: Final = 100
"""How many characters the reason of a verdict has in the table."""


@dataclass(frozen=True)
class GauntletReport:
    """The judgements on a client, one for each scenario and seed, in the order in which they were asked for.

    As a text it is a table with a line for each, the findings with what they cost and what to do, and the score.
    """

    judgements: tuple[Judgement, ...]

    @property
    def failures(self) -> tuple[Judgement, ...]:
        """The judgements with a finding that was not accepted before."""
        return tuple(each for each in self.judgements if not each.is_good)

    @property
    def score(self) -> str:
        """How many of the judged scenarios the client came through: `27 of 29`."""
        judged = [each for each in self.judgements if each.verdict is not Verdict.NOT_JUDGED]
        return f"{sum(each.verdict.is_good for each in judged)} of {len(judged)}"

    def verify(self) -> None:
        """Raise AssertionError with the report when a scenario was failed."""
        __tracebackhide__ = True
        if self.failures:
            raise AssertionError(f"the client did not come through the gauntlet\n{self}")

    def __str__(self) -> str:
        return self._text()

    def _text(self, family_flag: str = "") -> str:
        return "\n".join([*self._table(), *self._findings(), self._summary(family_flag)])

    def _table(self) -> Iterable[str]:
        names = max((len(each.scenario) for each in self.judgements), default=0)
        verdicts = max((len(each.verdict) for each in self.judgements), default=0)
        for each in self.judgements:
            why = each.why if len(each.why) <= _WIDEST else f"{each.why[: _WIDEST - 1]}…"
            known = "known: " if each.is_known else ""
            yield f"{each.scenario:{names}}  {each.verdict:{verdicts}}  {known}{why}".rstrip()

    def _findings(self) -> Iterable[str]:
        for each in self.failures:
            yield ""
            yield f"{each.scenario} (seed {each.seed}): {each.verdict}"
            yield from explained(each)

    def _summary(self, family_flag: str) -> str:
        skipped = sum(each.verdict is Verdict.NOT_JUDGED for each in self.judgements)
        rest = f"; {skipped} could not be judged" if skipped else ""
        others = sum(each.about_others for each in self.judgements)
        if others and family_flag:
            rest += (
                f" ({others} of them {'is' if others == 1 else 'are'} about other jobs; {family_flag} leaves them out)"
            )
        known = sum(each.is_known for each in self.judgements)
        accepted = f"; {counted(known, 'failure')} known before" if known else ""
        return f"\nscore: {self.score}{rest}{accepted}"

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain data for JSON."""
        return {"score": self.score, "judgements": [_plain(each) for each in self.judgements]}

    def as_junit(self) -> str:
        """Return it as JUnit XML: a test case for each scenario and seed."""
        suite = ElementTree.Element(
            "testsuite",
            name="mock-akool gauntlet",
            tests=str(len(self.judgements)),
            failures=str(len(self.failures)),
            skipped=str(sum(each.verdict is Verdict.NOT_JUDGED for each in self.judgements)),
        )
        for each in self.judgements:
            case = ElementTree.SubElement(
                suite, "testcase", classname="gauntlet", name=f"{each.scenario}[{each.seed}]", time=str(each.story.ends)
            )
            if not each.is_good:
                ElementTree.SubElement(case, "failure", message=_xml(each.why)).text = _xml("\n".join(explained(each)))
            elif each.verdict is Verdict.NOT_JUDGED:
                ElementTree.SubElement(case, "skipped", message=_xml(each.why))
        ElementTree.indent(suite)
        return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def text_for_program(report: GauntletReport) -> str:
    """Return a report as a text that names the flags of `mock-akool gauntlet`."""
    return report._text("--family NAME")


def explained(judgement: Judgement) -> list[str]:
    """Return what was found in a scenario, what it costs and what to do, as lines."""
    lines = []
    for each in judgement.findings:
        lines += [f"  {each.name}: {each.what}", f"    costs: {each.cost}", f"    do: {each.advice}"]
    return lines


def _plain(judgement: Judgement) -> dict[str, Any]:
    findings = [{**_fields(each), "calls": list(each.calls)} for each in judgement.findings]
    return {
        **judgement._asdict(),
        "verdict": judgement.verdict.value,
        "findings": findings,
        "story": _story(judgement.story),
    }


def _fields(finding: Finding) -> dict[str, Any]:
    return finding._asdict()


def _story(story: Story) -> dict[str, Any]:
    return {
        **story._asdict(),
        "jobs": [{"job_id": job.job_id, "stages": [stage._asdict() for stage in job.stages]} for job in story.jobs],
        "calls": [call._asdict() for call in story.calls],
        "webhooks": [webhook._asdict() for webhook in story.webhooks],
        "pauses": [list(pause) for pause in story.pauses],
    }


def _xml(text: str) -> str:
    """Return text without what XML cannot have."""
    return "".join(each if each in "\n\t" or each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
