"""Chance: what looks random follows from the seed and the place of the draw, and from nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_akool.core.keyed_random import KeyedRandom

ROOT = Path(__file__).parents[2]
SECOND = 1_767_225_600

SEEDS = st.integers(-(2**63), 2**63 - 1)
PLACES = st.lists(st.one_of(st.text(max_size=8), st.integers()), max_size=4).map(tuple)


@given(SEEDS, PLACES)
def test_draws_have_their_formats(seed: int, place: tuple[str | int, ...]) -> None:
    keyed_random = KeyedRandom(seed)
    assert re.fullmatch(r"[0-9a-f]{32}", keyed_random.hex(32, *place))
    assert re.fullmatch(r"[0-9A-Za-z]{20}", keyed_random.alphanumerics(20, *place))
    assert 0 <= keyed_random.fraction(*place) < 1
    assert 3 <= keyed_random.integer(3, 9, *place) <= 9
    uuid = keyed_random.uuid4(*place)
    assert str(UUID(uuid)) == uuid
    assert UUID(uuid).version == 4


@given(SEEDS, st.integers(0, 2**32 - 1), st.integers(0, 2**25), PLACES)
def test_an_object_id_begins_with_its_second(seed: int, second: int, serial: int, place: tuple[str | int, ...]) -> None:
    made = KeyedRandom(seed).object_id(second, serial, *place)
    assert re.fullmatch(r"[0-9a-f]{24}", made)
    assert int(made[:8], 16) == second


def test_object_ids_of_one_place_count_up_and_never_meet() -> None:
    keyed_random = KeyedRandom(0)
    ids = [keyed_random.object_id(SECOND, serial, "job", "key") for serial in range(20_000)]
    assert len(set(ids)) == 20_000
    counts = [int(each[18:], 16) for each in ids]
    assert all((other - one) % 2**24 == 1 for one, other in pairwise(counts))


def test_object_ids_of_many_places_never_meet() -> None:
    keyed_random = KeyedRandom(0)
    ids = {keyed_random.object_id(SECOND, 0, "job", f"key {number}") for number in range(20_000)}
    assert len(ids) == 20_000


@given(SEEDS, st.lists(PLACES, unique=True, max_size=8), st.randoms(use_true_random=False))
def test_a_draw_does_not_depend_on_other_draws(seed: int, places: list[tuple[str | int, ...]], order: object) -> None:
    one, other = KeyedRandom(seed), KeyedRandom(seed)
    first = {place: one.raw(16, *place) for place in places}
    shuffled = list(places)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {place: other.raw(16, *place) for place in shuffled} == first
    assert len(set(first.values())) == len(places)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", 1), ("a", "1")), (("ab",), ("a", "b")), (("a",), ("a", "")), ((), ("",)), ((1, 23), (12, 3))],
)
def test_places_are_not_confused(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    keyed_random = KeyedRandom(0)
    assert keyed_random.raw(16, *one) != keyed_random.raw(16, *other)


def test_another_seed_draws_otherwise() -> None:
    assert len({KeyedRandom(seed).raw(16, "place") for seed in range(1000)}) == 1000


def test_a_text_that_has_no_utf_8_is_a_place_too() -> None:
    keyed_random = KeyedRandom(0)
    assert keyed_random.raw(16, "\ud800") != keyed_random.raw(16, "\ud801")


def test_integers_reach_both_ends_and_spread_evenly() -> None:
    keyed_random = KeyedRandom(0)
    drawn = [keyed_random.integer(1, 4, number) for number in range(4000)]
    counts = [drawn.count(value) for value in (1, 2, 3, 4)]
    assert sum(counts) == 4000
    assert min(counts) > 850


def test_fractions_spread_evenly() -> None:
    keyed_random = KeyedRandom(0)
    drawn = [keyed_random.fraction(number) for number in range(4000)]
    assert sum(drawn) / 4000 == pytest.approx(0.5, abs=0.03)
    assert min(drawn) < 0.01
    assert max(drawn) > 0.99


def test_a_seed_draws_the_same_in_every_release() -> None:
    """Tests of our users name what it drew: ids, and which calls fail."""
    keyed_random, key = KeyedRandom(7), ("job", "key", 3)
    assert keyed_random.raw(8, *key).hex() == keyed_random.hex(16, *key) == "ab52293662521b04"
    assert keyed_random.fraction(*key) == 0.21934304399475923
    assert keyed_random.integer(3, 900, *key) == 773
    assert keyed_random.alphanumerics(20, *key) == "KByuBJaYJilK7l8UU0FD"
    assert keyed_random.uuid4(*key) == "3ffb060a-0336-415d-a817-22728e4c8304"
    assert keyed_random.object_id(SECOND, 5, *key) == "6955b900ab52293662521b09"
    assert KeyedRandom(-1).hex(16) == "4d71cd102018b7ca"
    assert KeyedRandom(0).hex(16, "\ud800") == "03f9ecdf1f296d9a"


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_another_process_draws_the_same(hash_seed: str) -> None:
    code = "from mock_akool.core.keyed_random import KeyedRandom; print(KeyedRandom(7).hex(64, 'job', 'key', 3))"
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )
    assert finished.stdout.strip() == KeyedRandom(7).hex(64, "job", "key", 3)
