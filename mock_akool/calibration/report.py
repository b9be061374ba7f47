"""What a calibration found out: for people, as JSON, and as a file of settings; without anything private."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from mock_akool._version import __version__
from mock_akool.calibration.run import Calibration, Finding, Planned, Verdict
from mock_akool.calibration.spending import DEARER

HIDDEN: Final = "…"
"""What stands for a thing that is private."""
FORMAT: Final = 1
"""The version of the form of a report."""

_PRIVATE: Final = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"  # an e-mail address
    r"|(?:https?|wss?)://[^\s\"'<>]+"  # a URL
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"  # a UUID
    r"|(?<![\w+/=-])(?=[\w+/=-]*\d)[\w+/-]{16,}={0,2}(?![\w+/=-])"  # an id, a key, a token
    r"|(?<!\d)\d{6,}(?!\d)"  # a uid, a time
)


def redacted(value: Any, secrets: Collection[str]) -> Any:
    """Return JSON data without what is private, in values and in keys.

    That are the `secrets`, which are known, and whatever looks like a token, an id, a key, an address or a URL.
    """
    known = sorted({each for secret in secrets for each in (secret, unquote(secret)) if len(each) > 3}, key=len)
    return _redacted(value, known[::-1])


def _redacted(value: Any, secrets: list[str]) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, HIDDEN)
            return _PRIVATE.sub(HIDDEN, value)
        case Mapping():
            return {_redacted(key, secrets): _redacted(each, secrets) for key, each in value.items()}
        case list() | tuple():
            return [_redacted(each, secrets) for each in value]
        case _:
            return value


def _rows(calibration: Calibration) -> list[dict[str, Any]]:
    return [_row(each, calibration.secrets) for each in calibration.findings]


def _row(finding: Finding, secrets: Collection[str]) -> dict[str, Any]:
    probe = finding.probe
    row: dict[str, Any] = {"probe": probe.name, "fact": probe.fact, "section": probe.section, "setting": probe.setting}
    row |= {"verdict": str(finding.verdict)}
    if finding.verdict is not Verdict.NOT_ASKED:
        row |= {"seen": redacted(finding.seen, secrets), "here": redacted(finding.here, secrets)}
        row["has_value"] = finding.has_value
    if finding.why:
        row["why"] = redacted(finding.why, secrets)
    return row


def as_json(calibration: Calibration, now: datetime | None = None) -> str:
    """Return the report as JSON: its date, the version, the counts, and a row for each probe."""
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d")
    report = {
        "format": FORMAT,
        "date": when,
        "mock_akool": __version__,
        "requests": calibration.requests,
        "credits": round(calibration.spent, 4),
        "counts": {str(each): calibration.count(each) for each in Verdict},
        "findings": _rows(calibration),
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


_WIDEST: Final = 60


def as_text(calibration: Calibration) -> str:
    """Return the report as a table for a terminal: what differs, what was confirmed, and what was not asked and why."""
    rows = _rows(calibration)
    width = max((len(row["probe"]) for row in rows), default=0)
    lines: list[str] = []
    for verdict in (Verdict.DIFFERS, Verdict.CONFIRMED, Verdict.NOT_ASKED):
        chosen = [row for row in rows if row["verdict"] == verdict]
        lines += [f"{verdict} ({len(chosen)})"] if chosen else []
        lines += [f"  {row['probe']:<{width}}  {_said(row, verdict)}".rstrip() for row in chosen]
    lines.append(
        f"{calibration.requests} requests, {calibration.spent:g} credits: "
        + ", ".join(f"{calibration.count(each)} {each}" for each in Verdict)
    )
    return "\n".join(lines)


def _said(row: Mapping[str, Any], verdict: Verdict) -> str:
    if verdict is Verdict.NOT_ASKED:
        return str(row["why"])
    if verdict is Verdict.CONFIRMED:
        return _short(row["seen"])
    seen = _short(row["seen"]) if row["has_value"] or "why" not in row else row["why"]
    if not row["setting"] and isinstance(row["seen"], dict) and isinstance(row["here"], dict):
        return _short("; ".join(_parts(row["seen"], row["here"])))
    return f"{seen}, and the fake {_short(row['here'])}"


def _parts(seen: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return what differs between two objects, key by key."""
    found = []
    for key in [*seen, *(each for each in here if each not in seen)]:
        there, ours = seen.get(key), here.get(key)
        if there == ours:
            continue
        if isinstance(there, list) and isinstance(ours, list):
            more, less = ([each for each in one if each not in other] for one, other in ((there, ours), (ours, there)))
            found.append(f"{key}: {' '.join([*(f'+{each}' for each in more), *(f'-{each}' for each in less)])}")
        else:
            found.append(f"{key}: {_short(there)}, and the fake {_short(ours)}")
    return found


_PLAIN_TOML: Final = re.compile(r"[\x7f]")


def _as_toml(value: Any) -> str:
    if isinstance(value, str):
        # A JSON text is a TOML one, but for DEL.
        return _PLAIN_TOML.sub("\\\\u007f", json.dumps(value, ensure_ascii=False))
    return json.dumps(value)


def as_toml(calibration: Calibration, now: datetime | None = None) -> str:
    """Return a file of settings with which the fake does what the service did, as far as settings can.

    Those that are confirmed are not in it: the fake has them already. A value that has something private in it is left
    out, and a comment says so.
    """
    when = (now or datetime.now(UTC)).strftime("%Y-%m-%d")
    lines = [f"# What a service did on {when}, found out by `mock-akool calibrate` {__version__}."]
    for name, value in calibration.settings.items():
        if redacted(value, calibration.secrets) == value:
            lines.append(f"{name} = {_as_toml(value)}")
        else:
            lines.append(f"# {name} is left out: its value has something private in it")
    unexplained = [each.probe.name for each in calibration.differences if not each.has_value]
    lines += [f"# no setting explains what {name} found" for name in unexplained]
    return "\n".join(lines) + "\n"


_PROMISE: Final = (
    f"No job is made unless {DEARER} times its expected price is left, or what an equal job cost. The service may",
    "still charge more for one; then none follows. An account with no more credits than --spend is a firm limit.",
)


def as_plan(chosen: Collection[Planned], limits: Any) -> str:
    """Return what is going to be asked, for people: how many probes, and what they are expected to cost."""
    asked = [each for each in chosen if not each.why_not]
    cost = sum(each.cost for each in asked)
    free = sum(not each.cost and not each.probe.jobs for each in asked)
    lines = [
        f"{len(asked)} probes, {len(chosen) - len(asked)} are left out.",
        f"{free} of them cost nothing, the others about {cost:g} credits; --spend allows {limits.spend:g}.",
        *(_PROMISE if limits.spend else ()),
        f"At most {limits.requests} requests, "
        + (f"at least {limits.pace_s:g} s apart." if limits.pace_s else "without a pause."),
    ]
    dear = [each for each in asked if each.cost]
    lines += [f"  {each.probe.name}: about {each.cost:g}" for each in dear[:_MOST_SHOWN]]
    if len(dear) > _MOST_SHOWN:
        lines.append(f"  and {len(dear) - _MOST_SHOWN} more")
    return "\n".join(lines)


_MOST_SHOWN: Final = 20
