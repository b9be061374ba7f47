"""Accounts: who they are, their credits, bans and tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mock_akool.admin.parameters import (
    LIMIT,
    OFFSET,
    OWN_ACCOUNT,
    OWN_ACCOUNT_QUERY,
    account_of_query,
    body,
    parameters,
    query,
)
from mock_akool.admin.responses import AdminError, page_of
from mock_akool.admin.routing import AdminRequest, Route, Routes
from mock_akool.admin.schemas import page
from mock_akool.admin.serializers import ACCOUNT_SUMMARY
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.settings import ACCOUNT_SPEC, AccountSpec
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.errors import MockAkoolError, SettingsError
from mock_akool.core.schema import FLAG, Field, whole


def list_accounts(request: AdminRequest) -> Any:
    """List accounts."""
    engine, first, limit = request.engine, request.given["offset"], request.given["limit"]
    if request.account is not None:
        own = engine.account_summary(request.account, request.now_ns)
        count, found = (0, []) if own is None else (1, [own][first:])
    else:
        count, found = len(engine.accounts), engine.account_summaries(request.now_ns, first=first, most=limit)
    shown = page_of(found, limit, lambda each: ACCOUNT_SUMMARY.write(each, request.now_ns))
    following = first + len(shown.items)
    return {"accounts": shown, "matched": count, "next": following if following < count else None}


def add_account(request: AdminRequest) -> Any:
    """Add the account that is described."""
    spec = AccountSpec(**{name: request.given[name] for name in AccountSpec._fields})
    try:
        account = request.engine.accounts.add_new(spec)
    except SettingsError:
        raise
    except MockAkoolError as error:
        raise AdminError(409, error.message, error.hint) from None
    return _written(request, account.api_key)


def set_credits(request: AdminRequest) -> Any:
    """Set an account's credits, or add to them."""
    engine, credits = request.engine, request.given["credits"]
    if credits is None:
        return _changed(request, lambda key: engine.add_credits(key, request.given["add"], request.now_ns))
    return _changed(request, lambda key: engine.set_credits(key, credits))


def ban(request: AdminRequest) -> Any:
    """Ban an account, or lift the ban."""
    return _changed(request, lambda key: request.engine.ban(key, banned=request.given["banned"]))


def expire_tokens(request: AdminRequest) -> Any:
    """Expire all tokens of an account that were issued until now."""
    second = request.now_ns // NS_PER_S + 1
    return _changed(request, lambda key: request.engine.revoke_tokens_before(key, second))


def unknown_account() -> AdminError:
    """Return the error for an account that is neither there nor made when it is named."""
    return AdminError(404, "there is no account with this API key", "POST /_mock/accounts makes one")


def _changed(request: AdminRequest, change: Callable[[str], None]) -> dict[str, Any]:
    """Change the account that the request names, by its API key; returns what it is then.

    A lenient fake makes it when it is first named, as the API does.
    """
    key = request.own_account
    try:
        change(key)
    except AkoolError:
        raise unknown_account() from None
    return _written(request, key)


def _written(request: AdminRequest, api_key: str) -> dict[str, Any]:
    summary = request.engine.account_summary(api_key, request.now_ns)
    if summary is None:
        raise unknown_account()  # everybody was reset meanwhile
    return ACCOUNT_SUMMARY.write(summary, request.now_ns)


ROUTES: Final[Routes] = {
    ("GET", "/_mock/accounts"): Route(
        "List accounts",
        list_accounts,
        page("accounts", "the accounts", ACCOUNT_SUMMARY.schema, by="offset"),
        query(account=account_of_query(), offset=OFFSET, limit=LIMIT),
    ),
    ("POST", "/_mock/accounts"): Route(
        "Add an account",
        add_account,
        ACCOUNT_SUMMARY.schema,
        query(
            account=account_of_query("the API key", attribute="api_key"),
        ),
        parameters("body", ACCOUNT_SPEC.fields),
        needed=("api_key",),
        status=201,
    ),
    ("POST", "/_mock/accounts/credits"): Route(
        "Set an account's credits, or add to them",
        set_credits,
        ACCOUNT_SUMMARY.schema,
        OWN_ACCOUNT_QUERY,
        body(
            account=OWN_ACCOUNT,
            credits=Field(whole(0, 10**12), "how many it has from now on"),
            add=Field(whole(-(10**12), 10**12), "how many more it has; a negative number takes some, down to 0"),
            one_of=("credits", "add"),
        ),
        needed=("account",),
    ),
    ("POST", "/_mock/accounts/ban"): Route(
        "Ban an account, or lift the ban",
        ban,
        ACCOUNT_SUMMARY.schema,
        OWN_ACCOUNT_QUERY,
        body(account=OWN_ACCOUNT, banned=Field(FLAG, "false lifts the ban", True)),
        needed=("account",),
    ),
    ("POST", "/_mock/accounts/expire-tokens"): Route(
        "Expire all tokens of an account that were issued until now",
        expire_tokens,
        ACCOUNT_SUMMARY.schema,
        OWN_ACCOUNT_QUERY,
        body(account=OWN_ACCOUNT),
        needed=("account",),
    ),
}
