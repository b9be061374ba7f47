"""`mock-akool webhook send | open`: send a webhook by hand, or read one from standard input."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Final

from mock_akool.cli.parser import Parser
from mock_akool.core.clock import NS_PER_MS, NS_PER_S, SystemClock
from mock_akool.core.durations import Duration
from mock_akool.core.errors import MockAkoolError, SettingsError
from mock_akool.core.urls import without_password
from mock_akool.core.webhook_faults import UNKNOWN_ID, WEBHOOK_FAULT, WebhookFault

_ID: Final = "AKOOL_CLIENT_ID"
_KEY: Final = "AKOOL_API_KEY"
_SECRET: Final = "AKOOL_CLIENT_SECRET"
_SAMPLE_ID: Final = "64dd90f9f0b6684651e90d60"
_SAMPLE_URL: Final = (
    "https://d2qf6ukcym4kn9.cloudfront.net/1767225605000-0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f-1234.jpeg"
)
_NOT_BY_HAND: Final = ("delay", "after_end")
"""Faults that are about several webhooks or about when one is sent."""


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser("webhook", help=help, description="Send a webhook by hand, or read one.")
    kinds = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    sending = kinds.add_parser(
        "send",
        help="send a webhook to a receiver",
        usage="mock-akool webhook send --to URL [options]",
        description="Encrypt and sign a webhook, POST it, and print the answer.",
    )
    sending.add_argument("--to", required=True, metavar="URL", help="where to send it")
    _add_account(sending)
    payload = sending.add_argument_group("payload")
    payload.add_argument("--status", type=int, default=3, help="the job's status: 2, 3 or 4 (default: 3)")
    payload.add_argument("--id", default=_SAMPLE_ID, help="the job's _id (default: %(default)s)")
    payload.add_argument("--url", default=_SAMPLE_URL, help="the URL of the image, sent with status 3")
    delivery = sending.add_argument_group("delivery")
    delivery.add_argument("--timeout", default="10s", help="how long to wait for the answer (default: %(default)s)")
    delivery.add_argument(
        "--allow-webhook",
        action="append",
        default=[],
        metavar="HOST",
        help="a host to send to, besides this machine and private addresses (repeatable)",
    )
    delivery.add_argument(
        "--webhook-ca", metavar="FILE", help="a file of certificates (PEM) that a receiver over https may have"
    )
    delivery.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what goes wrong with it, such as copies=2 or 'envelope=wrong signature' (repeatable). The names: "
        + ", ".join(name for name in WEBHOOK_FAULT.fields if name not in _NOT_BY_HAND),
    )
    sending.set_defaults(run=send_webhook)

    opening = kinds.add_parser(
        "open",
        help="read a webhook from standard input",
        usage="mock-akool webhook open [options] < FILE",
        description="Check the signature of a webhook from standard input, decrypt it, and print its payload.",
    )
    _add_account(opening)
    opening.set_defaults(run=open_webhook)


def _add_account(parser: Parser) -> None:
    parser.written_otherwise["--client-secret"] = "--api-key"
    account = parser.add_argument_group("account")
    account.add_argument("--client-id", help=f"the account's clientId (default: the variable {_ID})")
    account.add_argument(
        "--api-key", help=f"the account's API key, which is its clientSecret (default: the variable {_KEY})"
    )


def _account(options: argparse.Namespace) -> tuple[str, str]:
    found = []
    for flag, given, variables in (
        ("--client-id", options.client_id, (_ID,)),
        ("--api-key", options.api_key, (_KEY, _SECRET)),
    ):
        value = given if given is not None else next(filter(None, map(os.environ.get, variables)), None)
        if not value:
            raise SettingsError(f"{flag} is missing", f"Give it, or set the variable {variables[0]}")
        found.append(value)
    client_id, api_key = found
    return client_id, api_key


def send_webhook(options: argparse.Namespace) -> int:
    """Send a webhook; returns 0 when the receiver answers with HTTP 200."""
    import asyncio

    from mock_akool.akool.deliveries import Draft, filled
    from mock_akool.akool.envelope import encode
    from mock_akool.webhooks.address_policy import AddressPolicy
    from mock_akool.webhooks.broken_envelopes import compose
    from mock_akool.webhooks.http_sender import Sender
    from mock_akool.webhooks.receivers import Sent

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
    body = filled(compose(draft), fault.extra_bytes)
    url, credentials = without_password(options.to)
    policy, timeout_s = AddressPolicy(options.allow_webhook), Duration.of(options.timeout).ns / NS_PER_S
    sender = Sender(policy, timeout_s, ca_file=options.webhook_ca)

    async def send() -> Sent:
        return await sender.send(url, body, credentials=credentials, slow_s=fault.slow.ns / NS_PER_S)

    answered = []
    for _ in range(fault.copies):
        sent = asyncio.run(send())
        answered.append(sent.status)
        if sent.status is None:
            raise MockAkoolError(f"the webhook to {url} was not delivered: {sent.error}")
        print(f"status {status} of job {job_id} sent to {url}: HTTP {sent.status}")
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


def open_webhook(options: argparse.Namespace) -> int:
    """Print the payload of a webhook from standard input."""
    from mock_akool.webhooks.envelope import open_envelope

    client_id, client_secret = _account(options)
    payload = open_envelope(sys.stdin.buffer.read(), client_id, client_secret)
    print(json.dumps(payload, ensure_ascii=False))
    return 0
