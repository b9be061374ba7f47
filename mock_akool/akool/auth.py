"""Who calls: from the credentials of a request to an account, or to the error (contract section 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from mock_akool.akool.accounts import Account, Accounts
from mock_akool.akool.codes import Code
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.settings import ServiceSettings
from mock_akool.akool.validation import TEXT, Body, Field
from mock_akool.core.clock import NS_PER_S
from mock_akool.core.http import shortened
from mock_akool.core.schema import shown

_BEARER: Final = re.compile(r"\s*(bearer)\s+(\S+)\s*", re.IGNORECASE | re.ASCII)


class Claims(NamedTuple):
    """What a genuine token says: whose it is, and between which epoch seconds it is valid."""

    account_id: str
    issued_s: int
    expires_s: int


class Tokens(Protocol):
    """Makes and reads tokens. It vouches that a token is ours; whether it is still valid is decided here."""

    def issue(self, account: Account, issued_s: int, expires_s: int) -> str:
        """Return the account's token with these times, in epoch seconds."""
        ...

    def read(self, token: str) -> Claims | None:
        """Return what the token says, or None when it is none of ours."""
        ...


def bearer_token(authorization: str, *, any_case: bool = True) -> str | None:
    """Return the token of an Authorization header; None when it is not `Bearer` and a token.

    Without `any_case` the word must be written so.
    """
    match = _BEARER.fullmatch(authorization)
    if match is None:
        return None
    word, token = match.groups()
    return token if any_case or word == "Bearer" else None


def authenticate(
    headers: Mapping[str, str], accounts: Accounts, tokens: Tokens, settings: ServiceSettings, now_ns: int
) -> Account:
    """Return the account that the headers name.

    When both headers have values, Authorization is used and x-api-key is discarded; an empty value counts as
    absent. Raises AkoolError 1101, 1102, 1109 or 1200.
    """
    account: Account | None
    if authorization := headers.get("authorization", "").strip():
        account = _by_bearer(authorization, accounts, tokens, settings, now_ns)
    elif api_key := headers.get("x-api-key", "").strip():
        account = accounts.by_key(api_key)
    else:
        raise settings.refusal(
            Code.AUTHORIZATION_EMPTY, reason="neither the header x-api-key nor Authorization has a value"
        )
    if account is None:
        raise AkoolError(
            Code.ACCOUNT_NOT_FOUND, reason=f"no account has the API key {shortened(api_key)} of the header x-api-key"
        )
    if account.banned:
        raise settings.refusal(Code.ACCOUNT_BANNED, reason=f"the account {shortened(account.api_key)} is banned")
    return account


def valid_until_ns(headers: Mapping[str, str], tokens: Tokens) -> int | None:
    """Return until when, exclusively, headers that name an account go on doing so; None when they do not end.

    That is when their token expires, in epoch ns. Whatever else may end them, such as a ban, changes the account's
    record.
    """
    token = bearer_token(headers.get("authorization", ""))
    claims = None if token is None else tokens.read(token)
    return None if claims is None else claims.expires_s * NS_PER_S


def _by_bearer(
    authorization: str, accounts: Accounts, tokens: Tokens, settings: ServiceSettings, now_ns: int
) -> Account:
    token = bearer_token(authorization, any_case=settings.bearer_any_case)
    if token is None:
        raise _invalid("the header Authorization is not `Bearer` and a token")
    claims = tokens.read(token)
    if claims is None:
        raise _invalid("the token in the header Authorization is none that getToken of this fake has made")
    account = accounts.by_id(claims.account_id)
    if account is None:
        raise _invalid("the token's account does not exist; it was made before a reset or by another fake")
    if claims.issued_s < account.valid_from_s:
        raise _invalid("the token was revoked")
    if now_ns >= claims.expires_s * NS_PER_S:
        raise _invalid("the token has expired")
    return account


def _invalid(reason: str) -> AkoolError:
    return AkoolError(Code.INVALID_AUTHORIZATION, reason=reason)


def sign_in(client_id: str, client_secret: str, accounts: Accounts, settings: ServiceSettings) -> Account:
    """Return the account of a pair given to getToken. Raises AkoolError for a wrong pair or a banned account."""
    account = accounts.by_pair(client_id, client_secret)
    if account is None:
        raise settings.refusal(
            settings.get_token_wrong_pair_code,
            reason=f"no account has the clientId {shown(client_id)} and the clientSecret {shortened(client_secret)}",
        )
    if account.banned:
        raise settings.refusal(Code.ACCOUNT_BANNED, reason=f"the account {shortened(account.api_key)} is banned")
    return account


TOKEN_PAIR: Final = Body[tuple[str, str]](
    {"clientId": Field(TEXT, required=True), "clientSecret": Field(TEXT, required=True)},
    lambda values: (values["clientId"], values["clientSecret"]),
)
"""What `getToken` reads (contract section 2)."""
