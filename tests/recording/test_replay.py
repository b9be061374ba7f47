"""A replay answers as the recording does: by time, by the count of calls, and with nothing that was not recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mock_akool import Request, Response, VirtualClock
from mock_akool.core.http import Termination
from mock_akool.core.timeline import Status
from mock_akool.recording.folder import RawCall, RecordingError, RecordingWriter
from mock_akool.server.replayer import Replayer
from mock_akool.server.settings import ScenarioSettings
from tests.recording.conftest import IMAGE, KEY, Record
from tests.recording.test_redaction import as_json, call

JOB = "64dd90f9f0b6684651e90d60"
CREATE = f"{IMAGE}/createbyprompt"
POLL = f"{IMAGE}/infobymodelid"


class Tape:
    """Makes a recording by hand, and the replay of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = RecordingWriter(folder, ["https://a.test"])
        self._number = 0

    def add(self, at_s: float, response: Any, *, method: str = "GET", path: str = POLL, **more: Any) -> None:
        self._number += 1
        if path == POLL and method == "GET":
            more = {"query": f"image_model_id={JOB}", "endpoint": "infobymodelid", **more}
        body = response if isinstance(response, bytes) else as_json(response)
        self._writer.put(
            call(number=self._number, at_s=at_s, took_s=0.0, method=method, path=path, response_body=body, **more)
        )

    def raw(self, raw: RawCall) -> None:
        self._writer.put(raw)

    def create(self, at_s: float, job: str = JOB, prompt: str = "a fox") -> None:
        self.add(
            at_s,
            {"code": 1000, "data": {"_id": job}},
            method="POST",
            path=CREATE,
            request_body=as_json({"prompt": prompt}),
        )

    def poll(self, at_s: float, status: int, **more: Any) -> None:
        self.add(at_s, {"code": 1000, "data": {"_id": JOB, "image_status": status}}, **more)

    def replay(self) -> Replay:
        self._writer.close()
        return Replay(Replayer(ScenarioSettings(), VirtualClock(), None, self._folder))


