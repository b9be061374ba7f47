"""The accounts of an engine: which exist, and what each has left.

Lenient: any API key and any pair is an account of its own, made when first seen. Strict: only those listed.
In both, a clientId is never taken for an API key (contract section 2: it answers 1109).
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from mock_akool.akool.settings import AccountSpec, ServiceSettings
from mock_akool.akool.transactions import transaction
from mock_akool.core.clock import NS_PER_S, Clock
from mock_akool.core.draining import Container
from mock_akool.core.durations import Duration
from mock_akool.core.errors import MisfitError, MockAkoolError
from mock_akool.core.http import shortened
from mock_akool.core.keyed_random import KeyedRandom

Credits = int | Decimal
"""An amount of credits; some families cost fractions (families, section 3)."""


def credits_as_number(credits: Credits) -> int | float:
    """Return an amount of credits as JSON has it: whole where it is whole."""
    whole = int(credits)
    return whole if whole == credits else float(credits)


def credits_of_number(number: float) -> Credits:
    """Return the amount of credits that a number in JSON stands for."""
    return int(number) if number == int(number) else Decimal(str(number))


_Said = TypeVar("_Said")
_LOOKS_LIKE_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9+/]{22}==")


class AccountsState(NamedTuple):
    """All that is known of accounts, to go on from; mappings are by API key."""

    accounts: Sequence[Account] = ()
    credits: Mapping[str, Credits] = MappingProxyType({})
    initial: Mapping[str, Credits] = MappingProxyType({})
    specs: Mapping[str, AccountSpec] = MappingProxyType({})
    client_ids: Sequence[str] = ()
    """All that any account has had."""
    said: Sequence[str] = ()
    """The API keys whose clientId somebody has said."""


class Accounts:
    """The accounts and their credits, under the engine's lock."""

    def __init__(
        self,
        settings: ServiceSettings,
        keyed_random: KeyedRandom,
        clock: Clock,
        script_of: Callable[[str], AccountScript] = lambda _: AccountScript(),
        secret_of: Callable[[str], str] = lambda api_key: api_key,
        *,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        self.lock = lock or threading.RLock()
        self._settings = settings
        self._keyed_random = keyed_random
        self._clock = clock
        self._script_of = script_of
        """Returns what a scenario says of the account with this API key in particular."""
        self._secret_of = secret_of
        """Returns the key without the scenarios that it names."""
        self._by_key: dict[str, Account] = {}
        self._by_id: dict[str, Account] = {}
        self._client_ids: set[str] = set()
        self._uids: set[int] = set()
        self._credits: dict[str, Credits] = {}
        self._initial: dict[str, Credits] = {}
        self._specs: dict[str, AccountSpec] = {}
        """By API key: what a person said of the account when it was made."""
        self._bound = {spec.api_key for spec in settings.accounts if spec.client_id is not None}
        """The API keys whose clientId a person said."""
        self._said: set[str] = set()
        """The API keys whose clientId a person or a client has said, so that its receiver may know it."""
        for spec in settings.accounts:
            self.add(spec)
        if settings.strict and not settings.accounts:
            # Strict with an empty list would be a service that nobody can use.
            self.add(AccountSpec(keyed_random.alphanumerics(32, "clientSecret")))

    def __len__(self) -> int:
        return len(self._by_key)

    def containers(self) -> list[Container]:
        """Return what holds the most of it, to be drained when it is out of use."""
        return [self._by_key, self._by_id, self._credits, self._initial, self._specs]

    @transaction
    def state(self) -> AccountsState:
        """Return all that it knows."""
        return AccountsState(
            list(self._by_key.values()),
            dict(self._credits),
            dict(self._initial),
            dict(self._specs),
            sorted(self._client_ids),
            sorted(self._said),
        )

    def go_on_from(self, state: AccountsState) -> None:
        """Know what others knew; these must be new. Accounts of the settings that the state does not know stay.

        Raises MisfitError for what does not fit together.
        """
        listed = [self._specs[key] for key in self._by_key]
        for known in (self._by_key, self._by_id, self._credits, self._initial, self._specs):
            known.clear()
        for names in (self._client_ids, self._said, self._uids):
            names.clear()
        for number, account in enumerate(state.accounts):
            key = account.api_key
            if key in self._by_key or account.id in self._by_id:
                raise MisfitError(f"accounts[{number}]", "there are two of this account")
            for name, by_key in (("credits", state.credits), ("initial", state.initial), ("specs", state.specs)):
                if key not in by_key:
                    raise MisfitError(name, f"accounts[{number}] is missing")
            self.put(account)
            self._uids.add(account.uid)
            self._credits[key], self._initial[key] = state.credits[key], state.initial[key]
            self._specs[key] = state.specs[key]
        self._client_ids.update(state.client_ids)
        self._said.update(state.said)
        for spec in listed:
            if spec.api_key not in self._by_key:
                self.add(spec)

    @transaction
    def listed(self, first: int = 0, most: int | None = None) -> list[Account]:
        """Return accounts in the order in which they appeared: `most` at most from the `first` on, counted from 0."""
        return list(islice(self._by_key.values(), first, None if most is None else first + most))

    @transaction
    def totals(self) -> AccountTotals:
        """Return how many accounts there are, and what they have left and have spent; refunds that are due not yet."""
        left = sum(self._credits.values())
        return AccountTotals(len(self._by_key), left, sum(self._initial.values()) - left)

    @transaction
    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._by_key.values()))

    def by_key(self, api_key: str) -> Account | None:
        """Return the account of an API key; None when there is none, or a clientId was given instead."""
        # Every poll asks this: one that is known is found without the lock.
        return self._by_key.get(api_key) or self._by_new_key(api_key)

    @transaction
    def _by_new_key(self, api_key: str) -> Account | None:
        account = self._by_key.get(api_key)
        if account is None and self._may_be_new(api_key):
            account = self.add(AccountSpec(api_key))
        return account

    @transaction
    def by_pair(self, client_id: str, client_secret: str) -> Account | None:
        """Return the account of a clientId and clientSecret, or None for a wrong pair.

        Lenient, or when nobody said the account's clientId, the pair decides what it is from now on.
        """
        account = self.by_key(client_secret)
        if account is None or account.client_id == client_id:
            if account is not None:
                self._said.add(client_secret)
            return account
        if self._settings.strict and client_secret in self._bound:
            return None
        if account.banned:
            return account  # a refused request changes nothing
        account = replace(account, client_id=client_id)
        self.put(account)
        self._said.add(client_secret)
        return account

    def is_invented(self, account: Account) -> bool:
        """Return whether nobody has ever said the account's clientId, so that its receiver cannot know it."""
        return self._said.isdisjoint({account.api_key, self._secret_of(account.api_key)})

    def by_id(self, account_id: str) -> Account | None:
        """Return the account with this id."""
        return self._by_id.get(account_id)

    def credits(self, account: Account) -> Credits:
        """Return what the account has left."""
        return self._credits[account.api_key]

    @transaction
    def add_credits(self, account: Account, amount: Credits) -> None:
        """Add to, or with a negative amount take from, the account's credits."""
        self._credits[account.api_key] += amount

    def spent_by(self, account: Account) -> Credits:
        """Return what the account has paid, refunds taken off."""
        return self._initial[account.api_key] - self._credits[account.api_key]

    @transaction
    def put(self, account: Account) -> None:
        """Keep the record, in the place of the one with the same API key if there is one."""
        self._by_key[account.api_key] = account
        self._by_id[account.id] = account
        self._client_ids.add(account.client_id)

    @transaction
    def restore(self, api_key: str) -> Account | None:
        """Let the account be as when it was made, with the clientId that it has now; None when there is none."""
        account = self._by_key.get(api_key)
        if account is None:
            return None
        spec = self._specs[api_key]
        script = self._script_of(api_key)
        restored = replace(account, banned=self._banned(spec, script), token_lifetime_ns=self._ttl_ns(spec, script))
        self.put(replace(restored, valid_from_s=0))
        self._credits[api_key] = self._initial[api_key] = _first(spec.credits, script.credits, self._settings.credits)
        return self._by_key[api_key]

    @transaction
    def apply(self, api_key: str) -> None:
        """Let the account be as its scenario says now; does nothing when there is no account yet."""
        account = self._by_key.get(api_key)
        if account is None:
            return
        script = self._script_of(api_key)
        if script.banned is not None:
            account = replace(account, banned=script.banned)
        if script.token_lifetime is not None:
            account = replace(account, token_lifetime_ns=script.token_lifetime.ns)
        self.put(account)
        if script.credits is not None:
            self.set_credits(account, script.credits)

    @transaction
    def set_credits(self, account: Account, amount: Credits) -> None:
        """Let the account have so many credits left; what it spent stays what it was."""
        self._initial[account.api_key] += amount - self._credits[account.api_key]
        self._credits[account.api_key] = amount

    @transaction
    def remove(self, api_key: str) -> None:
        """Forget an account; does nothing when there is none."""
        account = self._by_key.pop(api_key, None)
        if account is not None:
            del self._by_id[account.id], self._credits[api_key], self._initial[api_key], self._specs[api_key]
            self._uids.discard(account.uid)
            self._said.discard(api_key)
            self._client_ids = {each.client_id for each in self._by_key.values()}

    @transaction
    def keys_of(self, api_key: str) -> frozenset[str]:
        """Return by what a call may name the account: its API key, and by mistake its clientId."""
        account = self._by_key.get(api_key)
        return frozenset({api_key} if account is None else {api_key, account.client_id})

    def known(self, api_key: str) -> Account | None:
        """Return the account of an API key if it was seen before; makes none."""
        return self._by_key.get(api_key)

    def _may_be_new(self, api_key: str) -> bool:
        if self._settings.strict or api_key in self._client_ids:
            return False
        return not _LOOKS_LIKE_CLIENT_ID.fullmatch(api_key)

    @transaction
    def add_new(self, spec: AccountSpec) -> Account:
        """Make the account that is described.

        Raises SettingsError when its API key is empty, or in strict mode no key that encrypts; MockAkoolError when
        there is one with its API key or clientId.
        """
        self._settings.check_key(spec, ("api_key",))
        if self.known(spec.api_key) is not None:
            raise MockAkoolError("there is an account with this api_key", "Reset it, or take another one")
        if spec.client_id is not None and any(each.client_id == spec.client_id for each in self):
            raise MockAkoolError("there is an account with this client_id", "Give each its own")
        return self.add(spec)

    @transaction
    def add(self, spec: AccountSpec) -> Account:
        """Make the account that is described; there must be none with its API key."""
        key, draw, settings = spec.api_key, self._keyed_random, self._settings
        script = self._script_of(key)
        second = self._clock.now_ns() // NS_PER_S
        account = Account(
            api_key=key,
            client_id=self._client_id(self._secret_of(key)) if spec.client_id is None else spec.client_id,
            id=draw.object_id(second, 0, "account", key),
            uid=self._free_uid(key),
            team_id=draw.object_id(second, 0, "team", key),
            credential_id=draw.object_id(second, 0, "credential", key),
            banned=self._banned(spec, script),
            token_lifetime_ns=self._ttl_ns(spec, script),
        )
        self.put(account)
        self._specs[key] = spec
        if spec.client_id is not None or settings.strict:
            self._said.add(key)
        self._credits[key] = self._initial[key] = _first(spec.credits, script.credits, settings.credits)
        return account

    def _banned(self, spec: AccountSpec, script: AccountScript) -> bool:
        return _first(spec.banned, script.banned, self._settings.account_status == "banned")

    def _ttl_ns(self, spec: AccountSpec, script: AccountScript) -> int:
        return _first(spec.token_lifetime, script.token_lifetime, self._settings.token_lifetime).ns

    def _client_id(self, secret: str) -> str:
        """Return the clientId that belongs to the secret: 24 characters, base64 of 16 bytes (contract section 2).

        A key that names scenarios has that of the key without.
        """
        known = self._by_key.get(secret)
        if known is not None:
            return known.client_id
        return base64.b64encode(self._keyed_random.raw(16, "clientId", secret)).decode()

    def _free_uid(self, key: str) -> int:
        attempt = 0
        while (uid := self._keyed_random.integer(100_000, 9_999_999, "uid", key, attempt)) in self._uids:
            attempt += 1
        self._uids.add(uid)
        return uid


def _first(listed: _Said | None, scripted: _Said | None, usual: _Said) -> _Said:
    """Return what the list says of an account, or else what its scenario says, or else what the settings say."""
    return listed if listed is not None else scripted if scripted is not None else usual


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns jobs. The API key is the clientSecret (contract section 2); credits are kept by the engine.

    `valid_from_s` is the epoch second before which this account's tokens are revoked.
    """

    api_key: str
    client_id: str
    id: str
    uid: int
    team_id: str
    credential_id: str
    banned: bool
    token_lifetime_ns: int
    valid_from_s: int = 0

    def __repr__(self) -> str:
        return f"<Account {shortened(self.api_key)} uid={self.uid}{' banned' if self.banned else ''}>"


class AccountSummary(NamedTuple):
    """An account and its totals at an instant: the credits it has left and has spent, and how many jobs it made."""

    account: Account
    credits: Credits
    spent: Credits
    jobs: int


class AccountTotals(NamedTuple):
    """How many accounts there are, and what they have left and have spent together."""

    accounts: int
    credits: Credits
    spent: Credits


class AccountScript(NamedTuple):
    """What the accounts are like that no list describes. None means: as the settings say."""

    credits: int | None = None
    banned: bool | None = None
    token_lifetime: Duration | None = None
