"""Secrets are planted wherever one can stand; none may be found in what is written."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final

import pytest

from mock_akool.core.http import Termination
from mock_akool.recording.calls import RecordedCall
from mock_akool.recording.folder import RawCall, RecordingWriter, read_recording, redacted
from mock_akool.recording.redaction import Names, Redactor
from tests.recording.conftest import IMAGE, KEY, Record, Recorded

JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjY0ZGQ5MGY5In0.c2lnbmF0dXJlLXBsYW50ZWQ"
CLIENT_ID: Final = "AAECAwQFBgcICQoLDA0ODw=="
SECRET: Final = "planted-secret-4711"


def call(**changes: Any) -> RawCall:
    given: dict[str, Any] = {
        "number": 1,
        "at_s": 0.0,
        "took_s": 0.1,
        "endpoint": "createbyprompt",
        "method": "POST",
        "path": f"{IMAGE}/createbyprompt",
        "query": "",
        "request_headers": (("content-type", "application/json"),),
        "request_body": b"",
        "status": 200,
        "response_headers": (("content-type", "application/json"),),
        "response_body": b'{"code":1000,"msg":"OK"}',
        "ended": None,
        "files": {},
    }
    return RawCall(**(given | changes))


def text_of(*calls: RawCall, names: tuple[str, ...] = ()) -> str:
    """Return all that is written of calls."""
    redactor = Redactor(Names.of(names))
    parts = list[str]()
    for each in calls:
        found, beside = redacted(each, redactor)
        parts.append(json.dumps(found.as_json(), ensure_ascii=False))
        parts += [f"{name} {body.decode('latin-1')}" for name, body in beside]
    return "\n".join(parts)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


PLANTED: Final[dict[str, dict[str, Any]]] = {
    "api key header": {"request_headers": (("x-api-key", SECRET),)},
    "bearer": {"request_headers": (("authorization", f"Bearer {SECRET}"),)},
    "bearer without scheme": {"request_headers": (("authorization", SECRET),)},
    "basic": {"request_headers": (("Proxy-Authorization", f"Basic {SECRET}"),)},
    "cookie": {"request_headers": (("cookie", f"theme=dark; sid={SECRET}"),)},
    "set-cookie": {"response_headers": (("set-cookie", f"sid={SECRET}; Path=/; HttpOnly"),)},
    "unknown request header": {"request_headers": (("x-my-own", SECRET),)},
    "unknown response header": {"response_headers": (("x-amz-id-2", SECRET),)},
    "name of a header": {"request_headers": (("x-client-secret", SECRET),)},
    "jwt in a harmless header": {"request_headers": (("user-agent", f"me/1 {JWT}"),)},
    "location": {"response_headers": (("location", f"https://a.test/?Signature={SECRET}"),)},
    "file name": {"response_headers": (("content-disposition", f'attachment; filename="{SECRET}.jpeg"'),)},
    "body of getToken": {"request_body": as_json({"clientId": CLIENT_ID, "clientSecret": SECRET})},
    "token of getToken": {"response_body": as_json({"code": 1000, "token": SECRET})},
    "deep in a body": {"response_body": as_json({"data": [{"credentials": {"agora_app_id": SECRET}}]})},
    "list of tokens": {"response_body": as_json({"tokens": [SECRET, SECRET + "x"]})},
    "jwt in a text": {"request_body": as_json({"prompt": f"use {JWT} please"})},
    "client id in a text": {"request_body": as_json({"prompt": f"I am {CLIENT_ID}"})},
    "e-mail in a text": {"request_body": as_json({"prompt": "write to ada.planted@example.com"})},
    "bearer in a text": {"request_body": as_json({"prompt": f"Authorization: Bearer {SECRET}"})},
    "assigned in a text": {"request_body": as_json({"prompt": f"api_key={SECRET}"})},
    "webhook": {"request_body": as_json({"webhookUrl": f"https://hooks.test/{SECRET}"})},
    "webhook of v4": {"request_body": as_json({"webhookurl": f"https://hooks.test/services/{SECRET}"})},
    "signed webhook": {"request_body": as_json({"signature": SECRET, "dataEncrypt": SECRET, "nonce": "1529"})},
    "signature of a URL": {"request_body": as_json({"source_image": f"https://a.test/a.png?X-Amz-Signature={SECRET}"})},
    "any value in the query of a URL": {"request_body": as_json({"source_image": f"https://a.test/a.png?x={SECRET}"})},
    "password of a URL": {"request_body": as_json({"source_image": f"https://me:{SECRET}@a.test/a.png"})},
    "random part of a path": {"request_body": as_json({"source_image": "https://a.test/s3cr3tS3cr3tS3cr3t/a.png"})},
    "query": {"query": f"x=1&api_key={SECRET}", "method": "GET"},
    "token in the query": {"query": f"access_token={SECRET}"},
    "webhook in the query": {"query": f"webhookUrl=https%3A%2F%2Fhooks.test%2F{SECRET}"},
    "form": {
        "request_headers": (("content-type", "application/x-www-form-urlencoded"),),
        "request_body": f"clientSecret={SECRET}&x=1".encode(),
    },
    "text": {
        "request_headers": (("content-type", "text/plain"),),
        "request_body": f"password: {SECRET}".encode(),
    },
    "html": {
        "response_headers": (("content-type", "text/html"),),
        "response_body": f"<p>token={SECRET}</p>".encode(),
    },
    "compressed request": {
        "request_headers": (("content-encoding", "br"), ("content-type", "application/json")),
        "request_body": SECRET.encode(),
    },
    "name of a person": {"response_body": as_json({"firstName": "Planted-secret", "nickname": "Planted-secret"})},
    "key of a dict": {"request_headers": (("x-api-key", SECRET),), "request_body": as_json({SECRET: 1})},
    "binary": {
        "request_headers": (("x-api-key", SECRET),),
        "response_headers": (("content-type", "image/jpeg"),),
        "response_body": b"\xff\xd8\0" + SECRET.encode(),
    },
    "long text": {
        "request_headers": (("x-api-key", SECRET),),
        "response_headers": (("content-type", "text/plain"),),
        "response_body": b"x" * 70_000 + SECRET.encode(),
    },
    "long json": {"response_body": as_json({"data": ["x" * 70_000], "token": SECRET})},
    "broken body": {
        "request_headers": (("x-api-key", SECRET),),
        "response_body": b'{"token": "' + SECRET.encode(),
        "ended": Termination.CUT,
    },
    "path": {"request_headers": (("x-api-key", SECRET),), "path": f"/api/open/v3/{SECRET}/x"},
    "prompt": {"request_headers": (("x-api-key", SECRET),), "request_body": as_json({"prompt": f"my {SECRET}!"})},
    "encoded in a query": {"request_headers": (("x-api-key", "pl/nted-secret"),), "query": "x=pl%2Fnted-secret"},
}
_PLANTED: Final = re.compile(
    rf"{SECRET}|{re.escape(JWT)}|c2lnbmF0dXJl|{re.escape(CLIENT_ID)}|ada\.planted|s3cr3tS3cr3t|Planted-secret|pl(?:/|%2F)nted"
)


@pytest.mark.parametrize("place", PLANTED)
def test_no_secret_is_written(place: str) -> None:
    planted = call(**PLANTED[place])
    assert _PLANTED.search(repr(planted))
    assert not _PLANTED.search(text_of(planted))


def test_a_uid_is_replaced_everywhere_by_the_same_number() -> None:
    first = call(response_body=as_json({"data": {"uid": 1234567, "file": "up/1234567-cat.png", "n": 12345678}}))
    second = call(
        number=2, query="uid=1234567", response_body=as_json({"data": {"team_id": "64dd90f9f0b6684651e90d60"}})
    )
    text = text_of(first, second)
    assert "1234567-" not in text
    assert ": 1234567," not in text
    assert "12345678" in text
    assert len(set(re.findall(r"\b99\d{5}\b", text))) == 1
    assert "64dd90f9f0b6684651e90d60" not in text
    assert "5eed00000000000000000002" in text


def test_a_uid_that_looks_like_a_pseudonym_is_replaced_too() -> None:
    assert "990017" not in text_of(call(response_body=as_json({"uid": 990017})))


def test_ids_of_jobs_prompts_and_codes_stay() -> None:
    body = {"code": 1000, "data": {"_id": "64dd90f9f0b6684651e90d60", "prompt": "the secret: a ring bearer walking"}}
    text = text_of(call(response_body=as_json(body)))
    assert json.dumps(body["data"])[1:-1] in text


def test_names_that_the_user_gives_are_secret_too() -> None:
    planted = call(request_body=as_json({"Project-Code": SECRET}))
    assert SECRET in text_of(planted)
    assert SECRET not in text_of(planted, names=("project_code",))


def test_equal_secrets_have_equal_pseudonyms_and_others_have_others() -> None:
    redactor = Redactor()
    first = redactor.know("one-secret", "key")
    assert redactor.know("one-secret", "key") == first
    assert redactor.know("two-secret", "key") != first
    assert redactor.know(first, "key") == first


def test_a_secret_that_comes_late_is_taken_out_of_what_is_written(tmp_path: Any) -> None:
    writer = RecordingWriter(tmp_path / "recording", ["https://a.test"])
    writer.put(call(request_body=as_json({"prompt": f"my {SECRET}"})))
    long = b"x" * 70_000 + SECRET.encode()
    writer.put(call(number=2, response_headers=(("content-type", "text/plain"),), response_body=long))
    writer.put(call(number=3, request_headers=(("x-api-key", SECRET),)))
    writer.close()
    written = [each.read_text() for each in writer.folder.rglob("*") if each.is_file()]
    assert not any(SECRET in each for each in written)
    recording = read_recording(writer.folder)
    assert recording.body(recording.calls[1].response.body).endswith(b"redacted-key-1")


def test_a_call_is_read_as_it_was_written() -> None:
    found, _ = redacted(call(ended=Termination.RESET, status=0), Redactor())
    assert RecordedCall.of_json(json.loads(json.dumps(found.as_json()))) == found


def test_what_a_client_gives_away_is_not_in_any_file_or_name(record: Record) -> None:
    recorded = record(accounts=[{"client_id": CLIENT_ID, "api_key": KEY}])
    token = recorded.ask("POST", "/api/open/v3/getToken", json={"clientId": CLIENT_ID, "clientSecret": KEY}).json()[
        "token"
    ]
    answer = recorded.ask(
        "POST",
        f"{IMAGE}/createbyprompt",
        headers={"authorization": f"Bearer {token}", "cookie": f"sid={SECRET}"},
        json={"prompt": f"a fox {KEY}", "webhookUrl": f"http://127.0.0.1:9/{SECRET}"},
    ).json()["data"]
    recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={answer['_id']}&api_key={KEY}")
    text = recorded.texts()
    for secret in (KEY, CLIENT_ID, token, SECRET, str(answer["uid"])):
        assert secret not in text
    assert answer["_id"] in text


def test_the_url_of_a_file_is_not_in_the_recording(recorded: Recorded) -> None:
    job_id = recorded.ask("POST", f"{IMAGE}/createbyprompt", json={"prompt": "a fox"}).json()["data"]["_id"]
    recorded.ask("GET", f"{IMAGE}/infobymodelid?image_model_id={job_id}")
    # The index names the upstream, and nothing else does.
    assert recorded.texts().count(recorded.upstream) == 1


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\nplanted/secret+9\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n%b\r\n--b--\r\n"
)


class TestOtherForms:
    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data; boundary=b", MULTIPART % b"text"),
            ("multipart/form-data; boundary=b", MULTIPART % b"\0\1\xff"),
            ("application/json", as_json({"payload": '{"apiKey": "planted/secret+9"}'})),
            ("application/json", as_json({"payload": json.dumps({"p": '{"apiKey": "planted/secret+9"}'})})),
            ("application/xml", b"<r><apiKey>planted/secret+9</apiKey></r>"),
            ("text/plain", b"{'client_secret': 'planted/secret+9'"),
        ],
    )
    def test_a_secret_in_a_body_that_is_no_plain_json(self, content_type: str, body: bytes) -> None:
        text = text_of(call(request_headers=(("content-type", content_type),), request_body=body))
        assert "planted" not in text

    @pytest.mark.parametrize(
        "spelling",
        [
            "planted/secret+9",
            "planted%2Fsecret%2B9",
            "planted%2fsecret%2b9",
            "planted\\/secret+9",
            base64.b64encode(b"planted/secret+9").decode(),
            base64.b64encode(b"planted/secret+9").decode().rstrip("="),
        ],
    )
    @pytest.mark.parametrize("place", ["body", "text", "location", "path", "query"])
    def test_a_known_secret_however_it_is_written(self, spelling: str, place: str) -> None:
        first = call(request_headers=(("x-api-key", "planted/secret+9"),))
        told = f"the key {spelling} is wrong"
        places: dict[str, dict[str, Any]] = {
            "body": {"response_body": as_json({"code": 1101, "msg": told})},
            "text": {"response_body": told.encode(), "response_headers": (("content-type", "text/plain"),)},
            "location": {"response_headers": (("location", f"/again?from={spelling}"),)},
            "path": {"path": f"/api/{spelling}/x"},
            "query": {"query": f"from={spelling}"},
        }
        text = text_of(first, call(number=2, **places[place]))
        assert spelling not in text
        assert "secret" not in text
