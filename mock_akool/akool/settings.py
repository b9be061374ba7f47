"""How the fake behaves: everything that may differ between two engines, as one frozen record of options.

Where the contract marks a fact C (our choice, since nothing is known), the choice is an option here, with the
contract's value as its default. `docs/differences.md` is written from this table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mock_akool.akool.codes import AES_KEY_BYTES, MESSAGES, UNKNOWN_MESSAGE, Code, Profile
from mock_akool.akool.errors import AkoolError
from mock_akool.core.call_log import MAX_BYTES
from mock_akool.core.durations import Duration, Span
from mock_akool.core.errors import SettingsError
from mock_akool.core.options import (
    POSITIVE,
    TEXT,
    YES_OR_NO,
    Kind,
    Options,
    json_list,
    one_of,
    option,
    optional,
    whole,
)
from mock_akool.core.timeline import COMPLETED, Ending, failed

_SPAN: Final = Kind("a length of time: '10s', '500ms', '2m', '3 polls', 'forever', or seconds", Span.of)
_ERROR_CODE: Final = whole(1001, 9999, "a business code, 1001 to 9999")


_DURATION: Final = Kind("a duration: '100ms', '10s', '7d', or seconds", Duration.of)


def read_ending(value: Any) -> Ending:
    """Read `completed`, `failed`, or `failed: reason; another`; else raises SettingsError."""
    if isinstance(value, Ending):
        return value
    word, _, reasons = str(value).partition(":")
    match word.strip().lower():
        case "completed" if not reasons.strip():
            return COMPLETED
        case "failed":
            return failed(*(reason.strip() for reason in reasons.split(";") if reason.strip()))
        case _:
            raise SettingsError(f"{value!r} is no ending")


_HOST: Final = re.compile(r"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?|[0-9a-f:.]+", re.ASCII)


def _read_hosts(value: Any) -> tuple[str, ...]:
    names = [name for name in value.split(",") if name.strip()] if isinstance(value, str) else list(value)
    hosts = tuple(str(name).strip().lower() for name in names)
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise ValueError(value)
    return hosts


_ENDING: Final = Kind("'completed', 'failed', or 'failed: reason; another reason'", read_ending)


class AccountSpec(NamedTuple):
    """An account that a person listed. None means: as the defaults say.

    `token_lifetime`: how long this account's tokens live.
    """

    api_key: str
    client_id: str | None = None
    credits: int | None = None
    banned: bool | None = None
    token_lifetime: Duration | None = None

    @classmethod
    def of(cls, value: Any) -> AccountSpec:
        """Read a mapping with `api_key` and, as wanted, `client_id`, `credits`, `status`, `token_lifetime`.

        `status` is `active` or `banned`; `token_lifetime` is a duration such as `30s`. Raises SettingsError.
        """
        if isinstance(value, AccountSpec):
            return value
        known = {"client_id", "api_key", "credits", "status", "token_lifetime"}
        if not isinstance(value, dict) or not set(value) <= known:
            raise SettingsError(f"an account is an object with keys of {', '.join(sorted(known))}, not {value!r}")
        secret, client_id = value.get("api_key"), value.get("client_id")
        if not isinstance(secret, str) or not secret:
            raise SettingsError("an account needs an api_key, a text that is not empty")
        if client_id is not None and (not isinstance(client_id, str) or not client_id):
            raise SettingsError(f"client_id {client_id!r} is no text")
        credits, status = value.get("credits"), value.get("status")
        if credits is not None and (isinstance(credits, bool) or not isinstance(credits, int) or credits < 0):
            raise SettingsError(f"credits {credits!r} is no whole number of 0 or more")
        if status not in (None, "active", "banned"):
            raise SettingsError(f"status {status!r} is neither 'active' nor 'banned'")
        banned = None if status is None else status == "banned"
        ttl = value.get("token_lifetime")
        return cls(secret, client_id, credits, banned, None if ttl is None else Duration.of(ttl))


def _read_accounts(value: Any) -> tuple[AccountSpec, ...]:
    specs = tuple(AccountSpec.of(each) for each in json_list(value))
    for name in ("api_key", "client_id"):
        given = [getattr(spec, name) for spec in specs if getattr(spec, name) is not None]
        if len(set(given)) < len(given):
            raise SettingsError(f"two accounts have the same {name}")
    return specs


_ACCOUNTS: Final = Kind(
    'a list of accounts, as JSON such as \'[{"api_key": "…", "client_id": "…", "credits": 5,'
    ' "status": "banned", "token_lifetime": "30s"}]\'',
    _read_accounts,
)


@dataclass(frozen=True, kw_only=True)
class ServiceSettings(Options):
    """The options of an engine. Values may be given as text; they are read and checked on creation.

    Raises SettingsError that names the option, the value and what it takes.
    """

    seed: int = option(0, whole(-(2**63), 2**63 - 1), "what every id, picture and drawn duration follows from")
    profile: Profile = option(
        Profile.OBSERVED,
        Kind("observed or documented", Profile),
        "the truth to follow where the vendor's page and observation differ",
    )
    strict: bool = option(False, YES_OR_NO, "only the listed accounts exist; otherwise any API key is an account")
    accounts: tuple[AccountSpec, ...] = option((), _ACCOUNTS, "the accounts that exist from the start")
    credits: int = option(1000, whole(0, 10**12), "the credits of an account that the list gives none")
    account_status: str = option(
        "active", one_of(("active", "banned")), "the status of an account that the list gives none"
    )
    queueing: Span = option(Span.of(2), _SPAN, "how long a job shows status 1")
    processing: Span = option(Span.of(3), _SPAN, "how long a job then shows status 2")
    ending: Ending = option(COMPLETED, _ENDING, "how a job ends")
    realistic: bool = option(
        False, YES_OR_NO, "draw durations of 30 to 60 s as observed, instead of queueing and processing", section="8"
    )
    latency: Duration = option(Duration(0), _DURATION, "how long every answer waits before it is sent")
    journal_size: int = option(10_000, whole(1, 10**7), "how many calls the call log keeps, and how many deliveries")
    journal_bytes: int = option(
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
        "omit", one_of(("omit", "null")), "whether an error reply has no `data` or `data: null`", section="1", mark="C"
    )
    unknown_route_body: str = option(
        "json", one_of(("json", "text")), "the body of HTTP 404: a JSON envelope, or `Not Found`", section="1", mark="C"
    )
    null_is_absent: bool = option(
        True, YES_OR_NO, "an optional field sent as null counts as not sent", section="1", mark="C"
    )
    json_content_type_required: bool = option(
        True, YES_OR_NO, "a body that is not labelled as JSON counts as no JSON", section="1", mark="C"
    )
    file_lifetime: Duration = option(
        Duration.of("7d"), _DURATION, "how long a result file can be fetched", section="1", mark="D"
    )
    gone_file_status: int = option(
        403,
        whole(400, 599),
        "the HTTP status of a file that expired or never was, with an XML body",
        section="1",
        mark="C",
    )
    token_lifetime: Duration = option(
        Duration.of("3600d"), _DURATION, "how long a token is valid", section="2", mark="O"
    )
    new_token_revokes_older: bool = option(
        False, YES_OR_NO, "a new token makes the account's older ones invalid", section="2", mark="C"
    )
    bearer_any_case: bool = option(True, YES_OR_NO, "the word Bearer is accepted in any case", section="2", mark="C")
    msg_authorization_empty: str = option(
        MESSAGES[Code.AUTHORIZATION_EMPTY], TEXT, "the msg when there are no credentials", section="2", mark="C"
    )
    msg_account_banned: str = option(
        MESSAGES[Code.ACCOUNT_BANNED], TEXT, "the msg for a banned account", section="2", mark="C"
    )
    get_token_wrong_pair_code: int = option(
        int(Code.ACCOUNT_NOT_FOUND), _ERROR_CODE, "the code of getToken for a wrong pair", section="2", mark="C"
    )
    get_token_missing_field_code: int = option(
        int(Code.PARAMETER_ERROR), _ERROR_CODE, "the code of getToken for a missing field", section="2", mark="C"
    )
    cors_allow_api_key: bool = option(
        True, YES_OR_NO, "a browser's preflight allows the header x-api-key", section="2", mark="C"
    )
    prompt_suffix: str = option(
        "", TEXT, "what the service's rewrite appends to a v3 prompt; empty: the same text", section="3", mark="C"
    )
    check_urls: bool = option(
        True, YES_OR_NO, "an image or callback that is no http(s) URL is a parameter error", section="3", mark="C"
    )
    v4_buttons: bool = option(True, YES_OR_NO, "a completed v4 job offers the eight buttons", section="5", mark="C")
    bad_parameter_code: int = option(
        int(Code.PARAMETER_ERROR),
        _ERROR_CODE,
        "the code for a missing or wrong field of a button or a query",
        section="5, 6",
        mark="C",
    )
    unknown_job_code: int = option(
        int(Code.NOT_FOUND), _ERROR_CODE, "the code for an `_id` that does not exist", section="5, 6", mark="C"
    )
    foreign_job_code: int = option(
        int(Code.NO_PERMISSION), _ERROR_CODE, "the code for a job of another account", section="5, 6", mark="C"
    )
    button_unavailable_code: int = option(
        int(Code.CANNOT_OPERATE),
        _ERROR_CODE,
        "the code for a button that the parent does not offer",
        section="5",
        mark="C",
    )
    button_used_code: int = option(
        int(Code.ALREADY_OPERATED), _ERROR_CODE, "the code for a button that was used before", section="5", mark="C"
    )
    documented_type: int = option(
        3, whole(0, 10**6), "the `type` of a completed v3 record in profile documented", section="6", mark="C"
    )
    out_of_credits_code: int = option(
        int(Code.CREDITS_INSUFFICIENT),
        _ERROR_CODE,
        "the code when credits run out; older pages say 1006",
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
        None, optional(POSITIVE), "more requests of an account within a second get 1005", section="7", mark="C"
    )
    concurrent_jobs: int | None = option(
        None, optional(whole(0, 10**9)), "more unfinished jobs of an account get 1005", section="7", mark="C"
    )
    square_1080p: int = option(
        1024, whole(64, 4096), "the side of a 1:1 picture at 1080p, in pixels", section="8", mark="C"
    )
    square_4k: int = option(1536, whole(64, 4096), "the side of a 1:1 picture at 4k, in pixels", section="8", mark="C")

    webhook_processing: bool = option(
        True, YES_OR_NO, "a callback tells of status 2 too, not of the end only", section="9", mark="D"
    )
    webhook_retries: int = option(
        5,
        whole(0, 20),
        "how often a callback is tried again when it was not answered with HTTP 200",
        section="9",
        mark="C",
    )
    webhook_retry_delay: Duration = option(
        Duration.of("1s"),
        _DURATION,
        "how long after the first try the second comes; each later one waits twice as long",
        section="9",
        mark="C",
    )
    webhook_timeout: Duration = option(
        Duration.of("10s"), _DURATION, "how long the receiver of a callback may take to answer", section="9", mark="C"
    )
    webhook_before_status: Duration = option(
        Duration(0), _DURATION, "how long before a poll shows a status its callback is sent", section="9", mark="C"
    )
    webhook_after_status: Duration = option(
        Duration(0), _DURATION, "how long after a poll shows a status its callback is sent", section="9", mark="C"
    )
    allow_webhook: tuple[str, ...] = option(
        (),
        Kind("hosts or addresses, separated by commas", _read_hosts),
        "where callbacks may be sent, beside this machine and private addresses",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_keys()

    def _check_keys(self) -> None:
        for place, spec in enumerate(self.accounts, 1):
            self.check_key(spec, f"account {place} of accounts")

    def check_key(self, spec: AccountSpec, name: str) -> None:
        """Refuse an account, called `name`, whose callbacks could not be encrypted; the real service has none.

        Raises SettingsError in strict mode.
        """
        size = len(spec.api_key.encode("utf-8", "surrogatepass"))
        if self.strict and size not in AES_KEY_BYTES:
            raise SettingsError(
                f"{name} is not usable with strict: its api_key has {size} bytes, and cannot encrypt callbacks",
                "It takes 16, 24 or 32 bytes, as in 32 letters and digits; without strict any text will do",
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
