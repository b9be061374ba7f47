"""Settings: each is checked, and a bad value is refused with its name, the value and what to write instead."""

from __future__ import annotations

import json
import pickle
from typing import Any, Final

import pytest

from mock_akool import AccountSpec, Code, Ending, MockAkool, Profile, Settings, SettingsError, Span, failed
from mock_akool.akool.codes import MESSAGES, UNKNOWN_MESSAGE
from mock_akool.akool.families import FakeSettings
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.delays import Delay
from mock_akool.core.durations import Duration
from mock_akool.core.schema import Field, shown
from mock_akool.core.timeline import COMPLETED

FIELDS = Settings.fields()


class _Odd:
    def __repr__(self) -> str:
        return "<odd>"


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_refuses_what_is_nothing_like_it(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(**{name: _Odd()})
    (mistake,) = caught.value.mistakes
    assert mistake.place == (name,)
    assert mistake.what.startswith("the value is not " if name == "admin_token" else "<odd> is not ")
    assert str(caught.value).startswith(f"{name}: {mistake.what}")


def test_every_option_accepts_its_own_default() -> None:
    for name, field in FIELDS.items():
        assert getattr(Settings.of(**{name: field.default}), name) == field.default, name


def test_every_option_is_explained() -> None:
    for name, known in FIELDS.items():
        assert known.help, name
        assert known.shape.wants, name
        assert known.shape.schema, name
        assert known.mark in {"", "D", "O", "I", "C"}, name
        assert not known.mark or known.section, name


_SPAN = "; use 10, '10s', '2m', '500ms', '3 polls' or 'forever'"
_DELAY = "; use 10, '500ms', or for a range '200ms..2s' or [200ms, 2s]"
BAD: list[tuple[str, Any, str]] = [
    ("seed", "x", "'x' is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807"),
    ("seed", 1.5, "1.5 is not a whole number"),
    ("seed", True, "True is not a whole number"),
    ("seed", 2**63, "9223372036854775808 is not a whole number"),
    ("seed", "9" * 5000, f"'{'9' * 56}... is not a whole number"),
    ("profile", "real", "'real' is not observed or documented"),
    ("profile", "observd", "'observd' is not observed or documented; did you mean 'observed'?"),
    ("strict", "maybe", "'maybe' is not true or false"),
    ("strict", 2, "2 is not true or false"),
    ("accounts", {}, "{} is not a list; each item is an object"),
    ("accounts", "{}", "a listed account needs the key 'api_key'"),
    ("accounts", "[1", "'[1' is not a list; each item is an object"),
    ("accounts", [1], "1 is not a listed account; use an object with keys such as {"),
    ("credits", -1, "-1 is not a whole number from 0 to 1,000,000,000,000"),
    ("credits", "1e3", "1000.0 is not a whole number"),
    ("queueing", "-1s", f"'-1s' is not a duration{_SPAN}"),
    ("processing", "soon", f"'soon' is not a duration{_SPAN}"),
    ("processing", "1.5 polls", f"'1.5 polls' is not a number of polls from 0 to 10,000{_SPAN}"),
    ("processing", "101 years", f"'101 years' is not a duration{_SPAN}"),
    ("processing", "36501d", "'36501d' is over 100 years; use 'forever' for a stage without end"),
    ("processing", 10**5000, "a very long int is over 100 years; use 'forever' for a stage without end"),
    ("ending", "exploded", "'exploded' is not an ending; use 'completed', 'failed' or 'failed: reason'"),
    ("ending", "complete", "'complete' is not an ending; did you mean 'completed'?"),
    ("ending", "completed: well", "'completed: well' is not an ending; did you mean 'completed'?"),
    ("latency", "3 polls", f"'3 polls' is not a duration{_DELAY}"),
    ("latency", "forever", f"'forever' is not a duration{_DELAY}"),
    ("latency", "banana", f"'banana' is not a duration{_DELAY}"),
    ("latency", "1s..", f"'1s..' is not a duration{_DELAY}"),
    ("latency", "1s..2s..3s", f"'1s..2s..3s' is not a duration{_DELAY}"),
    ("latency", "1s..forever", f"'1s..forever' is not a duration{_DELAY}"),
    ("latency", "2s..200ms", "'2s..200ms' has the longer delay first; write the shorter one first"),
    ("call_log_size", 0, "0 is not a whole number from 1 to 10,000,000"),
    ("max_body_bytes", 1023, "1023 is not a whole number from 1,024 to 1,073,741,824"),
    ("error_data", "undefined", "'undefined' is not omit or null"),
    ("gone_file_status", 200, "200 is not a whole number from 400 to 599"),
    ("out_of_credits_code", 1000, "1000 is not a business code from 1001 to 9999"),
    ("out_of_credits_code", 10_000, "10000 is not a business code from 1001 to 9999"),
    ("requests_per_second", 0, "0 is not a number above 0"),
    ("requests_per_second", "nan", "nan is not a number above 0"),
    ("requests_per_second", "inf", "inf is not a number above 0"),
    ("concurrent_jobs", -1, "-1 is not a whole number from 0 to 1,000,000,000"),
    ("square_4k", 63, "63 is not a whole number from 64 to 4,096"),
    ("prompt_suffix", 3, "3 is not a text"),
]


@pytest.mark.parametrize(("name", "value", "why"), BAD, ids=lambda each: shown(each)[:40])
def test_a_bad_value_is_refused_in_one_line_with_its_name_and_what_to_write(name: str, value: Any, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        MockAkool(**{name: value})
    text = str(caught.value)
    place = f"{name}[0]: " if (name, value) in (("accounts", "{}"), ("accounts", [1])) else f"{name}: "
    assert text.startswith(place + why)
    assert "\n" not in text
    assert len(text) < 600


CODES: Final = (1001, 9999)
WRITTEN: Final[dict[str, tuple[int, int]]] = {
    "seed": (-(2**63), 2**63 - 1),
    "credits": (0, 10**12),
    "call_log_size": (1, 10**7),
    "call_log_bytes": (64 << 10, 1 << 40),
    "max_body_bytes": (1 << 10, 1 << 30),
    "gone_file_status": (400, 599),
    "get_token_wrong_pair_code": CODES,
    "get_token_missing_field_code": CODES,
    "bad_parameter_code": CODES,
    "unknown_job_code": CODES,
    "foreign_job_code": CODES,
    "out_of_credits_code": CODES,
    "concurrent_jobs": (0, 10**9),
    "webhook_retries": (0, 20),
    "port": (0, 65_535),
}


def bounds_of(field: Field) -> tuple[int, int] | None:
    """Return the least and the most that the shape of a setting allows of a whole number; None of other shapes."""
    kinds = (field.shape.schema, *field.shape.schema.get("anyOf", ()))
    return next(((each["minimum"], each["maximum"]) for each in kinds if each.get("type") == "integer"), None)


OF_FAMILIES: Final = FakeSettings.fields().keys() - ServiceSettings.fields().keys()
BOUNDS: Final = WRITTEN | {name: found for name in OF_FAMILIES if (found := bounds_of(FIELDS[name])) is not None}
"""Those of families come from their shapes, so that a new family need not be named here."""


@pytest.mark.parametrize("name", BOUNDS)
def test_a_number_is_taken_up_to_its_bounds_and_no_further(name: str) -> None:
    least, most = BOUNDS[name]
    for value in (least, least + 1, most - 1, most):
        assert getattr(Settings.of(**{name: value}), name) == value
        assert getattr(Settings.of(**{name: str(value)}), name) == value
    for value in (least - 1, most + 1):
        bounds = f"{least} to {most}" if BOUNDS[name] == CODES else f"{least:,} to {most:,}"
        with pytest.raises(SettingsError, match=f"^{name}: {value} is not a .* from {bounds}"):
            Settings.of(**{name: value})


def test_the_bounds_of_all_whole_numbers_are_tried() -> None:
    assert {name: found for name, field in FIELDS.items() if (found := bounds_of(field)) is not None} == BOUNDS


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("requests_per_second", 1e-9, 1e9),
        ("queueing", "0s", "36500d"),
        ("processing", "0 polls", "10000 polls"),
        ("file_lifetime", 0, 36_500 * 86_400),
        ("latency", "0s", "36500d"),
    ],
)
def test_other_amounts_have_bounds_too(name: str, least: Any, most: Any) -> None:
    Settings.of(**{name: least})
    Settings.of(**{name: most})
    beyond = {"36500d": "36501d", "10000 polls": "10001 polls"}.get(most) or most * 1.001
    below = {"0s": "-1ms", "0 polls": "-1 polls", 1e-9: 0}.get(least, -1)
    for value in (beyond, below):
        with pytest.raises(SettingsError, match=f"^{name}: "):
            Settings.of(**{name: value})


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        MockAkool(
            quueing=1, ending="exploded", accounts=[{"api_key": "a", "credits": -1, "state": "banned"}, {}], seed="x"
        )
    assert str(caught.value).splitlines() == [
        "6 mistakes:",
        "  quueing: there is no such setting; did you mean 'queueing'?",
        "  seed: 'x' is not a whole number from -9,223,372,036,854,775,808 to 9,223,372,036,854,775,807",
        "  accounts[0].state: there is no such key; did you mean 'status'?",
        "  accounts[0].credits: -1 is not a whole number from 0 to 1,000,000,000,000",
        "  accounts[1]: a listed account needs the key 'api_key'; it is the API key, which is the clientSecret of "
        "getToken, too",
        "  ending: 'exploded' is not an ending; use 'completed', 'failed' or 'failed: reason'",
    ]
    assert [each.place for each in caught.value.mistakes[:2]] == [("quueing",), ("seed",)]


