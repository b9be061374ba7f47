"""WireMock, the fastest peer: fetched with npm once, into a folder that git ignores."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from benchmarks.load import press
from benchmarks.poll import HEADERS, PATH, ROUTE, SUBJECTS
from benchmarks.processes import HOST, Server

VERSION = "3.13.2"
_WORK = Path(__file__).with_name(".work")
_JAR = _WORK / "node_modules" / "wiremock" / "build" / f"wiremock-standalone-{VERSION}.jar"
_STUBS = _WORK / "stubs"
_DEFAULT = ("--port", "{port}", "--bind-address", HOST, "--root-dir", str(_STUBS), "--disable-banner")

# What was fastest here of what was tried; on two cores few threads are better than many.
_TUNED_JVM = ("-XX:+UseParallelGC", "-Xms512m")
_TUNED = (
    "--no-request-journal",
    "--disable-request-logging",
    "--disable-gzip",
    "--disable-response-templating",
    "--disable-extensions-scanning",
    "--disable-http2-plain",
    "--container-threads",
    "8",
)

_TURN = 3.0
_SHORTEST_WARM_UP = 12.0


class MissingError(Exception):
    """WireMock cannot be run here; says why."""


def prepare() -> None:
    """Fetch WireMock unless it is here, and write its one stub."""
    for tool in ("java", "npm"):
        if shutil.which(tool) is None:
            raise MissingError(f"{tool} is not installed")
    if not _JAR.is_file():
        _WORK.mkdir(exist_ok=True)
        install = ["npm", "install", "--prefix", str(_WORK), "--no-save", "--no-audit", "--no-fund"]
        try:
            subprocess.run([*install, f"wiremock@{VERSION}"], check=True, capture_output=True, timeout=120)
        except (subprocess.SubprocessError, OSError):
            raise MissingError("npm could not install it") from None
    answer = {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": (SUBJECTS / "body.json").read_text(),
    }
    stub = {"request": {"method": "GET", "urlPath": ROUTE}, "response": answer}
    (_STUBS / "mappings").mkdir(parents=True, exist_ok=True)
    (_STUBS / "mappings" / "poll.json").write_text(json.dumps(stub))


def command(*, tuned: bool) -> tuple[str, ...]:
    jvm, flags = (_TUNED_JVM, _TUNED) if tuned else ((), ())
    return ("java", *jvm, "-jar", str(_JAR), *_DEFAULT, *flags)


def warm_up(server: Server, longest: float) -> None:
    """Load the server until its compiler has done its work: until three turns in a row brought no new best."""
    best, since_best, spent = 0.0, 0, 0.0
    while spent < longest and (since_best < 3 or spent < _SHORTEST_WARM_UP):
        connections = 128 if since_best % 2 else 16
        rate = press(server.url(PATH), connections=connections, seconds=_TURN, headers=HEADERS).per_second
        since_best = 0 if rate > 1.05 * best else since_best + 1
        best = max(best, rate)
        spent += _TURN
