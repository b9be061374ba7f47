"""The errors that the emulated API answers."""

from __future__ import annotations

from mock_akool.akool.codes import MESSAGES, Code


class AkoolError(Exception):
    """Akool answers with a business error (contract sections 1 and 10).

    `job_id` is the job that the request was about and `account` the API key of the account that asked, where
    they are known; both are for the journal only.
    """

    account: str | None = None

    def __init__(self, code: int, msg: str | None = None, *, job_id: str | None = None) -> None:
        self.code = code
        self.msg = MESSAGES[code] if msg is None else msg
        self.job_id = job_id
        super().__init__(f"{int(code)} {self.msg}")


class ParameterError(AkoolError):
    """The request's body or query is not usable: 1003, or what the endpoint's setting says instead."""

    def __init__(self) -> None:
        super().__init__(Code.PARAMETER_ERROR)
