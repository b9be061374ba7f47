"""A fake as a decorator: of functions, coroutine functions and test classes.

Whatever of a class runs before a test runs with the fake, too, or the class is refused: a request that is made before
the fake is active would reach the real service.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from mock_akool.core.errors import MockAkoolError
from mock_akool.core.schema import shown

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

_OF_A_CASE: Final = ("setUpClass", "asyncSetUpClass")
_OF_A_CLASS: Final = ("setup_class", "setUpClass", "setUp", "asyncSetUp")
"""What a test runner calls before the methods that are wrapped. The last two are of a mixin for a `TestCase`."""


class Fake(Protocol):
    """A fake that can be active, as a context manager and by `start` and `stop`."""

    def start(self) -> object:
        """Answer from now on."""
        ...

    def stop(self) -> None:
        """Answer no longer."""
        ...

    def reset(self) -> None:
        """Forget what happened."""
        ...

    def verify(self) -> None:
        """Raise UnusedRuleError, or warn, when a rule never fired."""
        ...

    def __enter__(self) -> Self:
        """Start."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and verify."""
        ...


def decorate(fake: Fake, decorated: _Decorated) -> _Decorated:
    """Let a function, a coroutine function, or the tests of a class run with the fake, which is reset before each.

    Raises MockAkoolError for a generator, and for a class of which something would run before the fake is active.
    """
    if not inspect.isclass(decorated):
        return _around(fake, decorated)
    from unittest import TestCase  # who has one has paid for it

    if issubclass(decorated, TestCase):
        _Case(fake).decorate(decorated)
    else:
        _PlainClass(fake).decorate(decorated)
    return decorated


class _Case:
    """The decoration of a `unittest.TestCase`: each test runs with the fake, from `setUp` to the last clean-up."""

    def __init__(self, fake: Fake) -> None:
        self._fake = fake

    def decorate(self, case: Any) -> None:
        from unittest import IsolatedAsyncioTestCase, TestCase

        _check(self._fake, case, _OF_A_CASE, (TestCase, IsolatedAsyncioTestCase))
        case.run = _around(self._fake, case.run)
        _decorate_subclasses(case, lambda sub: _check(self._fake, sub, _OF_A_CASE, (TestCase, IsolatedAsyncioTestCase)))


class _PlainClass:
    """The decoration of any other class: its methods `test*`, and what pytest calls before each of them."""

    def __init__(self, fake: Fake) -> None:
        self._fake = fake
        self._held = False
        """Whether the fake was started before the test, by `setup_method`, and is stopped after it."""

    def decorate(self, owner: Any) -> None:
        _check(self._fake, owner, _OF_A_CLASS, ())
        fixtures = _fixtures(owner)
        for name, scope in fixtures:
            if scope != "function":
                _refuse(self._fake, owner, f"the fixture {name} of scope {scope}")
        if fixtures or any(hasattr(owner, name) for name in ("setup_method", "teardown_method")):
            self._wrap_set_up(owner)
        for name in dir(owner):
            if name.startswith("test"):
                method = inspect.getattr_static(owner, name)
                if isinstance(method, (staticmethod, classmethod)):
                    if not hasattr(method.__func__, _MARK):
                        setattr(owner, name, type(method)(self._around_test(method.__func__)))
                elif inspect.isfunction(method) and not hasattr(method, _MARK):
                    setattr(owner, name, self._around_test(method))
        _decorate_subclasses(owner, self.decorate)

    def _wrap_set_up(self, owner: Any) -> None:
        set_up = inspect.getattr_static(owner, "setup_method", None)
        tear_down = inspect.getattr_static(owner, "teardown_method", None)
        if hasattr(set_up, _MARK):
            return

        def setup_method(instance: Any, method: Any) -> None:
            self._fake.start()
            self._held = True
            try:
                self._fake.reset()
                _call(set_up, instance, method)
            except BaseException:
                self._release()
                raise

        def teardown_method(instance: Any, method: Any) -> None:
            try:
                _call(tear_down, instance, method)
            finally:
                self._release()

        for function in (setup_method, teardown_method):
            setattr(function, _MARK, True)
            setattr(owner, function.__name__, function)

    def _release(self) -> None:
        self._held = False
        self._fake.stop()

    def _around_test(self, function: _Decorated) -> _Decorated:
        alone: Any = _around(self._fake, function)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                if not self._held:
                    return await alone(*args, **kwargs)
                result = await function(*args, **kwargs)
                self._fake.verify()
                return result

            setattr(run_async, _MARK, True)
            return run_async  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            if not self._held:
                return alone(*args, **kwargs)
            result = function(*args, **kwargs)
            self._fake.verify()
            return result

        setattr(run, _MARK, True)
        return run  # type: ignore[return-value]


_MARK: Final = "_mock_akool_decorated"


def _decorate_subclasses(owner: Any, decorate_one: Callable[[Any], None]) -> None:
    """Treat classes that are derived later like the decorated one: what they set up runs with the fake as well."""
    if getattr(vars(owner).get("__init_subclass__"), _MARK, False):
        return
    own = vars(owner).get("__init_subclass__")

    def init_subclass(cls: Any, /, **options: Any) -> None:
        if own is None:
            super(owner, cls).__init_subclass__(**options)
        else:
            own.__get__(None, cls)(**options)
        decorate_one(cls)

    hook: Any = classmethod(init_subclass)
    setattr(init_subclass, _MARK, True)
    owner.__init_subclass__ = hook


def _check(fake: Fake, owner: Any, names: tuple[str, ...], standard: tuple[type, ...]) -> None:
    for name in names:
        defined = next((each for each in owner.__mro__ if name in vars(each)), None)
        if defined is not None and defined not in standard:
            _refuse(fake, owner, name)


def _refuse(fake: Fake, owner: Any, what: str) -> None:
    raise MockAkoolError(
        f"{type(fake).__name__} cannot decorate the class {owner.__name__}: {what} runs before the fake is active, "
        "so its requests would reach the real service",
        "Use the fixture akool_mock in its place, or `with mock:` around what it does",
    )


def _fixtures(owner: Any) -> list[tuple[str, str]]:
    """Return name and scope of the fixtures of pytest in a class."""
    found = []
    for name in dir(owner):
        value = inspect.getattr_static(owner, name)
        marker = getattr(value, "_fixture_function_marker", None) or getattr(value, "_pytestfixturefunction", None)
        if marker is not None:
            found.append((name, str(marker.scope)))
    return found


def _call(function: Any, instance: Any, method: Any) -> None:
    """Call a set-up or tear-down as pytest does: with the test method, if it takes one."""
    if function is None:
        return
    bound = function.__get__(instance, type(instance))
    if inspect.signature(bound).parameters:
        bound(method)
    else:
        bound()


def _around(fake: Fake, function: _Decorated) -> _Decorated:
    """Wrap a function or a coroutine function so that it runs with the fake, which is reset before."""
    if not callable(function):
        raise MockAkoolError(
            f"{type(fake).__name__} cannot decorate {shown(function)}", "It decorates functions and test classes"
        )
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
