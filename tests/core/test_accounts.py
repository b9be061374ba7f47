"""Which accounts exist, lenient and strict, and what they have left."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mock_akool import Account, AccountSpec, VirtualClock
from mock_akool.core.accounts import Accounts
from mock_akool.core.behaviour import Behaviour
from mock_akool.core.chance import Chance

CLIENT_ID = "AAECAwQFBgcICQoLDA0ODw=="
OTHER_ID = "DwECAwQFBgcICQoLDA0OAA=="


def accounts(seed: int = 0, **options: Any) -> Accounts:
    return Accounts(Behaviour.of(seed=seed, **options), Chance(seed), VirtualClock())


def found(account: Account | None) -> Account:
    assert account is not None
    return account


class TestLenient:
    def test_any_key_is_an_account_of_its_own(self) -> None:
        known = accounts()
        mine, other = found(known.by_key("mine")), found(known.by_key("other"))
        assert mine.api_key == "mine"
        assert len({mine.uid, other.uid}) == len({mine.id, other.id}) == len({mine.client_id, other.client_id}) == 2
        assert list(known) == [mine, other]

    def test_a_key_is_the_same_account_every_time(self) -> None:
        known = accounts()
        assert known.by_key("mine") is known.by_key("mine")
        assert known.by_id(found(known.by_key("mine")).id) is known.by_key("mine")
        assert len(list(known)) == 1

    def test_an_account_has_the_formats_of_the_contract(self) -> None:
        account = found(accounts().by_key("mine"))
        assert re.fullmatch(r"[0-9A-Za-z+/]{22}==", account.client_id)
        for made in (account.id, account.team_id, account.credential_id):
            assert re.fullmatch(r"[0-9a-f]{24}", made)
        assert len({account.id, account.team_id, account.credential_id}) == 3

    def test_uids_have_six_or_seven_digits_and_are_unique(self) -> None:
        known = accounts()
        # So many that by chance alone two would share one.
        uids = [found(known.by_key(str(number))).uid for number in range(20_000)]
        assert len(set(uids)) == 20_000
        assert all(100_000 <= uid <= 9_999_999 for uid in uids)

    def test_a_client_id_is_no_key(self) -> None:
        known = accounts()
        assert known.by_key(CLIENT_ID) is None
        assert known.by_pair("any-text", "mine") is not None
        assert known.by_key("any-text") is None
        assert [account.api_key for account in known] == ["mine"]

    def test_a_pair_is_an_account_whose_key_is_the_secret(self) -> None:
        known = accounts()
        account = found(known.by_pair(CLIENT_ID, "mine"))
        assert (account.api_key, account.client_id) == ("mine", CLIENT_ID)
        assert known.by_key("mine") is account

    def test_a_pair_renames_the_account_that_its_secret_made(self) -> None:
        known = accounts()
        first = found(known.by_key("mine"))
        renamed = found(known.by_pair(CLIENT_ID, "mine"))
        assert (renamed.id, renamed.uid) == (first.id, first.uid)
        assert renamed.client_id == CLIENT_ID
        assert known.by_id(first.id) is renamed
        assert len(list(known)) == 1

    def test_listed_accounts_exist_beside_the_others(self) -> None:
        known = accounts(accounts=[{"client_secret": "listed-account-1", "credits": 5}])
        assert known.credits(found(known.by_key("listed-account-1"))) == 5
        assert known.credits(found(known.by_key("any"))) == 1000

    def test_an_account_depends_on_the_seed_and_its_key_only(self) -> None:
        one, other = accounts(3), accounts(3)
        one.by_key("somebody else")
        assert one.by_key("mine") == other.by_key("mine")
        assert accounts(4).by_key("mine") != other.by_key("mine")


class TestStrict:
    def test_only_listed_accounts_exist(self) -> None:
        known = accounts(strict=True, accounts=[AccountSpec("listed-account-1")])
        assert known.by_key("any") is None
        assert known.by_pair(CLIENT_ID, "any") is None
        assert known.by_key("listed-account-1") is not None

    def test_a_pair_must_be_the_one_that_was_listed(self) -> None:
        known = accounts(strict=True, accounts=[{"client_secret": "listed-account-1", "client_id": CLIENT_ID}])
        assert known.by_pair(OTHER_ID, "listed-account-1") is None
        assert found(known.by_pair(CLIENT_ID, "listed-account-1")).client_id == CLIENT_ID

    def test_where_nobody_listed_the_client_id_the_pair_says_it(self) -> None:
        known = accounts(strict=True, accounts=[AccountSpec("listed-account-1")])
        assert found(known.by_pair(OTHER_ID, "listed-account-1")).client_id == OTHER_ID
        assert found(known.by_key("listed-account-1")).client_id == OTHER_ID

    def test_without_a_list_there_is_one_account_that_follows_from_the_seed(self) -> None:
        (only,) = accounts(strict=True)
        assert re.fullmatch(r"[0-9A-Za-z]{32}", only.api_key)
        assert list(accounts(strict=True)) == [only]
        assert list(accounts(seed=1, strict=True)) != [only]

    def test_an_account_is_what_its_list_says(self) -> None:
        known = accounts(
            strict=True,
            credits=7,
            token_lifetime="2h",
            accounts=[
                {"client_secret": "the-rich-account", "credits": 10**12},
                {"client_secret": "the-poor-account", "credits": 0},
                {"client_secret": "an-usual-account"},
                {"client_secret": "the-gone-account", "status": "banned"},
                {"client_secret": "a-hasty-account1", "token_ttl": "30s"},
            ],
        )
        by_key = {account.api_key: account for account in known}
        assert [known.credits(by_key[key]) for key in ("the-rich-account", "the-poor-account", "an-usual-account")] == [
            10**12,
            0,
            7,
        ]
        assert [account.banned for account in by_key.values()] == [False, False, False, True, False]
        assert by_key["a-hasty-account1"].token_ttl_ns == 30_000_000_000
        assert by_key["an-usual-account"].token_ttl_ns == 7_200_000_000_000


def test_credits_are_kept_by_account() -> None:
    known = accounts(credits=10)
    mine, other = found(known.by_key("mine")), found(known.by_key("other"))
    known.add_credits(mine, -3)
    known.add_credits(mine, 1)
    assert (known.credits(mine), known.credits(other)) == (8, 10)


@pytest.mark.parametrize("account_id", ["", "0" * 24])
def test_an_unknown_id_is_nobody(account_id: str) -> None:
    assert accounts().by_id(account_id) is None
