"""Requests at random, by a seed: good ones for every route of the OpenAPI document, changed ones, and garbage."""

from __future__ import annotations

import json
import random
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from mock_akool import Request

KEY: Final = "0123456789abcdef0123456789abcdef"
CLIENT_ID: Final = "AAECAwQFBgcICQoLDA0ODw=="
PATIENCE_S: Final = 1.0
"""How long an answer is waited for: a fault that was let in by chance may hold it back for years."""
_ANSWER: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_MOST_DEEP: Final = 8
_BUG: Final = b"mock-akool bug"

Schema = Mapping[str, Any]

NUMBERS: Final = (0, 1, -1, 2, 3, 7, 100, 0.5, -0.0, 1e-9, 1e300, 2**31, 2**53, 2**63, 10**25, -(10**400))
TEXTS: Final = (
    "",
    " ",
    "x",
    "a cat",
    "[mock:flaky-gateway] x",
    "[mock:nothing-of-the-kind]",
    KEY,
    f"{KEY}+rate-limited",
    CLIENT_ID,
    "http://127.0.0.1:9/hook",
    "http://u:p@127.0.0.1:9/\x1b[2J",
    "quota/info",
    "createbyprompt",
    "any",
    "slow",
    "10ms",
    "1 poll",
    "3 polls",
    "forever",
    "completed",
    "failed",
    "failed: a; b",
    "50%",
    "1:1",
    "16:9",
    "U1",
    "*",
    "a*b*c*d*e*f",
    "../../etc/passwd",
    "%00%ff%",
    "\x00",
    "\r\nx: y",
    "€",
    "\ud800",
    "\U0001f600",
    "\u202e",
    "null",
    "-1",
    "1e999",
    "0x10",
    "٣",
    "9" * 400,
    "a" * 5_000,
    "🦊" * 300,
)
SHORT: Final = ("1ms", "0.005s", 0)
HEADERS: Final = (
    ("x-api-key", KEY),
    ("x-api-key", f"{KEY}+rate-limited"),
    ("x-api-key", ""),
    ("x-api-key", "é" * 50),
    ("authorization", "Bearer x"),
    ("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"),
    ("authorization", "Basic eDp5"),
    ("authorization", ""),
    ("content-type", "text/plain"),
    ("content-type", "application/vnd.api+json; charset=utf-16"),
    ("content-type", ""),
    ("accept", "text/plain"),
    ("accept", "text/html;q=x,*/*;q=2,"),
    ("origin", "http://evil.test"),
    ("host", "evil.test"),
    ("host", "[::1"),
    ("host", ""),
    ("host", "_:99999"),
    ("range", "bytes=0-9"),
    ("range", "bytes=-0"),
    ("range", "bytes=9999999999999999999999-"),
    ("range", "bytes=5-1,,-"),
    ("if-none-match", "*"),
    ("if-match", '"x", W/"y"'),
    ("if-range", "Sat, 99 Foo 20260 00:00:00 GMT"),
    ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("if-unmodified-since", "nonsense"),
    ("access-control-request-headers", "traceparent"),
    ("access-control-request-method", "POST"),
    ("expect", "100-continue"),
    ("expect", "x"),
    ("upgrade", "h2c"),
    ("connection", "upgrade"),
    ("connection", "close"),
    ("transfer-encoding", "gzip"),
    ("cookie", "x" * 3_000),
    ("x-forwarded-for", "\x80\xff"),
)
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY")
GARBAGE: Final = (
    b"",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"GET http://[::1/x HTTP/1.1\r\n\r\n",
    b"\x80\x80\x01\x03",
    b"A" * 70_000,
)


class Route(NamedTuple):
    """A route of the document."""

    method: str
    path: str
    parameters: Sequence[Mapping[str, Any]]
    body: Schema | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Fuzzed(NamedTuple):
    """A request, the route that it was made for, and whether a server can tell where it ends."""

    data: bytes
    route: str
    is_framed: bool


class Known(NamedTuple):
    """What of a server's is needed to get further than its first check."""

    jobs: Sequence[str]
    file: str
    document: str = "0" * 24
    rules: Sequence[int] = (1, 2, 3)
    snapshot: bytes = b"{}"


