"""The record of a job, the same for all families.

Instants are integer nanoseconds since the epoch (`*_ns`), because sums of floats drift. The API's milliseconds are
made where records are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from mock_akool.akool.accounts import Account, Credits
from mock_akool.akool.overrides import ResultOverride
from mock_akool.core.timeline import Timeline


class Topic(NamedTuple):
    """What a job is about, as scenarios match it and images show it; empty text where its family has no such thing."""

    prompt: str = ""
    scale: str = ""
    model_name: str = ""


class JobInput(Protocol):
    """The checked request that created a job: a record of its family."""

    __slots__ = ()

    @property
    def webhook_url(self) -> str:
        """Where to send its webhooks; empty text for none."""
        ...

    @property
    def topic(self) -> Topic:
        """What the job is about."""
        ...

    def _asdict(self) -> dict[str, Any]:
        """Return its fields by name, as every NamedTuple does."""
        ...


class NewJob(NamedTuple):
    """A job that is about to be made, as scenarios see it.

    `prompt` is what its own request says, which may name scenarios; `topic` is what it is about.
    """

    endpoint: str
    prompt: str
    topic: Topic
    parent_id: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A job as it was made, and what happened to it since. Its status is computed, see `timeline.status_at`.

    `endpoint` is the create that made it, which tells its family. `origin` is the input whose subject its files show:
    its own, or for a job that continues another one that of the first ancestor. `polls` holds the instants of the
    polls as long as the timeline needs them. `stamp_ms` is a 13-digit number that no other job has, near its
    completion; names of files are made of it. `file_base` is the scheme and host where the creating client sees
    files, empty for the real ones. `place` counts the jobs of a batch from 0: they live at the same time, but each
    `create_time` is a millisecond later than the one before (contract section 4).

    Two jobs are equal only when they are the same object: that makes them cheap keys of a cache.
    """

    id: str
    account: Account
    endpoint: str
    input: JobInput
    origin: JobInput
    created_ns: int
    cost: Credits
    timeline: Timeline
    stamp_ms: int
    file_base: str
    place: int = 0
    polls: tuple[int, ...] = ()
    parent_id: str | None = None
    """The job that it continues."""
    used: tuple[str, ...] = ()
    """What of it was used up by jobs that continue it, such as buttons, in order."""
    number: int = 1
    """It is the account's n-th job."""
    job_script: str | None = None
    """Which job script it follows; None when nobody scripted it."""
    deleted_ns: int | None = None
    """When its account deleted it by the API, which does not know it since."""
    result: ResultOverride | None = None
    """What its script says of its result, where that is not as usual."""

    @property
    def topic(self) -> Topic:
        """What it is about; see `topic_of`."""
        return topic_of(self.input, self.origin)

    @property
    def webhook_url(self) -> str:
        """Where its webhooks are sent; empty text for none."""
        return self.input.webhook_url


def topic_of(input: JobInput, origin: JobInput) -> Topic:
    """Return what a job is about: the prompt and the scale of its origin, the model of its own request."""
    return origin.topic._replace(model_name=input.topic.model_name)
