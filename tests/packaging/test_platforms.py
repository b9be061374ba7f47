"""The package on systems that lack what Linux has: all that only POSIX or Linux has is taken away, and it still works.

The tests of a hosted machine with Windows or macOS say more; these say it before anybody pushes.
"""

from __future__ import annotations

import signal
import sys
from typing import Final

import pytest

from tests.children import Child, run
from tests.packaging.dockerfile import ROOT

STANDARD: Final = """
import asyncio, ctypes, http.client, http.server, multiprocessing, os, pathlib, platform, select, selectors, shutil
import signal, socket, socketserver, ssl, subprocess, sys, tempfile, threading, unittest.mock
asyncio.new_event_loop().close()  # which chooses the kind of loop, from Python 3.14 on
"""
"""What the standard library has adapted by itself to this system, before the system changes."""

WINDOWS: Final = f"""
{STANDARD}
import flask, requests, httpx, aiohttp, faker, trio  # they look at the system, too

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{"fcntl", "grp", "pwd", "pty", "resource", "termios", "tty", "uvloop"}}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in list(sys.modules):
    if name.partition(".")[0] in {{"fcntl", "grp", "pwd", "resource", "termios", "uvloop"}}:
        del sys.modules[name]
sys.meta_path.insert(0, Missing())

def take(module, *names):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

take(signal, "SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "setitimer", "pthread_kill")
take(os, "O_NOCTTY", "O_NONBLOCK", "fork", "geteuid", "getuid", "getgid", "register_at_fork", "sched_getaffinity")
take(os, "sendfile", "set_blocking", "chown", "fchmod", "killpg", "mkfifo", "getpgid", "setsid")
usual_pair, unix = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda: usual_pair(unix)  # which Windows makes by other means
take(socket, "AF_UNIX", "SO_REUSEPORT", "TCP_INFO", "TCP_USER_TIMEOUT", "MSG_DONTWAIT", "SOCK_NONBLOCK", "SOCK_CLOEXEC")
take(select, "poll", "epoll")

def refuse(*arguments, **named):
    raise NotImplementedError

asyncio.BaseEventLoop.add_signal_handler = refuse
asyncio.SelectorEventLoop.add_signal_handler = refuse
asyncio.SelectorEventLoop.create_unix_server = refuse
sys.platform = "win32"
"""

MACOS: Final = f"""
{STANDARD}
import flask, requests, httpx, aiohttp, faker
import socket
for name in ("TCP_INFO", "TCP_USER_TIMEOUT", "SOCK_NONBLOCK", "SOCK_CLOEXEC"):
    if hasattr(socket, name):
        delattr(socket, name)
usual_open = os.open

def opened(path, *arguments, **named):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", path)
    return usual_open(path, *arguments, **named)

os.open = opened
sys.platform = "darwin"
"""

SYSTEMS: Final = {"windows": WINDOWS, "macos": MACOS}
PYTHON: Final = (sys.executable, "-W", "error", "-c")

each_system = pytest.mark.parametrize("system", ["windows", pytest.param("macos", marks=pytest.mark.slow)])


@each_system
def test_every_module_can_be_imported(system: str) -> None:
    code = """
import importlib, pkgutil, mock_akool
for each in pkgutil.walk_packages(mock_akool.__path__, "mock_akool."):
    if each.name != "mock_akool.__main__":
        importlib.import_module(each.name)
"""
    told = run(SYSTEMS[system] + code, command=PYTHON)
    assert (told.returncode, told.stderr) == (0, "")


@each_system
def test_each_part_can_be_used(system: str) -> None:
    """But pytest, which a child would run that knows nothing of the system."""
    code = f"""
sys.path.insert(0, {str(ROOT)!r})
from tests.packaging import smoke
smoke.with_pytest = lambda: None
smoke.main()
"""
    told = run(SYSTEMS[system] + code, command=PYTHON)
    assert (told.returncode, told.stderr) == (0, "")
    assert "requests, httpx, aiohttp, faker" in told.stdout


@each_system
def test_a_server_starts_answers_and_ends(system: str) -> None:
    code = "from mock_akool.cli import main\nsys.exit(main(['serve', '--port', '0', '--log', 'off']))"
    with Child(SYSTEMS[system] + code, command=PYTHON) as server:
        url = server.said(r"listens on (http://\S+) ")[1]
        healthy = run("health", "--url", url)
        assert (healthy.returncode, healthy.stderr) == (0, "")
        assert server.end(signal.SIGINT)[0] == 0
        assert server.err == ""


def test_where_there_are_no_unix_sockets_the_flag_says_so() -> None:
    code = "from mock_akool.cli import main\nsys.exit(main(['serve', '--port', '0', '--uds', 'socket']))"
    told = run(WINDOWS + code, command=PYTHON)
    assert told.returncode == 1
    assert "this system has no Unix sockets" in told.stderr
    assert "Traceback" not in told.stderr


def test_what_is_taken_away_would_be_missed() -> None:
    for name in ("fcntl", "resource", "uvloop"):
        told = run(f"{WINDOWS}\nimport {name}", command=PYTHON)
        assert f"No module named '{name}'" in told.stderr
    told = run(f"{WINDOWS}\nos.open('/dev/tty', os.O_RDWR | os.O_NOCTTY)", command=PYTHON)
    assert "AttributeError" in told.stderr
