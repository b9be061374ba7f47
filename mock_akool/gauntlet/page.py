"""The report as one page of HTML that needs nothing else: for each scenario the timeline, the findings, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from mock_akool.core.timeline import STATUS_WORDS, Status
from mock_akool.diagnostics.describe import counted
from mock_akool.gauntlet.judging import Judgement, Verdict
from mock_akool.gauntlet.report import GauntletReport
from mock_akool.gauntlet.rules import Finding
from mock_akool.gauntlet.story import Story

_WIDTH: Final = 900
_LEFT: Final = 90
_ROW: Final = 26
_MOST_TICKS: Final = 6
_MOST_JOBS: Final = 8
"""How many jobs a drawing has at most."""

_COLOURS: Final = dict(zip(STATUS_WORDS, ("#9aa7b8", "#4c8bd8", "#3a9d5d", "#c9463d"), strict=True))
"""Of stages, by status; a call that went well has the colour of a completed job, another one that of a failed."""
_WELL: Final = _COLOURS[Status.COMPLETED.word]
_WRONG: Final = _COLOURS[Status.FAILED.word]
_OF_VERDICTS: Final = {
    Verdict.SURVIVED: "good",
    Verdict.GAVE_UP: "good",
    Verdict.FAILED: "bad",
    Verdict.HUNG: "bad",
    Verdict.CRASHED: "bad",
    Verdict.NOT_JUDGED: "open",
}

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3em .6em;
  border-bottom: 1px solid var(--line); vertical-align: top; }
section { border: 1px solid var(--line); border-radius: 8px; padding: .2em 1.2em 1em; margin: 1.5em 0; }
.mark { border-radius: 4px; padding: .1em .5em; color: #fff; white-space: nowrap; }
.good { background: #2c7d49; } .bad { background: #b23a32; } .open { background: #6b7280; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
.found { background: var(--soft); border-left: 4px solid #b23a32; padding: .4em 1em; margin: .6em 0; }
code, pre { font-size: 13px; } pre { overflow-x: auto; background: var(--soft); padding: .6em; }
"""


def as_html(report: GauntletReport) -> str:
    """Return the page of a report: HTML with its style and its drawings inside."""
    rows = "".join(map(_row, report.judgements))
    sections = "".join(_section(number, each) for number, each in enumerate(report.judgements))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>The gauntlet</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>\n'
        f"<h1>The gauntlet: {escape(report.score)}</h1>\n{_legend()}\n"
        f"<table><thead><tr><th>Scenario</th><th>Verdict</th><th>Why</th></tr></thead><tbody>{rows}</tbody></table>\n"
        f"{sections}</body></html>\n"
    )


def _mark(judgement: Judgement) -> str:
    known = " (known)" if judgement.is_known else ""
    return f'<span class="mark {_OF_VERDICTS[judgement.verdict]}">{judgement.verdict}{known}</span>'


def _row(judgement: Judgement) -> str:
    return (
        f"<tr><td><code>{escape(judgement.scenario)}</code></td><td>{_mark(judgement)}</td>"
        f"<td>{escape(judgement.why)}</td></tr>"
    )


def _section(number: int, judgement: Judgement) -> str:
    calls = "\n".join(f"{call.at:9.3f} s  {escape(call.text)}" for call in judgement.story.calls)
    left_out = f"\n({judgement.story.left_out} calls between these are left out)" if judgement.story.left_out else ""
    return (
        f'<section id="run-{number}"><h2>{escape(judgement.scenario)} {_mark(judgement)}</h2>'
        f"<p>Seed {judgement.seed}. {escape(judgement.why)}</p>{''.join(map(_found, judgement.findings))}"
        f"{drawing(judgement.story)}<details><summary>{counted(len(judgement.story.calls), 'call')}</summary>"
        f"<pre>{calls}{left_out}</pre></details></section>\n"
    )


def _found(finding: Finding) -> str:
    return (
        f'<div class="found"><b>{escape(finding.name)}</b>: {escape(finding.what)}<br>'
        f"In production: {escape(finding.cost)}.<br>Do: {escape(finding.advice)}.</div>"
    )


