"""A poll whose record comes again is answered, logged and counted as one whose record is new each time."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Request, Response

KEY: Final = "key"
CREATE: Final = "/api/open/v3/content/image/createbyprompt"
INFO: Final = "/api/open/v3/content/image/infobymodelid"
LIST: Final = "/api/open/v3/faceswap/result/listbyids"
SWAP: Final = "/api/open/v3/faceswap/highquality/specifyimage"
FACE: Final = [{"path": "https://example.com/a.png"}]
SWAPPED: Final[dict[str, object]] = {
    "sourceImage": FACE,
    "targetImage": FACE,
    "modifyImage": "https://example.com/b.png",
}
JSON: Final = {"content-type": "application/json"}
LIMITED: Final = {"limits": {"requests_per_second": 1}}
FORBIDDEN: Final = {"rules": [{"on": "infobymodelid", "fault": {"http": 502}, "nth": 3, "optional": True}]}


class Fake:
    """A fake with a job of each of two kinds, and one client's polls of them."""

    def __init__(self, *, by_token: bool = False, **settings: Any) -> None:
        self.mock = MockAkool(seed=1, **settings)
        self.engine = self.mock.application.engine
        self.headers = {"x-api-key": KEY}
        self.job_id = self.made(CREATE, {"prompt": "a"})
        self.others = [self.made(SWAP, SWAPPED) for _ in range(3)]
        if by_token:
            self.headers = {"authorization": f"Bearer {self.token()}"}
        self.polls = [
            (INFO, f"image_model_id={self.job_id}"),
            (LIST, f"_ids={self.others[0]}"),
            (LIST, f"_ids={','.join(self.others)}"),
        ]
        self.known = [self.request(*poll) for poll in self.polls]

    def create(self, path: str, body: dict[str, object]) -> Response:
        return self.mock.answer(Request.build("POST", path, "", {**self.headers, **JSON}, json.dumps(body).encode()))

    def made(self, path: str, body: dict[str, object]) -> str:
        found: str = json.loads(self.create(path, body).body)["data"]["_id"]
        return found

    def token(self) -> str:
        body = json.dumps({"clientId": "c", "clientSecret": KEY}).encode()
        answer = self.mock.answer(Request.build("POST", "/api/open/v3/getToken", "", JSON, body))
        found: str = json.loads(answer.body)["token"]
        return found

    def request(self, path: str, query: str) -> Request:
        return Request.build("GET", path, query, self.headers)

    def again(self) -> list[Response]:
        """Poll with the same records as ever."""
        return [self.mock.answer(each) for each in self.known]

    def anew(self) -> list[Response]:
        """Poll with new records."""
        return [self.mock.answer(self.request(*poll)) for poll in self.polls]

    @property
    def standing(self) -> int:
        return len(self.engine.standing_polls.kept)

    @property
    def seen(self) -> list[tuple[object, ...]]:
        return [(call.number, call.time_ns, call.endpoint, call.request, call.response) for call in self.mock.calls]

    def banned(self, banned: bool) -> None:
        account = self.engine.accounts.known(KEY)
        if account is not None:
            self.engine.ban(account.api_key, banned=banned)

    def fail(self) -> None:
        if self.engine.job(self.others[2]) is not None:
            self.mock.job(self.others[2]).fail("no face")

    def bad_poll(self) -> None:
        self.mock.answer(self.request(INFO, "image_model_id="))

    def revoke(self) -> None:
        account = self.engine.accounts.known(KEY)
        if account is not None:
            self.engine.revoke_tokens_before(account.api_key, self.engine.clock.now_ns() // 10**9 + 1)

    def restored(self) -> None:
        self.mock.load_snapshot(self.mock.snapshot())


EVENTS: Final[dict[str, Callable[[Fake], object]]] = {
    "time": lambda fake: fake.mock.clock.advance(4),
    "much time": lambda fake: fake.mock.clock.advance(100),
    "expiry": lambda fake: fake.mock.clock.advance(86_400 * 4_000),
    "ban": lambda fake: fake.banned(True),
    "unban": lambda fake: fake.banned(False),
    "revocation": Fake.revoke,
    "deleted": lambda fake: fake.job_id in {each.id for each in fake.mock.jobs} and fake.engine.delete(fake.job_id),
    "deleted by its client": lambda fake: (
        fake.engine.job(fake.others[1]) and fake.engine.delete_for_client(fake.others[1], fake.engine.clock.now_ns())
    ),
    "failed": Fake.fail,
    "reset": lambda fake: fake.mock.reset(),
    "reset of the account": lambda fake: fake.engine.reset_account(KEY),
    "restored": Fake.restored,
    "rule": lambda fake: fake.mock.on("infobymodelid").nth(2).respond(http=502),
    "rule afterwards": lambda fake: fake.mock.on("listbyids").nth(3).drop(at="after"),
    "scenario": lambda fake: fake.mock.put_scenario(FORBIDDEN),
    "limit": lambda fake: fake.mock.put_scenario(LIMITED),
    "bad poll": Fake.bad_poll,
    "another job": lambda fake: fake.create(CREATE, {"prompt": "a"}),
}


def together(events: list[str], *, by_token: bool) -> None:
    one, other = Fake(by_token=by_token), Fake(by_token=by_token)
    assert one.known == [other.request(*poll) for poll in other.polls]
    for event in ["", *events]:
        if event:
            EVENTS[event](one)
            EVENTS[event](other)
        for _ in range(4):
            assert one.again() == other.anew(), event
        assert event or (one.standing, other.standing) == (3, 0)
        assert one.engine.is_awaited() == other.engine.is_awaited()
        assert one.engine.troubled == other.engine.troubled
    assert one.seen == other.seen


@pytest.mark.parametrize("by_token", [False, True], ids=["key", "token"])
@pytest.mark.parametrize("event", EVENTS)
def test_whatever_happens_is_seen_at_once(event: str, by_token: bool) -> None:
    together([event], by_token=by_token)
    together(["much time", event], by_token=by_token)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_in_any_order(seed: int) -> None:
    events = list(EVENTS)
    random.Random(seed).shuffle(events)
    together(events[:8], by_token=bool(seed % 2))


class TestWhatIsKept:
    def test_only_records_that_came_before(self) -> None:
        fake = Fake()
        for _ in range(10):
            fake.anew()
        assert fake.standing == 0
        kept = [fake.again() and fake.standing for _ in range(3)]
        assert kept == [0, 3, 3]

    def test_none_whose_response_is_late(self) -> None:
        for latency in ("1s", "0s..2s"):
            fake = Fake(latency=latency)
            late = [response.delay_ns for _ in range(4) for response in fake.again()]
            assert max(late) >= 10**9
            assert fake.standing == 0

    def test_none_where_requests_are_limited(self) -> None:
        fake = Fake(requests_per_second=13)
        codes = [response.code for _ in range(5) for response in fake.again()]
        assert codes == [1000] * 9 + [1005] * 6
        assert fake.standing == 0

    def test_none_that_is_not_just_get(self) -> None:
        fake = Fake()
        for changes in ({"method": "HEAD"}, {"body": b"{}"}, {"transport": "requests"}):
            request = fake.known[0]._replace(**changes)
            for _ in range(4):
                assert fake.mock.answer(request).code == 1000
        assert fake.standing == 0

    def test_none_that_is_large(self) -> None:
        fake = Fake()
        large = [fake.request(INFO, f"image_model_id={fake.job_id}&x={'x' * 5_000}")]
        jobs = [fake.made(SWAP, SWAPPED) for _ in range(40)]
        large.append(fake.request(LIST, "_ids=" + ",".join(jobs)))
        for _ in range(4):
            assert [fake.mock.answer(each).code for each in large] == [1000, 1000]
        assert fake.standing == 0

    def test_no_more_than_some_hundreds(self) -> None:
        fake = Fake(call_log_size=10)
        polls = [fake.request(INFO, f"image_model_id={fake.job_id}&n={n}") for n in range(2_000)]
        for poll in polls:
            for _ in range(3):
                fake.mock.answer(poll)
            assert 0 < fake.standing <= 512

    def test_nothing_after_a_reset(self) -> None:
        for event in ("reset", "reset of the account"):
            fake = Fake()
            for _ in range(3):
                fake.again()
            EVENTS[event](fake)
            assert fake.standing == 0
