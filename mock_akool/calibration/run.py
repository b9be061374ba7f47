"""Runs probes against a service, and judges each answer against what the fake does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from mock_akool.akool.families import CREATES, FakeSettings
from mock_akool.akool.settings import AccountSpec
from mock_akool.calibration.catalogue import PROBES
from mock_akool.calibration.errors import NotAskedError, NoValueError
from mock_akool.calibration.lives import JOBS
from mock_akool.calibration.local import LocalService
from mock_akool.calibration.probe import Probe
from mock_akool.calibration.service import CalibrationError, Service
from mock_akool.calibration.session import Credentials, Limits, Session, kind_of, price_of
from mock_akool.calibration.spending import Prices
from mock_akool.core.errors import SettingsError
from mock_akool.media.files import CONSTANT
from mock_akool.server.settings import ScenarioSettings, Settings

NO_LIMITS: Final = Limits()
"""The usual limits."""


class Verdict(StrEnum):
    """What became of a probe."""

    CONFIRMED = "confirmed"
    DIFFERS = "differs"
    NOT_ASKED = "not asked"


class Finding(NamedTuple):
    """What a probe found out.

    `seen` is what the service does and `here` what the fake does, each as JSON data; `why` is why it was not asked, or
    why no value of the setting does what the service does. `has_value` is whether `seen` is a value of the setting.
    """

    probe: Probe
    verdict: Verdict
    seen: Any = None
    here: Any = None
    why: str = ""
    has_value: bool = False


class Planned(NamedTuple):
    """A probe that is going to be asked and what it is expected to add to the costs, or why it is not."""

    probe: Probe
    cost: float = 0
    why_not: str = ""


@dataclass
class Calibration:
    """What was asked of a service and what it answered."""

    findings: Sequence[Finding]
    requests: int
    spent: float
    secrets: Collection[str] = field(default_factory=tuple)

    @property
    def differences(self) -> list[Finding]:
        """What differs from the fake."""
        return [each for each in self.findings if each.verdict is Verdict.DIFFERS]

    def count(self, verdict: Verdict) -> int:
        """Return how many probes have a verdict."""
        return sum(each.verdict is verdict for each in self.findings)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which the fake does what the service does, where they are not what they are now."""
        return {each.probe.setting: each.seen for each in self.differences if each.has_value}


_EMPTY_TRIALS: Final = "give the key of an account without credits with --empty-api-key, or --spend credits"


def plan(
    credentials: Credentials,
    settings: FakeSettings,
    limits: Limits,
    *,
    webhook: bool,
    families: Collection[str] = (),
    only: Collection[str] = (),
    probes: Iterable[Probe] = PROBES,
) -> list[Planned]:
    """Return what is going to be asked, the cheapest first, and what is not, and why.

    Without `families` all are asked about, and without `only` all probes are chosen.
    """
    wanted = [
        each
        for each in probes
        if (not families or not each.family or each.family in families) and (not only or each.name in only)
    ]
    found: list[Planned] = []
    prices, left = Prices(), limits.spend
    for probe in sorted(wanted, key=lambda each: sum(price for _, price in _paid(each, credentials, settings, {}))):
        missing = probe.missing(credentials, webhook=webhook)
        jobs = _paid(probe, credentials, settings, prices.seen)
        cost, needed = sum(price for _, price in jobs), prices.needed(jobs)
        if missing:
            found.append(Planned(probe, why_not=missing))
        elif needed > left or (probe.jobs and not limits.spend):
            more = f" and is asked where {needed:g} are left" if needed > cost else ""
            hint = f"; {_EMPTY_TRIALS}" if probe.trial and not probe.jobs else ""
            why_not = f"it costs about {cost:g} credits{more}, and --spend leaves {left:g}{hint}"
            found.append(Planned(probe, why_not=why_not))
        else:
            left -= cost
            for kind, price in jobs:
                prices.note(kind, price, price)
            found.append(Planned(probe, cost))
    return found


def _paid(
    probe: Probe, credentials: Credentials, settings: FakeSettings, made: Container[str]
) -> list[tuple[str, float]]:
    """Return the jobs that a probe makes beside those that were `made` before: their kinds and expected prices."""
    found: list[tuple[str, float]] = []
    if probe.trial and not (credentials.empty_key and probe.family != "live_avatar"):
        create = CREATES[probe.trial]
        kind = kind_of(probe.trial, probe.changes)
        body = {key: each for key, each in {**create.example, **probe.changes}.items() if each is not None}
        if kind not in made:
            found.append((kind, price_of(probe.trial, body, settings)))
    is_several = len(set(probe.jobs)) < len(probe.jobs)
    for name in probe.jobs:
        kind = kind_of(JOBS[name].endpoint, JOBS[name].changes)
        if is_several or kind not in made:
            found.append((kind, JOBS[name].price(settings)))
    return found


