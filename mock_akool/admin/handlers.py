"""What each control route does. A handler raises before it changes anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from mock_akool._version import __version__
from mock_akool.admin import serializers as views
from mock_akool.admin.routing import PREFIX, AdminError, Asked
from mock_akool.akool.accounts import Account
from mock_akool.akool.api import ENDPOINTS
from mock_akool.akool.codes import Code
from mock_akool.akool.deliveries import Delivery
from mock_akool.akool.endpoints import Endpoint
from mock_akool.akool.engine import Engine
from mock_akool.akool.errors import AkoolError, ParameterError
from mock_akool.akool.families.image_button import press_button
from mock_akool.akool.families.image_v3 import create_v3
from mock_akool.akool.families.image_v4 import create_v4
from mock_akool.akool.jobs import Job
from mock_akool.akool.scenarios.model import Entry, JobScript, Scenario, check_changeable
from mock_akool.akool.scenarios.schema import label_of, write_scenario
from mock_akool.akool.settings import AccountSpec, ServiceSettings
from mock_akool.core.call_log import Line
from mock_akool.core.clock import NS_PER_S, Clock, SteeredClock, VirtualClock
from mock_akool.core.errors import MockAkoolError, ScenarioError, SettingsError
from mock_akool.core.http import Request
from mock_akool.core.timeline import Status, failed
from mock_akool.core.webhook_faults import WEBHOOK, WebhookRule
from mock_akool.diagnostics.report import Observations, explain, hints
from mock_akool.diagnostics.unused_rules import unused

# The fake


def health(asked: Asked) -> Any:
    """Tell that the fake is there."""
    return {"status": "ok", "name": "mock-akool", "version": __version__}


def ready(asked: Asked) -> Any:
    """Tell that the fake answers, and how it is set up."""
    return {"ready": True, **_set_up(asked.engine.settings)}


def _set_up(settings: ServiceSettings) -> dict[str, Any]:
    return {
        "profile": str(settings.profile),
        "seed": settings.seed,
        "strict": settings.strict,
        "max_body_bytes": settings.max_body_bytes,
    }


def state(asked: Asked) -> Any:
    """Tell how things stand."""
    engine, now_ns, key = asked.engine, asked.now_ns, asked.account
    counts = engine.count_by_status(now_ns, key)
    by_status = {status.name.lower(): counts[status] for status in Status}
    accounts = _accounts_of(asked)
    return {
        "version": __version__,
        **_set_up(engine.settings),
        "started_ns": engine.call_log.start_ns,
        "clock": clock_view(engine.clock),
        "accounts": len(accounts),
        "jobs": by_status,
        "calls": engine.call_log.count if key is None else len(engine.lines(key)),
        "awaited": engine.is_awaited(now_ns, key),
        "sending": asked.fake.sending(key),
        "credits_spent": sum(engine.spent_by(each, now_ns) for each in accounts),
    }


def report(asked: Asked) -> Any:
    """Explain what happened to somebody whose test failed."""
    is_held = asked.given["holds_clock"]
    seen = Observations.of(asked.engine, asked.engine.call_log.start_ns, asked.account, is_held=is_held)
    return {"calls": len(seen.calls), "report": explain(seen), "hints": hints(seen)}


def reset(asked: Asked) -> Any:
    """Forget what happened, to all or to one account."""
    if asked.account is None:
        asked.fake.reset()
    else:
        asked.engine.reset_account(asked.account)
    return {"reset": asked.account or "everybody"}


# Accounts


def accounts(asked: Asked) -> Any:
    """List the accounts."""
    return {"accounts": [views.ACCOUNT.of(asked.engine, each, asked.now_ns) for each in _accounts_of(asked)]}


def _accounts_of(asked: Asked) -> list[Account]:
    return [each for each in asked.engine.accounts if asked.account in (None, each.api_key)]


def add_account(asked: Asked) -> Any:
    """Make an account that is described."""
    engine = asked.engine
    if asked.given["client_secret"] is None:
        raise AdminError(400, "no client_secret is given", "It is the API key, in the body, or as `account`")
    spec = AccountSpec(**{name: asked.given[name] for name in AccountSpec._fields})
    try:
        account = engine.accounts.add_new(spec)
    except SettingsError:
        raise
    except MockAkoolError as error:
        raise AdminError(409, error.message, error.hint) from None
    return views.ACCOUNT.of(engine, account, asked.now_ns)


def set_credits(asked: Asked) -> Any:
    """Give an account credits, or say how many it has."""
    credits, add = asked.given["credits"], asked.given["add"]
    if (credits is None) == (add is None):
        raise AdminError(400, "either `credits` or `add` is wanted", "`credits` is what it has then, `add` is more")
    account = _account(asked)
    left = asked.engine.credits_of(account, asked.now_ns)
    asked.engine.accounts.set_credits(account, max(0, left + add) if credits is None else credits)
    return views.ACCOUNT.of(asked.engine, account, asked.now_ns)


def ban(asked: Asked) -> Any:
    """Ban an account, or let it be active again."""
    return views.ACCOUNT.of(asked.engine, asked.engine.ban(_account(asked), banned=asked.given["banned"]), asked.now_ns)


def expire_tokens(asked: Asked) -> Any:
    """Let all tokens of an account that were issued until now be expired."""
    account = _account(asked)
    asked.engine.revoke_tokens_before(account, asked.now_ns // NS_PER_S + 1)
    return views.ACCOUNT.of(asked.engine, _account(asked), asked.now_ns)


def _account(asked: Asked) -> Account:
    """Return the account that is meant; in a lenient fake it is made when it is first named, as by a request."""
    key = asked.account
    if key is None:
        raise AdminError(400, "no account is given", "Give `account`, its API key")
    account = asked.engine.accounts.by_key(key)
    if account is None:
        raise AdminError(404, "there is no account with this API key", "POST /_mock/accounts makes one")
    return account


# Jobs


def jobs(asked: Asked) -> Any:
    """List jobs in the order of their creation."""
    found, status = asked.engine.jobs(asked.account), asked.given["status"]
    if status is not None:
        found = tuple(job for job in found if asked.engine.change_of(job, asked.now_ns).status.name.lower() == status)
    first, limit = asked.given["offset"], asked.given["limit"]
    shown = found[first : first + limit]
    return {
        "jobs": [_told(asked, job) for job in shown],
        "matched": len(found),
        "next": first + limit if first + limit < len(found) else None,
    }


def one_job(asked: Asked) -> Any:
    """Tell of one job."""
    return _told(asked, _job(asked))


_READERS: Final[dict[Endpoint, Callable[..., Any]]] = {
    Endpoint.CREATE_BY_PROMPT: create_v3,
    Endpoint.CREATE_BY_SOURCE_PROMPT: create_v4,
    Endpoint.CREATE_BY_BUTTON: press_button,
}


_EXAMPLES: Final[dict[Endpoint, dict[str, Any]]] = {
    Endpoint.CREATE_BY_PROMPT: {"prompt": "a red fox", "scale": "1:1"},
    Endpoint.CREATE_BY_SOURCE_PROMPT: {"prompt": "a red fox", "resolution": "4k", "batch_quantity": 1},
    Endpoint.CREATE_BY_BUTTON: {"_id": "…", "button": "U1"},
}
"""A good `request` of each; `…` stands for the `_id` of a completed job."""

_WAYS_OUT: Final[dict[int, str]] = {
    Code.TOO_FREQUENT: "A limit is reached, see GET /_mock/scenario; POST /_mock/jobs/{job}/complete ends a job",
    Code.NOT_FOUND: "GET /_mock/jobs lists the jobs with their `_id`",
    Code.NO_PERMISSION: "Give as `account` the one whose job it is, see GET /_mock/jobs/{job}",
    Code.CANNOT_OPERATE: "The job must be completed, as by POST /_mock/jobs/{job}/complete, and must have the button",
    Code.ALREADY_OPERATED: "Take another button; `used_buttons` of GET /_mock/jobs/{job} tells those that were pressed",
    Code.CREDITS_INSUFFICIENT: "Give the account more by POST /_mock/accounts/credits",
    Code.QUOTA_NOT_ENOUGH: "Give the account more by POST /_mock/accounts/credits",
    Code.ACCOUNT_BANNED: "POST /_mock/accounts/ban with `banned` false lets the account be active again",
}
"""What to do when the API would refuse, by its code."""


def create_job(asked: Asked) -> Any:
    """Make a job that was created some time ago and has been polled so many times."""
    engine, given = asked.engine, asked.given
    (endpoint,) = given["endpoint"]
    body = json.dumps(given["request"]).encode()
    call = Request.build("POST", "", headers={"content-type": "application/json"}, body=body)
    try:
        request = _READERS[endpoint](call, engine.settings)
    except ParameterError:
        (route,) = (each for each in ENDPOINTS.values() if each.endpoint is endpoint)
        error = engine.settings.refusal(route.bad_parameter_code(engine.settings))
        example = json.dumps(_EXAMPLES[endpoint], ensure_ascii=False)
        raise AdminError(
            400, f"request: the API would answer {error}", f"For {endpoint} give one such as {example}"
        ) from None
    is_new = engine.accounts.known(asked.account or "") is None
    account = _account(asked)
    created_ns = asked.now_ns - given["elapsed"].ns
    planned = engine.runtime.queue_of(account.api_key)
    before = list(planned)
    if given["stages"] is not None or given["result"] is not None:
        script = JobScript(timeline=given["stages"], result=given["result"])
        planned.extendleft([Entry(script, "control")] * getattr(request, "batch_quantity", 1))
    make = engine.press if endpoint is Endpoint.CREATE_BY_BUTTON else engine.create
    try:
        made = make(account, request, asked.request.file_base, created_ns)
    except Exception as error:
        planned.clear()
        planned.extend(before)
        if is_new:
            engine.accounts.remove(account.api_key)
        if isinstance(error, AkoolError):
            hint = _WAYS_OUT.get(error.code, "GET /_mock/state and GET /_mock/accounts tell how things stand")
            raise AdminError(409, f"the API would answer {error}", hint) from None
        raise
    made = [engine.count_polls(job.id, given["polls"], asked.now_ns) for job in made]
    return {"jobs": [_told(asked, job) for job in made]}


def complete(asked: Asked) -> Any:
    """Let a job be completed from now on."""
    return _told(asked, asked.engine.complete(_job(asked).id, asked.now_ns))


def fail(asked: Asked) -> Any:
    """Let a job have failed from now on."""
    ending = failed(*asked.given["reasons"], refund=asked.given["refund"])
    return _told(asked, asked.engine.fail(_job(asked).id, ending, asked.now_ns))


def stall(asked: Asked) -> Any:
    """Let a job stay for ever at the status that it has."""
    job = _job(asked)
    try:
        return _told(asked, asked.engine.stall(job.id, asked.now_ns))
    except MockAkoolError as error:
        raise AdminError(409, error.message, "Call it before the job's end") from None


def delete_job(asked: Asked) -> Any:
    """Forget a job."""
    job = _job(asked)
    told = _told(asked, job)
    asked.engine.delete(job.id)
    return told


def _told(asked: Asked, job: Job) -> Any:
    return views.JOB.of(asked.engine, job, asked.now_ns)


def _job(asked: Asked) -> Job:
    job = asked.engine.job(asked.given["job"])
    if job is None or asked.account not in (None, job.account.api_key):
        newest = ", ".join(each.id for each in asked.engine.jobs(asked.account)[-5:]) or "none"
        whose = "" if asked.account is None else " of this account"
        raise AdminError(404, f"there is no job {asked.given['job'][:60]!r}{whose}", f"The newest ones are: {newest}")
    return job


# Scenarios


def scenario(asked: Asked) -> Any:
    """Tell what is in force for everybody, or for one account."""
    engine, key = asked.engine, asked.account
    return {
        "scenarios": [
            {"name": each.name, "scenario": write_scenario(each)} for each in engine.runtime.scenarios_of(key)
        ],
        "rules": [views.RULE_IN_FORCE.of(engine, live, asked.now_ns) for live in engine.runtime.rules_of(key)],
        "webhooks": [
            views.WEBHOOK_IN_FORCE.of(engine, live, asked.now_ns) for live in engine.runtime.webhook_rules_of(key)
        ],
        "planned": len(engine.runtime.plans_of(key)),
    }


def library(asked: Asked) -> Any:
    """Tell what named scenarios there are."""
    from mock_akool.scenario_library.library import named, names

    found = ((name, named(name)) for name in names())
    return {
        "scenarios": [{"name": name, "description": each.description, "advice": each.advice} for name, each in found]
    }


def put_scenario(asked: Asked) -> Any:
    """Put scenarios in force, instead of those that were."""
    _check_source(asked)
    scenarios: tuple[Scenario, ...] = asked.given["scenario"]
    try:
        check_changeable(scenarios)
    except ScenarioError as error:
        raise AdminError(409, error.message, error.hint) from None
    asked.engine.put_scenarios(scenarios, asked.account)
    return scenario(asked)


def clear_scenario(asked: Asked) -> Any:
    """Take scenarios, added rules and faults of callbacks, and plans for next jobs away."""
    asked.engine.put_scenarios((), asked.account)
    return scenario(asked)


def add_rules(asked: Asked) -> Any:
    """Put more rules in force, before those that scenarios have."""
    _check_source(asked)
    runtime, key = asked.engine.runtime, asked.account
    added = [runtime.add(rule, label_of(rule), key) for rule in asked.given["rules"]]
    return {"rules": [views.RULE_IN_FORCE.of(asked.engine, live, asked.now_ns) for live in added]}


def unused_rules(asked: Asked) -> Any:
    """Tell which rules never fired that should have, and why."""
    return {"rules": [each._asdict() for each in unused(asked.engine, asked.account)]}


def remove_rule(asked: Asked) -> Any:
    """Take a rule away that was added."""
    runtime = asked.engine.runtime
    for live in runtime.rules_of(asked.account):
        if live.number == asked.given["rule"]:
            runtime.remove(live)
            return views.RULE_IN_FORCE.of(asked.engine, live, asked.now_ns)
    raise AdminError(
        404,
        f"no rule {asked.given['rule']} was added",
        "GET /_mock/scenario tells the numbers, of an account by itself",
    )


def plan_jobs(asked: Asked) -> Any:
    """Say what becomes of the next jobs."""
    _check_source(asked)
    entries: list[JobScript] = asked.given["jobs"]
    if any(entry.when is not None for entry in entries):
        raise AdminError(400, "a plan for next jobs has no `when`", "Put a scenario in force for that")
    queue = asked.engine.runtime.queue_of(asked.account)
    for entry in entries:
        queue.extend([Entry(entry._replace(times=None), "next_job")] * (entry.times or 1))
    return {"planned": len(queue)}


def _check_source(asked: Asked) -> None:
    if not asked.engine.script.by_control:
        raise AdminError(
            403,
            "scenario_sources does not name `control`, so the control API cannot script this fake",
            "Start it with `control` among --scenario-sources",
        )


# The clock


def clock_view(clock: Clock) -> dict[str, Any]:
    """Tell what a clock shows and how it runs."""
    now_ns = clock.now_ns()
    match clock:
        case SteeredClock():
            speed = clock.speed
        case VirtualClock():
            speed = 0.0
        case _:
            speed = 1.0
    return {
        "now_ns": now_ns,
        "now": views.spelled(now_ns),
        "frozen": not speed,
        "speed": speed,
        "virtual": isinstance(clock, VirtualClock),
    }


def clock(asked: Asked) -> Any:
    """Tell what the clock shows."""
    return clock_view(asked.engine.clock)


def freeze(asked: Asked) -> Any:
    """Let the clock stand still."""
    moved = _movable(asked)
    if isinstance(moved, SteeredClock):
        moved.freeze()
    return clock(asked)


def resume(asked: Asked) -> Any:
    """Let the clock run on."""
    _running(asked).resume()
    return clock(asked)


def set_speed(asked: Asked) -> Any:
    """Let the clock run faster or slower than the machine's."""
    _running(asked).run_at(asked.given["factor"])
    return clock(asked)


