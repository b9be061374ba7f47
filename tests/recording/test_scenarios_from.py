"""The scenario of a recording, and what it contradicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from mock_akool import MockAkool
from mock_akool.cli import main
from mock_akool.core.http import Termination
from mock_akool.mock.from_recording import derive
from mock_akool.recording.folder import read_recording
from tests.recording.conftest import IMAGE, Record
from tests.recording.test_redaction import as_json
from tests.recording.test_replay import CREATE, JOB, POLL, Tape

TOKEN = "/api/open/v3/getToken"
QUOTA = "/api/open/v3/faceswap/quota/info"


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return Tape(tmp_path / "tape")


def derived(tape: Tape) -> Any:
    tape._writer.close()
    return derive(read_recording(tape._folder))


class TestJobs:
    def test_stages_last_as_long_as_they_did(self, tape: Tape) -> None:
        tape.create(1)
        for at_s, status in ((2, 1), (4, 2), (8, 2), (10, 3)):
            tape.poll(at_s, status)
        assert derived(tape).scenario["jobs"] == [
            {"stages": [{"queueing": "2000ms"}, {"processing": "6000ms"}, "completed"]}
        ]

    def test_a_failure_has_its_reasons(self, tape: Tape) -> None:
        tape.create(0)
        shown = {"_id": JOB, "image_status": 4, "error_reasons": ["too dark"]}
        tape.add(2, {"code": 1000, "data": shown})
        assert derived(tape).scenario["jobs"] == [{"stages": [{"queueing": "1000ms"}, {"failed": ["too dark"]}]}]

    def test_a_job_whose_end_nobody_saw_lasts_forever(self, tape: Tape) -> None:
        tape.create(0)
        tape.poll(2, 2)
        assert derived(tape).scenario["jobs"] == [{"stages": [{"queueing": "1000ms"}, {"processing": "forever"}]}]

    def test_a_job_that_nobody_polled_is_completed(self, tape: Tape) -> None:
        tape.create(0)
        tape.create(1, JOB[:-1] + "1")
        assert derived(tape).scenario["jobs"] == [{"stages": ["completed"]}]

    def test_a_job_that_goes_on_after_its_end_contradicts_the_contract(self, tape: Tape) -> None:
        tape.create(0)
        tape.poll(2, 3)
        tape.poll(4, 2)
        (first, *_) = derived(tape).contradictions
        assert "statuses 3 and 4 are final" in first


class TestRules:
    @pytest.mark.parametrize(
        ("response", "fault"),
        [
            ({"ended": Termination.DROP, "status": 0}, {"drop": True}),
            ({"ended": Termination.RESET, "status": 0}, {"reset": True}),
            ({"ended": Termination.CUT}, {"truncate": "50%"}),
            ({"status": 503}, {"http": 503}),
        ],
    )
    def test_a_broken_poll_is_a_rule_for_that_poll(self, tape: Tape, response: Any, fault: Any) -> None:
        tape.create(0)
        tape.poll(1, 1)
        tape.add(2, b"busy", **response)
        assert derived(tape).scenario["rules"] == [{"on": "infobymodelid", "nth": 2, "fault": fault}]

    def test_a_refusal_that_the_fake_would_not_give_is_a_rule(self, tape: Tape) -> None:
        tape.add(0, {"code": 1108, "msg": "no"}, method="POST", path=CREATE, request_body=as_json({"prompt": "a fox"}))
        found = derived(tape)
        assert found.scenario["rules"] == [{"on": "createbyprompt", "nth": 1, "fault": {"code": 1108}}]
        assert found.contradictions == [
            "createbyprompt: the service refused with 1108 a request that the fake answers with 1000 "
            "(contract section 3)"
        ]

    def test_a_refusal_that_the_fake_gives_too_needs_no_rule(self, tape: Tape) -> None:
        tape.add(0, {"code": 1003, "msg": "no"}, method="POST", path=CREATE, request_body=as_json({"prompt": 3}))
        found = derived(tape)
        assert "rules" not in found.scenario
        assert found.contradictions == []

    def test_refusals_of_credentials_are_not_compared(self, tape: Tape) -> None:
        tape.add(0, {"code": 1101, "msg": "no"}, path=QUOTA, endpoint="quota/info")
        assert derived(tape).contradictions == []


class TestContradictions:
    def test_fields_that_differ_are_named_with_their_section(self, tape: Tape) -> None:
        tape.add(0, {"code": 1000, "data": {"credit": "10", "left": 3}}, path=QUOTA, endpoint="quota/info")
        assert derived(tape).contradictions == [
            "quota/info: the service had data.left, and the fake has not (contract section 7)",
            "quota/info: data.credit was a text, and of the fake it is a number (contract section 7)",
        ]

    @pytest.mark.parametrize(
        ("path", "endpoint", "section"),
        [
            ("/api/open/v4/liveAvatar/session/list", "liveAvatar/session/list", 19),
            ("/api/open/v4/voice/list", "voice/list", 18),
            ("/api/open/v4/aigModel/list", "aigModel/list", 12),
        ],
    )
    def test_the_section_is_that_of_the_endpoint_s_family(
        self, tape: Tape, path: str, endpoint: str, section: int
    ) -> None:
        tape.add(0, {"code": 1000, "data": "odd"}, path=path, endpoint=endpoint)
        (found,) = derived(tape).contradictions
        assert found.startswith(f"{endpoint}: ")
        assert found.endswith(f"(contract section {section})")

    def test_an_equal_fake_is_not_contradicted(self, record: Record) -> None:
        recorded = record(queueing="0s", processing="0s")
        job = recorded.ask("POST", CREATE, json={"prompt": "a fox"}).json()["data"]["_id"]
        recorded.ask("GET", f"{POLL}?image_model_id={job}")
        recorded.ask("POST", CREATE, json={"prompt": 3})
        recorded.ask("GET", f"{POLL}?image_model_id={'0' * 24}")
        recorded.ask("POST", f"{IMAGE}/createbybutton", json={"_id": job, "button": "U1"})
        recorded.ask("GET", QUOTA)
        assert derive(recorded.read()).contradictions == []

    def test_another_setting_is_found_and_named(self, record: Record) -> None:
        recorded = record(unknown_job_code=1009)
        recorded.ask("GET", f"{POLL}?image_model_id={'0' * 24}")
        found = derive(recorded.read())
        (line,) = found.contradictions
        assert "the service refused with 1009 a request that the fake refuses with 1008" in line


class TestTokensFilesAndUnknownRoutes:
    def test_an_equal_fake_is_not_contradicted(self, record: Record) -> None:
        recorded = record()
        job = recorded.ask("POST", CREATE, json={"prompt": "a fox"}).json()["data"]["_id"]
        shown = recorded.ask("GET", f"{POLL}?image_model_id={job}").json()["data"]
        path = urlsplit(shown["image"]).path
        whole = recorded.ask("GET", path)
        assert whole.status_code == 200
        assert recorded.ask("GET", path, headers={"range": "bytes=0-99"}).status_code == 206
        assert recorded.ask("GET", path, headers={"range": "bytes=99999999-"}).status_code == 416
        assert recorded.ask("GET", path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
        assert recorded.ask("HEAD", path).status_code == 200
        recorded.ask("POST", TOKEN, json={"clientId": "x", "clientSecret": "y"})
        recorded.ask("POST", TOKEN, json={"clientId": "x"})
        recorded.ask("POST", TOKEN, data="[]", headers={"content-type": "application/json"})
        recorded.ask("GET", f"{IMAGE}/no-such-route")
        recorded.ask("GET", "/")
        found = derive(recorded.read())
        assert found.contradictions == []
        assert "rules" not in found.scenario

    @pytest.mark.parametrize(
        ("response", "said"),
        [
            ({"status": 404}, "a download was HTTP 404, and of the fake it is HTTP 200"),
            (
                {"response_headers": (("content-type", "image/png"),)},
                "a file was image/png, and of the fake it is image/jpeg",
            ),
            (
                {"response_headers": (("content-type", "image/jpeg"), ("accept-ranges", "bytes"))},
                "a file of the fake has the header ETag, and one of the service has not",
            ),
        ],
    )
    def test_a_download_that_differs_is_named(self, tape: Tape, response: Any, said: str) -> None:
        tape.create(0)
        files = {"https://a.test/1.jpeg": "https://files.invalid/file-1.jpeg"}
        tape.add(
            1, {"code": 1000, "data": {"_id": JOB, "image_status": 3, "image": "https://a.test/1.jpeg"}}, files=files
        )
        tape.add(2, b"x", path="/recorded/file-1.jpeg", endpoint="file", **response)
        tape.add(3, b"x", path="/recorded/file-2.jpeg", endpoint="file")
        found = derived(tape)
        assert f"file: {said} (contract section 8)" in found.contradictions
        rules = [{"on": "file", "nth": 1, "fault": {"http": 404}}] if "status" in response else None
        assert found.scenario.get("rules") == rules

    def test_a_token_at_another_place_is_named(self, tape: Tape) -> None:
        sent = as_json({"clientId": "a", "clientSecret": "b"})
        tape.add(
            0, {"code": 1000, "data": {"token": "t"}}, method="POST", path=TOKEN, endpoint="getToken", request_body=sent
        )
        assert derived(tape).contradictions == [
            "getToken: the service had the body.data, and the fake has not (contract section 2)",
            "getToken: the fake has the body.token, and the service had not (contract section 2)",
        ]

    def test_another_refusal_of_a_missing_field_is_named_with_its_setting(self, record: Record) -> None:
        recorded = record(get_token_missing_field_code=1102)
        recorded.ask("POST", TOKEN, json={"clientId": "x"})
        (line,) = derive(recorded.read()).contradictions
        assert line.startswith("getToken: the service refused with 1102 a request that the fake refuses with 1003")

    def test_a_wrong_pair_says_nothing(self, tape: Tape) -> None:
        sent = as_json({"clientId": "a", "clientSecret": "b"})
        tape.add(0, {"code": 1109}, method="POST", path=TOKEN, endpoint="getToken", request_body=sent)
        assert derived(tape).contradictions == []

    def test_an_unknown_route_that_the_service_has_is_named(self, tape: Tape) -> None:
        tape.add(0, {"code": 1000, "data": []}, path="/api/open/v5/new", endpoint="unknown")
        (line,) = derived(tape).contradictions
        assert "GET /api/open/v5/new was HTTP 200, and of the fake it is HTTP 404" in line
        assert line.endswith("(contract section 1)")

    def test_another_body_of_an_unknown_route_is_named_with_its_setting(self, record: Record) -> None:
        recorded = record(unknown_route_body="text")
        recorded.ask("GET", f"{IMAGE}/no-such-route")
        (line,) = derive(recorded.read()).contradictions
        assert "perhaps --set unknown_route_body=text" in line


class TestCommand:
    def test_the_file_is_valid_and_does_what_was_recorded(
        self, record: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        recorded = record(queueing="0s", processing="0s", ending="failed: too dark")
        job = recorded.ask("POST", CREATE, json={"prompt": "a fox"}).json()["data"]["_id"]
        recorded.ask("GET", f"{POLL}?image_model_id={job}")
        recorded.stop()
        file = tmp_path / "mine.yaml"
        assert main(["scenarios", "from", str(recorded.folder), "--into", str(file)]) == 0
        assert main(["scenarios", "check", str(file)]) == 0
        assert "valid (1 job script, 0 rules)" in capsys.readouterr().out
        assert yaml.safe_load(file.read_text())["jobs"][0]["stages"][-1] == {"failed": ["too dark"]}
        MockAkool(scenario=str(file))

    def test_without_a_file_it_is_printed_and_contradictions_are_status_1(
        self, tape: Tape, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tape.add(0, {"code": 1000, "data": {"credit": "10"}}, path=QUOTA, endpoint="quota/info")
        tape._writer.close()
        assert main(["scenarios", "from", str(tape._folder)]) == 1
        shown = capsys.readouterr()
        assert yaml.safe_load(shown.out)["description"].startswith("What was recorded of https://a.test")
        assert "contradicts: quota/info: data.credit" in shown.err

    def test_no_recording_and_no_place_for_the_file_are_one_line(
        self, tape: Tape, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tape._writer.close()
        assert main(["scenarios", "from", str(tmp_path / "nothing")]) == 1
        assert "there is no recording" in capsys.readouterr().err
        assert main(["scenarios", "from", str(tape._folder), "--into", str(tmp_path / "no" / "file")]) == 1
        assert "cannot write" in capsys.readouterr().err