_KEY: Final = "mockakoolcalibratemockakoolcalib"
_STAND_INS: Final = Credentials(
    _KEY, "AAECAwQFBgcICQoLDA0ODw==", "other" + _KEY[5:], "empty" + _KEY[5:], "banned" + _KEY[6:]
)


def fake_of(settings: FakeSettings) -> tuple[LocalService, Credentials]:
    """Return a fake of this process with these settings and the accounts that probes need."""
    values = {name: getattr(settings, name) for name in FakeSettings.fields()}
    accounts = (
        AccountSpec(_STAND_INS.api_key, _STAND_INS.client_id, 100_000, banned=False),
        AccountSpec(_STAND_INS.other_key, None, 0, banned=False),
        AccountSpec(_STAND_INS.empty_key, None, 0, banned=False),
        AccountSpec(_STAND_INS.banned_key, None, 0, banned=True),
    )
    # Probes look at how a file is served, and not at what it shows: to draw videos took most of their time.
    values |= {"videos": CONSTANT, "strict": True, "accounts": accounts}
    return LocalService(ScenarioSettings(**values)), _STAND_INS


def calibrate(
    service: Service,
    credentials: Credentials,
    settings: FakeSettings,
    chosen: Sequence[Planned],
    *,
    limits: Limits = NO_LIMITS,
    media: Mapping[str, str] | None = None,
    progress: Callable[[int, int, Finding], None] = lambda done, all_of_them, finding: None,
) -> Calibration:
    """Ask a service what was planned, and compare it with a fake that has these settings.

    Raises CalibrationError when it does not answer, or refuses the key.
    """
    session = Session(service, credentials, settings, limits, media or {})
    session.hide(*credentials, *(media or {}).values(), service.webhook_url, *service.private)
    try:
        begun = session.start_balance()
    except NotAskedError as error:
        raise CalibrationError(
            f"the service does not answer as Akool's: {error}", "Check the URL and --api-key"
        ) from None
    findings: list[Finding] = []
    for planned in chosen:
        finding = _find(planned, session)
        findings.append(finding)
        progress(len(findings), len(chosen), finding)
    findings = _compared(findings, settings)
    try:
        spent = begun - session.balance()
    except NotAskedError:
        spent = session.spending.least
    return Calibration(findings, session.requests, max(spent, 0), frozenset(session.secrets))


def _find(planned: Planned, session: Session) -> Finding:
    """Return what a probe found out; what it saw of a fact without a setting is yet to be compared."""
    probe = planned.probe
    if planned.why_not:
        return Finding(probe, Verdict.NOT_ASKED, why=planned.why_not)
    here = _plain(getattr(session.settings, probe.setting)) if probe.setting else None
    try:
        seen = probe.read(session)
    except NotAskedError as error:
        return Finding(probe, Verdict.NOT_ASKED, here=here, why=str(error))
    except NoValueError as error:
        return Finding(probe, Verdict.DIFFERS, here=here, why=str(error))
    if not probe.setting:
        return Finding(probe, Verdict.CONFIRMED, seen)
    try:
        value = getattr(Settings(**{probe.setting: seen}), probe.setting)
    except SettingsError:
        return Finding(probe, Verdict.DIFFERS, seen, here, "the setting cannot have this value")
    if value == getattr(session.settings, probe.setting):
        return Finding(probe, Verdict.CONFIRMED, seen, here, has_value=True)
    return Finding(probe, Verdict.DIFFERS, seen, here, has_value=True)


def _compared(findings: Sequence[Finding], settings: FakeSettings) -> list[Finding]:
    """Return the findings with those of facts compared with what a fake shows to the same questions.

    It has the settings that were found out, so that no difference is reported twice: a fact differs where no setting
    explains it.
    """
    found = {each.probe.setting: each.seen for each in findings if each.probe.setting and each.has_value}
    with suppress(SettingsError):  # what was found out may not go together; then it is the fake as it is
        settings = settings.but(**found)
    local, stand_ins = fake_of(settings)
    # Time and credits of the fake cost nothing.
    reference = Session(local, stand_ins, settings, Limits(10**9, 10**9))

    def compared(finding: Finding) -> Finding:
        probe = finding.probe
        if probe.setting or finding.verdict is not Verdict.CONFIRMED:
            return finding
        try:
            here = probe.read(reference)
        except (NotAskedError, NoValueError) as error:
            return finding._replace(verdict=Verdict.DIFFERS, why=f"the fake shows nothing of this: {error}")
        return finding._replace(here=here, verdict=Verdict.CONFIRMED if finding.seen == here else Verdict.DIFFERS)

    return list(map(compared, findings))


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
