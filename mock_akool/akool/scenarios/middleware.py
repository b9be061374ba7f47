"""Scenarios in front of the API: what goes wrong on the way to it and back. The API knows nothing of this."""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

from mock_akool.akool import api
from mock_akool.akool.api import Names, Route, bug_reply, error_response, gone_file, route
from mock_akool.akool.codes import Code
from mock_akool.akool.engine import Engine
from mock_akool.akool.envelope import encode
from mock_akool.akool.errors import AkoolError
from mock_akool.akool.scenarios.model import ScenarioSetup
from mock_akool.akool.scenarios.runtime import ScenarioRuntime
from mock_akool.akool.settings import ServiceSettings
from mock_akool.core.errors import ScenarioError
from mock_akool.core.fault_injection import apply_fault
from mock_akool.core.http import Request, Response

_log = logging.getLogger("mock_akool")

_BAD_REQUEST: Final = 400


class ScenarioMiddleware:
    """Answers requests: what scenarios make of them, or what the API answers. Writes the call log."""

    def __init__(self, engine: Engine, setup: ScenarioSetup) -> None:
        self.engine = engine
        self.runtime = ScenarioRuntime(engine, setup)
        engine.follow_scripts(self.runtime)
        self._errors = ErrorRenderer(engine.settings)
        self._any_case = not engine.settings.path_case_strict

    def answer(self, request: Request) -> Response:
        """Turn a Request into a Response, and write both into the call log."""
        response = self.again(request)
        return self._answer(request) if response is None else response

    def again(self, request: Request) -> Response | None:
        """Answer a poll whose record came before and at which nothing has changed, and write it into the call log.

        Return None for any other request, of which nothing is noted or counted then.
        """
        engine, runtime = self.engine, self.runtime
        poll = engine.standing_polls.find(id(request))
        if poll is None:
            return None
        with engine.lock:
            now_ns = engine.clock.now_ns()
            if not engine.stands(poll, now_ns) or (runtime.watching and not runtime.passes(request)):
                return None
            engine.call_log.append_known(now_ns, poll.endpoint, request, poll.response, poll.size)
        return poll.response

    def _answer(self, request: Request) -> Response:
        engine, runtime = self.engine, self.runtime
        found, names = route(request.method, request.path, any_case=self._any_case)
        with engine.lock:
            now_ns = engine.clock.now_ns()
            if (runtime.watching or runtime.notices(request)) and not runtime.passes(request):
                response = self._scripted(found, names, request, now_ns)
            else:
                response = api.handle(engine, found, names, request, now_ns)
                if response.media is not None:
                    response = self._as_scripted(response, request)
            if response.code != Code.OK or response.rule is not None or engine.troubled:
                self._note_trouble(found.endpoint, response)
            engine.call_log.append(now_ns, found.endpoint, request, response)
        return response

    def _scripted(self, found: Route, names: Names, request: Request, now_ns: int) -> Response:
        """Answer with what the active scenarios make of a request."""
        engine = self.engine
        try:
            firing = self.runtime.firing(found.endpoint, request, now_ns)
        except ScenarioError as error:
            _log.warning("%s %s names a scenario that is not valid: %s", request.method, request.path, error)
            return scenario_refusal(error)
        except Exception as bug:
            _log.exception("mock-akool bug while looking for a rule for %s %s", request.method, request.path)
            return bug_reply(bug)
        if firing is None:
            return self._as_scripted(api.handle(engine, found, names, request, now_ns), request)
        fault = firing.active.rule.fault
        if fault.before:
            response = Response(
                200, (), b"", delay_ns=engine.drawn_latency_ns(), account=firing.account, job_id=firing.job_id
            )
        else:
            response = self._as_scripted(api.handle(engine, found, names, request, now_ns), request)
        response = apply_fault(fault, response, self._errors, engine.keyed_random, *firing.key)
        return response._replace(rule=firing.active.label)

    def _as_scripted(self, response: Response, request: Request) -> Response:
        """Return the response to a download as the script of its job wants it; any other as it is."""
        engine = self.engine
        job = None if response.media is None else engine.job(response.job_id or "")
        if job is None or job.result is None or job.result.files is None:
            return response
        response = apply_fault(job.result.files, response, self._errors, engine.keyed_random, "files", request.path)
        return response._replace(rule=f"{job.job_script}: result.files")

    def _note_trouble(self, endpoint: str, response: Response) -> None:
        """Take note that the newest request to an endpoint was refused or went wrong, or that it did not any more."""
        refused = response.code not in (Code.OK, None) or response.status >= _BAD_REQUEST
        if refused or response.rule is not None:
            self.engine.troubled.add(endpoint)
        else:
            self.engine.troubled.discard(endpoint)


class ErrorRenderer(NamedTuple):
    """Makes the error responses that faults imitate: those of the API."""

    settings: ServiceSettings

    def render_error(self, code: int, msg: str | None) -> Response:
        """Return the response with a business code; without `msg` it has the message that this code has here."""
        return error_response(self.settings.refusal(code) if msg is None else AkoolError(code, msg), self.settings)

    def render_gone_file(self) -> Response:
        """Return the response for a file that has expired."""
        return gone_file(self.settings)


def scenario_refusal(error: ScenarioError) -> Response:
    """Return HTTP 400 for a request that names a scenario which does not exist: no answer of Akool's."""
    body = {"error": f"mock-akool: {error.message}", "hint": error.hint}
    headers = (("content-type", "application/json; charset=utf-8"),)
    return Response(400, headers, encode(body), reason=str(error))
