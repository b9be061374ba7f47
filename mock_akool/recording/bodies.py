"""Bodies of requests and responses as a recording keeps them: JSON and short texts readable, all others as files."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool.recording.redaction import Redactor

MOST_INLINE: Final = 64 << 10
"""Up to how many bytes a text stands in the file of its call."""
_MOST_UNPACKED: Final = 64 << 20
_TEXTUAL: Final = re.compile(r"(?i)\s*(?:text/|application/(?:[\w.+-]*(?:json|xml|javascript|x-www-form-urlencoded)))")
_KINDS: Final = {
    "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4", "audio/mpeg": "mp3",
    "audio/wav": "wav", "audio/x-wav": "wav",
}  # fmt: skip
FOLDER: Final = "bodies"
"""The folder of a recording that has the bodies that are files."""


def read_json(body: bytes) -> Any:
    """Return a body as JSON; raises ValueError when it is none."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def learn(body: bytes, content_type: str, redactor: Redactor) -> None:
    """Let a redactor find the secrets of a body."""
    if not body:
        return
    try:
        redactor.learn_json(read_json(body))
    except ValueError:
        text = _text(body, content_type)
        if text is not None:
            if "form-urlencoded" in content_type:
                redactor.learn_query(text)
            redactor.learn_text(text)
        if content_type.lower().lstrip().startswith("multipart/"):
            redactor.learn_form(body.decode("latin-1"))


def written(
    body: bytes, content_type: str, redactor: Redactor, *, is_packed: bool = False
) -> tuple[dict[str, Any] | None, tuple[str, bytes] | None]:
    """Return what the file of a call says of a body, and the file beside it that has the body, if it needs one.

    `is_packed`: it is compressed, so that nobody can see what is in it; then only its length and hash are kept. So it
    is for a body that is no text and in which a known secret stands.
    """
    if not body:
        return None, None
    size: dict[str, Any] = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    if is_packed:
        return {**size, "left_out": "it is compressed, so that secrets could be in it"}, None
    try:
        if len(body) <= MOST_INLINE:
            return {"json": redactor.json(read_json(body))}, None
        body = json.dumps(redactor.json(read_json(body)), ensure_ascii=False).encode("utf-8", "surrogatepass")
        return _beside(body, "json")
    except ValueError:
        pass
    text = _text(body, content_type)
    if text is not None:
        is_form = "form-urlencoded" in content_type
        redacted = redactor.query(text) if is_form else redactor.text(text)
        if len(body) <= MOST_INLINE:
            return {"text": redacted}, None
        return _beside(redacted.encode(), "txt")
    if redactor.occurs_in(body):
        return {**size, "left_out": "a secret stands in it"}, None
    return _beside(body, _KINDS.get(content_type.partition(";")[0].strip().lower(), "bin"))


def _beside(body: bytes, kind: str) -> tuple[dict[str, Any], tuple[str, bytes]]:
    digest = hashlib.sha256(body).hexdigest()
    name = f"{FOLDER}/{digest[:20]}.{kind}"
    return {"file": name, "bytes": len(body), "sha256": digest}, (name, body)


def _text(body: bytes, content_type: str) -> str | None:
    """Return a body as text; None when it is none."""
    if not _TEXTUAL.match(content_type) and (b"\0" in body or content_type.startswith(("image/", "video/", "audio/"))):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1") if _TEXTUAL.match(content_type) else None


def unpacked(body: bytes, encoding: str) -> bytes | None:
    """Return a body that came compressed by gzip or deflate; None when it is neither, or too long."""
    bits = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(encoding.strip().lower())
    if bits is None:
        return None
    try:
        unpacker = zlib.decompressobj(bits)
        plain = unpacker.decompress(body, _MOST_UNPACKED)
    except zlib.error:
        return None
    return plain if unpacker.eof and not unpacker.unconsumed_tail else None


# URLs of result files


def urls_in(value: Any) -> set[str]:
    """Return the strings of a JSON value that are http URLs as a whole."""
    found, pending = set[str](), [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
        elif isinstance(each, str) and each.startswith(("http://", "https://")) and _is_url(each):
            found.add(each)
    return found


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text).hostname) and not any(each.isspace() for each in text)
    except ValueError:
        return False


def with_urls(body: bytes, replacements: Mapping[str, str]) -> bytes:
    """Return a body of JSON with strings replaced that are URLs as a whole; all other bytes stay."""
    for old, new in replacements.items():
        for spelling in dict.fromkeys((json.dumps(old), json.dumps(old, ensure_ascii=False))):
            for escaped in (spelling, spelling.replace("/", "\\/")):
                body = body.replace(escaped.encode("utf-8", "surrogatepass"), json.dumps(new).encode())
    return body


def code_of(body: bytes) -> int | None:
    """Return the business code that a body has; None when it has none."""
    try:
        code: Any = read_json(body).get("code")
    except (ValueError, AttributeError):
        return None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
