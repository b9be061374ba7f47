"""Contract section 18: v3 audio and the voices, v4 voice."""

from __future__ import annotations

import json
import re
import wave
from io import BytesIO
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Profile, Request, failed
from mock_akool.akool.families.voices import VENDOR
from mock_akool.core.http import Response
from mock_akool.diagnostics.hints import find_hints
from mock_akool.diagnostics.observations import Observations

KEY: Final = "k" * 32
OTHER: Final = "o" * 32
HOOK: Final = "http://127.0.0.1:9/hook"
V3: Final = "/api/open/v3"
V4: Final = "/api/open/v4/voice"
CREATE: Final = f"{V3}/audio/create"
CLONE_V3: Final = f"{V3}/audio/clone"
TTS: Final = f"{V4}/tts"
CHANGE: Final = f"{V4}/change"
CLONE: Final = f"{V4}/clone"
DELETE: Final = f"{V4}/del"
SOUND: Final = "https://example.com/me.mp3"
TEXT: Final = "Hello, this is a test."
VOICE: Final = VENDOR[0]

GOOD: Final[dict[str, dict[str, Any]]] = {
    CREATE: {"input_text": TEXT, "voice_id": VOICE.id},
    CLONE_V3: {"input_text": TEXT, "voice_url": SOUND},
    TTS: {"input_text": TEXT, "voice_id": VOICE.voice_id},
    CHANGE: {"voice_id": VENDOR[1].id, "source_voice_file": SOUND},
    CLONE: {"source_voice_file": SOUND},
}


class Speaker:
    """A client of the voices in this process."""

    def __init__(self, key: str = KEY, mock: MockAkool | None = None, **options: Any) -> None:
        self.mock = mock or MockAkool(**{"queueing": 2, "processing": 3, **options})
        self.headers = {"content-type": "application/json", "x-api-key": key}

    def ask(self, method: str, path: str, query: str = "", fields: object = None) -> Response:
        body = b"" if fields is None else json.dumps(fields).encode()
        return self.mock.answer(Request.build(method, path, query, self.headers, body))

    def post(self, path: str, **fields: Any) -> Any:
        return json.loads(self.ask("POST", path, fields={**GOOD.get(path, {}), **fields}).body)

    def get(self, path: str, query: str = "") -> Any:
        return json.loads(self.ask("GET", path, query).body)

    def made(self, path: str, **fields: Any) -> Any:
        answer = self.post(path, **fields)
        assert answer["code"] == 1000, answer
        return answer["data"]

    def audio(self, job_id: str) -> Any:
        return self.get(f"{V3}/audio/infobymodelid", f"audio_model_id={job_id}")["data"]

    def sound(self, job_id: str) -> Any:
        return self.get(f"{V4}/resource/detail/{job_id}")["data"]["result"]

    def cloned(self, **fields: Any) -> Any:
        """Make a clone, wait for it, and return its row."""
        made = self.made(CLONE, **fields)
        self.mock.clock.advance(5)
        return self.get(f"{V4}/detail/{made['_id']}")["data"]

    def file(self, url: str) -> tuple[Response, bytes]:
        path = "/" + url.split("/", 3)[3]
        return self.mock.application.complete(self.mock.answer(Request.build("GET", path)))


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