def advance(asked: Asked) -> Any:
    """Move the clock on."""
    moved, given = _movable(asked), asked.given
    said = [name for name in ("seconds", "until", "to_ns") if given[name] is not None]
    if len(said) != 1:
        raise AdminError(400, "one of `seconds`, `until` and `to_ns` is wanted", 'Give `{"seconds": 10}`')
    if given["seconds"] is not None:
        moved.advance(given["seconds"])
    elif given["to_ns"] is not None:
        moved.advance_to(given["to_ns"])
    elif given["until"] == "callback":
        _advance_to_callback(asked, moved)
    else:
        asked.fake.run_until_idle(asked.account)
    asked.fake.carry_due()
    return clock(asked)


def _advance_to_callback(asked: Asked, moved: SteeredClock | VirtualClock) -> None:
    """Move the clock to where the next callback is sent, or was lost; it stays when none is to come."""
    asked.fake.carry_due()
    engine = asked.engine
    is_found = False
    while not is_found:
        with engine.lock:
            due_ns, known = engine.outbox.next_ns_of(asked.account), engine.outbox.count
        if due_ns is None:
            return
        moved.advance_to(due_ns)
        asked.fake.carry_due()
        with engine.lock:
            mine = [each for each in engine.outbox.entries(asked.account) if each.number > known]
        # At a change of status a callback is made; a fault may let it fall due later.
        is_found = not mine or any(each.due_ns <= due_ns for each in mine)