class Fuzzer:
    """Makes requests by a seed. `known` may be exchanged when the server has forgotten what it was."""

    def __init__(self, seed: int, document: Mapping[str, Any]) -> None:
        self._random = random.Random(seed)
        self._schemas = document["components"]["schemas"]
        self.routes = list(_routes(document))
        self.known = Known(("0" * 24,), "/x.jpg")

    def request(self) -> Fuzzed:
        chance = self._random.random()
        if chance < 0.03:
            return Fuzzed(self._garbage(), "garbage", False)
        if chance < 0.07:
            return self._of_file()
        made = self._of_route()
        if chance < 0.25:
            return made._replace(data=self._broken(made.data), is_framed=False)
        return made

    # Good requests, more or less

    def _of_route(self) -> Fuzzed:
        route = self._random.choice(self.routes)
        path = route.path
        pairs: list[tuple[str, str]] = []
        for parameter in route.parameters:
            name = parameter["name"]
            if parameter["in"] == "path":
                value = self._text(self._value(name, parameter["schema"], 0))
                path = path.replace(f"{{{name}}}", quote(value.encode(errors="replace"), safe=""))
            elif name == "at_least":
                if self._may(0.05):  # with no time to wait, or the others would wait for it
                    pairs += [(name, "1"), ("timeout", "0")]
            elif parameter.get("required") or self._may(0.2):
                pairs.append((name, self._text(self._value(name, parameter["schema"], 0))))
        if self._may(0.03):
            pairs.append((self._random.choice(TEXTS), self._random.choice(TEXTS)))
        if pairs and self._may(0.03):
            pairs.append(pairs[0])
        body = b""
        if route.body is not None and self._may(0.95):
            body = self._as_json(self._value("", route.body, 0))
            if route.path.endswith("/snapshot") and self._may(0.7):
                body = self.known.snapshot if self._may(0.5) else self._broken(self.known.snapshot)
        method = self._random.choice(METHODS) if self._may(0.03) else route.method
        query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs)
        return Fuzzed(self._framed(method, path + (f"?{query}" if query else ""), body), route.name, True)

    def _of_file(self) -> Fuzzed:
        path = self.known.file if self._may(0.8) else f"/{_quoted(self._random.choice(TEXTS))}.jpg"
        method = "GET" if self._may(0.8) else self._random.choice(METHODS)
        return Fuzzed(self._framed(method, path, b""), "file", True)

    def _framed(self, method: str, target: str, body: bytes) -> bytes:
        headers = {"host": "127.0.0.1", "x-api-key": KEY, "content-type": "application/json"}
        while self._may(0.2):
            name, value = self._random.choice(HEADERS)
            headers[name] = value
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if body and self._may(0.05):
            lines.append("transfer-encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\nx-api-key: of-a-trailer\r\n\r\n" % (len(body), body)
        elif body or self._may(0.1):
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + body

    def _value(self, name: str, schema: Schema, depth: int) -> Any:  # noqa: C901, PLR0912 - a case for each type
        """Return a value that mostly is of a schema; `name` is that of the field that it is for."""
        if depth > _MOST_DEEP or self._may(0.02):
            return self._odd()
        if self._may(0.7):
            match name:
                case "timeout":
                    return 0
                case "job" | "_id" | "image_model_id" if "enum" not in schema and schema.get("type") == "string":
                    return self._random.choice(self.known.jobs)
                case "rule" | "number":
                    return self._random.choice(self.known.rules)
                case "document":
                    return self.known.document
                case "file":
                    return self._random.randrange(2)
                case "account" | "api_key":
                    return KEY
                case "webhookUrl" | "webhookurl" | "source_image":
                    return "http://127.0.0.1:9/hook"
        if "$ref" in schema:
            return self._value(name, self._schemas[schema["$ref"].rpartition("/")[2]], depth)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self._value(name, self._random.choice(schema[choice]), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        if "examples" in schema and self._may(0.8):
            # Those of a duration are too long to be waited for.
            return self._random.choice([*SHORT] if 3 in schema["examples"] else schema["examples"])
        kinds = schema.get("type", "string")
        return self._of_type(kinds if isinstance(kinds, str) else self._random.choice(kinds), schema, depth)

    def _of_type(self, kind: str, schema: Schema, depth: int) -> Any:
        choose = self._random.choice
        match kind:
            case "object":
                fields = schema.get("properties", {})
                required = [each for each in schema.get("required", ()) if not self._may(0.03)]
                others = [each for each in fields if each not in required]
                # Many optional fields exclude each other.
                chosen = [*required, *self._random.sample(others, min(len(others), choose((0, 1, 1, 1, 2, 4))))]
                made = {each: self._value(each, fields[each], depth + 1) for each in chosen}
                others = schema.get("additionalProperties", False)
                if isinstance(others, Mapping):
                    made |= {
                        choose(TEXTS): self._value("", others, depth + 1) for _ in range(self._random.randrange(3))
                    }
                elif self._may(0.03):
                    made[choose(TEXTS)] = self._odd()
                return made
            case "array":
                least = schema.get("minItems", 0)
                count = min(schema.get("maxItems", 3), least + self._random.randrange(3))
                return [self._value("", schema.get("items", {}), depth + 1) for _ in range(count)]
            case "boolean":
                return choose((True, False))
            case "integer" | "number":
                low, high = schema.get("minimum", 0), schema.get("maximum", 50)
                return choose((low, min(high, low + self._random.randrange(5)), high if high < 10**4 else low + 1))
            case "null":
                return None
            case _:
                return choose(TEXTS)

    def _odd(self) -> Any:
        choose = self._random.choice
        return choose(
            (None, True, False, choose(NUMBERS), choose(NUMBERS), choose(TEXTS), choose(TEXTS), [], {}, [[]], {"": {}})
        )

    def _text(self, value: Any) -> str:
        """Return a value as a query has it."""
        if isinstance(value, list):
            return ",".join(map(self._text, value))
        if isinstance(value, str):
            return value
        return _dumped(value)

    def _as_json(self, value: Any) -> bytes:
        text = _dumped(value, ensure_ascii=self._may(0.5)).encode("utf-8", "surrogatepass")
        if not self._may(0.1):
            return text
        change: Callable[[bytes], bytes] = self._random.choice(
            (
                lambda text: b"\xef\xbb\xbf" + text,
                lambda text: text[:-1] + b",}",
                lambda text: text[: self._random.randrange(len(text) + 1)],
                lambda text: text.replace(b":", b":" + b"[" * 985 + b"]" * 985 + b',"y":', 1),
                lambda text: b"[" * 3_000 + text,
                lambda text: re.sub(rb"\d+", b"1e999", text),
                lambda text: re.sub(rb"\d+", b"NaN", text),
                lambda text: re.sub(rb"\d+", b"9" * 5_000, text, count=1),
                lambda text: text[:-1] + b"," + text[1:],
                lambda text: text.decode("utf-8", "replace").encode("utf-16"),
                lambda text: text * 2,
                lambda text: b" " * 70_000 + text,
                lambda text: b"prompt=x&scale=1%3A1",
            )
        )
        return change(text)

    # Broken ones

    def _broken(self, data: bytes) -> bytes:
        for _ in range(self._random.randint(1, 4)):
            data = self._mutated(data)
        return data

    def _mutated(self, data: bytes) -> bytes:
        random = self._random
        at = random.randrange(len(data) + 1)
        # What is at the beginning matters most.
        at = at if self._may(0.5) else min(at, random.randrange(80))
        length = random.choice((1, 1, 2, 5, 20, 200))
        match random.randrange(9):
            case 0:
                return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
            case 1:
                return data[:at] + data[at + length :]
            case 2:
                return data[:at] + data[at : at + length] * 2 + data[at + length :]
            case 3:
                return data[:at] + random.randbytes(length) + data[at:]
            case 4:
                return data[:at]
            case 5:
                return data[:at] + random.choice((b"\r\n", b"\n", b"\r", b" ", b"\x00", b":", b"\t")) + data[at:]
            case 6:
                name, value = random.choice(HEADERS)
                return data.replace(b"\r\n", f"\r\n{name}: {value}\r\n".encode(), 1)
            case 7:
                return data.replace(b"HTTP/1.1", random.choice((b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"")), 1)
            case _:
                return data[:at] + self._of_route().data

    def _garbage(self) -> bytes:
        if self._may(0.5):
            return self._random.choice(GARBAGE)
        return self._random.randbytes(self._random.choice((1, 3, 30, 300, 3_000)))

    def _may(self, likely: float) -> bool:
        return self._random.random() < likely


def _routes(document: Mapping[str, Any]) -> Iterator[Route]:
    for path, methods in document["paths"].items():
        for method, row in methods.items():
            content = row.get("requestBody", {}).get("content", {}).values()
            body = next(iter(content))["schema"] if content else None
            yield Route(method.upper(), path, row.get("parameters", ()), body)


def _dumped(value: Any, *, ensure_ascii: bool = True) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii)


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="/:*")


