"""`mock-akool exec --isolate`: a command in namespaces of its own, in which it reaches the fake and nothing else.

Linux only. In the command's view of the file system, other files stand in place of those that say where hosts are and
which certificates are trusted; in its view of the network there are the loopback addresses and nothing else.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mock_akool.akool.families import HOSTS
from mock_akool.core.errors import MockAkoolError

if TYPE_CHECKING:
    from mock_akool.server.http_server import Server

HOST: Final = "127.0.0.1"
PORT: Final = 443
"""Where the fake is in there."""

_HELPER: Final = Path(__file__).with_name("shims") / "enter_namespaces.py"
_HOSTS_FILE: Final = Path("/etc/hosts")
_ORDER_FILE: Final = Path("/etc/nsswitch.conf")
_ANSWERED_BY_OTHERS: Final = Path("/run/nscd")
"""The folder of a service that answers for names before any file is read."""
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""The files of trusted certificates that programs read when no variable names one."""
_FOLDERS: Final = ("/etc/ssl/certs", "/etc/pki/tls/certs")
"""The folders in which OpenSSL looks for certificates by a hash of their name."""
_ROOT_HASH: Final = "e08f0bc7"
"""OpenSSL's hash of the name that each root of ours has."""
_PATIENCE_S: Final = 20.0
_MOST_SAID: Final = 4096


class IsolationError(MockAkoolError):
    """Namespaces cannot be made here."""


class Isolation:
    """The namespaces of one command. `folder` is for the files that it sees in place of the system's."""

    def __init__(self, folder: Path, bundle: Path, root: Path) -> None:
        self._folder = folder
        self._mounts = list(self._made(bundle, root))

    def start(self, command: Sequence[str], environment: Mapping[str, str], server: Server) -> subprocess.Popen[bytes]:
        """Start a command, of which the first word is a path, as soon as the server answers for its port there.

        The process may also have ended before, by a signal. Raises IsolationError when namespaces cannot be made; then
        the command did not run.
        """
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                setup = json.dumps({"socket": theirs.fileno(), "mounts": self._mounts, "port": PORT})
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_HELPER), setup, *command],
                    env=environment,
                    pass_fds=[theirs.fileno()],
                )
            try:
                listening = _received(ours)
                if listening is not None:
                    server.listen_also(listening)
                    ours.sendall(b"!")
            except BaseException:
                process.kill()
                process.wait()
                raise
        return process

    def _made(self, bundle: Path, root: Path) -> Iterator[tuple[str, str]]:
        """Write the files, and yield where each is and what it stands in place of."""
        if not _HOSTS_FILE.is_file():
            raise IsolationError(f"there is no {_HOSTS_FILE} to be replaced")
        yield self._file("hosts", _hosts(_text(_HOSTS_FILE))), str(_HOSTS_FILE)
        if _ORDER_FILE.is_file():
            yield self._file("nsswitch.conf", _order(_text(_ORDER_FILE))), str(_ORDER_FILE)
        if _ANSWERED_BY_OTHERS.is_dir():
            (self._folder / "nscd").mkdir()
            yield str(self._folder / "nscd"), str(_ANSWERED_BY_OTHERS)
        folders = (*_FOLDERS, ssl.get_default_verify_paths().openssl_capath)
        for number, target in enumerate(_there(folders, Path.is_dir)):
            copy = self._folder / f"certs-{number}"
            shutil.copytree(target, copy, symlinks=True)
            (copy / f"{_ROOT_HASH}.0").unlink(missing_ok=True)
            shutil.copyfile(root, copy / f"{_ROOT_HASH}.0")
            yield str(copy), str(target)
        files = (*_BUNDLES, ssl.get_default_verify_paths().openssl_cafile)
        for target in _there(files, Path.is_file):
            yield str(bundle), str(target)

    def _file(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return str(path)


@contextmanager
def isolated(bundle: Path, root: Path) -> Iterator[Isolation]:
    """Prepare namespaces for a command that is to trust the certificates of `bundle`, such as that of `root`."""
    if sys.platform != "linux":
        raise IsolationError("--isolate needs Linux")
    with tempfile.TemporaryDirectory(prefix="mock-akool-") as folder:
        try:
            prepared = Isolation(Path(folder), bundle, root)
        except (OSError, shutil.Error) as error:
            raise IsolationError(f"--isolate cannot copy the files of the system: {error}") from None
        yield prepared


def _received(ours: socket.socket) -> socket.socket | None:
    """Return the socket that listens in the namespaces, as the helper sends it; None when the helper has ended."""
    ours.settimeout(_PATIENCE_S)
    if sys.platform == "win32":
        raise AssertionError
    try:
        said, descriptors, _, _ = socket.recv_fds(ours, _MOST_SAID, 1)
    except OSError as error:
        raise IsolationError(f"--isolate: no answer from the namespaces: {error}") from None
    if descriptors:
        return socket.socket(fileno=descriptors[0])
    if not said:
        return None
    raise IsolationError(
        f"--isolate cannot make namespaces here ({json.loads(said)['error']}); allow them to users, or run it as root; "
        "in a container that wants the capability SYS_ADMIN"
    )


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _hosts(system: str) -> str:
    """Return the hosts of the system with Akool's hosts at the fake's address."""
    others = [line for line in system.splitlines() if not set(line.partition("#")[0].lower().split()[1:]) & set(HOSTS)]
    return "\n".join([*(f"{HOST} {host}" for host in HOSTS), *others, ""])


def _order(system: str) -> str:
    """Return where names are looked up, with the file of hosts first: other services would ask the real network."""
    lines = system.splitlines()
    return "\n".join(["hosts: files dns", *(line for line in lines if not line.lstrip().startswith("hosts:")), ""])


def _there(paths: Sequence[str], exists: Callable[[Path], bool]) -> list[Path]:
    """Return those of the paths that exist, each once, without symbolic links in them."""
    return list(dict.fromkeys(path.resolve() for path in map(Path, paths) if exists(path)))
