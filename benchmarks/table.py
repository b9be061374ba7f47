"""The rows that benchmarks produce: a measured value, its target, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Verdict = Literal["pass", "miss", "info", "skipped", "error"]

_HEADINGS = ("benchmark", "measured", "target", "verdict", "saved", "change", "note")


@dataclass(frozen=True)
class Target:
    sense: Literal[">=", "<="]
    value: float

    def met_by(self, measured: float) -> bool:
        return measured >= self.value if self.sense == ">=" else measured <= self.value

    def __str__(self) -> str:
        return f"{self.sense} {self.value:g}"


def at_least(value: float) -> Target:
    return Target(">=", value)


def at_most(value: float) -> Target:
    return Target("<=", value)


@dataclass(frozen=True)
class Row:
    """One line of the report. Without a value, `note` says why it was not measured."""

    name: str
    value: float | None
    unit: str = ""
    target: Target | None = None
    note: str = ""
    failed: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.failed:
            return "error"
        if self.value is None:
            return "skipped"
        if self.target is None:
            return "info"
        return "pass" if self.target.met_by(self.value) else "miss"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": None if self.value is None else float(f"{self.value:.4g}"),
            "unit": self.unit,
            "target": None if self.target is None else str(self.target),
            "verdict": self.verdict,
            "note": self.note,
        }


@dataclass(frozen=True)
class Benchmark:
    """A named measurement; `by_default` is False for those that only `--only` starts."""

    name: str
    about: str
    run: Callable[[bool], Iterable[Row]]
    by_default: bool = True


def skipped(name: str, why: str) -> Row:
    return Row(name, None, note=f"skipped: {why}")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{digits} {unit}".rstrip() if unit != "x" else f"{digits}x"


def _change(value: float | None, saved: float | None) -> str:
    if value is None or not saved:
        return ""
    return f"{(value / saved - 1) * 100:+.0f} %"


def render(rows: Sequence[Row], saved: Mapping[str, float]) -> str:
    """Neat columns, for a person: numbers right, words left."""
    cells = [
        (
            row.name,
            _number(row.value, row.unit),
            str(row.target or ""),
            row.verdict,
            _number(saved[row.name], row.unit) if row.name in saved else "",
            _change(row.value, saved.get(row.name)),
            row.note,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (_HEADINGS, *cells)) for column in range(len(_HEADINGS))]
    lines = []
    for line in (_HEADINGS, tuple("-" * len(heading) for heading in _HEADINGS), *cells):
        name, measured, target, verdict, before, change, note = (
            text.rjust(width) if column in {1, 4, 5} else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join((name, measured, target, verdict, before, change, note)).rstrip())
    return "\n".join(lines)
