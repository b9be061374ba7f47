"""One fake as transports see it: its engine, its admin routes and its images."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mock_akool import admin
from mock_akool._version import __version__
from mock_akool.akool import api
from mock_akool.akool.deliveries import Draft
from mock_akool.akool.engine import Engine
from mock_akool.akool.scenarios.middleware import ScenarioMiddleware
from mock_akool.core.call_log import Refusal
from mock_akool.core.clock import Clock, SteeredClock, VirtualClock
from mock_akool.core.downloads import PRECONDITION_FAILED, UNSATISFIABLE, etag, serve
from mock_akool.core.errors import ClockError
from mock_akool.core.http import Request, Response
from mock_akool.core.timeline import Status
from mock_akool.media.cache import MediaCache
from mock_akool.media.files import renderer
from mock_akool.server.memory import give_back
from mock_akool.server.settings import ScenarioSettings
from mock_akool.server.tokens import JwtTokens
from mock_akool.server.welcome import WELCOMING, welcome
from mock_akool.webhooks.delivery_modes import COLLECT, HTTP
from mock_akool.webhooks.dispatcher import Dispatcher

if TYPE_CHECKING:
    from mock_akool.akool.saved_state import FrozenState
    from mock_akool.server.state_file import Saved, StateFile
    from mock_akool.server.tls import Tls

_log = logging.getLogger("mock_akool")

_MODES: Final = {"http": HTTP, "collect": COLLECT}


class Application:
    """Answers calls. Safe to use from several threads."""

    def __init__(self, settings: ScenarioSettings, clock: Clock, access: admin.Access | None = None) -> None:
        self.engine = Engine(settings, clock, JwtTokens(settings.seed), _compose)
        self._api = ScenarioMiddleware(self.engine, settings.scenario_setup)
        self.scenarios = self._api.runtime
        self.media_cache = MediaCache(draw=renderer(settings.videos))
        self.dispatcher = Dispatcher(self.engine.outbox, clock, settings)
        self.access = access or admin.Access()
        self.tls: Tls | None = None
        """How the server of this fake speaks TLS."""
        self.state_file: StateFile | None = None
        """Where the state is kept over a restart."""
        self._steered = 0
        """How many admin requests may have changed something."""
        self._memos: list[Callable[[], None]] = []
        self._servers = 0

    @property
    def clock(self) -> Clock:
        """The fake's clock."""
        return self.engine.clock

    @property
    def max_body_bytes(self) -> int:
        """Up to how many bytes of a request's body the API reads."""
        return self.engine.settings.max_body_bytes

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response: of the admin routes below `/_mock/`, else of the emulated API."""
        if request.path.startswith(admin.PREFIX):
            if request.method != "GET":
                self._steered += 1
            if self.tls is not None and request.path == "/_mock/ca.pem":
                from mock_akool.server.tls import ca_response  # only live servers have it

                found = ca_response(self.tls, request)
                if found is not None:
                    return found
            return admin.answer(self, request)
        if request.path in WELCOMING and (page := welcome(request)) is not None:
            return page
        return self._answer_api(request)

    @property
    def again(self) -> Callable[[Request], Response | None]:
        """What answers a poll that came before as the same record, or returns None, and has done nothing then.

        For transports of live servers, which deliver webhooks by themselves.
        """
        return self._api.again

    slow_threads = 4
    """How many slow requests a server answers at a time."""
    asks_others = False
    """Whether it asks another server for its responses, so that each takes real time."""

    @property
    def is_slow(self) -> Callable[[Request], bool]:
        """What returns whether a request may take milliseconds, so that an event loop should not answer it itself."""
        return admin.is_slow

    def _answer_api(self, request: Request) -> Response:
        """Answer what is no admin request."""
        self.dispatcher.deliver_before(request)
        return self._api.answer(request)

    def note_refusal(self, peer: str, status: int, why: str, start: bytes = b"") -> Refusal:
        """Keep a record of what a client sent to a server that never became a request; returns it."""
        return self.engine.note_refusal(peer, status, why, start)

    def run_until_idle(self, account: str | None = None) -> None:
        """Move the clock to where no job's status will change any more by time alone, and no webhook is to be sent.

        With an API key that is said of that account's jobs only. Jobs that are stalled, or wait for polls, stay as they
        are. On a clock that runs, webhooks that fail and are to be sent again later are not waited for. Raises
        ClockError when the clock cannot be moved.
        """
        clock = self.movable_clock
        while True:
            self.dispatcher.deliver_due()
            now_ns = clock.now_ns()
            idle_ns = self.engine.idle_ns(now_ns, account)
            due_ns = self.engine.outbox.next_ns if account is None else None
            if idle_ns <= now_ns and due_ns is None:
                return
            # Webhooks that fall due on the way are sent on the way.
            clock.advance_to(max(idle_ns, now_ns if due_ns is None else due_ns))
            if not isinstance(clock, VirtualClock):
                return

    def reset(self, account: str | None = None) -> None:
        """Forget all that happened, and let a clock that was moved ahead of the machine's show its time again.

        With an API key, forget what happened to that account; the clock stays as it is. A live server gives the memory
        that this frees back to the machine.
        """
        if account is not None:
            self.engine.reset_account(account)
        else:
            self.engine.reset()
            if isinstance(self.clock, SteeredClock):
                # After the reset: what was due in the future is not sent on the way back.
                self.clock.set_to_machine()
                self.engine.reset()
        self._forget_memos()

    def _forget_memos(self) -> None:
        for forget in self._memos:
            forget()
        if self._servers:
            self.media_cache.clear()
            etag.cache_clear()
            give_back()

    # What is kept over a restart

    def freeze(self) -> FrozenState:
        """Return all that the fake knows now, to be made JSON."""
        from mock_akool.akool.saved_state import freeze

        return freeze(self.engine, self.scenarios, self.dispatcher.chosen_modes, __version__)

    @property
    def edition(self) -> object:
        """What is equal to an earlier one while nothing has happened to the fake."""
        return self.engine.position, self._steered

    def save(self) -> Saved | None:
        """Save the state file now; returns what was saved, or None when there is none. Raises MockAkoolError."""
        return None if self.state_file is None else self.state_file.save()

    def keep_in(self, state_file: StateFile) -> None:
        """Go on from the file of a state, if it is there, and keep it in that file; before a server is started.

        What is still to be sent when the server stops is then kept for the next. Raises MockAkoolError for a file that
        cannot be used.
        """
        self.dispatcher.keeps = True
        self.dispatcher.rest()  # nothing is sent before a server is there
        state_file.load()
        self.state_file = state_file

    def go_on_from(self, document: object, hint: str = "") -> None:
        """Forget all, and go on from a state that was made JSON and read from it.

        A clock that stood still shows the same instant again; one that ran has run on since. Raises StateError, or
        ClockError, which name what is wrong; nothing has changed then.
        """
        from mock_akool.akool.saved_state import go_on_from, read

        state = read(document, __version__, hint)
        go_on_from(self.engine, self.scenarios, state, hint)
        modes = {key or None: _MODES[kind] for key, kind in state.sending.items() if kind in _MODES}
        self.dispatcher.choose_modes(modes)
        self._forget_memos()

    def tick(self) -> None:
        """Do what a live server has to do now and then."""
        if isinstance(self.clock, SteeredClock):
            self.clock.follow()
        self.dispatcher.retry()

    def clears(self, forget: Callable[[], None]) -> None:
        """Call this at each reset: what it forgets is kept only to be faster."""
        self._memos.append(forget)

    @property
    def movable_clock(self) -> VirtualClock | SteeredClock:
        """The clock; raises ClockError when it is one that cannot be moved."""
        clock = self.engine.clock
        if not isinstance(clock, (VirtualClock, SteeredClock)):
            raise ClockError(
                f"this fake runs on a {type(clock).__name__}", "Only a VirtualClock or a SteeredClock can be moved"
            )
        return clock

    # What a client waits for

    @property
    def job_count(self) -> int:
        """How many jobs there are."""
        return self.engine.job_count

    def counts_polls(self, job_id: str) -> bool:
        """Return whether the life of this job depends on how often it is polled."""
        job = self.engine.job(job_id)
        return job is not None and job.timeline.counts_polls

    def newest_jobs(self, count: int) -> list[tuple[str, Status]]:
        """Return the `_id` and the status of so many jobs, the newest last."""
        return [(job.id, status) for job, status in self.engine.statuses(count)]

    # Live servers

    def listens_on(self, host: str) -> None:
        """Take note that a server is going to listen on this host: admin requests may use it as a name."""
        self.access.allow(host)

    def server_started(self) -> None:
        """Take note that a server takes calls from now on, so that webhooks are delivered though nobody moves time."""
        self._servers += 1
        self.dispatcher.open()

    def server_stopped(self, grace_s: float) -> None:
        """Take note that a server takes no more calls; webhooks that are under way have so many seconds."""
        self._servers -= 1
        self.dispatcher.close(grace_s)

    def carry_due(self, *, wait: bool = True) -> None:
        """Deliver the webhooks that are due; on a virtual clock that is done when this returns.

        Without `wait`, those that the dispatcher's own thread delivers are not waited for.
        """
        self.dispatcher.deliver_due(wait=wait)

    def carry_in_passing(self) -> None:
        """Deliver webhooks where that costs next to nothing, on whatever thread this is."""
        self.dispatcher.deliver_in_passing()

    def carry_by(self, way: str, account: str | None = None) -> None:
        """Send webhooks over `http` from now on, `collect` them, or do as at the `start`.

        All, or those of an account (by API key).
        """
        if way == "start":
            self.dispatcher.restore_mode(account)
        else:
            self.dispatcher.send_by(_MODES[way], account)

    def sending(self, account: str | None = None) -> str:
        """Return how webhooks are sent: `http`, `collect`, or `call` for a receiver in this process."""
        return self.dispatcher.mode_of_account(account).kind

    def ready(self, response: Response) -> tuple[Response, bytes] | None:
        """Return the response and its body if that needs no drawing, else None."""
        if response.media is None:
            return response, response.body
        file = self.media_cache.cached(response.media)
        return None if file is None else self._served(response, file)

    def complete(self, response: Response) -> tuple[Response, bytes]:
        """Return the response as it is sent, and its body; a file that nobody asked for before is drawn first.

        A file that cannot be drawn is a bug of ours, answered as such.
        """
        if response.media is None:
            return response, response.body
        try:
            return self._served(response, self.media_cache.get(response.media))
        except Exception as bug:
            _log.exception("mock-akool bug while drawing %s", response.media)
            response = api.bug_reply(bug)._replace(delay_ns=response.delay_ns)
            return response, response.body

    @staticmethod
    def _served(response: Response, file: bytes) -> tuple[Response, bytes]:
        """Return what of a file is sent, with its tag and dates (contract section 8)."""
        if response.kept is not None:
            file = file[: response.kept.of(len(file))]
        if response.download is None:
            return response, file
        status, headers, body = serve(response.download, file)
        if status in (PRECONDITION_FAILED, UNSATISFIABLE):
            _, headers, body, *_ = api.storage_refusal(status, headers)
            return response._replace(status=status, headers=headers), body
        return response._replace(status=status, headers=(*response.headers, *headers)), body


def _compose(draft: Draft) -> bytes:
    """Return the body of a webhook; what that takes is imported with the first one."""
    from mock_akool.webhooks.broken_envelopes import compose

    return compose(draft)
