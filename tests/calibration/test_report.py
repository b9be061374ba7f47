"""What a calibration writes has nothing private in it, wherever the service puts it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from mock_akool.calibration import (
    Calibration,
    CalibrationError,
    Credentials,
    Finding,
    Limits,
    Probe,
    Verdict,
    as_json,
    as_plan,
    as_text,
    as_toml,
    calibrate,
    fake_of,
    plan,
    redacted,
)
from mock_akool.calibration.service import Reply
from mock_akool.server.settings import Settings
from tests.calibration.services import RICH, USUAL, found_out

NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)
PLANTED: Final = (
    "person@mail.test",
    "7654321",
    "64dd90f9f0b6684651e90d60",
    "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjEifQ.c2VjcmV0",
    "https://private.example/path?x=1",
    "0a1b2c3d-0a1b-4c2d-8e3f-0a1b2c3d4e5f",
    "Q2FmZUJhYmUxMjM0NTY3OA==",
)
"""What a service may say of a person."""


class Leaky:
    """A service that puts what is private into every part of its answers."""

    def __init__(self, settings: Settings, secrets: tuple[str, ...]) -> None:
        self._service, self.credentials = fake_of(settings)
        self._secrets = secrets
        self.private: tuple[str, ...] = ("internal-host.example",)
        self.webhook_url = self._service.webhook_url
        self.is_local = True
        self.now_s = self._service.now_s
        self.pause = self._service.pause
        self.webhooks = self._service.webhooks
        self.answer_webhooks_with = self._service.answer_webhooks_with

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        reply = self._service.send(method, url, headers, body)
        planted = " ".join((*self._secrets, *self.private, *self.credentials))
        found = {
            **reply.headers,
            "set-cookie": planted,
            "content-type": f"{reply.headers.get('content-type')} {planted}",
        }
        if not isinstance(reply.json, dict):
            return Reply(reply.status, found, reply.body)
        return Reply(reply.status, found, json.dumps(self._leaking(reply.json, planted)).encode())

    def _leaking(self, value: Any, planted: str) -> Any:
        if isinstance(value, dict):
            more = {f"key {each}": each for each in planted.split()}
            return {**{key: self._leaking(each, planted) for key, each in value.items()}, **more}
        if isinstance(value, list):
            return [self._leaking(each, planted) for each in value]
        return value


def test_nothing_planted_gets_out() -> None:
    settings = Settings.of(msg_authorization_empty=f"Not you, {' '.join(PLANTED)}", prompt_suffix=f" for {PLANTED[0]}")
    service = Leaky(settings, PLANTED)
    media = {"image": "https://media.example/my-face.jpg"}
    chosen = plan(service.credentials, USUAL, RICH, webhook=True)
    found = calibrate(service, service.credentials, USUAL, chosen, limits=RICH, media=media)
    assert {"msg_authorization_empty", "prompt_suffix", "envelope"} <= {each.probe.name for each in found.differences}
    for text in (as_json(found), as_text(found), as_toml(found)):
        for secret in (*PLANTED, *service.credentials, *service.private, *media.values()):
            assert secret not in text
    assert "# msg_authorization_empty is left out: its value has something private in it" in as_toml(found)


def test_what_nobody_can_recognise_is_known_from_the_token_and_the_records() -> None:
    service, credentials = fake_of(USUAL)
    found = calibrate(service, credentials, USUAL, plan(credentials, USUAL, RICH, webhook=True), limits=RICH)
    reply = service.send(
        "POST",
        "/api/open/v3/getToken",
        {"content-type": "application/json"},
        json.dumps({"clientId": credentials.client_id, "clientSecret": credentials.api_key}).encode(),
    )
    import base64

    part = reply.json["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert redacted(f"Dear {claims['firstName']}, {claims['uid']}", found.secrets) == "Dear …, …"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("account does not exist", "account does not exist"),
        ("image_content_model_id", "image_content_model_id"),
        ("op_buttonMessageId", "op_buttonMessageId"),
        ({"keys": ["uid", "a@b.test"]}, {"keys": ["uid", "…"]}),
        (["x", 3, True, None], ["x", 3, True, None]),
        ("the key is%20secret", "the key …"),
    ],
)
def test_what_is_redacted(value: Any, expected: Any) -> None:
    assert redacted(value, ["is%20secret"]) == expected


def test_a_report_is_dated_json_with_counts() -> None:
    found = found_out(Settings(error_data="null"), USUAL, frozenset({"error_data", "unknown_job_code"}))
    report = json.loads(as_json(found, NOW))
    assert (report["date"], report["format"]) == ("2026-11-29", 1)
    assert report["counts"] == {"confirmed": 1, "differs": 1, "not asked": 0}
    assert report["findings"][0] == {
        "probe": "error_data",
        "fact": "what an error response has for `data`",
        "section": "1",
        "setting": "error_data",
        "verdict": "differs",
        "seen": "null",
        "here": "omit",
        "has_value": True,
    }


def test_the_text_says_what_differs_first() -> None:
    found = found_out(Settings(error_data="null"), USUAL, frozenset({"error_data", "unknown_job_code"}))
    lines = as_text(found).splitlines()
    assert lines[0] == "differs (1)"
    assert "null, and the fake omit" in lines[1]
    assert lines[2] == "confirmed (1)"
    assert lines[-1].endswith("1 confirmed, 1 differs, 0 not asked")


def test_the_text_says_of_records_which_keys_there_are_more_and_less() -> None:
    found = found_out(Settings.of(profile="documented"), USUAL, frozenset({"fields:image"}))
    assert "3: -from -origin_prompt -prompt" in as_text(found)


def test_a_file_of_settings_reads_whatever_text_there_is() -> None:
    text = 'He said "no"\n\t\\ \x7f ä'
    found = found_out(Settings(msg_authorization_empty=text), USUAL, frozenset({"msg_authorization_empty"}))
    assert tomllib.loads(as_toml(found)) == {"msg_authorization_empty": text}


def test_what_no_setting_explains_is_a_comment() -> None:
    probe = Probe("some_fact", "a fact", "1", lambda session: 1)
    found = Calibration([Finding(probe, Verdict.DIFFERS, 1, 2)], 1, 0)
    assert "# no setting explains what some_fact found" in as_toml(found, NOW)
    assert "some_fact  1, and the fake 2" in as_text(found)


def test_the_plan_says_what_it_costs() -> None:
    _, credentials = fake_of(USUAL)
    chosen = plan(credentials, USUAL, RICH, webhook=True)
    text = as_plan(chosen, Limits(100, 500))
    assert "--spend allows 500" in text
    assert "At most 100 requests, at least 0.5 s apart." in text
    assert "more" in text.splitlines()[-1]


def test_a_service_that_refuses_the_key_is_an_error() -> None:
    service, _ = fake_of(USUAL)
    wrong = Credentials("no such key")
    with pytest.raises(CalibrationError, match=r"quota/info did not say a balance: code 1109.*--api-key"):
        calibrate(service, wrong, USUAL, plan(wrong, USUAL, RICH, webhook=False), limits=RICH)