def as_request(fuzzed: Fuzzed, transport: str) -> Request | None:
    """Return what a transport that checks nothing makes of the bytes; None when they have no target."""
    head, _, body = fuzzed.data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, target = first.partition(" ")
    path, _, query = target.partition(" ")[0].partition("?")
    if not path:
        return None
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = body.partition(b"\r\n")[2].partition(b"\r\n")[0]
    return Request(method, path, query, headers, body, "http://127.0.0.1", transport)


class Outcome:
    """What came of requests that were sent."""

    def __init__(self) -> None:
        self.sent = 0
        self.late = 0
        """How many connections were given up as nothing came."""
        self.bugs: list[tuple[bytes, bytes]] = []
        """Requests of a connection and its answers in which a bug is said."""
        self.statuses: Counter[tuple[str, int]] = Counter()
        """How often a route answered so, where one can tell."""


def send(port: int, requests: Sequence[Fuzzed], outcome: Outcome) -> None:
    """Send requests over one connection, say that no more come, and read all answers."""
    data = b"".join(each.data for each in requests)
    answers = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                answers += piece
        except TimeoutError:
            outcome.late += 1
        except OSError:  # a fault of a scenario resets, and a server that has refused need not read the rest
            pass
    outcome.sent += len(requests)
    if _BUG in answers:
        outcome.bugs.append((data, answers))
    statuses = [int(status) for status in _ANSWER.findall(answers) if status[:1] != b"1"]
    if len(statuses) == len(requests):
        outcome.statuses.update((each.route, status) for each, status in zip(requests, statuses, strict=True))
