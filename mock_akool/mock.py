"""MockAkool: one object that is a whole fake, with its doors, its clock and its journal."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Never, Self, TypeVar
from urllib.parse import urlsplit

from mock_akool.calls import Calls
from mock_akool.core.behaviour import read_ending
from mock_akool.core.clock import Clock, VirtualClock
from mock_akool.core.codes import API_URL, CDN_URL, Status
from mock_akool.core.director import Entry, RuleInForce
from mock_akool.core.errors import ClockError, MockAkoolError, ScenarioError, UnfiredRuleError
from mock_akool.core.models import Account, Call, Job, Reply
from mock_akool.core.options import Kind, one_of, option, optional
from mock_akool.core.scenario import JobScript, Result, Rule
from mock_akool.core.scenario_shapes import ENDPOINTS, RESULT, STAGES
from mock_akool.core.shapes import unknown_key
from mock_akool.core.timeline import COMPLETED, FOREVER, Duration, Ending, Stage, Timeline, failed
from mock_akool.rules import RuleDraft
from mock_akool.scripting import ScriptedBehaviour
from mock_akool.service import Service
from mock_akool.unfired import unfired, why_not
from mock_akool.webhooks.view import Webhooks

if TYPE_CHECKING:
    from flask import Flask

    from mock_akool.doors.in_process import Target
    from mock_akool.doors.server import Server
    from mock_akool.doors.sleep import Naps

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_HOSTS: Final = (urlsplit(API_URL).netloc, urlsplit(CDN_URL).netloc)


def _read_base_url(value: Any) -> str:
    parts = urlsplit(str(value))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(value)
    return str(value).rstrip("/")


def _read_hosts(value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else list(value)
    hosts = tuple(str(name).strip() for name in names)
    if not all(hosts) or any("/" in host for host in hosts):
        raise ValueError(value)
    return hosts


@dataclass(frozen=True, kw_only=True)
class MockOptions(ScriptedBehaviour):
    """The options of a MockAkool: those of the engine, and how it sits in the process."""

    unfired_rules: str = option(
        "error",
        one_of(("error", "warn", "ignore")),
        "what becomes of a test in which a rule never fired, such as one for a second poll that never came",
    )

    sleep: str = option(
        "virtual", one_of(("virtual", "real")), "whether sleep moves the clock while a job is on its way"
    )
    sleep_limit: Duration = option(
        Duration.of("1h"), Kind("a duration such as '1h'", Duration.of), "after how much virtual sleep a test is ended"
    )
    other_hosts: str = option(
        "pass", one_of(("pass", "refuse")), "what becomes of requests to other hosts; this machine is always allowed"
    )
    base_url: str | None = option(
        None,
        optional(Kind("a scheme and a host such as https://akool.test", _read_base_url)),
        "a host of your own that is answered too",
    )
    hosts: tuple[str, ...] = option(
        _HOSTS, Kind("hosts, separated by commas", _read_hosts), "the hosts that are answered in process"
    )


class MockAkool:
    """A fake of Akool's image API.

    `options` are those of `MockOptions`, such as `seed=7`, `profile="documented"`, `credits=10`; a bad one raises
    SettingsError. `clock` is a VirtualClock that stands still unless you give another.

    As a context manager, or as a decorator of functions, coroutines and test classes, it answers what `requests`,
    `httpx` and `aiohttp` send to Akool's hosts from this process.
    """

    def __init__(self, *, clock: Clock | None = None, **options: Any) -> None:
        self.options = MockOptions.of(**options)
        self.service = Service(self.options, VirtualClock() if clock is None else clock)
        self.engine = self.service.engine
        self._drafts: dict[int, RuleDraft] = {}
        """Rules that were begun and not ended."""
        self._target: Target | None = None
        self._naps: Naps | None = None
        self._start_ns = self.engine.clock.now_ns()

    # In process

    def start(self) -> Self:
        """Answer from now on what this process sends to Akool; `stop` ends it."""
        from mock_akool.doors import in_process, sleep

        if self._target is not None:
            raise MockAkoolError("this MockAkool is active already", "Use one `with` block for each, or another one")
        hosts = [*self.options.hosts]
        if self.options.base_url is not None:
            hosts.append(urlsplit(self.options.base_url).netloc)
        target = in_process.Target(self.service, hosts, refuse_others=self.options.other_hosts == "refuse")
        in_process.activate(target)
        self._target = target
        self.service.courier.go_on()
        clock = self.engine.clock
        if self.options.sleep == "virtual" and isinstance(clock, VirtualClock):
            self._naps = sleep.Naps(target, clock, self.options.sleep_limit.ns)
            sleep.activate(self._naps, target)
        return self

    def stop(self) -> None:
        """Take everything back that `start` changed. Does nothing when it is not active."""
        from mock_akool.doors import in_process, sleep

        target, naps, self._target, self._naps = self._target, self._naps, None, None
        with ExitStack() as last:
            last.callback(self.service.courier.rest)
            if target is not None:
                last.callback(in_process.deactivate, target)
            if naps is not None and target is not None:
                sleep.deactivate(naps, target)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            self.verify()

    def __call__(self, decorated: _Decorated) -> _Decorated:
        """Decorate a function, a coroutine function, or a test class, to run with this fake.

        Of a `unittest.TestCase` each test runs with it, from `setUp` to the last clean-up; of another class the methods
        `test*`, inherited ones too. Each run begins with `reset()`.
        """
        if not inspect.isclass(decorated):
            return _around(self, decorated)
        from unittest import TestCase  # who has one has paid for it

        if issubclass(decorated, TestCase):
            decorated.run = _around(self, decorated.run)  # type: ignore[method-assign]
            return decorated
        for name in dir(decorated):
            if name.startswith("test"):
                method = inspect.getattr_static(decorated, name)
                if isinstance(method, (staticmethod, classmethod)):
                    setattr(decorated, name, type(method)(_around(self, method.__func__)))
                elif inspect.isfunction(method):
                    setattr(decorated, name, _around(self, method))
        return decorated

    def verify(self) -> None:
        """Raise UnfiredRuleError, or warn, when a rule never fired; the option `unfired_rules` says which.

        A `with` block does so at its end, unless an exception ends it. Rules that are `optional` or fire by lot may
        stay silent.
        """
        wanted = self.options.unfired_rules
        engine = self.engine
        with engine.lock:
            reasons = [why_not(live, engine) for live in unfired(engine)]
        reasons += [f"the rule {each.begun} says no fault: end it with .respond(…)" for each in self._drafts.values()]
        if not reasons or wanted == "ignore":
            return
        message = "\n".join(
            [*reasons, "Take the rule away, mark it `optional`, or set unfired_rules to warn or ignore"]
        )
        if wanted == "warn":
            warnings.warn(f"mock-akool: {message}", stacklevel=2)
            return
        raise UnfiredRuleError(message)

    # Doors that are asked for

    def answer(self, call: Call) -> Reply:
        """Turn a Call into a Reply, as every door does."""
        return self.service.answer(call)

    def app(self) -> Flask:
        """Return a Flask app that answers for this fake."""
        from mock_akool.doors.flask_app import create_app

        return create_app(self)

    def server(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Return a live server that answers for this fake; use it in a `with` block, its `url` says where."""
        from mock_akool.doors.server import Server

        return Server(self.service, host, port)

    # Time

    @property
    def clock(self) -> VirtualClock:
        """The virtual clock; raises ClockError when this fake was given another one."""
        clock = self.engine.clock
        if not isinstance(clock, VirtualClock):
            raise ClockError(f"this fake runs on a {type(clock).__name__}", "Only a VirtualClock can be moved")
        return clock

    def run_until_idle(self) -> None:
        """Move the clock to where no job's status will change any more by time alone, and no callback is to be sent.

        Jobs that are stuck, or wait for polls, stay as they are.
        """
        while True:
            self.service.courier.flush()
            with self.engine.lock:
                following_ns = self.engine.next_change_ns(self.engine.clock.now_ns())
                due_ns = self.engine.outbox.next_ns
            instants = [instant_ns for instant_ns in (following_ns, due_ns) if instant_ns is not None]
            if not instants:
                return
            self.clock.advance_to(min(instants))

    # Scripting

    def next_job(
        self,
        *,
        queueing: object = 0,
        processing: object = 0,
        ending: Ending | str = COMPLETED,
        stages: Sequence[Any] | Timeline | None = None,
        result: Mapping[str, Any] | Result | None = None,
        account: Account | str | None = None,
        **unknown: Never,
    ) -> None:
        """Script one of the next jobs: how long it shows status 1, then 2, and how it ends.

        Lengths are seconds, or text such as `'3 polls'` or `'forever'`; what is not named takes no time. The ending is
        `'completed'`, `'failed'`, `'failed: reason'`, or made by `failed()`. Instead of these, `stages` tells the whole
        life as a scenario file does, such as `[{"queueing": "1s"}, {"processing": "3s"}, {"queueing": "2s"},
        "completed"]`. `result` says what is unusual about the result, such as `{"upscaled_urls": []}`.

        Several calls line up, one for each job that is created. With an `account`, or its API key, only that account's
        next job is meant. Raises ScenarioError or SettingsError for a value that cannot be.
        """
        __tracebackhide__ = True
        self._check_source()
        for name in unknown:
            raise unknown_key(name, ("queueing", "processing", "ending", "stages", "result", "account"), ())
        if stages is None:
            timeline = Timeline.of(queueing, processing, read_ending(ending))
        elif (queueing, processing, ending) != (0, 0, COMPLETED):
            raise ScenarioError("next_job: stages tell the whole life", "Leave out queueing, processing and ending")
        else:
            timeline = STAGES.read(stages, ("stages",))
        script = JobScript(
            timeline=timeline,
            result=RESULT.read(result, ("result",)) if isinstance(result, Mapping) else result,
        )
        api_key = account.api_key if isinstance(account, Account) else account
        with self.engine.lock:
            director = self.engine.director
            queue = director.planned if api_key is None else director.planned_for.setdefault(api_key, deque())
            queue.append(Entry(script, "next_job"))

    def on(self, endpoint: str | Sequence[str]) -> RuleDraft:
        """Begin a rule for requests to an endpoint, such as `on("infobymodelid").nth(2).respond(http=502)`.

        The endpoints are named as in the journal; `create` are the three that create jobs, `api` all but files, `any`
        all. A rule counts for each account by itself, and goes before those of scenarios. Raises ScenarioError.
        """
        __tracebackhide__ = True
        self._check_source()
        ENDPOINTS.read(endpoint, ("on",))
        return RuleDraft(endpoint, self._add_rule, self._remove_rule, self._drafts)

    def _add_rule(self, rule: Rule, label: str) -> RuleInForce:
        with self.engine.lock:
            return self.engine.director.add(rule, label)

    def _remove_rule(self, live: RuleInForce) -> None:
        with self.engine.lock:
            self.engine.director.remove(live)

    def _check_source(self) -> None:
        if "python" not in self.options.scenario_sources:
            raise ScenarioError(
                "scenario_sources does not name `python`, so Python calls cannot script this fake",
                "Add `python` to scenario_sources",
            )

    # What happened

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in the order of their creation."""
        with self.engine.lock:
            return self.engine.jobs()

    def job(self, job_id: str) -> JobHandle:
        """Return a handle on the job with this `_id`; an unknown one raises MockAkoolError."""
        with self.engine.lock:
            if self.engine.job(job_id) is None:
                known = ", ".join(job.id for job in self.engine.jobs()[-5:]) or "none"
                raise MockAkoolError(f"there is no job {job_id!r}", f"The newest jobs are: {known}")
        return JobHandle(self, job_id)

    @property
    def calls(self) -> Calls:
        """What was asked and answered, oldest first; as many as `journal_size` says."""
        with self.engine.lock:
            return Calls(self.engine.journal.entries())

    @property
    def webhooks(self) -> Webhooks:
        """The callbacks: what was sent, where they go, and what shall go wrong."""
        return Webhooks(self.service.courier, check_source=self._check_source)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, in the order in which they appeared."""
        with self.engine.lock:
            return tuple(self.engine.accounts)

    @property
    def credits_spent(self) -> int:
        """What all accounts together paid, refunds taken off."""
        engine = self.engine
        with engine.lock:
            now_ns = engine.clock.now_ns()
            for account in engine.accounts:
                engine.credits_of(account, now_ns)
            return engine.accounts.spent()

    @property
    def started_ns(self) -> int:
        """The instant, in epoch nanoseconds, when this fake was made or last reset."""
        return self._start_ns

    def reset(self) -> None:
        """Forget jobs, calls, plans, rules and spent credits; scenarios begin anew. The clock stays where it is."""
        with self.engine.lock:
            self._drafts.clear()
            self.engine.reset()
            self._start_ns = self.engine.clock.now_ns()

    def __repr__(self) -> str:
        with self.engine.lock:
            jobs, calls = self.engine.job_count, self.engine.journal.count
        active = ", active" if self._target is not None else ""
        return f"<MockAkool {jobs} job{'' if jobs == 1 else 's'}, {calls} call{'' if calls == 1 else 's'}{active}>"


