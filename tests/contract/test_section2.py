"""Contract section 2: authentication."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

import jwt
import pytest

from mock_akool import MockAkool, Profile
from tests.contract.client import (
    CLIENT_ID,
    CREATE_V3,
    CREATE_V4,
    GET_TOKEN,
    INFO,
    KEY,
    OTHER_KEY,
    PRESS,
    QUOTA,
    Client,
)
from tests.contract.transports import Answer, OpenTransport, Transport

DAY_S = 86_400
BANNED_KEY = "B" * 32
BRIEF_KEY = "S" * 32
NO_KEY = "x" * 32

EMPTY = (1102, "Authorization cannot be empty")
BAD_BEARER = (1101, "invalid authorization")
NO_ACCOUNT = (1109, "account does not exist")
BANNED = (1200, "The account has been banned")
BAD_PARAMETER = (1003, "parameter validate error")
OK = (1000, "OK")

SIGNED = {
    "create-v3": ("POST", CREATE_V3),
    "create-v4": ("POST", CREATE_V4),
    "press": ("POST", PRESS),
    "info": ("GET", INFO),
    "quota": ("GET", QUOTA),
}


def outcome(answer: Answer) -> tuple[int, str]:
    assert answer.status == 200
    return answer.code, answer.msg


class Value(NamedTuple):
    """A header's value, and what it leads to when it decides. None: it counts as absent."""

    text: str | None
    outcome: tuple[int, str] | None


ACCOUNTS: list[dict[str, Any]] = [
    {"api_key": KEY, "client_id": CLIENT_ID, "credits": 77},
    {"api_key": BANNED_KEY, "status": "banned"},
    {"api_key": BRIEF_KEY, "token_lifetime": "30s", "credits": 55},
]


def authorizations(token: str, expired: str, banned: str, foreign: str) -> dict[str, Value]:
    header, claims, signature = token.split(".")
    unsigned = jwt.encode({"id": "0" * 24}, "", algorithm="none")
    return {
        "absent": Value(None, None),
        "empty": Value("", None),
        "blank": Value("   ", None),
        "good": Value(f"Bearer {token}", OK),
        "good-lower-case": Value(f"bearer {token}", OK),
        "good-upper-case": Value(f"BEARER {token}", OK),
        "good-mixed-case": Value(f"bEaReR {token}", OK),
        "good-two-spaces": Value(f"Bearer  {token}", OK),
        "expired": Value(f"Bearer {expired}", BAD_BEARER),
        "banned": Value(f"Bearer {banned}", BANNED),
        "of-another-service": Value(f"Bearer {foreign}", BAD_BEARER),
        "api-key-as-token": Value(f"Bearer {KEY}", BAD_BEARER),
        "client-id-as-token": Value(f"Bearer {CLIENT_ID}", BAD_BEARER),
        "garbage": Value("Bearer x", BAD_BEARER),
        "three-parts": Value("Bearer a.b.c", BAD_BEARER),
        "scheme-only": Value("Bearer", BAD_BEARER),
        "no-scheme": Value(token, BAD_BEARER),
        "other-scheme": Value(f"Basic {token}", BAD_BEARER),
        "double-scheme": Value(f"Bearer Bearer {token}", BAD_BEARER),
        "two-tokens": Value(f"Bearer {token} {token}", BAD_BEARER),
        "no-space": Value(f"Bearer{token}", BAD_BEARER),
        "quoted": Value(f'Bearer "{token}"', BAD_BEARER),
        "no-signature": Value(f"Bearer {header}.{claims}.", BAD_BEARER),
        "other-signature": Value(f"Bearer {header}.{claims}.{signature[::-1]}", BAD_BEARER),
        "unsigned": Value(f"Bearer {unsigned}", BAD_BEARER),
        "non-ascii": Value("Bearer \xe9\xe8", BAD_BEARER),
    }