class TestV3:
    def test_s18_create_answers_at_once_without_a_file(self, speaker: Speaker) -> None:
        made = speaker.made(CREATE)
        keys = ["_id", "create_time", "from", "input_text", "rate", "voice_model_id", "uid", "__v", "status"]
        assert list(made) == keys
        assert (made["status"], made["rate"], made["from"], made["voice_model_id"]) == (1, "100%", 3, VOICE.id)
        assert "url" not in speaker.audio(made["_id"])
        speaker.mock.clock.advance(5)
        done = speaker.audio(made["_id"])
        assert list(done) == [*keys, "url"]
        assert re.fullmatch(r"https://drz0f01yeq1cx\.cloudfront\.net/\d{13}-[0-9a-f]{32}-audio\.mp3", done["url"])

    def test_s18_a_clone_answers_with_the_file(self, speaker: Speaker) -> None:
        made = speaker.made(CLONE_V3)
        assert (made["status"], made.keys() & {"uid", "__v"}) == (3, set())
        answer, body = speaker.file(made["url"])
        assert (answer.status, answer.job_id, body[:3]) == (200, made["_id"], b"ID3")
        assert speaker.audio(made["_id"]) == made

    def test_s18_what_answers_at_once_is_a_setting(self) -> None:
        speaker = Speaker(v3_audio_sync=True, v3_clone_sync=False)
        assert speaker.made(CREATE)["status"] == 3
        clone = speaker.made(CLONE_V3)
        assert (clone["status"], "url" in clone) == (1, False)

    def test_s18_a_script_decides_what_a_clone_answers(self, speaker: Speaker) -> None:
        speaker.mock.next_job(queueing=60)
        assert speaker.made(CLONE_V3)["status"] == 1
        speaker.mock.next_job(ending=failed("no speech"))
        made = speaker.made(CLONE_V3)
        assert (made["status"], "url" in made) == (4, False)

    def test_s18_the_clone_may_be_of_a_known_voice(self, speaker: Speaker) -> None:
        made = speaker.made(CLONE_V3, voice_url="", voice_id=VOICE.voice_id)
        assert made["voice_model_id"] == VOICE.id
        assert speaker.made(CLONE_V3)["voice_model_id"] == ""
        assert speaker.post(CLONE_V3, voice_url="", voice_id="nobody")["code"] == 1008

    def test_s18_files_of_profile_documented(self) -> None:
        made = Speaker(profile=Profile.DOCUMENTED).made(CLONE_V3)
        assert re.fullmatch(r"https://drz0f01yeq1cx\.cloudfront\.net/\d{13}-[0-9a-f-]{36}-\d{4}\.mp3", made["url"])

    def test_s18_a_text_has_5000_characters_at_most(self, speaker: Speaker) -> None:
        assert speaker.post(CREATE, input_text="ä" * 5000)["code"] == 1000
        assert speaker.post(CREATE, input_text="ä" * 5001)["code"] == 1003

    def test_s18_the_list_is_an_array_of_both_kinds(self, speaker: Speaker) -> None:
        clone = speaker.cloned(name="Me", voice_options={"gender": ["Male"]})
        answer = speaker.get(f"{V3}/voice/list")
        assert (answer["msg"], len(answer["data"])) == ("ok", len(VENDOR) + 1)
        row = answer["data"][0]
        assert row.keys() == {
            *("_id", "create_time", "uid", "from", "voice_id", "gender", "accent", "name", "description", "useCase"),
            *("type", "preview", "__v"),
        }
        vendor = speaker.get(f"{V3}/voice/list", "from=3&page=9&size=1")["data"]
        assert [each["from"] for each in vendor] == [3] * len(VENDOR)
        (own,) = speaker.get(f"{V3}/voice/list", "from=4")["data"]
        assert (own["_id"], own["voice_id"], own["name"], own["from"]) == (clone["_id"], clone["voice_id"], "Me", 4)
        assert own["gender"] == "Male"
        assert Speaker(OTHER, speaker.mock).get(f"{V3}/voice/list", "from=4")["data"] == []
        assert speaker.file(row["preview"])[0].status == 200


