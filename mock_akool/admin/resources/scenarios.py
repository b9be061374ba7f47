"""Scenarios: what is active, for everybody or for one account, and how to add to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from mock_akool.admin.parameters import (
    ACCOUNT,
    ACCOUNT_QUERY,
    LIMIT,
    OFFSET,
    SHARED_ACCOUNT,
    SHARED_QUERY,
    account_of_query,
    body,
    query,
)
from mock_akool.admin.responses import AdminError, page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import TEXT, WHOLE, listed, or_null, page, record
from mock_akool.admin.serializers import ACTIVE_RULE, ACTIVE_WEBHOOK_RULE
from mock_akool.akool.scenarios.model import MOST_SCENARIOS, JobScript, LabelledScript, Scenario, check_changeable
from mock_akool.akool.scenarios.schema import JOB_SCRIPT, RULE, SCENARIO, label_of, write_scenario
from mock_akool.core.errors import Mistake, ScenarioError, format_path
from mock_akool.core.schema import TEXT as A_TEXT
from mock_akool.core.schema import Field, Listed, Plain, nearest, whole

NAMED_SCENARIO: Final = record(
    {
        "name": ("its name, or empty text", TEXT),
        "scenario": ("what it says, as a file does", SCENARIO.schema),
    }
)
ACTIVE: Final = record(
    {
        "scenarios": ("the scenarios that are active", listed(NAMED_SCENARIO)),
        "rules": (
            "the rules that are active, as they are tried",
            listed(ACTIVE_RULE.schema),
        ),
        "webhooks": (
            "the webhook faults that are active, as they are tried",
            listed(ACTIVE_WEBHOOK_RULE.schema),
        ),
        "job_scripts": ("how many of the next jobs are scripted", WHOLE),
    }
)


def _read_scenario(value: Any) -> Scenario:
    """Return the scenario of a name, of what a scenario file says, or of what GET /_mock/scenario shows.

    Over HTTP nobody may have files read.
    """
    from mock_akool.scenario_library.library import named

    if isinstance(value, str):
        return named(value)
    if isinstance(value, dict) and value.keys() == {"name", "scenario"}:
        scenario: Scenario = SCENARIO.read(value["scenario"], ("scenario",))
        return replace(scenario, name=A_TEXT.read(value["name"], ("name",)))
    read: Scenario = SCENARIO.read(value)
    return read


_SCENARIO: Final = Plain(
    "a scenario",
    _read_scenario,
    {"anyOf": [{"type": "string"}, SCENARIO.schema, NAMED_SCENARIO]},
    SCENARIO.write,
    use="the name of one, or an object with the keys of a scenario file",
)


def _read_scenarios(value: Any) -> tuple[Scenario, ...]:
    names = _SCENARIO_LIST.from_text(value) if isinstance(value, str) else value
    if isinstance(value, str) and not names:
        raise ValueError(value)
    listed: tuple[Scenario, ...] = _SCENARIO_LIST.read(names)
    return listed


_SCENARIO_LIST: Final = Listed(_SCENARIO, lone=True, most=MOST_SCENARIOS)
_SCENARIOS: Final = Plain(
    "a scenario, or a list of some", _read_scenarios, _SCENARIO_LIST.schema, _SCENARIO_LIST.write, use=_SCENARIO.use
)
"""In a text, names are separated by commas, as everywhere."""


def show_active(request: AdminRequest) -> Any:
    """Show what is active for everybody, or for one account."""
    runtime, key = request.scenarios, request.account
    return {
        "scenarios": [{"name": each.name, "scenario": write_scenario(each)} for each in runtime.scenarios_of(key)],
        "rules": [ACTIVE_RULE.write(live, request.now_ns) for live in runtime.rules_of(key)],
        "webhooks": [ACTIVE_WEBHOOK_RULE.write(live, request.now_ns) for live in runtime.webhook_rules_of(key)],
        "job_scripts": runtime.scripted_jobs(key),
    }


def library(request: AdminRequest) -> Any:
    """List the named scenarios."""
    from mock_akool.scenario_library.library import named, names

    found = ((name, named(name)) for name in names())
    return {
        "scenarios": [{"name": name, "description": each.description, "advice": each.advice} for name, each in found]
    }


def library_text(request: AdminRequest) -> Any:
    """Show a named scenario as its file."""
    from mock_akool.scenario_library.library import names, text_of

    name = request.given["name"]
    try:
        return {"name": name, "text": text_of(name)}
    except ScenarioError as error:
        near = nearest(name, names())
        hint = f"Did you mean {near!r}?" if near else "GET /_mock/scenario/library lists them"
        raise AdminError(404, error.message, hint) from None


def check_text(request: AdminRequest) -> Any:
    """Say what is wrong with a scenario file, or what it says. Nothing is made active."""
    from mock_akool.scenario_library.loader import read_text

    try:
        scenario = read_text(request.given["text"])
    except ScenarioError as error:
        return {"mistakes": [_mistake(each) for each in error.mistakes], "scenario": None}
    return {"mistakes": [], "scenario": write_scenario(scenario)}


def _mistake(mistake: Mistake) -> dict[str, Any]:
    """Return a mistake of a file's text, with its line from 1; of one with the whole text the line is null."""
    line = mistake.source.rpartition(":")[2]
    return {
        "line": int(line) if line.isdigit() else None,
        "place": format_path(mistake.place),
        "error": mistake.what,
        "hint": mistake.hint,
    }


