"""The whole state of a fake as JSON, and back: what `serve --state` keeps in a file, and the admin API hands out.

There is nothing here of any family: a job is written by the annotations of its record and of the input that its create
makes, see `core.plain_records`. The state has no settings: those are of the fake that goes on from it. It has secrets:
the keys of the accounts, and what clients sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from mock_akool.akool.accounts import Account
from mock_akool.akool.engine import Engine, EngineState, FrozenEngine
from mock_akool.akool.families import CREATES
from mock_akool.akool.jobs import JobInput
from mock_akool.akool.scenarios.runtime import RuntimeState, ScenarioRuntime
from mock_akool.core.clock import ClockState, SteeredClock, VirtualClock
from mock_akool.core.errors import ENOUGH_MISTAKES, MisfitError, Mistakes, MockAkoolError, SettingsError
from mock_akool.core.http import Request, Response
from mock_akool.core.plain_records import PlainRecords, UnreadableError, to_json
from mock_akool.core.schema import shown, unknown_key
from mock_akool.core.timeline import Timeline

_NAMES: Final = ("format", "version", "state", "tables")
FORMAT: Final = 2
"""The version of what is written. It changes whenever a field that has no default comes, goes, or means another."""


class State(NamedTuple):
    """All that a fake knows, to go on from.

    `sending` is how webhooks are sent where that was chosen while the fake ran: by API key, and of all others by the
    empty text.
    """

    seed: int
    clock: ClockState
    engine: EngineState
    scenarios: RuntimeState
    sending: Mapping[str, str] = MappingProxyType({})


class FrozenState(NamedTuple):
    """What a fake knew at an instant. It takes a while to be made JSON, and needs no lock for it."""

    version: str
    """That of mock-akool."""
    seed: int
    clock: ClockState
    engine: FrozenEngine
    scenarios: RuntimeState
    sending: Mapping[str, str]

    def json(self) -> Iterator[bytes]:
        """Yield the document in small pieces, ASCII only."""
        with plain_records() as records:
            yield from self._json(records)

    def _json(self, records: PlainRecords) -> Iterator[bytes]:
        state = State(self.seed, self.clock, self.engine.state(), self.scenarios, self.sending)
        yield b'{"format":%d,"version":%b,\n"state":' % (FORMAT, to_json(self.version).encode())
        for piece in records.json(State, state):
            yield piece.encode()
        yield b',\n"tables":'
        for piece in records.tables_json():
            yield piece.encode()
        yield b"}\n"


def freeze(
    engine: Engine, scenarios: ScenarioRuntime, sending: Callable[[], Mapping[str, str]], version: str
) -> FrozenState:
    """Return what a fake knows now. All others wait meanwhile, which is milliseconds."""
    with engine.lock:
        clock = engine.clock
        at = clock.state() if isinstance(clock, (VirtualClock, SteeredClock)) else ClockState(clock.now_ns())
        return FrozenState(version, engine.settings.seed, at, engine.freeze(), scenarios.state(), sending())


def read(document: object, version: str, hint: str) -> State:
    """Return the state that a document holds, read from JSON; raises StateError that names the fields that are wrong.

    `version` is that of this mock-akool, `hint` what to do about a document of another one.
    """
    if not isinstance(document, dict) or "format" not in document:
        raise StateError("this is no state of mock-akool: it has no `format`", "Take what GET /_mock/snapshot answers")
    if document["format"] != FORMAT or isinstance(document["format"], bool):
        raise StateError(
            f"it has format {shown(document['format'])} and was written by mock-akool "
            f"{document.get('version', 'of an unknown version')}; this is {version}, which reads format {FORMAT}",
            hint,
        )
    mistakes = Mistakes()
    unknown = islice((name for name in document if name not in _NAMES), ENOUGH_MISTAKES)
    mistakes.found += (unknown_key(name, _NAMES, (), "field") for name in unknown)
    with plain_records() as records:
        try:
            records.read_tables(document.get("tables", {}))
        except UnreadableError as error:
            mistakes.found += error.within(("tables",)).mistakes
        try:
            found: State = records.read(State, document.get("state"))
        except UnreadableError as error:
            mistakes.found += error.within(("state",)).mistakes
    if mistakes.found:
        raise _refused(mistakes, hint)
    return found


def _refused(mistakes: Mistakes, hint: str) -> StateError:
    error = SettingsError.of(mistakes.found)
    own = error.hint if not error.hint or error.hint.endswith("?") else f"{error.hint}."
    return StateError(error.message, f"{own} {hint}".strip())


def go_on_from(engine: Engine, scenarios: ScenarioRuntime, state: State, hint: str) -> None:
    """Let a fake forget all that it knows, and go on from a state.

    A clock that stood still shows the same instant again; one that ran has run on since. Raises StateError, with the
    field, for a state that does not fit together or this fake, and ClockError for an instant that no clock shows;
    nothing has changed then.
    """
    if state.seed != engine.settings.seed:
        raise StateError(
            f"the state was written with seed {state.seed}, and this fake has seed {engine.settings.seed}",
            f"Start it with the seed {state.seed}: ids, tokens and images follow from it",
        )
    try:
        going_on = engine.restoring(state.engine)
    except MisfitError as error:
        raise StateError(f"state.engine.{error.where}: {error.why}", hint) from None
    try:
        scripted = scenarios.restoring(state.scenarios)
    except MisfitError as error:
        raise StateError(f"state.scenarios.{error.where}: {error.why}", hint) from None

    with engine.lock:
        if isinstance(engine.clock, (VirtualClock, SteeredClock)):
            engine.clock.go_on_from(state.clock)
        # The scenarios first: the engine tells who sends webhooks that there are some.
        scripted()
        going_on()


class StateError(MockAkoolError):
    """A state cannot be read, or does not fit the fake that is to go on from it. Nothing has changed."""


def plain_records() -> PlainRecords:
    """Return what writes and reads one document."""
    return PlainRecords(
        variants={JobInput: input_types()},
        left_out={Response: ("waiting", "stream")},  # admin requests have these, and are not in the call log
        shared=(Account, Timeline, Request, Response),
        single=(JobInput,),  # the jobs of one create have the same
    )


def input_types() -> dict[str, type]:
    """Return the inputs of all families by name, such as `image_v4.ImageV4`."""
    found: dict[str, type] = {}
    for create in CREATES.values():
        kind: type = create.input_type
        found[f"{kind.__module__.rpartition('.')[2]}.{kind.__qualname__}"] = kind
    return found