class TestV4:
    def test_s18_a_spoken_text(self, speaker: Speaker) -> None:
        made = speaker.made(TTS, voice_options={"speed": 1.2, "stability": 0.5}, language_code="en")
        assert made.keys() == {
            *("_id", "create_time", "uid", "team_id", "input_text", "preview", "status", "webhookUrl", "duration"),
            *("file_name", "gender", "deduction_credit", "name", "voice_model_id", "voice_id", "voice_options"),
        }
        assert (made["preview"], made["status"], made["duration"]) == (None, 1, 0)
        assert re.fullmatch(r"[0-9a-f]{32}\.mp3", made["file_name"])
        assert (made["voice_model_id"], made["voice_id"], made["gender"]) == (VOICE.id, VOICE.voice_id, "Female")
        assert made["voice_options"] == {"speed": 1.2, "stability": 0.5}
        row = speaker.sound(made["_id"])
        assert row.keys() == {
            *("_id", "create_time", "update_time", "input_text", "rate", "status", "preview", "duration"),
            *("file_name", "gender", "deduction_credit", "name", "language_code", "__v"),
        }
        assert (row["preview"], row["update_time"], row["language_code"]) == (None, 0, "en")
        speaker.mock.clock.advance(5)
        row = speaker.sound(made["_id"])
        assert re.fullmatch(r"https://drz0f01yeq1cx\.cloudfront\.net/\d{13}-audio\.mp3", row["preview"])
        assert row["duration"] == round(1000 * len(TEXT) / 15)
        assert row["update_time"] > row["create_time"]

    def test_s18_a_changed_voice_is_mp3_or_wav(self, speaker: Speaker) -> None:
        for options, ending, kind in (
            ({}, "mp3", "audio/mpeg"),
            ({"file_format": "wav"}, "wav", "audio/wav"),
        ):
            made = speaker.made(CHANGE, voice_options=options)
            assert (made["source_voice_file"], made["duration"], "input_text" in made) == (SOUND, 10_000, False)
            speaker.mock.clock.advance(5)
            row = speaker.sound(made["_id"])
            assert row["preview"].endswith(f"-audio.{ending}")
            assert row["source_voice_file"] == SOUND
            answer, body = speaker.file(row["preview"])
            assert dict(answer.headers)["content-type"] == kind
            assert made["_id"].encode() in body
        with wave.open(BytesIO(body)) as sound:
            assert sound.getnframes() / sound.getframerate() == 10

    def test_s18_a_clone_gets_an_id_and_a_sample_when_it_is_done(self, speaker: Speaker) -> None:
        options = {"style": ["Calm"], "gender": ["Male"], "age": ["Young"], "scenario": ["Games"], "clone_prompt": "hi"}
        made = speaker.made(CLONE, name="Me", voice_options={**options, "language": "en"})
        assert (made["voice_id"], made["preview"], made["deduction_credit"], made["status"]) == (None, None, 0, 1)
        assert [made[name] for name in ("style", "gender", "age", "scenario")] == [
            ["Calm"],
            ["Male"],
            ["Young"],
            ["Games"],
        ]
        assert (made["text"], made["source_voice_file"]) == ("hi", SOUND)
        speaker.mock.clock.advance(5)
        row = speaker.get(f"{V4}/detail/{made['_id']}")["data"]
        assert re.fullmatch(r"[\w-]{64}", row["voice_id"])
        assert (row["language"], row["support_stream"], row["duration"]) == ("en", True, 10_000)
        assert speaker.file(row["preview"])[0].status == 200
        assert speaker.mock.credits_spent == 0
        assert speaker.made(CLONE)["name"] == "me"

    def test_s18_a_clone_is_a_voice_by_both_ids_when_it_is_done(self, speaker: Speaker) -> None:
        made = speaker.made(CLONE, voice_options={"gender": ["Male"]})
        assert speaker.post(TTS, voice_id=made["_id"])["code"] == 1008
        assert "not completed" in (speaker.mock.calls[-1].response.reason or "")
        speaker.mock.clock.advance(5)
        row = speaker.get(f"{V4}/detail/{made['_id']}")["data"]
        for voice_id in (row["_id"], row["voice_id"]):
            spoken = speaker.made(TTS, voice_id=voice_id)
            assert (spoken["voice_model_id"], spoken["voice_id"]) == (row["_id"], row["voice_id"])
            assert spoken["gender"] == "Male"
            assert Speaker(OTHER, speaker.mock).post(TTS, voice_id=voice_id)["code"] == 1008

    def test_s18_more_voices_can_be_known(self) -> None:
        speaker = Speaker(known_voices=["my-*", "a" * 24])
        for voice_id, model_id in (("a" * 24, "a{24}"), ("my-voice", "[0-9a-f]{24}")):
            made = speaker.made(TTS, voice_id=voice_id)
            assert made["voice_id"] == voice_id
            assert re.fullmatch(model_id, made["voice_model_id"])
        assert speaker.post(TTS, voice_id="other")["code"] == 1008

    def test_s18_the_speed_may_be_text_unless_types_are_strict(self, speaker: Speaker) -> None:
        assert speaker.post(TTS, voice_options={"speed": "0.7"})["code"] == 1000
        assert Speaker(strict_types=True).post(TTS, voice_options={"speed": "0.7"})["code"] == 1003

    def test_s18_detail_of_a_vendors_voice(self, speaker: Speaker) -> None:
        answer = speaker.ask("GET", f"{V4}/detail/{VOICE.id}")
        row = json.loads(answer.body)["data"]
        assert (row["_id"], row["voice_id"], row["status"], answer.job_id) == (VOICE.id, VOICE.voice_id, 3, None)
        answer, body = speaker.file(row["preview"])
        assert (answer.status, VOICE.id.encode() in body) == (200, True)
        assert speaker.get(f"{V4}/resource/detail/{VOICE.id}")["code"] == 1008


