"""`mock-akool webhook send | open`: a webhook sent by hand, and an envelope read from standard input."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Final

from mock_akool.core.clock import NS_PER_MS, NS_PER_S, SystemClock
from mock_akool.core.durations import Duration
from mock_akool.core.errors import MockAkoolError, SettingsError
from mock_akool.core.webhook_faults import UNKNOWN_ID, WEBHOOK_FAULT, WebhookFault

_ID: Final = "AKOOL_CLIENT_ID"
_SECRET: Final = "AKOOL_CLIENT_SECRET"
_SAMPLE_ID: Final = "64dd90f9f0b6684651e90d60"
_SAMPLE_URL: Final = (
    "https://d2qf6ukcym4kn9.cloudfront.net/1767225605000-0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f-1234.jpeg"
)
_NOT_BY_HAND: Final = ("delay", "after_end")
"""Faults that are about several callbacks or about when one is sent."""


def add(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    webhook = commands.add_parser(
        "webhook",
        help="send a callback by hand, or read one",
        description="Send a callback by hand, or read one.",
        allow_abbrev=False,
    )
    kinds = webhook.add_subparsers(title="commands", required=True, metavar="COMMAND")

    sending = kinds.add_parser(
        "send",
        help="send a callback to a receiver",
        description="Seal a callback, POST it, and tell the answer: exit code 0 for HTTP 200, else 1.",
        allow_abbrev=False,
    )
    sending.add_argument("--to", required=True, metavar="URL", help="where to send it")
    _add_account(sending)
    sending.add_argument("--status", type=int, default=3, help="the status that it tells: 2, 3 or 4 (default: 3)")
    sending.add_argument("--id", default=_SAMPLE_ID, help="the _id of the job (default: %(default)s)")
    sending.add_argument("--url", default=_SAMPLE_URL, help="the picture's URL, told at status 3")
    sending.add_argument("--timeout", default="10s", help="how long to wait for the answer (default: %(default)s)")
    sending.add_argument(
        "--allow-webhook",
        action="append",
        default=[],
        metavar="HOST",
        help="a host to send to beside this machine and private addresses; may be repeated",
    )
    sending.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what goes wrong with it, such as copies=2 or 'envelope=wrong signature'; may be repeated. The names: "
        + ", ".join(name for name in WEBHOOK_FAULT.fields if name not in _NOT_BY_HAND),
    )
    sending.set_defaults(run=_send)

    opening = kinds.add_parser(
        "open",
        help="read an envelope from standard input",
        description="Check the signature of an envelope from standard input, decrypt it, and print its payload.",
        allow_abbrev=False,
    )
    _add_account(opening)
    opening.set_defaults(run=_open)


def _add_account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--client-id", help=f"the account's clientId (default: the variable {_ID})")
    parser.add_argument("--client-secret", help=f"the account's clientSecret (default: the variable {_SECRET})")


def _account(options: argparse.Namespace) -> tuple[str, str]:
    found = []
    for flag, given, variable in (
        ("--client-id", options.client_id, _ID),
        ("--client-secret", options.client_secret, _SECRET),
    ):
        value = os.environ.get(variable) if given is None else given
        if not value:
            raise SettingsError(f"{flag} is missing", f"Give it, or set the variable {variable}")
        found.append(value)
    return found[0], found[1]


def _send(options: argparse.Namespace) -> int:
    import asyncio

    from mock_akool.akool.deliveries import Draft
    from mock_akool.akool.envelope import encode
    from mock_akool.webhooks.address_policy import AddressPolicy
    from mock_akool.webhooks.broken_envelopes import compose
    from mock_akool.webhooks.http_sender import send

    client_id, client_secret = _account(options)
    fault = _fault(options.fault)
    now_ns = SystemClock.now_ns()
    status = options.status if fault.claim_status is None else fault.claim_status
    job_id = fault.claim_id or options.id
    if job_id == UNKNOWN_ID:
        job_id = f"{now_ns // NS_PER_S:08x}{now_ns % 16**16:016x}"
    payload: dict[str, Any] = {"_id": job_id, "status": status, "type": "image"}
    if status == 3:
        payload["url"] = options.url
    draft = Draft(
        encode(payload),
        client_id,
        client_secret,
        (now_ns - fault.age.ns) // NS_PER_MS,
        f"{now_ns // NS_PER_MS % 10_000:04}",
        fault,
    )
    body = compose(draft)
    policy, timeout_s = AddressPolicy(options.allow_webhook), Duration.of(options.timeout).ns / NS_PER_S
    answered = []
    for _ in range(fault.copies):
        sent = asyncio.run(send(options.to, body, policy, timeout_s=timeout_s, slow_s=fault.slow.ns / NS_PER_S))
        answered.append(sent.status)
        if sent.status is None:
            raise MockAkoolError(f"the callback to {options.to} was not delivered: {sent.error}")
        print(f"status {status} of job {job_id} sent to {options.to}: HTTP {sent.status}")
    return 0 if all(each == 200 for each in answered) else 1


def _fault(given: list[str]) -> WebhookFault:
    fields: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise SettingsError(f"{each!r} is not NAME=VALUE", "write it such as copies=2", ("--fault",))
        if name in _NOT_BY_HAND:
            raise SettingsError(f"{name} makes no sense for a webhook that is sent by hand", place=("--fault",))
        field = WEBHOOK_FAULT.fields.get(name)
        fields[name] = value if field is None else field.shape.from_text(value)
    try:
        fault: WebhookFault = WEBHOOK_FAULT.read(fields)
    except SettingsError as error:
        raise SettingsError.of(error.within(("--fault",)).mistakes) from None
    return fault


def _open(options: argparse.Namespace) -> int:
    from mock_akool.webhooks.envelope import open_envelope

    client_id, client_secret = _account(options)
    payload = open_envelope(sys.stdin.buffer.read(), client_id, client_secret)
    print(json.dumps(payload, ensure_ascii=False))
    return 0