def _movable(asked: Asked) -> SteeredClock | VirtualClock:
    found = asked.engine.clock
    if not isinstance(found, (SteeredClock, VirtualClock)):
        raise AdminError(
            409, "this fake runs on the machine's clock", "Start it by `mock-akool serve`, or with a SteeredClock"
        )
    return found


def _running(asked: Asked) -> SteeredClock:
    found = _movable(asked)
    if not isinstance(found, SteeredClock):
        raise AdminError(409, "this fake's clock is virtual and moves only when it is moved", "Advance it")
    return found


# Callbacks


def webhooks(asked: Asked) -> Any:
    """List the callbacks, in the order they fell due."""
    found = _deliveries(asked)
    shown = found[: asked.given["limit"]]
    return {
        "webhooks": [views.DELIVERY.of(asked.engine, each, asked.now_ns) for each in shown],
        "matched": len(found),
        "next": shown[-1].number if len(shown) < len(found) else None,
        "due_ns": asked.engine.outbox.next_ns_of(asked.account),
    }


def _deliveries(asked: Asked) -> list[Delivery]:
    given = asked.given
    return [
        each
        for each in asked.engine.outbox.entries(asked.account)
        if given["job"] in (None, each.job_id)
        and given["status"] in (None, each.status)
        and given["state"] in (None, each.state)
        and each.number > given["after"]
    ]


