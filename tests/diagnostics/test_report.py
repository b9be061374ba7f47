"""The report of a failing test: the life of each job, the last calls, and a report that never breaks."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from mock_akool import failed
from mock_akool.diagnostics.report import explain
from tests.diagnostics.client import BUTTON, INFO, TOKEN, V3, V4, Client


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b'"x"', b"\xff", b"[" * 100_000, b"null"])
def test_bodies_that_are_no_objects_are_no_trouble(body: bytes) -> None:
    client = Client()
    for path in (V3, V4, BUTTON, TOKEN):
        client.ask("POST", path, body=body)
    for query in ("&&&", "image_model_id", "image_model_id=&image_model_id=", "%ff=%ff"):
        client.ask("GET", INFO, query)
    assert explain(client.observations).startswith("the last 8 of 8 calls:")


def test_nothing_was_asked() -> None:
    assert explain(Client().observations) == "no request reached the fake"


def lines(client: Client) -> list[str]:
    return re.sub(r"\b[0-9a-f]{24}\b", "ID", explain(client.observations)).splitlines()


@pytest.mark.parametrize(
    ("script", "life"),
    [
        ({"queueing": 0, "processing": 60}, "processing from +0.0 s, would be completed at +60.0 s"),
        ({"queueing": "1500ms", "processing": 0}, "queueing from +0.0 s, would be completed at +1.5 s"),
        ({"queueing": 0, "processing": 0}, "completed at +0.0 s"),
        (
            {"queueing": 0, "processing": 0, "ending": failed("nudity", "no face")},
            "failed at +0.0 s, because of 'nudity; no face'",
        ),
        ({"queueing": "forever"}, "queueing from +0.0 s, forever"),
        ({"queueing": 0, "processing": "3 polls"}, "processing from +0.0 s, until 3 polls have seen it"),
        (
            {"queueing": 1, "processing": "1 poll"},
            "queueing from +0.0 s, would be processing from +1.0 s, until 1 poll has seen it",
        ),
    ],
)
def test_the_life_of_a_job_is_shown(script: dict[str, Any], life: str) -> None:
    client = Client()
    client.mock.next_job(**script)
    client.create()
    assert lines(client)[0] == f"job ID, 'a red fox': {life}"
    assert lines(client)[1] == "    never polled"


def test_polls_are_shown_in_runs_and_downloads_are_counted() -> None:
    client = Client()
    job_id = client.create(prompt="p" * 60)
    for _ in range(22):
        client.wait(0.25)
        job = client.poll(job_id)
    client.fetch(job["upscaled_urls"][0])
    client.fetch(job["upscaled_urls"][1])
    assert lines(client)[:6] == [
        f"job ID, '{'p' * 50}…': queueing from +0.0 s, processing from +2.0 s, completed at +5.0 s",
        "    1st to 7th poll from +0.25 s to +1.75 s: status 1 queueing",
        "    8th to 19th poll from +2.0 s to +4.75 s: status 2 processing",
        "    20th to 22nd poll from +5.0 s to +5.5 s: status 3 completed",
        "    2 downloads, the last at +5.5 s",
        "the last 10 of 25 calls:",
    ]
    assert len(lines(client)) == 6 + 10 + 1


def test_a_button_is_shown_with_its_parent_and_old_jobs_are_left_out() -> None:
    client = Client()
    for number in range(5):
        client.create(prompt=f"fox {number}")
    client.wait(5)
    client.press(client.mock.jobs[4].id, "V3")
    shown = [line.partition(":")[0] for line in lines(client) if not line.startswith(" ")]
    assert shown[:6] == ["(1 earlier job left out)", *(f"job ID, 'fox {n}'" for n in range(1, 5)), "job ID, V3 of ID"]


@pytest.mark.parametrize(
    ("count", "nth"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (23, "23rd")]
)
def test_the_last_poll_has_its_number(count: int, nth: str) -> None:
    client = Client(queueing="forever")
    job_id = client.create()
    for _ in range(count):
        client.wait(1)
        client.poll(job_id)
    assert f"    {nth} poll at +{count}.0 s: status 1 queueing; the client stopped here" in lines(client)


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (
            lambda client: client.ask("GET", "/api/open/v3/faceswap/quota/info", x_api_key="unknown-key"),
            "#1 GET quota/info -> 200 1109 account does not exist: no account has the API key unkn… of the header "
            "x-api-key",
        ),
        (
            lambda client: client.ask("GET", "/api/open/v3/faceswap/quota/info", x_api_key=""),
            "#1 GET quota/info -> 200 1102 Authorization cannot be empty: neither the header x-api-key nor "
            "Authorization has a value",
        ),
        (
            lambda client: client.ask("POST", V3, body={"prompt": "a fox", "scale": "wide"}),
            "#1 POST createbyprompt -> 200 1003 parameter validate error: *scale*",
        ),
    ],
)
def test_in_strict_mode_the_reason_of_a_refusal_is_shown(ask: Any, line: str) -> None:
    client = Client(strict=True, accounts=[{"api_key": "k" * 32}])
    if "1003" in line:
        client = Client()
    ask(client)
    text = explain(client.observations)
    assert any(fnmatchcase(each.strip(), f"+0.0 s  {line}") for each in text.splitlines()), text
