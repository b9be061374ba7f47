"""The records of webhooks: what each has, what is said of one that failed, and how many are kept."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from mock_akool import Request, VirtualClock
from mock_akool.akool.deliveries import AttemptResult, Delivery, DeliveryState, Draft
from mock_akool.akool.delivery_log import DeliveryLog
from mock_akool.akool.engine import Engine
from mock_akool.akool.families import FakeSettings
from mock_akool.akool.scenarios.middleware import ScenarioMiddleware
from mock_akool.akool.scenarios.model import JobScript, LabelledScript, ScenarioSetup
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.stages import STAGES
from mock_akool.core.timeline import Status
from mock_akool.core.webhook_faults import WEBHOOK
from mock_akool.server.tokens import JwtTokens
from tests.contract.asking import KEY
from tests.contract.client import CREATE_V3

HOOK: Final = "http://127.0.0.1:9/hook"
BEGUN_NS: Final = 1_700_000_000 * NS_PER_S


def sealed(draft: Draft) -> bytes:
    if b"*" in draft.client_secret.encode():
        raise ValueError("no *")
    return b'{"sealed":1}'


class Fake:
    """A service, the instant at which all is due, and its webhooks."""

    def __init__(self, **options: Any) -> None:
        settings = FakeSettings.of(**{"queueing": 1, "processing": 2, **options})
        self.engine = Engine(settings, VirtualClock(BEGUN_NS), JwtTokens(0), sealed)
        self.front = ScenarioMiddleware(self.engine, ScenarioSetup())
        self.outbox = self.engine.outbox
        self.end_ns = BEGUN_NS + 9 * NS_PER_S

    def create(self, url: str = HOOK, key: str = KEY, base: str = "") -> str:
        headers = {"content-type": "application/json", "x-api-key": key}
        body = json.dumps({"prompt": "a fox", "webhookUrl": url}).encode()
        request = Request.build("POST", CREATE_V3, headers=headers, body=body, file_base=base)
        return self.front.answer(request).job_id or ""

    def fault(self, **fault: Any) -> None:
        meant = {name: fault.pop(name) for name in ("status", "times") if name in fault}
        self.front.runtime.add_webhook_rule(WEBHOOK.read({"fault": fault, **meant}), "test")

    def attempted(self, status: int | None = 200, error: str = "") -> list[int]:
        """Attempt all that is due, and return the numbers of the deliveries."""
        taken = self.outbox.take(self.end_ns)
        for each in taken:
            self.outbox.finish(each, AttemptResult(self.end_ns, self.end_ns, status, error))
        return [each.delivery.number for each in taken]


def test_what_a_delivery_has() -> None:
    fake = Fake()
    fake.fault(delay=3, extra_bytes=5, claim_status="failed", status="completed")
    job_id = fake.create("http://me:secret@127.0.0.1:9/hook?x=1")
    assert fake.attempted() == [1]
    first, second = fake.outbox.entries()
    account = fake.engine.accounts.by_key(KEY)
    assert account is not None
    assert first == Delivery(
        number=1,
        job_id=job_id,
        account=KEY,
        client_id=account.client_id,
        status=Status.PROCESSING,
        url=first.url,
        due_ns=BEGUN_NS + NS_PER_S,
        payload=b'{"_id":"%b","status":2,"type":"image"}' % job_id.encode(),
        body_start=b'{"sealed":1}',
        state=DeliveryState.DELIVERED,
        start_ns=BEGUN_NS,
        attempts=(AttemptResult(fake.end_ns, fake.end_ns, 200),),
        client_id_is_invented=True,
        credentials="me:secret",
    )
    assert "secret" not in first.url
    assert "127.0.0.1:9/hook?x=1" in first.url
    assert (first.at, first.json["status"], first.envelope, first.answer) == (1.0, 2, {"sealed": 1}, 200)
    assert (second.number, second.state, second.next_ns) == (2, DeliveryState.WAITING, BEGUN_NS + 6 * NS_PER_S)
    assert (second.due_ns, second.filler_bytes) == (BEGUN_NS + 6 * NS_PER_S, 5)
    assert second.json == {"_id": job_id, "status": 4, "type": "image"}
    assert second.fault is not None
    assert second.body == b'{"sealed":1,"extra":"xxxxx"}'
    assert fake.attempted() == [2]
    assert [(each.number, each.at) for each in fake.outbox.entries()] == [(1, 1.0), (2, 6.0)]


@pytest.mark.parametrize(
    ("key", "is_listed", "why"),
    [
        (
            "k+flaky",
            False,
            "the account's clientSecret has 7 bytes and cannot encrypt: AES takes 16, 24 or 32. Use an API key of 32 "
            "letters and digits, as Akool's are, and list it with a `client_id`",
        ),
        (
            "ä" * 10,
            True,
            "the account's clientSecret has 20 bytes and cannot encrypt: AES takes 16, 24 or 32. Use an API key of 32 "
            "letters and digits, as Akool's are",
        ),
        ("*" * 16, True, "mock-akool bug: ValueError: no *"),
    ],
)
def test_what_cannot_be_encrypted(key: str, is_listed: bool, why: str, caplog: pytest.LogCaptureFixture) -> None:
    said: list[Delivery] = []

    class Hears:
        def changed(self) -> None: ...

        def forgotten(self) -> None: ...

        def cancelled(self, tokens: object) -> None: ...

        def account_forgotten(self, api_key: str) -> None: ...

        def unsendable(self, delivery: Delivery) -> None:
            said.append(delivery)

    fake = Fake(accounts=[{"api_key": key, "client_id": "AAECAwQFBgcICQoLDA0ODw=="}] if is_listed else [])
    fake.outbox.listener = Hears()
    job_id = fake.create(key=key)
    assert fake.attempted() == []
    made = fake.outbox.entries()
    assert said == list(made)
    assert [(each.state, each.error, each.attempts, each.next_ns, each.status) for each in made] == [
        (DeliveryState.NOT_ENCRYPTED, why, (), None, status) for status in (Status.PROCESSING, Status.COMPLETED)
    ]
    assert fake.outbox.missed == {job_id}
    bug = f"mock-akool bug while encrypting a webhook of job {job_id}"
    assert caplog.messages == ([bug] * 2 if "bug" in why else [])
    assert fake.outbox.resend(1, fake.end_ns) is None
    fake.engine.delete(job_id)
    assert fake.outbox.missed == set()


def test_a_fault_may_send_it_as_plain_json() -> None:
    fake = Fake()
    fake.fault(envelope="plain JSON")
    fake.create(key="short")
    assert (fake.attempted(), fake.attempted()) == ([1], [2])


def test_what_a_fault_loses_and_repeats() -> None:
    fake = Fake(webhook_processing=False)
    fake.fault(copies=0, times=1)
    fake.fault(copies=3)
    lost, sent = fake.create(), fake.create()
    numbers = [number for _ in range(4) for number in fake.attempted()]
    assert numbers == [2, 3, 4]
    assert [(each.job_id, each.state, each.copy_of, each.error) for each in fake.outbox.entries()] == [
        (lost, DeliveryState.LOST, None, "a fault lost it"),
        (sent, DeliveryState.DELIVERED, None, ""),
        (sent, DeliveryState.DELIVERED, 2, ""),
        (sent, DeliveryState.DELIVERED, 2, ""),
    ]
    assert fake.outbox.missed == {lost}
    again = fake.outbox.resend(1, fake.end_ns)
    assert again is not None
    assert (again.number, again.copy_of, again.state, again.why, again.attempts) == (
        5,
        1,
        DeliveryState.WAITING,
        "",
        (),
    )
    assert fake.attempted() == [5]
    assert fake.outbox.missed == set()


def test_what_waits_for_the_end_is_let_go_by_nothing_else() -> None:
    fake = Fake()
    fake.fault(after_end=True, status="processing", times=1)
    stages = STAGES.read([{"processing": 1}, {"queueing": 1}, {"processing": 1}, "completed"])
    fake.front.runtime.add_job_scripts([LabelledScript(JobScript(timeline=stages), "twice")])
    fake.create()
    fake.end_ns = BEGUN_NS + 2 * NS_PER_S
    assert [fake.attempted() for _ in range(2)] == [[2], []]
    fake.end_ns += 9 * NS_PER_S
    assert [fake.attempted() for _ in range(3)] == [[3], [1], []]
    assert [each.status for each in fake.outbox.entries()] == [Status.PROCESSING, Status.PROCESSING, Status.COMPLETED]


def test_the_file_is_where_the_client_that_created_the_job_sees_it() -> None:
    fake = Fake(webhook_processing=False)
    fake.create(base="http://127.0.0.1:5")
    fake.create()
    fake.attempted()
    urls = [each.json["url"].rpartition("/")[0] for each in fake.outbox.entries()]
    assert urls == ["http://127.0.0.1:5", "https://d2qf6ukcym4kn9.cloudfront.net"]


def test_how_one_shows_itself() -> None:
    plain = Delivery(1, "5f", KEY, "c=", Status.COMPLETED, f"{HOOK}\n", 0, b"{}", b"{}", DeliveryState.WAITING, 0)
    start = f"<Delivery 1 of job 5f status=completed to '{HOOK}\\n' account=kkkk…"
    assert repr(plain) == f"{start} waiting>"
    sent = AttemptResult(0, NS_PER_S // 2, 200, collected=True)
    assert sent.seconds == 0.5
    assert repr(plain._replace(attempts=(sent,))) == f"{start} waiting (only collected)>"
    twice = plain._replace(attempts=(sent, sent._replace(collected=False)), state=DeliveryState.DELIVERED)
    assert repr(twice) == f"{start} delivered after 2 attempts>"


PATH: Final = "/" + "p" * 98
INVENTED: Final = (
    "; it was sealed with the clientId c=, which the fake made up, as the account has none listed: list it with a "
    "`client_id`, call getToken once with its own, or give the receiver `akool_mock.accounts[0].client_id`"
)


@pytest.mark.parametrize(
    ("url", "status", "error", "is_invented", "said"),
    [
        ("http://a.test/hook?key=secret", 500, "", True, "POST /hook answered 500"),
        ("http://a.test", 404, "", False, "POST / answered 404 (does your app have this route?)"),
        ("http://a.test/x#y", 405, "", True, "POST /x answered 405 (does this route take POST?)"),
        (f"http://a.test{PATH}x", 302, "", False, f"POST {PATH}x answered 302"),
        (f"http://a.test{PATH}xy", 302, "", False, f"POST {PATH}x answered 302"),
        ("http://a.test/a\x1bb", 302, "", False, "POST '/a\\x1bb' answered 302"),
        ("http://a.test/h", None, "no one listens", True, "no one listens"),
        ("http://a.test/h", 403, "", False, "POST /h answered 403"),
        *[
            ("http://a.test/h", status, "", True, f"POST /h answered {status}{INVENTED}")
            for status in (400, 401, 403, 422)
        ],
        (
            "http://a.test/h",
            500,
            "the receiver raised SignatureError: wrong",
            True,
            f"the receiver raised SignatureError: wrong{INVENTED}",
        ),
    ],
)
def test_what_is_said_of_one_that_failed(
    url: str, status: int | None, error: str, is_invented: bool, said: str
) -> None:
    plain = Delivery(1, "5f", KEY, "c=", Status.COMPLETED, url, 0, b"{}", b"{}", DeliveryState.WAITING, 0)
    failed = plain._replace(attempts=(AttemptResult(0, 5, status, error),), client_id_is_invented=is_invented)
    assert failed.error == said
    assert failed._replace(state=DeliveryState.DELIVERED).error == ""
    assert failed._replace(why="another reason").error == "another reason"
    assert plain.error == ""


class TestKept:
    def test_the_newest_within_their_number_and_all_that_are_to_come(self) -> None:
        fake = Fake(call_log_size=2, webhook_processing=False)
        for _ in range(4):
            fake.create()
        assert fake.attempted(500) == [1, 2, 3, 4]
        assert [each.number for each in fake.outbox.entries()] == [3, 4]
        assert (fake.outbox.entry(2), fake.outbox.count) == (None, 4)
        fake.end_ns += 60 * NS_PER_S
        assert fake.attempted(200) == [1, 2, 3, 4]
        assert [(each.number, each.state) for each in fake.outbox.entries()] == [
            (3, DeliveryState.DELIVERED),
            (4, DeliveryState.DELIVERED),
        ]

    def test_a_job_is_forgotten_whose_delivery_is_no_longer_kept(self) -> None:
        fake = Fake(call_log_size=1, webhook_processing=False)
        ids = [fake.create() for _ in range(2)]
        fake.attempted()
        fake.engine.delete(ids[0])
        assert [each.job_id for each in fake.outbox.entries()] == ids[1:]

    @pytest.mark.parametrize(("less", "kept"), [(0, [1, 2]), (1, [2])])
    def test_as_many_bytes_as_they_may_have(self, less: int, kept: list[int]) -> None:
        plain = Delivery(0, "5f", KEY, "c=", Status.COMPLETED, HOOK, 0, b"{}", b"{}", DeliveryState.LOST, 0)
        log = DeliveryLog(9, 2 * plain.size - less)
        assert [log.add(plain).number for _ in range(2)] == [1, 2]
        assert [each.number for each in log.entries()] == kept

    def test_those_within_their_bytes(self) -> None:
        fake = Fake(call_log_bytes=1 << 16, webhook_retries=20, webhook_processing=False)
        for _ in range(40):
            fake.create(f"{HOOK}/{'x' * 1000}")
        fake.attempted(500, "y" * 3000)
        kept = fake.outbox.entries()
        assert [each.number for each in kept] == list(range(41 - len(kept), 41))
        assert sum(each.size for each in kept) <= 1 << 16 < sum(each.size for each in kept) + kept[0].size
        assert kept[0].size == 1000 + len(kept[0].payload + kept[0].body_start) + len(kept[0].url) + 250 + 3000

    def test_what_changed_is_noted_by_number_and_account(self) -> None:
        fake = Fake(webhook_processing=False)
        job_id = fake.create()
        before = fake.outbox.edition
        fake.attempted()
        assert [(each.key, each.owner) for each in fake.outbox.changes.after(before)] == [(1, KEY)]
        before = fake.outbox.edition
        fake.engine.delete(job_id)
        assert [(each.key, each.owner) for each in fake.outbox.changes.after(before)] == [(1, KEY)]
        assert fake.outbox.entries() == ()
