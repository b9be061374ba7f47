"""`mock-akool webhook send | open`: send a webhook by hand, or read one from standard input."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Final

from mock_akool.akool.settings import ServiceSettings
from mock_akool.cli.flags import HTTP_URL, SAMPLE_URL, family_named, read_assigned, read_by
from mock_akool.cli.parser import FILES, Parser, completed_by
from mock_akool.core.clock import NS_PER_MS, NS_PER_S, SystemClock
from mock_akool.core.durations import DURATION
from mock_akool.core.errors import Mistakes, MockAkoolError, SettingsError
from mock_akool.core.schema import NAME, Plain
from mock_akool.core.urls import without_password
from mock_akool.core.webhook_faults import UNKNOWN_ID, WEBHOOK_FAULT, WEBHOOK_STATUS, WebhookFault

_ID: Final = "AKOOL_CLIENT_ID"
_KEY: Final = "AKOOL_API_KEY"
_SECRET: Final = "AKOOL_CLIENT_SECRET"
_SAMPLE_ID: Final = "64dd90f9f0b6684651e90d60"
_SAMPLE_URL: Final = (
    "https://d2qf6ukcym4kn9.cloudfront.net/1767225605000-0a1b2c3d-0a1b-4a1b-8a1b-0a1b2c3d4e5f-1234.jpeg"
)
_SAMPLE_FAMILY: Final = "image_v4"
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
    read_by(HTTP_URL, sending.add_argument("--to", metavar="URL", help="where to send it"))
    _add_account(sending)
    payload = sending.add_argument_group("payload")
    status = payload.add_argument("--status", default="3", help="the job's status: 2, 3 or 4 (default: 3)")
    read_by(WEBHOOK_STATUS, status)
    family = payload.add_argument(
        "--family", default=_SAMPLE_FAMILY, metavar="NAME", help="the job's family (default: %(default)s)"
    )
    read_by(_FAMILY, family)
    payload.add_argument("--id", default=_SAMPLE_ID, help="the job's _id (default: %(default)s)")
    payload.add_argument("--url", default=_SAMPLE_URL, help="the URL of the file, sent with status 3")
    delivery = sending.add_argument_group("delivery")
    timeout = delivery.add_argument(
        "--timeout", default="10s", metavar="TIME", help="how long to wait for the answer (default: %(default)s)"
    )
    read_by(DURATION, timeout)
    allowed = delivery.add_argument(
        "--allow-webhook",
        action="append",
        default=[],
        metavar="HOST",
        help="a host to send to, besides this machine and private addresses (repeatable)",
    )
    read_by(ServiceSettings.fields()["allow_webhook"].shape, allowed)
    ca_file = delivery.add_argument(
        "--webhook-ca", metavar="FILE", help="a file of certificates (PEM) that a receiver over https may have"
    )
    read_by(_CA_FILE, ca_file)
    completed_by(FILES, ca_file)
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


def _read_family(name: str) -> Any:
    family = family_named(name)
    if not family.webhook.type:
        raise SettingsError(f"jobs of {family.name} send no webhooks", "`mock-akool families` lists their types")
    return family


_FAMILY: Final = Plain("a family of jobs that send webhooks", _read_family, {"type": "string"})


def _read_ca_file(file: str) -> str:
    from mock_akool.webhooks.http_sender import tls_context

    try:
        tls_context(file)
    except SettingsError as error:
        (mistake,) = error.mistakes
        raise SettingsError(mistake.what, mistake.hint) from None  # which names it as a setting
    return file


_CA_FILE: Final = Plain("a file of certificates", _read_ca_file, {"type": "string"})


def _read_key(value: str) -> str:
    from mock_akool.webhooks.envelope import check_key

    check_key(value)
    return value


_API_KEY: Final = Plain("a key of AES", _read_key, {"type": "string"}, secret=True)


def _account(options: argparse.Namespace, mistakes: Mistakes, *, encrypts: bool = True) -> tuple[str, str]:
    """Return the clientId and the clientSecret of flags or variables; `encrypts`: the secret has to be a key of AES."""
    found = []
    for flag, given, shape, variables in (
        ("--client-id", options.client_id, NAME, (_ID,)),
        ("--api-key", options.api_key, _API_KEY if encrypts else NAME, (_KEY, _SECRET)),
    ):
        named = [(flag, given)] if given is not None else [(each, os.environ.get(each)) for each in variables]
        name, value = next((each for each in named if each[1]), (flag, None))
        if value:
            found.append(mistakes.read(shape, value, (name,)))
        else:
            mistakes.add("it is missing", f"give it, or set the variable {variables[0]}", (flag,))
            found.append("")
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

    mistakes = Mistakes()
    if options.to is None:
        mistakes.add("it is missing", f"say where to send it, such as {SAMPLE_URL}", ("--to",))
    options.parser.read(options, mistakes)
    fault = _fault(options.fault, mistakes)
    client_id, client_secret = _account(options, mistakes, encrypts=fault.envelope != "plain JSON")
    mistakes.raise_any()
    now_ns = SystemClock.now_ns()
    status = int(options.status) if fault.claim_status is None else fault.claim_status
    job_id = fault.claim_id or options.id
    if job_id == UNKNOWN_ID:
        job_id = f"{now_ns // NS_PER_S:08x}{now_ns % 16**16:016x}"
    payload: dict[str, Any] = {"_id": job_id, "status": status, "type": options.family.webhook.type}
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
    policy, timeout_s = AddressPolicy(options.allow_webhook), options.timeout.ns / NS_PER_S
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


def _fault(given: list[str], mistakes: Mistakes) -> WebhookFault:
    """Return what goes wrong with the webhook; no fault when there are mistakes."""
    kept = []
    for each in given:
        name = each.partition("=")[0].strip()
        if name in _NOT_BY_HAND:
            mistakes.add("it makes no sense for a webhook that is sent by hand", place=(f"--fault {name}",))
        else:
            kept.append(each)
    return read_assigned(WEBHOOK_FAULT, kept, "--fault", "copies=2", mistakes) or WebhookFault()


def open_webhook(options: argparse.Namespace) -> int:
    """Print the payload of a webhook from standard input."""
    from mock_akool.webhooks.envelope import open_envelope

    mistakes = Mistakes()
    client_id, client_secret = _account(options, mistakes)
    mistakes.raise_any()
    payload = open_envelope(sys.stdin.buffer.read(), client_id, client_secret)
    print(json.dumps(payload, ensure_ascii=False))
    return 0