KEYS = {
    "absent": Value(None, None),
    "empty": Value("", None),
    "blank": Value("  ", None),
    "good": Value(KEY, OK),
    "unknown": Value(NO_KEY, NO_ACCOUNT),
    "client-id": Value(CLIENT_ID, NO_ACCOUNT),
    "banned": Value(BANNED_KEY, BANNED),
}
AUTHORIZATION_NAMES = list(authorizations("a.b.c", "", "", ""))


@pytest.fixture
def strict(open_transport: OpenTransport) -> Transport:
    """A transport into a fake where only the listed accounts exist."""
    return open_transport(strict=True, accounts=ACCOUNTS)


@pytest.fixture(scope="module")
def crowd(transport_class: type[Transport]) -> Iterator[tuple[Transport, dict[str, Value]]]:
    """A strict fake with one account of every sort, and every sort of Authorization for it.

    One for the whole module: who only asks for the balance changes nothing, and making tokens takes its time.
    """
    unbanned = [{"api_key": account["api_key"]} for account in ACCOUNTS]
    options = ({"accounts": unbanned}, {"accounts": ACCOUNTS, "seed": 1}, {"accounts": ACCOUNTS})
    with ExitStack() as opened:
        before, elsewhere, transport = (
            opened.enter_context(closing(transport_class(MockAkool(strict=True, **each)))) for each in options
        )
        # An account that was banned after it had got its token.
        banned = Client(before).token("x", BANNED_KEY)
        foreign = Client(elsewhere).token()
        expired = Client(transport).token("x", BRIEF_KEY)
        transport.advance(30)
        yield transport, authorizations(Client(transport).token(), expired, banned, foreign)


class TestSection2Precedence:
    @pytest.mark.parametrize("authorization", AUTHORIZATION_NAMES)
    def test_authorization_wins_and_empty_is_absent(
        self, crowd: tuple[Transport, dict[str, Value]], authorization: str
    ) -> None:
        transport, by_bearer = crowd[0], crowd[1][authorization]
        answers = {}
        for api_key, by_key in KEYS.items():
            headers = {"authorization": by_bearer.text, "x-api-key": by_key.text}
            given = {name: text for name, text in headers.items() if text is not None}
            answers[api_key] = transport.call("GET", QUOTA, headers=given)

        expected = {api_key: by_bearer.outcome or by_key.outcome or EMPTY for api_key, by_key in KEYS.items()}
        assert {api_key: outcome(answer) for api_key, answer in answers.items()} == expected
        for api_key, answer in answers.items():
            if expected[api_key] == OK:
                assert answer.data == {"credit": 77}, api_key

    @pytest.mark.parametrize("authorization", ["Bearer x", "x", "Bearer"])
    def test_a_bad_bearer_fails_even_beside_a_good_key(self, client: Client, authorization: str) -> None:
        assert client.quota().code == 1000

        assert outcome(client.get(QUOTA, headers={"authorization": authorization, **client.headers})) == BAD_BEARER

    def test_the_key_is_discarded_beside_a_good_bearer(self, client: Client) -> None:
        mine, theirs = client.create_v3().data["uid"], Client(client.transport, OTHER_KEY).create_v3().data["uid"]

        both = Client(client.transport, token=client.token())
        both.headers["x-api-key"] = OTHER_KEY

        assert both.create_v3().data["uid"] == mine != theirs

    @pytest.mark.parametrize("name", ["X-API-KEY", "x-api-key", "X-Api-Key"])
    @pytest.mark.every_transport
    def test_header_names_are_in_any_case(self, transport: Transport, name: str) -> None:
        assert outcome(transport.call("GET", QUOTA, headers={name: KEY})) == OK

    @pytest.mark.parametrize("name", ["AUTHORIZATION", "authorization", "Authorization"])
    @pytest.mark.every_transport
    def test_so_is_authorization(self, client: Client, name: str) -> None:
        assert outcome(client.get(QUOTA, headers={name: f"Bearer {client.token()}"})) == OK


