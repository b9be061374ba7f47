"""What a failing test is told: each hint by a journal that shows the mistake and one that does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from mock_akool import MockAkool, Request, Response, failed
from mock_akool.diagnostics.report import HINTS, Observations, explain, hints

API = "/api/open/v3/content/image"
V3 = f"{API}/createbyprompt"
V4 = "/api/open/v4/content/image/createBySourcePrompt"
BUTTON = f"{API}/createbybutton"
INFO = f"{API}/infobymodelid"
TOKEN = "/api/open/v3/getToken"
QUOTA = "/api/open/v3/faceswap/quota/info"
KEY = "key-of-1-account"
HOOK = "http://127.0.0.1:9/hook"
CALLED_BACK = {"prompt": "a red fox", "webhookUrl": HOOK}


class Client:
    """Does right or wrong what a client does."""

    def __init__(self, **options: Any) -> None:
        self.mock = MockAkool(**options)

    def ask(self, method: str, path: str, query: str = "", body: Any = None, **headers: str) -> Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("content-type", "application/json")
        given = given if {"x-api-key", "authorization"} & given.keys() else {"x-api-key": KEY, **given}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.mock.answer(Request.build(method, path, query, given, raw))

    def create(self, path: str = V3, **fields: Any) -> str:
        data = json.loads(self.ask("POST", path, body={"prompt": "a red fox", **fields}).body)["data"]
        return str((data[0] if isinstance(data, list) else data)["_id"])

    def poll(self, job_id: str, **headers: str) -> dict[str, Any]:
        found = json.loads(self.ask("GET", INFO, f"image_model_id={job_id}", **headers).body)
        data: dict[str, Any] = found.get("data", {})
        return data

    def create_in_vain(self, **fault: Any) -> Response:
        """Create a job, and get no good answer."""
        self.mock.on("createbyprompt").first(1).respond(**fault)
        return self.ask("POST", V3, body={"prompt": "a red fox"})

    def poll_in_vain(self, **fault: Any) -> str:
        """Create a job, and get no good answer when it is polled."""
        job_id = self.create()
        self.mock.on("infobymodelid").first(1).respond(**fault)
        self.ask("GET", INFO, f"image_model_id={job_id}")
        return job_id

    def wait(self, seconds: float) -> Client:
        self.mock.clock.advance(seconds)
        return self

    def finished(self, path: str = V3, **fields: Any) -> dict[str, Any]:
        job_id = self.create(path, **fields)
        self.wait(5)
        return self.poll(job_id)

    def stalled(self) -> Client:
        self.mock.next_job(processing="forever")
        return self

    def fetch(self, url: str) -> Response:
        return self.ask("GET", f"/{url.rpartition('/')[2]}")

    def press(self, parent_id: str, button: str = "U1", **fields: Any) -> str:
        response = self.ask("POST", BUTTON, body={"_id": parent_id, "button": button, **fields})
        return str(json.loads(response.body)["data"]["_id"])

    def token(self) -> str:
        response = self.ask("POST", TOKEN, body={"clientId": "my-client-id", "clientSecret": KEY})
        return str(json.loads(response.body)["token"])

    @property
    def observations(self) -> Observations:
        return Observations.of(self.mock.engine, self.mock.started_ns)


class Case(NamedTuple):
    """A hint, what a client does wrong, what is told, and what it does right."""

    name: str
    wrong: Callable[[Client], object]
    told: str
    right: Callable[[Client], object]
    options: dict[str, Any] = {}  # noqa: RUF012


def complete(client: Client) -> None:
    """What a client does that makes no mistake."""
    job_id = client.create(webhookUrl="", scale="16:9")
    for seconds in (3, 3):
        client.wait(seconds)
        job = client.poll(job_id)
    for url in (job["image"], *job["upscaled_urls"]):
        client.fetch(url)
    upscaled_id = client.press(job_id)
    client.wait(5)
    client.fetch(client.poll(upscaled_id)["image"])
    client.ask("GET", QUOTA, authorization=f"Bearer {client.token()}")


def two_polls(client: Client, first: float, second: float) -> Client:
    job_id = client.create()
    for pause in (first, second, second):
        client.wait(pause).poll(job_id)
    return client


def expired(client: Client, *, renewed: bool) -> None:
    token = client.token()
    client.ask("GET", QUOTA, authorization=f"Bearer {token}")
    client.wait(61)
    client.ask("GET", QUOTA, authorization=f"Bearer {token}")
    if renewed:
        client.ask("GET", QUOTA, authorization=f"Bearer {client.token()}")


def batch(client: Client, polled: int) -> None:
    client.create(V4, batch_quantity=3)
    client.wait(6)
    for job in client.mock.jobs[:polled]:
        client.poll(job.id)


def lost(client: Client, value: str) -> None:
    client.create()
    client.ask("GET", INFO, f"image_model_id={value}")


def sends(client: Client) -> Client:
    client.mock.webhooks.send_over_http()
    return client


def answers(client: Client, status: int) -> Client:
    client.mock.webhooks.deliver_to(lambda request: status)
    return client


CASES = (
    Case(
        "poll by wrong name",
        lambda client: client.ask("GET", INFO, f"_id={client.create()}&x=1"),
        "#2 polls with `_id=`, `x=` only; the parameter is called `image_model_id=`",
        lambda client: client.ask("GET", INFO, "_id=1", authorization="Bearer x"),
    ),
    Case(
        "poll by wrong name",
        lambda client: client.ask("GET", INFO),
        "#1 polls without a query; the parameter is called `image_model_id=`",
        complete,
    ),
    Case(
        "poll without id",
        lambda client: lost(client, "undefined"),
        "#2 polls with the id 'undefined'; a create's reply has it in `data._id`, not at the top",
        lambda client: lost(client, "0" * 24),
    ),
    Case(
        "poll of unknown job",
        lambda client: lost(client, "0" * 24),
        "#2 polls '000000000000000000000000', which no create has returned; the newest jobs are: ID",
        lambda client: lost(client, "None"),
    ),
    Case(
        "poll of foreign job",
        lambda client: client.poll(client.create(), x_api_key="another"),
        "#2 polls a job with other credentials than those that created it",
        complete,
    ),
    Case(
        "poll of parent",
        lambda client: (parent := client.finished()["_id"], client.press(parent), client.poll(parent)),
        "#4 polls the job whose button was pressed; the button's reply #3 has an `_id` of its own",
        lambda client: (parent := client.finished()["_id"], client.poll(client.press(parent)), client.poll(parent)),
    ),
    Case(
        "webhook spelling",
        lambda client: client.create(V4, webhookUrl="https://example.com/hook"),
        "#1 has `webhookUrl`, which is ignored here; createBySourcePrompt spells it `webhookurl`",
        lambda client: client.create(V4, webhookurl="https://example.com/hook", webhookUrl="https://example.com/hook"),
    ),
    Case(
        "webhook spelling",
        lambda client: client.press(client.finished()["_id"], webhookurl="https://example.com/hook"),
        "#3 has `webhookurl`, which is ignored here; createbybutton spells it `webhookUrl`",
        lambda client: client.create(webhookurl=""),
    ),
    Case(
        "callback not sealed",
        lambda client: client.ask("POST", V3, body=CALLED_BACK, x_api_key="my-key") and client.wait(5),
        "no callback of job ID was sent: the account's clientSecret has 6 bytes and cannot encrypt: AES takes 16, "
        "24 or 32. Use an API key of 32 letters and digits, as Akool's are",
        lambda client: client.ask("POST", V3, body=CALLED_BACK) and client.wait(5),
    ),
    Case(
        "callback refused",
        lambda client: sends(client).create(webhookUrl="http://203.0.113.1/hook") and client.wait(5),
        "no callback of job ID was sent: callbacks are sent to this machine and to private addresses only, and "
        "203.0.113.1 is neither; allow it with --allow-webhook 203.0.113.1 (in Python allow_webhook='203.0.113.1')",
        lambda client: client.create(webhookUrl="http://203.0.113.1/hook") and client.wait(5),
    ),
    Case(
        "callback not taken",
        lambda client: answers(client, 204).create(webhookUrl=HOOK) and client.wait(60),
        "the callback of job ID, status 2, was not taken: the receiver answered with HTTP 204; only HTTP 200 counts, "
        "and after anything else the same body is sent again",
        lambda client: answers(client, 200).create(webhookUrl=HOOK) and client.wait(60),
    ),
    Case(
        "size for scale",
        lambda client: client.create(size="1024x1024"),
        '#1 has `size`, which is ignored; the shape is set by `scale`, such as "16:9"',
        lambda client: client.create(size="16:9", scale="16:9"),
    ),
    Case(
        "paid twice",
        lambda client: (client.create(scale="4:3"), client.create(scale="4:3")),
        "#1 and #2 create the same picture, and both were paid; to send a create again, say after a timeout, "
        "makes another job",
        lambda client: (client.create(scale="4:3"), client.create(scale="3:4"), client.create(V4, scale="4:3")),
    ),
    Case(
        "paid twice",
        lambda client: (client.create(), client.create()),
        "#1 and #2 create the same picture*",
        lambda client: [client.ask("POST", V3, body={"prompt": "x" * length}) for length in (1, 2, 3, 3)],
        {"credits": 4},
    ),
    Case(
        "paid twice",
        lambda client: (client.create_in_vain(drop=True, at="after"), client.create()),
        "#1 and #2 create the same picture*",
        lambda client: (client.create_in_vain(drop=True), client.create()),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(http=502),
        "#2 met 502 by on('infobymodelid').first(1).respond(http=502), and the client asked nothing more; "
        "what only reads may be asked again after a pause",
        lambda client: client.poll(client.poll_in_vain(http=502)),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(drop=True),
        "#2 met no answer by *",
        lambda client: client.poll_in_vain(code=1200),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(truncate="50%"),
        "#2 met 200 cut off by *",
        lambda client: client.create_in_vain(http=502),
    ),
    Case(
        "no second try",
        lambda client: client.poll_in_vain(code=1005),
        "#2 met 200 1005 by *",
        lambda client: client.poll_in_vain(http=404),
    ),
    Case(
        "no pause",
        lambda client: two_polls(client, 1, 0),
        "job ID is polled without a pause (#4 and those before it)",
        lambda client: two_polls(client, 1, 0.01),
    ),
    Case(
        "gave up",
        lambda client: two_polls(client, 0, 1),
        "the client stopped at status 2 processing of job ID, which would have been completed at +5.0 s; "
        "only 3 and 4 are an end, and until then there are no URLs",
        lambda client: two_polls(client, 3, 3),
    ),
    Case(
        "gave up",
        lambda client: two_polls(client, 0, 0.5).wait(60),
        "the client stopped at status 1 queueing of job ID, which was failed at +5.0 s*",
        lambda client: two_polls(client.stalled(), 3, 3),
        {"ending": "failed"},
    ),
    Case(
        "gave up",
        lambda client: two_polls(client, 0, 1),
        "the client stopped at status 2 processing of job ID, which more polls would have ended; "
        "only 3 and 4 are an end, and until then there are no URLs",
        lambda client: two_polls(client.stalled(), 0, 1),
        {"queueing": "1 poll", "processing": "5 polls"},
    ),
    Case(
        "polled on",
        lambda client: two_polls(client, 6, 3),
        "job ID was told to be completed by #2, and polled 2 times more; 3 is completed and 4 is failed",
        lambda client: two_polls(client, 0, 3),
    ),
    Case(
        "never polled",
        lambda client: client.create(),
        "job ID was created and paid, but never polled",
        lambda client: client.create(webhookUrl="https://example.com/hook"),
    ),
    Case(
        "never polled",
        lambda client: batch(client, 1),
        "of the 3 jobs of a batch 1 was polled; the create's `data` is a list with an `_id` for each picture",
        lambda client: batch(client, 3),
    ),
    Case(
        "never polled",
        lambda client: client.create(),
        "job ID was created and paid, but never polled",
        lambda client: client.poll_in_vain(http=502),
    ),
    Case(
        "never fetched",
        lambda client: client.finished(),
        "job ID was seen completed, but none of its pictures was fetched",
        lambda client: client.press(client.finished()["_id"]),
    ),
    Case(
        "never polled",
        lambda client: client.create(),
        "job ID was created and paid, but never polled",
        lambda client: client.create_in_vain(drop=True, at="after"),
    ),
    Case(
        "never fetched",
        lambda client: client.finished(V4),
        "job ID was seen completed, but none of its pictures was fetched",
        lambda client: client.fetch(client.finished(V4)["image"]),
    ),
    Case(
        "grid as picture",
        lambda client: client.fetch(client.finished()["image"]),
        "of job ID only `image` was fetched, which is a grid of its four pictures; the single ones are in "
        "`upscaled_urls`",
        lambda client: (job := client.finished(), client.fetch(job["image"]), client.fetch(job["upscaled_urls"][0])),
    ),
    Case(
        "grid as picture",
        lambda client: client.fetch(client.finished()["image"]),
        "of job ID only `image` was fetched*",
        lambda client: client.fetch(client.finished(V4)["image"]),
    ),
    Case(
        "fetched late",
        lambda client: (job := client.finished(), client.wait(7 * 86_400), client.fetch(job["image"])),
        "#3 fetches a picture after it was deleted; pictures live 7d",
        lambda client: (job := client.finished(), client.wait(6 * 86_400), client.fetch(job["image"])),
    ),
    Case(
        "fetched early",
        lambda client: (client.create(), client.fetch(f"{client.mock.jobs[0].stamp_ms}-0001.jpg")),
        "#2 fetches a picture of job ID before the job is completed",
        lambda client: (job := client.finished(), client.wait(7 * 86_400), client.fetch(job["image"])),
    ),
    Case(
        "both headers",
        lambda client: client.ask("GET", QUOTA, x_api_key=KEY, authorization="Bearer wrong"),
        "#1 has both headers; then Authorization alone counts, and a good x-api-key does not rescue a bad token",
        lambda client: (
            client.ask("GET", QUOTA, x_api_key=" ", authorization="Bearer wrong"),
            client.ask("GET", QUOTA, x_api_key=KEY, authorization=f"Bearer {client.token()}"),
        ),
    ),
    Case(
        "clientId as key",
        lambda client: client.ask("GET", QUOTA, x_api_key="AAECAwQFBgcICQoLDA0ODw=="),
        "#1 sends a clientId as x-api-key; the API key is the clientSecret",
        lambda client: client.ask("GET", QUOTA, x_api_key=KEY),
    ),
    Case(
        "clientId as key",
        lambda client: (client.token(), client.ask("GET", QUOTA, x_api_key="my-client-id")),
        "#2 sends a clientId as x-api-key; the API key is the clientSecret",
        lambda client: (client.token(), client.ask("GET", QUOTA, x_api_key="some-other-key")),
        {"strict": True, "accounts": [{"client_secret": KEY, "client_id": "my-client-id"}]},
    ),
    Case(
        "key as token",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer {KEY}"),
        "#1 sends something that is no token as Bearer; an API key belongs into x-api-key, a token comes from getToken",
        lambda client: client.ask("GET", QUOTA, authorization="Bearer undefined"),
    ),
    Case(
        "token missed",
        lambda client: client.ask("GET", QUOTA, authorization="Bearer None"),
        "#1 sends 'None' as token; getToken's reply has it in `token` at the top, not in `data`",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer {KEY}"),
    ),
    Case(
        "Bearer misspelt",
        lambda client: client.ask("GET", QUOTA, authorization=f"Bearer Bearer {client.token()}"),
        "#2 has an Authorization that is not of the form `Bearer <token>`",
        lambda client: client.ask("GET", QUOTA, authorization=f"bearer {client.token()}"),
    ),
    Case(
        "token expired",
        lambda client: expired(client, renewed=False),
        "#3 sends a token that is no longer valid, and no new one was asked for",
        lambda client: expired(client, renewed=True),
        {"token_lifetime": "60s"},
    ),
    Case(
        "no credentials",
        lambda client: client.ask("GET", QUOTA, x_api_key=""),
        "#1 has no credentials, neither x-api-key nor Authorization, or empty ones",
        complete,
    ),
    Case(
        "not labelled as JSON",
        lambda client: client.ask("POST", V3, body=b"prompt=x", content_type="application/x-www-form-urlencoded"),
        "#1 has a body with the content type 'application/x-www-form-urlencoded'; Akool wants JSON "
        "(in Python `json=`, not `data=`)",
        lambda client: client.ask("POST", V3, body={"scale": "4:3"}),
    ),
    Case(
        "wrong route",
        lambda client: client.ask("GET", f"{API}/infobymodelId"),
        f"#1 asks for {API}/infobymodelId, which is not there; {INFO} is",
        lambda client: client.ask("GET", "/"),
    ),
    Case(
        "wrong route",
        lambda client: client.ask("GET", V3),
        f"#1 is a GET; {V3} takes POST",
        lambda client: client.ask("GET", INFO),
    ),
)


def told(case: Case, act: Callable[[Client], object]) -> str | None:
    client = Client(**case.options)
    act(client)
    (hint,) = (hint for hint in HINTS if hint.name == case.name)
    text = hint.detect(client.observations)
    return None if text is None else re.sub(r"\b(?!0{24})[0-9a-f]{24}\b", "ID", text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_is_told(case: Case) -> None:
    text = told(case, case.wrong)
    assert text is not None
    if case.told.endswith("*"):
        assert text.startswith(case.told[:-1])
    else:
        assert text == case.told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_no_mistake_is_not_told(case: Case) -> None:
    assert told(case, case.right) is None


def test_each_hint_has_a_case_and_a_name_of_its_own() -> None:
    names = [hint.name for hint in HINTS]
    assert len(set(names)) == len(names)
    assert set(names) == {case.name for case in CASES}


def test_a_client_without_mistakes_gets_no_hint() -> None:
    client = Client()
    complete(client)
    assert hints(client.observations) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_hint_fails_on_what_another_finds(case: Case) -> None:
    client = Client(**case.options)
    case.wrong(client)
    text = explain(client.observations)
    assert "hint: " in text
    assert KEY not in text


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b'"x"', b"\xff", b"[" * 100_000, b"null"])
def test_bodies_that_are_no_objects_are_no_trouble(body: bytes) -> None:
    client = Client()
    for path in (V3, V4, BUTTON, TOKEN):
        client.ask("POST", path, body=body)
    for query in ("&&&", "image_model_id", "image_model_id=&image_model_id=", "%ff=%ff"):
        client.ask("GET", INFO, query)
    assert explain(client.observations).startswith("the last 8 of 8 exchanges:")


def test_nothing_was_asked() -> None:
    assert explain(Client().observations) == "no request reached the fake"


def lines(client: Client) -> list[str]:
    return re.sub(r"\b[0-9a-f]{24}\b", "ID", explain(client.observations)).splitlines()


@pytest.mark.parametrize(
    ("script", "life"),
    [
        ({"processing": 60}, "processing from +0.0 s, would be completed at +60.0 s"),
        ({"queueing": "1500ms"}, "queueing from +0.0 s, would be completed at +1.5 s"),
        ({}, "completed at +0.0 s"),
        ({"ending": failed("nudity", "no face")}, "failed at +0.0 s, because of 'nudity; no face'"),
        ({"queueing": "forever"}, "queueing from +0.0 s, for ever"),
        ({"processing": "3 polls"}, "processing from +0.0 s, until 3 polls have seen it"),
        (
            {"queueing": 1, "processing": "1 poll"},
            "queueing from +0.0 s, would be processing from +1.0 s, until 1 poll has seen it",
        ),
    ],
)
def test_the_life_of_a_job_is_told(script: dict[str, Any], life: str) -> None:
    client = Client()
    client.mock.next_job(**script)
    client.create()
    assert lines(client)[0] == f"job ID, 'a red fox': {life}"
    assert lines(client)[1] == "    never polled"


def test_polls_are_told_in_runs_and_downloads_are_counted() -> None:
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
        "the last 10 of 25 exchanges:",
    ]
    assert len(lines(client)) == 6 + 10 + 1


def test_a_button_is_told_by_its_parent_and_old_jobs_are_left_out() -> None:
    client = Client()
    for number in range(5):
        client.create(prompt=f"fox {number}")
    client.wait(5)
    client.press(client.mock.jobs[4].id, "V3")
    told = [line.partition(":")[0] for line in lines(client) if not line.startswith(" ")]
    assert told[:6] == ["(1 earlier job left out)", *(f"job ID, 'fox {n}'" for n in range(1, 5)), "job ID, V3 of ID"]


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


ODD: tuple[Any, ...] = ({"a": 1}, ["a"], [[]], None, 5, 1.5, True, "", "\ud800")
FIELDS = ("clientId", "clientSecret", "_id", "button", "prompt", "size", "scale", "source_images", "webhookUrl")


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("path", [TOKEN, V3, V4, BUTTON])
def test_values_of_any_kind_leave_the_report_whole(path: str, odd: object) -> None:
    client = Client()
    client.ask("POST", path, body=dict.fromkeys(FIELDS, odd))
    client.ask("POST", path, body=odd)
    client.ask("GET", QUOTA, x_api_key="unknown" + "=" * 20)
    client.ask("GET", QUOTA, authorization="Bearer x")
    assert "#1" in explain(client.observations)
