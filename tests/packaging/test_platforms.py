"""The package on systems that lack what Linux has: all that only POSIX or Linux has is taken away, and it still works.

The tests of a hosted machine with Windows or macOS say more; these say it before anybody pushes.
"""

from __future__ import annotations

import ast
import re
import signal
import sys
from pathlib import Path
from typing import Final

import pytest
import requests

from tests.children import Child, run, run_here
from tests.packaging.dockerfile import ROOT

STANDARD: Final = """
import asyncio, ctypes, http.client, http.server, multiprocessing, os, pathlib, platform, select, selectors, shutil
import signal, socket, socketserver, ssl, subprocess, sys, tempfile, threading, time, unittest.mock
asyncio.new_event_loop().close()  # which chooses the kind of loop, from Python 3.14 on
"""
"""What the standard library has adapted by itself to this system, before the system changes."""

LIBRARIES: Final = "import flask, requests, httpx, aiohttp, faker, trio\n"
"""They look at the system, too. A server needs none of them, and they take longer to import than it."""

WINDOWS: Final = """
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"fcntl", "grp", "pwd", "pty", "resource", "termios", "tty", "uvloop"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in list(sys.modules):
    if name.partition(".")[0] in {"fcntl", "grp", "pwd", "resource", "termios", "uvloop"}:
        del sys.modules[name]
sys.meta_path.insert(0, Missing())

def take(module, *names):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

take(signal, "SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "setitimer", "pthread_kill")
take(signal, "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGWINCH", "SIGXFSZ", "alarm", "pthread_sigmask", "sigwait")
take(os, "O_NOCTTY", "O_NONBLOCK", "fork", "geteuid", "getuid", "getgid", "register_at_fork", "sched_getaffinity")
take(os, "sendfile", "set_blocking", "chown", "fchmod", "killpg", "mkfifo", "getpgid", "setsid")
take(os, "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_SYNC", "getegid", "getgroups", "getpgrp", "tcgetpgrp", "pipe2")
take(os, "memfd_create", "uname", "statvfs", "nice", "openpty", "getloadavg", "pread", "pwrite", "fchdir", "setuid")
take(time, "tzset", "clock_gettime", "clock_gettime_ns", "clock_getres", "CLOCK_MONOTONIC", "CLOCK_REALTIME")
shutil._use_fd_functions = False  # as it decides there
shutil.which = lambda name: name  # which looks for .EXE and the like
usual_pair, unix = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda: usual_pair(unix)  # which Windows makes by other means
take(socket, "send_fds", "recv_fds", "MSG_NOSIGNAL", "SCM_RIGHTS", "SO_PEERCRED", "AF_NETLINK", "AF_PACKET")
take(socket, "AF_UNIX", "SO_REUSEPORT", "TCP_INFO", "TCP_USER_TIMEOUT", "MSG_DONTWAIT", "SOCK_NONBLOCK", "SOCK_CLOEXEC")
take(select, "poll", "epoll")

def refuse(*arguments, **named):
    raise NotImplementedError

asyncio.BaseEventLoop.add_signal_handler = refuse
asyncio.SelectorEventLoop.add_signal_handler = refuse
asyncio.SelectorEventLoop.create_unix_server = refuse
sys.platform = "win32"
"""

MACOS: Final = """
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


def on(system: str, code: str, *, libraries: bool = False) -> str:
    """Return code that runs on a system, having imported the libraries there if it uses them."""
    return f"{STANDARD}{LIBRARIES if libraries else ''}{SYSTEMS[system]}{code}"


each_system = pytest.mark.parametrize("system", ["windows", pytest.param("macos", marks=pytest.mark.slow)])


@each_system
def test_every_module_can_be_imported_and_each_part_be_used(system: str) -> None:
    """But pytest, which a child would run that knows nothing of the system."""
    code = f"""
import importlib, pkgutil, mock_akool
for each in pkgutil.walk_packages(mock_akool.__path__, "mock_akool."):
    if each.name != "mock_akool.__main__":
        importlib.import_module(each.name)
