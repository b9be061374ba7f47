"""What is secret in a recorded call, and what stands for it.

The same value has the same pseudonym everywhere in a recording, and nobody can compute one from the other: pseudonyms
are numbered in the order in which the values came. What was found to be a secret in one place, such as the value of a
header, is replaced wherever it stands, also inside longer texts.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

REDACTED_HOST: Final = "redacted.invalid"
"""The host of URLs that stand for others. No name that ends in `.invalid` exists (RFC 6761)."""

_KEY: Final = "key"
_TOKEN: Final = "token"
_SECRET: Final = "secret"
_CLIENT: Final = "client-id"
_COOKIE: Final = "cookie"
_PERSON: Final = "person"
_EMAIL: Final = "email"

PSEUDONYM: Final = re.compile(
    r"redacted-[a-z-]+-\d+(?:@redacted\.invalid)?|99\d{4,}(?!\d)|5eed[0-9a-f]{20}|https://redacted\.invalid/\S*"
)
"""Finds what stands for something else."""

_NAME_JOINTS: Final = re.compile(r"[^a-z0-9]")
_BY_NAME: Final[Mapping[str, str]] = {
    "apikey": _KEY, "xapikey": _KEY, "accesskey": _KEY, "secretkey": _SECRET, "clientid": _CLIENT,
    "clientsecret": _SECRET, "authorization": _TOKEN, "proxyauthorization": _TOKEN, "password": _SECRET,
    "passwd": _SECRET, "signature": _SECRET, "sig": _SECRET, "dataencrypt": _SECRET, "cookie": _COOKIE,
    "setcookie": _COOKIE, "csrf": _TOKEN, "jwt": _TOKEN, "uid": _PERSON, "userid": _PERSON,
    "teamid": _PERSON, "accountid": _PERSON, "ownerid": _PERSON, "creatorid": _PERSON, "credentialid": _PERSON,
    "username": _PERSON, "nickname": _PERSON, "firstname": _PERSON, "lastname": _PERSON, "fullname": _PERSON,
    "phone": _PERSON, "phonenumber": _PERSON, "mobile": _PERSON, "email": _EMAIL, "mail": _EMAIL, "ip": _PERSON,
    "keypairid": _KEY, "policy": _SECRET, "awsaccesskeyid": _KEY, "user": _PERSON, "owner": _PERSON,
    "creator": _PERSON,
}  # fmt: skip
_BY_PART: Final = (
    ("token", _TOKEN), ("secret", _SECRET), ("password", _SECRET), ("signature", _SECRET), ("apikey", _KEY),
    ("credential", _SECRET), ("cookie", _COOKIE), ("appid", _KEY), ("email", _EMAIL),
)  # fmt: skip
_BY_END: Final = (("uid", _PERSON), ("userid", _PERSON))

_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
_BEARER: Final = re.compile(r"(?i)\b(?:bearer|basic)\s+((?=[^\s,;\"']*\d)[^\s,;\"']{8,})")
_CLIENT_ID: Final = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{22}==")
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_ASSIGNED: Final = re.compile(
    r"(?i)([\w-]{0,40}(?:api[_-]?key|token|secret|password|signature|client[_-]?id)\w{0,40})\\?[\"']?\s*[=:]\s*\\?[\"']?"
    r"((?=[^\s&\"',;}\]\\<]*\d)[^\s&\"',;}\]\\<]{8,})"
)
"""A secret in a text, such as `api_key=…`, or JSON in a text. It has a digit, or every `secret: word` would be one."""
_ELEMENT: Final = re.compile(r"<([\w:.-]{1,80})(?:\s[^<>]{0,200})?>([^<>]{1,4000})</")
"""An element of XML that has nothing but a text."""
_PART: Final = re.compile(
    r"(?im)^content-disposition:[^\r\n]*?;\s*name=\"?([^\";\r\n]{1,80})\"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]*)"
)
"""A part of a form that has files too: its name, and its value or the first line of it."""
URL: Final = re.compile(r"(?i)\bhttps?://[^\s\"'<>\\]+")
_RANDOM: Final = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_=-]{16,}")
"""A part of a path that looks random: it may be what gives access."""
_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{24}")

_LEAST: Final = 6
"""How long a secret is at least that is replaced inside of longer texts; a shorter one would hit words."""

_SAFE_HEADERS: Final = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "accept-ranges", "access-control-allow-credentials",
        "access-control-allow-headers", "access-control-allow-methods", "access-control-allow-origin",
        "access-control-expose-headers", "access-control-max-age", "access-control-request-headers",
        "access-control-request-method", "age", "allow", "cache-control", "connection", "content-encoding",
        "content-language", "content-length", "content-range", "content-type", "date", "etag", "expires", "host",
        "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive",
        "last-modified", "pragma", "range", "retry-after", "server", "strict-transport-security",
        "transfer-encoding", "user-agent", "vary", "x-cache", "x-content-type-options", "x-frame-options",
        "x-powered-by", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
    }
)  # fmt: skip
"""The headers whose values are kept, but for secrets in them. Of all others the value is replaced."""


class Names(NamedTuple):
    """More names of fields whose values are secret, as one gives them with `--redact`."""

    more: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Return these names; capitals, `-` and `_` make no difference."""
        return cls(frozenset(map(_plain, names)))

    def kind(self, name: str) -> str:
        """Return what a field of this name holds, such as `key`; empty when it is no secret."""
        plain = _plain(name)
        if plain in self.more:
            return _SECRET
        found = _BY_NAME.get(plain, "")
        if found:
            return found
        for part, kind in _BY_PART:
            if part in plain:
                return kind
        return next((kind for end, kind in _BY_END if plain.endswith(end)), "")


