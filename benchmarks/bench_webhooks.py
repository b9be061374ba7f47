"""Webhooks: ten thousand of them, and beside a receiver that hangs."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.poll import SUBJECTS, create_job, poll_path, running_ours
from benchmarks.processes import HOST, BenchmarkError, Server, running
from benchmarks.table import Row, at_least, at_most
from mock_akool.webhooks import SignatureError, open_envelope, seal

_CREATE = "/api/open/v4/content/image/createBySourcePrompt"
_RECEIVER = (sys.executable, str(SUBJECTS / "hook_receiver.py"), "{port}")
_KEYS = tuple(f"key-of-account-{number:02}-".ljust(32, "x") for number in range(8))
_OPTIONS = ("--credits", "1000000000", "--call-log-size", "100000", "--log", "off")
_PATIENCE_S = 120.0
_BATCH = 4
_POLLS = 300


def run(quick: bool) -> Iterator[Row]:
    yield from _many(1_000 if quick else 10_000)
    yield from _beside_a_hanging_one(200 if quick else 1_000)


def _many(count: int) -> Iterator[Row]:
    with running(_RECEIVER, path="/") as receiver:
        by_hand = _per_second_by_hand(receiver, min(count, 2_000))
    options = (*_OPTIONS, "--queueing", "2s", "--processing", "100ms", *_accounts())
    with running(_RECEIVER, path="/") as receiver, running_ours(*options) as server:
        polled = create_job(server, _KEYS[0])
        idle_ms = median(_poll_ms(server, polled) for _ in range(_POLLS))
        jobs = _create(server, receiver, "/hook", count // 2)
        began = time.perf_counter()
        busy: list[float] = []
        while (arrived := _count(receiver)) < count:
            if arrived:
                busy.append(_poll_ms(server, polled))
            else:
                began = time.perf_counter()
            if time.perf_counter() - began > _PATIENCE_S:
                raise BenchmarkError(f"{arrived:,} of {count:,} webhooks arrived within {_PATIENCE_S:g} s")
            time.sleep(0.005)
        rate = count / (time.perf_counter() - began)
        time.sleep(0.5)  # for one too many
        told = _told(receiver)
    lost = sum(len(told[job]) < 2 for job in jobs)
    doubled = sum(len(told[job]) > 2 for job in jobs)
    disordered = sum(told[job] != sorted(told[job]) for job in jobs)
    note = f"{rate:,.0f} / {by_hand:,.0f} a second, a connection each"
    yield Row(f"{count:,} webhooks / http.client one by one", rate / by_hand, "x", at_least(0.5), note)
    yield Row(f"{count:,} webhooks: lost", lost, "", at_most(0))
    yield Row(f"{count:,} webhooks: doubled", doubled, "", at_most(0))
    yield Row(f"{count:,} webhooks: jobs out of order", disordered, "", at_most(0))
    if busy:
        note = f"{median(busy):.2f} / {idle_ms:.2f} ms"
        yield Row("a poll while webhooks are sent / at rest", median(busy) / idle_ms, "x", None, note)


def _beside_a_hanging_one(count: int) -> Iterator[Row]:
    alone = _seconds(count, 0)
    beside = _seconds(count, 200)
    yield Row(
        "webhooks beside a receiver that hangs / alone",
        beside / alone,
        "x",
        at_most(1.5),
        f"{beside * 1000:,.0f} / {alone * 1000:,.0f} ms for {count:,}",
    )


def _seconds(count: int, hanging: int) -> float:
    """Return how long webhooks take from when the first one is due, beside so many jobs whose receiver hangs."""
    options = (*_OPTIONS, "--queueing", "1s", "--processing", "0", "--set", "webhook_processing=no", *_accounts())
    with running(_RECEIVER, path="/") as receiver, running_ours(*options) as server:
        _create(server, receiver, "/hang", hanging, _KEYS[:1])
        _create(server, receiver, "/hook", count, _KEYS[1:2])
        began = time.perf_counter()
        while (arrived := _count(receiver)) < count:
            if not arrived:
                began = time.perf_counter()
            if time.perf_counter() - began > _PATIENCE_S:
                raise BenchmarkError(f"{arrived:,} of {count:,} webhooks arrived within {_PATIENCE_S:g} s")
            time.sleep(0.002)
        return time.perf_counter() - began


def _accounts() -> tuple[str, str]:
    return "--accounts", json.dumps([{"api_key": key, "client_id": f"id of {key}"} for key in _KEYS])


def _create(server: Server, receiver: Server, path: str, count: int, keys: tuple[str, ...] = _KEYS) -> list[str]:
    """Create so many jobs with webhooks, in batches and by the accounts in turn; returns their ids."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    body = {"prompt": "a red fox", "webhookurl": receiver.url(path), "batch_quantity": _BATCH}
    found: list[str] = []
    for number in range(count // _BATCH):
        headers = {"x-api-key": keys[number % len(keys)], "content-type": "application/json"}
        connection.request("POST", _CREATE, json.dumps(body), headers)
        answer = json.loads(connection.getresponse().read())
        if answer["code"] != 1000:
            raise BenchmarkError(f"a create was answered {answer}")
        found += [each["_id"] for each in answer["data"]]
    connection.close()
    return found


def _poll_ms(server: Server, job_id: str) -> float:
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    connection.connect()
    began = time.perf_counter()
    connection.request("GET", poll_path(job_id), headers={"x-api-key": _KEYS[0]})
    connection.getresponse().read()
    took = time.perf_counter() - began
    connection.close()
    return took * 1000


def _per_second_by_hand(receiver: Server, count: int) -> float:
    """Return how many envelopes a second a plain loop sends, each on a connection of its own."""
    payload = {"_id": "64dd90f9f0b6684651e90d60", "status": 3, "type": "image", "url": "https://example.test/a.jpeg"}
    began = time.perf_counter()
    for _ in range(count):
        connection = http.client.HTTPConnection(HOST, receiver.port, timeout=30)
        body = json.dumps(seal(payload, "id", _KEYS[0]))
        connection.request("POST", "/hook", body, {"content-type": "application/json"})
        connection.getresponse().read()
        connection.close()
    return count / (time.perf_counter() - began)


def _count(receiver: Server) -> int:
    return int(_get(receiver, "/"))


def _told(receiver: Server) -> dict[str, list[int]]:
    """Return the statuses that were shown of each job, in the order they came."""
    told: dict[str, list[int]] = defaultdict(list)
    for line in _get(receiver, "/got").splitlines():
        payload = _opened(line)
        told[payload["_id"]].append(payload["status"])
    return told


def _opened(line: bytes) -> dict[str, Any]:
    for key in _KEYS:
        try:
            return open_envelope(line, f"id of {key}", key)
        except SignatureError:
            continue
    raise BenchmarkError("an envelope came that is no account's")


def _get(receiver: Server, path: str) -> bytes:
    connection = http.client.HTTPConnection(HOST, receiver.port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse().read()
    connection.close()
    return answer