class TestSection2Errors:
    @pytest.mark.parametrize(("method", "path"), SIGNED.values(), ids=SIGNED.keys())
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            pytest.param({}, EMPTY, id="no-credentials"),
            pytest.param({"authorization": "Bearer x"}, BAD_BEARER, id="bad-bearer"),
            pytest.param({"x-api-key": NO_KEY}, NO_ACCOUNT, id="unknown-key"),
            pytest.param({"x-api-key": CLIENT_ID}, NO_ACCOUNT, id="client-id-as-key"),
            pytest.param({"x-api-key": BANNED_KEY}, BANNED, id="banned"),
        ],
    )
    def test_every_endpoint_asks_for_credentials_first(
        self, strict: Transport, method: str, path: str, headers: dict[str, str], expected: tuple[int, str]
    ) -> None:
        assert outcome(strict.call(method, path, headers=headers)) == expected

    @pytest.mark.parametrize("known", [True, False], ids=["of-an-account", "of-nobody"])
    def test_a_client_id_as_key_is_1109_in_lenient_mode_too(self, client: Client, known: bool) -> None:
        client_id = "/+9AECAwQFBgcICQoLDA0A=="
        if known:
            assert client.get_token(client_id).json()["code"] == 1000

        assert outcome(Client(client.transport, client_id).quota()) == NO_ACCOUNT

    def test_a_client_id_of_any_form_is_1109_once_it_is_known(self, client: Client) -> None:
        client.token("my client")

        assert outcome(Client(client.transport, "my client").quota()) == NO_ACCOUNT

    @pytest.mark.parametrize(
        ("pair", "expected"),
        [
            pytest.param((CLIENT_ID, NO_KEY), NO_ACCOUNT, id="unknown-secret"),
            pytest.param(("AAAAAAAAAAAAAAAAAAAAAA==", KEY), NO_ACCOUNT, id="wrong-id"),
            pytest.param((KEY, CLIENT_ID), NO_ACCOUNT, id="swapped"),
            pytest.param((CLIENT_ID, BANNED_KEY), BANNED, id="banned"),
        ],
    )
    def test_get_token_of_a_wrong_pair(
        self, strict: Transport, pair: tuple[str, str], expected: tuple[int, str]
    ) -> None:
        assert outcome(Client(strict).get_token(*pair)) == expected

    @pytest.mark.parametrize(
        "fields",
        [
            pytest.param({"clientId": CLIENT_ID}, id="no-secret"),
            pytest.param({"clientSecret": KEY}, id="no-id"),
            pytest.param({}, id="neither"),
            pytest.param({"clientId": "", "clientSecret": KEY}, id="empty-id"),
            pytest.param({"clientId": CLIENT_ID, "clientSecret": ""}, id="empty-secret"),
            pytest.param({"clientId": None, "clientSecret": KEY}, id="null-id"),
            pytest.param({"clientId": 5, "clientSecret": KEY}, id="number-id"),
            pytest.param({"client_id": CLIENT_ID, "client_secret": KEY}, id="snake-case"),
        ],
    )
    def test_get_token_with_a_missing_field(self, client: Client, fields: dict[str, Any]) -> None:
        assert outcome(client.post(GET_TOKEN, fields)) == BAD_PARAMETER

    def test_get_token_needs_no_credentials_and_minds_none(self, client: Client) -> None:
        fields = {"clientId": CLIENT_ID, "clientSecret": KEY}

        for headers in ({}, {"authorization": "Bearer x"}, {"x-api-key": CLIENT_ID}):
            assert client.post(GET_TOKEN, fields, headers).json()["code"] == 1000


