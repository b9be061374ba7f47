"""Admin requests where there is much: none of them holds the lock, and so the polls of clients, for long.

How long that is in time is measured by `python -m benchmarks --only beside`.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Request, SteeredClock, UnusedRuleError
from mock_akool.admin.responses import PAGE_BYTES
from mock_akool.akool.jobs import Job
from mock_akool.core.timeline import Change
from tests.admin.conftest import IMAGE, KEY, Fake
from tests.extent import choose

HOOK: Final = "http://127.0.0.1:9/hook"
FEW: Final = 500
MANY: Final = choose(2, 4) * FEW


class CountingLock:
    """A lock that knows how much was done at most while it was held: how many functions were called."""

    def __init__(self) -> None:
        self._inner = threading.RLock()
        self._depth = 0
        self._steps = 0
        self.most_steps = 0

    def __enter__(self) -> CountingLock:
        self._inner.acquire()
        self._depth += 1
        if self._depth == 1:
            self._steps = 0
            sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            sys.setprofile(None)
            self.most_steps = max(self.most_steps, self._steps)
        self._inner.release()

    def _count(self, frame: object, event: str, argument: object) -> None:
        self._steps += event in ("call", "c_call")


def counting(mock: MockAkool) -> CountingLock:
    """Put a lock that counts in the place of the engine's."""
    lock, engine = CountingLock(), mock.engine
    for owner, name in (
        (engine, "lock"),
        (engine.accounts, "lock"),
        (engine.outbox, "_lock"),
        (mock.application.scenarios, "lock"),
    ):
        assert hasattr(owner, name)
        setattr(owner, name, lock)
    return lock


def create(key: str, prompt: str = "a red fox", **fields: Any) -> Request:
    headers = {"x-api-key": key, "content-type": "application/json"}
    body = json.dumps({"prompt": prompt, **fields}).encode()
    return Request.build("POST", f"{IMAGE}/createbyprompt", "", headers, body)


REQUESTS: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    ("GET", "state", "", {}),
    ("GET", "state", f"account={KEY}", {}),
    ("GET", "accounts", "", {}),
    ("GET", "accounts", "limit=10000", {}),
    ("GET", "jobs", "", {}),
    ("GET", "jobs", "status=queueing", {}),
    ("GET", "jobs", f"account={KEY}&status=completed", {}),
    ("GET", f"jobs/{'0' * 24}", "", {}),
    ("GET", "calls", "", {}),
    ("GET", "calls", f"account={KEY}&code=1000", {}),
    ("GET", "report", "", {}),
    ("GET", "report", f"account={KEY}", {}),
    ("GET", "scenario", "", {}),
    ("GET", "scenario/unused", "", {}),
    ("GET", "webhooks", "", {}),
    ("POST", "clock/advance", "", {"until": "idle"}),
    ("PUT", "scenario", "", {"scenario": {"limits": {"concurrent_jobs": 10**9}}}),
    ("POST", "scenario/jobs", "", {"jobs": [{"times": 1_000_000}] * 50}),
    ("GET", "scenario/unused", "", {}),
    ("POST", "jobs", "", {"account": KEY}),
    ("POST", "reset", "", {"account": KEY}),
    ("POST", "reset", "", {}),
)


@pytest.mark.slow
@pytest.mark.parametrize("is_one_account", [True, False], ids=["of one account", "of as many accounts"])
def test_nobody_waits_the_longer_the_more_there_is(is_one_account: bool) -> None:
    """Of several times as many jobs, no more is looked at while others wait. What C does in one step counts as one."""
    few, many = (most_steps(count, 1 if is_one_account else count) for count in (FEW, MANY))
    assert {what: (few[what], many[what]) for what in many if many[what] > 1.5 * few[what] + 100} == {}


