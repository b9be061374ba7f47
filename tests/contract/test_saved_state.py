"""A fake that goes on from a snapshot answers as one that never stopped: for all families, scenarios and webhooks."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from mock_akool import MockAkool, Request, SystemClock, failed
from mock_akool.akool.families import CREATES, FAMILIES, SERVICES, Create, Family
from mock_akool.akool.saved_state import FORMAT, State, input_types, plain_records
from mock_akool.core.clock import NS_PER_S, SteeredClock
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Response
from tests.contract.test_families import KEY, KINDS, OTHER, FamilyClient, records_in
from tests.extent import choose

SCRIPTS: Final = choose(6, 300)
HOOK: Final = "http://127.0.0.1:9/hook"
OPTIONS: Final[dict[str, Any]] = {"queueing": 2, "processing": 3, "webhook_processing": True, "credits": 5_000}


def moved(mock: MockAkool, **options: Any) -> MockAkool:
    """Return a new fake that goes on from where another one is, by way of JSON."""
    fresh = MockAkool(**{**OPTIONS, **options})
    fresh.load_snapshot(json.loads(json.dumps(mock.snapshot())))
    return fresh


def seen_of(response: Response) -> tuple[Any, ...]:
    """Return all that a client and the call log see of a response."""
    return tuple(value for name, value in zip(response._fields, response, strict=True) if name != "download")


def create(mock: MockAkool, **fields: Any) -> str:
    """Create a job, and return its id."""
    headers, body = {"x-api-key": KEY, "content-type": "application/json"}, json.dumps({"prompt": "a fox", **fields})
    path = "/api/open/v3/content/image/createbyprompt"
    response = mock.answer(Request.build("POST", path, headers=headers, body=body.encode()))
    job_id: str = json.loads(response.body)["data"]["_id"]
    return job_id


class Script:
    """A random client of two accounts: what it does next follows from its dice and from what it was answered."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.jobs: dict[str, list[tuple[str, str]]] = {KEY: [], OTHER: []}
        """By API key: the endpoint that made a job, and its id."""
        self.files: list[str] = []
        self.tokens: list[str] = []

    def step(self, mock: MockAkool) -> Any:
        """Do one thing, and return what was seen of it."""
        steps: tuple[Callable[[MockAkool], Any], ...] = (
            *(self._create, self._create, self._create),
            *(self._poll, self._poll, self._poll, self._poll),
            *(
                self._file,
                self._quota,
                self._token,
                self._by_token,
                self._list,
                self._knowledge,
                self._wait,
                self._steer,
            ),
        )
        return self.dice.choice(steps)(mock)

    def _ask(
        self, mock: MockAkool, method: str, path: str, query: str = "", body: object = None, **headers: str
    ) -> Any:
        key = self.dice.choice((KEY, OTHER))
        return self._as(key, mock, method, path, query, body, **headers)

    def _as(
        self, key: str, mock: MockAkool, method: str, path: str, query: str = "", body: object = None, **headers: str
    ) -> Any:
        sent = b"" if body is None else json.dumps(body).encode()
        given = {"content-type": "application/json", **(headers or {"x-api-key": key})}
        return mock.answer(Request.build(method, path, query, given, sent))

    def _create(self, mock: MockAkool) -> Any:
        key, (_, create) = self.dice.choice((KEY, OTHER)), self.dice.choice(KINDS)
        body = dict(create.example)
        if create.parent_field:
            own = self.jobs[key]
            if not own:
                return None
            body[create.parent_field] = self.dice.choice(own)[1]
        if create.webhook_field and self.dice.random() < 0.5:
            body[create.webhook_field] = HOOK
        if "prompt" in body and self.dice.random() < 0.3:
            body["prompt"] = f"a fox {self.dice.choice(('[mock:flaky-gateway]', '[mock:fails]', ''))}"
        response = self._as(key, mock, create.method, create.path, body=body)
        if response.code == 1000:
            for record in records_in(json.loads(response.body).get("data")):
                self.jobs[key].append((create.endpoint, record["_id"]))
        return seen_of(response)

    def _poll(self, mock: MockAkool) -> Any:
        key = self.dice.choice((KEY, OTHER))
        if not self.jobs[key]:
            return None
        endpoint, job_id = self.dice.choice(self.jobs[key])
        job = mock.engine.job(job_id)
        if job is None:
            return None
        family = next(family for family in FAMILIES for create in family.creates if create.endpoint == endpoint)
        client = FamilyClient.__new__(FamilyClient)
        client.mock, client.family, client.results = mock, family, family.readings[0].results
        response = client.poll(client.results, job_id, key)
        if response.code == 1000:
            self.files += [
                value
                for record in records_in(json.loads(response.body)["data"])
                for value in record.values()
                if isinstance(value, str) and value.startswith("https://") and "example" not in value
            ]
        return seen_of(response)

    def _file(self, mock: MockAkool) -> Any:
        if not self.files:
            return None
        path = "/" + self.dice.choice(self.files).split("/", 3)[3]
        response, body = mock.application.complete(mock.answer(Request.build("GET", path)))
        return seen_of(response), body

    def _quota(self, mock: MockAkool) -> Any:
        return seen_of(self._ask(mock, "GET", "/api/open/v3/faceswap/quota/info"))

    def _token(self, mock: MockAkool) -> Any:
        key = self.dice.choice((KEY, OTHER))
        body = {
            "clientId": "AAECAwQFBgcICQoLDA0ODw==" if key == KEY else "BAECAwQFBgcICQoLDA0ODw==",
            "clientSecret": key,
        }
        response = self._as(key, mock, "POST", "/api/open/v3/getToken", body=body)
        if response.code == 1000:
            self.tokens.append(json.loads(response.body)["token"])
        return seen_of(response)

    def _by_token(self, mock: MockAkool) -> Any:
        if not self.tokens:
            return None
        token = self.dice.choice(self.tokens)
        return seen_of(self._ask(mock, "GET", "/api/open/v3/faceswap/quota/info", authorization=f"Bearer {token}"))

    def _list(self, mock: MockAkool) -> Any:
        path = self.dice.choice(
            [each.path for each in SERVICES.values() if each.method == "GET" and "{" not in each.path]
        )
        return seen_of(self._ask(mock, "GET", path, "page=1&size=10"))

    def _knowledge(self, mock: MockAkool) -> Any:
        name = f"facts {self.dice.randrange(4)}"
        return seen_of(
            self._ask(mock, "POST", "/api/open/v4/knowledge/create", body={"name": name, "prompt": "be kind"})
        )

    def _wait(self, mock: MockAkool) -> Any:
        mock.clock.advance(self.dice.choice((0.5, 1, 2, 7)))
        return deliveries(mock)

    def _steer(self, mock: MockAkool) -> Any:
        key = self.dice.choice((None, KEY, OTHER))
        view = mock if key is None else mock.of_account(key)
        match self.dice.randrange(6):
            case 0:
                ending = self.dice.choice(("completed", failed("the scene is too dark", refund=True)))
                view.next_job(queueing=1, processing=self.dice.choice((1, "2 polls")), ending=ending)
            case 1:
                view.on("api").nth(self.dice.randrange(1, 6)).optional().respond(http=502)
            case 2:
                view.put_scenario(self.dice.choice(("flaky-gateway", "rate-limited", "webhook-twice")))
            case 3 if len(mock.jobs):
                mock.job(self.dice.choice([job.id for job in mock.jobs])).fail("by hand")
            case 4:
                view.webhooks.fault(copies=2, times=1)
            case _ if key is not None and mock.engine.accounts.known(key) is not None:
                mock.engine.accounts.set_credits(mock.engine.accounts.known(key), 400)  # type: ignore[arg-type]
        return None