class TestCredits:
    @pytest.mark.parametrize(
        ("path", "fields", "options", "cost"),
        [
            (TTS, {"input_text": "x" * 1000}, {}, 4.4),
            (TTS, {"input_text": "x" * 438}, {}, 1.9272),
            (TTS, {"input_text": "x" * 1000}, {"voice_rate": 2.4}, 2.4),
            (TTS, {"input_text": "x" * 5000}, {}, 22),
            (CREATE, {"input_text": "x" * 500}, {}, 2.2),
            (CLONE_V3, {"input_text": "x" * 500}, {"voice_rate": 0}, 0),
            (CHANGE, {}, {"assumed_media_seconds": 60}, 4.4),
            (CHANGE, {}, {}, 0.7333),
            (CHANGE, {}, {"media_seconds_by_url": ["*me*=90"]}, 6.6),
            (CLONE, {}, {}, 0),
        ],
    )
    def test_s18_prices_are_fractions(
        self, path: str, fields: dict[str, Any], options: dict[str, Any], cost: float
    ) -> None:
        speaker = Speaker(**options)
        made = speaker.made(path, **fields)
        assert float(speaker.mock.credits_spent) == cost
        assert made.get("deduction_credit", cost) == cost

    def test_s18_the_balance_is_shown_rounded_down(self, speaker: Speaker) -> None:
        speaker.made(TTS)
        assert speaker.get(f"{V3}/faceswap/quota/info")["data"] == {"credit": 999}
        exact = Speaker(quota_rounding="exact")
        exact.made(TTS)
        assert exact.get(f"{V3}/faceswap/quota/info")["data"] == {"credit": 999.9032}

    def test_s18_out_of_credits_is_1104(self) -> None:
        speaker = Speaker(credits=0)
        for path in (TTS, CREATE, CLONE_V3, CHANGE):
            assert speaker.post(path) == {"code": 1104, "msg": "credits insufficient"}
        assert speaker.post(CLONE)["code"] == 1000
        assert Speaker(credits=0, no_credit_code_voice=1006).post(TTS)["code"] == 1006

    def test_s18_a_failure_gives_the_credits_back(self, speaker: Speaker) -> None:
        made = speaker.made(TTS)
        speaker.mock.job(made["_id"]).fail("no")
        assert speaker.sound(made["_id"])["status"] == 4
        assert speaker.mock.credits_spent == 0


class TestLists:
    def test_s18_the_lists_want_a_type(self, speaker: Speaker) -> None:
        for path in (f"{V4}/list", f"{V4}/resource/list"):
            for query in ("", "type=3", "type=", "type=1&type=2", "type=1&page=0", "type=1&size=x", "type=1&size=-1"):
                assert speaker.get(path, query)["code"] == 1003, query

    def test_s18_sounds_by_type_and_page_the_newest_first(self, speaker: Speaker) -> None:
        ids = [speaker.made(TTS)["_id"] for _ in range(3)]
        changed = speaker.made(CHANGE)["_id"]
        data = speaker.get(f"{V4}/resource/list", "type=1&page=2&size=2")["data"]
        assert ([row["_id"] for row in data.pop("result")], data) == ([ids[0]], {"count": 3, "page": 2, "size": 2})
        data = speaker.get(f"{V4}/resource/list", "type=2")["data"]
        assert ([row["_id"] for row in data["result"]], data["size"]) == ([changed], 10)
        assert Speaker(OTHER, speaker.mock).get(f"{V4}/resource/list", "type=1")["data"]["result"] == []

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("gender=male", ["Bill", "Daichi", "Felix"]),
            ("age=Old,Young", ["Bill", "Chiara", "Daichi", "Elena"]),
            ("style=Calm&gender=Female", ["Alice", "Elena"]),
            ("scenario=Games", ["Daichi"]),
            ("name=el", ["Elena", "Felix"]),
            ("support_stream=2", ["Chiara", "Felix"]),
            ("support_stream=1&gender=male", ["Bill", "Daichi"]),
            ("style=none", []),
        ],
    )
    def test_s18_the_vendors_voices_by_filter(self, speaker: Speaker, query: str, names: list[str]) -> None:
        data = speaker.get(f"{V4}/list", f"type=2&{query}")["data"]
        assert ([row["name"] for row in data["result"]], data["count"]) == (names, len(names))

    def test_s18_the_own_clones_whatever_their_state(self, speaker: Speaker) -> None:
        done = speaker.cloned(name="First", voice_options={"gender": ["Female"]})
        waiting = speaker.made(CLONE, name="Second")
        rows = speaker.get(f"{V4}/list", "type=1")["data"]["result"]
        assert [(row["_id"], row["status"]) for row in rows] == [(waiting["_id"], 1), (done["_id"], 3)]
        assert speaker.get(f"{V4}/list", "type=1&gender=female")["data"]["count"] == 1

    def test_s18_a_list_is_a_poll_of_what_it_shows(self) -> None:
        speaker = Speaker(queueing="1 poll", processing="1 poll")
        ids = [speaker.made(TTS)["_id"] for _ in range(2)]
        for status in (1, 2, 3):
            answer = speaker.ask("GET", f"{V4}/resource/list", "type=1")
            assert [row["status"] for row in json.loads(answer.body)["data"]["result"]] == [status] * 2
            assert (answer.job_id, answer.job_status, answer.also_shown) == (ids[1], status, ((ids[0], status),))
        assert not any("never polled" in hint for hint in find_hints(Observations.of(speaker.mock.engine)))


