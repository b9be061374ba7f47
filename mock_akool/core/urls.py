"""Users and passwords in URLs: taken out, so that no log shows them, and sent as clients do."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote

_ENDS = "/?#"
HIDDEN = "***"
"""What stands for a password."""
_PASSWORDS: Final = re.compile(r"""(:(?:\\?/){2}[^\s/?#"'\\<>@:]*:)[^\s/?#"'\\<>]+@""")
"""In any text. A URL begins with two slashes, which none of its credentials has: so nothing is read twice."""


def without_password(url: str) -> tuple[str, str]:
    """Return a URL that does not show its password, and the `user:password` that it has; both as they stand there.

    Without an `@` before the path these are the URL and an empty text.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url, ""
    end = min((place for place in map(rest.find, _ENDS) if place >= 0), default=len(rest))
    credentials, at, host = rest[:end].rpartition("@")
    if not at:
        return url, ""
    user, colon, _ = credentials.partition(":")
    shown = f"{user}:{HIDDEN}" if colon else user
    return f"{scheme}://{shown}@{host}{rest[end:]}", credentials


def without_passwords(text: str) -> str:
    """Return a text without the passwords of the URLs that stand in it, also where JSON has escaped their slashes."""
    return _PASSWORDS.sub(rf"\1{HIDDEN}@", text) if "@" in text else text


def basic_authorization(credentials: str) -> str:
    """Return the value of the Authorization header for a `user:password` as it stands in a URL."""
    user, _, password = credentials.partition(":")
    named = f"{unquote(user)}:{unquote(password)}".encode("utf-8", "surrogatepass")
    return f"Basic {base64.b64encode(named).decode()}"
