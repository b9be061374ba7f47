"""Each scenario of the library with each family for which the table in the docs says that it makes sense."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool.akool.families import Create, Family
from mock_akool.core.http import Response
from mock_akool.scenario_library.library import named, names
from tests.contract.test_families import HOOK, KEY, KINDS, FamilyClient, records_in
from tools.scenario_families import makes_sense

PAUSE_S: Final = 3
MOST_POLLS: Final = 60
PAIR: Final = {"clientId": "an-id", "clientSecret": KEY}

CASES: Final = [(name, kind) for name in names() for kind in KINDS if makes_sense(named(name), kind[0])]
SOME: Final = {"fails", "flaky-gateway", "partial-batch", "session-busy"}
"""Scenarios that are played with each family in every run; the rest with one create of each family in long runs."""


class Player(FamilyClient):
    """A patient client of a family: it asks again whatever happens."""

    def __init__(self, kind: tuple[Family[Any], Create[Any]], name: str) -> None:
        super().__init__(kind)
        self.body = self.request(**({self.create.webhook_field: HOOK} if self.create.webhook_field else {}))
        self.mock.put_scenario(name)

    def answered(self, response: Response) -> Any:
        """Return what an answer says, None for one that says nothing; a bug of the fake is a failure."""
        assert b"mock-akool bug" not in response.body, response.body
        self.mock.clock.advance(PAUSE_S)
        try:
            body = json.loads(response.body)
        except ValueError:
            return None
        return body if isinstance(body, dict) and body.get("code") == 1000 else None

    def play(self) -> None:
        """Create a job, wait for its end, and download its file."""
        job_id = None
        for _ in range(3):
            self.ask("POST", "/api/open/v3/getToken", body=PAIR)
            created = self.answered(self.ask(self.create.method, self.create.path, body=self.body))
            for detector in ("/interface/detect-api/detect_faces", "/detect"):
                self.ask("POST", detector, body={"url": "https://a.com/a.jpg", "image_url": "https://a.com/a.jpg"})
            if created is not None and (made := records_in(created["data"])):
                job_id = made[0]["_id"]
                break
        for _ in range(MOST_POLLS if job_id else 0):
            read = self.answered(self.poll(self.results, str(job_id)))
            found = [] if read is None else records_in(read["data"])
            if found and found[0].get(self.results.status_word) in (3, 4):
                self.download(found[0].get(self.results.result_word))
                break

    def download(self, url: str | None) -> None:
        """Fetch a file three times."""
        for _ in range(3 if url else 0):
            path = "/" + str(url).split("/", 3)[3]
            response = self.mock.application.complete(self.ask("GET", path))[0]
            assert response.status < 500 or response.rule, response
            self.mock.clock.advance(PAUSE_S)


def _marks(name: str, kind: tuple[Family[Any], Create[Any]]) -> list[pytest.MarkDecorator]:
    return [] if name in SOME and kind[1] is kind[0].creates[0] else [pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, id=f"{name}-{kind[0].name}-{kind[1].endpoint}", marks=_marks(name, kind))
        for name, kind in CASES
    ],
)
def test_a_family_meets_what_the_scenario_is_about(name: str, kind: tuple[Family[Any], Create[Any]]) -> None:
    player = Player(kind, name)
    player.play()
    player.mock.verify()
    assert len(player.mock.calls) >= 2
