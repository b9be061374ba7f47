"""Why the server library was chosen: candidates bare under load, and whether they can cut a connection."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.load import interleaved, press
from benchmarks.poll import HEADERS, PATH, SUBJECTS
from benchmarks.processes import HOST, Server, running
from benchmarks.table import Row, skipped

CONNECTIONS = (1, 16, 128)

# What a scenario wants, then what an app can do that cannot reach its connection: raise, answer nothing, raise
# after half a body.
EXPERIMENTS = ("/cut", "/reset", "/raise", "/return", "/half")


@dataclass(frozen=True)
class Candidate:
    name: str
    needs: str
    command: tuple[str, ...]


def _script(name: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, str(SUBJECTS / name), "{port}", *words)


def _granian(interface: str, target: str) -> tuple[str, ...]:
    options = ("--port", "{port}", "--interface", interface, "--loop", "uvloop", "--http", "1", "--no-ws")
    app = ("--working-dir", str(SUBJECTS), target)
    return (sys.executable, "-m", "granian", *options, "--no-log", *app)


def _gunicorn() -> tuple[str, ...]:
    options = ("--bind", f"{HOST}:{{port}}", "--worker-class", "gthread", "--threads", "8")
    return (sys.executable, "-m", "gunicorn", *options, "--chdir", str(SUBJECTS), "candidate_wsgi:app")


CANDIDATES = (
    Candidate("asyncio.Protocol, httptools, uvloop", "uvloop", _script("bare_server.py", "cuts")),
    Candidate("asyncio.Protocol, httptools, asyncio", "httptools", _script("bare_server.py", "asyncio", "cuts")),
    Candidate("uvicorn, ASGI", "uvicorn", _script("candidate_asgi.py")),
    Candidate("uvicorn, own protocol class", "uvicorn", _script("candidate_asgi.py", "transport")),
    Candidate("granian, ASGI", "granian", _granian("asgi", "candidate_asgi:app")),
    Candidate("granian, RSGI", "granian", _granian("rsgi", "candidate_rsgi:app")),
    Candidate("gunicorn gthread 8, WSGI", "gunicorn", _gunicorn()),
    Candidate("cheroot 8, WSGI", "cheroot", _script("candidate_wsgi.py", "cheroot")),
    Candidate("waitress 8, WSGI", "waitress", _script("candidate_wsgi.py", "waitress")),
    Candidate("waitress 8, Flask", "waitress", _script("flask_waitress.py")),
)


def run(quick: bool) -> Iterator[Row]:
    rounds, seconds = (1, 1.0) if quick else (3, 2.0)
    with contextlib.ExitStack() as stack:
        servers: dict[str, Server] = {}
        for candidate in CANDIDATES:
            if importlib.util.find_spec(candidate.needs) is None:
                yield skipped(candidate.name, f"pip install {candidate.needs}")
                continue
            server = stack.enter_context(running(candidate.command, path=PATH, headers=HEADERS))
            press(server.url(PATH), connections=16, seconds=1, headers=HEADERS)
            servers[candidate.name] = server
        loads = interleaved(
            rounds,
            {
                (name, connections): partial(_per_second, server, connections, seconds)
                for connections in CONNECTIONS
                for name, server in servers.items()
            },
        )
        for name, server in servers.items():
            note = ", ".join(f"{median(loads[name, c]):,.0f} at {c}" for c in CONNECTIONS)
            experiments = {path: _outcome(server.port, path) for path in EXPERIMENTS}
            tried = "; ".join(f"{path} {outcome}" for path, outcome in experiments.items())
            memory, start = server.rss_kib() / 1024, 1000 * server.seconds_to_first_answer
            what = f"req/s {note}; {memory:.0f} MiB, {start:.0f} ms to start, {server.threads()} threads; {tried}"
            yield Row(name, median(loads[name, 16]), "req/s", note=what)


def _per_second(server: Server, connections: int, seconds: float) -> float:
    return press(server.url(PATH), connections=connections, seconds=seconds, headers=HEADERS).per_second


def _outcome(port: int, path: str) -> str:
    """Ask for `path` over a plain socket and tell how the connection ends."""
    received = b""
    with socket.create_connection((HOST, port), timeout=1.5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            end = "reset"
        except TimeoutError:
            end = "open"
        else:
            end = "closed"
    if not received:
        return {"open": "hangs"}.get(end, end)
    status = received.split(b" ", 2)[1].decode()
    return f"answers {status}, {end}"
