"""The golden bodies in `fixtures/golden/`, which people who write clients in other languages read too."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import Any, cast

import pytest

from mock_akool import MockAkool, Profile
from tests.contract.golden import FOLDER, SITUATIONS, answer_to, path_of, spelled
from tests.contract.transports import OpenTransport, SocketTransport, Transport
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


class TestGolden:
    @pytest.mark.every_transport
    @pytest.mark.parametrize("profile", Profile)
    @pytest.mark.parametrize("name", SITUATIONS)
    def test_the_body_is_the_kept_one(self, open_transport: OpenTransport, name: str, profile: Profile) -> None:
        answer = answer_to(name, profile, open_transport)

        expected = kept(name, profile)
        assert answer.status == (404 if name == "error-404" else 200)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        # As text: to Python 1, 1.0 and true are equal.
        assert spelled(answer.body) == expected, REGENERATE

    @pytest.mark.parametrize("name", SITUATIONS)
    def test_so_it_is_when_the_situation_is_made_over_the_admin_api(self, name: str) -> None:
        with ExitStack() as opened:

            def open_remote(**options: Any) -> Transport:
                return opened.enter_context(closing(RemotelySetUp(MockAkool(**options))))

            body = answer_to(name, Profile.OBSERVED, open_remote).body
        assert spelled(body) == kept(name, Profile.OBSERVED), REGENERATE

    def test_no_file_is_left_over_or_missing(self) -> None:
        there = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}

        assert there == set(files()), REGENERATE

    def test_the_readmes_table_is_up_to_date(self) -> None:
        text = README.read_text("utf-8")

        assert readme(text) == text, REGENERATE
        assert all(f"`{name}.json`" in text for name in SITUATIONS)