class TestSection2Token:
    def test_the_token_is_at_the_top_level_and_there_is_no_data(self, client: Client) -> None:
        answer = client.get_token()

        assert answer.status == 200
        assert answer.json().keys() == {"code", "token"}
        assert answer.code == 1000

    def test_the_token_is_a_jwt_with_the_claims_of_a_user(self, client: Client) -> None:
        client.transport.advance(99.5)
        token = client.token()

        assert jwt.get_unverified_header(token)["alg"] == "HS256"
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims.keys() == {
            "id",
            "uid",
            "email",
            "firstName",
            "type",
            "from",
            "credentialId",
            "iat",
            "exp",
        }
        assert re.fullmatch("[0-9a-f]{24}", claims["id"])
        assert re.fullmatch("[0-9a-f]{24}", claims["credentialId"])
        assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", claims["email"])
        assert claims["firstName"]
        assert (claims["type"], claims["from"]) == ("user", "toO")
        assert claims["uid"] == client.create_v3().data["uid"]
        assert claims["iat"] == client.transport.now_ms // 1000
        assert claims["exp"] - claims["iat"] == 3600 * DAY_S
        assert {type(claims[name]) for name in ("uid", "iat", "exp")} == {int}

    def test_people_differ_from_account_to_account_and_are_the_same_in_every_run(
        self, open_transport: OpenTransport
    ) -> None:
        def people(client: Client) -> list[Any]:
            tokens = [client.token(f"id {number}", f"secret {number}") for number in range(5)]
            return [jwt.decode(token, options={"verify_signature": False})["email"] for token in tokens]

        first = people(Client(open_transport()))

        assert len(set(first)) == 5
        assert people(Client(open_transport())) == first
        assert people(Client(open_transport(seed=1))) != first

    def test_the_api_key_is_the_client_secret(self, client: Client) -> None:
        job_id = client.made("v3")
        by_token = Client(client.transport, token=client.token(CLIENT_ID, KEY))

        assert by_token.info(job_id).body == client.info(job_id).body
        assert by_token.credit() == client.credit() == 998

    def test_another_secret_is_another_account(self, client: Client) -> None:
        job_id = client.made("v3")

        assert Client(client.transport, token=client.token(CLIENT_ID, OTHER_KEY)).info(job_id).code == 1009

    def test_a_token_lives_3600_days(self, client: Client) -> None:
        by_token = Client(client.transport, token=client.token())

        client.transport.advance(3600 * DAY_S - 0.001)
        assert by_token.quota().code == 1000

        client.transport.advance(0.001)
        assert outcome(by_token.quota()) == BAD_BEARER
        assert Client(client.transport, token=client.token()).quota().code == 1000

    def test_a_new_token_does_not_revoke_older_ones(self, client: Client) -> None:
        older = Client(client.transport, token=client.token())
        client.transport.advance(1000)
        newer = Client(client.transport, token=client.token())

        assert older.headers != newer.headers
        assert (older.quota().code, newer.quota().code) == (1000, 1000)

    def test_a_token_of_another_fake_is_none_of_ours(self, open_transport: OpenTransport) -> None:
        token = Client(open_transport(seed=1)).token()

        assert outcome(Client(open_transport(seed=2), token=token).quota()) == BAD_BEARER

    def test_the_forms_of_client_id_and_client_secret(self, open_transport: OpenTransport) -> None:
        for seed in range(20):
            (account,) = open_transport(strict=True, seed=seed).mock.accounts
            assert len(account.client_id) == 24
            assert account.client_id.endswith("==")
            assert len(base64.b64decode(account.client_id, validate=True)) == 16
            assert len(account.api_key) == 32
            assert set(account.api_key) <= set(string.ascii_letters + string.digits)


