"""Children that always end, and what the kernel says about them."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
REPO = Path(__file__).resolve().parent.parent

_LONGEST_LIFE = 600.0
_GRACE = 3.0
_ATTEMPTS = 3


class BenchmarkError(Exception):
    """A measurement that could not be made; its message is the one line a person reads."""


@dataclass(frozen=True)
class Server:
    """A running child that answers HTTP."""

    pid: int
    port: int
    seconds_to_first_answer: float

    def url(self, path: str) -> str:
        return f"http://{HOST}:{self.port}{path}"

    def rss_kib(self) -> int:
        """Return the resident memory of the server and of its workers."""
        return sum(rss_kib(pid) for pid in _with_children(self.pid))

    def peak_kib(self) -> int:
        """Return the resident memory of the server and of its workers at its most."""
        return sum(_status_number(pid, "VmHWM") for pid in _with_children(self.pid))

    def threads(self) -> int:
        return sum(_status_number(pid, "Threads") for pid in _with_children(self.pid))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[str], *, path: str, headers: Mapping[str, str] | None = None, limit: float = 60.0
) -> Iterator[Server]:
    """Start `command`, in which `{port}` stands for a free port; wait until a GET of `path` answers 200.

    A port can be taken between its choice and its use, therefore a child that ends early is tried again.
    """
    for _ in range(_ATTEMPTS):
        port = free_port()
        started = time.perf_counter()
        child = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=REPO,
            env=plain_environment(),
            start_new_session=True,
        )
        last_resort = threading.Timer(_LONGEST_LIFE, _end, (child,))
        last_resort.daemon = True
        last_resort.start()
        try:
            if _wait_for_answer(child, port, path, headers or {}, started + limit):
                yield Server(child.pid, port, time.perf_counter() - started)
                return
            if not _is_zombie(child.pid):
                raise BenchmarkError(f"no answer to GET {path} in {limit:g} s: {_shown(command)}")
        finally:
            last_resort.cancel()
            _end(child)
    raise BenchmarkError(f"ended with exit {child.returncode} instead of serving: {_shown(command)}")


def plain_environment() -> dict[str, str]:
    """Return the environment less what would slow a child down or change its settings unseen."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MOCK_AKOOL_")
        and name not in {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONDEVMODE", "PYTHONWARNINGS"}
    }


def _shown(command: Sequence[str]) -> str:
    """Return the command without the machine's paths."""
    return " ".join(Path(part).name for part in command)


def _wait_for_answer(
    child: subprocess.Popen[bytes], port: int, path: str, headers: Mapping[str, str], deadline: float
) -> bool:
    while not _is_zombie(child.pid) and time.perf_counter() < deadline:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", path, headers=dict(headers))
            if connection.getresponse().status == 200:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.001)
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child, and then what is left of its own process group: the workers of a pre-forking server.

    It is reaped last, because the number of its group stays reserved only as long as it is a zombie; that is
    also why Popen's own methods, which reap on the way, are not used before.
    """
    if child.returncode is not None:
        return
    os.kill(child.pid, signal.SIGTERM)
    deadline = time.perf_counter() + _GRACE
    while not _is_zombie(child.pid) and time.perf_counter() < deadline:
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait(_GRACE)


def _is_zombie(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _with_children(int(child))


def rss_kib(pid: int) -> int:
    """Return the resident memory of a process."""
    return _status_number(pid, "VmRSS")


def _status_number(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise BenchmarkError(f"the kernel tells no {field} of a running server")
