"""What a probe is: how one setting, or one fact of the contract without a setting, is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mock_akool.calibration.errors import NotAskedError
from mock_akool.calibration.session import Credentials, Session

CLIENT_ID = "client_id"
OTHER = "other_key"
EMPTY = "empty_key"
BANNED = "banned_key"
WEBHOOK = "webhook"

_NEEDS: Mapping[str, str] = {
    CLIENT_ID: "give the clientId of the key with --client-id",
    OTHER: "give the key of a second account with --other-api-key",
    EMPTY: "give the key of an account without credits with --empty-api-key",
    BANNED: "give the key of a banned account with --banned-api-key",
    WEBHOOK: "give an address at which the service reaches this machine with --webhook-url",
}


@dataclass(frozen=True)
class Probe:
    """How one thing is found out.

    With a `setting`, `read` returns the value by which the fake would do what the service does, as it stands in a file
    of settings. Without one, it returns what was seen, as JSON data, which is compared with what the fake shows to the
    same questions. It raises NotAskedError when it cannot find out, and NoValueError for what no value does.

    `fact` is what it tells, for people; `section` is that of the contract. `needs` are what must be given. `jobs` are
    the names of those it makes, see `lives`. `trial` is a create that a request may turn out to be, and what is changed
    in its example: it costs as much as it does, unless an account without credits is given.
    """

    name: str
    fact: str
    section: str
    read: Callable[[Session], Any]
    setting: str = ""
    needs: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    trial: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    """The family that it is about; empty where it is about all."""

    def missing(self, credentials: Credentials, *, webhook: bool) -> str:
        """Return what has to be given so that it can be asked; empty text when nothing."""
        have = {**credentials._asdict(), WEBHOOK: webhook}
        wanted = [_NEEDS[each] for each in self.needs if not have[each]]
        return "; ".join(wanted)


def setting(name: str, section: str, fact: str, read: Callable[[Session], Any], *needs: str, **more: Any) -> Probe:
    """Return the probe of a setting, which has its name."""
    return Probe(name, fact, section, read, setting=name, needs=needs, **more)


def need(condition: object, why: str) -> None:
    """Raise NotAskedError unless the condition holds."""
    if not condition:
        raise NotAskedError(why)