class TestSection2Accounts:
    """Which accounts exist: any, or in strict mode the listed ones."""

    def test_lenient_every_key_is_an_account_of_its_own(self, client: Client) -> None:
        other = Client(client.transport, OTHER_KEY)
        client.create_v4()

        assert (client.credit(), other.credit()) == (996, 1000)
        assert client.create_v3().data["uid"] != other.create_v3().data["uid"]

    def test_strict_only_listed_accounts_exist(self, strict: Transport) -> None:
        assert Client(strict).credit() == 77
        assert outcome(Client(strict, NO_KEY).quota()) == NO_ACCOUNT
        assert len(list(strict.mock.accounts)) == 3

    def test_strict_without_a_list_has_one_account_that_one_can_find(self, open_transport: OpenTransport) -> None:
        transport = open_transport(strict=True)
        (account,) = transport.mock.accounts

        assert Client(transport, account.api_key).credit() == 1000
        assert Client(transport, token=Client(transport).token(account.client_id, account.api_key)).credit() == 1000
        assert outcome(Client(transport).quota()) == NO_ACCOUNT

    def test_a_banned_account_can_do_nothing(self, open_transport: OpenTransport) -> None:
        transport = open_transport(accounts=ACCOUNTS)
        banned = Client(transport, BANNED_KEY)

        answers = [
            banned.create_v3(),
            banned.create_v4(),
            banned.press("0" * 24, "U1"),
            banned.info("0" * 24),
            banned.quota(),
            banned.get_token(CLIENT_ID, BANNED_KEY),
        ]

        assert {outcome(answer) for answer in answers} == {BANNED}
        assert transport.mock.jobs == ()

    @pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
    def test_a_poor_account_has_what_the_list_says(self, open_transport: OpenTransport, strict: bool) -> None:
        poor = Client(open_transport(strict=strict, accounts=[{"api_key": KEY, "credits": 3}]))

        assert [poor.create_v3().code, poor.create_v3().code] == [1000, 1104]
        assert poor.credit() == 1

    def test_the_tokens_of_an_expiring_account_expire(self, strict: Transport) -> None:
        brief = Client(strict, token=Client(strict).token("any", BRIEF_KEY))
        lasting = Client(strict, token=Client(strict).token())

        strict.advance(29.999)
        assert (brief.credit(), lasting.credit()) == (55, 77)

        strict.advance(0.001)
        assert outcome(brief.quota()) == BAD_BEARER
        assert lasting.credit() == 77
        assert Client(strict, BRIEF_KEY).credit() == 55, "a key does not expire"

    @pytest.mark.parametrize("profile", Profile)
    def test_both_profiles_know_the_same_accounts(self, open_transport: OpenTransport, profile: Profile) -> None:
        transport = open_transport(profile=profile, strict=True, accounts=ACCOUNTS)

        assert Client(transport).credit() == 77
        assert outcome(Client(transport, NO_KEY).quota()) == NO_ACCOUNT


@pytest.mark.every_transport
class TestSection2Cors:
    @pytest.mark.parametrize(("method", "path"), [*SIGNED.values(), ("POST", GET_TOKEN)])
    def test_a_browser_may_call(self, transport: Transport, method: str, path: str) -> None:
        asked = {
            "origin": "https://example.com",
            "access-control-request-method": method,
            "access-control-request-headers": "authorization,content-type,x-api-key",
        }

        answer = transport.call("OPTIONS", path, headers=asked)

        assert answer.status == 204
        assert answer.body == b""
        assert answer.headers["access-control-allow-origin"] == "*"
        assert method in re.split(r",\s*", answer.headers["access-control-allow-methods"])
        allowed = re.split(r",\s*", answer.headers["access-control-allow-headers"].lower())
        assert {"authorization", "content-type", "x-api-key"} <= set(allowed)

    def test_a_preflight_needs_no_credentials_and_changes_nothing(self, client: Client) -> None:
        before = client.credit()

        client.transport.call("OPTIONS", CREATE_V3)

        assert (client.credit(), client.transport.mock.jobs.count) == (before, 0)

    def test_every_answer_may_be_read_by_any_page(self, client: Client) -> None:
        url = client.record(client.completed())["image"]

        answers = [
            client.create_v3(),
            client.create_v4(scale="x"),
            client.get(QUOTA, headers={}),
            client.get_token(),
            client.get("/nowhere"),
            client.download(url),
            client.download(f"{client.transport.file_base}/1234567890123-0000.jpg"),
        ]

        assert [answer.status for answer in answers] == [200, 200, 200, 200, 404, 200, 403]
        assert {answer.headers.get("access-control-allow-origin") for answer in answers} == {"*"}
