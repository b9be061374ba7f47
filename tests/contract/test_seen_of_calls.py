"""What the call log has of each kind of response, beside the body: whose it was, and what the client was shown."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool import MockAkool
from mock_akool.core.http import Download, Headers, Response
from mock_akool.core.timeline import Status
from tests.contract.asking import KEY, send
from tests.contract.client import CLIENT_ID, CREATE_V3, GET_TOKEN, INFO, PRESS, QUOTA

JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"), ("access-control-allow-origin", "*"))
XML: Final[Headers] = (("content-type", "application/xml"), ("access-control-allow-origin", "*"))
NS: Final = 10**9


def create(mock: MockAkool) -> Response:
    return send(mock, "POST", CREATE_V3, body={"prompt": "a fox"})


def data_of(response: Response) -> Any:
    return json.loads(response.body)["data"]


def seen(response: Response) -> dict[str, Any]:
    """Return what is not as in the plainest response, less the body."""
    plain = Response(200, JSON, b"")
    return {
        name: value
        for name, value, usual in zip(response._fields, response, plain, strict=True)
        if name not in ("body", "media") and value != usual
    }


@pytest.fixture
def mock() -> MockAkool:
    mock = MockAkool(latency=0.5)
    mock.next_job(queueing=1, processing=1)
    return mock


def late(**fields: Any) -> dict[str, Any]:
    return {"delay_ns": NS // 2, **fields}


def own(**fields: Any) -> dict[str, Any]:
    return late(code=1000, account=KEY, **fields)


def test_of_the_life_of_a_job(mock: MockAkool) -> None:
    created = create(mock)
    job_id = created.job_id
    of_job = {"job_id": job_id, "job_script": "next_job"}
    assert seen(created) == own(job_status=Status.QUEUEING, **of_job)
    polls = []
    for _ in range(3):
        polls.append(send(mock, "GET", INFO, f"image_model_id={job_id}"))
        mock.clock.advance(1.25)
    assert [seen(each) for each in polls] == [
        own(job_status=status, **of_job) for status in (Status.QUEUEING, Status.PROCESSING, Status.COMPLETED)
    ]
    path = "/" + data_of(polls[2])["image"].split("/", 3)[3]
    done_s = mock.started_ns // NS + 2
    jpeg = {"headers": (("content-type", "image/jpeg"), JSON[1])}
    of_file = late(account=KEY, job_status=Status.COMPLETED, **of_job, **jpeg)
    ranged = send(mock, "GET", path, key="", range="bytes=0-9")
    assert seen(ranged) == {**of_file, "download": Download(done_s, {"range": "bytes=0-9"})}
    assert isinstance(seen(ranged)["download"].modified_s, int)
    head = send(mock, "HEAD", path, key="", range="bytes=0-9")
    assert seen(head) == {**of_file, "download": Download(done_s, {})}
    assert (head.media, head.body, ranged.body) == (ranged.media, b"", b"")
    pressed = send(mock, "POST", PRESS, body={"_id": job_id, "button": "U1"})
    assert seen(pressed) == own(job_id=data_of(pressed)["_id"], job_status=Status.QUEUEING)
    again = send(mock, "POST", PRESS, body={"_id": job_id, "button": "U1"})
    reason = f"U1 of job {job_id} was pressed before"
    assert (again.account, again.job_id, again.reason) == (KEY, job_id, reason)


def test_of_what_is_no_job(mock: MockAkool) -> None:
    token = send(mock, "POST", GET_TOKEN, body={"clientId": CLIENT_ID, "clientSecret": KEY}, key="")
    quota = send(mock, "GET", QUOTA, key="", authorization=f"Bearer {json.loads(token.body)['token']}")
    assert (seen(token), seen(quota)) == (own(), own())
    assert seen(send(mock, "GET", INFO, "image_model_id=5f")) == late(
        code=1008, account=KEY, job_id="5f", reason="no job has the _id '5f'"
    )
    assert seen(send(mock, "POST", CREATE_V3, body={})) == late(code=1003, account=KEY, reason="prompt is missing")
    assert seen(send(mock, "GET", QUOTA, key=CLIENT_ID)) == late(
        code=1109, reason="no account has the API key AAEC… of the header x-api-key"
    )
    gone = late(status=403, headers=XML, reason="no job has a file of this name")
    assert seen(send(mock, "GET", "/a.png", key="")) == gone
    job_id = create(mock).job_id
    job = mock.engine.job(job_id or "")
    assert job is not None
    early = send(mock, "GET", f"/{job.stamp_ms}-1568.jpg", key="")
    assert seen(early) == {**gone, "reason": early.reason, "job_id": job_id}
    assert early.reason == f"job {job_id} is queueing, and has files when it is completed"
    assert early.body.endswith(b"\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
    method = send(mock, "DELETE", "/a.png", key="")
    assert seen(method) == late(
        status=405, headers=(*XML, ("allow", "GET, HEAD")), reason="files take GET and HEAD, not DELETE"
    )


SWAPS: Final = "/api/open/v3/faceswap"
FACE: Final = [{"path": "https://example.com/a.png"}]


def test_of_a_poll_of_several_jobs(mock: MockAkool) -> None:
    body = {"sourceImage": FACE, "targetImage": FACE, "modifyImage": "https://example.com/b.png"}
    ids = []
    for _ in range(3):
        ids.append(send(mock, "POST", f"{SWAPS}/highquality/specifyimage", body=body).job_id or "")
        mock.clock.advance(0.75)
    asked = ",".join(("5f", *ids))
    for _ in range(2):
        polled = send(mock, "GET", f"{SWAPS}/result/listbyids", f"_ids={asked}")
        assert seen(polled) == own(
            job_id=ids[0],
            job_script="next_job",
            job_status=Status.COMPLETED,
            also_shown=((ids[1], Status.QUEUEING), (ids[2], Status.QUEUEING)),
        )
        assert [each["faceswap_status"] for each in data_of(polled)["result"]] == [3, 1, 1]
    nothing = send(mock, "GET", f"{SWAPS}/result/listbyids", "_ids=5f")
    assert (seen(nothing), data_of(nothing)) == (own(), {"result": []})


DETECT: Final = "/interface/detect-api/detect_faces"


def test_of_services_and_their_files() -> None:
    mock = MockAkool(latency=0.5, file_lifetime=60)
    found = send(mock, "POST", DETECT, body={"url": FACE[0]["path"], "return_face_url": True})
    assert seen(found) == late(account=KEY)
    url = json.loads(found.body)["faces_obj"]["0"]["face_urls"][0]
    mock.clock.advance(1.5)
    path = "/" + url.split("/", 3)[3]
    file = send(mock, "GET", path, key="")
    headers = (("content-type", "image/jpeg"), JSON[1])
    assert seen(file) == late(headers=headers, account=KEY, download=Download(mock.started_ns // NS, {}))
    assert file.body == b""
    mock.clock.advance(58.5)
    assert send(mock, "GET", path, key="").status == 403
    wrong = send(mock, "POST", DETECT, body={"num_frames": "x"})
    assert seen(wrong) == late(status=400, account=KEY, reason=json.loads(wrong.body)["error_msg"])
    talks = [send(mock, "GET", each) for each in ("/api/open/v4/knowledge/list", "/api/open/v3/avatar/list")]
    assert [(each.status, each.account, each.job_id) for each in talks] == [(200, KEY, None)] * 2


@pytest.mark.parametrize(
    ("options", "asked", "allowed"),
    [
        ({}, "traceparent", "authorization, content-type, x-api-key"),
        ({"cors_allow_api_key": False}, "", "authorization, content-type"),
        ({"cors_allow_any_header": True}, "x-api-key,traceparent", "x-api-key,traceparent"),
        ({"cors_allow_any_header": True}, "bad\x00name", "authorization, content-type, x-api-key"),
        ({"cors_allow_any_header": True, "cors_allow_api_key": False}, "", "authorization, content-type"),
    ],
)
def test_of_a_preflight(options: dict[str, Any], asked: str, allowed: str) -> None:
    headers = {"access-control-request-headers": asked} if asked else {}
    assert send(MockAkool(**options), "OPTIONS", CREATE_V3, key="", **headers) == Response(
        204,
        (
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, HEAD, POST, DELETE, OPTIONS"),
            ("access-control-allow-headers", allowed),
            ("access-control-max-age", "600"),
        ),
        b"",
    )