def deliveries(mock: MockAkool) -> list[Any]:
    """Return all that is known of the webhooks."""
    return [repr(each) + repr(each.attempts) + repr(each.body_start) for each in mock.engine.outbox.entries()]


@pytest.mark.parametrize("number", range(SCRIPTS))
def test_it_answers_as_one_that_never_stopped(number: int) -> None:
    whole, script = MockAkool(**OPTIONS), Script(number)
    parts, again = MockAkool(**OPTIONS), Script(number)
    stops = set(random.Random(number).sample(range(5, 60), 3))
    for at in range(60):
        if at in stops:
            parts = moved(parts)
        assert again.step(parts) == script.step(whole), at
    assert parts.report() == whole.report()
    assert deliveries(parts) == deliveries(whole)
    assert [each.fired for each in parts.application.scenarios.rules] == [
        each.fired for each in whole.application.scenarios.rules
    ]
    assert parts.credits_spent == whole.credits_spent
    assert written(moved(parts)) == written(moved(whole))  # what is shared and equal is one after a move


def written(mock: MockAkool) -> Any:
    """Return a snapshot without what may differ: how often things changed, and the order of sets."""
    found = mock.snapshot()
    engine = found["state"]["engine"]
    del engine["editions"]
    for name in ("open", "end_shown", "polled_on", "stamps"):
        if name in engine["jobs"]:
            engine["jobs"][name].sort()
    timelines = found["tables"]["Timeline"] = rows_of(found["tables"]["Timeline"])
    for timeline in timelines:
        if timeline.get("ending") == {}:
            del timeline["ending"]  # a default that is written out
    due = engine["webhooks"]["due"] = rows_of(engine["webhooks"].get("due", []))
    due.sort(key=lambda due: (due["at_ns"], due["order"]))
    return found