def is_webhook(name: str) -> bool:
    """Return whether a field of this name has the URL of a webhook, which is a secret as a whole."""
    return "webhook" in _plain(name)


def _plain(name: str) -> str:
    return _NAME_JOINTS.sub("", name.lower())


class Redactor:
    """Replaces the secrets of a recording. Safe to use from several threads."""

    def __init__(self, names: Names | None = None) -> None:
        self.names = names or Names()
        self._pseudonyms: dict[str, str] = {}
        self._made: set[str] = set()
        self._counts: dict[str, int] = {}
        self._lock = Lock()
        self._pattern: re.Pattern[str] | None = None

    @property
    def count(self) -> int:
        """How many secrets are known."""
        return len(self._pseudonyms)

    def know(self, value: object, kind: str) -> str:
        """Return what stands for a secret, from now on everywhere. What was made by this is returned as it is."""
        text = str(value)
        with self._lock:
            if not text or text in self._made:
                return text
            known = self._pseudonyms.get(text)
            if known is None:
                number = self._counts[kind] = self._counts.get(kind, 0) + 1
                known = self._pseudonyms[text] = _pseudonym(text, kind, number)
                self._made.add(known)
                self._pattern = None
            return known

    # What is secret

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Take note of the secrets that stand in headers."""
        for name, value in headers:
            kind = self.names.kind(name)
            plain = _plain(name)
            if plain in ("authorization", "proxyauthorization"):
                self.know(value.partition(" ")[2].strip() or value, _TOKEN)
            elif plain in ("cookie", "setcookie"):
                for part in value.split(";")[: 1 if plain == "setcookie" else None]:
                    self.know(part.partition("=")[2].strip(), _COOKIE)
            elif kind:
                self.know(value, kind)
            self.learn_text(value)

    def learn_json(self, value: Any, name: str = "") -> None:
        """Take note of the secrets that stand in a JSON value, which is that of a field of this name."""
        kind = self.names.kind(name) if name else ""
        if isinstance(value, dict):
            for key, each in value.items():
                # The name of a person's record says what its text would be, not what its fields are.
                self.learn_json(each, key if not kind or kind == _PERSON else name)
        elif isinstance(value, list):
            for each in value:
                self.learn_json(each, name)
        elif isinstance(value, str):
            if name and is_webhook(name) and value:
                self.know(value, "webhook")
            elif kind:
                self.know(value, kind)
            self.learn_text(value)
        elif kind == _PERSON and isinstance(value, int) and not isinstance(value, bool):
            self.know(value, kind)

    def learn_query(self, query: str) -> None:
        """Take note of the secrets that stand in a query."""
        for part in query.split("&"):
            name, _, value = part.partition("=")
            kind = self.names.kind(unquote(name))
            plain = unquote(value.replace("+", " "))
            if is_webhook(unquote(name)) and plain:
                self.know(plain, "webhook")
            elif kind:
                self.know(plain, kind)
                self.know(unquote(value), kind)  # where a plus is one
            self.learn_text(plain)

    def learn_text(self, text: str) -> None:
        """Take note of what looks like a secret in any text."""
        for found in _JWT.findall(text):
            self.know(found, _TOKEN)
        for found in _BEARER.findall(text):
            self.know(found, _TOKEN)
        for found in _CLIENT_ID.findall(text):
            self.know(found, _CLIENT)
        for name, found in _ASSIGNED.findall(text):
            self.know(found, self.names.kind(name) or _SECRET)
        if "</" in text:
            self._learn_fields(_ELEMENT, text)
        if "@" in text:
            self._learn_addresses(text)
        for url in URL.findall(text):
            self._learn_url(url)

    def learn_form(self, text: str) -> None:
        """Take note of the secrets in a form that has files too."""
        self._learn_fields(_PART, text)

    def _learn_fields(self, pattern: re.Pattern[str], text: str) -> None:
        for name, value in pattern.findall(text):
            found = value.strip()
            if is_webhook(name) and found:
                self.know(found, "webhook")
            elif found and self.names.kind(name):
                self.know(found, self.names.kind(name))

    def _learn_addresses(self, text: str) -> None:
        """Take note of passwords in URLs, and of addresses of e-mail."""
        for url in URL.findall(text):
            credentials = urlsplit_safely(url).netloc.rpartition("@")[0]
            password = credentials.partition(":")[2]
            if password:
                self.know(unquote(password), _SECRET)
        for found in _MAIL.findall(text):
            if not found.endswith(f"@{REDACTED_HOST}"):
                self.know(found, _EMAIL)

    def _learn_url(self, url: str) -> None:
        parts = urlsplit_safely(url)
        for part in parts.query.split("&"):
            name, _, value = part.partition("=")
            plain = unquote(value)
            if len(plain) >= _LEAST and self.names.kind(unquote(name)):
                self.know(plain, self.names.kind(unquote(name)))

    # What is written

    def headers(self, headers: Iterable[tuple[str, str]]) -> list[list[str]]:
        """Return headers with their secrets replaced, and the values of all that are not known to be harmless."""
        return [[name, self._header(name.lower(), value)] for name, value in headers]

    def _header(self, name: str, value: str) -> str:
        if _plain(name) in ("authorization", "proxyauthorization"):
            scheme, blank, token = value.partition(" ")
            return f"{scheme} {self.know(token.strip(), _TOKEN)}" if blank and token else self.know(value, _TOKEN)
        if name in ("cookie", "set-cookie"):
            return "; ".join(self._cookie(part, name) for part in value.split(";"))
        kind = self.names.kind(name)
        if kind:
            return self.know(value, kind)
        if name == "location":
            return self.text(value)
        return self.text(value) if name in _SAFE_HEADERS else "redacted"

    def _cookie(self, part: str, header: str) -> str:
        name, equals, value = part.strip().partition("=")
        if header == "set-cookie" and name.lower() in ("path", "max-age", "expires", "samesite"):
            return part.strip()
        return f"{name}={self.know(value, _COOKIE)}" if equals and value else self.text(part.strip())

    def json(self, value: Any, name: str = "") -> Any:
        """Return a JSON value with its secrets replaced; keys are texts like others."""
        kind = self.names.kind(name) if name else ""
        if isinstance(value, dict):
            inner = name if kind and kind != _PERSON else ""
            return {self.text(key): self.json(each, inner or key) for key, each in value.items()}
        if isinstance(value, list):
            return [self.json(each, name) for each in value]
        if isinstance(value, str):
            if name and is_webhook(name) and value:
                return self.know(value, "webhook")
            return self.know(value, kind) if kind and value else self.text(value)
        return self._number(value, kind)

    def _number(self, value: Any, kind: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        if kind == _PERSON:
            return int(self.know(value, kind))
        known = self._pseudonyms.get(str(value)) if abs(value) >= 10 ** (_LEAST - 1) else None
        return int(known) if known is not None and known.isdecimal() else value

    def query(self, query: str) -> str:
        """Return a query with its secrets replaced."""
        return "&".join(map(self._query_part, query.split("&"))) if query else ""

    def _query_part(self, part: str) -> str:
        name, equals, value = part.partition("=")
        if not equals:
            return self.text(part)
        plain = unquote(value.replace("+", " "))
        kind = self.names.kind(unquote(name))
        if is_webhook(unquote(name)) and plain:
            return f"{name}={quote(self.know(plain, 'webhook'), safe='')}"
        if kind and plain:
            return f"{name}={quote(self.know(plain, kind), safe='')}"
        known = self._replaced(value)
        if known != value:
            return f"{self.text(name)}={quote(known, safe='/%+')}"
        redacted = self.text(plain)
        return f"{self.text(name)}={value if redacted == plain else quote(redacted, safe='')}"

    def text(self, text: str) -> str:
        """Return any text with the known secrets replaced, and what gives access taken out of URLs."""
        if not text:
            return text
        text = self._replaced(text)
        return URL.sub(lambda found: self._url(found[0]), text) if "://" in text else text

    def text_of_file(self, text: str) -> str:
        """Return what was written before with the secrets replaced that are known by now."""
        return self._replaced(text)

    def _replaced(self, text: str) -> str:
        pattern = self._known_pattern()
        return text if pattern is None else pattern.sub(lambda found: self._stands_for(found[0]), text)

    def _stands_for(self, found: str) -> str:
        return self._pseudonyms.get(found) or self._pseudonyms.get(unquote(found)) or "redacted"

    def _known_pattern(self) -> re.Pattern[str] | None:
        with self._lock:
            if self._pattern is None and self._pseudonyms:
                written = set[str]()
                for each in self._pseudonyms:
                    if len(each) >= _LEAST:
                        written |= _spellings(each)
                ordered = sorted(written, key=len, reverse=True)
                # A number is not looked for inside of a longer one.
                parts = [rf"(?<!\d){each}(?!\d)" if each.isdecimal() else re.escape(each) for each in ordered]
                self._pattern = re.compile("|".join(parts)) if parts else None
            return self._pattern

    def _url(self, url: str) -> str:
        """Return a URL without password, with the values of its query and the parts of its path that look random."""
        parts = urlsplit_safely(url)
        if parts.hostname in (None, REDACTED_HOST, "files.invalid"):
            return url
        host = parts.netloc.rpartition("@")[2]
        path = "/".join(self._path_part(part) for part in parts.path.split("/"))
        names = [part.partition("=")[0] for part in parts.query.split("&")] if parts.query else []
        query = "?" + "&".join(f"{name}=redacted" for name in names) if names else ""
        return f"{parts.scheme}://{host}{path}{query}"

    def _path_part(self, part: str) -> str:
        stem, extension = part, ""
        if (found := _EXTENSION.search(part)) is not None:
            stem, extension = part[: found.start()], found[0]
        if _OBJECT_ID.fullmatch(stem) or PSEUDONYM.fullmatch(stem) or not _RANDOM.fullmatch(stem):
            return part
        return self.know(stem, "name") + extension

    def path(self, path: str) -> str:
        """Return the path of a request with the known secrets replaced."""
        plain = unquote(path)
        redacted = self._replaced(plain)
        return path if redacted == plain else quote(redacted, safe="/%!$&'()*+,;=:@~")

    def occurs_in(self, data: bytes) -> bool:
        """Return whether a known secret stands in bytes."""
        pattern = self._known_pattern()
        return pattern is not None and pattern.search(data.decode("latin-1")) is not None


def _spellings(secret: str) -> set[str]:
    """Return how a secret may stand in a text: as it is, percent-encoded, escaped as in JSON, in base64."""
    quoted = {quote(secret, safe=""), quote(secret)}
    lower = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in quoted}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret)[1:-1].replace("/", "\\/")}
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = {each(raw).decode().rstrip("=") for each in (base64.b64encode, base64.urlsafe_b64encode)}
    return {secret, *quoted, *lower, *escaped, *encoded}


def urlsplit_safely(url: str) -> Any:
    """Return the parts of a URL; of one that cannot be taken apart, those of an empty text."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it raises for what is no number
    except ValueError:
        return urlsplit("")
    return parts


def _pseudonym(text: str, kind: str, number: int) -> str:
    """Return what stands for a secret, in the form of it where clients read that."""
    if kind == "webhook":
        return f"https://{REDACTED_HOST}/webhook-{number}"
    if kind == _EMAIL:
        return f"redacted-email-{number}@{REDACTED_HOST}"
    if kind == _PERSON and text.isdecimal():
        return "99" + str(number).zfill(max(4, len(text) - 2))
    if kind == _PERSON and _OBJECT_ID.fullmatch(text):
        return f"5eed{number:020x}"
    return f"redacted-{kind}-{number}"