sys.path.insert(0, {str(ROOT)!r})
from tests.packaging import smoke
smoke.with_pytest = lambda: None
smoke.main()
"""
    told = run(on(system, code, libraries=True), command=PYTHON)
    assert (told.returncode, told.stderr) == (0, "")
    assert "requests, httpx, aiohttp, faker" in told.stdout


@each_system
def test_a_server_starts_answers_and_ends(system: str) -> None:
    code = "from mock_akool.cli import main\nsys.exit(main(['serve', '--port', '0', '--log', 'off']))"
    with Child(on(system, code), command=PYTHON) as server:
        url = server.said(r"listens on (http://\S+) ")[1]
        healthy = run("health", "--url", url)
        assert (healthy.returncode, healthy.stderr) == (0, "")
        assert server.end(signal.SIGINT)[0] == 0
        assert server.err == ""


CLIENT: Final = """
import urllib.request
url = "https://openapi.akool.com/api/open/v3/faceswap/quota/info"
print(urllib.request.urlopen(urllib.request.Request(url, headers={"x-api-key": "k"}), timeout=20).read().decode())
"""


@each_system
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["exec"], '"credit":1000'),
        pytest.param(["gauntlet", "--only", "no-face", "--limit", "20"], "no-face", marks=pytest.mark.slow),
    ],
    ids=["exec", "gauntlet"],
)
def test_a_command_runs_against_a_fake(system: str, arguments: list[str], told: str, tmp_path: Path) -> None:
    given = [*arguments, "--ca-dir", str(tmp_path), "--", sys.executable, "-c", CLIENT]
    ran = run(on(system, f"from mock_akool.cli import main\nsys.exit(main({given!r}))"), command=PYTHON)
    assert told in ran.stdout
    assert "Traceback" not in ran.stderr


@each_system
def test_a_server_keeps_its_state_in_a_file(system: str, tmp_path: Path) -> None:
    given = ["serve", "--port", "0", "--log", "off", "--state", str(tmp_path / "state")]
    code = on(system, f"from mock_akool.cli import main\nsys.exit(main({given!r}))")
    with Child(code, command=PYTHON) as server:
        url = server.said(r"listens on (http://\S+) ")[1]
        assert requests.post(f"{url}/_mock/accounts", json={"api_key": "kept"}, timeout=20).ok
        assert server.end(signal.SIGINT)[0] == 0
    with Child(code, command=PYTHON) as server:
        url = server.said(r"listens on (http://\S+) ")[1]
        assert "kept" in requests.get(f"{url}/_mock/accounts", timeout=20).text


def test_where_there_are_no_unix_sockets_the_flag_says_so() -> None:
    code = "from mock_akool.cli import main\nsys.exit(main(['serve', '--port', '0', '--uds', 'socket']))"
    told = run(on("windows", code), command=PYTHON)
    assert told.returncode == 1
    assert "this system has no Unix sockets" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("arguments", "encoding"),
    [
        (["settings"], "ascii"),
        (["completion", "zsh"], "cp1252"),
        pytest.param(["settings"], "cp1252", marks=pytest.mark.slow),
        pytest.param(["completion", "zsh"], "ascii", marks=pytest.mark.slow),
    ],
)
def test_what_an_encoding_lacks_is_escaped(encoding: str, arguments: list[str]) -> None:
    """The encoding of a pipe on Windows is that of its language, and has 256 characters."""
    whole = run_here(*arguments).stdout
    told = run(*arguments, variables={"PYTHONIOENCODING": f"{encoding}:strict"}, encoding=encoding)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == whole.encode(encoding, "backslashreplace").decode(encoding)


IN_THE_WINDOWS_JOB: Final = ("core", "akool", "scenarios", "contract", "mock")
FILES: Final = [
    *(ROOT / "mock_akool").rglob("*.py"),
    *(ROOT / "tools").rglob("*.py"),
    *(file for name in IN_THE_WINDOWS_JOB for file in (ROOT / "tests" / name).rglob("*.py")),
]


WHAT_WANTS_ONE: Final = r"(?:read|write)_text|text\s*=|universal_newlines"
"""What is in each text that has a call without one; most have none, and need not be parsed."""


def without_encoding(text: str) -> list[int]:
    """Return the lines of code that read or write text in the encoding of the system, which is UTF-8 on few."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and not {"encoding", None} & {each.arg for each in node.keywords}:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            named = {each.arg for each in node.keywords if getattr(each.value, "value", None) is True}
            of_file = (name == "read_text" and not node.args) or (name == "write_text" and len(node.args) == 1)
            if of_file or named & {"text", "universal_newlines"}:
                found.append(node.lineno)
    return found


def test_text_is_read_and_written_in_an_encoding_that_is_said() -> None:
    assert len(FILES) > 400
    texts = {str(file): file.read_text(encoding="utf-8") for file in FILES}
    found = {file: without_encoding(text) for file, text in texts.items() if re.search(WHAT_WANTS_ONE, text)}
    assert len(found) > 50
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_the_windows_job_runs_these_tests() -> None:
    job = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"-n auto((?: tests/\w+)+)", job) == ["".join(f" tests/{name}" for name in IN_THE_WINDOWS_JOB)]


@pytest.mark.parametrize(
    "call", ["x.read_text()", "x.write_text(t)", "run(c, text=True)", "x.read_text(errors='replace')"]
)
def test_text_without_an_encoding_is_found(call: str) -> None:
    assert re.search(WHAT_WANTS_ONE, call)
    assert without_encoding(call) == [1]
    assert without_encoding(f"{call[:-1]}, encoding='utf-8')".replace("(,", "(")) == []


def test_what_is_taken_away_would_be_missed() -> None:
    code = """
for name in ("fcntl", "resource", "uvloop"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error)
os.open('/dev/tty', os.O_RDWR | os.O_NOCTTY)
"""
    told = run(on("windows", code), command=PYTHON)
    missing = [f"No module named '{name}'" for name in ("fcntl", "resource", "uvloop")]
    assert told.stdout.splitlines() == missing
    assert "AttributeError" in told.stderr