class TestDelete:
    def test_s18_clones_are_deleted_by_a_list_of_ids(self, speaker: Speaker) -> None:
        own = speaker.cloned()
        foreign = Speaker(OTHER, speaker.mock).cloned()
        spoken = speaker.made(TTS, voice_id=own["_id"])
        asked = [own["_id"], foreign["_id"], spoken["_id"], VOICE.id, "nobody"]
        answer = speaker.post(DELETE, _ids=asked)
        assert (answer["msg"], answer["data"]["successIds"]) == ("Delete voice successfully", [own["_id"]])
        assert answer["data"]["noPermissionVoices"] == [
            {"_id": each, "msg": f"VoiceId:{each} resource not found"} for each in asked[1:]
        ]
        assert speaker.get(f"{V4}/detail/{own['_id']}")["code"] == 1008
        assert speaker.get(f"{V4}/list", "type=1")["data"]["result"] == []
        assert speaker.post(TTS, voice_id=own["_id"])["code"] == 1008
        assert speaker.file(own["preview"])[0].status == 403
        assert Speaker(OTHER, speaker.mock).get(f"{V4}/list", "type=1")["data"]["count"] == 1

    def test_s18_it_was_http_delete_once(self, speaker: Speaker) -> None:
        assert speaker.ask("DELETE", DELETE, fields={"_ids": ["x"]}).status == 404


class TestScenarios:
    @pytest.mark.parametrize("word", ["voice/tts", "voice", "create", ["audio", "voice"]])
    def test_s18_rules_know_endpoints_and_families(self, speaker: Speaker, word: Any) -> None:
        speaker.mock.on(word).nth(1).respond(code=2001)
        assert [speaker.post(TTS)["code"] for _ in range(2)] == [2001, 1000]

    def test_s18_scripts_find_a_job_by_its_text(self, speaker: Speaker) -> None:
        script = {"when": {"endpoint": "voice", "prompt": "*bad*"}, "stages": ["failed"]}
        speaker = Speaker(scenario={"jobs": [script]})
        assert speaker.sound(speaker.made(TTS, input_text="a bad text")["_id"])["status"] == 4
        assert speaker.sound(speaker.made(TTS, input_text="a good text")["_id"])["status"] == 1

    def test_s18_webhooks_say_audio(self, speaker: Speaker) -> None:
        for path in (CREATE, CLONE_V3, TTS, CHANGE, CLONE):
            speaker.made(path, webhookUrl=HOOK)
        speaker.mock.clock.advance(6)
        sent = [json.loads(each.payload) for each in speaker.mock.webhooks]
        assert {each["type"] for each in sent} == {"audio"}
        assert len([each for each in sent if each["status"] == 3 and each["url"].endswith(".mp3")]) == 5