def put_scenario(request: AdminRequest) -> Any:
    """Make scenarios active, instead of what is active now."""
    check_source(request)
    scenarios: tuple[Scenario, ...] = request.given["scenario"]
    try:
        check_changeable(scenarios)
    except ScenarioError as error:
        raise AdminError(409, error.message, error.hint) from None
    request.scenarios.activate(scenarios, request.account)
    return show_active(request)


def clear_scenario(request: AdminRequest) -> Any:
    """Remove scenarios, added rules and webhook faults, and job scripts."""
    request.scenarios.activate((), request.account)
    return show_active(request)


def add_rules(request: AdminRequest) -> Any:
    """Add rules, which go before those of scenarios."""
    check_source(request)
    added = [request.scenarios.add(rule, label_of(rule), request.account) for rule in request.given["rules"]]
    return {"rules": [ACTIVE_RULE.write(live, request.now_ns) for live in added]}


def remove_rule(request: AdminRequest) -> Any:
    """Remove an added rule."""
    runtime = request.scenarios
    for live in runtime.rules_of(request.account):
        if live.number == request.given["rule"]:
            runtime.remove(live)
            return ACTIVE_RULE.write(live, request.now_ns)
    raise AdminError(
        404,
        f"no rule {request.given['rule']} was added",
        "GET /_mock/scenario lists the numbers; those of an account, with its `account`",
    )


def list_unused(request: AdminRequest) -> Any:
    """List the rules that should have applied and never did, and the job scripts that no create used, and why."""
    # A fake that nobody asks for a report does without what makes one.
    from mock_akool.diagnostics.unused_job_scripts import unused_job_scripts
    from mock_akool.diagnostics.unused_rules import unused_rules

    found = list(unused_rules(request.scenarios, request.account))
    first = request.given["offset"]
    shown = page_of(
        found[first:],
        request.given["limit"],
        lambda each: {"label": each.label, "why": each.why, "number": each.number},
    )
    following = first + len(shown.items)
    return {
        "rules": shown,
        "matched": len(found),
        "next": following if following < len(found) else None,
        "job_scripts": [{"why": why} for why in unused_job_scripts(request.scenarios, request.account)],
    }


def script_jobs(request: AdminRequest) -> Any:
    """Script the next jobs."""
    check_source(request)
    scripts: list[JobScript] = request.given["jobs"]
    request.scenarios.add_job_scripts([LabelledScript(script, "next_job") for script in scripts], request.account)
    return {"job_scripts": request.scenarios.scripted_jobs(request.account)}


def check_source(request: AdminRequest) -> None:
    """Raise AdminError when the settings say that nobody may script this fake over HTTP."""
    if not request.scenarios.setup.by_admin:
        raise AdminError(
            403,
            "scenario_sources does not name `admin`, so the admin API cannot script this fake",
            "Start it with `admin` among --scenario-sources",
        )


def _refuse(value: Any) -> Any:
    raise ValueError(value)


_NO_CONDITION: Final = Plain("for next jobs", _refuse, {"not": {}}, use="a scenario's `jobs` for that")
_NEXT_JOB: Final = Plain(
    "a job script",
    JOB_SCRIPT.having(when=Field(_NO_CONDITION, "not taken")).read,
    {"allOf": [JOB_SCRIPT.schema, {"not": {"required": ["when"]}}]},
)
"""A job script without `when`. Its schema refers to the one of all job scripts."""
_OR_NULL_SCENARIO: Final = or_null(SCENARIO.schema)

