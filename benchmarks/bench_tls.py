"""Polls over TLS, handshakes, and what it costs plain HTTP that the port speaks TLS too."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.load import interleaved, median_ratio, press
from benchmarks.poll import FLASK, HEADERS, PATH, check_poll, create_job, poll_path, running_ours
from benchmarks.processes import HOST, BenchmarkError, Server, free_port, running
from benchmarks.table import Row, at_least, at_most, skipped

_CONNECTIONS = 16
_MOST_HANDSHAKE_MS = 5
_NGINX = "nginx with TLS before Flask on waitress 8"
_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:PORT; listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def run(quick: bool) -> Iterator[Row]:
    rounds, seconds = (2, 1.0) if quick else (6, 2.0)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = ("--queueing", "0s", "--processing", "forever", "--ca-dir", str(folder / "ca"))
        ours = stack.enter_context(running_ours(*settings))
        plain_only = stack.enter_context(running_ours(*settings, "--no-tls"))
        polls = {}
        for name, server in (("plain", ours), ("no sniffing", plain_only)):
            job_id = create_job(server)
            check_poll(server, job_id, 2)
            polls[name] = server.url(poll_path(job_id))
        polls["tls"] = polls["plain"].replace("http://", "https://")
        try:
            polls["nginx"] = _nginx(stack, folder)
        except FileNotFoundError as missing:
            yield skipped(f"TLS: ours / {_NGINX}", f"{missing.filename} is not installed")
        measure: dict[str, Callable[[], float]] = {name: _rate(url, seconds) for name, url in polls.items()}
        interleaved(1, measure)
        rates = interleaved(rounds, measure)
        handshakes = _handshakes(ours, 50 if quick else 300)

    def row(name: str, top: str, bottom: str, target: float) -> Row:
        note = f"{median(rates[top]):,.0f} / {median(rates[bottom]):,.0f} req/s"
        ratio = median_ratio(rates[top], rates[bottom])
        return Row(f"{name}, {_CONNECTIONS} connections", ratio, "x", at_least(target), note)

    yield row("polls over TLS / plain", "tls", "plain", 0.5)
    yield row("plain polls with TLS on the port / without", "plain", "no sniffing", 0.95)
    if "nginx" in rates:
        yield row(f"TLS: ours / {_NGINX}", "tls", "nginx", 5)
    worst = max(handshakes)
    yield Row(
        "a new connection with its handshake",
        median(handshakes),
        "ms",
        at_most(_MOST_HANDSHAKE_MS),
        f"both sides on this machine; the longest {worst:.1f} ms",
    )


def _rate(url: str, seconds: float) -> Callable[[], float]:
    return lambda: press(url, connections=_CONNECTIONS, seconds=seconds, headers=HEADERS).per_second


def _handshakes(server: Server, count: int) -> list[float]:
    """Return how long connecting and each handshake took, in ms."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    took_ms = []
    for _ in range(count):
        began = time.perf_counter()
        with (
            socket.create_connection((HOST, server.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            took_ms.append(1e3 * (time.perf_counter() - began))
    return took_ms


def _nginx(stack: contextlib.ExitStack, folder: Path) -> str:
    """Start nginx with TLS before Flask on waitress; returns the URL of a poll. FileNotFoundError without nginx."""
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            raise FileNotFoundError(2, "missing", program)
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        raise BenchmarkError("openssl made no certificate for nginx")
    flask = stack.enter_context(running(FLASK, path=PATH, headers=HEADERS))
    secure = free_port()
    configuration = _CONFIGURATION.format(folder=folder, upstream=flask.port, secure=secure)
    (folder / "draft").write_text(configuration)
    start = (
        f"cd {folder} && sed s/PORT/{{port}}/ draft >nginx.conf && exec nginx -p {folder} -e {folder}/log -c nginx.conf"
    )
    command = ("sh", "-c", start)
    stack.enter_context(running(command, path=PATH, headers=HEADERS))
    return f"https://{HOST}:{secure}{PATH}"