class CountedDeliveries:
    """How many callbacks there are that somebody waits for."""

    what = "callbacks"

    @property
    def hint(self) -> str:
        """Where to look when they did not come."""
        if self._asked.given["state"] is None:
            return "GET /_mock/webhooks without at_least tells those that came, and of each its `state` and `error`"
        return "GET /_mock/webhooks without `state` and at_least tells the others too, and their `error`"

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._outbox = asked.engine.outbox
        self._seen: int | None = None

    def has_news(self) -> bool:
        """Return whether anything became of a callback, after what nobody else carries was carried."""
        self._asked.fake.carry_in_passing()
        return self._outbox.edition != self._seen

    def count(self) -> int:
        """Return how many fit now."""
        self._seen = self._outbox.edition
        return len(_deliveries(self._asked))


def resend(asked: Asked) -> Any:
    """Send the body of a callback again."""
    engine, number = asked.engine, asked.given["number"]
    with engine.lock:
        original = engine.outbox.entry(number)
        if original is None or asked.account not in (None, original.account):
            raise AdminError(404, f"there is no callback #{number}", "GET /_mock/webhooks lists them")
        copy = engine.outbox.resend(number, asked.now_ns)
        if copy is None:
            raise AdminError(
                409, f"callback #{number} cannot be sent again: it is {original.state}", "It was never sealed"
            )
    asked.fake.carry_due()
    with engine.lock:
        return views.DELIVERY.of(engine, engine.outbox.entry(copy.number) or copy, asked.now_ns)