@pytest.mark.parametrize("stage", ["queueing", "processing"])
def test_an_ending_of_jobs_that_never_end_is_refused(stage: str) -> None:
    lengths: dict[str, Any] = {stage: "forever"}
    with pytest.raises(SettingsError) as caught:
        MockAkool(**lengths, ending="failed")
    said = f"ending: {stage} lasts forever, so no job ends; leave out ending, or give {stage} a length"
    assert str(caught.value) == said
    MockAkool(**lengths, ending="completed")


def test_of_very_many_mistakes_the_first_are_reported() -> None:
    with pytest.raises(SettingsError) as caught:
        MockAkool(accounts=[{"api_key": ""}] * 50)
    lines = str(caught.value).splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("50 mistakes:", "  and 30 more", 22)
    assert len(caught.value.mistakes) == 50


def test_an_error_of_settings_can_be_sent_to_another_process() -> None:
    all_options: list[dict[str, Any]] = [{"seed": "x"}, {"seed": "x", "credits": "y"}]
    for options in all_options:
        with pytest.raises(SettingsError) as caught:
            MockAkool(**options)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert (str(copy), copy.mistakes) == (str(caught.value), caught.value.mistakes)


GOOD: list[tuple[str, Any, Any]] = [
    ("seed", "-7", -7),
    ("profile", "documented", Profile.DOCUMENTED),
    ("strict", "ON", True),
    ("strict", "", False),
    ("strict", "1", True),
    ("credits", "0", 0),
    ("queueing", "3 polls", Span(polls=3)),
    ("processing", 0.5, Span(500_000_000)),
    ("ending", "completed", COMPLETED),
    ("ending", "failed", failed()),
    ("ending", "failed: too dark; no face", failed("too dark", "no face")),
    ("ending", "Failed :", failed()),
    ("ending", failed("x", refund=True), Ending(failed().status, ("x",), refund=True)),
    ("latency", "100ms", Delay.of(0.1)),
    ("latency", "200ms..2s", Delay(Duration(200_000_000), Duration(2_000_000_000))),
    ("latency", " 1 .. 2 ", Delay(Duration(1_000_000_000), Duration(2_000_000_000))),
    ("latency", "1s..1s", Delay.of(1)),
    ("latency", ["200ms", 2], Delay.of("200ms..2s")),
    ("requests_per_second", "0.5", 0.5),
    ("requests_per_second", "", None),
    ("concurrent_jobs", "", None),
    ("concurrent_jobs", "0", 0),
    ("accounts", "[]", ()),
    ("accounts", '[{"api_key": "s"}]', (AccountSpec("s"),)),
    (
        "accounts",
        [{"api_key": "s", "client_id": "i", "credits": 1, "status": "banned", "token_lifetime": "30s"}],
        (AccountSpec("s", "i", 1, banned=True, token_lifetime=Duration(30_000_000_000)),),
    ),
]


