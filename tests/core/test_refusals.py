"""What is refused, word for word: each mistake names the value, what was expected, and what to write instead."""

from __future__ import annotations

from typing import Any, Final

import pytest

from mock_akool import SettingsError
from mock_akool.core.delays import DELAY
from mock_akool.core.durations import DURATION, SPAN
from mock_akool.core.errors import Reader
from mock_akool.core.faults import FAULT
from mock_akool.core.options import BASE_URL
from mock_akool.core.stages import ENDING, STAGES
from mock_akool.core.timeline import STATUS
from mock_akool.core.webhook_faults import WEBHOOK

REFUSED: Final[list[tuple[Reader, list[tuple[Any, str]]]]] = [
    (
        FAULT,
        [
            (
                {"http": 502, "headers": {"Content-Length": "3"}},
                "headers: content-length follows from the body; remove it",
            ),
            (
                {"http": 502, "headers": {f"x-{n}": "1" for n in range(51)}},
                "headers: 51 headers are too many; use at most 50",
            ),
            (
                {"http": 502, "headers": {"a b": "1"}},
                "headers: 'a b' is not the name of a header; use letters, digits and -",
            ),
            ({"http": 502, "headers": {"": "1"}}, "headers: '' is not the name of a header; use letters, digits and -"),
            ({"http": 502, "headers": {"a": "\n"}}, "headers: '\\n' is not the value of a header; use printable ASCII"),
            ({"http": 502, "content_type": "é"}, "content_type: 'é' is not the value of a header; use printable ASCII"),
            ({"http": 502, "empty": True}, "a fault is either http or empty, not both; write two rules, one for each"),
            ({"msg": "no"}, "msg belongs to code, which is not there; add code"),
            ({"body": "no"}, "body belongs to http, which is not there; add http"),
            ({}, "this fault does nothing; use keys such as {http: 502}"),
            (
                {"drop": True, "drip": {"bytes": 1}},
                "drop sends nothing, so it does not go with drip; remove one of them",
            ),
            (
                {"reset": True, "truncate": "50%", "headers": {"a": "1"}},
                (
                    "2 mistakes:\n  reset sends nothing, so it does not go with truncate; remove one of them\n  reset "
                    "sends nothing, so it does not go with headers; remove one of them"
                ),
            ),
            (
                {"drop": True, "content_type": "text/html"},
                "drop sends nothing, so it does not go with content_type; remove one of them",
            ),
            (
                {"truncate": "50%", "at": "before"},
                (
                    "at: before is for a fault that replaces the response; this one spoils the response to work "
                    "that was done; remove `at`"
                ),
            ),
            (
                {"file": "png", "at": "before"},
                (
                    "at: before is for a fault that replaces the response; this one spoils the response to work "
                    "that was done; remove `at`"
                ),
            ),
            ({"http": 199}, "http: 199 is not a whole number from 200 to 599"),
            ({"http": 600}, "http: 600 is not a whole number from 200 to 599"),
            ({"code": -1}, "code: -1 is not a whole number from 0 to 999,999"),
            ({"code": 1000000}, "code: 1000000 is not a whole number from 0 to 999,999"),
            ({"empty": False}, "empty: False is not true"),
            ({"file": "jpeg"}, "file: 'jpeg' is not expired, truncated or png"),
            ({"truncate": "100%"}, "truncate: '100%' is not a percentage or a number of bytes; use 50% or 2048"),
            ({"truncate": "-1%"}, "truncate: '-1%' is not a percentage or a number of bytes; use 50% or 2048"),
            ({"truncate": -1}, "truncate: -1 is not a percentage or a number of bytes; use 50% or 2048"),
            ({"truncate": True}, "truncate: True is not a percentage or a number of bytes; use 50% or 2048"),
            ({"drip": {"bytes": 0}}, "drip.bytes: 0 is not a whole number from 1 to 1,048,576"),
            ({"drip": {"byte": 1}}, "drip.byte: there is no such key; did you mean 'bytes'?"),
            ({"at": "befor"}, "at: 'befor' is not before or after; did you mean 'before'?"),
            ({"htp": 502}, "htp: there is no such key; did you mean 'http'?"),
            (
                [],
                (
                    "[] is not a fault; use an object with keys such as {http: 502}; the docs of scenarios and the "
                    "JSON Schema list them all"
                ),
            ),
        ],
    ),
    (
        STAGES,
        [
            (
                [],
                (
                    "[] is not a list of 1 to 100 stages; use stages such as [{queueing: 2s}, {processing: 2 "
                    "polls}, completed]"
                ),
            ),
            (
                ["completed"] * 101,
                (
                    "['completed', 'completed', 'completed', 'completed', 'com... is not a list of 1 to 100 stages; "
                    "use stages such as [{queueing: 2s}, {processing: 2 polls}, completed]"
                ),
            ),
            (
                {"queueing": "2s"},
                (
                    "{'queueing': '2s'} is not a list of 1 to 100 stages; use stages such as [{queueing: 2s}, "
                    "{processing: 2 polls}, completed]"
                ),
            ),
            (
                [{"queueing": "forever"}, {"processing": "2s"}],
                (
                    "[0].queueing: it lasts forever, so what follows never comes; remove what follows, or give "
                    "queueing a length"
                ),
            ),
            (
                ["completed", {"processing": "2s"}],
                (
                    "[0]: 'completed' is an ending, and stages follow it; give it a length, such as {completed: "
                    "2s}, or remove what follows"
                ),
            ),
            (
                [{"queueing": "2s", "processing": "2s"}],
                (
                    "[0]: {'queueing': '2s', 'processing': '2s'} is not a stage; write one status and its length, "
                    "such as {queueing: 2s}"
                ),
            ),
            ([5.5], "[0]: 5.5 is not a stage; write one status and its length, such as {queueing: 2s}"),
            ([{"queing": "2s"}], "[0].queing: 'queing' is not a status; did you mean 'queueing'?"),
            (
                [{"failed": "too dark"}],
                "[0].failed: 'too dark' is not a duration; a reason is written as {failed: ['too dark']}",
            ),
            (
                [{"queueing": "x"}, {"processing": "-1"}],
                (
                    "2 mistakes:\n  [0].queueing: 'x' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or "
                    "'forever'\n  [1].processing: '-1' is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or "
                    "'forever'"
                ),
            ),
        ],
    ),
    (
        ENDING,
        [
            (
                "completd",
                (
                    "'completd' is not an ending; did you mean 'completed'? Use 'completed', 'failed' or 'failed: "
                    "reason'"
                ),
            ),
            (
                "completed: no",
                (
                    "'completed: no' is not an ending; did you mean 'completed'? Use 'completed', 'failed' or "
                    "'failed: reason'"
                ),
            ),
            (5, "5 is not an ending; use 'completed', 'failed' or 'failed: reason'"),
            (True, "True is not an ending; use 'completed', 'failed' or 'failed: reason'"),
            ({"failed": [5]}, "failed.reasons[0]: 5 is not a text"),
            ({"failed": {"reason": ["x"]}}, "failed.reason: there is no such key; did you mean 'reasons'?"),
        ],
    ),
    (
        SPAN,
        [
            ("10 secnds", "'10 secnds' is not a duration; did you mean '10s'?"),
            ("3,5 minutes", "'3,5 minutes' is not a duration; did you mean '3.5m'?"),
            (
                "1.5 polls",
                (
                    "'1.5 polls' is not a number of polls from 0 to 10,000; use 10, '10s', '2m', '500ms', '3 polls' "
                    "or 'forever'"
                ),
            ),
            ("3 pols", "'3 pols' is not a duration; did you mean '3 polls'?"),
            (
                "10001 polls",
                (
                    "'10001 polls' is not a number of polls from 0 to 10,000; use 10, '10s', '2m', '500ms', '3 "
                    "polls' or 'forever'"
                ),
            ),
            ("never", "'never' is not a duration; did you mean 'forever'?"),
            ("36501d", "'36501d' is over 100 years; use 'forever' for a stage without end"),
            (3200000000.0, "3200000000.0 is over 100 years; use 'forever' for a stage without end"),
            (-1, "-1 is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (True, "True is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (None, "None is not a duration; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"),
            (
                "1" * 41,
                (
                    "'11111111111111111111111111111111111111111' is not a duration; use 10, '10s', '2m', '500ms', "
                    "'3 polls' or 'forever'"
                ),
            ),
        ],
    ),
    (
        DURATION,
        [
            ("3 polls", "'3 polls' is not a duration in seconds; use 10, '500ms', '2m', '3h' or '7d'"),
            ("forever", "'forever' is not a duration in seconds; use 10, '500ms', '2m', '3h' or '7d'"),
            ("never", "'never' is not a duration; use 10, '500ms', '2m', '3h' or '7d'"),
            ("3 pols", "'3 pols' is not a duration; use 10, '500ms', '2m', '3h' or '7d'"),
            ("2 hrs", "'2 hrs' is not a duration; did you mean '2h'?"),
        ],
    ),
    (
        DELAY,
        [
            ("2s..1s", "'2s..1s' has the longer delay first; write the shorter one first"),
            (["2s", "1s"], "['2s', '1s'] has the longer delay first; write the shorter one first"),
            (
                "1s..2s..3s",
                "'1s..2s..3s' is not a duration; use 10, '500ms', or for a range '200ms..2s' or [200ms, 2s]",
            ),
            ([1], "[1] is not a duration; use 10, '500ms', or for a range '200ms..2s' or [200ms, 2s]"),
            ("x", "'x' is not a duration; use 10, '500ms', or for a range '200ms..2s' or [200ms, 2s]"),
        ],
    ),
    (
        STATUS,
        [
            ("complete", "'complete' is not a status; did you mean 'completed'?"),
            (5, "5 is not a status; use queueing, processing, completed or failed (or 1 to 4)"),
            (0, "0 is not a status; use queueing, processing, completed or failed (or 1 to 4)"),
            (True, "True is not a status; use queueing, processing, completed or failed (or 1 to 4)"),
        ],
    ),
    (
        WEBHOOK,
        [
            ({}, "a webhook needs the key 'fault'; it is what goes wrong"),
            ({"fault": {}}, "fault: this fault does nothing; use keys such as {copies: 2}"),
            ({"fault": {"copies": 101}}, "fault.copies: 101 is not a whole number from 0 to 100"),
            ({"fault": {"copies": -1}}, "fault.copies: -1 is not a whole number from 0 to 100"),
            (
                {"fault": {"envelope": "wrong"}},
                (
                    "fault.envelope: 'wrong' is not good, wrong signature, wrong key, flipped bit, bad padding, "
                    "truncated base64 or plain JSON; did you mean 'wrong key'?"
                ),
            ),
            (
                {"fault": {"claim_status": 100}},
                "fault.claim_status: 100 is not a status, or a number from 0 to 99 that is none",
            ),
            (
                {"fault": {"claim_status": -1}},
                "fault.claim_status: -1 is not a status, or a number from 0 to 99 that is none",
            ),
            (
                {"fault": {"claim_status": True}},
                ("fault.claim_status: True is not a status; use queueing, processing, completed or failed (or 1 to 4)"),
            ),
            (
                {"fault": {"claim_status": "don"}},
                (
                    "fault.claim_status: 'don' is not a status; use queueing, processing, completed or failed (or 1 "
                    "to 4)"
                ),
            ),
            (
                {"fault": {"extra_bytes": (64 << 20) + 1}},
                "fault.extra_bytes: 67108865 is not a whole number from 0 to 67,108,864",
            ),
            (
                {"fault": {"copies": 2}, "status": "queueing"},
                "status: webhooks do not report queueing; use processing, completed or failed (or 2 to 4)",
            ),
            ({"fault": {"copies": 2}, "times": 0}, "times: 0 is not a whole number from 1 to 1,000,000,000"),
            ({"fault": {"copies": 2}, "job": 0}, "job: 0 is not a number from 1, or an id"),
            ({"fault": {"copies": 2}, "job": 1.5}, "job: 1.5 is not a number from 1, or an id"),
            ({"fault": {"copies": 2}, "acount": "x"}, "acount: there is no such key; did you mean 'account'?"),
            (
                [],
                (
                    "[] is not a webhook; use an object with the keys of a webhook, such as {status: completed, "
                    "fault: {copies: 2}}"
                ),
            ),
        ],
    ),
    (
        BASE_URL,
        [
            ("ftp://x", "'ftp://x' is not a scheme and a host; use https://fake.test:8443"),
        ],
    ),
]


@pytest.mark.parametrize(
    ("shape", "value", "told"),
    [pytest.param(shape, value, told, id=told[:60]) for shape, cases in REFUSED for value, told in cases],
)
def test_a_mistake_is_told_in_these_words(shape: Reader, value: Any, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        shape.read(value, ())
    assert str(caught.value) == told
