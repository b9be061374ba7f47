"""Which accounts exist, lenient and strict, and what they have left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mock_akool import Account, AccountSpec, VirtualClock
from mock_akool.akool.accounts import Accounts, AccountScript
from mock_akool.akool.families import FakeSettings
from mock_akool.core.durations import Duration
from mock_akool.core.keyed_random import KeyedRandom

CLIENT_ID = "AAECAwQFBgcICQoLDA0ODw=="
OTHER_ID = "DwECAwQFBgcICQoLDA0OAA=="


def accounts(seed: int = 0, **options: Any) -> Accounts:
    return Accounts(FakeSettings.of(seed=seed, **options), KeyedRandom(seed), VirtualClock())


def scripted(scripts: Mapping[str, AccountScript], **options: Any) -> Accounts:
    """Accounts of which scenarios say something; the mapping may change."""
    settings = FakeSettings.of(**options)
    return Accounts(settings, KeyedRandom(0), VirtualClock(), lambda key: scripts.get(key, AccountScript()))


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
        known = accounts(accounts=[{"api_key": "listed-account-1", "credits": 5}])
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
        known = accounts(strict=True, accounts=[{"api_key": "listed-account-1", "client_id": CLIENT_ID}])
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
                {"api_key": "the-rich-account", "credits": 10**12},
                {"api_key": "the-poor-account", "credits": 0},
                {"api_key": "an-usual-account"},
                {"api_key": "the-gone-account", "status": "banned"},
                {"api_key": "a-hasty-account1", "token_lifetime": "30s"},
            ],
        )
        by_key = {account.api_key: account for account in known}
        assert [known.credits(by_key[key]) for key in ("the-rich-account", "the-poor-account", "an-usual-account")] == [
            10**12,
            0,
            7,
        ]
        assert [account.banned for account in by_key.values()] == [False, False, False, True, False]
        assert by_key["a-hasty-account1"].token_lifetime_ns == 30_000_000_000
        assert by_key["an-usual-account"].token_lifetime_ns == 7_200_000_000_000


def test_credits_are_kept_by_account() -> None:
    known = accounts(credits=10)
    mine, other = found(known.by_key("mine")), found(known.by_key("other"))
    known.add_credits(mine, -3)
    known.add_credits(mine, 1)
    assert (known.credits(mine), known.credits(other)) == (8, 10)


@pytest.mark.parametrize("account_id", ["", "0" * 24])
def test_an_unknown_id_is_nobody(account_id: str) -> None:
    assert accounts().by_id(account_id) is None


def test_setting_credits_leaves_what_was_spent() -> None:
    known = accounts(credits=10)
    mine, other = found(known.by_key("mine")), found(known.by_key("other"))
    known.add_credits(mine, -3)
    known.add_credits(other, -1)
    for amount in (100, 0, 7):
        known.set_credits(mine, amount)
        assert (known.credits(mine), known.spent_by(mine)) == (amount, 3)
    assert (known.credits(other), known.spent_by(other), sum(map(known.spent_by, known))) == (9, 1, 4)


def test_only_an_account_that_was_seen_is_known() -> None:
    known = accounts(accounts=[AccountSpec("listed-account-1")])
    assert known.known("mine") is None
    assert [each.api_key for each in known] == ["listed-account-1"]
    mine = known.by_key("mine")
    assert known.known("mine") is mine
    assert known.known(found(mine).client_id) is None


class TestRestore:
    @pytest.mark.parametrize("scenario", [AccountScript(), AccountScript(credits=50, banned=True)])
    @pytest.mark.parametrize(
        "spec", [AccountSpec("mine"), AccountSpec("mine", credits=5, token_lifetime=Duration.of("2h"))]
    )
    def test_the_account_is_as_when_it_was_made(self, spec: AccountSpec, scenario: AccountScript) -> None:
        known = scripted({"mine": scenario}, credits=10)
        made, other = known.add(spec), found(known.by_key("other"))
        first = known.credits(made)
        known.put(replace(made, banned=not made.banned, token_lifetime_ns=1, valid_from_s=99))
        known.add_credits(made, -3)
        known.set_credits(made, 77)
        known.add_credits(other, -4)
        assert known.restore("mine") == known.known("mine") == known.by_id(made.id) == made
        assert (known.credits(made), known.spent_by(made)) == (first, 0)
        assert (known.credits(other), known.spent_by(other)) == (6, 4)

    def test_it_keeps_the_client_id_that_a_pair_gave_it(self) -> None:
        known = accounts()
        known.by_pair(CLIENT_ID, "mine")
        assert found(known.restore("mine")).client_id == CLIENT_ID
        assert found(known.by_pair(CLIENT_ID, "mine")).client_id == CLIENT_ID

    def test_it_is_as_its_scenario_says_now(self) -> None:
        scripts = {"mine": AccountScript(credits=50, banned=True)}
        known = scripted(scripts, credits=10)
        mine = found(known.by_key("mine"))
        assert (mine.banned, known.credits(mine)) == (True, 50)
        scripts.clear()
        mine = found(known.restore("mine"))
        assert (mine.banned, known.credits(mine)) == (False, 10)

    def test_there_must_be_one(self) -> None:
        known = accounts()
        assert known.restore("mine") is None
        assert list(known) == []


class TestApply:
    def test_the_account_is_as_its_scenario_says_and_what_it_spent_stays(self) -> None:
        scripts: dict[str, AccountScript] = {}
        known = scripted(scripts, credits=10)
        mine, other = found(known.by_key("mine")), found(known.by_key("other"))
        known.add_credits(mine, -3)
        scripts["mine"] = AccountScript(credits=50, banned=True, token_lifetime=Duration.of("2s"))
        known.apply("mine")
        assert known.known("mine") == replace(mine, banned=True, token_lifetime_ns=2_000_000_000)
        assert (known.credits(mine), known.spent_by(mine)) == (50, 3)
        assert (known.known("other"), known.credits(other)) == (other, 10)

    def test_of_what_the_scenario_does_not_say_nothing_changes(self) -> None:
        known = accounts(credits=10)
        mine = replace(found(known.by_key("mine")), banned=True, token_lifetime_ns=5, valid_from_s=7)
        known.put(mine)
        known.add_credits(mine, -3)
        known.apply("mine")
        assert (known.known("mine"), known.credits(mine), known.spent_by(mine)) == (mine, 7, 3)

    def test_it_makes_no_account(self) -> None:
        known = scripted({"mine": AccountScript(credits=50)})
        known.apply("mine")
        assert list(known) == []
        assert known.credits(found(known.by_key("mine"))) == 50


class TestRemove:
    def test_it_is_as_if_it_had_never_been(self) -> None:
        known = accounts(credits=10)
        other, mine = found(known.by_key("other")), found(known.by_key("mine"))
        known.add_credits(mine, -3)
        known.remove("mine")
        assert list(known) == [other]
        assert known.known("mine") is known.by_id(mine.id) is None
        assert sum(map(known.spent_by, known)) == 0
        # Made again it is the same, and as new.
        again = found(known.by_key("mine"))
        assert (again, known.credits(again), known.spent_by(again)) == (mine, 10, 0)

    def test_its_client_id_is_any_text_again(self) -> None:
        known = accounts()
        known.by_pair("any-text", "mine")
        known.by_pair("other-text", "other")
        known.remove("mine")
        assert known.by_key("any-text") is not None
        assert known.by_key("other-text") is None

    def test_there_need_not_be_one(self) -> None:
        known = accounts()
        known.remove("mine")
        assert list(known) == []