@pytest.mark.parametrize(("name", "value", "real"), GOOD, ids=repr)
def test_a_value_may_be_text(name: str, value: Any, real: Any) -> None:
    assert getattr(FakeSettings.of(**{name: value}), name) == real


BAD_ACCOUNTS: list[tuple[Any, str]] = [
    ({}, "[0]: a listed account needs the key 'api_key'"),
    ({"api_key": ""}, "[0].api_key: it is empty; write a text"),
    ({"api_key": 5}, "[0].api_key: 5 is not a text"),
    ({"api_key": "s", "clientId": "s"}, "[0].clientId: there is no such key; did you mean 'client_id'?"),
    ({"api_key": "s", "client_id": ""}, "[0].client_id: it is empty; write a text"),
    ({"api_key": "s", "client_id": 7}, "[0].client_id: 7 is not a text"),
    ({"api_key": "s", "credits": -1}, "[0].credits: -1 is not a whole number from 0 to"),
    ({"api_key": "s", "credits": True}, "[0].credits: True is not a whole number from 0 to"),
    ({"api_key": "s", "credits": 1.5}, "[0].credits: 1.5 is not a whole number from 0 to"),
    ({"api_key": "s", "status": "poor"}, "[0].status: 'poor' is not active or banned"),
    ({"api_key": "s", "status": ["banned"]}, "[0].status: ['banned'] is not active or banned; did you mean 'banned'?"),
    ({"api_key": "s", "token_lifetime": "3 polls"}, "[0].token_lifetime: '3 polls' is not a duration in seconds"),
    ("s", "[0]: 's' is not a listed account; use an object with keys such as {"),
    ('["s"]', "[0]: '[\"s\"]' is not a listed account; use an object with keys such as {"),
    ("{'api_key': 's'}", "[0]: \"{'api_key': 's'}\" is no JSON: expecting property name enclosed in double quotes"),
]


