"""Scenarios of every kind, as a person would write them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mock_akool.akool.families.image import BUTTONS
from mock_akool.core.faults import FILE_FAULTS

Plain = dict[str, Any]

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
PATTERNS = st.sampled_from(["*", "*dragon*", "a ?ox", "16:9", "key-*", "[ab]*"])
LENGTHS = st.one_of(
    st.integers(0, 10_000),
    st.floats(0, 1000, allow_nan=False).map(lambda s: round(s, 6)),
    st.sampled_from(["2s", "500ms", "2m", "3h", "7d", ".5s", "10"]),
)
SPANS = st.one_of(LENGTHS, st.sampled_from(["forever", "3 polls", "1 poll"]))
COUNTS = st.integers(1, 1000)


def some(fields: dict[str, st.SearchStrategy[Any]], *, least: int = 0) -> st.SearchStrategy[Plain]:
    """Objects with some of the keys."""
    return st.lists(st.sampled_from(sorted(fields)), unique=True, min_size=least).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )


TRUE = st.just(True)
DELAYS = st.one_of(LENGTHS, st.sampled_from([["1s", "3s"], [0, "2m"], ["10ms", 1]]))
SPOILING = {
    "delay": DELAYS,
    "truncate": st.one_of(st.integers(0, 10_000), st.sampled_from(["50%", "0%", "99.5%", "33.3333%"])),
    "drip": some({"bytes": st.integers(1, 100), "every": LENGTHS}),
    "content_type": st.sampled_from(["text/plain", "application/json"]),
    "headers": st.sampled_from([{"retry-after": 3}, {"x-a": "b", "server": "nginx"}]),
}
AT = {"at": st.sampled_from(["before", "after"])}
REPLACING = st.one_of(
    st.fixed_dictionaries({"code": st.integers(1001, 9999)}, optional={"msg": WORDS, **AT}),
    st.fixed_dictionaries({"http": st.integers(300, 599)}, optional={"body": WORDS, "delay": DELAYS, **AT}),
    st.fixed_dictionaries({"drop": TRUE}, optional={"delay": DELAYS, **AT}),
    st.fixed_dictionaries({"reset": TRUE}, optional=AT),
    *(st.fixed_dictionaries({kind: TRUE}, optional={**SPOILING, **AT}) for kind in ("empty", "garbage", "html")),
)
FAULTS = st.one_of(REPLACING, some(SPOILING, least=1))
FILE_RULE_FAULTS = st.one_of(FAULTS, st.fixed_dictionaries({"file": st.sampled_from(FILE_FAULTS)}))


def _without_what_never_comes(stages: list[Any], ending: list[Any]) -> list[Any]:
    for position, stage in enumerate(stages):
        if "forever" in stage.values():
            return stages[: position + 1]
    return [*stages, *ending]


STAGES = st.builds(
    _without_what_never_comes,
    st.lists(
        st.tuples(st.sampled_from(["queueing", "processing", "completed", "failed"]), SPANS).map(lambda kv: dict([kv])),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(
        [
            [],
            ["completed"],
            ["failed"],
            [{"failed": ["no", "face: bad"]}],
            [{"failed": {"reasons": [], "refund": True}}],
        ]
    ),
)
URLS = st.sampled_from(["https://example.com/dead.jpg", "", "missing"])
RESULTS = some(
    {
        "image": URLS,
        "upscaled_urls": st.one_of(st.lists(URLS, max_size=3), st.just("missing")),
        "buttons": st.one_of(st.lists(st.sampled_from(BUTTONS), unique=True), st.just("missing")),
        "files": FILE_RULE_FAULTS,
    }
)
WHENS = some(
    {
        "endpoint": st.sampled_from(["createbyprompt", "create", ["createbyprompt", "createbybutton"]]),
        "prompt": PATTERNS,
        "scale": PATTERNS,
        "model_name": PATTERNS,
        "account": PATTERNS,
    }
)


def _with_a_result_that_comes(job: Plain) -> Plain:
    """Leave the result out of a job that is never completed."""
    stages = job.get("stages", ["completed"])
    *_, last = stages
    ends_well = last == "completed" or (isinstance(last, dict) and not isinstance(last.get("failed", ""), (list, dict)))
    is_endless = isinstance(last, dict) and "forever" in last.values()
    is_completed = (ends_well and not is_endless) or any("completed" in stage for stage in stages)
    return job if is_completed else {key: value for key, value in job.items() if key != "result"}


JOBS = some({"when": WHENS, "times": COUNTS, "stages": STAGES, "result": RESULTS}).map(_with_a_result_that_comes)
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "name": WORDS,
    "account": PATTERNS,
    "prompt": PATTERNS,
    "job": st.one_of(COUNTS, st.just("0" * 24)),
    "status": st.sampled_from(["queueing", "processing", "completed", "failed"]),
    "during": st.sampled_from([["10s", "40s"], [0, "forever"], [1, 2.5]]),
    "nth": st.one_of(COUNTS, st.lists(COUNTS, min_size=1, max_size=4)),
    "first": COUNTS,
    "every": COUNTS,
    "after": st.integers(0, 1000),
    "probability": st.one_of(st.sampled_from([0, 1]), st.floats(0, 1, allow_nan=False)),
    "per": st.sampled_from(["account", "job", "all"]),
    "optional": st.booleans(),
}
ON = st.sampled_from(["infobymodelid", "create", "any", "getToken", ["quota/info", "unknown"], "api"])
RULES = st.builds(
    lambda needed, more: needed | more,
    st.one_of(
        st.fixed_dictionaries({"on": ON, "fault": FAULTS}),
        st.fixed_dictionaries({"on": st.just("file"), "fault": FILE_RULE_FAULTS}),
    ),
    some(CONDITIONS),
)
SCENARIOS = some(
    {
        "description": WORDS,
        "advice": WORDS,
        "seed": st.integers(-(2**63), 2**63 - 1),
        "profile": st.sampled_from(["observed", "documented"]),
        "account": some(
            {
                "credits": st.integers(0, 10**12),
                "status": st.sampled_from(["active", "banned"]),
                "token_lifetime": LENGTHS,
            }
        ),
        "accounts": st.lists(st.builds(lambda n: {"api_key": f"s{n}", "credits": n}, COUNTS), max_size=1),
        "jobs": st.lists(JOBS, max_size=3),
        "rules": st.lists(RULES, max_size=3),
        "limits": some({"requests_per_second": st.floats(0.001, 1e6), "concurrent_jobs": st.integers(0, 100)}),
    }
)
"""What is a scenario, as plain data."""
