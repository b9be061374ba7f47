"""MockAkool: one object that is a whole fake, with its doors, its clock and its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_akool.core.behaviour import Behaviour
from mock_akool.core.clock import Clock, VirtualClock
from mock_akool.core.models import Call, Exchange, Job, Reply
from mock_akool.core.timeline import COMPLETED, Ending, Timeline
from mock_akool.service import Service

if TYPE_CHECKING:
    from flask import Flask

    from mock_akool.doors.server import Server


class MockAkool:
    """A fake of Akool's image API.

    `options` are those of `Behaviour`, such as `seed=7`, `profile="documented"`, `credits=10`; a bad one raises
    SettingsError. `clock` is a VirtualClock that stands still unless you give another.
    """

    def __init__(self, *, clock: Clock | None = None, **options: Any) -> None:
        self.clock: Clock = VirtualClock() if clock is None else clock
        self.service = Service(Behaviour.of(**options), self.clock)
        self.engine = self.service.engine

    def answer(self, call: Call) -> Reply:
        """Turn a Call into a Reply, as every door does."""
        return self.service.answer(call)

    def next_job(self, *, queueing: object = 0, processing: object = 0, ending: Ending = COMPLETED) -> None:
        """Script one of the next jobs: how long it shows status 1, then 2, and how it ends.

        Lengths are seconds, or text such as `'3 polls'` or `'forever'`. Several calls line up, one for each
        job that is created.
        """
        timeline = Timeline.of(queueing, processing, ending)
        with self.engine.lock:
            self.engine.planned.append(timeline)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order of their creation."""
        with self.engine.lock:
            return self.engine.jobs()

    @property
    def calls(self) -> tuple[Exchange, ...]:
        """What was asked and answered, oldest first; as many as `journal_size` says."""
        with self.engine.lock:
            return self.engine.journal.entries()

    def reset(self) -> None:
        """Forget jobs, calls, plans and spent credits."""
        with self.engine.lock:
            self.engine.reset()

    def app(self) -> Flask:
        """Return a Flask app that answers for this fake."""
        from mock_akool.doors.flask_app import create_app

        return create_app(self)

    def server(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Return a live server that answers for this fake; use it in a `with` block, its `url` says where."""
        from mock_akool.doors.server import Server

        return Server(self.service, host, port)
