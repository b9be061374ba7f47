"""Routes that a page needs and a script may like: files of a job, newest first, checked texts, the next change."""

from __future__ import annotations

import json

import pytest

from mock_akool import MockAkool, Request
from mock_akool.akool.families import CREATES
from mock_akool.scenario_library.library import names, text_of
from tests.admin.conftest import KEY, OTHER, Fake

# Files


def test_a_job_lists_its_files_once_it_is_completed(fake: Fake) -> None:
    job = fake.create()
    assert fake.ask("GET", f"jobs/{job}/files") == {"files": []}
    fake.ask("POST", f"jobs/{job}/complete")
    record = fake.poll(job)
    files = fake.ask("GET", f"jobs/{job}/files")["files"]
    assert [each["number"] for each in files] == [1, 2, 3, 4, 5]
    assert {each["type"] for each in files} == {"image/jpeg"}
    assert [each["url"] for each in files] == [record["image"], *record["upscaled_urls"]]
    fake.ask("POST", f"jobs/{job}/fail")
    assert fake.ask("GET", f"jobs/{job}/files") == {"files": []}


def test_a_file_is_sent_as_it_is_and_that_is_no_call(fake: Fake) -> None:
    job = fake.create()
    fake.ask("POST", f"jobs/{job}/complete")
    fake.ask("PUT", "scenario", scenario="broken-files")
    before = len(fake.mock.calls)
    response = fake.mock.answer(Request.build("GET", f"/_mock/jobs/{job}/files/1"))
    assert response.media is not None
    response, body = fake.mock.application.complete(response)
    assert (response.status, body[:2], body[-2:]) == (200, b"\xff\xd8", b"\xff\xd9")
    headers = dict(response.headers)
    assert headers["content-type"] == "image/jpeg"
    assert "access-control-allow-origin" not in headers
    assert len(fake.mock.calls) == before
    assert fake.ask("GET", "scenario")["rules"][0]["fired"] == 0


@pytest.mark.parametrize("number", ["0", "6", "-1", "x", "1.0", "٣", "9" * 40])
def test_a_file_that_is_not_there(number: str, fake: Fake) -> None:
    job = fake.create()
    fake.ask("POST", f"jobs/{job}/complete")
    path = "%D9%A3" if number == "٣" else number
    status, error, hint = fake.refused("GET", f"jobs/{job}/files/{path}")
    assert (status, hint) == (404, "GET /_mock/jobs/{job}/files lists them")
    assert error.startswith(f"job {job} has no file ")
    assert fake.refused("GET", f"jobs/{job}/files/1", f"account={OTHER}")[0] == 404


@pytest.mark.parametrize("endpoint", CREATES)
def test_each_family_says_what_its_files_are(endpoint: str) -> None:
    create = CREATES[endpoint]
    if create.parent is not None:
        pytest.skip("it continues another job")
    fake = Fake(MockAkool())
    (job, *_) = fake.ask("POST", "jobs", account=KEY, endpoint=endpoint, request=dict(create.example))["jobs"]
    assert job["endpoint"] == endpoint
    fake.ask("POST", f"jobs/{job['_id']}/complete")
    for each in fake.ask("GET", f"jobs/{job['_id']}/files")["files"]:
        response = fake.mock.answer(Request.build("GET", f"/_mock/jobs/{job['_id']}/files/{each['number']}"))
        response, body = fake.mock.application.complete(response)
        assert dict(response.headers)["content-type"] == each["type"]
        assert body
        assert fake.mock.answer(Request.build("GET", "/" + each["url"].split("/", 3)[3])).status == 200


# Lists


def test_jobs_newest_first(fake: Fake) -> None:
    made = [fake.create() for _ in range(5)]
    listed = fake.ask("GET", "jobs", "newest=true&limit=2")
    assert [each["_id"] for each in listed["jobs"]] == [made[4], made[3]]
    assert (listed["matched"], listed["next"]) == (5, 2)
    rest = fake.ask("GET", "jobs", "newest=true&offset=2")
    assert [each["_id"] for each in rest["jobs"]] == [made[2], made[1], made[0]]
    assert [each["_id"] for each in fake.ask("GET", "jobs")["jobs"]] == made


def test_a_job_says_its_family(fake: Fake) -> None:
    assert fake.ask("GET", f"jobs/{fake.create()}")["family"] == "image_v3"


# Scenarios


