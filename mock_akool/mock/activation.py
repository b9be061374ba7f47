"""How a fake is active in a process: it answers requests to Akool's hosts, and sleep moves its clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from mock_akool.core.errors import MockAkoolError
from mock_akool.mock.settings import ActivationOptions

if TYPE_CHECKING:
    from mock_akool.mock.interceptors.target import Target

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])


class Activation(ABC):
    """A fake that can be active in this process: as a context manager, as a decorator, or by `start` and `stop`."""

    options: ActivationOptions
    _target: Target | None = None
    _scheduler: Any = None

    @abstractmethod
    def _enter(self, hosts: Sequence[str], *, refuse_others: bool) -> Target:
        """Return the target that answers for these hosts, ready to be asked."""

    @abstractmethod
    def _leave(self) -> None:
        """Take back what `_enter` did; nothing, if it was not called."""

    @abstractmethod
    def verify(self) -> None:
        """Raise when the test did not test what it was written for."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what happened."""

    @property
    def active(self) -> bool:
        """Whether it answers what this process sends to Akool's hosts."""
        return self._target is not None

    def start(self) -> Self:
        """Answer what this process sends to Akool's hosts, until `stop`; MockAkoolError when it is active already."""
        from mock_akool.mock.interceptors import registry
        from mock_akool.mock.virtual_time import patches

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
            target = self._enter(hosts, refuse_others=options.other_hosts == "refuse")
            registry.activate(target)
            if_refused.pop_all()
        self._target = target
        clock = target.virtual_clock
        if options.sleep == "virtual" and clock is not None:
            self._scheduler = patches.activate(target, clock, options.sleep_limit.ns)
        return self

    def stop(self) -> None:
        """Take everything back that `start` changed. Does nothing when it is not active."""
        from mock_akool.mock.interceptors import registry
        from mock_akool.mock.virtual_time import patches

        target, scheduler, self._target, self._scheduler = self._target, self._scheduler, None, None
        with ExitStack() as last:
            last.callback(self._leave)
            if target is not None:
                last.callback(registry.deactivate, target)
            if scheduler is not None:
                patches.deactivate(scheduler)

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Let time pass as it really does in a `with` block: all waits that begin in it are real, and clocks follow.

        For something that only real time can bring, such as a child process. Outside of the block, from the first
        request to Akool on, every wait of the code under test is virtual.
        """
        if self._scheduler is None:
            yield
            return
        from mock_akool.mock.virtual_time.scheduler import keeper

        with keeper.real_time():
            yield

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
        `test*`, inherited ones too, with `setup_method` and fixtures of the class. Each run begins with `reset()`.
        Raises MockAkoolError for a class of which something would run before: `setUpClass`, `setup_class`, or a fixture
        of a wider scope.
        """
        from mock_akool.mock.decorating import decorate

        return decorate(self, decorated)


def tidy() -> None:
    """Take back what belongs to fakes that were left, where others have put it back since, as `monkeypatch` may do.

    Does nothing while a fake is active.
    """
    from mock_akool.mock.interceptors import registry
    from mock_akool.mock.virtual_time import patches

    registry.tidy()
    patches.tidy()
