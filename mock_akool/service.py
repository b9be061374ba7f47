"""What doors talk to: one fake with its engine, its control routes and its pictures."""

from __future__ import annotations

import logging

from mock_akool import control
from mock_akool.core import api
from mock_akool.core.clock import Clock
from mock_akool.core.deliveries import Draft
from mock_akool.core.engine import Engine
from mock_akool.core.models import Call, Reply
from mock_akool.identities import JwtTokens
from mock_akool.pictures import Gallery
from mock_akool.scripting import ScriptedBehaviour
from mock_akool.webhooks.courier import Courier

_log = logging.getLogger("mock_akool")


class Service:
    """Answers calls. Safe to use from several threads."""

    def __init__(self, behaviour: ScriptedBehaviour, clock: Clock) -> None:
        self.engine = Engine(behaviour, clock, JwtTokens(behaviour.seed), behaviour.script, _compose)
        self.gallery = Gallery()
        self.courier = Courier(self.engine)

    def answer(self, call: Call) -> Reply:
        """Turn a Call into a Reply: of the control routes below `/_mock/`, else of the emulated API."""
        if call.path.startswith(control.PREFIX):
            return control.answer(self.engine, call)
        self.courier.before(call)
        return api.answer(self.engine, call)

    def ready_body(self, reply: Reply) -> bytes | None:
        """Return the reply's body if it needs no drawing, else None."""
        body = reply.body if reply.picture is None else self.gallery.cached(reply.picture)
        return body if body is None or reply.kept is None else body[: reply.kept.of(len(body))]

    def body(self, reply: Reply) -> bytes:
        """Return the reply's body; a picture that nobody asked for before is drawn, which takes milliseconds."""
        body = reply.body if reply.picture is None else self.gallery.get(reply.picture)
        return body if reply.kept is None else body[: reply.kept.of(len(body))]

    def complete(self, reply: Reply) -> tuple[Reply, bytes]:
        """Return the reply and its body; a picture that cannot be drawn is a bug of ours, answered as such."""
        try:
            return reply, self.body(reply)
        except Exception as bug:
            _log.exception("mock-akool bug while drawing %s", reply.picture)
            reply = api.bug_reply(bug)._replace(delay_ns=reply.delay_ns)
            return reply, reply.body


def _compose(draft: Draft) -> bytes:
    """Return the body of a callback; what that takes is imported with the first one."""
    from mock_akool.webhooks.composing import compose

    return compose(draft)