def test_an_account_that_is_nested_too_deeply_is_no_json() -> None:
    with pytest.raises(SettingsError, match="is no JSON: it is nested too deeply"):
        FakeSettings.of(accounts=["[" * 100_000])


@pytest.mark.parametrize(("account", "why"), BAD_ACCOUNTS, ids=repr)
def test_a_bad_account_is_refused_with_why(account: Any, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        FakeSettings.of(accounts=json.dumps([account]))
    assert str(caught.value).startswith(f"accounts{why}")


@pytest.mark.parametrize("name", ["api_key", "client_id"])
def test_two_accounts_cannot_be_one(name: str) -> None:
    pair = [{"api_key": "s1", "client_id": "i1"}, {"api_key": "s2", "client_id": "i2"}]
    pair[1][name] = pair[0][name]
    with pytest.raises(
        SettingsError, match=rf"accounts\[1\]\.{name}: account 0 has the same {name}; give each its own"
    ):
        FakeSettings.of(accounts=pair)


@pytest.mark.parametrize(("name", "near"), [("sead", "seed"), ("profil", "profile"), ("creditss", "credits")])
def test_an_unknown_name_is_reported_with_the_nearest(name: str, near: str) -> None:
    options: dict[str, Any] = {name: 1}
    with pytest.raises(SettingsError) as caught:
        MockAkool(**options)
    assert str(caught.value) == f"{name}: there is no such setting; did you mean '{near}'?"


def test_a_name_like_no_other_is_reported_with_all() -> None:
    with pytest.raises(SettingsError) as caught:
        MockAkool(zzzzzz=1)
    assert all(name in caught.value.hint for name in FakeSettings.fields())


def test_options_are_frozen() -> None:
    settings = FakeSettings()
    with pytest.raises(AttributeError, match="'seed': settings do not change"):
        settings.seed = 5  # type: ignore[misc]
    with pytest.raises(AttributeError, match="'seed': settings do not change"):
        del settings.seed
    assert settings == FakeSettings.of()
    assert hash(settings) == hash(FakeSettings())


def test_others_are_made_of_options_by_changes() -> None:
    changed = FakeSettings(credits=5).but(seed=7)
    assert changed == FakeSettings(credits=5, seed=7) != FakeSettings(credits=5)
    assert repr(changed).startswith("FakeSettings(seed=7, profile=")
    with pytest.raises(SettingsError, match="seed: 'x' is not a whole number"):
        changed.but(seed="x")
    with pytest.raises(TypeError, match="unexpected keyword argument 'sede'"):
        changed.but(sede=1)


@pytest.mark.parametrize("code", list(Code))
def test_a_refusal_has_the_message_of_its_code(code: Code) -> None:
    assert FakeSettings().refusal(code).msg == MESSAGES[code]


def test_a_refusal_has_the_configured_message() -> None:
    settings = FakeSettings.of(msg_authorization_empty="none", msg_account_banned="banned")
    assert settings.refusal(Code.AUTHORIZATION_EMPTY).msg == "none"
    assert settings.refusal(Code.ACCOUNT_BANNED).msg == "banned"
    assert settings.refusal(7777).msg == UNKNOWN_MESSAGE