def rows_of(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of a list one by one, also those that stand in blocks."""
    rows: list[dict[str, Any]] = []
    for each in items:
        columns = each.copy()
        count = columns.pop("$rows", None)
        many = {name: value if isinstance(value, list) else [value] * (count or 0) for name, value in columns.items()}
        rows += [each] if count is None else [{name: many[name][row] for name in many} for row in range(count)]
    return rows


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0].name}-{kind[1].endpoint}")
def kind(request: pytest.FixtureRequest) -> tuple[Family[Any], Create[Any]]:
    found: tuple[Family[Any], Create[Any]] = request.param
    return found


class TestEachFamily:
    def test_a_job_goes_on_after_each_stage(self, kind: tuple[Family[Any], Create[Any]]) -> None:
        client, other = FamilyClient(kind), FamilyClient(kind)
        hook = {client.create.webhook_field: HOOK} if client.create.webhook_field else {}
        job_id = client.made(**hook)["_id"]
        assert other.made(**hook)["_id"] == job_id
        for _ in range(4):
            other.mock.load_snapshot(json.loads(json.dumps(client.mock.snapshot())))
            assert other.poll(other.results, job_id).body == client.poll(client.results, job_id).body
            job, same = client.mock.engine.job(job_id), other.mock.engine.job(job_id)
            assert job is not None
            assert same is not None
            assert type(same.input) is type(job.input)
            assert (same.input, same.origin, same.timeline) == (job.input, job.origin, job.timeline)
            assert (same.origin is same.input) is (job.origin is job.input)
            for name in client.family.files.all_names(job, client.mock.engine.context):
                assert other.ask("GET", f"/{name}") == client.ask("GET", f"/{name}")
            for each in (client, other):
                each.mock.clock.advance(2)
        assert deliveries(other.mock) == deliveries(client.mock)

    def test_what_it_reads_can_be_written(self, kind: tuple[Family[Any], Create[Any]]) -> None:
        coder = plain_records().coder(kind[1].input_type)
        assert coder.parts is not None
        assert set(coder.parts) == set(kind[1].input_type._fields)


def test_all_families_are_known_by_what_their_creates_make() -> None:
    assert set(input_types().values()) == {create.input_type for create in CREATES.values()}
    assert len(input_types()) == len(set(input_types().values()))


def test_a_change_of_what_is_written_changes_the_format() -> None:
    # Whoever takes a field away, or adds one without a default, raises FORMAT, and writes the new list here.
    coder = plain_records().coder(State)
    assert FORMAT == 2
    assert coder.parts is not None
    assert list(coder.parts) == ["seed", "clock", "engine", "scenarios", "sending"]
    engine = coder.parts["engine"]
    assert engine.parts is not None
    assert {name: list(part.parts or ()) for name, part in engine.parts.items()} == {
        "accounts": ["accounts", "credits", "initial", "specs", "client_ids", "said"],
        "jobs": ["jobs", "made", "stamps", "open", "end_shown", "polled_on", "unfinished", "refunds"],
        "webhooks": [
            *("start_ns", "order", "subscriptions", "due", "kept", "pending", "order_of_pending", "made", "missed"),
        ],
        "calls": ["start_ns", "made", "forgotten", "calls", "refusals", "refusal_count", "wholes"],
        "documents": ["kept", "counts"],
        "recent": [],
        "troubled": [],
        "files": [],
        "editions": [],
    }


class TestTime:
    def fake(self, wall_s: list[int]) -> MockAkool:
        clock = SteeredClock(
            steady=lambda: wall_s[0] * NS_PER_S,
            wall=lambda: (1_800_000_000 + wall_s[0]) * NS_PER_S,
        )
        return MockAkool(**OPTIONS, clock=clock)

    def test_a_clock_that_ran_has_run_on_meanwhile(self) -> None:
        wall_s = [0]
        mock = self.fake(wall_s)
        job_id = create(mock)
        snapshot = mock.snapshot()
        wall_s[0] = 100
        later = self.fake(wall_s)
        later.load_snapshot(snapshot)
        assert later.job(job_id).status.word == "completed"
        assert later.clock.now_ns() == 1_800_000_100 * NS_PER_S

    def test_the_clock_of_the_machine_is_left_alone(self) -> None:
        mock = MockAkool(**OPTIONS, clock=SystemClock())
        job_id = create(mock)
        later = MockAkool(**OPTIONS, clock=SystemClock())
        later.load_snapshot(mock.snapshot())
        assert later.job(job_id).id == job_id
        assert abs(int(create(later)[:8], 16) - time.time()) < 60, "an id begins with its second"

    def test_it_runs_on_as_fast_as_it_ran(self) -> None:
        wall_s = [0]
        mock = self.fake(wall_s)
        mock.clock.run_at(10)  # type: ignore[attr-defined]
        snapshot = mock.snapshot()
        wall_s[0] = 3
        later = self.fake(wall_s)
        later.load_snapshot(snapshot)
        assert later.clock.now_ns() == 1_800_000_030 * NS_PER_S

    def test_a_clock_that_stood_still_stands_there(self) -> None:
        wall_s = [0]
        mock = self.fake(wall_s)
        job_id = create(mock)
        mock.clock.freeze()  # type: ignore[attr-defined]
        snapshot = mock.snapshot()
        wall_s[0] = 100
        later = self.fake(wall_s)
        later.load_snapshot(snapshot)
        assert later.job(job_id).status.word == "queueing"
        assert later.clock.now_ns() == 1_800_000_000 * NS_PER_S

    def test_a_virtual_clock_stands_still_on_a_server_too(self) -> None:
        virtual = MockAkool(**OPTIONS)
        job_id = create(virtual)
        virtual.clock.advance(3)
        server = self.fake([0])
        server.load_snapshot(virtual.snapshot())
        assert server.clock.now_ns() == virtual.clock.now_ns()
        assert server.job(job_id).status.word == "processing"

    def test_time_that_cannot_be_is_refused(self) -> None:
        for mock in (MockAkool(**OPTIONS), self.fake([0])):
            snapshot = mock.snapshot()
            snapshot["state"]["clock"]["now_ns"] = -1
            with pytest.raises(MockAkoolError, match="before 1970"):
                mock.load_snapshot(snapshot)


class TestWebhooks:
    def test_what_is_to_come_comes_once(self) -> None:
        mock = MockAkool(**OPTIONS)
        create(mock, webhookUrl=HOOK)
        mock.clock.advance(3)
        assert [each.status.word for each in mock.webhooks] == ["processing"]
        later = moved(mock)
        later.clock.advance(60)
        assert [each.status.word for each in later.webhooks] == ["processing", "completed"]
        again = moved(later)
        again.clock.advance(60)
        assert [each.status.word for each in again.webhooks] == ["processing", "completed"]

    def test_one_that_is_under_way_is_sent_again(self) -> None:
        mock = MockAkool(**OPTIONS, webhook_retries=0)
        create(mock, webhookUrl=HOOK)
        outbox = mock.engine.outbox
        (attempt,) = outbox.take(mock.clock.now_ns() + 2 * NS_PER_S)
        later = moved(mock, webhook_retries=0)
        (again,) = later.engine.outbox.take(mock.clock.now_ns() + 2 * NS_PER_S)
        assert again.delivery == attempt.delivery
        assert later.engine.outbox.take(mock.clock.now_ns() + 2 * NS_PER_S) == []

    def test_a_snapshot_is_of_one_instant_however_long_it_takes_to_write(self) -> None:
        mock = MockAkool(**OPTIONS)
        create(mock, webhookUrl=HOOK)
        frozen = mock.application.freeze()
        mock.clock.advance(60)
        mock.webhooks.resend(mock.webhooks[0])
        later = MockAkool(**OPTIONS)
        later.load_snapshot(json.loads(b"".join(frozen.json())))
        assert list(later.webhooks) == []
        later.clock.advance(60)
        assert len(later.webhooks) == 2


class TestWhatIsWrong:
    @pytest.fixture
    def mock(self) -> MockAkool:
        mock = MockAkool(**OPTIONS, scenario="flaky-gateway")
        for _ in range(2):
            mock.next_job(queueing=1)
            create(mock, webhookUrl=HOOK)
        mock.next_job(queueing=1)
        mock.webhooks.fault(copies=2, times=1)
        mock.clock.advance(4)
        assert len(mock.webhooks) > 2
        return mock

    @pytest.mark.parametrize(
        ("place", "value", "said"),
        [
            (("format",), 7, "it has format 7"),
            (("format",), True, "it has format True"),
            (("colour",), 2, "colour: there is no such field"),
            (("state",), None, "state: None is not an object"),
            (("state", "seed"), 7, "was written with seed 7, and this fake has seed 0"),
            (("state", "seed"), "0", "state.seed: '0' is not a whole number"),
            (("state", "clock", "now_ns"), 1.5, "state.clock.now_ns: 1.5 is not a whole number"),
            (("state", "clock", "speed"), -1, "a clock cannot run"),
            (("state", "clock", "colour"), 1, "state.clock.colour: there is no such field"),
            (("state", "engine", "jobs", "jobs", 0, "id"), 5, r"state\.engine\.jobs\.jobs\[0\]\.id: 5 is not a text"),
            (("state", "engine", "jobs", "jobs", 0, "endpoint"), "x", r"jobs\[0\]\.endpoint: no endpoint 'x' creates"),
            (("state", "engine", "jobs", "jobs", 0, "endpoint"), "lipsync", r"jobs\[0\]\.input: lipsync makes no jobs"),
            (("state", "engine", "jobs", "jobs", 0, "created_ns"), -5, r"jobs\[0\]\.created_ns: -5 is no instant"),
            (
                ("state", "engine", "jobs", "jobs", 0, "account"),
                99,
                r"jobs\[0\]\.account: 99 is not a number in Account",
            ),
            (
                ("tables", "JobInput", 0, "$is"),
                "os.system",
                r"JobInput\[0\]\.\$is: 'os.system' is not one of",
            ),
            (("state", "engine", "jobs", "open"), ["x"], r"state\.engine\.jobs\.open\[0\]: there is no job 'x'"),
            (("state", "engine", "jobs", "refunds"), {"k": ["x"]}, r"jobs\.refunds\.k\[0\]: there is no job"),
            (("state", "engine", "accounts", "credits"), {}, r"accounts\.credits: accounts\[0\] is missing"),
            (("state", "engine", "accounts", "accounts"), [0, 0], r"accounts\.accounts\[1\]: there are two"),
            (("state", "engine", "accounts", "accounts"), [], r"jobs\[0\]\.account: there is no such account"),
            (("state", "engine", "webhooks", "kept", 0, "job_id"), "x", r"webhooks\.kept\[0\]\.job_id: 'x' wants no"),
            (("state", "engine", "webhooks", "subscriptions", 0, "job_id"), "x", r"job_id: there is no job 'x'"),
            (("state", "engine", "webhooks", "subscriptions", 0, "held"), [999], r"subscriptions\[0\]\.held: it is no"),
            (
                ("state", "engine", "calls", "calls", 0, "request"),
                10**6,
                r"request: 1000000 is not a number in Request",
            ),
            (("state", "scenarios", "everybody"), 77, r"state\.scenarios\.everybody: there is no scope 77"),
            (("state", "scenarios", "of_key"), {"k": 77}, r"state\.scenarios\.of_key\.k: there is no scope 77"),
            (("state", "scenarios", "scopes", 0, "rules", "rules"), [], r"scopes\[0\]\.rules\.rules: these are not"),
            (("state", "scenarios", "scopes", 0, "applied"), [{}], r"scopes\[0\]\.applied: the scenarios have 0"),
            (("state", "scenarios", "scopes", 0, "used"), {"k": [[9, 1]]}, r"scopes\[0\]\.used\.k: the scenarios"),
            (("state", "scenarios", "next", "used"), 5, r"state\.scenarios\.next\.used: 5 jobs cannot have"),
            (("tables", "Account", 0, "uid"), "x", r"tables\.Account\[0\]\.uid: 'x' is not a whole number"),
            (("tables", "Colour"), [], r"tables\.Colour: there is no such table"),
        ],
    )
    def test_it_is_named_and_nothing_changes(
        self, mock: MockAkool, place: tuple[str | int, ...], value: Any, said: str
    ) -> None:
        snapshot = mock.snapshot()
        inner: Any = snapshot
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = value
        before = written(mock)
        with pytest.raises(MockAkoolError, match=said):
            mock.load_snapshot(snapshot)
        assert written(mock) == before

    def test_all_is_named_at_once(self, mock: MockAkool) -> None:
        snapshot = mock.snapshot()
        state = snapshot["state"]
        state["sed"] = state.pop("seed")
        state["clock"] = 3
        state["engine"]["jobs"]["jobs"][0].update(id=5, colour=1)
        snapshot["tables"]["Acount"] = snapshot["tables"].pop("Account")
        snapshot["tables"]["Timeline"][0] = 7
        with pytest.raises(MockAkoolError) as refused:
            mock.load_snapshot(snapshot)
        first, *mistakes, hint = str(refused.value).splitlines()
        assert [each.strip() for each in mistakes if "colour" not in each] == [
            "tables.Acount: there is no such table; did you mean 'Account'?",
            "tables.Timeline[0]: 7 is not an object",
            "state.sed: there is no such field; did you mean 'seed'?",
            "state.clock: 3 is not an object",
            "state.engine.jobs.jobs[0].id: 5 is not a text",
        ], "what stands in a wrong table is not named again"
        assert "state.engine.jobs.jobs[0].colour: there is no such field; the fields here are id, " in str(
            refused.value
        )
        assert (first, hint) == ("6 mistakes:", "Take what `snapshot` of the same version returned")

    def test_a_job_that_is_there_twice(self, mock: MockAkool) -> None:
        snapshot = mock.snapshot()
        jobs = snapshot["state"]["engine"]["jobs"]["jobs"]
        jobs.append(jobs[0])
        with pytest.raises(MockAkoolError, match=r"jobs\[\d+\]\.id: there are two jobs"):
            mock.load_snapshot(snapshot)

    def test_a_counter_of_rules_that_are_not_there(self, mock: MockAkool) -> None:
        snapshot = mock.snapshot()
        snapshot["state"]["scenarios"]["scopes"][0]["rules"]["counters"][0]["rules"] = [[0, 99]]
        with pytest.raises(MockAkoolError, match=r"scopes\[0\]\.rules\.counters\[0\]\.rules: there are fewer"):
            mock.load_snapshot(snapshot)

    def test_a_field_that_is_missing(self, mock: MockAkool) -> None:
        snapshot = mock.snapshot()
        del snapshot["state"]["engine"]["jobs"]["jobs"][0]["cost"]
        with pytest.raises(MockAkoolError, match=r"jobs\[0\]\.cost: the field is missing"):
            mock.load_snapshot(snapshot)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"created_ns": -5}, r"state\.engine\.jobs\.jobs\[2\]\.created_ns: -5 is no instant"),
            ({"id": 5}, r"state\.engine\.jobs\.jobs\[2\]\.id: 5 is not a text"),
            ({"colour": 5}, r"state\.engine\.jobs\.jobs\[2\]\.colour: there is no such field"),
            ({"account": 99}, r"state\.engine\.jobs\.jobs\[2\]\.account: 99 is not a number in Account"),
        ],
    )
    def test_a_job_of_many(self, mock: MockAkool, change: dict[str, Any], said: str) -> None:
        for _ in range(30):
            create(mock, webhookUrl=HOOK)
        snapshot = mock.snapshot()
        jobs = snapshot["state"]["engine"]["jobs"]
        assert jobs["jobs"][0]["$rows"] == 32, "they are kept by columns"
        rows = rows_of(jobs["jobs"])
        rows[2].update(change)
        jobs["jobs"] = rows
        with pytest.raises(MockAkoolError, match=said):
            mock.load_snapshot(snapshot)
        names = {name: None for row in rows for name in row}
        jobs["jobs"] = [{"$rows": 32, **{name: [row.get(name) for row in rows] for name in names}}]
        with pytest.raises(MockAkoolError, match=said.replace("[2", r"[\d")):
            mock.load_snapshot(snapshot)

    @pytest.mark.parametrize("name", ["awaited_ns", "due_ns"])
    def test_a_webhook_that_is_due_at_no_time(self, mock: MockAkool, name: str) -> None:
        create(mock, webhookUrl=HOOK)
        snapshot = mock.snapshot()
        del snapshot["state"]["engine"]["webhooks"]["subscriptions"][-1][name]
        with pytest.raises(MockAkoolError, match=rf"webhooks\.subscriptions\[2\]\.{name}: a status is awaited"):
            mock.load_snapshot(snapshot)

    def test_something_else(self, mock: MockAkool) -> None:
        with pytest.raises(MockAkoolError, match="no state of mock-akool"):
            mock.load_snapshot({"jobs": []})

    def test_the_view_of_an_account_has_none(self, mock: MockAkool) -> None:
        view = mock.of_account(KEY)
        with pytest.raises(MockAkoolError, match="view of an account"):
            view.snapshot()
        with pytest.raises(MockAkoolError, match="view of an account"):
            view.load_snapshot({})


def test_luck_goes_on_as_it_would_have() -> None:
    """A lot is drawn by the seed and the number of the call, also for one account, and for rules made in Python."""
    rules = [{"on": "quota/info", "probability": 0.3, "fault": {"http": 502}}]
    whole = MockAkool(**OPTIONS, seed=5)
    whole.put_scenario({"rules": rules})
    whole.of_account(KEY).put_scenario({"rules": rules})
    whole.on("quota/info").probability(0.3).respond(http=503)

    def statuses(mock: MockAkool) -> list[int]:
        path = "/api/open/v3/faceswap/quota/info"
        keys = (KEY, OTHER) * 20
        return [mock.answer(Request.build("GET", path, headers={"x-api-key": key})).status for key in keys]

    statuses(whole)
    parts = moved(whole, seed=5)
    seen = statuses(parts)
    assert seen == statuses(whole)
    assert set(seen) == {200, 502, 503}


class TestOtherSettings:
    def test_listed_accounts_that_are_new_are_added(self) -> None:
        first = MockAkool(accounts=[{"api_key": KEY, "credits": 10}], strict=True)
        second = MockAkool(accounts=[{"api_key": OTHER}, {"api_key": KEY, "credits": 99}], strict=True)
        second.load_snapshot(first.snapshot())
        assert [each.api_key for each in second.accounts] == [KEY, OTHER]
        assert second.of_account(KEY).credits == 10

    def test_another_scenario_of_the_start_is_active_instead(self) -> None:
        first = MockAkool(scenario="flaky-gateway")
        second = MockAkool(scenario="rate-limited")
        second.load_snapshot(first.snapshot())
        assert [each.name for each in second.scenarios] == ["rate-limited"]

    def test_what_was_activated_while_it_ran_stays_if_the_start_is_the_same(self) -> None:
        first = MockAkool(scenario="flaky-gateway")
        first.put_scenario("rate-limited")
        second = MockAkool(scenario="flaky-gateway")
        second.load_snapshot(first.snapshot())
        assert [each.name for each in second.scenarios] == ["rate-limited"]
        third = MockAkool(scenario="webhook-twice")
        third.load_snapshot(first.snapshot())
        assert [each.name for each in third.scenarios] == ["webhook-twice"]

    def test_the_bounds_are_its_own(self) -> None:
        first = MockAkool()
        for _ in range(20):
            first.answer(Request.build("GET", "/api/open/v3/faceswap/quota/info", headers={"x-api-key": KEY}))
        second = MockAkool(call_log_size=5)
        second.load_snapshot(first.snapshot())
        assert [call.number for call in second.calls] == [16, 17, 18, 19, 20]
        assert second.engine.call_log.dropped == 15

    def test_a_body_that_was_cut_is_still_known_to_have_been_longer(self) -> None:
        options: dict[str, Any] = {"call_log_bytes": 100_000}
        first = MockAkool(**options)
        headers = {"x-api-key": KEY, "content-type": "application/json"}
        body = json.dumps({"prompt": "x" * 200_000}).encode()
        first.answer(Request.build("POST", "/api/open/v3/content/image/createbyprompt", headers=headers, body=body))
        second = MockAkool(**options)
        second.load_snapshot(first.snapshot())
        assert second.calls[0].body_size == len(body)
        assert len(second.calls[0].body) < 100_000