def most_steps(jobs: int, keys: int) -> dict[str, int]:
    """Return how much each request does at most while nobody else has the lock, among so many jobs and accounts."""
    mock = MockAkool(credits=10**9, clock=SteeredClock(), queueing="1h", processing="1h", call_log_size=FEW // 2)
    creates = [create(KEY if number == 0 else f"{number:032}", webhookUrl=HOOK) for number in range(keys)]
    for number in range(jobs):
        mock.answer(creates[number % keys])
    lock = counting(mock)
    found: dict[str, int] = {}
    for method, path, query, body in REQUESTS:
        lock.most_steps = 0
        raw = json.dumps(body).encode() if body else b""
        assert mock.answer(Request.build(method, f"/_mock/{path}", query, body=raw)).status in (200, 201, 404)
        what = f"{method} {path} {query or body}"
        found[what] = max(found.get(what, 0), lock.most_steps)
    return found


class TestPages:
    def test_accounts_come_in_pages(self, fake: Fake) -> None:
        for number in range(7):
            fake.create(f"key-{number}")
        page = fake.ask("GET", "accounts", "offset=2&limit=3")
        assert [each["api_key"] for each in page["accounts"]] == ["key-2", "key-3", "key-4"]
        assert (page["matched"], page["next"]) == (7, 5)
        assert fake.ask("GET", "accounts", "offset=5&limit=2")["next"] is None
        page = fake.ask("GET", "accounts", "account=key-3")
        assert ([each["api_key"] for each in page["accounts"]], page["matched"], page["next"]) == (["key-3"], 1, None)
        page = fake.ask("GET", "accounts", "account=key-3&offset=1")
        assert (page["accounts"], page["matched"], page["next"]) == ([], 1, None)
        assert fake.ask("GET", "accounts", "account=nobody")["matched"] == 0
        with fake.mock.server() as server:
            remote = MockAkool.connect(server.url)
            assert remote.accounts == fake.mock.accounts
            assert (
                (remote.credits, remote.credits_spent) == (7 * 998, 14) == (fake.mock.credits, fake.mock.credits_spent)
            )

    def test_refunds_that_are_due_are_counted_in_totals(self, fake: Fake) -> None:
        for key in (KEY, "another"):
            fake.ask("POST", f"jobs/{fake.create(key)}/fail", refund=True)
            fake.create(key)
        state = fake.ask("GET", "state")
        assert (state["credits"], state["credits_spent"]) == (2 * 998, 4)

    @pytest.mark.parametrize("path", ["jobs", "calls", "webhooks"])
    def test_a_page_is_bounded_in_bytes(self, path: str) -> None:
        fake = Fake(MockAkool(queueing=0, processing=0, max_body_bytes=2 << 20, call_log_bytes=256 << 20))
        for _ in range(12):
            fake.mock.answer(create(KEY, webhookUrl=HOOK + "x" * 900_000))
        fake.ask("POST", "clock/advance", until="idle")
        numbers: list[int] = []
        start: int | None = 0
        pages = 0
        while start is not None:
            raw = fake.mock.answer(
                Request.build("GET", f"/_mock/{path}", f"{'offset' if path == 'jobs' else 'after'}={start}")
            ).body
            assert len(raw) < PAGE_BYTES + 1_000
            page = json.loads(raw)
            assert page["matched"] >= len(page[path]) > 0
            numbers += [each["number"] for each in page[path]]
            start, pages = page["next"], pages + 1
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 12
        assert pages > 1

    def test_a_single_item_may_be_longer_than_a_page(self) -> None:
        fake = Fake(MockAkool(max_body_bytes=8 << 20))
        for _ in range(2):
            fake.mock.answer(create(KEY, "x" * (5 << 20)))
        page = fake.ask("GET", "jobs")
        assert (len(page["jobs"]), page["next"]) == (1, 1)


def test_a_scenario_with_many_rules_holds_nobody_up() -> None:
    mock = MockAkool()
    lock = counting(mock)
    rules = [{"on": "createbyprompt", "prompt": f"{n}*", "nth": n + 1, "fault": {"http": 502}} for n in range(2_000)]
    raw = json.dumps({"scenario": {"rules": rules}}).encode()
    answered = mock.answer(Request.build("PUT", "/_mock/scenario", body=raw))
    assert len(json.loads(answered.body)["rules"]) == 2_000
    assert lock.most_steps < 1_000


class TestUnused:
    def test_many_rules_come_in_pages(self, fake: Fake) -> None:
        rules = [{"on": "createbyprompt", "name": f"rule {number}", "nth": number + 9} for number in range(7)]
        fake.ask("POST", "scenario/rules", rules=[{**rule, "fault": {"http": 502}} for rule in rules])
        fake.ask("POST", "scenario/jobs", account=KEY, jobs=[{"times": 3}, {}])
        fake.code_of_create("another")
        page = fake.ask("GET", "scenario/unused", "offset=2&limit=3")
        assert [each["label"] for each in page["rules"]] == ["rule 2", "rule 3", "rule 4"]
        assert (page["matched"], page["next"]) == (7, 5)
        assert fake.ask("GET", "scenario/unused", "offset=5")["next"] is None
        assert page["job_scripts"] == fake.ask("GET", "scenario/unused")["job_scripts"]
        assert page["job_scripts"][0]["why"].startswith("no create of its account used 4 job scripts: ")
        with fake.mock.server() as server:
            for mock in (fake.mock, MockAkool.connect(server.url)):
                with pytest.raises(UnusedRuleError) as caught:
                    mock.verify()
                assert all(f"the rule rule {number} never fired" in str(caught.value) for number in range(7))

    def test_many_rules_explain_themselves_by_the_newest_calls(self) -> None:
        mock = MockAkool(credits=10**9)
        fake = Fake(mock)
        kinds = ({"on": "createbyprompt"}, {"on": "create", "prompt": "b*"}, {"on": "file"}, {"on": "quota/info"})
        rules = [{**kinds[n % 4], "name": f"{n}", "nth": 10**6 + n, "fault": {"http": 502}} for n in range(200)]
        fake.ask("POST", "scenario/rules", rules=rules)
        requests = [create(KEY, prompt) for prompt in ("a fox", "b fox")]
        for number in range(500):
            mock.answer(requests[number % 2])
        page = fake.ask("GET", "scenario/unused", "limit=200")
        assert len(page["rules"]) == page["matched"] == 200
        lines = page["rules"][0]["why"].split("\n")
        assert lines[:2] == ["the rule 0 never fired", "    (488 earlier calls left out)"]
        assert lines[-1].endswith("it was the 500th of these calls, and the rule says nth: 1000000")
        assert len(lines) == 14
        lines = page["rules"][1]["why"].split("\n")
        assert lines[-1].endswith("it was the 250th of these calls, and the rule says nth: 1000001")
        assert "does not fit" in lines[-2]
        lines = page["rules"][2]["why"].split("\n")
        assert len(lines) == 2
        assert lines[1].endswith(" and 499 more: the rule is for file")


class TestJobScripts:
    def test_a_script_for_many_jobs_is_counted_and_not_copied(self, fake: Fake) -> None:
        scripts = [{"times": 1_000_000, "stages": ["failed"]}] * 2_000
        assert fake.ask("POST", "scenario/jobs", account=KEY, jobs=scripts) == {"job_scripts": 2_000_000_000}
        for left in (1_999_999_999, 1_999_999_998):
            assert fake.poll(fake.create())["image_status"] == 4
            assert fake.ask("GET", "scenario", f"account={KEY}")["job_scripts"] == left

    def test_they_follow_each_other(self, fake: Fake) -> None:
        scripts = [{"times": 2, "stages": ["failed"]}, {"stages": ["completed"]}, {"times": 1}]
        fake.ask("POST", "scenario/jobs", jobs=scripts)
        (unused,) = fake.ask("GET", "scenario/unused")["job_scripts"]
        first, *others = unused["why"].split("\n")
        assert first.startswith("no create used 4 job scripts: ")
        assert others == [
            "    next_job(stages=['failed']), 2 times",
            "    next_job(stages=['completed'])",
            "    next_job()",
        ]
        assert [fake.poll(fake.create())["image_status"] for _ in range(4)] == [4, 4, 3, 1]
        assert fake.ask("GET", "scenario")["job_scripts"] == 0
        assert fake.poll(fake.create())["image_status"] == 1
        assert fake.ask("GET", "scenario/unused")["job_scripts"] == []

    def test_what_is_left_of_one_is_reported(self, fake: Fake) -> None:
        fake.ask("POST", "scenario/jobs", jobs=[{"times": 3, "stages": ["completed"]}])
        fake.create()
        (unused,) = fake.ask("GET", "scenario/unused")["job_scripts"]
        assert unused["why"].split("\n")[1] == "    next_job(stages=['completed']), 2 times"
        fake.create()
        (unused,) = fake.ask("GET", "scenario/unused")["job_scripts"]
        assert unused["why"] == "no create used the job script next_job(stages=['completed']): 2 jobs were created"
        fake.ask("DELETE", "scenario")
        assert fake.ask("GET", "scenario")["job_scripts"] == 0


def test_calls_are_listed_while_others_come() -> None:
    mock = MockAkool(credits=10**9, call_log_size=2_000)
    ended = threading.Event()

    def call() -> None:
        request = create(KEY)
        while not ended.is_set():
            mock.answer(request)

    with ThreadPoolExecutor(2) as pool:
        calling = pool.submit(call)
        try:
            for query in ["", f"account={KEY}", "at_least=1&timeout=0"] * choose(6, 25):
                assert mock.answer(Request.build("GET", "/_mock/calls", query)).status in (200, 504)
        finally:
            ended.set()
        calling.result(20)


def test_a_create_among_many_that_are_counted_costs_no_more_than_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each create looked at all unfinished jobs of its account: 100,000 took minutes."""
    mock = MockAkool(credits=10**9, queueing="1h", concurrent_jobs=10**9)
    looked = 0
    usual = mock.engine.change_of

    def change_of(job: Job, now_ns: int) -> Change:
        nonlocal looked
        looked += 1
        return usual(job, now_ns)

    monkeypatch.setattr(mock.engine, "change_of", change_of)
    for _ in range(1_000):
        mock.answer(create(KEY))
    assert looked <= 5_000


def test_a_limit_that_is_said_later_counts_jobs_that_were_there(fake: Fake) -> None:
    for _ in range(3):
        fake.create()
    fake.create("another")
    fake.ask("PUT", "scenario", scenario={"limits": {"concurrent_jobs": 4}})
    assert [fake.code_of_create() for _ in range(2)] == [1000, 1005]
    fake.ask("POST", "clock/advance", until="idle")
    assert [fake.code_of_create() for _ in range(5)] == [1000] * 4 + [1005]
    assert fake.code_of_create("another") == 1000
    fake.ask("POST", "reset", account=KEY)
    assert [fake.code_of_create() for _ in range(5)] == [1000] * 4 + [1005]


def test_files_of_an_account_that_was_reset_are_gone(fake: Fake) -> None:
    def path_of(key: str) -> str:
        job = fake.create(key)
        fake.ask("POST", f"jobs/{job}/complete")
        return str(fake.poll(job, key)["image"].removeprefix("https://d2qf6ukcym4kn9.cloudfront.net"))

    gone, stays = path_of(KEY), path_of("another")
    fake.ask("POST", "reset", account=KEY)
    assert [fake.mock.answer(Request.build("GET", path)).status for path in (gone, stays)] == [403, 200]
    assert not fake.mock.engine._jobs._by_stem.keys() - {stays[1:].split("-")[0]}


@pytest.mark.parametrize(("key", "status"), [("new", 409), ("known", 409)])
def test_a_job_that_is_refused_makes_no_account(key: str, status: int) -> None:
    fake = Fake(MockAkool(credits=1))
    if key == "known":
        fake.code_of_create(key)
    before = fake.ask("GET", "accounts")["matched"]
    assert fake.refused("POST", "jobs", account=key)[0] == status
    assert fake.ask("GET", "accounts")["matched"] == before


def test_a_job_of_an_account_that_cannot_be() -> None:
    fake = Fake(MockAkool(strict=True))
    assert fake.refused("POST", "jobs", account="nobody")[:2] == (404, "there is no account with this API key")


@pytest.mark.parametrize("elapsed", ["36500d", "21000d"])
def test_a_job_that_would_be_older_than_time(elapsed: str, fake: Fake) -> None:
    status, error, _ = fake.refused("POST", "jobs", account=KEY, elapsed=elapsed)
    assert (status, error) == (400, f"elapsed: {elapsed} ago is before 1970")
