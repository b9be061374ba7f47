"""Events: what happens, as a list and as a stream that is resumed, for everybody or for one account."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from mock_akool import MockAkool, Request, Server, SteeredClock
from mock_akool.admin import Access
from mock_akool.server.application import Application
from mock_akool.server.settings import ScenarioSettings
from mock_akool.server.wsgi import create_app
from tests.admin.conftest import IMAGE, KEY, OTHER, Fake

SSE = {"accept": "text/event-stream"}
HOOK = "http://127.0.0.1:9/hook"


def kinds(found: Any) -> list[str]:
    return [each["event"] for each in found["events"]]


def parsed(text: str) -> list[dict[str, str]]:
    """Return the events of a stream, read as the standard says: an event without data is none."""
    events, seen = [], {}
    for line in text.split("\n"):
        if line:
            name, _, value = line.partition(":")
            seen[name] = value.removeprefix(" ")
        elif "data" in seen:
            events.append(seen)
            seen = {}
        else:
            seen = {}
    return events


# As a list


def test_it_lists_what_came_after_a_position(fake: Fake) -> None:
    start = fake.ask("GET", "events")
    assert start["events"] == []
    job = fake.create(webhookUrl=HOOK)
    fake.poll(job)
    found = fake.ask("GET", "events", f"after={start['next']}")
    assert kinds(found) == ["job", "call", "call"]
    made, created, polled = (each["data"] for each in found["events"])
    assert made == fake.ask("GET", f"jobs/{job}")
    assert (created["endpoint"], created["job"], created["code"]) == ("createbyprompt", job, 1000)
    whole = fake.ask("GET", "calls", f"after={polled['number'] - 1}")["calls"][0]
    assert polled.items() <= whole.items()
    assert not {"response_body", "headers"} & polled.keys(), "they may be long"
    assert fake.ask("GET", "events", f"after={found['next']}")["events"] == []


def test_each_id_is_a_position_to_go_on_from(fake: Fake) -> None:
    start = fake.ask("GET", "events")["next"]
    fake.create()
    fake.create(OTHER, webhookUrl=HOOK)
    fake.ask("POST", "clock/advance", until="idle")
    found = fake.ask("GET", "events", f"after={start}")["events"]
    assert len(found) >= 6
    for place, each in enumerate(found):
        assert fake.ask("GET", "events", f"after={each['id']}")["events"] == found[place + 1 :]


def test_jobs_that_are_steered_or_deleted_are_events(fake: Fake) -> None:
    job = fake.create()
    start = fake.ask("GET", "events")["next"]
    fake.ask("POST", f"jobs/{job}/fail", reasons=["no face"])
    (failed,) = fake.ask("GET", "events", f"after={start}")["events"]
    assert failed["data"]["status"] == "failed"
    fake.ask("DELETE", f"jobs/{job}")
    (gone,) = fake.ask("GET", "events", f"after={start}")["events"]
    assert (gone["event"], gone["data"]) == ("deleted", {"job": job, "webhook": None})


def test_a_job_that_counts_polls_changes_with_each(fake: Fake) -> None:
    fake.ask("POST", "scenario/jobs", jobs=[{"stages": [{"processing": "2 polls"}, "completed"]}])
    job = fake.create()
    start = fake.ask("GET", "events")["next"]
    fake.poll(job)
    (changed, _) = fake.ask("GET", "events", f"after={start}")["events"]
    assert len(changed["data"]["polls_ns"]) == 1


def test_webhooks_are_events_when_they_are_made_and_when_they_are_sent(fake: Fake) -> None:
    start = fake.ask("GET", "events")["next"]
    fake.create(webhookUrl=HOOK)
    fake.ask("POST", "clock/advance", until="idle")
    found = [
        each["data"] for each in fake.ask("GET", "events", f"after={start}")["events"] if each["event"] == "webhook"
    ]
    assert {each["number"] for each in found} == {each["number"] for each in fake.ask("GET", "webhooks")["webhooks"]}
    assert {each["state"] for each in found} == {"delivered"}


def test_an_account_sees_its_own_events_only(fake: Fake) -> None:
    start = fake.ask("GET", "events")["next"]
    mine, other = fake.create(), fake.create(OTHER)
    fake.ask("DELETE", f"jobs/{other}")
    found = fake.ask("GET", "events", f"after={start}&account={KEY}")
    assert kinds(found) == ["job", "call"]
    assert found["events"][0]["data"]["_id"] == mine
    assert other not in json.dumps(found)
    fake.ask("POST", "reset", account=OTHER)
    assert fake.ask("GET", "events", f"after={found['next']}&account={KEY}")["events"] == []


def test_a_reset_is_an_event_and_what_follows_it_is_seen(fake: Fake) -> None:
    fake.create()
    start = fake.ask("GET", "events")["next"]
    fake.create()
    fake.ask("POST", "reset")
    job = fake.create()
    found = fake.ask("GET", "events", f"after={start}")
    assert kinds(found) == ["reset", "job", "call"]
    assert found["events"][0]["data"] == {"account": None}
    assert found["events"][1]["data"]["_id"] == job


def test_a_reset_of_an_account_names_it(fake: Fake) -> None:
    fake.create()
    start = fake.ask("GET", "events")["next"]
    fake.ask("POST", "reset", account=KEY)
    assert {"event": "reset", "account": KEY} in [
        {"event": each["event"], **each["data"]} for each in fake.ask("GET", "events", f"after={start}")["events"]
    ]


def test_a_position_of_another_fake_is_answered_as_after_a_reset(fake: Fake) -> None:
    other = Fake(MockAkool())
    for _ in range(3):
        other.create()
    job = fake.create()
    found = fake.ask("GET", "events", f"after={other.ask('GET', 'events')['next']}")
    assert kinds(found) == ["reset", "job", "call"]
    assert found["events"][1]["data"]["_id"] == job


def test_what_is_no_longer_kept_is_said() -> None:
    fake = Fake(MockAkool(call_log_size=3))
    start = fake.ask("GET", "events")["next"]
    for _ in range(5):
        fake.create()
    found = fake.ask("GET", "events", f"after={start}")["events"]
    assert found[0]["event"] == "dropped"
    assert found[0]["data"] == {"calls": 2, "jobs": False, "webhooks": False}
    assert [each["data"]["number"] for each in found if each["event"] == "call"] == [3, 4, 5]


def test_a_long_list_comes_in_pieces(fake: Fake) -> None:
    at = fake.ask("GET", "events")["next"]
    for place in range(5):
        fake.create(prompt="x" * 400_000 + str(place))
    seen: list[tuple[str, Any]] = []
    pieces = 0
    while (found := fake.ask("GET", "events", f"after={at}&limit=3"))["events"]:
        pieces += 1
        assert len(json.dumps(found)) < 3 << 20
        seen += [(each["event"], each["data"].get("_id", each["data"].get("number"))) for each in found["events"]]
        at = found["next"]
    assert pieces > 2
    assert [what for kind, what in seen if kind == "call"] == [1, 2, 3, 4, 5]
    assert [what for kind, what in seen if kind == "job"] == [each["_id"] for each in fake.ask("GET", "jobs")["jobs"]]


def test_who_looks_on_may_see_the_newest_calls_only(fake: Fake) -> None:
    at = fake.ask("GET", "events")["next"]
    job = fake.create()
    for _ in range(9):
        fake.poll(job)
    found = fake.ask("GET", "events", f"after={at}&limit=4&newest=true")
    assert [each["data"]["number"] for each in found["events"] if each["event"] == "call"] == [7, 8, 9, 10]
    assert found["events"][0]["data"]["calls"] == 6
    assert fake.ask("GET", "events", f"after={found['next']}")["events"] == []


@pytest.mark.parametrize("position", ["x", "1.2.3", "1.2.3.4.-5", "1.2.3.4.²", "1.2.3.4." + "9" * 40])
def test_what_is_no_position_is_refused(fake: Fake, position: str) -> None:
    status, error, hint = fake.refused("GET", "events", f"after={position}")
    assert status == 400
    assert error.startswith("after: ")
    assert error.endswith("is not an id of an event")
    assert "GET /_mock/events" in hint


# As a stream


def test_a_transport_that_cannot_go_on_sends_what_happened_until_now(fake: Fake) -> None:
    start = fake.ask("GET", "events")["next"]
    job = fake.create()
    answer = fake.mock.answer(Request.build("GET", "/_mock/events", headers={**SSE, "last-event-id": start}))
    assert dict(answer.headers)["content-type"].startswith("text/event-stream")
    made, _ = parsed(answer.body.decode())
    assert made["event"] == "job"
    assert json.loads(made["data"])["_id"] == job


@pytest.fixture
def server() -> Iterator[Server]:
    with MockAkool(clock=SteeredClock()).server() as running:
        yield running


class Reader:
    """A client of a stream over HTTP."""

    def __init__(self, server: Server, headers: dict[str, str] | None = None, query: str = "") -> None:
        self._connection = http.client.HTTPConnection(server.address, timeout=20)
        self._connection.request("GET", f"/_mock/events{query}", headers={**SSE, **(headers or {})})
        self.answer = self._connection.getresponse()

    def next(self) -> tuple[str, str, Any]:
        """Return id, kind and data of the next event."""
        seen: dict[str, str] = {}
        while True:
            raw = self.answer.readline()
            assert raw, "the stream ended"
            line = raw.decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                seen[name] = value
            elif "data" in seen:
                return seen["id"], seen["event"], json.loads(seen["data"])
            else:
                seen = {}

    def close(self) -> None:
        self._connection.close()


def create(server: Server, key: str = KEY) -> str:
    with closing(http.client.HTTPConnection(server.address, timeout=20)) as connection:
        headers = {"x-api-key": key, "content-type": "application/json"}
        connection.request("POST", "/api/open/v3/content/image/createbyprompt", '{"prompt": "a"}', headers)
        made: str = json.loads(connection.getresponse().read())["data"]["_id"]
        return made


def admin(server: Server, method: str, path: str) -> Any:
    with closing(http.client.HTTPConnection(server.address, timeout=20)) as connection:
        connection.request(method, f"/_mock/{path}")
        return json.loads(connection.getresponse().read())


def test_a_stream_is_live_and_is_resumed_where_it_was(server: Server) -> None:
    with closing(Reader(server)) as reader:
        job = create(server)
        at, kind, made = reader.next()
        assert (kind, made["_id"]) == ("job", job)
    # The connection is lost; what happens meanwhile is not.
    later = create(server)
    with closing(Reader(server, {"last-event-id": at})) as reader:
        seen = [reader.next()[1:] for _ in range(3)]
    assert [kind for kind, _ in seen] == ["job", "call", "call"]
    assert seen[0][1]["_id"] == later


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_a_stream_is_framed_as_its_client_can_read_it(server: Server, connection: str) -> None:
    with closing(Reader(server, {"connection": connection})) as reader:
        assert reader.answer.chunked is (connection == "keep-alive")
        create(server)
        assert reader.next()[1] == "job"


def test_many_clients_see_the_same_and_hold_no_thread(server: Server) -> None:
    before = threading.active_count()
    readers = [Reader(server) for _ in range(40)]
    try:
        job = create(server)
        assert {reader.next()[2]["_id"] for reader in readers} == {job}
        assert threading.active_count() - before <= 10, "a thread pool of the server, and none for a client"
        assert create(server), "others are answered meanwhile"
    finally:
        for reader in readers:
            reader.close()


def test_a_reset_ends_nothing(server: Server) -> None:
    with closing(Reader(server)) as reader:
        create(server)
        assert [reader.next()[1], reader.next()[1]] == ["job", "call"]
        admin(server, "POST", "reset")
        assert reader.next()[1] == "reset"
        job = create(server)
        while (event := reader.next())[1] in ("reset", "clock"):  # a server resets twice, to set its clock in between
            pass
        assert event[2]["_id"] == job


def test_a_server_stops_though_somebody_listens(server: Server) -> None:
    with closing(Reader(server)) as reader:
        server.stop()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            reader.answer.read()


def test_a_stream_says_that_the_clock_was_moved_stopped_or_sped_up(server: Server) -> None:
    with closing(Reader(server)) as reader:
        for path, body in (("freeze", "{}"), ("advance", '{"seconds": 5}'), ("speed", '{"factor": 60}')):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            with closing(connection):
                connection.request("POST", f"/_mock/clock/{path}", body)
                told = json.loads(connection.getresponse().read())
            _, kind, said = reader.next()
            assert kind == "clock"
            assert (said["frozen"], said["speed"]) == (told["frozen"], told["speed"])
            assert said["now_ns"] >= told["now_ns"]


def test_the_token_is_wanted() -> None:
    application = Application(ScenarioSettings(), SteeredClock(), Access("s3cret"))
    with Server(application, "127.0.0.1", 0) as server:
        with closing(Reader(server)) as reader:
            assert reader.answer.status == 401
        with closing(Reader(server, {"authorization": "Bearer s3cret"}, f"?account={KEY}")) as reader:
            create(server, OTHER)
            job = create(server)
            assert reader.next()[2]["_id"] == job


def test_it_goes_on_over_wsgi() -> None:
    client = create_app(Application(ScenarioSettings(), SteeredClock())).test_client()
    answer = client.get("/_mock/events", headers=SSE)
    pieces = iter(answer.response)
    assert b"id: " in next(pieces)
    made = client.post(f"{IMAGE}/createbyprompt", json={"prompt": "a"}, headers={"x-api-key": KEY})
    assert json.loads(made.data)["data"]["_id"].encode() in next(pieces)
    answer.close()