def test_a_text_is_checked_line_by_line_and_nothing_becomes_active(fake: Fake) -> None:
    before = fake.reported()
    text = (
        "description: x\nrules:\n  - on: infobymodelid\n    fualt: {http: 502}\n  - on: creat\n    fault: {http: 99}\n"
    )
    found = fake.ask("POST", "scenario/check", text=text)
    assert found["scenario"] is None
    assert [each["line"] for each in found["mistakes"]] == sorted(each["line"] for each in found["mistakes"])
    by_line = {each["line"]: each for each in found["mistakes"]}
    assert by_line[4]["place"] == "rules[0].fualt"
    assert by_line[4]["error"] == "there is no such key"
    assert "fault" in by_line[4]["hint"]
    assert {5, 6} <= by_line.keys()
    assert fake.reported() == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rules: [", 2),
        ("a: &x 1", 1),
        ("\n\n- 1\n---\n- 2", 4),
        ("x" * 70_000, None),
        ("rules:\n  - on: any\n\tx: 1", 3),
    ],
)
def test_what_is_no_scenario_at_all(text: str, line: int | None, fake: Fake) -> None:
    found = fake.ask("POST", "scenario/check", text=text)
    assert line in [each["line"] for each in found["mistakes"]]
    assert found["scenario"] is None


def test_a_valid_text_is_what_put_takes(fake: Fake) -> None:
    for name in names():
        found = fake.ask("POST", "scenario/check", text=text_of(name))
        assert found["mistakes"] == [], name
    assert fake.ask("GET", "scenario")["scenarios"] == []
    text = "rules:\n  - {on: infobymodelid, nth: 2, fault: {http: 502}}\n"
    found = fake.ask("POST", "scenario/check", text=text)
    active = fake.ask("PUT", "scenario", scenario={"name": "edited", "scenario": found["scenario"]})
    assert [each["name"] for each in active["scenarios"]] == ["edited"]
    job = fake.create()
    assert (fake.poll(job)["image_status"], fake.poll(job)) == (1, 502)


def test_a_check_wants_a_text(fake: Fake) -> None:
    assert fake.refused("POST", "scenario/check")[0] == 400
    assert fake.refused("POST", "scenario/check", text=["a"])[0] == 400


def test_a_scenario_of_the_library_as_its_file(fake: Fake) -> None:
    assert fake.ask("GET", "scenario/library/banned") == {"name": "banned", "text": text_of("banned")}
    status, error, _ = fake.refused("GET", "scenario/library/baned")
    assert (status, "baned" in error) == (404, True)
    assert fake.refused("GET", "scenario/library/..%2fbanned")[0] == 404


# The clock


def test_the_clock_moves_to_the_next_change_of_a_job(fake: Fake) -> None:
    stages = [{"queueing": "2s"}, {"processing": "3s"}, "completed"]
    (slow,) = fake.ask("POST", "jobs", account=KEY, stages=[{"queueing": "1m"}, "completed"])["jobs"]
    (fast,) = fake.ask("POST", "jobs", account=OTHER, stages=stages)["jobs"]
    fake.ask("POST", "jobs", account=OTHER, stages=[{"queueing": "forever"}])
    began = fake.ask("GET", "clock")["now_ns"]

    def passed() -> float:
        return float(fake.ask("POST", "clock/advance", until="change")["now_ns"] - began) / 1e9

    assert [passed(), passed()] == [2, 5]
    assert fake.ask("GET", f"jobs/{fast['_id']}")["status"] == "completed"
    assert [passed(), passed()] == [60, 60], "then nothing changes any more"
    assert fake.ask("GET", f"jobs/{slow['_id']}")["status"] == "completed"


def test_the_next_change_of_one_account(fake: Fake) -> None:
    fake.ask("POST", "jobs", account=KEY, stages=[{"queueing": "1m"}, "completed"])
    fake.ask("POST", "jobs", account=OTHER, stages=[{"queueing": "2s"}, "completed"])
    began = fake.ask("GET", "clock")["now_ns"]
    assert fake.ask("POST", "clock/advance", until="change", account=KEY)["now_ns"] - began == 60 * 10**9


def test_the_document_says_that_a_file_is_no_json(fake: Fake) -> None:
    path = fake.ask("GET", "openapi.json")["paths"]["/_mock/jobs/{job}/files/{file}"]["get"]
    assert "application/json" not in path["responses"]["200"]["content"]
    assert "image/*" in json.dumps(path)
