"""What a fault makes of a response."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from mock_akool.akool.envelope import error_body, storage_error
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.faults import _HTML, _JSON, _XML, NO_ANSWER, Fault, kinds_of
from mock_akool.core.http import Headers, Response, Share, Termination, Transfer
from mock_akool.core.keyed_random import KeyedRandom, Place


def apply_fault(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, *place: Place
) -> Response:
    """Return what the fault makes of the reply; of one that came before the work, only the bookkeeping is used.

    `place` is where the draws are made. The caller is shown no code and no status of an answer that does not arrive.
    """
    kinds = kinds_of(fault)
    if kinds:
        response = _REPLACING[kinds[0]](fault, response, settings, keyed_random, place)
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
        response = response._replace(headers=(*(each for each in response.headers if each[0] not in names), *changed))
    if fault.delay is not None:
        response = response._replace(delay_ns=response.delay_ns + fault.delay.drawn_ns(keyed_random, *place))
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
        entry=response.entry,
    )


def _with_code(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    assert fault.code is not None
    error = settings.refusal(fault.code) if fault.msg is None else AkoolError(fault.code, fault.msg)
    cors = (*_JSON, ("access-control-allow-origin", "*"))
    return _instead(response, 200, cors, error_body(error, settings), fault.code)


def _with_http(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    assert fault.http is not None
    if fault.body is None:
        return _instead(response, fault.http, _HTML, _page(fault.http))
    is_json = fault.body.lstrip()[:1] in ("{", "[")
    return _instead(response, fault.http, _JSON if is_json else _HTML, fault.body.encode("utf-8", "replace"))


def _empty(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    return _instead(response, 200, _kept_type(response), b"")


def _garbage(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    # It begins like JSON, and is neither JSON nor UTF-8 nor a picture.
    body = b'{"\xff' + b"".join(keyed_random.raw(64, "garbage", *place, part) for part in range(4))
    return _instead(response, 200, _kept_type(response), body)


def _html(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    return _instead(response, 200, _HTML, _page(503))


def _drop(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    return _instead(response, NO_ANSWER, (), b"")._replace(transfer=Transfer(Termination.DROP))


def _reset(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    return _instead(response, NO_ANSWER, (), b"")._replace(transfer=Transfer(Termination.RESET))


def _broken_file(
    fault: Fault, response: Response, settings: ServiceSettings, keyed_random: KeyedRandom, place: tuple[Place, ...]
) -> Response:
    if fault.file == "expired":
        body = storage_error("AccessDenied", "Access Denied")
        return _instead(response, settings.gone_file_status, _XML, body)
    if fault.file == "truncated":
        return response._replace(kept=Share(fraction=0.5))
    return response if response.media is None else response._replace(media=response.media._replace(format="PNG"))


_REPLACING: Final = {
    "code": _with_code,
    "http": _with_http,
    "empty": _empty,
    "garbage": _garbage,
    "html": _html,
    "drop": _drop,
    "reset": _reset,
    "file": _broken_file,
}


def _kept_type(response: Response) -> Headers:
    """The answer's own content type, as far as there is an answer: a broken body is still labelled as what it was."""
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
