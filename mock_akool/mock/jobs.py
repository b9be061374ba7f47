"""A job of a fake in this process, to look at and to steer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_akool.akool.jobs import Job
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.timeline import Status, failed

if TYPE_CHECKING:
    from mock_akool.mock.local import LocalAkool


class JobHandle:
    """A job of a fake of this process, to look at and to decide the future of."""

    def __init__(self, fake: LocalAkool, job_id: str) -> None:
        self._engine = fake.engine
        self.id = job_id

    @property
    def record(self) -> Job:
        """The job as it is now; a frozen record."""
        with self._engine.lock:
            job = self._engine.job(self.id)
        if job is None:
            raise MockAkoolError(f"job {self.id} is gone", "It was forgotten by a reset")
        return job

    @property
    def status(self) -> Status:
        """The status that a poll would see now."""
        with self._engine.lock:
            return self._engine.change_of(self.record, self._engine.clock.now_ns()).status

    def complete(self) -> None:
        """Let the job be completed from now on."""
        with self._engine.lock:
            self._engine.complete(self.record.id, self._engine.clock.now_ns())

    def fail(self, *reasons: str, refund: bool = False) -> None:
        """Let the job have failed from now on, with these `error_reasons`."""
        with self._engine.lock:
            self._engine.fail(self.record.id, failed(*reasons, refund=refund), self._engine.clock.now_ns())

    def stall(self) -> None:
        """Let the job stay for ever at the status that it has now."""
        with self._engine.lock:
            self._engine.stall(self.record.id, self._engine.clock.now_ns())

    def __repr__(self) -> str:
        return f"<job {self.id} {self.status.name.lower()}>"