class JobHandle:
    """A job of a MockAkool, to look at and to decide the future of."""

    def __init__(self, mock: MockAkool, job_id: str) -> None:
        self._mock = mock
        self.id = job_id

    @property
    def record(self) -> Job:
        """The job as it is now; a frozen record."""
        with self._mock.engine.lock:
            job = self._mock.engine.job(self.id)
        if job is None:
            raise MockAkoolError(f"job {self.id} is gone", "It was forgotten by a reset")
        return job

    @property
    def status(self) -> Status:
        """The status that a poll would see now."""
        engine = self._mock.engine
        with engine.lock:
            return engine.change_of(self.record, engine.clock.now_ns()).status

    def complete(self) -> None:
        """Let the job be completed from now on."""
        self._divert(lambda stages: Timeline(stages, COMPLETED))

    def fail(self, *reasons: str, refund: bool = False) -> None:
        """Let the job have failed from now on, with these `error_reasons`."""
        self._divert(lambda stages: Timeline(stages, failed(*reasons, refund=refund)))

    def stick(self) -> None:
        """Let the job stay for ever at the status that it has now."""
        self._divert(_stuck)

    def _divert(self, timeline_from: Callable[[tuple[Stage, ...]], Timeline]) -> None:
        engine = self._mock.engine
        with engine.lock:
            engine.divert(self.record.id, timeline_from, engine.clock.now_ns())

    def __repr__(self) -> str:
        return f"<job {self.id} {self.status.name.lower()}>"


def tidy() -> None:
    """Take back what belongs to fakes that were left, where others have put it back since, as `monkeypatch` may do.

    Does nothing while a fake is active.
    """
    from mock_akool.doors import in_process, sleep

    in_process.tidy()
    sleep.tidy()


def _stuck(stages: tuple[Stage, ...]) -> Timeline:
    *earlier, last = stages
    if last.status >= Status.COMPLETED:
        raise MockAkoolError("a finished job cannot be stuck", "Call stick() before its end")
    return Timeline((*earlier, Stage(last.status, FOREVER)))


def _around(mock: MockAkool, function: _Decorated) -> _Decorated:
    """Wrap a function or a coroutine function so that it runs with the fake, which is reset before."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise MockAkoolError(
            f"MockAkool cannot decorate the generator {function.__name__}", "Use `with mock:` around its yield"
        )
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with mock:
                mock.reset()
                return await function(*args, **kwargs)

        return run_async  # type: ignore[return-value]

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        # Started before it is reset: when that is refused, the run that is under way keeps what it has.
        with mock:
            mock.reset()
            return function(*args, **kwargs)

    return run  # type: ignore[return-value]
