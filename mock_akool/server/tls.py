"""TLS of the live server: a transport that speaks it in front of the one of the socket, and what it needs for that.

The cryptography is OpenSSL's, over the standard library's `SSLObject`. An event loop begins TLS only where no byte was
read; here the first byte says whether it is TLS, on a port that speaks HTTP as well.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from mock_akool.admin.responses import error_response
from mock_akool.akool.families import HOSTS
from mock_akool.core.errors import MockAkoolError
from mock_akool.core.http import Headers, Request, Response

if TYPE_CHECKING:
    from mock_akool.server.certificates import Authority, ServerContext

_RECORD_BYTES: Final = 16 << 10
"""The most that a record of TLS carries: room for more would be made and thrown away with each read."""
_PEM: Final[Headers] = (("content-type", "application/x-pem-file"), ("cache-control", "no-store"))


class Tls:
    """Whether and how a server speaks TLS. The CA is read, or made, when the first client wants TLS.

    `names` are further names that its certificate is for, and `folder` is where the CA is kept.
    """

    def __init__(
        self, *, only: bool = False, off: bool = False, names: Sequence[str] = (), folder: str | Path | None = None
    ) -> None:
        self.only = only
        self.off = off
        self.names = tuple(names)
        self._folder = folder
        self._lock = threading.Lock()
        self._newest: ServerContext | None = None
        self.unused_connections = 0
        """How many clients connected over TLS and sent no request, as many do that do not trust the CA."""

    @property
    def authority(self) -> Authority:
        """The CA; ServerError when there is no folder for it."""
        from mock_akool.server.certificates import Authority  # only TLS needs one

        return Authority(self._folder)

    @property
    def ready(self) -> ssl.SSLContext | None:
        """What connections use, unless it has to be prepared first or is to be renewed."""
        newest = self._newest
        return None if newest is None or newest.is_due else newest.context

    def prepare(self) -> ssl.SSLContext:
        """Return what connections use; takes some 50 ms when it is not ready. Raises ServerError."""
        with self._lock:
            ready = self.ready
            if ready is None:
                self._newest = self.authority.context(self.names)
                ready = self._newest.context
            return ready


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """What a connection over TLS writes to and is fed by; it is itself the protocol of the socket's transport.

    `failed` is called with the reason when a handshake fails.
    """

    __slots__ = ("_above", "_below", "_closing", "_failed", "_incoming", "_outgoing", "_shaken", "_tls")

    def __init__(
        self,
        context: ssl.SSLContext,
        below: asyncio.Transport,
        above: asyncio.Protocol,
        failed: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._below = below
        self._above = above
        self._failed = failed
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._shaken = False
        self._closing = False

    # What the socket's transport calls

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._closing = True
        self._above.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Decrypt what came."""
        if self._closing:
            return
        self._incoming.write(data)
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._flush()
            while self._incoming.pending or self._tls.pending():
                piece = self._tls.read(_RECORD_BYTES)
                if not piece:
                    self._end()
                    return
                self._above.data_received(piece)
                if self.is_closing():
                    return
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self._end()
        except ssl.SSLError as error:
            # What is in the outgoing buffer says to the client what was wrong.
            self._flush()
            if not self._shaken:
                self._failed(_why(error))
            self._closing = True
            self._below.close()

    def eof_received(self) -> bool:
        """Pass it on; the connection stays open for responses that the client still waits for."""
        if not self._shaken:
            return False
        return bool(self._above.eof_received())

    def pause_writing(self) -> None:
        """Pass it on."""
        self._above.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._above.resume_writing()

    def _end(self) -> None:
        """Take note that the client sends no more."""
        if not self._above.eof_received():
            self.close()

    # What the connection calls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self._closing or not self._shaken or not data:
            return
        self._tls.write(data)  # all of it: there is no end of room in memory
        self._below.write(self._outgoing.read())

    def close(self) -> None:
        """Say that no more comes, and close."""
        if self._closing:
            return
        self._closing = True
        if self._shaken:
            with suppress(ssl.SSLError):  # the client need not answer
                self._tls.unwrap()
            self._flush()
        self._below.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._below.abort()

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._closing or self._below.is_closing()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._below.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the client has not taken."""
        return self._below.get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Feed another protocol from now on."""
        self._above = cast("asyncio.Protocol", protocol)

    def can_write_eof(self) -> bool:
        """Return that the end of what is sent is the end of the connection."""
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the socket's transport knows."""
        return self._below.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._below.write(self._outgoing.read())


def ca_response(tls: Tls, request: Request) -> Response | None:
    """Return the certificate that clients have to trust, for `/_mock/ca.pem`; None when it is not given out.

    It is public: no token is needed. Under Akool's names there is no such path.
    """
    if tls.off or request.method not in ("GET", "HEAD"):
        return None
    if request.headers.get("host", "").partition(":")[0].lower().removesuffix(".") in HOSTS:
        return None
    try:
        return Response(200, _PEM, tls.authority.root_pem())
    except MockAkoolError as error:
        return error_response(500, error.message, error.hint)


def is_tls(data: bytes) -> bool:
    """Return whether the first bytes of a connection are those of TLS: a handshake record."""
    return data[:1] == b"\x16"


def _why(error: ssl.SSLError) -> str:
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" in reason and any(word in reason for word in ("unknown ca", "bad certificate", "certificate unknown")):
        return f"the client does not trust the CA ({reason}); `mock-akool ca show` says which it must trust"
    return f"the TLS handshake failed: {reason}"
