"""The golden bodies in `fixtures/golden/`, which people who write clients in other languages read too."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import Any, cast

import pytest

from mock_akool import MockAkool, Profile
from tests.contract.golden import FOLDER, OPENAPI, SITUATIONS, answer_to, emulated_api, path_of, spelled
from tests.contract.transports import TRANSPORTS, Answer, SocketTransport, Transport
from tools.regenerate_golden import README, files, readme


class RemotelySetUp(SocketTransport):
    """What a test sets up goes to the server's admin API, as from another process."""

    def __init__(self, mock: MockAkool) -> None:
        super().__init__(mock)
        self.mock = cast("MockAkool", MockAkool.connect(self.file_base))


REGENERATE = "if the change is meant: python -m tools.regenerate_golden"


def kept(name: str, profile: Profile) -> str:
    path = path_of(name, profile)
    if profile is Profile.DOCUMENTED and not path.exists():
        path = path_of(name, Profile.OBSERVED)
    return path.read_text("utf-8")


def answered_through(transport_class: type[Transport], name: str, profile: Profile) -> Answer:
    with ExitStack() as opened:

        def open_one(**options: Any) -> Transport:
            return opened.enter_context(closing(transport_class(MockAkool(**options))))

        return answer_to(name, profile, open_one)


class TestGolden:
    @pytest.mark.parametrize("profile", Profile)
    @pytest.mark.parametrize("name", SITUATIONS)
    def test_the_body_is_the_kept_one_through_every_transport(self, name: str, profile: Profile) -> None:
        answers = {each.name: answered_through(each, name, profile) for each in TRANSPORTS}

        meant = (404 if name == "error-404" else 200, "application/json; charset=utf-8")
        heads = {through: (got.status, got.headers["content-type"]) for through, got in answers.items()}
        assert heads == dict.fromkeys(heads, meant)
        # As text: to Python 1, 1.0 and true are equal.
        bodies = {through: spelled(got.body) for through, got in answers.items()}
        assert bodies == dict.fromkeys(bodies, kept(name, profile)), REGENERATE

    @pytest.mark.parametrize("name", SITUATIONS)
    def test_so_it_is_when_the_situation_is_made_over_the_admin_api(self, name: str) -> None:
        body = answered_through(RemotelySetUp, name, Profile.OBSERVED).body
        assert spelled(body) == kept(name, Profile.OBSERVED), REGENERATE

    def test_no_file_is_left_over_or_missing(self) -> None:
        there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}

        assert there == set(files()), REGENERATE

    def test_the_readmes_table_is_up_to_date(self) -> None:
        text = README.read_text("utf-8")

        assert readme(text) == text, REGENERATE
        assert all(f"`{name}.json`" in text for name in SITUATIONS)

    def test_the_openapi_document_says_so_of_the_endpoints(self) -> None:
        assert emulated_api() == OPENAPI.read_text("utf-8"), REGENERATE
