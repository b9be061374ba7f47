"""Jobs that are made to be watched: what they cost, what each poll shows, their files and their webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, NamedTuple

from mock_akool.akool.errors import EnvelopeError
from mock_akool.akool.families import CREATES, FAMILY_OF, FakeSettings, Family, Results
from mock_akool.calibration.errors import NotAskedError
from mock_akool.calibration.probe import need
from mock_akool.calibration.service import Reply
from mock_akool.calibration.session import Session, price_of, record_with
from mock_akool.core.timeline import Status
from mock_akool.webhooks.envelope import open_envelope

_FIRST_STEP_S: Final = 1.0
_WEBHOOK_PATIENCE_S: Final = 20.0
_QUIET_S: Final = 30.0
_SLACK: Final = 0.05
"""How much longer polls wait for each second that a job has taken."""


class Poll(NamedTuple):
    """What one poll showed: when, in seconds since the job was made, its status, and its record."""

    at_s: float
    status: int | None
    record: dict[str, Any] | None


class Webhook(NamedTuple):
    """A webhook about a job: when it came, in seconds since the job was made, and what it said."""

    at_s: float
    payload: Mapping[str, Any]


class Planned(NamedTuple):
    """A job that a calibration may make. `after` is the name of the job that it continues."""

    endpoint: str
    changes: Mapping[str, Any] = {}
    after: str = ""
    webhook: bool = False
    early: Callable[[Session, str], Any] | None = None
    """What is asked right after it was made."""
    is_answered: bool = True
    """Whether its webhooks are answered with HTTP 200."""

    @property
    def family(self) -> Family[Any]:
        """Its family."""
        return FAMILY_OF[self.endpoint]

    def price(self, settings: FakeSettings) -> float:
        """Return what it costs here."""
        return price_of(self.endpoint, {**CREATES[self.endpoint].example, **self.changes}, settings)


@dataclass
class Life:
    """What was seen of a job."""

    reply: Reply
    id: str
    cost: float | None
    polls: list[Poll] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)
    early: Any = None

    @property
    def created(self) -> dict[str, Any]:
        """Its record right after it was made."""
        return record_with(self.reply.json, "_id") or {}

    @property
    def last(self) -> Poll:
        """The last poll."""
        return self.polls[-1]

    @property
    def completed(self) -> dict[str, Any]:
        """Its record when it is completed; raises NotAskedError when it did not get there."""
        need(self.polls and self.last.status == Status.COMPLETED and self.last.record, "the job was not completed")
        return self.last.record or {}

    def stage(self, status: int) -> tuple[float, float]:
        """Return between which seconds since it was made it came to a status, or beyond; raises NotAskedError."""
        before = 0.0
        for poll in self.polls:
            if poll.status is not None and poll.status >= status:
                return before, poll.at_s
            before = poll.at_s
        raise NotAskedError(f"the job never came to status {status}")


def _results_of(family: Family[Any]) -> Results:
    return family.readings[0].results


def live(session: Session, name: str) -> Life:
    """Return the life of a planned job, which is made the first time."""
    return session.once(f"life {name}", lambda: _live(session, JOBS[name]))


def _live(session: Session, planned: Planned) -> Life:
    changes = dict(planned.changes)
    if planned.after:
        parent = live(session, planned.after)
        need(parent.completed, "the job that it continues was not completed")
        changes[CREATES[planned.endpoint].parent_field] = parent.id
    before = session.balance()
    if not planned.is_answered:
        session.service.answer_webhooks_with(500)
    try:
        return _watched(session, planned, changes, before)
    finally:
        session.service.answer_webhooks_with(200)


def _watched(session: Session, planned: Planned, changes: Mapping[str, Any], before: float) -> Life:
    reply = session.create(planned.endpoint, changes, webhook=planned.webhook)
    began_s = session.service.now_s()
    row = record_with(reply.json, "_id")
    need(reply.is_ok and row, f"the job was not made: code {reply.code}")
    job_id = str((row or {})["_id"])
    session.hide(job_id, *((row or {}).get(key) for key in ("uid", "team_id", "task_id", "video_id", "job_id")))
    life = Life(reply, job_id, None)
    if planned.early is not None:
        life.early = planned.early(session, job_id)
    _poll_to_end(session, planned.family, life, began_s)
    life.cost = before - session.balance()
    if planned.webhook and session.service.webhook_url:
        _wait_for_webhooks(session, planned, life, began_s)
    return life


def _poll_to_end(session: Session, family: Family[Any], life: Life, began_s: float) -> None:
    results = _results_of(family)
    over = (Status.COMPLETED, Status.FAILED) if family.makes_files else (Status.PROCESSING,)
    while True:
        reply = session.poll(results, life.id)
        at_s = session.service.now_s() - began_s
        record = record_with(reply.json, results.status_word)
        status = record[results.status_word] if record else None
        life.polls.append(Poll(at_s, status if isinstance(status, int) else None, record))
        if status in over:
            return
        need(at_s < session.limits.patience_s, f"the job took more than {session.limits.patience_s:g} s")
        session.pause(max(_FIRST_STEP_S - session.limits.pace_s, at_s * _SLACK))


def _payloads(session: Session, job_id: str, began_s: float) -> list[Webhook]:
    found = []
    for each in session.service.webhooks():
        try:
            payload = open_envelope(each.body, session.credentials.client_id, session.credentials.api_key)
        except EnvelopeError:
            continue  # of another account, or nobody's
        if payload.get("_id") == job_id:
            found.append(Webhook(each.at_s - began_s, payload))
    return found


def _wait_for_webhooks(session: Session, planned: Planned, life: Life, began_s: float) -> None:
    """Wait for the webhook of the end; of one that is not answered, until it comes no more."""
    end = life.last.status
    start_s = session.service.now_s()
    while True:
        life.webhooks = _payloads(session, life.id, began_s)
        ends = [each.at_s for each in life.webhooks if each.payload.get("status") == end]
        now_s = session.service.now_s()
        if planned.is_answered:
            if ends or now_s - start_s > _WEBHOOK_PATIENCE_S:
                return
        else:
            gaps = [later - earlier for earlier, later in pairwise(ends)]
            patience_s = max(_QUIET_S, *(3 * gap for gap in gaps)) if gaps else _QUIET_S
            quiet_s = now_s - began_s - ends[-1] if ends else now_s - start_s
            if quiet_s > patience_s or now_s - start_s > session.limits.patience_s:
                return
        session.pause(_FIRST_STEP_S)


# The jobs


def _sound_of_unfinished(session: Session, job_id: str) -> int | NotAskedError | None:
    try:
        return session.create("updateVideoAudio", {"pre_video_id": job_id}).code
    except NotAskedError as error:
        return error


JOBS: Final[Mapping[str, Planned]] = {
    "image": Planned("createbyprompt", webhook=True),
    "image unanswered": Planned("createbyprompt", webhook=True, is_answered=False),
    "image 1080p": Planned("createBySourcePrompt", {"resolution": "1080p", "scale": "1:1"}, webhook=True),
    "image 4k": Planned("createBySourcePrompt", {"resolution": "4k", "scale": "1:1"}, webhook=True),
    "button": Planned("createbybutton", {"button": "U1"}, after="image", webhook=True),
    "variation": Planned("createbybutton", {"button": "V1"}, after="image", webhook=True),
    "image batch": Planned("createBySourcePrompt", {"resolution": "1080p", "batch_quantity": 2}, webhook=True),
    "tts": Planned("voice/tts", webhook=True),
    "audio": Planned("audio/create", webhook=True),
    "audio clone": Planned("audio/clone", webhook=True),
    "face swap": Planned("specifyimage", webhook=True),
    "face swap of a video": Planned("specifyvideo", webhook=True),
    "face swap pro": Planned("faceswapByImage"),
    "face swap plus": Planned("faceswapPlusByImage", webhook=True),
    "reage": Planned("imgreage", webhook=True),
    "talking photo": Planned("createbytalkingphoto", webhook=True),
    "talking avatar": Planned("talkingavatar/create", webhook=True),
    "lipsync": Planned("lipsync", webhook=True),
    "translation": Planned("createbytranslate", webhook=True),
    "character swap": Planned("characterSwap/create", {"resolution": "480p"}, webhook=True),
    "video of an image": Planned(
        "image2Video/createBySourcePrompt",
        {"audio_type": 3, "negative_prompt": "blurred"},
        webhook=True,
        early=_sound_of_unfinished,
    ),
    "video of a text": Planned("text2Video/createByPrompt/batch", {"count": 1}, webhook=True),
}
"""The jobs that a calibration may make, by name: at least one of each family whose jobs cost credits."""
