"""What records of core say about themselves: in logs, in `repr`, and to people who ask why nothing went wrong."""

from __future__ import annotations

import base64
import copy
import pickle
from typing import Any

import pytest

from mock_akool import Request, Response, SettingsError
from mock_akool.core.call_log import Call
from mock_akool.core.delays import DELAY, Delay
from mock_akool.core.durations import Span
from mock_akool.core.errors import Mistake
from mock_akool.core.http import Termination, Transfer, shortened
from mock_akool.core.options import BASE_URL, Options, option
from mock_akool.core.rules import Conditions, Rule, Subject
from mock_akool.core.schema import Optional, whole
from mock_akool.core.text import cleaned, printable
from mock_akool.core.timeline import Status, failed
from mock_akool.core.urls import basic_authorization
from mock_akool.core.webhook_faults import WEBHOOK, WebhookFault

SECRET = "nmwUjMAK0PJpl0MOiXLOOOwZADm0gkLo"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a fox", "a fox"),
        ("", ""),
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("x" * 201, "x" * 200),
        ("\n" * 201, repr("\n" * 200)),
    ],
    ids=["plain", "empty", "lines", "a terminal's", "long", "long and odd"],
)
def test_text_of_a_client_is_one_short_line(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_text_is_shortened_to_what_was_asked_for() -> None:
    assert (printable("abcdef", 3), printable("a\ncdef", 3)) == ("abc", r"'a\nc'")


def test_a_line_of_ours_keeps_all_but_what_steers_a_terminal() -> None:
    assert cleaned("GET /é 200") == "GET /é 200"
    assert cleaned("GET /\x1b[31m\n 200") == r"GET /\x1b[31m\n 200"


def test_a_request() -> None:
    headers = {"X-API-Key": SECRET, "Cookie": "short", "accept": SECRET}
    request = Request.build("GET", "/a", "b=1", headers, b"four")
    shown = {"x-api-key": "nmwU…", "cookie": "…", "accept": SECRET}
    assert repr(request) == f"<Request GET /a query='b=1' headers={shown} 4 bytes>"
    assert (shortened("12345678"), shortened("123456789")) == ("…", "1234…")


def test_a_response() -> None:
    response = Response(200, (), b"four", code=1000, account=SECRET, job_id="64dd")
    assert repr(response) == "<Response 200 code=1000 account=nmwU… job_id=64dd 4 bytes>"
    cut = Response(200, (), b"", transfer=Transfer(Termination.CUT))
    assert repr(cut) == "<Response 200 cut off code=None account=None job_id=None 0 bytes>"


def test_a_call() -> None:
    request = Request.build("GET", "/a")
    response = Response(502, (), b"", code=1003, account=SECRET, job_id="64dd", job_status=Status.FAILED)
    shown = "<Call 7 GET /a -> 502 code=1003 account=nmwU… job_id=64dd job_status=failed>"
    assert repr(Call(7, 0, "v3", request, response)) == shown
    nothing = "<Call 8 GET /a -> 404 code=None account=None job_id=None job_status=None>"
    assert repr(Call(8, 0, "v3", request, Response(404, (), b""))) == nothing


@pytest.mark.parametrize(
    ("written", "shown"), [("1500ms..2s", "1500ms..2s"), (["1s", "2m"], "1s..2m"), ("3s", "3s"), ("3s..3s", "3s")]
)
def test_a_delay(written: Any, shown: str) -> None:
    assert str(Delay.of(written)) == shown
    assert DELAY.read(DELAY.write(Delay.of(written))) == Delay.of(written)


def test_an_ending() -> None:
    assert str(failed("too dark", "no face")) == "failed: too dark; no face"
    assert str(failed()) == "failed"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ({"fault": {"copies": 2}}, "copies=2"),
        ({"fault": {"copies": 2, "delay": "3s"}}, "copies=2, delay='3s'"),
        (
            {"fault": {"copies": 0}, "status": "failed", "job": 2, "times": 1},
            "copies=0 for status='failed', job=2, times=1",
        ),
    ],
)
def test_a_rule_for_webhooks(written: Any, shown: str) -> None:
    assert str(WEBHOOK.read(written)) == shown


def test_a_webhook_fault_that_does_nothing() -> None:
    assert str(WebhookFault()) == "no fault"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, ""),
        ({"nth": (2, 5)}, "nth: 2, 5"),
        ({"first": 3}, "first: 3"),
        ({"every": 4, "probability": 0.5}, "every: 4, probability: 0.5"),
        ({"nth": (1,), "first": 3, "after": 2}, "nth: 1, first: 3, after: 2"),
    ],
)
def test_which_calls_a_rule_chooses(parts: dict[str, Any], said: str) -> None:
    assert Rule(("api",), None, **parts).choosing() == said  # type: ignore[arg-type]


DURING = (Span.of("10s"), Span.of("20s"))


