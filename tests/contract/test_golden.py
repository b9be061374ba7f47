"""The golden bodies in `fixtures/golden/`, which people who write clients in other languages read too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import jwt
import pytest

from mock_akool import MockAkool, Profile
from tests.contract.golden import FOLDER, SITUATIONS, answer_to, path_of, spelled
from tests.contract.transports import TRANSPORTS, OpenDoor
from tools.regenerate_golden import README, files, readme

REGENERATE = "if the change is meant: python -m tools.regenerate_golden"


def kept(name: str, profile: Profile) -> str:
    path = path_of(name, profile)
    if profile is Profile.DOCUMENTED and not path.exists():
        path = path_of(name, Profile.OBSERVED)
    return path.read_text("utf-8")


def without_person(body: str) -> Any:
    """Return a reply of getToken with its claims read, less what another release of Faker draws otherwise."""
    envelope = json.loads(body)
    token = envelope.pop("token")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.pop("email")
    assert claims.pop("firstName")
    return envelope, jwt.get_unverified_header(token), claims


@pytest.fixture
def open_all() -> Iterator[list[OpenDoor]]:
    """How to open each of the doors."""
    with ExitStack() as opened:
        yield [
            lambda door_class=door_class, **options: opened.enter_context(closing(door_class(MockAkool(**options))))
            for door_class in TRANSPORTS
        ]


class TestGolden:
    @pytest.mark.parametrize("profile", Profile)
    @pytest.mark.parametrize("name", SITUATIONS)
    def test_the_body_is_the_kept_one(self, open_door: OpenDoor, name: str, profile: Profile) -> None:
        answer = answer_to(name, profile, open_door)

        expected = kept(name, profile)
        assert answer.status == (404 if name == "error-404" else 200)
        if name == "get-token":
            assert without_person(answer.body.decode()) == without_person(expected), REGENERATE
        else:
            # As text: to Python 1, 1.0 and true are equal.
            assert spelled(answer.body) == expected, REGENERATE

    @pytest.mark.parametrize("profile", Profile)
    @pytest.mark.parametrize("name", SITUATIONS)
    def test_all_doors_give_identical_bytes(self, open_all: list[OpenDoor], name: str, profile: Profile) -> None:
        answers = [answer_to(name, profile, open_door) for open_door in open_all]

        assert len(answers) == len(TRANSPORTS) >= 2
        assert len({(answer.status, answer.headers["content-type"], answer.body) for answer in answers}) == 1

    def test_no_file_is_left_over_or_missing(self) -> None:
        there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}

        assert there == set(files()), REGENERATE

    def test_the_readmes_table_is_up_to_date(self) -> None:
        text = README.read_text("utf-8")

        assert readme(text) == text, REGENERATE
        assert all(f"`{name}.json`" in text for name in SITUATIONS)