BAD_REQUESTS: Final[list[tuple[str, object, int, str]]] = [
    (CREATE, {}, 1003, "input_text is missing"),
    (CREATE, [], 1003, "the body is a list"),
    (CREATE, {"text": TEXT, "voice_id": VOICE.id}, 1003, "input_text is missing"),
    (CREATE, {**GOOD[CREATE], "input_text": ""}, 1003, "input_text is ''"),
    (CREATE, {**GOOD[CREATE], "input_text": " \n"}, 1003, "input_text is"),
    (CREATE, {**GOOD[CREATE], "input_text": 5}, 1003, "input_text is 5"),
    (CREATE, {**GOOD[CREATE], "input_text": "x" * 5001}, 1003, "up to 5,000 characters"),
    (CREATE, {"input_text": TEXT}, 1003, "voice_id is missing"),
    (CREATE, {**GOOD[CREATE], "voice_id": None}, 1003, "voice_id is missing"),
    (CREATE, {**GOOD[CREATE], "voice_id": 5}, 1003, "voice_id is 5"),
    (CREATE, {**GOOD[CREATE], "voice_id": "nobody"}, 1008, "voice_id 'nobody' is no voice's"),
    (CREATE, {**GOOD[CREATE], "voice_id": "0" * 24}, 1008, "is no voice's"),
    (CREATE, {**GOOD[CREATE], "rate": 100}, 1003, "rate is 100"),
    (CREATE, {**GOOD[CREATE], "webhookUrl": "localhost"}, 1003, "webhookUrl is 'localhost'"),
    (CLONE_V3, {}, 1003, "input_text is missing"),
    (CLONE_V3, {"input_text": TEXT}, 1003, "voice_url and voice_id are missing"),
    (CLONE_V3, {"input_text": TEXT, "voice_url": "me.mp3"}, 1003, "voice_url is 'me.mp3'"),
    (CLONE_V3, {"input_text": TEXT, "voice_url": [SOUND]}, 1003, "voice_url is"),
    (CLONE_V3, {"input_text": TEXT, "voice_id": "nobody"}, 1008, "is no voice's"),
    (CLONE_V3, {"voice_url": SOUND}, 1003, "input_text is missing"),
    (TTS, {}, 1003, "input_text is missing"),
    (TTS, {"text": TEXT, "voice_id": VOICE.id}, 1003, "input_text is missing"),
    (TTS, {**GOOD[TTS], "input_text": ["x"]}, 1003, "input_text is"),
    (TTS, {"input_text": TEXT}, 1003, "voice_id is missing"),
    (TTS, {"input_text": TEXT, "voiceId": VOICE.id}, 1003, "did you mean it by 'voiceId'"),
    (TTS, {**GOOD[TTS], "voice_id": "nobody"}, 1008, "voice_id 'nobody' is no voice's"),
    (TTS, {**GOOD[TTS], "voice_id": VOICE.id.upper()}, 1008, "is no voice's"),
    (TTS, {**GOOD[TTS], "voice_options": "fast"}, 1003, "voice_options is 'fast'"),
    (TTS, {**GOOD[TTS], "voice_options": []}, 1003, "voice_options is []"),
    (TTS, {**GOOD[TTS], "voice_options": {"speed": 0.69}}, 1003, "voice_options.speed is 0.69"),
    (TTS, {**GOOD[TTS], "voice_options": {"speed": 1.21}}, 1003, "a number from 0.7 to 1.2"),
    (TTS, {**GOOD[TTS], "voice_options": {"speed": "fast"}}, 1003, "voice_options.speed is 'fast'"),
    (TTS, {**GOOD[TTS], "extra_options": 1}, 1003, "extra_options is 1"),
    (TTS, {**GOOD[TTS], "language_code": 5}, 1003, "language_code is 5"),
    (TTS, {**GOOD[TTS], "webhookUrl": 5}, 1003, "webhookUrl is 5"),
    (CHANGE, {}, 1003, "voice_id is missing"),
    (CHANGE, {"voice_id": VOICE.id}, 1003, "source_voice_file is missing"),
    (CHANGE, {"voice_id": VOICE.id, "voice_url": SOUND}, 1003, "source_voice_file is missing"),
    (CHANGE, {**GOOD[CHANGE], "source_voice_file": "me.mp3"}, 1003, "source_voice_file is 'me.mp3'"),
    (CHANGE, {**GOOD[CHANGE], "voice_options": {"file_format": "ogg"}}, 1003, "voice_options.file_format is 'ogg'"),
    (CHANGE, {**GOOD[CHANGE], "voice_model_name": "Akool Multilingual 2"}, 1003, "only 'Akool Multilingual 1'"),
    (CHANGE, {**GOOD[CHANGE], "voice_id": "nobody"}, 1008, "is no voice's"),
    (CLONE, {}, 1003, "source_voice_file is missing"),
    (CLONE, {"voice_url": SOUND}, 1003, "source_voice_file is missing"),
    (CLONE, {"source_voice_file": 5}, 1003, "source_voice_file is 5"),
    (CLONE, {**GOOD[CLONE], "name": 5}, 1003, "name is 5"),
    (CLONE, {**GOOD[CLONE], "voice_options": {"style": "Calm"}}, 1003, "voice_options.style is 'Calm'"),
    (CLONE, {**GOOD[CLONE], "voice_options": {"gender": [1]}}, 1003, "voice_options.gender is [1]"),
    (CLONE, {**GOOD[CLONE], "voice_options": {"language": []}}, 1003, "voice_options.language is []"),
    (CLONE, {**GOOD[CLONE], "voice_model_name": "Akool Multilingual 2"}, 1003, "which cannot clone"),
    (DELETE, {}, 1003, "_ids is missing"),
    (DELETE, {"_ids": []}, 1003, "_ids is []"),
    (DELETE, {"_ids": "a,b"}, 1003, "_ids is 'a,b'; it takes a list of ids"),
    (DELETE, {"_ids": [5]}, 1003, "_ids is [5]"),
    (DELETE, {"ids": ["a"]}, 1003, "did you mean it by 'ids'"),
]
MESSAGES: Final = {1003: "parameter validate error", 1008: "content does not exist"}


