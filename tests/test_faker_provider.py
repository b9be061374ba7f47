"""The Faker provider: what it makes has the shape of the API, for each family and status, and follows from the seed."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from faker import Faker

from mock_akool import SettingsError, Status
from mock_akool.akool.codes import MESSAGES, Code
from mock_akool.akool.families import FAMILIES, Family
from mock_akool.akool.families.family import Pending
from mock_akool.faker_provider import FAMILY_NAMES, AkoolProvider
from mock_akool.webhooks import open_envelope

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden" / "observed"
ID = r"[0-9a-f]{24}"
FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
STATUSES = pytest.mark.parametrize("status", Status, ids=lambda status: status.word)


@pytest.fixture
def faker() -> Any:
    """A Faker of this test's own; Faker's own fixture of this name would do as well."""
    made = Faker()
    made.add_provider(AkoolProvider)
    made.seed_instance(1)
    return made


class TestIdentities:
    def test_they_have_the_form_of_real_ones(self, faker: Any) -> None:
        for _ in range(100):
            assert re.fullmatch(ID, faker.akool_job_id())
            assert re.fullmatch(r"[0-9A-Za-z]{32}", faker.akool_api_key())
            assert re.fullmatch(r"[0-9A-Za-z+/]{22}==", faker.akool_client_id())
            assert 1_735_689_600 <= int(faker.akool_job_id()[:8], 16) <= 1_893_456_000

    def test_they_are_unique(self, faker: Any) -> None:
        for make in (faker.akool_job_id, faker.akool_api_key, faker.akool_client_id):
            assert len({make() for _ in range(500)}) == 500

    def test_a_token_is_read_by_jwt(self, faker: Any) -> None:
        claims = jwt.decode(faker.akool_token(), options={"verify_signature": False})
        assert re.fullmatch(ID, claims["id"])
        assert (claims["type"], claims["from"]) == ("user", "toO")

    def test_prompts_differ(self, faker: Any) -> None:
        prompts = [faker.akool_prompt() for _ in range(100)]
        assert len(set(prompts)) > 90
        assert all(re.fullmatch(r"[a-z0-9 ]+, [a-z0-9 ]+", prompt) for prompt in prompts)


class TestRecords:
    @FAMILY
    @STATUSES
    def test_a_record_says_its_status(self, faker: Any, family: Family[Any], status: Status) -> None:
        results = family.readings[0].results
        for given in (status, int(status), status.word):
            record = faker.akool_record(family.name, given)
            assert record[results.status_word] == int(status)
            is_final = (family.readings[0].pending or results.pending) is Pending.FINAL
            is_there = family.makes_files and (status is Status.COMPLETED or is_final)
            assert bool(record.get(results.result_word)) == is_there

    @pytest.mark.parametrize(
        ("family", "name"),
        [("image_v3", "v3"), ("image_v4", "v4"), ("image_button", "button-u")],
        ids=lambda name: name,
    )
    @STATUSES
    def test_a_record_has_the_keys_of_the_golden_one(self, faker: Any, family: str, name: str, status: Status) -> None:
        golden = json.loads((GOLDEN / f"info-{name}-{int(status)}-{status.word}.json").read_text())
        made = faker.akool_response(family, status)
        assert made.keys() == golden.keys()
        assert made["data"].keys() == golden["data"].keys()
        for key, value in golden["data"].items():
            assert type(made["data"][key]) is type(value)

    @FAMILY
    def test_a_new_job_has_the_keys_of_a_create(self, faker: Any, family: Family[Any]) -> None:
        made = faker.akool_created(family.name)
        assert (made["code"], made["msg"]) == (1000, family.creates[0].msg)
        record = made["data"].get("successList", [made["data"]])[0]
        assert re.fullmatch(ID, record["_id"])
        assert record.get("image_status", 1) == record.get("status", 1) == 1
        assert "image" not in record

    def test_without_wishes_there_is_some_of_everything(self, faker: Any) -> None:
        words = {family.readings[0].results.status_word for family in FAMILIES}
        found = [faker.akool_record() for _ in range(300)]
        shown = {(word, record[word]) for record in found for word in words & record.keys()}
        assert shown == {(word, int(status)) for word in words for status in Status}
        assert {"op_button" in record for record in found} == {True, False}


class TestErrors:
    @pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
    def test_an_error_has_its_message(self, faker: Any, code: Code) -> None:
        assert faker.akool_error(code) == faker.akool_error(int(code)) == {"code": int(code), "msg": MESSAGES[code]}

    def test_any_error(self, faker: Any) -> None:
        found = {faker.akool_error()["code"] for _ in range(300)}
        assert found == {int(code) for code in Code} - {1000}

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (("akool_record", "image_v5"), "there is no family 'image_v5'; did you mean 'image_v"),
            (("akool_record", "sculpture"), "there is no family 'sculpture'; the families are image_v3, image_v4, "),
            (("akool_record", "image_v3", "complete"), "'complete' is not a status; did you mean 'completed'?"),
            (("akool_response", None, 7), "7 is not a status"),
            (("akool_webhook", "live_avatar"), "live_avatar sends no webhooks; use image_v3, "),
            (("akool_webhook", None, "queueing"), "no webhook reports status queueing; use processing, completed, fa"),
        ],
    )
    def test_a_name_that_there_is_not(self, faker: Any, call: tuple[Any, ...], message: str) -> None:
        method, *given = call
        with pytest.raises(SettingsError) as caught:
            getattr(faker, method)(*given)
        assert str(caught.value).startswith(message)

    @pytest.mark.parametrize("code", [1000, 9, "x", True])
    def test_what_is_no_code_of_an_error(self, faker: Any, code: Any) -> None:
        with pytest.raises(SettingsError, match=r"code: .* is not a business code from 1001 to 9999"):
            faker.akool_error(code)

    def test_without_faker_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "faker.providers", None)
        monkeypatch.delitem(sys.modules, "mock_akool.faker_provider")
        with pytest.raises(ModuleNotFoundError, match=r"needs Faker: python -m pip install 'mock-akool\[faker\]'"):
            importlib.import_module("mock_akool.faker_provider")


class TestWebhooks:
    @FAMILY
    def test_it_opens_with_the_credentials(self, faker: Any, family: Family[Any]) -> None:
        for status in family.webhook.states:
            client_id, api_key = faker.akool_client_id(), faker.akool_api_key()
            envelope = faker.akool_webhook(family.name, status, client_id=client_id, api_key=api_key)
            payload = open_envelope(json.dumps(envelope), client_id, api_key)
            assert (payload["status"], payload["type"]) == (int(status), family.webhook.type)
            assert ("url" in payload) == (status is Status.COMPLETED)

    def test_any(self, faker: Any) -> None:
        for _ in range(50):
            assert faker.akool_webhook().keys() == {"signature", "dataEncrypt", "timestamp", "nonce"}

    def test_a_key_that_cannot_encrypt(self, faker: Any) -> None:
        with pytest.raises(SettingsError, match=r"there is no webhook: .* 5 bytes"):
            faker.akool_webhook(api_key="short")


def test_everything_follows_from_the_seed() -> None:
    def some(seed: int) -> list[Any]:
        made: Any = Faker()
        made.add_provider(AkoolProvider)
        made.seed_instance(seed)
        names = [name for name in dir(AkoolProvider) if name.startswith("akool_")]
        assert len(names) == 11
        return [getattr(made, name)() for name in names * 3]

    assert some(7) == some(7) != some(8)


def test_the_names_of_families_are_all() -> None:
    assert [family.name for family in FAMILIES] == list(FAMILY_NAMES)
