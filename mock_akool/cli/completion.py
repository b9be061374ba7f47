"""`mock-akool completion`: print what lets a shell complete commands and flags."""

from __future__ import annotations

import argparse
from typing import Any, Final

_SHELLS: Final = ("bash", "zsh", "fish", "tcsh")
_HOW: Final = """\
Write it where the shell looks for completions:

  bash  ~/.local/share/bash-completion/completions/mock-akool
  zsh   _mock-akool in a folder of $fpath
  fish  ~/.config/fish/completions/mock-akool.fish"""


def add_parser(commands: Any, help: str) -> None:
    """Add the command to the commands of a parser."""
    parser = commands.add_parser(
        "completion",
        help=help,
        usage="mock-akool completion [-h] SHELL",
        description="Print the completion script for a shell.",
        epilog=_HOW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", metavar="SHELL", choices=_SHELLS, help=f"one of {', '.join(_SHELLS)}")
    parser.set_defaults(run=print_completion)


def print_completion(options: argparse.Namespace) -> int:
    """Print the completion script for a shell."""
    import shtab  # with the parser of all commands, which takes a moment

    from mock_akool.cli import build_parser

    print(shtab.complete(build_parser(), shell=options.shell))
    return 0