@pytest.mark.parametrize(
    ("conditions", "subject", "found"),
    [
        ({}, {}, []),
        ({"during": DURING}, {"since_ns": 10_000_000_000}, []),
        ({"during": DURING}, {"since_ns": 19_999_999_999}, []),
        ({"during": DURING}, {"since_ns": 9_500_000_000}, ["it came at 9.5 s, not during 10s to 20s"]),
        ({"during": DURING}, {"since_ns": 20_000_000_000}, ["it came at 20 s, not during 10s to 20s"]),
        ({"during": (Span.of(0), Span.of("forever"))}, {"since_ns": 0}, []),
        ({"during": (Span.of("forever"), Span.of("1s"))}, {"since_ns": 0}, []),
        ({"account": "a*"}, {"account": "abc"}, []),
        ({"account": "a*"}, {"account": "b"}, ["it was another account's"]),
        ({"account": "a*"}, {}, ["its account is not known"]),
        ({"account": "*"}, {}, []),
        ({"job": 2}, {"job_number": 2, "job_id": "64dd"}, []),
        ({"job": "64dd"}, {"job_number": 2, "job_id": "64dd"}, []),
        ({"job": 1}, {"job_number": 2, "job_id": "64dd"}, ["it was about job 2"]),
        ({"job": 1}, {}, ["it was about no known job"]),
        ({"prompt": "a fox*"}, {"prompt": "a fox in snow"}, []),
        ({"prompt": "fox"}, {"prompt": "a fox"}, ["its prompt is 'a fox', and 'fox' does not fit the whole of it"]),
        ({"prompt": "Fox"}, {"prompt": "fox"}, ["its prompt is 'fox', and 'Fox' does not fit the whole of it"]),
        ({"prompt": "fox"}, {}, ["it has no prompt"]),
        ({"prompt": "*"}, {}, []),
        ({"status": Status.FAILED}, {"status": Status.FAILED}, []),
        ({"status": Status.FAILED}, {"status": Status.COMPLETED}, ["the job was completed"]),
        ({"status": Status.FAILED}, {}, ["it was about no known job"]),
        (
            {"account": "a", "job": 1, "status": Status.FAILED},
            {"account": "b", "job_number": 2},
            ["it was another account's", "it was about job 2", "it was about no known job"],
        ),
    ],
)
def test_what_keeps_a_call_from_being_meant(conditions: Any, subject: Any, found: list[str]) -> None:
    assert Conditions(**conditions).differences(Subject(**subject)) == found


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [("user:word", "user:word"), ("user", "user:"), ("a%40b:c%3Ad", "a@b:c:d"), ("a:b:c", "a:b:c"), ("é:ß", "é:ß")],
)
def test_who_asks_as_a_url_has_it(credentials: str, sent: str) -> None:
    scheme, _, encoded = basic_authorization(credentials).partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", sent)


class Few(Options):
    """Two settings."""

    most: int = option(3, whole(0, 9), "how many")
    name: int | None = option(None, Optional(whole(0, 9)), "or none")


class Fewer(Options):
    """One of the same name."""

    most: int = option(3, whole(0, 9), "how many")


def test_settings_are_compared_and_shown_by_value() -> None:
    few = Few.of(most="4")
    assert few == Few(most=4) != Few()
    assert hash(few) == hash(Few(most=4))
    assert Few() != Fewer()
    assert len({Few(), Few(most=3), Few(most=4)}) == 2
    assert repr(few) == "Few(most=4, name=None)"
    assert few.but(name="5") == Few(most=4, name=5)
    assert Few.of(most=4, name="") == few, "an empty text is nothing"


def test_settings_do_not_change() -> None:
    few = Few()
    with pytest.raises(AttributeError) as setting:
        few.most = 4  # type: ignore[misc]
    with pytest.raises(AttributeError) as deleting:
        del few.most
    assert str(setting.value) == "cannot assign to 'most': settings do not change; `but` makes others"
    assert str(deleting.value) == "cannot delete 'most': settings do not change"
    assert few == Few()


def test_an_unknown_setting() -> None:
    with pytest.raises(TypeError) as unknown:
        Few(mots=3)  # type: ignore[call-arg]
    assert str(unknown.value) == "Few() got an unexpected keyword argument 'mots'"
    with pytest.raises(SettingsError) as several:
        Few.of(mots=3, most=10, zebra=1)
    assert str(several.value).splitlines() == [
        "3 mistakes:",
        "  mots: there is no such setting; did you mean 'most'?",
        "  zebra: there is no such setting; the settings here are most, name",
        "  most: 10 is not a whole number from 0 to 9",
    ]


def test_mistakes_in_the_names_that_the_person_wrote() -> None:
    error = SettingsError.of(
        [Mistake("is wrong", "Mend it", ("most", 0)), Mistake("is odd", "", ("name",)), Mistake("all of it", "no")]
    )
    renamed = error.renamed({"most": "--most"})
    assert str(renamed).splitlines() == [
        "3 mistakes:",
        "  --most[0]: is wrong; mend it",
        "  name: is odd",
        "  all of it; no",
    ]
    for again in (copy.copy(renamed), pickle.loads(pickle.dumps(renamed))):
        assert (type(again), str(again), again.mistakes) == (SettingsError, str(renamed), renamed.mistakes)


@pytest.mark.parametrize(("count", "last"), [(20, "  no 19"), (21, "and 1 more"), (30, "and 10 more")])
def test_at_most_twenty_mistakes_are_listed(count: int, last: str) -> None:
    lines = str(SettingsError.of([Mistake(f"no {number}") for number in range(count)])).splitlines()
    assert lines[0] == f"{count} mistakes:"
    assert lines[-1].strip() == last.strip()
    assert len(lines) == 1 + min(count, 21)


def test_what_urls_begin_with() -> None:
    assert BASE_URL.read("https://fake.test:8443//") == "https://fake.test:8443"
    assert BASE_URL.read("http://x") == "http://x"
