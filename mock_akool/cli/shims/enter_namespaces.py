"""Becomes a command in namespaces of its own, for `mock-akool exec --isolate`: run by Python without its packages.

It is a process of its own, as one with threads may not make a namespace of users. It is given as JSON the descriptor
of a Unix socket, the files to show in place of others, and a port. It makes the namespaces, listens on that port
there, sends the listening socket, and becomes the command as soon as it is answered. What fails is sent instead.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_BACKLOG = 1024
_CANNOT_RUN = 126

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _unshare() -> None:
    """Enter new namespaces: of mounts and networks, and of users unless root may do without."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        try:
            _call("unshare", _CLONE_NEWNS | _CLONE_NEWNET)
        except OSError as error:
            if error.errno != errno.EPERM:
                raise
        else:
            return
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWNET)
    # The command stays the user that it would be outside.
    for name, content in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib would double the time that this takes
            file.write(content)


def _mount(mounts: list[list[str]]) -> None:
    """Show files and folders in place of others, in these namespaces only."""
    _call("mount", None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None)
    for source, target in mounts:
        _call("mount", os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(_MS_BIND), None)


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this port of the new network, which has nothing but the loopback addresses."""
    listening = socket.socket()
    fcntl.ioctl(listening, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(_BACKLOG)
    return listening


def main(given: str, command: list[str]) -> int:
    """Become the command; returns an exit status when that fails."""
    setup = json.loads(given)
    # Python ignores these, and so would the command.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # as the command, and without a traceback
    with socket.socket(fileno=setup["socket"]) as parent:
        parent.set_inheritable(False)
        try:
            _unshare()
            _mount(setup["mounts"])
            with _listening(setup["port"]) as listening:
                socket.send_fds(parent, [b"{}"], [listening.fileno()])
        except OSError as error:
            parent.sendall(json.dumps({"error": error.strerror or str(error)}).encode())
            return _CANNOT_RUN
        if not parent.recv(1):
            return _CANNOT_RUN
        try:
            os.execv(command[0], command)
        except OSError as error:
            print(f"mock-akool: {command[0]}: {error.strerror}", file=sys.stderr)
            return _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