ROUTES: Final[Routes] = {
    ("GET", "/_mock/scenario"): Route(
        "Show what is active for everybody, or for one account", show_active, ACTIVE, ACCOUNT_QUERY
    ),
    ("PUT", "/_mock/scenario"): Route(
        "Make scenarios active, instead of those that were, of added rules and webhook faults, and of job scripts",
        put_scenario,
        ACTIVE,
        ACCOUNT_QUERY,
        body(account=ACCOUNT, scenario=Field(_SCENARIOS, "the scenario, or several"), needed=("scenario",)),
    ),
    ("DELETE", "/_mock/scenario"): Route(
        "Remove scenarios, added rules and webhook faults, and job scripts", clear_scenario, ACTIVE, ACCOUNT_QUERY
    ),
    ("GET", "/_mock/scenario/library"): Route(
        "List the named scenarios, which PUT /_mock/scenario takes; they are the same for all accounts",
        library,
        record(
            {
                "scenarios": (
                    "the scenarios",
                    listed(
                        record(
                            {
                                "name": ("its name", TEXT),
                                "description": ("what it imitates", TEXT),
                                "advice": ("what a robust client should do", TEXT),
                            }
                        )
                    ),
                )
            }
        ),
        SHARED_QUERY,
    ),
    ("GET", "/_mock/scenario/library/{name}"): Route(
        "Show a named scenario as its file",
        library_text,
        record({"name": ("its name", TEXT), "text": ("the file, which is YAML", TEXT)}),
        SHARED_QUERY,
    ),
    ("POST", "/_mock/scenario/check"): Route(
        "Check the text of a scenario file, and change nothing; answers 200 also when it has mistakes",
        check_text,
        record(
            {
                "mistakes": (
                    "what is wrong with it, in the order of the file",
                    listed(
                        record(
                            {
                                "line": ("the line, from 1; null for the whole file", or_null(WHOLE)),
                                "place": ("the keys that lead there, such as rules[0].on; may be empty", TEXT),
                                "error": ("what is wrong", TEXT),
                                "hint": ("what to write instead; may be empty", TEXT),
                            }
                        )
                    ),
                ),
                "scenario": ("what it says, which PUT /_mock/scenario takes; null with mistakes", _OR_NULL_SCENARIO),
            }
        ),
        SHARED_QUERY,
        body(
            account=SHARED_ACCOUNT,
            text=Field(A_TEXT, "the file: YAML, or JSON"),
            needed=("text",),
        ),
    ),
    ("POST", "/_mock/scenario/rules"): Route(
        "Add rules, which go before those of scenarios",
        add_rules,
        record({"rules": ("the rules that were added", listed(ACTIVE_RULE.schema))}),
        ACCOUNT_QUERY,
        body(account=ACCOUNT, rules=Field(Listed(RULE, least=1), "the rules, as in a file"), needed=("rules",)),
        status=201,
    ),
    ("DELETE", "/_mock/scenario/rules"): Route(
        "Remove an added rule",
        remove_rule,
        ACTIVE_RULE.schema,
        query(
            account=account_of_query("the API key of the account whose rule it is; without it, one of everybody's"),
            rule=Field(whole(1, 2**53), "the rule's number"),
            needed=("rule",),
        ),
    ),
    ("GET", "/_mock/scenario/unused"): Route(
        "List rules that never applied and job scripts that no create used, and why; without an account, of all",
        list_unused,
        page(
            "rules",
            "the rules",
            record(
                {
                    "label": ("what the call log calls it", TEXT),
                    "why": ("why, in lines", TEXT),
                    "number": ("by which it can be removed, or null", or_null(WHOLE)),
                }
            ),
            by="offset",
            job_scripts=(
                "the scripts for next jobs, those for one account together",
                listed(record({"why": ("which they are, and why they were not used, in lines", TEXT)})),
            ),
        ),
        query(account=account_of_query(), offset=OFFSET, limit=LIMIT),
    ),
    ("POST", "/_mock/scenario/jobs"): Route(
        "Script the next jobs, one after the other",
        script_jobs,
        record({"job_scripts": ("how many of the next jobs are scripted", WHOLE)}),
        ACCOUNT_QUERY,
        body(
            account=ACCOUNT,
            jobs=Field(Listed(_NEXT_JOB, least=1), "job scripts as in a scenario's `jobs`, without `when`"),
            needed=("jobs",),
        ),
        status=201,
    ),
}
