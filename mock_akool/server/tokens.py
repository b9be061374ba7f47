"""Tokens of accounts (contract section 2), signed by PyJWT.

That library is imported when the first token is made, since most tests never make one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from mock_akool.akool.accounts import Account
from mock_akool.akool.auth import Claims
from mock_akool.core.keyed_random import KeyedRandom
from mock_akool.server.people import owner_of

_ALGORITHM: Final = "HS256"
_MOST_REMEMBERED: Final = 2000
"""How long a token may be to be remembered: ours have a few hundred characters."""


class JwtTokens:
    """Makes and reads the tokens of one engine. A token of another seed is none of ours."""

    def __init__(self, seed: int) -> None:
        self._keyed_random = KeyedRandom(seed)
        self._key = self._keyed_random.hex(64, "token key")
        # A client sends one token many times, and to verify it takes longer than the rest of a poll.
        self._read_once = lru_cache(maxsize=1024)(self._read)

    def read(self, token: str) -> Claims | None:
        """Return what the token says, or None when it is none of ours."""
        return self._read_once(token) if len(token) <= _MOST_REMEMBERED else self._read(token)

    def issue(self, account: Account, issued_s: int, expires_s: int) -> str:
        """Return the account's token with these times, in epoch seconds."""
        import jwt

        first_name, email = owner_of(account.api_key, self._keyed_random)
        claims: dict[str, Any] = {
            "id": account.id,
            "uid": account.uid,
            "email": email,
            "credentialId": account.credential_id,
            "firstName": first_name,
            "type": "user",
            "from": "toO",
            "iat": issued_s,
            "exp": expires_s,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def _read(self, token: str) -> Claims | None:
        """Return what the token says, or None when it is none of ours."""
        import jwt

        # Whether it is still valid is for the engine's clock to say, not for the machine's.
        options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM], options=options)
        except Exception:
            # Not only jwt's own errors: what it reads may be nested too deeply, or be no object.
            return None
        match claims:
            case {"id": str() as account_id, "iat": int() as issued_s, "exp": int() as expires_s}:
                return Claims(account_id, issued_s, expires_s)
        return None  # signed with our key and yet not as we write them: a test may sign tokens itself