@pytest.mark.parametrize(("path", "fields", "code", "reason"), BAD_REQUESTS)
def test_s18_a_bad_request_is_refused_and_changes_nothing(path: str, fields: object, code: int, reason: str) -> None:
    speaker = Speaker()
    answer = speaker.ask("POST", path, fields=fields)
    assert (answer.status, json.loads(answer.body)) == (200, {"code": code, "msg": MESSAGES[code]})
    assert reason in (speaker.mock.calls[-1].response.reason or "")
    assert (len(speaker.mock.jobs), speaker.mock.credits_spent) == (0, 0)


BAD_READS: Final[list[tuple[str, str, int, str]]] = [
    (f"{V3}/audio/infobymodelid", "", 1003, "audio_model_id is missing"),
    (f"{V3}/audio/infobymodelid", "_id=x", 1003, "audio_model_id is missing"),
    (f"{V3}/audio/infobymodelid", "audio_model_id=nobody", 1008, "no job has the _id"),
    (f"{V3}/voice/list", "from=5", 1003, "from is '5'; it takes 3 or 4"),
    (f"{V4}/detail/nobody", "", 1008, "no job has the _id"),
    (f"{V4}/detail/{VOICE.voice_id}", "", 1008, "no job has the _id"),
    (f"{V4}/resource/detail/{'0' * 24}", "", 1008, "no job has the _id"),
    (f"{V4}/list", "", 1003, "type is missing from the query"),
    (f"{V4}/list", "type=2&support_stream=yes", 1003, "support_stream is 'yes'"),
    (f"{V4}/list", "type=2&page=2.5", 1003, "page is '2.5'"),
    (f"{V4}/list", "type=2&size=10001", 1003, "a whole number from 1 to 10,000"),
    (f"{V4}/list", "type=2&" + "&".join(f"a{n}=1" for n in range(100)), 1003, "over 100 fields"),
    (f"{V4}/resource/list", "type=3", 1003, "type is '3'"),
]


@pytest.mark.parametrize(("path", "query", "code", "reason"), BAD_READS)
def test_s18_a_bad_read_says_why_in_the_call_log(path: str, query: str, code: int, reason: str) -> None:
    speaker = Speaker()
    assert speaker.get(path, query) == {"code": code, "msg": MESSAGES[code]}
    assert reason in (speaker.mock.calls[-1].response.reason or "")


def test_s18_sounds_and_clones_of_others_are_1009(speaker: Speaker) -> None:
    stranger = Speaker(OTHER, speaker.mock)
    assert stranger.get(f"{V4}/detail/{speaker.made(CLONE)['_id']}")["code"] == 1009
    assert stranger.get(f"{V4}/resource/detail/{speaker.made(TTS)['_id']}")["code"] == 1009
    assert stranger.get(f"{V3}/audio/infobymodelid", f"audio_model_id={speaker.made(CREATE)['_id']}")["code"] == 1009
