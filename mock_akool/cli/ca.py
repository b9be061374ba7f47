"""`mock-akool ca`: show the CA for HTTPS, hand it to clients, or make a new one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mock_akool.cli.parser import FILES, FOLDERS, completed_by
from mock_akool.core.errors import MockAkoolError
from mock_akool.server.addresses import PREFIX
from mock_akool.server.certificates import Authority, bundle
from mock_akool.server.settings import Settings


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "ca",
        help=help,
        description="The private CA that signs the certificate of your servers. It is made at first use, and may sign "
        "Akool's hosts and this machine only: to trust it endangers nothing else.",
    )
    verbs = parser.add_subparsers(title="commands", prog="mock-akool ca", required=True, metavar="COMMAND")
    shows = verbs.add_parser("show", help="show where it is, its fingerprint, and what it may sign")
    shows.set_defaults(run=show)
    exports = verbs.add_parser("export", help="write the certificate that clients have to trust (PEM)")
    exports.set_defaults(run=export)
    bundles = verbs.add_parser("bundle", help="write it together with the CAs of the system (PEM)")
    bundles.set_defaults(run=write_bundle)
    for each in (exports, bundles):
        completed_by(FILES, each.add_argument("file", metavar="FILE", help="where to; - is the standard output"))
    news = verbs.add_parser("new", help="make a new one; clients that trust the old one do not trust it")
    news.add_argument(
        "--tls-name",
        action="append",
        metavar="NAME",
        help="a name or address that it may sign too (repeatable)",
    )
    news.set_defaults(run=new)
    for each in (shows, exports, bundles, news):
        folder = each.add_argument("--ca-dir", metavar="DIR", help=f"its folder (variable {PREFIX}CA_DIR)")
        completed_by(FOLDERS, folder)


def show(options: argparse.Namespace) -> int:
    """Print what the CA is; returns the exit code."""
    shown = _authority(options).shown()
    print(f"certificate  {shown.file}")
    print(f"SHA-256      {shown.fingerprint}")
    print(f"ends         {shown.ends:%Y-%m-%d}")
    print(f"may sign     {', '.join(shown.names)}")
    return 0


def export(options: argparse.Namespace) -> int:
    """Write the certificate that clients have to trust; returns the exit code."""
    return _written(options.file, _authority(options).root_pem())


def write_bundle(options: argparse.Namespace) -> int:
    """Write the certificate with those that the system trusts; returns the exit code."""
    return _written(options.file, bundle(_authority(options)))


def new(options: argparse.Namespace) -> int:
    """Make a new CA; returns the exit code."""
    settings = _settings(options)
    Authority(settings.ca_dir).make(settings.tls_name)
    return show(options)


def _settings(options: argparse.Namespace) -> Settings:
    flags = {"ca_dir": options.ca_dir, "tls_name": getattr(options, "tls_name", None)}
    return Settings.from_environment({name: value for name, value in flags.items() if value is not None})


def _authority(options: argparse.Namespace) -> Authority:
    return Authority(_settings(options).ca_dir)


def _written(file: str, content: bytes) -> int:
    if file == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return 0
    try:
        Path(file).write_bytes(content)
    except OSError as error:
        raise MockAkoolError(f"cannot write {file}: {error.strerror or error}", "Choose another file") from None
    return 0