def add_faults(asked: Asked) -> Any:
    """Let faults befall callbacks from now on."""
    _check_source(asked)
    faults: tuple[WebhookRule, ...] = asked.given["faults"]
    for rule in faults:
        asked.engine.runtime.add_webhook_rule(rule, "control", asked.account)
    return {"faults": [WEBHOOK.write(rule) for rule in faults]}


def set_sending(asked: Asked) -> Any:
    """Carry callbacks another way from now on."""
    asked.fake.carry_by(asked.given["by"], asked.account)
    return {"by": asked.given["by"], "account": asked.account}


# The emulated API, as data


def answer(asked: Asked) -> Any:
    """Answer a request to the emulated API: tell the delay and how the connection ends, instead of doing so."""
    given = asked.given
    path: str = given["path"]
    if path.startswith(PREFIX):
        raise AdminError(400, f"{path[:200]} is a control route", "Call it directly")
    headers = {name.lower(): value for name, value in given["headers"].items()}
    if asked.account is not None and not headers.keys() & {"x-api-key", "authorization"}:
        headers["x-api-key"] = asked.account
    call = Request(
        given["method"], path, given["query"], headers, given["body"], given["file_base"], given["transport"]
    )
    response, body = asked.fake.complete(asked.fake.answer(call))
    return views.ANSWER.of(asked.engine, response._replace(body=body), asked.now_ns)