class Replay:
    def __init__(self, replayer: Replayer) -> None:
        self.replayer = replayer

    def ask(self, method: str, path: str, query: str = "", body: Any = None, **headers: str) -> Response:
        sent = b"" if body is None else as_json(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.replayer.answer(
            Request.build(method, path, query, {"content-type": "application/json", **named}, sent)
        )

    def create(self, prompt: str = "a fox") -> Response:
        return self.ask("POST", CREATE, body={"prompt": prompt})

    def poll(self, at_s: float) -> Response:
        clock = self.replayer.movable_clock
        clock.advance_to(self.start_ns + round(at_s * 1e9))
        return self.ask("GET", POLL, f"image_model_id={JOB}")

    @property
    def start_ns(self) -> int:
        return self.replayer.engine.call_log.start_ns


@pytest.fixture
def tape(tmp_path: Path) -> Iterator[Tape]:
    made = Tape(tmp_path / "tape")
    yield made
    made._writer.close()


def status(response: Response) -> int:
    from json import loads

    return int(loads(response.body)["data"]["image_status"])


class TestTime:
    def test_statuses_come_at_the_times_at_which_they_were_seen(self, tape: Tape) -> None:
        tape.create(5)
        for at_s, shown in ((6, 1), (8, 1), (10, 2), (12, 2), (14, 3)):
            tape.poll(at_s, shown)
        replay = tape.replay()
        replay.create()
        assert [status(replay.poll(at_s)) for at_s in (1, 3, 5, 7, 9)] == [1, 1, 2, 2, 3]

    def test_a_client_that_polls_at_another_pace_sees_the_same_life(self, tape: Tape) -> None:
        tape.create(0)
        for at_s, shown in ((2, 1), (4, 2), (6, 3)):
            tape.poll(at_s, shown)
        replay = tape.replay()
        replay.create()
        seen = [status(replay.poll(at_s)) for at_s in (0.5, 1, 2.9, 3.1, 4, 4.9, 5.1, 60)]
        assert seen == [1, 1, 1, 2, 2, 2, 3, 3]

    def test_how_often_it_polls_does_not_matter(self, tape: Tape) -> None:
        tape.create(0)
        tape.poll(10, 1)
        tape.poll(20, 3)
        replay = tape.replay()
        replay.create()
        assert {status(replay.poll(1)) for _ in range(10)} == {1}
        assert replay.poll(1).job_status is Status.QUEUEING
        assert replay.poll(20).job_status is Status.COMPLETED

    def test_a_response_takes_as_long_as_it_took(self, tape: Tape) -> None:
        tape.raw(call(took_s=0.25))
        assert tape.replay().ask("POST", CREATE).delay_ns == 250_000_000

    def test_a_reset_begins_anew(self, tape: Tape) -> None:
        tape.create(0)
        replay = tape.replay()
        assert replay.create().code == 1000
        assert replay.create().status == 500
        replay.replayer.reset()
        assert replay.create().code == 1000
        assert replay.replayer.notes() == []


class TestCount:
    def test_the_nth_equal_create_gets_the_nth_response(self, tape: Tape) -> None:
        other = "64dd90f9f0b6684651e90d61"
        tape.create(0)
        tape.create(1, other)
        replay = tape.replay()
        assert JOB.encode() in replay.create().body
        assert other.encode() in replay.create().body

    def test_a_refusal_comes_at_the_call_at_which_it_came(self, tape: Tape) -> None:
        tape.create(0)
        tape.poll(1, 1)
        tape.add(2, b"busy", status=502, response_headers=(("content-type", "text/plain"),))
        tape.add(3, b"", ended=Termination.DROP, status=0)
        tape.poll(4, 3)
        replay = tape.replay()
        replay.create()
        seen = [replay.poll(at_s) for at_s in (1, 2, 3, 4)]
        assert [each.status for each in seen[:2]] == [200, 502]
        assert seen[2].transfer is not None
        assert seen[2].transfer.termination is Termination.DROP
        assert status(seen[3]) == 3

    def test_reads_that_are_no_polls_repeat_the_last(self, tape: Tape) -> None:
        quota = "/api/open/v3/faceswap/quota/info"
        for credit in (10, 8):
            tape.add(credit, {"code": 1000, "data": {"credit": credit}}, path=quota)
        replay = tape.replay()
        bodies = [replay.ask("GET", quota).body for _ in range(3)]
        assert [b'"credit":10' in each for each in bodies] == [True, False, False]
        assert bodies[1] == bodies[2]

    def test_a_cut_body_is_cut_again(self, tape: Tape) -> None:
        tape.add(0, b"{123", ended=Termination.CUT)
        answer = tape.replay().ask("GET", POLL, f"image_model_id={JOB}")
        assert answer.transfer is not None
        assert answer.transfer.sent.of(len(answer.body)) == 4
        assert len(answer.body) == 5


class TestWhatIsEqual:
    def test_keys_webhooks_and_signatures_do_not_matter(self, tape: Tape) -> None:
        body = {"prompt": "a fox", "webhookUrl": "https://hooks.test/abc", "source_image": "https://a.test/c.png?sig=1"}
        tape.add(
            0,
            {"code": 1000},
            method="POST",
            path=CREATE,
            request_body=as_json(body),
            request_headers=(("x-api-key", KEY), ("content-type", "application/json")),
        )
        replay = tape.replay()
        other = {"source_image": "https://a.test/c.png?sig=2", "webhookUrl": "https://mine.test/", "prompt": "a fox"}
        assert replay.ask("POST", CREATE, body=other, x_api_key="another-key-0000").code == 1000

    def test_a_key_in_a_prompt_does_not_matter_either(self, tape: Tape) -> None:
        tape.add(
            0,
            {"code": 1000},
            method="POST",
            path=CREATE,
            request_headers=(("x-api-key", KEY),),
            request_body=as_json({"prompt": f"my {KEY}"}),
        )
        assert (
            tape.replay().ask("POST", CREATE, body={"prompt": "my another-key"}, x_api_key="another-key").code == 1000
        )

    @pytest.mark.parametrize(
        "other", [{"prompt": "a cat"}, {"prompt": "a fox", "scale": "1:1"}, {"source_image": "https://b.test/c.png"}]
    )
    def test_another_prompt_or_image_is_another_request(self, tape: Tape, other: dict[str, Any]) -> None:
        tape.create(0)
        replay = tape.replay()
        answer = replay.ask("POST", CREATE, body=other)
        assert answer.status == 500

    def test_a_range_of_a_file_is_another_request(self, tape: Tape) -> None:
        jpeg = (("content-type", "image/jpeg"),)
        tape.add(0, b"\xff\xd8whole", path="/recorded/file-1.jpeg", endpoint="file", response_headers=jpeg)
        replay = tape.replay()
        assert replay.ask("GET", "/recorded/file-1.jpeg").body == b"\xff\xd8whole"
        assert replay.ask("GET", "/recorded/file-1.jpeg", range="bytes=0-1").status == 500


class TestMissing:
    def test_what_was_not_recorded_is_no_answer_of_akools(self, tape: Tape) -> None:
        tape.create(0)
        replay = tape.replay()
        answer = replay.create("a cat")
        assert (answer.status, answer.code) == (500, None)
        assert b' has no such request"' in answer.body
        assert b"a fox" in answer.body
        (note,) = replay.replayer.notes()
        assert "a cat" in note
        assert "the nearest is POST" in note

    def test_the_nearest_of_many_is_of_the_same_path(self, tape: Tape) -> None:
        for number in range(510):
            tape.add(number, {"code": 1000}, query=f"image_model_id={number}")
        tape.create(600)
        replay = tape.replay()
        replay.create("A FOX!")
        (note,) = replay.replayer.notes()
        assert f'the nearest is POST {CREATE} {{"prompt": "a fox"}}' in note

    def test_a_create_beyond_the_recorded_ones_is_said(self, tape: Tape) -> None:
        tape.create(0)
        replay = tape.replay()
        replay.create()
        assert b"it was recorded once" in replay.create().body
        assert replay.replayer.matcher.unused == 0

    def test_a_secret_of_a_request_that_is_missing_is_not_shown(self, tape: Tape) -> None:
        answer = tape.replay().ask("GET", "/nowhere", f"api_key={KEY}", x_api_key=KEY)
        assert KEY.encode() not in answer.body
        assert b"nothing is near it" in answer.body

    def test_a_body_that_was_left_out_is_said(self, tape: Tape) -> None:
        tape.raw(call(response_headers=(("content-encoding", "br"),), response_body=b"packed"))
        assert b"was not recorded: it is compressed" in tape.replay().ask("POST", CREATE).body

    def test_a_compressed_request_is_known_by_its_hash(self, tape: Tape) -> None:
        tape.raw(call(request_headers=(("content-encoding", "gzip"),), request_body=b"packed"))
        request = Request.build("POST", CREATE, headers={"content-encoding": "gzip"}, body=b"packed")
        assert tape.replay().replayer.answer(request).code == 1000

    def test_a_file_that_is_gone_is_said(self, tape: Tape) -> None:
        jpeg = (("content-type", "image/jpeg"),)
        tape.add(0, b"\xff\xd8whole", path="/recorded/file-1.jpeg", endpoint="file", response_headers=jpeg)
        replay = tape.replay()
        for file in (replay.replayer.recording.folder / "bodies").iterdir():
            file.unlink()
        assert b"mock-akool replay: cannot read" in replay.ask("GET", "/recorded/file-1.jpeg").body

    def test_no_recording_starts_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(RecordingError, match="there is no recording"):
            Replayer(ScenarioSettings(), VirtualClock(), None, tmp_path)


def test_a_client_sees_in_a_replay_what_it_saw_of_the_service(record: Record) -> None:
    recorded = record()

    def client(ask: Any) -> list[Any]:
        job = ask("POST", CREATE, {"prompt": "a fox"})["data"]["_id"]
        shown = ask("GET", f"{POLL}?image_model_id={job}", None)["data"]
        refused = ask("POST", CREATE, {"prompt": 3})
        return [job, shown["image_status"], shown["image"].rpartition("/")[2], refused["code"]]

    first = client(lambda method, path, body: recorded.ask(method, path, json=body).json())
    recorded.stop()
    replay = Replay(Replayer(ScenarioSettings(), VirtualClock(), None, recorded.folder))

    def ask(method: str, target: str, body: Any) -> Any:
        from json import loads

        path, _, query = target.partition("?")
        return loads(replay.ask(method, path, query, body).body)

    assert client(ask) == first
    assert replay.replayer.notes() == []
