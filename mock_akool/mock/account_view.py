"""A live server as one test sees it: what the fixture `akool_server` gives."""

from __future__ import annotations

import base64
import secrets

from mock_akool.mock.base import BaseMock


class AccountView(BaseMock):
    """A live server as a test sees it, by an account that no other test has.

    `url` is the server's address; `api_key` and `client_id` are the account's.
    """

    def __init__(self, url: str, fake: BaseMock) -> None:
        self.url = url
        """The server's address, without a slash at the end."""
        self.client_id = base64.b64encode(secrets.token_bytes(16)).decode()
        """The account's clientId, for getToken and for the signatures of webhooks."""
        super().__init__(fake._backend.of_account(secrets.token_hex(16)), fake.options, fake._drafts)
        self.add_account(self.api_key, client_id=self.client_id)

    @property
    def api_key(self) -> str:
        """The account's API key, which getToken takes as clientSecret."""
        return str(super().api_key)

    @property
    def env(self) -> dict[str, str]:
        """Variables for a subprocess: AKOOL_BASE_URL, AKOOL_API_KEY, AKOOL_CLIENT_ID and AKOOL_CLIENT_SECRET."""
        return {
            "AKOOL_BASE_URL": self.url,
            "AKOOL_API_KEY": self.api_key,
            "AKOOL_CLIENT_ID": self.client_id,
            "AKOOL_CLIENT_SECRET": self.api_key,
        }

    def __repr__(self) -> str:
        return f"<akool_server {self.url}>"
