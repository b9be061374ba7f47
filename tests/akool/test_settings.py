"""Options: every one is checked, and a bad one is told with its name, its value and what it takes."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from mock_akool import AccountSpec, Code, Ending, MockAkool, Profile, Settings, SettingsError, Span, failed
from mock_akool.akool.codes import MESSAGES, UNKNOWN_MESSAGE
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.durations import Duration
from mock_akool.core.options import about
from mock_akool.core.timeline import COMPLETED

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


class _Odd:
    def __repr__(self) -> str:
        return "<odd>"


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_refuses_what_is_nothing_like_it(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(**{name: _Odd()})
    assert caught.value.message.startswith(f"{name}=<odd> is not usable")
    if name == "scenario":
        assert caught.value.hint == "Give a name, a file, or a dict of a file's keys"
    else:
        assert caught.value.hint == f"It takes {about(FIELDS[name]).kind.wants}"


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_accepts_its_own_default(name: str) -> None:
    default = FIELDS[name].default
    assert getattr(Settings.of(**{name: default}), name) == default


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_is_told_to_a_person(name: str) -> None:
    told = about(FIELDS[name])
    assert told.help
    assert told.kind.wants
    assert told.mark in {"", "D", "O", "I", "C"}
    assert not told.mark or told.section


BAD: list[tuple[str, Any]] = [
    ("seed", "x"),
    ("seed", 1.5),
    ("seed", True),
    ("seed", 2**63),
    ("seed", "9" * 5000),
    ("profile", "real"),
    ("strict", "maybe"),
    ("strict", 2),
    ("accounts", "not json"),
    ("accounts", "{}"),
    ("accounts", [1]),
    ("credits", -1),
    ("credits", "1e3"),
    ("queueing", "-1s"),
    ("processing", "soon"),
    ("ending", "exploded"),
    ("ending", "completed: well"),
    ("latency", "3 polls"),
    ("latency", "forever"),
    ("journal_size", 0),
    ("max_body_bytes", 1023),
    ("error_data", "undefined"),
    ("gone_file_status", 200),
    ("out_of_credits_code", 1000),
    ("out_of_credits_code", 10_000),
    ("requests_per_second", 0),
    ("requests_per_second", "nan"),
    ("requests_per_second", "inf"),
    ("concurrent_jobs", -1),
    ("square_4k", 63),
    ("prompt_suffix", 3),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=repr)
def test_a_bad_value_is_told_with_its_name_and_what_it_takes(name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        MockAkool(**{name: value})
    told = str(caught.value)
    assert told.startswith(f"{name}={repr(value)[:70]}")
    assert f"It takes {about(FIELDS[name]).kind.wants}" in told
    assert "\n" not in told
    assert len(told) < 600


GOOD: list[tuple[str, Any, Any]] = [
    ("seed", "-7", -7),
    ("profile", "documented", Profile.DOCUMENTED),
    ("strict", "ON", True),
    ("strict", "", False),
    ("strict", 1, True),
    ("credits", "0", 0),
    ("queueing", "3 polls", Span(polls=3)),
    ("processing", 0.5, Span(500_000_000)),
    ("ending", "completed", COMPLETED),
    ("ending", "failed", failed()),
    ("ending", "failed: too dark; no face", failed("too dark", "no face")),
    ("ending", "Failed :", failed()),
    ("ending", failed("x", refund=True), Ending(failed().status, ("x",), refund=True)),
    ("latency", "100ms", Duration(100_000_000)),
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
    assert getattr(ServiceSettings.of(**{name: value}), name) == real


BAD_ACCOUNTS: list[tuple[Any, str]] = [
    ({}, "needs an api_key"),
    ({"api_key": ""}, "needs an api_key"),
    ({"api_key": 5}, "needs an api_key"),
    ({"clientSecret": "s"}, "not {'clientSecret': 's'}"),
    ({"api_key": "s", "client_id": ""}, "client_id ''"),
    ({"api_key": "s", "client_id": 7}, "client_id 7"),
    ({"api_key": "s", "credits": -1}, "credits -1"),
    ({"api_key": "s", "credits": True}, "credits True"),
    ({"api_key": "s", "credits": 1.5}, "credits 1.5"),
    ({"api_key": "s", "status": "poor"}, "status 'poor'"),
    ({"api_key": "s", "status": ["banned"]}, r"status ['banned']"),
    ({"api_key": "s", "token_lifetime": "3 polls"}, "'3 polls'"),
    ("s", "not 's'"),
]


@pytest.mark.parametrize(("account", "why"), BAD_ACCOUNTS, ids=repr)
def test_a_bad_account_is_told_with_why(account: Any, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ServiceSettings.of(accounts=json.dumps([account]))
    assert why in str(caught.value)


@pytest.mark.parametrize("name", ["api_key", "client_id"])
def test_two_accounts_cannot_be_one(name: str) -> None:
    pair = [{"api_key": "s1", "client_id": "i1"}, {"api_key": "s2", "client_id": "i2"}]
    pair[1][name] = pair[0][name]
    with pytest.raises(SettingsError, match=f"two accounts have the same {name}"):
        ServiceSettings.of(accounts=pair)


@pytest.mark.parametrize(("name", "near"), [("sead", "seed"), ("profil", "profile"), ("creditss", "credits")])
def test_an_unknown_name_is_told_with_the_nearest(name: str, near: str) -> None:
    options: dict[str, Any] = {name: 1}
    with pytest.raises(SettingsError) as caught:
        MockAkool(**options)
    assert str(caught.value) == f"there is no setting '{name}'. Did you mean '{near}'?"


def test_a_name_like_no_other_is_told_with_all() -> None:
    with pytest.raises(SettingsError) as caught:
        MockAkool(zzzzzz=1)
    assert all(field.name in caught.value.hint for field in dataclasses.fields(ServiceSettings))


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ServiceSettings().seed = 5  # type: ignore[misc]


@pytest.mark.parametrize("code", list(Code))
def test_a_refusal_has_the_message_of_its_code(code: Code) -> None:
    assert ServiceSettings().refusal(code).msg == MESSAGES[code]


def test_a_refusal_has_the_configured_message() -> None:
    settings = ServiceSettings.of(msg_authorization_empty="none", msg_account_banned="banned")
    assert settings.refusal(Code.AUTHORIZATION_EMPTY).msg == "none"
    assert settings.refusal(Code.ACCOUNT_BANNED).msg == "banned"
    assert settings.refusal(7777).msg == UNKNOWN_MESSAGE
