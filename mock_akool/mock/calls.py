"""The call log as tests read it."""

from __future__ import annotations

from typing import Final

from mock_akool.akool.endpoints import ENDPOINTS, PREFLIGHT
from mock_akool.core.call_log import Call
from mock_akool.core.schema import whole
from mock_akool.diagnostics.describe import describe
from mock_akool.mock.records import Records

_CODE: Final = whole(0, 9999, "a business code", use="1000 or 1104")


class Calls(Records[Call, "Calls"]):
    """Calls, each a request with its response, oldest first. Filters return new Calls."""

    noun = "call"
    _line = staticmethod(describe)

    def to(self, endpoint: str) -> Calls:
        """Return the calls to an endpoint, such as `infobymodelid`, or to several, such as `create`.

        The endpoints are named as in `on`; `preflight` is one as well. Raises ScenarioError for an unknown name.
        """
        is_preflight = endpoint.lower() == PREFLIGHT  # which no rule is for
        endpoints = frozenset((PREFLIGHT,) if is_preflight else ENDPOINTS.read(endpoint, ("endpoint",)))
        return self._where(f" to {endpoint}", lambda call: call.endpoint in endpoints)

    def by_account(self, api_key: str) -> Calls:
        """Return the calls that were made as the account with this API key."""
        return self._where(" by that account", lambda call: call.account == api_key)

    def with_code(self, code: int) -> Calls:
        """Return the calls that were answered with this business code. Raises SettingsError for what is none."""
        __tracebackhide__ = True
        wanted = _CODE.read(code, ("code",))
        return self._where(f" with code {int(wanted)}", lambda call: call.code == wanted)

    def for_job(self, job_id: str) -> Calls:
        """Return the calls that were about the job with this `_id`."""
        return self._where(f" for job {job_id}", lambda call: call.job_id == job_id)

    def by_rule(self, name: str) -> Calls:
        """Return the calls that a rule changed; part of the rule's name is enough."""
        return self._where(f" by rule {name}", lambda call: call.rule is not None and name in call.rule)
