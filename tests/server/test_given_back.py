"""What a server gives back of its memory, whichever of its threads took it."""

from __future__ import annotations

import platform
import sys

import pytest

from tests.children import run

USED_BY_THREADS = """
import threading
from pathlib import Path

from mock_akool.server.memory import give_back, keep_in_one_heap

THREADS = 4
together = threading.Barrier(THREADS)


def resident_kib():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])


def use():
    together.wait()
    kept = [b"x" * 100_000 for _ in range(200)]
    together.wait()
    kept.clear()
    together.wait()  # a heap is free for others when its thread has ended


keep_in_one_heap()
b"x" * 30_000_000  # once that was free, the C library keeps more for later
before_kib = resident_kib()
threads = [threading.Thread(target=use) for _ in range(THREADS)]
for each in threads:
    each.start()
for each in threads:
    each.join()
give_back()
print(resident_kib() - before_kib)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no other C library is told how many heaps to have")
def test_what_threads_used_at_the_same_time_is_given_back() -> None:
    told = run("-c", USED_BY_THREADS, command=[sys.executable])
    assert told.stderr == ""
    assert int(told.stdout) < 8_000, "of 80,000 KiB"
