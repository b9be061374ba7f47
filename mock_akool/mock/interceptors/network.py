"""The net below all interceptors: while a fake is active, nothing reaches the network for one of its hosts.

A request that an interceptor answers never gets here. Whatever else asks for one of the fake's hosts would reach the
real service, with real keys and for real credits: a library that has no interceptor, a connection that was open before
the fake, a proxy. So these are checked, wherever Python code passes on its way to the network:

- look-ups and connections of sockets: the interpreter tells its audit hooks of each, by whatever name it was called;
  and `socket.connect`, which looks names up itself before it tells;
- look-ups of asyncio's event loops, which they do in another thread; look-ups and connections of uvloop's;
- TLS: the server name of every handshake, which tells where a proxy or a resolver of the client's own leads;
- requests of `http.client`, also over a connection that is open already.

With `other_hosts="refuse"` look-ups and connections to all hosts but this machine are refused in the same way. What the
fake itself sends (webhooks, requests to a server that it is attached to) is let through. Out of reach is what does not
go through Python: libcurl, and other processes.

Every check asks `_check`, which costs a microsecond when it has nothing to say. The interpreter cannot forget an audit
hook: ours stays from the first fake on, and does nothing while no fake is active.
"""

from __future__ import annotations

import errno
import logging
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

from mock_akool.mock.interceptors.hosts import active, host_name, is_free, refuses, target_of, what_to_do
from mock_akool.mock.interceptors.patching import Patches

_log = logging.getLogger("mock_akool")

_INTERCEPTED: Final = ("requests", "httpx", "httpx2", "aiohttp")
_OURS: Final = ("mock_akool.webhooks", "mock_akool.mock.remote", "mock_akool.server", "mock_akool.cli")
"""What may connect to anything: it carries webhooks and talks to a server that a fake is attached to."""
_OUR_OWN_CONNECTION: Final = "mock_akool.mock.interceptors._aiohttp"
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


class _Net:
    """The patches of one library. It is installed like an interceptor."""

    def __init__(self, library: str, make: Callable[[Any, Patches], None]) -> None:
        self._library = library
        self._make = make
        self._patches = Patches()

    def install(self) -> None:
        """Patch the library so that it asks before it goes to the network."""
        self._patches.tidy()
        self._make(sys.modules[self._library], self._patches)

    def uninstall(self) -> None:
        """Take the patches back."""
        self._patches.take_back()


# What the hook checks


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if active and event in _AUDITED:
        _AUDITED[event](*arguments)


def _look_up(host: Any, port: Any = None, *_: Any) -> None:
    _check(host, port, _not_found)


_ADDRESS_OF_MESSAGE: Final = 3
"""Which argument of `sendmsg` is the address, from 0."""


def _connect(_: Any, address: Any) -> None:
    if type(address) is tuple:
        _check(address[0], address[1], _refused)


_AUDITED: Final[dict[str, Callable[..., None]]] = {
    "socket.getaddrinfo": _look_up,
    "socket.gethostbyname": _look_up,
    "socket.gethostbyaddr": _look_up,
    "socket.connect": _connect,
    "socket.sendto": _connect,
    "socket.sendmsg": _connect,
}

_hooked: Final[list[str]] = []


# What is patched


def _patch_socket(module: Any, patches: Patches) -> None:
    if not _hooked:
        _hooked.append("once")
        sys.addaudithook(_audit)
    # A socket looks up a name by itself before the hooks hear of it.
    genuine = _genuine_socket(module.socket)
    for name in ("connect", "connect_ex", "sendto"):
        patches.put(genuine, name, _connecting(getattr(genuine, name), name))
    if hasattr(genuine, "sendmsg"):
        patches.put(genuine, "sendmsg", _sending(genuine.sendmsg))


def _genuine_socket(found: type) -> type:
    """Return the standard library's own class, also when a tool such as pytest-socket put another in its place."""
    return next((each for each in found.__mro__ if each.__module__ == "socket" and each.__name__ == "socket"), found)


def _patch_asyncio(module: Any, patches: Patches) -> None:
    loop = module.BaseEventLoop
    patches.put(loop, "getaddrinfo", _looking_up_in_loop(loop.getaddrinfo))


def _patch_uvloop(module: Any, patches: Patches) -> None:
    loop = module.Loop
    patches.put(loop, "getaddrinfo", _looking_up_in_loop(loop.getaddrinfo))
    patches.put(loop, "create_connection", _connecting_loop(loop.create_connection))
    patches.put(loop, "create_datagram_endpoint", _sending_loop(loop.create_datagram_endpoint))
    patches.put(loop, "sock_connect", _connecting_in_loop(loop.sock_connect))


def _patch_ssl(module: Any, patches: Patches) -> None:
    context = module.SSLContext
    for name, place in (("wrap_socket", 4), ("wrap_bio", 3)):
        patches.put(context, name, _shaking_hands(getattr(context, name), name, place))


def _patch_http_client(module: Any, patches: Patches) -> None:
    connection = module.HTTPConnection
    patches.put(connection, "putrequest", _asking(connection.putrequest))