def _legend() -> str:
    boxes = "".join(
        f'<rect x="{110 * at}" y="2" width="12" height="12" fill="{colour}"/>'
        f'<text x="{110 * at + 18}" y="12">{status}</text>'
        for at, (status, colour) in enumerate(_COLOURS.items())
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} 18" role="img" aria-label="colours">{boxes}<circle cx="446" cy="8" r="4" '
        f'fill="{_WELL}"/><text x="458" y="12">call</text><circle cx="506" cy="8" r="4" fill="{_WRONG}"/>'
        '<text x="518" y="12">call that went wrong</text><path d="M660 3l6 10h-12z" fill="#a05fc4"/>'
        '<text x="672" y="12">webhook</text></svg>'
    )


# The drawing


def drawing(story: Story) -> str:
    """Return the timeline of a story as SVG, to stand within a page."""
    jobs = story.jobs[:_MOST_JOBS]
    height = _ROW * (len(jobs) + 3)
    parts = [*_axis(story, height), *_lives(story), *_calls(story, len(jobs)), *_webhooks(story, len(jobs) + 1)]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="jobs, calls and pauses over time">'
        f"{''.join(parts)}</svg>"
    )


def _x(story: Story, second: float) -> float:
    """Return where an instant is drawn; what comes after the end of the story is drawn at the end."""
    ends = _ends(story)
    return round(_LEFT + (_WIDTH - _LEFT - 40) * min(max(second, 0.0), ends) / ends, 1)


def _ends(story: Story) -> float:
    """Return up to which second a story is drawn: to its end, but at least one second."""
    return max(story.ends, 1.0)


def _axis(story: Story, height: int) -> Iterator[str]:
    for tick in range(_MOST_TICKS + 1):
        second = _ends(story) * tick / _MOST_TICKS
        x = _x(story, second)
        yield f'<path d="M{x} 0V{height - 14}" stroke="currentColor" opacity=".15"/>'
        yield f'<text x="{x}" y="{height - 2}" text-anchor="middle">{second:.3g} s</text>'


def _lives(story: Story) -> Iterable[str]:
    for row, job in enumerate(story.jobs[:_MOST_JOBS]):
        y = _ROW * row + 4
        yield f'<text x="0" y="{y + 13}">job {row + 1}</text>'
        for stage in job.stages:
            if stage.begins > _ends(story):
                continue
            x, end = _x(story, stage.begins), _x(story, _ends(story) if stage.ends is None else stage.ends)
            yield (
                f'<rect x="{x}" y="{y}" width="{max(end - x, 2):.1f}" height="16" rx="2" '
                f'fill="{_COLOURS[stage.status]}"><title>{escape(job.job_id)} {stage.status} from {stage.begins} s'
                "</title></rect>"
            )


def _calls(story: Story, row: int) -> Iterable[str]:
    y = _ROW * row + 12
    yield f'<text x="0" y="{y + 4}">calls</text>'
    for begin, end in story.pauses:
        yield (
            f'<path d="M{_x(story, begin)} {y}H{_x(story, end)}" stroke="currentColor" opacity=".4" '
            f'stroke-dasharray="2 3"><title>a pause of {end - begin:.3g} s</title></path>'
        )
    for call in story.calls:
        colour = _WELL if call.rule is None and not call.refused else _WRONG
        yield (
            f'<circle cx="{_x(story, call.at)}" cy="{y}" r="4" fill="{colour}"><title>{escape(call.text)}</title>'
            "</circle>"
        )


def _webhooks(story: Story, row: int) -> Iterable[str]:
    y = _ROW * row + 12
    if story.webhooks:
        yield f'<text x="0" y="{y + 4}">webhooks</text>'
    for each in story.webhooks:
        x = _x(story, each.at)
        yield (
            f'<path d="M{x} {y - 5}l6 10h-12z" fill="#a05fc4"><title>{each.status}: {escape(each.state)} at {each.at} s'
            "</title></path>"
        )
