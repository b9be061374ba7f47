"""The settings of a fake: everything that may differ between two engines, as one frozen record.

Where the contract marks a fact C (our choice, since nothing is known), the choice is a setting here, with the
contract's value as its default. `docs/reference/differences.md` is written from this table.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import AES_KEY_BYTES, MESSAGES, UNKNOWN_MESSAGE, Code, Profile
from mock_akool.akool.errors import AkoolError
from mock_akool.core.call_log import MAX_BYTES
from mock_akool.core.delays import DELAY, Delay
from mock_akool.core.durations import DURATION, FOREVER, SPAN, Duration, Span
from mock_akool.core.errors import Mistakes, Place, SettingsError
from mock_akool.core.options import POSITIVE, Options, option
from mock_akool.core.schema import FLAG, NAME, TEXT, Field, Listed, Optional, Plain, Record, choice, one_of, whole
from mock_akool.core.stages import ENDING
from mock_akool.core.timeline import COMPLETED, Ending

ERROR_CODE: Final = whole(1001, 9999, "a business code from 1001 to 9999")
PROFILE: Final = choice({each.value: each for each in Profile})
CREDITS: Final = whole(0, 10**12)
ACCOUNT_STATUS: Final = choice({"active": False, "banned": True})
"""Whether an account is banned, in words."""

_HOST: Final = r"(?a)(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?|[0-9a-f:.]+"


def _read_host(value: Any) -> str:
    host = str(value).strip().lower()
    if not re.fullmatch(_HOST, host):
        raise ValueError(value)
    return host


_HOSTS: Final = Listed(Plain("a host or an address", _read_host, {"type": "string"}, use="hooks.test or 8.8.8.8:8080"))


class AccountSpec(NamedTuple):
    """An account that a person listed. None means: as the defaults say.

    `token_lifetime`: how long this account's tokens live.
    """

    api_key: str
    client_id: str | None = None
    credits: int | None = None
    banned: bool | None = None
    token_lifetime: Duration | None = None


ACCOUNT_SPEC: Final = Record(
    "listed account",
    AccountSpec,
    {
        "api_key": Field(NAME, "the API key, which is the clientSecret of getToken, too"),
        "client_id": Field(NAME, "the clientId; without it, one that follows from the API key"),
        "credits": Field(CREDITS, "what it has to spend"),
        "status": Field(ACCOUNT_STATUS, "active or banned", attribute="banned"),
        "token_lifetime": Field(DURATION, "how long its tokens live"),
    },
    needed=("api_key",),
    use='keys such as {"api_key": "…", "client_id": "…", "credits": 5, "status": "banned", "token_lifetime": "30s"}',
)
"""An account as a person lists it."""


def _check_accounts(accounts: tuple[AccountSpec, ...]) -> None:
    mistakes = Mistakes()
    for name in ("api_key", "client_id"):
        seen: dict[str, int] = {}
        for position, spec in enumerate(accounts):
            value = getattr(spec, name)
            if value is not None and seen.setdefault(value, position) != position:
                mistakes.add(f"account {seen[value]} has the same {name}", "give each its own", (position, name))
    mistakes.raise_any()


ACCOUNTS: Final = Listed(ACCOUNT_SPEC, check=_check_accounts)
"""A list of accounts, each of which has an API key and a clientId of its own."""


class ServiceSettings(Options):
    """The settings of an engine. Values may be given as text; they are read when the record is made.

    Raises SettingsError with all mistakes: the setting, its value, and what to write instead.
    """

    seed: int = option(0, whole(-(2**63), 2**63 - 1), "what every id, image and drawn duration follows from")
    profile: Profile = option(
        Profile.OBSERVED,
        PROFILE,
        "whether to follow the documentation or the observed API where they differ",
    )
    strict: bool = option(False, FLAG, "only the listed accounts exist; otherwise any API key is an account")
    accounts: tuple[AccountSpec, ...] = option((), ACCOUNTS, "the accounts that exist from the start")
    credits: int = option(1000, whole(0, 10**12), "the credits of an account for which `accounts` gives none")
    account_status: str = option(
        "active", one_of(("active", "banned")), "the status of an account for which `accounts` gives none"
    )
    queueing: Span = option(Span.of(2), SPAN, "how long a job shows status 1")
    processing: Span = option(Span.of(3), SPAN, "how long a job then shows status 2")
    ending: Ending = option(COMPLETED, ENDING, "how a job ends")
    realistic: bool = option(
        False, FLAG, "draw durations of 30 to 60 s as observed, instead of queueing and processing", section="8"
    )
    latency: Delay = option(Delay.of(0), DELAY, "how long every response waits before it is sent")
    call_log_size: int = option(10_000, whole(1, 10**7), "how many calls the call log keeps, and how many deliveries")
    call_log_bytes: int = option(
        MAX_BYTES,
        whole(1 << 16, 1 << 40),
        "how many bytes the kept calls have at most together, with all that they consist of; and the deliveries",
    )
    max_body_bytes: int = option(
        1 << 20,
        whole(1024, 1 << 30),
        "the longest request body; a longer one is a parameter error",
        section="1",
        mark="C",
    )

    error_data: str = option(
        "omit",
        one_of(("omit", "null")),
        "whether an error response has no `data` or `data: null`",
        section="1",
        mark="C",
    )
    unknown_route_body: str = option(
        "json", one_of(("json", "text")), "the body of HTTP 404: a JSON envelope, or `Not Found`", section="1", mark="C"
    )
    path_case_strict: bool = option(
        True, FLAG, "a path in another case than documented is HTTP 404", section="1", mark="C"
    )
    null_is_absent: bool = option(
        True, FLAG, "an optional field sent as null counts as not sent", section="1", mark="C"
    )
    json_content_type_required: bool = option(
        True, FLAG, "a body that is not labelled as JSON counts as no JSON", section="1", mark="C"
    )
    file_lifetime: Duration = option(
        Duration.of("7d"), DURATION, "how long a result file can be fetched", section="1", mark="D"
    )
    gone_file_status: int = option(
        403,
        whole(400, 599),
        "the HTTP status of a file that expired or never was, with an XML body",
        section="1",
        mark="C",
    )
    token_lifetime: Duration = option(
        Duration.of("3600d"), DURATION, "how long a token is valid", section="2", mark="O"
    )
    new_token_revokes_older: bool = option(
        False, FLAG, "a new token makes the account's older ones invalid", section="2", mark="C"
    )
    bearer_any_case: bool = option(True, FLAG, "the word Bearer is accepted in any case", section="2", mark="C")
    msg_authorization_empty: str = option(
        MESSAGES[Code.AUTHORIZATION_EMPTY], TEXT, "the msg when there are no credentials", section="2", mark="C"
    )
    msg_account_banned: str = option(
        MESSAGES[Code.ACCOUNT_BANNED], TEXT, "the msg for a banned account", section="2", mark="C"
    )
    get_token_wrong_pair_code: int = option(
        int(Code.ACCOUNT_NOT_FOUND), ERROR_CODE, "the code of getToken for a wrong pair", section="2", mark="C"
    )
    get_token_missing_field_code: int = option(
        int(Code.PARAMETER_ERROR), ERROR_CODE, "the code of getToken for a missing field", section="2", mark="C"
    )
    cors_allow_any_header: bool = option(
        False,
        FLAG,
        "whether a browser may send whatever header it asks for, such as traceparent",
        section="2",
        mark="C",
    )
    cors_allow_api_key: bool = option(
        True, FLAG, "a browser's preflight allows the header x-api-key", section="2", mark="C"
    )
    check_urls: bool = option(
        True, FLAG, "an image or webhook URL that is not http(s) is a parameter error", section="3", mark="C"
    )
    bad_parameter_code: int = option(
        int(Code.PARAMETER_ERROR),
        ERROR_CODE,
        "the code for a missing or wrong field of a button or a query",
        section="5, 6",
        mark="C",
    )
    unknown_job_code: int = option(
        int(Code.NOT_FOUND), ERROR_CODE, "the code for an `_id` that does not exist", section="5, 6", mark="C"
    )
    foreign_job_code: int = option(
        int(Code.NO_PERMISSION), ERROR_CODE, "the code for a job of another account", section="5, 6", mark="C"
    )
    out_of_credits_code: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        ERROR_CODE,
        "the code when credits run out, where a family has none of its own; older pages say 1006",
        section="7",
        mark="D",
    )
    quota_rounding: str = option(
        "floor",
        one_of(("floor", "exact")),
        "how `quota/info` shows a balance that is a fraction",
        section="7",
        mark="C",
    )
    requests_per_second: float | None = option(
        None, Optional(POSITIVE), "more requests of an account within a second get 1005", section="7", mark="C"
    )
    concurrent_jobs: int | None = option(
        None, Optional(whole(0, 10**9)), "more unfinished jobs of an account get 1005", section="7", mark="C"
    )

    webhook_processing: bool = option(
        True, FLAG, "webhooks report status 2 too, not only the end", section="9", mark="D"
    )
    webhook_retries: int = option(
        5,
        whole(0, 20),
        "how often a webhook is tried again when its receiver did not respond with HTTP 200",
        section="9",
        mark="C",
    )
    webhook_retry_delay: Duration = option(
        Duration.of("1s"),
        DURATION,
        "how long after the first try the second comes; each further one waits twice as long",
        section="9",
        mark="C",
    )
    webhook_timeout: Duration = option(
        Duration.of("10s"), DURATION, "how long the receiver of a webhook may take to respond", section="9", mark="C"
    )
    webhook_before_status: Duration = option(
        Duration(0), DURATION, "how long before a poll shows a status its webhook is sent", section="9", mark="C"
    )
    webhook_after_status: Duration = option(
        Duration(0), DURATION, "how long after a poll shows a status its webhook is sent", section="9", mark="C"
    )
    allow_webhook: tuple[str, ...] = option(
        (),
        _HOSTS,
        "where webhooks may be sent, besides this machine and private addresses",
    )
    webhook_ca: str | None = option(
        None,
        Optional(TEXT),
        "a file of certificates (PEM) that receivers of webhooks over https may have, besides those of the system",
    )

    def _check(self, mistakes: Mistakes) -> None:
        super()._check(mistakes)
        for position, spec in enumerate(self.accounts):
            with mistakes.noted():
                self.check_key(spec, ("accounts", position, "api_key"))
        for name, span in (("queueing", self.queueing), ("processing", self.processing)):
            if span == FOREVER and self.ending != COMPLETED:
                hint = f"leave out ending, or give {name} a length"
                mistakes.add(f"{name} lasts forever, so no job ends", hint, ("ending",))

    def check_key(self, spec: AccountSpec, place: Place = ()) -> None:
        """Raise SettingsError, in strict mode, for an account whose webhooks could not be encrypted.

        The real service has none. `place` is where the key stands in the input.
        """
        size = len(spec.api_key.encode("utf-8", "surrogatepass"))
        if self.strict and size not in AES_KEY_BYTES:
            raise SettingsError(
                f"a key of {size} bytes cannot encrypt webhooks",
                "with strict, use 16, 24 or 32 bytes, such as 32 letters and digits; without it any text will do",
                place,
            )

    def refusal(self, code: int, job_id: str | None = None, *, reason: str | None = None) -> AkoolError:
        """Return the error of a configurable code, with the message that this code has here.

        The `reason` is for people, not for the wire; see `AkoolError`.
        """
        messages = {
            **MESSAGES,
            Code.AUTHORIZATION_EMPTY: self.msg_authorization_empty,
            Code.ACCOUNT_BANNED: self.msg_account_banned,
        }
        return AkoolError(code, messages.get(code, UNKNOWN_MESSAGE), job_id=job_id, reason=reason)


class Limits(NamedTuple):
    """When an account gets 1005: contract section 7. None means: as the settings say."""

    requests_per_second: float | None = None
    concurrent_jobs: int | None = None


def over(below: Any, above: Any) -> Any:
    """Return a record of `AccountScript` or `Limits` with what `above` says, and where it says nothing, `below`."""
    return type(below)(*(low if high is None else high for low, high in zip(below, above, strict=True)))
