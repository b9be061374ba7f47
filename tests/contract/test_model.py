"""Any sequence of calls, against a small model of the API written from the contract alone.

The model keeps each job as a little machine that moves when it is looked at; the fake computes a status from
frozen facts. That the two agree, whatever is done in whatever order, is the point.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, precondition, rule

from mock_akool import MockAkool, failed
from tests.contract.client import CREATE_V3, SOURCE, Client
from tests.contract.transports import Answer, FlaskTransport, SocketTransport, Transport
from tests.extent import choose

BUTTONS: Final = ["U1", "U2", "U3", "U4", "V1", "V2", "V3", "V4"]
KEYS: Final = ["ann", "ben", "eve"]
CREDITS: Final = 40
TOKEN_MS: Final = 20_000
FILE_MS: Final = 7 * 86_400_000


class Stage(NamedTuple):
    """How long a status is shown: milliseconds, or polls, or forever."""

    status: int
    unit: str
    lasts: int = 0

    @property
    def spelled(self) -> str:
        return self.unit if self.unit == "forever" else f"{self.lasts} {self.unit}"


class Plan(NamedTuple):
    """What becomes of a job."""

    stages: tuple[Stage, ...]
    fails: bool = False
    refund: bool = False


USUAL: Final = Plan((Stage(1, "ms", 2000), Stage(2, "ms", 3000)))


@dataclass(eq=False)
class ModelJob:
    """A job, as a machine that `look` moves on to the present."""

    id: str
    owner: str
    family: str
    price: int
    plan: Plan
    began_ms: int
    """When the present stage, or the end, began."""
    left: list[Stage] = field(default_factory=list)
    seen: int = 0
    """How many polls saw the present stage."""
    last_poll_ms: int = 0
    used: list[str] = field(default_factory=list)
    path: str = ""
    """Where its image is, once somebody saw that."""

    def look(self, now_ms: int) -> int:
        """Return the status at this time."""
        while self.left:
            stage = self.left[0]
            if stage.unit == "ms":
                end_ms = self.began_ms + stage.lasts
            elif stage.unit == "polls" and self.seen == stage.lasts:
                end_ms = max(self.began_ms, self.last_poll_ms)
            else:
                return stage.status
            if end_ms > now_ms:
                return stage.status
            self.left.pop(0)
            self.began_ms, self.seen = end_ms, 0
        return 4 if self.plan.fails else 3

    def poll(self, now_ms: int) -> int:
        """Return the status at this time, and count the poll."""
        status = self.look(now_ms)
        if self.left and self.left[0].unit == "polls":
            self.seen, self.last_poll_ms = self.seen + 1, now_ms
        return status

    def cost(self, now_ms: int) -> int:
        """Return what the job has cost by this time."""
        return 0 if self.plan.refund and self.look(now_ms) == 4 else self.price


SPANS: Final = st.one_of(
    st.tuples(st.just("ms"), st.sampled_from([0, 1, 1000, 2500])),
    st.tuples(st.just("polls"), st.integers(0, 2)),
    st.just(("forever", 0)),
)
PLANS: Final = st.builds(
    lambda queueing, processing, end: Plan((Stage(1, *queueing), Stage(2, *processing)), *end),
    SPANS,
    SPANS,
    st.sampled_from([(False, False), (False, False), (True, False), (True, True)]),
)
WHO: Final = st.sampled_from(KEYS)
BY: Final = st.sampled_from(["key", "key", "token"])


class Akool(RuleBasedStateMachine):
    transport_class: ClassVar[type[Transport]]
    jobs: Bundle[ModelJob] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        # Small images, because what is in them is tested elsewhere.
        options: dict[str, Any] = {"token_lifetime": "20s", "square_1080p": 64, "square_4k": 64}
        self.transport = self.transport_class(MockAkool(credits=CREDITS, **options))
        self.now_ms = 0
        self.made: list[ModelJob] = []
        self.planned: deque[Plan] = deque()
        self.tokens: dict[str, tuple[str, int]] = {}
        """The newest token of each account, and when it expires."""

    def teardown(self) -> None:
        with closing(self.transport):
            for key in KEYS:
                assert Client(self.transport, key).credit() == self.balance(key)
            for job in self.made:
                assert Client(self.transport, job.owner).status(job.id) == job.look(self.now_ms)

    def balance(self, key: str) -> int:
        return CREDITS - sum(job.cost(self.now_ms) for job in self.made if job.owner == key)

    def ask(self, key: str, by: str, call: Callable[[Client], Answer]) -> Answer | None:
        """Request as an account; None when its token had expired, which must be what the answer says."""
        if by == "key" or key not in self.tokens:
            return call(Client(self.transport, key))
        token, expires_ms = self.tokens[key]
        answer = call(Client(self.transport, token=token))
        if self.now_ms < expires_ms:
            return answer
        assert answer.code == 1101
        return None

    def accept(self, answer: Answer, key: str, family: str, price: int, count: int) -> MultipleResults[ModelJob]:
        """Take a create's or a press's answer into the model."""
        if self.balance(key) < price * count:
            assert answer.code == 1104
            return multiple()
        records = answer.data if count > 1 else [answer.data]
        assert len(records) == count
        new = []
        for record in records:
            plan = self.planned.popleft() if self.planned else USUAL
            assert record["_id"] not in {job.id for job in self.made}
            assert (record["image_status"], record["deduction_credit"]) == (1, price)
            job = ModelJob(record["_id"], key, family, price, plan, self.now_ms, list(plan.stages))
            self.made.append(job)
            new.append(job)
        return multiple(*new)

    # What clients do

    @rule(key=WHO)
    def sign_in(self, key: str) -> None:
        token = Client(self.transport).token(f"id of {key}", key)
        # A token's times are whole seconds.
        self.tokens[key] = (token, self.now_ms // 1000 * 1000 + TOKEN_MS)

    @rule(target=jobs, key=WHO, by=BY)
    def create_v3(self, key: str, by: str) -> MultipleResults[ModelJob]:
        answer = self.ask(key, by, lambda client: client.create_v3())
        return multiple() if answer is None else self.accept(answer, key, "v3", 2, 1)

    @rule(
        target=jobs,
        key=WHO,
        by=BY,
        count=st.integers(1, 4),
        resolution=st.sampled_from(["1080p", "4k"]),
        sources=st.sampled_from([[], [SOURCE]]),
    )
    def create_v4(
        self, key: str, by: str, count: int, resolution: str, sources: list[str]
    ) -> MultipleResults[ModelJob]:
        fields: dict[str, Any] = {"batch_quantity": count, "resolution": resolution, "source_images": sources}
        answer = self.ask(key, by, lambda client: client.create_v4(**fields))
        price = {"1080p": 3, "4k": 4}[resolution]
        return multiple() if answer is None else self.accept(answer, key, "v4", price, count)

    @rule(target=jobs, key=WHO, by=BY, parent=jobs, button=st.sampled_from(BUTTONS))
    def press(self, key: str, by: str, parent: ModelJob, button: str) -> MultipleResults[ModelJob]:
        return self._press(key, by, parent, button)

    @rule(target=jobs, parent=jobs, button=st.sampled_from(BUTTONS[:2]))
    def press_ones_own(self, parent: ModelJob, button: str) -> MultipleResults[ModelJob]:
        return self._press(parent.owner, "key", parent, button)

    def _press(self, key: str, by: str, parent: ModelJob, button: str) -> MultipleResults[ModelJob]:
        answer = self.ask(key, by, lambda client: client.press(parent.id, button))
        if answer is None:
            return multiple()
        if key != parent.owner:
            assert answer.code == 1009
        elif parent.look(self.now_ms) != 3 or parent.family[0] in "UV":
            assert answer.code == 1010
        elif button in parent.used:
            assert answer.code == 1011
        else:
            new = self.accept(answer, key, button, 2, 1)
            if answer.code == 1000:
                parent.used.append(button)
            return new
        return multiple()

    @rule(key=WHO, by=BY, job=jobs)
    def poll(self, key: str, by: str, job: ModelJob) -> None:
        self._poll(key, by, job)

    @rule(job=jobs)
    def poll_ones_own(self, job: ModelJob) -> None:
        self._poll(job.owner, "key", job)

    def _poll(self, key: str, by: str, job: ModelJob) -> None:
        answer = self.ask(key, by, lambda client: client.info(job.id))
        if answer is None:
            return
        if key != job.owner:
            assert answer.code == 1009
            return
        # A poll may be the last that a stage waits for, but itself still sees that stage.
        record, cost, status = answer.data, job.cost(self.now_ms), job.poll(self.now_ms)
        done = status == 3
        pictures = {"v3": 4, "v4": 1, "U": 0, "V": 4}[job.family if job.family[0] == "v" else job.family[0]]
        offered = BUTTONS if job.family[0] == "v" else []
        assert record["image_status"] == status
        assert ("image" in record, "error_reasons" in record) == (done, status == 4)
        assert len(record["upscaled_urls"]) == (pictures if done else 0)
        assert record["buttons"] == ([each for each in offered if each not in job.used] if done else [])
        assert record["used_buttons"] == job.used
        assert record["deduction_credit"] == cost
        if done:
            job.path = urlsplit(record["image"]).path

    @rule(job=jobs)
    def download(self, job: ModelJob) -> None:
        if job.path:
            alive = self.now_ms < job.began_ms + FILE_MS
            assert self.transport.call("GET", job.path).status == (200 if alive else 403)

    @rule(key=WHO, by=BY)
    def ask_for_the_balance(self, key: str, by: str) -> None:
        answer = self.ask(key, by, lambda client: client.quota())
        if answer is not None:
            assert answer.data == {"credit": self.balance(key)}

    @rule(key=WHO, job_id=st.sampled_from(["0" * 24, "x"]))
    def ask_for_what_is_not_there(self, key: str, job_id: str) -> None:
        client = Client(self.transport, key)
        assert (client.info(job_id).code, client.press(job_id, "U1").code) == (1008, 1008)

    @rule(key=WHO)
    def ask_badly(self, key: str) -> None:
        client = Client(self.transport, key)
        assert (client.post(CREATE_V3, {}).code, client.create_v4(batch_quantity=5).code) == (1003, 1003)

    # What else happens

    @rule(plan=PLANS)
    def script(self, plan: Plan) -> None:
        queueing, processing = plan.stages
        ending = failed("no", refund=plan.refund) if plan.fails else "completed"
        stages = [{"queueing": queueing.spelled}, {"processing": processing.spelled}, ending]
        # A script ends with what lasts forever: nothing can follow.
        endless = [each.unit == "forever" for each in plan.stages]
        del stages[endless.index(True) + 1 if any(endless) else 3 :]
        self.transport.mock.next_job(stages=stages)
        self.planned.append(plan)

    @rule(ms=st.sampled_from([1, 500, 999, 1000, 2000, 2500, 5000, TOKEN_MS]))
    def advance(self, ms: int) -> None:
        self.transport.advance(ms / 1000)
        self.now_ms += ms

    @precondition(lambda self: any(job.path for job in self.made))
    @rule(ms=st.sampled_from([FILE_MS - 5000, FILE_MS]))
    def sleep_a_week(self, ms: int) -> None:
        self.advance(ms)

    # What is always so

    @invariant()
    def every_job_was_paid_for(self) -> None:
        mock = self.transport.mock
        assert [job.id for job in mock.jobs] == [job.id for job in self.made]
        assert mock.credits_spent == sum(CREDITS - self.balance(key) for key in KEYS)
        assert all(self.balance(key) >= 0 for key in KEYS)


class ThroughFlask(Akool):
    transport_class = FlaskTransport


class ThroughSocket(Akool):
    transport_class = SocketTransport


SETTINGS: Final = settings(max_examples=choose(15, 200), stateful_step_count=40, database=None)

TestModelThroughFlask = ThroughFlask.TestCase
TestModelThroughFlask.settings = SETTINGS
TestModelThroughSocket = ThroughSocket.TestCase
TestModelThroughSocket.settings = SETTINGS
