"""The people who own accounts: a table that is part of the package, so that a seed gives the same names forever."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from mock_akool.core.keyed_random import KeyedRandom

FILE: Final = Path(__file__).with_name("people.txt")
"""A first name and an e-mail address in each line; `tools/make_people.py` made it."""


class Person(NamedTuple):
    """Somebody who owns an account."""

    first_name: str
    email: str


@cache
def people() -> tuple[Person, ...]:
    """Return all people of the table."""
    return tuple(Person(*line.split()) for line in FILE.read_text(encoding="utf-8").splitlines())


def owner_of(api_key: str, keyed_random: KeyedRandom) -> Person:
    """Return the owner of the account with this API key: the same for the same seed, whatever else happens."""
    known = people()
    return known[keyed_random.integer(0, len(known) - 1, "person", api_key)]