SOCKET: Final = _Net("socket", _patch_socket)
ASYNCIO: Final = _Net("asyncio.base_events", _patch_asyncio)
UVLOOP: Final = _Net("uvloop", _patch_uvloop)
SSL: Final = _Net("ssl", _patch_ssl)
HTTP_CLIENT: Final = _Net("http.client", _patch_http_client)


def _looking_up_in_loop(original: Callable[..., Any]) -> Callable[..., Any]:
    async def getaddrinfo(self: Any, host: Any, port: Any, **options: Any) -> Any:
        _check(host, port, _not_found)
        return await original(self, host, port, **options)

    return getaddrinfo


def _connecting(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    def connect(self: socket.socket, *args: Any) -> Any:
        if args:
            _connect(self, args[-1])
        return original(self, *args)

    connect.__name__ = connect.__qualname__ = name
    return connect


def _sending(original: Callable[..., Any]) -> Callable[..., Any]:
    def sendmsg(self: socket.socket, *args: Any) -> Any:
        if len(args) > _ADDRESS_OF_MESSAGE:  # what comes before may be tuples as well
            _connect(self, args[_ADDRESS_OF_MESSAGE])
        return original(self, *args)

    return sendmsg


def _connecting_loop(original: Callable[..., Any]) -> Callable[..., Any]:
    async def create_connection(self: Any, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if host is not None:
            _check(host, port, _refused)
        return await original(self, factory, host, port, **options)

    return create_connection


def _sending_loop(original: Callable[..., Any]) -> Callable[..., Any]:
    async def create_datagram_endpoint(
        self: Any, factory: Any, local_addr: Any = None, remote_addr: Any = None, **options: Any
    ) -> Any:
        _connect(self, remote_addr)
        return await original(self, factory, local_addr, remote_addr, **options)

    return create_datagram_endpoint


def _connecting_in_loop(original: Callable[..., Any]) -> Callable[..., Any]:
    def sock_connect(self: Any, sock: Any, address: Any) -> Any:
        if type(address) is tuple:
            _check(address[0], address[1], _refused)
        return original(self, sock, address)

    return sock_connect


def _shaking_hands(original: Callable[..., Any], name: str, place: int) -> Callable[..., Any]:
    """Watch a way to begin TLS, whose argument at this place is the name of the server."""

    def wrap(self: Any, *args: Any, **options: Any) -> Any:
        server_name = args[place] if len(args) > place else options.get("server_hostname")
        if server_name is not None and target_of(host_name(server_name), None) is not None:
            _refuse(server_name, _refused)
        return original(self, *args, **options)

    wrap.__name__ = wrap.__qualname__ = name
    return wrap


def _asking(original: Callable[..., Any]) -> Callable[..., Any]:
    def putrequest(self: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        host, port = getattr(self, "_tunnel_host", None) or self.host, self.port
        if "://" in url[:8]:  # for a proxy
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        if target_of(host_name(host), port) is not None:
            _refuse(host, _refused)
        return original(self, method, url, *args, **options)

    return putrequest


# What is refused


def _check(host: Any, port: Any, error: Callable[[str], OSError]) -> None:
    """Raise the error when the host is one of an active fake's, or other hosts are refused and it is another's."""
    if host is None:
        return
    if not is_free(host, port):
        _refuse(host, error)


def _refuse(host: Any, error: Callable[[str], OSError]) -> None:
    """Raise the error with a text that names the library, unless it is the fake itself that connects."""
    library = _library(sys._getframe(2))
    if library is None:
        return
    name = host_name(host)
    if target_of(name, None) is None and refuses(name):
        text = (
            f'mock-akool refused a connection of {library} to {name}: other_hosts="refuse" is set. {what_to_do(name)}'
        )
    else:
        known = ", ".join(_INTERCEPTED)
        bypassed = "its request went past the interceptor"
        why = bypassed if library in _INTERCEPTED else f"a fake in process answers {known}"
        text = (
            f"mock-akool stopped {library} from reaching the real {name}: {why}. "
            f"Let {library} use the URL of a server of the fake (mock.server(), or the fixture akool_server)"
        )
    _log.warning("%s", text)  # some libraries raise an error of their own, which does not have this text
    raise error(text)


def _not_found(text: str) -> OSError:
    return socket.gaierror(socket.EAI_NONAME, text)


def _refused(text: str) -> OSError:
    return ConnectionRefusedError(errno.ECONNREFUSED, text)


def _library(frame: FrameType | None) -> str | None:
    """Return which library goes to the network, or None when it is the fake itself.

    It is the outermost one below the code under test: `requests`, though urllib3 and http.client come first.
    """
    standard, installed = "socket", ""
    while frame is not None:
        module: str = frame.f_globals.get("__name__") or ""
        root = module.partition(".")[0]
        if root == "mock_akool":
            if not installed and (module.startswith(_OURS) or module == _OUR_OWN_CONNECTION):
                return None
        elif root in sys.stdlib_module_names:
            if not installed and root not in {"threading", "concurrent"}:
                standard = module if root in {"http", "urllib", "xmlrpc"} else root
        elif _INSTALLED.isdisjoint(Path(frame.f_code.co_filename).parts):
            break  # the code under test
        elif root in {"pytest", "_pytest", "pluggy", "xdist"}:
            break
        else:
            installed = root
        frame = frame.f_back
    return installed or standard
