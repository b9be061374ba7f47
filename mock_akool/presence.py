"""How a fake sits in this process: it answers what the process sends to Akool, and sleep moves its clock."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import urlsplit

from mock_akool.core.clock import VirtualClock
from mock_akool.core.codes import API_URL, CDN_URL
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.options import Kind, Options, one_of, option, optional
from mock_akool.core.timeline import Duration

if TYPE_CHECKING:
    from mock_akool.doors.answering import Watched
    from mock_akool.doors.in_process import Target
    from mock_akool.doors.sleep import SleepScheduler

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
class ActivationOptions(Options):
    """The options of how a fake sits in a process, wherever the fake itself is."""

    unused_rules: str = option(
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


class Activation(ABC):
    """A fake that can sit in this process: as a context manager, as a decorator, or by `start` and `stop`."""

    options: ActivationOptions
    _target: Target | None = None
    _scheduler: SleepScheduler | None = None

    @abstractmethod
    def _enter(self) -> Watched:
        """Return what the doors ask, ready to be asked."""

    @abstractmethod
    def _leave(self) -> None:
        """Take back what `_enter` did; nothing, if it was not called."""

    @abstractmethod
    def verify(self) -> None:
        """Raise UnusedRuleError, or warn, when a rule never fired."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what happened."""

    @property
    def active(self) -> bool:
        """Whether it answers what this process sends to Akool."""
        return self._target is not None

    def start(self) -> Self:
        """Answer from now on what this process sends to Akool; `stop` ends it."""
        from mock_akool.doors import in_process, sleep

        if self._target is not None:
            raise MockAkoolError(
                f"this {type(self).__name__} is active already", "Use one `with` block for each, or another one"
            )
        options = self.options
        hosts = [*options.hosts]
        if options.base_url is not None:
            hosts.append(urlsplit(options.base_url).netloc)
        with ExitStack() as if_refused:
            if_refused.callback(self._leave)
            target = in_process.Target(self._enter(), hosts, refuse_others=options.other_hosts == "refuse")
            in_process.activate(target)
            if_refused.pop_all()
        self._target = target
        if options.sleep == "virtual" and isinstance(target.clock, VirtualClock):
            self._scheduler = sleep.SleepScheduler(target, target.clock, options.sleep_limit.ns)
            sleep.activate(self._scheduler, target)
        return self

    def stop(self) -> None:
        """Take everything back that `start` changed. Does nothing when it is not active."""
        from mock_akool.doors import in_process, sleep

        target, scheduler, self._target, self._scheduler = self._target, self._scheduler, None, None
        with ExitStack() as last:
            last.callback(self._leave)
            if target is not None:
                last.callback(in_process.deactivate, target)
            if scheduler is not None and target is not None:
                sleep.deactivate(scheduler, target)

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


def tidy() -> None:
    """Take back what belongs to fakes that were left, where others have put it back since, as `monkeypatch` may do.

    Does nothing while a fake is active.
    """
    from mock_akool.doors import in_process, sleep

    in_process.tidy()
    sleep.tidy()


def _around(fake: Activation, function: _Decorated) -> _Decorated:
    """Wrap a function or a coroutine function so that it runs with the fake, which is reset before."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise MockAkoolError(
            f"{type(fake).__name__} cannot decorate the generator {function.__name__}",
            "Use `with mock:` around its yield",
        )
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with fake:
                fake.reset()
                return await function(*args, **kwargs)

        return run_async  # type: ignore[return-value]

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        # Started before it is reset: when that is refused, the run that is under way keeps what it has.
        with fake:
            fake.reset()
            return function(*args, **kwargs)

    return run  # type: ignore[return-value]
