"""What a fault makes of a response."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, Protocol

from mock_akool.core.faults import Fault
from mock_akool.core.http import Headers, Response, Share, Termination, Transfer
from mock_akool.core.keyed_random import KeyedRandom, KeyPart

NO_ANSWER: Final = 0
"""The HTTP status of a Response that never comes."""
_JSON: Final[Headers] = (("content-type", "application/json; charset=utf-8"),)
_HTML: Final[Headers] = (("content-type", "text/html"),)


class Renderer(Protocol):
    """Makes the error responses that look different in each API."""

    def render_error(self, code: int, msg: str | None) -> Response:
        """Return the response with a business code; without `msg` it says what this code usually does."""
        ...

    def render_gone_file(self) -> Response:
        """Return the response for a file that has expired."""
        ...


def apply_fault(
    fault: Fault, response: Response, renderer: Renderer, keyed_random: KeyedRandom, *key: KeyPart
) -> Response:
    """Return what the fault makes of the response. `key` is that of the draws.

    When the fault comes before the work, `response` only says whose request it was and how long it takes. A response
    that does not arrive has no code and no job status: the client is shown none.
    """
    response = _replaced(fault, response, renderer, keyed_random, key)
    transfer = response.transfer or Transfer()
    if fault.truncate is not None:
        transfer = transfer._replace(termination=Termination.CUT, sent=fault.truncate)
        response = response._replace(code=None, job_status=None)
    if fault.drip is not None:
        transfer = transfer._replace(piece_bytes=fault.drip.bytes, pause_ns=fault.drip.every.ns)
    if transfer != Transfer():
        response = response._replace(transfer=transfer)
    changed = fault.headers if fault.content_type is None else (("content-type", fault.content_type), *fault.headers)
    if changed:
        names = {name for name, _ in changed}
        others = ((name, value) for name, value in response.headers if name not in names)
        response = response._replace(headers=(*others, *changed))
    if fault.delay is not None:
        response = response._replace(delay_ns=response.delay_ns + fault.delay.drawn_ns(keyed_random, *key))
    return response


def _instead(response: Response, status: int, headers: Headers, body: bytes, code: int | None = None) -> Response:
    return Response(
        status,
        headers,
        body,
        delay_ns=response.delay_ns,
        code=code,
        account=response.account,
        job_id=response.job_id,
        job_script=response.job_script,
    )


def _replaced(
    fault: Fault, response: Response, renderer: Renderer, keyed_random: KeyedRandom, key: tuple[KeyPart, ...]
) -> Response:
    """Return what comes instead of the response; a valid fault says at most one such thing."""
    if fault.code is not None:
        status, headers, body, *_ = renderer.render_error(fault.code, fault.msg)
        return _instead(response, status, headers, body, fault.code)
    if fault.http is not None:
        if fault.body is None:
            return _instead(response, fault.http, _HTML, _page(fault.http))
        is_json = fault.body.lstrip()[:1] in ("{", "[")
        return _instead(response, fault.http, _JSON if is_json else _HTML, fault.body.encode("utf-8", "replace"))
    if fault.empty:
        return _instead(response, 200, _kept_type(response), b"")
    if fault.garbage:
        # It begins like JSON, and is neither JSON nor UTF-8 nor any kind of file.
        body = b'{"\xff' + b"".join(keyed_random.raw(64, "garbage", *key, part) for part in range(4))
        return _instead(response, 200, _kept_type(response), body)
    if fault.html:
        return _instead(response, 200, _HTML, _page(503))
    if fault.drop or fault.reset:
        termination = Termination.DROP if fault.drop else Termination.RESET
        return _instead(response, NO_ANSWER, (), b"")._replace(transfer=Transfer(termination))
    if fault.file == "expired":
        status, headers, body, *_ = renderer.render_gone_file()
        return _instead(response, status, headers, body)
    if fault.file == "truncated":
        return response._replace(kept=Share(fraction=0.5))
    if fault.file == "png" and response.media is not None:
        return response._replace(media=response.media._replace(format="PNG"))
    return response


def _kept_type(response: Response) -> Headers:
    """The response's own headers, if it has any: a broken body is still labelled as what it was."""
    return response.headers or _JSON


def _page(status: int) -> bytes:
    """Return the page that a gateway sends with a status of its own."""
    try:
        title = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        title = str(status)
    return (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n"
        f"<hr><center>gateway</center>\n</body>\n</html>\n"
    ).encode()