# The journal

Matches = Callable[[Line], bool]


def calls(asked: Asked) -> Any:
    """List what was asked and answered, oldest first."""
    given, call_log = asked.given, asked.engine.call_log
    matches = matching(asked)
    found = [line for line in call_log.lines_after(given["after"]) if matches(line)]
    shown = found[: given["limit"]]
    return {
        "calls": [views.CALL.of(asked.engine, call_log.call(line), asked.now_ns) for line in shown],
        "matched": len(found),
        "next": shown[-1][0] if len(shown) < len(found) else None,
        "dropped": call_log.dropped,
    }


def matching(asked: Asked) -> Matches:
    """Return what decides whether a line of the journal is meant."""
    given, start_ns = asked.given, asked.engine.call_log.start_ns
    tests: list[Matches] = []
    if given["endpoint"] is not None:
        endpoints = frozenset(given["endpoint"])
        tests.append(lambda line: line[2] in endpoints)
    if asked.account is not None:
        tests.append(asked.engine.asked_by(asked.account))
    job, code, http, rule = given["job"], given["code"], given["http"], given["rule"]
    if job is not None:
        tests.append(lambda line: line[4].job_id == job)
    if code is not None:
        tests.append(lambda line: line[4].code == code)
    if http is not None:
        tests.append(lambda line: line[4].status == http)
    if rule is not None:
        tests.append(lambda line: line[4].rule is not None and rule in line[4].rule)
    if given["since"] is not None:
        since_ns = start_ns + round(given["since"] * NS_PER_S)
        tests.append(lambda line: line[1] >= since_ns)
    if given["until"] is not None:
        until_ns = start_ns + round(given["until"] * NS_PER_S)
        tests.append(lambda line: line[1] < until_ns)
    if len(tests) == 1:
        return tests[0]
    return lambda line: all(test(line) for test in tests)


class CountedCalls:
    """How many calls came that somebody waits for. What was counted once is not looked at again."""

    what = "calls"

    @property
    def hint(self) -> str:
        """Where to look when they did not come."""
        look = "GET /_mock/calls without at_least tells those that came"
        dropped = self._engine.call_log.dropped
        return f"{look}; {dropped} are not kept any more, see --journal-size" if dropped else look

    def __init__(self, asked: Asked) -> None:
        self._engine: Engine = asked.engine
        self._asked = asked
        self._matches = matching(asked)
        self._call_log = asked.engine.call_log
        self._seen: int = asked.given["after"]
        self._found = 0

    def has_news(self) -> bool:
        """Return whether a call was written into the journal, or all were forgotten."""
        return self._engine.call_log is not self._call_log or self._call_log.count > self._seen

    def count(self) -> int:
        """Return how many came until now, since the last reset."""
        call_log = self._engine.call_log
        if call_log is not self._call_log:
            self._call_log, self._seen, self._found = call_log, 0, 0
            self._matches = matching(self._asked)
        self._found += sum(map(self._matches, call_log.lines_after(self._seen)))
        self._seen = call_log.count
        return self._found
