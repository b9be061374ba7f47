"""The table of people: small, made once, and the same for a seed forever."""

from __future__ import annotations

import json
import re

import jwt
import pytest

from mock_akool import MockAkool, Request
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.server.people import FILE, owner_of, people
from tools import make_people


def claims(api_key: str, seed: int) -> dict[str, object]:
    body = json.dumps({"clientId": "AAECAwQFBgcICQoLDA0ODw==", "clientSecret": api_key}).encode()
    headers = {"content-type": "application/json"}
    answer = MockAkool(seed=seed).answer(Request.build("POST", "/api/open/v3/getToken", headers=headers, body=body))
    read: dict[str, object] = jwt.decode(json.loads(answer.body)["token"], options={"verify_signature": False})
    return read


def test_the_table_is_small_and_its_addresses_reach_nobody() -> None:
    assert FILE.stat().st_size < 60_000
    assert len(people()) >= 1000
    assert len({person.email for person in people()}) == len(people())
    for person in people():
        assert re.fullmatch(r"[A-Z][a-zA-Z'-]+", person.first_name)
        assert re.fullmatch(r"[a-z0-9._-]+@example\.(com|net|org)", person.email)


def test_an_account_has_the_same_owner_for_a_seed() -> None:
    assert owner_of("key-of-1-account", KeyedRandom(0)) == ("Elizabeth", "aarondaniels@example.com")
    owners = {seed: owner_of("key", KeyedRandom(seed)) for seed in range(50)}
    assert len(set(owners.values())) > 40
    assert owners == {seed: owner_of("key", KeyedRandom(seed)) for seed in range(50)}


@pytest.mark.parametrize("seed", [0, 7])
def test_a_token_says_who_owns_the_account(seed: int) -> None:
    read = claims("k" * 32, seed)
    assert (read["firstName"], read["email"]) == owner_of("k" * 32, KeyedRandom(seed))


def test_the_table_is_as_it_is_made() -> None:
    """In form: another release of Faker draws others, which is why the table is kept."""
    made = make_people.people()
    kept = FILE.read_text().splitlines()
    assert len(made) == len(kept)
    assert all(len(line.split()) == 2 for line in made)
