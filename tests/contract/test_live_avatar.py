"""Contract section 19: sessions of live avatars, the avatars, and their knowledge."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Profile, Request
from mock_akool.akool.families.live_avatar import AVATARS
from mock_akool.core.http import Response

KEY: Final = "k" * 32
OTHER: Final = "o" * 32
LIVE: Final = "/api/open/v4/liveAvatar"
KNOWLEDGE: Final = "/api/open/v4/knowledge"
CREATE: Final = f"{LIVE}/session/create"
CLOSE: Final = f"{LIVE}/session/close"
AVATAR: Final = AVATARS[0].avatar_id


class Caller:
    """A client of live avatars in this process."""

    def __init__(self, key: str = KEY, mock: MockAkool | None = None, **options: Any) -> None:
        self.mock = mock or MockAkool(**options)
        self.headers = {"content-type": "application/json", "x-api-key": key}

    def ask(self, method: str, path: str, query: str = "", fields: object = None) -> Response:
        body = b"" if fields is None else json.dumps(fields).encode()
        return self.mock.answer(Request.build(method, path, query, self.headers, body))

    def post(self, path: str, **fields: Any) -> Any:
        return json.loads(self.ask("POST", path, fields=fields).body)

    def get(self, path: str, query: str = "") -> Any:
        return json.loads(self.ask("GET", path, query).body)

    def opened(self, **fields: Any) -> Any:
        answer = self.post(CREATE, **{"avatar_id": AVATAR, **fields})
        assert answer["code"] == 1000, answer
        return answer["data"]

    def detail(self, session_id: str) -> Any:
        return self.get(f"{LIVE}/session/detail", f"id={session_id}")["data"]

    def listed(self, query: str = "") -> list[str]:
        return [row["_id"] for row in self.get(f"{LIVE}/session/list", query)["data"]["result"]]

    def wait(self, seconds: float) -> None:
        self.mock.clock.advance(seconds)

    def knows(self, **fields: Any) -> Any:
        answer = self.post(f"{KNOWLEDGE}/create", **{"name": "Opening hours", **fields})
        assert answer["code"] == 1000, answer
        return answer["data"]


@pytest.fixture
def caller() -> Caller:
    return Caller()


class TestSession:
    def test_s19_it_opens_is_open_and_is_over(self, caller: Caller) -> None:
        session = caller.opened(duration=60)
        assert (session["status"], session["type"], session["stream_type"]) == (1, 1, "agora")
        seen = []
        for seconds in (2, 2, 55, 2):
            caller.wait(seconds)
            seen.append(caller.detail(session["_id"])["status"])
        assert seen == [1, 2, 2, 3]
        assert caller.mock.credits_spent == 1

    def test_s19_a_session_without_a_length_has_ten_minutes(self, caller: Caller) -> None:
        session = caller.opened()
        assert caller.mock.credits_spent == 10
        caller.wait(599)
        assert caller.detail(session["_id"])["status"] == 2
        caller.wait(1)
        assert caller.detail(session["_id"])["status"] == 3
        assert caller.mock.credits_spent == 10

    def test_s19_a_length_shorter_than_the_opening_is_never_open(self, caller: Caller) -> None:
        session = caller.opened(duration=2)
        caller.wait(2)
        assert caller.detail(session["_id"])["status"] == 3

    @pytest.mark.parametrize("fields", [{"duration": 3600}, {"duration": "60"}, {"mode_type": 2}, {"mode_type": "1"}])
    def test_s19_what_is_taken(self, caller: Caller, fields: dict[str, Any]) -> None:
        assert caller.opened(**fields, language="en", voice_id="v", voice_params={"speed": 1}, knowledge_id="k")

    def test_s19_credentials_by_stream(self, caller: Caller) -> None:
        for stream, keys in (
            ("agora", {"agora_uid", "agora_app_id", "agora_channel", "agora_token"}),
            (
                "livekit",
                {
                    *("livekit_url", "livekit_token", "livekit_room_name"),
                    *("livekit_server_identity", "livekit_client_identity"),
                },
            ),
            ("trtc", {"trtc_sdk_app_id", "trtc_sdk_room_id", "trtc_sdk_user_id", "trtc_sdk_user_sig"}),
        ):
            session = caller.opened(stream_type=stream)
            assert session["credentials"].keys() == keys
            secret = {name for name in keys if name.endswith(("_token", "_sig"))}
            assert caller.detail(session["_id"])["credentials"].keys() == keys - secret
        assert all(caller.opened()["credentials"]["agora_uid"] > 0 for _ in range(20))

    def test_s19_only_the_observed_livekit_says_no_stream_type(self) -> None:
        for profile, said in ((Profile.OBSERVED, False), (Profile.DOCUMENTED, True)):
            caller = Caller(profile=profile)
            assert ("stream_type" in caller.opened(stream_type="livekit")) is said
            assert "stream_type" in caller.opened(stream_type="trtc")

    def test_s19_own_credentials_are_echoed(self, caller: Caller) -> None:
        own = {"agora_uid": 7, "agora_app_id": "mine", "agora_channel": "here", "agora_token": "secret"}
        session = caller.opened(credentials=own)
        assert session["credentials"] == own
        assert "agora_token" not in caller.detail(session["_id"])["credentials"]

    def test_s19_sessions_by_status_and_page_the_newest_first(self, caller: Caller) -> None:
        ids = [caller.opened(duration=60)["_id"] for _ in range(3)]
        caller.post(CLOSE, id=ids[0])
        caller.wait(10)
        late = caller.opened()["_id"]
        assert caller.listed() == [late, *ids[::-1]]
        assert (caller.listed("status=1"), caller.listed("status=2")) == ([late], ids[:0:-1])
        assert (caller.listed("status=3"), caller.listed("status=4")) == ([ids[0]], [])
        data = caller.get(f"{LIVE}/session/list", "page=2&size=3")["data"]
        assert ([row["_id"] for row in data["result"]], data["count"]) == ([ids[0]], 4)
        assert "agora_token" not in data["result"][0]["credentials"]
        assert Caller(OTHER, caller.mock).listed() == []

    def test_s19_nothing_waits_for_a_file_or_a_webhook(self, caller: Caller) -> None:
        caller.mock.webhooks.collect()
        caller.opened(webhookUrl="http://127.0.0.1:9/hook")
        caller.wait(700)
        assert len(caller.mock.webhooks) == 0

    def test_s19_rules_and_scripts_know_it(self, caller: Caller) -> None:
        caller.mock.on("live_avatar").nth(1).respond(code=1215)
        assert [caller.post(CREATE, avatar_id=AVATAR)["code"] for _ in range(2)] == [1215, 1000]
        caller.mock.next_job(queueing=0, processing=5)
        session = caller.opened()["_id"]
        caller.wait(5)
        assert caller.detail(session)["status"] == 3
        assert len(caller.mock.jobs.created_by("live_avatar")) == 2

    def test_s19_session_busy_refuses_two_attempts(self) -> None:
        caller = Caller(scenario="session-busy")
        assert [caller.post(CREATE, avatar_id=AVATAR)["code"] for _ in range(3)] == [1215, 1215, 1000]
        assert len(caller.mock.jobs) == 1

    def test_s19_session_expires_ends_a_session_early(self) -> None:
        caller = Caller(scenario="session-expires")
        session = caller.opened()["_id"]
        seen = []
        for seconds in (1, 28, 1):
            caller.wait(seconds)
            seen.append(caller.detail(session)["status"])
        assert seen == [1, 2, 3]
        assert caller.post(CLOSE, id=session)["code"] == 1219


class TestClose:
    @pytest.mark.parametrize("key", ["id", "session_id", "_id"])
    def test_s19_it_is_closed_by_any_of_three_keys(self, caller: Caller, key: str) -> None:
        session = caller.opened()["_id"]
        caller.wait(61)
        answer = caller.post(CLOSE, **{key: session})
        closed_ms = caller.mock.clock.now_ns() // 1_000_000
        assert answer == {
            "code": 1000,
            "msg": "ok",
            "data": {"session_id": session, "status": "closed", "closed_at": closed_ms},
        }
        assert caller.detail(session)["status"] == 3
        assert caller.mock.credits_spent == 2

    @pytest.mark.parametrize(("seconds", "spent"), [(0, 0), (1, 1), (60, 1), (61, 2), (599, 10)])
    def test_s19_unused_minutes_come_back(self, caller: Caller, seconds: int, spent: int) -> None:
        session = caller.opened()["_id"]
        assert caller.mock.credits_spent == 10
        caller.wait(seconds)
        caller.post(CLOSE, id=session)
        assert caller.mock.credits_spent == spent
        assert caller.mock.job(session).record.cost == spent

    def test_s19_credits_may_be_fractions(self) -> None:
        caller = Caller(live_avatar_credits_per_minute=0.5)
        session = caller.opened(duration=90)["_id"]
        assert caller.mock.credits_spent == 1
        caller.wait(10)
        caller.post(CLOSE, id=session)
        assert float(caller.mock.credits_spent) == 0.5

    def test_s19_the_first_key_counts(self, caller: Caller) -> None:
        first, second = (caller.opened()["_id"] for _ in range(2))
        caller.post(CLOSE, _id=second, id=first)
        assert [caller.detail(each)["status"] for each in (first, second)] == [3, 1]

    def test_s19_a_session_is_closed_once_and_by_its_account(self, caller: Caller) -> None:
        session = caller.opened(duration=60)["_id"]
        assert Caller(OTHER, caller.mock).post(CLOSE, id=session)["code"] == 1216
        caller.wait(60)
        assert caller.post(CLOSE, id=session) == {"code": 1219, "msg": "session is closed"}
        assert caller.mock.credits_spent == 1

    def test_s19_only_sessions_can_be_closed(self, caller: Caller) -> None:
        job = caller.post("/api/open/v3/content/image/createbyprompt", prompt="a fox")["data"]["_id"]
        assert caller.post(CLOSE, id=job) == {"code": 1216, "msg": "session does not exist"}

    def test_nobody_waits_for_a_session_that_was_closed(self, caller: Caller) -> None:
        session = caller.opened()["_id"]
        assert caller.mock.engine.is_awaited()
        caller.post(CLOSE, id=session)
        assert not caller.mock.engine.is_awaited()


class TestAvatars:
    def test_s19_the_list_and_a_row(self, caller: Caller) -> None:
        answer = caller.get(f"{LIVE}/avatar/list", "platform=open&page=1&size=100")
        assert (answer["msg"], answer["data"]["count"]) == ("ok", len(AVATARS))
        keys = {
            *("_id", "uid", "type", "from", "avatar_id", "voice_id", "name", "url", "thumbnailUrl", "gender"),
            "available",
        }
        rows = answer["data"]["result"]
        assert [row.keys() ^ keys for row in rows] == [set(), set(), {"voice_id"}]
        for url, kind in ((rows[0]["url"], "video/mp4"), (rows[0]["thumbnailUrl"], "image/jpeg")):
            file = caller.ask("GET", "/" + url.split("/", 3)[3])
            assert (file.status, dict(file.headers)["content-type"]) == (200, kind)
        assert len(caller.get(f"{LIVE}/avatar/list", "size=2&page=2")["data"]["result"]) == 1
        row = caller.get(f"{LIVE}/avatar/detail", f"avatar_id={AVATAR}")["data"]
        assert row == {**rows[0], "platform": "open"}
        assert caller.get(f"{LIVE}/avatar/detail", "avatar_id=nobody")["code"] == 1008

    def test_s19_more_avatars_can_be_known(self) -> None:
        caller = Caller(known_avatars=["dvp_*"])
        assert caller.opened(avatar_id="dvp_Tristan_cloth2_1080P")
        assert caller.post(CREATE, avatar_id="other")["code"] == 1008

    def test_s19_an_exclusive_avatar_is_busy_for_everybody(self) -> None:
        caller = Caller(avatar_exclusive=True)
        session = caller.opened()["_id"]
        answer = Caller(OTHER, caller.mock).post(CREATE, avatar_id=AVATAR)
        assert (answer["code"], "busy" in answer["msg"]) == (1215, True)
        assert caller.opened(avatar_id=AVATARS[1].avatar_id)
        rows = caller.get(f"{LIVE}/avatar/list")["data"]["result"]
        assert [row["available"] for row in rows] == [False, False, True]
        caller.post(CLOSE, id=session)
        assert caller.opened()
        caller.wait(600)
        assert Caller(OTHER, caller.mock).opened()


class TestKnowledge:
    def test_s19_it_is_made_shown_changed_and_deleted(self, caller: Caller) -> None:
        row = caller.knows(prompt="We open at nine.", urls=["https://example.com/hours"])
        assert row.keys() == {
            *("_id", "team_id", "uid", "user_type", "from", "name", "prologue", "prompt", "docs", "urls"),
            *("create_time", "update_time"),
        }
        assert (row["user_type"], row["from"], row["prologue"], row["docs"]) == (2, 2, "", [])
        assert re.fullmatch("[0-9a-f]{24}", row["_id"])
        assert caller.get(f"{KNOWLEDGE}/detail", f"id={row['_id']}")["data"] == row
        caller.wait(1)
        changed = caller.post(f"{KNOWLEDGE}/update", id=row["_id"], prologue="Hello", docs=[{"name": "a"}])["data"]
        assert changed == {
            **row,
            "prologue": "Hello",
            "docs": [{"name": "a"}],
            "update_time": row["update_time"] + 1000,
        }
        assert caller.get(f"{KNOWLEDGE}/list")["data"] == [changed]
        gone = caller.ask("DELETE", f"{KNOWLEDGE}/delete", fields={"id": row["_id"]})
        assert json.loads(gone.body) == {"code": 1000, "msg": "OK"}
        assert caller.get(f"{KNOWLEDGE}/list")["data"] == []
        for answer in (
            caller.get(f"{KNOWLEDGE}/detail", f"id={row['_id']}"),
            caller.post(f"{KNOWLEDGE}/update", id=row["_id"], name="x"),
            json.loads(caller.ask("DELETE", f"{KNOWLEDGE}/delete", fields={"id": row["_id"]}).body),
        ):
            assert answer == {"code": 1232, "msg": "knowledge base does not exist"}

    def test_s19_a_delete_is_http_delete(self, caller: Caller) -> None:
        assert caller.ask("POST", f"{KNOWLEDGE}/delete", fields={"id": caller.knows()["_id"]}).status == 404

    def test_s19_names_are_unique_in_an_account(self, caller: Caller) -> None:
        first, second = caller.knows(), caller.knows(name="Menu")
        taken = {"code": 1233, "msg": "knowledge base name already exists"}
        assert caller.post(f"{KNOWLEDGE}/create", name="Menu") == taken
        assert caller.post(f"{KNOWLEDGE}/update", id=first["_id"], name="Menu") == taken
        assert caller.post(f"{KNOWLEDGE}/update", id=second["_id"], name="Menu")["code"] == 1000
        assert Caller(OTHER, caller.mock).knows(name="Menu")

    def test_s19_it_is_the_accounts_own(self, caller: Caller) -> None:
        row, stranger = caller.knows(), Caller(OTHER, caller.mock)
        assert stranger.get(f"{KNOWLEDGE}/list")["data"] == []
        assert stranger.get(f"{KNOWLEDGE}/detail", f"id={row['_id']}")["code"] == 1232
        assert stranger.post(f"{KNOWLEDGE}/update", id=row["_id"], name="x")["code"] == 1232

    def test_s19_the_list_has_pages_the_newest_first(self, caller: Caller) -> None:
        names = [caller.knows(name=f"Part {number}")["name"] for number in range(3)]
        rows = caller.get(f"{KNOWLEDGE}/list", "page=1&size=2")["data"]
        assert [row["name"] for row in rows] == names[:0:-1]
        assert len({row["_id"] for row in caller.get(f"{KNOWLEDGE}/list")["data"]}) == 3
        shaped = Caller(knowledge_list_shape="object")
        assert shaped.get(f"{KNOWLEDGE}/list")["data"] == {"knowledge_list": []}

    def test_it_goes_with_a_reset_and_with_its_account(self, caller: Caller) -> None:
        stranger = Caller(OTHER, caller.mock)
        first = caller.knows()["_id"]
        stranger.knows()
        caller.mock.engine.reset_account(KEY)
        assert caller.get(f"{KNOWLEDGE}/list")["data"] == []
        assert len(stranger.get(f"{KNOWLEDGE}/list")["data"]) == 1
        assert caller.knows()["_id"] == first
        caller.mock.reset()
        assert stranger.get(f"{KNOWLEDGE}/list")["data"] == []

    def test_it_is_no_job_and_costs_nothing(self, caller: Caller) -> None:
        caller.knows()
        assert (len(caller.mock.jobs), caller.mock.credits_spent) == (0, 0)


BAD_REQUESTS: Final[list[tuple[str, str, object, int, str]]] = [
    ("POST", CREATE, {}, 1003, "avatar_id is missing"),
    ("POST", CREATE, [], 1003, "the body is a list"),
    ("POST", CREATE, {"avatarId": AVATAR}, 1003, "did you mean it by 'avatarId'"),
    ("POST", CREATE, {"avatar_id": ""}, 1003, "avatar_id is ''"),
    ("POST", CREATE, {"avatar_id": 5}, 1003, "avatar_id is 5"),
    ("POST", CREATE, {"avatar_id": [AVATAR]}, 1003, "avatar_id is"),
    ("POST", CREATE, {"avatar_id": "nobody"}, 1008, "avatar_id 'nobody' is no avatar's"),
    ("POST", CREATE, {"avatar_id": AVATARS[0].id}, 1008, "is no avatar's"),
    ("POST", CREATE, {"avatar_id": AVATAR, "duration": 3601}, 1003, "duration is 3601"),
    ("POST", CREATE, {"avatar_id": AVATAR, "duration": 0}, 1003, "duration is 0"),
    ("POST", CREATE, {"avatar_id": AVATAR, "duration": -60}, 1003, "duration is -60"),
    ("POST", CREATE, {"avatar_id": AVATAR, "duration": 1.5}, 1003, "duration is 1.5"),
    ("POST", CREATE, {"avatar_id": AVATAR, "duration": "long"}, 1003, "duration is 'long'"),
    ("POST", CREATE, {"avatar_id": AVATAR, "duration": True}, 1003, "duration is True"),
    ("POST", CREATE, {"avatar_id": AVATAR, "stream_type": "webrtc"}, 1003, "one of agora, livekit, trtc"),
    ("POST", CREATE, {"avatar_id": AVATAR, "stream_type": 1}, 1003, "stream_type is 1"),
    ("POST", CREATE, {"avatar_id": AVATAR, "mode_type": 3}, 1003, "mode_type is 3"),
    ("POST", CREATE, {"avatar_id": AVATAR, "mode_type": "dialogue"}, 1003, "mode_type is 'dialogue'"),
    ("POST", CREATE, {"avatar_id": AVATAR, "credentials": "x"}, 1003, "credentials is 'x'"),
    ("POST", CREATE, {"avatar_id": AVATAR, "voice_params": []}, 1003, "voice_params is []"),
    ("POST", CREATE, {"avatar_id": AVATAR, "voice_url": "me.mp3"}, 1003, "voice_url is 'me.mp3'"),
    ("POST", CREATE, {"avatar_id": AVATAR, "background_url": "a b"}, 1003, "background_url is"),
    ("POST", CREATE, {"avatar_id": AVATAR, "knowledge_id": 5}, 1003, "knowledge_id is 5"),
    ("POST", CLOSE, {}, 1003, "id is missing"),
    ("POST", CLOSE, {"id": ""}, 1003, "id is missing"),
    ("POST", CLOSE, {"id": None}, 1003, "id is missing"),
    ("POST", CLOSE, {"sessionId": "x"}, 1003, "id is missing"),
    ("POST", CLOSE, {"id": 5}, 1003, "id is 5"),
    ("POST", CLOSE, {"session_id": ["x"]}, 1003, "session_id is"),
    ("POST", CLOSE, {"id": "nobody"}, 1216, "no session of the account has the _id 'nobody'"),
    ("POST", f"{KNOWLEDGE}/create", {}, 1003, "name is missing"),
    ("POST", f"{KNOWLEDGE}/create", {"name": " "}, 1003, "name is ' '"),
    ("POST", f"{KNOWLEDGE}/create", {"name": "x" * 101}, 1003, "up to 100 characters"),
    ("POST", f"{KNOWLEDGE}/create", {"name": "x", "prologue": "x" * 2001}, 1003, "up to 2,000 characters"),
    ("POST", f"{KNOWLEDGE}/create", {"name": "x", "prompt": "x" * 10_001}, 1003, "up to 10,000 characters"),
    ("POST", f"{KNOWLEDGE}/create", {"name": "x", "docs": "a.pdf"}, 1003, "docs is 'a.pdf'"),
    ("POST", f"{KNOWLEDGE}/create", {"name": "x", "docs": ["a.pdf"]}, 1003, "docs[0] is 'a.pdf'"),
    ("POST", f"{KNOWLEDGE}/create", {"name": "x", "urls": [5]}, 1003, "urls[0] is 5"),
    ("POST", f"{KNOWLEDGE}/update", {"name": "x"}, 1003, "id is missing"),
    ("POST", f"{KNOWLEDGE}/update", {"id": "nobody", "name": 5}, 1003, "name is 5"),
    ("POST", f"{KNOWLEDGE}/update", {"id": "nobody", "name": "x"}, 1232, "no knowledge of the account has the id"),
    ("DELETE", f"{KNOWLEDGE}/delete", {}, 1003, "id is missing"),
    ("DELETE", f"{KNOWLEDGE}/delete", {"_id": "x"}, 1003, "id is missing"),
    ("DELETE", f"{KNOWLEDGE}/delete", {"id": "nobody"}, 1232, "no knowledge of the account has the id"),
]
MESSAGES: Final = {
    1003: "parameter validate error",
    1008: "content does not exist",
    1216: "session does not exist",
    1232: "knowledge base does not exist",
}


@pytest.mark.parametrize(("method", "path", "fields", "code", "reason"), BAD_REQUESTS)
def test_s19_a_bad_request_is_refused_and_changes_nothing(
    method: str, path: str, fields: object, code: int, reason: str
) -> None:
    caller = Caller()
    answer = caller.ask(method, path, fields=fields)
    assert (answer.status, json.loads(answer.body)) == (200, {"code": code, "msg": MESSAGES[code]})
    assert reason in (caller.mock.calls[-1].response.reason or "")
    assert (len(caller.mock.jobs), caller.mock.credits_spent) == (0, 0)
    assert caller.get(f"{KNOWLEDGE}/list")["data"] == []


@pytest.mark.parametrize(
    ("path", "query", "code", "reason"),
    [
        (f"{LIVE}/session/detail", "", 1003, "id is missing from the query"),
        (f"{LIVE}/session/detail", "session_id=x", 1003, "id is missing from the query"),
        (f"{LIVE}/session/detail", "id=nobody", 1008, "no job has the _id"),
        (f"{LIVE}/session/list", "status=open", 1003, "status is 'open'"),
        (f"{LIVE}/session/list", "size=0", 1003, "size is '0'"),
        (f"{LIVE}/avatar/list", "page=x", 1003, "page is 'x'"),
        (f"{LIVE}/avatar/detail", "", 1003, "avatar_id is missing"),
        (f"{LIVE}/avatar/detail", "id=x", 1003, "avatar_id is missing"),
        (f"{LIVE}/avatar/detail", "avatar_id=nobody", 1008, "is no avatar's"),
        (f"{KNOWLEDGE}/detail", "", 1003, "id is missing"),
        (f"{KNOWLEDGE}/detail", "id=nobody", 1232, "no knowledge of the account has the id"),
        (f"{KNOWLEDGE}/list", "page=0", 1003, "page is '0'"),
    ],
)
def test_s19_a_bad_read_says_why_in_the_call_log(path: str, query: str, code: int, reason: str) -> None:
    caller = Caller()
    assert caller.get(path, query) == {"code": code, "msg": MESSAGES[code]}
    assert reason in (caller.mock.calls[-1].response.reason or "")


def test_s19_without_credits_there_is_no_session() -> None:
    caller = Caller(credits=9)
    assert caller.post(CREATE, avatar_id=AVATAR) == {"code": 1104, "msg": "credits insufficient"}
    assert caller.opened(duration=540)
